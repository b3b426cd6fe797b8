"""Factor regression: as statsmodels and NIST have it, over the invested sessions alone, and right in size."""

import functools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from benchmarks.nulls import garch
from dipfolio.data.factor_returns import FactorReturns
from dipfolio.data.folder import load_bars
from dipfolio.data.risk_free import constant_rate
from dipfolio.engine.account import Account
from dipfolio.engine.factor_regression import (
    MIN_SESSIONS,
    MIN_TEST_SESSIONS,
    MIN_TIMED_SESSIONS,
    factor_models,
    factor_regression,
    newey_west_lags,
)
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import sessions_in_market
from dipfolio.engine.simulation import simulate
from tests.support.documents import page, part, table
from tests.support.markets import make_bars
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]
FREE = Account(cash=10_000.0, max_volume_share=1.0).without_costs()


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def runs(bars):
    """A rule that is sometimes invested, and shares that are held throughout."""
    return {
        name: simulate(load_strategy(ROOT / "strategies", name)(), bars, benchmark="SPY") for name in ("dip-rule", "equal-weight")
    }


def fitted(y, x, lags):
    """The same by statsmodels, whose errors are from the normal distribution."""
    kernel = {"maxlags": lags, "use_correction": True}
    return sm.OLS(y, sm.add_constant(x)).fit(cov_type="HAC", cov_kwds=kernel)


def same(found, fit, tolerance=1e-9):
    assert (found.alpha, *found.betas) == pytest.approx(tuple(fit.params), rel=tolerance)
    assert (found.alpha_error, *found.errors) == pytest.approx(tuple(fit.bse), rel=tolerance)
    assert (found.alpha_t, *found.beta_ts) == pytest.approx(tuple(fit.tvalues), rel=tolerance)
    assert found.p_value == pytest.approx(fit.pvalues[0], rel=tolerance)
    assert found.r_squared == pytest.approx(fit.rsquared, rel=tolerance)


@pytest.mark.parametrize("lags", [0, 1, 5, 12])
@pytest.mark.parametrize("factors", [1, 3])
def test_coefficients_errors_and_p_value_are_those_of_statsmodels(lags, factors):
    random = np.random.default_rng(lags)
    x = random.standard_t(5, (300, factors)) * 0.01
    y = 0.0003 + x @ np.linspace(0.5, 1.5, factors) + np.convolve(random.normal(0, 0.01, 302), [1, 0.5, 0.25], "valid")
    same(factor_regression(y, x, tuple("ABC"[:factors]), lags=lags), fitted(y, x, lags))


def test_the_coefficients_of_longley_are_those_that_nist_certifies():
    """Longley (1967), from the Statistical Reference Datasets of NIST, which are certified to fifteen digits."""
    data = sm.datasets.longley.load_pandas()
    found = factor_regression(data.endog.to_numpy(), data.exog.to_numpy(), tuple(data.exog.columns), lags=0)
    certified = (15.0618722713733, -0.358191792925910e-01, -2.02022980381683, -1.03322686717359, -0.511041056535807e-01)
    assert found.alpha == pytest.approx(-3482258.63459582, rel=1e-6)
    assert found.betas == pytest.approx((*certified, 1829.15146461355), rel=1e-6)
    assert found.r_squared == pytest.approx(0.995479004577296, rel=1e-9)


def test_one_lag_by_hand():
    """The regression of y on x = -1, 0, 1, 0: slope 2, mean 1.5, residuals 0.5, -0.5, 0.5, -0.5."""
    y, x = np.array([0.0, 1, 4, 1]), np.array([[-1.0], [0], [1], [0]])
    found = factor_regression(y, x, ("X",), lags=1)
    assert (found.alpha, found.betas) == (pytest.approx(1.5), (pytest.approx(2.0),))
    # of alpha: sum of squares 1, half of twice the products of neighbours, -0.75, over 4 x 4, times 4 / 2
    assert found.alpha_error == pytest.approx(math.sqrt((1 - 0.75) / 16 * 2))


def test_the_number_of_lags_is_the_rule_of_newey_and_west():
    assert [newey_west_lags(n) for n in (30, 100, 250, 500, 2_516)] == [3, 4, 4, 5, 8]


def test_factors_that_determine_each_other_have_no_regression():
    x = np.random.default_rng(1).normal(0, 0.01, (100, 1))
    y = x[:, 0]
    assert factor_regression(y, np.hstack([x, 2 * x]), ("A", "B")) is None
    assert factor_regression(y, np.ones((100, 1)), ("A",)) is None
    assert factor_regression(y, np.zeros((100, 1)), ("A",)) is None
    assert factor_regression(y[:2], x[:2], ("A",)) is None


