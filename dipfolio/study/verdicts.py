"""Verdicts: which claims are supported, which are contradicted, and which the data cannot decide.

Each verdict follows from a rule that was fixed beforehand. *Supported* and *contradicted* need a one-sided p-value of
at most 5 % in that direction after a step-down correction within the family, whose claims are correlated. For a rule it
is the p-value of the design sample, and the confirmation sample must show an effect of the same sign. *No effect* needs
a 95 % interval within the margin of the claim. *Undecided* is everything else, and comes with the smallest effect that
could have been detected. A single event has a rank among placebo dates and nothing more. A thesis holds the verdicts on
all claims over the same data.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from dipfolio.data.bars import Bars
from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError, DipfolioError, UnknownNameError
from dipfolio.evidence.calendar_time import REQUIREMENT
from dipfolio.evidence.estimates import SIGNIFICANCE_LEVEL, Estimate, ProgressCallback, no_progress
from dipfolio.evidence.multiple_testing import correlation_of, stepdown
from dipfolio.evidence.placebo import SEED
from dipfolio.evidence.trial_log import Trial, TrialLogEntry
from dipfolio.study.claims import CLAIMS, Claim, adapted_claim
from dipfolio.study.event_claims import (
    AS_STATED,
    NOT_TESTED,
    claimed_trade_profit,
    described_estimates,
    duration_estimates,
    event_estimates,
    fact_estimates,
)
from dipfolio.study.history import History, claim_bars, claim_history
from dipfolio.study.outcomes import WhatHappened, find_outcomes
from dipfolio.study.parallel import map_items
from dipfolio.study.rule_claims import mean_estimates, paired_estimates, rule_estimates, split_estimates
from dipfolio.study.variants import VariantEvaluation, evaluate_variants

VerdictWord = Literal["supported", "contradicted", "no effect", "undecided", "not testable", "illustration"]

LuckWord = Literal[
    "more than luck",
    "the opposite",
    "no effect",
    "no effect found",
    "data cannot tell",
    "prices do not answer",
    "illustration",
]
"""Whether a claim is more than luck; *undecided* and *not testable* are said apart.

