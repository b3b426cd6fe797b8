"""The command of a strategy; its parameters, the account and the window are options."""

import json
import shlex
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.compare import write_comparison
from dipfolio.cli.completion import complete_strategies
from dipfolio.cli.options import (
    CURRENCY_HELP,
    DATA_HELP,
    BenchmarkType,
    CurrencyType,
    DateType,
    FolderType,
    SectionedCommand,
    SectionedOption,
    StrategyRun,
    SymbolsType,
    TaxRateType,
    UniverseType,
    account_of,
    account_options,
    cash_rate_of,
    cash_rate_option,
    options_of,
    refuse_reserved_options,
    risk_free_of,
    strategy_runs,
    with_cash_rate,
)
from dipfolio.cli.output import progress
from dipfolio.cli.workspace import Workspace, open_trial_log, relative_to_cwd, warn_if_truncated, warn_once
from dipfolio.data.universe import DATED_MEMBERS
from dipfolio.engine import loader
from dipfolio.engine.loader import stdout_to_stderr
from dipfolio.errors import ParameterError, ReportError, UnknownNameError

if TYPE_CHECKING:
    from dipfolio.data.bars import Bars
    from dipfolio.data.risk_free import RiskFree
    from dipfolio.engine.account import Account
    from dipfolio.engine.metrics import Metrics
    from dipfolio.engine.result import Result
    from dipfolio.engine.strategy import StrategyBase
    from dipfolio.engine.taxes import TaxRule
    from dipfolio.evidence.robustness import Robustness
    from dipfolio.report.run_summary import Hindsight

MARKET_INDEX = "^GSPC"
"""The benchmark where none is named and the data lack the usual one."""

OTHER_BENCHMARKS = "QQQ,SMH"
"""What a run is shown beside as well: funds on the NASDAQ-100 and on makers of semiconductors."""

SEVERAL_STRATEGIES_HELP = (
    "With further strategies named, all are run on the same terms and compared on one page; a parameter can then be given only "
    "if all of them have it, and is given to all."
)


WORDS_KEY = "dipfolio.words"
"""Of the words after the strategy in the metadata of a command."""

UNRECORDED_OPTIONS = ("--all", "--force", "--json", "--open")
"""Options that change nothing in the record of a run, and are left out of the command that its folder keeps."""

UNRECORDED_VALUES = ("--reports", "--export", "--hindsight")
"""Options with a value that are left out with it."""


class StrategyCommand(SectionedCommand):
    """A strategy as a command; it explains why an option of a further strategy is none of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Values of the words."""
        words = list(args)
        ctx.meta[WORDS_KEY] = words
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            others = set(loader.list_strategy_names(ctx.obj.strategies)) & set(words)
            if others:
                said = f"{self.name} has no option {error.option_name}; several strategies share only what all of them have."
                raise click.UsageError(said, ctx) from error
            raise


def strategy_command(name: str, strategy: "type[StrategyBase]") -> click.Command:
    """The command that runs a strategy.

    Raises
    ------
    StrategyError
        A parameter of the strategy has the name of another option.
    """
    from dipfolio.engine.strategy import description_of

    own = options_of(strategy, "Strategy")
    general = [*_run_options(), *account_options(), cash_rate_option()]
    refuse_reserved_options(name, own, general)

    def run(**values: Any) -> None:
        """Run it, and those named after it."""
        _run(strategy_runs(click.get_current_context(), strategy, values), values)

    return StrategyCommand(
        name,
        callback=run,
        params=[click.Argument(["more"], nargs=-1, metavar="[STRATEGY]...", shell_complete=complete_strategies), *own, *general],
        help=description_of(strategy),
        epilog=f"{SEVERAL_STRATEGIES_HELP}\n\nExample: python backtest.py {name} --benchmark QQQ --cash 250000",
    )


