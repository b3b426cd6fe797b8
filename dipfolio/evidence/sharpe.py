"""Sharpe ratio: how sure it is, how long it takes to be sure, and what is left of the best of many.

Ratios are per observation (per session for daily returns), never a year, unless a name says so. Kurtosis is not excess: 3 for
a normal distribution. The probabilistic Sharpe ratio is that of 2012 and 2014, with the variance at the observed ratio;
a later convention (Lopez de Prado and others, 2025) puts it at the ratio of the null hypothesis and gives other figures.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.showing import Shown
from dipfolio.errors import DataError, ParameterError

Floats = NDArray[np.float64]

CONVENTION = "variance at the observed Sharpe ratio (Bailey and Lopez de Prado, 2012 and 2014)"
"""Which probabilistic Sharpe ratio this is."""

EULER = 0.5772156649015329
"""The Euler-Mascheroni constant."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Sharpe(Shown):
    """A Sharpe ratio with what its uncertainty depends on.

    Attributes
    ----------
    ratio : float
        ``mean / sd`` with n - 1, per observation.
    skew, kurtosis : float
        0 and 3 for normal returns.
    observations : int
    """

    SHOWN = ("ratio", "error", "probability", "skew", "kurtosis", "observations")

    ratio: float
    skew: float = 0.0
    kurtosis: float = 3.0
    observations: int

    @property
    def lo_error(self) -> float:
        """``sqrt((1 + SR^2 / 2) / T)`` for independent normal returns (Lo, 2002, Financial Analysts Journal 58)."""
        return math.sqrt((1 + 0.5 * self.ratio**2) / self.observations)

    @property
    def error(self) -> float:
        """``sqrt((1 - g3 SR + (g4 - 1) / 4 SR^2) / T)``, for independent returns of any shape (Mertens, 2002)."""
        return math.sqrt(self._shape / self.observations)

    def probability(self, target: float = 0.0) -> float:
        """PSR: the probability that the true ratio is above the target (Bailey and Lopez de Prado, 2012, J. of Risk 15).

        ``Phi((SR - SR*) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2))``.
        """
        from scipy import stats

        return float(stats.norm.cdf((self.ratio - target) * math.sqrt((self.observations - 1) / self._shape)))

    def track_record(self, target: float = 0.0, confidence: float = 0.95) -> float:
        """MinTRL: observations needed for :meth:`probability` to reach the confidence, infinite if the ratio is not above.

        ``1 + (1 - g3 SR + (g4 - 1) / 4 SR^2) (z / (SR - SR*))^2``.
        """
        from scipy import stats

        if self.ratio <= target:
            return math.inf
        return float(1 + self._shape * (stats.norm.ppf(confidence) / (self.ratio - target)) ** 2)

    def deflated(self, trials: float, variance: float) -> float:
        """DSR: :meth:`probability` above what the best of so many worthless trials is expected to show.

        Bailey and Lopez de Prado (2014, J. of Portfolio Management 40).

        Parameters
        ----------
        trials : float
            All that were tried, discarded ones included.
        variance : float
            Of the trials' ratios, per observation as this one.
        """
        return self.probability(expected_best(trials, variance))

    @property
    def _shape(self) -> float:
        shape = 1 - self.skew * self.ratio + (self.kurtosis - 1) / 4 * self.ratio**2
        if shape <= 0:
            raise DataError(f"No distribution has a skewness of {self.skew} with a kurtosis of {self.kurtosis}.")
        return shape


def sharpe_of(returns: Floats) -> Sharpe:
    """The Sharpe ratio of returns, shape (observations,); of excess returns if a rate is to be beaten.

    Raises
    ------
    DataError
        Fewer than 4 returns, a NaN, or returns that never change.
    """
    from scipy import stats

    check(returns)
    return Sharpe(
        ratio=float(returns.mean() / returns.std(ddof=1)),
        skew=float(stats.skew(returns)),
        kurtosis=float(stats.kurtosis(returns, fisher=False)),
        observations=len(returns),
    )


def check(returns: Floats) -> None:
    """Refuse returns that have no Sharpe ratio.

    Raises
    ------
    DataError
    """
    if len(returns) < 4 or np.isnan(returns).any() or np.ptp(returns) == 0:
        raise DataError("A Sharpe ratio needs 4 or more returns, none of them missing, that are not all the same.")


