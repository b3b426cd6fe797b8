"""The worked examples of the papers, and the deterministic strategies of the appendix."""

import math

import numpy as np
import pytest

from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.sharpe_ratio import (
    SharpeRatio,
    expected_max_sharpe,
    hac_error,
    min_backtest_length,
    minimum_detectable_effect,
    sharpe_difference_error,
    sharpe_of,
    statistical_power,
)
from tests.support.panels import golden_strategies

PAPER = {"skew": -2.448, "kurtosis": 10.164}
DAILY = math.sqrt(250)


@pytest.mark.parametrize(
    ("sharpe", "expected", "tolerance"),
    [
        (SharpeRatio(ratio=1.585 / math.sqrt(12), observations=24, **PAPER), 0.91323430688, 1e-9),
        (SharpeRatio(ratio=0.458, observations=24), 0.98167, 1e-5),
        (SharpeRatio(ratio=0.458, observations=24, **PAPER), 0.91336, 1e-5),
        (SharpeRatio(ratio=0.458, observations=36, **PAPER), 0.95351, 1e-5),
    ],
)
def test_the_probabilistic_sharpe_ratio_of_the_paper_of_2012(sharpe, expected, tolerance):
    assert sharpe.probability() == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("year", "ratio", "target", "shape", "years"),
    [
        (250, 2, 1, {}, 2.73118780173), (52, 2, 1, {}, 2.82883358695), (12, 2, 1, {}, 3.239801),
        (12, 2, 1, {"skew": -0.72, "kurtosis": 5.78}, 4.99126), (12, 3, 2.5, {"skew": -0.72, "kurtosis": 5.78}, 27.352920196),
    ],
)  # fmt: skip
def test_the_minimum_track_records_of_the_paper_of_2012(year, ratio, target, shape, years):
    sharpe = SharpeRatio(ratio=ratio / math.sqrt(year), observations=1, **shape)
    assert sharpe.min_track_record_length(target / math.sqrt(year)) / year == pytest.approx(years, rel=1e-6)


def test_a_track_record_is_long_enough_exactly_when_the_probability_reaches_the_confidence():
    sharpe = SharpeRatio(ratio=0.1, skew=-0.5, kurtosis=5, observations=1000)
    needed = sharpe.min_track_record_length()
    again = SharpeRatio(ratio=0.1, skew=-0.5, kurtosis=5, observations=needed)
    assert again.probability() == pytest.approx(0.95, abs=1e-12)
    assert SharpeRatio(ratio=-0.1, observations=1000).min_track_record_length() == math.inf


def test_the_expected_best_of_worthless_trials():
    assert expected_max_sharpe(100, 1.0) == pytest.approx(2.5306028932, rel=1e-9)
    assert expected_max_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    found = [expected_max_sharpe(n, 1.0) for n in (10, 25, 50, 100, 200, 400)]
    np.testing.assert_allclose(found, [1.57, 2.00, 2.28, 2.53, 2.77, 2.99], atol=0.006)  # the last is 2.984
    assert expected_max_sharpe(1, 1.0) == 0
    with pytest.raises(ParameterError, match="at least 1 trial"):
        expected_max_sharpe(0, 1.0)


@pytest.mark.parametrize(
    ("trials", "shape", "expected"),
    [
        (100, {"skew": -3, "kurtosis": 10}, 0.90039683445), (46, {"skew": -3, "kurtosis": 10}, 0.95050),
        (88, {}, 0.95049),
    ],
)  # fmt: skip
def test_the_deflated_sharpe_ratio_of_the_paper_of_2014(trials, shape, expected):
    sharpe = SharpeRatio(ratio=2.5 / DAILY, observations=1250, **shape)
    assert sharpe.deflated(trials, 0.5 / 250) == pytest.approx(expected, abs=6e-6)


def test_five_years_allow_forty_five_trials():
    assert min_backtest_length(45, 1.0) == pytest.approx(4.99808700444, rel=1e-9)


def test_the_errors_of_lo():
    found = [SharpeRatio(ratio=ratio, observations=count).lo_error for ratio, count in ((0.5, 12), (1.5, 60), (3.0, 500))]
    np.testing.assert_allclose(found, [0.306186, 0.188193, 0.104881], atol=1e-6)
    normal = SharpeRatio(ratio=0.5, observations=12)
    assert normal.error == pytest.approx(normal.lo_error)  # a normal shape makes Mertens' formula that of Lo


