"""The broker: buying power, margin calls, costs and brackets, and what a plain bt.Strategy may ask of it."""

import re
from dataclasses import replace

import backtrader as bt
import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.exits import StopLoss
from dipfolio.engine.parameters import list_parameters
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import wrap_backtrader
from dipfolio.errors import StrategyError
from tests.support.markets import make_bars
from tests.support.plain_backtrader import EagerScript, both, bought, buy, details, fills, kinds, run_ours, run_plain, sell
from tests.support.strategies import script

NAN = np.nan
FREE = Account(cash=10_000.0).without_costs()
A, B = 0, 1
"""Numbers of the symbols."""


# ---- margin calls ----


def test_a_short_that_rises_under_its_maintenance_is_covered_at_the_next_open():
    # at 154 the equity is 20,000 - 15,400 = 4,600, under 30 % of 15,400 = 4,620
    bars = make_bars({"A": [100, 100, 154, 150, 140]}, opens={"A": [100, 100, 110, 155, 140]})

    run_log = run_ours(bars, FREE, acts={0: sell(100)})

    assert fills(run_log) == [(1, A, -100, 100), (3, A, 100, 155)]
    assert [(fill.at, fill.reason) for fill in run_log.fills] == [("open", "market"), ("open", "margin call")]
    assert details(run_log) == [(2, "margin call", None, "equity 4,600.00 under the 4,620.00 required")]
    assert run_log.equity[3:].tolist() == [4_500, 4_500]


def test_a_short_at_its_maintenance_is_left_alone():
    # at 153 the equity is 4,700, over 30 % of 15,300 = 4,590
    bars = make_bars({"A": [100, 100, 153, 153]})

    run_log = run_ours(bars, FREE, acts={0: sell(100)})

    assert len(run_log.fills) == 1
    assert kinds(run_log) == []


@pytest.mark.parametrize(("price", "called"), [(15.0, False), (15.01, True)])
def test_a_cheap_short_needs_five_dollars_a_share(price, called):
    # 1,000 short from 10: equity 20,000 - 15,000 = 5,000 = 5 x 1,000, where 30 % would be 4,500
    bars = make_bars({"A": [10, 10, price, price]})

    run_log = run_ours(bars, FREE, acts={0: sell(1_000)})

    assert [kind for _, kind in kinds(run_log)] == ["margin call"] * called


@pytest.mark.parametrize(("price", "called"), [(67.0, False), (66.0, True)])
def test_a_long_on_credit_needs_a_quarter_of_its_value(price, called):
    # 200 long from 100 owing 10,000: at 67 equity 3,400 over 3,350, at 66 equity 3,200 under 3,300
    bars = make_bars({"A": [100, 100, price, 80]})

    run_log = run_ours(bars, FREE, acts={0: buy(200)})

    assert [kind for _, kind in kinds(run_log)] == ["margin call"] * called
    assert fills(run_log)[1:] == [(3, A, -200, 80)] * called


@pytest.mark.parametrize("shares", [1.0, 0.5])
def test_a_margin_call_sells_a_single_share_and_half_of_one_as_well(shares):
    # bought at 100 with half of it borrowed: at 60 a quarter of the value is more than the equity
    account = replace(FREE, cash=50.0 * shares, fractional=True)
    bars = make_bars({"A": [100, 100, 60, 60]}, volumes={"A": [1e6] * 4})

    run_log = run_ours(bars, account, acts={0: buy(shares)})

    assert fills(run_log) == [(1, A, shares, 100), (3, A, -shares, 60)]
    assert run_log.equity[-1] == 10 * shares


def test_a_margin_call_closes_everything_and_nothing_else_is_sent_with_it():
    # short 100 A and long 100 B: equity 10,000 - 5,000 - 2,000 = 3,000, needs 4,500 + 2,000; the limit at 200 is withdrawn
    bars = make_bars({"A": [100, 100, 150, 150, 150], "B": [100, 100, 80, 80, 250]})
    acts = {0: both(sell(100), buy(100, B)), 1: sell(10, B, exectype=bt.Order.Limit, price=200.0), 2: buy(1, B)}

    run_log = run_ours(bars, FREE, acts=acts)

    assert fills(run_log)[2:] == [(3, A, 100, 150), (3, B, -100, 80)]
    assert details(run_log) == [
        (2, "margin call", None, "equity 3,000.00 under the 6,500.00 required"),
        (2, "refused", B, "+1 shares: a margin call is being met"),
    ]
    assert run_log.equity[-1] == 3_000


def test_the_account_trades_on_after_a_margin_call():
    bars = make_bars({"A": [100, 100, 154, 150, 100, 100]})

    run_log = run_ours(bars, FREE, acts={0: sell(100), 3: sell(10)})

    assert fills(run_log)[-1] == (4, A, -10, 100)
    assert run_log.equity[-1] == 5_000  # 10,000 - 100 x 50


