"""Course: what a trade had come to after each number of sessions, and what the same trade had on placebo dates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.showing import Shown
from dipfolio.errors import DataError
from dipfolio.evidence.claims import Claim
from dipfolio.evidence.estimate import DESIGN_END
from dipfolio.evidence.outcomes import decisions_of, outcomes_by_hold
from dipfolio.evidence.placebo import matched, rotation
from dipfolio.evidence.repeated import claimed_decisions
from dipfolio.evidence.single import APART, STATED, STRESS, built, stressful
from dipfolio.market.bars import Bars

Floats = NDArray[np.float64]

HORIZONS = tuple(range(251))
"""Sessions at which the trade on an event is looked at: all of them up to a year, whatever they show."""

RULE_HORIZONS = tuple(range(61))
"""The same for a rule, up to the longest horizon that was fixed beforehand."""

MIDDLE = 0.9
"""Part of the placebos that the band holds."""

FEWEST = 19
"""Placebos below which there is no band: the ends of the middle 90 % would lie beyond all of them."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Course(Shown):
    """An outcome as a function of the holding time; arrays of shape (horizons,), returns as fractions.

    Attributes
    ----------
    label : str
    against : str
        What the placebos are.
    horizons : array of int
        Sessions.
    values : array
        NaN where the trade does not end within the figures.
    usual, low, high : array
        Mean of the placebos, and the ends of their middle 90 %; NaN where there are none, and fewer than 19.
    placebos : array of int
        How many there are.
    """

    label: str
    against: str
    horizons: NDArray[np.int_]
    values: Floats
    usual: Floats
    low: Floats
    high: Floats
    placebos: NDArray[np.int_]

    @property
    def last(self) -> int:
        """The longest horizon with a value; -1 without one."""
        return self._longest(self.values)

    @property
    def reach(self) -> int:
        """The longest horizon with a band; -1 without one."""
        return self._longest(self.low)

    def _longest(self, known: Floats) -> int:
        there = self.horizons[~np.isnan(known)]
        return int(there[-1]) if len(there) else -1

    def at(self, horizon: int) -> float:
        """The value after so many sessions, NaN where it was not looked at."""
        found = np.flatnonzero(self.horizons == horizon)
        return float(self.values[found[0]]) if len(found) else float("nan")


def course_of(label: str, against: str, steps: Mapping[int, tuple[float, Floats]]) -> Course:
    """A course from the outcome and the placebo outcomes at each horizon."""
    values, usual, low, high = (np.full(len(steps), np.nan) for _ in range(4))
    for place, (value, draws) in enumerate(steps.values()):
        values[place] = value
        if len(draws):
            usual[place] = draws.mean()
        if len(draws) >= FEWEST:
            low[place], high[place] = np.quantile(draws, [(1 - MIDDLE) / 2, (1 + MIDDLE) / 2])
    placebos = np.array([len(draws) for _, draws in steps.values()])
    return Course(
        label=label, against=against, horizons=np.array(list(steps)), values=values, usual=usual, low=low, high=high,
        placebos=placebos,
    )  # fmt: skip


def event_course(claim: Claim, bars: Bars, folder: Path, changes: Mapping[str, Any] | None = None, label: str = STATED) -> Course:
    """The trade of a claim about the event, over its benchmark, among the same trade on stressful mornings.

    Raises
    ------
    DataError
        A strategy that does not decide exactly once.
    """
    decisions = decisions_of(built(folder, claim, claim.horizons[0], changes), bars)
    days = np.flatnonzero(decisions.flags)
    if len(days) != 1:
        raise DataError(f"{claim.strategy} decides {len(days)} times in these figures; an event has one decision.")
    day, alike = int(days[0]), stressful(bars, STRESS)
    steps = {}
    for horizon, outcomes in zip(HORIZONS, outcomes_by_hold(decisions, bars, HORIZONS, claim.benchmark), strict=True):
        returns = outcomes.returns
        steps[horizon] = float(returns[day]), returns[matched(returns, day, alike, horizon + APART)]
    return course_of(label, f"the same trade on other mornings with SPY {STRESS:.0%} from its close", steps)


def rule_course(claim: Claim, bars: Bars, folder: Path) -> Course:
    """The mean trade of a rule up to the day before the event, among all rotations of its signals.

    Raises
    ------
    DataError
        No signal with an outcome.
    """
    known = bars.until(DESIGN_END)
    if not len(known):
        raise DataError(f"The figures begin after {DESIGN_END.date()}.")
    decisions = claimed_decisions(claim, known, folder, claim.horizons[0])
    steps: dict[int, tuple[float, Floats]] = {}
    for horizon, outcomes in zip(RULE_HORIZONS, outcomes_by_hold(decisions, known, RULE_HORIZONS, claim.benchmark), strict=True):
        if len(outcomes.ended):
            placebo = rotation(outcomes.flags, outcomes.returns)
            steps[horizon] = placebo.observed, placebo.draws
    if not steps:
        raise DataError(f"{claim.id} has no signal whose trade ends before {DESIGN_END.date()}.")
    return course_of("mean trade", "the same trade on all dates, by rotation", steps)
