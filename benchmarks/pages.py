"""Pages: the comparison of ten runs, made and opened, and the data of 500 symbols, each against like work elsewhere.

The browser is left out where playwright or Chromium is not installed.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.clock import race
from benchmarks.markets import random_bars
from benchmarks.row import Row, rows
from dipfolio.data import calendar
from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.report.comparison.alignment import align_tracks
from dipfolio.report.comparison.page import comparison_page
from dipfolio.report.comparison.series import saved_track, with_unique_labels
from dipfolio.report.html import write_page
from dipfolio.report.tearsheet import tear_sheet

STRATEGIES = Path(__file__).parents[1] / "strategies"
RUNS, SYMBOLS = 10, 500
SHEET, PAGE, READ = "one tear sheet", f"comparison of {RUNS} runs", "pandas.read_parquet of each file"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def report(rounds: int) -> Iterator[Row | str]:
    """Lines of results."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        brief = max(rounds // 3, 1)
        yield f"pages, {RUNS} runs of the dip rule on 14 symbols x 500 sessions"
        save_runs(place / "reports")
        one = saved_track(place / "reports" / "run-0").result
        contestants = {SHEET: lambda: tear_sheet(one, measure(one)), PAGE: lambda: compare(place / "reports", RUNS)}
        yield from rows(race(contestants, brief), SHEET, {PAGE: 1.0})
        yield from opening(place / "reports", brief)
        yield f"data of {SYMBOLS} symbols x 10 years"
        save_figures(place / "figures")
        yield from rows(race(loaders(place / "figures"), 2 * rounds + 1), READ, {"dipfolio, load_bars": 1.0})


def save_runs(reports: Path) -> None:
    """Runs that differ in one parameter, each with its tear sheet."""
    bars = random_bars(14, 500)
    kind, sheet = load_strategy(STRATEGIES, "dip-rule"), ""
    for number in range(RUNS):
        rule = kind(universe=",".join(bars.symbols), hold=5 + number)
        result = simulate(rule, bars, Account(), benchmark=bars.symbols[0])
        folder = reports / f"run-{number}"
        folder.mkdir(parents=True)
        result.save(folder)
        sheet = sheet or tear_sheet(result, measure(result))
        (folder / "tearsheet.html").write_text(sheet, encoding="utf-8")


def compare(reports: Path, count: int) -> str:
    """The page of the first saved runs, read from their folders."""
    tracks = with_unique_labels(saved_track(reports / f"run-{number}") for number in range(count))
    return comparison_page(align_tracks(tracks), reports)


def opening(reports: Path, rounds: int) -> Iterator[Row | str]:
    """The page of ten runs against the page of two in a browser, until its first charts are drawn."""
    with browser() as found:
        if found is None:
            yield "  playwright or Chromium is not installed: pip install -e '.[test]'"
            return
        pages = {
            f"page of {count} runs opened": write_page(reports, f"page-{count}.html", compare(reports, count))
            for count in (2, RUNS)
        }
        small, large = pages
        contestants = {name: opener(found, path) for name, path in pages.items()}
        yield from rows(race(contestants, rounds), small, {large: 1.5})


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, driven by playwright, or nothing."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if not program:
        yield None
        return
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


def opener(started: Any, path: Path) -> Callable[[], object]:
    """Opens a page in a new context and waits for its chart of drawdowns."""

    def run() -> None:
        """Once."""
        context = started.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("#drawdown .main-svg")
        context.close()

    return run


def save_figures(folder: Path) -> None:
    """Parquet files of random walks, ten years long."""
    (folder / "prices").mkdir(parents=True)
    days = calendar.between("2015-01-02", "2024-12-31")
    steps = np.random.default_rng(20250127).normal(0, 0.02, (SYMBOLS, len(days)))
    for number, close in enumerate(100 * np.exp(np.cumsum(steps, axis=1))):
        table = pd.DataFrame(
            {"date": days, "open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 1e6}
        )
        table.to_parquet(folder / "prices" / f"S{number:03d}.parquet", index=False)


def loaders(folder: Path) -> dict[str, Callable[[], object]]:
    """pandas, which reads the files and checks nothing, and the loader, which checks each value."""
    files = sorted((folder / "prices").iterdir())
    return {READ: lambda: [pd.read_parquet(path) for path in files], "dipfolio, load_bars": lambda: load_bars(folder)}
