"""The tear sheet: the answer of a run, the run as quantstats shows it, and the record of the run.

This is the only module that imports quantstats, which gets aligned returns, never prices, tickers or text from
outside: titles go in as a token that is replaced by the escaped title. Tear sheets of several runs are drawn in
parallel processes.
"""

import contextlib
import dataclasses
import gc
import importlib
import itertools
import locale
import math
import multiprocessing
import os
import re
import signal
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from dipfolio.data.currency import DOLLARS, shown_in
from dipfolio.data.risk_free import RiskFree
from dipfolio.engine.metrics import (
    Metrics,
    annual_return,
    calmar,
    compound_returns,
    drawdowns,
    total_return,
)
from dipfolio.engine.result import Result
from dipfolio.report.answer import answer_of, further_sentences
from dipfolio.report.format import MISSING_TEXT, escape_control_characters, ratio
from dipfolio.report.run_record import record_section, record_stylesheet, template_environment
from dipfolio.report.run_summary import run_heading, run_remarks
from dipfolio.report.tearsheet_charts import tearsheet_charts

if TYPE_CHECKING:
    from dipfolio.evidence.robustness import Robustness

TearsheetJob = tuple[Result, Metrics, RiskFree] | tuple[Result, Metrics, RiskFree, "Robustness | None"]

MIN_PARALLEL_SHEETS = 3
"""Sheets from which on it pays to start processes: each first imports quantstats, which takes as long as drawing one."""


