"""The workbook of a run, read back with openpyxl: every cell has the type and the value of the record, and none is a formula."""

import sys
import zipfile
from dataclasses import replace
from datetime import date, datetime

import pandas as pd
import pytest

import dipfolio.report.workbook as workbook_module
from dipfolio.engine.account import Account
from dipfolio.engine.metrics import METRICS, measure
from dipfolio.engine.result import Result
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError, ReportError
from dipfolio.report.answer import answer_of
from dipfolio.report.workbook import MAX_TEXT, MAX_WIDTH, import_openpyxl, workbook_sheets, write_workbook
from tests.support.markets import make_bars
from tests.support.strategies import script

openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed; it comes with the extra test")

SHEETS = ["Answer", "Metrics", "Equity", "Trades", "Fills", "Open positions", "Events", "Account", "Provenance"]
TABLES = {"Trades": "trades", "Fills": "fills", "Open positions": "open_positions", "Events": "events"}
CLOSES = {"A": [100.0, 100, 104, 108, 103], "B": [50.0, 50, 47, 48, 48], "M": [50.0, 51, 52, 54, 56]}


@pytest.fixture(scope="module")
def run():
    """A long that is sold, a short that stays open, and an order that was cut."""
    rows = {0: {"A": 10, "B": -20}, 2: {"A": 0}, 3: {"A": 2_000_000}}
    return simulate(script(rows, universe="A,B"), make_bars(CLOSES), Account(cash=20_000.0), benchmark="M")


def read_back(result, folder):
    path = folder / "run.xlsx"
    write_workbook(result, measure(result), path)
    return openpyxl.load_workbook(path)


@pytest.fixture(scope="module")
def book(run, tmp_path_factory):
    return read_back(run, tmp_path_factory.mktemp("book"))


def rows_of(page):
    return [[cell.value for cell in row] for row in page.iter_rows(min_row=2)]


def expected(value):
    """A value of the record as it comes back: sixteen digits, NaN and an empty text as an empty cell, a date at midnight."""
    if isinstance(value, pd.Timestamp):
        return datetime(value.year, value.month, value.day)
    if value == "" or pd.isna(value):
        return None
    return float(f"{value:.16g}") if isinstance(value, float) else value


def test_it_has_these_sheets_with_a_frozen_header_in_bold(book):
    assert book.sheetnames == SHEETS
    for page in book:
        assert page.freeze_panes == "A2"
        assert all(cell.font.b for cell in page[1])
        assert page.max_row >= 2 or page.title in TABLES


@pytest.mark.parametrize("name", TABLES)
def test_a_table_comes_back_as_it_was_with_its_types(run, book, name):
    table, page = getattr(run, TABLES[name]), book[name]
    assert [cell.value for cell in page[1]] == list(table.columns)
    assert len(table) > 0
    assert rows_of(page) == [[expected(value) for value in row] for row in table.astype(object).itertuples(index=False)]


def test_dates_are_dates_and_numbers_are_numbers(run, book):
    page = book["Equity"]
    assert [cell.value for cell in page[1]] == ["session", *run.equity.columns]
    assert [row[0].value for row in page.iter_rows(min_row=2)] == [expected(day) for day in run.equity.index]
    assert {row[0].number_format for row in page.iter_rows(min_row=2)} == {"yyyy-mm-dd"}
    for column, head in enumerate(run.equity.columns, 1):
        cells = [row[column] for row in page.iter_rows(min_row=2)]
        assert {cell.data_type for cell in cells} == {"n"}
        assert [cell.value for cell in cells] == list(map(expected, run.equity[head]))
    assert (page["B2"].number_format, page["F2"].number_format) == ("#,##0.00", "0.00%")


def test_the_answer_and_the_metrics_are_numbers(run, book):
    answer, metrics = answer_of(run, measure(run)), measure(run)
    found = {row[0]: row[1:] for row in rows_of(book["Answer"])}
    assert [row[1] for row in rows_of(book["Answer"]) if row[0] == "Answer"][: len(answer.sentences)] == list(answer.sentences)
    assert found["Profit"] == pytest.approx([answer.profit, answer.total_return])
    assert found["Money put in"][0] == pytest.approx(answer.money)
    assert found[f"M {answer.beside}"][0] == pytest.approx(answer.benchmarks[0].profit)
    assert found["Difference to M"][0] == pytest.approx(answer.difference)
    assert found["A"][0] + found["B"][0] == pytest.approx(answer.profit)
    rows = rows_of(book["Metrics"])
    there = [metric for metric in METRICS if not metric.needs_cash_rate]
    assert [row[3] for row in rows] == [metric.name for metric in there]
    assert [row[1] for row in rows] == [expected(metrics.by_name[metric.name]) for metric in there]
    assert book["Metrics"]["B2"].data_type == "n"


