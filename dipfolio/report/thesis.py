"""Thesis: the page that says which claims hold, with what it rests on."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dipfolio.evidence.dossier import Day, Dossier
from dipfolio.evidence.moves import Move
from dipfolio.evidence.verdict import Thesis
from dipfolio.market.bars import Provenance
from dipfolio.report.measured import chance, measured
from dipfolio.report.page import asset, render
from dipfolio.report.sections import Grid, section
from dipfolio.report.traces import thesis_data
from dipfolio.report.verdicts import beyond_reach, standing
from dipfolio.report.wording import NOTHING, percent, ratio

PAGE = "thesis.html"
SCRIPTS = ("theme.js", "tabs.js", "thesis.js")

GROUPS = (("article", "The article", "A"), ("critics", "Its critics", "BK"), ("rules", "Rules made from it", "G"))
"""Id of a tab, its name, and the first letters of its claims."""


def thesis_page(
    thesis: Thesis, dossiers: Sequence[Dossier], day: Day | None, provenance: Provenance, reports: Path, data: str = ""
) -> str:
    """The page as HTML, self-contained; the same figures, seed and tear sheets give the same bytes.

    Parameters
    ----------
    thesis : Thesis
    dossiers : sequence of Dossier
        One for each verdict.
    day : Day or None
    provenance : Provenance
        Of the figures.
    reports : Path
        Where the page will stand.
    data : str
        As the user named the figures, empty if nothing was said; becomes part of the commands shown.
    """
    from plotly.offline import get_plotlyjs

    sections = [section(dossier, reports, thesis.window, data) for dossier in dossiers]
    groups = [(id_, name, [s for s in sections if s.measured.id[0] in letters]) for id_, name, letters in GROUPS]
    return render(
        "thesis.html.j2",
        scripts=[get_plotlyjs(), *map(asset, SCRIPTS)],
        styles=("thesis.css",),
        title="Which claims hold",
        standing=standing(thesis),
        window=thesis.window,
        groups=[group for group in groups if group[2]],
        beyond=beyond_reach(thesis),
        unasked=[measured(verdict) for verdict in thesis.verdicts if verdict.word == "not testable"],
        names=_moves(day.names, "Each name.", "Name") if day else None,
        recoveries=_recoveries(day.names) if day else None,
        baskets=_moves(day.baskets, "Baskets of equal dollars.", "Basket") if day else None,
        courses=[(number, course.label, _last(day, number)) for number, course in enumerate(day.courses)] if day else [],
        provenance=_provenance(provenance),
        chart_data=thesis_data(dossiers, day),
    )


def _moves(moves: tuple[Move, ...], caption: str, head: str) -> Grid:
    heads = (head, "Close to close", "At the open", "Open to close", "Beta", "Abnormal", "t", "Rank p")
    rows = tuple(
        (
            move.label, percent(move.day), percent(move.gap), percent(move.session), ratio(move.beta), percent(move.abnormal),
            ratio(move.t), chance(move.rank),
        )
        for move in moves
    )  # fmt: skip
    return Grid(caption=caption, heads=heads, rows=rows)


def _recoveries(moves: tuple[Move, ...]) -> Grid:
    rows = tuple(row for move in moves for row in _recovered(move))
    return Grid(
        caption="First close at or above that of Friday 24 January, and the lowest close on the way.",
        heads=("Name", "Regained", "Sessions", "Lowest from Monday's close"),
        rows=rows,
    )


def _recovered(move: Move) -> Iterator[tuple[str, ...]]:
    found = move.recovery
    if found is None:
        return
    if found.sessions == 0:
        yield move.label, "never below at a close", "0", NOTHING
        return
    when = str(found.regained.date()) if found.regained is not None else "not within the figures"
    yield move.label, when, str(found.sessions), percent(found.worst, 1) if found.worst else NOTHING


def _last(day: Day, number: int) -> str:
    """A course in words."""
    course = day.courses[number]
    said = [f"after {h} sessions {percent(course.at(h))}" for h in (0, 5, 20, 60, 250) if h < len(course.values)]
    return f"{course.label}: {', '.join(said)}."


def _provenance(provenance: Provenance) -> tuple[tuple[str, str], ...]:
    origin = provenance.origin
    return (
        ("Source", origin.source or "not stated"),
        ("Retrieved", origin.retrieved or "not stated"),
        ("Adjustment", origin.adjustment or "not stated"),
        ("SHA-256", provenance.sha256),
    )