more than luck, the opposite : statistically significant as the claim says, or the other way.
no effect : the 95 % interval holds no effect larger than the margin of the claim.
no effect found : it could have been found, if it was as large as the detectable effect.
data cannot tell : no outcome could have been significant with these data.
prices do not answer : prices, or these data, do not have what the claim is about.
illustration : the trade of one person, which is priced and not tested.
"""


@dataclass(frozen=True, kw_only=True, repr=False)
class Verdict(Displayable):
    """The verdict on one claim, with its evidence.

    Attributes
    ----------
    claim : Claim
    word : {"supported", "contradicted", "no effect", "undecided", "not testable", "illustration"}
    reason : str
        Why that word.
    primary : Estimate or None
        The comparison that decides; None where there is none.
    corrected, corrected_opposite : float
        Its p-values after the correction within the family; NaN where there is none.
    family : int
        Claims that were corrected together.
    estimates : tuple of Estimate
        All of them, other horizons, entries and samples included.
    history : History or None
        The sessions that were used for it; None for a claim without prices.
    """

    SHOWN = (
        "claim.id", "claim.sentence", "word", "primary.effect", "primary.low", "primary.high", "primary.p_value",
        "primary.smallest", "corrected", "family", "primary.observations", "reason",
    )  # fmt: skip

    claim: Claim
    word: VerdictWord
    reason: str
    primary: Estimate | None = None
    corrected: float = math.nan
    corrected_opposite: float = math.nan
    family: int = 0
    estimates: tuple[Estimate, ...] = ()
    history: History | None = None

    @property
    def counted(self) -> bool:
        """True if it is a question of its own, and not the number of another claim."""
        return self.claim.kind != "same"

    @property
    def decidable(self) -> bool:
        """True if some outcome, however extreme, would have given another word than undecided or not testable."""
        if self.claim.kind == "fact":
            return self.primary is not None
        return (
            self.primary is not None
            and not math.isnan(self.corrected)
            and self.primary.smallest * self.family <= SIGNIFICANCE_LEVEL
        )

    @property
    def luck(self) -> LuckWord:
        """Whether it is more than luck, see :data:`LuckWord`; a fact by the test beside it and not by being true."""
        if self.claim.kind == "fact" and self.primary is not None:
            return "more than luck" if self.primary.p_value <= SIGNIFICANCE_LEVEL else "no effect found"
        if self.word == "undecided":
            return "no effect found" if self.decidable else "data cannot tell"
        return _LUCK_WORDS[self.word]


_LUCK_WORDS: dict[VerdictWord, LuckWord] = {
    "supported": "more than luck", "contradicted": "the opposite", "no effect": "no effect",
    "not testable": "prices do not answer",
    "illustration": "illustration", "undecided": "data cannot tell",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ClaimEvidence:
    """The evidence for a claim, or the reason why there is none."""

    claim: Claim
    estimates: tuple[Estimate, ...] = ()
    problem: str = ""
    history: History | None = None

    @property
    def primary(self) -> Estimate | None:
        """The first estimate, if it is that of the claim as stated over its first horizon and in its first sample."""
        first = self.estimates[0] if self.estimates else None
        if first is None or first.horizon != (self.claim.horizons or (0,))[0] or first.sample == "confirmation":
            return None
        return first if self.claim.kind != "event" or first.label == AS_STATED else None


NO_ESTIMATE_REASONS = {
    "event": "The trade does not end within the data, or they have no other morning like it.",
    "rule": "The design sample has no signal whose trade ends within it.",
}

TESTED_KINDS = ("event", "duration", "rule", "mean", "paired", "split")


def decide_verdicts(gathered: list[ClaimEvidence]) -> Iterator[Verdict]:
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


def _correct(gathered: list[ClaimEvidence], family: str) -> dict[str, tuple[float, float, int]]:
    """Corrected p-values, both directions, and the number of claims, by claim."""
    members = [g for g in gathered if g.claim.family == family and g.claim.kind in TESTED_KINDS and g.primary is not None]
    primaries = [g.primary for g in members if g.primary]
    alike = correlation_of([found.scores for found in primaries], centred=all(found.sample == "event" for found in primaries))
    claimed = stepdown([found.p_value for found in primaries], alike, SEED)
    opposite = stepdown([found.opposite for found in primaries], alike, SEED)
    asked = sum(not math.isnan(value) for value in claimed)
    return {g.claim.id: (p, q, asked) for g, p, q in zip(members, claimed, opposite, strict=True)}


def _verdict(case: ClaimEvidence, corrected: float, opposite: float, asked: int) -> Verdict:
    word, reason = _word(case, corrected, opposite, asked)
    return Verdict(
        claim=case.claim, word=word, reason=reason, primary=case.primary, corrected=corrected, corrected_opposite=opposite,
        family=asked, estimates=case.estimates, history=case.history,
    )  # fmt: skip


def _word(case: ClaimEvidence, corrected: float, opposite: float, asked: int) -> tuple[VerdictWord, str]:
    claim, primary = case.claim, case.primary
    if claim.kind == "arithmetic":
        return "illustration", claim.remark
    if claim.kind == "untestable":
        return "not testable", claim.remark
    if case.problem:
        return "undecided", case.problem
    if claim.kind == "fact":
        return _fact(case)
    if primary is None:
        return "undecided", NO_ESTIMATE_REASONS["event" if claim.kind == "event" else "rule"]
    if claim.kind in ("list", "described"):
        return "undecided", f"{primary.observations} cases are too few for a test."
    if math.isnan(corrected):
        return "undecided", f"The data are too few for a test, which needs {REQUIREMENT}."
    same = (primary.label, primary.horizon, "confirmation")
    later = next((f for f in case.estimates if (f.label, f.horizon, f.sample) == same), None)
    alone = primary.sample == "event" or claim.decades
    if corrected <= SIGNIFICANCE_LEVEL and (alone or (later is not None and later.effect > 0)):
        return "supported", f"p = {corrected:.3f} after correction for {asked} claims."
    if opposite <= SIGNIFICANCE_LEVEL and (alone or (later is not None and later.effect < 0)):
        return "contradicted", f"The opposite has p = {opposite:.3f} after correction for {asked} claims."
    if -claim.margin < primary.low and primary.high < claim.margin:
        return "no effect", f"No effect larger than {100 * claim.margin:g} % a trade: the 95 % interval excludes it."
    if primary.sample == "design" and min(corrected, opposite) <= SIGNIFICANCE_LEVEL:
        return "undecided", "The design sample has an effect that the later one does not confirm."
    if primary.smallest * asked > SIGNIFICANCE_LEVEL:
        least = f"the smallest possible p, {primary.smallest:.3f}, times {asked} claims is {primary.smallest * asked:.3f}."
        return "undecided", f"No outcome could have been significant: {least}"
    return "undecided", "Neither direction is statistically significant."


def _fact(case: ClaimEvidence) -> tuple[VerdictWord, str]:
    together, *names = case.estimates
    each, beside = [f for f in names if f.against != NOT_TESTED], [f for f in names if f.against == NOT_TESTED]
    against = _not_so(case.claim, each)
    mean = f"their mean is {100 * together.observed:+.2f} %."
    shown = f" Not named by the claim: true of {_of(beside, _not_so(case.claim, beside))}." if beside else ""
    return "contradicted" if against else "supported", f"True of {_of(each, against)}; {mean}{shown}"


def _not_so(claim: Claim, names: list[Estimate]) -> list[str]:
    """The symbols for which a fact is false."""
    return [f.label for f in names if (f.observed >= 0) == (claim.direction == "lower")]


def _of(names: list[Estimate], against: list[str]) -> str:
    """Of how many names something is true, and of which it is not."""
    if not against:
        return f"all {len(names)}"
    return f"{len(names) - len(against)} of {len(names)}, not of {', '.join(against)}"


def _same(claim: Claim, done: dict[str, Verdict]) -> Verdict:
    """The verdict of the other claim, shown again and not counted again."""
    other = done.get(claim.same_as)
    if other is None:
        return Verdict(claim=claim, word="undecided", reason=f"It is {claim.same_as}, which was not judged.")
    reason = f"The same number as {claim.same_as}, counted once."
    return Verdict(claim=claim, word=other.word, reason=reason, primary=other.primary, history=other.history)


@dataclass(frozen=True, kw_only=True, repr=False)
class Thesis(Displayable):
    """The verdicts on all claims over the same data.

    Attributes
    ----------
    verdicts : tuple of Verdict
        In the order of the claims.
    window : (str, str)
        First and last session of the data, ISO dates.
    figures : str
        SHA-256 of the bars.
    contests : tuple of VariantEvaluation
        The variants of each rule that has some, over the design sample.
    asked : int
        Verdicts that were given in all, those not shown here included.
    happened : WhatHappened or None
        What happened on DeepSeek Monday and after it, from prices alone.
    """

    SHOWN = ("window", "verdicts")

    verdicts: tuple[Verdict, ...]
    window: tuple[str, str]
    figures: str
    contests: tuple[VariantEvaluation, ...] = ()
    asked: int = 0
    happened: WhatHappened | None = None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every variant that was run, for the register."""
        return tuple(trial for one in self.contests for trial in one.trials)

    @property
    def undecidable(self) -> tuple[Verdict, ...]:
        """The questions that prices may answer but these data could not, whatever had happened; each once."""
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

    def beside(self, tried: Iterable[TrialLogEntry]) -> "Thesis":
        """The same, with the best variants deflated by all else that was tried with their strategies."""
        tried = tuple(tried)
        return replace(self, contests=tuple(contest.beside(tried) for contest in self.contests))

    def __getitem__(self, claim: str) -> Verdict:
        for verdict in self.verdicts:
            if verdict.claim.id == claim:
                return verdict
        raise UnknownNameError("claim", claim, [verdict.claim.id for verdict in self.verdicts])


