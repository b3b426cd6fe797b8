"""Rules in dollars a share are about the shares of the day, not about those of today's split-adjusted prices."""

from dataclasses import replace
from datetime import date

import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.market.splits import Split
from tests.ideas import script
from tests.markets import make_bars

TEN = (Split(symbol="A", day=date(2025, 2, 3), ratio=10),)  # after all these bars: ten of today's shares were one


def run(rows, account, closes=(2.0, 2.0, 2.0, 2.0)):
    bars = replace(make_bars({"A": list(closes)}, volumes={"A": [1e9] * len(closes)}), splits=TEN)
    return simulate(script(rows, resize=True), bars, account)


def test_commission_is_charged_on_the_shares_of_the_day():
    result = run({0: {"A": 100_000}}, Account(slippage_bps=0))
    # 10,000 shares at 20 dollars: 50 dollars, not 500
    assert result.fills["commission"].tolist() == [50]


def test_the_trading_activity_fee_is_too():
    result = run({0: {"A": 10_000}, 1: {"A": 0}}, Account(slippage_bps=0))
    # sold 1,000 shares at 20: SEC 20,000 x 27.80e-6, TAF 1,000 x 0.000166
    assert result.fills["fees"].tolist() == [0, pytest.approx(0.556 + 0.166)]


def test_collateral_is_rounded_up_on_the_price_of_the_day():
    account = Account(borrow_rate=0.36, slippage_bps=0, sec_taf=False, commission_per_share=0, commission_minimum=0)
    result = run({0: {"A": -1000}}, account)
    # 100 shares at 20 dollars, ceil(20.40) = 21: 2.10 a day; Friday to Monday 3 days, then one
    assert result.equity["borrow"].tolist() == [0, 0, pytest.approx(6.3), pytest.approx(2.1)]


def test_five_dollars_a_share_are_asked_of_the_shares_of_the_day():
    # 1,000 of today's shares short at 2 are 100 at 20: 30 % of 2,000 is 600, more than 100 x 5
    account = Account(cash=1100).without_costs()
    assert run({0: {"A": -1000}}, account).events["kind"].tolist() == []
    unsplit = simulate(script({0: {"A": -1000}}), make_bars({"A": [2.0] * 4}), account)
    assert unsplit.events["kind"].tolist() == ["margin call"]  # 1,000 x 5 dollars


def test_both_sets_of_books_use_them():
    result = run({0: {"A": -50_000}, 2: {"A": 30_000}}, Account(), closes=(2, 2.1, 1.9, 2.2, 2.3))
    assert result.residual < 1e-6
    assert result.equity["commission"].sum() > 0


def test_positions_and_prices_stay_those_of_today():
    result = run({0: {"A": 1000}}, Account().without_costs())
    assert result.fills[["shares", "price"]].to_numpy().tolist() == [[1000, 2]]
