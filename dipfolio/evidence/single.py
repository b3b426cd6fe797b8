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
from dipfolio.evidence.estimate import Estimate, from_placebo
from dipfolio.evidence.multiplicity import holm
from dipfolio.evidence.outcomes import Outcomes, decisions_of, outcomes_of
from dipfolio.evidence.placebo import matched, matched_dates, rotation
from dipfolio.evidence.recovery import Recovery, rank_of, recover, survival
from dipfolio.market.bars import Bars
from dipfolio.market.events import DEEPSEEK_MONDAY
from dipfolio.market.universe import resolve

MARKET = "SPY"

STRESS = 0.01
"""A stressful morning: SPY opens so far from its last close. Chosen before any outcome was seen, as the largest round gap
under which 2015-2026 has more than the 199 mornings that ten corrected claims need; Monday's was 2.2 %.

With each of those mornings in the place of the event, the ranks over 5 sessions are at most 5 % for 4.7 to 5.0 % of them in
either direction (of those since 2022 for 3 to 8 %). Over 60 sessions they are for 5 to 9 % (2 to 17 %), over 250 for 4 to 18 %
(0 to 16 %), as the trades overlap and the chips' excess returns have spread: a small rank at such a horizon is worth less than
it says."""

STATED = "as stated"
"""Label of the claim's own entry."""

APART = 10
"""Sessions more than the holding time that must lie between the event and a placebo."""

STRICT = 0.015
"""A wider gap, which leaves fewer mornings; shown beside."""

SHOCK = -2.5
"""Deviations of 60 sessions that a drop must have to be compared with DeepSeek Monday's."""

BEFORE = (260, 10)
"""Sessions before the event between which a name's own gaps are taken: 250 that end 11 before it."""

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


def event_estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """The trade of the claim among placebo dates, the primary comparison, with stressful mornings, first."""
    pools = {
        f"mornings with SPY {STRESS:.1%} from its close": stressful(bars, STRESS),
        f"mornings with SPY {STRICT:.1%} from its close": stressful(bars, STRICT),
        "all other dates": np.ones(len(bars), dtype=bool),
    }
    for label, changes in {STATED: {}, **claim.variants}.items():
        for horizon in claim.horizons:
            outcomes = outcomes_of(decisions_of(built(folder, claim, horizon, changes), bars), bars, claim.benchmark)
            if outcomes.decided != 1:
                raise DataError(f"{claim.strategy} decides {outcomes.decided} times in these figures; an event has one decision.")
            for against, alike in list(pools.items())[: 3 if label == STATED else 1]:
                yield from _ranked(outcomes, alike, label, horizon, against)


def _ranked(outcomes: Outcomes, alike: np.ndarray, label: str, horizon: int, against: str) -> Iterator[Estimate]:
    """The event among these dates; nothing where its trade does not end within the figures, or none of theirs does."""
    day, distance = int(outcomes.flags.argmax()), horizon + APART
    pool = matched(outcomes.returns, day, alike, distance)
    if pool.any() and not np.isnan(outcomes.returns[day]):
        yield from_placebo(matched_dates(outcomes.returns, day, alike, distance), label, horizon, against=against)


def described_estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """The mean of a few trades beside that of the same pattern on other dates, without a test."""
    for label, changes in {STATED: {}, **claim.variants}.items():
        outcomes = outcomes_of(decisions_of(built(folder, claim, 0, changes), bars), bars, claim.benchmark)
        placebo = rotation(outcomes.flags, outcomes.returns)
        yield Estimate(
            label=label, horizon=claim.horizons[0], against="the same pattern on all other dates", observed=placebo.observed,
            usual=placebo.usual, effect=placebo.excess, observations=placebo.signals, clusters=outcomes.decided,
        )  # fmt: skip


def stressful(bars: Bars, gap: float) -> np.ndarray:
    """Decisions whose first session opens with SPY so far from its close, shape (sessions,)."""
    prices = bars.select((MARKET,))
    moves = (prices.open + prices.dividends).shift(-1)[MARKET] / prices.close[MARKET] - 1
    return np.asarray(moves.abs() >= gap)


