"""Metrics of all variants of a batch, one row for each variant.

Most are vectorised over the variants, by the formulas of :mod:`dipfolio.engine.metrics`. Any other metric of the table that
is shown of a sweep is computed from the returns of each variant. A metric that needs the record of a run is missing.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.risk_free import SESSIONS_PER_YEAR
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import (
    RETURN_ROUNDING,
    Metric,
    Metrics,
    ReturnSeries,
    View,
    cost_metrics,
    count_observations,
    metrics_in,
)
from dipfolio.sweep.state import COST_COLUMNS, BatchLog

Floats = NDArray[np.float64]

VECTORISED_COLUMNS = (
    "final_equity",
    "total_return",
    "volatility",
    "sharpe",
    "worst_drawdown",
    "exposure",
    "trades",
    "win_rate",
    "open_positions",
    *COST_COLUMNS,
    "costs",
    "cut",
    "margin_calls",
    "bankrupt",
    "sessions",
    "time_in_market",
    "entry_dates",
    "observations",
    "ratio",
    "skew",
    "kurtosis",
)
"""Columns of the table that are computed for all variants together.

Returns, volatility and drawdown are fractions, volatility and Sharpe a year, costs dollars; ``exposure`` is gross over equity
on the mean close; ``cut`` counts orders scaled or refused; ``ratio`` is the Sharpe ratio a session before any riskless rate;
skewness and kurtosis (3 for a normal distribution) are those of the returns of the sessions. NaN where these do not vary. Where
cash earns by a dated rate, these three are of the returns above what idle cash earned, as that is no merit of a variant. The
other columns are those of :data:`dipfolio.engine.metrics.METRICS`."""

VARIANTS_PER_BLOCK = 128
"""Variants measured at a time; larger arrays would leave the processor's cache."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class VariantMetrics(Displayable):
    """The metrics of some variants.

    Attributes
    ----------
    table : DataFrame of shape (variants, columns)
        :func:`metric_columns`.
    returns : array of shape (sessions, variants)
        Of each session, 0 after a bankruptcy.
    """

    table: pd.DataFrame
    returns: Floats


def sweep_metrics(view: View) -> tuple[Metric, ...]:
    """The metrics of a view of a sweep that a sweep computes, in the order of the view."""
    return tuple(metric for metric in metrics_in(view) if metric.name in VECTORISED_COLUMNS or metric.from_returns)


def missing_metrics() -> tuple[Metric, ...]:
    """The metrics that belong to a sweep and are missing from it, as they need the record of a run."""
    wanted = dict.fromkeys((*metrics_in("sweep"), *metrics_in("surface")))
    return tuple(metric for metric in wanted if metric not in sweep_metrics("sweep") + sweep_metrics("surface"))


def metric_columns() -> tuple[str, ...]:
    """Columns of the table: :data:`VECTORISED_COLUMNS`, then the metrics computed from the returns of each variant."""
    return (*VECTORISED_COLUMNS, *(metric.name for metric in _from_each_path()))


def _from_each_path() -> tuple[Metric, ...]:
    computed = dict.fromkeys((*sweep_metrics("sweep"), *sweep_metrics("surface")))
    return tuple(metric for metric in computed if metric.name not in VECTORISED_COLUMNS)


