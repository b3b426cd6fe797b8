"""Factor returns: a CSV of dates and daily returns of factors, such as those of Kenneth French's data library.

The table of the library is read as it is handed out: with the lines above and below it, dates such as 20240314, per cent, and
-99.99 or -999 where data are missing. Any other CSV needs a column of dates and columns of returns.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data.tables import TextRows, read_text_rows
from dipfolio.data.vendor_formats import parse_dates, parse_numbers
from dipfolio.errors import DataError, MissingFileError
from dipfolio.storage import sha256_of

MAX_FACTORS = 20
"""Columns of returns that a file may have."""

MISSING_VALUES = (-99.99, -999.0)
"""Numbers that stand for missing data in Kenneth French's library."""

MAX_FRACTION_MOVE, MIN_PERCENT_MOVE = 0.02, 0.04
"""The median move of a factor in a session: at most 2 % as a fraction, at least 0.04 as per cent. Between them is doubt."""

RISK_FREE = "RF"
"""Heading of the risk-free return of a session, which is no factor."""

MARKET_FACTORS = ("MKT-RF", "MKT_RF", "MKTRF", "MKT")
"""Headings of the excess return of the market, in upper case."""

_PERCENT = re.compile(r"percent|per cent|%", re.IGNORECASE)
_DAY = re.compile(r"\s*\d{4}-?\d\d-?\d\d(?:[T ].*)?\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorReturns:
    """Daily returns of factors.

    Attributes
    ----------
    returns : DataFrame of shape (sessions, columns)
        Fractions; NaN where data are missing. A column :data:`RISK_FREE` is the risk-free return of each session.
    description : str
        How the file was understood, in one or two sentences.
    """

    returns: pd.DataFrame
    description: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the dates, headings and returns."""
        values = self.returns.to_numpy(dtype="float64")
        return sha256_of("\n".join(self.returns.columns), self.returns.index.to_numpy(), values, self.description)

    def over(self, sessions: pd.DatetimeIndex) -> pd.DataFrame:
        """The returns of some sessions, shape (sessions, columns); NaN where the file has none.

        Raises
        ------
        DataError
            The file has none of these sessions.
        """
        if not self.returns.index.isin(sessions).any():
            first, last = self.returns.index[0].date(), self.returns.index[-1].date()
            raise DataError(
                f"The factor returns from {first} to {last} have no session of the run, which is from {sessions[0].date()} to "
                f"{sessions[-1].date()}."
            )
        return self.returns.reindex(sessions)


def market_factor(columns: pd.Index) -> str:
    """The heading of the excess return of the market; empty without one."""
    return next((str(name) for name in columns if str(name).upper() in MARKET_FACTORS), "")


def read_factor_returns(path: Path | str) -> FactorReturns:
    """The daily factor returns of a CSV file.

    The headings are those of the last line above the first date. Returns are per cent where a heading says so (``percent``,
    ``%``) or their size does, see :data:`MIN_PERCENT_MOVE`.

    Parameters
    ----------
    path : Path or str

    Raises
    ------
    MissingFileError
        There is no such file.
    DataError
        No daily table, two of them, a cell that is no number, a date that stands twice, or returns whose unit is in doubt.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"There is no file of factor returns at {str(path)!r}.")
    try:
        text = read_text_rows(path, footers=False)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as factor returns: {error}") from error
    names, first, last = _table_of(path, text)
    block = [row for _, row in text.rows[first:last]]
    wrong = next((number for number, row in text.rows[first:last] if len(row) != len(names) + 1), None)
    if wrong is not None:
        raise DataError(f"{path}: line {wrong} does not have {len(names) + 1} cells, as the headings have.")
    cells = np.array(block, dtype=object)
    prefix = f"{path} cannot be read as factor returns"
    days, _ = parse_dates(prefix, cells[:, 0], slashed=False)
    columns = {name: _column(prefix, cells[:, place], name, days) for place, name in enumerate(names, 1)}
    table = pd.DataFrame(columns, index=pd.DatetimeIndex(days.astype("datetime64[s]"), name="session")).sort_index()
    if not table.index.is_unique:
        raise DataError(f"{path} has two rows for {table.index[table.index.duplicated()][0].date()}.")
    percent, why = _unit(path, table)
    return FactorReturns(
        returns=table / 100 if percent else table,
        description=_describe(path, table, text, (first, last), f"{'per cent' if percent else 'fractions'} {why}"),
    )


