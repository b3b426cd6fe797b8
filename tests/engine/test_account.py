"""The account: its rules, its margin requirements by hand, and numbers that are refused."""

import dataclasses
from datetime import date

import numpy as np
import pytest

from dipfolio.engine.account import BROKERS, LATER_SETTINGS, RULES, Account
from dipfolio.engine.costs import SPREADS, DatedRates
from dipfolio.engine.parameters import list_parameters
from dipfolio.errors import ParameterError, UnknownNameError

FRIDAY = np.datetime64("2025-01-24", "D")
NUMBERS = [item.name for item in list_parameters(Account) if item.kind is float]


@pytest.fixture
def account():
    return Account()


def test_the_defaults_are_those_of_the_design(account):
    assert dataclasses.asdict(account) == {
        "cash": 1_000_000, "commission_per_share": 0.005, "commission_minimum": 1, "commission_maximum": 0.01,
        "commission_tiers": False, "exchange_fee_per_share": 0, "sec_taf": True, "slippage_bps": 2, "borrow_rate": 0.003,
        "debit_rate": 0.06, "credit_spread": 0.005, "rebate_spread": 0.0125, "debit_spread": 0.015, "max_leverage": 2,
        "maintenance_long": 0.25, "maintenance_short": 0.30, "maintenance_short_per_share": 5, "max_volume_share": 0.1,
        "fractional": False,
    }  # fmt: skip


OTHER = {float: lambda default: 1.5 * default + 0.125, bool: lambda default: not default}
"""Another value of a parameter, by its type."""


def another(item):
    return {item.name: OTHER[item.kind](item.default)}


def stated(account, item):
    """The assumptions in which a parameter is stated: a spread on a dated rate needs one."""
    return account.dated_assumptions(DatedRates(cash="a rate")) if item.name in SPREADS else account.assumptions()


def test_an_account_is_made_of_its_rules_and_nothing_else():
    assert set(Account.__bases__) == set(RULES)
    own = [field.name for rule in RULES for field in dataclasses.fields(rule)]
    assert sorted(own) == sorted(field.name for field in dataclasses.fields(Account))
    assert [item.name for item in list_parameters(Account)] == [field.name for field in dataclasses.fields(Account)]


@pytest.mark.parametrize("item", list_parameters(Account), ids=lambda item: item.name)
def test_each_field_of_the_account_changes_a_sentence_of_its_assumptions(item, account):
    usual, changed = (dict(stated(these, item)) for these in (account, dataclasses.replace(account, **another(item))))
    assert usual.keys() == changed.keys()
    assert [topic for topic in usual if usual[topic] != changed[topic]] != []


@pytest.mark.parametrize(("rule", "item"), [(rule, item) for rule in RULES for item in list_parameters(rule)])
def test_each_rule_states_its_own_fields_alone_and_as_a_part_of_the_account(rule, item, account):
    sentences = stated(rule(**another(item)), item)
    assert sentences != stated(rule(), item)
    assert set(sentences) <= set(stated(dataclasses.replace(account, **another(item)), item))
    assert [kind for kind in RULES if kind is not rule and item.name in {field.name for field in dataclasses.fields(kind)}] == []


def test_no_topic_is_stated_twice(account):
    topics = [topic for topic, _ in account.assumptions()]
    assert len(topics) == len(set(topics))


@pytest.mark.parametrize("rule", RULES)
def test_the_free_values_of_a_rule_are_those_of_an_account_without_costs(rule, account):
    free = account.without_costs()
    assert {name: getattr(free, name) for name in rule.FREE} == dict(rule.FREE)
    charged = {name for name, value in rule.FREE.items() if value != getattr(account, name)}
    assert {name for name in free.changed if name in {field.name for field in dataclasses.fields(rule)}} == charged
    assert Account.of_broker("ibkr-tiered").without_costs().exchange_fee_per_share == 0


def test_every_parameter_has_a_line_of_help():
    assert [item.name for item in list_parameters(Account) if not item.help] == []


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
    symbols = np.array(["NVDA", "A", "B", "C", "D", "E"])
    dates = np.array(["2025-01-24", "2025-05-14", "2021-02-25", "2018-05-21", "2026-04-04", "2024-01-02"], dtype="datetime64[D]")
    for rule, arguments in (
        (account.slipped, (price, shares)),
        (account.commission, (shares, price, symbols)),
        (account.sale_fees, (shares, price, dates)),
        (account.borrow_fee, (shares, price, days, symbols)),
        (account.debit_interest, (shares, days)),
        (account.maintenance, (shares, price)),
        (lambda *terms: account.dated_interest(*terms)[0], (shares, price, np.array([0.04, 0, -0.02, 0.3, 0.005, 0.01]), days)),
        (lambda *terms: account.dated_interest(*terms)[1], (shares, price, np.array([0.04, 0, -0.02, 0.3, 0.005, 0.01]), days)),
    ):
        single = [float(rule(*row)) for row in zip(*arguments, strict=True)]
        assert rule(*arguments).tolist() == single
        assert rule(*(argument.reshape(2, 3) for argument in arguments)).ravel().tolist() == single


