"""Sessions against the exchange's own announcements: holidays, mourning days and the years that are covered."""

from datetime import date

import pandas as pd
import pytest

from dipfolio.errors import WindowError
from dipfolio.market import sessions

# https://www.nyse.com/markets/hours-calendars and the notices of the two days of mourning
CLOSED = {
    "2018-12-05": "mourning for George H. W. Bush",
    "2025-01-09": "mourning for Jimmy Carter",
    "2024-03-29": "Good Friday",
    "2025-01-01": "New Year",
    "2025-01-20": "Martin Luther King Day",
    "2021-12-24": "Christmas, observed on the Friday",
    "2025-01-25": "a Saturday",
}
OPEN = ["2025-01-08", "2025-01-10", "2018-12-04", "2018-12-06", "2024-11-29", "2021-12-31", "2025-01-27"]


@pytest.mark.parametrize("day", CLOSED)
def test_the_exchange_is_closed_on_holidays_and_days_of_mourning(day):
    assert not sessions.is_session(date.fromisoformat(day))


@pytest.mark.parametrize("day", OPEN)
def test_the_exchange_is_open_around_them_and_on_half_days(day):
    assert sessions.is_session(date.fromisoformat(day))


def test_between_includes_both_ends_and_leaves_out_the_day_of_mourning():
    found = sessions.between(date(2025, 1, 8), date(2025, 1, 13))
    assert [str(day.date()) for day in found] == ["2025-01-08", "2025-01-10", "2025-01-13"]


def test_between_two_days_of_a_weekend_there_is_no_session():
    assert len(sessions.between(date(2025, 1, 25), date(2025, 1, 26))) == 0


@pytest.mark.parametrize(("year", "count"), [(2023, 250), (2024, 252), (2025, 250)])
def test_a_year_has_the_number_of_sessions_that_the_exchange_announced(year, count):
    assert len(sessions.between(date(year, 1, 1), date(year, 12, 31))) == count


def test_sessions_are_naive_midnights():
    found = sessions.between(date(2025, 1, 1), date(2025, 1, 31))
    assert found.tz is None
    assert (found == found.normalize()).all()


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2025-01-08", 1, "2025-01-10"),
        ("2025-01-10", -1, "2025-01-08"),
        ("2025-01-24", 1, "2025-01-27"),
        ("2025-01-27", 0, "2025-01-27"),
        ("2025-01-27", 10, "2025-02-10"),
        ("2025-02-10", -10, "2025-01-27"),
    ],
)
def test_an_offset_counts_sessions_in_both_directions(day, count, expected):
    assert sessions.offset(date.fromisoformat(day), count) == pd.Timestamp(expected)


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2025-01-09", 1, "2025-01-10"),
        ("2025-01-09", -1, "2025-01-08"),
        ("2025-01-26", 2, "2025-01-28"),
        ("2025-01-26", -2, "2025-01-23"),
        ("2018-12-05", 1, "2018-12-06"),
        ("2018-12-05", -1, "2018-12-04"),
    ],
)
def test_an_offset_from_a_day_without_a_session_starts_between_its_neighbours(day, count, expected):
    assert sessions.offset(date.fromisoformat(day), count) == pd.Timestamp(expected)


def test_the_calendar_has_a_first_and_a_last_session_that_do_not_depend_on_today():
    everything = sessions.between(date(1900, 1, 1), date(2100, 1, 1))
    assert everything[0] == pd.Timestamp("1990-01-02")
    assert everything[-1] == pd.Timestamp("2035-12-31")


@pytest.mark.parametrize(("day", "count"), [("1990-01-02", -1), ("2035-12-31", 1), ("2025-01-27", 100_000)])
def test_an_offset_out_of_the_calendar_is_refused_with_its_bounds(day, count):
    with pytest.raises(WindowError, match=f"{count} sessions from {day} is outside the calendar, 1990-01-02 to 2035-12-31"):
        sessions.offset(date.fromisoformat(day), count)
