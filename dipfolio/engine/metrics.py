"""Metrics: every number that we state about a run, with its formula.

Returns are simple returns of each session, shape (sessions,); a year has 252 of them. Volatility, Sharpe, Sortino and
drawdown agree with quantstats 0.0.86 and empyrical-reloaded on the same series. The annual return does not: ours
counts calendar days, theirs 252 sessions to the year and the idle first session with them.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dipfolio.engine.result import Result
from dipfolio.engine.showing import Shown
from dipfolio.market.rates import YEAR, RiskFree


def total_return(returns: pd.Series) -> float:
    """``prod(1 + r) - 1``."""
    return float(np.prod(1 + returns.to_numpy()) - 1)


def annual_return(total: float, days: int) -> float:
    """``(1 + total) ^ (365.25 / calendar days) - 1``; NaN for no day or an account that is wiped out."""
    return (1 + total) ** (365.25 / days) - 1 if days > 0 and total > -1 else math.nan


def volatility(returns: pd.Series) -> float:
    """A year: ``std(r) x sqrt(252)`` with n - 1; NaN for fewer than two sessions."""
    return float(returns.std(ddof=1) * math.sqrt(YEAR))


def sharpe(returns: pd.Series, risk_free: float | RiskFree = 0.0) -> float:
    """A year: ``mean(r - f) / std(r - f) x sqrt(252)``; NaN where nothing varies.

    Parameters
    ----------
    returns : Series
    risk_free : float or RiskFree
        A year; a session earns ``f = (1 + risk_free) ^ (1 / 252) - 1``.
    """
    excess = _excess(returns, risk_free)
    return _ratio(float(excess.mean()), float(np.std(excess, ddof=1)) if len(excess) > 1 and np.ptp(excess) > 0 else math.nan)


def sortino(returns: pd.Series, risk_free: float | RiskFree = 0.0) -> float:
    """A year: ``mean(r - f) / sqrt(mean(min(r - f, 0)^2)) x sqrt(252)`` (Sortino and Price, 1994); NaN without a loss."""
    excess = _excess(returns, risk_free)
    return _ratio(float(excess.mean()), math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2))))


def drawdowns(returns: pd.Series) -> pd.Series:
    """Wealth over its highest so far, minus 1; the starting cash is the first high. Shape (sessions,)."""
    wealth = (1 + returns).cumprod()
    return wealth / np.maximum(np.maximum.accumulate(wealth), 1.0) - 1


def _excess(returns: pd.Series, risk_free: float | RiskFree) -> np.ndarray:
    rate = risk_free.yearly(pd.DatetimeIndex(returns.index)).to_numpy() if isinstance(risk_free, RiskFree) else risk_free
    return np.asarray(returns.to_numpy() - ((1 + rate) ** (1 / YEAR) - 1))


def _ratio(mean: float, deviation: float) -> float:
    return mean / deviation * math.sqrt(YEAR) if deviation > 0 else math.nan


@dataclass(frozen=True, kw_only=True, repr=False)
class Metrics(Shown):
    """The numbers of a run; returns, volatility and exposure as fractions, money in dollars.

    Attributes
    ----------
    sessions : int
    total_return, annual_return, volatility, sharpe, sortino : float
    worst_drawdown : float
        The lowest of :func:`drawdowns`.
    time_in_market : float
        Of all sessions, those with a position held into them or an order filled in them.
    mean_exposure : float
        Gross exposure over equity on the close, averaged over all sessions.
    trades : int
        Round trips that have ended.
    win_rate : float
        Of these, the part with a profit after all costs; NaN without a trade.
    entry_dates : int
        Sessions in which trades, open ones included, were entered: the number of independent looks, at the most.
    commission, fees, slippage, borrow, interest, dividends : float
        Sums over the run; ``fees`` are the SEC's and FINRA's, ``slippage`` is in the prices already.
    benchmark_return, excess_return : float
        Of the benchmark over the same sessions, and total return less that; NaN without a benchmark.
    open_positions : int
    open_value : float
        Net value of what is open at the end.
    final_equity, residual : float
    """

    sessions: int
    total_return: float
    annual_return: float
    volatility: float
    sharpe: float
    sortino: float
    worst_drawdown: float
    time_in_market: float
    mean_exposure: float
    trades: int
    win_rate: float
    entry_dates: int
    commission: float
    fees: float
    slippage: float
    borrow: float
    interest: float
    dividends: float
    benchmark_return: float
    excess_return: float
    open_positions: int
    open_value: float
    final_equity: float
    residual: float


def measure(result: Result, risk_free: float | RiskFree = 0.0) -> Metrics:
    """All metrics of a run.

    Parameters
    ----------
    result : Result
    risk_free : float or RiskFree
        A year, for Sharpe and Sortino.
    """
    table, trades, returns = result.equity, result.trades, result.returns
    market = result.benchmark_returns
    total = total_return(returns)
    benchmark = math.nan if market is None else total_return(market)
    entries = pd.concat([trades["entry_session"], result.open_positions["entry_session"]])
    return Metrics(
        sessions=len(table),
        total_return=total,
        annual_return=annual_return(total, (result.window[1] - (result.base or result.window[0])).days),
        volatility=volatility(returns),
        sharpe=sharpe(returns, risk_free),
        sortino=sortino(returns, risk_free),
        worst_drawdown=float(drawdowns(returns).min()),
        time_in_market=float(in_market(result).mean()),
        mean_exposure=float((table["gross"] / table["equity"].where(table["equity"] > 0)).mean()),
        trades=len(trades),
        win_rate=float((trades["profit"] > 0).mean()) if len(trades) else math.nan,
        entry_dates=int(entries.nunique()),
        **{name: float(table[name].sum()) for name in ("commission", "fees", "slippage", "borrow", "interest", "dividends")},
        benchmark_return=benchmark,
        excess_return=total - benchmark,
        open_positions=len(result.open_positions),
        open_value=float(table["net"].iloc[-1]),
        final_equity=float(table["equity"].iloc[-1]),
        residual=result.residual,
    )


def in_market(result: Result) -> pd.Series:
    """Whether a position was held into each session or an order filled in it. Shape (sessions,)."""
    held_into = result.positions.shift(fill_value=0.0).ne(0).any(axis=1)
    return held_into | result.positions.index.isin(result.fills["session"])