def test_without_costs_nothing_is_charged_and_the_rest_stays():
    account = Account(cash=5_000, max_leverage=1, fractional=True).without_costs()
    assert account.slipped(100.0, 5) == 100.0
    assert float(account.commission(3_000, 142.62, "NVDA")) == 0
    assert float(account.sale_fees(-3_000, 142.62, FRIDAY)) == 0
    assert float(account.borrow_fee(-3_000, 142.62, 3, "NVDA")) == 0
    assert float(account.debit_interest(-1_000, 3)) == 0
    assert [float(dollars) for dollars in account.dated_interest(36_000, 0.0, 0.01, 1)] == [0, 1]  # the rate itself is no cost
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


@pytest.mark.parametrize(
    ("name", "value"), [("cash", "1e6"), ("cash", True), ("sec_taf", 1), ("fractional", None), ("cash", date.min)]
)
def test_a_value_of_the_wrong_type_is_refused_by_name(name, value):
    with pytest.raises(ParameterError, match=f"^{name} must be"):
        Account(**{name: value})


def test_an_account_cannot_be_changed(account):
    with pytest.raises(dataclasses.FrozenInstanceError):
        account.cash = 1.0


@pytest.mark.parametrize(
    ("close", "needed"),
    [
        (0.01, 2.50), (2.20, 2.50), (2.50, 2.50), (3.99, 3.99), (4.99, 4.99),  # under 5 dollars: 2.50 dollars or 100 %
        (5.00, 5.00), (9.00, 5.00), (16.66, 5.00), (16.67, 5.001), (100.0, 30.0),  # from 5 dollars on: 5 dollars or 30 %
    ],
)  # fmt: skip
def test_a_short_share_needs_what_finra_4210_c_says_of_its_price(account, close, needed):
    assert float(account.maintenance(-1, close)) == pytest.approx(needed, abs=1e-12)


@pytest.mark.parametrize(
    ("close", "exposure"),
    [(2.20, 5.0), (3.99, 7.98), (4.99, 9.98), (5.00, 10.0), (9.00, 10.0), (10.0, 10.0), (16.67, 16.67), (100.0, 100.0)],
)
def test_a_short_share_takes_up_the_greater_of_the_initial_and_the_maintenance_requirement(account, close, exposure):
    # twice the equity may be exposed: 5 dollars of maintenance take up 10, half of the price (Regulation T) takes up the price
    assert float(account.requirement(-1, close)) == pytest.approx(exposure, abs=1e-12)
    assert float(account.requirement(1, close)) == close


def test_the_requirement_is_about_the_shares_of_the_day(account):
    # 22 dollars in its day, 2.20 after ten for one: 30 % of 22 is less than half of it
    assert float(account.requirement(-1, 2.20, 10.0)) == pytest.approx(2.20)
    assert float(account.requirement(-1, 22.0, 0.1)) == pytest.approx(10 * 5.0)  # 2.20 in its day, one for ten since


def test_beyond_four_times_the_equity_the_maintenance_of_longs_is_the_greater():
    assert float(Account(max_leverage=5.0).requirement(1, 100.0)) == pytest.approx(125.0)


def test_the_default_account_is_that_of_the_first_broker_and_its_record_as_it_was():
    assert Account.of_broker("ibkr-fixed") == Account()
    assert Account().broker == next(iter(BROKERS)) == "ibkr-fixed"
    assert set(dataclasses.asdict(Account())) - set(Account().as_record()) == LATER_SETTINGS
    assert Account(**Account.of_broker("ibkr-tiered").as_record()) == Account.of_broker("ibkr-tiered")


@pytest.mark.parametrize("name", BROKERS)
def test_a_broker_is_known_by_its_charges_and_stated_where_it_was_chosen(name):
    account = Account.of_broker(name, cash=5_000.0)
    assert (account.broker, account.cash) == (name, 5_000)
    stated = dict(account.assumptions()).get("Broker", "")
    assert stated == ("" if name == "ibkr-fixed" else f"{name}: {BROKERS[name].description}.")
    changed = Account.of_broker(name, commission_minimum=2.5)
    assert (changed.commission_minimum, changed.broker, "Broker" in dict(changed.assumptions())) == (2.5, "", False)


def test_an_unknown_broker_is_one_line():
    with pytest.raises(UnknownNameError, match="ibkr-fixed, ibkr-tiered, zero-commission, none"):
        Account.of_broker("ibkr-teired")


@pytest.mark.parametrize(
    ("name", "bought", "sold"),
    [
        ("ibkr-fixed", 1.00, 1.00 + 0.278 + 0.0332),  # 200 x 0.005; on the sale 10,000 x 27.80e-6 and 200 x 0.000166
        ("ibkr-tiered", 0.70 + 0.64, 0.70 + 0.64 + 0.278 + 0.0332),  # 200 x 0.0035 and 200 x 0.0032
        ("zero-commission", 0.0, 0.278 + 0.0332),
        ("none", 0.0, 0.0),
    ],
)
def test_two_hundred_shares_at_fifty_dollars_by_hand(name, bought, sold):
    account = Account.of_broker(name)
    assert float(account.commission(200, 50.0, "A") + account.sale_fees(200, 50.0, FRIDAY)) == pytest.approx(bought, abs=1e-12)
    assert float(account.commission(-200, 50.0, "A") + account.sale_fees(-200, 50.0, FRIDAY)) == pytest.approx(sold, abs=1e-12)
