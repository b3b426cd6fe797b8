"""The matched benchmark: what the same dollars would have made in a benchmark at the times of the trades.

A strategy that is in cash most of the time cannot be compared with a benchmark that is held all the time. Here the benchmark
goes in and out with the trades. Each fill that opens or enlarges a position puts its dollars, shares times price, into the
benchmark at the same open or close, long for a long and short for a short. Each fill that reduces a position takes the same
fraction out of it. This is the rule of the modified public market equivalent of private equity (mPME, Cambridge Associates,
2013), applied to every position by itself and on both sides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.engine.attribution import refuse_part
from dipfolio.engine.display import Displayable
from dipfolio.engine.result import Result
from dipfolio.engine.sizing import position_after

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, repr=False)
class MatchedBenchmark(Displayable):
    """A benchmark at the times and with the dollars of the trades of a run, before any cost.

    Attributes
    ----------
    symbol : str
    profit : float
        Dollars.
    by_name : Series of shape (symbols,)
        Dollars that the benchmark made in the place of each traded symbol; they sum to ``profit``.
    money : float
        The money put in, in dollars (:func:`money_put_in`).
    """

    SHOWN = ("symbol", "profit", "total_return", "money")

    symbol: str
    profit: float
    by_name: pd.Series
    money: float

    @property
    def total_return(self) -> float:
        """``profit / money``; NaN where no money was put in."""
        return self.profit / self.money if self.money else np.nan


def match_benchmark(result: Result, symbol: str) -> MatchedBenchmark | None:
    """The benchmark in the place of every position of a run.

    With ``u`` units after a fill of ``s`` shares at the price ``p``, and ``B`` the benchmark's price at the same moment: what
    opens adds ``s p / B`` units, what closes the fraction ``f`` of a position takes ``f u`` away. The profit is the sum of
    ``change of u x (B at the end + dividends after that session - B)``, which counts a dividend for the units held into its
    ex-date. Dividends are paid out and not reinvested, like those of the account.

    Daily data have no price of the benchmark within a session: a stop or a limit order that is filled there is matched at the
    close. A position that is paid out because its symbol stopped trading is matched at the last close before.

    Parameters
    ----------
    result : Result
    symbol : str
        One that ``result.prices`` has over the whole window.

    Returns
    -------
    MatchedBenchmark or None
        None where a price of the benchmark is missing.

    Raises
    ------
    ReportError
        A part of a run, which may begin with positions that none of its fills opened.
    """
    refuse_part(result)
    price, paid = _prices_of(result, symbol)
    later = np.repeat(paid[::-1].cumsum()[::-1] - paid, 2)
    profit = dict.fromkeys(result.fills["symbol"], 0.0)
    for name, moment, change in _unit_changes(result, price):
        profit[name] += change * (price[-1] + later[moment] - price[moment])
    by_name = pd.Series(profit, dtype="float64", name=symbol)
    total = float(by_name.sum(skipna=False))
    return None if np.isnan(total) else MatchedBenchmark(
        symbol=symbol, profit=total, by_name=by_name, money=money_put_in(result)
    )  # fmt: skip


def matched_returns(result: Result, symbol: str) -> pd.Series | None:
    """The profit of the matched benchmark in each session over the equity on the close before, shape (sessions,).

    Its profits, equity times these returns, sum to that of :func:`match_benchmark`: what is held over a night earns the move to
    the open and the dividend, what is held after the open the move to the close.

    Parameters
    ----------
    result : Result
    symbol : str
        One that ``result.prices`` has over the whole window.

    Returns
    -------
    Series or None
        None where a price of the benchmark is missing, or the account was wiped out.

    Raises
    ------
    ReportError
        A part of a run.
    """
    refuse_part(result)
    price, paid = _prices_of(result, symbol)
    before = result.equity["equity"].shift(fill_value=result.account.cash)
    if np.isnan(price).any() or (before <= 0).any():
        return None
    changes = np.zeros(len(price))
    for _, moment, change in _unit_changes(result, price):
        changes[moment] += change
    units, moves = np.cumsum(changes), np.diff(price)
    moves[1::2] += paid[1:]
    made = np.append(0.0, units[:-1] * moves).reshape(-1, 2).sum(axis=1)
    return (pd.Series(made, index=result.equity.index) / before).rename(symbol)


def _prices_of(result: Result, symbol: str) -> tuple[Floats, Floats]:
    """Open and close of each session one after the other, shape (2 x sessions,), and the dividends, shape (sessions,)."""
    own = result.prices[result.prices["symbol"] == symbol].set_index("session").reindex(result.equity.index)
    return own[["open", "close"]].to_numpy().ravel(), own["dividend"].to_numpy()


def _unit_changes(result: Result, price: Floats) -> Iterator[tuple[str, int, float]]:
    """Of each fill its symbol, its moment, and the units of the benchmark that are bought (negative: sold) in its place."""
    units: dict[str, float] = {}
    for step in fill_steps(result):
        before = units.get(step.symbol, 0.0)
        change = step.opened * step.price / price[step.moment] - step.closed * before
        units[step.symbol] = before + change
        yield step.symbol, step.moment, change


def matched_benchmarks(result: Result) -> tuple[MatchedBenchmark, ...]:
    """The benchmark of a run and the others that it keeps prices of, in that order."""
    symbols = (*([result.benchmark] if result.benchmark else []), *result.also)
    return tuple(found for symbol in symbols if (found := match_benchmark(result, symbol)) is not None)


def money_put_in(result: Result) -> float:
    """The largest amount at work at one time, at cost, in dollars.

    The cost of a position is what was paid, or received for a short, for the shares that are held: their number times their
    average price, slippage included, commission not. The costs of all positions, long and short, are added after all fills of
    each moment; the result is the largest sum.
    """
    return max((sum(costs.values()) for costs, _ in _costs(result)), default=0.0)


def money_by_name(result: Result) -> pd.Series:
    """The largest cost of the position in each traded symbol, in dollars, in the order of the first fill. Shape (symbols,)."""
    largest: dict[str, float] = {}
    for costs, changed in _costs(result):
        for symbol in changed:
            largest[symbol] = max(largest.get(symbol, 0.0), costs.get(symbol, 0.0))
    return pd.Series(largest, dtype="float64", name="dollars")


def _costs(result: Result) -> Iterator[tuple[dict[str, float], list[str]]]:
    """After each moment with a fill: the costs of the positions then, and the symbols of its fills."""
    costs: dict[str, float] = {}
    for _, steps in groupby(fill_steps(result), key=lambda step: step.moment):
        changed = []
        for step in steps:
            changed.append(step.symbol)
            cost = costs.pop(step.symbol, 0.0) * (1 - step.closed) + abs(step.opened) * step.price
            if cost:
                costs[step.symbol] = cost
        yield costs, changed


class FillStep(NamedTuple):
    """A fill as the fraction of the position that it closes and the signed shares that it opens.

    ``moment`` is twice the number of the session in the window, and one more for its close.
    """

    moment: int
    symbol: str
    closed: float
    opened: float
    price: float


def fill_steps(result: Result) -> Iterator[FillStep]:
    """The fills of a run in their order, each as a step."""
    fills, held = result.fills, dict[str, float]()
    rows = result.equity.index.get_indexer(fills["session"])
    columns: tuple[Any, ...] = (rows.tolist(), *(fills[name].tolist() for name in ("symbol", "shares", "price", "at")))
    for row, symbol, shares, price, at in zip(*columns, strict=True):
        before = held.get(symbol, 0.0)
        held[symbol] = after = float(position_after(before, shares))
        moment = 2 * row + {"open": 0, "settlement": -1}.get(at, 1)
        if before * shares >= 0:
            yield FillStep(moment, symbol, 0.0, shares, price)
        elif before * after > 0:
            yield FillStep(moment, symbol, -shares / before, 0.0, price)
        else:
            yield FillStep(moment, symbol, 1.0, after, price)
