"""The margin account: what may be sent, when it is called, and how it ends."""

from dataclasses import replace

import backtrader as bt
import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.errors import StrategyError
from tests.markets import make_bars
from tests.plain_backtrader import EagerScript, both, bought, buy, details, fills, kinds, run_ours, run_plain, sell

NAN = np.nan
FREE = Account(cash=10_000.0).without_costs()
A, B = 0, 1
"""Numbers of the symbols."""


# ---- margin calls ----


def test_a_short_that_rises_under_its_maintenance_is_covered_at_the_next_open():
    # at 154 the equity is 20,000 - 15,400 = 4,600, under 30 % of 15,400 = 4,620
    bars = make_bars({"A": [100, 100, 154, 150, 140]}, opens={"A": [100, 100, 110, 155, 140]})

    tape = run_ours(bars, FREE, acts={0: sell(100)})

    assert fills(tape) == [(1, A, -100, 100), (3, A, 100, 155)]
    assert [(fill.at, fill.reason) for fill in tape.fills] == [("open", "market"), ("open", "margin call")]
    assert details(tape) == [(2, "margin call", None, "equity 4,600.00 under the 4,620.00 required")]
    assert tape.equity[3:].tolist() == [4_500, 4_500]


def test_a_short_at_its_maintenance_is_left_alone():
    # at 153 the equity is 4,700, over 30 % of 15,300 = 4,590
    bars = make_bars({"A": [100, 100, 153, 153]})

    tape = run_ours(bars, FREE, acts={0: sell(100)})

    assert len(tape.fills) == 1
    assert kinds(tape) == []


@pytest.mark.parametrize(("price", "called"), [(15.0, False), (15.01, True)])
def test_a_cheap_short_needs_five_dollars_a_share(price, called):
    # 1,000 short from 10: equity 20,000 - 15,000 = 5,000 = 5 x 1,000, where 30 % would be 4,500
    bars = make_bars({"A": [10, 10, price, price]})

    tape = run_ours(bars, FREE, acts={0: sell(1_000)})

    assert [kind for _, kind in kinds(tape)] == ["margin call"] * called


@pytest.mark.parametrize(("price", "called"), [(67.0, False), (66.0, True)])
def test_a_long_on_credit_needs_a_quarter_of_its_value(price, called):
    # 200 long from 100 owing 10,000: at 67 equity 3,400 over 3,350, at 66 equity 3,200 under 3,300
    bars = make_bars({"A": [100, 100, price, 80]})

    tape = run_ours(bars, FREE, acts={0: buy(200)})

    assert [kind for _, kind in kinds(tape)] == ["margin call"] * called
    assert fills(tape)[1:] == [(3, A, -200, 80)] * called


@pytest.mark.parametrize("shares", [1.0, 0.5])
def test_a_margin_call_sells_a_single_share_and_half_of_one_as_well(shares):
    # bought at 100 with half of it borrowed: at 60 a quarter of the value is more than the equity
    account = replace(FREE, cash=50.0 * shares, fractional=True)
    bars = make_bars({"A": [100, 100, 60, 60]}, volumes={"A": [1e6] * 4})

    tape = run_ours(bars, account, acts={0: buy(shares)})

    assert fills(tape) == [(1, A, shares, 100), (3, A, -shares, 60)]
    assert tape.equity[-1] == 10 * shares


def test_a_margin_call_closes_everything_and_nothing_else_is_sent_with_it():
    # short 100 A and long 100 B: equity 10,000 - 5,000 - 2,000 = 3,000, needs 4,500 + 2,000; the limit at 200 is withdrawn
    bars = make_bars({"A": [100, 100, 150, 150, 150], "B": [100, 100, 80, 80, 250]})
    acts = {0: both(sell(100), buy(100, B)), 1: sell(10, B, exectype=bt.Order.Limit, price=200.0), 2: buy(1, B)}

    tape = run_ours(bars, FREE, acts=acts)

    assert fills(tape)[2:] == [(3, A, 100, 150), (3, B, -100, 80)]
    assert details(tape) == [
        (2, "margin call", None, "equity 3,000.00 under the 6,500.00 required"),
        (2, "refused", B, "+1 shares: a margin call is being met"),
    ]
    assert tape.equity[-1] == 3_000