def tear_sheets(jobs: Sequence[TearsheetJob], processes: int | None = None, *, ends_after: bool = False) -> Iterator[str]:
    """The page of each run, in the order of the runs, as they are finished.

    Parameters
    ----------
    jobs : sequence of (Result, Metrics, RiskFree) or (Result, Metrics, RiskFree, Robustness)
    processes : int, optional
        As many as there are processors; fewer than :data:`MIN_PARALLEL_SHEETS` sheets are drawn here.
    ends_after : bool
        Whether this process, if it draws, has little else to do (:func:`preload_drawing`).
    """
    count = min(processes or os.cpu_count() or 1, len(jobs))
    if len(jobs) < MIN_PARALLEL_SHEETS or count == 1:
        if jobs and ends_after:
            preload_drawing()
        yield from map(_draw, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(count, initializer=_start_drawing) as pool:
        yield from pool.imap(_draw, jobs)


@cache
def preload_drawing() -> None:
    """Import what draws, in a process that is about to draw and then to end.

    Charts are rings of objects, so that Python often looks for rings that nobody needs - each time through all modules
    too. Those live as long as the process, and are frozen: it does not look at them again. With fewer looks while they
    are imported (:func:`dipfolio.cli.app.main`) the whole command takes 0.83 of the time without (median of seven pairs).
    """
    import_quantstats()
    gc.freeze()


def _draw(job: TearsheetJob) -> str:
    return tear_sheet(*job)


def _start_drawing() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers interrupts
    preload_drawing()


TITLE_PLACEHOLDER = "dipfolio-title-token"
"""Upper case, as quantstats makes it so in one place."""
PER_DAY_METRICS = (
    "Avg. Return", "Avg. Win", "Avg. Loss", "Kelly Criterion", "Max Consecutive Wins", "Max Consecutive Losses",
    "Gain/Pain Ratio", "Payoff Ratio", "Profit Factor",
)  # fmt: skip
"""Rows of quantstats that count sessions, though their names are those of trade statistics."""
OMITTED_METRICS = (
    "Smart Sharpe", "Smart Sortino", "Smart Sortino/√2", "Risk-Adjusted Return", "Win/Loss Ratio", "Profit Ratio",
    "Expected Monthly", "Expected Yearly", "Risk of Ruin", "Common Sense Ratio", "CPC Index", "Outlier Win Ratio",
    "Outlier Loss Ratio", "All-time (ann.)", "Serenity Index",
)  # fmt: skip
"""Rows of quantstats that are wrong, or say the same as another row; docs/tear-sheet.md has the reasons."""
VAR_TAIL = 0.05
"""Part of the sessions that value at risk and expected shortfall are about."""
MAX_DRAWDOWNS_SHOWN = 10
"""Drawdowns in the table; the chart has half of them."""
MIN_POINTS_TO_THIN = 1_500
"""Points of a line from which on those are left out that nobody can see."""
THINNING_STEP = 0.4
"""Points of a drawing, which is 576 wide and so shown at half a pixel or more for each of these steps."""
NOT_RECOVERED = "not yet"
"""Where a drawdown that goes on has its recovery."""

CHART_BACKEND = "module://dipfolio.report.quantstats_charts"
"""The backend of matplotlib that draws."""

SOURCE_DATE_EPOCH = "1577836800"
"""Written into the charts as their date, so that equal runs give equal bytes."""


def tear_sheet(
    result: Result, metrics: Metrics, risk_free: float | RiskFree = 0.0, robustness: "Robustness | None" = None
) -> str:
    """The page as HTML, self-contained; the same run gives the same bytes.

    Parameters
    ----------
    result : Result
    metrics : Metrics
        Of that result.
    risk_free : float or RiskFree
        A year; quantstats takes a single figure and none below zero, so it gets the one that earns the same.
    robustness : Robustness, optional
        Of that result; the page has no section on it without.
    """
    currency = result.provenance.currency
    with shown_in(currency):
        page = _tear_sheet(result, metrics, risk_free, robustness)
    if currency == DOLLARS:
        return page
    return page.replace("Dollars on each close", f"{currency} on each close").replace("the same dollars", "the same money")


def _tear_sheet(result: Result, metrics: Metrics, risk_free: float | RiskFree, robustness: "Robustness | None") -> str:
    drawn = False
    if result.bankrupt:
        page = _plain_page(f"Wiped out on {result.window[1]}: there are no ratios of a lost account.")
    elif any(_looks_like_prices(series) for series in (result.returns, result.benchmark_returns) if series is not None):
        page = _plain_page("No charts: no session lost and one more than doubled, which quantstats takes for prices.")
    else:
        rate = risk_free.scalar(pd.DatetimeIndex(result.returns.index)) if isinstance(risk_free, RiskFree) else risk_free
        page, drawn = _quantstats_page(result, metrics, max(rate, 0.0)), True
    notes = "".join(f"<li>{escape(escape_control_characters(remark))}</li>" for remark in run_remarks(result, metrics))
    banner = f'<ul class="remarks">{notes}</ul>' if notes else ""
    link = '<p><a href="#record">Trades, costs, assumptions and sources of this run</a></p>'
    page = page.replace("<hr>", f"<hr>{banner}{link}", 1).replace(
        TITLE_PLACEHOLDER, escape(escape_control_characters(run_heading(result)))
    )
    page = page.replace("<h1>", '<h2 class="sheet">', 1).replace("</h1>", "</h2>", 1)
    head, body, foot = page.index("</head>"), page.index("<body>") + len("<body>"), page.rindex("</body>")
    style, top = f"<style>{record_stylesheet()}</style>\n", f"\n{answer_section(result, metrics)}\n"
    record, charts = (
        f"{record_section(result, metrics, beside_quantstats=drawn, risk_free=risk_free)}\n",
        tearsheet_charts(result, risk_free, robustness),
    )
    parts = [page[:head], style, charts.head, page[head:body], top, charts.section, page[body:foot]]
    parts += [charts.subperiods, record, charts.foot]
    return "".join([*parts, page[foot:]])


def answer_section(result: Result, metrics: Metrics) -> str:
    """The answer of a run as HTML, which stands above everything else."""
    template = template_environment().get_template("answer.html.j2")
    return template.render(heading=run_heading(result), answer=answer_of(result, metrics), further=further_sentences(result))


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
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{TITLE_PLACEHOLDER}</title>\n'
        f"<style>body{{margin:30px;background:#fff;font:14px/1.5 Arial,sans-serif}}"
        f"h1{{font-size:24px;font-weight:400}}</style>\n</head>\n<body>\n"
        f'<div class="container"><h1>{TITLE_PLACEHOLDER}</h1>\n<p>{why}</p>'
        f"\n<hr></div>\n</body>\n</html>\n"
    )