# ---- bankruptcy ----


def test_bankruptcy_ends_the_run():
    bars = make_bars({"A": [100, 100, 49, 200, 200]})  # 200 long owing 10,000: 9,800 - 10,000 = -200

    closes = []
    run_log = run_ours(bars, FREE, acts={0: buy(200)}, always=lambda s: closes.append(s.data.close[0]))

    assert details(run_log) == [(2, "bankrupt", None, "equity -200.00")]
    assert run_log.last == 2
    assert run_log.equity[2] == -200
    assert run_log.cash[3:].tolist() == [0, 0]  # nothing is written after the end
    assert closes == [100, 100]


# ---- buying power ----


def test_purchases_beyond_the_buying_power_are_scaled_alike():
    # 150 x 100 + 214 x 70 = 29,980 wanted, 20,000 there: 150 x 0.66711 = 100.07, 214 x 0.66711 = 142.76
    bars = make_bars({"A": [100.0] * 3, "B": [70.0] * 3})

    run_log = run_ours(bars, FREE, acts={0: both(buy(150), buy(214, B))})

    assert fills(run_log) == [(1, A, 100, 100), (1, B, 142, 70)]
    assert details(run_log) == [(0, "scaled", A, "+150 to +100 shares"), (0, "scaled", B, "+214 to +142 shares")]
    assert run_log.cash[1] == 10_000 - 10_000 - 9_940


def test_fractions_are_scaled_to_the_last_dollar():
    bars = make_bars({"A": [100.0] * 3, "B": [50.0] * 3})

    run_log = run_ours(bars, replace(FREE, fractional=True), acts={0: both(buy(150), buy(300, B))})

    assert fills(run_log) == [(1, A, pytest.approx(100), 100), (1, B, pytest.approx(200), 50)]


def test_longs_and_shorts_use_the_same_buying_power():
    bars = make_bars({"A": [100.0] * 3, "B": [100.0] * 3})

    run_log = run_ours(bars, FREE, acts={0: both(buy(200), sell(200, B))})

    assert fills(run_log) == [(1, A, 100, 100), (1, B, -100, 100)]


def test_what_reduces_risk_is_sent_even_where_there_is_no_room():
    # 200 long at 70 owing 10,000: equity 4,000, gross 14,000, room 8,000 - 14,000 = -6,000; after the sale -2,500
    bars = make_bars({"A": [100, 100, 70, 70], "B": [10.0] * 4})

    run_log = run_ours(bars, FREE, acts={0: buy(200), 2: both(buy(10, B), sell(50))})

    assert fills(run_log)[1:] == [(3, A, -50, 70)]
    assert details(run_log) == [(2, "refused", B, "+10 shares: no buying power or volume")]


def test_a_reversal_covers_whole_and_only_its_other_half_is_scaled():
    # short 100 at 120: equity 8,000; covered, 16,000 of room buy 133 of the 200 on the other side
    bars = make_bars({"A": [100, 100, 120, 120]})

    run_log = run_ours(bars, FREE, acts={0: sell(100), 2: buy(300)})

    assert fills(run_log)[-1] == (3, A, 233, 120)
    assert details(run_log) == [(2, "scaled", A, "+300 to +233 shares")]


def test_the_order_that_closes_is_not_cut_for_the_one_that_goes_on():
    # long 100; sold, 20,000 of room sell 200 of the 500 short
    bars = make_bars({"A": [100.0] * 4})

    run_log = run_ours(bars, FREE, acts={0: buy(100), 1: both(lambda s: s.close(), sell(500))})

    assert fills(run_log)[1:] == [(2, A, -100, 100), (2, A, -200, 100)]
    assert details(run_log) == [(1, "scaled", A, "-500 to -200 shares")]


@pytest.mark.parametrize("exectype", [bt.Order.Limit, bt.Order.StopLimit])
def test_orders_that_rest_cannot_spend_the_same_buying_power_twice(exectype):
    # two orders of 15,000 on an equity of 10,000 that meet their price in one session: at most 20,000 of both
    bars = make_bars({"A": [100, 100, 100], "B": [100, 100, 100]})
    order = {"exectype": exectype, "price": 100.0, **({"plimit": 100.0} if exectype == bt.Order.StopLimit else {})}

    run_log = run_ours(bars, FREE, acts={0: both(buy(150, **order), buy(150, B, **order))})

    assert 0 < bought(run_log) * 100 <= 20_000


def test_orders_that_rest_from_different_sessions_cannot_spend_the_same_buying_power_twice():
    bars = make_bars({"A": [100, 100, 100, 95]}, lows={"A": [100, 100, 100, 95]})
    limit = buy(150, exectype=bt.Order.Limit, price=95.0)

    run_log = run_ours(bars, FREE, acts={0: limit, 1: limit, 2: limit})

    assert 0 < bought(run_log) * 95 <= 20_000


