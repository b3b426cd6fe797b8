"""dip-rule: buy after a one-day drop."""

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars
from tests.support.plain_rules import DATA, FOLDERS, column, held_for, idea, instructions, money, seen, told, total_returns

FREE = Account().without_costs()


def decided(strategy, **market):
    return instructions(strategy.targets(make_bars(**market)))


def test_a_drop_of_exactly_four_per_cent_is_bought_and_a_smaller_one_is_not():
    rule = idea("dip-rule", universe="A")
    assert decided(rule, closes={"A": [100, 96, 96]}) == [(1, 1.0)]
    assert decided(rule, closes={"A": [100, 96.01, 96.01]}) == []


def test_a_dividend_is_no_drop():
    assert decided(idea("dip-rule", universe="A"), closes={"A": [100, 95, 95]}, dividends={"A": {1: 2.0}}) == []


def test_the_drop_is_bought_at_the_next_open_and_sold_at_the_close_of_the_last_session_held():
    bars = make_bars({"A": [100, 95, 96, 97, 98, 99]}, opens={"A": [100, 99, 94, 97, 98, 99]})
    trade = simulate(idea("dip-rule", universe="A", hold=2), bars, FREE).trades.iloc[0]
    assert (trade["entry_session"], trade["entry_price"], trade["entry_at"]) == (bars.sessions[2], 94, "open")
    assert (trade["exit_session"], trade["exit_price"], trade["exit_at"]) == (bars.sessions[4], 98, "close")
    assert trade["shares"] == 1_000_000 // 95  # sized on the close of the drop


def test_a_drop_while_the_position_is_open_is_ignored_and_one_after_it_is_bought():
    closes = [100, 95, 90, 85, 80, 80, 80]  # drops on rows 1 to 4; out at the close of row 3
    bars = make_bars({"A": closes})
    result = simulate(idea("dip-rule", universe="A", hold=1), bars, FREE)
    rows = [bars.sessions.get_loc(day) for day in result.trades["entry_session"]]
    assert rows == [2, 4]  # the drop of row 2 comes on the close on which the exit is sent, that of row 3 when it is filled


def test_each_symbol_is_bought_after_its_own_drop_with_an_equal_part():
    targets = idea("dip-rule", universe="A,B").targets(make_bars({"A": [100, 95, 95], "B": [50, 50, 40]}))
    expected = [[np.nan, np.nan], [0.5, np.nan], [np.nan, 0.5]]
    np.testing.assert_array_equal(targets.to_numpy(), expected)


def test_a_basket_is_bought_whole_after_the_drop_of_its_mean():
    rule = idea("dip-rule", universe="A,B", by="basket")
    targets = rule.targets(make_bars({"A": [100, 93, 93, 100], "B": [50, 50, 45, 45]}))
    expected = [[np.nan, np.nan], [np.nan, np.nan], [0.5, 0.5], [np.nan, np.nan]]  # -3.5 %, then -5 %
    np.testing.assert_array_equal(targets.to_numpy(), expected)


def test_a_symbol_that_is_not_listed_gives_no_signal_and_does_not_count_in_the_basket():
    closes = {"A": [100, 95, 95, 95], "B": [np.nan, np.nan, 50, 40]}
    own = idea("dip-rule", universe="A,B").targets(make_bars(closes))
    np.testing.assert_array_equal(own["B"], [np.nan, np.nan, np.nan, 0.5])
    basket = idea("dip-rule", universe="A,B", by="basket").targets(make_bars(closes))
    np.testing.assert_array_equal(basket["A"], [np.nan, 0.5, np.nan, 0.5])  # -5 % alone, then -10 % on average
    np.testing.assert_array_equal(basket["B"], [np.nan, np.nan, np.nan, 0.5])


