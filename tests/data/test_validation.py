"""Faults: each kind once, with its symbol, day and figure."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.data.schema import FIELDS, PriceTable
from dipfolio.data.validation import find_errors, find_warnings
from tests.support.markets import make_bars

NAN = float("nan")
DAYS = ["2025-01-07", "2025-01-08", "2025-01-10", "2025-01-13"]  # the exchange was closed on the 9th


def prices(days=DAYS, **cells):
    """Four right bars but for the cells given as field = (row, value)."""
    values = np.tile(np.array([[10.0], [12.0], [9.0], [11.0], [1000.0]]), len(days))
    for field, (row, value) in cells.items():
        values[FIELDS.index(field), row] = value
    return PriceTable(days=np.array(days, dtype="datetime64[D]"), cells=values)


def found(given):
    return [(fault.kind, fault.date) for fault in find_errors("XYZ", given)]


def test_right_figures_have_no_fault_and_the_day_of_mourning_is_no_gap():
    assert found(prices()) == []


@pytest.mark.parametrize(
    ("given", "kind", "day", "text"),
    [
        (prices([DAYS[0], DAYS[2], DAYS[3]]), "missing session", "2025-01-08", "XYZ has no bar on 2025-01-08"),
        (prices([*DAYS[:2], "2025-01-09", *DAYS[2:]]), "extra session", "2025-01-09", "XYZ has a bar on 2025-01-09"),
        (prices([DAYS[0], *DAYS]), "repeated session", "2025-01-07", "XYZ has two bars on 2025-01-07"),
        (prices(low=(2, NAN)), "missing figure", "2025-01-10", "XYZ has no low on 2025-01-10."),
        (prices(open=(1, 0.0)), "not positive", "2025-01-08", "XYZ has an open that is not positive on 2025-01-08."),
        (prices(close=(3, -1.0)), "not positive", "2025-01-13", "XYZ has a close that is not positive on 2025-01-13."),
        (prices(volume=(3, -1.0)), "not positive", "2025-01-13", "XYZ has a volume that is not positive on 2025-01-13."),
        (prices(high=(0, float("inf"))), "infinite figure", "2025-01-07", "XYZ has an infinite high on 2025-01-07."),
        (prices(high=(1, 8.5)), "high below low", "2025-01-08", "XYZ has a high of 8.5 below its low of 9 on 2025-01-08."),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_symbol_and_day(given, kind, day, text):
    (fault,) = find_errors("XYZ", given)
    assert (fault.severity, fault.kind, fault.symbol, fault.date) == ("error", kind, "XYZ", day)
    assert fault.text.startswith(text)


def test_the_figure_at_fault_is_kept():
    (fault,) = find_errors("XYZ", prices(high=(1, 8.5)))
    assert fault.value == 8.5


def test_every_fault_is_found_and_not_only_the_first():
    given = prices(["2025-01-02", "2025-01-04", "2025-01-07", "2025-01-07"], low=(0, NAN))
    assert found(given) == [
        ("repeated session", "2025-01-07"),
        ("extra session", "2025-01-04"),
        ("missing session", "2025-01-03"),
        ("missing session", "2025-01-06"),
        ("missing figure", "2025-01-02"),
    ]


@pytest.mark.parametrize("day", ["1700-01-03", "1927-06-30", "2036-01-02", "9999-12-31"])
def test_a_day_outside_the_calendar_is_no_session(day):
    assert ("extra session", day) in found(prices(sorted([*DAYS, day])))


def daily(start, count, step=1):
    return [str(day) for day in np.datetime64(start, "D") + step * np.arange(count)]


@pytest.mark.parametrize(
    ("given", "kind", "words", "remedy"),
    [
        (daily("2024-01-05", 20, 7), "not daily", "XYZ has weekly bars, on 2024-01-05, 2024-01-12 and so on",
         'frequency = "weekly"'),
        ([f"2024-{month:02d}-01" for month in range(1, 13)], "not daily", "XYZ has monthly bars, on 2024-01-01, ",
         'frequency = "monthly"'),
        (["2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01"], "not daily", "XYZ has quarterly bars",
         "bars are daily, weekly or monthly"),
        (daily("2024-01-01", 60), "other calendar", "XYZ has bars on 16 days of weekends, the first on 2024-01-06, as crypto",
         'calendar = "24/7"'),
        (
            [day for day in daily("2024-01-01", 366) if np.is_busday(day) and day not in ("2024-05-06", "2024-08-26")],
            "other calendar", "XYZ has bars on 10 weekdays on which XNYS was closed, the first 2024-01-01, and none on 2",
            'calendar = "CODE"',
        ),
    ],
)  # fmt: skip
def test_bars_that_are_not_daily_or_not_of_new_york_are_one_error_that_says_what_to_write(given, kind, words, remedy):
    (fault,) = find_errors("XYZ", prices(given))
    assert fault.kind == kind
    assert fault.text.startswith(words)
    assert remedy in fault.text


def test_intraday_bars_are_one_error():
    days = np.repeat(DAYS, 7)
    given = prices(list(days))
    given.cells[FIELDS.index("open")] += 0.01 * np.arange(len(days))
    (fault,) = find_errors("XYZ", given)
    assert (fault.kind, fault.text[:40]) == ("not daily", "XYZ has intraday bars, 7 on 2025-01-07; ")


def test_a_file_that_was_joined_to_itself_has_repeated_sessions_and_no_intraday_bars():
    assert {kind for kind, _ in found(prices(sorted([*DAYS, *DAYS])))} == {"repeated session"}


def test_three_bars_on_holidays_are_three_mistakes():
    days = sorted([*DAYS, "2025-01-09"])
    assert found(prices(days)) == [("extra session", "2025-01-09")]


DATA = Path(__file__).parents[2] / "data"
CALM = [100 + i % 3 for i in range(30)]


def found_of_oddities(bars):
    frames = {field: getattr(bars, field) for field in (*FIELDS, "dividends")}
    return [(odd.kind, odd.symbol, odd.date, odd.value) for odd in find_warnings(frames)]


def rising(count):
    return [100.0 + i for i in range(count)]


def test_the_high_of_meta_is_the_one_oddity_of_the_repository():
    (warning,) = load_bars(DATA).warnings
    assert (warning.severity, warning.kind, warning.symbol) == ("warning", "high far out", "META")
    assert (warning.date, warning.value) == ("2025-12-12", 711.0)
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
    assert found_of_oddities(make_bars({"A": rising(30)})) == []


@pytest.mark.parametrize(("field", "value"), [("opens", 130.0), ("opens", 80.0)])
def test_an_open_outside_the_range_is_found(field, value):
    opens = rising(5)
    opens[3] = value
    bars = make_bars({"A": rising(5)}, opens={"A": opens}, highs={"A": [110.0] * 5}, lows={"A": [90.0] * 5})
    assert ("open outside the range", "A", "2025-01-07", value) in found_of_oddities(bars)


def test_a_close_outside_the_range_is_found():
    bars = make_bars({"A": [100, 111, 102]}, opens={"A": [100, 101, 102]}, highs={"A": [110.0] * 3}, lows={"A": [90.0] * 3})
    assert found_of_oddities(bars) == [("close outside the range", "A", "2025-01-03", 111.0)]


@pytest.mark.parametrize(("field", "sign", "kind"), [("highs", 1, "high far out"), ("lows", -1, "low far out")])
def test_a_high_or_low_far_from_the_other_prices_is_found(field, sign, kind):
    closes = rising(30)
    edges = [close * (1 + sign * 0.004) for close in closes]
    edges[20] = closes[20] * (1 + sign * 0.094)
    assert found_of_oddities(make_bars({"A": closes}, **{field: {"A": edges}})) == [(kind, "A", "2025-02-03", edges[20])]


def test_a_session_that_was_wild_for_all_is_no_oddity():
    closes = {symbol: rising(30) for symbol in "ABCD"}
    highs = {symbol: [c * 1.004 for c in rising(30)] for symbol in "ABCD"}
    for symbol in "ABCD":
        highs[symbol][20] *= 1.09
    assert found_of_oddities(make_bars(closes, highs=highs)) == []


@pytest.mark.parametrize("ratio", [10, 4, 2, 1.5, 0.1, 0.5])
def test_a_change_of_price_like_an_unadjusted_split_is_found(ratio):
    closes = [100.0, 101.0, 102.0 / ratio, 103.0 / ratio]
    ((kind, symbol, day, figure),) = found_of_oddities(make_bars({"A": closes}))
    assert (kind, symbol, day) == ("like a split", "A", "2025-01-06")
    assert figure == pytest.approx(102 / 101 / ratio)


@pytest.mark.parametrize("ratio", [0.83, 0.75, 1.2, 1.36])
def test_a_crash_or_a_leap_is_no_split(ratio):
    assert found_of_oddities(make_bars({"A": [100.0, 101.0, 101.0 * ratio]})) == []


def test_bars_that_repeat_are_found():
    bars = make_bars({"A": [100, 101, 101, 101, 102]})
    assert found_of_oddities(bars) == [("stale", "A", "2025-01-06", 101.0), ("stale", "A", "2025-01-07", 101.0)]


def test_a_session_without_volume_is_found():
    bars = make_bars({"A": [100, 101, 102]}, volumes={"A": [5, 0, 5]})
    assert found_of_oddities(bars) == [("no volume", "A", "2025-01-03", 0.0)]


def test_a_dividend_before_the_listing_is_found():
    bars = make_bars({"A": [100, 101, 102], "B": [NAN, NAN, 50]}, dividends={"B": {1: 0.25}})
    assert found_of_oddities(bars) == [("dividend without a bar", "B", "2025-01-03", 0.25)]


def test_a_symbol_that_ends_early_is_found_and_one_that_begins_late_is_none():
    bars = make_bars({"A": rising(5), "B": [50, 51, 52, NAN, NAN], "C": [NAN, NAN, 10, 11, 12]})
    assert found_of_oddities(bars) == [("ends early", "B", "2025-01-06", 2.0)]


def test_every_finding_has_a_severity_a_symbol_a_day_and_a_figure():
    (odd,) = load_bars(DATA).warnings
    assert {field.name for field in fields(odd)} == {"severity", "kind", "symbol", "date", "value", "text"}


def market_of_copied_opens(copied, sessions=1000):
    """A symbol that rises by a dollar a session and opens 50 cents off, but for the first opens after the first session."""
    closes = 100.0 + np.arange(sessions)
    opens = closes - 0.5
    opens[1 : copied + 1] = closes[:copied]
    return make_bars({"XYZ": closes}, opens={"XYZ": opens}, start="2020-01-02")


def test_opens_that_repeat_the_last_close_are_counted_with_the_day_until_which_most_of_them_are():
    bars = market_of_copied_opens(100)
    found = find_warnings({field: getattr(bars, field) for field in (*FIELDS, "dividends")})
    (copied,) = (odd for odd in found if odd.kind == "copied opens")
    assert (copied.symbol, copied.date, copied.value) == ("XYZ", "", 100)
    day = bars.sessions[95].date()  # the 95th of the hundred
    assert copied.text.startswith(f"XYZ opens exactly at its last close on 100 of 1,000 sessions, 95 % of them until {day};")


@pytest.mark.parametrize(("copied", "sessions"), [(99, 900), (99, 990), (100, 1001)])
def test_few_opens_that_repeat_the_last_close_are_chance(copied, sessions):
    bars = market_of_copied_opens(copied, sessions)
    found = find_warnings({field: getattr(bars, field) for field in (*FIELDS, "dividends")})
    assert not [odd for odd in found if odd.kind == "copied opens"]


def test_a_rate_may_be_zero_or_negative_and_a_volatility_index_may_not():
    given = prices(close=(3, -1.0), open=(1, 0.0), low=(3, -1.0))
    assert list(find_errors("^IRX", given)) == []
    assert {fault.kind for fault in find_errors("^VIX", given)} == {"not positive"}


def test_what_nobody_trades_is_not_warned_of_for_its_volume_or_its_jumps():
    closes = [*CALM[:20], *(5 * close for close in CALM[:10])]
    volumes = {symbol: [0.0] * 30 for symbol in ("XYZ", "^VIX")}
    bars = make_bars({"XYZ": closes, "^VIX": closes}, volumes=volumes)
    assert {symbol for _, symbol, *_ in found_of_oddities(bars)} == {"XYZ"}
    assert {kind for kind, *_ in found_of_oddities(bars)} == {"like a split", "no volume"}