def judge_claims(
    bars: Bars,
    folder: Path,
    claims: Iterable[Claim] = CLAIMS,
    *,
    contests: bool = True,
    seed: int = SEED,
    jobs: int = 1,
    progress: ProgressCallback = no_progress,
) -> Thesis:
    """Judge claims; the same data always give the same verdicts.

    Parameters
    ----------
    bars : Bars
        The symbols of the claims, SPY and QQQ; a claim whose symbols are missing is undecided and says so.
    folder : Path
        The strategies.
    claims : iterable of Claim
        Each is judged in the form that the bars allow, see :func:`dipfolio.study.claims.adapted_claim`, over its own history,
        see :func:`dipfolio.study.history.claim_bars`.
    contests : bool
        Also run every variant of the rules, which takes most of the time.
    seed : int
        Of the random numbers of resampling.
    jobs : int
        Processes that share the claims; the result is the same with any number.
    progress : callable
        Is told what was done after each step; there are :func:`count_steps` of them.
    """
    claims = tuple(adapted_claim(claim, bars.symbols) for claim in claims)
    gathered = []
    found = map_items(_gather, claims, bars, folder, jobs, takes_long=lambda claim: claim.decades)
    for claim, evidence in zip(claims, found, strict=True):
        gathered.append(evidence)
        progress(f"claim {claim.id}")
    verdicts = tuple(decide_verdicts(gathered))
    return Thesis(
        verdicts=verdicts,
        window=(str(bars.sessions[0].date()), str(bars.sessions[-1].date())),
        figures=bars.provenance.sha256,
        contests=tuple(_contests(claims, bars, folder, seed, jobs, progress)) if contests else (),
        asked=len(verdicts),
        happened=find_outcomes(claims, bars, folder),
    )


