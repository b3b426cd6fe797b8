"""The comparison page: several runs over the same sessions, with the settings that they share, and the data of its charts."""

import gzip
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from dipfolio.data.risk_free import RiskFree
from dipfolio.engine.metrics import drawdowns, measure
from dipfolio.report.answer import answer_of
from dipfolio.report.comparison.alignment import Alignment, Contender, benchmark_metrics, build_contenders, market_returns
from dipfolio.report.comparison.tables import (
    assumption_terms,
    correlation_rows,
    cost_rows,
    matched_difference_rows,
    mean_difference_rows,
    metric_rows,
    month_rows,
    parameter_terms,
    provenance_terms,
    sharpe_difference_rows,
)
from dipfolio.report.format import count, list_names, money, percent, unsigned_percent
from dipfolio.report.html import read_asset, render_page, script_data, write_page
from dipfolio.report.run_summary import idle_remark, run_remarks
from dipfolio.report.runs_index import INDEX_FILE
from dipfolio.report.tearsheet_charts import chart_policy, chart_scripts, sheet_for_frame
from dipfolio.storage import COMPARISON_FILE, named_report

SCRIPTS = ("theme.js", "tabs.js", "tables.js", "finder.js", "charts.js", "sheets.js")

MANY_RUNS = 12
"""Runs above which each is a row of the tables and no column, a box finds runs, and only the first lines are drawn at first."""

LINE_COLOURS, LINE_DASHES = 8, 4
"""Colours of runs in ``colours.css``, and dashes in ``page.css`` and ``charts.js``."""


@dataclass(frozen=True, kw_only=True)
class LineStyle:
    """How the line of a run is drawn, in the charts and beside its name.

    Attributes
    ----------
    colour, dash : int
        Numbers of a colour and a dash, from 0; dash 0 is a solid line.
    points : bool
        Whether points are set on it.
    """

    colour: int
    dash: int
    points: bool