def test_the_account_and_the_provenance_hold_everything(run, book):
    rows = rows_of(book["Account"])
    assert [row[1] for row in rows if row[0] == "Account"] == list(Account().as_record())
    assert {row[1]: row[2] for row in rows if row[0] == "Account"}["cash"] == 20_000
    assert {row[1]: row[2] for row in rows if row[0] == "Parameter"}["universe"] == "A,B"
    assert "Fills" in {row[1] for row in rows if row[0] == "Assumption"}
    sources = rows_of(book["Provenance"])
    assert [row[1] for row in sources if row[0] == "Symbol"] == ["A", "B", "M"]
    assert {row[1]: row[2:] for row in sources if row[0] == "Symbol"}["A"] == [datetime(2025, 1, 2), datetime(2025, 1, 8)]
    assert {row[0]: row[1] for row in sources}["SHA-256"] == run.provenance.sha256


HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    '=HYPERLINK("http://x","y")',
    "#N/A",
    "'=1",
    "\x00\x1b[2J",
    "\ttab",
    "TRUE",
    "2025-01-02",
]


def test_text_is_text_whatever_it_begins_with(run, tmp_path):
    at = run.equity.index[0]
    events = pd.DataFrame({"session": at, "kind": "rounded", "symbol": "A", "detail": HOSTILE})
    hostile = replace(run, events=events, parameters={"=name": "=2+2"}, strategy="=evil")
    book = read_back(hostile, tmp_path)
    cells = [row[3] for row in book["Events"].iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == [*HOSTILE[:7], "\\x00\\x1b[2J", *HOSTILE[8:]]
    assert {cell.data_type for page in book for row in page.iter_rows() for cell in row if isinstance(cell.value, str)} == {"s"}
    assert [cell.value for cell in cells if cell.quotePrefix] == [*HOSTILE[:5], HOSTILE[6], "\ttab"]
    with zipfile.ZipFile(tmp_path / "run.xlsx") as parts:
        for name in parts.namelist():
            assert b"<f>" not in parts.read(name)
            assert b'TargetMode="External"' not in parts.read(name)


def test_the_columns_have_a_sensible_width(run, book):
    widths = {page.title: [page.column_dimensions[letter].width for letter in "ABC"] for page in book}
    assert all(9 <= width <= MAX_WIDTH for row in widths.values() for width in row)
    assert widths["Answer"][1] == MAX_WIDTH
    assert book["Answer"]["B3"].alignment.wrap_text
    assert widths["Trades"][0] < 15


def test_a_run_without_a_trade_has_empty_tables(tmp_path):
    idle = simulate(script({}), make_bars({"A": [100.0, 101, 102]}), Account())
    book = read_back(idle, tmp_path)
    assert book.sheetnames == SHEETS
    assert [book[name].max_row for name in TABLES] == [1, 1, 1, 1]
    assert book["Metrics"]["D2"].value == "sessions"


def test_a_symbol_of_a_long_list_is_a_row_and_no_text_is_longer_than_a_cell(run, tmp_path):
    spans = {f"S{number}": ("2025-01-02", "2025-01-08") for number in range(3_000)}
    many = replace(run, provenance=replace(run.provenance, sessions=spans), parameters={"universe": ",".join(spans) * 9})
    book = read_back(many, tmp_path)
    assert [row[1] for row in rows_of(book["Provenance"]) if row[0] == "Symbol"] == list(spans)
    assert max(len(str(value)) for page in book for row in rows_of(page) for value in row) == MAX_TEXT


def test_more_rows_than_a_sheet_has_are_refused_in_one_line(run, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook_module, "MAX_ROWS", 3)
    with pytest.raises(ReportError, match=r"Answer has \d+ rows, and a sheet of Excel 3; use the CSV files\.") as refused:
        write_workbook(run, measure(run), tmp_path / "run.xlsx")
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_workbook_that_cannot_be_written_is_one_line(run, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ReportError, match=r"run\.xlsx"):
        write_workbook(run, measure(run), tmp_path / "file" / "run.xlsx")


def test_without_openpyxl_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ParameterError, match=r"^A workbook needs openpyxl: pip install 'dipfolio\[excel\]'\.$"):
        import_openpyxl()


def test_a_saved_run_gives_the_same_sheets(run, tmp_path):
    from dipfolio.engine.result import load

    run.save(tmp_path)
    kept = load(tmp_path)
    assert isinstance(kept, Result)
    own, other = workbook_sheets(run, measure(run)), workbook_sheets(kept, measure(kept))
    assert [sheet.name for sheet in own] == SHEETS
    assert [[list(map(workbook_module._shown, row)) for row in sheet.rows] for sheet in own] == [
        [list(map(workbook_module._shown, row)) for row in sheet.rows] for sheet in other
    ]


def test_a_window_is_two_dates(run):
    window = next(row for row in workbook_sheets(run, measure(run))[-1].rows if row[0] == "Window")
    assert window[2:] == (date(2025, 1, 2), date(2025, 1, 8))
