"""Subperiods: the metrics of every window of a run, and how the run did against its benchmark from every start date.

Neighbouring subperiods share nearly all of their sessions. Only those that do not overlap are different observations, and their
number stands beside every share.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dipfolio.data.risk_free import RiskFree
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import MIN_OBSERVATIONS, RETURN_ROUNDING, excess_returns, sessions_in_market
from dipfolio.engine.result import Result

Floats = NDArray[np.float64]

WINDOWS = (126, 63, 21)
"""Sessions of a rolling window: half a year, a quarter or a month, the longest that the run has three times."""

MIN_WINDOWS = 3
"""How often a rolling window fits into the run, without overlap."""

HORIZONS = (21, 63, 126, 250, 750, 1250)
"""Sessions after a start date: a month, a quarter, half a year, about one year, three years and five years."""

MIN_PERIODS = 2
"""How often a horizon fits into the run, without overlap."""

MAX_HORIZONS = 3
"""The longest horizons that the run has."""

ROLLING_COLUMNS = ("return", "volatility", "sharpe", "beta")
"""Of a rolling window: total return as a fraction, volatility and Sharpe ratio a year, and the beta to the benchmark."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RollingMetrics(Displayable):
    """The metrics of every window of so many sessions.

    Attributes
    ----------
    window : int
        Sessions of a window.
    sessions : int
        Of the run.
    own : DataFrame of shape (windows, 4)
        :data:`ROLLING_COLUMNS` of the account, by the last session of the window. The Sharpe ratio and the beta are NaN where
        fewer than 10 sessions of the window had a position, and beta without a benchmark.
    benchmark : DataFrame of shape (windows, 3) or None
        The first three of the benchmark; None without one.
    """

    SHOWN = ("window", "sessions", "own", "benchmark")

    window: int
    sessions: int
    own: pd.DataFrame
    benchmark: pd.DataFrame | None

    @property
    def apart(self) -> int:
        """Windows that do not overlap."""
        return self.sessions // self.window

    def as_record(self) -> dict[str, Any]:
        """The window, and lowest, median, highest and last value of each metric of the account, for JSON."""
        summary: dict[str, Any] = {"window": self.window, "windows": len(self.own), "not_overlapping": self.apart}
        for name in ROLLING_COLUMNS:
            known = self.own[name].dropna()
            last = float(self.own[name].iloc[-1])
            values = (known.min(), known.median(), known.max()) if len(known) else (math.nan,) * 3
            summary[name] = dict(zip(("lowest", "median", "highest", "last"), map(_or_none, (*values, last)), strict=True))
        return summary


def rolling_metrics(result: Result, risk_free: float | RiskFree = 0.0) -> RollingMetrics | None:
    """The metrics of every window of the longest of :data:`WINDOWS` that fits three times; None if the run is too short.

    Parameters
    ----------
    result : Result
    risk_free : float or RiskFree
        A year.
    """
    sessions, market = len(result.equity), result.benchmark_returns
    window = next((length for length in WINDOWS if length * MIN_WINDOWS <= sessions), 0)
    if not window:
        return None
    since, a_year = result.base or result.window[0], result.sessions_per_year
    excess, other = excess_returns(result.returns, risk_free, since, a_year), None
    own = _by_window(result, result.returns, window, excess).assign(beta=np.nan)
    if market is not None:
        ahead = excess_returns(market, risk_free, since, a_year)
        own["beta"], other = _betas(excess, ahead, window), _by_window(result, market, window, ahead)
    enough = sliding_window_view(sessions_in_market(result).to_numpy(), window).sum(axis=1) >= MIN_OBSERVATIONS
    own.loc[~enough, ["sharpe", "beta"]] = np.nan
    return RollingMetrics(window=window, sessions=sessions, own=own, benchmark=other)


