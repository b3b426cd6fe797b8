"""The index page of all saved runs, newest first; each run updates it."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from dipfolio.engine.metrics import MIN_OBSERVATIONS, count_observations, drawdowns, sharpe, total_return
from dipfolio.engine.result import FORMAT_VERSION
from dipfolio.report.comparison.tables import Cell
from dipfolio.report.format import count, percent, ratio
from dipfolio.report.html import read_asset, render_page, write_page
from dipfolio.report.run_summary import strategy_heading
from dipfolio.storage import EVIDENCE_FILE, read_csv, saved_runs

INDEX_FILE = "index.html"
CURVE_WIDTH, CURVE_HEIGHT, CURVE_POINTS = 120, 32, 60
"""Of the small equity curve, in pixels and points."""


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
    numbers : tuple of Cell
        Total return, worst drawdown, Sharpe, trades.
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
    numbers: tuple[Cell, ...] = ()
    curve: str = ""
    evidence: bool = False
    few: str = ""
    problem: str = ""


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
        width=CURVE_WIDTH,
        height=CURVE_HEIGHT,
        compared=(reports / "comparison.html").is_file(),
    )


def read_card(folder: Path) -> RunCard:
    """The card of one saved run; reads no more of it than is shown, as there may be many."""
    bare = RunCard(name=folder.name, address=quote(folder.name))
    try:
        return _full(bare, folder)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return replace(bare, problem=f"cannot be read: {error}")


def _full(bare: RunCard, folder: Path) -> RunCard:
    written = datetime.fromtimestamp((folder / "run.json").stat().st_mtime).astimezone()
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if record["format"] != FORMAT_VERSION:
        raise ValueError("written by another version of dipfolio; run the strategy again")
    table = read_csv(folder / "equity.csv", usecols=["session", "return", "gross"])
    returns = table["return"]
    ended, still = (read_csv(folder / f"{name}.csv", usecols=["entry_session"]) for name in ("trades", "open_positions"))
    trades = len(ended)
    total, worst, quality = total_return(returns), float(drawdowns(returns).min()), sharpe(returns)
    return replace(
        bare, saved=f"{written:%Y-%m-%d %H:%M}", heading=strategy_heading(record["strategy"], record["changed"]),
        evidence=(folder / EVIDENCE_FILE).is_file(), few=_few(table, pd.concat([ended["entry_session"], still["entry_session"]])),
        title=str(record["title"]), window=" to ".join(map(str, record["window"])), curve=_curve(returns),
        numbers=(
            Cell(text=percent(total), value=total), Cell(text=percent(worst), value=worst),
            Cell(text=ratio(quality), value=None if pd.isna(quality) else quality), Cell(text=f"{trades:,}", value=trades),
        ),
    )  # fmt: skip


def _few(table: pd.DataFrame, entries: pd.Series) -> str:
    """The remark on few observations, counted as in the metrics of the run."""
    in_market = table["gross"].shift(fill_value=0.0).ne(0) | table["session"].isin(entries)
    number = count_observations(float(in_market.mean()), len(table), int(entries.nunique()))
    return f"{count(number, 'observation')} at the most: no evidence" if 0 < number < MIN_OBSERVATIONS else ""


def _curve(returns: pd.Series) -> str:
    """Wealth as an SVG path; a flat line lies in the middle."""
    wealth = (1 + returns).cumprod()
    points = [*wealth.iloc[:: max(1, len(wealth) // CURVE_POINTS)], wealth.iloc[-1]]
    low, span = min(points), max(points) - min(points)
    heights = [CURVE_HEIGHT / 2 if span == 0 else CURVE_HEIGHT - 2 - (p - low) / span * (CURVE_HEIGHT - 4) for p in points]
    steps = [f"{CURVE_WIDTH * place / (len(points) - 1):.1f} {height:.1f}" for place, height in enumerate(heights)]
    return f"M{'L'.join(steps)}"
