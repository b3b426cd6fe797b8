"""The tests that were compared: each piece by hand, as another library has it, or as its paper publishes it."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks import rule_tests
from benchmarks.nulls import independent
from benchmarks.rule_tests import (
    RULE,
    TESTS,
    bartlett_sum,
    calendar_time,
    fixed_b,
    fixed_b_critical_value,
    group_means,
    groups,
    measure,
    multipliers,
    rotations,
    sample_of,
    scaled,
    stratified_rotations,
    studentised_rotations,
    wild_bootstrap,
    with_effect_in,
)
from benchmarks.rules import outcomes_of_rule
from dipfolio.evidence.calendar_time import session_returns
from dipfolio.evidence.placebo import count_apart


@pytest.fixture(scope="module")
def drawn():
    night, day = (part[0][:, None] for part in independent(np.random.default_rng(11), 1))
    outcomes = outcomes_of_rule(RULE, night, day, session_returns(night, day))
    return outcomes, sample_of(outcomes, 7)


@pytest.fixture(scope="module")
def sample(drawn):
    return drawn[1]


def test_fixed_b_critical_values_are_those_of_the_papers():
    assert fixed_b_critical_value(1e-9) == pytest.approx(stats.norm.ppf(0.95), abs=1e-4)
    # Kiefer, Vogelsang and Bunzel (2000, Econometrica 68), table II: 5.323, of the root of two times the statistic of b = 1
    assert fixed_b_critical_value(1.0) == pytest.approx(5.323 / math.sqrt(2), rel=0.015)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_fixed_b_critical_values_are_the_quantiles_of_t_in_large_samples(share):
    values = np.random.default_rng(5).standard_normal((4_000, 300))
    centred = values - values.mean(axis=1, keepdims=True)
    t = values.sum(axis=1) / np.sqrt([bartlett_sum(row, share * 300) for row in centred])
    assert np.mean(t > fixed_b_critical_value(share)) == pytest.approx(0.05, abs=0.012)  # 3.5 standard errors


@pytest.mark.parametrize("lags", [1, 4, 30])
def test_the_long_run_sum_is_that_of_statsmodels(lags):
    from statsmodels.stats.sandwich_covariance import S_hac_simple

    scores = np.random.default_rng(6).normal(0, 1, 200)
    assert bartlett_sum(scores, lags + 1) == pytest.approx(S_hac_simple(scores, nlags=lags).item(), rel=1e-9)
    assert bartlett_sum(scores, 1) == pytest.approx(float(scores @ scores))


def test_wild_multipliers_have_variance_one_and_correlations_that_fall_in_a_line():
    drawn = multipliers(3_000, 6, 1)
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    for lag, expected in ((0, 1), (2, 2 / 3), (5, 1 / 6), (6, 0), (9, 0)):
        assert (drawn[:, lag:] * drawn[:, : 3_000 - lag]).mean() == pytest.approx(expected, abs=0.01)


def test_the_wild_bootstrap_has_the_error_of_a_long_run_sum(sample):
    known = ~np.isnan(sample.outcomes)
    products = (sample.flags[known] - sample.flags[known].mean()) * (sample.outcomes[known] - sample.outcomes[known].mean())
    z = products.sum() / math.sqrt(bartlett_sum(products, 18))
    higher, lower = wild_bootstrap(18)(sample)
    assert higher == pytest.approx(stats.norm.sf(z), abs=0.08)
    assert lower == pytest.approx(stats.norm.cdf(z), abs=0.08)


def test_groups_begin_more_than_twenty_sessions_after_the_first_of_the_last():
    rows = np.array([3, 10, 23, 24, 44, 45, 100])
    assert groups(rows).tolist() == [0, 0, 0, 1, 1, 2, 3]
    assert groups(rows)[-1] + 1 == count_apart(rows)


def test_the_mean_of_groups_is_students_t_of_their_means(sample):
    rows, numbers = np.flatnonzero(sample.flags), groups(np.flatnonzero(sample.flags))
    means = [sample.outcomes[rows[numbers == number]].mean() for number in range(numbers[-1] + 1)]
    found = stats.ttest_1samp(means, np.nanmean(sample.outcomes))
    assert group_means(sample)[0] == pytest.approx(stats.t.sf(found.statistic, found.df), rel=1e-9)


def test_a_studentised_rotation_by_two_loops(sample):
    values = scaled(sample)[~np.isnan(sample.outcomes)]
    values, rows = values - values.mean(), np.flatnonzero(sample.flags)
    t = []
    for shift in range(len(values)):
        sums = np.zeros(groups(rows)[-1] + 1)
        for row, number in zip(rows, groups(rows), strict=True):
            sums[number] += values[(row + shift) % len(values)]
        t.append(sums.sum() / math.sqrt((sums**2).sum()))
    assert studentised_rotations(sample)[0] == pytest.approx(np.mean(np.array(t) >= t[0]), abs=1e-9)


def test_signals_stay_within_their_third(sample, monkeypatch):
    """Where the outcome is the third itself, no shift changes the sum."""
    volatility = np.arange(len(sample.returns), dtype=float)
    monkeypatch.setattr(rule_tests, "_rolling_deviation", lambda _: volatility)
    known = np.flatnonzero(~np.isnan(sample.outcomes))
    thirds = np.full(len(sample.outcomes), np.nan)
    thirds[known] = np.searchsorted(np.quantile(known, [1 / 3, 2 / 3]), known)
    one = type(sample)(**{**vars(sample), "outcomes": thirds})
    assert stratified_rotations(one) == (1.0, 1.0)
    assert min(rotations(one)) < 1.0


def test_a_bandwidth_of_one_session_is_the_test_with_equal_weights(sample):
    higher, lower = fixed_b(1 / 2_515)(sample)
    assert {higher, lower} <= {0.0, 1.0}
    p_higher, p_lower = calendar_time(weighted=False)(sample)
    assert (higher == 0, lower == 0) == (p_higher < 0.05, p_lower < 0.05)


@pytest.mark.parametrize("name", TESTS)
def test_a_large_effect_is_found_in_its_direction_alone(drawn, name):
    outcomes, sample = drawn
    assert TESTS[name](with_effect_in(sample, outcomes, 0.06))[0] <= 0.05
    assert TESTS[name](with_effect_in(sample, outcomes, -0.06))[1] <= 0.05
    assert TESTS[name](with_effect_in(sample, outcomes, 0.06))[1] > 0.5


def test_all_tests_see_the_same_draws():
    found = measure("independent sessions", 12)
    assert list(found) == list(TESTS)
    assert all(0 <= value <= 100 for rates in found.values() for value in rates)
    assert max(abs(rates[0] * 12 / 100 - round(rates[0] * 12 / 100)) for rates in found.values()) < 1e-9  # of 12 draws
