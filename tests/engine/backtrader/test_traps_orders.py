"""Traps B8, B10 to B14 and B16: what plain backtrader does to orders, and what our account does."""

import backtrader as bt
import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy, enter
from dipfolio.errors import StrategyError
from tests.support.markets import make_bars
from tests.support.plain_backtrader import EagerScript, Script, fills, kinds, run_ours, run_plain

FREE = Account(cash=10_000.0).without_costs()
UNLEVERED = Account(cash=10_000.0, max_leverage=1.0).without_costs()


class BuyOnFriday(Strategy):
    """Put everything into A at the open of Friday 3 January 2025."""

    @property
    def symbols(self):
        return ("A",)

    def targets(self, bars):
        return enter(bars, on=bars.sessions[1].date(), weight=1.0)


# ---- B8: a feed that ends ----


def test_a_position_in_a_symbol_that_stops_trading_is_paid_out():
    nan = np.nan
    bars = make_bars({"A": [50.0] * 6, "B": [100, 100, 90, nan, nan, nan]})
    acts = {0: lambda s: s.buy(s.datas[1], size=10), 3: lambda s: s.close(s.datas[1])}

    plain, run_log = run_plain(bars, EagerScript, acts=acts), run_ours(bars, FREE, acts=acts)

    assert plain.ended == ["Completed"]  # the close waits for ever, silently
    assert plain.held[-1] == [0, 10]
    assert plain.worth[3:] == [9_900] * 3  # at a stale price
    assert fills(run_log) == [(1, 1, 10, 100), (3, 1, -10, 90)]
    assert [(fill.at, fill.commission) for fill in run_log.fills] == [("open", 0), ("settlement", 0)]
    assert kinds(run_log) == [(3, "settled")]
    assert run_log.cash[3] == 9_900


# ---- B10: everything into one name ----


def test_an_account_that_is_all_in_buys_although_the_open_is_higher():
    bars = make_bars({"A": [100.0] * 6}, opens={"A": [101.0] * 6})  # every open is 1 % above the close before

    plain = run_plain(bars, EagerScript, always=lambda s: s.order_target_percent(target=1.0))
    run_log = run_ours(bars, UNLEVERED, acts={0: lambda s: s.order_target_percent(target=1.0)})

    assert plain.ended == ["Margin"] * 5
    assert plain.held[-1] == [0]
    assert fills(run_log) == [(1, 0, 100, 101)]
    assert run_log.cash[1] == -100
    assert kinds(run_log) == []


def test_an_account_that_is_all_in_buys_although_there_is_a_commission():
    bars = make_bars({"A": [100.0] * 6})

    plain = run_plain(
        bars,
        EagerScript,
        prepare=lambda broker: broker.setcommission(commission=0.001),
        always=lambda s: s.order_target_percent(target=1.0),
    )
    account = Account(cash=10_000.0, max_leverage=1.0, slippage_bps=0.0, debit_rate=0.0)
    run_log = run_ours(bars, account, acts={0: lambda s: s.order_target_percent(target=1.0)})

    assert plain.ended == ["Margin"] * 5
    assert fills(run_log) == [(1, 0, 100, 100)]
    assert run_log.cash[1] == -1  # the minimum commission


# ---- B11: buys before sells, and one order that poisons the rest ----


@pytest.mark.parametrize(("order", "plain_holds"), [((1, 0), [0, 0]), ((0, 1), [0, 100])])
def test_the_order_in_which_a_rotation_is_sent_does_not_matter(order, plain_holds):
    bars = make_bars({"A": [100.0] * 5, "B": [100.0] * 5})

    def rotate(s):
        for number in order:
            s.order_target_percent(s.datas[number], target=float(number))

    acts = {0: lambda s: s.buy(s.datas[0], size=100), 2: rotate}
    plain, run_log = run_plain(bars, EagerScript, acts=acts), run_ours(bars, UNLEVERED, acts=acts)

    assert plain.held[-1] == plain_holds
    assert fills(run_log) == [(1, 0, 100, 100), (3, 0, -100, 100), (3, 1, 100, 100)]
    assert kinds(run_log) == []


