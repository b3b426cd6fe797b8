"""The study page: the verdict on each claim and the evidence for it, with the JSON data of its charts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.data.bars import Provenance
from dipfolio.engine.result import Result
from dipfolio.evidence.calendar_time import REQUIREMENT
from dipfolio.evidence.recovery import SurvivalCurve
from dipfolio.report.format import percent
from dipfolio.report.html import pack_text, read_asset, render_page, script_data
from dipfolio.report.study import tables
from dipfolio.report.study.opening import Panel, opening_panels
from dipfolio.report.study.sections import claim_sections, describe_event_day, describe_path_end
from dipfolio.report.terminal import open_questions, outcome_counts, verdict_counts
from dipfolio.study.claims import STAKE
from dipfolio.study.details import ClaimDetails, EventDay
from dipfolio.study.references import FACT_REFERENCES, HINDSIGHT_ITEMS, PAPERS
from dipfolio.study.return_paths import ReturnPath
from dipfolio.study.verdicts import Thesis

THESIS_FILE = "thesis.html"
STUDY_SCRIPTS = ("theme.js", "study.js")

CLAIM_GROUPS = (
    ("The article", "A"),
    ("Its critics", "BK"),
    ("Rules made from it", "G"),
    ("The rules, 1999 to 2018", "D"),
)
"""Name, and the first letters of the claims."""


def thesis_page(
    thesis: Thesis,
    all_details: Sequence[ClaimDetails],
    day: EventDay | None,
    provenance: Provenance,
    reports: Path,
    data: str = "",
    opening: Sequence[Panel] | None = None,
) -> str:
    """The page as HTML, self-contained; the same data, seed and tear sheets give the same bytes.

    Parameters
    ----------
    thesis : Thesis
    all_details : sequence of ClaimDetails
        One for each verdict.
    day : EventDay or None
    provenance : Provenance
        Of the data.
    reports : Path
        Where the page will stand.
    data : str
        As the user named the data, empty if nothing was said; becomes part of the commands shown.
    opening : sequence of Panel, optional
        The sentences of the first screen; those of the thesis if not given. A selection of claims may lack one.
    """
    happened = thesis.happened
    pages = claim_sections(all_details, day, provenance, reports, thesis.window, data, happened)
    groups = [(name, [page for page in pages if page.measured.id[0] in letters]) for name, letters in CLAIM_GROUPS]
    return render_page(
        "study.html.j2",
        requirement=REQUIREMENT,
        scripts=list(map(read_asset, STUDY_SCRIPTS)),
        plotly=True,
        styles=("study.css",),
        title="DeepSeek Monday: what happened, and what was luck",
        opening=opening_panels(thesis) if opening is None else opening,
        counts=[text for text in (outcome_counts(thesis), verdict_counts(thesis)) if text],
        remarks=provenance.remarks,
        window=thesis.window,
        groups=[group for group in groups if group[1]],
        pages=pages,
        open_questions=open_questions(thesis),
        returns=tables.returns_table(
            happened.holdings.values(), f"Total return from Monday's open, and the profit of ${STAKE:,.0f}: names, then baskets."
        )
        if happened and happened.holdings
        else None,
        names=tables.moves_table(day.names, "Each name.", "Name") if day else None,
        recoveries=tables.recoveries_table(day.names) if day else None,
        baskets=tables.moves_table(day.baskets, "Baskets of equal dollars.", "Basket") if day else None,
        courses=[(number, course.label, _in_words(course)) for number, course in enumerate(day.courses)] if day else [],
        day_said=describe_event_day(day.baskets) if day else "",
        endings=tuple(dict.fromkeys(describe_path_end(course) for course in day.courses)) if day else (),
        register_items=HINDSIGHT_ITEMS,
        facts=FACT_REFERENCES,
        papers=PAPERS,
        provenance=_provenance(provenance),
        chart_data=pack_text(thesis_chart_data(all_details, day)),
    )


def _in_words(course: ReturnPath) -> str:
    said = [f"after {h} sessions {percent(course.at(h))}" for h in (0, 5, 20, 60, 250) if h < len(course.cumulative_returns)]
    return f"{course.label}: {', '.join(said)}."


def _provenance(provenance: Provenance) -> tuple[tuple[str, str], ...]:
    origin = provenance.origin
    return (
        ("Source", origin.source or "not stated"),
        ("Retrieved", origin.retrieved or "not stated"),
        ("Adjustment", origin.adjustment or "not stated"),
        ("SHA-256", provenance.sha256),
    )


SESSIONS_AROUND_TRADES = 5
"""Sessions shown before the first trade and after the last of an event."""

ZOOMED_KINDS = ("event", "described", "arithmetic")


def thesis_chart_data(all_details: Sequence[ClaimDetails], day: EventDay | None) -> str:
    """JSON for a script element: nothing in it can end the element or start another; what is not known is null."""
    data: dict[str, Any] = {"path": {}, "course": {}, "equity": {}, "waiting": {}, "day": []}
    for details in all_details:
        claim = details.verdict.claim
        if details.paths:
            data["path"][claim.id] = {**_course(details.paths[0]), "parts": [_course(path) for path in details.paths[1:]]}
        if details.course:
            data["course"][claim.id] = {**_course(details.course), "parts": [_course(part) for part in details.parts]}
        if details.result is not None:
            data["equity"][claim.id] = _equity(details.result, near=claim.kind in ZOOMED_KINDS)
        if details.waiting and details.verdict.primary:
            data["waiting"][claim.id] = _waiting(details.waiting, details.verdict.primary.observed)
    if day:
        data["day"] = [_course(course) for course in day.courses]
    return script_data(data)


def _course(course: ReturnPath) -> dict[str, Any]:
    return {
        "label": course.label,
        "h": course.horizons.tolist(),
        "value": json_numbers(course.cumulative_returns),
        "usual": json_numbers(course.usual),
        "low": json_numbers(course.low),
        "high": json_numbers(course.high),
        "n": course.placebos.tolist(),
        "reach": course.reach,
    }


def _equity(result: Result, *, near: bool) -> dict[str, Any]:
    """Growth of the account, and of its benchmark since the first session shown; around the trades where there are few."""
    equity, days = result.equity["equity"] / result.account.cash - 1, result.equity.index
    market = (1 + result.equity["benchmark"]).cumprod() - 1
    if near:
        rows = _around(result, days)
        equity, days, market = equity[rows], days[rows], market[rows]
        market = (1 + market) / (1 + market.iloc[0]) - 1
    return {
        "days": [str(day.date()) for day in days], "value": json_numbers(equity), "market": json_numbers(market),
        "name": result.strategy, "benchmark": result.benchmark,
    }  # fmt: skip


def _around(result: Result, days: pd.DatetimeIndex) -> slice:
    tables = [table for table in (result.trades, result.open_positions) if len(table)]
    if not tables:
        return slice(0, len(days))
    first = min(table["entry_session"].min() for table in tables)
    last = days[-1] if len(result.open_positions) else result.trades["exit_session"].max()
    return slice(
        max(int(days.searchsorted(first)) - SESSIONS_AROUND_TRADES, 0), int(days.searchsorted(last)) + SESSIONS_AROUND_TRADES + 1
    )


def _waiting(curve: SurvivalCurve, event: float) -> dict[str, Any]:
    return {
        "h": curve.waiting.index.tolist(),
        "value": json_numbers(curve.waiting),
        "low": json_numbers(curve.low),
        "high": json_numbers(curve.high),
        "event": event,
    }


def json_numbers(values: Sequence[float] | pd.Series | np.ndarray) -> list[float | None]:
    """Five digits, and null for what is not finite."""
    return [None if not np.isfinite(value) else float(f"{value:.5g}") for value in np.asarray(values, dtype=float)]
