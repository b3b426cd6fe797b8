"""Trading calendars: the sessions of an exchange, from the package exchange_calendars, or of a market that never closes.

The module's functions are those of the New York Stock Exchange (XNYS), the default. A calendar has a fixed first and last
day, so that no result depends on the day on which it was computed. Sessions are tz-naive midnights. The Saturdays on
which New York was open until 1952 are not in its calendar.
"""

import warnings
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property
from typing import Literal, TypeAlias, get_args

import exchange_calendars
import numpy as np
import pandas as pd

from dipfolio.errors import DataError, ParameterError, UnknownNameError, WindowError

EXCHANGE = "XNYS"
FIRST_SESSION, LAST_SESSION = "1927-07-01", "2035-12-31"
"""The first session of New York and the last of all; before 1927 some holidays are missing from exchange_calendars."""
PRECOMPUTED_FROM = "1990-01-02"
"""Sessions of New York before this one are computed only when somebody asks for them."""
FIRST_FOREIGN_DAY = "1970-01-01"
"""The calendars of other exchanges begin here, or where exchange_calendars lets them begin."""
LAST_SATURDAY = "1952-05-24"
"""The last Saturday on which New York was open; Saturdays are not in its calendar."""
ALWAYS_OPEN = "24/7"
"""The calendar of a market that never closes, as of cryptocurrencies: every day is a session."""
SESSIONS_PER_YEAR = 252
"""Sessions of an exchange in a year, by which annual numbers are made, although some have a few more or fewer."""
_OTHER_SESSIONS_PER_YEAR = {ALWAYS_OPEN: 365, "24/5": 260}

Frequency: TypeAlias = Literal["daily", "weekly", "monthly"]
"""What a bar covers."""
PERIODS_PER_YEAR = {"weekly": 52, "monthly": 12}


