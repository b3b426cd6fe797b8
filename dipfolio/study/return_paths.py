"""Return paths: the return of a trade by holding period, with the band of the same trade on placebo dates.

It also computes the cumulative abnormal return of a basket from a day on, among those from every other day. The
market model is fitted anew for each day, on the window before it, so that a placebo date is treated like the event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError, WindowError
from dipfolio.evidence.calendar_time import calendar_time_test
from dipfolio.evidence.event_study import EventWindow
from dipfolio.evidence.placebo import (
    MARKET_SYMBOL,
    MIN_PLACEBO_DISTANCE,
    STRESS_GAP,
    eligible_placebo_dates,
    is_stress_session,
)
from dipfolio.evidence.trade_outcomes import decisions_of, outcomes_by_hold
from dipfolio.study.claims import Claim
from dipfolio.study.dates import DESIGN_END
from dipfolio.study.event_claims import AS_STATED, build_strategy
from dipfolio.study.rule_claims import claim_decisions

Floats = NDArray[np.float64]

HORIZONS = tuple(range(251))
"""Sessions at which the trade on an event is looked at: all of them up to a year, whatever they show."""

RULE_HORIZONS = tuple(range(61))
"""The same for a rule, up to the longest horizon that was fixed beforehand."""

BAND_SHARE = 0.9
"""Part of the placebos that the band holds."""

MIN_PLACEBOS = 19
"""Placebos below which there is no band: the ends of the middle 90 % would lie beyond all of them."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReturnPath(Displayable):
    """An outcome as a function of the holding time; arrays of shape (horizons,), returns as fractions.

    Attributes
    ----------
    label : str
    against : str
        What the placebos are.
    horizons : array of int
        Sessions.
    cumulative_returns : array
        NaN where the trade does not end within the data.
    usual, low, high : array
        Mean of the placebos, and the ends of their middle 90 %; NaN where there are none, and fewer than 19.
    placebos : array of int
        How many there are.
    """

    label: str
    against: str
    horizons: NDArray[np.int_]
    cumulative_returns: Floats
    usual: Floats
    low: Floats
    high: Floats
    placebos: NDArray[np.int_]

    @property
    def last(self) -> int:
        """The longest horizon with a value; -1 without one."""
        return self._longest(self.cumulative_returns)

    @property
    def reach(self) -> int:
        """The longest horizon with a band; -1 without one."""
        return self._longest(self.low)

    def _longest(self, known: Floats) -> int:
        there = self.horizons[~np.isnan(known)]
        return int(there[-1]) if len(there) else -1

    def at(self, horizon: int) -> float:
        """The value after so many sessions, NaN where it was not looked at."""
        found = np.flatnonzero(self.horizons == horizon)
        return float(self.cumulative_returns[found[0]]) if len(found) else float("nan")


def build_return_path(label: str, against: str, steps: Mapping[int, tuple[float, Floats]]) -> ReturnPath:
    """A course from the outcome and the placebo outcomes at each horizon."""
    values, usual, low, high = (np.full(len(steps), np.nan) for _ in range(4))
    for place, (value, draws) in enumerate(steps.values()):
        values[place] = value
        if len(draws):
            usual[place] = draws.mean()
        if len(draws) >= MIN_PLACEBOS:
            low[place], high[place] = np.quantile(draws, [(1 - BAND_SHARE) / 2, (1 + BAND_SHARE) / 2])
    placebos = np.array([len(draws) for _, draws in steps.values()])
    return ReturnPath(
        label=label, against=against, horizons=np.array(list(steps)), cumulative_returns=values, usual=usual, low=low, high=high,
        placebos=placebos,
    )  # fmt: skip


def event_return_path(
    claim: Claim, bars: Bars, folder: Path, changes: Mapping[str, Any] | None = None, label: str = AS_STATED
) -> ReturnPath:
    """The trade of a claim about the event, over its benchmark, among the same trade on stressful mornings.

    Raises
    ------
    DataError
        A strategy that does not decide exactly once.
    """
    decisions = decisions_of(build_strategy(folder, claim, claim.horizons[0], changes), bars)
    days = np.flatnonzero(decisions.flags)
    if len(days) != 1:
        raise DataError(f"{claim.strategy} decides {len(days)} times in these data; an event has one decision.")
    day, alike = int(days[0]), is_stress_session(bars, STRESS_GAP)
    steps = {}
    for horizon, outcomes in zip(HORIZONS, outcomes_by_hold(decisions, bars, HORIZONS, claim.benchmark), strict=True):
        returns = outcomes.returns
        steps[horizon] = float(returns[day]), returns[eligible_placebo_dates(returns, day, alike, horizon + MIN_PLACEBO_DISTANCE)]
    return build_return_path(label, f"the same trade on other mornings with SPY {STRESS_GAP:.0%} or more from its close", steps)


