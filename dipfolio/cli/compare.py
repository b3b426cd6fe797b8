"""The command ``compare``: one page for several runs."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.completion import complete_runs
from dipfolio.cli.options import FolderType
from dipfolio.cli.workspace import Workspace, check_name, relative_to_cwd, show_in_currency, warn_once
from dipfolio.engine import loader
from dipfolio.errors import ComparisonError, DipfolioError, UnknownNameError

if TYPE_CHECKING:
    from dipfolio.data.risk_free import RiskFree
    from dipfolio.report.comparison.series import Track


@click.command("compare", short_help="One page for many runs, from what was saved.")
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=complete_runs)
@click.option(
    "--kind",
    type=click.Choice(["equity", "returns", "percent", "log", "cumulative", "cumulative-percent"]),
    help="what files from elsewhere hold: equity, daily returns as fractions (1 % is 0.01), in per cent or as logarithms, "
    "cumulative returns as fractions or in per cent  [default: by heading and values]",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="heading, or number from 1, of the values in files from elsewhere; may be repeated for several files",
)
@click.option("--sheet", default="", help="sheet of an Excel workbook  [default: the only one with dates]")
@click.option("--as-is", is_flag=True, help="compare runs that differ without aligning or refusing them")
@click.option(
    "--risk-free",
    help="a year, such as 0.043, or a CSV of dates and such rates  [default: 0, or what idle cash earned if all runs have one "
    "--cash-rate]",
)
@click.option("--reports", type=FolderType(), help="folder of saved runs, and for the page  [default: reports]")
@click.option("--name", help="keep the page as comparisons/NAME.html in the folder of reports  [default: comparison.html]")
@click.option("--replace", is_flag=True, help="overwrite the page of that name")
@click.option("--json", "as_json", is_flag=True, help="print the comparison for machines")
@click.pass_obj
def compare_runs(
    home: Workspace,
    /,
    runs: tuple[str, ...],
    kind: Any,
    columns: tuple[str, ...],
    sheet: str,
    reports: Path | None,
    **asked: Any,
) -> None:
    """Write comparison.html, or a page with a name, from saved runs, without simulating.

    RUN is the name of a run's folder, the path of one, or a file from elsewhere, CSV, Excel or Parquet, with a column of
    dates and one of equity or returns, which its heading names; without any, all saved runs are compared, newest first.
    Differences are to the first one named.

    All are compared over the sessions that they share. A run with other cash, another benchmark or no window in common is
    refused, or left out if it was not named; --as-is compares it nevertheless.

    With --name the page is kept, and the index of runs lists it.

    Example: python backtest.py compare buy-the-dip buy-the-dip--hold-20 other.csv --name longer-holding
    """
    shelf = reports or home.reports
    check_name(shelf, "comparison", asked["name"], replace=asked["replace"])
    known = loader.list_strategy_names(home.strategies)
    read = partial(_named, shelf, known, kind=kind, columns=columns, sheet=sheet)
    tracks = list(map(read, runs)) if runs else _all(shelf)
    write_comparison(tracks, shelf, strict=bool(runs), **asked)


def write_comparison(
    tracks: "Iterable[Track]",
    reports: Path,
    *,
    strict: bool,
    as_is: bool = False,
    as_json: bool = False,
    risk_free: "str | RiskFree | None" = None,
    name: str | None = None,
    replace: bool = False,
) -> None:
    """Compare, write the page and say on standard output what came of it.

    Parameters
    ----------
    tracks : iterable of Track
    reports : Path
    strict : bool
        Refuse instead of leaving out what cannot be compared.
    as_is, as_json, risk_free, name, replace
        As on the command line.

    Raises
    ------
    ComparisonError
    ParameterError
        A name that is no file name, or that is taken.
    """
    from dipfolio.report.comparison.alignment import align_tracks
    from dipfolio.report.comparison.page import write_comparison_page
    from dipfolio.report.comparison.series import with_unique_labels
    from dipfolio.report.runs_index import refresh_index
    from dipfolio.report.terminal import comparison_as_json, print_comparison

    tracks = list(tracks)
    rate = _riskless_rate(risk_free, tracks)
    fairness = align_tracks(with_unique_labels(tracks), as_is=as_is)
    show_in_currency(next((result.provenance.currency for _, result in fairness.runs), ""))
    if strict and fairness.left_out:
        label, reason = fairness.left_out[0]
        raise ComparisonError(f"{label} {reason}. Run it on the same terms, leave it out, or compare with --as-is.")
    page = write_comparison_page(fairness, reports, rate, name=name, replace=replace)
    refresh_index(reports)
    if as_json:
        click.echo(comparison_as_json(fairness, str(relative_to_cwd(page)), rate))
    else:
        print_comparison(fairness, sys.stdout, rate)
        click.echo(f"Comparison: {relative_to_cwd(page)}")


def _riskless_rate(given: "str | RiskFree | None", tracks: "list[Track]") -> "RiskFree":
    """The rate that was given, or else what idle cash earned in the runs if it is the same in all of them, or else none."""
    from dipfolio.data.risk_free import RiskFree, parse_risk_free
    from dipfolio.engine.result import common_riskless_rate

    if isinstance(given, RiskFree):
        return given
    if given is None:
        return common_riskless_rate(track.result for track in tracks if track.result is not None)
    rate = parse_risk_free(given)
    warn_once(rate.interpretation)
    return rate


def _named(reports: Path, strategies: tuple[str, ...], run: str, **meaning: Any) -> "Track":
    """A saved run, or a file from elsewhere that is read with the options for it."""
    from dipfolio.report.comparison.series import read_external_series, saved_track
    from dipfolio.storage import saved_run, saved_runs

    folder = saved_run(reports, run.rstrip("/")) or Path(run)
    if (folder / "run.json").is_file():
        return saved_track(folder)
    if Path(run).is_file():
        return read_external_series(Path(run), **meaning)
    names = [folder.name for folder in saved_runs(reports)]
    make = f" Make it: python backtest.py {run}" if run in strategies else ""
    raise UnknownNameError("saved run or file", run, names, f"{relative_to_cwd(reports)} has {', '.join(names) or 'none'}.{make}")


def _all(reports: Path) -> "list[Track]":
    """Every saved run that can be read; the others are named on standard error."""
    from dipfolio.report.comparison.series import saved_track
    from dipfolio.storage import saved_runs

    tracks = []
    for folder in saved_runs(reports):
        try:
            tracks.append(saved_track(folder))
        except DipfolioError as error:
            click.echo(f"Left out: {error}", err=True)
    if not tracks:
        raise UnknownNameError("saved run in", str(relative_to_cwd(reports)), (), "Make one: python backtest.py buy-the-dip.")
    return tracks
