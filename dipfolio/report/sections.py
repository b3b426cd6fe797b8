"""Sections: what the page says of each claim, in words and tables that a template only has to place."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dipfolio.engine.metrics import YEAR
from dipfolio.evidence.contest import Contest
from dipfolio.evidence.dossier import Dossier
from dipfolio.evidence.finding import Finding
from dipfolio.evidence.sensitivity import ENTRIES, Sensitivity
from dipfolio.evidence.single import MARKET
from dipfolio.report.command import Sheet, sheet_of
from dipfolio.report.measured import Measured, between, chance, measured, observations, sized
from dipfolio.report.wording import NOTHING, count, part, percent, ratio, titled

SAMPLES = {"event": "the event", "design": "to 24 Jan 2025", "confirmation": "from 28 Jan 2025", "all": "all"}

PLAIN = ("universe", "fill", "skip_event", "by")
"""Parameters that no variant is told apart by."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A small table: heads, and rows whose first cell is their head."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One claim on the page.

    Attributes
    ----------
    measured : Measured
    hypothesis, remark : str
    facts : tuple of (str, str)
        Label and value.
    course, equity, waiting : str
        The charts in words; empty where there is none.
    findings : Grid or None
        All comparisons.
    costs, borrow : Grid or None
        What other entries, slippages and borrow fees make of the trade.
    variants : tuple of (str, str)
        What is left of the best variant.
    strategy : str
    sheet : Sheet or None
    """

    measured: Measured
    hypothesis: str
    remark: str
    facts: tuple[tuple[str, str], ...] = ()
    course: str = ""
    equity: str = ""
    waiting: str = ""
    findings: Grid | None = None
    costs: Grid | None = None
    borrow: Grid | None = None
    variants: tuple[tuple[str, str], ...] = ()
    strategy: str = ""
    sheet: Sheet | None = None


def section(dossier: Dossier, reports: Path, window: tuple[str, str], data: str = "") -> Section:
    """The section of one claim.

    Parameters
    ----------
    dossier : Dossier
    reports : Path
        Where the page will stand; links to tear sheets start there.
    window : (str, str)
    data : str
        As the user named the figures.
    """
    verdict, strategy = dossier.verdict, dossier.strategy
    claim, told = verdict.claim, measured(verdict)
    benchmark = claim.benchmark or MARKET
    return Section(
        measured=told, hypothesis=claim.hypothesis if claim.kind != "arithmetic" else "", remark=_remark(told, claim.remark),
        facts=tuple(_facts(dossier, told)) if told.told else (), course=_course_in_words(dossier),
        equity=_equity_in_words(dossier), waiting=_waiting_in_words(dossier), findings=_findings(verdict.findings),
        costs=_costs(dossier.sensitivities), borrow=_borrow(dossier.sensitivities),
        variants=tuple(_variants(dossier.contest)) if dossier.contest else (),
        strategy=titled(strategy.name, strategy.changed) if strategy else "",
        sheet=sheet_of(strategy, benchmark, reports, window, data) if strategy else None,
    )  # fmt: skip


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


def _findings(findings: tuple[Finding, ...]) -> Grid | None:
    if len(findings) < 2:
        return None
    heads = (
        "What", "Sessions", "Sample", "Compared with", "Observed", "Usual", "Effect", "95 % interval", "p", "Other way",
        "Smallest p", "Observations",
    )  # fmt: skip
    rows = tuple(
        (
            f.label, str(f.horizon or NOTHING), SAMPLES[f.sample], f.against or NOTHING, sized(f, f.observed), sized(f, f.usual),
            sized(f, f.effect), between(f), chance(f.p_value), chance(f.opposite), chance(f.smallest), observations(f),
        )
        for f in findings
    )  # fmt: skip
    return Grid(caption=f"All {len(findings)} comparisons, uncorrected; the first decides.", heads=heads, rows=rows)


def _costs(cells: tuple[Sensitivity, ...]) -> Grid | None:
    """Entries by slippage; every cell with the default borrow fee."""
    if not cells:
        return None
    default = cells[0].borrow_rate
    slippages = list(dict.fromkeys(cell.slippage_bps for cell in cells if cell.borrow_rate == default))
    entries = list(dict.fromkeys(cell.entry for cell in cells))
    table = {(cell.entry, cell.slippage_bps): cell for cell in cells if cell.borrow_rate == default}
    kept = [slippage for slippage in slippages if (entries[-1], slippage) in table]
    rows = tuple((entry, *(_profit(table[entry, slippage]) for slippage in kept)) for entry in entries)
    caption = f"Profit of the account by entry and by basis points lost on each order, after commission and fees{_marked(cells)}."
    return Grid(caption=caption, heads=("Entry", *(f"{slippage:g} bp" for slippage in kept)), rows=rows)


def _borrow(cells: tuple[Sensitivity, ...]) -> Grid | None:
    costs = {cell.slippage_bps for cell in cells if cell.entry != ENTRIES[0].label}
    found = [cell for cell in cells if cell.entry == ENTRIES[0].label and cell.slippage_bps not in costs]
    if not found:
        return None
    return Grid(
        caption=f"Profit by what borrowing the shares costs a year, entered at Monday's open, {found[0].slippage_bps:g} bp.",
        heads=("Entry", *(part(cell.borrow_rate) for cell in found)),
        rows=((ENTRIES[0].label, *(_profit(cell) for cell in found)),),
    )


def _profit(cell: Sensitivity) -> str:
    return percent(cell.profit)


def _marked(cells: tuple[Sensitivity, ...]) -> str:
    return "" if all(cell.ended for cell in cells) else "; not over when the figures end, marked at their last close"


def _variants(contest: Contest) -> Iterator[tuple[str, str]]:
    """Ratios are a session; those of rules with many trades, never of one event."""
    best = ", ".join(f"{k} {v}" for k, v in contest.best.parameters.items() if k not in PLAIN and v is not None)
    yield "Variants run", f"{len(contest.trials)}, worth {contest.effective:.1f} independent ones"
    yield "Best of them", best
    scale = math.sqrt(YEAR)
    yield "Sharpe ratio, annual", f"{ratio(contest.sharpe.ratio * scale)} (error {ratio(contest.error * scale)})"
    yield "Above 0, if it had been the only one", part(contest.probability)
    yield "Deflated for all of them", part(contest.deflated.probability)
    yield "Any better than holding", f"p {chance(contest.ability.consistent)}, smallest {chance(contest.ability.smallest)}"
    yield "That survive together", f"{int(contest.survivors.better.sum())} of {len(contest.survivors.better)}"
    yield "Probability of overfitting", part(contest.overfitting.probability)
    if contest.walk and not math.isnan(contest.walk.out_of_sample):
        kept, promised = contest.walk.out_of_sample, contest.walk.in_sample
        yield "Chosen each year, a session held", f"{percent(kept, 3)}, where {percent(promised, 3)} was promised"


def _course_in_words(dossier: Dossier) -> str:
    course = dossier.course
    if course is None:
        return ""
    said = []
    for place, horizon in enumerate(course.horizons):
        if horizon in (5, 20, 60, 120, 250) and not math.isnan(course.values[place]):
            low, high = course.low[place], course.high[place]
            band = "" if math.isnan(low) else f", placebos {percent(low)} to {percent(high)}"
            said.append(f"after {horizon} sessions {percent(course.values[place])}{band}")
    return f"{'; '.join(said)}."


def _equity_in_words(dossier: Dossier) -> str:
    result = dossier.result
    if result is None or (result.trades.empty and result.open_positions.empty):
        return ""
    total = result.equity["equity"].iloc[-1] / result.account.cash - 1
    trades, still = count(len(result.trades), "trade"), len(result.open_positions)
    return f"{percent(total)} after costs, {trades} ended{f', {still} still open' if still else ''}."


def _waiting_in_words(dossier: Dossier) -> str:
    curve, primary = dossier.waiting, dossier.verdict.primary
    if curve is None or primary is None:
        return ""
    shares = ", ".join(f"{part(curve.waiting[n])} after {n} sessions" for n in (5, 20, 60) if n in curve.waiting.index)
    took = f"DeepSeek Monday's took {primary.observed:.0f} sessions"
    return f"Share of {curve.drops} other drops that were not over: {shares}. {took}."