def test_an_order_that_asks_not_to_be_checked_is_checked():
    bars = make_bars({"A": [100.0] * 3})

    run_log = run_ours(bars, FREE, acts={0: buy(1_000, _checksubmit=False)})

    assert bought(run_log) == 200


def test_rounding_to_whole_shares_is_an_event_of_its_own():
    bars = make_bars({"A": [100, 100, 100]})
    run_log = run_ours(bars, replace(FREE, fractional=False), acts={0: buy(10.5), 1: buy(0.5)})
    assert details(run_log) == [(0, "rounded", A, "+10.5 to +10 shares"), (1, "rounded", A, "+0.5 to 0 shares")]


def test_an_account_of_whole_shares_trades_no_half_ones():
    bars = make_bars({"A": [100.0] * 3})

    run_log = run_ours(bars, FREE, acts={0: buy(10.5)})

    assert fills(run_log) == [(1, A, 10, 100)]


# ---- symbols that stop trading ----


@pytest.mark.parametrize(("act", "cash"), [(buy(10), 9_900.0), (sell(10), 10_100.0)])
def test_a_symbol_that_stops_trading_is_settled_at_its_last_close(act, cash):
    bars = make_bars({"A": [100, 100, 90, NAN, NAN], "B": [1.0] * 5})
    sizes = []

    run_log = run_ours(bars, replace(FREE, slippage_bps=10.0), acts={0: act}, always=lambda s: sizes.append(s.position.size))

    shares = run_log.fills[0].shares
    assert fills(run_log)[1:] == [(3, A, -shares, 90)]
    assert details(run_log) == [(3, "settled", A, f"{shares:+.0f} shares at the last close, 90.00")]
    assert run_log.cash[-1] == pytest.approx(cash - 1)  # 10 bp of 10 x 100 when it was opened, nothing at the end
    assert (run_log.fills[1].commission, run_log.fills[1].fees, run_log.fills[1].slippage) == (0, 0, 0)
    assert sizes == [0, shares, shares, 0, 0]


