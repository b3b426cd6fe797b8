"""Cost models: each charge by hand, and the rates of the SEC and of FINRA on the days on which they change."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.data.risk_free import RiskFree
from dipfolio.engine.account import Account
from dipfolio.engine.costs import BorrowFee, CashInterest, Commission, SaleFees, Slippage
from dipfolio.errors import ParameterError

FRIDAY = np.datetime64("2025-01-24", "D")


sale_fees = SaleFees().sale_fees


@pytest.fixture
def account():
    return Account()


def test_slippage_costs_whoever_trades_the_difference_to_the_price_in_dollars(account):
    for shares in (300.0, -300.0):
        assert account.slippage_cost(shares, account.slipped(50.0, shares), 50.0) == pytest.approx(300 * 50 * 2 / 1e4, abs=1e-9)


def test_a_rule_can_be_used_without_an_account():
    assert float(Commission(commission_per_share=0.01, commission_minimum=0.0).commission(-700, 50.0, "NVDA")) == 7.0
    assert float(SaleFees(sec_taf=False).sale_fees(-3_000, 142.62, FRIDAY)) == 0.0
    assert Slippage(slippage_bps=10.0).slipped(100.0, -1) == pytest.approx(99.9, abs=1e-12)
    assert float(BorrowFee(borrow_rate=0.36).borrow_fee(-10, 100.0, 2, "A")) == pytest.approx(10 * 102 * 0.002, abs=1e-12)
    assert float(CashInterest(debit_rate=0.36).debit_interest(-1_000, 2)) == pytest.approx(2.0, abs=1e-12)
    with pytest.raises(ParameterError, match=r"^debit_rate must be at least 0, found -1"):
        CashInterest(debit_rate=-1.0)
    with pytest.raises(ParameterError, match="slippage_bps must be under 10,000"):
        Slippage(slippage_bps=10_000.0)


def test_borrow_fees_of_many_sessions_take_one_symbol_for_each_column(account):
    shares, close = np.array([[-100.0, 50, -7], [0, -20, -7]]), np.array([[10.0, 20, 30], [11, 21, 31]])
    fees = account.borrow_fee(shares, close, np.array([[1], [3]]), ("A", "B", "C"))
    collateral = np.array([[11, 21, 31], [12, 22, 32]])  # 1.02 x close, rounded up
    by_hand = np.where(shares < 0, -shares, 0) * collateral * 0.003 * np.array([[1], [3]]) / 360
    assert fees == pytest.approx(by_hand, abs=1e-12)


def test_the_short_of_the_commenter_costs_27_3925_to_enter(account):
    # 3,000 x 0.005 = 15.00; 427,860 x 27.80e-6 = 11.894508; 3,000 x 0.000166 = 0.498
    paid = account.commission(-3_000, 142.62, "NVDA") + account.sale_fees(-3_000, 142.62, FRIDAY)
    assert float(paid) == pytest.approx(27.392508, abs=1e-9)


def test_the_cover_of_the_commenter_costs_fifteen_dollars(account):
    paid = account.commission(3_000, 124.80, "NVDA") + account.sale_fees(3_000, 124.80, np.datetime64("2025-01-27", "D"))
    assert float(paid) == 15.0


def test_the_weekend_of_the_commenter_costs_10_95(account):
    # 1.02 x 142.62 = 145.4724, rounded up 146; 146 x 3,000 x 0.003 x 3 / 360
    assert float(account.borrow_fee(-3_000, 142.62, 3, "NVDA")) == pytest.approx(10.95, abs=1e-12)


def test_the_short_of_the_commenter_nets_53406_66_at_the_open_and_72546_66_at_the_close(account):
    charges = 27.392508 + 15.0 + float(account.borrow_fee(-3_000, 142.62, 3, "NVDA"))
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
    assert float(account.commission(shares, price, "NVDA")) == pytest.approx(fee, abs=1e-12)


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
    assert float(account.borrow_fee(-360, close, 1, "A")) == pytest.approx(0.003 * collateral, abs=1e-12)


def test_the_borrow_fee_follows_the_mark_and_not_the_entry(account):
    assert float(account.borrow_fee(-100, 200.0, 1, "A")) == pytest.approx(
        2 * float(account.borrow_fee(-100, 100.0, 1, "A")), abs=1e-12
    )


def test_longs_borrow_nothing(account):
    assert float(account.borrow_fee(3_000, 142.62, 3, "NVDA")) == 0.0


@pytest.mark.parametrize(("cash", "days", "paid"), [(-36_000, 1, 6.0), (-36_000, 3, 18.0), (36_000, 3, 0.0), (0, 3, 0.0)])
def test_only_negative_cash_pays_interest_for_each_calendar_day(account, cash, days, paid):
    assert float(account.debit_interest(cash, days)) == pytest.approx(paid, abs=1e-12)


def test_slippage_of_the_whole_price_is_refused():
    with pytest.raises(ParameterError, match="slippage_bps must be under 10,000"):
        Account(slippage_bps=10_000.0)
    assert Account(slippage_bps=9_999.5).slipped(100.0, -1) == pytest.approx(0.005)


@given(shares=st.integers(-1_000_000, 1_000_000), price=st.floats(0.01, 10_000))
def test_no_charge_is_ever_negative_and_no_commission_above_its_maximum(shares, price):
    account = Account()
    commission = float(account.commission(shares, price, "NVDA"))
    assert 0 <= commission <= 0.01 * abs(shares) * price
    assert float(account.sale_fees(shares, price, FRIDAY)) >= 0
    assert float(account.borrow_fee(shares, price, 1, "A")) >= 0
    assert shares * (account.slipped(price, shares) - price) >= 0


# SEC fee rate advisories: first day, dollars per million before it, dollars per million from it on
SECTION_31 = [
    ("2018-05-22", 23.10, 13.00),
    ("2019-04-16", 13.00, 20.70),
    ("2020-02-18", 20.70, 22.10),
    ("2021-02-25", 22.10, 5.10),
    ("2022-05-14", 5.10, 22.90),
    ("2023-02-27", 22.90, 8.00),
    ("2024-05-22", 8.00, 27.80),
    ("2025-05-14", 27.80, 0.00),
    ("2026-04-04", 0.00, 20.60),
]


# FINRA By-Laws, Schedule A, section 1: first day, (dollars a share, cap) before it and from it on
ACTIVITY = [
    ("2022-01-01", (0.000119, 5.95), (0.000130, 6.49)),
    ("2023-01-01", (0.000130, 6.49), (0.000145, 7.27)),
    ("2024-01-01", (0.000145, 7.27), (0.000166, 8.30)),
    ("2026-01-01", (0.000166, 8.30), (0.000195, 9.79)),
    ("2027-01-01", (0.000195, 9.79), (0.000232, 11.61)),
]


def day(text, shift=0):
    return np.datetime64(text, "D") + np.timedelta64(shift, "D")


def section_31(when):
    """Dollars per million: a sale of one share at a million dollars, less its activity fee of under a tenth of a cent."""
    return float(sale_fees(-1.0, 1e6, when)) - float(sale_fees(-1.0, 0.0, when))


def activity(shares, when):
    """The part of the fee that does not depend on the price."""
    return float(sale_fees(-shares, 0.0, when))


@pytest.mark.parametrize(("first", "before", "after"), SECTION_31)
def test_the_section_31_rate_changes_on_the_day_of_the_notice(first, before, after):
    assert section_31(day(first, -1)) == pytest.approx(before, abs=1e-8)
    assert section_31(day(first)) == pytest.approx(after, abs=1e-8)


@pytest.mark.parametrize(("first", "before", "after"), ACTIVITY)
def test_the_trading_activity_fee_and_its_cap_change_on_the_day_of_the_notice(first, before, after):
    for when, (rate, cap) in ((day(first, -1), before), (day(first), after)):
        assert activity(1_000, when) == pytest.approx(1_000 * rate, abs=1e-12)
        assert activity(10_000_000, when) == pytest.approx(cap, abs=1e-12)


def test_the_cap_of_2025_is_reached_with_the_fifty_thousandth_share():
    assert activity(49_999, day("2025-01-24")) == pytest.approx(49_999 * 0.000166, abs=1e-12)  # 8.299834
    assert activity(50_000, day("2025-01-24")) == pytest.approx(8.30, abs=1e-12)
    assert activity(50_001, day("2025-01-24")) == 8.30


def test_the_last_rates_stay_in_force():
    assert section_31(day("2034-07-03")) == pytest.approx(20.60, abs=1e-8)
    assert activity(1_000, day("2034-07-03")) == pytest.approx(0.232, abs=1e-12)


def test_before_the_first_row_its_rates_are_used():
    assert section_31(day("1999-01-04")) == pytest.approx(18.40, abs=1e-8)
    assert activity(1_000, day("1999-01-04")) == pytest.approx(0.119, abs=1e-12)


def test_the_sale_of_the_commenter_pays_eleven_eightynine_and_fifty_cents():
    # 3,000 x 142.62 = 427,860.00; x 27.80e-6 = 11.894508; 3,000 x 0.000166 = 0.498
    assert float(sale_fees(-3_000, 142.62, day("2025-01-24"))) == pytest.approx(11.894508 + 0.498, abs=1e-9)


@pytest.mark.parametrize("shares", [0.0, 3_000.0])
def test_who_buys_pays_nothing(shares):
    assert float(sale_fees(shares, 142.62, day("2025-01-24"))) == 0.0


def test_arrays_give_what_single_calls_give():
    shares = np.array([-3_000, 500, -1, -60_000, 0])
    price = np.array([142.62, 10, 1e6, 3.5, 7])
    days = np.array(["2025-01-24", "2025-01-24", "2025-05-14", "2021-02-25", "2018-05-21"], dtype="datetime64[D]")
    single = [float(sale_fees(*row)) for row in zip(shares, price, days, strict=True)]
    assert sale_fees(shares, price, days).tolist() == single
    assert sale_fees(shares[:, None], price[:, None], days[:, None]).shape == (5, 1)


@pytest.mark.parametrize(
    ("cash", "collateral", "rate", "days", "paid", "earned"),
    [
        (36_000, 0, 0.043, 1, 0, 3.8),  # 4.3 % less 0.5 %
        (36_000, 0, 0.043, 3, 0, 11.4),  # a weekend
        (36_000, 0, 0.004, 1, 0, 0),  # less than the spread
        (36_000, 0, -0.02, 1, 0, 0),
        (-36_000, 0, 0.043, 3, 17.4, 0),  # 4.3 % and 1.5 %
        (-36_000, 0, -0.02, 1, 0, 0),  # nobody is paid for a debt
        (108_000, 36_000, 0.043, 1, 0, 72_000 * 0.038 / 360 + 36_000 * 0.0305 / 360),  # proceeds earn 4.3 % less 1.25 % alone
        (36_000, 36_000, 0.0125, 1, 0, 0),
        (0, 36_000, 0.043, 1, 5.8, 3.05),  # proceeds that have paid for longs are a loan
        (18_000, 36_000, 0.043, 1, 2.9, 3.05),
    ],
)
def test_a_dated_rate_is_earned_and_paid_with_its_spreads_for_calendar_days(cash, collateral, rate, days, paid, earned):
    found = CashInterest().dated_interest(cash, collateral, rate, days)
    assert [float(dollars) for dollars in found] == pytest.approx([paid, earned], abs=1e-9)


def test_the_riskless_rate_of_an_account_is_what_its_idle_cash_earns():
    dated = RiskFree(rates=pd.Series([0.043, 0.002], index=pd.DatetimeIndex(["2025-01-02", "2025-01-06"])), description="X")
    rate = CashInterest().riskless_rate(dated)
    assert rate.rates.tolist() == pytest.approx([0.038, 0.0])
    assert str(rate) == "what idle cash earns: X less 0.50%, by calendar days"
    sessions = pd.DatetimeIndex(["2025-01-03", "2025-01-06", "2025-01-07"])  # a Friday, a Monday and a Tuesday
    assert rate.daily(sessions).tolist() == pytest.approx([0.038 / 360, 0.038 * 3 / 360, 0.0], abs=1e-18)


def test_the_tiers_are_those_of_the_published_example():
    # 30 million shares at $5 in one order: 1,050 + 5,400 + 25,500 + 10,000, and 90,000 and 6,000 for exchange and clearing
    rates = {"commission_per_share": 0.0035, "commission_minimum": 0.35, "commission_tiers": True}
    assert float(Commission(**rates).commission(-30e6, 5.0, "A")) == pytest.approx(41_950, abs=1e-6)
    with_exchange = Commission(**rates, exchange_fee_per_share=0.0032)
    assert float(with_exchange.commission(-30e6, 5.0, "A")) == pytest.approx(41_950 + 96_000, abs=1e-6)


@pytest.mark.parametrize(("traded", "fee"), [(0, 0.70), (299_900, 0.55), (1e6, 0.40), (3e6, 0.35), (1e9, 0.35)])
def test_shares_of_the_month_count_for_the_tiers(traded, fee):
    # 200 shares: at 0.0035; 100 of them at 0.0020; all at 0.0020; then 0.30 and 0.10, which are less than the minimum
    account = Commission(commission_per_share=0.0035, commission_minimum=0.35, commission_tiers=True)
    assert float(account.commission(200, 50.0, "A", traded)) == pytest.approx(fee, abs=1e-9)
