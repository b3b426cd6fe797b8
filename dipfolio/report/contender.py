"""Contender: a track on the common terms of a comparison, with its metrics."""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.engine import metrics as formulas
from dipfolio.engine.metrics import Metrics, measure
from dipfolio.engine.result import Result
from dipfolio.market.rates import RiskFree
from dipfolio.report.fairness import Fairness
from dipfolio.report.track import Track

LEVELS = ("equity", "cash", "gross", "net")
RATES = ("return", "benchmark")


@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    """One column of the comparison.

    Attributes
    ----------
    label : str
    track : Track
        As it was before it was aligned.
    result : Result or None
        The part of the record inside the common window; None for a series from elsewhere.
    returns : Series of shape (sessions,)
    metrics : Metrics
        Of that part; what only the books of an account can say is NaN or 0 without a record.
    """

    label: str
    track: Track
    result: Result | None
    returns: pd.Series
    metrics: Metrics


def contenders(fairness: Fairness, risk_free: float | RiskFree = 0.0) -> tuple[Contender, ...]:
    """All tracks on the terms that were found.

    Parameters
    ----------
    fairness : Fairness
    risk_free : float or RiskFree
        A year, the same for all.
    """
    market = market_returns(fairness)
    return tuple(_contender(track, fairness, market, risk_free) for track in fairness.tracks)


def market_returns(fairness: Fairness) -> pd.Series | None:
    """Returns of the one benchmark over the common sessions, from the record that knows most of it; None without one."""
    days = fairness.sessions
    known = [result for _, result in fairness.runs if fairness.benchmark and result.benchmark == fairness.benchmark]
    for result in sorted(known, key=lambda r: r.base or r.window[0]):
        if result.returns.index[-1] >= days[-1] and result.returns.index[0] <= days[0]:
            return compounded(result.equity["benchmark"], days, fairness.base)
    return None


def compounded(returns: pd.Series, days: pd.DatetimeIndex, base: pd.Timestamp) -> pd.Series:
    """Returns from one of the days to the next, the first from ``base``; days between are multiplied in."""
    inside = returns[(returns.index > base) & (returns.index <= days[-1])]
    if inside.index.equals(days):
        return inside
    grouped = (1 + inside).groupby(days.searchsorted(inside.index)).prod() - 1
    return grouped.set_axis(days[grouped.index]).reindex(days, fill_value=0.0)


def excerpt(result: Result, days: pd.DatetimeIndex, base: pd.Timestamp) -> Result:
    """The part of a record in some of its sessions, as if it had been recorded for these alone.

    Stocks are those of each session, flows and returns those since the one before. Trades count if they were entered and
    ended inside; what was held on the last session is open. A wiped-out account stays as it was to the end.
    """
    table = result.equity.reindex(result.equity.index.union(days[days > result.equity.index[-1]]))
    flows = [name for name in table if name not in LEVELS]
    table = table.assign(**{name: table[name].fillna(0.0) for name in flows}).ffill()
    inside = table[(table.index > base) & (table.index <= days[-1])]
    groups = days.searchsorted(inside.index)
    summed = inside.groupby(groups).sum().set_axis(days)
    summed[list(LEVELS)] = inside.groupby(groups)[list(LEVELS)].last().set_axis(days)
    for name in RATES:
        summed[name] = compounded(inside[name], days, base)
    trades, still = _inside(result, days, base)
    fills, events = (t[(t["session"] > base) & (t["session"] <= days[-1])] for t in (result.fills, result.events))
    return replace(
        result,
        window=(days[0].date(), days[-1].date()),
        base=base.date(),
        equity=summed[result.equity.columns].rename_axis("session"),
        positions=result.positions.reindex(days, fill_value=0.0),
        fills=fills.reset_index(drop=True),
        events=events.reset_index(drop=True),
        trades=trades,
        open_positions=still,
    )


