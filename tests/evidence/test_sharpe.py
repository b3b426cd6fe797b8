"""The worked examples of the papers, and the deterministic strategies of the appendix."""

import math

import numpy as np
import pytest

from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.sharpe import (
    CONVENTION,
    Sharpe,
    difference_z,
    expected_best,
    hac_error,
    scaling,
    sharpe_of,
    shortest_backtest,
)
from tests.panels import golden_strategies

PAPER = {"skew": -2.448, "kurtosis": 10.164}
DAILY = math.sqrt(250)


@pytest.mark.parametrize(
    ("sharpe", "expected", "tolerance"),
    [
        (Sharpe(ratio=1.585 / math.sqrt(12), observations=24, **PAPER), 0.91323430688, 1e-9),
        (Sharpe(ratio=0.458, observations=24), 0.98167, 1e-5),
        (Sharpe(ratio=0.458, observations=24, **PAPER), 0.91336, 1e-5),
        (Sharpe(ratio=0.458, observations=36, **PAPER), 0.95351, 1e-5),
    ],
)
def test_the_probabilistic_sharpe_ratio_of_the_paper_of_2012(sharpe, expected, tolerance):
    assert sharpe.probability() == pytest.approx(expected, abs=tolerance)
    assert "observed" in CONVENTION


@pytest.mark.parametrize(
    ("year", "ratio", "target", "shape", "years"),
    [
        (250, 2, 1, {}, 2.73118780173), (52, 2, 1, {}, 2.82883358695), (12, 2, 1, {}, 3.239801),
        (12, 2, 1, {"skew": -0.72, "kurtosis": 5.78}, 4.99126), (12, 3, 2.5, {"skew": -0.72, "kurtosis": 5.78}, 27.352920196),
    ],
)  # fmt: skip
def test_the_minimum_track_records_of_the_paper_of_2012(year, ratio, target, shape, years):
    sharpe = Sharpe(ratio=ratio / math.sqrt(year), observations=1, **shape)
    assert sharpe.track_record(target / math.sqrt(year)) / year == pytest.approx(years, rel=1e-6)


def test_a_track_record_is_long_enough_exactly_when_the_probability_reaches_the_confidence():
    sharpe = Sharpe(ratio=0.1, skew=-0.5, kurtosis=5, observations=1000)
    needed = sharpe.track_record()
    again = Sharpe(ratio=0.1, skew=-0.5, kurtosis=5, observations=needed)
    assert again.probability() == pytest.approx(0.95, abs=1e-12)
    assert Sharpe(ratio=-0.1, observations=1000).track_record() == math.inf


def test_the_expected_best_of_worthless_trials():
    assert expected_best(100, 1.0) == pytest.approx(2.5306028932, rel=1e-9)
    assert expected_best(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    found = [expected_best(n, 1.0) for n in (10, 25, 50, 100, 200, 400)]
    np.testing.assert_allclose(found, [1.57, 2.00, 2.28, 2.53, 2.77, 2.99], atol=0.006)  # the last is 2.984
    assert expected_best(1, 1.0) == 0
    with pytest.raises(ParameterError, match="at least 1 trial"):
        expected_best(0, 1.0)


@pytest.mark.parametrize(
    ("trials", "shape", "expected"),
    [
        (100, {"skew": -3, "kurtosis": 10}, 0.90039683445), (46, {"skew": -3, "kurtosis": 10}, 0.95050),
        (88, {}, 0.95049),
    ],
)  # fmt: skip
def test_the_deflated_sharpe_ratio_of_the_paper_of_2014(trials, shape, expected):
    sharpe = Sharpe(ratio=2.5 / DAILY, observations=1250, **shape)
    assert sharpe.deflated(trials, 0.5 / 250) == pytest.approx(expected, abs=6e-6)


def test_five_years_allow_forty_five_trials():
    assert shortest_backtest(45, 1.0) == pytest.approx(4.99808700444, rel=1e-9)


def test_the_errors_of_lo():
    found = [Sharpe(ratio=ratio, observations=count).lo_error for ratio, count in ((0.5, 12), (1.5, 60), (3.0, 500))]
    np.testing.assert_allclose(found, [0.306186, 0.188193, 0.104881], atol=1e-6)
    normal = Sharpe(ratio=0.5, observations=12)
    assert normal.error == pytest.approx(normal.lo_error)  # a normal shape makes Mertens' formula that of Lo


def test_the_scaling_of_lo_over_time():
    found = [scaling(12), scaling(12, 0.9), scaling(12, -0.2), scaling(250, 0.3)]
    np.testing.assert_allclose(found, [math.sqrt(12), 1.207037529, 4.170848014, 11.617717203], rtol=1e-8)
    assert scaling(3, np.array([0.3, 0.09])) == pytest.approx(scaling(3, 0.3))
    with pytest.raises(ParameterError, match="negative"):
        scaling(3, np.array([-0.9, -0.9]))


def test_the_golden_strategy():
    returns = golden_strategies()
    chosen = sharpe_of(returns[:, 2])
    found = [chosen.ratio, chosen.skew, chosen.kurtosis, chosen.probability()]
    np.testing.assert_allclose(found, [0.0598220013, -0.1656458627, 2.7742258672, 0.8210973032], rtol=1e-8)
    variance = np.var([sharpe_of(column).ratio for column in returns.T], ddof=1)
    assert variance == pytest.approx(0.0017511830731, rel=1e-8)
    assert chosen.deflated(8, variance) == pytest.approx(0.4924358083, rel=1e-8)
    assert difference_z(returns[:, 2], returns[:, 5]) == pytest.approx(1.2133285870, rel=1e-8)
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
    with pytest.raises(DataError, match="do not differ"):
        difference_z(same, same)
    with pytest.raises(ParameterError, match="Lags must be from 0 to 239"):
        hac_error(same, 240)
    with pytest.raises(DataError, match="No distribution has"):
        Sharpe(ratio=5.0, skew=3.0, kurtosis=1.0, observations=10).probability()
