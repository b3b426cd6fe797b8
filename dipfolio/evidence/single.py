"""Single: the evidence for claims about one date, which is one observation whatever the number of names."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.engine import signals
from dipfolio.engine.account import Account
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DataError, StrategyError
from dipfolio.evidence.claims import Claim
from dipfolio.evidence.finding import Finding, from_placebo
from dipfolio.evidence.multiplicity import holm
from dipfolio.evidence.outcomes import Outcomes, outcomes_of, trades_of
from dipfolio.evidence.placebo import matched_dates, rotation
from dipfolio.evidence.recovery import Recovery, rank_of, recover, survival
from dipfolio.market.bars import Bars
from dipfolio.market.events import DEEPSEEK_MONDAY
from dipfolio.market.universe import resolve

MARKET = "SPY"

STRESS = 0.01
"""A stressful morning: SPY opens so far from its last close. Chosen before any outcome was seen, as the smallest round gap
under which 2015-2026 has more than the 199 mornings that ten corrected claims need; Monday's was 2.2 %."""

STRICT = 0.015
"""The gap of METHODS, which leaves fewer mornings; shown beside."""

SHOCK = -2.5
"""Deviations of 60 sessions that a drop must have to be compared with DeepSeek Monday's."""

MONDAY = pd.Timestamp(DEEPSEEK_MONDAY)


def built(folder: Path, claim: Claim, horizon: int, changes: Mapping[str, Any] | None = None) -> Strategy:
    """The strategy of a claim with this horizon.

    Raises
    ------
    UnknownNameError
        No such strategy in the folder.
    StrategyError
        One that is no :class:`Strategy`.
    """
    kind = load_strategy(folder, claim.strategy)
    if not issubclass(kind, Strategy):
        raise StrategyError(f"{claim.strategy} is no dipfolio.Strategy; only those tell what they would do on other dates.")
    has = {field.name for field in dataclasses.fields(kind)}
    values = {**claim.parameters, **(changes or {})}
    if "hold" in has and horizon:
        values["hold"] = horizon
    if "skip_event" in has:
        values["skip_event"] = True
    return kind(**values)


def event_findings(claim: Claim, bars: Bars, folder: Path) -> Iterator[Finding]:
    """The trade of the claim among placebo dates, the primary comparison first.

    One decision is compared with stressful mornings; decisions on several dates with the same pattern rotated over all.
    """
    for label, changes in {"": {}, **claim.variants}.items():
        for horizon in claim.horizons:
            outcomes = outcomes_of(trades_of(built(folder, claim, horizon, changes), bars), bars, claim.benchmark)
            yield from _one_trade(outcomes, bars, label or "as stated", horizon, several=claim.horizons == (1,))


def _one_trade(outcomes: Outcomes, bars: Bars, label: str, horizon: int, *, several: bool) -> Iterator[Finding]:
    rows = np.flatnonzero(outcomes.flags.reshape(len(outcomes.flags), -1).any(axis=1))
    if not len(rows):
        return
    if several:
        placebo = rotation(outcomes.flags, outcomes.values)
        yield from_placebo(placebo, label, horizon, against="the same pattern on all other dates", clusters=len(rows))
        return
    day, first = int(rows[0]), label == "as stated"
    if np.isnan(outcomes.values[day]):
        return
    everywhere = np.ones(len(outcomes.values), dtype=bool)
    yield _against(outcomes, day, stressful(bars, STRESS), label, horizon, f"mornings with SPY {STRESS:.1%} from its close")
    if first:
        strict = stressful(bars, STRICT)
        yield _against(outcomes, day, strict, label, horizon, f"mornings with SPY {STRICT:.1%} from its close")
        yield _against(outcomes, day, everywhere, label, horizon, "all other dates")


def _against(outcomes: Outcomes, day: int, alike: np.ndarray, label: str, horizon: int, against: str) -> Finding:
    return from_placebo(matched_dates(outcomes.values, day, alike, horizon + 10), label, horizon, against=against)


def stressful(bars: Bars, gap: float) -> np.ndarray:
    """Decisions whose first session opens with SPY so far from its close, shape (sessions,)."""
    prices = bars.select((MARKET,))
    moves = (prices.open + prices.dividends).shift(-1)[MARKET] / prices.close[MARKET] - 1
    return np.asarray(moves.abs() >= gap)


def duration_finding(claim: Claim, bars: Bars) -> Iterator[Finding]:
    """How long the recovery took among those after other drops of that size in sigmas."""
    close, longest = bars.close[claim.universe], claim.horizons[0]
    event, others = recover(close, MONDAY, longest), other_drops(bars, claim.universe, longest)
    quick, slow = rank_of(event, others)
    curve = survival(others, longest)
    yield Finding(
        label=claim.universe, horizon=longest, against=f"its {len(others)} other drops of 2.5 sigma or more", unit="sessions",
        observed=event.sessions, usual=curve.median, effect=event.sessions - curve.median, p_value=quick, opposite=slow,
        smallest=1 / (1 + len(others)),
    )  # fmt: skip


def other_drops(bars: Bars, symbol: str, longest: int = 250) -> tuple[Recovery, ...]:
    """The recoveries after all drops of 2.5 trailing deviations or more but DeepSeek Monday's."""
    sizes = signals.deviations(bars.returns[[symbol]])[symbol]
    days = [day for day in sizes.index[sizes <= SHOCK] if day != MONDAY]
    if not days:
        raise DataError(f"{symbol} has no other drop of {-SHOCK} sigma in these figures.")
    return tuple(recover(bars.close[symbol], day, longest) for day in days)


def fact_findings(claim: Claim, bars: Bars) -> Iterator[Finding]:
    """Each name's gap among its own gaps of the 250 sessions that end 11 before, Holm-corrected over the names."""
    names = resolve(claim.universe)
    prices = bars.select(names)
    gaps = (prices.open + prices.dividends) / prices.close.shift() - 1
    row = bars.sessions.get_loc(MONDAY)
    own, monday = gaps.iloc[row - 260 : row - 10].to_numpy(), gaps.iloc[row].to_numpy()
    lower = [float((1 + (before[~np.isnan(before)] <= now).sum()) / (1 + len(before))) for before, now in zip(own.T, monday, strict=True)]
    higher = [float((1 + (before[~np.isnan(before)] >= now).sum()) / (1 + len(before))) for before, now in zip(own.T, monday, strict=True)]
    for name, now, before, low, high in zip(names, monday, own.T, holm(lower), holm(higher), strict=True):
        usual = float(np.nanmean(before))
        yield Finding(
            label=name, against="its own 250 gaps before", observed=float(now), usual=usual, effect=float(now) - usual,
            p_value=low, opposite=high, smallest=len(names) / (1 + len(before)),
        )  # fmt: skip


def priced(claim: Claim, bars: Bars, folder: Path) -> Iterator[Finding]:
    """What a told trade made in dollars, before costs."""
    result = simulate(built(folder, claim, 0), bars, Account().without_costs())
    dollars = float(result.trades["gross"].sum())
    yield Finding(label=claim.strategy, unit="dollars", observed=dollars, observations=len(result.trades))