def duration_estimates(claim: Claim, bars: Bars) -> Iterator[Estimate]:
    """How long the recovery took among those after other drops of that size in sigmas."""
    close, longest = bars.select((claim.universe,)).close[claim.universe], claim.horizons[0]
    event, others = recover(close, MONDAY, longest), other_drops(bars, claim.universe, longest)
    quick, slow = rank_of(event, others)
    curve = survival(others, longest)
    yield Estimate(
        label=claim.universe, horizon=longest, against=f"its {len(others)} other drops of 2.5 sigma or more", unit="sessions",
        observed=event.sessions, usual=curve.median, effect=event.sessions - curve.median, p_value=quick, opposite=slow,
        smallest=1 / (1 + len(others)),
    )  # fmt: skip
    for name in resolve("article"):
        if name in bars.symbols:
            found = recover(bars.close[name], MONDAY, longest)
            yield Estimate(label=name, horizon=longest, unit="sessions", observed=found.sessions)


def other_drops(bars: Bars, symbol: str, longest: int = 250) -> tuple[Recovery, ...]:
    """The recoveries after all drops of 2.5 trailing deviations or more but DeepSeek Monday's."""
    own = bars.select((symbol,))
    sizes = signals.deviations(own.returns)[symbol]
    days = [day for day in sizes.index[sizes <= SHOCK] if day != MONDAY]
    if not days:
        raise DataError(f"{symbol} has no other drop of {-SHOCK} sigma in these figures.")
    return tuple(recover(own.close[symbol], day, longest) for day in days)


def fact_estimates(claim: Claim, bars: Bars) -> Iterator[Estimate]:
    """Each name's gap among its own gaps of the 250 sessions that end 11 before, Holm-corrected over the names."""
    names = resolve(claim.universe)
    prices = bars.select(names)
    gaps = (prices.open + prices.dividends) / prices.close.shift() - 1
    row = int(bars.sessions.searchsorted(MONDAY))
    if row <= BEFORE[0] or MONDAY not in bars.sessions:
        raise DataError(f"The gaps of {MONDAY.date()} need that session and {BEFORE[0] + 1} before it.")
    own, monday = gaps.iloc[row - BEFORE[0] : row - BEFORE[1]], gaps.iloc[row]
    lacking = [name for name in names if own[name].isna().any() or np.isnan(monday[name])]
    if lacking:
        raise DataError(f"{', '.join(lacking)} has no figures on {MONDAY.date()}, or not for all of the {len(own)} gaps before.")
    everyone = _gap("all together", own.mean(axis=1).to_numpy(), float(monday.mean()))
    each = [_gap(name, own[name].to_numpy(), float(monday[name])) for name in names]
    yield everyone
    for found, low, high in zip(each, holm([f.p_value for f in each]), holm([f.opposite for f in each]), strict=True):
        yield dataclasses.replace(found, p_value=low, opposite=high, smallest=found.smallest * len(names))


def _gap(label: str, before: np.ndarray, now: float) -> Estimate:
    """A gap among those before it, the lower tail first."""
    lower, higher = ((1 + beyond.sum()) / (1 + len(before)) for beyond in (before <= now, before >= now))
    usual = float(before.mean())
    return Estimate(
        label=label, against=f"the {len(before)} gaps before", observed=now, usual=usual, effect=now - usual,
        p_value=float(lower), opposite=float(higher), smallest=1 / (1 + len(before)),
    )  # fmt: skip


def priced(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """What a told trade made in dollars, before costs."""
    result = simulate(built(folder, claim, 0), bars, Account().without_costs())
    if result.trades.empty:
        raise DataError(f"{claim.strategy} does not trade in these figures.")
    dollars = float(result.trades["gross"].sum())
    yield Estimate(label=claim.strategy, unit="dollars", observed=dollars, observations=len(result.trades))