def measure_variants(
    batch_log: BatchLog,
    cash: float,
    start: int = 0,
    riskless: Floats | None = None,
    days: NDArray[np.int_] | None = None,
    idle: Floats | None = None,
    sessions_per_year: int = SESSIONS_PER_YEAR,
) -> VariantMetrics:
    """The numbers of a batch.

    Parameters
    ----------
    batch_log : BatchLog
    cash : float
        At the start.
    start : int
        Row of the first session that counts; those before it are history.
    riskless : array of shape (sessions,), optional
        What each session that counts earns without risk, taken off in the Sharpe ratios; nothing if not given.
    days : array of int, shape (sessions,), optional
        Calendar days from the close before the first session that counts to each one that does. Without it annual returns are
        NaN.
    idle : array of shape (sessions,), optional
        What idle cash earned in each session that counts, where it earns by a dated rate; taken off in ``ratio`` and in the
        moments.
    sessions_per_year : int
        Of the calendar.
    """
    returns = np.empty((len(batch_log.equity) - start, batch_log.equity.shape[1]))
    riskless = np.zeros(len(returns)) if riskless is None else riskless
    days = np.zeros(len(returns), dtype=int) if days is None else days
    parts = []
    for first in range(0, returns.shape[1], VARIANTS_PER_BLOCK):
        block = slice(first, first + VARIANTS_PER_BLOCK)
        returns[:, block] = _returns(batch_log.equity[:, block], batch_log.last[block], cash)[start:]
        parts.append(
            _annual(_path_metrics(returns[:, block], riskless, batch_log, block, start, idle), sessions_per_year)
            | _each_path_metrics(returns[:, block], riskless, days, batch_log.last[block] - start)
        )
    shape = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    wins = np.divide(batch_log.wins, batch_log.trades, out=np.full(len(batch_log.trades), np.nan), where=batch_log.trades > 0)
    final = batch_log.equity[batch_log.last, np.arange(len(batch_log.last))]
    counts = {
        name: getattr(batch_log, name)
        for name in ("trades", "open_positions", "cut", "margin_calls", "entry_dates", *COST_COLUMNS)
    }
    sessions = batch_log.last - start + 1
    invested = batch_log.invested / sessions
    observed = [
        count_observations(*arguments)
        for arguments in zip(invested.tolist(), sessions.tolist(), batch_log.entry_dates.tolist(), strict=True)
    ]
    table = pd.DataFrame(
        {
            "final_equity": final, **shape, **counts, "win_rate": wins, "bankrupt": final <= 0, "sessions": sessions,
            "time_in_market": invested, "observations": observed,
            "costs": sum(getattr(batch_log, metric.name, math.nan) for metric in cost_metrics()),
        }
    )  # fmt: skip
    return VariantMetrics(table=table[list(metric_columns())], returns=returns)


def _returns(equity: Floats, last: NDArray[np.int_], cash: float) -> Floats:
    """Of every session, 0 after the last one. Shape (sessions, variants)."""
    before = np.concatenate([np.full((1, equity.shape[1]), cash), equity[:-1]])
    returns = np.divide(equity, before, out=np.ones_like(before), where=before != 0) - 1
    if (last < len(equity) - 1).any():
        returns[np.arange(len(equity))[:, None] > last] = 0.0
    return np.asarray(returns)


def _annual(shape: dict[str, Floats], sessions_per_year: int) -> dict[str, Floats]:
    """The metrics with the volatility and the Sharpe ratio of a session brought to a year."""
    return shape | {name: shape[name] * math.sqrt(sessions_per_year) for name in ("volatility", "sharpe")}


