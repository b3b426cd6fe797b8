"""Trade outcomes: the return of a complete trade for every session on which it could have been decided.

It is a shortcut for thousands of placebo dates. The result equals a simulation of the strategy without costs, trade
by trade.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.engine.exits import FillAt, HoldFor
from dipfolio.engine.simulation import checked_exit_rules, checked_targets
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import ParameterError
from dipfolio.evidence.calendar_time import HoldingTimes, SessionReturns, session_returns, symbol_sessions
from dipfolio.evidence.volatility import expected_size

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TradeDecisions:
    """When a strategy decides to trade, and how.

    Attributes
    ----------
    weights : DataFrame of shape (sessions, symbols)
        Positions wanted, decided on the close of the session; NaN for none. 0, to be flat, counts as none.
    entry, leave : {"open", "close"}
        Where in its first and last session a trade is executed.
    hold : int
        Sessions from the first to the last.
    renewed : bool
        Whether every decision is executed, as one trade ends where the next begins; otherwise a decision while a position is
        open is ignored.
    """

    weights: pd.DataFrame
    entry: FillAt = "open"
    leave: FillAt = "close"
    hold: int
    renewed: bool = False

    @property
    def flags(self) -> NDArray[np.bool_]:
        """Sessions with a decision, shape (sessions,)."""
        return np.asarray(self.weights.notna().any(axis=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class TradeOutcomes:
    """Decisions and what each would have earned on every session.

    Attributes
    ----------
    flags : array of bool, shape (sessions,) or (sessions, symbols)
        Where the strategy did decide; by symbol if it does not always trade the same ones together.
    returns : array of float, same shape
        Return of the whole trade over that of the benchmark, positive if it went the strategy's way; NaN where it does not
        end within the data.
    sessions : DatetimeIndex
    path : SessionReturns
        The returns of each session of the trade, or of each symbol, over those of the benchmark; one column or one a symbol.
    decisions : TradeDecisions
        What the positions follow from; its weights are not used.
    """

    flags: NDArray[np.bool_]
    returns: NDArray[np.float64]
    sessions: pd.DatetimeIndex
    path: SessionReturns
    decisions: TradeDecisions

    @property
    def decided(self) -> int:
        """Sessions with a decision."""
        return int(_any_symbol(self.flags).sum())

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> "TradeOutcomes":
        """Only the decisions of these sessions, both included."""
        rows = slice(*self.sessions.slice_locs(start, end))
        path = session_returns(self.path.night[rows], self.path.day[rows])  # expectations from these sessions alone
        return replace(self, flags=self.flags[rows], returns=self.returns[rows], sessions=self.sessions[rows], path=path)

    @cached_property
    def executed(self) -> NDArray[np.bool_]:
        """The decisions that an account executes, as no position is open and the trade ends within the data.

        Shape (sessions, series).
        """
        flags, known = (values.reshape(self.path.night.shape) for values in (self.flags, ~np.isnan(self.returns)))
        wanted, executed = flags & known, np.zeros(flags.shape, dtype=bool)
        if self.decisions.renewed:
            return np.asarray(wanted)
        sold_before_bought = self.decisions.leave == "open" and self.decisions.entry == "close"
        busy = self.decisions.hold + (0 if sold_before_bought else 1)
        for column in range(wanted.shape[1]):
            free = 0
            for row in np.flatnonzero(wanted[:, column]):
                if row >= free:
                    executed[row, column] = True
                    free = int(row) + busy
        return executed

    @property
    def held(self) -> HoldingTimes:
        """In which parts of which sessions the executed decisions hold a position."""
        executed, last = self.executed, len(self.sessions) - 1
        night, day = np.zeros(executed.shape), np.zeros(executed.shape)
        for row, column in zip(*np.nonzero(executed), strict=True):
            first, leave = row + 1, min(row + 1 + self.decisions.hold, last)
            night[first + 1 : leave + 1, column] = 1
            day[first : leave + 1, column] = 1
            if self.decisions.entry == "close":
                day[first, column] = 0
            if self.decisions.leave == "open":
                day[leave, column] = 0
        flags = self.flags.reshape(self.path.night.shape) & ~np.isnan(self.returns).reshape(self.path.night.shape)
        return HoldingTimes(night=night, day=day, trades=int(executed.sum()), signals=np.flatnonzero(flags.any(axis=1)))

    @property
    def mean_executed(self) -> float:
        """Mean return of the executed trades; NaN without one."""
        returns = self.returns.reshape(self.path.night.shape)[self.executed]
        return float(returns.mean()) if len(returns) else math.nan

    @property
    def mean_of_all_dates(self) -> float:
        """Mean return of the same trades on all dates: of each executed trade's symbol, if symbols trade apart."""
        returns = self.returns.reshape(self.path.night.shape)
        counts = self.executed.sum(axis=0)
        traded = counts > 0
        return float(np.average(np.nanmean(returns[:, traded], axis=0), weights=counts[traded])) if traded.any() else math.nan


