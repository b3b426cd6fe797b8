"""Sessions against the exchange's own announcements: holidays, mourning days and the years that are covered."""

from datetime import date

import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.errors import WindowError

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
    assert not calendar.is_session(date.fromisoformat(day))


@pytest.mark.parametrize("day", OPEN)
def test_the_exchange_is_open_around_them_and_on_half_days(day):
    assert calendar.is_session(date.fromisoformat(day))


def test_between_includes_both_ends_and_leaves_out_the_day_of_mourning():
    found = calendar.between(date(2025, 1, 8), date(2025, 1, 13))
    assert [str(day.date()) for day in found] == ["2025-01-08", "2025-01-10", "2025-01-13"]


def test_between_two_days_of_a_weekend_there_is_no_session():
    assert len(calendar.between(date(2025, 1, 25), date(2025, 1, 26))) == 0


@pytest.mark.parametrize(("year", "count"), [(2023, 250), (2024, 252), (2025, 250)])
def test_a_year_has_the_number_of_sessions_that_the_exchange_announced(year, count):
    assert len(calendar.between(date(year, 1, 1), date(year, 12, 31))) == count


def test_sessions_are_naive_midnights():
    found = calendar.between(date(2025, 1, 1), date(2025, 1, 31))
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
    assert calendar.offset(date.fromisoformat(day), count) == pd.Timestamp(expected)


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
    assert calendar.offset(date.fromisoformat(day), count) == pd.Timestamp(expected)


def test_the_calendar_has_a_first_and_a_last_session_that_do_not_depend_on_today():
    everything = calendar.between(date(1900, 1, 1), date(2100, 1, 1))
    assert everything[0] == pd.Timestamp("1927-07-01")
    assert everything[-1] == pd.Timestamp("2035-12-31")


@pytest.mark.parametrize(("day", "count"), [("1927-07-01", -1), ("2035-12-31", 1), ("2025-01-27", 100_000)])
def test_an_offset_out_of_the_calendar_is_refused_with_its_bounds(day, count):
    with pytest.raises(WindowError, match=f"{count} sessions from {day} is outside the calendar, 1927-07-01 to 2035-12-31"):
        calendar.offset(date.fromisoformat(day), count)


# special closings that are on record, and holidays under the rules of their years
@pytest.mark.parametrize(
    "day",
    [
        "1933-03-06", "1933-03-14",  # bank holiday
        "1945-08-15", "1945-08-16",  # victory over Japan
        "1948-11-02", "1964-11-03", "1980-11-04",  # election days
        "1953-10-12", "1953-11-11",  # Columbus Day and Veterans Day, the last that were kept
        "1954-04-16",  # Good Friday
        "1963-11-25",  # Kennedy's funeral
        "1968-06-12",  # paperwork crisis, Wednesdays
        "1969-07-21",  # the day after the landing on the moon
        "1969-12-25", "1962-12-25", "1950-07-04",
        "1977-07-14",  # blackout
        "1985-09-27",  # hurricane Gloria
    ],
)  # fmt: skip
def test_the_exchange_was_closed_on_the_holidays_of_earlier_years(day):
    assert not calendar.is_session(date.fromisoformat(day))


@pytest.mark.parametrize(
    "day", ["1929-10-24", "1929-10-29", "1933-03-15", "1950-01-03", "1954-10-12", "1963-11-26", "1969-12-26", "1987-10-19"]
)
def test_the_exchange_was_open_on_days_that_are_remembered(day):
    assert calendar.is_session(date.fromisoformat(day))


# weekdays among the sessions of pandas_market_calendars 5.5, which has a table of its own
@pytest.mark.parametrize(
    ("year", "count"), [(1933, 242), (1950, 249), (1960, 252), (1968, 226), (1969, 250), (1979, 253), (1989, 252)]
)
def test_an_earlier_year_has_the_weekdays_on_which_the_exchange_was_open(year, count):
    assert len(calendar.between(date(year, 1, 1), date(year, 12, 31))) == count


def test_an_offset_crosses_from_the_usual_years_into_the_earlier_ones():
    assert calendar.offset(date(1990, 1, 2), -1) == pd.Timestamp("1989-12-29")
    assert calendar.offset(date(1989, 12, 29), 1) == pd.Timestamp("1990-01-02")


def test_the_sessions_before_1990_are_computed_only_when_they_are_asked_for():
    assert str(calendar.session_days()[0]) == "1990-01-02"
    assert str(calendar.session_days("1989-12-29")[0]) == "1927-07-01"
    assert (calendar.session_days("1950-01-01")[-len(calendar.session_days()) :] == calendar.session_days()).all()


def test_the_session_before_is_the_day_before_where_the_calendar_does_not_reach():
    assert calendar.session_before(pd.Timestamp("2025-01-10")) == pd.Timestamp("2025-01-08")
    assert calendar.session_before(pd.Timestamp("1950-01-10")) == pd.Timestamp("1950-01-09")
    assert calendar.session_before(pd.Timestamp("1927-07-01")) == pd.Timestamp("1927-06-30")  # the first of the calendar
