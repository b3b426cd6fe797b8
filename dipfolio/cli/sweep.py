"""The command ``sweep``: one strategy over a grid of parameters."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.groups import StrategyGroup
from dipfolio.cli.options import (
    CURRENCY_HELP,
    DATA_HELP,
    BenchmarkType,
    CurrencyType,
    DateType,
    FolderType,
    SectionedCommand,
    SectionedOption,
    account_of,
    account_options,
    cash_rate_of,
    cash_rate_option,
    refuse_reserved_options,
    risk_free_of,
    with_cash_rate,
)
from dipfolio.cli.output import progress
from dipfolio.cli.workspace import check_name, open_trial_log, relative_to_cwd, warn_if_truncated
from dipfolio.engine.loader import stdout_to_stderr
from dipfolio.errors import ParameterError, StrategyError, SweepMismatchError, UnknownNameError, WindowError

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from dipfolio.data.bars import Bars
    from dipfolio.engine.parameters import Parameter
    from dipfolio.engine.strategy import StrategyBase
    from dipfolio.evidence.walk_forward import VariantChoice, WalkForward
    from dipfolio.sweep.grid import ParameterGrid
    from dipfolio.sweep.runner import WorkerConfig
    from dipfolio.sweep.sweep_result import SweepResult
    from dipfolio.sweep.tasks import CheckpointFolder, SweepSettings

GRID_SYNTAX_HELP = "A parameter takes a value, a list (1,2,5) or a range (1:60:2)."
MAX_DIFFERENCE_DOLLARS = 0.01


@click.group(
    "sweep",
    cls=StrategyGroup,
    command_of=lambda name, kind: sweep_command(name, kind),
    short_help="Thousands of variants of a strategy, each equal to backtrader's.",
)
def sweep_commands() -> None:
    """Run a strategy over a grid of parameters and show the whole surface.

    Every parameter takes a value, a list (1,2,5) or a range (1:60, 0.01:0.06:0.0025; both ends included). All combinations are
    run; `sweep STRATEGY --help` shows the parameters.

    With `--walk-forward 5` the sessions are divided into six parts. Each part but the first is traded by the variant that was
    best before it, and the chained account stands beside the variant that looks best in hindsight.

    Example: python backtest.py sweep dip-rule --drop 0.02:0.06:0.01 --hold 1:60 --walk-forward 5
    """


def sweep_command(name: str, strategy: "type[StrategyBase]") -> click.Command:
    """The command that sweeps a strategy.

    Raises
    ------
    StrategyError
        A parameter of the strategy has the name of another option.
    """
    from dipfolio.engine.parameters import list_parameters
    from dipfolio.engine.strategy import title_of

    parameters = [
        SectionedOption(
            [f"--{item.flag}", f"grid_{item.name}"], metavar="VALUES", section="Strategy",
            help=f"{item.help}  [{'|'.join(item.choices) + '; ' if item.choices else ''}default: {item.default}]",
        )
        for item in list_parameters(strategy)
    ]  # fmt: skip

    general = [*_sweep_options(), *account_options(), cash_rate_option()]
    refuse_reserved_options(name, parameters, general)

    def run(**values: Any) -> None:
        """Run all its variants."""
        _sweep(name, strategy, values)

    return SectionedCommand(
        name,
        callback=run,
        params=[*parameters, *general],
        help=f"{title_of(strategy) or f'Vary the parameters of {name}.'}\n\n{GRID_SYNTAX_HELP}",
        epilog=f"Example: python backtest.py sweep {name}{_two_values(list_parameters(strategy))} --verify 20",
    )


def _two_values(items: "tuple[Parameter, ...]") -> str:
    """An option that every reader can try: two words of the first parameter with choices, or else two whole numbers."""
    for item in items:
        if len(item.choices) > 1:
            return f" --{item.flag} {item.choices[0]},{item.choices[1]}"
    number = next((item for item in items if item.kind is int and item.default), None)
    return f" --{number.flag} {number.default},{2 * number.default}" if number else ""


def _sweep_options() -> list[click.Option]:
    from dipfolio.sweep.metrics import sweep_metrics

    folder, number = click.Path(path_type=Path), click.IntRange(0)
    by = click.Choice([metric.name.replace("_", "-") for metric in sweep_metrics("surface")])
    options: dict[str, list[tuple[list[str], dict[str, Any]]]] = {
        "Sweep": [
            (["--rank-by"], {"type": by, "default": "total-return", "show_default": True, "help": "what is best"}),
            (["--verify"], {"type": number, "default": 5, "show_default": True, "help": "random cells to check with backtrader"}),
            (["--resume"], {"is_flag": True, "help": "go on with an interrupted sweep"}),
            (["--jobs"], {"type": number, "default": 0, "help": "local processes  [default: one for each processor]"}),
            (["--scheduler"], {"default": "", "metavar": "ADDRESS", "help": "Dask cluster to use, such as tcp://10.0.0.1:8786"}),
            (["--dask-local"], {"type": number, "default": 0, "help": "workers of a Dask cluster on this machine"}),
            (["--name"], {"help": "keep it as sweeps/NAME in the folder of reports  [default: sweep-STRATEGY]"}),
            (["--replace"], {"is_flag": True, "help": "overwrite the sweep of that name"}),
            (["--json", "as_json"], {"is_flag": True, "help": "print it for machines"}),
        ],
        "Walk-forward": [
            (
                ["--walk-forward"],
                {"type": int, "metavar": "N", "help": "choose on past sessions, trade the next, and so on N times, such as 5"},
            ),
            (
                ["--walk-window"],
                {
                    "type": click.Choice(["anchored", "rolling"]), "default": "anchored", "show_default": True,
                    "help": "choose on all sessions before a part, or on the part before it",
                },
            ),
            (
                ["--benchmark"],
                {
                    "type": BenchmarkType(), "default": "SPY", "show_default": True,
                    "help": "symbol to compare the walk-forward test with",
                },
            ),
        ],
        "Run": [
            (["--start"], {"type": DateType(), "help": "first session  [default: the first of the data]"}),
            (["--end"], {"type": DateType(), "help": "last session  [default: the last of the data]"}),
            (["--risk-free"], {"default": "0", "show_default": True, "help": "a year, or a CSV of dates and rates; for Sharpe"}),
            (["--no-costs"], {"is_flag": True, "help": "trade, borrow and owe for nothing"}),
            (["--data"], {"type": folder, "help": DATA_HELP}),
            (["--currency"], {"type": CurrencyType(), "help": CURRENCY_HELP}),
            (["--reports"], {"type": FolderType(), "help": "folder for reports  [default: reports]"}),
        ],
    }  # fmt: skip
    return [SectionedOption(flags, section=section, **how) for section, group in options.items() for flags, how in group]


def _sweep(name: str, strategy: "type[StrategyBase]", values: dict[str, Any]) -> None:
    from dipfolio.engine.parameters import list_parameters
    from dipfolio.report.runs_index import refresh_index
    from dipfolio.report.sweep_page import estimate_selection_bias, print_sweep, sweep_as_json
    from dipfolio.report.walk_forward import print_walk_forward, walk_forward_texts
    from dipfolio.sweep.grid import parse_grid
    from dipfolio.sweep.runner import WorkerConfig

    given = {
        item.name: values[f"grid_{item.name}"] for item in list_parameters(strategy) if values[f"grid_{item.name}"] is not None
    }
    grid, as_json = parse_grid(strategy, given), values["as_json"]
    by, reports = values["rank_by"].replace("-", "_"), values["reports"] or click.get_current_context().obj.reports
    check_name(reports, "sweep", values["name"], replace=values["replace"])
    click.echo(f"{name}: {grid}", err=as_json)
    crew = WorkerConfig(jobs=values["jobs"], scheduler=values["scheduler"], dask_local=values["dask_local"])
    terms, bars = _terms(name, strategy, grid, values)
    market = _market(terms, bars, grid, values)
    sweeper = _Sweeper(grid=grid, crew=crew, reports=reports, resume=values["resume"])
    findings = sweeper.result(terms, bars)
    if not as_json:
        print_sweep(findings, by, sys.stdout)
    _register(findings, bars, reports)
    worst, checked = _verified(findings, terms, bars, values["verify"])
    walk = None
    if values["walk_forward"] is not None:
        with stdout_to_stderr():
            walk = _walked(sweeper, terms, bars, market, by, values)
    check_name(reports, "sweep", values["name"], replace=values["replace"])  # another process may have taken it since
    page = _write(findings, by, _target(reports, name, values["name"]), _command(name, values), worst, checked, walk)
    sweeper.remove()
    if values["name"] is not None:
        refresh_index(reports)
    where = str(relative_to_cwd(page / "sweep.html"))
    if as_json:
        click.echo(sweep_as_json(findings, by, (worst, checked), where, walk))
        return
    if walk:
        chance = estimate_selection_bias(findings)
        print_walk_forward(walk_forward_texts(walk, name, chance.overfitting, chance.how), by, sys.stdout)
    if checked:
        click.echo(f"Verified in backtrader: {checked} random cells, largest difference ${worst:.9f}")
    click.echo(f"Surface: {where}")


def _market(terms: "SweepSettings", bars: "Bars", grid: "ParameterGrid", values: dict[str, Any]) -> "pd.Series | None":
    """Returns of the benchmark of a walk-forward test, None without one; what forbids a test is an error before the work."""
    from dipfolio.evidence.walk_forward import benchmark_returns, check_variants, split_sessions

    if values["walk_forward"] is None:
        return None
    check_variants(len(grid))
    learnt = split_sessions(bars.sessions[terms.first :], values["walk_forward"])[0]
    if not values["benchmark"]:
        return None
    market = click.get_current_context().obj.load(values["data"], (), values["benchmark"])
    return benchmark_returns(market, values["benchmark"], bars.sessions[terms.first + len(learnt) :])


def _walked(
    sweeper: "_Sweeper", terms: "SweepSettings", bars: "Bars", market: "pd.Series | None", by: str, values: dict[str, Any]
) -> "WalkForward":
    """The walk-forward test: every choice is a sweep of bars that end with its last session."""
    from dataclasses import replace

    from dipfolio.engine.simulation import first_session
    from dipfolio.evidence.walk_forward import WalkForwardScheme, best_variant, chain_parts

    def choose(begin: "date", last: "date") -> "VariantChoice":
        """The best variant between two sessions."""
        first = first_session(bars, begin, last)
        result = sweeper.result(
            replace(terms, first=first, first_decision=max(first - 1, 0)), bars.until(last), f"{begin}-{last}"
        )
        return best_variant(result, by, terms.kind)

    scheme = WalkForwardScheme(
        parts=values["walk_forward"], rank_by=by, walk_window=values["walk_window"], benchmark=values["benchmark"],
        risk_free=terms.risk_free,
    )  # fmt: skip
    try:
        return chain_parts(choose, bars, terms.account, bars.sessions[terms.first :], scheme, market)
    except (ParameterError, StrategyError, WindowError):  # none of the parts would be of use to --resume
        sweeper.remove()
        raise


def _terms(name: str, strategy: "type[StrategyBase]", grid: Any, values: dict[str, Any]) -> "tuple[SweepSettings, Bars]":
    from dipfolio.engine.simulation import first_session
    from dipfolio.sweep.tasks import SweepSettings

    home = click.get_current_context().obj
    account = account_of(values)
    symbols = _symbols(strategy, grid)
    cash_rate = cash_rate_of(values, symbols)
    bars = with_cash_rate(home.load(values["data"], symbols), cash_rate)
    warn_if_truncated(bars, values["start"], values["end"])
    first = first_session(bars, values["start"], values["end"])
    bars = bars if values["end"] is None else bars.until(values["end"])
    place, rate = home.strategies.resolve(), risk_free_of(values, account, cash_rate)
    return SweepSettings(
        strategies=place, name=name, account=account, first=first, first_decision=max(first - 1, 0), risk_free=rate
    ), bars


def _symbols(strategy: "type[StrategyBase]", grid: "ParameterGrid") -> tuple[str, ...]:
    """Everything that a variant looks at; one that the strategy refuses looks at nothing."""
    seen: dict[str, None] = {}
    for number in range(len(grid)):
        with suppress(ParameterError, UnknownNameError):
            seen.update(dict.fromkeys(strategy(**grid.cell(number)).symbols))
    return tuple(seen) or strategy().symbols


class _Sweeper:
    """Runs a grid over some bars; what is done stays on disk until the report is written.

    Parameters
    ----------
    grid : ParameterGrid
    crew : WorkerConfig
    reports : Path
    resume : bool
        Go on with what an interrupted command has left.
    """

    def __init__(self, *, grid: "ParameterGrid", crew: "WorkerConfig", reports: Path, resume: bool) -> None:
        self.grid, self.crew, self.reports, self.resume = grid, crew, reports, resume
        self._folders: list[CheckpointFolder] = []

    def result(self, terms: "SweepSettings", bars: "Bars", part: str = "") -> "SweepResult":
        """The result of the whole grid; ``part`` names a sweep of some of the sessions, which follows the one of all."""
        from dipfolio.sweep.metrics import metric_columns
        from dipfolio.sweep.runner import DEFAULT_CELL, make_tasks, run_tasks, sweep_fingerprint
        from dipfolio.sweep.sweep_result import combine_results
        from dipfolio.sweep.tasks import CheckpointFolder

        grid = self.grid
        with stdout_to_stderr():
            tasks = make_tasks(grid, terms, bars, DEFAULT_CELL)
        key = f"{sweep_fingerprint(grid, terms, bars)} {','.join(metric_columns())}"
        parts = CheckpointFolder(self.reports / f".sweep-{terms.name}" / part, key, resume=self.resume)
        self._folders.append(parts)
        if parts.damaged:
            click.echo(f"{len(parts.damaged)} of the finished parts were damaged since; they are run anew.", err=True)
        with progress(len(grid) + 1, "bar count rate remaining") as shown:
            try:
                done = run_tasks(tasks, bars, self.crew, parts, shown.advance)
            except KeyboardInterrupt:
                finished = sum(len(tasks[number].cells) for number in parts.done())
                click.echo(f"Interrupted; {finished:,} of {len(grid) + 1:,} variants are kept. Go on with --resume.", err=True)
                raise click.exceptions.Exit(1) from None
        return combine_results(done, grid, terms, bars, DEFAULT_CELL)

    def remove(self) -> None:
        """Throw away what was kept for an interruption."""
        for folder in reversed(self._folders):
            folder.remove()


def _register(findings: "SweepResult", bars: "Bars", reports: Path) -> None:
    """Write down what was tried, so that whoever judges the best of it counts all of it."""
    from dipfolio.evidence.trial_log import trials_of_sweep

    open_trial_log(reports).add(trials_of_sweep(findings, bars))


def _verified(findings: "SweepResult", terms: "SweepSettings", bars: "Bars", count: int) -> tuple[float, int]:
    """Run random cells again in backtrader; the largest difference in dollars and how many.

    Raises
    ------
    SweepMismatchError
        A difference above one cent.
    """
    import numpy as np

    from dipfolio.engine.strategy import Strategy
    from dipfolio.sweep.runner import sweep_fingerprint
    from dipfolio.sweep.tasks import backtrader_difference

    if not issubclass(terms.kind, Strategy):
        return 0.0, 0
    seed = int(sweep_fingerprint(findings.grid, terms, bars)[:16], 16)  # the same sweep writes the same page
    cells = np.random.default_rng(seed).permutation(findings.table.index)[:count]
    worst = 0.0
    for cell in cells.tolist():
        parameters = findings.grid.cell(cell)
        difference, where = backtrader_difference(findings.table.loc[cell], terms, parameters, bars)
        if not difference <= MAX_DIFFERENCE_DOLLARS:
            raise SweepMismatchError(
                f"The sweep and backtrader differ by {difference:,.4f} in the {where.replace('_', ' ')} of {parameters}. "
                "This is a fault of dipfolio; please report it with the command you ran."
            )
        worst = max(worst, difference)
    return worst, len(cells)


def _target(reports: Path, strategy: str, name: str | None) -> Path:
    """The folder of the sweep."""
    from dipfolio.storage import named_report

    return reports / f"sweep-{strategy}" if name is None else named_report(reports, "sweep", name, replace=True)


def _write(
    findings: "SweepResult", by: str, target: Path, command: str, worst: float, checked: int, walk: "WalkForward | None"
) -> Path:
    from dipfolio.report.sweep_page import sweep_result_page
    from dipfolio.storage import replace_directory

    verified = f"{checked} random cells, largest difference ${worst:.9f}" if checked else "no cell"
    page = sweep_result_page(findings, by, command, verified, walk)

    def write(folder: Path) -> None:
        """The table, the returns, the account of a walk-forward test, and the page."""
        findings.table.to_parquet(folder / "sweep.parquet")
        _columns_as_text(findings.returns).to_parquet(folder / "returns.parquet")
        if walk:
            walk.equity.to_frame().to_parquet(folder / "walk-forward.parquet")
        (folder / "sweep.html").write_text(page, encoding="utf-8", newline="\n")

    return replace_directory(target.parent, target.name, write)


def _columns_as_text(frame: "pd.DataFrame") -> "pd.DataFrame":
    return frame.set_axis([str(column) for column in frame.columns], axis=1)


def _command(name: str, values: dict[str, Any]) -> str:
    """The command that runs one cell in full, but for the parameters of the grid: the options given here that it has too."""
    import shlex

    from dipfolio.report.run_record import option_arguments

    context, words = click.get_current_context(), ["python", "backtest.py", name]
    options = (
        "rank_by",
        "verify",
        "resume",
        "jobs",
        "scheduler",
        "dask_local",
        "name",
        "replace",
        "reports",
        "as_json",
        "walk_forward",
        "walk_window",
        "benchmark",
    )
    for param in context.command.params:
        option = param.name or ""
        given = context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE
        if not given or option in options or option.startswith("grid_"):
            continue
        words += option_arguments({option: values[option]})
    return shlex.join(words)