def line_style(number: int) -> LineStyle:
    """The style of the run of a number, from 0: eight colours, then the same dashed, dotted and dash-dotted, then with points."""
    turn = number // LINE_COLOURS
    return LineStyle(colour=number % LINE_COLOURS, dash=turn % LINE_DASHES, points=turn // LINE_DASHES % 2 == 1)


def write_comparison_page(
    alignment: Alignment, reports: Path, risk_free: float | RiskFree = 0.0, *, name: str | None = None, replace: bool = False
) -> Path:
    """Write the page of a comparison, ``comparison.html`` or the one of its name.

    Parameters
    ----------
    alignment : Alignment
    reports : Path
        Folder of the reports.
    risk_free : float or RiskFree
        A year.
    name : str, optional
        Under which the page is kept.
    replace : bool
        Whether an older page of that name may be replaced.

    Raises
    ------
    ParameterError
        A name that is no file name, or that is taken.
    ReportError
        The folder cannot be written.
    """
    target = reports / COMPARISON_FILE if name is None else named_report(reports, "comparison", name, replace=replace)
    page = comparison_page(alignment, target.parent, risk_free, gallery=_address(reports / INDEX_FILE, target.parent))
    return write_page(target.parent, target.name, page)


def comparison_page(alignment: Alignment, reports: Path, risk_free: float | RiskFree = 0.0, *, gallery: str = INDEX_FILE) -> str:
    """The page as HTML, self-contained; the same runs give the same bytes.

    Parameters
    ----------
    alignment : Alignment
        The tracks and the terms on which they are compared, at least one.
    reports : Path
        Folder in which the page will stand; links to tear sheets start there.
    risk_free : float or RiskFree
        A year.
    gallery : str
        The address of the index of runs, relative to that folder.
    """
    contenders = build_contenders(alignment, risk_free)
    market, of_market = market_returns(alignment), benchmark_metrics(alignment, risk_free)
    benchmark = alignment.benchmark if market is not None else ""
    apart, how = mean_difference_rows(contenders, market, benchmark)
    names = [contender.label for contender in contenders]
    return render_page(
        "comparison.html.j2",
        scripts=list(map(read_asset, SCRIPTS)),
        plotly=True,
        framed=chart_scripts(),
        title=f"Comparison of {count(len(contenders), 'run')}" if len(contenders) > 3 else " / ".join(names),
        description=_description(alignment, names),
        gallery=gallery,
        names=names,
        line_styles=[line_style(number) for number in range(len(names))],
        many=len(names) > MANY_RUNS,
        drawn=LINE_COLOURS if len(names) > MANY_RUNS else len(names),
        benchmark=benchmark,
        facts=_facts(alignment, benchmark, risk_free),
        answers=_answers(contenders),
        notes=alignment.notes,
        remarks=_remarks(contenders),
        metrics=metric_rows(contenders, of_market),
        costs=cost_rows(contenders),
        months=month_rows(contenders, market),
        correlations=correlation_rows(contenders, market, benchmark),
        matched=matched_difference_rows(contenders),
        sessions_per_year=contenders[0].sessions_per_year,
        gaps=apart,
        resampled=how,
        ratio_gaps=sharpe_difference_rows(contenders, market, benchmark, risk_free),
        assumptions=assumption_terms(contenders),
        parameters=parameter_terms(contenders),
        provenance=provenance_terms(contenders),
        sheets=pack_tear_sheets(contenders, reports),
        chart_data=comparison_chart_data(alignment, contenders, market),
        equity_in_words=describe_equity_chart(contenders, of_market.total_return if of_market else None, benchmark),
        drawdowns_in_words=describe_drawdown_chart(contenders),
        trades_in_words=describe_trades_chart(contenders),
    )


def _description(alignment: Alignment, names: Sequence[str]) -> str:
    """What the page holds, for the index of runs."""
    days = alignment.sessions
    return f"{list_names(names)}; {days[0].date()} to {days[-1].date()}"


def _answers(contenders: Sequence[Contender]) -> Sequence[tuple[str, str, tuple[str, ...]]]:
    """The answer of each run over its own window: its label, its sentences, and the six numbers; none for a bare series."""
    answers = []
    for contender in contenders:
        result = contender.track.result
        if result is not None:
            answer = answer_of(result, measure(result))
            money, profit, held, matched, difference, names = (value for _, value in answer.rows)
            beside = f"{matched}, {answer.beside}" if answer.benchmarks else matched
            account = " in the account" if answer.measures == "account" else ""
            answers.append((contender.label, answer.sentence, (f"{money}{account}", profit, held, beside, difference, names)))
    return answers


def _remarks(contenders: Sequence[Contender]) -> list[tuple[list[str], tuple[str, ...]]]:
    """The remarks on the runs: the names of those that share a remark, and its sentences."""
    labels_by_remarks: dict[tuple[str, ...], list[str]] = {}
    for contender in contenders:
        result, metrics = contender.result, contender.metrics
        sentences = (*run_remarks(result, metrics), *filter(None, (idle_remark(result, metrics),))) if result else ()
        if sentences:
            labels_by_remarks.setdefault(sentences, []).append(contender.label)
    return [(names, sentences) for sentences, names in labels_by_remarks.items()]


def _facts(alignment: Alignment, benchmark: str, risk_free: float | RiskFree) -> Sequence[tuple[str, str]]:
    """The common terms: label and value."""
    days, cash = alignment.sessions, {money(result.account.cash) for _, result in alignment.runs}
    names = {result.benchmark or "none" for _, result in alignment.runs}
    return (
        ("Window", f"{days[0].date()} to {days[-1].date()}"),
        ("Sessions", f"{len(days):,}{' of any run' if alignment.as_is else ', the same for all'}"),
        ("Benchmark", benchmark or " or ".join(sorted(names)) or "none"),
        ("Starting cash", " or ".join(sorted(cash)) or "not known"),
        ("Risk-free rate", str(risk_free) if isinstance(risk_free, RiskFree) else f"{unsigned_percent(risk_free)} a year"),
        ("Idle cash", "counts in every return"),
    )


def comparison_chart_data(alignment: Alignment, contenders: Sequence[Contender], market: pd.Series | None) -> str:
    """JSON for a script element: nothing in it can end the element or start another.

    Wealth starts from 1 at the base, one more value than there are sessions; drawdowns are fractions. A contender without a
    return in a session, or a value that no chart can show, is null there.
    """
    days = alignment.sessions
    lines = [
        _line(contender.label, contender.returns, days) | {"trades": _trades(contender), "style": asdict(line_style(number))}
        for number, contender in enumerate(contenders)
    ]
    data = {
        "days": [str(day.date()) for day in (alignment.base, *days)],
        "lines": lines,
        "benchmark": None if market is None else _line(alignment.benchmark, market, days),
    }
    return script_data(data)


def _line(label: str, returns: pd.Series, days: pd.DatetimeIndex) -> dict[str, Any]:
    wealth = (1 + returns).cumprod().reindex(days)
    first = [1.0] if returns.index[0] == days[0] else [np.nan]
    low = drawdowns(returns).reindex(days)
    return {"label": label, "wealth": _plain([*first, *wealth]), "drawdown": _plain([0.0 if first[0] == 1 else np.nan, *low])}


def _plain(values: Sequence[float]) -> list[float | None]:
    return [None if not np.isfinite(value) else float(f"{value:.7g}") for value in values]


def _trades(contender: Contender) -> list[dict[str, Any]]:
    """Each round trip and open position that was entered in the window or reaches into it."""
    result = contender.result
    if result is None:
        return []
    last = result.window[1]
    return [_trade(row, last) for table in (result.trades, result.open_positions) for row in table.itertuples(index=False)]


def _trade(row: Any, last: Any) -> dict[str, Any]:
    closed = bool(row.exit_at) and row.exit_session.date() <= last
    entry = f"in {row.entry_session.date()} {row.entry_at} at {row.entry_price:,.4f}"
    out = f"out {row.exit_session.date()} {row.exit_at} at {row.exit_price:,.4f}, {row.reason}" if closed else f"open on {last}"
    words = [f"{row.side} {row.shares:,.10g} {row.symbol}", entry, out]
    if closed or not row.exit_at:
        words.append(
            f"profit {money(row.profit)}{'' if closed else ' so far'}, {percent(row[row._fields.index('profit') + 1], 1)}"
        )
    return {
        "symbol": row.symbol,
        "long": row.side == "long",
        "entry": str(row.entry_session.date()),
        "exit": str(row.exit_session.date() if closed else last),
        "open": not closed,
        "gain": bool(row.profit > 0),
        "words": words,
    }


def describe_trades_chart(contenders: Sequence[Contender]) -> str:
    """The chart of trades for those who do not see it."""
    parts = []
    for contender in contenders:
        if contender.result is None:
            parts.append(f"{contender.label}: trades not known")
            continue
        trades, still = contender.result.trades, len(contender.result.open_positions)
        won = int((trades["profit"] > 0).sum())
        parts.append(f"{contender.label}: {count(len(trades), 'trade')} ended, {won} with a profit, {still} open at the end")
    return "; ".join(parts) + "."


def describe_equity_chart(contenders: Sequence[Contender], benchmark_return: float | None, benchmark: str) -> str:
    """The chart of equity for those who do not see it."""
    growth = [f"{c.label} {percent(c.metrics.total_return)}" for c in contenders]
    if benchmark_return is not None:
        growth.append(f"{benchmark} {percent(benchmark_return)}")
    return f"Growth over the window: {', '.join(growth)}."


def describe_drawdown_chart(contenders: Sequence[Contender]) -> str:
    """The chart of drawdowns for those who do not see it."""
    falls = [f"{c.label} {percent(c.metrics.worst_drawdown)} on {drawdowns(c.returns).idxmin().date()}" for c in contenders]
    return f"Worst drawdown: {', '.join(falls)}."


MAX_PACKED_CHARACTERS = 1_100_000
"""Letters of packed sheets in one page; those that come later are only linked."""


@dataclass(frozen=True, kw_only=True)
class PackedTearsheet:
    """A tear sheet.

    Attributes
    ----------
    label : str
    folder, link : str
        Address of the run's folder and its page, relative to the comparison; empty where there is none.
    packed : str
        The page, compressed by gzip, in Base64; empty if it is only linked.
    """

    label: str
    folder: str
    link: str
    packed: str


def pack_tear_sheets(
    contenders: Sequence[Contender], reports: Path, budget: int = MAX_PACKED_CHARACTERS
) -> tuple[PackedTearsheet, ...]:
    """One for each contender, in their order; one without a page has no link."""
    sheets, left, policy = [], budget, chart_policy()
    for contender in contenders:
        page = contender.track.folder and contender.track.folder / "tearsheet.html"
        if page is None or not page.is_file():
            sheets.append(PackedTearsheet(label=contender.label, folder="", link="", packed=""))
            continue
        sheet = sheet_for_frame(page.read_text(encoding="utf-8"), policy)
        packed = b64encode(gzip.compress(sheet.encode(), 6, mtime=0)).decode()
        packed = packed if len(packed) <= left else ""
        left -= len(packed)
        folder = _address(page.parent, reports)
        sheets.append(PackedTearsheet(label=contender.label, folder=folder, link=f"{folder}/{page.name}", packed=packed))
    return tuple(sheets)


def _address(folder: Path, reports: Path) -> str:
    """Relative to the reports, so that they can be moved together; absolute where they do not share a disk."""
    try:
        return quote(Path(os.path.relpath(folder, reports)).as_posix())
    except ValueError:
        return folder.resolve().as_uri()
