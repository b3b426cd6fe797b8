"""dip-with-stops: the dip rule with a way out before its time."""

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars
from tests.support.plain_rules import DATA, column, idea, seen, total_returns

FREE = Account().without_costs()
OFF = {"stop_loss": None, "profit_target": None, "trailing_stop": None}


def leaving(later, opens=None, highs=None, lows=None, **parameters):
    """Row, price and reason of the exit from a trade bought at 100 at the open of row 2, whose close is 100 too."""
    start = [110, 100, 100]
    market = {name: {"A": [*start, *values]} for name, values in (("opens", opens), ("highs", highs), ("lows", lows)) if values}
    bars = make_bars({"A": [*start, *later]}, **market)
    rule = idea("dip-with-stops", universe="A", drop=0.05, **{**OFF, "hold": 4, **parameters})
    trade = simulate(rule, bars, FREE).trades.iloc[0]
    assert (trade["entry_session"], trade["entry_price"]) == (bars.sessions[2], 100)
    return bars.sessions.get_loc(trade["exit_session"]), trade["exit_price"], trade["reason"]


def test_with_every_limit_off_the_trade_ends_with_its_time():
    assert leaving([80, 130, 70, 101, 102]) == (6, 101, "held 4 sessions")


def test_a_loss_at_the_close_is_sold_at_the_next_open():
    assert leaving([95, 94, 93, 93, 93], opens=[96, 97, 93, 93, 93], stop_loss=0.05) == (4, 97, "stop loss 0.05")


def test_a_gain_at_the_close_is_taken_at_the_next_open():
    assert leaving([110, 90, 93, 93, 93], opens=[100, 108, 93, 93, 93], profit_target=0.10) == (4, 108, "profit target 0.1")


def test_a_trailing_stop_counts_from_the_best_close():
    later = [120, 109, 105, 105, 105]  # 109 is 9.2 % under 120, 105 is 12.5 % under
    assert leaving(later, trailing_stop=0.10) == (6, 105, "trailing stop 0.1")


def test_during_the_day_a_stop_fills_at_its_level():
    assert leaving([96, 96, 96, 96, 96], lows=[94, 96, 96, 96, 96], stop_loss=0.05, intraday=True) == (3, 95, "stop loss 0.05")


def test_during_the_day_a_gap_through_the_stop_fills_at_the_open():
    later = [91, 92, 92, 92, 92]
    assert leaving(later, opens=[90, 92, 92, 92, 92], stop_loss=0.05, intraday=True) == (3, 90, "stop loss 0.05")


def test_where_stop_and_target_lie_in_one_days_range_the_stop_counts():
    day = {"highs": [115, 100, 100, 100, 100], "lows": [85, 100, 100, 100, 100]}
    found = leaving([100] * 5, **day, stop_loss=0.10, profit_target=0.10, intraday=True)
    assert found == (3, 90, "stop loss 0.1")


def test_the_same_range_without_resting_orders_ends_with_its_time():
    day = {"highs": [115, 100, 100, 100, 100], "lows": [85, 100, 100, 100, 100]}
    assert leaving([100] * 5, **day, stop_loss=0.10, profit_target=0.10) == (6, 100, "held 4 sessions")


def test_a_stop_seen_on_the_close_before_the_last_session_comes_first():
    assert leaving([100, 100, 90, 80, 80], opens=[100, 100, 100, 88, 80], stop_loss=0.10) == (6, 88, "stop loss 0.1")


def test_without_limits_it_is_the_dip_rule():
    bars = load_bars(DATA, ("SMH",))
    one, other = simulate(idea("dip-with-stops", **OFF), bars), simulate(idea("dip-rule"), bars)
    assert one.fills.equals(other.fills)


def test_the_trades_on_smh_are_those_of_a_plain_loop():
    day, open_, close = (column("SMH", field) for field in ("date", "open", "close"))
    returns, expected, t = total_returns("SMH"), [], 1
    while t < len(day) - 1:
        if returns[t] > -0.04:
            t += 1
            continue
        start, paid = t + 1, open_[t + 1]
        for end in range(start, len(day) - 1):
            if not 0.9 * paid < close[end] < 1.1 * paid:
                expected.append((day[start], pytest.approx(paid), day[end + 1], pytest.approx(open_[end + 1])))
                break
            if end + 1 - start >= 20:
                expected.append((day[start], pytest.approx(paid), day[end + 1], pytest.approx(close[end + 1])))
                break
        t = end + 1  # the close of the exit's session is the first on which a drop counts again
    result = simulate(idea("dip-with-stops"), load_bars(DATA, ("SMH",)), FREE)
    assert seen(result.trades, "SMH") == expected
    assert set(result.trades["reason"]) == {"stop loss 0.1", "profit target 0.1", "held 20 sessions"}


def test_resting_orders_on_smh_fill_where_a_plain_loop_does():
    fields = ("date", "open", "high", "low", "close")
    day, open_, high, low, close = (column("SMH", field) for field in fields)
    returns, expected, t = total_returns("SMH"), [], 1
    while t < len(day) - 1:
        if returns[t] > -0.04:
            t += 1
            continue
        start, price = t + 1, None
        stop, target = 0.92 * open_[start], 1.06 * open_[start]
        for end in range(start, len(day)):
            if low[end] <= stop:
                price = min(open_[end], stop)
            elif high[end] >= target:
                price = max(open_[end], target)
            elif end - start == 20:
                price = close[end]
            if price:
                expected.append((day[start], pytest.approx(open_[start]), day[end], pytest.approx(price)))
                break
        t = end  # a drop on the day of the exit is the first to count again
    rule = idea("dip-with-stops", stop_loss=0.08, profit_target=0.06, intraday=True)
    result = simulate(rule, load_bars(DATA, ("SMH",)), FREE)
    assert len(expected) > 8
    assert seen(result.trades, "SMH") == expected


@pytest.mark.parametrize(
    "nonsense", [{"stop_loss": 0}, {"stop_loss": 1.0}, {"trailing_stop": -0.1}, {"profit_target": 0}, {"hold": 0}]
)
def test_nonsense_is_refused(nonsense):
    with pytest.raises(ParameterError, match=next(iter(nonsense))):
        idea("dip-with-stops", **nonsense)