def _inside(result: Result, days: pd.DatetimeIndex, base: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trades entered and ended in the window, and those that are open on its last close."""
    ended = result.trades["exit_session"] <= days[-1]
    trades = result.trades[ended & (result.trades["entry_session"] > base)]
    later = result.trades[~ended & (result.trades["entry_session"] <= days[-1])]
    still = result.open_positions[result.open_positions["entry_session"] <= days[-1]]
    still = still if later.empty else later if still.empty else pd.concat([later, still])
    return trades.reset_index(drop=True), still.reset_index(drop=True)


def _contender(track: Track, fairness: Fairness, market: pd.Series | None, risk_free: float | RiskFree) -> Contender:
    days, base = fairness.sessions, fairness.base
    returns = track.returns if fairness.as_is else compounded(track.returns, days, base)
    if track.result is None:
        metrics = _of_series(returns, *((None, track.base) if fairness.as_is else (market, fairness.since)), risk_free)
        return Contender(label=track.label, track=track, result=None, returns=returns, metrics=metrics)
    result = track.result if fairness.as_is else _on_terms(track.result, fairness, market)
    metrics = measure(result, risk_free)
    if not result.returns.index.equals(track.result.returns.index):
        metrics = replace(metrics, **_of_whole(track.result, result, base))
    return Contender(label=track.label, track=track, result=result, returns=returns, metrics=metrics)


def _on_terms(result: Result, fairness: Fairness, market: pd.Series | None) -> Result:
    """The record itself where it is on the common terms already, else the part of it that is."""
    days, own = fairness.sessions, result.benchmark_returns
    whole = result.returns.index.equals(days)
    if whole and (own is market or (own is not None and market is not None and np.array_equal(own, market))):
        return result
    part = result if whole else excerpt(result, days, fairness.base)
    counted_from = fairness.base.date() if fairness.since == fairness.base else None
    column = 0.0 if market is None else market
    return replace(
        part, base=result.base if whole else counted_from, benchmark="" if market is None else fairness.benchmark,
        equity=part.equity.assign(benchmark=column),
    )  # fmt: skip


def _of_whole(whole: Result, part: Result, base: pd.Timestamp) -> dict[str, Any]:
    """What an excerpt cannot know of itself: whether it was invested when it began, and when what it held was entered."""
    in_market = formulas.in_market(whole).reindex(part.returns.index, fill_value=False)
    ended = whole.trades[whole.trades["exit_session"] > base]
    entries = pd.concat([ended["entry_session"], whole.open_positions["entry_session"]])
    inside = entries[entries <= part.returns.index[-1]]
    return {"time_in_market": float(in_market.mean()), "entry_dates": int(inside.nunique())}


def _of_series(returns: pd.Series, market: pd.Series | None, base: pd.Timestamp, risk_free: float | RiskFree) -> Metrics:
    """The metrics that returns alone can give."""
    total = formulas.total_return(returns)
    benchmark = math.nan if market is None else formulas.total_return(market)
    nothing: dict[str, Any] = {field.name: 0 if field.type is int else math.nan for field in fields(Metrics)}
    known: dict[str, Any] = {
        "sessions": len(returns),
        "total_return": total,
        "annual_return": formulas.annual_return(total, (returns.index[-1] - base).days),
        "volatility": formulas.volatility(returns),
        "sharpe": formulas.sharpe(returns, risk_free),
        "sortino": formulas.sortino(returns, risk_free),
        "worst_drawdown": float(np.min(formulas.drawdowns(returns))),
        "benchmark_return": benchmark,
        "excess_return": total - benchmark,
    }
    return Metrics(**{**nothing, **known})


def benchmark_metrics(fairness: Fairness, risk_free: float | RiskFree = 0.0) -> Metrics | None:
    """The same for the benchmark itself."""
    market = market_returns(fairness)
    return None if market is None else _of_series(market, None, fairness.since, risk_free)
