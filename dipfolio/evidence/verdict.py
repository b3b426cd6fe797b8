"""Verdict: which claims hold, which do not, and which these figures cannot decide.

Each word is given by a rule that was fixed beforehand. *Supported* and *contradicted* need a one-sided p-value of at most 5 % in
that direction after Holm's correction within the family; for a rule it is that of the design sample, and the later sample must
show an effect of the same sign. *Undecided* is everything else, and comes with the effect that could have been found. A single
event has a rank among placebo dates and nothing more.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from dipfolio.engine.showing import Shown
from dipfolio.errors import DataError, DipfolioError, UnknownNameError
from dipfolio.evidence.claims import CLAIMS, Claim
from dipfolio.evidence.contest import Contest, contest
from dipfolio.evidence.estimate import Estimate
from dipfolio.evidence.multiplicity import holm
from dipfolio.evidence.placebo import SEED
from dipfolio.evidence.repeated import mean_estimates, paired_estimates, rule_estimates
from dipfolio.evidence.single import STATED, described_estimates, duration_estimates, event_estimates, fact_estimates, priced
from dipfolio.evidence.swept import Tried
from dipfolio.evidence.telling import Said, unheard
from dipfolio.evidence.trials import Trial
from dipfolio.market.bars import Bars

Word = Literal["supported", "contradicted", "undecided", "not testable"]

SIZE = 0.05
"""Probability of a wrong word in a family, in each direction."""


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


@dataclass(frozen=True, kw_only=True, repr=False)
class Thesis(Shown):
    """The verdicts on all claims over the same figures.

    Attributes
    ----------
    verdicts : tuple of Verdict
        In the order of the claims.
    window : (str, str)
        First and last session of the figures, ISO dates.
    figures : str
        SHA-256 of the bars.
    contests : tuple of Contest
        The variants of each rule that has some, over the design sample.
    """

    SHOWN = ("window", "verdicts")

    verdicts: tuple[Verdict, ...]
    window: tuple[str, str]
    figures: str
    contests: tuple[Contest, ...] = ()

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every variant that was run, for the register."""
        return tuple(trial for one in self.contests for trial in one.trials)

    @property
    def beyond(self) -> tuple[Verdict, ...]:
        """The questions that prices may answer but these figures could not, whatever had happened; each once."""
        return tuple(v for v in self.verdicts if v.counted and v.word == "undecided" and not v.decidable)

    def only(self, claims: Iterable[str]) -> "Thesis":
        """Some of the verdicts, corrected for all that were judged.

        Raises
        ------
        UnknownNameError
            A claim that was not judged.
        """
        chosen = [self[name].claim.id for name in claims]
        verdicts = tuple(v for v in self.verdicts if v.claim.id in chosen)
        return replace(self, verdicts=verdicts, contests=tuple(c for c in self.contests if c.claim in chosen))

    def __getitem__(self, claim: str) -> Verdict:
        for verdict in self.verdicts:
            if verdict.claim.id == claim:
                return verdict
        raise UnknownNameError("claim", claim, [verdict.claim.id for verdict in self.verdicts])


def judge(
    bars: Bars, folder: Path, claims: Iterable[Claim] = CLAIMS, *, contests: bool = True, tried: Iterable[Tried] = (),
    seed: int = SEED, said: Said = unheard,
) -> Thesis:  # fmt: skip
    """Judge claims; the same figures always give the same verdicts.

    Parameters
    ----------
    bars : Bars
        The symbols of the claims, SPY and QQQ; a claim whose symbols are missing is undecided and says so.
    folder : Path
        The strategies.
    claims : iterable of Claim
    contests : bool
        Also run every variant of the rules, which takes most of the time.
    tried : iterable of Trial and Swept
        What the register holds already; the deflation counts those of the same strategy.
    seed : int
        Of the random numbers of resampling.
    said : callable
        Is told what was done after each step; there are :func:`steps` of them.
    """
    claims = tuple(claims)
    gathered = []
    for claim in claims:
        gathered.append(_gather(claim, bars, folder, seed))
        said(f"claim {claim.id}")
    verdicts = _decide(gathered)
    return Thesis(
        verdicts=tuple(verdicts),
        window=(str(bars.sessions[0].date()), str(bars.sessions[-1].date())),
        figures=bars.provenance.sha256,
        contests=tuple(_contests(claims, bars, folder, tuple(tried), seed, said)) if contests else (),
    )