def test_the_account_trades_on_after_a_margin_call():
    bars = make_bars({"A": [100, 100, 154, 150, 100, 100]})

    tape = run_ours(bars, FREE, acts={0: sell(100), 3: sell(10)})

    assert fills(tape)[-1] == (4, A, -10, 100)
    assert tape.equity[-1] == 5_000  # 10,000 - 100 x 50


# ---- bankruptcy ----


def test_bankruptcy_ends_the_run():
    bars = make_bars({"A": [100, 100, 49, 200, 200]})  # 200 long owing 10,000: 9,800 - 10,000 = -200

    closes = []
    tape = run_ours(bars, FREE, acts={0: buy(200)}, always=lambda s: closes.append(s.data.close[0]))

    assert details(tape) == [(2, "bankrupt", None, "equity -200.00")]
    assert tape.last == 2
    assert tape.equity[2] == -200
    assert tape.cash[3:].tolist() == [0, 0]  # nothing is written after the end
    assert closes == [100, 100]


# ---- buying power ----


def test_purchases_beyond_the_buying_power_are_scaled_alike():
    # 150 x 100 + 214 x 70 = 29,980 wanted, 20,000 there: 150 x 0.66711 = 100.07, 214 x 0.66711 = 142.76
    bars = make_bars({"A": [100.0] * 3, "B": [70.0] * 3})

    tape = run_ours(bars, FREE, acts={0: both(buy(150), buy(214, B))})

    assert fills(tape) == [(1, A, 100, 100), (1, B, 142, 70)]
    assert details(tape) == [(0, "scaled", A, "+150 to +100 shares"), (0, "scaled", B, "+214 to +142 shares")]
    assert tape.cash[1] == 10_000 - 10_000 - 9_940


def test_fractions_are_scaled_to_the_last_dollar():
    bars = make_bars({"A": [100.0] * 3, "B": [50.0] * 3})

    tape = run_ours(bars, replace(FREE, fractional=True), acts={0: both(buy(150), buy(300, B))})

    assert fills(tape) == [(1, A, pytest.approx(100), 100), (1, B, pytest.approx(200), 50)]


def test_longs_and_shorts_use_the_same_buying_power():
    bars = make_bars({"A": [100.0] * 3, "B": [100.0] * 3})

    tape = run_ours(bars, FREE, acts={0: both(buy(200), sell(200, B))})

    assert fills(tape) == [(1, A, 100, 100), (1, B, -100, 100)]


def test_what_reduces_risk_is_sent_even_where_there_is_no_room():
    # 200 long at 70 owing 10,000: equity 4,000, gross 14,000, room 8,000 - 14,000 = -6,000; after the sale -2,500
    bars = make_bars({"A": [100, 100, 70, 70], "B": [10.0] * 4})

    tape = run_ours(bars, FREE, acts={0: buy(200), 2: both(buy(10, B), sell(50))})

    assert fills(tape)[1:] == [(3, A, -50, 70)]
    assert details(tape) == [(2, "refused", B, "+10 shares: no buying power or volume")]


def test_a_reversal_covers_whole_and_only_its_other_half_is_scaled():
    # short 100 at 120: equity 8,000; covered, 16,000 of room buy 133 of the 200 on the other side
    bars = make_bars({"A": [100, 100, 120, 120]})

    tape = run_ours(bars, FREE, acts={0: sell(100), 2: buy(300)})

    assert fills(tape)[-1] == (3, A, 233, 120)
    assert details(tape) == [(2, "scaled", A, "+300 to +233 shares")]


def test_the_order_that_closes_is_not_cut_for_the_one_that_goes_on():
    # long 100; sold, 20,000 of room sell 200 of the 500 short
    bars = make_bars({"A": [100.0] * 4})

    tape = run_ours(bars, FREE, acts={0: buy(100), 1: both(lambda s: s.close(), sell(500))})

    assert fills(tape)[1:] == [(2, A, -100, 100), (2, A, -200, 100)]
    assert details(tape) == [(1, "scaled", A, "-500 to -200 shares")]


