import dataclasses

import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.backtrader.run import run_plan
from dipfolio.engine.backtrader.trader import Plan
from dipfolio.engine.ledger import reconcile, replay
from dipfolio.engine.panel import build_panel
from dipfolio.engine.run_log import Fill
from dipfolio.errors import LedgerError
from tests.support.markets import make_bars

FREE = Account().without_costs()


def test_the_books_of_a_purchase_by_hand():
    panel = build_panel(make_bars({"A": [10, 11, 12]}, dividends={"A": {1: 0.5, 2: 0.25}}), 0)
    account = Account(cash=1000, sec_taf=False)
    ledger = replay(panel, account, [Fill(session=1, symbol=0, shares=20, price=11.0, at="open")])
    # 20 x 11 = 220, commission 1; bought on the ex-date of 0.50, so only the 0.25 is received
    assert ledger.positions[:, 0].tolist() == [0, 20, 20]
    assert ledger.cash.tolist() == [1000, 779, 784]
    assert ledger.equity.tolist() == [1000, 999, 1024]


def test_the_books_of_a_short_over_a_weekend_by_hand():
    # Friday 2025-01-03 to Monday: 3 days on 102 % of the close, rounded up: 100 x 103 x 0.0036 x 3 / 360 = 0.309
    panel = build_panel(make_bars({"A": [100, 100, 90]}, dividends={"A": {2: 1.0}}), 0)
    account = dataclasses.replace(FREE, cash=50_000.0, borrow_rate=0.0036)
    ledger = replay(panel, account, [Fill(session=1, symbol=0, shares=-100, price=100.0, at="close")])
    np.testing.assert_allclose(ledger.cash, [50_000, 60_000, 60_000 - 0.306 - 100], atol=1e-9)
    np.testing.assert_allclose(ledger.equity[-1], 50_000 + 1000 - 0.306 - 100, atol=1e-9)


def test_negative_cash_pays_interest_on_the_interest():
    panel = build_panel(make_bars({"A": [100, 100, 100, 100]}), 0)
    account = dataclasses.replace(FREE, cash=1000.0, debit_rate=0.36)
    ledger = replay(panel, account, [Fill(session=1, symbol=0, shares=20, price=100.0, at="open")])
    # -1,000 from Friday: 3 days at 0.1 % a day, then one more day on -1,003
    np.testing.assert_allclose(ledger.cash, [1000, -1000, -1003, -1004.003], atol=1e-9)


def test_a_payout_of_a_symbol_that_stopped_costs_nothing():
    panel = build_panel(make_bars({"A": [10, 10, np.nan], "B": [1, 1, 1]}), 0)
    fills = [
        Fill(session=1, symbol=0, shares=100, price=10.0, at="open"),
        Fill(session=2, symbol=0, shares=-100, price=10.0, at="settlement"),
    ]
    assert replay(panel, Account(cash=5000), fills).cash.tolist() == [5000, 3999, 4999]


def test_parts_of_a_share_that_add_up_to_nothing_are_no_position():
    panel = build_panel(make_bars({"A": [10, 10, 10, 10, 10]}), 0)
    fills = [Fill(session=row, symbol=0, shares=shares, price=10.0, at="open") for row, shares in ((1, 0.1), (2, 0.2), (3, -0.3))]
    assert replay(panel, FREE, fills).positions[:, 0].tolist() == [0, 0.1, pytest.approx(0.3), 0, 0]


@pytest.fixture
def run():
    panel = build_panel(make_bars({"A": [100, 101, 103, 102]}), 0)
    targets = np.full((4, 1), np.nan)
    targets[0] = 0.5
    plan = Plan(targets=targets, unit="weight", fill="open", resize=False, exits=())
    return panel, Account(), run_plan(panel, Account(), plan)


def test_both_sets_of_books_agree(run):
    ledger, residual = reconcile(*run)
    assert residual < 1e-6
    np.testing.assert_allclose(ledger.equity, run[2].equity, atol=1e-6)


@pytest.mark.parametrize("spoil", ["price", "shares", "equity"])
def test_a_cent_and_a_bit_of_difference_stops_the_run(run, spoil):
    panel, account, run_log = run
    if spoil == "equity":
        run_log.equity[2] += 0.0101
    else:
        fill = run_log.fills[0]
        run_log.fills[0] = dataclasses.replace(fill, **{spoil: getattr(fill, spoil) * (1 + 1e-5)})
    with pytest.raises(LedgerError, match="the ledger"):
        reconcile(panel, account, run_log)


def test_a_difference_that_is_no_number_stops_the_run(run):
    panel, account, run_log = run
    run_log.equity[2] = np.nan
    with pytest.raises(LedgerError):
        reconcile(panel, account, run_log)
