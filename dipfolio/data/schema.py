"""The columns of price data, and the types of a price table, a split, an issue, a file format and the metadata of a file.

``FIELDS`` are the five columns of a bar in the order in which they are stored. A ``DataIssue`` is an error, which
stops a run, or a warning, which is reported while the run goes on. A ``FileFormat`` says how a file was read. A
``PriceTable`` has the bars of one symbol as a file has them, oldest first, and perhaps its dividends, splits and
adjusted closes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np

SINGLE_BAR_ISSUES = (
    "open outside the range", "close outside the range", "high far out", "low far out", "stale", "no volume",
    "dividend without a bar",
)  # fmt: skip
"""Kinds that concern one bar. They matter to a result that held the symbol then; all others matter to every result."""


@dataclass(frozen=True, kw_only=True)
class DataIssue:
    """One fault or oddity among the data.

    Attributes
    ----------
    severity : {"error", "warning"}
        An error stops a run; a warning is reported and the run goes on.
    kind : str
        What is wrong in a word or two, such as "missing session" or "high far out".
    symbol : str
        Empty where it is about all of them.
    date : str
        The session or day concerned, as an ISO date; empty where it is the file as a whole.
    value : float
        The price, volume, amount or count that is at fault; NaN where there is none.
    text : str
        One sentence that names symbol, date and value.
    """

    severity: Literal["error", "warning"]
    kind: str
    symbol: str
    date: str = ""
    value: float = float("nan")
    text: str


def summarise_issues(findings: Iterable[DataIssue], held: Callable[[DataIssue], bool] = lambda _: False) -> tuple[str, ...]:
    """The sentences that belong beside every result that was made with some data: one of a kind, with the number of the rest.

    Parameters
    ----------
    findings : iterable of DataIssue
        The warnings about the data that were used.
    held : callable
        Whether the symbol of a finding was held on its day; without it no issue of a single bar is reported.

    Returns
    -------
    tuple of str
        In the order of the findings.
    """
    groups: dict[tuple[str, str], list[DataIssue]] = {}
    for finding in findings:
        if finding.kind not in SINGLE_BAR_ISSUES or held(finding):
            one_each = finding.symbol if finding.kind in ("like a split", "as traded", "large dividend") else ""
            groups.setdefault((finding.kind, one_each), []).append(finding)
    return tuple(_first_and_count(group) for group in groups.values())


def _first_and_count(group: list[DataIssue]) -> str:
    """The first of some findings of a kind, and how many more there are."""
    if len(group) == 1:
        return group[0].text
    others = tuple(dict.fromkeys(finding.symbol for finding in group[1:] if finding.symbol != group[0].symbol))
    of_whom = f", of {', '.join(others[:6])}{' and others' if len(others) > 6 else ''}" if others else ""
    return f"{group[0].text} {len(group) - 1} more like that{of_whom}; `python backtest.py data check` lists them."


FIELDS = ("open", "high", "low", "close", "volume")
"""The data of a bar, in the order in which they are kept."""


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """How a file was understood.

    Attributes
    ----------
    file : str
        Its name.
    layout : str
        Whose columns it has: "dipfolio", "dipfolio, with capitals", "Yahoo", "yfinance", "Nasdaq", "Stooq", "Tiingo", "Alpha
        Vantage" or "Quandl".
    notes : tuple of str
        What was converted or left out; empty where the data were taken as they stand.
    doubt : str
        Why the data may not follow our convention (split-adjusted, not dividend-adjusted); mostly empty.
    left_out : str
        Which bars are not used, as the calendar of sessions does not have their days; mostly empty.
    """

    file: str
    layout: str
    notes: tuple[str, ...] = ()
    doubt: str = ""
    left_out: str = ""


@dataclass(frozen=True, kw_only=True)
class Split:
    """A share became ``ratio`` shares before the open of ``day``.

    ``is_adjusted`` is whether a table states that the prices are adjusted for the split; else the prices show it.
    """

    symbol: str
    day: date
    ratio: float
    is_adjusted: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class CacheMetadata:
    """The metadata of one symbol's fetched prices, which the Parquet file of the prices contains.

    Attributes
    ----------
    dividends, splits : dict
        ISO date to amount a share, and to new shares for one old.
    asked_from : str
        The first day that was requested; the symbol may have been listed later.
    retrieved : str
        The ISO date of the last request.
    source : str
        The provider; empty in a file of the first versions.
    """

    dividends: dict[str, float]
    splits: dict[str, float]
    asked_from: str
    retrieved: str
    source: str = ""


PRICES = FIELDS[:4]
ADJUSTMENT = "split-adjusted, not dividend-adjusted"


@dataclass(frozen=True, kw_only=True, eq=False)
class ExtraColumn:
    """A column beside the five fields.

    Attributes
    ----------
    heading : str
        As the file has it.
    cells : ndarray of float64, shape (rows,)
    """

    heading: str
    cells: np.ndarray

    def take(self, rows: np.ndarray) -> "ExtraColumn":
        """Only these rows, in this order."""
        return ExtraColumn(heading=self.heading, cells=self.cells[rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class PriceTable:
    """One symbol's bars as a file has them, oldest first; days may repeat and data be missing.

    Attributes
    ----------
    days : ndarray of datetime64[D], shape (rows,)
    cells : ndarray of float64, shape (5, rows)
        In the order of ``FIELDS``.
    dividends : ExtraColumn, optional
        Cash a share on its ex-date, 0 elsewhere; per share of then or of today, as the prices are. None without such a column.
    splits : ExtraColumn, optional
        New shares for one old on the first day of the new ones, 1 elsewhere.
    adjusted : ExtraColumn, optional
        Closes adjusted for splits and perhaps for dividends; they are evidence and not traded.
    """

    days: np.ndarray
    cells: np.ndarray
    dividends: ExtraColumn | None = None
    splits: ExtraColumn | None = None
    adjusted: ExtraColumn | None = None

    def take(self, rows: np.ndarray) -> "PriceTable":
        """Only these rows, in this order."""
        beside = {name: column.take(rows) for name in OPTIONAL_COLUMNS if (column := getattr(self, name)) is not None}
        return PriceTable(days=self.days[rows], cells=np.ascontiguousarray(self.cells[:, rows]), **beside)


OPTIONAL_COLUMNS = ("dividends", "splits", "adjusted")
"""The columns of :class:`PriceTable` that a file may lack."""
