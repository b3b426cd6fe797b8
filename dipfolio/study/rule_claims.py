"""The evidence for rules, which trade on many dates, in a design and a confirmation sample.

A claim that names a signal instead of a strategy file becomes a strategy that can be simulated.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.data.universe import resolve
from dipfolio.engine.account import Account
from dipfolio.engine.exits import Exit, HoldFor
from dipfolio.engine.parameters import parameter
from dipfolio.engine.result import Result
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import ParameterError
from dipfolio.evidence.calendar_time import calendar_time_test, difference_of_tests, mean_session_test
from dipfolio.evidence.estimates import (
    Estimate,
    Sample,
    calendar_time_estimate,
    estimate_from_sessions,
    weekly_mean_estimate,
)
from dipfolio.evidence.trade_outcomes import TradeDecisions, TradeOutcomes, decisions_of, outcomes_of
from dipfolio.study.claims import CALM_BELOW, VOLATILITY_INDEX, Claim
from dipfolio.study.dates import CONFIRMATION_START, DESIGN_END
from dipfolio.study.event_claims import AS_STATED, build_strategy


def rule_estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """The mean trade of a rule against the same trade on all dates, in both samples, the primary one first.

    A ``list`` has too few cases: its means are told and not tested.
    """
    for label, changes in {AS_STATED: {}, **claim.variants}.items():
        for horizon in claim.horizons:
            for sample, outcomes in _samples(claim, bars, folder, horizon, changes):
                found = calendar_time_estimate(outcomes, label, horizon, sample)
                nan = math.nan
                yield replace(found, p_value=nan, opposite=nan, low=nan, high=nan) if claim.kind == "list" else found


def mean_estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """The mean of a trade at regular times against nothing, with an error for autocorrelation."""
    for sample, outcomes in _samples(claim, bars, folder, claim.horizons[0], {}):
        earned = outcomes.returns[outcomes.flags]
        yield weekly_mean_estimate(earned[~np.isnan(earned)], sample)


def paired_estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """Two strategies over the same signals: the difference of their accounts session by session, for each dip.

    Without costs, which both would pay. The design ends before the event and the confirmation starts after it.
    """
    horizon = claim.horizons[0]
    for other in claim.variants:
        samples: tuple[tuple[Sample, Bars, pd.Timestamp | None], ...] = (
            ("design", bars.until(DESIGN_END), None),
            ("confirmation", bars, CONFIRMATION_START),
        )
        for sample, window, start in samples:
            if not len(window) or (start is not None and start > window.sessions[-1]):
                continue
            own, theirs = (_simulated(one, window, folder, horizon, start) for one in (claim, replace(claim, strategy=other)))
            if own.trades.empty or theirs.trades.empty:
                continue
            yield _paired(own, theirs, bars, other, horizon, sample)


def split_estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    """A rule in calm and in nervous times, told apart by the volatility index on the close of the decision.

    The effect is that of the calm trades less that of the nervous ones, each against the sessions without a position. The two
    kinds follow.
    """
    level = bars.select((VOLATILITY_INDEX,)).close[VOLATILITY_INDEX]
    for horizon in claim.horizons:
        for sample, outcomes in _samples(claim, bars, folder, horizon, {}):
            calm = (level.reindex(outcomes.sessions) < CALM_BELOW).to_numpy()
            kinds = {
                f"{VOLATILITY_INDEX} below {CALM_BELOW:g}": replace(outcomes, flags=outcomes.flags & calm),
                f"{VOLATILITY_INDEX} at {CALM_BELOW:g} or above": replace(outcomes, flags=outcomes.flags & ~calm),
            }
            traded = {label: kind for label, kind in kinds.items() if kind.executed.any()}
            yield _difference(list(traded.values()), horizon, sample)
            for label, kind in traded.items():
                yield calendar_time_estimate(kind, label, horizon, sample)


def _difference(kinds: list[TradeOutcomes], horizon: int, sample: Sample) -> Estimate:
    """The effect of the first kind less that of the second; without a number where there is only one."""
    against = "the same in nervous times"
    if len(kinds) < 2:
        trades = sum(int(kind.executed.sum()) for kind in kinds)
        nan = math.nan
        return Estimate(label=AS_STATED, horizon=horizon, sample=sample, against=against, observed=nan, observations=trades)
    found = difference_of_tests(*(calendar_time_test(kind.held, kind.path) for kind in kinds))
    calm, nervous = kinds
    estimate = estimate_from_sessions(found, AS_STATED, horizon, sample, against)
    return replace(estimate, observed=calm.mean_executed, usual=nervous.mean_executed)


def _samples(
    claim: Claim, bars: Bars, folder: Path, horizon: int, changes: Mapping[str, Any]
) -> Iterator[tuple[Sample, TradeOutcomes]]:
    """The outcomes of each sample that has any. A trade of the design that would reach into the event has no end there."""
    known = bars.until(DESIGN_END)
    if len(known):
        design = _outcomes(claim, known, folder, horizon, changes)
        if design.executed.any():
            yield "design", design
    later = _outcomes(claim, bars, folder, horizon, changes).between(CONFIRMATION_START, bars.sessions[-1])
    if later.executed.any():
        yield "confirmation", later


def claim_decisions(
    claim: Claim, bars: Bars, folder: Path, horizon: int, changes: Mapping[str, Any] | None = None
) -> TradeDecisions:
    """When a rule trades: by its strategy, or at the next open after its signal."""
    if claim.signal is None:
        return decisions_of(build_strategy(folder, claim, horizon, changes), bars)
    return signal_decisions(claim, bars, horizon)


def _outcomes(claim: Claim, bars: Bars, folder: Path, horizon: int, changes: Mapping[str, Any]) -> TradeOutcomes:
    return outcomes_of(claim_decisions(claim, bars, folder, horizon, changes), bars, claim.benchmark)


def _simulated(claim: Claim, bars: Bars, folder: Path, horizon: int, start: pd.Timestamp | None) -> Result:
    account = replace(Account(fractional=True).without_costs(), max_volume_share=1.0)
    return simulate(build_strategy(folder, claim, horizon), bars, account, start=start)


def _paired(own: Result, theirs: Result, bars: Bars, other: str, horizon: int, sample: Sample) -> Estimate:
    """One account less the other, a trade of the other; positions that are open at the end count at their last close."""
    trades = len(theirs.trades) + len(theirs.open_positions)
    entered = pd.concat([theirs.trades["entry_session"], theirs.open_positions["entry_session"]])
    signals = np.unique(bars.sessions.get_indexer(pd.DatetimeIndex(entered)))
    found = mean_session_test((own.returns - theirs.returns).to_numpy(), trades, signals)
    estimate = estimate_from_sessions(found, f"less {other}", horizon, sample, f"{other} on the same dips")
    return replace(
        estimate, observed=float(own.returns.sum()) / trades, usual=float(theirs.returns.sum()) / trades,
        scores=own.returns - theirs.returns,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Signalled(Strategy):
    """Buy at the next open after a signal; made by :func:`signal_strategy`."""

    wanted: ClassVar[pd.DataFrame]

    hold: int = parameter(5, help="sessions to hold, out at the close")

    @property
    def exits(self) -> tuple[Exit, ...]:
        """Out after a fixed time."""
        return (HoldFor(self.hold),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        """As decided by the signal."""
        return self.wanted.reindex(index=bars.sessions, columns=list(bars.symbols))


def signal_decisions(claim: Claim, bars: Bars, horizon: int) -> TradeDecisions:
    """Its universe in equal parts at the next open after each signal.

    Raises
    ------
    ParameterError
        A claim without a signal.
    """
    if claim.signal is None:
        raise ParameterError(f"{claim.id} has no signal.")
    symbols = resolve(claim.universe)
    weights = pd.DataFrame(1 / len(symbols), index=bars.sessions, columns=list(symbols))
    return TradeDecisions(weights=weights.where(claim.signal(bars), axis=0), hold=horizon)


def signal_strategy(claim: Claim, bars: Bars, horizon: int) -> Strategy:
    """The strategy of a claim's signal over these bars, without the signals of the event."""
    apart = (bars.sessions < DESIGN_END) | (bars.sessions >= CONFIRMATION_START)
    wanted = signal_decisions(claim, bars, horizon).weights.where(pd.Series(apart, index=bars.sessions), axis=0)
    words = getattr(claim.signal, "__name__", "signal").replace("_", " ")
    facts = {"wanted": wanted, "__doc__": f"{words[0].upper()}{words[1:]}: {claim.sentence}"}
    kind: type[Strategy] = type(words.title().replace(" ", ""), (_Signalled,), facts)
    return kind(universe=claim.universe, hold=horizon)  # type: ignore[call-arg]
