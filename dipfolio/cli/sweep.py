"""``sweep``: one strategy over a grid of parameters."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.group import StrategyGroup
from dipfolio.cli.home import near, register_of, tell_window
from dipfolio.cli.options import DATA_HELP, Day, SectionedCommand, SectionedOption, account_of, options_of, refuse_taken
from dipfolio.cli.output import harmless_output, progress_console
from dipfolio.engine.prints import prints_aside
from dipfolio.errors import ParameterError, SweepError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

    from dipfolio.engine.idea import Idea
    from dipfolio.engine.parameter import Parameter
    from dipfolio.market.bars import Bars
    from dipfolio.sweep.farm import Crew
    from dipfolio.sweep.findings import Findings
    from dipfolio.sweep.grid import Grid
    from dipfolio.sweep.parts import Parts
    from dipfolio.sweep.work import Terms

FORMS = "A parameter takes a value, a list (1,2,5) or a range (1:60:2)."
CENT = 0.01


@click.group(
    "sweep",
    cls=StrategyGroup,
    command_of=lambda name, kind: sweep_command(name, kind),
    short_help="Thousands of variants of a strategy, each equal to backtrader's.",
)
def sweep_strategies() -> None:
    """Run a strategy over a grid of parameters and show the whole surface.

    Every parameter takes a value, a list (1,2,5) or a range (1:60, 0.01:0.06:0.0025; both ends included). All combinations are
    run; `sweep STRATEGY --help` shows the parameters.

    Example: python backtest.py sweep dip-rule --drop 0.02:0.06:0.01 --hold 1:60
    """


def sweep_command(name: str, strategy: "type[Idea]") -> click.Command:
    """The command that sweeps a strategy.

    Raises
    ------
    StrategyError
        A parameter of the strategy has the name of another option.
    """
    from dipfolio.engine.account import Account
    from dipfolio.engine.parameter import parameters

    own = [
        SectionedOption(
            [f"--{item.flag}", f"grid_{item.name}"], metavar="VALUES", section="Strategy",
            help=f"{item.help}  [{'|'.join(item.choices) + '; ' if item.choices else ''}default: {item.default}]",
        )
        for item in parameters(strategy)
    ]  # fmt: skip

    general = [*_sweep_options(), *options_of(Account, "Account")]
    refuse_taken(name, own, general)

    def run(**values: Any) -> None:
        """Run all its variants."""
        _sweep(name, strategy, values)

    return SectionedCommand(
        name,
        callback=run,
        params=[*own, *general],
        help=f"{(strategy.__doc__ or '').strip().splitlines()[0]}\n\n{FORMS}",
        epilog=f"Example: python backtest.py sweep {name}{_two_values(parameters(strategy))} --verify 20",
    )


def _two_values(items: "tuple[Parameter, ...]") -> str:
    """An option that every reader can try: two words of the first parameter with choices, or else two whole numbers."""
    for item in items:
        if len(item.choices) > 1:
            return f" --{item.flag} {item.choices[0]},{item.choices[1]}"
    number = next((item for item in items if item.kind is int and item.default), None)
    return f" --{number.flag} {number.default},{2 * number.default}" if number else ""


def _sweep_options() -> list[click.Option]:
    folder, number = click.Path(path_type=Path), click.IntRange(0)
    by = click.Choice(["total-return", "sharpe", "worst-drawdown", "final-equity"])
    options: dict[str, list[tuple[list[str], dict[str, Any]]]] = {
        "Sweep": [
            (["--rank-by"], {"type": by, "default": "total-return", "show_default": True, "help": "what is best"}),
            (["--verify"], {"type": number, "default": 5, "show_default": True, "help": "random cells to check with backtrader"}),
            (["--resume"], {"is_flag": True, "help": "go on with an interrupted sweep"}),
            (["--jobs"], {"type": number, "default": 0, "help": "local processes  [default: one for each processor]"}),
            (["--scheduler"], {"default": "", "metavar": "ADDRESS", "help": "Dask cluster to use, such as tcp://10.0.0.1:8786"}),
            (["--dask-local"], {"type": number, "default": 0, "help": "workers of a Dask cluster on this machine"}),
        ],
        "Run": [
            (["--start"], {"type": Day(), "help": "first session  [default: the first of the figures]"}),
            (["--end"], {"type": Day(), "help": "last session  [default: the last of the figures]"}),
            (["--risk-free"], {"default": "0", "show_default": True, "help": "a year, or a CSV of dates and rates; for Sharpe"}),
            (["--no-costs"], {"is_flag": True, "help": "trade, borrow and owe for nothing"}),
            (["--data"], {"type": folder, "help": DATA_HELP}),
            (["--reports"], {"type": folder, "help": "folder for reports  [default: reports]"}),
        ],
    }  # fmt: skip
    return [SectionedOption(flags, section=section, **how) for section, group in options.items() for flags, how in group]


def _sweep(name: str, strategy: "type[Idea]", values: dict[str, Any]) -> None:
    from dipfolio.engine.parameter import parameters
    from dipfolio.report.surface import print_findings
    from dipfolio.sweep.farm import Crew
    from dipfolio.sweep.grid import grid_of

    given = {item.name: values[f"grid_{item.name}"] for item in parameters(strategy) if values[f"grid_{item.name}"] is not None}
    grid = grid_of(strategy, given)
    click.echo(f"{name}: {grid}")
    by, reports = values["rank_by"].replace("-", "_"), values["reports"] or click.get_current_context().obj.reports
    crew = Crew(jobs=values["jobs"], scheduler=values["scheduler"], dask_local=values["dask_local"])
    terms, bars = _terms(name, strategy, grid, values)
    findings, parts = _found(terms, bars, grid, crew, reports, resume=values["resume"])
    print_findings(findings, by, sys.stdout)
    _register(findings, bars, reports)
    worst, checked = _verified(findings, terms, bars, values["verify"])
    page = _write(findings, by, reports, _command(name, values), worst, checked)
    parts.remove()
    if checked:
        click.echo(f"Verified in backtrader: {checked} random cells, largest difference ${worst:.9f}")
    click.echo(f"Surface: {near(page / 'sweep.html')}")


def _terms(name: str, strategy: "type[Idea]", grid: Any, values: dict[str, Any]) -> "tuple[Terms, Bars]":
    from dipfolio.engine.simulation import first_session
    from dipfolio.market.rates import risk_free
    from dipfolio.sweep.work import Terms

    home = click.get_current_context().obj
    account = account_of(values)
    bars = home.load(values["data"], _symbols(strategy, grid))
    tell_window(bars, values["start"], values["end"])
    first = first_session(bars, values["start"], values["end"])
    bars = bars if values["end"] is None else bars.until(values["end"])
    place, rate = home.strategies.resolve(), risk_free(values["risk_free"])
    return Terms(strategies=place, name=name, account=account, first=first, eve=max(first - 1, 0), risk_free=rate), bars


def _symbols(strategy: "type[Idea]", grid: "Grid") -> tuple[str, ...]:
    """Everything that a variant looks at; one that the strategy refuses looks at nothing."""
    seen: dict[str, None] = {}
    for number in range(len(grid)):
        with suppress(ParameterError, UnknownNameError):
            seen.update(dict.fromkeys(strategy(**grid.cell(number)).symbols))
    return tuple(seen) or strategy().symbols


def _found(terms: "Terms", bars: "Bars", grid: Any, crew: "Crew", reports: Path, *, resume: bool) -> "tuple[Findings, Parts]":
    """Run the grid; what is done stays on disk until the report is written."""
    from dipfolio.sweep.farm import farm, fingerprint, tasks_of
    from dipfolio.sweep.findings import gather
    from dipfolio.sweep.parts import Parts
    from dipfolio.sweep.survey import DEFAULT

    with prints_aside():
        tasks = tasks_of(grid, terms, bars, DEFAULT)
    parts = Parts(reports / f".sweep-{terms.name}", fingerprint(grid, terms, bars), resume=resume)
    if parts.damaged:
        click.echo(f"{len(parts.damaged)} of the finished parts were damaged since; they are run anew.", err=True)
    with _progress(len(grid) + 1) as said:
        try:
            done = farm(tasks, bars, crew, parts, said)
        except KeyboardInterrupt:
            kept = sum(len(tasks[number].cells) for number in parts.done())
            click.echo(f"Interrupted; {kept:,} of {len(grid) + 1:,} variants are kept. Go on with --resume.", err=True)
            raise click.exceptions.Exit(1) from None
    return gather(done, grid, terms, bars, DEFAULT), parts


def _register(findings: "Findings", bars: "Bars", reports: Path) -> None:
    """Write down what was tried, so that whoever judges the best of it counts all of it."""
    from dipfolio.evidence.swept import entries_of

    register_of(reports).add(entries_of(findings, bars))


def _verified(findings: "Findings", terms: "Terms", bars: "Bars", count: int) -> tuple[float, int]:
    """Run random cells again in backtrader; the largest difference in dollars and how many.

    Raises
    ------
    SweepError
        A difference above one cent.
    """
    import numpy as np

    from dipfolio.engine.strategy import Strategy
    from dipfolio.sweep.farm import fingerprint
    from dipfolio.sweep.work import difference

    if not issubclass(terms.kind, Strategy):
        return 0.0, 0
    seed = int(fingerprint(findings.grid, terms, bars)[:16], 16)  # the same sweep writes the same page
    cells = np.random.default_rng(seed).permutation(findings.table.index)[:count]
    worst = 0.0
    for cell in cells.tolist():
        parameters = findings.grid.cell(cell)
        gap, where = difference(findings.table.loc[cell], terms, parameters, bars)
        if not gap <= CENT:
            raise SweepError(
                f"The sweep and backtrader differ by {gap:,.4f} in the {where.replace('_', ' ')} of {parameters}. "
                "This is a fault of dipfolio; please report it with the command you ran."
            )
        worst = max(worst, gap)
    return worst, len(cells)


def _write(findings: "Findings", by: str, reports: Path, command: str, worst: float, checked: int) -> Path:
    from dipfolio.report.shelf import place
    from dipfolio.report.surface import surface_page

    verified = f"{checked} random cells, largest difference ${worst:.9f}" if checked else "no cell"
    page = surface_page(findings, by, command, verified)

    def write(folder: Path) -> None:
        """The table, the returns and the page."""
        findings.table.to_parquet(folder / "sweep.parquet")
        _columns_as_text(findings.returns).to_parquet(folder / "returns.parquet")
        (folder / "sweep.html").write_text(page, encoding="utf-8", newline="\n")

    return place(reports, f"sweep-{findings.strategy}", write)


def _columns_as_text(frame: "pd.DataFrame") -> "pd.DataFrame":
    return frame.set_axis([str(column) for column in frame.columns], axis=1)


def _command(name: str, values: dict[str, Any]) -> str:
    """The command that runs one cell in full, but for the parameters of the grid: the options given here that it has too."""
    import shlex

    from dipfolio.report.command import option_words

    context, words = click.get_current_context(), ["python", "backtest.py", name]
    own = ("rank_by", "verify", "resume", "jobs", "scheduler", "dask_local", "reports")
    for param in context.command.params:
        option = param.name or ""
        given = context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE
        if not given or option in own or option.startswith("grid_"):
            continue
        words += option_words({option: values[option]})
    return shlex.join(words)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to tell how many variants more are done; the rate and the time left stand on standard error."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = progress_console()
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar, harmless_output():
        job = bar.add_task("", total=total, rate="")

        def said(count: int) -> None:
            """So many variants more are done."""
            bar.advance(job, count)
            task = bar.tasks[0]
            bar.update(job, rate=f"{task.completed / max(task.elapsed or 0.0, 1e-3):,.0f} a second")

        yield said
