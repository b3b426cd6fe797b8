"""The trading calendar: the sessions of the New York Stock Exchange (XNYS), from the package exchange_calendars.

The calendar has a fixed first and last day, so that no result depends on the day on which it was computed. Sessions
are tz-naive midnights. Saturdays are not in the calendar, although the exchange was open on them until 1952.
"""

import warnings
from datetime import date
from functools import cache

import exchange_calendars
import numpy as np
import pandas as pd

from dipfolio.errors import WindowError

EXCHANGE = "XNYS"
FIRST_SESSION, LAST_SESSION = "1927-07-01", "2035-12-31"
"""The first and the last session; before 1927 some holidays of the exchange are missing from exchange_calendars."""
PRECOMPUTED_FROM = "1990-01-02"
"""Sessions before this one are computed only when somebody asks for them."""
LAST_SATURDAY = "1952-05-24"
"""The last Saturday on which the exchange was open; Saturdays are not in the calendar."""


@cache
def _exchange() -> exchange_calendars.ExchangeCalendar:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Series.values returning", DeprecationWarning)  # exchange_calendars on pandas 3.1
        return exchange_calendars.get_calendar(EXCHANGE, start=PRECOMPUTED_FROM, end=LAST_SESSION)


@cache
def _precomputed_sessions() -> pd.DatetimeIndex:
    return pd.DatetimeIndex(_exchange().sessions, freq=None)


@cache
def _all_sessions() -> pd.DatetimeIndex:
    """Every session: the weekdays that are no holiday.

    exchange_calendars applies the rules of the regular holidays only from 1970 on unless the range is named, so that
    Christmas 1969 would be a session.
    """
    usual, calendar = _precomputed_sessions(), _exchange()
    end = pd.Timestamp(PRECOMPUTED_FROM) - pd.Timedelta(days=1)
    regular = calendar.regular_holidays.holidays(pd.Timestamp(FIRST_SESSION), end)
    special = pd.DatetimeIndex([pd.Timestamp(day).tz_localize(None) for day in calendar.adhoc_holidays])
    early = pd.bdate_range(FIRST_SESSION, end).difference(regular.union(special))
    return pd.DatetimeIndex(early.as_unit(usual.unit).append(usual), freq=None)


def _sessions_reaching(day: date | pd.Timestamp) -> pd.DatetimeIndex:
    """The sessions that are enough for a question about days from ``day`` on."""
    return _precomputed_sessions() if pd.Timestamp(day) >= pd.Timestamp(PRECOMPUTED_FROM) else _all_sessions()


@cache
def _session_days(*, early: bool) -> np.ndarray:
    return np.asarray((_all_sessions() if early else _precomputed_sessions()).to_numpy().astype("datetime64[D]"))


def session_days(since: np.datetime64 | str = PRECOMPUTED_FROM) -> np.ndarray:
    """Sessions as datetime64[D], in order: at least all from ``since`` on."""
    return _session_days(early=bool(np.datetime64(since) < np.datetime64(PRECOMPUTED_FROM)))


def between(start: date | pd.Timestamp, end: date | pd.Timestamp) -> pd.DatetimeIndex:
    """Sessions from ``start`` to ``end``, both included."""
    everything = _sessions_reaching(start)
    left, right = everything.searchsorted(pd.Timestamp(start)), everything.searchsorted(pd.Timestamp(end), "right")
    return everything[left:right]


def is_session(day: date | pd.Timestamp) -> bool:
    """True if the exchange trades on that day."""
    return pd.Timestamp(day) in _sessions_reaching(day)


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
    between_sessions = not is_session(day)
    for everything in (_sessions_reaching(day), _all_sessions()):
        position = int(everything.searchsorted(pd.Timestamp(day))) + count - (between_sessions and count > 0)
        if position >= 0:
            break
    if not 0 <= position < len(everything):
        raise WindowError(
            f"{count} sessions from {pd.Timestamp(day).date()} is outside the calendar, {FIRST_SESSION} to {LAST_SESSION}."
        )
    return pd.Timestamp(everything[position])


def session_before(day: pd.Timestamp) -> pd.Timestamp:
    """The session before a day, or the day before where the calendar does not reach."""
    try:
        return offset(day, -1).as_unit("s")
    except WindowError:
        return day - pd.Timedelta(days=1)