def _by_window(result: Result, returns: pd.Series, window: int, above: Floats) -> pd.DataFrame:
    """Return, volatility and Sharpe ratio of each window, by its last session; ``above`` are the excess returns."""
    values = sliding_window_view(returns.to_numpy(), window)
    excess, a_year = sliding_window_view(above, window), result.sessions_per_year
    spread = np.where(np.ptp(excess, axis=1) > RETURN_ROUNDING, excess.std(axis=1, ddof=1), np.nan)
    return pd.DataFrame(
        {
            "return": _totals(returns, window),
            "volatility": values.std(axis=1, ddof=1) * math.sqrt(a_year),
            "sharpe": excess.mean(axis=1) / spread * math.sqrt(a_year),
        },
        index=returns.index[window - 1 :],
    )


def _betas(excess: Floats, ahead: Floats, window: int) -> Floats:
    """Covariance of the excess returns over the variance of the benchmark's, of each window; NaN where that does not vary."""
    own, other = (sliding_window_view(series, window) for series in (excess, ahead))
    apart = other - other.mean(axis=1, keepdims=True)
    spread = np.where(np.ptp(other, axis=1) > 0, (apart**2).sum(axis=1), np.nan)
    return np.asarray((apart * own).sum(axis=1) / spread)


@dataclass(frozen=True, kw_only=True, repr=False)
class StartDates(Displayable):
    """The run against its benchmark so many sessions after each start date.

    Attributes
    ----------
    horizon : int
        Sessions.
    ahead : Series of shape (start dates,)
        Total return of the account less that of the benchmark, by the first session of the period.
    idle : int
        Periods without a position.
    """

    SHOWN = ("horizon", "ahead", "share", "apart", "apart_beaten", "idle")

    horizon: int
    ahead: pd.Series
    idle: int

    @property
    def share(self) -> float:
        """Of the start dates, those from which the account made more than the benchmark."""
        return float((self.ahead > 0).mean())

    @property
    def apart(self) -> int:
        """Periods that do not overlap, the first from the first session on."""
        return len(self._apart)

    @property
    def apart_beaten(self) -> int:
        """Those of them in which the account made more."""
        return int((self._apart > 0).sum())

    @property
    def _apart(self) -> pd.Series:
        return self.ahead.iloc[:: self.horizon]

    def as_record(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "sessions": self.horizon,
            "start_dates": len(self.ahead),
            "share": self.share,
            "not_overlapping": self.apart,
            "not_overlapping_beaten": self.apart_beaten,
            "without_position": self.idle,
            "lowest": float(self.ahead.min()),
            "median": float(self.ahead.median()),
            "highest": float(self.ahead.max()),
        }


def start_dates(result: Result) -> tuple[StartDates, ...]:
    """The run against its benchmark from every start date, for up to three of :data:`HORIZONS`, the shortest first.

    A horizon must fit into the run twice. Empty without a benchmark, or for a run of fewer than 42 sessions.
    """
    market, sessions = result.benchmark_returns, len(result.equity)
    fitting = [horizon for horizon in HORIZONS if horizon * MIN_PERIODS <= sessions][-MAX_HORIZONS:]
    if market is None:
        return ()
    held = np.concatenate([[0], np.cumsum(sessions_in_market(result).to_numpy())])
    found = []
    for horizon in fitting:
        ahead = _totals(result.returns, horizon) - _totals(market, horizon)
        index = result.equity.index[: sessions - horizon + 1]
        idle = int((held[horizon:] == held[:-horizon]).sum())
        found.append(StartDates(horizon=horizon, ahead=pd.Series(ahead, index=index, name="ahead"), idle=idle))
    return tuple(found)


def _totals(returns: pd.Series, length: int) -> Floats:
    """Total return of every stretch of so many sessions, shape (sessions - length + 1,)."""
    wealth = np.concatenate([[1.0], np.cumprod(1 + returns.to_numpy())])  # zero after the last session alone, where a run ends
    return np.asarray(wealth[length:] / wealth[:-length] - 1)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
