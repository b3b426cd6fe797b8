"""The pages that browsers open, each written into a folder: runs and their comparison, tear sheets, a sweep, the thesis."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.report.comparison.alignment import align_tracks
from dipfolio.report.comparison.page import comparison_page
from dipfolio.report.comparison.series import saved_track, with_unique_labels
from dipfolio.report.html import write_page
from dipfolio.report.study.page import THESIS_FILE, thesis_page
from dipfolio.report.sweep_page import sweep_result_page
from dipfolio.report.tearsheet import tear_sheet
from dipfolio.study.claims import CLAIMS
from dipfolio.study.details import analyse_event_day, claim_details
from dipfolio.study.verdicts import judge_claims
from tests.support.markets import make_bars
from tests.support.runs import run, save
from tests.support.strategies import script
from tests.support.sweeps import made

ROOT = Path(__file__).parents[2]
CONTRAST = (ROOT / "tests" / "browser" / "contrast.js").read_text(encoding="utf-8")
"""A function of a page: the texts that do not stand out from what is behind them."""
HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><b>%{y}</b>"
CLOSES = (100 * np.cumprod(1 + np.random.default_rng(5).standard_normal(260) * 0.012)).tolist()
SCRIPTS = {
    "steady": {0: {"A": 8}},
    "in-and-out": {day: {"A": 6 * (day % 40 == 0)} for day in range(0, 240, 20)},
    "hostile": {30: {"A": -4}, 90: {"A": 0}},
}
"""The three runs of the comparison."""


def write_comparison(shelf):
    """Three runs, one of them hostile, two with real tear sheets, and their comparison."""
    for name, rows in SCRIPTS.items():
        result = run(rows, closes=CLOSES, market=CLOSES[::-1], since="2024-01-02")
        result = replace(result, strategy=HOSTILE if name == "hostile" else name, title=f"{name}, as an example")
        save(shelf, name, result, sheet=tear_sheet(result, measure(result)) if name != "hostile" else f"<p>{name}")
    fairness = align_tracks(with_unique_labels(saved_track(shelf / name) for name in SCRIPTS))
    return write_page(shelf, "comparison.html", comparison_page(fairness, shelf))


def write_many(shelf, number):
    """A comparison of many runs."""
    for place in range(number):
        result = run({place: {"A": 5}, 100 + place: {"A": 0}}, closes=CLOSES, market=CLOSES[::-1], since="2024-01-02")
        save(shelf, f"many-{place}", replace(result, strategy=f"{'odd' if place % 2 else 'even'}-{place}"), sheet="")
    fairness = align_tracks(saved_track(shelf / f"many-{place}") for place in range(number))
    return write_page(shelf, "many.html", comparison_page(fairness, shelf))


def write_dip(shelf):
    """The tear sheet of the dip of twelve names."""
    return _write_sheet(shelf, "dip", simulate(load_strategy(ROOT / "strategies", "buy-the-dip")(), _bars(), benchmark="SPY"))


def write_short(shelf):
    """The tear sheet of a short of one name."""
    strategy = load_strategy(ROOT / "strategies", "short-nvda-friday")()
    window = {"start": date(2025, 1, 2), "end": date(2025, 6, 30)}
    return _write_sheet(shelf, "short", simulate(strategy, _bars(), Account(cash=500_000.0), benchmark="SPY", **window))


def write_busy(shelf):
    """The tear sheet of 130 trades with costs of very different size."""
    gains = {f"S{number}": number % 7 - 2 for number in range(130)}
    closes = {symbol: [100.0, 100, 100, 100 + gain, 100 + gain] for symbol, gain in gains.items()}
    rows = {0: dict.fromkeys(closes, 10), 2: dict.fromkeys(closes, 0)}
    account = Account(max_volume_share=1.0, slippage_bps=0.01)
    return _write_sheet(shelf, "busy", simulate(script(rows, universe=",".join(closes)), make_bars(closes), account))


def _write_sheet(shelf, name, result):
    return write_page(shelf, f"{name}.html", tear_sheet(result, measure(result)))


def write_sweep(shelf, *axes):
    """The page of a sweep over these axes."""
    return write_page(shelf, "sweep.html", sweep_result_page(made(axes), "total_return", "python backtest.py dip", "no cell"))


def write_thesis(shelf, claims=CLAIMS):
    """The thesis, without the contests of the rules."""
    bars = _bars()
    thesis = judge_claims(bars, ROOT / "strategies", claims, contests=False)
    html = thesis_page(thesis, claim_details(thesis, bars, ROOT / "strategies"), analyse_event_day(bars), bars.provenance, shelf)
    return write_page(shelf, THESIS_FILE, html)


def _bars():
    return load_bars(ROOT / "data")
