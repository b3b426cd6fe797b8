"""Attribution: hand-made markets, random runs of which every cut sums to the cent, and the second engine's books cut by name."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.attribution import INTEREST, STILL_OPEN, attribute
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.matched_benchmark import match_benchmark
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import wrap_backtrader
from dipfolio.errors import ReportError
from tests.support import second_engine
from tests.support.generated_files import SYMBOLS, accounts, decisions, in_debt, law, markets
from tests.support.markets import make_bars
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]
CUTS = ("by_name", "by_month", "by_side", "by_reason", "by_source")
CENT = 0.005
FREE = Account(max_volume_share=1.0).without_costs()
NAN = float("nan")


def cut(rows, closes, account=FREE, dividends=None, start="2025-01-02", **facts):
    """The attribution of a run on a few bars, all orders filled at the open, which is the close."""
    bars = make_bars(
        {symbol: [float(close) for close in path] for symbol, path in closes.items()}, dividends=dividends, start=start
    )
    return attribute(simulate(script(rows, universe=",".join(closes), **facts), bars, account))


def assert_sums(found, tolerance=CENT):
    """Every cut is all of the profit."""
    sums = {name: float(getattr(found, name).sum()) for name in CUTS}
    assert sums == pytest.approx(dict.fromkeys(CUTS, found.profit), rel=0, abs=tolerance)


def test_a_long_and_a_short():
    found = cut({0: {"A": 10, "B": -5}, 2: {"A": 0}}, {"A": [100, 100, 104, 107, 9], "B": [50, 50, 53, 53, 52]})
    assert found.profit == 60
    assert found.by_name.to_dict() == {"A": 70, "B": -10}
    assert found.by_side.to_dict() == {"long": 70, "short": -10}
    assert found.by_reason.to_dict() == {"target 0": 70, STILL_OPEN: -10}
    assert found.by_source.drop("price").eq(0).all()
    assert_sums(found)


def test_a_reversal_is_a_long_and_a_short():
    found = cut({0: {"A": 10}, 1: {"A": -10}, 2: {"A": 0}}, {"A": [100, 100, 110, 104, 104]})
    assert found.by_side.to_dict() == {"long": 100, "short": 60}
    assert found.by_name.to_dict() == {"A": 160}
    assert_sums(found)


def test_a_partial_exit_counts_when_it_happens_and_the_rest_to_the_end():
    found = cut({0: {"A": 10}, 1: {"A": 6}}, {"A": [100, 100, 110, 120, 130]}, resize=True)
    assert found.by_name.to_dict() == {"A": 4 * 10 + 6 * 30}
    assert found.by_reason.to_dict() == {STILL_OPEN: 220}
    assert_sums(found)


def test_dividends_are_a_source_and_belong_to_their_symbol():
    flat = {"A": [100] * 5, "B": [50] * 5}
    paid = {"A": {2: 1.5, 4: 99.0}, "B": {3: 2.0}}  # A is sold at the open of 4, its last ex-date: that one is received too
    found = cut({0: {"A": 10, "B": -5}, 3: {"A": 0}}, flat, dividends=paid)
    assert found.by_source["dividends"] == 10 * 100.5 - 5 * 2.0
    assert found.by_name.to_dict() == {"A": 1005, "B": -10}
    assert found.by_source["price"] == 0
    assert_sums(found)


def test_the_costs_stand_apart():
    account = replace(FREE, slippage_bps=100.0, commission_per_share=0.1, commission_maximum=1.0, borrow_rate=0.36)
    found = cut({0: {"A": 10, "B": -10}, 1: {"A": 0}}, {"A": [100, 100, 100, 100], "B": [50] * 4}, account)
    # A is bought at 101 and sold at 99, B is sold at 49.50; B ends at 50. Three commissions of a dollar.
    # A fee on 10 x $51 at 0.36 / 360 a day: sold on Friday 3 January, held over Monday and Tuesday
    fee = 10 * 51 * 0.001 * (3 + 1)
    assert found.by_source.to_dict() == pytest.approx(
        {"price": 0, "slippage": -25, "commission": -3, "fees": 0, "borrow": -fee, "interest": 0, "dividends": 0}
    )
    assert found.by_name.to_dict() == pytest.approx({"A": -22, "B": -6 - fee})
    assert_sums(found)


def test_interest_belongs_to_no_position():
    account = replace(FREE, cash=1000.0, debit_rate=0.36, max_leverage=2.0)
    found = cut({0: {"A": 20}}, {"A": [100, 100, 100, 100]}, account)
    # $1,000 owed over a week-end and a night
    assert found.by_name.to_dict() == pytest.approx({"A": 0, INTEREST: -1000 * 0.001 * 3 - 1003 * 0.001})
    owed = [found.by_side[INTEREST], found.by_reason[INTEREST], found.by_source["interest"], found.profit]
    assert owed == pytest.approx([-4.003] * 4)
    assert_sums(found)


def test_a_month_has_the_change_of_the_equity_in_it():
    closes = {"A": [100, 100, 103, 108, 107]}  # from Wednesday 29 January to Tuesday 4 February
    found = cut({0: {"A": 10}}, closes, start="2025-01-29")
    assert found.by_month.to_dict() == {"2025-01": 30, "2025-02": 40}
    assert cut({}, closes, start="2025-01-29").by_month.to_dict() == {"2025-01": 0, "2025-02": 0}


def test_a_symbol_that_stops_trading_is_paid_out_with_its_reason():
    found = cut({0: {"A": 10}}, {"A": [100, 100, 90, NAN], "B": [1, 1, 1, 1]})
    assert found.by_reason.to_dict() == {"stopped trading": -100}
    assert_sums(found)


def test_an_account_that_is_wiped_out_has_lost_more_than_its_cash():
    account = replace(FREE, cash=1000.0, max_leverage=5.0, maintenance_short=0.0, maintenance_short_per_share=0.0)
    found = cut({0: {"A": -30}}, {"A": [100, 100, 150, 150, 150]}, account)
    assert found.profit == -30 * 50
    assert found.by_side.to_dict() == {"short": -1500}
    assert_sums(found)


def test_a_run_without_a_trade_made_nothing():
    found = cut({}, {"A": [100, 101]})
    assert found.profit == 0
    assert [len(found.by_name), len(found.by_side), len(found.by_reason)] == [0, 0, 0]
    assert_sums(found)


def test_a_trade_of_a_brought_strategy_has_the_kind_of_its_order():
    import backtrader as bt

    class Flat(bt.Strategy):
        """In and out."""

        universe = "A"

        def next(self):
            if len(self) == 1:
                self.buy(size=10)
            if len(self) == 3:
                self.close()

    bars = make_bars({"A": [100.0, 100, 104, 107, 107]})
    found = attribute(simulate(wrap_backtrader(Flat)(), bars, FREE))
    assert found.by_reason.to_dict() == {"market": 70}


@pytest.mark.parametrize(
    "name", ["buy-the-dip", "dip-with-stops", "staged-dip", "short-nvda-friday", "nvda-relative-value", "equal-weight"]
)
def test_the_cuts_of_our_strategies_sum_to_the_cent(name):
    found = attribute(simulate(load_strategy(ROOT / "strategies", name)(), load_bars(ROOT / "data")))
    assert_sums(found)
    assert abs(found.profit) > 1000


def rounding(result):
    """A cent, or what floats lose where positions are worth billions."""
    traded = (result.fills["shares"] * result.fills["price"]).abs().sum() + result.equity["gross"].max()
    return max(CENT, 1e-12 * traded)


@law
@given(bars=markets(), what=decisions(), account=accounts | in_debt)
def test_every_cut_sums_on_every_made_up_market(bars, what, account):
    result = simulate(script(**what), bars, account)
    assert_sums(attribute(result), rounding(result))


def books_by_name_and_side(bars, what, account):
    """The profit by symbol, by (symbol, side) and by month that the second engine's fills come to, in plain loops."""
    own = bars.select(what.symbols)
    ledger = second_engine.run(own, what.targets(own), what, account)
    market, profit = second_engine.Market.of(own), defaultdict(float)
    for symbol in own.symbols:
        held, side, book = 0.0, "", None
        for row in range(len(ledger.equity)):
            if held:
                alone = second_engine.Books(cash=0.0, held={symbol: second_engine.Held(held, 0.0, 0, 0.0)})
                second_engine.carry(alone, account, market, row)
                profit[symbol, side] += alone.cash
            for _, _, shares, price in [fill for fill in ledger.fills if fill[:2] == (row, symbol)]:
                settled = not market.trades(symbol, row)
                cost = 0.0 if settled else second_engine.charge(account, market, symbol, shares, price, row)
                book = second_engine.Books(cash=0.0, held={symbol: second_engine.Held(held, 0.0, 0, 0.0)} if held else {})
                book.book(symbol, shares, price, row)
                after = book.shares(symbol)
                parts = [(-held, side), (after, "")] if held * after < 0 else [(shares, side)]
                for part, of in parts:
                    of = of or ("long" if part > 0 else "short")
                    profit[symbol, of] -= part * price + cost * part / shares
                    side = of
                held, side = after, side if after else ""
        if held:
            profit[symbol, side] += held * market.close[symbol][len(ledger.equity) - 1]
    return ledger, profit


