"""Tear sheet: one run as a quantstats page with our record under it.

The only place that imports quantstats. It gets aligned returns, never prices, never a ticker and never a string that
was not ours: titles go in as a token and are put in their place escaped.
"""

import contextlib
import dataclasses
import importlib
import locale
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from dipfolio.engine.metrics import Metrics
from dipfolio.engine.result import Result
from dipfolio.market.rates import RiskFree
from dipfolio.report.harmless import harmless
from dipfolio.report.record import record_section, stylesheet
from dipfolio.report.wording import heading, remarks

TITLE = "dipfolio-title-token"
"""Upper case, as quantstats makes it so in one place."""
BY_DAY = (
    "Avg. Return", "Avg. Win", "Avg. Loss", "Win/Loss Ratio", "Profit Ratio", "Kelly Criterion", "Max Consecutive Wins",
    "Max Consecutive Losses", "Gain/Pain Ratio", "Payoff Ratio", "Profit Factor", "Common Sense Ratio", "CPC Index",
    "Outlier Win Ratio", "Outlier Loss Ratio",
)  # fmt: skip
"""Rows of quantstats that count sessions, though their names are those of trade statistics."""

CANVAS = "module://dipfolio.report.canvas"
"""The backend of matplotlib that draws."""

EPOCH = "1577836800"
"""Written into the charts as their date, so that equal runs give equal bytes."""


def tear_sheet(result: Result, metrics: Metrics, risk_free: float | RiskFree = 0.0) -> str:
    """The page as HTML, self-contained; the same run gives the same bytes.

    Parameters
    ----------
    result : Result
    metrics : Metrics
        Of that result.
    risk_free : float or RiskFree
        A year; quantstats takes a single figure and none below zero, so it gets the one that earns the same.
    """
    drawn = False
    if result.bankrupt:
        page = _plain_page(f"Wiped out on {result.window[1]}: there are no ratios of a lost account.")
    elif any(_looks_like_prices(series) for series in (result.returns, result.benchmark_returns) if series is not None):
        page = _plain_page("No charts: no session lost and one more than doubled, which quantstats takes for prices.")
    else:
        rate = risk_free.scalar(pd.DatetimeIndex(result.returns.index)) if isinstance(risk_free, RiskFree) else risk_free
        page, drawn = _quantstats_page(result, max(rate, 0.0)), True
    notes = "".join(f"<li>{escape(harmless(remark))}</li>" for remark in remarks(result, metrics))
    banner = f'<ul class="remarks">{notes}</ul>' if notes else ""
    link = '<p><a href="#record">Trades, costs, assumptions and sources of this run</a></p>'
    page = page.replace("<hr>", f"<hr>{banner}{link}", 1).replace(TITLE, escape(harmless(heading(result))))
    head, foot = page.index("</head>"), page.rindex("</body>")
    style = f"<style>{stylesheet()}</style>\n"
    return "".join(
        [page[:head], style, page[head:foot], record_section(result, metrics, beside_quantstats=drawn), "\n", page[foot:]]
    )


def import_quantstats() -> None:
    """Import it now, which takes as long as drawing a page, and not with the first page."""
    with _quiet_reproducible_matplotlib():
        pass


def _looks_like_prices(returns: pd.Series) -> bool:
    """The guess of quantstats' ``_prepare_returns``, which cannot be switched off."""
    return bool(returns.min() >= 0 and returns.max() > 1)


