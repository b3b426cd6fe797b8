"""Store: files appear whole or not at all, and come back as they were."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from dipfolio.errors import DamagedError, DataError
from dipfolio.market.layouts import Figures
from dipfolio.market.store import Entry, file_of, read_entry, stored, whole, write_entry, write_source

ENTRY = Entry(
    figures=Figures(
        days=np.array(["2025-01-02", "2025-01-03"], dtype="datetime64[D]"),
        cells=np.array([[10.1, 11.2], [12.3, 13.4], [9.5, 10.6], [11.7, 12.8], [1e6, 2e6]]),
    ),
    dividends={"2025-01-03": 0.1},
    splits={"2025-01-03": 1.5},
    asked_from="2020-01-02",
    retrieved="2026-11-24",
)


def test_an_entry_comes_back_as_it_was(tmp_path):
    write_entry(tmp_path, "BRK-B", ENTRY)
    again = read_entry(tmp_path, "BRK-B")
    assert (again.figures.days == ENTRY.figures.days).all()
    assert (again.figures.cells == ENTRY.figures.cells).all()
    assert (again.dividends, again.splits) == (ENTRY.dividends, ENTRY.splits)
    assert (again.asked_from, again.retrieved, str(again.last)) == ("2020-01-02", "2026-11-24", "2025-01-03")
    assert stored(tmp_path) == ("BRK-B",)


def test_nothing_is_stored_where_there_is_nothing(tmp_path):
    assert read_entry(tmp_path / "nowhere", "A") is None
    assert stored(tmp_path / "nowhere") == ()


def test_a_file_that_fails_half_way_never_appears_and_leaves_no_trace(tmp_path):
    (tmp_path / "x").write_text("old", encoding="utf-8")

    def write_half():
        with whole(tmp_path / "x") as path:
            path.write_text("half", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("x", "old")]


def test_prices_never_stand_there_without_their_dividends_and_splits(tmp_path, monkeypatch):
    import dipfolio.market.store as module

    written = []
    real = module.os.replace
    monkeypatch.setattr(module.os, "replace", lambda a, b: (written.append(b.name), real(a, b)))
    write_entry(tmp_path, "A", ENTRY)
    assert written == ["dividends.csv", "splits.csv", "A.parquet"]


def test_the_source_says_the_first_and_the_last_day_of_retrieval(tmp_path):
    from dataclasses import replace

    from dipfolio.market.folder import read_origin

    write_entry(tmp_path, "A", ENTRY)
    write_source(tmp_path, "Yahoo")
    assert read_origin(tmp_path, "x").retrieved == "2026-11-24"
    write_entry(tmp_path, "B", replace(ENTRY, retrieved="2026-12-01"))
    write_source(tmp_path, "Yahoo")
    assert read_origin(tmp_path, "x").retrieved == "2026-11-24 to 2026-12-01"


def test_figures_that_a_run_could_not_use_are_named(tmp_path):
    bad = Figures(days=ENTRY.figures.days[[0, 0]], cells=ENTRY.figures.cells)
    write_entry(tmp_path, "A", Entry(**{**ENTRY.__dict__, "figures": bad}))
    with pytest.raises(
        DataError, match=r"A\.parquet cannot be used: A has two bars on 2025-01-02.*--refresh --accept replaces it"
    ):
        read_entry(tmp_path, "A")
    assert read_entry(tmp_path, "A", replace=True) is None
    assert file_of(tmp_path, "A").exists()


def test_days_that_have_become_numbers_are_damage(tmp_path):
    """Their bytes and so the fingerprint are the same, but no date is written there any more."""
    write_entry(tmp_path, "A", ENTRY)
    path = file_of(tmp_path, "A")
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, "date", table.column("date").cast("int32")), path)
    with pytest.raises(DamagedError, match="its fingerprint tells"):
        read_entry(tmp_path, "A")
