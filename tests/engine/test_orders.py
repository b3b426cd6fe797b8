import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.engine import orders
from dipfolio.engine.account import Account

WHOLE, EXACT = Account(), Account(fractional=True)
NAN = np.nan


def array(*values):
    return np.array(values, dtype=float)


def test_a_weight_becomes_shares_toward_zero():
    # 10 % of 1,000 at 30 is 3.33 shares, at 33 it is 3.03
    long_and_short = orders.wanted(array(0.1, -0.1), "weight", 1000, array(30, 33), WHOLE)
    assert long_and_short.tolist() == [3, -3]


def test_a_fractional_account_keeps_the_fraction():
    assert orders.wanted(array(0.1), "weight", 1000, array(30), EXACT)[0] == pytest.approx(100 / 30, rel=1e-15)


def test_a_hair_under_a_whole_share_is_that_share():
    assert orders.wanted(array(0.1 * 3), "weight", 1000, array(100), WHOLE).tolist() == [3]
    assert orders.wanted(array(0.29), "weight", 10_000, array(100), WHOLE).tolist() == [29]  # 0.29 x 100 is 28.999...


def test_billions_of_shares_are_as_whole_as_one():
    held = array(8_038_377_577, -8_038_377_577, 1, 0)  # of shares that cost a hundredth of a cent
    assert orders.whole(held, WHOLE).tolist() == held.tolist()
    assert np.isinf(orders.whole(np.inf, WHOLE))


def test_no_instruction_is_no_trade():
    assert orders.change(array(5, 0), array(NAN, NAN), array(NAN, NAN), resize=True).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("resize", "expected"),
    [(False, [0, 0, -10, 10, -15, 15, 7]), (True, [-3, 3, -10, 10, -15, 15, 7])],
)
def test_without_resize_only_a_flat_or_the_other_side_is_traded(resize, expected):
    position = array(10, -10, 10, -10, 10, -10, 0)
    desired = array(7, -7, 0, 0, -5, 5, 7)
    assert orders.change(position, np.sign(desired), desired, resize).tolist() == expected


def test_a_target_that_has_come_to_less_than_a_share_leaves_a_position_on_its_side_alone():
    # a twelfth of 4,000 dollars bought a share at 300; at 400 it would buy none
    position, target = array(1, -1, 1, 0), array(1 / 12, -1 / 12, -1 / 12, 1 / 12)
    desired = orders.wanted(target, "weight", 4000, array(400, 400, 400, 400), WHOLE)
    assert desired.tolist() == [0, 0, 0, 0]
    assert orders.change(position, target, desired, resize=False).tolist() == [0, 0, -1, 0]
    assert orders.change(position, target, desired, resize=True).tolist() == [-1, 1, -1, 0]


def test_a_reduction_ends_at_zero():
    assert orders.reduction(array(10, 10, -10, 0, 10), array(-4, -25, 25, -5, 5)).tolist() == [-4, -10, 10, 0, 0]


def affordable(position, trade, equity=1000.0, close=None, volume=None, account=WHOLE):
    close = array(*[10.0] * len(position)) if close is None else close
    volume = array(*[NAN] * len(position)) if volume is None else volume
    return orders.affordable(array(*position), array(*trade), equity, close, volume, account).tolist()


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
    allowed = orders.affordable(array(*position), array(*trade), equity, close, array(NAN, NAN, NAN), account)
    assert (np.abs(allowed) <= np.abs(trade)).all()
    assert (allowed * trade >= 0).all()
    least = orders.reduction(array(*position), array(*trade))
    assert (np.abs(allowed) >= np.abs(least) - 1e-9).all()
    added = np.abs(allowed - least).sum() > 1e-6
    gross = (np.abs(array(*position) + allowed) * close).sum()
    assert not added or gross <= leverage * equity * (1 + 1e-6) + 1e-6


def test_variants_are_checked_one_by_one():
    position, trade = np.zeros((2, 2)), array(200, 200) * array(1, 0.5)[:, None]
    allowed = orders.affordable(position, trade, array(1000, 1000), array(10, 10), array(NAN, NAN), WHOLE)
    assert allowed.tolist() == [[100, 100], [100, 100]]
