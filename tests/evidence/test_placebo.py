"""Placebos: by hand on a few sessions, against the appendix, and their size where there is nothing to find."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.placebo import (
    Placebo,
    cluster_labels,
    count_apart,
    matched_dates_placebo,
    random_baskets_placebo,
    rotation_placebo,
    scaled_dates_placebo,
)


def appendix(flag, forward):
    """``rotation_p`` of METHODS, appendix A."""
    there = ~np.isnan(forward)
    values, signals = forward[there], flag[there]
    observed = values[signals].mean()
    shifted = np.array([values[np.roll(signals, j)].mean() for j in range(1, len(values))])
    return observed, (1 + (shifted >= observed - 1e-12).sum()) / (1 + len(shifted))


def test_a_rotation_by_hand():
    found = rotation_placebo(np.array([True, False, False, True, False]), np.array([3.0, 1, 0, 5, np.nan]))
    # the four whole sessions: signals on 3 and 5; shifted by 1, 2, 3: on 1 and 3, 0 and 1, 5 and 0
    assert found.observed == 4
    np.testing.assert_array_equal(found.draws, [2, 0.5, 2.5])
    assert found.p_value == found.smallest == 1 / 4
    assert (found.signals, found.opposite.p_value) == (2, 1.0)


def test_a_rotation_is_that_of_the_appendix():
    random = np.random.default_rng(5)
    forward = np.convolve(random.standard_normal(420), np.ones(20), "valid")
    forward[-10:] = np.nan
    flag = random.random(len(forward)) < 0.05
    found, (observed, p_value) = rotation_placebo(flag, forward), appendix(flag, forward)
    assert found.observed == pytest.approx(observed)
    assert found.p_value == p_value
    overlap = np.array(
        [(flag[: len(forward) - 10] & np.roll(flag[: len(forward) - 10], k)).sum() for k in range(1, len(forward) - 10)]
    )
    freed = observed - (observed - found.draws) / (1 - overlap[::-1] / found.signals)
    np.testing.assert_allclose(found.adjusted_draws, freed)
    assert found.excess == pytest.approx(observed - freed.mean())


def test_a_rotation_of_several_names_keeps_their_dates_apart():
    outcomes = np.arange(10.0).reshape(5, 2) ** 2
    flags = np.zeros((5, 2), dtype=bool)
    flags[0, 0] = flags[2, 1] = True
    found = rotation_placebo(flags, outcomes)
    assert found.observed == (0 + 25) / 2
    assert found.draws[0] == (outcomes[1, 0] + outcomes[3, 1]) / 2
    assert found.draws[3] == (outcomes[4, 0] + outcomes[1, 1]) / 2


def test_landing_keeps_only_the_shifts_to_sessions_like_the_first_signal():
    outcomes = np.array([5.0, 1, 2, 3, 4])
    landing = np.array([True, False, True, False, True])
    found = rotation_placebo(np.array([True, False, False, False, False]), outcomes, landing=landing)
    np.testing.assert_array_equal(found.draws, [2, 4])
    assert found.p_value == 1 / 3


@settings(deadline=None, max_examples=30)
@given(shift=st.integers(0, 40), factor=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_units_and_the_place_of_the_first_session_change_no_p_value(shift, factor, seed):
    random = np.random.default_rng(seed)
    outcomes, flags = random.standard_normal(41), random.random(41) < 0.2
    flags[7] = True
    one = rotation_placebo(flags, outcomes)
    assert rotation_placebo(np.roll(flags, shift), np.roll(outcomes, shift) * factor).p_value == one.p_value
    assert rotation_placebo(flags, -outcomes, "lower").p_value == one.p_value


def test_a_rotation_finds_nothing_where_nothing_is_in_one_case_of_twenty():
    random = np.random.default_rng(8)
    wrong = 0
    for _ in range(400):
        wave = np.convolve(random.standard_normal(219), np.ones(20), "valid")  # overlapping trades of 20 sessions
        start = random.integers(0, 180)
        flags = np.zeros(200, dtype=bool)
        flags[start : start + 8] = True  # one cluster of signals, wherever
        wrong += rotation_placebo(flags, wave).p_value <= 0.05
    assert 8 <= wrong <= 32  # 20 expected


def test_clusters_end_after_a_gap():
    assert cluster_labels(np.array([3, 5, 25, 46, 47]), gap=20).tolist() == [0, 0, 0, 1, 1]
    assert cluster_labels(np.array([], dtype=int)).tolist() == []


def test_signals_that_are_apart_are_counted_from_the_first_on():
    assert count_apart(np.array([3, 5, 25, 46, 47])) == 3  # 3, 25 and 46
    assert count_apart(np.arange(0, 210, 10)) == 7  # a signal every other week: 0, 30, 60, ...
    assert count_apart(np.array([], dtype=int)) == 0


def test_matched_dates_by_hand():
    outcomes = np.array([4.0, 9, 3, 8, 2, 7, np.nan, 1])
    alike = np.array([True, True, True, True, False, True, True, True])
    found = matched_dates_placebo(outcomes, 3, alike, distance=2)
    np.testing.assert_array_equal(found.draws, [4, 9, 7, 1])  # 3 is too near, 2 is not alike, one has no end
    assert found.observed == 8
    assert found.p_value == 2 / 5
    assert found.smallest == 1 / 5


def test_dates_are_brought_to_the_volatility_of_the_event_by_hand():
    outcomes = np.array([1.0, -1, 4, 2, np.nan, -2, 3, 1])  # mean 8 / 7
    sizes = np.array([1.0, 1, 2, 1, 1, 4, 0, 2])
    found = scaled_dates_placebo(outcomes, sizes, 2, distance=2)
    mean = np.mean([1, -1, 4, 2, -2, 1])  # a date without a size is left out
    assert found.draws == pytest.approx([mean + (1 - mean) * 2, mean + (-2 - mean) / 2, mean + (1 - mean)])
    assert found.observed == 4
    assert found.p_value == 1 / 4
    with pytest.raises(DataError, match="no outcome"):
        scaled_dates_placebo(outcomes, sizes, 4, distance=2)
    with pytest.raises(DataError, match="far enough"):
        scaled_dates_placebo(outcomes, sizes, 2, distance=9)


def test_the_interval_holds_every_effect_that_would_leave_the_event_unremarkable():
    draws = np.arange(-100.0, 101)
    found = matched_dates_placebo(np.concatenate([[30.0], draws]), 0, np.ones(202, dtype=bool), distance=1)
    low, high = found.interval()
    assert (low, high) == (30 - 96, 30 + 96)  # the fifth of each end of 201: 5 / 202 is the last share below 2.5 %
    for effect, inside in ((low - 1, False), (low + 1, True), (high - 1, True), (high + 1, False)):
        left = replace(found, observed=30 - effect)
        assert (left.p_value > 0.025 and left.opposite.p_value > 0.025) == inside


@pytest.mark.parametrize(("count", "known"), [(38, False), (39, True), (41, True)])
def test_the_interval_needs_placebos_on_both_sides(count, known):
    draws = np.arange(float(count))
    found = Placebo(observed=100.0, draws=draws, signals=1, direction="higher")
    assert np.isfinite(found.interval()).tolist() == [known, known]
    if known:
        assert found.interval() == (100 - draws[-1], 100 - draws[0])


@pytest.mark.parametrize("count", [39, 41, 60, 100, 260])
def test_nineteen_of_twenty_intervals_hold_the_effect(count):
    """And none leaves out an effect of nothing that the p-value beside it allows."""
    held = 0
    for case in np.random.default_rng(count).normal(size=(4000, count + 1)):
        found = Placebo(observed=case[0] + 0.5, draws=case[1:], signals=1, direction="higher")
        low, high = found.interval()
        assert (low > 0) == (found.p_value <= 0.025)
        assert (high < 0) == (found.opposite.p_value <= 0.025)
        held += low <= 0.5 <= high
    assert held / 4000 == pytest.approx(1 - 2 * ((count + 1) // 40) / (count + 1), abs=0.012)


def test_thirty_eight_draws_have_no_tails_of_two_and_a_half_percent():
    few, enough = (matched_dates_placebo(np.arange(float(n + 1)), 0, np.ones(n + 1, dtype=bool), 1) for n in (38, 39))
    assert np.isnan(few.interval()).all()
    assert np.isfinite(enough.interval()).all()
    assert np.isfinite(few.interval(0.9)).all()


def test_placebo_names_by_hand():
    outcomes = np.array([5.0, 4, 1, 0])
    found = random_baskets_placebo(outcomes, np.array([True, True, False, False]))
    assert sorted(found.draws) == [0.5, 2, 2.5, 2.5, 3]
    assert found.p_value == 1 / 6
    many = random_baskets_placebo(np.arange(40.0), np.arange(40) >= 30, draws=500, seed=4)
    assert len(many.draws) == 500
    assert many.p_value == 1 / 501


def test_what_has_no_placebo_is_refused():
    outcomes = np.array([1.0, 2, np.nan])
    with pytest.raises(DataError, match="the data end before its trade does"):
        rotation_placebo(np.array([False, False, True]), outcomes)
    with pytest.raises(DataError, match="does not end within the data"):
        matched_dates_placebo(outcomes, 2, np.ones(3, dtype=bool), 1)
    with pytest.raises(DataError, match="no placebo"):
        matched_dates_placebo(outcomes, 0, np.zeros(3, dtype=bool), 1)
    with pytest.raises(DataError, match="no placebo"):
        rotation_placebo(np.array([True, False, False]), outcomes, landing=np.zeros(3, dtype=bool))
    with pytest.raises(DataError, match="found 3 of 3"):
        random_baskets_placebo(np.arange(3.0), np.ones(3, dtype=bool))
    with pytest.raises(DataError, match="found 0 of 3"):
        random_baskets_placebo(np.arange(3.0), np.zeros(3, dtype=bool))
    with pytest.raises(ParameterError, match="one shape"):
        rotation_placebo(np.ones(2, dtype=bool), outcomes)
    with pytest.raises(ParameterError, match="higher or lower"):
        rotation_placebo(np.ones(3, dtype=bool), outcomes, "up")


def test_a_rotation_by_hand_is_freed_of_its_own_signals():
    found = rotation_placebo(np.array([True, True, False, False, False]), np.array([5.0, 5.0, 1.0, 0.0, 2.0]))
    np.testing.assert_allclose(found.draws, [3.0, 0.5, 1.0, 3.5])
    np.testing.assert_allclose(found.overlap, [0.5, 0, 0, 0.5])
    np.testing.assert_allclose(found.adjusted_draws, [1.0, 0.5, 1.0, 2.0])  # what the other session of the pair made
    assert (found.observed, found.usual, found.excess) == (5.0, 1.125, 3.875)
    assert found.p_value == 1 / 5


@pytest.mark.parametrize("share", [0.03, 0.4])
def test_the_interval_of_a_frequent_rule_holds_its_effect_too(share):
    """An effect on each signal of noise: the placebos that lie on signals have it as well."""
    random, effect, held, effects = np.random.default_rng(3), 0.8, 0, []
    for _ in range(400):
        flags = random.random(250) < share
        flags[0] = True
        found = rotation_placebo(flags, random.normal(size=250) + effect * flags)
        low, high = found.interval()
        held += low <= effect <= high
        effects.append(found.excess)
    assert held / 400 == pytest.approx(0.95, abs=0.03)
    assert np.mean(effects) == pytest.approx(effect, abs=0.06)