def _run_options() -> list[click.Option]:
    section = "Run"
    folder = click.Path(path_type=Path)
    return [
        SectionedOption(["--start"], type=DateType(), help="first session  [default: the first of the data]", section=section),
        SectionedOption(["--end"], type=DateType(), help="last session  [default: the last of the data]", section=section),
        SectionedOption(
            ["--benchmark"],
            type=BenchmarkType(),
            default="SPY",
            show_default=True,
            help=f"symbol to compare with; unless it is named, {MARKET_INDEX} where the data lack SPY",
            section=section,
        ),
        SectionedOption(
            ["--also"],
            type=SymbolsType(),
            default=OTHER_BENCHMARKS,
            show_default=True,
            help="other symbols to compare the trades with; those that the data lack are left out",
            section=section,
        ),
        SectionedOption(
            ["--risk-free"],
            default="0",
            show_default=True,
            section=section,
            help="a year, such as 0.043, or a CSV of dates and such rates; taken off in Sharpe and Sortino",
        ),
        SectionedOption(
            ["--factors"],
            type=folder,
            section=section,
            help="CSV of dates and daily returns of factors, such as Kenneth French's, for the regression on the tear sheet",
        ),
        SectionedOption(["--no-costs"], is_flag=True, help="trade, borrow and owe for nothing", section=section),
        SectionedOption(["--data"], type=folder, help=DATA_HELP, section=section),
        SectionedOption(["--currency"], type=CurrencyType(), help=CURRENCY_HELP, section=section),
        *_output_options(section),
        *_tax_options(),
    ]


def _tax_options() -> list[click.Option]:
    section, rate = "Taxes", TaxRateType()
    return [
        SectionedOption(
            ["--tax-short"], type=rate, section=section,
            help="of gains on lots held for at most a year, 0.37 or 37%; computed after the run  [default: no taxes]",
        ),
        SectionedOption(["--tax-long"], type=rate, section=section, help="of gains on lots held for longer, with --tax-short"),
        SectionedOption(["--tax-dividends"], type=rate, section=section, help="of dividends  [default: as --tax-short]"),
        SectionedOption(
            ["--lots"], type=click.Choice(["fifo", "highest-cost"]), section=section,
            help="which shares are sold first: the first bought, or the dearest  [default: fifo]",
        ),
    ]  # fmt: skip


def _tax_rule(values: dict[str, Any]) -> "TaxRule | None":
    """The rule that the options describe; None if they say nothing of taxes.

    Raises
    ------
    ParameterError
        One of the two rates without the other, or an option that needs them.
    """
    from dipfolio.engine.taxes import TaxRule

    rates = values["tax_short"], values["tax_long"]
    if None in rates:
        if any(values[name] is not None for name in ("tax_short", "tax_long", "tax_dividends", "lots")):
            raise ParameterError("Taxes need both rates: --tax-short 0.37 --tax-long 0.20, for example.")
        return None
    return TaxRule(short=rates[0], long=rates[1], dividends=values["tax_dividends"], lots=values["lots"] or "fifo")


def _output_options(section: str) -> list[click.Option]:
    return [
        SectionedOption(["--reports"], type=FolderType(), help="folder for reports  [default: reports]", section=section),
        SectionedOption(
            ["--hindsight"],
            type=UniverseType(),
            default="",
            metavar="UNIVERSE",
            section=section,
            help="with --universe @universe: run these names of today too, such as magnificent-seven, and print the difference",
        ),
        SectionedOption(
            ["--no-robustness"],
            is_flag=True,
            section=section,
            help="do not simulate it again with other parameters, a session later and so on",
        ),
        SectionedOption(
            ["--export"],
            type=click.Choice(["xlsx"]),
            section=section,
            help="write the record beside the page as an Excel workbook too; a saved run is not simulated again",
        ),
        SectionedOption(["--force"], is_flag=True, help="simulate anew even if nothing has changed", section=section),
        SectionedOption(["--all"], is_flag=True, help="print all metrics, and not only the short table", section=section),
        SectionedOption(["--open"], is_flag=True, help="open the page in the browser", section=section),
        SectionedOption(["--json", "as_json"], is_flag=True, help="print the summary for machines", section=section),
    ]