def _any_symbol(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return flags if flags.ndim == 1 else np.asarray(flags.any(axis=1))


def decisions_of(strategy: Strategy, bars: Bars) -> TradeDecisions:
    """The decisions of a strategy that holds for a fixed time, or of one that decides anew on every session.

    The latter is taken for one trade a session, from one fill to the next.

    Raises
    ------
    ParameterError
        A strategy whose trades end otherwise, as what it would have earned on other dates depends on their prices; one that
        trades a symbol on both sides.
    """
    wanted, exits = checked_targets(strategy, bars.select(strategy.symbols)), checked_exit_rules(strategy)
    weights = wanted.where(wanted != 0)
    both = (weights > 0).any() & (weights < 0).any()
    if both.any():
        raise ParameterError(f"{strategy.name} trades {both.idxmax()} on both sides; what is compared with other dates has one.")
    if not exits:
        lasting = (weights.notna() & wanted.isna().shift(-1, fill_value=False)).any()
        if lasting.any():
            raise ParameterError(f"{strategy.name} has no exit rule: its positions last until its next instruction.")
        return TradeDecisions(weights=weights, entry=strategy.fill, leave=strategy.fill, hold=1, renewed=True)
    if len(exits) > 1 or not isinstance(exits[0], HoldFor):
        rules = ", ".join(map(str, exits))
        raise ParameterError(f"{strategy.name} does not hold for a fixed time but until: {rules}.")
    rule = exits[0]
    recent = weights.notna().rolling(rule.sessions + 1, min_periods=1).max() > 0
    if ((wanted == 0) & recent).any(axis=None):
        raise ParameterError(f"{strategy.name} does not hold for a fixed time: a target of 0 ends a position before its rule.")
    return TradeDecisions(weights=weights, entry=strategy.fill, leave=rule.fill, hold=rule.sessions)


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
    """The values so many rows below; NaN after the last."""
    later = np.full(values.shape, np.nan)
    if rows < len(values):
        later[: len(values) - rows] = values[rows:]
    return later


def outcomes_of(decisions: TradeDecisions, bars: Bars, benchmark: str = "") -> TradeOutcomes:
    """The returns of a strategy's trades for each session, over a benchmark bought and sold at the same times.

    Where every decision is for the same symbols, they are one trade: mean of the long side less mean of the short side, by
    their weights, over the larger side; a symbol that does not trade yet is left out of its side. Otherwise each symbol is a
    trade of its own.

    Parameters
    ----------
    decisions : TradeDecisions
    bars : Bars
        At least the symbols of the decisions and the benchmark.
    benchmark : str
        Empty for none.
    """
    return next(outcomes_by_hold(decisions, bars, (decisions.hold,), benchmark))


def outcomes_by_hold(decisions: TradeDecisions, bars: Bars, holds: Iterable[int], benchmark: str = "") -> Iterator[TradeOutcomes]:
    """The same for each of several holding times in place of the decisions' own."""
    symbols, sessions = tuple(decisions.weights.columns), pd.DatetimeIndex(decisions.weights.index)
    earned = _earned(bars.select(symbols), decisions.entry, decisions.leave)
    alone = _earned(bars.select((benchmark,)), decisions.entry, decisions.leave) if benchmark else None
    decided, apart = decisions.weights[decisions.flags].to_numpy(), decisions.weights.notna().to_numpy()
    together = len(decided) > 0 and (np.nan_to_num(decided) == np.nan_to_num(decided[0])).all()
    side = np.sign(np.nansum(decided, axis=0)) if len(decided) else np.ones(len(symbols))
    parts = symbol_sessions(bars.select(symbols))
    markets = symbol_sessions(bars.select((benchmark,))) if benchmark else (np.zeros((len(sessions), 1)),) * 2
    if together:
        weights = np.nan_to_num(decided[0])
        night, day = (_together(part, weights, market[:, 0])[:, None] for part, market in zip(parts, markets, strict=True))
    else:
        night, day = (side * (part - market) for part, market in zip(parts, markets, strict=True))
    path = session_returns(night, day)
    for hold in holds:
        market = alone(hold)[:, 0] if alone else np.zeros(len(sessions))
        if together:
            flags, returns = decisions.flags, _together(earned(hold), weights, market)
        else:
            flags, returns = apart, side * (earned(hold) - market[:, None])
        with_hold = replace(decisions, hold=hold)
        yield TradeOutcomes(flags=flags, returns=returns, sessions=sessions, path=path, decisions=with_hold)


BETA_SESSIONS = 120
"""Sessions up to the decision from which a trade's beta is taken."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AdjustedOutcomes:
    """What a trade of one decision would have earned on every session beyond its beta times the market's return.

    Attributes
    ----------
    flags : array of bool, shape (sessions,)
        Where the strategy did decide.
    returns : array of shape (sessions,)
        ``R - beta Rm`` over the same times, with the beta of the :data:`BETA_SESSIONS` up to the decision; NaN without one.
    sizes : array of shape (sessions,)
        The size of that which could be expected when the trade was entered.
    beta : array of shape (sessions,)
    """

    flags: NDArray[np.bool_]
    returns: Floats
    sizes: Floats
    beta: Floats


def adjusted_outcomes(
    decisions: TradeDecisions, bars: Bars, holds: Iterable[int], market: str = ""
) -> Iterator[AdjustedOutcomes]:
    """The market-adjusted returns of a strategy's trade for each session, with each of several holding times.

    Parameters
    ----------
    decisions : TradeDecisions
        For the same symbols each time.
    bars : Bars
    holds : iterable of int
        Sessions.
    market : str
        The benchmark of the market model; empty for none, and a beta of 0.

    Raises
    ------
    ParameterError
        Decisions for different symbols.
    """
    for outcomes in outcomes_by_hold(decisions, bars, holds):
        if outcomes.returns.ndim > 1:
            raise ParameterError("An event is one trade; these decisions are for different symbols.")
        daily = (outcomes.path.night + outcomes.path.day)[:, 0]
        beta, meanwhile, residual, opening_move = np.zeros(len(daily)), np.zeros(len(daily)), daily, np.zeros(len(daily))
        if market:
            market_bars = bars.select((market,))
            night, day = (part[:, 0] for part in symbol_sessions(market_bars))
            beta = _rolling_beta(daily, night + day)
            meanwhile = _earned(market_bars, decisions.entry, decisions.leave)(outcomes.decisions.hold)[:, 0]
            residual, opening_move = daily - np.append(np.nan, beta[:-1]) * (night + day), np.abs(_ahead(night, 1))
        returns = outcomes.returns - beta * meanwhile
        mean = float(np.nanmean(returns)) if (~np.isnan(returns)).any() else 0.0
        sizes = expected_size(returns - mean, residual, opening_move)
        yield AdjustedOutcomes(flags=outcomes.flags, returns=returns, sizes=sizes, beta=beta)


def _rolling_beta(returns: Floats, market: Floats) -> Floats:
    """Slope of the returns on the market's over the sessions up to each, shape (sessions,); NaN where they are too few."""
    y, x = pd.Series(returns), pd.Series(market)
    rolled = x.rolling(BETA_SESSIONS)
    return np.asarray(rolled.cov(y) / rolled.var())


def _together(earned: Floats, weights: Floats, market: Floats) -> Floats:
    """The return of all symbols as one trade, shape (sessions,)."""
    sides = [np.maximum(weights, 0.0), np.maximum(-weights, 0.0)]
    larger = max(side.sum() for side in sides)
    total = np.zeros(len(earned))
    for sign, side in zip((1, -1), sides, strict=True):
        if side.sum():
            weighted = np.where(np.isnan(earned), 0.0, side)
            gross = weighted.sum(axis=1)
            mean = (weighted * np.nan_to_num(earned)).sum(axis=1) / np.where(gross > 0, gross, np.nan)
            total = total + sign * side.sum() / larger * (mean - market)
    return np.asarray(total)