def test_the_golden_strategy():
    returns = golden_strategies()
    chosen = sharpe_of(returns[:, 2])
    found = [chosen.ratio, chosen.skew, chosen.kurtosis, chosen.probability()]
    np.testing.assert_allclose(found, [0.0598220013, -0.1656458627, 2.7742258672, 0.8210973032], rtol=1e-8)
    variance = np.var([sharpe_of(column).ratio for column in returns.T], ddof=1)
    assert variance == pytest.approx(0.0017511830731, rel=1e-8)
    assert chosen.deflated(8, variance) == pytest.approx(0.4924358083, rel=1e-8)
    errors = [hac_error(returns[:, 2], 0), hac_error(returns[:, 2], 5)]
    np.testing.assert_allclose(errors, [0.0649205913, 0.0609686865], rtol=1e-7)


def test_the_error_for_autocorrelated_returns_is_that_of_the_delta_method_with_statsmodels():
    import statsmodels.api as sm

    returns = golden_strategies()[:, 4]
    mean, variance = returns.mean(), returns.var()
    moments = np.column_stack([returns - mean, (returns - mean) ** 2 - variance])
    covariance = [
        sm.OLS(moments @ weights, np.ones(len(returns))).fit(
            cov_type="HAC", cov_kwds={"maxlags": 4, "kernel": "bartlett", "use_correction": False}
        ).cov_params()[0, 0]
        for weights in [np.array([1 / math.sqrt(variance), -mean / (2 * variance**1.5)])]
    ]  # fmt: skip
    assert hac_error(returns, 4) == pytest.approx(math.sqrt(covariance[0]), rel=1e-10)


def test_four_returns_have_a_sharpe_ratio():
    # mean 0.25, deviation sqrt(0.05 / 3)
    assert sharpe_of(np.array([0.1, 0.2, 0.3, 0.4])).ratio == pytest.approx(0.25 / math.sqrt(0.05 / 3))


def test_what_has_no_sharpe_ratio_is_refused():
    for returns in (np.zeros(10), np.array([0.1, np.nan, 0.2, 0.3]), np.array([0.1, 0.2, 0.3])):
        with pytest.raises(DataError, match="4 or more returns"):
            sharpe_of(returns)
    same = golden_strategies()[:, 0]
    with pytest.raises(DataError, match="4 or more returns"):
        sharpe_difference_error(same, np.zeros(len(same)))
    with pytest.raises(DataError, match="same 10 or more sessions of both, found 240 and 239"):
        sharpe_difference_error(same, same[1:])
    with pytest.raises(DataError, match="found 9 and 9"):
        sharpe_difference_error(same[:9], same[9:18])
    with pytest.raises(ParameterError, match="Lags must be from 0 to 239"):
        hac_error(same, 240)
    with pytest.raises(DataError, match="No distribution has"):
        SharpeRatio(ratio=5.0, skew=3.0, kurtosis=1.0, observations=10).probability()


def written_out(one, other):
    """The error of Ledoit and Wolf with the gradient by finite differences and the kernel summed lag by lag."""
    moments = np.column_stack([one, other, one**2, other**2])
    count, means = len(moments), moments.mean(axis=0)

    def difference(v):
        return v[0] / math.sqrt(v[2] - v[0] ** 2) - v[1] / math.sqrt(v[3] - v[1] ** 2)

    scale = moments.std(axis=0)
    gradient = np.empty(4)
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-4 * scale[place]
        gradient[place] = (difference(means + step) - difference(means - step)) / 2e-4
    y = (moments - means) / scale
    coefficients = np.array([np.linalg.solve(y[:-1].T @ y[:-1], y[:-1].T @ y[1:, place]) for place in range(4)])
    values, vectors = np.linalg.eigh(coefficients.T @ coefficients)
    cut = vectors @ np.diag(np.minimum(np.sqrt(values), 0.97) / np.sqrt(values)) @ vectors.T
    coefficients = coefficients @ cut
    white = np.array([y[t] - coefficients @ y[t - 1] for t in range(1, count)])
    top = bottom = 0.0
    for place in range(4):
        before, after = white[:-1, place], white[1:, place]
        rho = before @ after / (before @ before)
        fourth = np.mean((after - rho * before) ** 2) ** 2
        top, bottom = top + 4 * rho**2 * fourth / (1 - rho) ** 8, bottom + fourth / (1 - rho) ** 4
    width = 1.3221 * (top / bottom * (count - 1)) ** 0.2
    covariance = white.T @ white / (count - 1)
    for lag in range(1, count - 1):
        x = lag / width
        angle = 6 * math.pi * x / 5
        kernel = 25 / (12 * math.pi**2 * x**2) * (math.sin(angle) / angle - math.cos(angle))
        cross = white[lag:].T @ white[:-lag] / (count - 1)
        covariance += kernel * (cross + cross.T)
    inverse = np.linalg.inv(np.eye(4) - coefficients)
    psi = inverse @ covariance @ inverse.T * count / (count - 4)
    return math.sqrt(gradient @ psi @ gradient / count)