def test_an_order_for_a_symbol_that_stops_trading_is_reported():
    bars = make_bars({"A": [100, 100, 90, NAN, NAN], "B": [1.0] * 5})

    run_log = run_ours(bars, FREE, acts={2: buy(10), 3: buy(20)})

    assert fills(run_log) == []
    assert details(run_log) == [
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

    run_log = run_ours(bars, FREE, acts={0: bracket(300)})

    assert fills(run_log) == [(1, A, 200, 100), (2, A, -200, price)]
    assert details(run_log) == [(0, "scaled", A, "+300 to +200 shares")]
    assert run_log.equity[-1] == 10_000 + 200 * (price - 100)


def test_the_children_of_a_refused_bracket_are_gone():
    bars = make_bars({"A": [100, 100, 80, 120]}, volumes={"A": [0, 1e6, 1e6, 1e6]})

    run_log = run_ours(bars, FREE, acts={0: bracket(100)})

    assert fills(run_log) == []
    assert details(run_log) == [(0, "refused", A, "+100 shares: no buying power or volume")]


def test_a_bracket_protects_in_the_session_of_its_entry():
    bars = make_bars({"A": [100, 100, 100, 100]}, lows={"A": [100, 85, 100, 85]})

    run_log = run_ours(bars, FREE, acts={0: bracket(100)})

    assert fills(run_log) == [(1, A, 100, 100), (1, A, -100, 90)]


# ---- the end of the data ----


def test_what_waits_at_the_end_is_reported():
    bars = make_bars({"A": [100.0] * 3})
    acts = {0: buy(10, exectype=bt.Order.Limit, price=50.0), 2: sell(5)}

    run_log = run_ours(bars, FREE, acts=acts)

    assert fills(run_log) == []
    assert sorted(details(run_log)) == [
        (2, "unfilled", A, "+10 shares: the data end"),
        (2, "unfilled", A, "-5 shares: the data end"),
    ]


def test_a_margin_call_on_the_last_session_is_reported_with_its_cover():
    bars = make_bars({"A": [100, 100, 154]})

    run_log = run_ours(bars, FREE, acts={0: sell(100)})

    assert kinds(run_log) == [(2, "margin call"), (2, "unfilled")]
    assert run_log.equity[-1] == 4_600


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


# ---- settings, orders that cannot be understood, and what only the broker writes ----


INF = float("inf")


@pytest.fixture
def bars():
    return make_bars({"A": [100.0] * 5})


def refused(bars, act):
    """The message of a run in which the strategy does this on its second close."""
    with pytest.raises(StrategyError) as told:
        run_ours(bars, FREE, acts={1: act})
    return str(told.value)


# ---- settings of the broker ----


SETTINGS = {
    "setcommission": (lambda b: b.setcommission(commission=0.001), "--commission-per-share"),
    "addcommissioninfo": (lambda b: b.addcommissioninfo(bt.CommInfoBase(commission=0.001)), "--commission-per-share"),
    "set_slippage_perc": (lambda b: b.set_slippage_perc(0.001, slip_open=True), "--slippage-bps"),
    "set_slippage_fixed": (lambda b: b.set_slippage_fixed(fixed=0.02), "--slippage-bps"),
    "set_filler": (lambda b: b.set_filler(bt.broker.fillers.FixedSize()), "--max-volume-share"),
    "set_shortcash": (lambda b: b.set_shortcash(False), "--maintenance-short"),
    "set_cash": (lambda b: b.setcash(5.0), "--cash"),
    "add_cash": (lambda b: b.add_cash(5.0), "--cash"),
    "set_checksubmit": (lambda b: b.set_checksubmit(False), "--max-leverage"),
    "set_int2pnl": (lambda b: b.set_int2pnl(True), "--borrow-rate"),
    "set_eosbar": (lambda b: b.seteosbar(True), "sessions"),
}


@pytest.mark.parametrize("method", SETTINGS)
@pytest.mark.parametrize("when", ["__init__", "start", "next"])
def test_a_setting_that_the_account_decides_is_refused_with_the_option(bars, method, when):
    setting, option = SETTINGS[method]

    class Sets(bt.Strategy):
        """Sets something."""

    setattr(Sets, when, lambda self: setting(self.broker))
    with pytest.raises(StrategyError) as told:
        run_ours(bars, FREE, Sets)
    assert re.fullmatch(
        rf"Sets, in line \d+ of test_broker.py: broker.{method} is not available: the account decides about .*",
        str(told.value),
    )
    assert option in str(told.value)


def test_every_option_that_a_refusal_names_is_one_of_the_account():
    known = {item.name.replace("_", "-") for item in list_parameters(Account)}
    for setting, _ in SETTINGS.values():
        message = refused(make_bars({"A": [100.0] * 3}), lambda s, setting=setting: setting(s.broker))
        assert set(re.findall(r"--([a-z-]+)", message)) <= known


@pytest.mark.parametrize(
    "setting",
    [
        lambda b: b.set_slippage_perc(0.0), lambda b: b.set_slippage_fixed(0), lambda b: b.set_filler(None),
        lambda b: b.set_shortcash(True), lambda b: b.set_coc(False), lambda b: b.set_coo(False), lambda b: b.set_int2pnl(False),
        lambda b: b.set_checksubmit(True), lambda b: b.set_eosbar(False), lambda b: b.set_fundmode(True),
    ],
)  # fmt: skip
def test_a_setting_that_changes_nothing_is_none_of_our_business(bars, setting):
    run_log = run_ours(bars, FREE, acts={1: lambda s: (setting(s.broker), s.buy(size=10))})

    assert fills(run_log) == [(2, 0, 10, 100)]


# ---- what only the broker writes ----


@pytest.mark.parametrize(
    ("write", "named"),
    [
        (lambda s: setattr(s.broker, "cash", 1e9), "broker.cash cannot be written; give the account another --cash"),
        (lambda s: setattr(s.broker, "startingcash", 1e9), "broker.startingcash cannot be written"),
        (lambda s: setattr(s.position, "size", 0), "position.size cannot be written; send an order"),
        (lambda s: setattr(s.getposition(s.data), "price", 1.0), "position.price cannot be written"),
        (lambda s: setattr(s.broker.getposition(s.data), "size", 5), "position.size cannot be written"),
        (lambda s: s.position.update(5, 1.0), "position.size cannot be written"),
        (lambda s: s.position.set(5, 1.0), "position.size cannot be written"),
        (lambda s: s.position.fix(5, 1.0), "position.size cannot be written"),
    ],
)
def test_money_and_positions_cannot_be_written(bars, write, named):
    assert named in refused(bars, lambda s: (s.buy(size=1), write(s)))


def test_a_position_reads_and_copies_as_usual(bars):
    seen = []

    def look(strategy):
        position = strategy.position
        seen.append((position.size, position.price, bool(position), len(position), position.clone().size))
        seen.append((strategy.broker.cash, strategy.broker.getcash(), strategy.broker.startingcash))

    run_ours(bars, FREE, acts={0: lambda s: s.buy(size=10), 2: look})

    assert seen == [(10, 100.0, True, 10, 10), (9_000.0, 9_000.0, 10_000.0)]


# ---- orders that cannot be understood ----


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"size": NAN}, "+nan shares: a size of nan is not a finite number"),
        ({"size": INF}, "+inf shares: a size of inf is not a finite number"),
        ({"size": np.float64("nan"), "exectype": bt.Order.Close}, "+nan shares: a size of nan is not a finite number"),
        ({"size": 5, "exectype": 99}, "+5 shares: exectype 99 is none of Market, Close, Limit"),
        ({"size": 5, "exectype": -1}, "+5 shares: exectype -1 is none of"),
        ({"size": 5, "exectype": "Limit", "price": 90.0}, "+5 shares: exectype 'Limit' is none of"),
        ({"size": 5, "exectype": bt.Order.Historical, "price": 1.0}, "+5 shares: exectype 7 is none of"),
        ({"size": 5, "exectype": bt.Order.Limit, "price": NAN}, "+5 shares: a price of nan is not a finite number"),
        (
            {"size": 5, "exectype": bt.Order.StopLimit, "price": 101.0, "plimit": INF},
            "a pricelimit of inf is not a finite number",
        ),
        ({"size": 5, "exectype": bt.Order.StopTrail, "trailpercent": NAN}, "a trailpercent of nan is not a finite number"),
    ],
)
def test_an_order_that_cannot_be_understood_is_refused_as_an_order(bars, terms, said):
    news = []

    run_log = run_ours(bars, FREE, acts={1: lambda s: s.buy(**terms), 2: lambda s: s.buy(size=3)}, news=news)

    assert fills(run_log) == [(3, 0, 3, 100)]  # the run goes on
    ((session, kind, symbol, detail),) = details(run_log)
    assert (session, kind, symbol) == (1, "refused", 0)
    assert said in detail
    if terms.get("exectype") != bt.Order.Historical:  # of which backtrader tells a strategy nothing
        assert news[0][0] == "Rejected"
    assert [sent.shares for sent in run_log.submitted] == [3]


