"""The workbook of a run: its record as an Excel file with one sheet for each table, typed cells and no formulas.

openpyxl writes it, which the extra ``excel`` installs.
"""

import importlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.engine.metrics import MetricFormat, Metrics, applicable_metrics, metric_of
from dipfolio.engine.result import Result
from dipfolio.errors import ParameterError, ReportError
from dipfolio.report.answer import answer_of
from dipfolio.report.format import escape_control_characters
from dipfolio.report.run_record import provenance_rows, state_assumptions
from dipfolio.report.run_summary import run_heading, run_remarks
from dipfolio.storage import atomic_write, explain_write_errors, needs_escape

MAX_ROWS = 1_048_576
"""Rows of a sheet in Excel, the header included."""

MAX_TEXT = 32_767
"""Letters of a cell in Excel."""

MIN_WIDTH, MAX_WIDTH = 9, 60
"""Width of a column in letters; a longer text is wrapped."""

MEASURED_ROWS = 200
"""Rows of which the longest text makes the width of a column."""

DATE, COUNT, MONEY, PRICE, SHARES, PERCENT = "yyyy-mm-dd", "#,##0", "#,##0.00", "#,##0.0000", "#,##0.####", "0.00%"
"""Number formats of Excel."""

_METRIC_FORMATS: dict[MetricFormat, str] = {
    "percent": PERCENT, "unsigned_percent": PERCENT, "ratio": "0.00", "money": MONEY, "exact_money": "0.000000", "count": COUNT,
}  # fmt: skip

_COLUMN_FORMATS = {
    **dict.fromkeys(("price", "entry_price", "exit_price"), PRICE),
    **dict.fromkeys(("return", "benchmark", "worst", "best"), PERCENT),
    "shares": SHARES,
    "sessions": COUNT,
}
"""By the name of a column; other numbers are money."""


