"""The run log: empty records of the right shape, and entries that cannot be changed."""

from dataclasses import FrozenInstanceError
from typing import get_args

import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.run_log import AccountEvent, AccountEventKind, Fill, FillMoment, RunLog, SubmittedOrder
from tests.support.markets import make_bars
from tests.support.plain_backtrader import buy, kinds, run_ours

LINES, GRIDS = ("cash", "equity", "interest", "earned"), ("borrow", "dividends")


@pytest.mark.parametrize(("sessions", "symbols"), [(4, 3), (1, 0), (0, 2)])
def test_an_empty_log_has_a_zero_for_each_session_and_symbol(sessions, symbols):
    log = RunLog.empty(sessions, symbols)
    for name in LINES:
        np.testing.assert_array_equal(getattr(log, name), np.zeros(sessions))
    for name in GRIDS:
        np.testing.assert_array_equal(getattr(log, name), np.zeros((sessions, symbols)))
    assert (log.submitted, log.fills, log.events, log.last) == ([], [], [], -1)


def test_no_two_arrays_and_no_two_logs_share_memory():
    one, other = RunLog.empty(3, 2), RunLog.empty(3, 2)
    one.cash[0] = one.borrow[0, 0] = 7.0
    one.fills.append("a fill")
    assert not one.equity.any()
    assert not one.interest.any()
    assert not one.dividends.any()
    assert not other.cash.any()
    assert other.fills == []


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (Fill(session=0, symbol=0, shares=1.0, price=10.0, at="open"), "price"),
        (SubmittedOrder(session=0, symbol=0, shares=1.0, kind="market", price=None), "shares"),
        (AccountEvent(session=0, kind="refused", symbol=None, detail="x"), "detail"),
    ],
)
def test_an_entry_cannot_be_changed(entry, name):
    with pytest.raises(FrozenInstanceError):
        setattr(entry, name, 2.0)


def test_a_fill_costs_nothing_unless_it_says_so():
    fill = Fill(session=1, symbol=0, shares=-5.0, price=10.0, at="settlement")
    assert (fill.commission, fill.fees, fill.slippage, fill.reason) == (0.0, 0.0, 0.0, "")


def test_a_run_fills_every_session_of_its_log_by_hand():
    # 10,000 dollars buy 40 shares at 50 on the second open; the close rises to 55, a dividend of one dollar is paid on the third
    bars = make_bars({"A": [50.0, 50.0, 55.0]}, dividends={"A": {2: 1.0}})
    log = run_ours(bars, Account(cash=10_000.0).without_costs(), acts={0: buy(40), 2: buy(1)})
    assert log.last == 2
    assert log.cash.tolist() == [10_000.0, 8_000.0, 8_040.0]
    assert log.equity.tolist() == [10_000.0, 10_000.0, 10_240.0]
    assert log.dividends[:, 0].tolist() == [0.0, 0.0, 40.0]
    assert not log.interest.any()
    assert [(order.session, order.shares, order.price) for order in log.submitted] == [(0, 40.0, None), (2, 1.0, None)]
    assert [(fill.session, fill.shares, fill.price, fill.at) for fill in log.fills] == [(1, 40.0, 50.0, "open")]
    assert kinds(log) == [(2, "unfilled")]
    assert {fill.at for fill in log.fills} <= set(get_args(FillMoment))
    assert {event.kind for event in log.events} <= set(get_args(AccountEventKind))
