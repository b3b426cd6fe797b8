"""Events: the dated facts that strategies may use, with the time of day at which they became known."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from dipfolio.errors import DataError

DEEPSEEK_MONDAY = date(2025, 1, 27)
"""The session of the sell-off; the article appeared before its open."""

COLUMNS = ["date", "time", "kind", "symbols", "event"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened on a day.

    Attributes
    ----------
    day : date
    time : str
        "before open", "after close" or empty where it is not known.
    kind : str
        Such as "earnings" or "announcement".
    symbols : tuple of str
        The companies concerned, empty for the market as a whole.
    text : str
    """

    day: date
    time: str
    kind: str
    symbols: tuple[str, ...]
    text: str


def read_events(path: Path) -> tuple[Event, ...]:
    """The events of an ``events.csv`` (date,time,kind,symbols,event), oldest first.

    Raises
    ------
    DataError
        A missing file, a missing column or something that is no date.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        days = pd.to_datetime(table["date"], format="%Y-%m-%d")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} cannot be read as events ({','.join(COLUMNS)}): {error}") from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]!r}; expected {','.join(COLUMNS)}.")
    rows = sorted(zip(days, table.itertuples(index=False), strict=True), key=lambda pair: pair[0])
    return tuple(
        Event(day=day.date(), time=row.time, kind=row.kind, symbols=tuple(row.symbols.split()), text=row.event)
        for day, row in rows
    )
