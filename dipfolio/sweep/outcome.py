"""Outcome: the numbers of every variant, by the formulas of :mod:`dipfolio.engine.metrics`, one row each."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.engine.metrics import YEAR, Metrics
from dipfolio.sweep.tapes import COSTS, Tapes

Floats = NDArray[np.float64]

FIGURES = (
    "final_equity", "total_return", "volatility", "sharpe", "worst_drawdown", "exposure", "trades", "win_rate", "open_positions",
    *COSTS, "cut", "margin_calls", "bankrupt", "sessions", "skew", "kurtosis",
)  # fmt: skip
"""Columns of the table. Returns, volatility and drawdown are fractions, volatility and Sharpe a year, costs dollars;
``exposure`` is gross over equity on the mean close; ``cut`` counts orders scaled or refused; skewness and kurtosis (3 for a
normal distribution) are those of the returns of the sessions, NaN where these do not vary."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
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


def outcome(tapes: Tapes, cash: float, start: int = 0) -> Outcome:
    """The numbers of a batch.

    Parameters
    ----------
    tapes : Tapes
    cash : float
        At the start.
    start : int
        Row of the first session that counts; those before it are history.
    """
    before = np.concatenate([np.full((1, tapes.equity.shape[1]), cash), tapes.equity[:-1]])
    returns = np.divide(tapes.equity, before, out=np.ones_like(before), where=before != 0)[start:] - 1
    exposure = np.divide(tapes.gross, tapes.equity, out=np.full_like(before, np.nan), where=tapes.equity > 0)[start:]
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = _shape(returns, exposure)
        ended = np.flatnonzero(tapes.last < len(tapes.equity) - 1)
        for column in ended:
            lived = slice(0, int(tapes.last[column]) - start + 1)
            own = _shape(returns[lived, column : column + 1], exposure[lived, column : column + 1])
            for name, values in own.items():
                shape[name][column] = values[0]
        wins = tapes.wins / tapes.trades
    final = tapes.equity[tapes.last, np.arange(len(tapes.last))]
    counts = {name: getattr(tapes, name) for name in ("trades", "open_positions", "cut", "margin_calls", *COSTS)}
    bankrupt = final <= 0
    table = pd.DataFrame(
        {"final_equity": final, **shape, **counts, "win_rate": wins, "bankrupt": bankrupt, "sessions": tapes.last - start + 1}
    )
    return Outcome(table=table[list(FIGURES)], returns=returns)


def _shape(returns: Floats, exposure: Floats) -> dict[str, Floats]:
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
        "sharpe": np.where(varies, mean / spread * math.sqrt(YEAR), np.nan),
        "worst_drawdown": (wealth / high).min(axis=0) - 1,
        "exposure": np.where(known, exposure, 0.0).sum(axis=0) / known.sum(axis=0),
        "skew": np.where(varies, (square * gap).mean(axis=0) / moment**1.5, np.nan),
        "kurtosis": np.where(varies, (square * square).mean(axis=0) / moment**2, np.nan),
    }


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
        return {"skew": math.nan, "kurtosis": math.nan}
    return {"skew": float((gap**3).mean()) / moment**1.5, "kurtosis": float((gap**4).mean()) / moment**2}
