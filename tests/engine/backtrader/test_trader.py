"""The trader: in which order the orders of exits and targets are sent, and from which price a trade counts."""

import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.exits import (
    HoldFor,
    StopLoss,
    TakeProfit,
    TrailingStop,
)
from dipfolio.engine.simulation import simulate
from tests.support.markets import make_bars
from tests.support.runs import leaving
from tests.support.strategies import script

FREE = Account().without_costs()
SHORT = {0: {"A": -100}}


@pytest.mark.parametrize(("second", "after", "left"), [(120, 105, False), (120, 104, True), (80, 86, False), (80, 85, True)])
def test_a_stop_counts_from_the_average_of_what_was_paid(second, after, left):
    # 100 shares at 100 and 100 more at 120 cost 110 each, at 80 they cost 90 each: five per cent less is 104.50 or 85.50
    bars = make_bars({"A": [100, 100, after, after, after]}, opens={"A": [100, 100, second, after, after]})
    idea = script({0: {"A": 100}, 1: {"A": 200}}, resize=True, exits=(StopLoss(0.05),))
    result = simulate(idea, bars, FREE)
    assert [row.reason for row in result.trades.itertuples()] == ["stop loss 0.05"] * left


@pytest.mark.parametrize("shares", [0.5, 1.0, -0.5, -1.0])
def test_a_trailing_stop_follows_a_single_share_and_half_of_one_as_well(shares):
    # the best close is 120 of a long and 80 of a short; ten per cent from there is 108 and 88
    closes = [100, 100, 120, 109, 107, 100] if shares > 0 else [100, 100, 80, 87, 89, 100]
    bars = make_bars({"A": closes})
    idea = script({0: {"A": shares}}, exits=(TrailingStop(0.1),))
    result = simulate(idea, bars, Account(fractional=True).without_costs())
    assert [(row.exit_price, row.reason) for row in result.trades.itertuples()] == [(100, "trailing stop 0.1")]


TWO_STOPS = (StopLoss(0.10, intraday=True), TrailingStop(0.05, intraday=True))
TWO_TARGETS = (TakeProfit(0.10, intraday=True), TakeProfit(0.04, intraday=True))


@pytest.mark.parametrize("exits", [TWO_STOPS, TWO_STOPS[::-1]])
def test_of_two_stops_the_one_that_the_price_meets_first_counts(exits):
    falling = {"closes": {"A": [100, 100, 100]}, "lows": {"A": [100, 100, 80]}}
    assert leaving(exits, **falling) == [(2, 95, "day", "trailing stop 0.05")]
    rising = {"closes": {"A": [100, 100, 100]}, "highs": {"A": [100, 100, 120]}}
    assert leaving(exits, SHORT, **rising) == [(2, 105, "day", "trailing stop 0.05")]


@pytest.mark.parametrize("exits", [TWO_TARGETS, TWO_TARGETS[::-1]])
def test_of_two_targets_the_one_that_the_price_meets_first_counts(exits):
    rising = {"closes": {"A": [100, 100, 100]}, "highs": {"A": [100, 100, 120]}}
    assert leaving(exits, **rising) == [(2, 104, "day", "profit target 0.04")]
    falling = {"closes": {"A": [100, 100, 100]}, "lows": {"A": [100, 100, 80]}}
    assert leaving(exits, SHORT, **falling) == [(2, 96, "day", "profit target 0.04")]


def test_exits_come_before_targets_and_are_not_undone_on_the_same_close():
    rows = {row: {"A": 100} for row in range(6)}
    bars = make_bars({"A": [100.0] * 6})
    result = simulate(script(rows, exits=(HoldFor(1, fill="open"),)), bars, FREE)
    assert result.fills["shares"].tolist() == [100, -100, 100, -100, 100]
    assert pd.Index(result.fills["session"]).is_unique


def test_a_target_for_the_close_may_open_again_what_left_at_that_sessions_open():
    rows = {row: {"A": 100} for row in range(4)}
    bars = make_bars({"A": [100.0, 101, 102, 103, 104]}, opens={"A": [100.0, 101, 101.5, 102.5, 103.5]})
    result = simulate(script(rows, fill="close", exits=(HoldFor(1, fill="open"),)), bars, FREE)
    assert result.trades[["entry_price", "exit_price"]].to_numpy().tolist() == [[101, 101.5], [102, 102.5], [103, 103.5]]


def stopped_in_the_session_of(target, closes=(100, 100, 96, 96), low=94):
    """Fills of a trade that is stopped in the session at whose close a target of the close before would be executed."""
    market = {"closes": {"A": list(closes)}, "lows": {"A": [100, 100, low, 96]}}
    rows = {0: {"A": 5}, 1: {"A": target}}
    idea = script(rows, fill="close", resize=True, exits=(StopLoss(0.05, intraday=True),))
    return simulate(idea, make_bars(**market), FREE).fills["shares"].tolist()


@pytest.mark.parametrize("target", [0, 3, 8, -5])
def test_an_exit_within_the_session_undoes_the_target_of_its_close(target):
    assert stopped_in_the_session_of(target) == [5, -5]


def test_without_an_exit_the_target_of_the_close_is_executed():
    assert stopped_in_the_session_of(0, low=96) == [5, -5]
    assert stopped_in_the_session_of(-5, low=96) == [5, -10]