def _table_of(path: Path, text: TextRows) -> tuple[list[str], int, int]:
    """The headings of the factors, and the places of the first row of data and of the one behind the last."""
    daily = [bool(_DAY.fullmatch(row[0])) and len(row) > 1 for _, row in text.rows]
    if True not in daily:
        monthly = any(re.fullmatch(r"\s*\d{6}\s*", row[0]) for _, row in text.rows)
        hint = " Its dates are months; take the daily file." if monthly else ""
        raise DataError(f"{path} has no row that begins with a day such as 20240314 or 2024-03-14.{hint}")
    first = daily.index(True)
    last = next((place for place in range(first, len(daily)) if not daily[place]), len(daily))
    if True in daily[last:]:
        raise DataError(
            f"{path}: line {text.rows[last][0]} is no row of a date and returns, but such rows follow. If the file has several "
            "tables, keep one of them."
        )
    if not first:
        raise DataError(f"{path} has no line of headings above its first date.")
    names = [cell.strip() for cell in text.rows[first - 1][1][1:]]
    if not all(names) or len({name.upper() for name in names}) < len(names):
        raise DataError(f"{path}: every column of returns needs a heading of its own, found {', '.join(names)[:80] or 'none'}.")
    if len(names) > MAX_FACTORS:
        raise DataError(f"{path} has {len(names)} columns of returns; at most {MAX_FACTORS} are taken.")
    return names, first, last


def _column(prefix: str, cells: np.ndarray, name: str, days: np.ndarray) -> np.ndarray:
    """The numbers of a column as they are written, NaN where data are missing."""
    plain = np.array([str(cell).strip().removesuffix("%").strip() for cell in cells], dtype=object)
    values = parse_numbers(prefix, np.where(plain == ".", "", plain), name, days, money=False)
    return np.where(np.isin(values, MISSING_VALUES), np.nan, values)


def _unit(path: Path, table: pd.DataFrame) -> tuple[bool, str]:
    """Whether the returns are per cent, and how that is known."""
    factors = table.drop(columns=[name for name in table.columns if name.upper() == RISK_FREE])
    if factors.empty or not len(factors.columns):
        raise DataError(f"{path} has no column of factor returns.")
    if any(_PERCENT.search(name) for name in table.columns):
        return True, "by their headings"
    moves = factors.where(factors != 0).abs().median()
    if moves.isna().any():
        raise DataError(f"{path}: the column {moves.index[moves.isna()][0]!r} has no return other than 0.")
    said = f"by their size (a median move of {moves.min():.2g} to {moves.max():.2g} a session)"
    if moves.max() <= MAX_FRACTION_MOVE:
        return False, said
    if moves.min() >= MIN_PERCENT_MOVE:
        return True, said
    raise DataError(
        f"{path}: it is in doubt whether the returns are fractions or per cent, as the median move of a session is "
        f"{moves.min():.2g} to {moves.max():.2g}. Add percent to the headings, or write fractions."
    )


def _describe(path: Path, table: pd.DataFrame, text: TextRows, span: tuple[int, int], unit: str) -> str:
    """How the file was understood."""
    first, last = table.index[0].date(), table.index[-1].date()
    left, lost = span[0] - 1 + len(text.rows) - span[1], int(table.isna().sum().sum())
    said = f"The factor returns of {path.name} ({', '.join(table.columns)}) are taken as {unit}, {first} to {last}."
    more = [f"{left} line{'' if left == 1 else 's'} outside of the table"] if left else []
    more += [f"{lost} missing value{'' if lost == 1 else 's'}"] if lost else []
    return f"{said} Left out: {' and '.join(more)}." if more else said
