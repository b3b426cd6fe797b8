import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.engine import sizing
from dipfolio.engine.account import Account

WHOLE, EXACT = Account(), Account(fractional=True)
NAN = np.nan


def array(*values):
    return np.array(values, dtype=float)


def test_a_weight_becomes_shares_toward_zero():
    # 10 % of 1,000 at 30 is 3.33 shares, at 33 it is 3.03
    long_and_short = sizing.target_shares(array(0.1, -0.1), "weight", 1000, array(30, 33), WHOLE)
    assert long_and_short.tolist() == [3, -3]


def test_a_fractional_account_keeps_the_fraction():
    assert sizing.target_shares(array(0.1), "weight", 1000, array(30), EXACT)[0] == pytest.approx(100 / 30, rel=1e-15)


def test_a_hair_under_a_whole_share_is_that_share():
    assert sizing.target_shares(array(0.1 * 3), "weight", 1000, array(100), WHOLE).tolist() == [3]
    assert sizing.target_shares(array(0.29), "weight", 10_000, array(100), WHOLE).tolist() == [29]  # 0.29 x 100 is 28.999...


def test_billions_of_shares_are_as_whole_as_one():
    held = array(8_038_377_577, -8_038_377_577, 1, 0)  # of shares that cost a hundredth of a cent
    assert WHOLE.round_to_lots(held).tolist() == held.tolist()
    assert np.isinf(WHOLE.round_to_lots(np.inf))


def test_no_instruction_is_no_trade():
    assert sizing.order_shares(array(5, 0), array(NAN, NAN), array(NAN, NAN), resize=True).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("resize", "expected"),
    [(False, [0, 0, -10, 10, -15, 15, 7]), (True, [-3, 3, -10, 10, -15, 15, 7])],
)
def test_without_resize_only_a_flat_or_the_other_side_is_traded(resize, expected):
    position = array(10, -10, 10, -10, 10, -10, 0)
    desired = array(7, -7, 0, 0, -5, 5, 7)
    assert sizing.order_shares(position, np.sign(desired), desired, resize).tolist() == expected


def test_a_target_that_has_come_to_less_than_a_share_leaves_a_position_on_its_side_alone():
    # a twelfth of 4,000 dollars bought a share at 300; at 400 it would buy none
    position, target = array(1, -1, 1, 0), array(1 / 12, -1 / 12, -1 / 12, 1 / 12)
    desired = sizing.target_shares(target, "weight", 4000, array(400, 400, 400, 400), WHOLE)
    assert desired.tolist() == [0, 0, 0, 0]
    assert sizing.order_shares(position, target, desired, resize=False).tolist() == [0, 0, -1, 0]
    assert sizing.order_shares(position, target, desired, resize=True).tolist() == [-1, 1, -1, 0]


cells = st.lists(st.sampled_from([-2.0, -1e-12, 0.0, 0.4, 3.0, NAN]), min_size=2, max_size=2)


@given(position=st.lists(st.sampled_from([-5.0, 0.0, 7.0]), min_size=2, max_size=2), target=cells, equity=st.floats(-100, 1e6))
def test_fulfilled_targets_ask_for_no_trade(position, target, equity):
    desired = sizing.target_shares(array(*target), "weight", equity, array(10, 20), WHOLE)
    trade = sizing.order_shares(array(*position), array(*target), desired, resize=False)
    if sizing.are_fulfilled(array(*position), array(*target)):
        assert trade.tolist() == [0, 0]


def test_which_targets_are_fulfilled():
    assert sizing.are_fulfilled(array(5, -3, 0, 2), array(0.1, -1, 0, NAN))
    assert not sizing.are_fulfilled(array(5), array(0))
    assert not sizing.are_fulfilled(array(5), array(-1))
    assert not sizing.are_fulfilled(array(0), array(0.5))


def test_a_reduction_ends_at_zero():
    assert sizing.reducing_shares(array(10, 10, -10, 0, 10), array(-4, -25, 25, -5, 5)).tolist() == [-4, -10, 10, 0, 0]


def affordable(position, trade, equity=1000.0, close=None, volume=None, account=WHOLE):
    close = array(*[10.0] * len(position)) if close is None else close
    volume = array(*[NAN] * len(position)) if volume is None else volume
    limits = sizing.order_limits(account, close, volume)
    return sizing.affordable_shares(array(*position), array(*trade), equity, limits, account).tolist()


def test_up_to_the_buying_power_nothing_is_cut():
    assert affordable([0, 0], [100, -100]) == [100, -100]  # 2 x 1,000 dollars of exposure


def test_beyond_the_buying_power_all_additions_are_cut_alike():
    # 4,000 dollars wanted, 2,000 allowed: half of each, toward zero
    assert affordable([0, 0, 0], [200, -151, 49]) == [100, -75, 24]


def test_what_is_held_already_uses_up_buying_power():
    assert affordable([150, 0], [0, 100]) == [0, 50]


def test_a_reduction_frees_buying_power_for_an_addition():
    assert affordable([200, 0], [-150, 150]) == [-150, 150]


def test_a_reversal_is_cut_only_beyond_zero():
    # 100 shares back to zero always; of the 300 short beyond, 200 are allowed
    assert affordable([100], [-400]) == [-300]


def test_reductions_pass_whatever_the_equity():
    assert affordable([-100, 50], [100, -50], equity=-5000.0) == [100, -50]
    assert affordable([-100, 50], [100, 10], equity=-5000.0) == [100, 0]


