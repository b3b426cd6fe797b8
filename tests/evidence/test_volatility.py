"""The size of a return that could be expected: by hand, from the past alone, and right on average."""

import numpy as np
import pytest

from dipfolio.evidence.volatility import HALF_LIVES, MIN_DEVIATION, STARTING_SESSIONS, expected_size, moving_deviation


def test_a_moving_deviation_by_hand():
    returns = np.array([0.01, -0.03, 0.02])
    start = (returns**2).mean()
    decay = 0.5 ** (1 / 2)
    for row in range(3):
        squares = np.concatenate([np.full(STARTING_SESSIONS, start), returns[: row + 1] ** 2])
        weights = decay ** np.arange(len(squares))[::-1]
        assert moving_deviation(returns, 2)[row] == pytest.approx(np.sqrt((weights * squares).sum() / weights.sum()), rel=1e-12)


def test_a_session_without_a_return_leaves_the_deviation_as_it_was():
    with_gap, without = moving_deviation(np.array([0.01, np.nan, 0.03]), 10), moving_deviation(np.array([0.01, 0.03]), 10)
    assert with_gap[[0, 2]] == pytest.approx(without, rel=1e-12)
    assert with_gap[1] == with_gap[0]


def test_the_size_is_a_sum_of_what_is_known_with_weights_that_fit_best():
    random = np.random.default_rng(1)
    returns = random.normal(0, 0.01, 3_000) * np.repeat(random.uniform(0.5, 3, 60), 50)
    size = 0.002 + 0.7 * moving_deviation(returns, HALF_LIVES[1])
    outcomes = size * random.choice([-1.0, 1.0], 3_000)  # its size is known exactly
    assert expected_size(outcomes, returns) == pytest.approx(size, rel=1e-6)


def test_what_else_is_known_enters_with_a_weight_of_its_own():
    random = np.random.default_rng(2)
    returns, gap = random.normal(0, 0.01, 2_000), np.abs(random.normal(0, 0.01, 2_000))
    outcomes = (0.003 + 2 * gap) * random.choice([-1.0, 1.0], 2_000)
    assert expected_size(outcomes, returns, gap) == pytest.approx(0.003 + 2 * gap, rel=1e-6)


def test_a_later_return_changes_no_earlier_deviation_but_by_the_start():
    random = np.random.default_rng(3)
    returns = random.normal(0, 0.01, 900)
    other = returns.copy()
    other[800:] *= 5
    for life in HALF_LIVES:
        left = 0.5 ** (800 / life) * 25
        assert moving_deviation(other, life)[799] == pytest.approx(moving_deviation(returns, life)[799], rel=left + 1e-12)


@pytest.mark.parametrize("outcomes", [np.zeros(5), np.full(5, np.nan)])
def test_a_market_that_stands_still_has_no_size(outcomes):
    assert not expected_size(outcomes, np.zeros(5)).any()


def test_no_size_is_endlessly_small():
    outcomes = np.array([0.0] * 99 + [1.0])
    sizes = expected_size(outcomes, np.array([0.0] * 98 + [1.0, 0.0]))
    assert sizes.min() >= MIN_DEVIATION * np.abs(outcomes).mean()
