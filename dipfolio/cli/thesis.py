"""The command ``thesis``: the verdict on each claim."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dipfolio.cli.options import DATA_HELP, FolderType
from dipfolio.cli.output import progress
from dipfolio.cli.workspace import Workspace, open_trial_log, relative_to_cwd
from dipfolio.engine.loader import stdout_to_stderr
from dipfolio.errors import UnknownNameError

if TYPE_CHECKING:
    from dipfolio.data.bars import Bars


@click.command("thesis", short_help="Which claims of the article came true, and which are more than luck.")
@click.option("--claims", "wanted", metavar="A1,B2", help="show only these claims; all are judged, so corrections stay the same")
@click.option("--seed", type=click.IntRange(0), help="of the random numbers of resampling  [default: 20250127]")
@click.option("--jobs", type=click.IntRange(0), default=0, help="local processes  [default: one for each processor]")
@click.option("--data", type=click.Path(path_type=Path), help=DATA_HELP)
@click.option("--reports", type=FolderType(), help="folder for the page and the trials  [default: reports]")
@click.option("--json", "as_json", is_flag=True, help="print the verdicts for machines")
@click.pass_context
def thesis_command(
    ctx: click.Context,
    wanted: str | None,
    seed: int | None,
    jobs: int,
    data: Path | None,
    reports: Path | None,
    as_json: bool,
) -> None:
    """Judge every claim of the article, its critics and the rules made from it, and write thesis.html.

    Five sentences come first: the day, the article, the commenter, the bear and the rule. Each claim then has two answers. Did
    it come true? A fact about 2025, from prices alone. Is it more than luck? A test, with its effect, interval, p-value,
    correction for the other claims, and the effect that it could have found. Every variant that is run goes into the register of
    trials, trials.jsonl. Some claims alone get a page of their own, such as thesis-A1-B1.html.

    Example: python backtest.py thesis --claims A1,B1
    """
    from dipfolio.evidence.placebo import SEED
    from dipfolio.report.format import terminal_columns
    from dipfolio.report.html import write_page
    from dipfolio.report.runs_index import refresh_index
    from dipfolio.report.study.opening import opening_panels
    from dipfolio.report.study.page import THESIS_FILE, thesis_page
    from dipfolio.report.terminal import print_thesis, thesis_as_json
    from dipfolio.study.details import analyse_event_day, claim_details
    from dipfolio.study.verdicts import count_steps, judge_claims
    from dipfolio.sweep.runner import count_processors

    seed, shelf, jobs = SEED if seed is None else seed, reports or ctx.obj.reports, jobs or count_processors()
    chosen = _chosen(wanted)
    bars, register = _load_bars(ctx.obj, data), open_trial_log(shelf)
    with progress(count_steps() + len(chosen) + 1, "bar count elapsed text") as display, stdout_to_stderr():

        def report_progress(done: str) -> None:
            """Show the step that was done."""
            display.advance(1, done)

        judged = judge_claims(bars, ctx.obj.strategies, seed=seed, jobs=jobs, progress=report_progress).beside(register.read())
        thesis, opening = judged.only(chosen), opening_panels(judged)
        gathered = claim_details(thesis, bars, ctx.obj.strategies, seed=seed, jobs=jobs, progress=report_progress)
        page = thesis_page(thesis, gathered, analyse_event_day(bars), bars.provenance, shelf, str(data) if data else "", opening)
        report_progress("page")
    shown = "-".join(verdict.claim.id for verdict in thesis.verdicts)
    place = write_page(shelf, THESIS_FILE if wanted is None else f"thesis-{shown}.html", page)
    refresh_index(shelf)
    added = register.add(judged.trials)
    if as_json:
        click.echo(thesis_as_json(thesis, str(relative_to_cwd(place)), bars.provenance.remarks, opening))
        return
    print_thesis(thesis, sys.stdout, terminal_columns(sys.stdout), bars.provenance.remarks, opening)
    click.echo(f"\nTrials: {len(judged.trials)} variants, {added} of them new, in {relative_to_cwd(register.path)}")
    click.echo(f"Thesis: {relative_to_cwd(place)}")


def _chosen(wanted: str | None) -> tuple[str, ...]:
    """The claims to show, all if none was named."""
    from dipfolio.study.claims import CLAIMS

    known = {claim.id.lower(): claim.id for claim in CLAIMS}
    if wanted is None:
        return tuple(known.values())
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        if name.lower() not in known:
            raise UnknownNameError("claim", name, list(known.values()), f"Claims: {', '.join(known.values())}.")
    if not names:
        raise click.BadParameter("name at least one claim, such as A1,B2.", param_hint="--claims")
    return tuple(dict.fromkeys(known[name.lower()] for name in names))


def _load_bars(home: Workspace, data: Path | None) -> "Bars":
    """The symbols of the claims, as far as the data have them: what lacks one is undecided and says so."""
    from dipfolio.data.folder import available_symbols
    from dipfolio.data.universe import resolve
    from dipfolio.study.claims import CHINESE_FUNDS, VOLATILITY_INDEX

    wanted = (*resolve("article"), "SPY", "QQQ")
    available = available_symbols(home.data_choice(wanted).folder if data is None else data)
    if data is not None:
        wanted = tuple(symbol for symbol in wanted if symbol in available) or available
    more = tuple(symbol for symbol in (VOLATILITY_INDEX, *CHINESE_FUNDS) if symbol in available and symbol not in wanted)
    return home.load(data, (*wanted, *more))