def test_additions_are_cut_to_a_part_of_the_volume():
    assert affordable([0, 0], [90, -90], volume=array(550, 10_000)) == [55, -90]
    assert affordable([80], [-80], volume=array(0)) == [-80]
    assert affordable([0], [1], volume=array(0)) == [0]


amounts = st.lists(st.integers(-500, 500), min_size=3, max_size=3)


@given(position=amounts, trade=amounts, equity=st.floats(-2000, 5000), leverage=st.floats(0.1, 4))
def test_what_is_allowed_lies_between_nothing_and_what_was_asked(position, trade, equity, leverage):
    account = Account(max_leverage=leverage, fractional=True)
    close = array(10, 20, 3)
    limits = sizing.order_limits(account, close, array(NAN, NAN, NAN))
    allowed = sizing.affordable_shares(array(*position), array(*trade), equity, limits, account)
    assert (np.abs(allowed) <= np.abs(trade)).all()
    assert (allowed * trade >= 0).all()
    least = sizing.reducing_shares(array(*position), array(*trade))
    assert (np.abs(allowed) >= np.abs(least) - 1e-9).all()
    added = np.abs(allowed - least).sum() > 1e-6
    gross = (np.abs(array(*position) + allowed) * close).sum()
    assert not added or gross <= leverage * equity * (1 + 1e-6) + 1e-6


def test_variants_are_checked_one_by_one():
    position, trade = np.zeros((2, 2)), array(200, 200) * array(1, 0.5)[:, None]
    limits = sizing.order_limits(WHOLE, array(10, 10), array(NAN, NAN))
    allowed = sizing.affordable_shares(position, trade, array(1000, 1000), limits, WHOLE)
    assert allowed.tolist() == [[100, 100], [100, 100]]


def test_the_volume_can_be_left_aside():
    limits = sizing.order_limits(WHOLE, array(10), array(50))
    assert sizing.affordable_shares(array(0), array(90), 1000.0, limits, WHOLE).tolist() == [5]
    assert sizing.affordable_shares(array(0), array(90), 1000.0, limits, WHOLE, any_volume=True).tolist() == [90]


def test_limits_of_many_closes_are_those_of_each():
    close, volume, factor = (
        array(10, 4, NAN, 3).reshape(2, 2),
        array(100, NAN, 0, 55).reshape(2, 2),
        array(1, 2, 4, 1).reshape(2, 2),
    )
    both = sizing.order_limits(WHOLE, close, volume, factor)
    for session in (0, 1):
        one, of_both = sizing.order_limits(WHOLE, close[session], volume[session], factor[session]), both[session]
        assert (of_both.addition.tolist(), of_both.long.tolist(), of_both.short.tolist()) == (
            one.addition.tolist(), one.long.tolist(), one.short.tolist()
        )  # fmt: skip
    # A short of a share at $4 that was traded at $8 needs $5 of equity for each traded share, so $2.50, at leverage 2 $5.
    assert both.short[0].tolist() == [10, 5]


@given(shares=st.floats(-1e9, 1e9), traded=st.floats(-1e9, 1e9))
def test_numbers_and_arrays_have_one_rule_of_zero(shares, traded):
    as_arrays = sizing.is_negligible(array(shares), array(traded)), sizing.position_after(array(shares), array(traded))
    assert sizing.is_negligible(shares, traded) == as_arrays[0][0]
    assert sizing.position_after(shares, traded) == as_arrays[1][0]


def test_what_is_zero_is_relative_to_what_was_traded():
    assert sizing.position_after(0.3, -0.1 - 0.2) == 0
    assert sizing.position_after(3e8, -3e8 + 1e-6) == 0  # 3e-15 of it
    assert sizing.position_after(3e8, -3e8 + 1) == 1
    assert sizing.position_after(0, 2e-9) == 2e-9


@pytest.mark.parametrize(
    ("close", "shares"), [(2.20, 400_000), (3.99, 250_626), (4.99, 200_400), (5.0, 200_000), (9.0, 200_000), (16.67, 119_976)]
)
def test_a_short_is_cut_to_the_greater_of_both_requirements(close, shares):
    # a million dollars: 1e6 / 2.50, / 3.99, / 4.99, / 5, / 5, and twice 1e6 / 16.67
    assert affordable([0], [-1e6], equity=1e6, close=array(close)) == [-shares]


def test_a_low_priced_short_that_is_held_already_uses_up_its_maintenance():
    # 100,000 at 3 dollars need 300,000 of a million; the rest pays for 2 x 700,000 of a long
    assert affordable([-100_000, 0], [0, 20_000], equity=1e6, close=array(3, 100)) == [0, 14_000]


def test_after_a_margin_call_a_target_waits_until_it_has_changed():
    held_back = sizing.blocked_sides(array(0, 0, 0, 0), array(-1, -0.5, NAN, 1), called=array(-1, 1, -1, 0))
    assert held_back.tolist() == [-1, 0, 0, 0]
    held_back = sizing.blocked_sides(held_back, array(-0.2, -0.5, -1, 1), called=np.zeros(4))
    assert held_back.tolist() == [-1, 0, 0, 0]  # another size is no other side
    assert sizing.blocked_sides(held_back, array(NAN, -0.5, -1, 1), called=np.zeros(4)).tolist() == [0, 0, 0, 0]