@law
@given(bars=markets(), what=decisions(), account=accounts)
def test_the_second_engine_has_the_same_profit_by_name_by_side_and_by_month(bars, what, account):
    what = script(**what)
    result = simulate(what, bars, account)
    found, near = attribute(result), rounding(result)
    ledger, profit = books_by_name_and_side(bars, what, account)
    assert found.profit == pytest.approx(ledger.equity[-1] - account.cash, rel=0, abs=near)
    for cut_by, place in ((found.by_name, 0), (found.by_side, 1)):
        expected = defaultdict(float)
        for key, dollars in profit.items():
            expected[key[place]] += dollars
        assert cut_by.drop(INTEREST, errors="ignore").to_dict() == pytest.approx(dict(expected), rel=0, abs=near)
    months, before = defaultdict(float), account.cash
    for day, worth in zip(bars.sessions, ledger.equity, strict=False):
        months[f"{day:%Y-%m}"] += worth - before
        before = worth
    assert found.by_month.to_dict() == pytest.approx(dict(months), rel=0, abs=near)
    assert set(found.by_name.index) <= {*SYMBOLS, INTEREST}


def test_the_reasons_are_those_of_the_trades():
    found = cut({0: {"A": 10, "B": 10}, 3: {"A": 0}}, {"A": [100, 100, 101, 102, 103, 104], "B": [10] * 6}, exits=(HoldFor(2),))
    assert set(found.by_reason.index) == {"held 2 sessions"}
    assert np.isclose(found.by_reason.sum(), 20)


