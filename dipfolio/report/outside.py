"""Outside: a series of equity or returns that somebody else made, read from a CSV file."""

import csv
import math
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from dipfolio.errors import DataError
from dipfolio.report.track import Track, eve

Kind = Literal["equity", "returns"]

WORDS: dict[Kind, tuple[str, ...]] = {
    "returns": ("return", "ret", "pnl", "change"),
    "equity": ("equity", "value", "nav", "wealth", "balance", "close", "price", "total"),
}
"""What a column's name says about its kind, asked only where the figures do not tell."""

STEADY = 0.1
"""An equity curve moves by less than this from day to day, in the median; positive returns jump by far more."""

WILD = 0.2
"""A standard deviation of daily returns above this is a column in percent, or no returns at all."""


def read_outside(path: Path, kind: Kind | None = None) -> Track:
    """A series from elsewhere: one column of dates, one of values, with or without a line of names above.

    Parameters
    ----------
    path : Path
        Comma, semicolon or tab between; dates as 2025-01-27; decimal points.
    kind : {"equity", "returns"}, optional
        What the values are, if the file is not to be asked.

    Raises
    ------
    DataError
        A file that is no such table, names the row; values of which nobody can tell what they are; a loss of all money.
    """
    name, series = _read(path)
    said = kind or _kind(series, name)
    if said is None:
        raise DataError(f"{path.name} could hold equity or returns; say which with --kind equity or --kind returns.")
    returns, base = _returns(path, series, said, certain=kind is not None)
    why = "as told" if kind else "judged by its values"
    return Track(label=path.stem, returns=returns, base=base, origin=f"{path.name}, taken for {_A[said]} ({why})")


_A: dict[Kind, str] = {"equity": "an equity series", "returns": "a return series"}


def _read(path: Path) -> tuple[str, pd.Series]:
    """Name of the value column and the values by day, in order."""
    rows = [row for row in _rows(path) if row[1]]
    titles = [] if rows and _day(rows[0][1][0]) else rows[:1]
    values: dict[pd.Timestamp, float] = {}
    for number, row in rows[len(titles) :]:
        day, value = _cells(path, number, row)
        if day in values:
            raise DataError(f"{path.name}, line {number}: {day.date()} stands twice.")
        values[day] = value
    if len(values) < 2:
        raise DataError(
            f"{path.name} has {len(values)} values; a series needs a column of dates and one of values, at least two rows."
        )
    return titles[0][1][-1] if titles else "", pd.Series(values, dtype="float64").sort_index().rename_axis("session")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line numbers and stripped cells."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}.") from error
    lines = text.splitlines()
    head = lines[0] if lines else ""
    separator = max(",;\t", key=head.count)
    try:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        return [(reader.line_num, [cell.strip() for cell in row] if any(map(str.strip, row)) else []) for row in reader]
    except csv.Error as error:
        raise DataError(f"{path.name} is no CSV file: {error}.") from error


def _cells(path: Path, number: int, row: Sequence[str]) -> tuple[pd.Timestamp, float]:
    if len(row) != 2:
        raise DataError(f"{path.name}, line {number}: expected a date and a value, found {len(row)} cells.")
    day, value = _day(row[0]), _number(row[1])
    if day is None:
        raise DataError(f"{path.name}, line {number}: {row[0]!r} is no date; write it as 2025-01-27.")
    if value is None:
        raise DataError(f"{path.name}, line {number}: {row[1]!r} is no number.")
    return day, value


def _day(text: str) -> pd.Timestamp | None:
    """A date, or the date of a moment as it is written there."""
    try:
        return pd.Timestamp(datetime.fromisoformat(text).date() if len(text) > 10 else date.fromisoformat(text)).as_unit("s")
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _kind(series: pd.Series, name: str) -> Kind | None:
    """What the values are: their signs and steps decide, then the name of the column, or nothing does."""
    values = series.to_numpy()
    if (values <= 0).any():
        return "returns"
    steps = np.abs(values[1:] / values[:-1] - 1)
    if np.median(steps) < STEADY and np.median(values) > STEADY:
        return "equity"
    said: list[Kind] = [kind for kind, words in WORDS.items() if any(word in name.lower() for word in words)]
    return said[0] if len(said) == 1 else None


def _returns(path: Path, series: pd.Series, kind: Kind, *, certain: bool) -> tuple[pd.Series, pd.Timestamp]:
    """Returns by day, and the day on whose close the first of them starts."""
    if kind == "equity":
        if (series <= 0).any():
            lost = series.index[series <= 0][0].date()
            raise DataError(f"{path.name}: an equity of {series[series <= 0].iloc[0]:g} on {lost} has no returns after it.")
        return (series / series.shift() - 1).iloc[1:], series.index[0]
    if (series <= -1).any():
        worst = series.index[series <= -1][0].date()
        raise DataError(f"{path.name}: a return of {series[series <= -1].iloc[0]:g} on {worst} loses all money; 1 % is 0.01.")
    if not certain and series.std() > WILD:
        raise DataError(
            f"{path.name}: returns that vary by {series.std():.2g} a day look like percent; 1 % is 0.01. If not: --kind."
        )
    return series, eve(series.index[0])
