"""Beside: the copies next to fetched prices, which are checked against what the prices themselves keep."""

from dataclasses import replace
from datetime import date

import pytest

from dipfolio.errors import DataError
from dipfolio.market.beside import dividends_of, mend, splits_of, strays
from dipfolio.market.folder import load_bars
from dipfolio.market.note import notes, read_note
from dipfolio.market.splits import Split
from dipfolio.market.store import file_of, write_entry, write_source
from tests.market.test_store import ENTRY
from tests.reports import contents

FETCHED = replace(ENTRY, source="Yahoo")


@pytest.fixture
def store(tmp_path):
    for symbol in ("A", "B"):
        write_entry(tmp_path, symbol, FETCHED)
    write_source(tmp_path, "Yahoo")
    return tmp_path


def test_what_was_just_fetched_agrees(store):
    assert strays(store, ("A", "B")) == ()
    before = contents(store)
    assert mend(store) == ()
    assert contents(store) == before


def test_a_folder_that_was_not_fetched_has_nothing_to_agree_with(tmp_path):
    (tmp_path / "prices").mkdir()
    (tmp_path / "dividends.csv").write_text("nonsense", encoding="utf-8")
    assert strays(tmp_path, ("A",)) == ()
    assert mend(tmp_path) == ()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("dividends.csv", "0.1", "0.9"), ("dividends.csv", "A,2025", "C,2025"), ("dividends.csv", "2025-01-03", "2025-01-02"),
        ("splits.csv", "1.5", "15.0"), ("source.json", "Yahoo", "Yohoo"), ("source.json", "2026-11-24", "2026-11-25"),
    ],
)  # fmt: skip
def test_one_changed_letter_is_found_not_used_and_mended(store, name, old, new):
    before = contents(store)
    path = store / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    assert strays(store, ("A", "B")) == (name,)
    bars = load_bars(store)
    assert bars.dividends.to_numpy().tolist() == [[0, 0], [0.1, 0.1]]
    assert {split.ratio for split in bars.splits} == {1.5}
    assert (bars.origin.source, bars.origin.retrieved) == ("Yahoo", "2026-11-24")
    assert mend(store) == (name,)
    assert strays(store, ("A", "B")) == ()
    after = contents(store)
    assert {key: text for key, text in after.items() if b"C,2025" not in text} == {
        key: text for key, text in before.items() if b"C,2025" not in after[key]
    }


def test_rows_of_somebodys_own_are_used_and_stay(store):
    with (store / "dividends.csv").open("a", encoding="utf-8") as file:
        file.write("MINE,2025-01-03,0.25\n")
    assert strays(store, ("A", "B")) == ()
    kept = notes(store, ("A", "MINE"))
    table = dividends_of(store, kept, ("A", "MINE"))
    assert sorted(zip(table["symbol"], table["amount"], strict=True)) == [("A", 0.1), ("B", 0.1), ("MINE", 0.25)]
    (store / "splits.csv").write_text("symbol,ex_date,ratio\nA,2025-01-03,99\nMINE,2025-01-03,2\n", encoding="utf-8")
    found = splits_of(store / "splits.csv", kept, ("A", "MINE"))
    day = date(2025, 1, 3)
    assert found == (Split(symbol="A", day=day, ratio=1.5), Split(symbol="MINE", day=day, ratio=2.0))  # not the 99 of the copy
    assert mend(store) == ("splits.csv",)
    assert "MINE,2025-01-03,2.0" in (store / "splits.csv").read_text(encoding="utf-8")


def test_a_file_that_cannot_be_read_is_kept_under_another_name(store):
    (store / "dividends.csv").write_text("symbol,ex_date,amount\nMINE,soon,1\n", encoding="utf-8")
    with pytest.raises(DataError):
        dividends_of(store, {}, ("MINE",))
    assert mend(store) == ("dividends.csv",)
    assert "MINE,soon,1" in (store / "dividends.csv.damaged").read_text(encoding="utf-8")
    assert load_bars(store).dividends["A"].tolist() == [0, 0.1]


def test_figures_and_note_are_sealed_together(store):
    """The note of one file in another one, as if a disk had mixed them up."""
    import pyarrow.parquet as pq

    figures = replace(FETCHED.figures, cells=FETCHED.figures.cells * 2)
    write_entry(store, "C", replace(FETCHED, figures=figures))
    table, other = pq.read_table(file_of(store, "A")), pq.read_table(file_of(store, "C"))
    pq.write_table(table.replace_schema_metadata(other.schema.metadata), file_of(store, "A"))
    with pytest.raises(DataError, match="its fingerprint tells that it was damaged or changed since it was fetched"):
        load_bars(store, ("A",))


def test_figures_that_were_fetched_before_there_were_fingerprints_are_read(store):
    import json

    import pyarrow.parquet as pq

    table = pq.read_table(file_of(store, "A"))
    said = {
        name: value for name, value in json.loads(table.schema.metadata[b"dipfolio"]).items() if name not in ("sha256", "source")
    }
    pq.write_table(table.replace_schema_metadata({b"dipfolio": json.dumps(said)}), file_of(store, "A"))
    assert load_bars(store, ("A",)).dividends["A"].tolist() == [0, 0.1]
    assert read_note(file_of(store, "A")).source == ""
    assert strays(store, ("A",)) == ()
