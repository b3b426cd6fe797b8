"""``compare``: one page for many runs."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.completion import run_names
from dipfolio.cli.home import Home, near
from dipfolio.engine import catalogue
from dipfolio.errors import ComparisonError, DipfolioError, UnknownNameError

if TYPE_CHECKING:
    from dipfolio.report.track import Track


@click.command("compare", short_help="One page for many runs, from what was saved.")
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=run_names)
@click.option("--kind", type=click.Choice(["equity", "returns"]), help="what CSV files from elsewhere hold  [default: judged]")
@click.option("--as-is", is_flag=True, help="compare runs that differ without aligning or refusing them")
@click.option("--risk-free", default="0", show_default=True, help="a year, such as 0.043, or a CSV of dates and such rates")
@click.option("--reports", type=click.Path(path_type=Path), help="folder of saved runs, and for the page  [default: reports]")
@click.option("--json", "as_json", is_flag=True, help="print the comparison for machines")
@click.pass_obj
def compare_runs(home: Home, /, runs: tuple[str, ...], kind: Any, reports: Path | None, **asked: Any) -> None:
    """Write comparison.html from saved runs, without simulating.

    RUN is the name of a run's folder, the path of one, or a CSV file from elsewhere with a column of dates and one of
    equity or returns; without any, all saved runs are compared, newest first. Differences are to the first one named.

    All are compared over the sessions that they share. A run with other cash, another benchmark or no window in common is
    refused, or left out if it was not named; --as-is compares it nevertheless.

    Example: python backtest.py compare buy-the-dip buy-the-dip--hold-20 other.csv
    """
    shelf = reports or home.reports
    known = catalogue.names(home.strategies)
    tracks = [_named(shelf, run, kind, known) for run in runs] if runs else _all(shelf)
    write_comparison(tracks, shelf, strict=bool(runs), **asked)


def write_comparison(
    tracks: "Iterable[Track]", reports: Path, *, strict: bool, as_is: bool = False, as_json: bool = False, risk_free: str = "0"
) -> None:
    """Compare, write the page and say on standard output what came of it.

    Parameters
    ----------
    tracks : iterable of Track
    reports : Path
    strict : bool
        Refuse instead of leaving out what cannot be compared.
    as_is, as_json, risk_free
        As on the command line.

    Raises
    ------
    ComparisonError
    """
    from dipfolio.market.rates import risk_free as read_rate
    from dipfolio.report.comparison import comparison_page
    from dipfolio.report.fairness import judge
    from dipfolio.report.gallery import refresh
    from dipfolio.report.page import place_page
    from dipfolio.report.standing import print_standing, standing_as_json
    from dipfolio.report.track import with_own_labels

    rate = read_rate(risk_free)
    fairness = judge(with_own_labels(tracks), as_is=as_is)
    if strict and fairness.left_out:
        label, reason = fairness.left_out[0]
        raise ComparisonError(f"{label} {reason}. Run it on the same terms, leave it out, or compare with --as-is.")
    page = place_page(reports, "comparison.html", comparison_page(fairness, reports, rate))
    refresh(reports)
    if as_json:
        click.echo(standing_as_json(fairness, str(near(page)), rate))
    else:
        print_standing(fairness, sys.stdout, rate)
        click.echo(f"Comparison: {near(page)}")


def _named(reports: Path, run: str, kind: Any, strategies: tuple[str, ...]) -> "Track":
    from dipfolio.report.outside import read_outside
    from dipfolio.report.shelf import saved_run, saved_runs
    from dipfolio.report.track import saved_track

    folder = saved_run(reports, run.rstrip("/")) or Path(run)
    if (folder / "run.json").is_file():
        return saved_track(folder)
    if Path(run).is_file():
        return read_outside(Path(run), kind)
    names = [folder.name for folder in saved_runs(reports)]
    make = f" Make it: python backtest.py {run}" if run in strategies else ""
    raise UnknownNameError("saved run or CSV file", run, names, f"{near(reports)} has {', '.join(names) or 'none'}.{make}")


def _all(reports: Path) -> "list[Track]":
    """Every saved run that can be read; the others are named on standard error."""
    from dipfolio.report.shelf import saved_runs
    from dipfolio.report.track import saved_track

    tracks = []
    for folder in saved_runs(reports):
        try:
            tracks.append(saved_track(folder))
        except DipfolioError as error:
            click.echo(f"Left out: {error}", err=True)
    if not tracks:
        raise UnknownNameError("saved run in", str(near(reports)), (), "Make one: python backtest.py buy-the-dip.")
    return tracks
