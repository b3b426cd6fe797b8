"""The best of many: against arch where it is right, and against the appendix where it is not."""

import itertools
import math

import numpy as np
import pytest

from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.data_snooping import long_run_variance, probability_of_overfitting, resampled_means, spa_test, stepm_test
from tests.support.panels import golden_strategies


def noisy_fifth(sessions=1000, seed=3):
    """Five strategies without skill but the first; the fifth is thirty times as noisy as the others."""
    excess = np.random.default_rng(seed).standard_normal((sessions, 5)) * 0.01
    excess[:, 0] += 0.0009
    excess[:, 4] *= 30
    return excess


def arch_p_value(excess, block, resamples, seed):
    from arch.bootstrap import SPA

    test = SPA(np.zeros(len(excess)), -excess, block_size=block, reps=resamples, studentize=True, seed=seed)
    test.compute()
    return float(test.pvalues["consistent"])


def test_arch_does_not_studentise_and_ours_does():
    excess = noisy_fifth()
    raw = arch_p_value(excess, 5, 500, 1)
    louder = excess * [1, 1, 1, 1, 10]
    assert arch_p_value(louder, 5, 500, 1) > raw + 0.1 or raw > 0.3  # its answer hangs on the noise of the fifth
    ours, again = spa_test(excess, 5, 500, 1), spa_test(louder, 5, 500, 1)
    assert ours.consistent == again.consistent < 0.05
    np.testing.assert_allclose(again.t, ours.t, rtol=1e-9)
    assert raw > 0.2  # the skill of the first is lost


def test_ours_is_arch_once_the_columns_are_divided_by_their_errors():
    excess = noisy_fifth()
    scaled = excess / np.sqrt(long_run_variance(excess, 5))
    theirs = arch_p_value(scaled, 5, 999, 7)
    assert spa_test(excess, 5, 999, 7).consistent == pytest.approx(theirs, abs=0.012)


def test_the_long_run_variance_is_the_sum_over_all_lags():
    excess, block = noisy_fifth(150), 6
    away, count, q = excess - excess.mean(axis=0), 150, 1 / 6
    expected = (away**2).sum(axis=0) / count
    for lag in range(1, count):
        weight = (1 - lag / count) * (1 - q) ** lag + lag / count * (1 - q) ** (count - lag)
        expected = expected + 2 * weight * (away[:-lag] * away[lag:]).sum(axis=0) / count
    np.testing.assert_allclose(long_run_variance(excess, block), expected, rtol=1e-10)


def test_the_resampled_means_have_the_long_run_variance():
    excess = noisy_fifth(300)
    means = resampled_means(excess, 6, 4000, 5)
    np.testing.assert_allclose(300 * means.var(axis=0), long_run_variance(excess, 6), rtol=0.1)
    np.testing.assert_allclose(means[:, :2], resampled_means(excess[:, :2], 6, 4000, 5), atol=1e-15)


def test_the_three_p_values_are_in_order_and_never_nought():
    found = spa_test(noisy_fifth() + np.array([0.01, 0, 0, 0, 0]), 5, 500)
    assert found.lower <= found.consistent <= found.upper
    assert found.consistent == found.smallest == 1 / 501


def test_worthless_strategies_are_named_in_about_one_case_of_twenty():
    random = np.random.default_rng(11)
    wrong = 0
    for case in range(200):
        excess = random.standard_t(4, (250, 6)) * np.array([1, 1, 1, 5, 5, 25])
        wrong += bool(stepm_test(excess, block=1, resamples=199, seed=case).better.any())
    assert 2 <= wrong <= 20  # 10 expected


def test_stepm_names_what_has_skill_and_does_not_stop_when_all_have():
    excess = noisy_fifth()
    found = stepm_test(excess, block=5, resamples=499)
    assert found.smallest == min(found.p_values) == 1 / 500
    assert found.better.tolist() == [True, False, False, False, False]
    assert (found.p_values <= 0.05).tolist() == found.better.tolist()
    every = stepm_test(np.random.default_rng(0).standard_normal((500, 3)) * 0.01 + [0.004, 0.02, 0.002], block=5)
    assert every.better.all()  # where arch 8.0 stops with a ValueError


