"""The command ``evidence``: tests of whether the profit of one strategy is more than luck."""

import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from dipfolio.cli.groups import StrategyGroup
from dipfolio.cli.options import (
    CURRENCY_HELP,
    DATA_HELP,
    BenchmarkType,
    CurrencyType,
    DateType,
    FolderType,
    OptionalType,
    SectionedCommand,
    SectionedOption,
    options_of,
    refuse_reserved_options,
)
from dipfolio.cli.workspace import Workspace, open_trial_log, relative_to_cwd
from dipfolio.engine.loader import stdout_to_stderr
from dipfolio.errors import ReportError

if TYPE_CHECKING:
    from dipfolio.data.bars import Bars
    from dipfolio.engine.strategy import StrategyBase
    from dipfolio.evidence.assessment import SampleSplit
    from dipfolio.report.assessment_summary import AssessedRun


@click.group(
    "evidence",
    cls=StrategyGroup,
    command_of=lambda name, kind: evidence_command(name, kind),
    short_help="Is what a strategy earned more than luck?",
)
def evidence_commands() -> None:
    """Run the tests that suit one strategy, and say what none of them can.

    The sessions in which a strategy holds a position are compared with those in which it holds none, and trades of one session
    with the same trade on other dates. The answer, the numbers and the method are written to evidence.html in the folder of the
    run.

    Example: python backtest.py evidence dip-rule --hold 5
    """


def evidence_command(name: str, strategy: "type[StrategyBase]") -> click.Command:
    """The command that examines a strategy.

    Raises
    ------
    StrategyError
        A parameter of the strategy has the name of another option.
    """
    from dipfolio.engine.strategy import title_of

    parameters, general = options_of(strategy, "Strategy"), _options()
    refuse_reserved_options(name, parameters, general)

    def run(**values: Any) -> None:
        """Examine it."""
        _examine(strategy, values)

    return SectionedCommand(
        name,
        callback=run,
        params=[*parameters, *general],
        help=title_of(strategy) or f"Examine {name}.",
        epilog=f"Example: python backtest.py evidence {name} --benchmark QQQ",
    )


def _options() -> list[click.Option]:
    folder, section = click.Path(path_type=Path), "Evidence"
    return [
        SectionedOption(
            ["--benchmark"],
            type=BenchmarkType(),
            default="none",
            show_default=True,
            section=section,
            help="symbol that each trade has to beat",
        ),
        SectionedOption(
            ["--split"],
            type=OptionalType(DateType()),
            section=section,
            help="also test apart what was decided before this date and from it on  [default: none; for a strategy that tests a "
            "claim of the article, the dates of the article]",
        ),
        SectionedOption(["--seed"], type=click.IntRange(0), help="of random signs  [default: 20250127]", section=section),
        SectionedOption(["--data"], type=folder, help=DATA_HELP, section=section),
        SectionedOption(["--currency"], type=CurrencyType(), help=CURRENCY_HELP, section=section),
        SectionedOption(
            ["--reports"],
            type=FolderType(),
            help="folder for the page, with the register of trials  [default: reports]",
            section=section,
        ),
        SectionedOption(["--no-page"], is_flag=True, help="write no page", section=section),
        SectionedOption(["--json", "as_json"], is_flag=True, help="print it for machines", section=section),
    ]


