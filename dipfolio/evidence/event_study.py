"""Event study: the abnormal returns of stocks around an event date against a model of their normal returns.

A normal return is what a stock would have earned without the event. It is fitted per stock by least squares in an
estimation window that ends before the event (MacKinlay, 1997, Journal of Economic Literature 35), as the market
model, the constant-mean model or the market-adjusted model. The fit also gives the standard error of its forecast.
Returns are fractions per session. The significance tests are in :mod:`dipfolio.evidence.event_tests`.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError, ParameterError, WindowError

ReturnModel = Literal["market", "mean", "adjusted"]
"""``R = a + b Rm + e``; ``R = a + e``; ``R = Rm + e`` with nothing estimated but the size of e."""

COEFFICIENTS_PER_MODEL: dict[ReturnModel, int] = {"market": 2, "mean": 1, "adjusted": 0}
"""Coefficients that a model estimates."""

MIN_ESTIMATION_RETURNS = 30
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
    sessions, degrees_of_freedom : array of int, shape (names,)
        Returns of the estimation window, and those less the coefficients estimated.
    market_mean, market_spread : array of shape (names,)
        ``mean(Rm)`` and ``sum((Rm - mean)^2)`` over the sessions of each name.
    residuals : array of shape (estimation sessions, names)
        NaN where a name has no return.
    """

    model: ReturnModel
    alpha: Floats
    beta: Floats
    sigma: Floats
    sessions: NDArray[np.int_]
    degrees_of_freedom: NDArray[np.int_]
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


def fit_normal_return(returns: Floats, market: Floats, model: ReturnModel = "market") -> NormalReturn:
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
    if model not in COEFFICIENTS_PER_MODEL:
        raise ParameterError(f"A model of normal returns is one of {', '.join(COEFFICIENTS_PER_MODEL)}, found {model!r}.")
    if np.isnan(market).any() or np.ptp(market) == 0:
        raise DataError("The market returns of an estimation window must be there on every session, and vary.")
    known = ~np.isnan(returns)
    count = known.sum(axis=0)
    if count.min() < MIN_ESTIMATION_RETURNS:
        raise DataError(
            f"An estimation window needs at least {MIN_ESTIMATION_RETURNS} returns of each name, found {count.min()}."
        )
    mean = np.where(known, market[:, None], 0.0).sum(axis=0) / count
    away = np.where(known, market[:, None] - mean, 0.0)
    level = np.nanmean(returns, axis=0)
    spread = (away**2).sum(axis=0)
    beta = (away * np.where(known, returns - level, 0.0)).sum(axis=0) / spread if model == "market" else np.zeros(len(count))
    alpha = level - beta * mean
    if model == "adjusted":
        alpha, beta = np.zeros(len(count)), np.ones(len(count))
    residuals = returns - alpha - np.multiply.outer(market, beta)
    free = count - COEFFICIENTS_PER_MODEL[model]
    return NormalReturn(
        model=model,
        alpha=alpha,
        beta=beta,
        sigma=np.sqrt(np.nansum(residuals**2, axis=0) / free),
        sessions=count,
        degrees_of_freedom=free,
        market_mean=mean,
        market_spread=spread,
        residuals=residuals,
    )


