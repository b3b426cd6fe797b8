"""Reports of runs that were simulated in Python, written as the command line writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dipfolio.data.risk_free import RiskFree, constant_rate
from dipfolio.engine.allocation import allocation_of
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import measure, metrics_in
from dipfolio.engine.result import Result, common_riskless_rate
from dipfolio.errors import ComparisonError
from dipfolio.report.comparison.alignment import Alignment, align_tracks, build_contenders
from dipfolio.report.comparison.page import write_comparison_page
from dipfolio.report.comparison.series import track_of, with_unique_labels
from dipfolio.report.runs_index import refresh_index
from dipfolio.storage import replace_directory, report_name


def publish(result: Result, reports: Path | str = "reports", name: str = "", risk_free: float | RiskFree | None = None) -> Path:
    """Write the tear sheet and the record of a run into its folder, and the gallery beside it anew.

    It has no seal, as nobody knows here from which file the strategy came: the command line will not answer from it.

    Parameters
    ----------
    result : Result
    reports : Path
        Made if it is missing.
    name : str
        Of the folder; the strategy and what was changed of it and of the account, if not given.
    risk_free : float or RiskFree, optional
        A year, taken off in Sharpe and Sortino; as in :func:`dipfolio.measure` if not given.

    Returns
    -------
    Path
        Of the tear sheet.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """
    from dipfolio.report.tearsheet import tear_sheet

    rate = _rate(risk_free, result)
    page = tear_sheet(result, measure(result, rate), rate)

    def write(folder: Path) -> None:
        """The files of the report."""
        save_run(result, folder)
        (folder / "tearsheet.html").write_text(page, encoding="utf-8")

    changed = {} if name else result.changed | result.account.changed
    folder = replace_directory(Path(reports), report_name(name or result.strategy, changed), write)
    refresh_index(Path(reports))
    return folder / "tearsheet.html"


def save_run(result: Result, folder: Path) -> None:
    """Write the record of a run into an existing folder, and the tables of its allocation if it is a portfolio.

    Raises
    ------
    ReportError
        The folder cannot be written to.
    """
    result.save(folder)
    if (found := allocation_of(result)) is not None:
        found.save(folder)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Comparison(Displayable):
    """Runs on the terms that they share.

    Attributes
    ----------
    alignment : Alignment
        The terms, and what is said of them.
    risk_free : RiskFree
    """

    SHOWN = ("window", "benchmark", "notes", "table")

    alignment: Alignment
    risk_free: RiskFree

    @property
    def window(self) -> tuple[Any, Any]:
        """First and last common session."""
        return self.alignment.sessions[0].date(), self.alignment.sessions[-1].date()

    @property
    def benchmark(self) -> str:
        """Of all of them; empty for none."""
        return self.alignment.benchmark

    @property
    def notes(self) -> str:
        """The notes on the terms of the comparison."""
        return " ".join(note.text for note in self.alignment.notes)

    @property
    def table(self) -> pd.DataFrame:
        """The main metrics of each run within the common window, by name, shape (runs, metrics)."""
        contenders = build_contenders(self.alignment, self.risk_free)
        rows = [{m.name: contender.metrics.by_name[m.name] for m in metrics_in("published")} for contender in contenders]
        return pd.DataFrame(rows, index=[contender.label for contender in contenders])

    def publish(self, reports: Path | str = "reports", name: str | None = None, *, replace: bool = False) -> Path:
        """Write ``comparison.html``, or ``comparisons/NAME.html`` and the index of runs that lists it.

        Parameters
        ----------
        reports : Path
            Made if it is missing.
        name : str, optional
            Under which the page is kept.
        replace : bool
            Whether an older page of that name may be replaced.

        Raises
        ------
        ParameterError
            A name that is no file name, or that is taken.
        ReportError
            The folder cannot be written.
        """
        page = write_comparison_page(self.alignment, Path(reports), self.risk_free, name=name, replace=replace)
        if name is not None:
            refresh_index(Path(reports))
        return page


def compare(*results: Result, as_is: bool = False, risk_free: float | RiskFree | None = None) -> Comparison:
    """Compare runs over the sessions that they share.

    Parameters
    ----------
    *results : Result
        Differences are to the first.
    as_is : bool
        Compare runs that differ without aligning or refusing them.
    risk_free : float or RiskFree, optional
        A year, the same for all; if not given, what idle cash earned where it is the same in all runs, and else 0.

    Raises
    ------
    ComparisonError
        Runs that have other cash or another benchmark than the first, or share no window.
    """
    fairness = align_tracks(_labelled(results), as_is=as_is)
    for label, reason in fairness.left_out:
        raise ComparisonError(f"{label} {reason}. Run it on the same terms, or compare with as_is=True.")
    return Comparison(alignment=fairness, risk_free=_rate(risk_free, *results))


def _labelled(results: Sequence[Result]) -> Any:
    return with_unique_labels(track_of(result) for result in results)


def _rate(risk_free: float | RiskFree | None, *results: Result) -> RiskFree:
    if risk_free is None:
        return common_riskless_rate(results)
    return risk_free if isinstance(risk_free, RiskFree) else constant_rate(risk_free)