@pytest.mark.parametrize("exectype", [bt.Order.Limit, bt.Order.StopLimit])
def test_orders_that_rest_cannot_spend_the_same_buying_power_twice(exectype):
    # two orders of 15,000 on an equity of 10,000 that meet their price in one session: at most 20,000 of both
    bars = make_bars({"A": [100, 100, 100], "B": [100, 100, 100]})
    order = {"exectype": exectype, "price": 100.0, **({"plimit": 100.0} if exectype == bt.Order.StopLimit else {})}

    tape = run_ours(bars, FREE, acts={0: both(buy(150, **order), buy(150, B, **order))})

    assert 0 < bought(tape) * 100 <= 20_000


def test_orders_that_rest_from_different_sessions_cannot_spend_the_same_buying_power_twice():
    bars = make_bars({"A": [100, 100, 100, 95]}, lows={"A": [100, 100, 100, 95]})
    limit = buy(150, exectype=bt.Order.Limit, price=95.0)

    tape = run_ours(bars, FREE, acts={0: limit, 1: limit, 2: limit})

    assert 0 < bought(tape) * 95 <= 20_000


def test_an_order_that_asks_not_to_be_checked_is_checked():
    bars = make_bars({"A": [100.0] * 3})

    tape = run_ours(bars, FREE, acts={0: buy(1_000, _checksubmit=False)})

    assert bought(tape) == 200


def test_an_account_of_whole_shares_trades_no_half_ones():
    bars = make_bars({"A": [100.0] * 3})

    tape = run_ours(bars, FREE, acts={0: buy(10.5)})

    assert fills(tape) == [(1, A, 10, 100)]


# ---- symbols that stop trading ----


@pytest.mark.parametrize(("act", "cash"), [(buy(10), 9_900.0), (sell(10), 10_100.0)])
def test_a_symbol_that_stops_trading_is_settled_at_its_last_close(act, cash):
    bars = make_bars({"A": [100, 100, 90, NAN, NAN], "B": [1.0] * 5})
    sizes = []

    tape = run_ours(bars, replace(FREE, slippage_bps=10.0), acts={0: act}, always=lambda s: sizes.append(s.position.size))

    shares = tape.fills[0].shares
    assert fills(tape)[1:] == [(3, A, -shares, 90)]
    assert details(tape) == [(3, "settled", A, f"{shares:+.0f} shares at the last close, 90.00")]
    assert tape.cash[-1] == pytest.approx(cash - 1)  # 10 bp of 10 x 100 when it was opened, nothing at the end
    assert (tape.fills[1].commission, tape.fills[1].fees, tape.fills[1].slippage) == (0, 0, 0)
    assert sizes == [0, shares, shares, 0, 0]


def test_an_order_for_a_symbol_that_stops_trading_is_reported():
    bars = make_bars({"A": [100, 100, 90, NAN, NAN], "B": [1.0] * 5})

    tape = run_ours(bars, FREE, acts={2: buy(10), 3: buy(20)})

    assert fills(tape) == []
    assert details(tape) == [
        (3, "unfilled", A, "+10 shares: stopped trading"),
        (3, "refused", A, "+20 shares: the symbol did not trade in the session of the decision"),
    ]


# ---- brackets ----


def bracket(size, stop=90.0, limit=110.0):
    return lambda s: s.buy_bracket(size=size, exectype=bt.Order.Market, stopprice=stop, limitprice=limit)


@pytest.mark.parametrize(("last", "price"), [(112.0, 110.0), (88.0, 90.0)])
def test_a_bracket_is_scaled_as_a_whole(last, price):
    # 300 asked for, 200 affordable; one of the two children closes exactly these
    bars = make_bars({"A": [100, 100, last, last]}, opens={"A": [100, 100, 100, last]})

    tape = run_ours(bars, FREE, acts={0: bracket(300)})

    assert fills(tape) == [(1, A, 200, 100), (2, A, -200, price)]
    assert details(tape) == [(0, "scaled", A, "+300 to +200 shares")]
    assert tape.equity[-1] == 10_000 + 200 * (price - 100)