def test_a_sale_of_no_number_leaves_the_position(bars):
    run_log = run_ours(bars, FREE, acts={0: lambda s: s.buy(size=3), 1: lambda s: s.sell(size=NAN), 2: lambda s: s.close()})

    assert fills(run_log) == [(1, 0, 3, 100), (3, 0, -3, 100)]
    assert [kind for _, kind, *_ in details(run_log)] == ["refused"]


@pytest.mark.parametrize("child", [{"stopprice": NAN, "limitprice": 110.0}, {"stopprice": 90.0, "limitprice": NAN}])
def test_a_bracket_with_a_child_that_cannot_be_understood_is_refused_whole(bars, child):
    news = []

    run_log = run_ours(bars, FREE, acts={1: lambda s: s.buy_bracket(size=5, exectype=bt.Order.Market, **child)}, news=news)

    assert fills(run_log) == []
    assert {kind for _, kind, *_ in details(run_log)} == {"refused"}
    assert [status for status, *_ in news] == ["Rejected"] * 3


def test_the_record_of_a_run_with_such_an_order_is_complete(bars):
    class Careless(bt.Strategy):
        """Divides by a zero of numpy's."""

        universe = "A"

        def next(self):
            if len(self) == 1:
                self.buy(size=np.divide(0.0, np.zeros(1))[0])

    with np.errstate(invalid="ignore"):
        result = simulate(wrap_backtrader(Careless)(), bars, FREE)

    assert result.events[["kind", "detail"]].to_numpy().tolist() == [
        ["refused", "+nan shares: a size of nan is not a finite number"]
    ]
    assert result.residual == 0


# ---- dividends, borrowing and lending ----


def test_dividends_go_to_the_holders_of_the_close_before():
    # bought at the open of row 1, an ex-date: nothing; held into row 2: 1.50 a share; sold at the open of row 3: still 2
    bars = make_bars({"A": [100.0] * 5}, dividends={"A": {1: 1.0, 2: 1.5, 3: 2.0, 4: 9.0}})

    run_log = run_ours(bars, FREE, acts={0: buy(10), 2: sell(10)})

    assert run_log.dividends[:, A].tolist() == [0, 0, 15, 20, 0]
    assert run_log.cash[-1] == 10_035


def test_shorts_pay_the_dividend():
    bars = make_bars({"A": [100.0] * 4}, dividends={"A": {1: 1.0, 2: 1.5}})

    run_log = run_ours(bars, FREE, acts={0: sell(10)})

    assert run_log.dividends[:, A].tolist() == [0, 0, -15, 0]
    assert run_log.cash[-1] == 10_000 + 1_000 - 15


def test_a_short_over_a_weekend_pays_for_three_days():
    # sold on Friday; Friday's close of 100.50 x 1.02 = 102.51, rounded up to 103, and Monday's of 99 x 1.02 to 101
    bars = make_bars({"A": [100, 100.5, 99, 99]})

    run_log = run_ours(bars, replace(FREE, borrow_rate=0.36), acts={0: sell(100)})

    assert run_log.borrow[:, A].tolist() == pytest.approx([0, 0, 100 * 103 * 0.001 * 3, 100 * 101 * 0.001])


