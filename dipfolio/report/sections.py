"""Sections: the page of each claim, in words and tables that a template only has to place."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dipfolio.evidence.contest import Contest
from dipfolio.evidence.dossier import AT_EVENT, Day, Dossier
from dipfolio.evidence.single import MARKET
from dipfolio.market.bars import Provenance
from dipfolio.market.rates import YEAR
from dipfolio.report import captions, grids
from dipfolio.report.absent import absent
from dipfolio.report.command import Sheet, sheet_of
from dipfolio.report.grids import Grid
from dipfolio.report.hindsight import Hindsight, touching
from dipfolio.report.measured import Measured, chance, measured, sized
from dipfolio.report.source import Source
from dipfolio.report.sources import behind
from dipfolio.report.wording import NOTHING, count, part, percent, ratio, titled

PLAIN = ("universe", "fill", "skip_event", "by")
"""Parameters that no variant is told apart by."""

FEW = 15
"""Symbols that are named one by one in a source."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """The page of one claim.

    Attributes
    ----------
    measured : Measured
    hypothesis, remark : str
    facts : tuple of (str, str)
        Label and value.
    paths, course, equity, waiting : str
        The charts in words; empty where there is none.
    path_ending, course_ending : str
        Where a band or a curve ends before the last session, and why.
    about : str
        What its cumulative abnormal return is that of.
    baskets, names, recoveries : Grid or None
        The day of what it is about, and when it was made good.
    profits, mean_trades, borrowing : Grid or None
        What other entries, slippages and borrow fees make of its trades.
    estimates : Grid or None
        All comparisons.
    variants : tuple of (str, str)
        What is left of the best variant.
    strategy : str
    sheet : Sheet or None
    hindsight : tuple of Hindsight
    sources : tuple of Source
    absent : tuple of (str, str)
        What the page lacks, with the reason.
    same_as, before, after : str
        Labels of the claim whose number this is, and of the pages beside it; empty where there is none.
    """

    measured: Measured
    hypothesis: str
    remark: str
    facts: tuple[tuple[str, str], ...] = ()
    paths: str = ""
    path_ending: str = ""
    about: str = ""
    course: str = ""
    course_ending: str = ""
    equity: str = ""
    waiting: str = ""
    baskets: Grid | None = None
    names: Grid | None = None
    recoveries: Grid | None = None
    profits: Grid | None = None
    mean_trades: Grid | None = None
    borrowing: Grid | None = None
    estimates: Grid | None = None
    variants: tuple[tuple[str, str], ...] = ()
    strategy: str = ""
    sheet: Sheet | None = None
    hindsight: tuple[Hindsight, ...] = ()
    sources: tuple[Source, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    same_as: str = ""
    before: str = ""
    after: str = ""


def sections_of(
    dossiers: Sequence[Dossier], day: Day | None, provenance: Provenance, reports: Path, window: tuple[str, str], data: str = ""
) -> tuple[Section, ...]:
    """The page of each claim, with its neighbours.

    Parameters
    ----------
    dossiers : sequence of Dossier
    day : Day or None
    provenance : Provenance
        Of the figures.
    reports : Path
        Where the page will stand; links to tear sheets start there.
    window : (str, str)
    data : str
        As the user named the figures.
    """
    made = [_section(dossier, day, provenance, reports, window, data) for dossier in dossiers]
    ids = ["", *(page.measured.id for page in made), ""]
    return tuple(replace(page, before=ids[place], after=ids[place + 2]) for place, page in enumerate(made))


def _section(
    dossier: Dossier, day: Day | None, provenance: Provenance, reports: Path, window: tuple[str, str], data: str
) -> Section:
    verdict, strategy = dossier.verdict, dossier.strategy
    claim, told = verdict.claim, measured(verdict)
    filed, cells = strategy if claim.strategy else None, dossier.sensitivities
    page = Section(
        measured=told, hypothesis=claim.hypothesis if claim.kind != "arithmetic" else "", remark=_remark(told, claim.remark),
        facts=tuple(_facts(dossier, told)) if told.told else (), same_as=claim.same_as,
        profits=grids.profits(cells), mean_trades=grids.mean_trades(cells), borrowing=grids.borrowing(cells),
        estimates=grids.estimates(verdict.estimates), variants=tuple(_variants(dossier.contest)) if dossier.contest else (),
        strategy=titled(strategy.name, strategy.changed) if strategy else "",
        sheet=sheet_of(filed, claim.benchmark or MARKET, reports, window, data) if filed else None,
        hindsight=touching(claim.id), sources=(*_prices(dossier, provenance), *_behind(dossier)),
    )  # fmt: skip
    page = _with_charts(_of_the_day(page, dossier, day), dossier)
    return replace(page, absent=tuple(absent(dossier, _parts(page))))


def _with_charts(page: Section, dossier: Dossier) -> Section:
    """The charts in words."""
    first, course = next(iter(dossier.paths), None), dossier.course
    return replace(
        page, paths=captions.paths_in_words(dossier.paths), path_ending=captions.ending(first),
        about=first.label if first else "",
        course=captions.course_in_words(course),
        course_ending=captions.ending(course, event=dossier.verdict.claim.kind == "event"),
        equity=captions.equity_in_words(dossier), waiting=captions.waiting_in_words(dossier),
    )  # fmt: skip


def _parts(page: Section) -> dict[str, bool]:
    """What the page has, by the names of :data:`dipfolio.report.absent.PARTS`."""
    return {
        "Cumulative abnormal return": bool(page.paths), "Sub-baskets": page.baskets is not None,
        "Recovery dates": page.recoveries is not None, "By holding time": bool(page.course), "Equity": bool(page.equity),
        "Tear sheet": page.sheet is not None, "Delay and costs": page.profits is not None,
        "Borrow fee": page.borrowing is not None,
    }  # fmt: skip


def _of_the_day(page: Section, dossier: Dossier, day: Day | None) -> Section:
    """With the day of its names, and of the baskets that lie whole within them."""
    if day is None or dossier.verdict.claim.kind not in AT_EVENT:
        return page
    names = tuple(move for move in day.names if move.label in dossier.symbols)
    baskets = tuple(move for move in day.baskets if set(move.members) <= set(dossier.symbols))
    if not names:
        return page
    return replace(
        page, names=grids.moves(names, "Each name on Monday 27 January.", "Name"), recoveries=grids.recoveries(names),
        baskets=grids.moves(baskets, "Baskets of equal dollars on that day.", "Basket") if baskets else None,
    )  # fmt: skip


def _prices(dossier: Dossier, provenance: Provenance) -> Iterator[Source]:
    if dossier.verdict.claim.kind != "untestable":
        origin = provenance.origin
        whose = ", ".join(dossier.symbols) if 0 < len(dossier.symbols) < FEW else "All symbols"
        when = f" Retrieved {origin.retrieved}." if origin.retrieved else ""
        yield Source(
            topic="Prices and dividends", says=f"{whose}; fingerprint of the figures {provenance.sha256[:16]}.{when}",
            reference=origin.source or "not stated by the folder of the figures",
        )  # fmt: skip


def _behind(dossier: Dossier) -> tuple[Source, ...]:
    sold = any(cell.varied == "borrow" for cell in dossier.sensitivities)
    return behind(dossier.verdict.claim.id, trades=dossier.result is not None, shorts=sold)


def _remark(told: Measured, remark: str) -> str:
    """Nothing where the reason has said it."""
    return "" if remark == told.reason else remark


def _facts(dossier: Dossier, told: Measured) -> Iterator[tuple[str, str]]:
    primary = dossier.verdict.primary
    if primary is None:
        return
    if math.isnan(primary.effect):
        yield "Observed", told.effect
    else:
        yield "Observed", sized(primary, primary.observed)
        yield "Usual", sized(primary, primary.usual)
        yield "Effect", told.effect
    for label, value in (
        ("95 % interval", told.interval), ("p, as the claim says", told.p_value), ("p, the other way", chance(primary.opposite)),
        ("Smallest possible p", told.smallest), ("Corrected (Holm)", told.corrected), ("Could be found", told.detectable),
    ):  # fmt: skip
        if value != NOTHING:
            yield label, value
    yield "Observations", told.observations
    if primary.against:
        yield "Compared with", primary.against


def _variants(contest: Contest) -> Iterator[tuple[str, str]]:
    """Ratios are a session; those of rules with many trades, never of one event."""
    best = ", ".join(f"{k} {v}" for k, v in contest.best.parameters.items() if k not in PLAIN and v is not None)
    more = contest.deflated.trials - sum(trial.traded for trial in contest.trials)
    yield "Variants run", f"{len(contest.trials)}, worth {contest.effective:.1f} independent ones"
    yield "Best of them", best
    scale = math.sqrt(YEAR)
    low, high = map(ratio, contest.interval)
    yield (
        "Sharpe ratio, annual",
        f"{ratio(contest.sharpe.ratio * scale)} (error {ratio(contest.error * scale)}, 95 % {low} to {high})",
    )
    yield "Above 0, if it had been the only one", part(contest.probability)
    beside = f" and {count(more, 'other trial')} of it in the register" if more else ""
    yield f"Deflated for all {contest.deflated.trials - more} that traded{beside}", part(contest.deflated.probability)
    yield "Any better than holding", f"p {chance(contest.ability.consistent)}, smallest {chance(contest.ability.smallest)}"
    yield "That survive together", f"{int(contest.survivors.better.sum())} of {len(contest.survivors.better)}"
    yield "Probability of overfitting", part(contest.overfitting.probability)
    if contest.walk and not math.isnan(contest.walk.out_of_sample):
        kept, promised = contest.walk.out_of_sample, contest.walk.in_sample
        yield "Chosen each year, a session held", f"{percent(kept, 3)}, where {percent(promised, 3)} was promised"
