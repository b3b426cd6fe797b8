"""Estimate: one number that speaks to a claim, with all that must be known to read it."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.engine.showing import Shown
from dipfolio.evidence.outcomes import Outcomes
from dipfolio.evidence.placebo import Placebo, clusters, rotation
from dipfolio.evidence.power import detectable
from dipfolio.evidence.sign_flips import sign_flip_p_value, smallest_sign_flip

Sample = Literal["event", "design", "confirmation", "all"]

SIZE = 0.05
"""Probability of a wrong word in a family, in each direction."""

DESIGN_END = pd.Timestamp("2025-01-24")
"""Rules may be made with what was known up to here."""

CONFIRMATION_START = pd.Timestamp("2025-01-28")
"""From here on they are confirmed; the event between suggested them and is left out."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Estimate(Shown):
    """An effect with its uncertainty.

    Attributes
    ----------
    label : str
        Which entry or variant, or which name.
    horizon : int
        Sessions held, 0 where there is no such thing.
    sample : {"event", "design", "confirmation", "all"}
    against : str
        What it is compared to.
    unit : {"return", "sessions", "dollars"}
        Of the next five and of ``detectable``; returns are fractions.
    observed, usual : float
        The number, and that of what it is compared to.
    effect, low, high : float
        Observed less usual, and what the effect may be at 95 %; NaN where no interval can be given.
    p_value, opposite : float
        One-sided, as the claim says and the other way; uncorrected, NaN where there is no test.
    smallest : float
        The smallest p-value that this comparison could have given.
    observations, clusters : int
        Trades or events, and how many of them are independent at the most.
    detectable : float
        The effect that a one-sided 5 % test finds with 80 % probability, uncorrected; NaN where none could be found.
    """

    SHOWN = (
        "label", "against", "observed", "usual", "effect", "low", "high", "p_value", "smallest", "observations",
        "detectable",
    )  # fmt: skip

    label: str
    horizon: int = 0
    sample: Sample = "event"
    against: str = ""
    unit: Literal["return", "sessions", "dollars"] = "return"
    observed: float
    usual: float = math.nan
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    opposite: float = math.nan
    smallest: float = math.nan
    observations: int = 1
    clusters: int = 1
    detectable: float = math.nan

    def turned(self) -> "Estimate":
        """The same number for the claim that says the opposite."""
        return replace(
            self, observed=-self.observed, usual=-self.usual, effect=-self.effect, low=-self.high, high=-self.low,
            p_value=self.opposite, opposite=self.p_value,
        )  # fmt: skip


def from_placebo(
    placebo: Placebo, label: str, horizon: int, sample: Sample = "event", against: str = "", clusters: int = 1
) -> Estimate:
    """The estimate of a comparison with placebos."""
    low, high = placebo.interval()
    spread = float(placebo.freed.std(ddof=1)) if len(placebo.draws) > 1 else 0.0
    return Estimate(
        label=label, horizon=horizon, sample=sample, against=against, observed=placebo.observed, usual=placebo.usual,
        effect=placebo.excess, low=low, high=high, p_value=placebo.p_value, opposite=placebo.opposite.p_value,
        smallest=placebo.smallest, observations=placebo.signals, clusters=clusters,
        detectable=detectable(spread, 1, sides=1) if spread > 0 and placebo.smallest <= SIZE else math.nan,
    )  # fmt: skip


def rotated(outcomes: Outcomes, label: str, horizon: int, sample: Sample) -> Estimate:
    """The mean outcome of a rule against that of the same pattern on all dates."""
    placebo = rotation(outcomes.flags, outcomes.returns)
    groups = int(clusters(outcomes.ended)[-1]) + 1
    return from_placebo(placebo, label, horizon, sample, "the same trade on all dates, by rotation", groups)


def clustered(estimate: Estimate, means: NDArray[np.float64], seed: int) -> Estimate:
    """An estimate whose effect is the mean of its clusters' means, shape (clusters,), with its error and, by sign flips, chance.

    Student's t for the interval, as there may be three or four clusters.
    Without a test where the means do not differ.
    """
    from scipy import stats

    error = float(means.std(ddof=1) / math.sqrt(len(means))) if len(means) > 1 else math.nan
    reach = float(stats.t.ppf(0.975, len(means) - 1)) * error if len(means) > 1 else math.nan
    effect, smallest = float(means.mean()), smallest_sign_flip(len(means))
    kept = replace(estimate, effect=effect, low=effect - reach, high=effect + reach, clusters=len(means))
    if not error > 0:
        return kept
    return replace(
        kept, p_value=sign_flip_p_value(means, "higher", seed), opposite=sign_flip_p_value(means, "lower", seed),
        smallest=smallest, detectable=detectable(error, 1, sides=1) if smallest <= SIZE else math.nan,
    )  # fmt: skip
