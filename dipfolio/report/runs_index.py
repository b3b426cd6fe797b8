"""The index page of all saved runs and of the comparisons and sweeps that have a name, newest first; each run updates it."""

import json
import math
from dataclasses import dataclass, replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from dipfolio.data.currency import shown_in
from dipfolio.engine.metrics import MIN_OBSERVATIONS, Metric, ReturnSeries, count_observations, metrics_in
from dipfolio.engine.result import FORMAT_VERSION, SavedRun
from dipfolio.report.format import count, format_metric
from dipfolio.report.html import read_asset, render_page, write_page
from dipfolio.report.run_summary import run_heading
from dipfolio.storage import COMPARISON_FILE, EVIDENCE_FILE, NamedKind, named_pages, read_csv, saved_runs

INDEX_FILE = "index.html"
CURVE_WIDTH, CURVE_HEIGHT, CURVE_POINTS = 120, 32, 60
"""Of the small equity curve, in pixels and points."""


@dataclass(frozen=True, kw_only=True)
class IndexCell:
    """A metric of a run.

    Attributes
    ----------
    text : str
        As it is read.
    value : float or None
        By which it is sorted; None where it does not exist.
    signed : bool
        Whether it is coloured as a gain or a loss.
    ratio : bool
        Whether it is no evidence of few observations.
    """

    text: str
    value: float | None
    signed: bool
    ratio: bool


@dataclass(frozen=True, kw_only=True)
class RunCard:
    """The summary of a run on the index page; only ``name`` and ``problem`` are known of one that cannot be read.

    Attributes
    ----------
    name, address : str
        The run's folder, as text and as a relative address.
    saved : str
        When it was written, local time.
    heading, title, window : str
    numbers : tuple of IndexCell
        The metrics of the view "index", without a riskless rate but for what idle cash earned by ``--cash-rate``.
    curve : str
        Path of the small equity curve in a box of :data:`CURVE_WIDTH` by :data:`CURVE_HEIGHT`.
    evidence : bool
        Whether the page of ``evidence`` stands beside the tear sheet.
    few : str
        That the run has too few observations for its Sharpe ratio to be evidence; empty if it has enough, or never traded.
    problem : str
        Why the record cannot be read; empty if it can.
    """

    name: str
    address: str
    saved: str = ""
    heading: str = ""
    title: str = ""
    window: str = ""
    numbers: tuple[IndexCell, ...] = ()
    curve: str = ""
    evidence: bool = False
    few: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class NamedPage:
    """The line of a named comparison or sweep on the index page.

    Attributes
    ----------
    kind : {"comparison", "sweep"}
    name, address : str
        As text and as a relative address.
    saved : str
        When it was written, local time.
    holds : str
        What is in it, as the page says it of itself; empty if the page does not.
    """

    kind: NamedKind
    name: str
    address: str
    saved: str
    holds: str


def refresh_index(reports: Path) -> Path:
    """Write ``index.html`` anew from what is saved.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """
    return write_page(reports, INDEX_FILE, index_page(reports))


def index_page(reports: Path) -> str:
    """The page as HTML."""
    return render_page(
        "runs_index.html.j2",
        scripts=[read_asset("theme.js"), read_asset("tables.js"), read_asset("pick.js")],
        title="Runs",
        cards=[read_card(folder) for folder in saved_runs(reports)],
        heads=[metric.label for metric in metrics_in("index")],
        width=CURVE_WIDTH,
        height=CURVE_HEIGHT,
        compared=(reports / COMPARISON_FILE).is_file(),
        named=[_named(kind, page, reports) for kind, page in named_pages(reports)],
    )


def _named(kind: NamedKind, page: Path, reports: Path) -> NamedPage:
    return NamedPage(
        kind=kind, name=page.stem if kind == "comparison" else page.parent.name, saved=_written(page),
        address=quote(page.relative_to(reports).as_posix()), holds=read_description(page),
    )  # fmt: skip