def test_an_order_that_is_too_large_does_not_take_the_next_one_with_it():
    bars = make_bars({"A": [100.0] * 3, "B": [100.0] * 3})

    def buy(s):
        s.buy(s.datas[0], size=150)
        s.buy(s.datas[1], size=10)

    plain, run_log = run_plain(bars, EagerScript, acts={0: buy}), run_ours(bars, UNLEVERED, acts={0: buy})

    assert plain.ended == ["Margin", "Margin"]
    # 16,000 wanted, 10,000 there: 150 x 0.625 = 93.75 and 10 x 0.625 = 6.25, toward zero
    assert fills(run_log) == [(1, 0, 93, 100), (1, 1, 6, 100)]
    assert kinds(run_log) == [(0, "scaled"), (0, "scaled")]


# ---- B12: slippage ----

ONE_PERCENT = Account(cash=10_000.0, commission_per_share=0.0, commission_minimum=0.0, sec_taf=False, slippage_bps=100.0)


@pytest.mark.parametrize("high", [100.0, 100.5, 110.0])
def test_slippage_given_to_the_constructor_does_nothing_in_plain_backtrader(high):
    bars = make_bars({"A": [100.0] * 3}, highs={"A": [high] * 3})

    plain = run_plain(bars, EagerScript, broker=bt.brokers.BackBroker(slip_perc=0.01), acts={0: lambda s: s.buy(size=10)})

    assert plain.fills == [("A", 10, 100.0)]


@pytest.mark.parametrize(("high", "plain_price"), [(100.0, 100.0), (100.5, 100.5), (110.0, 101.0)])
def test_slippage_is_the_same_whatever_the_high(high, plain_price):
    bars = make_bars({"A": [100.0] * 3}, highs={"A": [high] * 3})
    acts = {0: lambda s: s.buy(size=10)}

    plain = run_plain(bars, EagerScript, prepare=lambda broker: broker.set_slippage_perc(0.01), acts=acts)
    run_log = run_ours(bars, ONE_PERCENT, acts=acts)

    assert plain.fills == [("A", 10, plain_price)]
    assert fills(run_log) == [(1, 0, 10, 101)]
    assert run_log.fills[0].slippage == pytest.approx(10)


def test_an_order_at_the_close_slips_too():
    bars = make_bars({"A": [100, 100, 200]})
    acts = {0: lambda s: s.buy(size=10), 1: lambda s: s.sell(size=10, exectype=bt.Order.Close)}

    plain = run_plain(bars, EagerScript, prepare=lambda broker: broker.set_slippage_perc(0.01, slip_out=True), acts=acts)
    run_log = run_ours(bars, ONE_PERCENT, acts=acts)

    assert plain.fills == [("A", 10, 101.0), ("A", -10, 200.0)]
    assert fills(run_log) == [(1, 0, 10, 101), (2, 0, -10, 198)]


# ---- B13: cheating ----


class SizesAtTheOpen(bt.Strategy):
    params = (("seen", None),)

    def next_open(self):
        self.p.seen.append(self.data.close[0])
        self.order_target_percent(target=1.0)


def test_no_strategy_sees_todays_close_at_todays_open():
    bars = make_bars({"A": [100, 140]}, opens={"A": [100, 135]})
    seen_plain, seen_ours = [], []

    plain = run_plain(bars, SizesAtTheOpen, engine={"cheat_on_open": True}, seen=seen_plain)
    with pytest.raises(StrategyError, match=r"next_open\(\) is not called: Cheat-on-open is not available"):
        run_ours(bars, FREE, SizesAtTheOpen, seen=seen_ours)

    assert seen_plain == [140]
    assert plain.fills == [("A", 71, 135)]  # 10,000 / 140, at an open of 135
    assert seen_ours == []


def test_a_market_order_never_fills_at_the_close_that_it_was_decided_on():
    bars = make_bars({"A": [100, 110, 110]}, opens={"A": [100, 108, 110]})
    acts = {0: lambda s: s.buy(size=10)}

    plain = run_plain(bars, EagerScript, prepare=lambda broker: broker.set_coc(True), acts=acts)
    run_log = run_ours(bars, FREE, acts=acts)

    assert plain.fills == [("A", 10, 100)]
    assert fills(run_log) == [(1, 0, 10, 108)]


def test_an_order_at_the_close_fills_at_the_next_close():
    bars = make_bars({"A": [100, 110, 110]}, opens={"A": [100, 108, 110]})

    run_log = run_ours(bars, FREE, acts={0: lambda s: s.buy(size=10, exectype=bt.Order.Close)})

    assert fills(run_log) == [(1, 0, 10, 110)]