def _run(named: list[StrategyRun], values: dict[str, Any]) -> None:
    """Run the strategies, and show the one or compare the several."""
    from dipfolio.report.comparison.series import track_of
    from dipfolio.report.run_summary import hindsight_sentence
    from dipfolio.report.runs_index import refresh_index
    from dipfolio.report.terminal import print_summary, run_as_json
    from dipfolio.storage import COMPARISON_FILE

    reports: Path = values["reports"] or click.get_current_context().obj.reports
    if values["hindsight"] and (len(named) > 1 or named[0].strategy.universe != DATED_MEMBERS):
        raise ParameterError(f"--hindsight is for one strategy on dated members: add --universe {DATED_MEMBERS}.")
    shows_one = len(named) == 1 and not values["as_json"]
    if values["export"]:
        from dipfolio.report.workbook import import_openpyxl

        import_openpyxl()  # before anything is simulated
    with progress(None, "spinner text", "Starting") as shown:
        say = partial(shown.advance, 0)
        runs = [_simulated(strategy_run, values, reports, say) for strategy_run in named]
    if shows_one:
        print_summary(runs[0].result, runs[0].metrics, sys.stdout, everything=values["all"])
        sys.stdout.flush()  # the answer is read while the page is drawn
    with progress(None, "spinner text", "Drawing") as shown:
        say = partial(shown.advance, 0)
        runs = [replace(run, robustness=_robustness(run, values, say)) for run in runs]
        _draw([run for run in runs if not run.already_saved], say)
        say("Putting it into the gallery")
        refresh_index(reports)
        hindsight = _hindsight(runs, values, reports, say) if values["hindsight"] else None
        workbooks = [_export(run, say) for run in runs] if values["export"] else []
    if len(runs) > 1:
        tracks = [track_of(run.result, run.folder) for run in runs]
        write_comparison(tracks, reports, strict=True, as_json=values["as_json"], risk_free=runs[0].rate)
    sheet = runs[0].folder / "tearsheet.html"
    if shows_one:
        if hindsight:
            click.echo(hindsight_sentence(hindsight))
        how = "" if values["open"] else " (--open shows it in the browser)"
        click.echo(f"Tear sheet: {relative_to_cwd(sheet)}{how}")
    elif len(runs) == 1:
        run, page = runs[0], str(relative_to_cwd(sheet))
        click.echo(run_as_json(run.result, run.metrics, page, hindsight, run.rate, _robustness_record(run)))
    if not values["as_json"]:
        for workbook in workbooks:
            click.echo(f"Workbook: {relative_to_cwd(workbook)}")
    if values["open"]:
        _open_in_browser(sheet if len(runs) == 1 else reports / COMPARISON_FILE)


def _export(run: "CompletedRun", say: Callable[[str], None]) -> Path:
    """Write the workbook of a run into its folder."""
    from dipfolio.report.workbook import write_workbook
    from dipfolio.storage import workbook_name

    say(f"{run.strategy.name}: writing the workbook")
    path = run.folder / workbook_name(run.folder)
    write_workbook(run.result, run.metrics, path)
    return path


def _open_in_browser(page: Path) -> None:
    """Show a page in the browser of the user; that there is none is said on standard error."""
    if not webbrowser.open(page.resolve().as_uri()):
        warn_once(f"No browser was found; open {relative_to_cwd(page)} in one.")


def _hindsight(runs: "list[CompletedRun]", values: dict[str, Any], reports: Path, say: Callable[[str], None]) -> "Hindsight":
    """The same strategy on names of today over the same sessions; it is a trial like any other."""
    from dipfolio.engine.metrics import measure
    from dipfolio.evidence.trial_log import trial_of
    from dipfolio.report.run_summary import Hindsight

    run, universe = runs[0], values["hindsight"]
    say(f"{run.strategy.name}: simulating {universe}")
    strategy, rate = replace(run.strategy, universe=universe), run.rate
    home, (start, end) = click.get_current_context().obj, run.result.window
    bars = home.load(values["data"], strategy.symbols, run.result.benchmark)
    bars = bars.between(run.bars.sessions[0], run.bars.sessions[-1])
    bars = bars.with_cash_rate(run.bars.cash_rate) if run.bars.cash_rate else bars
    terms = {"benchmark": run.result.benchmark, "start": start, "end": end}
    result = _simulate(strategy, bars, account_of(values), terms)
    open_trial_log(reports).add([trial_of(result, bars=bars)])
    return Hindsight(universe=universe, today=measure(result, rate), dated=run.metrics, window=(start, end))


@dataclass(frozen=True, kw_only=True)
class CompletedRun:
    """The outcome of one strategy, and the folder of its report.

    Attributes
    ----------
    identity : str
        What the report is sealed with.
    command : str
        The command line that makes it, from the name of the strategy on.
    already_saved : bool
        Whether its report is there already, of this very run.
    robustness : Robustness or None
        Of a run that is not saved yet; None with ``--no-robustness``.
    """

    strategy: "StrategyBase"
    result: "Result"
    bars: "Bars"
    metrics: "Metrics"
    rate: "RiskFree"
    folder: Path
    identity: str
    command: str
    already_saved: bool
    robustness: "Robustness | None" = None


