"""Normal return: what names would have earned without the event, and how far such a forecast can be off."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dipfolio.errors import DataError, ParameterError

Model = Literal["market", "mean", "adjusted"]
"""``R = a + b Rm + e``; ``R = a + e``; ``R = Rm + e`` with nothing estimated but the size of e."""

ESTIMATED: dict[Model, int] = {"market": 2, "mean": 1, "adjusted": 0}
"""Coefficients that a model estimates."""

FEWEST = 30
"""Returns that a name needs in the estimation window."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class NormalReturn:
    """A fitted model of normal returns (MacKinlay, 1997, Journal of Economic Literature 35, sections 4 and 5).

    Attributes
    ----------
    model : {"market", "mean", "adjusted"}
    alpha, beta : array of shape (names,)
        Coefficients; 0 and 1 where the model fixes them.
    sigma : array of shape (names,)
        ``sqrt(sum(e^2) / free)``.
    sessions, free : array of int, shape (names,)
        Returns of the estimation window, and those less the coefficients estimated.
    market_mean, market_spread : array of shape (names,)
        ``mean(Rm)`` and ``sum((Rm - mean)^2)`` over the sessions of each name.
    residuals : array of shape (estimation sessions, names)
        NaN where a name has no return.
    """

    model: Model
    alpha: Floats
    beta: Floats
    sigma: Floats
    sessions: NDArray[np.int_]
    free: NDArray[np.int_]
    market_mean: Floats
    market_spread: Floats
    residuals: Floats

    def abnormal(self, returns: Floats, market: Floats) -> Floats:
        """``R - a - b Rm``, shape (sessions, names); NaN where a return is."""
        return np.asarray(returns - self.alpha - np.multiply.outer(market, self.beta))

    def deviation(self, market: Floats) -> Floats:
        """Standard deviation of the sum of the abnormal returns of some sessions outside the window.

        The exact forecast-error variance ``g' s^2 [I + X (X'X)^-1 X'] g`` with g all ones; written out for h sessions it is
        ``s^2 [h + h^2 / n + (sum(Rm) - h mean(Rm))^2 / spread]``, without the last term under a constant mean and with the
        first alone where nothing is estimated.

        Parameters
        ----------
        market : array of shape (h,)
            Market returns of these sessions.

        Returns
        -------
        array of shape (names,)
        """
        h = len(market)
        factor = np.full(self.sigma.shape, float(h))
        if self.model != "adjusted":
            factor = factor + h**2 / self.sessions
        if self.model == "market":
            factor = factor + (market.sum() - h * self.market_mean) ** 2 / self.market_spread
        return np.asarray(self.sigma * np.sqrt(factor))


def estimate(returns: Floats, market: Floats, model: Model = "market") -> NormalReturn:
    """Fit a model of normal returns by least squares, name by name.

    Parameters
    ----------
    returns : array of shape (sessions, names)
        A NaN leaves its session out for that name alone.
    market : array of shape (sessions,)
        Without NaN.
    model : {"market", "mean", "adjusted"}

    Raises
    ------
    ParameterError
        A model that there is not.
    DataError
        A name with fewer than 30 returns, or a market return that is missing or never changes.
    """
    if model not in ESTIMATED:
        raise ParameterError(f"A model of normal returns is one of {', '.join(ESTIMATED)}, found {model!r}.")
    if np.isnan(market).any() or np.ptp(market) == 0:
        raise DataError("The market returns of an estimation window must be there on every session, and vary.")
    known = ~np.isnan(returns)
    count = known.sum(axis=0)
    if count.min() < FEWEST:
        raise DataError(f"An estimation window needs at least {FEWEST} returns of each name, found {count.min()}.")
    mean = np.where(known, market[:, None], 0.0).sum(axis=0) / count
    away = np.where(known, market[:, None] - mean, 0.0)
    level = np.nanmean(returns, axis=0)
    spread = (away**2).sum(axis=0)
    beta = (away * np.where(known, returns - level, 0.0)).sum(axis=0) / spread if model == "market" else np.zeros(len(count))
    alpha = level - beta * mean
    if model == "adjusted":
        alpha, beta = np.zeros(len(count)), np.ones(len(count))
    residuals = returns - alpha - np.multiply.outer(market, beta)
    free = count - ESTIMATED[model]
    return NormalReturn(
        model=model, alpha=alpha, beta=beta, sigma=np.sqrt(np.nansum(residuals**2, axis=0) / free), sessions=count, free=free,
        market_mean=mean, market_spread=spread, residuals=residuals,
    )  # fmt: skip