@dataclass(frozen=True)
class Typed:
    """A value with its number format in Excel."""

    value: Any
    format: str


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A sheet: its name, the head of each column, and the rows."""

    name: str
    heads: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


def import_openpyxl() -> Any:
    """openpyxl, imported only where a workbook is written.

    Raises
    ------
    ParameterError
        It is not installed.
    """
    try:
        return importlib.import_module("openpyxl")
    except ImportError:
        raise ParameterError("A workbook needs openpyxl: pip install 'dipfolio[excel]'.") from None


def write_workbook(result: Result, metrics: Metrics, path: Path) -> None:
    """Write the record of a run as a workbook; it replaces a file of that name as a whole.

    Dates are dates, numbers are numbers, and what does not exist is an empty cell. Text is never a formula.

    Parameters
    ----------
    result : Result
    metrics : Metrics
        Of that result.
    path : Path

    Raises
    ------
    ParameterError
        openpyxl is not installed.
    ReportError
        The file cannot be written, or a table has more rows than a sheet.
    """
    openpyxl, sheets = import_openpyxl(), workbook_sheets(result, metrics)
    for sheet in sheets:
        if len(sheet.rows) >= MAX_ROWS:
            raise ReportError(f"{sheet.name} has {len(sheet.rows):,} rows, and a sheet of Excel {MAX_ROWS:,}; use the CSV files.")
    with explain_write_errors(path, ReportError), atomic_write(path) as fresh:
        book = openpyxl.Workbook(write_only=True)
        for sheet in sheets:
            _write_sheet(book, sheet)
        book.save(fresh)


def workbook_sheets(result: Result, metrics: Metrics) -> tuple[Sheet, ...]:
    """The sheets of a run, in the order in which they are read."""
    return (
        Sheet(name="Answer", heads=("Item", "Value", "Return"), rows=tuple(_answer_rows(result, metrics))),
        Sheet(name="Metrics", heads=("Metric", "Value", "Unit", "Name"), rows=tuple(_metric_rows(result, metrics))),
        _table_sheet("Equity", result.equity.reset_index()),
        _table_sheet("Trades", result.trades),
        _table_sheet("Fills", result.fills),
        _table_sheet("Open positions", result.open_positions),
        _table_sheet("Events", result.events),
        Sheet(name="Account", heads=("Kind", "Name", "Value"), rows=tuple(_account_rows(result))),
        Sheet(name="Provenance", heads=("Topic", "Value", "First session", "Last session"), rows=tuple(_provenance_rows(result))),
    )


def _answer_rows(result: Result, metrics: Metrics) -> Iterator[tuple[Any, ...]]:
    answer = answer_of(result, metrics)
    labels = [label for label, _ in answer.rows]
    yield "Run", run_heading(result)
    for sentence in (*answer.sentences, *filter(None, (answer.why,))):
        yield "Answer", sentence
    yield labels[0], Typed(answer.money, MONEY)
    yield labels[1], Typed(answer.profit, MONEY), Typed(answer.total_return, PERCENT)
    yield labels[2], answer.holding
    for one in answer.benchmarks:
        yield f"{one.symbol} {answer.beside}", Typed(one.profit, MONEY), Typed(one.total_return, PERCENT)
    if answer.benchmarks:
        yield labels[4], Typed(answer.difference, MONEY)
    for one in answer.ranked:
        yield one.symbol, Typed(one.profit, MONEY), Typed(one.total_return, PERCENT)
    for remark in run_remarks(result, metrics):
        yield "Remark", remark


def _metric_rows(result: Result, metrics: Metrics) -> Iterator[tuple[Any, ...]]:
    for name, value in applicable_metrics(metrics, result).items():
        metric = metric_of(name)
        yield metric.label, Typed(value, _METRIC_FORMATS[metric.format]), metric.unit, name


def _table_sheet(name: str, table: pd.DataFrame) -> Sheet:
    columns = [
        [Typed(value, _COLUMN_FORMATS.get(str(head), MONEY)) for value in table[head].tolist()]
        if pd.api.types.is_numeric_dtype(table[head])
        else table[head].tolist()
        for head in table.columns
    ]
    return Sheet(name=name, heads=tuple(map(str, table.columns)), rows=list(zip(*columns, strict=True)))


def _account_rows(result: Result) -> Iterator[tuple[Any, ...]]:
    for name, value in result.parameters.items():
        yield "Parameter", name, value
    for name, value in result.account.as_record().items():
        yield "Account", name, value
    for topic, sentence in state_assumptions(result):
        yield "Assumption", topic, sentence


def _provenance_rows(result: Result) -> Iterator[tuple[Any, ...]]:
    source = result.provenance
    yield "Window", "", *result.window
    for topic, words in provenance_rows(result):
        if topic not in ("Sessions", "Warnings"):
            yield topic, words
    for warning in source.warnings:
        yield "Warning", warning
    for symbol, span in source.sessions.items():
        yield "Symbol", symbol, *(date.fromisoformat(day) if day else None for day in span)


def _write_sheet(book: Any, sheet: Sheet) -> None:
    page = book.create_sheet(sheet.name)
    page.freeze_panes = "A2"
    for number, width in enumerate(_widths(sheet), 1):
        page.column_dimensions[_letters(number)].width = width
    styles, cell = importlib.import_module("openpyxl.styles"), importlib.import_module("openpyxl.cell").WriteOnlyCell
    bold, wrapped = styles.Font(bold=True), styles.Alignment(wrap_text=True, vertical="top")

    def written(value: Any) -> Any:
        """A cell of the type of a value; text is stored as text whatever it begins with."""
        kind, value = (value.format, value.value) if isinstance(value, Typed) else ("", value)
        value = _plain(value)
        if value is None or isinstance(value, bool):
            return cell(page, value)
        if isinstance(value, str):
            made = cell(page, "")
            made.value, made.data_type = value, "s"
            made.quotePrefix = needs_escape(value)
            if len(value) > MAX_WIDTH:
                made.alignment = wrapped
            return made
        made = cell(page, value)
        made.number_format = DATE if isinstance(value, date) else kind or "General"
        return made

    heads = [written(head) for head in sheet.heads]
    for head in heads:
        head.font = bold
    page.append(heads)
    for row in sheet.rows:
        page.append([written(value) for value in row])


def _plain(value: Any) -> Any:
    """A value as Excel can store it: a date, a number, a truth value or text; None for what does not exist."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date()
    if isinstance(value, bool | int | float | date):
        return value
    return escape_control_characters(str(value))[:MAX_TEXT]


def _widths(sheet: Sheet) -> list[int]:
    """The width of each column, in letters."""
    rows = [sheet.heads, *sheet.rows[:MEASURED_ROWS]]
    columns: Iterable[int] = range(len(sheet.heads))
    longest = [max(len(_shown(row[place])) for row in rows if place < len(row)) for place in columns]
    return [min(max(length + 2, MIN_WIDTH), MAX_WIDTH) for length in longest]


def _shown(value: Any) -> str:
    """About what a cell shows."""
    if isinstance(value, Typed):
        digits = {COUNT: 0, PRICE: 4, SHARES: 4, PERCENT: 1}.get(value.format, 2)
        plain = _plain(value.value)
        return "" if plain is None else f"{plain:,.{digits}f}"
    plain = _plain(value)
    return "" if plain is None else str(plain)


def _letters(number: int) -> str:
    """The name of a column: A, B, ..., Z, AA.

    >>> _letters(1), _letters(26), _letters(27)
    ('A', 'Z', 'AA')
    """
    before, last = divmod(number - 1, 26)
    return (_letters(before) if before else "") + chr(ord("A") + last)
