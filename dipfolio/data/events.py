"""Dated market events that strategies may use, with the time of day at which they became known.

Events are read from ``events.csv`` with the columns date, time, kind, symbols and event. Further columns, such as the
source of each row, are for people and are not read.
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from dipfolio.data.tables import read_table
from dipfolio.data.universe import match_symbols
from dipfolio.data.vendor_formats import parse_dates
from dipfolio.errors import DataError

EVENT_COLUMNS = ("date", "time", "kind", "symbols", "event")
EVENT_TIMES = ("before open", "after close", "")


@dataclass(frozen=True, kw_only=True)
class MarketEvent:
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


def read_events(path: Path) -> tuple[MarketEvent, ...]:
    """The events of an ``events.csv`` (date,time,kind,symbols,event), oldest first.

    Raises
    ------
    DataError
        A missing file, a missing column, something that is no date or no time of day.
    """
    table = read_table(path, expected=f"events ({','.join(EVENT_COLUMNS)})")
    dates, *others = table.named(*EVENT_COLUMNS)
    days, _ = parse_dates(f"{path} cannot be read as events ({','.join(EVENT_COLUMNS)})", dates, slashed=False)
    rows = sorted(zip(days.tolist(), *([str(cell).strip() for cell in column] for column in others), strict=True), key=_event_day)
    for day, time, *_ in rows:
        if time not in EVENT_TIMES:
            raise DataError(
                f"{path}: the time of {day} is {time[:40]!r}, expected {', '.join(filter(None, EVENT_TIMES))} or nothing."
            )
    return tuple(
        MarketEvent(day=day, time=time, kind=kind, symbols=tuple(symbols.split()), text=text)
        for day, time, kind, symbols, text in rows
    )


def _event_day(row: tuple[date, str, str, str, str]) -> date:
    return row[0]


def match_event_symbols(events: tuple[MarketEvent, ...], symbols: tuple[str, ...]) -> tuple[MarketEvent, ...]:
    """The same events, with their symbols written as those that have prices; see :func:`dipfolio.data.universe.match_symbols`."""
    names = match_symbols((name for event in events for name in event.symbols), symbols)
    return tuple(replace(event, symbols=tuple(names.get(name, name) for name in event.symbols)) for event in events)
