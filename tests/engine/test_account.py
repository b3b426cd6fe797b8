"""Account: the commenter's short to the cent, and every rule of the schedule by hand."""

import dataclasses
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.engine.account import Account
from dipfolio.engine.parameter import parameters
from dipfolio.errors import ParameterError

FRIDAY = np.datetime64("2025-01-24", "D")
NUMBERS = [item.name for item in parameters(Account) if item.kind is float]


@pytest.fixture
def account():
    return Account()


def test_the_defaults_are_those_of_the_design(account):
    assert dataclasses.asdict(account) == {
        "cash": 1_000_000, "commission_per_share": 0.005, "commission_minimum": 1, "commission_maximum": 0.01, "sec_taf": True,
        "slippage_bps": 2, "borrow_rate": 0.003, "debit_rate": 0.06, "max_leverage": 2, "maintenance_long": 0.25,
        "maintenance_short": 0.30, "maintenance_short_per_share": 5, "max_volume_share": 0.1, "fractional": False,
    }  # fmt: skip


def test_every_parameter_has_a_line_of_help():
    assert [item.name for item in parameters(Account) if not item.help] == []


def test_the_short_of_the_commenter_costs_27_3925_to_enter(account):
    # 3,000 x 0.005 = 15.00; 427,860 x 27.80e-6 = 11.894508; 3,000 x 0.000166 = 0.498
    paid = account.commission(-3_000, 142.62) + account.sale_fees(-3_000, 142.62, FRIDAY)
    assert float(paid) == pytest.approx(27.392508, abs=1e-9)


def test_the_cover_of_the_commenter_costs_fifteen_dollars(account):
    paid = account.commission(3_000, 124.80) + account.sale_fees(3_000, 124.80, np.datetime64("2025-01-27", "D"))
    assert float(paid) == 15.0


def test_the_weekend_of_the_commenter_costs_10_95(account):
    # 1.02 x 142.62 = 145.4724, rounded up 146; 146 x 3,000 x 0.003 x 3 / 360
    assert float(account.borrow_fee(-3_000, 142.62, 3)) == pytest.approx(10.95, abs=1e-12)


def test_the_short_of_the_commenter_nets_53406_66_at_the_open_and_72546_66_at_the_close(account):
    charges = 27.392508 + 15.0 + float(account.borrow_fee(-3_000, 142.62, 3))
    assert round(3_000 * (142.62 - 124.80) - charges, 2) == 53_406.66
    assert round(3_000 * (142.62 - 118.42) - charges, 2) == 72_546.66


@pytest.mark.parametrize(
    ("shares", "price", "fee"),
    [
        (0, 100, 0.0),
        (1, 200, 1.00),  # the minimum
        (200, 100, 1.00),  # the minimum exactly
        (201, 100, 1.005),
        (-201, 100, 1.005),
        (1, 50, 0.50),  # 1 % of 50 dollars is less than the minimum
        (10_000, 0.20, 20.00),  # 1 % of 2,000 dollars is less than 50
        (0.5, 400, 1.00),
    ],
)
def test_a_commission_has_a_minimum_and_a_maximum(account, shares, price, fee):
    assert float(account.commission(shares, price)) == pytest.approx(fee, abs=1e-12)


def test_sec_and_finra_fees_can_be_switched_off():
    assert float(Account(sec_taf=False).sale_fees(-3_000, 142.62, FRIDAY)) == 0.0


def test_a_market_order_gets_two_basis_points_less(account):
    assert account.slipped(100.0, 5) == pytest.approx(100.02, abs=1e-12)
    assert account.slipped(100.0, -5) == pytest.approx(99.98, abs=1e-12)
    assert account.slipped(100.0, 0) == 100.0


@pytest.mark.parametrize(
    ("close", "collateral"),
    [(100.0, 102), (100.01, 103), (50.0, 51), (0.10, 1), (142.62, 146), (1 / 1.02, 1), (150.0, 153), (250.0, 255), (350.0, 357)],
)
def test_the_borrow_fee_is_on_102_percent_of_the_mark_rounded_up_to_the_dollar(account, close, collateral):
    assert float(account.borrow_fee(-360, close, 1)) == pytest.approx(0.003 * collateral, abs=1e-12)


def test_the_borrow_fee_follows_the_mark_and_not_the_entry(account):
    assert float(account.borrow_fee(-100, 200.0, 1)) == pytest.approx(2 * float(account.borrow_fee(-100, 100.0, 1)), abs=1e-12)


def test_longs_borrow_nothing(account):
    assert float(account.borrow_fee(3_000, 142.62, 3)) == 0.0


@pytest.mark.parametrize(("cash", "days", "paid"), [(-36_000, 1, 6.0), (-36_000, 3, 18.0), (36_000, 3, 0.0), (0, 3, 0.0)])
def test_only_negative_cash_pays_interest_for_each_calendar_day(account, cash, days, paid):
    assert float(account.debit_interest(cash, days)) == pytest.approx(paid, abs=1e-12)


