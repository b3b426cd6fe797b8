"""The section of each claim on the study page, as text and tables that a template lays out.

Each chart has a text for readers who do not see it, which says where a band ends and why. Each missing part has its
reason in one line.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from dipfolio.data.arch_data import ARCH_FOLDER
from dipfolio.data.bars import Provenance
from dipfolio.data.risk_free import SESSIONS_PER_YEAR
from dipfolio.engine.strategy import Strategy
from dipfolio.evidence.estimates import SIGNIFICANCE_LEVEL
from dipfolio.evidence.placebo import MARKET_SYMBOL, MIN_PLACEBO_DISTANCE
from dipfolio.report.format import MISSING_TEXT, count, percent, ratio, unsigned_percent
from dipfolio.report.run_record import TearsheetLink, tearsheet_link
from dipfolio.report.run_summary import strategy_heading
from dipfolio.report.study import tables
from dipfolio.report.study.opening import money_picture
from dipfolio.report.study.tables import TextTable, VerdictTexts, format_effect, format_p_value, verdict_texts
from dipfolio.study.claims import ClaimKind
from dipfolio.study.details import EVENT_KINDS, ClaimDetails, EventDay
from dipfolio.study.event_day import Move
from dipfolio.study.outcomes import WhatHappened
from dipfolio.study.references import HindsightItem, Reference, hindsight_for, references_for
from dipfolio.study.required_data import required_data
from dipfolio.study.return_paths import HORIZONS, MIN_PLACEBOS, ReturnPath
from dipfolio.study.variants import VariantEvaluation
from dipfolio.study.verdicts import Verdict

HORIZONS_IN_TEXT = (0, 5, 20, 60, 120, 250)
"""Sessions that are written out in words, and the last."""


def describe_event_day(baskets: Sequence[Move]) -> str:
    """Which baskets had an abnormal return out of the ordinary that day, and which did not."""
    told = [(move.rank <= SIGNIFICANCE_LEVEL, f"{move.label} {percent(move.abnormal)}") for move in baskets]
    out, usual = ([words for is_out, words in told if is_out == wanted] for wanted in (True, False))
    said = (
        f"Return beyond what {MARKET_SYMBOL} explains, with a rank p of {unsigned_percent(SIGNIFICANCE_LEVEL)} or less: "
        f"{', '.join(out) or 'no basket'}."
    )
    return f"{said} Within the ordinary: {', '.join(usual)}." if usual else said


def describe_return_path(course: ReturnPath | None) -> str:
    """The value at some sessions, with the band where there is one; empty without a course."""
    if course is None or course.last < 0:
        return ""
    said = []
    for place, horizon in enumerate(course.horizons):
        if (horizon in HORIZONS_IN_TEXT or horizon == course.last) and not math.isnan(course.cumulative_returns[place]):
            low, high = course.low[place], course.high[place]
            band = "" if math.isnan(low) else f", placebos {percent(low)} to {percent(high)}"
            said.append(f"after {horizon} sessions {percent(course.cumulative_returns[place])}{band}")
    return f"{'; '.join(said)}."


def describe_return_paths(paths: Sequence[ReturnPath]) -> str:
    """The first with its band, then the end of each other."""
    if not paths:
        return ""
    others = [f"{path.label} {percent(path.at(path.last))}" for path in paths[1:]]
    return describe_return_path(paths[0]) + (f" At the end {', '.join(others)}." if others else "")


def describe_path_end(course: ReturnPath | None, *, event: bool = True) -> str:
    """Where the band and the curve end, and why; empty if both go on to the last session asked for."""
    if course is None or course.last < 0:
        return ""
    said = []
    if course.reach < 0:
        few = f"fewer than {MIN_PLACEBOS} placebos" if event else "too few data for a test"
        said.append(f"No band: there are {few}.")
    elif course.reach < course.last:
        left = int(course.placebos[course.horizons.tolist().index(course.reach) + 1])
        said.append(
            f"The band ends after {course.reach} sessions: {count(left, 'placebo')} are left then, fewer than {MIN_PLACEBOS}."
        )
        said.append(
            f"A placebo is no nearer to the event than its holding time and {MIN_PLACEBO_DISTANCE} sessions, and ends "
            "within the data."
            if event
            else "A placebo ends within the data."
        )
    if event and course.last < HORIZONS[-1]:
        said.append(f"The curve ends after {course.last} sessions, with the data.")
    return " ".join(said)


def describe_equity(details: ClaimDetails) -> str:
    """The outcome of the account in words; empty if it never traded."""
    result = details.result
    if result is None or (result.trades.empty and result.open_positions.empty):
        return ""
    total = result.equity["equity"].iloc[-1] / result.account.cash - 1
    trades, still = count(len(result.trades), "trade"), len(result.open_positions)
    return f"{percent(total)} after costs, {trades} ended{f', {still} still open' if still else ''}."


def describe_waiting_curve(details: ClaimDetails) -> str:
    """The share of drops that were not over; empty without."""
    curve, recovery = details.waiting, details.recovery
    if curve is None or recovery is None:
        return ""
    shares = ", ".join(
        f"{unsigned_percent(curve.waiting[n])} after {n} sessions" for n in (5, 20, 60) if n in curve.waiting.index
    )
    if recovery.regained is None and details.searched_until is not None:
        waited = count(recovery.sessions, "session")
        took = f"DeepSeek Monday's was not recovered by {details.searched_until.date()}, {waited} later"
    else:
        took = f"DeepSeek Monday's took {count(recovery.sessions, 'session')}"
    return f"Share of {curve.drops} other drops that were not over: {shares}. {took}."


SECTION_PARTS = (
    "Cumulative abnormal return", "Sub-baskets", "Recovery dates", "By holding time", "Equity", "Tear sheet", "Delay and costs",
    "Borrow fee",
)  # fmt: skip
"""What a page has, beside its register of hindsight and its sources, which every page has."""

MANY_DATES_REASON = "Its trades are on many dates; there is no one day to count from."
EARNINGS_DATES_REASON = "Its trades are around the prints of several days, not on Monday."

NO_EVENT_DAY_REASONS: Mapping[ClaimKind, str] = {"described": EARNINGS_DATES_REASON}

FIXED_HOLD_REASONS: Mapping[ClaimKind, str] = {
    "fact": "A fact is not held.",
    "duration": "It is the time that is asked for; see the waiting curve.",
    "described": "Each trade is over a session after its print.",
    "mean": "Each trade is over in the next session.",
    "paired": "Its trades end by rules of their own, not after a set time.",
    "split": "It compares the trades of two kinds of times; those of all times are on the page of G1.",
    "list": "Too few cases for a curve.",
    "arithmetic": "The reported trade has one cover; a later one is another claim.",
}


def missing_parts(details: ClaimDetails, there: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    """Part and reason.

    Parameters
    ----------
    details : ClaimDetails
    there : mapping
        Each of :data:`SECTION_PARTS` with whether the page has it.
    """
    for name in SECTION_PARTS:
        if not there[name]:
            yield name, _why(name, details)


def _why(part: str, details: ClaimDetails) -> str:
    claim = details.verdict.claim
    if claim.kind == "untestable":
        return "Prices do not answer it, so nothing is measured or traded."
    if claim.kind == "same" and (part not in ("Equity", "Tear sheet") or details.strategy is None):
        return f"It is the number of {claim.same_as}, on whose page this is."
    if part in SECTION_PARTS[:3]:
        return _undated(part, details)
    if part == "By holding time":
        return FIXED_HOLD_REASONS.get(claim.kind, "No trade of it ends within the data.")
    return _untraded(part, details)


def _undated(part: str, details: ClaimDetails) -> str:
    claim = details.verdict.claim
    if claim.kind not in EVENT_KINDS:
        return NO_EVENT_DAY_REASONS.get(claim.kind, MANY_DATES_REASON)
    if part == "Sub-baskets" and details.symbols:
        return f"It is about {', '.join(details.symbols)} and no group of names."
    return "The data lack that Monday, the 261 sessions before it, or one of its names."


def _untraded(part: str, details: ClaimDetails) -> str:
    claim, result = details.verdict.claim, details.result
    if claim.kind == "fact":
        return "A fact is not traded."
    if part == "Tear sheet" and claim.signal:
        return "Its signal is no strategy file of its own."
    if details.strategy is None or result is None:
        return "Its strategy cannot be run on these data."
    if result.trades.empty and result.open_positions.empty:
        return "Its strategy never trades in these data."
    return "It only buys; nothing is borrowed." if part == "Borrow fee" else "It does not trade in these data."


COMMON_PARAMETERS = ("universe", "fill", "skip_event", "by")
"""Parameters that tell no variant from another."""

MAX_SYMBOLS_LISTED = 15
"""Symbols that are named one by one in a source."""


@dataclass(frozen=True, kw_only=True)
class ClaimSection:
    """The page of one claim.

    Attributes
    ----------
    measured : VerdictTexts
    hypothesis, remark : str
    facts : tuple of (str, str)
        Label and value.
    paths, course, equity, waiting : str
        The charts in words; empty where there is none.
    path_ending, course_ending : str
        Where a band or a curve ends before the last session, and why.
    about : str
        What its cumulative abnormal return is that of.
    happened : TextTable or None
        What its trade, the names in it and the benchmarks earned from Monday's open.
    money : TextTable or None
        The profit of the commenter's short by session.
    picture : Markup or None
        The same as a chart.
    baskets, names, recoveries : TextTable or None
        The day of what it is about, and when Friday's close was regained.
    profits, mean_trades, borrowing : TextTable or None
        What other entries, slippages and borrow fees make of its trades.
    estimates : TextTable or None
        All comparisons.
    variants : tuple of (str, str)
        What is left of the best variant.
    strategy : str
    sheet : TearsheetLink or None
    hindsight : tuple of HindsightItem
    sources : tuple of Reference
    absent : tuple of (str, str)
        What the page lacks, with the reason.
    same_as, before, after : str
        Labels of the claim whose number this is, and of the pages beside it; empty where there is none.
    """

    measured: VerdictTexts
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
    baskets: TextTable | None = None
    happened: TextTable | None = None
    money: TextTable | None = None
    picture: Markup | None = None
    names: TextTable | None = None
    recoveries: TextTable | None = None
    profits: TextTable | None = None
    mean_trades: TextTable | None = None
    borrowing: TextTable | None = None
    estimates: TextTable | None = None
    variants: tuple[tuple[str, str], ...] = ()
    strategy: str = ""
    sheet: TearsheetLink | None = None
    hindsight: tuple[HindsightItem, ...] = ()
    sources: tuple[Reference, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    same_as: str = ""
    before: str = ""
    after: str = ""


def claim_sections(
    all_details: Sequence[ClaimDetails],
    day: EventDay | None,
    provenance: Provenance,
    reports: Path,
    window: tuple[str, str],
    data: str = "",
    happened: WhatHappened | None = None,
) -> tuple[ClaimSection, ...]:
    """The page of each claim, with its neighbours.

    Parameters
    ----------
    all_details : sequence of ClaimDetails
    day : EventDay or None
    provenance : Provenance
        Of the data.
    reports : Path
        Where the page will stand; links to tear sheets start there.
    window : (str, str)
    data : str
        As the user named the data.
    happened : WhatHappened or None
        Whether each claim came true.
    """
    made = [_section(details, day, provenance, reports, window, data, happened) for details in all_details]
    ids = ["", *(page.measured.id for page in made), ""]
    return tuple(replace(page, before=ids[place], after=ids[place + 2]) for place, page in enumerate(made))


def _section(
    details: ClaimDetails,
    day: EventDay | None,
    provenance: Provenance,
    reports: Path,
    window: tuple[str, str],
    data: str,
    happened: WhatHappened | None,
) -> ClaimSection:
    verdict, strategy = details.verdict, details.strategy
    claim = verdict.claim
    outcome = happened.of(claim.id) if happened else None
    told = verdict_texts(verdict, outcome)
    filed, cells = strategy if claim.strategy else None, details.sensitivities
    page = ClaimSection(
        measured=told,
        hypothesis=claim.hypothesis if claim.kind != "arithmetic" else "",
        remark=_remark(told, claim.remark),
        facts=tuple(_facts(details, told)) if told.told else (),
        same_as=claim.same_as,
        happened=tables.holdings_table(outcome),
        money=tables.money_table(happened.commenter) if happened and claim.kind == "arithmetic" else None,
        picture=money_picture(happened.commenter) if happened and happened.commenter and claim.kind == "arithmetic" else None,
        profits=tables.profits_table(cells),
        mean_trades=tables.mean_trades_table(cells),
        borrowing=tables.borrow_rates_table(cells),
        estimates=tables.estimates_table(verdict.estimates, claim.kind),
        variants=tuple(_variants(details.contest)) if details.contest else (),
        strategy=strategy_heading(strategy.name, strategy.changed) if strategy else "",
        sheet=_sheet(verdict, filed, reports, window, data) if filed else None,
        hindsight=hindsight_for(claim.id),
        sources=(*_prices(details, provenance), *_behind(details)),
    )
    page = _with_charts(_of_the_day(page, details, day), details)
    return replace(page, absent=tuple(missing_parts(details, _parts(page))))


def _sheet(verdict: Verdict, strategy: Strategy, reports: Path, window: tuple[str, str], data: str) -> TearsheetLink:
    """The tear sheet of a claim's strategy, over the decades before where the claim is about them."""
    claim, own = verdict.claim, verdict.history
    if claim.decades:
        data, window = str(ARCH_FOLDER), (own.first, own.last) if own else window
    return tearsheet_link(strategy, claim.benchmark or MARKET_SYMBOL, reports, window, data)


