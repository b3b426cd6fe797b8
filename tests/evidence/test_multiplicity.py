"""Several looks at one question."""

import math

import numpy as np
import pytest

from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.multiplicity import effective_trials, holm


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