@pytest.mark.parametrize("cheat", ["set_coc", "set_coo"])
def test_a_strategy_that_tells_our_broker_to_cheat_is_stopped(cheat):
    bars = make_bars({"A": [100, 110, 110]}, opens={"A": [100, 108, 110]})

    def ask(s):
        getattr(s.broker, cheat)(True)
        s.buy(size=10)

    with pytest.raises(StrategyError):
        run_ours(bars, FREE, acts={0: ask})


class SeesTheSessionFirst(bt.Strategy):
    def __init__(self):
        self.add_timer(when=bt.timer.SESSION_START, cheat=True)

    def notify_timer(self, timer, when, *args, **kwargs):
        if len(self) == 2:
            self.buy(size=10, exectype=bt.Order.Limit, price=self.data.low[0])


def test_a_timer_that_cheats_buys_at_a_low_that_it_has_seen_and_is_refused_in_ours():
    bars = make_bars({"A": [100, 100, 100, 100]}, lows={"A": [100, 100, 60, 100]})

    assert run_plain(bars, SeesTheSessionFirst).fills == [("A", 10, 60)]
    with pytest.raises(StrategyError, match=r"cheat=True .* leave it out"):
        run_ours(bars, FREE, SeesTheSessionFirst)


def test_a_timer_that_does_not_cheat_decides_on_the_close_as_next_does():
    class OnTime(bt.Strategy):
        def __init__(self):
            self.add_timer(when=bt.timer.SESSION_START)

        def notify_timer(self, timer, when, *args, **kwargs):
            if len(self.data) == 2:
                self.buy(size=10)

    bars = make_bars({"A": [100, 110, 120, 130]}, opens={"A": [100, 105, 115, 130]})

    assert fills(run_ours(bars, FREE, OnTime)) == [(2, 0, 10, 115)]


# ---- B14: whole shares ----


def test_fractions_of_a_share_are_traded_where_the_account_says_so():
    bars = make_bars({"A": [3_333.4] * 3})
    acts = {0: lambda s: s.order_target_percent(target=1.0)}
    fractional = Account(cash=10_000.0, fractional=True).without_costs()

    assert run_plain(bars, EagerScript, acts=acts).fills == [("A", 2, 3_333.4)]
    assert fills(run_ours(bars, FREE, acts=acts)) == [(1, 0, 2, 3_333.4)]
    assert fills(run_ours(bars, fractional, acts=acts)) == [(1, 0, pytest.approx(2.99994, abs=5e-6), 3_333.4)]
    assert simulate(BuyOnFriday(), bars, FREE).positions["A"].tolist() == [0, 2, 2]
    assert simulate(BuyOnFriday(), bars, fractional).positions["A"].iloc[-1] == pytest.approx(10_000 / 3_333.4)


# ---- B16: the last bar ----


def test_orders_on_the_last_bar_are_reported():
    bars = make_bars({"A": [100.0] * 3})
    acts = {2: lambda s: s.buy(size=10)}

    plain, run_log = run_plain(bars, EagerScript, acts=acts), run_ours(bars, FREE, acts=acts)

    assert plain.ended == []
    assert [(e.session, e.kind, e.detail) for e in run_log.events] == [(2, "unfilled", "+10 shares: the data end")]


def test_what_is_open_at_the_end_is_marked_and_reported_as_open():
    bars = make_bars({"A": [100, 100, 130]})

    plain = run_plain(bars, Script, analyzers=[bt.analyzers.TradeAnalyzer], acts={0: lambda s: s.buy(size=100)})
    counts = plain.strategy.analyzers.tradeanalyzer.get_analysis()
    result = simulate(BuyOnFriday(), bars, FREE)

    assert counts.total.open == 1
    assert "won" not in counts
    assert len(result.trades) == 0
    assert result.open_positions[["symbol", "shares", "profit"]].to_numpy().tolist() == [["A", 100, 3_000]]


# ---- and where there is no trap ----


def test_plain_backtrader_and_ours_agree_where_there_is_no_trap():
    bars = make_bars({"A": [100, 102, 99, 104, 101]}, opens={"A": [100, 101, 102, 100, 103]})
    acts = {0: lambda s: s.buy(size=50), 2: lambda s: s.sell(size=80), 3: lambda s: s.close()}

    plain, run_log = run_plain(bars, Script, acts=acts), run_ours(bars, FREE, Script, acts=acts)

    # long 50 from 101: +50 at 102, -100 at 99; out at 100 (-50) and short 30, at 104 -120 more; covered at 103 (-90)
    assert plain.worth == run_log.equity.tolist() == [10_000, 10_050, 9_900, 9_830, 9_860]