def _with_charts(page: ClaimSection, details: ClaimDetails) -> ClaimSection:
    """The charts in words."""
    first, course = next(iter(details.paths), None), details.course
    return replace(
        page, paths=describe_return_paths(details.paths), path_ending=describe_path_end(first),
        about=first.label if first else "",
        course=describe_return_path(course),
        course_ending=describe_path_end(course, event=details.verdict.claim.kind == "event"),
        equity=describe_equity(details), waiting=describe_waiting_curve(details),
    )  # fmt: skip


def _parts(page: ClaimSection) -> dict[str, bool]:
    """The parts of the page by the names of :data:`dipfolio.report.study.sections.SECTION_PARTS`."""
    return {
        "Cumulative abnormal return": bool(page.paths), "Sub-baskets": page.baskets is not None,
        "Recovery dates": page.recoveries is not None, "By holding time": bool(page.course), "Equity": bool(page.equity),
        "Tear sheet": page.sheet is not None, "Delay and costs": page.profits is not None,
        "Borrow fee": page.borrowing is not None,
    }  # fmt: skip


def _of_the_day(page: ClaimSection, details: ClaimDetails, day: EventDay | None) -> ClaimSection:
    """With the day of its names, and of the baskets that lie whole within them."""
    if day is None or details.verdict.claim.kind not in EVENT_KINDS:
        return page
    names = tuple(move for move in day.names if move.label in details.symbols)
    baskets = tuple(move for move in day.baskets if set(move.members) <= set(details.symbols))
    if not names:
        return page
    return replace(
        page,
        names=tables.moves_table(names, "Each name on Monday 27 January.", "Name"),
        recoveries=tables.recoveries_table(names),
        baskets=tables.moves_table(baskets, "Baskets of equal dollars on that day.", "Basket") if baskets else None,
    )