@dataclass(frozen=True)
class ExchangeCalendar:
    """The sessions of an exchange, or of bars that cover a week or a month of them.

    A weekly or monthly bar belongs to the last session of its week or month, on whose close it is known; these last sessions
    are then the sessions of the calendar. A week begins on Monday.

    Attributes
    ----------
    code : str
        A code of exchange_calendars, such as "XLON", or "24/7"; another name of one, such as "NYSE", is replaced by it.
    frequency : {"daily", "weekly", "monthly"}
        What a bar covers.

    Raises
    ------
    UnknownNameError
        No such code.
    ParameterError
        Another frequency.

    Examples
    --------
    >>> ExchangeCalendar("24/7").is_session(date(2025, 1, 25)), ExchangeCalendar("XLON").is_session(date(2025, 1, 25))
    (True, False)
    >>> str(ExchangeCalendar("XLON").offset(date(2025, 4, 17), 1).date())  # Easter
    '2025-04-22'
    >>> [day.day for day in ExchangeCalendar("XNYS", "weekly").between(date(2025, 4, 7), date(2025, 4, 30))]
    [11, 17, 25]
    """

    code: str = EXCHANGE
    frequency: Frequency = "daily"

    def __post_init__(self) -> None:
        if self.code not in (EXCHANGE, ALWAYS_OPEN):
            object.__setattr__(self, "code", _canonical_code(self.code))
        if self.frequency not in get_args(Frequency):
            raise ParameterError(f"A frequency is daily, weekly or monthly, found {self.frequency!r}.")

    def __str__(self) -> str:
        return self.code if self.frequency == "daily" else f"{self.code}, {self.frequency} bars"

    @property
    def sessions_per_year(self) -> int:
        """Bars in a year, by which annual numbers are made: 252 of an exchange, 365 of 24/7, 52 weeks or 12 months."""
        return PERIODS_PER_YEAR.get(self.frequency) or _OTHER_SESSIONS_PER_YEAR.get(self.code, SESSIONS_PER_YEAR)

    @property
    def first_session(self) -> str:
        """The first session, as an ISO date."""
        return FIRST_SESSION if self == XNYS else str(_sessions(self, early=True)[0].date())

    @property
    def last_session(self) -> str:
        """The last session, as an ISO date."""
        return LAST_SESSION if self == XNYS else str(_sessions(self, early=False)[-1].date())

    @cached_property
    def weekmask(self) -> str:
        """The weekdays on which there may be sessions, from Monday on, such as "1111100", as numpy takes it."""
        daily = _session_days(replace(self, frequency="daily"), early=False)
        open_on = np.bincount(_weekdays(daily), minlength=7) > MIN_WEEKDAY_SHARE * len(daily)
        return "".join("1" if day else "0" for day in open_on)

    def session_days(self, since: np.datetime64 | str = PRECOMPUTED_FROM) -> np.ndarray:
        """Sessions as datetime64[D], in order: at least all from ``since`` on."""
        return _session_days(self, early=bool(np.datetime64(since) < np.datetime64(PRECOMPUTED_FROM)))

    def between(self, start: date | pd.Timestamp, end: date | pd.Timestamp) -> pd.DatetimeIndex:
        """Sessions from ``start`` to ``end``, both included."""
        everything = self._sessions_reaching(start)
        left, right = everything.searchsorted(pd.Timestamp(start)), everything.searchsorted(pd.Timestamp(end), "right")
        return everything[left:right]

    def is_session(self, day: date | pd.Timestamp) -> bool:
        """True if the exchange trades on that day; of weekly and monthly bars, if it is the last session of one."""
        return pd.Timestamp(day) in self._sessions_reaching(day)

    def offset(self, day: date | pd.Timestamp, count: int) -> pd.Timestamp:
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
        between_sessions = not self.is_session(day)
        for everything in (self._sessions_reaching(day), _sessions(self, early=True)):
            position = int(everything.searchsorted(pd.Timestamp(day))) + count - (between_sessions and count > 0)
            if position >= 0:
                break
        if not 0 <= position < len(everything):
            raise WindowError(
                f"{count} sessions from {pd.Timestamp(day).date()} is outside the calendar, {self.first_session} to "
                f"{self.last_session}."
            )
        return pd.Timestamp(everything[position])

    def session_before(self, day: pd.Timestamp) -> pd.Timestamp:
        """The session before a day, or the day before where the calendar does not reach."""
        try:
            return self.offset(day, -1).as_unit("s")
        except WindowError:
            return day - pd.Timedelta(days=1)

    def period_ends(self, days: np.ndarray) -> np.ndarray:
        """The session to which each day belongs: the last one of its week or month, the day itself of daily bars.

        Parameters
        ----------
        days : array of datetime64[D]
            Of bars, which vendors date by the first or the last day of the week or month. A Sunday on which the exchange is never
            open begins the week after it. A day outside the calendar stays as it is.
        """
        if self.frequency == "daily" or not len(days):
            return days
        periods = self._periods(np.asarray(days))
        ends = self.session_days(days.min())
        known = self._periods(ends)
        places = np.minimum(np.searchsorted(known, periods), len(ends) - 1)
        return np.where(known[places] == periods, ends[places], days)

    def _periods(self, days: np.ndarray) -> np.ndarray:
        """The number of the week or month of each day."""
        if self.frequency == "monthly":
            return np.asarray(days.astype("datetime64[M]").astype(int))
        sunday_begins = self.weekmask[6] == "0"
        return np.asarray((days.astype("datetime64[D]").astype(int) + (4 if sunday_begins else 3)) // 7)

    def _sessions_reaching(self, day: date | pd.Timestamp) -> pd.DatetimeIndex:
        """The sessions that are enough for a question about days from ``day`` on."""
        return _sessions(self, early=pd.Timestamp(day) < pd.Timestamp(PRECOMPUTED_FROM))


XNYS = ExchangeCalendar()
"""The calendar of New York, which is that of a data folder that names none."""

MIN_WEEKDAY_SHARE = 0.01
"""A weekday with a smaller part of the sessions is one on which the exchange was open by exception."""


def _weekdays(days: np.ndarray) -> np.ndarray:
    """0 for Monday to 6 for Sunday."""
    return np.asarray((days.astype("datetime64[D]").astype(int) + 3) % 7)


def _canonical_code(code: str) -> str:
    """The code of exchange_calendars that a name stands for.

    Raises
    ------
    UnknownNameError
    """
    names = exchange_calendars.get_calendar_names()
    name = code if code in names else code.upper()
    if name not in names:
        hint = 'exchange_calendars has the codes, such as "XLON" for London; "24/7" is for what trades on every day.'
        raise UnknownNameError("calendar", code, tuple(names), hint)
    return str(exchange_calendars.resolve_alias(name))


@cache
def _exchange(code: str = EXCHANGE) -> exchange_calendars.ExchangeCalendar:
    """The calendar of exchange_calendars over all of its days.

    Raises
    ------
    DataError
        The package cannot make it, as it has rules that this version of pandas does not know.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # exchange_calendars on pandas 3.1
        if code == EXCHANGE:
            return exchange_calendars.get_calendar(code, start=PRECOMPUTED_FROM, end=LAST_SESSION)
        try:
            usual = exchange_calendars.get_calendar(code)
            start = max(pd.Timestamp(FIRST_FOREIGN_DAY), _plain(usual.bound_min(), FIRST_FOREIGN_DAY))
            end = min(pd.Timestamp(LAST_SESSION), _plain(usual.bound_max(), LAST_SESSION))
            return exchange_calendars.get_calendar(code, start=start, end=end)
        except (NotImplementedError, ValueError) as error:
            raise DataError(
                f"exchange_calendars {exchange_calendars.__version__} cannot make the calendar {code} with pandas "
                f"{pd.__version__}: {str(error)[:60]}."
            ) from error


def _plain(day: pd.Timestamp | None, default: str) -> pd.Timestamp:
    return pd.Timestamp(default) if day is None else day.tz_localize(None)


@cache
def _sessions(calendar: ExchangeCalendar, *, early: bool) -> pd.DatetimeIndex:
    """All sessions of a calendar; with ``early`` false those of New York from :data:`PRECOMPUTED_FROM` on alone."""
    if calendar.frequency != "daily":
        daily = _session_days(replace(calendar, frequency="daily"), early=early)
        periods = calendar._periods(daily)
        return pd.DatetimeIndex(daily[np.append(periods[1:] != periods[:-1], True)].astype("datetime64[ns]"))
    if calendar.code == ALWAYS_OPEN:
        return pd.DatetimeIndex(pd.date_range(FIRST_FOREIGN_DAY, LAST_SESSION), freq=None)
    if calendar.code == EXCHANGE and early:
        return _all_new_york_sessions()
    return pd.DatetimeIndex(_exchange(calendar.code).sessions, freq=None)


def _all_new_york_sessions() -> pd.DatetimeIndex:
    """Every session of New York: the weekdays that are no holiday.

    exchange_calendars applies the rules of the regular holidays only from 1970 on unless the range is named, so that
    Christmas 1969 would be a session.
    """
    usual, calendar = _sessions(XNYS, early=False), _exchange()
    end = pd.Timestamp(PRECOMPUTED_FROM) - pd.Timedelta(days=1)
    regular = calendar.regular_holidays.holidays(pd.Timestamp(FIRST_SESSION), end)
    special = pd.DatetimeIndex([pd.Timestamp(day).tz_localize(None) for day in calendar.adhoc_holidays])
    early = pd.bdate_range(FIRST_SESSION, end).difference(regular.union(special))
    return pd.DatetimeIndex(early.as_unit(usual.unit).append(usual), freq=None)


@cache
def _session_days(calendar: ExchangeCalendar, *, early: bool) -> np.ndarray:
    return np.asarray(_sessions(calendar, early=early).to_numpy().astype("datetime64[D]"))


def session_days(since: np.datetime64 | str = PRECOMPUTED_FROM) -> np.ndarray:
    """Sessions of New York as datetime64[D], in order: at least all from ``since`` on."""
    return XNYS.session_days(since)


def between(start: date | pd.Timestamp, end: date | pd.Timestamp) -> pd.DatetimeIndex:
    """Sessions of New York from ``start`` to ``end``, both included."""
    return XNYS.between(start, end)


def is_session(day: date | pd.Timestamp) -> bool:
    """True if New York trades on that day."""
    return XNYS.is_session(day)


def offset(day: date | pd.Timestamp, count: int) -> pd.Timestamp:
    """The session of New York ``count`` sessions after ``day``; see :meth:`ExchangeCalendar.offset`."""
    return XNYS.offset(day, count)


def session_before(day: pd.Timestamp) -> pd.Timestamp:
    """The session of New York before a day, or the day before where the calendar does not reach."""
    return XNYS.session_before(day)
