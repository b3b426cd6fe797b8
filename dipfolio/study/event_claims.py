"""The evidence for claims about one date, which is one observation for any number of stocks."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dipfolio.data.bars import Bars
from dipfolio.data.universe import resolve
from dipfolio.engine import indicators
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DataError, StrategyError
from dipfolio.evidence.assessment import event_estimate
from dipfolio.evidence.estimates import Estimate, estimate_from_placebo
from dipfolio.evidence.multiple_testing import holm
from dipfolio.evidence.placebo import (
    MIN_PLACEBO_DISTANCE,
    STRESS_GAP,
    eligible_placebo_dates,
    is_stress_session,
    matched_dates_placebo,
    rotation_placebo,
)
from dipfolio.evidence.recovery import Recovery, find_recovery, recovery_p_values, survival_curve
from dipfolio.evidence.trade_outcomes import TradeOutcomes, decisions_of, outcomes_of
from dipfolio.study.claims import Claim
from dipfolio.study.dates import EVENT_SESSION

AS_STATED = "as stated"
"""Label of the claim's own entry."""

STRICT_STRESS_GAP = 0.015
"""A wider gap, which leaves fewer mornings; shown beside."""

SHOCK_SIGMAS = -2.5
"""Deviations of 60 sessions that a drop must have to be compared with DeepSeek Monday's."""

GAP_WINDOW_SESSIONS = (260, 10)
"""Sessions before the event between which a name's own gaps are taken: 250 that end 11 before it."""


def build_strategy(folder: Path, claim: Claim, horizon: int, changes: Mapping[str, Any] | None = None) -> Strategy:
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
    """The trade of the claim among all other dates, market-adjusted and at the volatility of the event: the primary comparison.

    The trade as it is, less the benchmark, follows among stressful mornings and among all dates.
    """
    pools = {
        f"mornings with SPY {STRESS_GAP:.1%} or more from its close": is_stress_session(bars, STRESS_GAP),
        f"mornings with SPY {STRICT_STRESS_GAP:.1%} or more from its close": is_stress_session(bars, STRICT_STRESS_GAP),
        "all other dates": np.ones(len(bars), dtype=bool),
    }
    for label, changes in {AS_STATED: {}, **claim.variants}.items():
        market = str(changes.get("benchmark", claim.benchmark))
        own = {name: value for name, value in changes.items() if name != "benchmark"}
        for horizon in claim.horizons:
            decisions = decisions_of(build_strategy(folder, claim, horizon, own), bars)
            outcomes = outcomes_of(decisions, bars, market)
            if outcomes.decided != 1:
                raise DataError(f"{claim.strategy} decides {outcomes.decided} times in these data; an event has one decision.")
            yield from event_estimate(decisions, bars, market, label)
            for against, alike in pools.items() if label == AS_STATED else ():
                yield from _ranked(outcomes, alike, label, horizon, against)


def _ranked(outcomes: TradeOutcomes, alike: np.ndarray, label: str, horizon: int, against: str) -> Iterator[Estimate]:
    """The event among these dates; nothing where its trade does not end within the data, or none of theirs does."""
    day, distance = int(outcomes.flags.argmax()), horizon + MIN_PLACEBO_DISTANCE
    pool = eligible_placebo_dates(outcomes.returns, day, alike, distance)
    if pool.any() and not np.isnan(outcomes.returns[day]):
        yield estimate_from_placebo(
            matched_dates_placebo(outcomes.returns, day, alike, distance), label, horizon, against=against
        )


def described_estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """The mean of a few trades beside that of the same pattern on other dates, without a test."""
    for label, changes in {AS_STATED: {}, **claim.variants}.items():
        outcomes = outcomes_of(decisions_of(build_strategy(folder, claim, 0, changes), bars), bars, claim.benchmark)
        placebo = rotation_placebo(outcomes.flags, outcomes.returns)
        yield Estimate(
            label=label, horizon=claim.horizons[0], against="the same pattern on all other dates", observed=placebo.observed,
            usual=placebo.usual, effect=placebo.excess, observations=placebo.signals, clusters=outcomes.decided,
        )  # fmt: skip


