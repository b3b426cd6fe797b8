"""The matched benchmark: markets worked out by hand, a benchmark in the place of itself, and plain loops on random markets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.exits import StopLoss
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.matched_benchmark import match_benchmark, matched_benchmarks, matched_returns, money_put_in
from dipfolio.engine.simulation import simulate
from tests.support.markets import make_bars, random_market
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]
FREE = Account(max_volume_share=1.0).without_costs()
NAN = float("nan")
OPENS, CLOSES = [50.0, 50, 52, 54, 55], [50.0, 51, 53, 54, 56]
"""Of the benchmark M."""


def traded(rows, *, a=(100.0, 100, 110, 100, 100), b=None, dividends=None, account=FREE, market=CLOSES, **facts):
    """A run on five bars: A opens at its closes, M is the benchmark."""
    closes = {"A": list(a), **({"B": b} if b else {}), "M": market}
    bars = make_bars(closes, opens={"M": OPENS}, dividends=dividends)
    return simulate(script(rows, universe="A,B" if b else "A", **facts), bars, account, benchmark="M")


def matched(rows, **market):
    """The profit of the benchmark in dollars."""
    return match_benchmark(traded(rows, **market), "M").profit


def test_a_long_from_open_to_open():
    result = traded({0: {"A": 10}, 2: {"A": 0}})
    found = match_benchmark(result, "M")
    # $1,000 buys 20 units at the open of 50; they are sold at the open of 54
    assert found.profit == pytest.approx(20 * 4)
    assert (found.money, found.total_return) == (1000, pytest.approx(0.08))
    assert result.fills["at"].tolist() == ["open", "open"]


def test_a_long_from_close_to_close():
    # $1,000 at the close of 51, sold at the close of 54
    assert matched({0: {"A": 10}, 2: {"A": 0}}, fill="close") == pytest.approx(1000 / 51 * 3)


def test_a_short_sells_the_benchmark_short():
    assert matched({0: {"A": -10}, 2: {"A": 0}}) == pytest.approx(-20 * 4)


def test_an_open_position_is_worth_the_last_close():
    assert matched({0: {"A": 10}}) == pytest.approx(20 * (56 - 50))


def test_a_partial_exit_takes_the_same_fraction_out_of_the_benchmark():
    # 20 units at 50; four tenths of them are sold at 52, the rest at 54
    assert matched({0: {"A": 10}, 1: {"A": 6}, 2: {"A": 0}}, resize=True) == pytest.approx(8 * 2 + 12 * 4)


def test_a_larger_position_puts_more_dollars_in():
    # 20 units at 50, then 5 x 110 dollars at 52; all sold at 54
    assert matched({0: {"A": 10}, 1: {"A": 15}, 2: {"A": 0}}, resize=True) == pytest.approx(20 * 4 + 550 / 52 * 2)


def test_a_reversal_takes_all_out_and_goes_in_on_the_other_side():
    # 20 units at 50, sold at 52; 10 x 110 dollars short at 52, covered at 54
    assert matched({0: {"A": 10}, 1: {"A": -10}, 2: {"A": 0}}) == pytest.approx(20 * 2 - 1100 / 52 * 2)


def test_a_dividend_belongs_to_the_units_held_into_its_ex_date():
    paid = {"M": {1: 100.0, 2: 0.5, 3: 0.25, 4: 100.0}}  # bought at the open of 1, sold at that of 3
    assert matched({0: {"A": 10}, 2: {"A": 0}}, dividends=paid) == pytest.approx(20 * (4 + 0.75))
    assert matched({0: {"A": -10}, 2: {"A": 0}}, dividends=paid) == pytest.approx(-20 * (4 + 0.75))


def test_a_stop_within_a_session_is_matched_at_its_close():
    bars = make_bars({"A": [100.0, 100, 100, 100], "M": CLOSES[:4]}, lows={"A": [100, 100, 90, 100]}, opens={"M": OPENS[:4]})
    result = simulate(script({0: {"A": 10}}, exits=(StopLoss(0.05, intraday=True),)), bars, FREE, benchmark="M")
    assert result.fills["at"].tolist() == ["open", "day"]
    assert match_benchmark(result, "M").profit == pytest.approx(20 * (53 - 50))


def test_a_position_that_is_paid_out_is_matched_at_the_last_close_of_its_symbol():
    paid = {"M": {3: 100.0}}
    result = traded({0: {"A": 10}}, a=[100, 100, 110, NAN, NAN], dividends=paid)
    assert result.fills["at"].tolist() == ["open", "settlement"]
    assert match_benchmark(result, "M").profit == pytest.approx(20 * (53 - 50))


def test_each_symbol_has_its_own_part_and_longs_and_shorts_are_added():
    # A: $1,000 long from 50 to 54. B: $400 short from 52 to the last close of 56.
    result = traded({0: {"A": 10}, 1: {"B": -20}, 2: {"A": 0}}, b=[20.0, 20, 20, 20, 20])
    found = match_benchmark(result, "M")
    assert found.by_name.to_dict() == pytest.approx({"A": 80, "B": -400 / 52 * 4})
    assert found.profit == pytest.approx(80 - 400 / 52 * 4)


def test_money_put_in_is_the_largest_cost_at_one_time():
    flat = [20.0] * 5
    # A for $1,000, then B short for $400 beside it, then A sold: $1,400 at the most
    assert money_put_in(traded({0: {"A": 10}, 1: {"B": -20}, 2: {"A": 0}}, b=flat)) == 1400
    # A is sold in the session in which B is bought: never both
    assert money_put_in(traded({0: {"A": 10}, 1: {"A": 0, "B": 20}}, b=flat)) == 1000
    # the rise of A to 110 is no money put in, a second purchase at 110 is
    assert money_put_in(traded({0: {"A": 10}})) == 1000
    assert money_put_in(traded({0: {"A": 10}, 1: {"A": 15}}, resize=True)) == 1000 + 5 * 110
    # six tenths of the first cost are left, then 6 x 100 more
    assert money_put_in(traded({0: {"A": 10}, 1: {"A": 6}, 2: {"A": 12}}, resize=True)) == 1000 * 0.6 + 6 * 100
    # a reversal: 10 short at 110
    assert money_put_in(traded({0: {"A": 10}, 1: {"A": -10}})) == 1100


def test_money_put_in_counts_slippage_and_no_commission():
    account = replace(Account(), max_volume_share=1.0)
    assert money_put_in(traded({0: {"A": 10}}, account=account)) == pytest.approx(1000 * 1.0002)


def test_a_run_without_a_trade_put_nothing_in():
    found = match_benchmark(traded({}), "M")
    assert (found.money, found.profit) == (0, 0)
    assert np.isnan(found.total_return)


def test_a_benchmark_without_prices_at_a_trade_is_left_out():
    bars = make_bars({"A": [100.0] * 5, "M": CLOSES})
    others = make_bars({"N": [NAN, NAN, 10, 11, 12], "O": [1.0, 1, 1, 1, 2]})
    result = simulate(script({0: {"A": 10}}), bars, FREE, benchmark="M", others=others)
    assert match_benchmark(result, "N") is None
    assert [found.symbol for found in matched_benchmarks(result)] == ["M", "O"]
    late = simulate(script({2: {"A": 10}}), bars, FREE, benchmark="M", others=others)
    assert match_benchmark(late, "N").profit == pytest.approx(1000 / 11)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("fill", ["open", "close"])
def test_a_symbol_in_the_place_of_itself_makes_what_the_account_made(seed, fill):
    rng = np.random.default_rng(seed)
    bars = make_bars(**random_market(40, "A", seed), dividends={"A": {9: 1.25, 21: 0.5}})
    rows = {int(row): {"A": round(float(rng.uniform(-1, 1)), 3)} for row in rng.choice(39, 12, replace=False)}
    account = replace(FREE, fractional=True, maintenance_short_per_share=0.0)
    result = simulate(script(rows, unit="weight", fill=fill, resize=True), bars, account, benchmark="A")
    made = result.equity["equity"].iloc[-1] - account.cash
    assert match_benchmark(result, "A").profit == pytest.approx(made, abs=1e-6)
    assert abs(made) > 100


def in_loops(result, bars, symbol):
    """Marked to the market at every open and close: the units of each position, bought and sold as the fills are."""
    opens, closes, paid = (table[symbol].tolist() for table in (bars.open, bars.close, bars.dividends))
    units, shares, profit, price = {}, {}, 0.0, None
    for row, day in enumerate(bars.sessions):
        for at, now in (("open", opens[row]), ("close", closes[row])):
            if price is not None:
                profit += sum(units.values()) * (now - price + (paid[row] if at == "open" else 0.0))
            price = now
            for fill in result.fills[(result.fills["session"] == day) & (result.fills["at"] == at)].itertuples():
                held, own = shares.get(fill.symbol, 0.0), units.get(fill.symbol, 0.0)
                closed = min(abs(fill.shares), abs(held)) if held * fill.shares < 0 else 0.0
                opened = abs(fill.shares) - closed
                own -= own * closed / abs(held) if held else 0.0
                units[fill.symbol] = own + np.sign(fill.shares) * opened * fill.price / now
                shares[fill.symbol] = held + fill.shares
    return profit


@pytest.mark.parametrize("seed", range(12))
def test_plain_loops_come_to_the_same(seed):
    rng = np.random.default_rng(seed)
    bars = make_bars(**random_market(30, "ABCM", seed), dividends={"M": {4: 1.0, 17: 2.0}, "B": {5: 3.0}})
    rows = {
        int(row): {symbol: int(rng.integers(-300, 300)) for symbol in "ABC" if rng.random() < 0.7}
        for row in rng.choice(29, 15, replace=False)
    }
    what = script(rows, universe="A,B,C", fill="open" if seed % 2 else "close", resize=True)
    result = simulate(what, bars, replace(Account(), max_volume_share=1.0), benchmark="M")
    expected = in_loops(result, bars, "M")
    assert match_benchmark(result, "M").profit == pytest.approx(expected, abs=1e-6)
    assert len(result.fills) > 20


def test_the_worked_example():
    """The twelve shares at the open of 27 January 2025, sold at the close of 3 February."""
    bars = load_bars(ROOT / "data")
    result = simulate(
        load_strategy(ROOT / "strategies", "buy-the-dip")(), bars, benchmark="SPY", others=bars.select(("QQQ", "SMH"))
    )
    first, last = pd.Timestamp("2025-01-27"), pd.Timestamp("2025-02-03")
    found = {one.symbol: one for one in matched_benchmarks(result)}
    for symbol, one in found.items():
        assert one.total_return == pytest.approx(bars.close[symbol][last] / bars.open[symbol][first] - 1)
    bought = result.fills[result.fills["shares"] > 0]
    assert found["SPY"].money == pytest.approx((bought["shares"] * bought["price"]).sum())
    assert f"{found['SPY'].money:,.0f}" == "933,276"
    returns = {symbol: f"{one.total_return:+.2%}" for symbol, one in found.items()}
    assert returns == {"SPY": "+0.50%", "QQQ": "+1.39%", "SMH": "-1.53%"}


def test_the_matched_benchmark_by_session():
    # 20 units from the open of 50: +1 to the close of 51, +2 to 53, +1 to the open of 54 where they are sold, $1 of dividend each
    # in session 2. The account holds 10 A, which rise by $10 in session 2 and fall by it at the open of session 3.
    result = traded({0: {"A": 10}, 2: {"A": 0}}, dividends={"M": {2: 1.0}})
    made = [0, 20, 20 * (2 + 1), 20, 0]
    before = [1_000_000, 1_000_000, 1_000_000, 1_000_100, 1_000_000]
    found = matched_returns(result, "M")
    assert found.tolist() == pytest.approx([profit / equity for profit, equity in zip(made, before, strict=True)])
    assert found.index.equals(result.equity.index)


@pytest.mark.parametrize("seed", range(6))
def test_the_sessions_sum_to_the_whole(seed):
    market = make_bars(**random_market(60, "ABM", seed=seed), dividends={"M": {20: 0.7, 41: 0.4}, "A": {30: 1.1}})
    rng = np.random.default_rng(seed)
    rows = {row: {"A": float(rng.normal()), "B": float(rng.normal())} for row in range(0, 55, 3)}
    for facts in ({}, {"fill": "close"}, {"exits": (StopLoss(0.03, intraday=True),)}, {"resize": True}):
        result = simulate(script(rows, universe="A,B", unit="weight", **facts), market, benchmark="M")
        before = result.equity["equity"].shift(fill_value=result.account.cash)
        total = float((matched_returns(result, "M") * before).sum())
        assert total == pytest.approx(match_benchmark(result, "M").profit, abs=0.005)


def test_without_a_price_of_the_benchmark_there_is_no_return():
    result = traded({0: {"A": 10}, 2: {"A": 0}})
    lost = replace(result, prices=result.prices[result.prices["session"] != result.equity.index[2]])
    assert matched_returns(lost, "M") is None