def test_in_deviations_a_drop_needs_sixty_returns_before_it_and_does_not_hide_itself():
    closes = [100.0]
    for t in range(60):
        closes.append(closes[-1] * (1.01 if t % 2 else 0.99))
    spread = np.std([0.01, -0.01] * 30, ddof=1)
    drop = closes[-1] * (1 - 2.5 * spread)
    rule = idea("dip-rule", universe="A", sigmas=2.5, drop=0.5)
    assert decided(rule, closes={"A": [*closes, drop]}, start="2024-06-03") == [(61, 1.0)]
    assert decided(rule, closes={"A": [*closes[1:], drop]}, start="2024-06-03") == []
    assert decided(rule, closes={"A": [*closes, drop * 1.001]}, start="2024-06-03") == []


def test_the_signal_of_deepseek_monday_can_be_left_out():
    closes = {"A": [100.0] * 15 + [90.0, 80.0, 80.0]}  # 2025-01-27 is row 15
    assert decided(idea("dip-rule", universe="A"), closes=closes) == [(15, 1.0), (16, 1.0)]
    assert decided(idea("dip-rule", universe="A", skip_event=True), closes=closes) == [(16, 1.0)]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("drop", "hold"), [(0.04, 20), (0.03, 5), (0.06, 60)])
def test_the_trades_on_smh_are_those_of_a_plain_loop(folder, drop, hold):
    returns = total_returns("SMH", folder)
    found = [t for t in range(1, len(returns)) if returns[t] <= -drop]
    trips = held_for(found, hold, len(returns))
    result = simulate(idea("dip-rule", drop=drop, hold=hold), load_bars(folder, ("SMH",)), FREE)
    assert len(trips) >= 2
    assert seen(result.trades, "SMH") == told("SMH", trips, folder)


def test_the_money_made_on_smh_is_that_of_a_plain_loop():
    returns = total_returns("SMH")
    trips = held_for([t for t in range(1, len(returns)) if returns[t] <= -0.04], 20, len(returns))
    result = simulate(idea("dip-rule"), load_bars(DATA, ("SMH",)), FREE)
    assert result.open_positions.empty
    assert result.equity["equity"].iloc[-1] == pytest.approx(money("SMH", 1, trips), abs=1e-6)


def test_in_deviations_the_days_are_those_of_numpy():
    returns = np.array(total_returns("SMH")[1:])
    spread = [np.std(returns[t - 60 : t], ddof=1) for t in range(60, len(returns))]
    found = [60 + t + 1 for t, s in enumerate(spread) if returns[60 + t] <= -2.5 * s]
    assert [row for row, _ in instructions(idea("dip-rule", sigmas=2.5).targets(load_bars(DATA, ("SMH",))))] == found
    assert "2025-01-27" in [column("SMH", "date")[row] for row in found]


def test_two_symbols_share_the_equity_of_the_day():
    bars = load_bars(DATA, ("NVDA", "SMH"))
    result = simulate(idea("dip-rule", universe="NVDA,SMH"), bars, FREE)
    equity = result.equity["equity"]
    for trade in result.trades.itertuples():
        eve = bars.sessions[bars.sessions.get_loc(trade.entry_session) - 1]
        assert trade.shares == int(equity[eve] / 2 / bars.close.loc[eve, trade.symbol])
    assert len(result.trades) > 10


@pytest.mark.parametrize(
    "nonsense", [{"drop": 0}, {"drop": -0.04}, {"drop": 4}, {"drop": float("nan")}, {"sigmas": 0}, {"hold": 0}, {"hold": -1}]
)
def test_nonsense_is_refused(nonsense):
    with pytest.raises(ParameterError, match=next(iter(nonsense))):
        idea("dip-rule", **nonsense)


def test_a_shorter_history_than_two_sessions_gives_no_instruction():
    assert decided(idea("dip-rule", universe="A"), closes={"A": [100]}) == []
    assert isinstance(idea("dip-rule", sigmas=2.0).targets(make_bars({"SMH": [100, 50]})), pd.DataFrame)
