"""Measured: a finding or a verdict in words - effect, interval, p-value, observations - the same on the terminal and the page."""

import math
from dataclasses import dataclass

from dipfolio.evidence.finding import Finding
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


def sized(finding: Finding, value: float, places: int = 2) -> str:
    """A value in the unit of a finding."""
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "not seen"
    if finding.unit == "dollars":
        return money(value)
    return f"{value:+,.0f} sessions" if finding.unit == "sessions" else percent(value, places)


def between(finding: Finding) -> str:
    """The 95 % interval of the effect."""
    if math.isnan(finding.low) or math.isnan(finding.high):
        return NOTHING
    return f"{percent(finding.low).removesuffix(' %')} to {percent(finding.high)}"


def chance(value: float) -> str:
    """A probability to three digits; one too small for them is said to be below."""
    if math.isnan(value):
        return NOTHING
    return "<0.001" if 0 < value < 0.0005 else f"{value:.3f}" if value else "0"


def observations(finding: Finding) -> str:
    """How many, and how many of them are independent at the most."""
    if finding.sample == "event" and finding.observations == finding.clusters == 1:
        return "1 date"
    if finding.sample == "event":
        return f"{finding.observations} on {count(finding.clusters, 'day')}"
    if finding.observations == finding.clusters:
        return f"{finding.observations:,}"
    return f"{finding.observations:,} in {count(finding.clusters, 'cluster')}"
