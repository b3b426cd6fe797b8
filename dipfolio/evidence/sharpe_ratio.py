"""Sharpe ratio: its uncertainty, the sample it needs and its value after selection.

Ratios are per observation (per session for daily returns), never annual unless a name says so. Kurtosis is not
excess: it is 3 for a normal distribution. The probabilistic Sharpe ratio is that of Bailey and Lopez de Prado (2012
and 2014), with the variance at the observed ratio; a later convention (Lopez de Prado and others, 2025) puts it at
the ratio of the null hypothesis and gives other values. The power functions say which effects a test of a given size
can find. They belong with every test that found no effect.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError, ParameterError

Floats = NDArray[np.float64]

EULER_MASCHERONI = 0.5772156649015329
"""The Euler-Mascheroni constant."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SharpeRatio(Displayable):
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

    def min_track_record_length(self, target: float = 0.0, confidence: float = 0.95) -> float:
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
        return self.probability(expected_max_sharpe(trials, variance))

    @property
    def _shape(self) -> float:
        shape = 1 - self.skew * self.ratio + (self.kurtosis - 1) / 4 * self.ratio**2
        if shape <= 0:
            raise DataError(f"No distribution has a skewness of {self.skew} with a kurtosis of {self.kurtosis}.")
        return shape


def sharpe_of(returns: Floats) -> SharpeRatio:
    """The Sharpe ratio of returns, shape (observations,); of excess returns if a rate is to be beaten.

    Raises
    ------
    DataError
        Fewer than 4 returns, a NaN, or returns that never change.
    """
    from scipy import stats

    check_returns(returns)
    return SharpeRatio(
        ratio=float(returns.mean() / returns.std(ddof=1)),
        skew=float(stats.skew(returns)),
        kurtosis=float(stats.kurtosis(returns, fisher=False)),
        observations=len(returns),
    )


def check_returns(returns: Floats) -> None:
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
    check_returns(returns)
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


def expected_max_sharpe(trials: float, variance: float) -> float:
    """Expected largest of so many ratios whose true value is 0: ``sqrt(V) [(1 - g) z(1 - 1/N) + g z(1 - 1/(N e))]``.

    One trial is no choice: 0.
    """
    from scipy import stats

    if trials < 1 or variance < 0:
        raise ParameterError(f"There is at least 1 trial and the variance is not negative, found {trials} and {variance}.")
    if trials == 1:
        return 0.0
    quantiles = stats.norm.ppf(1 - 1 / trials), stats.norm.ppf(1 - 1 / (trials * math.e))
    return float(math.sqrt(variance) * ((1 - EULER_MASCHERONI) * quantiles[0] + EULER_MASCHERONI * quantiles[1]))


def min_backtest_length(trials: float, annual_ratio: float) -> float:
    """MinBTL: years below which the best of so many worthless trials is expected to reach this ratio a year.

    ``(expected_max_sharpe(N, 1) / SR)^2`` (Bailey, Borwein, Lopez de Prado and Zhu, 2014, Notices of the AMS 61).
    """
    return (expected_max_sharpe(trials, 1.0) / annual_ratio) ** 2


def sharpe_difference_error(one: Floats, other: Floats) -> float:
    """Standard error of the difference of two ratios over the same sessions (Ledoit and Wolf, 2008).

    ``sqrt(g' Psi g / T)``: the delta method for the moments ``v = mean(r1, r2, r1^2, r2^2)``, where ``g`` is the gradient of
    ``v1 / sqrt(v3 - v1^2) - v2 / sqrt(v4 - v2^2)``. Psi is the long-run covariance of ``(r1, r2, r1^2, r2^2) - v``, times
    ``T / (T - 4)``, by the quadratic spectral kernel with Andrews' bandwidth (1991) after prewhitening with a vector
    autoregression of order one, whose singular values are cut at 0.97 (Andrews and Monahan, 1992). It allows for fat tails,
    autocorrelation and volatility clusters. Each moment is first divided by its standard deviation, so that the error is the
    same for returns as fractions and as per cent.

    Parameters
    ----------
    one, other : array of shape (sessions,)
        Excess returns in the same sessions.

    Returns
    -------
    float
        Per observation; 0 for two series that are the same up to a positive factor.

    Raises
    ------
    DataError
        A series without a Sharpe ratio, or fewer than 10 sessions.

    References
    ----------
    Ledoit and Wolf (2008), Robust performance hypothesis testing with the Sharpe ratio, J. of Empirical Finance 15(5),
    doi:10.1016/j.jempfin.2008.03.002. Andrews (1991), Econometrica 59(3), doi:10.2307/2938229. Andrews and Monahan (1992),
    Econometrica 60(4), doi:10.2307/2951574.
    """
    moments = paired_moments(one, other)
    means = moments.mean(axis=0)
    gradient, away = ratio_gradient(means), moments - means
    if np.abs(away @ gradient).max() < MIN_RATIO_INFLUENCE:
        return 0.0
    count, scale = len(away), away.std(axis=0)
    scale[scale == 0] = 1.0
    variance = _long_run_variance(away / scale, gradient * scale) * count / (count - 4)
    return math.sqrt(variance / count)


MIN_RATIO_INFLUENCE = 1e-9
"""Influence of every session on the difference of two ratios below which the series are the same up to a factor."""


