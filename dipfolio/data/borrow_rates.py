"""Borrow rates: what borrowing the shares of a symbol costs a year from a day on, from ``borrow.csv``.

The table has the columns symbol, date and rate. A rate is known on the close of its day and is charged from then until
the next row of its symbol; before the first row, and for a symbol without rows, the rate of the account is charged.
Rates are fractions a year, or per cent where every cell has the sign of it or the heading is ``rate_percent``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data.corporate_actions import ActionTable, match_names
from dipfolio.data.risk_free import MAX_UNAMBIGUOUS_RATE, is_percent, rate_as_percent
from dipfolio.data.schema import DataIssue
from dipfolio.data.tables import RawTable, read_table
from dipfolio.data.universe import match_symbols
from dipfolio.data.vendor_formats import parse_dates, parse_numbers
from dipfolio.errors import DataError
from dipfolio.storage import sha256_of

BORROW_FILE = "borrow.csv"
BORROW_COLUMNS = ("symbol", "date", "rate")
PERCENT_HEADING = "rate_percent"
"""The heading of a column of rates in per cent."""
MAX_BORROW_RATE = 20.0
"""A rate above, 2,000 % a year, is taken for a mistake."""


@dataclass(frozen=True, kw_only=True)
class BorrowRate:
    """One row of the table.

    Attributes
    ----------
    symbol : str
    day : date
        On whose close the rate is known.
    rate : float
        A year, as a fraction.
    """

    symbol: str
    day: date
    rate: float


def read_borrow_rates(path: Path) -> tuple[BorrowRate, ...]:
    """The rows of a ``borrow.csv``, as they are written.

    Raises
    ------
    DataError
        A file that cannot be read as symbol,date,rate, a rate that is missing, below 0 or too large, a fraction above 0.15,
        which may be meant as per cent, rates with and without the sign of per cent, or two rates of a symbol for one day.
    """
    table = read_table(path, expected=",".join(BORROW_COLUMNS))
    percent = PERCENT_HEADING in [" ".join(head).strip().lower() for head in table.heads]
    heading = PERCENT_HEADING if percent else "rate"
    symbols, dates, cells = table.named("symbol", "date", heading)
    prefix = f"{path} cannot be read as {','.join(BORROW_COLUMNS)}"
    days, _ = parse_dates(prefix, dates, slashed=False)
    signed, cells = _without_signs(table, cells)
    rates = parse_numbers(prefix, cells, "rate", days, money=False) / (100 if percent or signed else 1)
    rows: dict[tuple[str, date], BorrowRate] = {}
    for symbol, day, rate in zip((str(cell).strip() for cell in symbols), days.tolist(), rates.tolist(), strict=True):
        _check_rate(path, symbol, day, rate, stated=percent or signed)
        if (symbol, day) in rows:
            raise DataError(f"{path} has two rates of {symbol} for {day}; keep one row.")
        rows[symbol, day] = BorrowRate(symbol=symbol, day=day, rate=rate)
    return tuple(rows.values())


def _without_signs(table: RawTable, cells: np.ndarray) -> tuple[bool, np.ndarray]:
    """Whether every rate has the sign of per cent, and the rates without it.

    Raises
    ------
    DataError
        Some have it and some have not.
    """
    texts = [str(cell).strip() for cell in cells]
    signs = [is_percent(text) for text in texts if text]
    if not any(signs):
        return False, cells
    if not all(signs):
        raise DataError(f"{table.file} has rates with and without the sign of per cent; write all in one way.")
    return True, np.array([text.removesuffix("%").strip() for text in texts], dtype=object)


def _check_rate(path: Path, symbol: str, day: date, rate: float, *, stated: bool) -> None:
    if not 0 <= rate <= MAX_BORROW_RATE:
        found = "no rate" if np.isnan(rate) else f"the rate {rate:g}"
        raise DataError(f"{path} has {found} for {symbol} on {day}; 0.003 is 0.3% a year.")
    if rate > MAX_UNAMBIGUOUS_RATE and not stated:
        raise DataError(
            f"{path} has the rate {rate:g} for {symbol} on {day}, as a fraction {rate_as_percent(rate)} a year. If it is "
            f"{rate:g} per cent, head the column {PERCENT_HEADING}; if it is {rate_as_percent(rate)}, write all rates with the "
            "sign of per cent."
        )


def load_borrow_rates(path: Path | None, symbols: tuple[str, ...], known: tuple[str, ...]) -> tuple[BorrowRate, ...]:
    """The rates of some symbols by symbol and day; none without a file.

    Parameters
    ----------
    path : Path or None
    symbols : tuple of str
        The wanted ones.
    known : tuple of str
        All symbols that have prices, which the names in the table are matched with.

    Raises
    ------
    DataError
        A table that cannot be read, or that has two names for one symbol.
    """
    if path is None:
        return ()
    rows = read_borrow_rates(path)
    names = match_names([row.symbol for row in rows], known, path)
    matched = (replace(row, symbol=names[row.symbol]) for row in rows if names.get(row.symbol) in symbols)
    return tuple(sorted(matched, key=lambda row: (symbols.index(row.symbol), row.day)))


def borrow_table(path: Path, known: tuple[str, ...]) -> ActionTable:
    """How many rows of the table there are, and how many are for symbols without prices.

    Raises
    ------
    DataError
        A table that cannot be read.
    """
    names = [row.symbol for row in read_borrow_rates(path)]
    symbol_of = match_symbols(names, known)
    lost = [name for name in names if name not in symbol_of]
    return ActionTable(name=BORROW_FILE, rows=len(names), unmatched=len(lost), unmatched_symbols=tuple(dict.fromkeys(lost)))


def borrow_warnings(path: Path | None, known: tuple[str, ...]) -> Iterator[DataIssue]:
    """A warning where not one row is for a symbol that has prices; a table may be longer than the folder.

    Raises
    ------
    DataError
        A table that cannot be read.
    """
    if path is None:
        return
    table = borrow_table(path, known)
    if table.unmatched == table.rows:
        text = f"{BORROW_FILE} has no row for a symbol that has prices here."
        yield DataIssue(severity="warning", kind="rows for no symbol", symbol="", value=float(table.unmatched), text=text)


def borrow_rates_by_session(
    rows: Iterable[BorrowRate], sessions: pd.DatetimeIndex, symbols: tuple[str, ...]
) -> np.ndarray | None:
    """The rate that is known on each close, NaN where the account's is charged, shape (sessions, symbols); None without rows."""
    wanted = [row for row in rows if row.symbol in symbols]
    if not wanted:
        return None
    rates = np.full((len(sessions), len(symbols)), np.nan)
    for row in sorted(wanted, key=lambda row: row.day):
        rates[sessions.searchsorted(pd.Timestamp(row.day)) :, symbols.index(row.symbol)] = row.rate
    return rates


def describe_borrow_rates(rows: Iterable[BorrowRate], most: int = 12) -> str:
    """The symbols that have rates, for the assumptions of a run; empty without rows."""
    symbols = list(dict.fromkeys(row.symbol for row in rows))
    return ", ".join(symbols[:most]) + (f" and {len(symbols) - most} more" if len(symbols) > most else "")


def borrow_fingerprint(rows: Iterable[BorrowRate]) -> str:
    """SHA-256 of the symbols, days and rates; empty without rows."""
    lines = [f"{row.symbol} {row.day} {row.rate!r}" for row in rows]
    return sha256_of("\n".join(lines)) if lines else ""
