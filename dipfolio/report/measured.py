"""Measured: an estimate or a verdict in words - effect, interval, p-value, observations - alike on the terminal and the page."""

import math
from dataclasses import dataclass

from dipfolio.evidence.estimate import Estimate
from dipfolio.evidence.verdict import Verdict
from dipfolio.report.wording import NOTHING, count, money, percent

TONES = {"supported": "yes", "contradicted": "no", "undecided": "open", "not testable": "none"}
"""Style of each word on the page."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The numbers of a verdict as they are read; ``NOTHING`` where one does not exist.

    Attributes
    ----------
    id, sentence, word, tone, reason : str
    effect, interval, p_value, smallest, corrected, observations, detectable : str
    told : bool
        Whether there are numbers at all.
    counted : bool
        Whether it is no repetition of another claim's number.
    shut : bool
        Whether it is undecided and no outcome could have changed that.
    """

    id: str
    sentence: str
    word: str
    tone: str
    reason: str
    effect: str = NOTHING
    interval: str = NOTHING
    p_value: str = NOTHING
    smallest: str = NOTHING
    corrected: str = NOTHING
    observations: str = NOTHING
    detectable: str = NOTHING
    told: bool = False
    counted: bool = True
    shut: bool = False


def measured(verdict: Verdict) -> Measured:
    """A verdict in words; one that repeats another's number has no numbers of its own."""
    claim, primary = verdict.claim, verdict.primary
    bare = Measured(
        id=claim.id, sentence=claim.sentence, word=verdict.word, tone=TONES[verdict.word], reason=verdict.reason,
        counted=verdict.counted, shut=verdict.counted and verdict.word == "undecided" and not verdict.decidable,
    )  # fmt: skip
    if primary is None or not verdict.counted:
        return bare
    numbers = {
        "effect": sized(primary, primary.observed if math.isnan(primary.effect) else primary.effect),
        "interval": between(primary), "p_value": chance(primary.p_value), "smallest": chance(primary.smallest),
        "corrected": NOTHING if math.isnan(verdict.corrected) else f"{chance(verdict.corrected)} of {verdict.family}",
        "observations": observations(primary), "detectable": sized(primary, primary.detectable),
    }  # fmt: skip
    known = {**bare.__dict__, **numbers, "told": True}
    return Measured(**known)


def sized(estimate: Estimate, value: float) -> str:
    """A value in the unit of an estimate."""
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "not seen"
    if estimate.unit == "dollars":
        return money(value)
    return f"{value:+,.0f} sessions" if estimate.unit == "sessions" else percent(value)


def between(estimate: Estimate) -> str:
    """The 95 % interval of the effect."""
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return NOTHING
    return f"{percent(estimate.low).removesuffix(' %')} to {percent(estimate.high)}"


def chance(value: float) -> str:
    """A probability to three digits; one too small for them is said to be below."""
    if math.isnan(value):
        return NOTHING
    return "<0.001" if value < 0.0005 else f"{value:.3f}"


def observations(estimate: Estimate) -> str:
    """How many, and how many of them are independent at the most."""
    if estimate.sample == "event" and estimate.observations == estimate.clusters == 1:
        return "1 date"
    if estimate.sample == "event":
        return f"{estimate.observations} on {count(estimate.clusters, 'day')}"
    if estimate.observations == estimate.clusters:
        return f"{estimate.observations:,}"
    return f"{estimate.observations:,} in {count(estimate.clusters, 'cluster')}"