def paired_moments(one: Floats, other: Floats) -> Floats:
    """``(r1, r2, r1^2, r2^2)`` of each session, shape (sessions, 4).

    Raises
    ------
    DataError
        A series without a Sharpe ratio, series of different lengths, or fewer than 10 sessions.
    """
    check_returns(one)
    check_returns(other)
    if len(one) != len(other) or len(one) < 10:
        raise DataError(
            f"The difference of two Sharpe ratios needs the same 10 or more sessions of both, found {len(one)} and {len(other)}."
        )
    return np.column_stack([one, other, one**2, other**2])


def ratio_difference(means: Floats) -> Floats:
    """Difference of the two ratios from the means of :func:`paired_moments`, shape (4, ...) to (...); variances with n."""
    first, second, squares, others = means
    return np.asarray(first / np.sqrt(squares - first**2) - second / np.sqrt(others - second**2))


def ratio_gradient(means: Floats) -> Floats:
    """Gradient of :func:`ratio_difference`, shape (4, ...) to (4, ...)."""
    first, second, squares, others = means
    one, other = (squares - first**2) ** -1.5, (others - second**2) ** -1.5
    return np.array([squares * one, -others * other, -first * one / 2, second * other / 2])


def _long_run_variance(moments: Floats, weights: Floats) -> float:
    """``w' Psi w`` for centred moments of shape (sessions, moments)."""
    fitted = np.linalg.lstsq(moments[:-1], moments[1:], rcond=None)[0].T
    left, sizes, right = np.linalg.svd(fitted)
    fitted = (left * np.minimum(sizes, MAX_PREWHITENING_COEFFICIENT)) @ right
    white = moments[1:] - moments[:-1] @ fitted.T
    recoloured = white @ np.linalg.solve((np.eye(len(weights)) - fitted).T, weights)
    count, width = len(white), _bandwidth(white)
    covariances = np.correlate(recoloured, recoloured, "full")[count - 1 :] / count
    if width == 0:
        return float(covariances[0])
    angle = 6 * np.pi / 5 * np.arange(1, count) / width
    kernel = 3 / angle**2 * (np.sin(angle) / angle - np.cos(angle))
    return float(covariances[0] + 2 * (kernel * covariances[1:]).sum())


MAX_PREWHITENING_COEFFICIENT = 0.97
"""Largest singular value of the autoregression that prewhitens, and largest autocorrelation behind the bandwidth."""


def _bandwidth(white: Floats) -> float:
    """``1.3221 (a T)^(1/5)`` for the quadratic spectral kernel, from an autoregression of order one of each column."""
    squares = (white[:-1] ** 2).sum(axis=0)
    rho = (white[1:] * white[:-1]).sum(axis=0) / np.where(squares > 0, squares, 1.0)
    rho = np.clip(rho, -MAX_PREWHITENING_COEFFICIENT, MAX_PREWHITENING_COEFFICIENT)
    fourth = ((white[1:] - rho * white[:-1]) ** 2).mean(axis=0) ** 2
    lower = float((fourth / (1 - rho) ** 4).sum())
    upper = float((4 * rho**2 * fourth / (1 - rho) ** 8).sum())
    return 1.3221 * (upper / lower * len(white)) ** 0.2 if lower > 0 else 0.0


def statistical_power(effect: float, deviation: float, observations: float, size: float = 0.05) -> float:
    """Probability that a two-sided z test finds an effect: ``Phi(-z - d) + 1 - Phi(z - d)``, ``d = effect sqrt(n) / sd``.

    MacKinlay (1997, J. of Economic Literature 35, section 7).

    Parameters
    ----------
    effect, deviation : float
        True mean, and standard deviation of one observation.
    observations : float
        Independent ones: clusters of events, not trades or names.
    size : float
        Of the test.
    """
    from scipy import stats

    _check(deviation, observations, size)
    z, d = stats.norm.ppf(1 - size / 2), effect * math.sqrt(observations) / deviation
    return float(stats.norm.cdf(-z - d) + stats.norm.sf(z - d))


def minimum_detectable_effect(
    deviation: float, observations: float, size: float = 0.05, power: float = 0.8, sides: int = 2
) -> float:
    """Smallest mean that is found with this power: ``(z(1 - size / sides) + z(power)) sd / sqrt(n)``.

    Parameters
    ----------
    deviation : float
        Of one observation.
    observations : float
        Independent ones.
    size, power : float
        Size of the test, and the probability of detecting the effect.
    sides : {1, 2}

    Raises
    ------
    ParameterError
        Probabilities outside 0 to 1, or not one observation.
    """
    from scipy import stats

    _check(deviation, observations, size)
    if not 0 < power < 1 or sides not in (1, 2):
        raise ParameterError(f"The power lies between 0 and 1 and a test has 1 or 2 sides, found {power} and {sides}.")
    z = stats.norm.ppf(1 - size / sides) + stats.norm.ppf(power)
    return float(z * deviation / math.sqrt(observations))


def _check(deviation: float, observations: float, size: float) -> None:
    if deviation <= 0 or observations < 1 or not 0 < size < 1:
        raise ParameterError(
            f"Power needs a deviation above 0, 1 or more observations and a size between 0 and 1, found {deviation}, "
            f"{observations} and {size}."
        )
