"""Running a strategy: its parameters, the account's and the window as options."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.compare import write_comparison
from dipfolio.cli.completion import strategy_names
from dipfolio.cli.errands import Errand, errands
from dipfolio.cli.home import near, register_of, tell_window
from dipfolio.cli.options import (
    DATA_HELP,
    Benchmark,
    Day,
    SectionedCommand,
    SectionedOption,
    account_of,
    options_of,
    refuse_taken,
)
from dipfolio.cli.output import harmless_output, progress_console
from dipfolio.engine import catalogue
from dipfolio.engine.prints import prints_aside
from dipfolio.errors import ReportError

if TYPE_CHECKING:
    from dipfolio.engine.account import Account
    from dipfolio.engine.idea import Idea
    from dipfolio.engine.metrics import Metrics
    from dipfolio.engine.result import Result
    from dipfolio.market.bars import Bars
    from dipfolio.market.rates import RiskFree

SEVERAL = (
    "With further strategies named, all are run on the same terms and compared on one page; a parameter can then be given only "
    "if all of them have it, and is given to all."
)


class StrategyCommand(SectionedCommand):
    """A strategy as a command; it explains why an option of a further strategy is none of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Values of the words."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            others = set(catalogue.names(ctx.obj.strategies)) & set(words)
            if others:
                said = f"{self.name} has no option {error.option_name}; several strategies share only what all of them have."
                raise click.UsageError(said, ctx) from error
            raise


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
    refuse_taken(name, own, general)

    def run(**values: Any) -> None:
        """Run it, and those named after it."""
        _run(errands(click.get_current_context(), strategy, values), values)

    return StrategyCommand(
        name,
        callback=run,
        params=[click.Argument(["more"], nargs=-1, metavar="[STRATEGY]...", shell_complete=strategy_names), *own, *general],
        help=(strategy.__doc__ or "").strip(),
        epilog=f"{SEVERAL}\n\nExample: python backtest.py {name} --benchmark QQQ --cash 250000",
    )


def _run_options() -> list[click.Option]:
    section = "Run"
    folder = click.Path(path_type=Path)
    return [
        SectionedOption(["--start"], type=Day(), help="first session  [default: the first of the figures]", section=section),
        SectionedOption(["--end"], type=Day(), help="last session  [default: the last of the figures]", section=section),
        SectionedOption(
            ["--benchmark"], type=Benchmark(), default="SPY", show_default=True, help="symbol to compare with", section=section
        ),
        SectionedOption(
            ["--risk-free"],
            default="0",
            show_default=True,
            section=section,
            help="a year, such as 0.043, or a CSV of dates and such rates; taken off in Sharpe and Sortino",
        ),
        SectionedOption(["--no-costs"], is_flag=True, help="trade, borrow and owe for nothing", section=section),
        SectionedOption(["--data"], type=folder, help=DATA_HELP, section=section),
        SectionedOption(["--reports"], type=folder, help="folder for reports  [default: reports]", section=section),
        SectionedOption(["--force"], is_flag=True, help="simulate anew even if nothing has changed", section=section),
        SectionedOption(["--json", "as_json"], is_flag=True, help="print the summary for machines", section=section),
    ]