def test_a_perfect_fit_has_no_t_statistic():
    x = np.random.default_rng(1).normal(0, 0.01, (100, 1))
    found = factor_regression(2 * x[:, 0], x, ("A",))
    assert found.betas == (pytest.approx(2.0),)
    assert math.isnan(found.alpha_t)
    assert math.isnan(found.p_value)
    assert found.as_record()["alpha_t"] is None


@pytest.mark.parametrize(("name", "invested"), [("dip-rule", 189), ("equal-weight", 501)])
def test_a_run_is_regressed_over_its_invested_sessions_above_the_riskless_rate(runs, name, invested):
    result = runs[name]
    mask = sessions_in_market(result).to_numpy()
    daily = 1.04 ** (1 / 252) - 1
    y, x = (series.to_numpy()[mask] - daily for series in (result.returns, result.benchmark_returns))
    models = factor_models(result, 0.04)
    assert (models.invested, models.sessions) == (invested, 502)
    assert models.benchmark.sessions == invested
    same(replace(models.benchmark, untested=""), fitted(y, x, newey_west_lags(invested)))
    assert models.factors is None
    assert factor_models(result, constant_rate(0.04)).benchmark.alpha == pytest.approx(models.benchmark.alpha, rel=1e-12)


def factor_file(result, *names, missing=20):
    """Factors of all sessions of a run but for the first ones."""
    random = np.random.default_rng(3)
    sessions = pd.DatetimeIndex(result.equity.index)[missing:]
    table = pd.DataFrame({name: random.normal(0, 0.006, len(sessions)) for name in names}, index=sessions)
    return FactorReturns(returns=table, description="made up")


def test_factors_with_a_market_stand_alone_and_bring_their_riskless_return(runs):
    result = runs["dip-rule"]
    table = factor_file(result, "Mkt-RF", "SMB", "RF").returns.assign(RF=0.0001)
    known = result.with_factors(FactorReturns(returns=table, description="made up"))
    found = factor_models(known, 0.04).factors
    mask = sessions_in_market(result).to_numpy() & (np.arange(502) >= 20)
    x = known.factors[["Mkt-RF", "SMB"]].to_numpy()[mask]
    assert (found.names, found.sessions) == (("Mkt-RF", "SMB"), int(mask.sum()))
    same(replace(found, untested=""), fitted(result.returns.to_numpy()[mask] - 0.0001, x, found.lags))


def test_factors_without_a_market_stand_beside_the_benchmark(runs):
    result = runs["equal-weight"]
    known = result.with_factors(factor_file(result, "VALUE"))
    found = factor_models(known).factors
    x = np.column_stack([result.benchmark_returns, known.factors["VALUE"]])[20:]
    assert found.names == ("SPY", "VALUE")
    same(found, fitted(result.returns.to_numpy()[20:], x, found.lags))
    own = factor_file(result, "VALUE").returns.assign(rf=0.0002)
    riskless = result.with_factors(FactorReturns(returns=own, description="made up"))
    x = np.column_stack([result.benchmark_returns - 0.0002, riskless.factors["VALUE"]])[20:]
    same(factor_models(riskless).factors, fitted(result.returns.to_numpy()[20:] - 0.0002, x, found.lags))


def test_why_there_is_no_regression_or_no_p_value_is_said(runs, bars):
    few = simulate(load_strategy(ROOT / "strategies", "buy-the-dip")(), bars, benchmark="SPY")
    assert (
        factor_models(few).no_benchmark
        == f"A regression on SPY needs {MIN_SESSIONS} invested sessions with returns; there are 6."
    )
    assert factor_models(replace(few, benchmark="")).no_benchmark == "The run has no benchmark."
    twice = runs["equal-weight"].with_factors(
        FactorReturns(
            returns=factor_file(runs["equal-weight"], "A").returns.assign(B=lambda t: 2 * t["A"]), description="made up"
        )
    )
    assert (
        factor_models(twice).no_factors
        == "There is no regression on SPY, A, B, as one of them is constant or follows from the others."
    )
    rule = factor_models(runs["dip-rule"]).benchmark
    assert math.isnan(rule.p_value)
    assert rule.untested.startswith("The positions were entered in 9 sessions; a test needs 10 such observations")
    assert rule.as_record()["p_value"] is None
    assert not factor_models(runs["equal-weight"]).benchmark.untested


