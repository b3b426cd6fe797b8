"""short-below-trend: NVDA is shorted only while it falls."""

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars
from tests.support.plain_rules import DATA, FOLDERS, column, idea, instructions, seen, total_returns

FREE = Account(maintenance_short_per_share=0).without_costs()


def decided(closes, **parameters):
    return instructions(
        idea("short-below-trend", universe="A", **parameters).targets(make_bars({"A": closes}, start="2023-09-01"))
    )


def test_below_its_average_it_is_shorted_and_at_or_above_it_is_flat():
    # averages of three: 100, 99, 99.33, 100.33
    assert decided([100, 100, 100, 97, 101, 103], window=3) == [(2, 0.0), (3, -1.0), (4, 0.0), (5, 0.0)]


def test_before_the_average_is_complete_there_is_no_instruction():
    assert decided([100, 50], window=3) == []
    assert decided([100, 90, 80], window=3) == [(2, -1.0)]


def test_the_short_lasts_from_the_open_after_the_close_below_to_the_open_after_the_close_above():
    bars = make_bars({"A": [100, 100, 100, 97, 96, 110, 111]}, opens={"A": [100, 100, 100, 98, 95, 99, 112]})
    result = simulate(idea("short-below-trend", universe="A", window=3), bars, FREE)
    trade = result.trades.iloc[0]
    assert (trade["side"], trade["entry_session"], trade["entry_price"]) == ("short", bars.sessions[4], 95)
    assert (trade["exit_session"], trade["exit_price"], trade["exit_at"]) == (bars.sessions[6], 112, "open")
    assert len(result.fills) == 2  # not resized in between


def test_momentum_is_the_return_from_252_to_21_sessions_ago():
    up, down = [100.0] + [101.0] * 273, [100.0] + [99.0] * 273
    assert decided(up, by="momentum")[0] == (252, 0.0)
    falling = decided(down, by="momentum")
    assert falling[0] == (252, -1.0)  # from 100 on row 0 to 99 on row 231
    assert falling[1] == (253, 0.0)  # from 99 to 99


def test_what_happened_in_the_last_month_does_not_count_as_momentum():
    closes = [100.0] + [101.0] * 231 + [10.0] * 42
    decisions = dict(decided(closes, by="momentum"))
    assert [decisions[row] for row in (252, 253)] == [0.0, -1.0]  # the fall on row 232 counts from row 253 on


def test_the_short_that_begins_on_deepseek_monday_is_left_out_to_its_end():
    closes = {"A": [100.0] * 15 + [90, 80, 80, 120, 80, 80]}  # 2025-01-27 is row 15
    with_it = idea("short-below-trend", universe="A", window=3).targets(make_bars(closes))["A"]
    without = idea("short-below-trend", universe="A", window=3, skip_event=True).targets(make_bars(closes))["A"]
    assert with_it.iloc[14:].tolist() == [0, -1, -1, -1, 0, -1, -1]
    assert without.iloc[14:].tolist() == [0, 0, 0, 0, 0, -1, -1]


def test_a_short_that_was_open_before_deepseek_monday_stays():
    closes = {"A": [100.0] * 13 + [90, 80, 70, 60, 50]}
    rule = {"universe": "A", "window": 3}
    bars = make_bars(closes)
    assert (
        idea("short-below-trend", **rule, skip_event=True).targets(bars).equals(idea("short-below-trend", **rule).targets(bars))
    )


def test_on_the_real_event_the_short_of_28_january_is_the_only_one_left_out():
    bars = load_bars(DATA, ("NVDA",))
    both = [
        {entry for entry, *_ in seen(simulate(idea("short-below-trend", skip_event=s), bars, FREE).trades, "NVDA")}
        for s in (False, True)
    ]
    assert both[0] - both[1] == {"2025-01-28"}
    assert both[1] < both[0]


def spells(down, length):
    """(entry, exit) rows of the shorts: the row after a state begins to the row after it ends."""
    trips, start = [], None
    for t in sorted(down):
        if down[t] and start is None:
            start = t + 1
        if not down[t] and start is not None:
            trips.append((start, t + 1))
            start = None
    return [(a, b) for a, b in trips if b < length]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("window", [20, 50, 200])
def test_the_shorts_below_the_average_are_those_of_a_plain_loop(folder, window):
    day, open_, close = (column("NVDA", field, folder) for field in ("date", "open", "close"))
    down = {t: close[t] < sum(close[t - window + 1 : t + 1]) / window for t in range(window - 1, len(close))}
    expected = [(day[a], pytest.approx(open_[a]), day[b], pytest.approx(open_[b])) for a, b in spells(down, len(day))]
    result = simulate(idea("short-below-trend", window=window), load_bars(folder, ("NVDA",)), FREE)
    assert len(expected) > 2
    assert seen(result.trades, "NVDA") == expected


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_shorts_by_momentum_are_those_of_a_plain_loop(folder):
    day, returns = column("NVDA", "date", folder), total_returns("NVDA", folder)
    wealth = [1.0]
    for r in returns[1:]:
        wealth.append(wealth[-1] * (1 + r))
    down = {t: wealth[t - 21] < wealth[t - 252] for t in range(252, len(day))}
    result = simulate(idea("short-below-trend", by="momentum"), load_bars(folder, ("NVDA",)), FREE)
    found = [(entry, left) for entry, _, left, _ in seen(result.trades, "NVDA")]
    assert found == [(day[a], day[b]) for a, b in spells(down, len(day))]


@pytest.mark.parametrize("nonsense", [{"window": 0}, {"window": -50}, {"by": "luck"}])
def test_nonsense_is_refused(nonsense):
    with pytest.raises(ParameterError, match=next(iter(nonsense))):
        idea("short-below-trend", **nonsense)