def test_a_part_of_a_run_is_refused():
    from dipfolio.report.comparison.alignment import slice_result

    bars = make_bars({"A": [100.0, 100, 104, 107, 107, 107], "M": [1.0] * 6})
    result = simulate(script({0: {"A": 10}, 2: {"A": 0}}), bars, FREE, benchmark="M")
    part = slice_result(result, result.equity.index[2:], result.equity.index[1])
    for question in (attribute, lambda run: match_benchmark(run, "M")):
        with pytest.raises(ReportError, match="from 2025-01-06 to 2025-01-10 is a part of a run; take the whole run"):
            question(part)


def rises(*gains):
    """The attribution of one share of each symbol, bought at 100 and held to the end, where it has gained so much."""
    closes = {f"S{number}": [100, 100, 100 + gain] for number, gain in enumerate(gains)}
    return cut({0: dict.fromkeys(closes, 1)}, closes)


def test_the_best_and_the_worst_trades_are_taken_off_the_profit():
    found = rises(5, -7, 30, 1, 12, -20, 2, 4)
    assert found.profit == 27
    assert found.best_and_worst.to_dict("records") == [
        {"which": "best", "trades": 1, "profit": 30, "without": -3},
        {"which": "best", "trades": 3, "profit": 47, "without": -20},
        {"which": "worst", "trades": 1, "profit": -20, "without": 47},
        {"which": "worst", "trades": 3, "profit": -26, "without": 53},
    ]


@pytest.mark.parametrize(
    ("trades", "numbers"),
    [(0, []), (1, []), (2, [1]), (5, [1]), (6, [1, 3]), (9, [1, 3]), (10, [1, 3, 5]), (19, [1, 3, 5]), (20, [1, 3, 5, 10])],
)
def test_a_number_of_trades_is_taken_out_only_where_there_are_twice_as_many(trades, numbers):
    found = (rises(*range(trades)) if trades else cut({}, {"A": [100, 100, 100]})).best_and_worst
    for which in ("best", "worst"):
        assert found.loc[found["which"] == which, "trades"].tolist() == numbers
    sums = {which: rows.tolist() for which, rows in found.groupby("which")["profit"]}
    assert sums.get("best", []) == [sum(range(trades - number, trades)) for number in numbers]
    assert sums.get("worst", []) == [sum(range(number)) for number in numbers]


def test_a_closed_trade_and_an_open_position_count_alike_and_interest_stays():
    account = replace(FREE, cash=1000.0, debit_rate=0.36, max_leverage=3.0)
    closes = {"A": [100, 100, 110, 110], "B": [50, 50, 50, 47]}
    found = cut({0: {"A": 10, "B": 20}, 1: {"A": 0}}, closes, account)
    # $1,000 is owed from Friday to Monday, when A is sold for $1,100
    assert found.profit == pytest.approx(100 - 60 - 1000 * 0.001 * 3)
    assert found.best_and_worst["profit"].tolist() == [100, -60]
    assert found.best_and_worst["without"].tolist() == pytest.approx([-63, 97])
    assert (found.best_and_worst["profit"] + found.best_and_worst["without"]).tolist() == pytest.approx([found.profit] * 2)