def steps(claims: Iterable[Claim] = CLAIMS, *, contests: bool = True) -> int:
    """How many times :func:`judge` will tell what was done."""
    claims = tuple(claims)
    return len(claims) + (sum(bool(claim.grids) for claim in claims) if contests else 0)


def _contests(
    claims: Iterable[Claim], bars: Bars, folder: Path, tried: tuple[Tried, ...], seed: int, said: Said
) -> Iterator[Contest]:
    """The contests that these figures allow."""
    for claim in claims:
        if claim.grids:
            with suppress(DataError):
                yield contest(claim, bars, folder, tried=tried, seed=seed)
            said(f"variants of {claim.id}")


@dataclass(frozen=True, kw_only=True)
class _Gathered:
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


def _gather(claim: Claim, bars: Bars, folder: Path, seed: int) -> _Gathered:
    try:
        return _Gathered(claim=claim, estimates=tuple(_estimates(claim, bars, folder, seed)))
    except DipfolioError as error:
        return _Gathered(claim=claim, problem=str(error))


def _estimates(claim: Claim, bars: Bars, folder: Path, seed: int) -> Iterator[Estimate]:
    if claim.kind == "event":
        yield from event_estimates(claim, bars, folder)
    elif claim.kind == "described":
        yield from described_estimates(claim, bars, folder)
    elif claim.kind == "duration":
        yield from duration_estimates(claim, bars)
    elif claim.kind == "fact":
        yield from fact_estimates(claim, bars)
    elif claim.kind == "arithmetic":
        yield from priced(claim, bars, folder)
    elif claim.kind in ("rule", "list"):
        yield from rule_estimates(claim, bars, folder)
    elif claim.kind == "mean":
        yield from mean_estimates(claim, bars, folder)
    elif claim.kind == "paired":
        yield from paired_estimates(claim, bars, folder, seed)


MISSING = {
    "event": "The trade does not end within the figures, or they have no other morning like it.",
    "rule": "The design sample has no signal whose trade ends within it.",
}

TESTED = ("event", "duration", "rule", "mean", "paired")


def _decide(gathered: list[_Gathered]) -> Iterator[Verdict]:
    done: dict[str, Verdict] = {}
    corrections = {family: _correct(gathered, family) for family in {g.claim.family for g in gathered if g.claim.family}}
    for case in gathered:
        if case.claim.kind == "same":
            continue
        corrected = corrections.get(case.claim.family, {}).get(case.claim.id, (math.nan, math.nan, 0))
        done[case.claim.id] = _verdict(case, *corrected)
    for case in gathered:
        yield done[case.claim.id] if case.claim.id in done else _same(case.claim, done)


def _correct(gathered: list[_Gathered], family: str) -> dict[str, tuple[float, float, int]]:
    """Corrected p-values, both directions, and the number of claims, by claim."""
    members = [g for g in gathered if g.claim.family == family and g.claim.kind in TESTED and g.primary is not None]
    claimed = holm([g.primary.p_value for g in members if g.primary])
    opposite = holm([g.primary.opposite for g in members if g.primary])
    asked = sum(not math.isnan(value) for value in claimed)
    return {g.claim.id: (p, q, asked) for g, p, q in zip(members, claimed, opposite, strict=True)}


def _verdict(case: _Gathered, corrected: float, opposite: float, asked: int) -> Verdict:
    word, reason = _word(case, corrected, opposite, asked)
    return Verdict(
        claim=case.claim, word=word, reason=reason, primary=case.primary, corrected=corrected, corrected_opposite=opposite,
        family=asked, estimates=case.estimates,
    )  # fmt: skip


def _word(case: _Gathered, corrected: float, opposite: float, asked: int) -> tuple[Word, str]:
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


def _fact(case: _Gathered) -> tuple[Word, str]:
    _, *each = case.estimates
    against = [f.label for f in each if (f.observed >= 0) == (case.claim.direction == "lower")]
    count = len(each)
    if not against:
        return "supported", f"True of all {count}."
    return "contradicted", f"True of {count - len(against)} of {count}, not of {', '.join(against)}."


def _same(claim: Claim, done: dict[str, Verdict]) -> Verdict:
    """The verdict of the other claim, told again and not counted again."""
    other = done.get(claim.same_as)
    if other is None:
        return Verdict(claim=claim, word="undecided", reason=f"It is {claim.same_as}, which was not judged.")
    reason = f"The same number as {claim.same_as}, counted once."
    return Verdict(claim=claim, word=other.word, reason=reason, primary=other.primary)
