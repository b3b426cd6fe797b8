"""Running a strategy: its parameters, the account's and the window as options."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.home import near
from dipfolio.cli.options import Day, SectionedCommand, SectionedOption, options_of
from dipfolio.errors import StrategyError

if TYPE_CHECKING:
    from dipfolio.engine.idea import Idea

NO_BENCHMARK = "none"


def strategy_command(name: str, strategy: "type[Idea]") -> click.Command:
    """The command that runs a strategy.

    Raises
    ------
    StrategyError
        A parameter of the strategy has the name of another option.
    """
    from dipfolio.engine.account import Account

    own = options_of(strategy, "Strategy")
    general = [*_run_options(), *options_of(Account, "Account")]
    taken = {option.name for option in general} & {option.name for option in own}
    if taken:
        raise StrategyError(f"{name}: the parameter {sorted(taken)[0]!r} has the name of a general option; choose another.")

    def run(**values: Any) -> None:
        _run(strategy, values)

    return SectionedCommand(
        name,
        callback=run,
        params=[*own, *general],
        help=(strategy.__doc__ or "").strip(),
        epilog=f"Example: python backtest.py {name} --benchmark QQQ --cash 250000",
    )


def _run_options() -> list[click.Option]:
    section = "Run"
    folder = click.Path(path_type=Path)
    return [
        SectionedOption(["--start"], type=Day(), help="first session  [default: the first of the figures]", section=section),
        SectionedOption(["--end"], type=Day(), help="last session  [default: the last of the figures]", section=section),
        SectionedOption(
            ["--benchmark"], default="SPY", show_default=True, help="symbol to compare with, or none", section=section
        ),
        SectionedOption(["--no-costs"], is_flag=True, help="trade, borrow and owe for nothing", section=section),
        SectionedOption(["--data"], type=folder, help="folder of figures  [default: data]", section=section),
        SectionedOption(["--reports"], type=folder, help="folder for reports  [default: reports]", section=section),
        SectionedOption(["--json", "as_json"], is_flag=True, help="print the summary for machines", section=section),
    ]


def _run(strategy_class: "type[Idea]", values: dict[str, Any]) -> None:
    from dipfolio.engine.account import Account
    from dipfolio.engine.metrics import measure
    from dipfolio.engine.parameter import parameters
    from dipfolio.engine.simulation import simulate
    from dipfolio.market.folder import load_bars
    from dipfolio.report.shelf import place, report_name
    from dipfolio.report.summary import as_json, print_summary
    from dipfolio.report.tearsheet import tear_sheet

    home = click.get_current_context().obj
    strategy = strategy_class(**{item.name: values[item.name] for item in parameters(strategy_class)})
    account = Account(**{item.name: values[item.name] for item in parameters(Account)})
    account = account.without_costs() if values["no_costs"] else account
    benchmark = "" if values["benchmark"].lower() == NO_BENCHMARK else values["benchmark"]
    with _progress() as say:
        say("Reading the figures")
        wanted = tuple(dict.fromkeys([*strategy.symbols, *([benchmark] if benchmark else [])]))
        bars = load_bars(values["data"] or home.data, wanted, events=home.data / "events.csv")
        say("Simulating")
        result = simulate(strategy, bars, account, benchmark=benchmark, start=values["start"], end=values["end"])
        metrics = measure(result)
        say("Drawing the tear sheet")
        page = tear_sheet(result, metrics)

        def write(folder: Path) -> None:
            result.save(folder)
            (folder / "tearsheet.html").write_text(page, encoding="utf-8")

        report = place(values["reports"] or home.reports, report_name(result.strategy, _changed(values)), write)
    sheet = str(near(report / "tearsheet.html"))
    if values["as_json"]:
        click.echo(as_json(result, metrics, sheet))
    else:
        print_summary(result, metrics, sys.stdout)
        click.echo(f"Tear sheet: {sheet}")


def _changed(values: dict[str, Any]) -> dict[str, Any]:
    """The options that were given on the command line and matter to the result."""
    context = click.get_current_context()
    given = click.core.ParameterSource.COMMANDLINE
    quiet = ("data", "reports", "as_json")
    defaults = {param.name: param.default for param in context.command.params}
    return {
        name: value for name, value in values.items()
        if name not in quiet and context.get_parameter_source(name) is given and value != defaults[name]
    }  # fmt: skip


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Gives a function to say what is going on; it is silent where standard error is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("Starting") as spinner:
        yield lambda message: spinner.update(message)