def test_a_short_is_not_charged_for_the_nights_before_it_was_sold():
    bars = make_bars({"A": [100.0] * 5})

    run_log = run_ours(bars, replace(FREE, borrow_rate=0.36), acts={2: sell(100), 3: lambda s: s.close()})

    # sold on Tuesday, covered at Wednesday's open: one night
    assert run_log.borrow[:, A].tolist() == pytest.approx([0, 0, 0, 0, 10.2])


def test_borrowed_money_costs_interest_for_calendar_days():
    # 10,000 borrowed on Friday at 6 % of 360: 5.00 until Monday, then a night on 10,005
    bars = make_bars({"A": [100.0] * 4})

    run_log = run_ours(bars, replace(FREE, debit_rate=0.06), acts={0: buy(200)})

    assert run_log.interest.tolist() == pytest.approx([0, 0, 5.0, 10_005 * 0.06 / 360])


# ---- commissions and slippage ----


def test_a_reversing_order_pays_one_minimum():
    bars = make_bars({"A": [100.0] * 4})
    account = replace(FREE, commission_per_share=0.005, commission_minimum=1.0)

    run_log = run_ours(bars, account, acts={0: buy(10), 1: sell(20)})

    assert [fill.commission for fill in run_log.fills] == [1.0, 1.0]  # 20 x 0.005 is less
    assert run_log.cash[-1] == 10_000 + 1_000 - 2


def test_sales_pay_the_fees_of_their_date_and_purchases_none():
    # 2025-01-03 and -06: 27.80 dollars a million to the SEC, 0.000166 a share to FINRA
    bars = make_bars({"A": [100.0] * 4})

    run_log = run_ours(bars, replace(FREE, sec_taf=True), acts={0: buy(100), 1: sell(100)})

    assert [fill.fees for fill in run_log.fills] == pytest.approx([0, 10_000 * 27.80e-6 + 100 * 0.000166])


@pytest.mark.parametrize(
    ("act", "price", "cost"),
    [
        (buy(10), 101.0, 10.0),
        (sell(10), 99.0, 10.0),
        (buy(10, exectype=bt.Order.Close), 111.1, 11.0),
        (sell(10, exectype=bt.Order.Close), 108.9, 11.0),
    ],
)
def test_market_orders_slip_alike_at_the_open_and_at_the_close(act, price, cost):
    bars = make_bars({"A": [100, 110, 110]}, opens={"A": [100, 100, 110]})

    run_log = run_ours(bars, replace(FREE, slippage_bps=100.0), acts={0: act})

    assert run_log.fills[0].price == pytest.approx(price, rel=1e-15)
    assert run_log.fills[0].slippage == pytest.approx(cost)


STOPPED = {"A": [100, 100, 92, 92]}


@pytest.mark.parametrize(
    ("opened", "price"),
    [(99.0, 95 * 0.99), (90.0, 90 * 0.99)],
    ids=["touched in the session", "gap through it"],
)
def test_a_stop_fills_at_its_price_or_at_a_worse_open_and_slips(opened, price):
    bars = make_bars(STOPPED, opens={"A": [100, 100, opened, 92]})

    run_log = run_ours(
        bars, replace(FREE, slippage_bps=100.0), acts={0: buy(10), 1: sell(10, exectype=bt.Order.Stop, price=95.0)}
    )

    assert fills(run_log)[1:] == [(2, A, -10, pytest.approx(price))]
    assert (run_log.fills[1].at, run_log.fills[1].reason) == ("day", "stop")


def test_a_stop_that_covers_a_short_fills_at_a_worse_open_and_slips():
    bars = make_bars({"A": [100, 100, 105, 105]}, opens={"A": [100, 100, 110, 105]})

    run_log = run_ours(
        bars, replace(FREE, slippage_bps=100.0), acts={0: sell(10), 1: buy(10, exectype=bt.Order.Stop, price=103.0)}
    )

    assert fills(run_log)[1:] == [(2, A, 10, pytest.approx(110 * 1.01))]
    assert run_log.fills[1].slippage == pytest.approx(11)


@pytest.mark.parametrize(("opened", "price"), [(99.0, 95.0), (90.0, 90.0)])
def test_a_limit_fills_at_its_price_or_at_a_better_open_and_does_not_slip(opened, price):
    bars = make_bars({"A": [100, 92, 92]}, opens={"A": [100, opened, 92]})

    run_log = run_ours(bars, replace(FREE, slippage_bps=100.0), acts={0: buy(10, exectype=bt.Order.Limit, price=95.0)})

    assert fills(run_log) == [(1, A, 10, price)]
    assert run_log.fills[0].slippage == 0