def _simulated(strategy_run: StrategyRun, values: dict[str, Any], reports: Path, say: Callable[[str], None]) -> CompletedRun:
    """Simulate one strategy, unless its report on the shelf is of this very run."""
    from dipfolio.data.factor_returns import read_factor_returns
    from dipfolio.engine.metrics import measure
    from dipfolio.engine.run_identity import run_id
    from dipfolio.storage import report_name

    home, strategy = click.get_current_context().obj, strategy_run.strategy
    account = account_of(values)
    benchmark = values["benchmark"]
    cash_rate = cash_rate_of(values, (*strategy.symbols, *([benchmark] if benchmark else [])))
    rate = risk_free_of(values, account, cash_rate)
    taxes = _tax_rule(values)
    factors = read_factor_returns(values["factors"]) if values["factors"] else None
    warn_once(factors.description if factors else "")
    say(f"{strategy.name}: reading the data")
    bars, benchmark = _load(home, strategy.symbols, values)
    warn_if_truncated(bars, values["start"], values["end"])
    bars = with_cash_rate(bars, cash_rate)
    others = _load_others(home, bars, (*strategy.symbols, *([benchmark] if benchmark else [])), values)
    terms = {"benchmark": benchmark, "start": values["start"], "end": values["end"]}
    beside = others.provenance.sha256 if others else ""
    this = run_id(
        strategy, bars, account, **terms, others=beside, risk_free=rate.fingerprint,
        factors=factors.fingerprint if factors else "", strategies=home.strategies,
        **({"taxes": asdict(taxes)} if taxes else {}),
    )  # fmt: skip
    target = reports / report_name(strategy.name, strategy_run.changed)
    kept = None if values["force"] else _kept(target, this, with_robustness=not values["no_robustness"])
    say(f"{strategy.name}: {'nothing has changed since its report was written' if kept else 'simulating'}")
    result = _simulate(strategy, bars, account, {**terms, "others": others}) if kept is None else kept
    if kept is None and factors is not None:
        result = result.with_factors(factors)
    result = replace(result, taxes=taxes) if kept is None else result
    metrics = measure(result, rate)
    return CompletedRun(
        strategy=strategy, result=result, bars=bars, metrics=metrics, rate=rate, folder=target, identity=this,
        command=_command_of(strategy.name, values), already_saved=kept is not None,
    )  # fmt: skip


def _command_of(name: str, values: dict[str, Any]) -> str:
    """The command line for one of the strategies named, without what only says where and how its outcome is shown."""
    words, is_value = [], False
    for word in click.get_current_context().meta[WORDS_KEY]:
        has_value = word in UNRECORDED_VALUES
        dropped = has_value or word in (*values["more"], *UNRECORDED_OPTIONS) or word.partition("=")[0] in UNRECORDED_VALUES
        if not (dropped or is_value):
            words.append(word)
        is_value = has_value
    return shlex.join([name, *words])


def _load(home: Workspace, symbols: tuple[str, ...], values: dict[str, Any]) -> "tuple[Bars, str]":
    """The bars and the benchmark: the index where the user named none and the data lack the usual one."""
    from click.core import ParameterSource

    from dipfolio.data.instruments import instrument

    benchmark: str = values["benchmark"]
    try:
        return home.load(values["data"], symbols, benchmark), benchmark
    except UnknownNameError as error:
        named = click.get_current_context().get_parameter_source("benchmark") is not ParameterSource.DEFAULT
        if named or error.name != benchmark or benchmark in symbols or MARKET_INDEX not in error.valid:
            raise
    bars = home.load(values["data"], symbols, MARKET_INDEX)
    index = instrument(MARKET_INDEX).description
    warn_once(f"The data lack {benchmark}; the benchmark is {MARKET_INDEX} ({index}). --benchmark names another, or none.")
    return bars, MARKET_INDEX


def _load_others(home: Workspace, bars: "Bars", symbols: tuple[str, ...], values: dict[str, Any]) -> "Bars | None":
    """The other benchmarks; that the data lack one is said where the user named it."""
    from click.core import ParameterSource

    found = home.load_others(values["data"], symbols, values["also"], bars)
    missing = [symbol for symbol in values["also"] if found is None or symbol not in found.symbols]
    if missing and click.get_current_context().get_parameter_source("also") is not ParameterSource.DEFAULT:
        warn_once(f"--also: the data lack {', '.join(missing)}, which the trades are not compared with.")
    return found


