"""Dated membership: the table as it is written, what is refused, and bars that know their members."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.audit import audit_folder
from dipfolio.data.folder import load_bars
from dipfolio.data.membership import Membership, members_of, membership_table, read_membership
from dipfolio.data.universe import canonical_universe, resolve
from dipfolio.errors import DataError, MissingFileError, UnknownNameError

HEAD = "symbol,from,to\n"
PRICES = """date,open,high,low,close,volume
2025-01-02,10,10,10,10,1000
2025-01-03,11,11,11,11,1000
2025-01-06,12,12,12,12,1000
2025-01-07,13,13,13,13,1000
"""


@pytest.fixture
def folder(tmp_path):
    """Three symbols over four sessions: A leaves after the second, B comes on the third day, C is a member twice."""
    (tmp_path / "prices").mkdir()
    for symbol in "ABCD":
        (tmp_path / "prices" / f"{symbol}.csv").write_text(PRICES, encoding="utf-8")
    rows = "A,2024-06-03,2025-01-03\nb,2025-01-06,\nC,2025-01-02,2025-01-02\nC,2025-01-07,\n"
    (tmp_path / "universe.csv").write_text(HEAD + rows, encoding="utf-8")
    return tmp_path


def test_a_row_has_its_first_and_its_last_day(folder):
    rows = read_membership(folder / "universe.csv", ("A", "B", "C"))
    assert rows[0] == Membership(symbol="A", start=date(2024, 6, 3), end=date(2025, 1, 3))
    assert rows[1] == Membership(symbol="B", start=date(2025, 1, 6))
    assert members_of(rows) == ("A", "B", "C")


def test_bars_of_the_universe_know_who_was_a_member_on_each_session(folder):
    bars = load_bars(folder, ("@universe", "D"))
    assert bars.symbols == ("A", "B", "C", "D")
    own = bars.select(("@universe",))
    assert own.symbols == ("A", "B", "C")
    expected = [[True, False, True], [True, False, False], [False, True, False], [False, True, True]]
    assert own.members.to_numpy().tolist() == expected
    assert own.until("2025-01-03").members.to_numpy().tolist() == expected[:2]
    table = membership_table(own.membership, own.sessions, ("C", "D"))
    assert table.to_numpy().tolist() == [[True, False], [False, False], [False, False], [True, False]]


def test_bars_of_named_symbols_have_no_membership_and_the_same_fingerprint_as_without_the_table(folder):
    with_table = load_bars(folder, ("A", "B"))
    dated = load_bars(folder, ("@universe",))
    (folder / "universe.csv").unlink()
    without = load_bars(folder, ("A", "B"))
    assert with_table.members.all(axis=None)
    assert with_table.provenance.sha256 == without.provenance.sha256 == dated.select(("A", "B")).provenance.sha256
    assert dated.select(("A", "B", "C")).provenance.sha256 != dated.provenance.sha256
    with pytest.raises(UnknownNameError):
        without.select(("@universe",))


def test_a_symbol_that_is_named_beside_the_universe_stands_once(folder):
    assert load_bars(folder, ("@universe", "A")).symbols == ("A", "B", "C")
    assert load_bars(folder, ("@universe", "A")).select(("@universe", "A")).symbols == ("A", "B", "C")


def test_a_folder_without_the_table_says_what_it_needs_and_another_table_may_take_its_place(folder, tmp_path):
    other = tmp_path / "elsewhere.csv"
    (folder / "universe.csv").rename(other)
    with pytest.raises(MissingFileError, match=r"has no universe\.csv \(symbol,from,to\), which @universe stands for"):
        load_bars(folder, ("@universe",))
    assert load_bars(folder, ("@universe",), membership=other).symbols == ("A", "B", "C")


def test_a_member_without_prices_stops_a_run_and_is_found_by_the_audit(folder):
    with (folder / "universe.csv").open("a", encoding="utf-8") as file:
        file.write("GE,2015-01-02,2016-12-30\n")
    with pytest.raises(UnknownNameError, match="'GE'"):
        load_bars(folder, ("@universe",))
    found = audit_folder(folder)
    assert [finding.text for finding in found.findings if "GE" in finding.text] == [
        "universe.csv has GE without prices here; a run on @universe is refused until it has them."
    ]
    assert found.errors == ()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "has no row"),
        ("A,yesterday,\n", "'yesterday' of A is no date"),
        ("A,,\n", "'' of A is no date"),
        ("A,2025-01-03,2025-01-02\n", "A is a member from 2025-01-03 to 2025-01-02, which is before"),
        ("A,2025-01-02,\nA,2025-01-06,\n", "has two rows of A for 2025-01-06"),
        ("A,2025-01-06,2025-01-07\nA,2025-01-02,2025-01-06\n", "has two rows of A for 2025-01-06"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path, rows, message):
    path = tmp_path / "universe.csv"
    path.write_text(HEAD + rows, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_membership(path)


def test_two_rows_that_touch_are_no_overlap(tmp_path):
    path = tmp_path / "universe.csv"
    path.write_text(HEAD + "A,2025-01-02,2025-01-03\nA,2025-01-04,\n", encoding="utf-8")
    assert len(read_membership(path)) == 2


@pytest.mark.parametrize("text", ["@universe", "@Universe", " @UNIVERSE "])
def test_the_universe_of_the_table_has_one_spelling(text):
    assert canonical_universe(text) == "@universe"
    assert resolve(canonical_universe(text)) == ("@universe",)


def test_the_table_is_no_price_file(folder):
    for path in (folder / "prices").iterdir():
        path.rename(folder / path.name)
    (folder / "prices").rmdir()
    assert np.array_equal(load_bars(folder).symbols, ("A", "B", "C", "D"))
    assert Path(folder / "universe.csv").exists()
