"""Weights of an estimator: fitted on what was known, against closed forms and scipy, and without the extra."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from dipfolio.engine.portfolio_weights import weights
from dipfolio.engine.rebalancing import rebalance
from dipfolio.errors import ParameterError, UnknownNameError
from tests.support.markets import make_bars


def market(sessions=200, seed=5):
    """Four names with one factor, the fourth listed after 100 sessions."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(0, 0.01, sessions)
    moves = np.outer(factor, [1.0, 1.5, 0.5, 1.0]) + rng.normal(0, [0.01, 0.02, 0.015, 0.01], (sessions, 4))
    close = 100 * np.exp(moves.cumsum(axis=0))
    close[:100, 3] = np.nan
    return make_bars(dict(zip("ABCD", close.T.tolist(), strict=True)), start="2024-01-02")


BARS = market()


def covariance(day, lookback, names):
    returns = BARS.close[list(names)].pct_change().loc[:day].iloc[-lookback:]
    return returns.cov().to_numpy()


def test_mean_risk_is_the_minimum_variance_of_scipy():
    found = weights(BARS, "MeanRisk", 60).dropna()
    for day in (found.index[0], found.index[-1]):
        names = [name for name in "ABCD" if BARS.close[name].loc[:day].notna().sum() > 60]
        cov = covariance(day, 60, names) * 1e4
        best = minimize(
            lambda w, cov=cov: w @ cov @ w, np.full(len(names), 1 / len(names)), bounds=[(0, 1)] * len(names), tol=1e-14,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, method="SLSQP",
        )  # fmt: skip
        own = found.loc[day, names].to_numpy()
        assert own @ cov @ own == pytest.approx(best.fun, rel=1e-6)
        assert found.loc[day].sum() == pytest.approx(1)


def test_of_risk_budgeting_each_name_contributes_alike():
    found = weights(BARS, "RiskBudgeting", 60)
    day = found.dropna().index[-1]
    own = found.loc[day].to_numpy()
    share = own * (covariance(day, 60, "ABCD") @ own)
    np.testing.assert_allclose(share / share.sum(), 0.25, atol=1e-4)


def test_an_estimator_of_ones_own_is_copied_and_fitted_on_the_schedule():
    optimization = pytest.importorskip("skfolio.optimization")
    model = optimization.InverseVolatility()
    found = weights(BARS, model, 21, "week-end", at_start=False)
    assert not hasattr(model, "weights_")
    day = found.dropna().index[5]
    inverse = 1 / BARS.close[["A", "B", "C"]].pct_change().loc[:day].iloc[-21:].std()
    np.testing.assert_allclose(found.loc[day], [*(inverse / inverse.sum()), 0.0], rtol=1e-9)
    assert found.notna().all(axis=1).sum() == len(found.dropna(how="all"))


def test_nothing_is_decided_before_a_name_has_enough_returns_and_a_newcomer_waits():
    found = weights(BARS, "EqualWeighted", 30, 10)
    decided = found.dropna()
    assert list(found.index.get_indexer(decided.index)) == list(range(30, 200, 10))
    assert (decided["D"].iloc[:10] == 0).all()  # listed in row 100, with 30 returns in row 130
    assert decided["D"].iloc[10] == pytest.approx(0.25)


@pytest.mark.parametrize("cut", [60, 61, 130, 199])
def test_weights_do_not_look_ahead(cut):
    known, day = weights(BARS, "RiskBudgeting", 40, 5), BARS.sessions[cut - 1]
    pd.testing.assert_frame_equal(weights(BARS.until(day), "RiskBudgeting", 40, 5), known.loc[:day])


def test_rebalance_takes_them_as_they_are():
    wanted = weights(BARS, "EqualWeighted", 30)
    pd.testing.assert_frame_equal(rebalance(BARS, wanted), wanted)
    assert wanted.notna().all(axis=1).sum() == 8  # the month ends from February to September


@pytest.mark.parametrize("lookback", [1, 0, -3, 2.5, True])
def test_a_lookback_that_is_none_is_refused(lookback):
    with pytest.raises(ParameterError, match="lookback must be a whole number"):
        weights(BARS, "EqualWeighted", lookback)


def test_a_model_that_there_is_not_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="MeanRisk"):
        weights(BARS, "MeanRisks")


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skfolio", None)
    with pytest.raises(ParameterError, match=r"pip install 'dipfolio\[weights\]'") as refused:
        weights(BARS, "MeanRisk")
    assert "\n" not in str(refused.value)


class Dusty:
    """An estimator whose solver leaves dust."""

    def __init__(self, dust=1e-7):
        self.dust = dust

    def get_params(self, deep=True):
        return {"dust": self.dust}

    def fit(self, returns):
        self.weights_ = np.array([0.6, 0.4 - self.dust, self.dust])
        return self


def test_the_dust_of_a_solver_is_nothing_and_the_rest_keeps_its_sum():
    found = weights(BARS.select(("A", "B", "C")), Dusty(), 60).dropna()
    assert (found["C"] == 0).all()
    assert found.sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-15)
    assert found["A"].to_numpy() == pytest.approx(0.6 / (1 - 1e-7), rel=1e-12)
