import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.panel import build_panel
from dipfolio.engine.run_log import Fill, RunLog
from dipfolio.engine.simulation import simulate
from dipfolio.engine.trades import round_trips
from tests.support.markets import make_bars
from tests.support.strategies import script

FREE = Account().without_costs()


def trips(fills, closes, **market):
    """Closed and open trips of fills given as (session, shares, price, moment)."""
    panel = build_panel(make_bars({"A": closes}, **market), 0)
    run_log = RunLog.empty(len(panel), 1)
    run_log.last = len(panel) - 1
    run_log.fills = [Fill(session=s, symbol=0, shares=n, price=p, at=at, commission=abs(n) * 0.01) for s, n, p, at in fills]
    return round_trips(panel, run_log)


def test_a_round_trip_by_hand():
    closed, still_open = trips([(1, 10, 100.0, "open"), (3, -10, 120.0, "close")], [99, 101, 95, 120])
    trade = closed.iloc[0]
    assert len(still_open) == 0
    assert (trade["side"], trade["shares"], trade["sessions"]) == ("long", 10, 2)
    assert (trade["gross"], trade["commission"], trade["profit"]) == (200, 0.2, 199.8)
    assert trade["return"] == pytest.approx(0.1998)


def test_adding_and_reducing_belong_to_one_trade_at_average_prices():
    fills = [(1, 10, 100.0, "open"), (2, 30, 120.0, "open"), (3, -20, 130.0, "open"), (4, -20, 110.0, "open")]
    closed, _ = trips(fills, [100] * 5)
    trade = closed.iloc[0]
    assert (trade["entry_price"], trade["exit_price"], trade["shares"]) == (115, 120, 40)
    assert trade["gross"] == 40 * (120 - 115)


def test_a_reversal_is_shared_between_two_trades_with_its_charges():
    closed, still_open = trips([(1, 10, 100.0, "open"), (2, -30, 110.0, "open")], [100, 100, 110, 105])
    assert closed[["side", "gross", "commission"]].to_numpy().tolist() == [["long", 100, pytest.approx(0.2)]]
    short = still_open.iloc[0]
    assert (short["side"], short["shares"], short["gross"]) == ("short", 20, 100)  # sold at 110, marked at 105
    assert short["commission"] == pytest.approx(0.2)


def test_an_open_position_is_marked_at_the_last_close_and_has_no_exit():
    _, still_open = trips([(1, 10, 100.0, "open")], [100, 101, 102])
    assert still_open["profit"].iloc[0] == pytest.approx(19.9)
    assert still_open["exit_session"].isna().all()


def test_excursions_are_those_of_the_sessions_in_which_the_trade_was_on():
    market = {"highs": {"A": [100, 150, 111, 130, 200]}, "lows": {"A": [100, 60, 90, 99, 10]}, "opens": {"A": [100] * 5}}
    closes = [100, 100, 100, 100, 100]
    open_to_close, _ = trips([(1, 10, 100.0, "open"), (3, -10, 100.0, "close")], closes, **market)
    close_to_open, _ = trips([(1, 10, 100.0, "close"), (4, -10, 100.0, "open")], closes, **market)
    short, _ = trips([(1, -10, 100.0, "close"), (3, 10, 100.0, "close")], closes, **market)
    assert open_to_close[["worst", "best"]].to_numpy().tolist() == [[-0.4, 0.5]]
    assert close_to_open[["worst", "best"]].round(12).to_numpy().tolist() == [[-0.1, 0.3]]
    assert short[["worst", "best"]].round(12).to_numpy().tolist() == [[-0.3, 0.1]]


def test_borrow_and_dividends_go_to_the_trade_that_held_the_shares():
    # short from Friday's close to Monday's close, then short again from Monday's close
    bars = make_bars({"A": [100, 100, 100, 100]}, dividends={"A": {2: 1.0, 3: 2.0}})
    account = Account(commission_per_share=0, commission_minimum=0, sec_taf=False, slippage_bps=0, borrow_rate=0.36)
    rows = {0: {"A": -10}, 1: {"A": 0}, 2: {"A": 30}}
    result = simulate(script(rows, fill="close"), bars, account)
    first, second = result.trades.iloc[0], result.open_positions.iloc[0]
    # 10 shares x 102 x 0.36 x 3 / 360 = 3.06 for the weekend, and the first dividend is owed
    assert first[["borrow", "dividends", "profit"]].tolist() == [pytest.approx(3.06), -10, pytest.approx(-13.06)]
    assert second[["borrow", "dividends"]].tolist() == [0, 0]  # bought on the close of the last session


def test_profits_add_up_to_the_change_of_equity():
    rng = np.random.default_rng(3)
    closes = {s: 100 * np.exp(rng.normal(0, 0.03, 60).cumsum()) for s in "ABC"}
    rows = {int(t): {s: float(rng.choice([-300, 0, 200, 400])) for s in "ABC"} for t in range(0, 55, 3)}
    bars = make_bars(closes, dividends={"A": {20: 0.7}, "B": {33: 1.1}})
    result = simulate(script(rows, universe="A,B,C", resize=True), bars, Account(cash=150_000))
    profit = result.trades["profit"].sum() + result.open_positions["profit"].sum() - result.equity["interest"].sum()
    assert len(result.trades) > 10
    assert result.equity["equity"].iloc[-1] - 150_000 == pytest.approx(profit, abs=1e-6)
