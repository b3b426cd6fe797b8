"""Audit: a folder with one of each fault is told everything at once."""

from pathlib import Path

import pytest

from dipfolio.data.audit import audit_folder
from dipfolio.data.folder import load_bars
from dipfolio.errors import DataError

DATA = Path(__file__).parents[2] / "data"
HEAD = "date,open,high,low,close,volume"


def write(folder, symbol, *rows, head=HEAD):
    (folder / "prices").mkdir(exist_ok=True)
    (folder / "prices" / f"{symbol}.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


def found(given):
    return [(finding.severity, finding.kind, finding.symbol, finding.date) for finding in given.findings]


def test_the_repository_has_no_error_and_one_warning():
    given = audit_folder(DATA)
    assert found(given) == [("warning", "high far out", "META", "2025-12-12")]
    assert given.errors == ()
    assert len(given.symbols) == 14
    assert {(h.first, h.last, h.sessions) for h in given.symbols} == {("2024-01-02", "2025-12-31", 502)}
    assert given.fingerprint == load_bars(DATA).provenance.sha256


def test_everything_wrong_is_found_at_once_and_errors_come_first(tmp_path):
    write(tmp_path, "AAA", "2025-01-02,10,11,9,10,1000", "2025-01-06,10,11,9,10,0", "2025-01-06,10,11,9,10,5")
    write(tmp_path, "BBB", "2025-01-02,10,11,9,12,1000", "2025-01-03,-1,11,9,10,1000", "2025-01-04,10,11,9,10,1000")
    write(tmp_path, "CCC", "nonsense")
    (tmp_path / "dividends.csv").write_text(
        "symbol,ex_date,amount\nAAA,2025-01-04,1\nBBB,2025-01-03,-1\nBBB,2025-01-06,1\n", encoding="utf-8"
    )
    (tmp_path / "source.json").write_text("{", encoding="utf-8")
    given = audit_folder(tmp_path)
    assert found(given) == [
        ("error", "unreadable", "", ""),
        ("error", "repeated session", "AAA", "2025-01-06"),
        ("error", "missing session", "AAA", "2025-01-03"),
        ("error", "dividend without a session", "AAA", "2025-01-04"),
        ("error", "extra session", "BBB", "2025-01-04"),
        ("error", "not positive", "BBB", "2025-01-03"),
        ("error", "unusable dividend", "BBB", "2025-01-03"),
        ("error", "unreadable", "CCC", ""),
        ("warning", "no volume", "AAA", "2025-01-06"),
        ("warning", "open outside the range", "BBB", "2025-01-03"),
        ("warning", "close outside the range", "BBB", "2025-01-02"),
        ("warning", "dividend without a bar", "BBB", "2025-01-06"),
        ("warning", "ends early", "BBB", "2025-01-03"),
    ]
    assert given.fingerprint == ""
    with pytest.raises(DataError):
        load_bars(tmp_path)


def test_a_folder_without_an_error_can_be_loaded_and_has_the_same_warnings(tmp_path):
    write(tmp_path, "AAA", "2025-01-02,10,11,9,10,1000", "2025-01-03,10,11,9,10,0")
    write(tmp_path, "BBB", "2025-01-02,10,11,9,12,1000")
    given = audit_folder(tmp_path)
    assert given.errors == ()
    same = [{repr(finding) for finding in found} for found in (given.findings, load_bars(tmp_path).warnings)]  # NaN is no NaN
    assert same[0] == same[1]
    assert len(same[0]) == len(given.findings) > 2


def test_a_file_that_is_shadowed_by_another_is_a_warning(tmp_path):
    import pandas as pd

    write(tmp_path, "AAA", "2025-01-02,10,11,9,10,1000")
    pd.read_csv(tmp_path / "prices" / "AAA.csv").to_parquet(tmp_path / "prices" / "AAA.parquet")
    assert found(audit_folder(tmp_path)) == [("warning", "no dividends", "", ""), ("warning", "two files", "AAA", "")]


def test_a_holding_says_how_its_file_was_read(tmp_path):
    write(tmp_path, "AAA", "01/02/2025,$10,1000,$10,$11,$9", head="Date,Close/Last,Volume,Open,High,Low")
    (holding,) = audit_folder(tmp_path).symbols
    assert holding.reading.layout == "Nasdaq"
    assert holding.reading.notes == ("dates as MM/DD/YYYY, dollar signs taken off",)