# ---- the children of a bracket are live from the fill of their parent on ----


RICH = Account(cash=100_000.0).without_costs()
SLIPS = Account(cash=100_000.0, commission_per_share=0.0, commission_minimum=0.0, sec_taf=False, slippage_bps=100.0)


class BtSame(bt.Strategy):
    """Buys on the eve of a fall with a stop below, in the three ways that bt.Strategy has."""

    universe = "A"
    params = (("how", "bracket"),)

    def next(self):
        if len(self) != 1:
            return
        if self.p.how == "bracket":
            self.buy_bracket(size=100, exectype=bt.Order.Market, stopprice=120.0, limitprice=200.0)
        elif self.p.how == "parent":
            entry = self.buy(size=100, transmit=False)
            self.sell(size=100, exectype=bt.Order.Stop, price=120.0, parent=entry)
        else:
            self.buy(size=100)
            self.sell(size=100, exectype=bt.Order.Stop, price=120.0)


@pytest.fixture
def fall():
    """NVDA on DeepSeek Monday, rounded: closed at 143, opened at 125, low 117, closed at 118, then 121 to 129."""
    return make_bars(
        {"A": [143.0, 118, 129, 124]}, opens={"A": [143, 125, 122, 126]}, lows={"A": [142, 117, 121, 120.5]}
    )  # fmt: skip


@pytest.mark.parametrize("how", ["bracket", "parent", "two orders"])
def test_a_stop_is_met_in_the_session_of_the_entry_however_it_was_sent(fall, how):
    result = simulate(wrap_backtrader(BtSame)(how=how), fall, RICH)

    day = fall.sessions[1]
    assert result.fills[["session", "shares", "price"]].to_numpy().tolist() == [[day, 100, 125], [day, -100, 120]]


def test_a_stop_loss_of_our_own_is_met_where_the_bracket_is(fall):
    # 4 % below the open of 125 is 120, the stop of the bracket
    ours = simulate(script({0: {"A": 100}}, exits=[StopLoss(0.04, intraday=True)]), fall, RICH)
    bracket = simulate(wrap_backtrader(BtSame)(), fall, RICH)

    places = ["session", "shares", "price", "at"]
    assert ours.fills[places].to_numpy().tolist() == bracket.fills[places].to_numpy().tolist()
    assert ours.equity["equity"].tolist() == bracket.equity["equity"].tolist() == [100_000, 99_500, 99_500, 99_500]


def test_plain_backtrader_keeps_the_children_asleep_in_the_session_of_the_entry(fall):
    plain = run_plain(fall, BtSame, cash=100_000.0)

    assert plain.fills == [("A", 100, 125)]  # no later low is under the stop of 120


def test_children_wake_with_a_parent_at_the_close_in_the_session_after(fall):
    def act(strategy):
        strategy.buy_bracket(size=100, exectype=bt.Order.Close, stopprice=110.0, limitprice=125.0)

    run_log = run_ours(fall, RICH, acts={0: act})

    assert fills(run_log) == [(1, 0, 100, 118), (2, 0, -100, 125)]  # the high of 125 in the session of the entry was before it


# ---- parents that rest: what the rest of the session can have met ----


def on_one_day(open_, high, low, close, **bracket):
    """Fills and events of a bracket in one session, the price of the fill and no size."""
    market = make_bars({"A": [100.0, close, close]}, opens={"A": [100.0, open_, close]}, highs={"A": [100.0, high, close]},
                       lows={"A": [100.0, low, close]})  # fmt: skip
    send = bracket.pop("send", "buy_bracket")
    run_log = run_ours(market, RICH, acts={0: lambda s: getattr(s, send)(size=10, **bracket)})
    return [fill.price for fill in run_log.fills if fill.session == 1]


BELOW = {"exectype": bt.Order.Limit, "price": 95.0, "stopprice": 90.0}
ABOVE = {"exectype": bt.Order.Stop, "price": 105.0, "limitprice": 110.0}


