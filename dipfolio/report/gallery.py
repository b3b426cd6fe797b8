"""Gallery: the page of all saved runs, newest first, that each run keeps current."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from dipfolio.engine.metrics import drawdowns, sharpe, total_return
from dipfolio.engine.result import FORMAT
from dipfolio.market.exact import read_csv
from dipfolio.report.board import Cell
from dipfolio.report.page import asset, place_page, render
from dipfolio.report.shelf import saved_runs
from dipfolio.report.wording import percent, ratio, titled

PAGE = "index.html"
WIDTH, HEIGHT, POINTS = 120, 32, 60
"""Of the small equity curve, in pixels and points."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What the gallery shows of a run; only ``name`` and ``problem`` are known of one that cannot be read.

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
        Path of the small equity curve in a box of :data:`WIDTH` by :data:`HEIGHT`.
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
    problem: str = ""


def refresh(reports: Path) -> Path:
    """Write ``index.html`` anew from what is saved.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """
    return place_page(reports, PAGE, gallery_page(reports))


def gallery_page(reports: Path) -> str:
    """The page as HTML."""
    return render(
        "gallery.html.j2",
        scripts=[asset("theme.js"), asset("tables.js"), asset("pick.js")],
        title="Runs",
        cards=[card(folder) for folder in saved_runs(reports)],
        width=WIDTH,
        height=HEIGHT,
        compared=(reports / "comparison.html").is_file(),
    )


def card(folder: Path) -> Card:
    """What there is to show of one saved run; reads no more of it than that, as there may be many."""
    bare = Card(name=folder.name, address=quote(folder.name))
    try:
        return _full(bare, folder)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return replace(bare, problem=f"cannot be read: {error}")


def _full(bare: Card, folder: Path) -> Card:
    written = datetime.fromtimestamp((folder / "run.json").stat().st_mtime).astimezone()
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if record["format"] != FORMAT:
        raise ValueError("written by another version of dipfolio; run the strategy again")
    returns = read_csv(folder / "equity.csv", usecols=["return"])["return"]
    trades = len(read_csv(folder / "trades.csv", usecols=["symbol"]))
    total, worst, quality = total_return(returns), float(drawdowns(returns).min()), sharpe(returns)
    return replace(
        bare, saved=f"{written:%Y-%m-%d %H:%M}", heading=titled(record["strategy"], record["changed"]),
        title=str(record["title"]), window=" to ".join(map(str, record["window"])), curve=_curve(returns),
        numbers=(
            Cell(text=percent(total), value=total), Cell(text=percent(worst), value=worst),
            Cell(text=ratio(quality), value=None if pd.isna(quality) else quality), Cell(text=f"{trades:,}", value=trades),
        ),
    )  # fmt: skip


def _curve(returns: pd.Series) -> str:
    """Wealth as an SVG path; a flat line lies in the middle."""
    wealth = (1 + returns).cumprod()
    points = [*wealth.iloc[:: max(1, len(wealth) // POINTS)], wealth.iloc[-1]]
    low, span = min(points), max(points) - min(points)
    heights = [HEIGHT / 2 if span == 0 else HEIGHT - 2 - (p - low) / span * (HEIGHT - 4) for p in points]
    steps = [f"{WIDTH * place / (len(points) - 1):.1f} {height:.1f}" for place, height in enumerate(heights)]
    return f"M{'L'.join(steps)}"