def _plain_page(why: str) -> str:
    """A page without charts, for an account that quantstats would paint as something else."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{TITLE}</title>\n'
        f"<style>body{{margin:30px;background:#fff;font:14px/1.5 Arial,sans-serif}}"
        f"h1{{font-size:24px;font-weight:400}}</style>\n</head>\n<body>\n"
        f'<div class="container"><h1>{TITLE}</h1>\n<p>{why}</p>'
        f"\n<hr></div>\n</body>\n</html>\n"
    )


def _quantstats_page(result: Result, risk_free: float) -> str:
    returns, market = result.returns.copy(), result.benchmark_returns
    if (returns == returns.iloc[0]).all():
        market = None  # a flat line has no beta, and quantstats fails on it
    for series in filter(lambda s: s is not None, (returns, market)):
        series.index = pd.DatetimeIndex(series.index, name=None).as_unit("ns")
    own, other = _drawable(result.strategy), _drawable(result.benchmark)
    other += " as benchmark" * (own == other)  # quantstats fails on two lines of one name
    with _quiet_reproducible_matplotlib(), tempfile.TemporaryDirectory() as folder:
        from quantstats import reports

        output = Path(folder) / "page.html"
        reports.html(
            returns,
            benchmark=None if market is None else market.rename(other),
            rf=risk_free,
            title=TITLE,
            output=str(output),
            match_dates=False,
            strategy_title=own,
            benchmark_title=other,
        )
        page = output.read_text(encoding="utf-8")
    return _without_leftovers(page)


def _drawable(name: str) -> str:
    """A name as it may be drawn into a chart and written into a page unescaped: what could be read as code is left out."""
    return re.sub(r"[^\w.^= -]", "", name)


def _without_leftovers(page: str) -> str:
    """Without what refers to other sites or to a script that is not there; per-day rows say that they are."""
    page = re.sub(r"<title>.*?</title>", f"<title>{TITLE}</title>", page, count=1)
    page = re.sub(r'<link rel="shortcut icon"[^>]*>\s*', "", page)
    page = re.sub(r'<a href="http://quantstats.io"[^>]*>(.*?)</a>', r"\1", page)
    page = page.replace('<body onload="save()">', "<body>").replace("CAGR\ufe6a", "CAGR")
    for row in BY_DAY:
        page = page.replace(f"<td>{row}</td>", f"<td>{row} (by day)</td>")
    return page


@cache
def _quantstats_style() -> dict[str, Any]:
    """The matplotlib settings that quantstats makes when it is imported, on top of matplotlib's defaults.

    They would otherwise depend on who imported it first and on what was set since.
    """
    import matplotlib

    with matplotlib.rc_context():
        from quantstats._plotting import core

        matplotlib.rcdefaults()
        importlib.reload(core)
        chosen = {name: value for name, value in matplotlib.rcParams.items() if not name.startswith("backend")}
    return {**chosen, "svg.hashsalt": "dipfolio"}


@contextlib.contextmanager
def _quiet_reproducible_matplotlib() -> Iterator[None]:
    """Charts without a screen, a date, a random identifier or complaints, and everything as before afterwards.

    quantstats asks for Arial by name: where it is missing, DejaVu Sans answers to that name for as long as this lasts.
    The warnings silenced are about quantstats' own calls to pandas and seaborn.
    """
    import matplotlib
    from matplotlib import font_manager
    from matplotlib import pyplot as plt

    fonts, before = font_manager.fontManager.ttflist, set(plt.get_fignums())
    alias = [dataclasses.replace(font, name="Arial") for font in fonts if font.name == "DejaVu Sans"]
    missing = [] if any(font.name == "Arial" for font in fonts) else alias
    backend = matplotlib.get_backend()
    matplotlib.use(CANVAS, force=True)
    fonts.extend(missing)
    try:
        with warnings.catch_warnings(), _environment("SOURCE_DATE_EPOCH", EPOCH), _english_months():
            warnings.simplefilter("ignore")
            with matplotlib.rc_context(_quantstats_style()):
                yield
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
        for font in missing:
            fonts.remove(font)
        matplotlib.use(backend, force=True)


@contextlib.contextmanager
def _english_months() -> Iterator[None]:
    """Names of months as they are without a language; a notebook or a library may have chosen another."""
    before = locale.setlocale(locale.LC_TIME)
    locale.setlocale(locale.LC_TIME, "C")
    try:
        yield
    finally:
        locale.setlocale(locale.LC_TIME, before)


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
