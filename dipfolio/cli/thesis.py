"""``thesis``: which claims hold."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dipfolio.cli.home import near

if TYPE_CHECKING:
    from dipfolio.evidence.claims import Claim
    from dipfolio.evidence.verdict import Thesis
    from dipfolio.market.bars import Bars


@click.command("thesis", short_help="Which claims of the article hold, which do not, which stay open.")
@click.option("--claims", "wanted", metavar="A1,B2", help="show only these claims; all are judged, so corrections stay the same")
@click.option("--seed", type=click.IntRange(0), help="of the random numbers of resampling  [default: 20250127]")
@click.option("--data", type=click.Path(path_type=Path), help="folder of figures  [default: data]")
@click.option("--reports", type=click.Path(path_type=Path), help="folder for the page and the register of trials  [default: reports]")
@click.option("--json", "as_json", is_flag=True, help="print the verdicts for machines")
@click.pass_context
def judge_claims(
    ctx: click.Context, wanted: str | None, seed: int | None, data: Path | None, reports: Path | None, as_json: bool
) -> None:
    """Judge every claim of the article, its critics and the rules made from it, and write thesis.html.

    Each claim gets its effect with an interval, a p-value with the smallest possible one, the number of observations, the
    correction for the others, and a word: supported, contradicted, undecided or not testable. Every variant that is run goes
    into the register of trials, trials.jsonl.

    Example: python backtest.py thesis --claims A1,B1
    """
    from dipfolio.evidence.dossier import day_of, dossiers
    from dipfolio.evidence.placebo import SEED
    from dipfolio.evidence.trials import FILE, Register
    from dipfolio.report.page import place_page
    from dipfolio.report.thesis import PAGE, thesis_page
    from dipfolio.report.verdicts import print_thesis, thesis_as_json

    seed = SEED if seed is None else seed
    shelf = reports or ctx.obj.reports
    chosen = _chosen(wanted)
    bars = _figures(ctx, data)
    thesis, said = _judged(bars, ctx.obj.strategies, chosen, seed)
    with said as tell:
        tell("the day")
        gathered = dossiers(thesis, bars, ctx.obj.strategies, seed=seed, said=tell)
        page = thesis_page(thesis, gathered, day_of(bars), bars.provenance, shelf, str(data) if data else "")
    place = place_page(shelf, PAGE, page)
    added = Register(shelf / FILE).add(thesis.trials)
    if as_json:
        click.echo(thesis_as_json(thesis, str(near(place))))
        return
    print_thesis(thesis, sys.stdout)
    click.echo(f"\nTrials: {len(thesis.trials)} variants, {added} of them new, in {near(shelf / FILE)}")
    click.echo(f"Thesis: {near(place)}")