def _robustness(run: CompletedRun, values: dict[str, Any], say: Callable[[str], None]) -> "Robustness | None":
    """The robustness of a run whose report is not there yet; None if it was not asked for."""
    if values["no_robustness"] or run.already_saved:
        return None
    from dipfolio.evidence.robustness import measure_robustness

    say(f"{run.strategy.name}: simulating other details")
    with stdout_to_stderr():
        return measure_robustness(run.strategy, run.bars, run.result)


def _robustness_record(run: CompletedRun) -> dict[str, Any] | None:
    """The robustness in the folder of a run; None where it was not asked for."""
    from dipfolio.storage import ROBUSTNESS_FILE

    path = run.folder / ROBUSTNESS_FILE
    record: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return record


def _kept(folder: Path, identity: str, *, with_robustness: bool) -> "Result | None":
    """The record in a report that is whole and of this very run; that one was damaged is said on standard error."""
    from dipfolio.engine.result import load
    from dipfolio.storage import ROBUSTNESS_FILE, changed_files, verified_run_id

    broken = changed_files(folder)
    if broken:
        changed = f"{relative_to_cwd(folder)} was damaged or changed since it was written ({', '.join(broken)})"
        click.echo(f"{changed}; it is made anew.", err=True)
    try:
        same = verified_run_id(folder) == identity and (folder / ROBUSTNESS_FILE).is_file() == with_robustness
        return load(folder) if same else None
    except ReportError:  # another run is just replacing it
        return None


def _simulate(strategy: "StrategyBase", bars: "Bars", account: "Account", terms: dict[str, Any]) -> "Result":
    from dipfolio.engine.simulation import simulate

    with stdout_to_stderr():
        return simulate(strategy, bars, account, **terms)


def _register(runs: list[CompletedRun], reports: Path) -> None:
    """Write the runs down as trials, so that whoever judges the best of them counts them all."""
    if runs:
        from dipfolio.evidence.trial_log import trial_of

        open_trial_log(reports).add(trial_of(run.result, bars=run.bars) for run in runs)


def _draw(runs: list[CompletedRun], say: Callable[[str], None]) -> None:
    """Draw the tear sheets, and place each report, sealed, as soon as it is complete."""
    from dipfolio.report.publish import save_run
    from dipfolio.report.tearsheet import tear_sheets
    from dipfolio.storage import (
        COMMAND_FILE,
        EVIDENCE_FILE,
        ROBUSTNESS_FILE,
        SOURCE_FILE,
        replace_directory,
        write_checksums,
    )

    home: Workspace = click.get_current_context().obj
    say(f"drawing {'the tear sheet' if len(runs) == 1 else f'{len(runs)} tear sheets'}")
    pages = tear_sheets([(run.result, run.metrics, run.rate, run.robustness) for run in runs], ends_after=True)
    for number, (run, page) in enumerate(zip(runs, pages, strict=True), 1):

        def write(folder: Path, run: CompletedRun = run, page: str = page) -> None:
            """The record, the page made from it, and the seal on both."""
            save_run(run.result, folder)
            (folder / SOURCE_FILE).write_bytes(loader.strategy_file(home.strategies, run.strategy.name).read_bytes())
            (folder / COMMAND_FILE).write_text(f"{run.command}\n", encoding="utf-8", errors="surrogateescape")
            (folder / "tearsheet.html").write_text(page, encoding="utf-8")
            if run.robustness:
                (folder / ROBUSTNESS_FILE).write_text(json.dumps(run.robustness.as_record(), indent=1), encoding="utf-8")
            if evidence := _valid_evidence(run):
                (folder / EVIDENCE_FILE).write_bytes(evidence)
            write_checksums(folder, run.identity)
            _register([run], run.folder.parent)  # before it is placed, so that no report ever stands without its trial

        replace_directory(run.folder.parent, run.folder.name, write)
        say(f"{number} of {len(runs)} reports written")


def _valid_evidence(run: CompletedRun) -> bytes:
    """The evidence page in the folder of a run that is about to be replaced; empty if it is missing or of another run.

    It stays where no run was saved yet, and where the same one is made again.
    """
    from dipfolio.storage import EVIDENCE_FILE, verified_run_id

    page = run.folder / EVIDENCE_FILE
    if run.folder.is_symlink() or page.is_symlink() or not page.is_file():
        return b""
    known = verified_run_id(run.folder) == run.identity or not (run.folder / "run.json").exists()
    return page.read_bytes() if known else b""
