"""What the margin account costs and pays: dividends, borrowing, interest, commissions and slippage."""

from dataclasses import replace
from datetime import date

import backtrader as bt
import pytest

from dipfolio.engine.account import Account
from dipfolio.market.splits import Split
from tests.markets import make_bars
from tests.plain_backtrader import buy, fills, run_ours, sell

FREE = Account(cash=10_000.0).without_costs()
A = 0
"""Number of the symbol."""


# ---- dividends, borrowing and lending ----


def test_dividends_go_to_the_holders_of_the_close_before():
    # bought at the open of row 1, an ex-date: nothing; held into row 2: 1.50 a share; sold at the open of row 3: still 2
    bars = make_bars({"A": [100.0] * 5}, dividends={"A": {1: 1.0, 2: 1.5, 3: 2.0, 4: 9.0}})

    tape = run_ours(bars, FREE, acts={0: buy(10), 2: sell(10)})

    assert tape.dividends[:, A].tolist() == [0, 0, 15, 20, 0]
    assert tape.cash[-1] == 10_035


def test_shorts_pay_the_dividend():
    bars = make_bars({"A": [100.0] * 4}, dividends={"A": {1: 1.0, 2: 1.5}})

    tape = run_ours(bars, FREE, acts={0: sell(10)})

    assert tape.dividends[:, A].tolist() == [0, 0, -15, 0]
    assert tape.cash[-1] == 10_000 + 1_000 - 15


def test_a_short_over_a_weekend_pays_for_three_days():
    # sold on Friday; Friday's close of 100.50 x 1.02 = 102.51, rounded up to 103, and Monday's of 99 x 1.02 to 101
    bars = make_bars({"A": [100, 100.5, 99, 99]})

    tape = run_ours(bars, replace(FREE, borrow_rate=0.36), acts={0: sell(100)})

    assert tape.borrow[:, A].tolist() == pytest.approx([0, 0, 100 * 103 * 0.001 * 3, 100 * 101 * 0.001])


def test_a_short_is_not_charged_for_the_nights_before_it_was_sold():
    bars = make_bars({"A": [100.0] * 5})

    tape = run_ours(bars, replace(FREE, borrow_rate=0.36), acts={2: sell(100), 3: lambda s: s.close()})

    # sold on Tuesday, covered at Wednesday's open: one night
    assert tape.borrow[:, A].tolist() == pytest.approx([0, 0, 0, 0, 10.2])


def test_borrowed_money_costs_interest_for_calendar_days():
    # 10,000 borrowed on Friday at 6 % of 360: 5.00 until Monday, then a night on 10,005
    bars = make_bars({"A": [100.0] * 4})

    tape = run_ours(bars, replace(FREE, debit_rate=0.06), acts={0: buy(200)})

    assert tape.interest.tolist() == pytest.approx([0, 0, 5.0, 10_005 * 0.06 / 360])


# ---- commissions and slippage ----


def test_a_reversing_order_pays_one_minimum():
    bars = make_bars({"A": [100.0] * 4})
    account = replace(FREE, commission_per_share=0.005, commission_minimum=1.0)

    tape = run_ours(bars, account, acts={0: buy(10), 1: sell(20)})

    assert [fill.commission for fill in tape.fills] == [1.0, 1.0]  # 20 x 0.005 is less
    assert tape.cash[-1] == 10_000 + 1_000 - 2


def test_sales_pay_the_fees_of_their_date_and_purchases_none():
    # 2025-01-03 and -06: 27.80 dollars a million to the SEC, 0.000166 a share to FINRA
    bars = make_bars({"A": [100.0] * 4})

    tape = run_ours(bars, replace(FREE, sec_taf=True), acts={0: buy(100), 1: sell(100)})

    assert [fill.fees for fill in tape.fills] == pytest.approx([0, 10_000 * 27.80e-6 + 100 * 0.000166])


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

    tape = run_ours(bars, replace(FREE, slippage_bps=100.0), acts={0: act})

    assert tape.fills[0].price == pytest.approx(price, rel=1e-15)
    assert tape.fills[0].slippage == pytest.approx(cost)


STOPPED = {"A": [100, 100, 92, 92]}


@pytest.mark.parametrize(
    ("opened", "price"),
    [(99.0, 95 * 0.99), (90.0, 90 * 0.99)],
    ids=["touched in the session", "gap through it"],
)
def test_a_stop_fills_at_its_price_or_at_a_worse_open_and_slips(opened, price):
    bars = make_bars(STOPPED, opens={"A": [100, 100, opened, 92]})

    tape = run_ours(bars, replace(FREE, slippage_bps=100.0), acts={0: buy(10), 1: sell(10, exectype=bt.Order.Stop, price=95.0)})

    assert fills(tape)[1:] == [(2, A, -10, pytest.approx(price))]
    assert (tape.fills[1].at, tape.fills[1].reason) == ("day", "stop")


def test_a_stop_that_covers_a_short_fills_at_a_worse_open_and_slips():
    bars = make_bars({"A": [100, 100, 105, 105]}, opens={"A": [100, 100, 110, 105]})

    tape = run_ours(bars, replace(FREE, slippage_bps=100.0), acts={0: sell(10), 1: buy(10, exectype=bt.Order.Stop, price=103.0)})

    assert fills(tape)[1:] == [(2, A, 10, pytest.approx(110 * 1.01))]
    assert tape.fills[1].slippage == pytest.approx(11)


@pytest.mark.parametrize(("opened", "price"), [(99.0, 95.0), (90.0, 90.0)])
def test_a_limit_fills_at_its_price_or_at_a_better_open_and_does_not_slip(opened, price):
    bars = make_bars({"A": [100, 92, 92]}, opens={"A": [100, opened, 92]})

    tape = run_ours(bars, replace(FREE, slippage_bps=100.0), acts={0: buy(10, exectype=bt.Order.Limit, price=95.0)})

    assert fills(tape) == [(1, A, 10, price)]
    assert tape.fills[0].slippage == 0


# ---- what a strategy is told beforehand ----


def test_a_strategy_that_asks_is_told_the_commission_and_the_fees_of_the_day_for_shares_as_traded():
    # a split of ten to one on the fourth session: 200 shares at 50 are 20 at 500, as they were traded until then
    bars = replace(make_bars({"A": [50.0] * 4}), splits=(Split(symbol="A", day=date(2025, 1, 7), ratio=10.0),))
    account = Account(commission_per_share=0.01, commission_minimum=0.0)
    told = []

    def ask(s):
        costs = s.broker.getcommissioninfo(s.data)
        told.append((costs.getcommission(200, 50.0), costs.getcommission(-200, 50.0)))

    run_ours(bars, account, acts={0: ask, 3: ask})

    bought, sold = told[0]
    assert bought == pytest.approx(20 * 0.01)
    assert sold == pytest.approx(20 * 0.01 + 10_000 * 27.80e-6 + 20 * 0.000166)
    assert told[1] == pytest.approx((200 * 0.01, 200 * 0.01 + 10_000 * 27.80e-6 + 200 * 0.000166))


@pytest.mark.parametrize(("fractional", "shares"), [(False, 33.0), (True, 100 / 3)])
def test_a_strategy_that_asks_is_told_how_many_shares_its_cash_buys(fractional, shares):
    told = []
    account = Account(fractional=fractional)
    run_ours(
        make_bars({"A": [30.0] * 2}),
        account,
        acts={0: lambda s: told.append(s.broker.getcommissioninfo(s.data).getsize(30.0, 1000.0))},
    )
    assert told == [pytest.approx(shares)]
