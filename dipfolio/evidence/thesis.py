"""Thesis: the verdicts on all claims over the same figures."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from dipfolio.engine.showing import Shown
from dipfolio.errors import DataError, DipfolioError, UnknownNameError
from dipfolio.evidence.claims import CLAIMS, Claim
from dipfolio.evidence.contest import Contest, contest
from dipfolio.evidence.estimate import Estimate
from dipfolio.evidence.placebo import SEED
from dipfolio.evidence.repeated import mean_estimates, paired_estimates, rule_estimates
from dipfolio.evidence.single import described_estimates, duration_estimates, event_estimates, fact_estimates, priced
from dipfolio.evidence.swept import Tried
from dipfolio.evidence.telling import Said, unheard
from dipfolio.evidence.trials import Trial
from dipfolio.evidence.verdict import Gathered, Verdict, decide
from dipfolio.market.bars import Bars


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
    asked : int
        Verdicts that were given in all, those not shown here included.
    """

    SHOWN = ("window", "verdicts")

    verdicts: tuple[Verdict, ...]
    window: tuple[str, str]
    figures: str
    contests: tuple[Contest, ...] = ()
    asked: int = 0

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

    def beside(self, tried: Iterable[Tried]) -> "Thesis":
        """The same, with the best variants deflated by all else that was tried with their strategies."""
        tried = tuple(tried)
        return replace(self, contests=tuple(contest.beside(tried) for contest in self.contests))

    def __getitem__(self, claim: str) -> Verdict:
        for verdict in self.verdicts:
            if verdict.claim.id == claim:
                return verdict
        raise UnknownNameError("claim", claim, [verdict.claim.id for verdict in self.verdicts])


def judge(
    bars: Bars, folder: Path, claims: Iterable[Claim] = CLAIMS, *, contests: bool = True, seed: int = SEED, said: Said = unheard
) -> Thesis:
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
    verdicts = tuple(decide(gathered))
    return Thesis(
        verdicts=verdicts,
        window=(str(bars.sessions[0].date()), str(bars.sessions[-1].date())),
        figures=bars.provenance.sha256,
        contests=tuple(_contests(claims, bars, folder, seed, said)) if contests else (),
        asked=len(verdicts),
    )


def steps(claims: Iterable[Claim] = CLAIMS, *, contests: bool = True) -> int:
    """How many times :func:`judge` will tell what was done."""
    claims = tuple(claims)
    return len(claims) + (sum(bool(claim.grids) for claim in claims) if contests else 0)


def _contests(claims: Iterable[Claim], bars: Bars, folder: Path, seed: int, said: Said) -> Iterator[Contest]:
    """The contests that these figures allow."""
    for claim in claims:
        if claim.grids:
            with suppress(DataError):
                yield contest(claim, bars, folder, seed=seed)
            said(f"variants of {claim.id}")


def _gather(claim: Claim, bars: Bars, folder: Path, seed: int) -> Gathered:
    try:
        return Gathered(claim=claim, estimates=tuple(_estimates(claim, bars, folder, seed)))
    except DipfolioError as error:
        return Gathered(claim=claim, problem=str(error))


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
