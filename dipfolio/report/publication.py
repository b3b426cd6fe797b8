"""Publication: runs made in Python, as the reports that the command line writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dipfolio.engine.metrics import measure
from dipfolio.engine.result import Result
from dipfolio.engine.showing import Shown
from dipfolio.errors import ComparisonError
from dipfolio.market.rates import RiskFree, constant
from dipfolio.report.comparison import comparison_page
from dipfolio.report.contender import contenders
from dipfolio.report.fairness import Fairness, judge
from dipfolio.report.gallery import refresh
from dipfolio.report.page import place_page
from dipfolio.report.shelf import place, report_name
from dipfolio.report.track import track_of, with_own_labels

METRICS = ("total_return", "annual_return", "volatility", "sharpe", "worst_drawdown", "excess_return", "trades", "win_rate")


def publish(result: Result, reports: Path | str = "reports", name: str = "", risk_free: float | RiskFree = 0.0) -> Path:
    """Write the tear sheet and the record of a run into its folder, and the gallery beside it anew.

    It has no seal, as nobody knows here from which file the strategy came: the command line will not answer from it.

    Parameters
    ----------
    result : Result
    reports : Path
        Made if it is missing.
    name : str
        Of the folder; the strategy and what was changed of it and of the account, if not given.
    risk_free : float or RiskFree
        A year, taken off in Sharpe and Sortino.

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

    rate = _rate(risk_free)
    page = tear_sheet(result, measure(result, rate), rate)

    def write(folder: Path) -> None:
        """The files of the report."""
        result.save(folder)
        (folder / "tearsheet.html").write_text(page, encoding="utf-8")

    changed = {} if name else result.changed | result.account.changed
    folder = place(Path(reports), report_name(name or result.strategy, changed), write)
    refresh(Path(reports))
    return folder / "tearsheet.html"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Comparison(Shown):
    """Runs on the terms that they share.

    Attributes
    ----------
    fairness : Fairness
        The terms, and what is said of them.
    risk_free : RiskFree
    """

    SHOWN = ("window", "benchmark", "notes", "table")

    fairness: Fairness
    risk_free: RiskFree

    @property
    def window(self) -> tuple[Any, Any]:
        """First and last common session."""
        return self.fairness.sessions[0].date(), self.fairness.sessions[-1].date()

    @property
    def benchmark(self) -> str:
        """Of all of them; empty for none."""
        return self.fairness.benchmark

    @property
    def notes(self) -> str:
        """What must be known of the terms."""
        return " ".join(note.text for note in self.fairness.notes)

    @property
    def table(self) -> pd.DataFrame:
        """:data:`METRICS` of each run within the common window, shape (runs, metrics)."""
        field = contenders(self.fairness, self.risk_free)
        rows = [{name: getattr(contender.metrics, name) for name in METRICS} for contender in field]
        return pd.DataFrame(rows, index=[contender.label for contender in field])

    def publish(self, reports: Path | str = "reports") -> Path:
        """Write ``comparison.html``.

        Raises
        ------
        ReportError
        """
        return place_page(Path(reports), "comparison.html", comparison_page(self.fairness, Path(reports), self.risk_free))


def compare(*results: Result, as_is: bool = False, risk_free: float | RiskFree = 0.0) -> Comparison:
    """Compare runs over the sessions that they share.

    Parameters
    ----------
    *results : Result
        Differences are to the first.
    as_is : bool
        Compare runs that differ without aligning or refusing them.
    risk_free : float or RiskFree
        A year, the same for all.

    Raises
    ------
    ComparisonError
        Runs that have other cash or another benchmark than the first, or share no window.
    """
    fairness = judge(_labelled(results), as_is=as_is)
    for label, reason in fairness.left_out:
        raise ComparisonError(f"{label} {reason}. Run it on the same terms, or compare with as_is=True.")
    return Comparison(fairness=fairness, risk_free=_rate(risk_free))


def _labelled(results: Sequence[Result]) -> Any:
    return with_own_labels(track_of(result) for result in results)


def _rate(risk_free: float | RiskFree) -> RiskFree:
    return risk_free if isinstance(risk_free, RiskFree) else constant(risk_free)