HEAD_CHARACTERS = 20_000
"""Of a page, which are read to find its description."""


def read_description(page: Path) -> str:
    """What a page says of itself in ``<meta name="description">``; empty if it does not, or cannot be read."""
    try:
        with page.open(encoding="utf-8", errors="replace") as text:
            head = text.read(HEAD_CHARACTERS)
    except OSError:
        return ""
    parser = _DescriptionParser()
    parser.feed(head)
    return parser.found


class _DescriptionParser(HTMLParser):
    """Keeps the description of a page."""

    found = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        values = dict(attrs)
        if tag == "meta" and values.get("name") == "description" and not self.found:
            self.found = values.get("content") or ""


def _written(path: Path) -> str:
    """When a file was written, local time; empty if it has just gone."""
    try:
        return f"{datetime.fromtimestamp(path.stat().st_mtime).astimezone():%Y-%m-%d %H:%M}"
    except FileNotFoundError:
        return ""


def read_card(folder: Path) -> RunCard:
    """The card of one saved run; reads no more of it than is shown, as there may be many."""
    bare = RunCard(name=folder.name, address=quote(folder.name))
    try:
        return _full(bare, folder)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return replace(bare, problem=f"cannot be read: {error}")


def _full(bare: RunCard, folder: Path) -> RunCard:
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if record["format"] != FORMAT_VERSION:
        raise ValueError("written by another version of dipfolio; run the strategy again")
    run = SavedRun(folder, record)
    since, a_year = run.base or run.window[0], run.sessions_per_year
    series = ReturnSeries.of(run.returns, since, run.riskless or 0.0, run.benchmark_returns, a_year)
    with shown_in(run.provenance.currency):
        numbers = tuple(_cell(metric, metric.of_run(run, series)) for metric in metrics_in("index"))
    return replace(
        bare, saved=_written(folder / "run.json"), heading=run_heading(run),
        evidence=(folder / EVIDENCE_FILE).is_file(), few=_few(run, folder), title=str(run.title),
        window=" to ".join(map(str, run.window)), curve=_curve(run.returns),
        numbers=numbers,
    )  # fmt: skip


def _cell(metric: Metric, value: float) -> IndexCell:
    return IndexCell(
        text=format_metric(metric, value), value=None if math.isnan(value) else value,
        signed=metric.name == "total_return", ratio=metric.needs_observations,
    )  # fmt: skip


def _few(run: SavedRun, folder: Path) -> str:
    """The remark on few observations, counted as in the metrics of the run; of the open positions only the entries are read."""
    if run.trades["entry_session"].nunique() >= MIN_OBSERVATIONS:
        return ""
    still = read_csv(folder / "open_positions.csv", usecols=["entry_session"], parse_dates=["entry_session"])
    entries = pd.concat([run.trades["entry_session"], still["entry_session"]])
    in_market = run.equity["gross"].shift(fill_value=0.0).ne(0) | run.equity.index.isin(entries)
    number = count_observations(float(in_market.mean()), len(run.equity), int(entries.nunique()))
    return f"{count(number, 'observation')} at the most: no evidence" if 0 < number < MIN_OBSERVATIONS else ""


def _curve(returns: pd.Series) -> str:
    """Wealth as an SVG path; a flat line lies in the middle."""
    wealth = (1 + returns).cumprod()
    points = [*wealth.iloc[:: max(1, len(wealth) // CURVE_POINTS)], wealth.iloc[-1]]
    low, span = min(points), max(points) - min(points)
    heights = [CURVE_HEIGHT / 2 if span == 0 else CURVE_HEIGHT - 2 - (p - low) / span * (CURVE_HEIGHT - 4) for p in points]
    steps = [f"{CURVE_WIDTH * place / (len(points) - 1):.1f} {height:.1f}" for place, height in enumerate(heights)]
    return f"M{'L'.join(steps)}"
