"""Outcomes: what a whole trade would have earned, for every session on which it could have been decided.

A shortcut for thousands of placebo dates: the same as simulating the strategy without costs, trade by trade.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.engine.exits import FillAt, HoldFor
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import ParameterError
from dipfolio.market.bars import Bars

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Decisions:
    """When a strategy decides to trade, and how.

    Attributes
    ----------
    weights : DataFrame of shape (sessions, symbols)
        Positions wanted, decided on the close of the session; NaN for none. 0, to be flat, counts as none.
    entry, leave : {"open", "close"}
        Where in its first and last session a trade is executed.
    hold : int
        Sessions from the first to the last.
    """

    weights: pd.DataFrame
    entry: FillAt = "open"
    leave: FillAt = "close"
    hold: int

    @property
    def flags(self) -> NDArray[np.bool_]:
        """Sessions with a decision, shape (sessions,)."""
        return np.asarray(self.weights.notna().any(axis=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """Decisions and what each would have earned on every session.

    Attributes
    ----------
    flags : array of bool, shape (sessions,) or (sessions, symbols)
        Where the strategy did decide; by symbol if it does not always trade the same ones together.
    returns : array of float, same shape
        Return of the whole trade over that of the benchmark, positive if it went the strategy's way; NaN where it does not
        end within the figures.
    sessions : DatetimeIndex
    """

    flags: NDArray[np.bool_]
    returns: NDArray[np.float64]
    sessions: pd.DatetimeIndex

    @property
    def decided(self) -> int:
        """Sessions with a decision."""
        return int(_any_symbol(self.flags).sum())

    @property
    def ended(self) -> NDArray[np.int_]:
        """Numbers of the sessions with a decision in which every symbol's trade has its prices and ends within the figures."""
        return np.flatnonzero(_any_symbol(self.flags) & ~_any_symbol(np.isnan(self.returns)))

    @property
    def partial(self) -> int:
        """Sessions that are left out because some symbols had no figures yet, or none any more."""
        missing = np.isnan(self.returns).reshape(len(self.returns), -1)
        return int((missing.any(axis=1) & ~missing.all(axis=1)).sum())

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> "Outcomes":
        """Only the decisions of these sessions, both included."""
        kept = slice(*self.sessions.slice_locs(start, end))
        return Outcomes(flags=self.flags[kept], returns=self.returns[kept], sessions=self.sessions[kept])


