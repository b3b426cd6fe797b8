"""Sessions against the exchange's own announcements: holidays, mourning days and the years that are covered."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.data import calendar
from dipfolio.data.calendar import ExchangeCalendar
from dipfolio.errors import DataError, ParameterError, UnknownNameError, WindowError

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


# https://www.londonstockexchange.com/equities-trading/business-days: Good Friday, Easter Monday, the bank holidays, and the
# two of 2020 and 2022 that were moved or added
@pytest.mark.parametrize("day", ["2025-04-18", "2025-04-21", "2025-05-05", "2020-05-08", "2022-09-19", "2025-12-26"])
def test_london_is_closed_on_its_own_holidays(day):
    assert not ExchangeCalendar("XLON").is_session(date.fromisoformat(day))


@pytest.mark.parametrize("day", ["2025-01-09", "2025-01-20", "2025-07-04", "2024-12-24"])
def test_london_is_open_on_the_holidays_of_new_york(day):
    assert ExchangeCalendar("XLON").is_session(date.fromisoformat(day))


def test_a_market_that_never_closes_has_every_day():
    always = ExchangeCalendar("24/7")
    assert len(always.between(date(2024, 1, 1), date(2024, 12, 31))) == 366
    assert always.offset(date(2025, 1, 24), 1) == pd.Timestamp("2025-01-25")


def test_the_functions_of_the_module_are_those_of_new_york():
    new_york, days = ExchangeCalendar("XNYS"), (date(1969, 12, 20), date(2025, 2, 1))
    assert new_york == calendar.XNYS == ExchangeCalendar("NYSE")
    assert new_york.between(*days).equals(calendar.between(*days))
    assert not new_york.is_session(date(1969, 12, 25))
    assert (new_york.first_session, new_york.last_session) == (calendar.FIRST_SESSION, calendar.LAST_SESSION)


@pytest.mark.parametrize(
    ("code", "frequency", "count"),
    [("XNYS", "daily", 252), ("XLON", "daily", 252), ("24/7", "daily", 365), ("24/5", "daily", 260), ("XNYS", "weekly", 52),
     ("24/7", "weekly", 52), ("XLON", "monthly", 12)],
)  # fmt: skip
def test_a_year_has_so_many_sessions_in_annual_numbers(code, frequency, count):
    assert ExchangeCalendar(code, frequency).sessions_per_year == count


def test_a_week_is_known_on_its_last_session():
    weekly = ExchangeCalendar("XNYS", "weekly")
    found = weekly.between(date(2025, 4, 7), date(2025, 5, 2))
    assert [str(day.date()) for day in found] == [
        "2025-04-11",
        "2025-04-17",
        "2025-04-25",
        "2025-05-02",
    ]  # Good Friday is the 18th
    assert weekly.offset(date(2025, 4, 11), 1) == pd.Timestamp("2025-04-17")


@pytest.mark.parametrize(
    ("code", "frequency", "day", "end"),
    [
        ("XNYS", "weekly", "2025-04-14", "2025-04-17"),  # by its Monday, as Yahoo has it
        ("XNYS", "weekly", "2025-04-18", "2025-04-17"),  # by its Friday, although that was a holiday
        ("XNYS", "weekly", "2025-04-13", "2025-04-17"),  # by the Sunday before it
        ("24/7", "weekly", "2025-04-14", "2025-04-20"),
        ("24/7", "weekly", "2025-04-20", "2025-04-20"),
        ("XLON", "monthly", "2025-05-01", "2025-05-30"),
        ("XLON", "monthly", "2025-05-31", "2025-05-30"),
        ("XNYS", "daily", "2025-04-18", "2025-04-18"),
    ],
)
def test_a_bar_belongs_to_the_last_session_of_its_week_or_month(code, frequency, day, end):
    found = ExchangeCalendar(code, frequency).period_ends(np.array([day], dtype="datetime64[D]"))
    assert found.astype(str).tolist() == [end]


def test_an_unknown_calendar_and_an_unknown_frequency_are_refused():
    with pytest.raises(UnknownNameError, match=r"no calendar 'XLONN'\. Did you mean 'XLON'"):
        ExchangeCalendar("XLONN")
    with pytest.raises(ParameterError, match="daily, weekly or monthly"):
        ExchangeCalendar("XNYS", "hourly")


def test_a_calendar_that_the_package_cannot_make_is_one_sentence(monkeypatch):
    def broken(*_, **__):
        raise NotImplementedError("implemented by subclasses")

    monkeypatch.setattr(calendar.exchange_calendars, "get_calendar", broken)
    with pytest.raises(DataError, match="cannot make the calendar XTAE with pandas"):
        calendar._exchange("XTAE")


@given(st.dates(date(1995, 1, 1), date(2034, 1, 1)), st.integers(-400, 400), st.sampled_from(["XLON", "24/7", "XTKS", "XNYS"]))
def test_an_offset_and_back_is_the_session_itself(day, count, code):
    exchange = ExchangeCalendar(code)
    session = exchange.offset(day, 1)
    if session > pd.Timestamp("2033-01-01") or session < pd.Timestamp("1999-01-01"):
        return
    assert exchange.offset(exchange.offset(session, count), -count) == session