@dataclass(frozen=True, kw_only=True, repr=False)
class EventWindow(Displayable):
    """Which sessions belong to an event and which say what is normal.

    Attributes
    ----------
    estimation : int
        Sessions of the estimation window.
    distance : int
        Sessions from its last one to day 0; 11 leaves 10 between them, for news that leaks.
    before, after : int
        Sessions of the event window before and after day 0.
    """

    estimation: int = 250
    distance: int = 11
    before: int = 0
    after: int = 0

    def __post_init__(self) -> None:
        if min(self.before, self.after) < 0:
            raise ParameterError("An event window has 0 or more sessions before and after day 0.")
        if self.distance <= self.before:
            raise ParameterError(f"The estimation window must end before the event window, found {self.distance} sessions ahead.")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CumulativeAbnormalReturn(Displayable):
    """Abnormal returns of some sessions added up, each of shape (names,).

    Attributes
    ----------
    value : array
        CAR; with a single session the abnormal return itself.
    deviation : array
        Its exact standard deviation, forecast error included.
    scaled : array
        SCAR, ``value / deviation``: Student's t with ``free`` degrees of freedom for one name.
    """

    value: Floats
    deviation: Floats
    scaled: Floats


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EventStudy(Displayable):
    """The abnormal returns of some names around one day.

    Attributes
    ----------
    day : Timestamp
        Day 0.
    names : tuple of str
    normal : NormalReturn
        Fitted on the estimation window.
    abnormal : DataFrame of shape (event sessions, names)
        The index counts sessions from day 0. No NaN.
    market : Series of shape (event sessions,)
        Market returns on the same index.
    window : EventWindow
    """

    SHOWN = ("day", "window", "by_name")

    day: pd.Timestamp
    names: tuple[str, ...]
    normal: NormalReturn
    abnormal: pd.DataFrame
    market: pd.Series
    window: EventWindow

    def cumulative(self, first: int = 0, last: int = 0) -> CumulativeAbnormalReturn:
        """CAR and SCAR from session ``first`` to session ``last``, both counted from day 0 and both included.

        Raises
        ------
        WindowError
            Sessions outside the event window.
        """
        rows = self.rows(first, last)
        value = self._values[rows].sum(axis=0)
        deviation = self.normal.deviation(self._market[rows])
        return CumulativeAbnormalReturn(value=value, deviation=deviation, scaled=value / deviation)

    def by_name(self) -> pd.DataFrame:
        """The day of the event, one row for each name: beta, car, t, p_value and rank_p_value.

        ``p_value`` is two-sided, of Student's t with the residuals' degrees of freedom; ``rank_p_value`` asks how many residuals
        of the estimation window were as large (Gelbach, Helland and Klick, 2013, American Law and Economics Review 15):
        ``(1 + #{|e| >= |CAR|}) / (1 + residuals)``.
        """
        from scipy import stats

        car = self.cumulative(0, 0)
        ranks = [
            rank_p_value(residuals[~np.isnan(residuals)], value)
            for residuals, value in zip(self.normal.residuals.T, car.value, strict=True)
        ]
        columns = {
            "beta": self.normal.beta,
            "car": car.value,
            "t": car.scaled,
            "p_value": 2 * stats.t.sf(np.abs(car.scaled), self.normal.degrees_of_freedom),
            "rank_p_value": ranks,
        }
        return pd.DataFrame(columns, index=pd.Index(self.names, name="name"))

    @property
    def path(self) -> pd.Series:
        """The mean cumulative abnormal return from the first session of the event window on. Shape (event sessions,)."""
        return self.abnormal.mean(axis=1).cumsum()

    @cached_property
    def portfolio_residuals(self) -> Floats:
        """Equal-weight mean of the residuals that there are on each session of the estimation window."""
        return np.asarray(np.nanmean(self.normal.residuals, axis=1))

    def rows(self, first: int, last: int) -> slice:
        """Where these sessions are in ``abnormal``."""
        if not -self.window.before <= first <= last <= self.window.after:
            raise WindowError(
                f"Sessions {first} to {last} are not within the event window, {-self.window.before} to {self.window.after}."
            )
        return slice(first + self.window.before, last + self.window.before + 1)

    @cached_property
    def _values(self) -> Floats:
        return np.asarray(self.abnormal.to_numpy())

    @cached_property
    def _market(self) -> Floats:
        return np.asarray(self.market.to_numpy())


def run_event_study(
    returns: pd.DataFrame,
    market: pd.Series,
    day: date | pd.Timestamp,
    window: EventWindow | None = None,
    model: ReturnModel = "market",
) -> EventStudy:
    """Study one event.

    Parameters
    ----------
    returns : DataFrame of shape (sessions, names)
        A NaN in the estimation window leaves its session out for that name; in the event window it is an error.
    market : Series of shape (sessions,)
        Returns of the market on the same sessions.
    day : date
        Day 0, a session of the returns.
    window : EventWindow, optional
        250 sessions that end 11 before day 0, which stands alone.
    model : {"market", "mean", "adjusted"}

    Raises
    ------
    WindowError
        A day that is no session of the returns, or windows that reach beyond them.
    DataError
        A missing return in the event window, too few in the estimation window, or a market on other sessions.
    """
    window = window or EventWindow()
    if not returns.index.equals(market.index):
        raise DataError("The returns of the names and of the market must have the same sessions.")
    if pd.Timestamp(day) not in returns.index:
        raise WindowError(f"{pd.Timestamp(day).date()} is no session of the returns.")
    zero = int(returns.index.get_loc(pd.Timestamp(day)))
    first, last = zero - window.distance - window.estimation + 1, zero + window.after
    if first < 0 or last >= len(returns):
        raise WindowError(
            f"An event on {pd.Timestamp(day).date()} needs {window.distance + window.estimation - 1} sessions before it and "
            f"{window.after} after; there are {zero} and {len(returns) - 1 - zero}."
        )
    values, base = returns.to_numpy(), market.to_numpy()
    estimation, event = slice(first, first + window.estimation), slice(zero - window.before, last + 1)
    _refuse_missing(returns.iloc[event])
    normal = fit_normal_return(values[estimation], base[estimation], model)
    index = pd.RangeIndex(-window.before, window.after + 1, name="session")
    return EventStudy(
        day=pd.Timestamp(day),
        names=tuple(returns.columns),
        normal=normal,
        abnormal=pd.DataFrame(normal.abnormal(values[event], base[event]), index=index, columns=returns.columns),
        market=pd.Series(base[event], index=index),
        window=window,
    )


def rank_p_value(residuals: NDArray[np.float64], value: float, sessions: int = 1) -> float:
    """Two-sided rank of a sum among the overlapping sums of as many residuals, the sample-quantile (SQ) test.

    Overlapping sums are fewer independent draws than they seem, about ``len(residuals) / sessions``; and as sums within the
    sample they leave out the error of the coefficients, whose part of the variance is ``sessions / len(residuals)``. With
    5 sessions 6.2 % of placebo dates were rejected at a nominal 5 %; from 20 on use a placebo instead.
    """
    sums = np.convolve(residuals, np.ones(sessions), "valid")
    return float((1 + (np.abs(sums) >= abs(value)).sum()) / (1 + len(sums)))


def _refuse_missing(event: pd.DataFrame) -> None:
    missing = np.argwhere(event.isna().to_numpy())
    if len(missing):
        row, column = missing[0]
        raise DataError(f"{event.columns[column]} has no return on {event.index[row].date()}, within the event window.")
