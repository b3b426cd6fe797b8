"""Oddities: each kind once in a hand-made market, META's bad print in the repository's figures, and what is no oddity."""

from dataclasses import fields
from pathlib import Path

import pytest

from dipfolio.market.bars import FIELDS
from dipfolio.market.folder import load_bars
from dipfolio.market.oddities import oddities
from tests.markets import make_bars

DATA = Path(__file__).parents[2] / "data"
NAN = float("nan")
CALM = [100 + i % 3 for i in range(30)]


def found(bars):
    frames = {field: getattr(bars, field) for field in (*FIELDS, "dividends")}
    return [(odd.kind, odd.symbol, odd.date, odd.figure) for odd in oddities(frames)]


def rising(count):
    return [100.0 + i for i in range(count)]


def test_the_high_of_meta_is_the_one_oddity_of_the_repository():
    (warning,) = load_bars(DATA).warnings
    assert (warning.severity, warning.kind, warning.symbol) == ("warning", "high far out", "META")
    assert (warning.date, warning.figure) == ("2025-12-12", 711.0)
    assert warning.text == "META has a high of 711 far above the day's other prices on 2025-12-12."


def test_a_symbol_read_alone_has_the_same_warning_and_another_has_none():
    assert [w.date for w in load_bars(DATA, ("META",)).warnings] == ["2025-12-12"]
    assert load_bars(DATA, ("NVDA", "SPY")).warnings == ()


def test_warnings_are_cut_with_the_bars():
    bars = load_bars(DATA)
    assert bars.until("2025-12-11").warnings == ()
    assert bars.select(("NVDA",)).warnings == ()
    assert len(bars.between("2025-12-12", "2025-12-12").warnings) == 1


def test_an_ordinary_market_has_none():
    assert found(make_bars({"A": rising(30)})) == []


@pytest.mark.parametrize(("field", "value"), [("opens", 130.0), ("opens", 80.0)])
def test_an_open_outside_the_range_is_found(field, value):
    opens = rising(5)
    opens[3] = value
    bars = make_bars({"A": rising(5)}, opens={"A": opens}, highs={"A": [110.0] * 5}, lows={"A": [90.0] * 5})
    assert ("open outside the range", "A", "2025-01-07", value) in found(bars)


def test_a_close_outside_the_range_is_found():
    bars = make_bars({"A": [100, 111, 102]}, opens={"A": [100, 101, 102]}, highs={"A": [110.0] * 3}, lows={"A": [90.0] * 3})
    assert found(bars) == [("close outside the range", "A", "2025-01-03", 111.0)]


@pytest.mark.parametrize(("field", "sign", "kind"), [("highs", 1, "high far out"), ("lows", -1, "low far out")])
def test_a_high_or_low_far_from_the_other_prices_is_found(field, sign, kind):
    closes = rising(30)
    edges = [close * (1 + sign * 0.004) for close in closes]
    edges[20] = closes[20] * (1 + sign * 0.094)
    assert found(make_bars({"A": closes}, **{field: {"A": edges}})) == [(kind, "A", "2025-02-03", edges[20])]


def test_a_session_that_was_wild_for_all_is_no_oddity():
    closes = {symbol: rising(30) for symbol in "ABCD"}
    highs = {symbol: [c * 1.004 for c in rising(30)] for symbol in "ABCD"}
    for symbol in "ABCD":
        highs[symbol][20] *= 1.09
    assert found(make_bars(closes, highs=highs)) == []


@pytest.mark.parametrize("ratio", [10, 4, 2, 1.5, 0.1, 0.5])
def test_a_change_of_price_like_an_unadjusted_split_is_found(ratio):
    closes = [100.0, 101.0, 102.0 / ratio, 103.0 / ratio]
    ((kind, symbol, day, figure),) = found(make_bars({"A": closes}))
    assert (kind, symbol, day) == ("like a split", "A", "2025-01-06")
    assert figure == pytest.approx(102 / 101 / ratio)


@pytest.mark.parametrize("ratio", [0.83, 0.75, 1.2, 1.36])
def test_a_crash_or_a_leap_is_no_split(ratio):
    assert found(make_bars({"A": [100.0, 101.0, 101.0 * ratio]})) == []


def test_bars_that_repeat_are_found():
    bars = make_bars({"A": [100, 101, 101, 101, 102]})
    assert found(bars) == [("stale", "A", "2025-01-06", 101.0), ("stale", "A", "2025-01-07", 101.0)]


def test_a_session_without_volume_is_found():
    bars = make_bars({"A": [100, 101, 102]}, volumes={"A": [5, 0, 5]})
    assert found(bars) == [("no volume", "A", "2025-01-03", 0.0)]


def test_a_dividend_before_the_listing_is_found():
    bars = make_bars({"A": [100, 101, 102], "B": [NAN, NAN, 50]}, dividends={"B": {1: 0.25}})
    assert found(bars) == [("dividend without a bar", "B", "2025-01-03", 0.25)]


def test_a_symbol_that_ends_early_is_found_and_one_that_begins_late_is_none():
    bars = make_bars({"A": rising(5), "B": [50, 51, 52, NAN, NAN], "C": [NAN, NAN, 10, 11, 12]})
    assert found(bars) == [("ends early", "B", "2025-01-06", 2.0)]


def test_every_finding_has_a_severity_a_symbol_a_day_and_a_figure():
    (odd,) = load_bars(DATA).warnings
    assert {field.name for field in fields(odd)} == {"severity", "kind", "symbol", "date", "figure", "text"}