def test_the_children_of_a_refused_bracket_are_gone():
    bars = make_bars({"A": [100, 100, 80, 120]}, volumes={"A": [0, 1e6, 1e6, 1e6]})

    tape = run_ours(bars, FREE, acts={0: bracket(100)})

    assert fills(tape) == []
    assert details(tape) == [(0, "refused", A, "+100 shares: no buying power or volume")]


def test_a_bracket_protects_from_the_session_after_its_entry():
    bars = make_bars({"A": [100, 100, 100, 100]}, lows={"A": [100, 85, 100, 85]})

    tape = run_ours(bars, FREE, acts={0: bracket(100)})

    assert fills(tape) == [(1, A, 100, 100), (3, A, -100, 90)]


# ---- the end of the figures ----


def test_what_waits_at_the_end_is_reported():
    bars = make_bars({"A": [100.0] * 3})
    acts = {0: buy(10, exectype=bt.Order.Limit, price=50.0), 2: sell(5)}

    tape = run_ours(bars, FREE, acts=acts)

    assert fills(tape) == []
    assert sorted(details(tape)) == [
        (2, "unfilled", A, "+10 shares: the figures end"),
        (2, "unfilled", A, "-5 shares: the figures end"),
    ]


def test_a_margin_call_on_the_last_session_is_reported_with_its_cover():
    bars = make_bars({"A": [100, 100, 154]})

    tape = run_ours(bars, FREE, acts={0: sell(100)})

    assert kinds(tape) == [(2, "margin call"), (2, "unfilled")]
    assert tape.equity[-1] == 4_600


# ---- what a strategy is told ----


def test_a_strategy_is_told_what_became_of_its_orders():
    bars = make_bars({"A": [100.0] * 3, "B": [NAN, 100.0, 100.0]})
    news = []

    run_ours(bars, FREE, acts={0: both(buy(10), buy(10, B))}, news=news)

    assert [(status, name) for status, _, name in news] == [
        ("Submitted", "A"),
        ("Submitted", "B"),
        ("Rejected", "B"),
        ("Accepted", "A"),
        ("Completed", "A"),
    ]


def test_a_strategy_is_told_of_each_execution_what_plain_backtrader_tells():
    class Listens(EagerScript):
        params = (("heard", None),)

        def notify_order(self, order):
            if order.status == order.Completed:
                bit = order.executed.exbits[0]
                done = (order.executed.size, order.executed.price, order.executed.value, order.executed.comm, order.executed.pnl)
                shares = (bit.closed, bit.closedvalue, bit.closedcomm, bit.opened, bit.openedvalue, bit.openedcomm)
                self.p.heard.append((*done, *shares, bit.pnl, bit.psize, bit.pprice))

    bars = make_bars({"A": [100, 100, 90, 110, 120, 130, 95]})
    acts = {0: buy(30), 1: sell(10), 2: sell(30), 3: buy(25), 4: sell(15)}  # adds, reduces, reverses twice, and goes flat
    plain, ours = [], []
    run_plain(bars, Listens, prepare=lambda broker: broker.setcommission(commission=0.01), acts=acts, heard=plain)
    charged = replace(FREE, commission_per_share=1e9, commission_maximum=0.01)  # one per cent of the value, always
    run_ours(bars, charged, Listens, acts=acts, heard=ours)

    assert len(ours) == 5
    np.testing.assert_allclose(ours, plain, rtol=1e-12)


@pytest.mark.parametrize(
    "meddling",
    [lambda s: s.broker.set_cash(1e6), lambda s: s.broker.add_cash(1e6), lambda s: s.broker.set_checksubmit(False)],
    ids=["set_cash", "add_cash", "set_checksubmit"],
)
def test_a_strategy_cannot_change_the_rules_of_its_account(meddling):
    bars = make_bars({"A": [100.0] * 3})

    with pytest.raises(StrategyError):
        run_ours(bars, FREE, acts={0: meddling})


def test_a_strategy_may_ask_for_what_is_the_rule_anyway():
    bars = make_bars({"A": [100.0] * 3})

    def ask(s):
        s.broker.set_coc(False)
        s.broker.set_coo(False)
        s.broker.set_checksubmit(True)
        s.buy(size=10)

    assert fills(run_ours(bars, FREE, acts={0: ask})) == [(1, A, 10, 100)]
