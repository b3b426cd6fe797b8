"""Several looks at one question."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.multiple_testing import correlation_of, effective_trials, holm, stepdown


def test_holms_correction_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))


def test_a_question_that_could_not_be_asked_is_not_counted():
    found = holm([0.02, math.nan, 0.9])
    assert found[0] == 0.04
    assert math.isnan(found[1])
    assert all(math.isnan(value) for value in holm([math.nan]))
    with pytest.raises(ParameterError, match="between 0 and 1"):
        holm([1.2])


def test_copies_of_one_strategy_are_one_trial_and_independent_ones_are_many():
    returns = np.random.default_rng(1).standard_normal((5000, 8))
    assert effective_trials(returns[:, [0] * 8]) == pytest.approx(1.0)
    assert effective_trials(returns) == pytest.approx(8, abs=0.02)
    assert effective_trials(returns[:, [0, 0, 1, 1]]) == pytest.approx(2, abs=0.01)
    assert effective_trials(np.column_stack([returns[:, 0], np.zeros(5000)])) == 1.0


def test_two_correlated_strategies_amount_to_the_entropy_of_their_eigenvalues():
    x, y = np.random.default_rng(2).standard_normal((2, 100_000))
    returns = np.column_stack([x, 0.6 * x + 0.8 * y])
    shares = np.array([1.6, 0.4]) / 2
    assert effective_trials(returns) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), abs=0.01)


def test_trials_without_figures_are_refused():
    with pytest.raises(DataError, match="None of the strategies trades"):
        effective_trials(np.zeros((10, 2)))
    with pytest.raises(DataError, match="every trial"):
        effective_trials(np.full((10, 2), np.nan))


def test_stepdown_of_independent_tests_is_sidaks_step_by_step():
    found = stepdown([0.01, 0.2, 0.03], np.eye(3), seed=1)
    expected = [1 - 0.99**3, 0.2, 1 - 0.97**2]
    assert found == pytest.approx(tuple(np.maximum.accumulate([expected[0], expected[2], expected[1]])[[0, 2, 1]]), abs=0.004)


def test_stepdown_does_not_depend_on_which_eigenvectors_a_processor_finds(monkeypatch):
    alike = np.array([[1.0, 0.5, 0.2], [0.5, 1.0, 0.5], [0.2, 0.5, 1.0]])
    found, eigh = stepdown([0.02, 0.05, 0.3], alike, seed=1), np.linalg.eigh

    def turned(matrix):
        sizes, vectors = eigh(matrix)
        return sizes, vectors * [-1, 1, -1]

    monkeypatch.setattr(np.linalg, "eigh", turned)
    assert stepdown([0.02, 0.05, 0.3], alike, seed=1) == found


def test_stepdown_of_one_question_is_its_p_value():
    assert stepdown([0.0478, math.nan], np.eye(2), seed=1)[0] == 0.0478
    assert stepdown([0.9, 0.01], np.eye(2), seed=1)[0] == 0.9  # the last step has only one left


def test_stepdown_is_exact_to_a_tenth_of_a_per_cent():
    found = [stepdown([0.01, 0.5, 0.5], np.eye(3), seed=seed)[0] for seed in range(8)]
    assert found == pytest.approx([1 - 0.99**3] * 8, abs=0.001)  # 2.5 standard errors


def test_stepdown_of_the_same_test_twice_corrects_nothing():
    alike = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert stepdown([0.03, 0.03], alike, seed=1) == pytest.approx((0.03, 0.03), abs=0.002)
    assert stepdown([0.03, math.nan], np.eye(2), seed=1)[0] == pytest.approx(0.03, abs=0.002)
    assert math.isnan(stepdown([0.03, math.nan], np.eye(2), seed=1)[1])


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_stepdown_keeps_the_family_at_five_percent_and_gains_where_tests_are_alike(share):
    random, size = np.random.default_rng(3), 6
    correlation = np.full((size, size), share) + (1 - share) * np.eye(size)
    wrong = holms = 0
    for _ in range(100):
        statistics = math.sqrt(share) * random.standard_normal() + math.sqrt(1 - share) * random.standard_normal(size)
        p_values = stats.norm.sf(statistics)
        wrong += min(stepdown(p_values, correlation, seed=1)) <= 0.05
        holms += min(holm(p_values)) <= 0.05
    assert 1 <= wrong <= 12  # 5 expected
    assert holms <= wrong + (share == 0) * 3


def test_correlations_of_scores_and_of_outcomes():
    days = pd.bdate_range("2024-01-01", periods=200)
    x, y = np.random.default_rng(4).standard_normal((2, 200))
    one, other = pd.Series(x, index=days), pd.Series(0.6 * x + 0.8 * y + 3, index=days)
    centred = correlation_of([one, other, None], centred=True)
    assert centred[0, 1] == centred[1, 0] == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert (centred[2] == [0, 0, 1]).all()
    scores = correlation_of([one, other[:100]], centred=False)
    assert scores[0, 1] == pytest.approx((one * other)[:100].sum() / math.sqrt((one**2).sum() * (other[:100] ** 2).sum()))
    assert correlation_of([one[:59], other[:59]], centred=True)[0, 1] == 0
    assert correlation_of([one * 0, other], centred=False)[0, 1] == 0  # two accounts that never differed
    assert correlation_of([one * 0, other], centred=True)[0, 1] == 0
    with pytest.raises(ParameterError, match="correlation of that size"):
        stepdown([0.1, 0.2], np.eye(3), seed=1)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        stepdown([1.1], np.eye(1), seed=1)