def test_the_order_of_the_strategies_changes_nothing():
    excess, order = noisy_fifth(), [4, 2, 0, 3, 1]
    one, other = stepm_test(excess, block=5), stepm_test(excess[:, order], block=5)
    np.testing.assert_allclose(one.p_values[order], other.p_values)
    assert spa_test(excess, 5).consistent == spa_test(excess[:, order], 5).consistent


def test_the_block_comes_from_the_rule_of_politis_and_white():
    from dipfolio.evidence.bootstrap import block_length

    assert spa_test(noisy_fifth(), resamples=20).block == block_length(noisy_fifth())


def test_strategies_that_never_trade_and_gaps_are_refused():
    excess = noisy_fifth()
    excess[:, 3] = 0
    with pytest.raises(DataError, match="Column 3 never changes"):
        spa_test(excess)
    with pytest.raises(DataError, match="without a NaN"):
        stepm_test(np.full((100, 2), np.nan), block=3)
    with pytest.raises(ParameterError, match="at least 1 session"):
        stepm_test(noisy_fifth(), block=0)


@pytest.mark.parametrize(("blocks", "probability", "loss"), [(4, 2 / 3, 0.8333), (6, 0.65, 0.80), (8, 46 / 70, 0.90)])
def test_overfitting_of_noise_on_which_three_programs_agree(blocks, probability, loss):
    found = probability_of_overfitting(np.random.default_rng(0).standard_normal((240, 8)), blocks)
    assert found.probability == pytest.approx(probability)
    assert found.loss == pytest.approx(loss, abs=5e-5)


@pytest.mark.parametrize(
    ("blocks", "probability", "loss"), [(4, 1.0, None), (6, 0.95, None), (8, 62 / 70, 57 / 70), (10, 228 / 252, 205 / 252)]
)
def test_overfitting_of_the_golden_strategies(blocks, probability, loss):
    found = probability_of_overfitting(golden_strategies(), blocks)
    assert found.probability == pytest.approx(probability)
    assert loss is None or found.loss == pytest.approx(loss)
    assert len(found.logits) == math.comb(blocks, blocks // 2)


def test_a_strategy_that_is_always_the_best_is_not_overfitted():
    returns = np.random.default_rng(2).standard_normal((240, 8)) * 0.01
    returns[:, 5] += 0.02
    found = probability_of_overfitting(returns)
    assert found.probability == found.loss == 0
    np.testing.assert_allclose(found.logits, math.log(8))
    assert probability_of_overfitting(returns, score="mean").probability == 0


def test_the_better_of_two_is_overfitted_as_often_as_it_is_the_worse_in_the_other_half():
    returns = np.random.default_rng(8).standard_normal((240, 2)) * 0.01
    parts = np.split(returns, 6)
    worse = 0
    for half in itertools.combinations(range(6), 3):
        inside, outside = (
            np.concatenate([part for k, part in enumerate(parts) if (k in half) == side]) for side in (True, False)
        )
        ratios = [rows.mean(axis=0) / rows.std(axis=0, ddof=1) for rows in (inside, outside)]
        worse += ratios[0].argmax() != ratios[1].argmax()
    assert probability_of_overfitting(returns, 6).probability == pytest.approx(worse / 20)
    assert 0 < worse < 20


def test_blocks_without_a_trade_need_another_score():
    returns = np.random.default_rng(2).standard_normal((240, 3)) * 0.01
    returns[:120, 1] = 0
    with pytest.raises(DataError, match="score by the mean"):
        probability_of_overfitting(returns)
    assert 0 <= probability_of_overfitting(returns, score="mean").probability <= 1
    with pytest.raises(ParameterError, match="found 5 for 240"):
        probability_of_overfitting(returns, 5)
    with pytest.raises(DataError, match="2 or more strategies"):
        probability_of_overfitting(returns[:, :1])


def test_where_none_is_better_there_is_nothing_to_explain():
    """Hansen's statistic is never below 0, in the sample and in the resamples alike."""
    excess = np.random.default_rng(8).normal(-0.05, 1.0, (300, 3)) - 0.02
    excess -= np.maximum(excess.mean(axis=0), 0)
    found = spa_test(excess, block=1)
    assert (found.t < 0).all()
    assert found.lower == found.consistent == found.upper == 1
