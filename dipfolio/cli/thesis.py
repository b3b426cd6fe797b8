"""``thesis``: which claims hold."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dipfolio.cli.home import Home, near, register_of
from dipfolio.cli.options import DATA_HELP
from dipfolio.cli.output import harmless_output, progress_console
from dipfolio.engine.prints import prints_aside
from dipfolio.errors import UnknownNameError

if TYPE_CHECKING:
    from dipfolio.market.bars import Bars


@click.command("thesis", short_help="Which claims of the article hold, which do not, which stay open.")
@click.option("--claims", "wanted", metavar="A1,B2", help="show only these claims; all are judged, so corrections stay the same")
@click.option("--seed", type=click.IntRange(0), help="of the random numbers of resampling  [default: 20250127]")
@click.option("--data", type=click.Path(path_type=Path), help=DATA_HELP)
@click.option("--reports", type=click.Path(path_type=Path), help="folder for the page and the trials  [default: reports]")
@click.option("--json", "as_json", is_flag=True, help="print the verdicts for machines")
@click.pass_context
def judge_claims(
    ctx: click.Context, wanted: str | None, seed: int | None, data: Path | None, reports: Path | None, as_json: bool
) -> None:
    """Judge every claim of the article, its critics and the rules made from it, and write thesis.html.

    Each claim gets its effect with an interval, a p-value with the smallest possible one, the number of observations, the
    correction for the others, and a word: supported, contradicted, undecided or not testable. Every variant that is run goes
    into the register of trials, trials.jsonl. Some claims alone get a page of their own, such as thesis-A1-B1.html.

    Example: python backtest.py thesis --claims A1,B1
    """
    from dipfolio.evidence.dossier import day_of, dossiers
    from dipfolio.evidence.placebo import SEED
    from dipfolio.evidence.thesis import judge, steps
    from dipfolio.report.folding import columns_of
    from dipfolio.report.gallery import refresh
    from dipfolio.report.page import place_page
    from dipfolio.report.thesis import PAGE, thesis_page
    from dipfolio.report.verdicts import print_thesis, thesis_as_json

    seed, shelf = SEED if seed is None else seed, reports or ctx.obj.reports
    chosen = _chosen(wanted)
    bars, register = _figures(ctx.obj, data), register_of(shelf)
    with _progress(steps() + len(chosen) + 1) as said, prints_aside():
        whole = judge(bars, ctx.obj.strategies, seed=seed, said=said).beside(register.read())
        thesis = whole.only(chosen)
        gathered = dossiers(thesis, bars, ctx.obj.strategies, seed=seed, said=said)
        page = thesis_page(thesis, gathered, day_of(bars), bars.provenance, shelf, str(data) if data else "")
        said("page")
    shown = "-".join(verdict.claim.id for verdict in thesis.verdicts)
    place = place_page(shelf, PAGE if wanted is None else f"thesis-{shown}.html", page)
    refresh(shelf)
    added = register.add(whole.trials)
    if as_json:
        click.echo(thesis_as_json(thesis, str(near(place))))
        return
    print_thesis(thesis, sys.stdout, columns_of(sys.stdout))
    click.echo(f"\nTrials: {len(whole.trials)} variants, {added} of them new, in {near(register.path)}")
    click.echo(f"Thesis: {near(place)}")


def _chosen(wanted: str | None) -> tuple[str, ...]:
    """The claims to show, all if nothing was said."""
    from dipfolio.evidence.claims import CLAIMS

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


def _figures(home: Home, data: Path | None) -> "Bars":
    """The symbols of the claims, as far as the figures have them: what lacks one is undecided and says so."""
    from dipfolio.market.folder import available
    from dipfolio.market.universe import resolve

    wanted = (*resolve("article"), "SPY", "QQQ")
    if data is not None:
        there = available(data)
        wanted = tuple(symbol for symbol in wanted if symbol in there) or there
    return home.load(data, wanted)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """Gives a function to tell what was done; the bar stands on standard error, and nowhere if that is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = progress_console()
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar, harmless_output():
        job = bar.add_task("", total=total)
        yield lambda done: bar.update(job, advance=1, description=done)