def _prices(details: ClaimDetails, provenance: Provenance) -> Iterator[Reference]:
    if details.verdict.claim.kind != "untestable":
        origin = provenance.origin
        whose = ", ".join(details.symbols) if 0 < len(details.symbols) < MAX_SYMBOLS_LISTED else "All symbols"
        when = f" Retrieved {origin.retrieved}." if origin.retrieved else ""
        yield Reference(
            topic="Prices and dividends", says=f"{whose}; fingerprint of the data {provenance.sha256[:16]}.{when}",
            reference=origin.source or "not stated by the folder of the data",
        )  # fmt: skip


def _behind(details: ClaimDetails) -> tuple[Reference, ...]:
    sold = any(cell.varied == "borrow" for cell in details.sensitivities)
    return references_for(details.verdict.claim.id, trades=details.result is not None, shorts=sold)


def _remark(told: VerdictTexts, remark: str) -> str:
    """Nothing where the reason has said it."""
    return "" if remark == told.reason else remark


def _facts(details: ClaimDetails, told: VerdictTexts) -> Iterator[tuple[str, str]]:
    primary = details.verdict.primary
    if primary is None:
        return
    if math.isnan(primary.effect):
        yield "Observed", told.effect
    else:
        yield "Observed", format_effect(primary, primary.observed)
        yield "Usual", format_effect(primary, primary.usual)
        yield "Effect", told.effect
    for label, value in (
        ("95 % interval", told.interval),
        ("p, as the claim says", told.p_value),
        ("p, the other way", format_p_value(primary.opposite)),
        ("Smallest possible p", told.smallest),
        ("Corrected p", told.corrected),
        ("Could be found", told.detectable),
    ):
        if value != MISSING_TEXT:
            yield label, value
    yield "Observations", told.observations
    needed = required_data(details.verdict)
    if needed:
        yield "What would decide it", needed
    if primary.against:
        yield "Compared with", primary.against
    history = details.verdict.history
    if history is not None:
        yield "History", f"{history.first} to {history.last}, {count(history.sessions, 'session')}"


