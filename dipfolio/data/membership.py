"""Dated membership: which symbols belonged to a universe on which days, from ``universe.csv``.

The table has the columns symbol, from and to. A symbol is a member from the first day to the last, both included; an
empty ``to`` means that it still is. A row says what was known on those days: the close of ``from`` is the first on which
a strategy may decide on the symbol.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data.tables import read_table
from dipfolio.data.universe import match_symbols
from dipfolio.errors import DataError

MEMBERSHIP_FILE = "universe.csv"
MEMBERSHIP_COLUMNS = ("symbol", "from", "to")


@dataclass(frozen=True, kw_only=True)
class Membership:
    """One row of the table.

    Attributes
    ----------
    symbol : str
    start : date
        The first day.
    end : date or None
        The last day; None for a symbol that is still a member.
    """

    symbol: str
    start: date
    end: date | None = None


def read_membership(path: Path, known: Iterable[str] = ()) -> tuple[Membership, ...]:
    """The rows of a ``universe.csv``, in their order.

    Parameters
    ----------
    path : Path
    known : iterable of str
        Symbols that have prices; names in the table are written as these, see
        :func:`dipfolio.data.universe.match_symbols`.

    Raises
    ------
    DataError
        A missing file or column, a cell that is no date, no row, an end before its start, or two rows of a symbol that share
        a day.
    """
    table = read_table(path, expected=",".join(MEMBERSHIP_COLUMNS))
    symbols, starts, ends = ([str(cell).strip() for cell in column] for column in table.named(*MEMBERSHIP_COLUMNS))
    names = match_symbols(symbols, known)
    rows = tuple(
        Membership(
            symbol=names.get(symbol, symbol.upper()),
            start=_day(path, symbol, start),
            end=None if end in ("", "nan", "None") else _day(path, symbol, end),
        )
        for symbol, start, end in zip(symbols, starts, ends, strict=True)
    )
    if not rows:
        raise DataError(
            f"{path} has no row; write {','.join(MEMBERSHIP_COLUMNS)}, such as NVDA,2024-01-02, for a member since then."
        )
    for row in rows:
        if row.end is not None and row.end < row.start:
            raise DataError(f"{path}: {row.symbol} is a member from {row.start} to {row.end}, which is before.")
    for one, other in pairwise(sorted(rows, key=lambda row: (row.symbol, row.start))):
        if one.symbol == other.symbol and (one.end is None or one.end >= other.start):
            raise DataError(f"{path} has two rows of {one.symbol} for {other.start}; a day belongs to one row.")
    return rows


def _day(path: Path, symbol: str, cell: str) -> date:
    try:
        return date.fromisoformat(cell[:10] if cell.endswith(" 00:00:00") else cell)
    except ValueError:
        raise DataError(f"{path}: {cell[:40]!r} of {symbol} is no date; write it as 2024-12-31.") from None


def members_of(rows: Iterable[Membership]) -> tuple[str, ...]:
    """All symbols that were ever members, in the order of their first rows."""
    return tuple(dict.fromkeys(row.symbol for row in rows))


def membership_table(rows: Iterable[Membership], sessions: pd.DatetimeIndex, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Who was a member, shape (sessions, symbols), of bool."""
    is_member = np.zeros((len(sessions), len(symbols)), dtype=bool)
    for row in rows:
        if row.symbol in symbols:
            inside = sessions >= pd.Timestamp(row.start)
            if row.end is not None:
                inside &= sessions <= pd.Timestamp(row.end)
            is_member[:, symbols.index(row.symbol)] |= inside
    return pd.DataFrame(is_member, index=sessions, columns=list(symbols))