@pytest.mark.parametrize(
    ("bar", "bracket", "expected"),
    [
        # a limit below the open is met on the way down: a lower stop was met after it
        ((100, 101, 89, 92), BELOW | {"limitprice": 120.0}, [95, 90]),
        ((100, 101, 91, 92), BELOW | {"limitprice": 120.0}, [95]),
        # the high may have come before it; a target is met for certain only where the session closes beyond it
        ((100, 104, 94, 96), BELOW | {"limitprice": 103.0}, [95]),
        ((100, 104, 94, 103.5), BELOW | {"limitprice": 103.0}, [95, 103]),
        ((100, 104, 89, 103.5), BELOW | {"limitprice": 103.0}, [95, 90]),  # where both can be, the stop counts
        # a limit above the open is met at the open, and the whole session is after it
        ((94, 104, 93, 96), BELOW | {"limitprice": 103.0}, [94, 103]),
        ((94, 104, 89, 96), BELOW | {"limitprice": 103.0}, [94, 90]),
        # a stop above the open is met on the way up: a higher target was met after it
        ((100, 111, 99, 107), ABOVE | {"stopprice": 95.0}, [105, 110]),
        ((100, 109, 99, 107), ABOVE | {"stopprice": 95.0}, [105]),
        # the low may have come after it, so the stop counts; not where the open itself was below the stop
        ((100, 109, 94, 107), ABOVE | {"stopprice": 95.0}, [105, 95]),
        ((100, 111, 94, 107), ABOVE | {"stopprice": 95.0}, [105, 95]),
        ((100, 109, 99, 107), ABOVE | {"stopprice": 102.0}, [105]),
        ((100, 109, 99, 101), ABOVE | {"stopprice": 102.0}, [105, 102]),
        # a stop that the open has jumped is met at the open
        ((106, 109, 104, 107), ABOVE | {"stopprice": 95.0}, [106]),
        ((106, 111, 104, 107), ABOVE | {"stopprice": 95.0}, [106, 110]),
    ],
)
def test_the_children_of_a_resting_parent_meet_the_rest_of_the_session(bar, bracket, expected):
    assert on_one_day(*bar, **bracket) == expected


@pytest.mark.parametrize(
    ("bar", "bracket", "expected"),
    [
        # a short is the mirror image
        ((100, 111, 99, 108), {"exectype": bt.Order.Limit, "price": 105.0, "stopprice": 110.0, "limitprice": 80.0}, [105, 110]),
        ((100, 106, 96, 104), {"exectype": bt.Order.Limit, "price": 105.0, "stopprice": 110.0, "limitprice": 97.0}, [105]),
        ((100, 106, 96, 96.5), {"exectype": bt.Order.Limit, "price": 105.0, "stopprice": 110.0, "limitprice": 97.0}, [105, 97]),
        ((100, 101, 89, 93), {"exectype": bt.Order.Stop, "price": 95.0, "stopprice": 105.0, "limitprice": 90.0}, [95, 90]),
        ((100, 106, 94, 94.5), {"exectype": bt.Order.Stop, "price": 95.0, "stopprice": 105.0, "limitprice": 90.0}, [95, 105]),
        ((100, 101, 94, 94.5), {"exectype": bt.Order.Stop, "price": 95.0, "stopprice": 98.0, "limitprice": 90.0}, [95]),
    ],
)
def test_the_children_of_a_short_meet_the_rest_of_the_session(bar, bracket, expected):
    assert on_one_day(*bar, send="sell_bracket", **bracket) == expected


def test_the_slippage_of_the_parent_does_not_decide_what_its_children_meet():
    # The stop of 105 slips to 106.05. The open of 104 is under it, the high of 110 after it, and the target at 110 is met.
    market = make_bars({"A": [100.0, 107]}, opens={"A": [100, 104]}, highs={"A": [100, 110]}, lows={"A": [100, 103]})
    order = {"exectype": bt.Order.Stop, "price": 105.0, "stopprice": 90.0, "limitprice": 110.0}

    run_log = run_ours(market, SLIPS, acts={0: lambda s: s.buy_bracket(size=10, **order)})

    assert [fill.price for fill in run_log.fills] == pytest.approx([106.05, 110])


def test_one_child_ends_the_other_in_the_session_of_the_entry(fall):
    news = []

    run_log = run_ours(fall, RICH, BtSameWithNews, news=news)

    assert fills(run_log) == [(1, 0, 100, 125), (1, 0, -100, 120)]
    assert news[-3:] == [("Completed", "Market"), ("Completed", "Stop"), ("Canceled", "Limit")]
    assert details(run_log) == []


class BtSameWithNews(BtSame):
    params = (("news", None),)

    def notify_order(self, order):
        self.p.news.append((order.getstatusname(), order.getordername()))


def test_where_a_target_was_sent_before_the_stop_the_stop_still_counts():
    market = make_bars({"A": [100.0, 100, 100]}, highs={"A": [100.0, 100, 111]}, lows={"A": [100.0, 100, 89]})

    def protect(strategy):
        target = strategy.sell(size=10, exectype=bt.Order.Limit, price=110.0)
        strategy.sell(size=10, exectype=bt.Order.Stop, price=90.0, oco=target)

    acts = {0: lambda s: s.buy(size=10), 1: protect}

    assert run_plain(market, EagerScript, acts=acts).fills == [("A", 10, 100), ("A", -10, 110)]
    assert fills(run_ours(market, RICH, acts=acts)) == [(1, 0, 10, 100), (2, 0, -10, 90)]