@pytest.mark.parametrize(
    ("shares", "close", "needed"),
    [
        (100, 100.0, 2_500.0),  # 25 % of 10,000
        (-100, 100.0, 3_000.0),  # 30 % of 10,000
        (-100, 20.0, 600.0),  # 30 % of 2,000 is more than 5 dollars a share
        (-100, 10.0, 500.0),  # 5 dollars a share are more than 30 % of 1,000
        (-100, 50 / 3, 500.0),  # both the same
        (0, 100.0, 0.0),
        (0, float("nan"), 0.0),
    ],
)
def test_a_position_needs_the_equity_of_rule_4210(account, shares, close, needed):
    assert float(account.maintenance(shares, close)) == pytest.approx(needed, abs=1e-9)


def test_an_unknown_price_of_an_open_position_is_not_taken_for_zero(account):
    assert np.isnan(account.maintenance(100, float("nan")))


def test_scalars_and_arrays_agree(account):
    shares = np.array([-3_000.0, 500, 0, -1, 1e6, -7.25])
    price = np.array([142.62, 10, 7, 1e6, 0.25, 99.99])
    days = np.array([3, 1, 0, 4, 1, 2])
    dates = np.array(["2025-01-24", "2025-05-14", "2021-02-25", "2018-05-21", "2026-04-04", "2024-01-02"], dtype="datetime64[D]")
    for rule, arguments in (
        (account.slipped, (price, shares)),
        (account.commission, (shares, price)),
        (account.sale_fees, (shares, price, dates)),
        (account.borrow_fee, (shares, price, days)),
        (account.debit_interest, (shares, days)),
        (account.maintenance, (shares, price)),
    ):
        single = [float(rule(*row)) for row in zip(*arguments, strict=True)]
        assert rule(*arguments).tolist() == single
        assert rule(*(argument.reshape(2, 3) for argument in arguments)).ravel().tolist() == single


def test_without_costs_nothing_is_charged_and_the_rest_stays():
    account = Account(cash=5_000, max_leverage=1, fractional=True).without_costs()
    assert account.slipped(100.0, 5) == 100.0
    assert float(account.commission(3_000, 142.62)) == 0
    assert float(account.sale_fees(-3_000, 142.62, FRIDAY)) == 0
    assert float(account.borrow_fee(-3_000, 142.62, 3)) == 0
    assert float(account.debit_interest(-1_000, 3)) == 0
    assert (account.cash, account.max_leverage, account.fractional) == (5_000, 1, True)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused_by_name(name, value):
    with pytest.raises(ParameterError, match=f"^{name} must be a finite number, found {value}"):
        Account(**{name: value})


@pytest.mark.parametrize("name", NUMBERS)
def test_a_negative_number_is_refused_by_name(name):
    with pytest.raises(ParameterError, match=rf"^{name} must be (positive|at least 0), found -0\.5"):
        Account(**{name: -0.5})


@pytest.mark.parametrize("name", ["cash", "max_leverage"])
def test_an_account_without_money_or_leverage_is_refused(name):
    with pytest.raises(ParameterError, match=rf"^{name} must be positive, found 0"):
        Account(**{name: 0.0})


@pytest.mark.parametrize("name", [name for name in NUMBERS if name not in ("cash", "max_leverage")])
def test_any_other_number_may_be_zero_and_the_message_about_a_negative_one_says_so(name):
    assert getattr(Account(**{name: 0.0}), name) == 0
    with pytest.raises(ParameterError, match=rf"^{name} must be at least 0, found -1"):
        Account(**{name: -1.0})


def test_slippage_of_the_whole_price_is_refused():
    with pytest.raises(ParameterError, match="slippage_bps must be under 10,000"):
        Account(slippage_bps=10_000.0)
    assert Account(slippage_bps=9_999.5).slipped(100.0, -1) == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("name", "value"), [("cash", "1e6"), ("cash", True), ("sec_taf", 1), ("fractional", None), ("cash", date.min)]
)
def test_a_value_of_the_wrong_type_is_refused_by_name(name, value):
    with pytest.raises(ParameterError, match=f"^{name} must be"):
        Account(**{name: value})


def test_an_account_cannot_be_changed(account):
    with pytest.raises(dataclasses.FrozenInstanceError):
        account.cash = 1.0


@given(shares=st.integers(-1_000_000, 1_000_000), price=st.floats(0.01, 10_000))
def test_no_charge_is_ever_negative_and_no_commission_above_its_maximum(shares, price):
    account = Account()
    commission = float(account.commission(shares, price))
    assert 0 <= commission <= 0.01 * abs(shares) * price
    assert float(account.sale_fees(shares, price, FRIDAY)) >= 0
    assert float(account.borrow_fee(shares, price, 1)) >= 0
    assert shares * (account.slipped(price, shares) - price) >= 0
