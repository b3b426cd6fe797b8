"""Bars: hand-made markets of a few data, and every way in which data can be wrong."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.data.bars import Bars, Origin
from dipfolio.data.schema import ADJUSTMENT, FIELDS
from dipfolio.errors import DataError, UnknownNameError
from tests.support.markets import make_bars

NAN = float("nan")
DAYS = ["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08"]  # then follows the closure of the 9th


@pytest.fixture
def bars():
    """Two symbols over five sessions; B is listed in the second and ends in the fourth."""
    return make_bars({"A": [100, 102, 101, 105, 104], "B": [NAN, 50, 51, 52, NAN]})


def changed(bars, field, row, symbol, value):
    """The same bars with one figure changed."""
    frame = getattr(bars, field).copy()
    frame.loc[bars.sessions[row], symbol] = value
    return dataclasses.replace(bars, **{field: frame})


def every_frame(bars, change):
    """The same bars with every frame changed alike."""
    return dataclasses.replace(bars, **{field: change(getattr(bars, field)) for field in (*FIELDS, "dividends")})


def test_bars_know_their_sessions_and_symbols(bars):
    assert [str(day.date()) for day in bars.sessions] == DAYS
    assert bars.symbols == ("A", "B")
    assert len(bars) == 5
    assert repr(bars) == "Bars(5 sessions x 2 symbols, 2025-01-02 to 2025-01-08)"


def test_bars_cannot_be_changed(bars):
    with pytest.raises(dataclasses.FrozenInstanceError):
        bars.close = bars.open


def test_until_gives_what_was_known_on_that_close(bars):
    known = bars.until(date(2025, 1, 6))
    assert [str(day.date()) for day in known.sessions] == DAYS[:3]
    assert known.close["A"].tolist() == [100, 102, 101]


def test_until_a_weekend_gives_what_was_known_on_friday(bars):
    assert str(bars.until(date(2025, 1, 5)).sessions[-1].date()) == "2025-01-03"


def test_until_cuts_every_field(bars):
    known = bars.until(date(2025, 1, 6))
    assert {len(getattr(known, field)) for field in (*FIELDS, "dividends")} == {3}


def test_before_the_first_session_nothing_is_known(bars):
    nothing = bars.until(date(2024, 12, 31))
    assert len(nothing) == 0
    assert repr(nothing) == "Bars(0 sessions x 2 symbols, no session)"
    assert nothing.provenance.sessions == {"A": ("", ""), "B": ("", "")}


def test_between_includes_both_ends(bars):
    assert [str(day.date()) for day in bars.between(date(2025, 1, 3), date(2025, 1, 7)).sessions] == DAYS[1:4]


def test_select_keeps_the_order_asked_for(bars):
    picked = bars.select(("B", "A"))
    assert picked.symbols == ("B", "A")
    pd.testing.assert_series_equal(picked.close["B"], bars.close["B"])
    assert bars.select(("B",)).symbols == ("B",)


def test_select_refuses_a_symbol_that_is_not_there(bars):
    with pytest.raises(UnknownNameError, match=r"There is no symbol 'b'\. Did you mean 'B'\?"):
        bars.select(("A", "b"))


def test_returns_include_the_dividend_of_the_ex_date():
    bars = make_bars({"A": [100, 110, 99]}, dividends={"A": {2: 2.2}})
    # 110/100 - 1 = 10 %; the close falls by 11 and 2.20 are paid: -8.8/110 = -8 %
    assert np.isnan(bars.returns["A"].iloc[0])
    assert bars.returns["A"].iloc[1:].tolist() == pytest.approx([0.10, -0.08], abs=1e-15)


def test_a_dividend_on_the_first_session_earns_nothing():
    bars = make_bars({"A": [100, 100]}, dividends={"A": {0: 5}})
    assert bars.returns["A"].iloc[1] == 0


def test_returns_start_in_the_session_after_the_listing(bars):
    found = bars.returns["B"]
    assert found.isna().tolist() == [True, True, False, False, True]
    assert found.iloc[2:4].tolist() == pytest.approx([1 / 50, 1 / 51], abs=1e-15)


def test_provenance_names_the_first_and_last_session_of_each_symbol(bars):
    assert bars.provenance.sessions == {"A": ("2025-01-02", "2025-01-08"), "B": ("2025-01-03", "2025-01-07")}
    assert bars.provenance.origin == Origin(source="not stated", path="", retrieved="", adjustment=ADJUSTMENT)


def test_equal_figures_have_an_equal_fingerprint(bars):
    again = make_bars({"A": [100, 102, 101, 105, 104], "B": [NAN, 50, 51, 52, NAN]})
    assert again.provenance.sha256 == bars.provenance.sha256
    assert len(bars.provenance.sha256) == 64


def test_the_fingerprint_is_of_the_figures_and_not_of_where_they_come_from(bars):
    moved = dataclasses.replace(bars, origin=Origin(source="elsewhere", path="there"))
    assert moved.provenance.sha256 == bars.provenance.sha256


@pytest.mark.parametrize("field", [*FIELDS, "dividends"])
def test_one_changed_figure_in_any_field_changes_the_fingerprint(bars, field):
    other = changed(bars, field, 2, "A", getattr(bars, field).iloc[2, 0] + 1e-9)
    assert other.provenance.sha256 != bars.provenance.sha256


def test_other_symbols_other_sessions_and_another_order_change_the_fingerprint(bars):
    prints = [
        bars.provenance.sha256,
        bars.select(("B", "A")).provenance.sha256,
        bars.select(("A",)).provenance.sha256,
        bars.until(date(2025, 1, 7)).provenance.sha256,
        every_frame(bars, lambda frame: frame.rename(columns={"A": "C"})).provenance.sha256,
        every_frame(bars, lambda frame: frame.set_axis(calendar.between(date(2025, 2, 3), date(2025, 2, 7)))).provenance.sha256,
    ]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_figure_is_named_with_symbol_and_date(bars, field):
    with pytest.raises(DataError, match=r"A .*on 2025-01-06"):
        changed(bars, field, 2, "A", NAN)


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_price_that_is_not_positive_is_named_with_symbol_and_date(bars, field, value):
    with pytest.raises(DataError, match=rf"^A has an? {field} that is not positive on 2025-01-06\.$"):
        changed(bars, field, 2, "A", value)


@pytest.mark.parametrize("field", FIELDS)
def test_an_infinite_figure_is_named_with_symbol_and_date(bars, field):
    with pytest.raises(DataError, match=rf"^B has an infinite {field} on 2025-01-07\.$"):
        changed(bars, field, 3, "B", float("inf"))


def test_a_negative_volume_is_named_and_a_volume_of_zero_is_not(bars):
    assert changed(bars, "volume", 2, "A", 0.0).volume.iloc[2, 0] == 0
    with pytest.raises(DataError, match=r"A has a .*volume.* on 2025-01-06"):
        changed(bars, "volume", 2, "A", -1.0)


@pytest.mark.parametrize("field", ["open", "high", "low", "volume"])
def test_a_figure_before_the_listing_is_named_with_symbol_and_date(bars, field):
    with pytest.raises(DataError, match=r"B .*on 2025-01-02"):
        changed(bars, field, 0, "B", 50.0)


@pytest.mark.parametrize("article", [("an", "open"), ("a", "high")])
def test_the_message_about_a_figure_without_a_close_is_english(bars, article):
    word, field = article
    with pytest.raises(DataError, match=rf"^B has {word} {field} but no close on 2025-01-02\.$"):
        changed(bars, field, 0, "B", 50.0)


@pytest.mark.parametrize("value", [-0.1, NAN, float("inf")])
def test_an_unusable_dividend_is_named_with_symbol_and_date(bars, value):
    with pytest.raises(DataError, match="A has an unusable dividend on 2025-01-07"):
        changed(bars, "dividends", 3, "A", value)


def test_the_first_wrong_figure_in_time_is_the_one_named(bars):
    with pytest.raises(DataError, match="2025-01-03"):
        changed(changed(bars, "dividends", 1, "B", 0.0), "high", 1, "B", -1.0)


@pytest.mark.parametrize("field", ["open", "high", "low", "volume", "dividends"])
def test_frames_with_other_sessions_or_symbols_are_refused(bars, field):
    frame = getattr(bars, field)
    for other in (frame.iloc[1:], frame.rename(columns={"B": "C"}), frame[["B", "A"]]):
        with pytest.raises(DataError, match=f"The {field} data do not have the sessions and symbols of the closes"):
            dataclasses.replace(bars, **{field: other})


def test_figures_that_are_no_floats_are_refused_with_their_type(bars):
    with pytest.raises(DataError, match="The volume data must be float64, found int64"):
        dataclasses.replace(bars.select(("A",)), volume=bars.volume[["A"]].astype("int64"))


def test_the_type_named_is_that_of_the_column_at_fault(bars):
    volume = bars.volume.astype({"B": object})
    with pytest.raises(DataError, match=r"The volume data must be float64, found object"):
        dataclasses.replace(bars, volume=volume)


def test_a_symbol_that_stands_twice_is_refused(bars):
    with pytest.raises(DataError, match="Symbol 'A' stands twice"):
        every_frame(bars, lambda frame: frame[["A", "A"]])


def test_sessions_that_are_no_dates_are_refused(bars):
    with pytest.raises(DataError, match="Sessions must be dates, found"):
        every_frame(bars, lambda frame: frame.reset_index(drop=True))


def test_sessions_with_a_time_zone_are_refused(bars):
    with pytest.raises(DataError, match="time zone America/New_York"):
        every_frame(bars, lambda frame: frame.tz_localize("America/New_York"))


def test_a_session_that_stands_twice_is_named(bars):
    with pytest.raises(DataError, match="Session 2025-01-06 stands twice"):
        every_frame(bars, lambda frame: frame.iloc[[0, 1, 2, 2, 3]])


def test_sessions_out_of_order_are_refused(bars):
    with pytest.raises(DataError, match="oldest first"):
        every_frame(bars, lambda frame: frame.iloc[::-1])


def test_a_day_on_which_the_exchange_was_closed_is_named(bars):
    def shift(frame):
        return frame.set_axis(pd.DatetimeIndex([*frame.index[:4], pd.Timestamp("2025-01-09")]))

    with pytest.raises(DataError, match="2025-01-09 is no session of XNYS"):
        every_frame(bars, shift)


def test_a_session_that_is_missing_for_every_symbol_is_named(bars):
    with pytest.raises(DataError, match="2025-01-06"):
        every_frame(bars, lambda frame: frame.drop(frame.index[2]))


def test_a_symbol_without_any_figure_is_no_error_and_has_no_sessions():
    bars = make_bars({"A": [100, 101], "B": [NAN, NAN]})
    assert bars.provenance.sessions["B"] == ("", "")
    assert isinstance(bars, Bars)


def test_a_symbol_in_capitals_stands_for_the_one_column_in_other_letters():
    bars = make_bars({"aapl": [10.0, 11], "Msft": [20.0, 21], "spy": [30.0, 31], "SPY": [40.0, 41]})
    assert bars.select(("MSFT", "AAPL", "SPY")).symbols == ("Msft", "aapl", "SPY")
    twice = make_bars({"spy": [30.0, 31], "Spy": [40.0, 41]})
    with pytest.raises(UnknownNameError, match="There is no symbol 'SPY'"):
        twice.select(("SPY",))
    with pytest.raises(UnknownNameError, match="There is no symbol 'msft'"):
        bars.select(("msft",))


def test_a_rate_may_be_zero_or_negative():
    assert make_bars({"^IRX": [0.1, 0.0, -0.1]}).close["^IRX"].tolist() == [0.1, 0.0, -0.1]
    with pytest.raises(DataError, match="XYZ has an open that is not positive"):
        make_bars({"XYZ": [0.1, 0.0, -0.1]})
