"""Holding paths: five bars worked out by hand, and the recorded profit of every trade at the end of its path."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.attribution import all_positions
from dipfolio.engine.exits import StopLoss
from dipfolio.engine.holding_paths import MAX_HORIZON, MIN_SESSIONS_AHEAD, holding_paths, profit_by_session
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.matched_benchmark import match_benchmark
from dipfolio.engine.simulation import simulate
from tests.support.markets import make_bars, random_market
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]
FREE = Account(max_volume_share=1.0).without_costs()
OPENS, CLOSES = [50.0, 50, 52, 54, 55], [50.0, 51, 53, 54, 56]
"""Of the benchmark M."""
A_OPENS, A_CLOSES = [100.0, 101, 104, 108, 105], [100.0, 102, 106, 107, 103]


def traded(rows, *, dividends=None, account=FREE, benchmark="M", closes=A_CLOSES, opens=A_OPENS, **facts):
    bars = make_bars({"A": closes, "M": CLOSES}, opens={"A": opens, "M": OPENS}, dividends=dividends)
    return simulate(script(rows, **facts), bars, account, benchmark=benchmark)


def test_a_long_from_open_to_open():
    """10 shares at the open of 101 of session 1, sold at the open of 108 of session 3."""
    found = holding_paths(traded({0: {"A": 10}, 2: {"A": 0}}))
    assert found.path["A"].tolist() == [10, 50, 70]
    assert found.held["A"].tolist() == [10, 50, 60, 20]
    units = 1010 / 50  # of the benchmark, bought at its open of 50 and sold at its open of 54
    assert found.path_benchmark.tolist() == pytest.approx([units * 1, units * 3, units * 4])
    assert found.held_benchmark.tolist() == pytest.approx([units * 1, units * 3, units * 4, units * 6])
    assert found.exits.loc["A"].tolist() == [1, 2, 70, 0]


def test_an_entry_at_the_close_has_earned_nothing_on_that_close():
    """10 shares at the close of 102, sold at the close of 107; the benchmark from 51 to 54."""
    found = holding_paths(traded({0: {"A": 10}, 2: {"A": 0}}, fill="close"))
    assert found.path["A"].tolist() == [0, 40, 50]
    assert found.held["A"].tolist() == [0, 40, 50, 10]
    assert found.path_benchmark.tolist() == pytest.approx([0, 1020 / 51 * 2, 1020 / 51 * 3])


def test_a_short_earns_what_the_price_falls_and_owes_the_dividend():
    """Sold at 101; a dividend of 2 in session 2; bought back at 108."""
    found = holding_paths(traded({0: {"A": -10}, 2: {"A": 0}}, dividends={"A": {2: 2.0}}))
    assert found.path["A"].tolist() == [-10, -70, -90]
    assert found.held["A"].tolist() == [-10, -70, -80, -40]


def test_a_dividend_is_paid_for_the_shares_held_into_its_ex_date():
    """One on the day of the entry is not received, one on the day of the sale at the open is."""
    found = holding_paths(traded({0: {"A": 10}, 2: {"A": 0}}, dividends={"A": {1: 5.0, 3: 1.0}}))
    assert found.path["A"].tolist() == [10, 50, 80]
    assert found.held["A"].tolist() == [10, 50, 70, 30]


def test_the_benchmark_has_its_dividends():
    found = holding_paths(traded({0: {"A": 10}, 2: {"A": 0}}, dividends={"M": {2: 0.5}}))
    assert found.held_benchmark.tolist() == pytest.approx([20.2, 20.2 * 3.5, 20.2 * 4.5, 20.2 * 6.5])


def test_costs_count_when_they_are_paid_and_holding_on_has_no_costs_of_the_exit():
    """A dollar for each order; the sale costs $1 and the SEC's and FINRA's fees, which the record of the trade has."""
    account = Account(max_volume_share=1.0, commission_per_share=0.1, commission_minimum=0.0, slippage_bps=0.0)
    result = traded({0: {"A": 10}, 2: {"A": 0}}, account=account)
    found, (trade,) = holding_paths(result), result.trades.itertuples()
    assert found.path["A"].tolist()[:2] == pytest.approx([9, 49])
    assert found.path["A"].iloc[2] == pytest.approx(70 - 2 - trade.fees)
    assert found.held["A"].tolist() == pytest.approx([9, 49, 59, 19])


def test_a_short_that_is_held_on_pays_for_its_shares():
    """36 % a year on 102 % of the close before, rounded up to 105, 109 and 110 dollars; one calendar day, then a weekend."""
    account = Account(max_volume_share=1.0, borrow_rate=0.36, commission_per_share=0.0, commission_minimum=0.0, slippage_bps=0.0)
    result = traded({0: {"A": -10}}, account=account)
    found, days = holding_paths(result), np.diff(result.equity.index[1:].to_numpy()).astype("timedelta64[D]").astype(int)
    fee = 10 * np.array([105, 109, 110]) * 0.36 / 360 * days
    sold = -result.trades["fees"].sum() - result.open_positions["fees"].sum()
    assert found.held["A"].tolist() == pytest.approx(sold + np.array([-10, -50, -60, -20]) - [0, *fee.cumsum()])
    assert found.path["A"].iloc[-1] == pytest.approx(result.equity["equity"].iloc[-1] - account.cash)


def test_what_is_bought_later_counts_from_then_on_and_what_is_sold_is_kept():
    """10 shares at 101, 5 more at 104, 6 sold at 108; the rest is open at 103."""
    found = holding_paths(traded({0: {"A": 10}, 1: {"A": 15}, 2: {"A": 9}}, resize=True))
    assert found.path["A"].tolist() == [10, 50 + 10, 60 + 15 + 6, 20 - 5 + 6 * 5]
    assert found.held["A"].tolist() == [10, 50 + 10, 60 + 15, 20 - 5]
    first, more = 1010 / 50, 520 / 52
    assert found.path_benchmark.tolist()[:2] == pytest.approx([first, first * 3 + more])
    # six of fifteen shares take four tenths of the units out at the open of 54, the others are worth 56
    assert found.path_benchmark.iloc[-1] == pytest.approx(0.4 * (first * 4 + more * 2) + 0.6 * (first * 6 + more * 4))


def test_a_reversal_is_two_trades_whose_paths_are_added_from_their_own_entries():
    """10 long from 101 to 104, then 10 short from 104, open at 103."""
    found = holding_paths(traded({0: {"A": 10}, 1: {"A": -10}}))
    assert found.path["A"].tolist() == [10 - 20, 30 - 30, 30 + 10]
    assert found.exits.loc["A"].tolist() == [2, 1.5, 40, 0]
    # the first has four sessions of prices, the second three: the sum ends with the second
    assert found.held["A"].tolist()[:3] == [10 - 20, 50 - 30, 60 + 10]
    assert np.isnan(found.held["A"].iloc[3])


def test_the_profit_of_a_session_by_name():
    """10 of A from the open of 101, over 102 and 106, to the open of 108; a dividend of 1 on the day of the sale."""
    made = profit_by_session(traded({0: {"A": 10}, 2: {"A": 0}}, dividends={"A": {3: 1.0}}))
    assert made["A"].tolist() == [0, 10, 40, 20 + 10, 0]
    assert made.iloc[:, -1].tolist() == [0] * 5


def test_without_a_benchmark_there_is_no_line_of_it():
    found = holding_paths(traded({0: {"A": 10}}, benchmark=""))
    assert found.path_benchmark is None
    assert found.held_benchmark is None


def test_a_run_without_trades_has_empty_paths():
    found = holding_paths(traded({}))
    assert (len(found.path.columns), len(found.exits), found.unknown) == (0, 0, ())


def test_a_trade_that_begins_as_the_data_end_is_not_held_on_beside_the_others():
    rise = [100.0 + k for k in range(60)]
    bars = make_bars({"A": rise, "B": rise, "M": rise})
    late = 59 - MIN_SESSIONS_AHEAD
    rows = {0: {"A": 1}, late: {"B": 1}}
    found = holding_paths(simulate(script(rows, universe="A,B"), bars, FREE, benchmark="M"))
    assert list(found.held.columns) == ["A"]
    assert found.exits["left_out"].to_dict() == {"A": 0, "B": 1}
    assert list(found.path.columns) == ["A", "B"]
    rows = {0: {"A": 1}, late - 1: {"B": 1}}
    found = holding_paths(simulate(script(rows, universe="A,B"), bars, FREE, benchmark="M"))
    assert found.held["B"].notna().sum() == MIN_SESSIONS_AHEAD + 1


def test_nothing_is_held_on_for_longer_than_a_year_of_sessions():
    bars = make_bars({"A": [100.0 + k for k in range(300)]})
    found = holding_paths(simulate(script({0: {"A": 1}}), bars, FREE))
    assert found.held["A"].tolist() == list(range(MAX_HORIZON + 1))
    assert found.path["A"].tolist() == list(range(299))


@pytest.mark.parametrize("fill", ["open", "close"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_path_of_a_random_run_ends_at_the_recorded_profit(fill, seed):
    """The table of trades and the matched benchmark, which are computed elsewhere."""
    rng = np.random.default_rng(seed)
    rows = {k: {s: float(rng.integers(-30, 30)) for s in "AB" if rng.random() < 0.3} for k in range(28)}
    market = random_market(symbols="ABM", seed=seed)
    bars = make_bars(**market, dividends={"A": {7: 0.5, 20: 0.4}, "M": {5: 0.3, 21: 0.2}})
    strategy = script(rows, universe="A,B", resize=True, fill=fill, exits=(StopLoss(0.05),))
    result = simulate(strategy, bars, Account(cash=20_000), benchmark="M")
    found, profits = holding_paths(result), all_positions(result).groupby("symbol")["profit"].sum()
    assert found.path.iloc[-1].to_dict() == pytest.approx(profits.to_dict())
    assert found.path_benchmark.iloc[-1] == pytest.approx(match_benchmark(result, "M").profit)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_sessions_of_a_random_run_sum_to_the_change_of_its_equity(seed):
    """The equity is that of the engine, interest on negative cash included."""
    rng = np.random.default_rng(seed)
    rows = {k: {s: float(rng.integers(-90, 290)) for s in "AB" if rng.random() < 0.4} for k in range(28)}
    bars = make_bars(**random_market(symbols="AB", seed=seed), dividends={"A": {7: 0.5, 20: 0.4}})
    result = simulate(script(rows, universe="A,B", resize=True), bars, Account(cash=20_000))
    changes = np.diff(result.equity["equity"].to_numpy(), prepend=20_000.0)
    assert result.equity["interest"].sum() > 0
    assert profit_by_session(result).sum(axis=1).tolist() == pytest.approx(changes.tolist(), abs=1e-6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_paths_of_trades_entered_together_add_up_to_the_equity_of_the_account(seed):
    """A long and a short that are resized at random and never flat; the engine's books are kept elsewhere."""
    rng = np.random.default_rng(seed)
    rows = {k: {"A": float(rng.integers(10, 40)), "B": -float(rng.integers(10, 40))} for k in range(0, 28, 3)}
    bars = make_bars(**random_market(symbols="ABM", seed=seed), dividends={"A": {7: 0.5, 20: 0.4}, "B": {9: 0.3}})
    account = Account(cash=20_000, debit_rate=0.0, borrow_rate=0.05)
    result = simulate(script(rows, universe="A,B", resize=True), bars, account, benchmark="M")
    made = result.equity["equity"].to_numpy()[1:] - account.cash
    assert holding_paths(result).path.sum(axis=1).tolist() == pytest.approx(made.tolist(), abs=1e-6)


def test_the_dip_that_was_bought_had_it_been_held():
    """NVDA from Monday's open of $124.80 by the prices in the folder, without a cost of the exit."""
    bars = load_bars(ROOT / "data")
    strategy = load_strategy(ROOT / "strategies", "buy-the-dip")()
    result = simulate(strategy, bars, Account().without_costs(), benchmark="SPY")
    found = holding_paths(result)
    (trade,) = result.trades[result.trades["symbol"] == "NVDA"].itertuples()
    since = bars.sessions.get_loc(trade.entry_session)
    assert trade.entry_session.date() == date(2025, 1, 27)
    for held in (0, 4, 19):  # before NVDA's dividend of 12 March
        expected = trade.shares * (bars.close["NVDA"].iloc[since + held] - bars.open["NVDA"].iloc[since])
        assert found.held["NVDA"][held] == pytest.approx(expected)
    assert found.path.iloc[-1].sum() == pytest.approx(result.equity["equity"].iloc[-1] - result.account.cash)
    assert found.held.shape == (min(MAX_HORIZON, len(bars.sessions) - 1 - since) + 1, 12)