def test_the_error_of_a_difference_is_that_of_ledoit_and_wolf_written_out():
    returns = golden_strategies()
    one, other = returns[:, 2], 0.5 * returns[:, 2] + returns[:, 5]
    dependent = one.copy()
    for row in range(1, len(dependent)):
        dependent[row] += 0.4 * dependent[row - 1]
    for pair in ((one, other), (dependent, other), (returns[:, 0], dependent)):
        assert sharpe_difference_error(*pair) == pytest.approx(written_out(*pair), rel=1e-6)
    assert sharpe_difference_error(one, other) == pytest.approx(0.06037863645, rel=1e-9)


def test_the_error_of_a_difference_knows_no_unit_and_no_order():
    returns = golden_strategies()
    error = sharpe_difference_error(returns[:, 2], returns[:, 5])
    assert sharpe_difference_error(100 * returns[:, 2], 100 * returns[:, 5]) == pytest.approx(error, rel=1e-9)
    assert sharpe_difference_error(returns[:, 5], returns[:, 2]) == pytest.approx(error, rel=1e-9)
    assert sharpe_difference_error(returns[:, 2], 3 * returns[:, 2]) == 0.0


def test_independent_normal_returns_have_the_error_of_jobson_korkie_and_memmel():
    # sqrt((2 - 2 r + (a^2 + b^2 - 2 a b r^2) / 2) / T), which holds for independent normal returns alone
    both = np.random.default_rng(1).standard_normal((20_000, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]]) * 0.01 + 0.0005
    (a, b), r = both.mean(axis=0) / both.std(axis=0), np.corrcoef(both.T)[0, 1]
    memmel = math.sqrt((2 - 2 * r + 0.5 * (a * a + b * b - 2 * a * b * r * r)) / 20_000)
    assert sharpe_difference_error(both[:, 0], both[:, 1]) == pytest.approx(memmel, rel=0.02)


@pytest.mark.parametrize(
    ("count", "effect", "expected"),
    [(1, 0.005, 0.05719), (10, 0.01, 0.352608), (60, 0.005, 0.490686), (60, 0.01, 0.972127)],
)
def test_the_power_table_of_mackinlay(count, effect, expected):
    assert statistical_power(effect, 0.02, count) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("clusters", "expected"), [(20, 0.052), (10, 0.074)])
def test_what_twenty_and_ten_dips_can_show(clusters, expected):
    assert minimum_detectable_effect(0.083, clusters) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("chance", [0.5, 0.8, 0.95])
def test_the_detectable_effect_is_found_with_the_chance_asked_for(chance):
    effect = minimum_detectable_effect(0.05, 12, power=chance)
    assert statistical_power(effect, 0.05, 12) == pytest.approx(chance, abs=1e-4)
    random = np.random.default_rng(6).normal(effect, 0.05, (20_000, 12)).mean(axis=1)
    assert (np.abs(random) > 1.959964 * 0.05 / np.sqrt(12)).mean() == pytest.approx(chance, abs=0.012)


def test_one_side_needs_less():
    assert minimum_detectable_effect(0.05, 12, sides=1) == pytest.approx(0.05 / np.sqrt(12) * (1.644854 + 0.841621), rel=1e-6)


def test_impossible_questions_are_refused():
    with pytest.raises(ParameterError, match="deviation above 0"):
        statistical_power(0.1, 0.0, 10)
    for deviation, observations, size in ((0.1, 0.5, 0.05), (0.1, 10, 0.0), (0.1, 10, 1.0), (0.1, 10, -0.05), (0.1, 10, 1.05)):
        with pytest.raises(ParameterError, match="size between 0 and 1"):
            statistical_power(0.1, deviation, observations, size)
    with pytest.raises(ParameterError, match="1 or 2 sides"):
        minimum_detectable_effect(0.1, 10, sides=3)
