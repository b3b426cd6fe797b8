"""Cells: what a spreadsheet would take for a formula is written as text, and reading gives back what was there."""

import csv
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dipfolio.engine.cells import original, protected, write_csv
from dipfolio.engine.result import conform, load
from tests.runs import run

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("http://evil")',
    "\uff1d1",
    "\uff0dx",
    "=cmd|'/C calc'!A0",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
CELL = st.tuples(st.sampled_from(["", "'", "''", "=", "-", "+", "@", "\t", "\r", "\n", "\uff1d"]), TEXT).map("".join)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_starts_a_formula_is_written_as_text(text):
    assert protected(text) == f"'{text}"
    assert original(protected(text)) == text


@pytest.mark.parametrize("text", ["", "NVDA", "a=b", "2025-01-27", "'quoted'", "5 %", " =1", "BRK-B", "^GSPC"])
def test_any_other_cell_stays_as_it_is(text):
    assert protected(text) == text
    assert original(text) == text


@given(CELL)
def test_reading_undoes_writing_whatever_the_text_is(text):
    assert original(protected(text)) == text
    assert not protected(text) or protected(text)[0] not in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


MADE = run()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4))
def test_a_table_of_any_texts_comes_back_from_its_file(tmp_path_factory, rows):
    session = pd.to_datetime(["2025-01-02"] * len(rows))
    symbols, details = zip(*rows, strict=True)
    events = conform(pd.DataFrame({"session": session, "kind": "told", "symbol": symbols, "detail": details}))
    folder = tmp_path_factory.mktemp("run")
    result = replace(MADE, events=events)
    result.save(folder)
    assert load(folder) == result


def test_numbers_stay_numbers_and_headings_are_protected_too(tmp_path):
    table = pd.DataFrame({"=x": [-1.5, 2.0], "text": ["-1.5", "b"], "day": pd.to_datetime(["2025-01-02", "2025-01-03"])})
    write_csv(table, tmp_path / "x.csv", index=False)
    assert (tmp_path / "x.csv").read_text(encoding="utf-8") == "'=x,text,day\n-1.5,'-1.5,2025-01-02\n2.0,b,2025-01-03\n"


def test_a_saved_run_has_no_cell_that_a_spreadsheet_would_calculate_and_is_loaded_as_it_was(tmp_path):
    made = run({0: {"A": 10}, 3: {"A": 0}, 5: {"A": 4}})
    evil = '=HYPERLINK("http://evil")'
    tables = {
        "fills": made.fills.assign(symbol=evil, reason=evil), "trades": made.trades.assign(symbol=evil, reason=evil),
        "open_positions": made.open_positions.assign(symbol=evil),
        "events": conform(pd.DataFrame({"session": made.equity.index[:1], "kind": evil, "symbol": evil, "detail": evil})),
        "positions": made.positions.rename(columns={"A": evil}),
    }  # fmt: skip
    result = replace(made, **tables)
    result.save(tmp_path)
    for path in sorted(tmp_path.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        texts = [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
        assert [cell for cell in texts if not is_number(cell)] == [], path.name
    assert any(cell == f"'{evil}" for cell in cells)
    assert load(tmp_path) == result


def is_number(text):
    try:
        return bool(float(text)) or True
    except ValueError:
        return False