def _run(named: list[Errand], values: dict[str, Any]) -> None:
    """Run the strategies, and show the one or compare the several."""
    from dipfolio.report.gallery import refresh
    from dipfolio.report.summary import as_json, print_summary
    from dipfolio.report.track import track_of

    reports: Path = values["reports"] or click.get_current_context().obj.reports
    with _progress() as say:
        runs = [_simulated(errand, values, reports, say) for errand in named]
        fresh = [run for run in runs if not run.on_the_shelf]
        _draw(fresh, say)
        say("Putting it into the gallery")
        refresh(reports)
    if len(runs) > 1:
        tracks = [track_of(run.result, run.folder) for run in runs]
        write_comparison(tracks, reports, strict=True, as_json=values["as_json"], risk_free=values["risk_free"])
        return
    sheet = str(near(runs[0].folder / "tearsheet.html"))
    if values["as_json"]:
        click.echo(as_json(runs[0].result, runs[0].metrics, sheet))
    else:
        print_summary(runs[0].result, runs[0].metrics, sys.stdout)
        click.echo(f"Tear sheet: {sheet}")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one strategy came to, and the folder of its report.

    Attributes
    ----------
    identity : str
        What the report is sealed with.
    on_the_shelf : bool
        Whether its report is there already, of this very run.
    """

    result: "Result"
    bars: "Bars"
    metrics: "Metrics"
    rate: "RiskFree"
    folder: Path
    identity: str
    on_the_shelf: bool


def _simulated(errand: Errand, values: dict[str, Any], reports: Path, say: Callable[[str], None]) -> Run:
    """Simulate one strategy, unless its report on the shelf is of this very run."""
    from dipfolio.engine.identity import identity
    from dipfolio.engine.metrics import measure
    from dipfolio.market.rates import risk_free
    from dipfolio.report.shelf import report_name

    home, strategy = click.get_current_context().obj, errand.strategy
    account = account_of(values)
    benchmark = values["benchmark"]
    rate = risk_free(values["risk_free"])
    say(f"{strategy.name}: reading the figures")
    bars = home.load(values["data"], tuple(dict.fromkeys([*strategy.symbols, *([benchmark] if benchmark else [])])))
    tell_window(bars, values["start"], values["end"])
    terms = {"benchmark": benchmark, "start": values["start"], "end": values["end"]}
    this = identity(strategy, bars, account, **terms, risk_free=rate.fingerprint, strategies=home.strategies)
    target = reports / report_name(strategy.name, errand.changed)
    kept = None if values["force"] else _kept(target, this)
    say(f"{strategy.name}: {'nothing has changed since its report was written' if kept else 'simulating'}")
    result = _simulate(strategy, bars, account, terms) if kept is None else kept
    metrics = measure(result, rate)
    return Run(result=result, bars=bars, metrics=metrics, rate=rate, folder=target, identity=this, on_the_shelf=kept is not None)


def _kept(folder: Path, identity: str) -> "Result | None":
    """The record in a report that is whole and of this very run; that one was damaged is said on standard error."""
    from dipfolio.engine.result import load
    from dipfolio.report.seal import breaches, sealed_identity

    broken = breaches(folder)
    if broken:
        changed = f"{near(folder)} was damaged or changed since it was written ({', '.join(broken)})"
        click.echo(f"{changed}; it is made anew.", err=True)
    try:
        return load(folder) if sealed_identity(folder) == identity else None
    except ReportError:  # another run is just replacing it
        return None


def _simulate(strategy: "Idea", bars: "Bars", account: "Account", terms: dict[str, Any]) -> "Result":
    from dipfolio.engine.simulation import simulate

    with prints_aside():
        return simulate(strategy, bars, account, **terms)


def _register(runs: list[Run], reports: Path) -> None:
    """Write the runs down as trials, so that whoever judges the best of them counts them all."""
    if runs:
        from dipfolio.evidence.trials import trial_of

        register_of(reports).add(trial_of(run.result, bars=run.bars) for run in runs)


def _draw(runs: list[Run], say: Callable[[str], None]) -> None:
    """Draw the tear sheets, and place each report, sealed, as soon as it is complete."""
    from dipfolio.report.press import tear_sheets
    from dipfolio.report.seal import seal
    from dipfolio.report.shelf import place

    say(f"drawing {'the tear sheet' if len(runs) == 1 else f'{len(runs)} tear sheets'}")
    pages = tear_sheets([(run.result, run.metrics, run.rate) for run in runs], ends_after=True)
    for number, (run, page) in enumerate(zip(runs, pages, strict=True), 1):

        def write(folder: Path, run: Run = run, page: str = page) -> None:
            """The record, the page made from it, and the seal on both."""
            run.result.save(folder)
            (folder / "tearsheet.html").write_text(page, encoding="utf-8")
            seal(folder, run.identity)
            _register([run], run.folder.parent)  # before it is placed, so that no report ever stands without its trial

        place(run.folder.parent, run.folder.name, write)
        say(f"{number} of {len(runs)} reports written")


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Gives a function to say what is going on; it is silent where standard error is no terminal."""
    console = progress_console()
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("Starting") as spinner, harmless_output():
        yield lambda message: spinner.update(message)
