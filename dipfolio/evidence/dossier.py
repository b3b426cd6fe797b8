"""Dossier: what is known of a claim beyond its verdict - the course of its trade, its account, and what would change it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dipfolio.engine.result import Result
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DipfolioError
from dipfolio.evidence.abnormal import abnormal_course
from dipfolio.evidence.claims import Claim
from dipfolio.evidence.contest import Contest
from dipfolio.evidence.course import Course, event_course, rule_course
from dipfolio.evidence.estimate import DESIGN_END
from dipfolio.evidence.moves import Move, basket_moves, name_moves
from dipfolio.evidence.placebo import SEED
from dipfolio.evidence.recovery import Survival, survival
from dipfolio.evidence.sensitivity import ANY_DAY, ON_FRIDAY, ON_MONDAY, Sensitivity, sells_short, sensitivities
from dipfolio.evidence.signalled import signalled
from dipfolio.evidence.single import MARKET, MONDAY, built, other_drops
from dipfolio.evidence.telling import Said, unheard
from dipfolio.evidence.thesis import Thesis
from dipfolio.evidence.verdict import Verdict
from dipfolio.market.bars import Bars
from dipfolio.market.universe import UNIVERSES, resolve

BASKETS = {
    "All twelve": UNIVERSES["article"],
    "Chipmakers": UNIVERSES["chipmakers"],
    "Stargate": UNIVERSES["stargate"],
    "Magnificent Seven": UNIVERSES["magnificent-seven"],
    "Hyperscalers": UNIVERSES["hyperscalers"],
}
"""The groups that fell, and did not fall, together."""

FEW = 5
"""Names whose own courses still fit into one chart."""

PARTS = {
    "Chipmakers": "chipmakers", "Stargate": "stargate", "Magnificent Seven": "magnificent-seven",
    "Hyperscalers": "hyperscalers",
}  # fmt: skip
"""Universes that the trade of the whole article is divided into."""

BENCHMARKS = ("SPY", "QQQ")

AT_EVENT = ("event", "duration", "fact", "arithmetic")
"""Kinds of claims about DeepSeek Monday itself."""

TRADED = ("event", "described", "duration", "rule", "list", "paired", "mean", "arithmetic", "same")
"""Kinds that have an account if a strategy trades them."""

ENTRIES = {"event": ON_MONDAY, "duration": ON_MONDAY[:2], "arithmetic": ON_FRIDAY}
"""Of other kinds any day's. A wait for recovery that begins on Tuesday would wait for Monday's close, which is another trade."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Day:
    """DeepSeek Monday: names, baskets, and the abnormal course of each basket."""

    names: tuple[Move, ...]
    baskets: tuple[Move, ...]
    courses: tuple[Course, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dossier:
    """One claim.

    Attributes
    ----------
    verdict : Verdict
    strategy : Strategy or None
        What trades it, with the parameters of the primary comparison.
    symbols : tuple of str
        What it is about.
    paths : tuple of Course
        Cumulative abnormal return from DeepSeek Monday on: of all it is about, then of its parts.
    course : Course or None
        Of its trade by the sessions held.
    parts : tuple of Course
        Of the sub-baskets, for the claim about all names.
    result : Result or None
        Its run with the default account over the whole figures.
    sensitivities : tuple of Sensitivity
    waiting : Survival or None
        For a duration: the share of other drops that were not over.
    contest : Contest or None
        Its variants.
    """

    verdict: Verdict
    strategy: Strategy | None = None
    symbols: tuple[str, ...] = ()
    paths: tuple[Course, ...] = ()
    course: Course | None = None
    parts: tuple[Course, ...] = ()
    result: Result | None = None
    sensitivities: tuple[Sensitivity, ...] = ()
    waiting: Survival | None = None
    contest: Contest | None = None


def day_of(bars: Bars) -> Day | None:
    """DeepSeek Monday in these figures; None where they do not have it or too little before it."""
    names = (*UNIVERSES["article"], *BENCHMARKS)
    try:
        return Day(
            names=name_moves(bars, names, MONDAY),
            baskets=basket_moves(bars, BASKETS, MONDAY),
            courses=tuple(abnormal_course(bars, symbols, MONDAY, label) for label, symbols in BASKETS.items()),
        )
    except DipfolioError:
        return None


def dossiers(thesis: Thesis, bars: Bars, folder: Path, *, seed: int = SEED, said: Said = unheard) -> tuple[Dossier, ...]:
    """One for each verdict; what these figures do not allow is left out.

    Parameters
    ----------
    thesis : Thesis
    bars : Bars
        The same that were judged.
    folder : Path
        The strategies.
    seed : int
        Of the band around the waiting curve.
    said : callable
        Is told the claim after each.
    """
    made = []
    for verdict in thesis.verdicts:
        contest = next((c for c in thesis.contests if c.claim == verdict.claim.id), None)
        made.append(_dossier(verdict, contest, bars, folder, seed))
        said(f"dossier of {verdict.claim.id}")
    return tuple(made)


def _dossier(verdict: Verdict, contest: Contest | None, bars: Bars, folder: Path, seed: int) -> Dossier:
    claim, strategy, result = verdict.claim, None, None
    with suppress(DipfolioError):
        strategy = _strategy(claim, bars, folder)
        result = simulate(strategy, bars, benchmark=claim.benchmark or MARKET) if strategy else None
    symbols = strategy.symbols if strategy else resolve(claim.universe) if claim.universe else ()
    return Dossier(
        verdict=verdict, strategy=strategy, symbols=symbols, paths=tuple(_paths(claim, strategy, symbols, bars)),
        course=next(_course(verdict, bars, folder), None), parts=tuple(_parts(verdict, bars, folder)), result=result,
        sensitivities=_sensitivities(claim, strategy, bars), waiting=next(_waiting(verdict, bars, seed), None), contest=contest,
    )  # fmt: skip


def _strategy(claim: Claim, bars: Bars, folder: Path) -> Strategy | None:
    horizon = claim.horizons[0] if claim.horizons else 0
    if claim.kind not in TRADED:
        return None
    if claim.strategy:
        return built(folder, claim, horizon)
    return signalled(claim, bars, horizon) if claim.signal else None


def _sensitivities(claim: Claim, strategy: Strategy | None, bars: Bars) -> tuple[Sensitivity, ...]:
    """None for a strategy that does not trade, and for the number of another claim, which has them."""
    with suppress(DipfolioError):
        if strategy is not None and claim.kind != "same":
            start = DESIGN_END.date() if claim.kind in AT_EVENT else None
            return sensitivities(strategy, bars, entries=ENTRIES.get(claim.kind, ANY_DAY), start=start)
    return ()


def _paths(claim: Claim, strategy: Strategy | None, symbols: tuple[str, ...], bars: Bars) -> Iterator[Course]:
    """Of the whole, then of its parts: the two sides of a pair, the groups of the article's twelve, or a few names."""
    if claim.kind not in AT_EVENT:
        return
    with suppress(DipfolioError):
        wanted = strategy.targets(bars.select(symbols)).max() if strategy and sells_short(strategy, bars) else None
        sold = () if wanted is None else tuple(wanted.index[wanted < 0])
        bought = tuple(symbol for symbol in symbols if symbol not in sold)
        if not (bought and sold):
            parts = {name: UNIVERSES[group] for name, group in PARTS.items()} if symbols == UNIVERSES["article"] else {}
            yield abnormal_course(bars, symbols, MONDAY, named(symbols))
            few = {symbol: (symbol,) for symbol in symbols} if 1 < len(symbols) <= FEW else {}
            for label, names in (parts or few).items():
                yield abnormal_course(bars, names, MONDAY, label)
            return
        yield abnormal_course(bars, bought, MONDAY, f"{named(bought)} less {named(sold)}", sold=sold)
        for names in (bought, sold):
            yield abnormal_course(bars, names, MONDAY, named(names))


def named(symbols: tuple[str, ...]) -> str:
    """The name of a basket, else the symbols."""
    return next((label for label, names in BASKETS.items() if names == symbols), ", ".join(symbols))


def _course(verdict: Verdict, bars: Bars, folder: Path) -> Iterator[Course]:
    claim = verdict.claim
    with suppress(DipfolioError):
        if claim.kind == "event":
            yield event_course(claim, bars, folder)
        elif claim.kind == "rule" and min(claim.horizons) > 1:
            yield rule_course(claim, bars, folder)


def _parts(verdict: Verdict, bars: Bars, folder: Path) -> Iterable[Course]:
    if verdict.claim.id != "A1":
        return
    for label, universe in PARTS.items():
        with suppress(DipfolioError):
            yield event_course(verdict.claim, bars, folder, {"universe": universe}, label)


def _waiting(verdict: Verdict, bars: Bars, seed: int) -> Iterator[Survival]:
    claim = verdict.claim
    with suppress(DipfolioError):
        if claim.kind == "duration":
            yield survival(other_drops(bars, claim.universe, claim.horizons[0]), claim.horizons[0], seed=seed)
