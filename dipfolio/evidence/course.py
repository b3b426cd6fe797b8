"""Course: what a trade had come to after each number of sessions, and what the same trade had on placebo dates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.errors import DataError
from dipfolio.evidence.claims import Claim
from dipfolio.evidence.finding import DESIGN_END
from dipfolio.evidence.outcomes import outcomes_of, trades_of
from dipfolio.evidence.placebo import matched, rotation
from dipfolio.evidence.repeated import claimed_trades
from dipfolio.evidence.single import APART, STATED, STRESS, built, stressful
from dipfolio.market.bars import Bars

Floats = NDArray[np.float64]

HORIZONS = (*range(61), *range(65, 251, 5))
"""Sessions at which the trade on an event is looked at: each of the first 60, then every fifth."""

RULE_HORIZONS = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 60)

MIDDLE = 0.9
"""Part of the placebos that the band holds."""

FEWEST = 19
"""Placebos below which there is no band: the ends of the middle 90 % would lie beyond all of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
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
    trades = trades_of(built(folder, claim, claim.horizons[0], changes), bars)
    days = np.flatnonzero(trades.flags)
    if len(days) != 1:
        raise DataError(f"{claim.strategy} decides {len(days)} times in these figures; an event has one decision.")
    day, alike = int(days[0]), stressful(bars, STRESS)
    steps = {}
    for horizon in HORIZONS:
        returns = outcomes_of(replace(trades, hold=horizon), bars, claim.benchmark).returns
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
    trades = claimed_trades(claim, known, folder, claim.horizons[0])
    steps: dict[int, tuple[float, Floats]] = {}
    for horizon in RULE_HORIZONS:
        outcomes = outcomes_of(replace(trades, hold=horizon), known, claim.benchmark)
        if len(outcomes.ended):
            placebo = rotation(outcomes.flags, outcomes.returns)
            steps[horizon] = placebo.observed, placebo.draws
    if not steps:
        raise DataError(f"{claim.id} has no signal whose trade ends before {DESIGN_END.date()}.")
    return course_of("mean trade", "the same trade on all dates, by rotation", steps)
