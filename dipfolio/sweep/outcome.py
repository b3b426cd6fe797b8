"""Outcome: the numbers of every variant, by the formulas of :mod:`dipfolio.engine.metrics`, one row each."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.engine.metrics import Metrics
from dipfolio.engine.showing import Shown
from dipfolio.market.rates import YEAR
from dipfolio.sweep.tapes import COSTS, Tapes

Floats = NDArray[np.float64]

FIGURES = (
    "final_equity", "total_return", "volatility", "sharpe", "worst_drawdown", "exposure", "trades", "win_rate", "open_positions",
    *COSTS, "cut", "margin_calls", "bankrupt", "sessions", "ratio", "skew", "kurtosis",
)  # fmt: skip
"""Columns of the table. Returns, volatility and drawdown are fractions, volatility and Sharpe a year, costs dollars;
``exposure`` is gross over equity on the mean close; ``cut`` counts orders scaled or refused; ``ratio`` is the Sharpe ratio a
session before any riskless rate; skewness and kurtosis (3 for a normal distribution) are those of the returns of the sessions.
NaN where these do not vary."""

BLOCK = 128
"""Variants measured at a time; larger arrays would leave the processor's cache."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Outcome(Shown):
    """What came of some variants.

    Attributes
    ----------
    table : DataFrame of shape (variants, columns)
        :data:`FIGURES`.
    returns : array of shape (sessions, variants)
        Of each session, 0 after a bankruptcy.
    """

    table: pd.DataFrame
    returns: Floats


def outcome(tapes: Tapes, cash: float, start: int = 0, riskless: Floats | None = None) -> Outcome:
    """The numbers of a batch.

    Parameters
    ----------
    tapes : Tapes
    cash : float
        At the start.
    start : int
        Row of the first session that counts; those before it are history.
    riskless : array of shape (sessions,), optional
        What each session that counts earns without risk, taken off in the Sharpe ratios; nothing if not given.
    """
    returns = np.empty((len(tapes.equity) - start, tapes.equity.shape[1]))
    riskless = np.zeros(len(returns)) if riskless is None else riskless
    parts = []
    for first in range(0, returns.shape[1], BLOCK):
        block = slice(first, first + BLOCK)
        returns[:, block] = _returns(tapes.equity[:, block], tapes.last[block], cash)[start:]
        parts.append(_shapes(returns[:, block], riskless, tapes, block, start))
    shape = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    wins = np.divide(tapes.wins, tapes.trades, out=np.full(len(tapes.trades), np.nan), where=tapes.trades > 0)
    final = tapes.equity[tapes.last, np.arange(len(tapes.last))]
    counts = {name: getattr(tapes, name) for name in ("trades", "open_positions", "cut", "margin_calls", *COSTS)}
    bankrupt = final <= 0
    table = pd.DataFrame(
        {"final_equity": final, **shape, **counts, "win_rate": wins, "bankrupt": bankrupt, "sessions": tapes.last - start + 1}
    )
    return Outcome(table=table[list(FIGURES)], returns=returns)


def _returns(equity: Floats, last: NDArray[np.int_], cash: float) -> Floats:
    """Of every session, 0 after the last one. Shape (sessions, variants)."""
    before = np.concatenate([np.full((1, equity.shape[1]), cash), equity[:-1]])
    returns = np.divide(equity, before, out=np.ones_like(before), where=before != 0) - 1
    if (last < len(equity) - 1).any():
        returns[np.arange(len(equity))[:, None] > last] = 0.0
    return np.asarray(returns)


def _shapes(returns: Floats, riskless: Floats, tapes: Tapes, block: slice, start: int) -> dict[str, Floats]:
    """What depends on the paths of some variants; that of a bankrupt one ends with its last session."""
    equity, last = tapes.equity[start:, block], tapes.last[block] - start
    exposure = np.divide(tapes.gross[start:, block], equity, out=np.full_like(equity, np.nan), where=equity > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = _shape(returns, riskless, exposure)
        for column in np.flatnonzero(last < len(returns) - 1):
            lived, only = slice(0, int(last[column]) + 1), slice(column, column + 1)
            for name, values in _shape(returns[lived, only], riskless[lived], exposure[lived, only]).items():
                shape[name][column] = values[0]
    return shape


def _shape(returns: Floats, riskless: Floats, exposure: Floats) -> dict[str, Floats]:
    """What depends on the path, each of shape (variants,)."""
    count = len(returns)
    mean = returns.mean(axis=0)
    gap = returns - mean
    square = gap * gap
    spread = np.where(np.ptp(returns, axis=0) > 0, np.sqrt(square.sum(axis=0) / (count - 1 if count > 1 else math.nan)), 0.0)
    wealth = np.cumprod(1 + returns, axis=0)
    high = np.maximum(np.maximum.accumulate(wealth, axis=0), 1.0)
    moment = square.mean(axis=0)
    varies = spread > 0
    known = ~np.isnan(exposure)
    return {
        "total_return": wealth[-1] - 1,
        "volatility": spread * math.sqrt(YEAR) if count > 1 else np.full_like(mean, np.nan),
        "sharpe": _sharpe(returns, riskless, mean, spread),
        "ratio": np.divide(mean, spread, out=np.full_like(mean, np.nan), where=spread > 0),
        "worst_drawdown": (wealth / high).min(axis=0) - 1,
        "exposure": np.where(known, exposure, 0.0).sum(axis=0) / known.sum(axis=0),
        "skew": np.where(varies, (square * gap).mean(axis=0) / moment**1.5, np.nan),
        "kurtosis": np.where(varies, (square * square).mean(axis=0) / moment**2, np.nan),
    }


def _sharpe(returns: Floats, riskless: Floats, mean: Floats, spread: Floats) -> Floats:
    """A year, of what is above the riskless return. Shape (variants,)."""
    if riskless.any():
        excess = returns - riskless[:, None]
        mean = excess.mean(axis=0)
        spread = np.where(np.ptp(excess, axis=0) > 0, excess.std(axis=0, ddof=1) if len(excess) > 1 else 0.0, 0.0)
    return np.where(spread > 0, mean / spread * math.sqrt(YEAR), np.nan)


def row_of(metrics: Metrics, returns: pd.Series, events: pd.DataFrame) -> dict[str, float | bool]:
    """The same figures of one run of backtrader."""
    shape = _moments(returns.to_numpy())
    kinds = events["kind"]
    same = ("final_equity", "total_return", "volatility", "sharpe", "worst_drawdown", "trades", "win_rate", "open_positions")
    return {
        **{name: getattr(metrics, name) for name in (*same, *COSTS, "sessions")},
        "exposure": metrics.mean_exposure,
        "cut": int(kinds.isin(["scaled", "refused"]).sum()),
        "margin_calls": int((kinds == "margin call").sum()),
        "bankrupt": bool((kinds == "bankrupt").any()),
        **shape,
    }


def _moments(returns: Floats) -> dict[str, float]:
    gap = returns - returns.mean()
    moment = float((gap**2).mean())
    if not np.ptp(returns) > 0:
        return {"ratio": math.nan, "skew": math.nan, "kurtosis": math.nan}
    return {
        "ratio": float(returns.mean() / returns.std(ddof=1)),
        "skew": float((gap**3).mean()) / moment**1.5,
        "kurtosis": float((gap**4).mean()) / moment**2,
    }