def hac_error(returns: Floats, lags: int | None = None) -> float:
    """Standard error of the ratio for autocorrelated returns (Lo, 2002, by the generalised method of moments).

    ``sqrt(g' O g / T)`` with ``g = (1 / s, -m / (2 s^3))`` and O the Newey-West matrix of ``(r - m, (r - m)^2 - s^2)`` with
    Bartlett weights.

    Parameters
    ----------
    returns : array of shape (observations,)
    lags : int, optional
        ``floor(4 (T / 100)^(2 / 9))`` if not given (Newey and West, 1994).
    """
    check(returns)
    count = len(returns)
    lags = int(4 * (count / 100) ** (2 / 9)) if lags is None else lags
    if not 0 <= lags < count:
        raise ParameterError(f"Lags must be from 0 to {count - 1}, found {lags}.")
    mean, away = returns.mean(), returns - returns.mean()
    variance = (away**2).mean()
    moments = np.column_stack([away, away**2 - variance])
    matrix = moments.T @ moments / count
    for lag in range(1, lags + 1):
        cross = moments[lag:].T @ moments[:-lag] / count
        matrix += (1 - lag / (lags + 1)) * (cross + cross.T)
    gradient = np.array([1 / math.sqrt(variance), -mean / (2 * variance**1.5)])
    return math.sqrt(gradient @ matrix @ gradient / count)


def scaling(periods: int, correlations: Floats | float = 0.0) -> float:
    """``eta(q)``: the factor from a ratio per observation to one over q of them (Lo, 2002).

    ``q / sqrt(q + 2 sum((q - k) rho_k))``; without autocorrelation the usual ``sqrt(q)``.

    Parameters
    ----------
    periods : int
        q, 252 from sessions to a year.
    correlations : float or array of shape (periods - 1,)
        Autocorrelation of lag 1 of a first-order process, or those of lags 1 to q - 1.
    """
    lags = np.arange(1, periods)
    rho = float(correlations) ** lags if np.ndim(correlations) == 0 else np.asarray(correlations)
    total = periods + 2 * float(((periods - lags) * rho).sum())
    if total <= 0:
        raise ParameterError("These autocorrelations would make the variance over the periods negative.")
    return periods / math.sqrt(total)


def expected_best(trials: float, variance: float) -> float:
    """Expected largest of so many ratios whose true value is 0: ``sqrt(V) [(1 - g) z(1 - 1/N) + g z(1 - 1/(N e))]``.

    One trial is no choice: 0.
    """
    from scipy import stats

    if trials < 1 or variance < 0:
        raise ParameterError(f"There is at least 1 trial and the variance is not negative, found {trials} and {variance}.")
    if trials == 1:
        return 0.0
    quantiles = stats.norm.ppf(1 - 1 / trials), stats.norm.ppf(1 - 1 / (trials * math.e))
    return float(math.sqrt(variance) * ((1 - EULER) * quantiles[0] + EULER * quantiles[1]))


def shortest_backtest(trials: float, annual_ratio: float) -> float:
    """MinBTL: years below which the best of so many worthless trials is expected to reach this ratio a year.

    ``(expected_best(N, 1) / SR)^2`` (Bailey, Borwein, Lopez de Prado and Zhu, 2014, Notices of the AMS 61).
    """
    return (expected_best(trials, 1.0) / annual_ratio) ** 2


def difference_z(one: Floats, other: Floats) -> float:
    """Standard score of the difference of two ratios over the same sessions (Jobson and Korkie, 1981, corrected by Memmel, 2003).

    ``(SR1 - SR2) / sqrt([2 - 2 r + (SR1^2 + SR2^2 - 2 SR1 SR2 r^2) / 2] / T)``.
    """
    check(one)
    check(other)
    a, b = one.mean() / one.std(ddof=1), other.mean() / other.std(ddof=1)
    r = float(np.corrcoef(one, other)[0, 1])
    variance = (2 - 2 * r + 0.5 * (a * a + b * b - 2 * a * b * r * r)) / len(one)
    if variance <= 0:
        raise DataError("The two series are the same up to a factor; their ratios do not differ.")
    return float((a - b) / math.sqrt(variance))