def _examine(kind: "type[StrategyBase]", values: dict[str, Any]) -> None:
    from dipfolio.engine.parameters import list_parameters
    from dipfolio.engine.simulation import simulate
    from dipfolio.evidence.assessment import assess
    from dipfolio.evidence.placebo import SEED
    from dipfolio.evidence.trial_log import deflate_sharpe, trial_of
    from dipfolio.report.assessment_summary import AssessedRun, assessment_as_json, print_assessment
    from dipfolio.report.format import terminal_columns

    home: Workspace = click.get_current_context().obj
    reports: Path = values["reports"] or home.reports
    strategy = kind(**{item.name: values[item.name] for item in list_parameters(kind)})
    benchmark = values["benchmark"]
    bars = _load_bars(strategy, benchmark, values["data"])
    seed = SEED if values["seed"] is None else values["seed"]
    split = _split(strategy, bars, values["split"])
    with stdout_to_stderr():
        result = simulate(strategy, bars, benchmark=benchmark)
        assessment = assess(strategy, bars, result, benchmark, seed, split=split)
    register, trial = open_trial_log(reports), trial_of(result, bars=bars)
    register.add([trial])
    left = deflate_sharpe(assessment.sharpe, register.read(strategy=trial.strategy)) if assessment.sharpe else None
    sentence = _split_sentence(split) if split and any(e.sample in split.samples for e in assessment.estimates) else ""
    examined = AssessedRun(result=result, examination=assessment, deflation=left, split_sentence=sentence)
    page = "" if values["no_page"] else str(relative_to_cwd(_write_page(examined, strategy, benchmark, reports)))
    if values["as_json"]:
        click.echo(assessment_as_json(examined, page))
        return
    print_assessment(examined, sys.stdout, terminal_columns(sys.stdout))
    if page:
        click.echo(f"\nEvidence page: {page}")


def _split(strategy: "StrategyBase", bars: "Bars", given: date | None) -> "SampleSplit | None":
    """The split asked for; the dates of the article for a strategy that tests a claim of it, if the data have both sides."""
    from dipfolio.evidence.assessment import SampleSplit
    from dipfolio.study.dates import CONFIRMATION_START, DESIGN_END

    if given:
        return SampleSplit.at(given)
    asked = click.get_current_context().get_parameter_source("split") is click.core.ParameterSource.COMMANDLINE
    article = SampleSplit(end=DESIGN_END, start=CONFIRMATION_START)
    return article if strategy.claim and not asked and article.has_both_sides(bars.sessions) else None


def _split_sentence(split: "SampleSplit") -> str:
    """What was divided; for the dates of the article also why, and how to turn it off."""
    _, earlier, later = split.labels
    if not split.has_gap:
        return f"What was decided {earlier} and {later} is also tested apart."
    return (
        f"What was decided {earlier} and {later} is also tested apart. These are the dates of the article: what was decided "
        "between them suggested the rule and is left out of every test. --split none turns this off."
    )


def _write_page(examined: "AssessedRun", strategy: "StrategyBase", benchmark: str, reports: Path) -> Path:
    """Write the page into the folder of the run, which is made if it is missing, and the index anew if the run is on it.

    Raises
    ------
    ReportError
        The folder is a link, or cannot be written.
    """
    from dipfolio.report.evidence_page import CALIBRATION_DOCUMENT, evidence_page
    from dipfolio.report.html import write_page
    from dipfolio.report.runs_index import refresh_index
    from dipfolio.storage import EVIDENCE_FILE, report_name, saved_run

    home: Workspace = click.get_current_context().obj
    name = report_name(strategy.name, strategy.changed | ({"benchmark": benchmark} if benchmark else {}))
    folder, document = reports / name, home.strategies.parent / CALIBRATION_DOCUMENT
    if folder.is_symlink():
        raise ReportError(f"{folder} is a link. Remove it, or choose another folder with --reports.")
    calibration = Path(os.path.relpath(document, folder)).as_posix() if document.is_file() else ""
    page = evidence_page(examined, tear_sheet=(folder / "tearsheet.html").is_file(), calibration=quote(calibration))
    written = write_page(folder, EVIDENCE_FILE, page)
    if saved_run(reports, name) or not (reports / "index.html").is_file():
        refresh_index(reports)
    return written


def _load_bars(strategy: "StrategyBase", benchmark: str, data: Path | None) -> "Bars":
    """Load the strategy's symbols and the benchmark, and SPY if the data have it, which identifies stressful mornings."""
    from dipfolio.data.folder import available_symbols
    from dipfolio.evidence.placebo import MARKET_SYMBOL

    home: Workspace = click.get_current_context().obj
    wanted = tuple(dict.fromkeys([*strategy.symbols, *([benchmark] if benchmark else [])]))
    folder = data if data is not None else home.data_choice((*wanted, MARKET_SYMBOL)).folder
    more = (MARKET_SYMBOL,) if MARKET_SYMBOL in available_symbols(folder) and MARKET_SYMBOL not in wanted else ()
    return home.load(data, (*strategy.symbols, *more), benchmark)
