"""Factor regression: alpha and betas of the excess returns of a run on a benchmark or on factors, with Newey-West errors.

The arithmetic is that of ``statsmodels.OLS.fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})`` and is
written out here, as importing statsmodels takes longer than everything else that a tear sheet needs for its sections. The tests
hold it to statsmodels.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.factor_returns import RISK_FREE, market_factor
from dipfolio.data.risk_free import SESSIONS_PER_YEAR, RiskFree
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import (
    ALWAYS_INVESTED,
    MIN_OBSERVATIONS,
    count_observations,
    excess_returns,
    sessions_in_market,
)
from dipfolio.engine.result import Result

Floats = NDArray[np.float64]

MIN_SESSIONS = 30
"""Invested sessions below which there is no regression."""

MIN_TEST_SESSIONS = 250
"""Invested sessions below which alpha has no p-value; docs/metrics.md has the measured size of the test."""

MIN_TIMED_SESSIONS = 1_000
"""Sessions of a run below which alpha has no p-value where the run was in cash in more than 5 % of them. In shorter runs a rule
is invested for long where prices happened to go its way, and then shows a positive alpha too often."""

MIN_RESIDUAL = 1e-18
"""Part of the variance of the returns below which the residuals are rounding, and there is no error."""


@dataclass(frozen=True, kw_only=True, repr=False)
class FactorRegression(Displayable):
    """Ordinary least squares with the errors of Newey and West (1987, Econometrica 55).

    Attributes
    ----------
    names : tuple of str
        The regressors.
    sessions, lags : int
        Observations, and lags of the errors.
    alpha, alpha_error : float
        Of a session, as a fraction, and its standard error.
    betas, errors : tuple of float
        One for each regressor, with the standard errors.
    r_squared : float
        NaN where the returns do not vary.
    untested : str
        Why alpha has no p-value; empty if it has one.
    sessions_per_year : int
        Of the calendar.
    """

    names: tuple[str, ...]
    sessions: int
    lags: int
    alpha: float
    alpha_error: float
    betas: tuple[float, ...]
    errors: tuple[float, ...]
    r_squared: float
    untested: str = ""
    sessions_per_year: int = SESSIONS_PER_YEAR

    @property
    def annual_alpha(self) -> float:
        """Alpha of as many invested sessions as a year has, 252 in New York; not compounded."""
        return self.alpha * self.sessions_per_year

    @property
    def alpha_t(self) -> float:
        """The t-statistic of alpha; NaN without an error."""
        return _over(self.alpha, self.alpha_error)

    @property
    def beta_ts(self) -> tuple[float, ...]:
        """The t-statistic of each beta."""
        return tuple(map(_over, self.betas, self.errors))

    @property
    def p_value(self) -> float:
        """Two-sided, of alpha, from the normal distribution; NaN where :attr:`untested` says why."""
        return math.nan if self.untested or math.isnan(self.alpha_t) else math.erfc(abs(self.alpha_t) / math.sqrt(2))

    def as_record(self) -> dict[str, Any]:
        """The same for JSON; None for a number that does not exist."""
        return {
            "sessions": self.sessions,
            "lags": self.lags,
            "alpha": _or_none(self.alpha),
            "annual_alpha": _or_none(self.annual_alpha),
            "alpha_t": _or_none(self.alpha_t),
            "p_value": _or_none(self.p_value),
            "untested": self.untested or None,
            "betas": {
                name: {"beta": _or_none(beta), "t": _or_none(t)}
                for name, beta, t in zip(self.names, self.betas, self.beta_ts, strict=True)
            },
            "r_squared": _or_none(self.r_squared),
        }


@dataclass(frozen=True, kw_only=True, repr=False)
class FactorModels(Displayable):
    """The regressions of a run.

    Attributes
    ----------
    invested : int
        Sessions in which a position was held or a fill took place.
    sessions : int
        All sessions of the run.
    benchmark, factors : FactorRegression or None
        On the benchmark alone, and on the factors of the file.
    no_benchmark, no_factors : str
        Why one of them is missing; empty without a file of factors.
    description : str
        How the file of factors was understood; empty without one.
    """

    SHOWN = ("invested", "benchmark", "factors", "no_benchmark", "no_factors")

    invested: int
    sessions: int
    benchmark: FactorRegression | None
    factors: FactorRegression | None
    no_benchmark: str = ""
    no_factors: str = ""
    description: str = ""

    def as_record(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "invested_sessions": self.invested,
            "benchmark": self.benchmark.as_record() if self.benchmark else None,
            "factors": self.factors.as_record() if self.factors else None,
            "missing": list(filter(None, (self.no_benchmark, self.no_factors))),
            "description": self.description or None,
        }


def newey_west_lags(sessions: int) -> int:
    """``floor(4 (n / 100) ^ (2 / 9))``, the rule for the Bartlett kernel of Newey and West (1994, Rev. Econ. Stud. 61)."""
    return int(4 * (sessions / 100) ** (2 / 9))


def factor_regression(
    returns: Floats, regressors: Floats, names: tuple[str, ...], *, lags: int | None = None
) -> FactorRegression | None:
    """Regress excess returns on excess returns of factors and a constant; None where the regressors determine each other.

    With x the regressors, a constant first, e the residuals and ``s = x e``: the covariance of the coefficients is
    ``n / (n - k) (X'X)^-1 S (X'X)^-1`` with ``S = sum_l w_l (G_l + G_l')``, ``G_l = sum_t s_t s_(t-l)'`` and Bartlett weights
    ``w_l = 1 - l / (lags + 1)``, half of it for l = 0.

    Parameters
    ----------
    returns : array of shape (sessions,)
        In order; neighbours are taken for consecutive.
    regressors : array of shape (sessions, factors)
    names : tuple of str
        Of the factors.
    lags : int, optional
        :func:`newey_west_lags` if not given.
    """
    x = np.column_stack([np.ones(len(returns)), regressors])
    sessions, terms = x.shape
    scale = np.sqrt((x**2).sum(axis=0))
    if sessions <= terms or not (scale > 0).all() or np.linalg.matrix_rank(x / scale) < terms:
        return None
    lags = newey_west_lags(sessions) if lags is None else lags
    basis, triangle = np.linalg.qr(x)
    inverse = np.linalg.inv(triangle)
    coefficients = inverse @ (basis.T @ returns)
    residuals = returns - x @ coefficients
    scores = basis * residuals[:, None]
    middle = scores.T @ scores
    for lag in range(1, min(lags, sessions - 1) + 1):
        shifted = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (lags + 1)) * (shifted + shifted.T)
    spread, left = float(((returns - returns.mean()) ** 2).sum()), float((residuals**2).sum())
    covariance = sessions / (sessions - terms) * inverse @ middle @ inverse.T
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0)) * (left > MIN_RESIDUAL * spread)
    return FactorRegression(
        names=names,
        sessions=sessions,
        lags=lags,
        alpha=float(coefficients[0]),
        alpha_error=float(errors[0]),
        betas=tuple(map(float, coefficients[1:])),
        errors=tuple(map(float, errors[1:])),
        r_squared=1 - left / spread if spread > 0 else math.nan,
    )


def factor_models(result: Result, risk_free: float | RiskFree = 0.0) -> FactorModels:
    """The regressions of the returns of a run in its invested sessions.

    Where the file of factors has no return of the market, the benchmark stands beside its factors. Where it has a risk-free
    return, that is taken off in the regression on its factors.

    Parameters
    ----------
    result : Result
    risk_free : float or RiskFree
        A year.
    """
    invested, market = sessions_in_market(result).to_numpy(), result.benchmark_returns
    since, a_year = result.base or result.window[0], result.sessions_per_year
    own = excess_returns(result.returns, risk_free, since, a_year)
    ahead = None if market is None else excess_returns(market, risk_free, since, a_year)
    first, why = None, "The run has no benchmark."
    if ahead is not None:
        first, why = _fit(result, own, pd.DataFrame({result.benchmark: ahead}), invested)
    second, why_not = _fit_factors(result, own, ahead, invested) if len(result.factors.columns) else (None, "")
    return FactorModels(
        invested=int(invested.sum()), sessions=len(invested), benchmark=first, factors=second, no_benchmark=why,
        no_factors=why_not, description=result.factors_description,
    )  # fmt: skip


def _fit_factors(
    result: Result, own: Floats, ahead: Floats | None, invested: NDArray[np.bool_]
) -> tuple[FactorRegression | None, str]:
    """The regression on the file of factors, or why there is none."""
    table = result.factors
    riskless = next((name for name in table.columns if name.upper() == RISK_FREE), None)
    factors = table.drop(columns=[riskless] if riskless else [])
    if riskless:
        own = result.returns.to_numpy() - table[riskless].to_numpy()
    if not market_factor(factors.columns) and ahead is not None:
        if riskless and result.benchmark_returns is not None:
            ahead = result.benchmark_returns.to_numpy() - table[riskless].to_numpy()
        factors = pd.concat([pd.DataFrame({result.benchmark: ahead}, index=factors.index), factors], axis=1)
    return _fit(result, own, factors, invested)


def _fit(
    result: Result, own: Floats, regressors: pd.DataFrame, invested: NDArray[np.bool_]
) -> tuple[FactorRegression | None, str]:
    """The regression over the invested sessions of which all returns are known, or why there is none."""
    x = regressors.to_numpy(dtype="float64")
    used = invested & ~np.isnan(x).any(axis=1) & ~np.isnan(own)
    known, names = int(used.sum()), ", ".join(map(str, regressors.columns))
    least = max(MIN_SESSIONS, 5 * (x.shape[1] + 1))
    if known < least:
        return None, f"A regression on {names} needs {least} invested sessions with returns; there are {known}."
    found = factor_regression(own[used], x[used], tuple(map(str, regressors.columns)))
    if found is None:
        return None, f"There is no regression on {names}, as one of them is constant or follows from the others."
    return replace(found, untested=_untested(result, invested, known), sessions_per_year=result.sessions_per_year), ""


def _untested(result: Result, invested: NDArray[np.bool_], known: int) -> str:
    """Why alpha has no p-value; empty if it has one."""
    entries = pd.concat([result.trades["entry_session"], result.open_positions["entry_session"]]).nunique()
    observations = count_observations(float(invested.mean()), len(invested), int(entries))
    if observations < MIN_OBSERVATIONS:
        return (
            f"The positions were entered in {entries} session{'' if entries == 1 else 's'}; a test needs {MIN_OBSERVATIONS} such "
            "observations, however long the positions were held."
        )
    if known < MIN_TEST_SESSIONS:
        return (
            f"The test needs {MIN_TEST_SESSIONS} invested sessions: with few of them it is wrong more often than in 5 % of the "
            "cases."
        )
    if invested.mean() < ALWAYS_INVESTED and len(invested) < MIN_TIMED_SESSIONS:
        return (
            f"The test of a run that is sometimes in cash needs {MIN_TIMED_SESSIONS:,} sessions: in shorter ones a rule "
            "without any effect shows a positive alpha too often."
        )
    return ""


def _over(value: float, error: float) -> float:
    return value / error if error > 0 else math.nan


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