def switching(sessions, held):
    """A share that is held for so many sessions and then left for as many, beside a market."""
    random = np.random.default_rng(4)
    closes = {name: (100 * np.cumprod(1 + random.normal(0, 0.01, sessions))).tolist() for name in ("A", "M")}
    rows = {k: {"A": 10.0 if (k // held) % 2 == 0 else 0.0} for k in range(0, sessions - 1, held)}
    return simulate(script(rows, universe="A"), make_bars(closes), FREE, benchmark="M")


def test_a_rule_needs_a_thousand_sessions_and_a_quarter_of_them_invested():
    assert "needs 250 invested sessions" in factor_models(switching(400, 10)).benchmark.untested
    assert "needs 1,000 sessions" in factor_models(switching(600, 10)).benchmark.untested
    assert not factor_models(switching(1_000, 10)).benchmark.untested


DRAWS = 4_000


@functools.cache
def market(sessions):
    """Returns of a market and of a share in it that nothing predicts, whose volatility clusters: each (draws, sessions)."""
    random = np.random.default_rng(20250127)
    common, own = (sum(garch(random, DRAWS, sessions=sessions, asymmetry=0.12)) for _ in range(2))
    return common, np.sqrt(0.6) * common + np.sqrt(0.4) * own


def always(returns):
    return np.ones(len(returns), dtype=bool)


def after_falls(deviations, hold):
    """So many sessions after each fall of so many deviations."""

    def held(returns):
        fell = np.concatenate([[0], returns[:-1] <= -deviations * returns.std()])
        return np.convolve(fell, np.ones(hold))[: len(returns)] > 0

    return held


def above_average(returns):
    """After a close above the average of 50."""
    close = np.cumprod(1 + returns)
    mean = pd.Series(close).rolling(50).mean().to_numpy()
    return np.concatenate([[False], (close > mean)[:-1]])


def in_turns(returns):
    """Thirty sessions in, thirty out."""
    return np.arange(len(returns)) // 30 % 2 == 0


def false_alphas(sessions, rule, factors=0, least=MIN_TEST_SESSIONS):
    """Per cent of the draws with a significant alpha above zero and below it, and how many draws had enough invested sessions."""
    common, shares = market(sessions)
    others = np.random.default_rng(5).standard_t(5, (DRAWS, sessions, factors)) * 0.005
    found = []
    for draw in range(DRAWS):
        held = rule(shares[draw])
        if held.sum() >= least:
            x = np.column_stack([common[draw], others[draw]])[held]
            found.append(factor_regression(shares[draw][held], x, tuple(map(str, range(1 + factors)))))
    significant = [math.copysign(1, one.alpha) for one in found if one.p_value < 0.05]
    return 100 * significant.count(1) / len(found), 100 * significant.count(-1) / len(found), len(found)


SIZES = {
    "always invested, 250 sessions": (250, always),
    "the same, on the benchmark and five factors": (250, always, 5),
    "always invested, 1,000 sessions": (1_000, always),
    "thirty sessions in, thirty out, 1,000 sessions": (1_000, in_turns),
    "twenty sessions after each fall of 2 sd, 1,000 sessions": (1_000, after_falls(2, 20)),
    "above the average of 50, 1,000 sessions": (1_000, above_average),
}
WITHOUT_TEST = {
    "above the average of 50, 500 sessions": (500, above_average),
    "five sessions after each fall of 3 sd, 1,000 sessions, 30 or more of them invested": (1_000, after_falls(3, 5), 0, 30),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", SIZES)
def test_where_there_is_no_alpha_the_test_finds_one_in_5_percent(case):
    above, below, draws = false_alphas(*SIZES[case])
    assert draws > 1_000
    assert 3.5 <= above + below <= 6.5
    assert documented()[case] == [f"{draws:,}", f"{above:.1f}", f"{below:.1f}", f"{above + below:.1f}"]


@pytest.mark.slow
@pytest.mark.parametrize("case", WITHOUT_TEST)
def test_what_has_no_p_value_would_be_wrong_too_often(case):
    above, below, draws = false_alphas(*WITHOUT_TEST[case])
    assert above + below > 6.5 or above > 2 * 2.5  # of either side 2.5 % are the size
    assert documented()[case] == [f"{draws:,}", f"{above:.1f}", f"{below:.1f}", f"{above + below:.1f}"]


def documented():
    """The table of docs/metrics.md."""
    rows = table(part(page("docs/metrics.md"), "How often the test of alpha is wrong"))
    return {row[0]: row[1:] for row in rows}


def test_the_document_names_every_case_and_the_limits():
    assert set(documented()) == {*SIZES, *WITHOUT_TEST}
    text = " ".join(page("docs/metrics.md").split())
    assert f"at least {MIN_TEST_SESSIONS} invested sessions" in text
    assert f"at least {MIN_TIMED_SESSIONS:,} sessions" in text
