"""drawdown-rule: buy a given way below the high."""

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars
from tests.support.plain_rules import DATA, FOLDERS, column, held_for, idea, instructions, seen, told

FREE = Account().without_costs()
CALM = [100.0] * 251
"""One session less than a full window; with a high on the next the rule is armed on row 251."""


def decided(later, **parameters):
    """(rows after the calm, target) of every instruction but those that say flat."""
    bars = make_bars({"A": [*CALM, *later]}, start="2023-09-01")
    targets = idea("drawdown-rule", universe="A", **parameters).targets(bars)
    return [(row - len(CALM), target) for row, target in instructions(targets)]


def test_the_first_close_ten_per_cent_below_the_high_is_bought_once():
    assert decided([100, 91, 90, 85, 95, 89]) == [(2, 1.0)]


def test_only_a_new_high_arms_the_rule_again():
    assert decided([100, 90, 99.9, 85, 100, 91, 90]) == [(1, 1.0), (6, 1.0)]
    assert decided([100, 90, 120, 109, 108]) == [(1, 1.0), (4, 1.0)]


def test_a_fall_under_way_when_the_window_is_first_full_is_no_signal():
    assert decided([90, 85, 95]) == []


def test_before_the_window_is_full_there_is_no_instruction():
    bars = make_bars({"A": [100.0] * 200 + [80.0] * 51}, start="2023-09-01")
    assert idea("drawdown-rule", universe="A").targets(bars).isna().to_numpy().all()


def test_a_larger_drop_is_the_first_close_at_that_distance():
    assert decided([100, 89, 81, 80, 79], drop=0.20) == [(3, 1.0)]


def test_until_the_high_every_new_high_says_flat():
    assert decided([99, 89, 99, 101, 100], until="high") == [(3, 0.0)]
    assert decided([100, 89, 99, 101, 100], until="high") == [(0, 0.0), (1, 1.0), (3, 0.0)]


def test_the_position_is_sold_at_the_open_after_the_high_is_back():
    bars = make_bars({"A": [*CALM, 100, 89, 90, 101, 103, 103]}, start="2023-09-01")
    trade = simulate(idea("drawdown-rule", universe="A", until="high", hold=1), bars, FREE).trades.iloc[0]
    rows = [bars.sessions.get_loc(trade[name]) - len(CALM) for name in ("entry_session", "exit_session")]
    assert rows == [2, 4]
    assert (trade["entry_price"], trade["exit_price"], trade["exit_at"]) == (90, 103, "open")


def test_the_high_is_that_of_252_sessions_and_comes_down_with_them():
    # the 200 of row 0 leaves the window on row 252, where 100 is the high
    bars = make_bars({"A": [200.0] + [100.0] * 251 + [100, 90, 80]}, start="2023-09-01")
    assert instructions(idea("drawdown-rule", universe="A").targets(bars)) == [(253, 1.0)]


def test_the_signal_of_deepseek_monday_can_be_left_out_and_none_takes_its_place():
    bars = load_bars(DATA, ("NVDA",))
    rule = {"universe": "NVDA", "drop": 0.20}
    assert [column("NVDA", "date")[row] for row, _ in instructions(idea("drawdown-rule", **rule).targets(bars))] == ["2025-01-27"]
    assert instructions(idea("drawdown-rule", **rule, skip_event=True).targets(bars)) == []


def crossings(close, drop):
    """Rows of the first close below each high, by a loop; and the rows of the highs."""
    armed, found, highs = False, [], []
    for t in range(251, len(close)):
        top = max(close[t - 251 : t + 1])
        if close[t] == top:
            armed = True
            highs.append(t)
        elif armed and close[t] <= (1 - drop) * top:
            armed = False
            found.append(t)
    return found, highs


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("symbol", "drop"), [("SMH", 0.10), ("SMH", 0.20), ("NVDA", 0.20), ("MSFT", 0.10)])
def test_the_trades_are_those_of_a_plain_loop(folder, symbol, drop):
    close = column(symbol, "close", folder)
    found, highs = crossings(close, drop)
    bars = load_bars(folder, (symbol,))
    assert instructions(idea("drawdown-rule", universe=symbol, drop=drop).targets(bars)) == [(t, 1.0) for t in found]
    result = simulate(idea("drawdown-rule", universe=symbol, drop=drop, hold=10), bars, FREE)
    assert seen(result.trades, symbol) == told(symbol, held_for(found, 10, len(close)), folder)
    until = simulate(idea("drawdown-rule", universe=symbol, drop=drop, until="high"), bars, FREE)
    ends = {t + 1: min((h + 1 for h in highs if h > t), default=None) for t in found}
    days = column(symbol, "date", folder)
    expected = [(days[start], days[end]) for start, end in ends.items() if end is not None and end < len(days)]
    assert [(entry, left) for entry, _, left, _ in seen(until.trades, symbol)] == expected


@pytest.mark.parametrize("nonsense", [{"drop": 0}, {"drop": 1}, {"hold": 0}, {"until": "noon"}])
def test_nonsense_is_refused(nonsense):
    with pytest.raises(ParameterError, match=next(iter(nonsense))):
        idea("drawdown-rule", **nonsense)