def _path_metrics(
    returns: Floats, riskless: Floats, batch_log: BatchLog, block: slice, start: int, idle: Floats | None
) -> dict[str, Floats]:
    """The metrics that depend on the paths of some variants; that of a bankrupt one ends with its last session."""
    equity, last = batch_log.equity[start:, block], batch_log.last[block] - start
    exposure = np.divide(batch_log.gross[start:, block], equity, out=np.full_like(equity, np.nan), where=equity > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = _block_path_metrics(returns, riskless, exposure) | _moments_above(returns, idle)
        for column in np.flatnonzero(last < len(returns) - 1):
            lived, only = slice(0, int(last[column]) + 1), slice(column, column + 1)
            known = None if idle is None else idle[lived]
            alive = _block_path_metrics(returns[lived, only], riskless[lived], exposure[lived, only])
            for name, values in (alive | _moments_above(returns[lived, only], known)).items():
                shape[name][column] = values[0]
    return shape


def _each_path_metrics(returns: Floats, riskless: Floats, days: NDArray[np.int_], last: NDArray[np.int_]) -> dict[str, Floats]:
    """The metrics without a vectorised form, each of shape (variants,); a bankrupt path ends with its last session."""
    metrics = _from_each_path()
    paths = np.ascontiguousarray(returns.T) if metrics else returns.T
    values = {metric.name: np.empty(len(last)) for metric in metrics}
    for variant, end in enumerate(last.tolist() if metrics else ()):
        lived = slice(0, end + 1)
        series = ReturnSeries(returns=paths[variant, lived], riskless=riskless[lived], days=int(days[end]))
        for metric in metrics:
            values[metric.name][variant] = metric.of_returns(series)
    return values


def _block_path_metrics(returns: Floats, riskless: Floats, exposure: Floats) -> dict[str, Floats]:
    """The metrics that depend on the path, each of shape (variants,)."""
    count = len(returns)
    mean = returns.mean(axis=0)
    deviation = returns - mean
    square = deviation * deviation
    spread = np.where(np.ptp(returns, axis=0) > 0, np.sqrt(square.sum(axis=0) / (count - 1 if count > 1 else math.nan)), 0.0)
    wealth = np.cumprod(1 + returns, axis=0)
    high = np.maximum(np.maximum.accumulate(wealth, axis=0), 1.0)
    moment = square.mean(axis=0)
    varies = spread > 0
    known = ~np.isnan(exposure)
    return {
        "total_return": wealth[-1] - 1,
        "volatility": spread if count > 1 else np.full_like(mean, np.nan),
        "sharpe": _sharpe(returns, riskless, mean, spread),
        "ratio": np.divide(mean, spread, out=np.full_like(mean, np.nan), where=spread > 0),
        "worst_drawdown": (wealth / high).min(axis=0) - 1,
        "exposure": np.where(known, exposure, 0.0).sum(axis=0) / known.sum(axis=0),
        "skew": np.where(varies, (square * deviation).mean(axis=0) / moment**1.5, np.nan),
        "kurtosis": np.where(varies, (square * square).mean(axis=0) / moment**2, np.nan),
    }


def _moments_above(returns: Floats, idle: Floats | None) -> dict[str, Floats]:
    """Ratio, skewness and kurtosis of the returns above what idle cash earned, each of shape (variants,); none without it."""
    if idle is None:
        return {}
    found = [_moments(column - idle) for column in returns.T]
    return {name: np.array([moments[name] for moments in found]) for name in ("ratio", "skew", "kurtosis")}


def _sharpe(returns: Floats, riskless: Floats, mean: Floats, spread: Floats) -> Floats:
    """Of a session, of what is above the riskless return. Shape (variants,)."""
    if riskless.any():
        excess = returns - riskless[:, None]
        mean = excess.mean(axis=0)
        spread = np.where(np.ptp(excess, axis=0) > RETURN_ROUNDING, excess.std(axis=0, ddof=1) if len(excess) > 1 else 0.0, 0.0)
    return np.where(spread > 0, mean / spread, np.nan)


def metrics_row(
    metrics: Metrics, returns: pd.Series, events: pd.DataFrame, idle: Floats | None = None
) -> dict[str, float | bool]:
    """The same metrics of one run of backtrader; ``idle`` as in :func:`measure_variants`."""
    shape = _moments(returns.to_numpy() if idle is None else returns.to_numpy() - idle)
    kinds = events["kind"]
    return {
        **{name: metrics.by_name[name] for name in metric_columns() if name in metrics.by_name},
        "exposure": metrics.mean_exposure,
        "cut": int(kinds.isin(["scaled", "refused"]).sum()),
        "margin_calls": int((kinds == "margin call").sum()),
        "bankrupt": bool((kinds == "bankrupt").any()),
        **shape,
    }


def _moments(returns: Floats) -> dict[str, float]:
    deviation = returns - returns.mean()
    moment = float((deviation**2).mean())
    if not np.ptp(returns) > RETURN_ROUNDING:
        return {"ratio": math.nan, "skew": math.nan, "kurtosis": math.nan}
    return {
        "ratio": float(returns.mean() / returns.std(ddof=1)),
        "skew": float((deviation**3).mean()) / moment**1.5,
        "kurtosis": float((deviation**4).mean()) / moment**2,
    }