def duration_estimates(claim: Claim, bars: Bars) -> Iterator[Estimate]:
    """How long the recovery took among those after other drops of that size in sigmas."""
    close, longest = bars.select((claim.universe,)).close[claim.universe], claim.horizons[0]
    event, others = find_recovery(close, EVENT_SESSION, longest), recoveries_after_other_drops(bars, claim.universe, longest)
    quick, slow = recovery_p_values(event, others)
    curve = survival_curve(others, longest)
    yield Estimate(
        label=claim.universe, horizon=longest, against=f"its {len(others)} other drops of 2.5 sigma or more", unit="sessions",
        observed=event.sessions, usual=curve.median, effect=event.sessions - curve.median, p_value=quick, opposite=slow,
        smallest=1 / (1 + len(others)),
    )  # fmt: skip
    for name in resolve("article"):
        if name in bars.symbols:
            found = find_recovery(bars.close[name], EVENT_SESSION, longest)
            yield Estimate(label=name, horizon=longest, unit="sessions", observed=found.sessions)


def recoveries_after_other_drops(bars: Bars, symbol: str, longest: int = 250) -> tuple[Recovery, ...]:
    """The recoveries after all drops of 2.5 trailing deviations or more but DeepSeek Monday's."""
    own = bars.select((symbol,))
    sizes = indicators.deviations(own.returns)[symbol]
    days = [day for day in sizes.index[sizes <= SHOCK_SIGMAS] if day != EVENT_SESSION]
    if not days:
        raise DataError(f"{symbol} has no other drop of {-SHOCK_SIGMAS} sigma in these data.")
    return tuple(find_recovery(own.close[symbol], day, longest) for day in days)


NOT_TESTED = "not named by the claim, so not tested"
"""What is said of a name that is shown beside those of a fact."""


def fact_estimates(claim: Claim, bars: Bars) -> Iterator[Estimate]:
    """Each name's gap among its own gaps of the 250 sessions that end 11 before, Holm-corrected over the names.

    The names of ``claim.beside`` follow, without a test.
    """
    names = resolve(claim.universe)
    others = [name for name in (resolve(claim.beside) if claim.beside else ()) if name in bars.symbols and name not in names]
    prices = bars.select((*names, *others))
    gaps = (prices.open + prices.dividends) / prices.close.shift() - 1
    row = int(bars.sessions.searchsorted(EVENT_SESSION))
    if row <= GAP_WINDOW_SESSIONS[0] or EVENT_SESSION not in bars.sessions:
        raise DataError(f"The gaps of {EVENT_SESSION.date()} need that session and {GAP_WINDOW_SESSIONS[0] + 1} before it.")
    own, monday = gaps.iloc[row - GAP_WINDOW_SESSIONS[0] : row - GAP_WINDOW_SESSIONS[1]], gaps.iloc[row]
    lacking = [name for name in names if own[name].isna().any() or np.isnan(monday[name])]
    if lacking:
        raise DataError(
            f"{', '.join(lacking)} has no data on {EVENT_SESSION.date()}, or not for all of the {len(own)} gaps before."
        )
    everyone = _gap("all together", own[list(names)].mean(axis=1).to_numpy(), float(monday[list(names)].mean()))
    each = [_gap(name, own[name].to_numpy(), float(monday[name])) for name in names]
    yield everyone
    for found, low, high in zip(each, holm([f.p_value for f in each]), holm([f.opposite for f in each]), strict=True):
        yield dataclasses.replace(found, p_value=low, opposite=high, smallest=found.smallest * len(names))
    for name in others:
        if not np.isnan(monday[name]):
            yield Estimate(label=name, against=NOT_TESTED, observed=float(monday[name]), usual=float(own[name].mean()))


def _gap(label: str, before: np.ndarray, now: float) -> Estimate:
    """A gap among those before it, the lower tail first."""
    lower, higher = ((1 + beyond.sum()) / (1 + len(before)) for beyond in (before <= now, before >= now))
    usual = float(before.mean())
    return Estimate(
        label=label, against=f"the {len(before)} gaps before", observed=now, usual=usual, effect=now - usual,
        p_value=float(lower), opposite=float(higher), smallest=1 / (1 + len(before)),
    )  # fmt: skip


def claimed_trade_profit(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """The profit in dollars of a trade that somebody claims, before costs."""
    result = simulate(build_strategy(folder, claim, 0), bars, Account().without_costs())
    if result.trades.empty:
        raise DataError(f"{claim.strategy} does not trade in these data.")
    dollars = float(result.trades["gross"].sum())
    yield Estimate(label=claim.strategy, unit="dollars", observed=dollars, observations=len(result.trades))