def _variants(contest: VariantEvaluation) -> Iterator[tuple[str, str]]:
    """Ratios are a session; those of rules with many trades, never of one event."""
    best = ", ".join(f"{k} {v}" for k, v in contest.best.parameters.items() if k not in COMMON_PARAMETERS and v is not None)
    more = contest.deflated.trials - sum(trial.traded for trial in contest.trials)
    yield "Variants run", f"{len(contest.trials)}, worth {contest.effective:.1f} independent ones"
    yield "Best of them", best
    scale = math.sqrt(SESSIONS_PER_YEAR)
    low, high = map(ratio, contest.interval)
    yield (
        "Sharpe ratio, annual",
        f"{ratio(contest.sharpe.ratio * scale)} (error {ratio(contest.error * scale)}, 95 % {low} to {high})",
    )
    yield "Above 0, if it had been the only one", unsigned_percent(contest.probability)
    beside = f" and {count(more, 'other trial')} of it in the register" if more else ""
    yield f"Deflated for all {contest.deflated.trials - more} that traded{beside}", unsigned_percent(contest.deflated.probability)
    yield (
        "Any better than holding",
        f"p {format_p_value(contest.ability.consistent)}, smallest {format_p_value(contest.ability.smallest)}",
    )
    yield "That survive together", f"{int(contest.survivors.better.sum())} of {len(contest.survivors.better)}"
    yield "Probability of overfitting", unsigned_percent(contest.overfitting.probability)
    if contest.walk:
        kept, most = contest.walk.metrics.total_return, contest.walk.hindsight_metrics.total_return
        label = f"Chosen anew {len(contest.walk.parts)} times on the past alone"
        yield label, f"{percent(kept)} in those sessions, where the best in hindsight earned {percent(most)}"
