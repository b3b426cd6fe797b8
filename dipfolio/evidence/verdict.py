"""Verdict: which claims hold, which do not, and which these figures cannot decide.

Each word is given by a rule that was fixed beforehand. *Supported* and *contradicted* need a one-sided p-value of at most 5 % in
that direction after Holm's correction within the family; for a rule it is that of the design sample, and the later sample must
show an effect of the same sign. *Undecided* is everything else, and comes with the effect that could have been found. A single
event has a rank among placebo dates and nothing more.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dipfolio.engine.showing import Shown
from dipfolio.evidence.claims import Claim
from dipfolio.evidence.estimate import SIZE, Estimate
from dipfolio.evidence.multiplicity import holm
from dipfolio.evidence.single import STATED

Word = Literal["supported", "contradicted", "undecided", "not testable"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Verdict(Shown):
    """What the figures say of one claim.

    Attributes
    ----------
    claim : Claim
    word : {"supported", "contradicted", "undecided", "not testable"}
    reason : str
        Why that word.
    primary : Estimate or None
        The comparison that decides; None where there is none.
    corrected, corrected_opposite : float
        Its p-values after Holm's correction; NaN where there is none.
    family : int
        Claims that were corrected together.
    estimates : tuple of Estimate
        All of them, other horizons, entries and samples included.
    """

    SHOWN = (
        "claim.id", "claim.sentence", "word", "primary.effect", "primary.low", "primary.high", "primary.p_value",
        "primary.smallest", "corrected", "family", "primary.observations", "reason",
    )  # fmt: skip

    claim: Claim
    word: Word
    reason: str
    primary: Estimate | None = None
    corrected: float = math.nan
    corrected_opposite: float = math.nan
    family: int = 0
    estimates: tuple[Estimate, ...] = ()

    @property
    def counted(self) -> bool:
        """Whether it is a question of its own, and not the number of another claim."""
        return self.claim.kind != "same"

    @property
    def decidable(self) -> bool:
        """Whether some outcome, however extreme, would have given another word than undecided or not testable."""
        if self.claim.kind == "fact":
            return self.primary is not None
        return self.primary is not None and not math.isnan(self.corrected) and self.primary.smallest * self.family <= SIZE


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What was found for a claim, or why nothing was."""

    claim: Claim
    estimates: tuple[Estimate, ...] = ()
    problem: str = ""

    @property
    def primary(self) -> Estimate | None:
        """The first estimate, if it is that of the claim as stated over its first horizon and in its first sample."""
        first = self.estimates[0] if self.estimates else None
        if first is None or first.horizon != (self.claim.horizons or (0,))[0] or first.sample == "confirmation":
            return None
        return first if self.claim.kind != "event" or first.label == STATED else None


MISSING = {
    "event": "The trade does not end within the figures, or they have no other morning like it.",
    "rule": "The design sample has no signal whose trade ends within it.",
}

TESTED = ("event", "duration", "rule", "mean", "paired")


def decide(gathered: list[Gathered]) -> Iterator[Verdict]:
    """The verdicts, in the order of the claims, each family corrected together."""
    done: dict[str, Verdict] = {}
    corrections = {family: _correct(gathered, family) for family in {g.claim.family for g in gathered if g.claim.family}}
    for case in gathered:
        if case.claim.kind == "same":
            continue
        corrected = corrections.get(case.claim.family, {}).get(case.claim.id, (math.nan, math.nan, 0))
        done[case.claim.id] = _verdict(case, *corrected)
    for case in gathered:
        yield done[case.claim.id] if case.claim.id in done else _same(case.claim, done)


def _correct(gathered: list[Gathered], family: str) -> dict[str, tuple[float, float, int]]:
    """Corrected p-values, both directions, and the number of claims, by claim."""
    members = [g for g in gathered if g.claim.family == family and g.claim.kind in TESTED and g.primary is not None]
    claimed = holm([g.primary.p_value for g in members if g.primary])
    opposite = holm([g.primary.opposite for g in members if g.primary])
    asked = sum(not math.isnan(value) for value in claimed)
    return {g.claim.id: (p, q, asked) for g, p, q in zip(members, claimed, opposite, strict=True)}


def _verdict(case: Gathered, corrected: float, opposite: float, asked: int) -> Verdict:
    word, reason = _word(case, corrected, opposite, asked)
    return Verdict(
        claim=case.claim, word=word, reason=reason, primary=case.primary, corrected=corrected, corrected_opposite=opposite,
        family=asked, estimates=case.estimates,
    )  # fmt: skip


def _word(case: Gathered, corrected: float, opposite: float, asked: int) -> tuple[Word, str]:
    claim, primary = case.claim, case.primary
    if claim.kind in ("untestable", "arithmetic"):
        return "not testable", claim.remark
    if case.problem:
        return "undecided", case.problem
    if claim.kind == "fact":
        return _fact(case)
    if primary is None:
        return "undecided", MISSING["event" if claim.kind == "event" else "rule"]
    if claim.kind in ("list", "described"):
        return "undecided", f"{primary.observations} cases are a list and no test."
    if math.isnan(corrected):
        return "undecided", "Too few independent cases for a test."
    same = (primary.label, primary.horizon, "confirmation")
    later = next((f for f in case.estimates if (f.label, f.horizon, f.sample) == same), None)
    alone = primary.sample == "event"
    if corrected <= SIZE and (alone or (later is not None and later.effect > 0)):
        return "supported", f"p = {corrected:.3f} after correction for {asked} claims."
    if opposite <= SIZE and (alone or (later is not None and later.effect < 0)):
        return "contradicted", f"The opposite has p = {opposite:.3f} after correction for {asked} claims."
    if primary.sample == "design" and min(corrected, opposite) <= SIZE:
        return "undecided", "The design sample has an effect that the later one does not confirm."
    if primary.smallest * asked > SIZE:
        return "undecided", f"The most extreme outcome would not have been enough: p = {primary.smallest:.3f} x {asked} claims."
    return "undecided", "Neither direction is beyond chance."


def _fact(case: Gathered) -> tuple[Word, str]:
    together, *each = case.estimates
    against = [f.label for f in each if (f.observed >= 0) == (case.claim.direction == "lower")]
    count = len(each)
    mean = f"the mean of all is {100 * together.observed:+.2f} %"
    if not against:
        return "supported", f"True of all {count}; {mean}."
    return "contradicted", f"True of {count - len(against)} of {count}, not of {', '.join(against)}; {mean}."


def _same(claim: Claim, done: dict[str, Verdict]) -> Verdict:
    """The verdict of the other claim, told again and not counted again."""
    other = done.get(claim.same_as)
    if other is None:
        return Verdict(claim=claim, word="undecided", reason=f"It is {claim.same_as}, which was not judged.")
    reason = f"The same number as {claim.same_as}, counted once."
    return Verdict(claim=claim, word=other.word, reason=reason, primary=other.primary)