def _any_symbol(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return flags if flags.ndim == 1 else np.asarray(flags.any(axis=1))


def decisions_of(strategy: Strategy, bars: Bars) -> Decisions:
    """The decisions of a strategy that holds for a fixed time, or of one that decides anew on every session.

    The latter is taken for one trade a session, from one fill to the next.

    Raises
    ------
    ParameterError
        A strategy whose trades end otherwise, as what it would have earned on other dates depends on their prices; one that
        trades a symbol on both sides.
    """
    wanted = strategy.targets(bars.select(strategy.symbols))
    weights = wanted.where(wanted != 0)
    both = (weights > 0).any() & (weights < 0).any()
    if both.any():
        raise ParameterError(f"{strategy.name} trades {both.idxmax()} on both sides; what is compared with other dates has one.")
    if not strategy.exits:
        lasting = (weights.notna() & wanted.isna().shift(-1, fill_value=False)).any()
        if lasting.any():
            raise ParameterError(f"{strategy.name} has no exit rule: its positions last until its next instruction.")
        return Decisions(weights=weights, entry=strategy.fill, leave=strategy.fill, hold=1)
    if len(strategy.exits) > 1 or not isinstance(strategy.exits[0], HoldFor):
        rules = ", ".join(map(str, strategy.exits))
        raise ParameterError(f"{strategy.name} does not hold for a fixed time but until: {rules}.")
    rule = strategy.exits[0]
    recent = weights.notna().rolling(rule.sessions + 1, min_periods=1).max() > 0
    if ((wanted == 0) & recent).any(axis=None):
        raise ParameterError(f"{strategy.name} does not hold for a fixed time: a target of 0 ends a position before its rule.")
    return Decisions(weights=weights, entry=strategy.fill, leave=rule.fill, hold=rule.sessions)


def _earned(bars: Bars, entry: FillAt, leave: FillAt) -> Callable[[int], Floats]:
    """Total return of a long trade, by the session on whose close it is decided, as a function of the sessions held.

    Row t enters in session t + 1 and leaves ``hold`` sessions later: ``(P_leave - P_enter + dividends) / P_enter`` with the
    dividends whose ex-date is after the first session, up to the last; NaN where either price is not there.
    """
    prices = {"open": bars.open.to_numpy(), "close": bars.close.to_numpy()}
    paid = bars.dividends.to_numpy().cumsum(axis=0)
    enter, begun = _ahead(prices[entry], 1), _ahead(paid, 1)

    def earned(hold: int) -> Floats:
        """Return of a trade held so long, shape (sessions, symbols)."""
        return np.asarray((_ahead(prices[leave], 1 + hold) - enter + _ahead(paid, 1 + hold) - begun) / enter)

    return earned


def _ahead(values: Floats, rows: int) -> Floats:
    """What stands so many rows below; NaN after the last."""
    later = np.full(values.shape, np.nan)
    if rows < len(values):
        later[: len(values) - rows] = values[rows:]
    return later


def outcomes_of(decisions: Decisions, bars: Bars, benchmark: str = "") -> Outcomes:
    """What the trades of a strategy would have earned on each session, over a benchmark bought and sold at the same times.

    Where every decision is for the same symbols, they are one trade: mean of the long side less mean of the short side, by
    their weights, over the larger side; a symbol that does not trade yet is left out of its side. Otherwise each symbol is a
    trade of its own.

    Parameters
    ----------
    decisions : Decisions
    bars : Bars
        At least the symbols of the decisions and the benchmark.
    benchmark : str
        Empty for none.
    """
    return next(outcomes_by_hold(decisions, bars, (decisions.hold,), benchmark))


def outcomes_by_hold(decisions: Decisions, bars: Bars, holds: Iterable[int], benchmark: str = "") -> Iterator[Outcomes]:
    """The same for each of several holding times in place of the decisions' own."""
    symbols, sessions = tuple(decisions.weights.columns), pd.DatetimeIndex(decisions.weights.index)
    earned = _earned(bars.select(symbols), decisions.entry, decisions.leave)
    alone = _earned(bars.select((benchmark,)), decisions.entry, decisions.leave) if benchmark else None
    decided, apart = decisions.weights[decisions.flags].to_numpy(), decisions.weights.notna().to_numpy()
    together = len(decided) > 0 and (np.nan_to_num(decided) == np.nan_to_num(decided[0])).all()
    side = np.sign(np.nansum(decided, axis=0)) if len(decided) else np.ones(len(symbols))
    for hold in holds:
        market = alone(hold)[:, 0] if alone else np.zeros(len(sessions))
        if together:
            returns = _together(earned(hold), np.nan_to_num(decided[0]), market)
            yield Outcomes(flags=decisions.flags, returns=returns, sessions=sessions)
        else:
            yield Outcomes(flags=apart, returns=side * (earned(hold) - market[:, None]), sessions=sessions)


def _together(earned: Floats, weights: Floats, market: Floats) -> Floats:
    """The return of all symbols as one trade, shape (sessions,)."""
    sides = [np.maximum(weights, 0.0), np.maximum(-weights, 0.0)]
    larger = max(side.sum() for side in sides)
    total = np.zeros(len(earned))
    for sign, side in zip((1, -1), sides, strict=True):
        if side.sum():
            there = np.where(np.isnan(earned), 0.0, side)
            kept = there.sum(axis=1)
            mean = (there * np.nan_to_num(earned)).sum(axis=1) / np.where(kept > 0, kept, np.nan)
            total = total + sign * side.sum() / larger * (mean - market)
    return np.asarray(total)