def rule_return_path(claim: Claim, bars: Bars, folder: Path) -> ReturnPath:
    """The mean trade of a rule up to the day before the event, and the band of means that the test would not find.

    Raises
    ------
    DataError
        No signal with an outcome.
    """
    known = bars.until(DESIGN_END)
    if not len(known):
        raise DataError(f"The data begin after {DESIGN_END.date()}.")
    decisions = claim_decisions(claim, known, folder, claim.horizons[0])
    found = {
        horizon: (outcomes.mean_executed, outcomes.mean_of_all_dates, calendar_time_test(outcomes.held, outcomes.path))
        for horizon, outcomes in zip(
            RULE_HORIZONS, outcomes_by_hold(decisions, known, RULE_HORIZONS, claim.benchmark), strict=True
        )
        if outcomes.executed.any()
    }
    if not found:
        raise DataError(f"{claim.id} has no signal whose trade ends before {DESIGN_END.date()}.")
    usual = np.array([mean for _, mean, _ in found.values()])
    reach = np.array([test.interval(BAND_SHARE)[1] - test.effect for *_, test in found.values()])
    return ReturnPath(
        label="mean trade", against="the sessions without a position", horizons=np.array(list(found)),
        cumulative_returns=np.array([observed for observed, *_ in found.values()]), usual=usual, low=usual - reach,
        high=usual + reach, placebos=np.array([test.trades for *_, test in found.values()]),
    )  # fmt: skip


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


def abnormal_return_path(
    bars: Bars, symbols: tuple[str, ...], day: pd.Timestamp, label: str, longest: int = 250, sold: tuple[str, ...] = ()
) -> ReturnPath:
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
        Sessions after day 0; the course is shorter if the data are.
    sold : tuple of str
        For a pair: a second basket, whose returns are taken off.

    Raises
    ------
    WindowError
        A day that is no session, or too few sessions before it.
    """
    window = EventWindow()
    if day not in bars.sessions:
        raise WindowError(f"{day.date()} is no session of the data.")
    zero = int(bars.sessions.get_loc(day))
    returns, market = basket_returns(bars, symbols, sold).to_numpy(), basket_returns(bars, (MARKET_SYMBOL,)).to_numpy()
    fits = rolling_fits(returns, market, window)
    if np.isnan(fits.alpha[zero]):
        raise WindowError(f"A market model for {day.date()} needs {window.estimation + window.distance} sessions before it.")
    alike = np.concatenate([[False], is_stress_session(bars, STRESS_GAP)[:-1]])
    apart = np.abs(np.arange(len(returns)) - zero)
    steps = {}
    totals, markets = _totals(returns), _totals(market)
    for horizon in range(min(longest, len(returns) - 1 - zero) + 1):
        sums = _ahead(totals, horizon) - (horizon + 1) * fits.alpha - fits.beta * _ahead(markets, horizon)
        steps[horizon] = float(sums[zero]), sums[alike & (apart >= horizon + MIN_PLACEBO_DISTANCE) & ~np.isnan(sums)]
    return build_return_path(label, f"the same sum from other mornings with SPY {STRESS_GAP:.0%} or more from its close", steps)


def _totals(returns: Floats) -> Floats:
    """Sums up to before each session and, at the end, up to the last; NaN before the first return. Shape (sessions + 1,)."""
    begun = int(np.argmax(~np.isnan(returns)))
    return np.concatenate([np.full(begun, np.nan), [0.0], np.cumsum(returns[begun:])])


def _ahead(totals: Floats, horizon: int) -> Floats:
    """Sum of sessions t to t + horizon, for every t, shape (sessions,); NaN where they are not there."""
    sums = np.full(len(totals) - 1, np.nan)
    sums[: len(sums) - horizon] = totals[horizon + 1 :] - totals[: len(sums) - horizon]
    return sums
