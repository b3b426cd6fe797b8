"""Thesis: the page that says which claims hold, with what it rests on."""

from collections.abc import Sequence
from pathlib import Path

from dipfolio.evidence.course import Course
from dipfolio.evidence.dossier import Day, Dossier
from dipfolio.evidence.thesis import Thesis
from dipfolio.market.bars import Provenance
from dipfolio.report import grids
from dipfolio.report.captions import day_in_words, ending
from dipfolio.report.hindsight import REGISTER
from dipfolio.report.measured import measured
from dipfolio.report.page import asset, render
from dipfolio.report.papers import PAPERS
from dipfolio.report.sections import sections_of
from dipfolio.report.sources import FACTS
from dipfolio.report.traces import thesis_data
from dipfolio.report.verdicts import beyond_reach, standing
from dipfolio.report.wording import percent

PAGE = "thesis.html"
SCRIPTS = ("theme.js", "thesis.js")

GROUPS = (("The article", "A"), ("Its critics", "BK"), ("Rules made from it", "G"))
"""Name, and the first letters of the claims."""


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

    pages = sections_of(dossiers, day, provenance, reports, thesis.window, data)
    groups = [(name, [page for page in pages if page.measured.id[0] in letters]) for name, letters in GROUPS]
    return render(
        "thesis.html.j2",
        scripts=[get_plotlyjs(), *map(asset, SCRIPTS)],
        styles=("thesis.css",),
        title="Which claims hold",
        standing=standing(thesis),
        window=thesis.window,
        groups=[group for group in groups if group[1]],
        pages=pages,
        beyond=beyond_reach(thesis),
        unasked=[measured(verdict) for verdict in thesis.verdicts if verdict.word == "not testable"],
        names=grids.moves(day.names, "Each name.", "Name") if day else None,
        recoveries=grids.recoveries(day.names) if day else None,
        baskets=grids.moves(day.baskets, "Baskets of equal dollars.", "Basket") if day else None,
        courses=[(number, course.label, _in_words(course)) for number, course in enumerate(day.courses)] if day else [],
        day_said=day_in_words(day.baskets) if day else "",
        endings=tuple(dict.fromkeys(ending(course) for course in day.courses)) if day else (),
        register_items=REGISTER,
        facts=FACTS,
        papers=PAPERS,
        provenance=_provenance(provenance),
        chart_data=thesis_data(dossiers, day),
    )


def _in_words(course: Course) -> str:
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