def _quantstats_page(result: Result, metrics: Metrics, risk_free: float) -> str:
    returns, market = result.returns.copy(), result.benchmark_returns
    if (returns == returns.iloc[0]).all():
        market = None  # a flat line has no beta, and quantstats fails on it
    for series in filter(lambda s: s is not None, (returns, market)):
        series.index = pd.DatetimeIndex(series.index, name=None).as_unit("ns")
    own, other = _drawable(result.strategy), _drawable(result.benchmark)
    other += " as benchmark" * (own == other)  # quantstats fails on two lines of one name
    falls = drawdown_periods(returns)
    with _quiet_reproducible_matplotlib(), tempfile.TemporaryDirectory() as folder:
        from quantstats import reports

        from dipfolio.report.quantstats_charts import SheetData, correct_saved_charts

        output = Path(folder) / "page.html"
        worst = [(fall.first, fall.last) for fall in falls[: MAX_DRAWDOWNS_SHOWN // 2]]
        with correct_saved_charts(SheetData(returns.copy(), market, risk_free, worst, result.sessions_per_year)):
            reports.html(
                returns,
                benchmark=None if market is None else market.rename(other),
                rf=risk_free,
                title=TITLE_PLACEHOLDER,
                output=str(output),
                match_dates=False,
                strategy_title=own,
                benchmark_title=other,
                periods_per_year=result.sessions_per_year,
            )
        page = output.read_text(encoding="utf-8")
    page = _with_figures(page, _key_figures(result, metrics, market, risk_free, falls))
    page = _with_table(page, '<div id="eoy">', _years(returns, market, (other, own)))
    page = _with_table(page, '<div id="ddinfo">', _falls(falls[:MAX_DRAWDOWNS_SHOWN]))
    page = page.replace('<div id="eoy">', '<div id="years">')  # the rules for the old id write per cent signs into cells
    page = page.replace(f"Benchmark: {other.upper()} ", f"Benchmark: {other} ")
    return re.sub("<svg.*?</svg>", lambda chart: shorten_drawing(chart[0]), _without_leftovers(page), flags=re.DOTALL)


def shorten_drawing(drawing: str) -> str:
    r"""A drawing of matplotlib without what is not seen; straight lines are to a tenth of a point, curves to a hundredth.

    Straight lines are written as steps from point to point, which are differences of the rounded points: nothing adds up.

    >>> shorten_drawing('<svg>\n <g id="line2d_1">\n  <path d="M 1.26789 -20.5 \nL 3 4.000999 \n"/>\n </g>\n</svg>')
    '<svg>\n<g>\n<path d="M1.3-20.5l1.7 24.5"/>\n</g>\n</svg>'
    """

    def path(found: re.Match[str]) -> str:
        digits = 2 if re.search("[CQ]", found[0]) else 1
        short = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.{digits}f}", found[0])
        short = re.sub(r"\s*([A-Za-z])\s*", r"\1", short).strip()
        if digits == 2:
            return short
        return _as_steps(_thin_line(short) if short.count("L") >= MIN_POINTS_TO_THIN else short)

    seen = re.sub("<metadata>.*?</metadata>|<!--.*?-->", "", drawing, flags=re.DOTALL)
    bare = re.sub('<g id="[^"]*"', "<g", seen)
    return re.sub(r"(?<=>)\s*\n\s*(?=<)", "\n", re.sub('(?<= d=")[^"]*', path, bare))


_LINE = re.compile(r"([ML])(-?[\d.]+) (-?[\d.]+)|(z)")


def _as_steps(path: str) -> str:
    """A path of straight lines with their points as differences in tenths; another path as it is."""
    moves = list(_LINE.finditer(path))
    if "".join(move[0] for move in moves) != path:
        return path
    written, at, before = [], (0, 0), ""
    for move in moves:
        if move[4]:
            written.append("z")
            before = "z"
            continue
        point = (round(float(move[2]) * 10), round(float(move[3]) * 10))
        name = "M" if move[1] == "M" or before in ("", "z") else "l"
        numbers = point if name == "M" else (point[0] - at[0], point[1] - at[1])
        letter = name if name == "M" or before != "l" else ""
        written.append(_joined(letter, *map(_tenths, numbers), after=written[-1] if written else ""))
        at, before = point, name
    return "".join(written)


def _tenths(value: int) -> str:
    """A number of tenths, as short as a path may have it.

    >>> [_tenths(value) for value in (0, 1, -1, 20, -123)]
    ['0', '.1', '-.1', '2', '-12.3']
    """
    whole, tenth = divmod(abs(value), 10)
    return f"{'-' if value < 0 else ''}{whole or ('' if tenth else '0')}{f'.{tenth}' if tenth else ''}"


def _joined(letter: str, first: str, second: str, *, after: str) -> str:
    """Two numbers, with a space before each only where it would otherwise be read as a part of the one before."""
    text, last = letter, "" if letter else after
    for number in (first, second):
        stuck = last and last[-1].isdigit() and number[0] != "-" and not (number[0] == "." and "." in _last_number(last))
        text += f" {number}" if stuck else number
        last = number
    return text


def _last_number(text: str) -> str:
    found = re.search(r"-?\d*\.?\d+$", text)
    return found[0] if found else ""


def _thin_line(path: str) -> str:
    """Of neighbouring points within a step of :data:`THINNING_STEP` from left to right, the first, the extremes and the last."""
    kept: list[str] = []
    for step, commands in itertools.groupby(re.findall("[A-Za-z][^A-Za-z]*", path), key=_thinning_step):
        points = list(commands)
        if step is not None and len(points) > 4:
            heights = [float(point.split()[1]) for point in points]
            chosen = {0, heights.index(min(heights)), heights.index(max(heights)), len(points) - 1}
            points = [points[place] for place in sorted(chosen)]
        kept += points
    return "".join(kept)


def _thinning_step(command: str) -> int | None:
    """Number of the step from left to right in which a line ends; None for what is no line."""
    return math.floor(float(command[1:].split()[0]) / THINNING_STEP) if command[0] == "L" else None


class Drawdown(NamedTuple):
    """A drawdown: its first and its last session below the high, the lowest, the first at the high again, and its depth."""

    first: pd.Timestamp
    lowest: pd.Timestamp
    last: pd.Timestamp
    recovered: pd.Timestamp | None
    depth: float

    @property
    def days(self) -> int:
        """Calendar days from the first session below the high to the last, both counted."""
        return int((self.last - self.first).days) + 1


def drawdown_periods(returns: pd.Series) -> list[Drawdown]:
    """All drawdowns of the closes, the deepest first; the starting cash is the first high."""
    below = drawdowns(returns)
    sessions, number = below.index, (below == 0).cumsum()
    falls = []
    for _, fall in below[below < 0].groupby(number[below < 0]):
        after = sessions.get_loc(fall.index[-1]) + 1
        recovered = sessions[after] if after < len(sessions) else None
        falls.append(Drawdown(fall.index[0], fall.idxmin(), fall.index[-1], recovered, float(fall.min())))
    return sorted(falls, key=lambda fall: fall.depth)


def _key_figures(
    result: Result, metrics: Metrics, market: pd.Series | None, risk_free: float, falls: list[Drawdown]
) -> dict[str, tuple[str, ...]]:
    """The rows that quantstats has wrong, with the cells in the order of its columns: benchmark, if any, and strategy."""
    base, returns = pd.Timestamp(result.base or result.window[0]), result.returns
    own = _figures(returns, base, risk_free, falls) | {"Time in Market": _percent(metrics.time_in_market)}
    if market is None:
        return {label: (value,) for label, value in own.items()}
    others = _figures(market, base, risk_free, drawdown_periods(market)) | {"Time in Market": _percent(1.0)}
    both: dict[str, tuple[str, ...]] = {label: (others[label], value) for label, value in own.items()}
    relative = _relative_figures(result, market.to_numpy(), metrics.annual_return, risk_free)
    return both | {label: (MISSING_TEXT, value) for label, value in relative.items()}


def _figures(returns: pd.Series, base: pd.Timestamp, risk_free: float, falls: list[Drawdown]) -> dict[str, str]:
    """Label and value of the rows that a series has by itself."""
    last = returns.index[-1]
    total = total_return(returns)
    yearly = annual_return(total, (last - base).days)
    below = drawdowns(returns)
    depth, ulcer = -float(below.min()), math.sqrt(float((below**2).mean()))
    months, tail = compound_returns(returns, "ME"), np.sort(returns.to_numpy())[: math.ceil(VAR_TAIL * len(returns))]
    return {
        "CAGR": _percent(yearly),
        "Max Drawdown": _percent(-depth),
        "Max DD Date": str(falls[0].lowest.date()) if falls else MISSING_TEXT,
        "Max DD Period Start": str(falls[0].first.date()) if falls else MISSING_TEXT,
        "Max DD Period End": _recovery(falls[0]) if falls else MISSING_TEXT,
        "Longest DD Days": str(max(fall.days for fall in falls)) if falls else MISSING_TEXT,
        "Avg. Drawdown": _percent(float(np.mean([fall.depth for fall in falls]))) if falls else MISSING_TEXT,
        "Avg. Drawdown Days": f"{np.mean([fall.days for fall in falls]):.0f}" if falls else MISSING_TEXT,
        "Calmar": ratio(calmar(yearly, -depth)),
        "Recovery Factor": ratio(_over(total, depth)),
        "Ulcer Index": _percent(ulcer),
        "Ulcer Performance Index": ratio(_over(yearly - risk_free, ulcer)),
        "Daily Value-at-Risk": _percent(returns.quantile(VAR_TAIL)),
        "Expected Shortfall (cVaR)": _percent(tail.mean()),
        "Gain/Pain (1M)": ratio(_over(months.sum(), -months.clip(upper=0).sum())),
        "Profit Factor": ratio(_over(returns.clip(lower=0).sum(), -returns.clip(upper=0).sum())),
        "Win Days": _percent(_wins(returns)),
        "Win Month": _percent(_wins(months)),
        "Win Quarter": _percent(_wins(compound_returns(returns, "QE"))),
        "Win Year": _percent(_wins(compound_returns(returns, "YE"))),
        **{label: _percent(_since(returns, base, last - span)) for label, span in _spans(last).items()},
        **{
            f"{years}Y (ann.)": _percent(_since(returns, base, last - pd.DateOffset(years=years), a_year=True))
            for years in (3, 5, 10)
        },
    }


def _relative_figures(result: Result, market: np.ndarray, yearly: float, risk_free: float) -> dict[str, str]:
    """Label and value of the rows that relate the strategy to its benchmark; ``yearly`` is its annual return."""
    returns, a_year = result.returns.to_numpy(), result.sessions_per_year
    if len(returns) < 2:
        return dict.fromkeys(("R^2", "Information Ratio", "Beta", "Alpha", "Correlation", "Treynor Ratio"), MISSING_TEXT)
    ahead, rate = returns - market, (1 + risk_free) ** (1 / a_year) - 1
    (own, common), (_, other) = np.cov(returns, market)
    beta, correlation = _over(common, other), _over(common, math.sqrt(own * other))
    alpha = (returns.mean() - rate - beta * (market.mean() - rate)) * a_year
    return {
        "R^2": ratio(correlation**2),
        "Information Ratio": ratio(_over(ahead.mean() * math.sqrt(a_year), ahead.std(ddof=1))),
        "Beta": ratio(beta),
        "Alpha": _percent(alpha),
        "Correlation": _percent(correlation),
        "Treynor Ratio": _percent((yearly - risk_free) / beta if beta else math.nan),
    }


def _spans(last: pd.Timestamp) -> dict[str, Any]:
    """How far before the last session the rows of recent returns begin."""
    return {
        "MTD": pd.Timedelta(days=last.day),
        "3M": pd.DateOffset(months=3),
        "6M": pd.DateOffset(months=6),
        "YTD": pd.Timedelta(days=last.day_of_year),
        "1Y": pd.DateOffset(years=1),
    }


def _since(returns: pd.Series, base: pd.Timestamp, begin: pd.Timestamp, *, a_year: bool = False) -> float:
    """Return from the close of a day to the end; NaN where the window begins later."""
    if base > begin:
        return math.nan
    total = total_return(returns[returns.index > begin])
    return annual_return(total, (returns.index[-1] - begin).days) if a_year else total


def _wins(returns: pd.Series) -> float:
    """The returns above zero, among those that are not zero."""
    return _over(float((returns > 0).sum()), float((returns != 0).sum()))


def _over(value: float, divisor: float) -> float:
    return float(value / divisor) if divisor > 0 else math.nan


def _percent(value: float) -> str:
    return MISSING_TEXT if math.isnan(value) else f"{ratio(value * 100)}%"


def _recovery(fall: Drawdown) -> str:
    return NOT_RECOVERED if fall.recovered is None else str(fall.recovered.date())


def _with_figures(page: str, figures: dict[str, tuple[str, ...]]) -> str:
    """The page with these rows in the place of those of quantstats, and without those that are left out."""

    def corrected(row: re.Match[str]) -> str:
        """The row with our value, or empty if it is left out."""
        label, cells = row[1], re.findall("<td>([^<]*)</td>", row[2])
        if label in OMITTED_METRICS:
            return ""
        return _row(
            label,
            figures.get(label, [re.sub(r"^-?\d+\.\d+(?=%?$)", lambda number: ratio(float(number[0])), cell) for cell in cells]),
        )

    page = page.replace("CAGR\ufe6a", "CAGR")
    head, foot = page.index("<h3>Key Performance Metrics</h3>"), page.index('<div id="eoy">')
    table = re.sub("<tr><td>([^<]*)</td>((?:<td>[^<]*</td>)+)</tr>\n", corrected, page[head:foot])
    if "<tr><td>Avg. Drawdown</td>" not in table:  # quantstats leaves it out where nothing ever fell
        following = "<tr><td>Avg. Drawdown Days</td>"
        table = table.replace(following, _row("Avg. Drawdown", figures["Avg. Drawdown"]) + following, 1)
    return f"{page[:head]}{table}{page[foot:]}"


def _with_table(page: str, where: str, table: str) -> str:
    """The page with another table in the place of the first one after a mark."""
    head = page.index("<table>", page.index(where))
    return f"{page[:head]}{table}{page[page.index('</table>', head) + len('</table>') :]}"


def _years(returns: pd.Series, market: pd.Series | None, names: tuple[str, str]) -> str:
    own = compound_returns(returns, "YE")
    if market is None:
        return _table(("Year", "Return"), [(str(day.year), _percent(value)) for day, value in own.items()])
    other = compound_returns(market, "YE")
    rows = [(str(day.year), _percent(other[day]), _percent(own[day]), _percent(own[day] - other[day])) for day in own.index]
    return _table(("Year", *names, "Difference"), rows)


def _falls(falls: Sequence[Drawdown]) -> str:
    """The per cent signs of the third column are written by the page's own rules."""
    rows = [(str(fall.first.date()), _recovery(fall), ratio(fall.depth * 100), str(fall.days)) for fall in falls]
    return _table(("Started", "Recovered", "Drawdown", "Days"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head, body = "".join(f"<th>{escape(text)}</th>" for text in heads), "".join(_row(row[0], row[1:]) for row in rows)
    return f"<table>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{body}</tbody>\n</table>"


def _row(label: str, cells: Sequence[str]) -> str:
    return f"<tr><td>{label}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"


def _drawable(name: str) -> str:
    """A name as it may be drawn into a chart and written into a page unescaped: what could be read as code is left out."""
    return re.sub(r"[^\w.^= -]", "", name)


def _without_leftovers(page: str) -> str:
    """Without what refers to other sites or to a script that is not there; per-day rows say that they are."""
    page = re.sub(r"<title>.*?</title>", f"<title>{TITLE_PLACEHOLDER}</title>", page, count=1)
    page = re.sub(r'<link rel="shortcut icon"[^>]*>\s*', "", page)
    page = re.sub(r'<a href="http://quantstats.io"[^>]*>(.*?)</a>', r"\1", page)
    page = page.replace('<body onload="save()">', "<body>")
    for row in PER_DAY_METRICS:
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
    return {**chosen, "svg.hashsalt": "dipfolio", "svg.fonttype": "none"}  # text as text: searched, read aloud, and short


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
    matplotlib.use(CHART_BACKEND, force=True)
    fonts.extend(missing)
    try:
        with warnings.catch_warnings(), _environment("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH), _english_months():
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