def count_steps(claims: Iterable[Claim] = CLAIMS, *, contests: bool = True) -> int:
    """How many times :func:`judge_claims` will tell what was done."""
    claims = tuple(claims)
    return len(claims) + (sum(bool(claim.grids) for claim in claims) if contests else 0)


def _contests(
    claims: Iterable[Claim], bars: Bars, folder: Path, seed: int, jobs: int, progress: ProgressCallback
) -> Iterator[VariantEvaluation]:
    """The contests that these data allow."""
    chosen = [claim for claim in claims if claim.grids]
    for claim, contest in zip(chosen, map_items(partial(_contest, seed=seed), chosen, bars, folder, jobs), strict=True):
        if contest is not None:
            yield contest
        progress(f"variants of {claim.id}")


def _contest(claim: Claim, bars: Bars, folder: Path, seed: int) -> VariantEvaluation | None:
    """None for too few data, or a symbol that they do not have."""
    try:
        return evaluate_variants(claim, claim_bars(claim, bars, folder), folder, seed=seed)
    except (DataError, UnknownNameError):
        return None


def _gather(claim: Claim, bars: Bars, folder: Path) -> ClaimEvidence:
    try:
        own = claim_bars(claim, bars, folder)
        return ClaimEvidence(claim=claim, estimates=tuple(_estimates(claim, own, folder)), history=claim_history(claim, own))
    except DipfolioError as error:
        return ClaimEvidence(claim=claim, problem=str(error))


def _estimates(claim: Claim, bars: Bars, folder: Path) -> Iterator[Estimate]:
    if claim.kind == "event":
        yield from event_estimates(claim, bars, folder)
    elif claim.kind == "described":
        yield from described_estimates(claim, bars, folder)
    elif claim.kind == "duration":
        yield from duration_estimates(claim, bars)
    elif claim.kind == "fact":
        yield from fact_estimates(claim, bars)
    elif claim.kind == "arithmetic":
        yield from claimed_trade_profit(claim, bars, folder)
    elif claim.kind in ("rule", "list"):
        yield from rule_estimates(claim, bars, folder)
    elif claim.kind == "mean":
        yield from mean_estimates(claim, bars, folder)
    elif claim.kind == "paired":
        yield from paired_estimates(claim, bars, folder)
    elif claim.kind == "split":
        yield from split_estimates(claim, bars, folder)
