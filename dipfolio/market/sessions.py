"""Sessions: the days on which the New York Stock Exchange trades.

The calendar has a fixed first and last day, so that no result depends on the day it was computed.
Sessions are tz-naive midnights.
"""

from datetime import date
from functools import cache

import exchange_calendars
import numpy as np
import pandas as pd

from dipfolio.errors import WindowError

EXCHANGE = "XNYS"
FIRST, LAST = "1990-01-02", "2035-12-31"


@cache
def _all() -> pd.DatetimeIndex:
    return pd.DatetimeIndex(exchange_calendars.get_calendar(EXCHANGE, start=FIRST, end=LAST).sessions, freq=None)


@cache
def days() -> np.ndarray:
    """Every session of the calendar as datetime64[D], in order."""
    return np.asarray(_all().to_numpy().astype("datetime64[D]"))


def between(start: date | pd.Timestamp, end: date | pd.Timestamp) -> pd.DatetimeIndex:
    """Sessions from ``start`` to ``end``, both included."""
    everything = _all()
    left, right = everything.searchsorted(pd.Timestamp(start)), everything.searchsorted(pd.Timestamp(end), "right")
    return everything[left:right]


def is_session(day: date | pd.Timestamp) -> bool:
    """Whether the exchange trades on that day."""
    return pd.Timestamp(day) in _all()


def offset(day: date | pd.Timestamp, count: int) -> pd.Timestamp:
    """The session ``count`` sessions after ``day`` (before it, where negative).

    Parameters
    ----------
    day : date
        If it is no session, the count starts between its neighbours: the next session is 1 away, the previous one -1.
    count : int
        Number of sessions.

    Raises
    ------
    WindowError
        Outside the years that the calendar covers.
    """
    everything = _all()
    between_sessions = not is_session(day)
    position = int(everything.searchsorted(pd.Timestamp(day))) + count - (between_sessions and count > 0)
    if not 0 <= position < len(everything):
        raise WindowError(f"{count} sessions from {pd.Timestamp(day).date()} is outside the calendar, {FIRST} to {LAST}.")
    return pd.Timestamp(everything[position])
