"""Abnormal: the cumulative abnormal return of a basket from a day on, among that from every other day on.

The market model is fitted anew for each day, on the window before it, so that a placebo date is treated like the event.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.errors import WindowError
from dipfolio.evidence.course import Course, course_of
from dipfolio.evidence.event_study import EventWindow
from dipfolio.evidence.single import APART, MARKET, STRESS, stressful
from dipfolio.market.bars import Bars

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fits:
    """The market model of one series before every session; arrays of shape (sessions,), NaN where the window does not fit.

    Attributes
    ----------
    alpha, beta : array
    """

    alpha: Floats
    beta: Floats


def basket_returns(bars: Bars, symbols: tuple[str, ...], sold: tuple[str, ...] = ()) -> pd.Series:
    """Equal-weight mean of the returns that there are, less that of what is sold against it, shape (sessions,)."""
    bought = bars.select(symbols).returns.mean(axis=1)
    return bought - bars.select(sold).returns.mean(axis=1) if sold else bought


def rolling_fits(returns: Floats, market: Floats, window: EventWindow) -> Fits:
    """Least squares of ``R = a + b Rm`` over the estimation window of each session; a window with a NaN has no fit.

    Parameters
    ----------
    returns, market : array of shape (sessions,)
    window : EventWindow
    """
    y, x = pd.Series(returns), pd.Series(market)
    rolled = x.rolling(window.estimation)
    beta = rolled.cov(y) / rolled.var()
    alpha = y.rolling(window.estimation).mean() - beta * rolled.mean()
    return Fits(alpha=alpha.shift(window.distance).to_numpy(), beta=beta.shift(window.distance).to_numpy())


def abnormal_course(
    bars: Bars, symbols: tuple[str, ...], day: pd.Timestamp, label: str, longest: int = 250, sold: tuple[str, ...] = ()
) -> Course:
    """CAR of a basket from the close before ``day`` on, among those from other sessions on which the market opened under stress.

    Parameters
    ----------
    bars : Bars
        The symbols, and SPY for the market.
    symbols : tuple of str
    day : Timestamp
        Day 0, whose own return is the first in the sum.
    label : str
    longest : int
        Sessions after day 0; the course is shorter if the figures are.
    sold : tuple of str
        For a pair: a second basket, whose returns are taken off.

    Raises
    ------
    WindowError
        A day that is no session, or too few sessions before it.
    """
    window = EventWindow()
    if day not in bars.sessions:
        raise WindowError(f"{day.date()} is no session of the figures.")
    zero = int(bars.sessions.get_loc(day))
    returns, market = basket_returns(bars, symbols, sold).to_numpy(), basket_returns(bars, (MARKET,)).to_numpy()
    fits = rolling_fits(returns, market, window)
    if np.isnan(fits.alpha[zero]):
        raise WindowError(f"A market model for {day.date()} needs {window.estimation + window.distance} sessions before it.")
    alike = np.concatenate([[False], stressful(bars, STRESS)[:-1]])
    apart = np.abs(np.arange(len(returns)) - zero)
    steps = {}
    totals, markets = _totals(returns), _totals(market)
    for horizon in range(min(longest, len(returns) - 1 - zero) + 1):
        sums = _ahead(totals, horizon) - (horizon + 1) * fits.alpha - fits.beta * _ahead(markets, horizon)
        steps[horizon] = float(sums[zero]), sums[alike & (apart >= horizon + APART) & ~np.isnan(sums)]
    return course_of(label, f"the same sum from other mornings with SPY {STRESS:.0%} from its close", steps)


def _totals(returns: Floats) -> Floats:
    """Sums up to before each session and, at the end, up to the last; NaN before the first return. Shape (sessions + 1,)."""
    begun = int(np.argmax(~np.isnan(returns)))
    return np.concatenate([np.full(begun, np.nan), [0.0], np.cumsum(returns[begun:])])


def _ahead(totals: Floats, horizon: int) -> Floats:
    """Sum of sessions t to t + horizon, for every t, shape (sessions,); NaN where they are not there."""
    sums = np.full(len(totals) - 1, np.nan)
    sums[: len(sums) - horizon] = totals[horizon + 1 :] - totals[: len(sums) - horizon]
    return sums
