"""Estimates: the record of one estimate that speaks to a claim, with its interval, p-value, sample and power.

It also has the type of the callback that reports the progress of a long computation, step by step, and one that does
nothing.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError
from dipfolio.evidence.calendar_time import CalendarTimeTest, calendar_time_test
from dipfolio.evidence.placebo import Placebo
from dipfolio.evidence.sharpe_ratio import minimum_detectable_effect

if TYPE_CHECKING:
    import pandas as pd

    from dipfolio.evidence.trade_outcomes import TradeOutcomes

ProgressCallback = Callable[[str], object]
"""Gets what was done after each step."""


def no_progress(_: str) -> None:
    """No-op progress callback."""


Sample = Literal["event", "design", "confirmation", "before", "after", "all"]

SIGNIFICANCE_LEVEL = 0.05
"""Probability of a wrong word in a family, in each direction."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Estimate(Displayable):
    """An effect with its uncertainty.

    Attributes
    ----------
    label : str
        Which entry or variant, or which name.
    horizon : int
        Sessions held, 0 where there is no such thing.
    sample : {"event", "design", "confirmation", "before", "after", "all"}
    against : str
        What it is compared to.
    unit : {"return", "sessions", "dollars"}
        Of the next five and of ``detectable``; returns are fractions.
    observed, usual : float
        The number, and that of what it is compared to.
    effect, low, high : float
        Observed less usual, for a rule with sessions weighted by their expected variance, and what the effect may be at 95 %;
        NaN where no interval can be given.
    p_value, opposite : float
        One-sided, as the claim says and the other way; uncorrected, NaN where there is no test.
    smallest : float
        The smallest p-value that this comparison could have given.
    observations, clusters : int
        Trades or events, and how many of them are independent at the most.
    detectable : float
        The effect that a one-sided 5 % test finds with 80 % probability, uncorrected; NaN where none could be found.
    scores : Series by session, optional
        What the test is made of: the scores of a test of sessions, or the scaled outcomes of the dates of an event. Two claims
        are as alike as these are.
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
    scores: "pd.Series[float] | None" = field(default=None, compare=False, repr=False)


def estimate_from_placebo(
    placebo: Placebo, label: str, horizon: int, sample: Sample = "event", against: str = "", clusters: int = 1
) -> Estimate:
    """The estimate of a comparison with placebos."""
    low, high = placebo.interval()
    spread = float(placebo.adjusted_draws.std(ddof=1)) if len(placebo.draws) > 1 else 0.0
    return Estimate(
        label=label,
        horizon=horizon,
        sample=sample,
        against=against,
        observed=placebo.observed,
        usual=placebo.usual,
        effect=placebo.excess,
        low=low,
        high=high,
        p_value=placebo.p_value,
        opposite=placebo.opposite.p_value,
        smallest=placebo.smallest,
        observations=placebo.signals,
        clusters=clusters,
        detectable=minimum_detectable_effect(spread, 1, sides=1)
        if spread > 0 and placebo.smallest <= SIGNIFICANCE_LEVEL
        else math.nan,
    )


SESSIONS_WITHOUT = "the sessions without a position"


def calendar_time_estimate(outcomes: "TradeOutcomes", label: str, horizon: int, sample: Sample) -> Estimate:
    """The mean trade of a rule against its sessions without a position, by :func:`calendar_time_test`.

    ``observed`` is the mean of the executed trades and ``usual`` that of the same trade on all dates. The effect, its interval
    and p-value are of the test, a session times the mean sessions of a trade: nervous sessions weigh less in it than in the
    two means.
    """
    import pandas as pd

    test = calendar_time_test(outcomes.held, outcomes.path)
    return replace(
        estimate_from_sessions(test, label, horizon, sample),
        observed=outcomes.mean_executed,
        usual=outcomes.mean_of_all_dates,
        scores=pd.Series(test.scores, index=outcomes.sessions),
    )


def estimate_from_sessions(
    test: CalendarTimeTest, label: str, horizon: int, sample: Sample, against: str = SESSIONS_WITHOUT
) -> Estimate:
    """The estimate of a test of sessions, for a trade; ``observed`` is the effect."""
    low, high = test.interval()
    return Estimate(
        label=label,
        horizon=horizon,
        sample=sample,
        against=against,
        observed=test.effect,
        usual=0.0,
        effect=test.effect,
        low=low,
        high=high,
        p_value=test.p_value("higher"),
        opposite=test.p_value("lower"),
        smallest=0.0 if test.has_test else math.nan,
        observations=test.trades,
        clusters=test.clusters,
        detectable=test.detectable(),
    )


MIN_WEEKS = 20


def weekly_mean_estimate(values: NDArray[np.float64], sample: Sample) -> Estimate:
    """The mean of a trade at regular times that do not overlap against nothing, by Student's t.

    Parameters
    ----------
    values : array of shape (weeks,)
    sample : str

    Raises
    ------
    DataError
        Fewer than :data:`MIN_WEEKS` values.
    """
    if len(values) < MIN_WEEKS:
        raise DataError(f"A weekly mean needs {MIN_WEEKS} weeks or more, the {sample} has {len(values)}.")
    test = CalendarTimeTest(
        effect=float(values.mean()),
        error=float(values.std(ddof=1)) / math.sqrt(len(values)),
        degrees_of_freedom=len(values) - 1,
        trades=len(values),
        clusters=len(values),
    )
    return estimate_from_sessions(test, "as stated", 1, sample, "nothing")
