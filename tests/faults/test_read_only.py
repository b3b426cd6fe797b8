"""Folders in which nobody can write: one line that says what to do; and a home that is read only is no hindrance to reading."""

import shutil

import pytest

from tests.support.killed_process import ROOT
from tests.support.paths import read_only
from tests.support.reports import contents
from tests.support.yahoo import Yahoo, chart

pytestmark = pytest.mark.slow

RUN = ("hold-benchmark", "--end", "2024-01-31")


def one_line(err):
    (line,) = err.splitlines()
    assert line.startswith("Error: ")
    return line


def test_reports_that_cannot_be_written_are_one_line_and_stay(mortal, home):
    mortal(home, *RUN)
    before = contents(home / "reports")
    with read_only(home / "reports"):
        for words in ((*RUN, "--force"), ("compare",), ("sweep", "hold-benchmark", "--fill", "open,close", "--verify", "0")):
            code, _, err, _ = mortal(home, *words)
            assert code == 1, words
            assert "--reports" in one_line(err), words
    assert contents(home / "reports") == before


def test_a_home_that_is_read_only_is_used_with_reports_elsewhere(mortal, home, tmp_path):
    mortal(home, *RUN)
    with read_only(home):
        code, _, err, _ = mortal(home, *RUN, "--reports", tmp_path / "elsewhere")
        assert (code, err) == (0, "")
        assert mortal(home, "list")[0] == 0
        assert mortal(home, "data", "check")[0] == 0
        assert "Name another folder with --strategies." in one_line(mortal(home, "new", "my-idea")[2])
    folder = "hold-benchmark--end-2024-01-31"
    assert contents(home / "reports" / folder) == contents(tmp_path / "elsewhere" / folder)


@pytest.mark.parametrize("state", ["new", "complete", "behind"])
def test_a_cache_that_cannot_be_written_keeps_what_it_has(mortal, home, tmp_path, state):
    cache = tmp_path / "cache"
    cache.mkdir()
    yahoo = Yahoo()
    try:
        yahoo.charts["AAA"] = chart([100.0, 101.0, 102.0])
        words = ("data", "fetch", "AAA", "--start", "2025-01-02", "--to", cache, "--end")
        if state != "new":
            assert mortal(home, *words, "2025-01-03", port=yahoo.port)[0] == 0
        before = contents(cache)
        with read_only(cache):
            code, out, err, _ = mortal(home, *words, "2025-01-03" if state == "complete" else "2025-01-06", port=yahoo.port)
        assert contents(cache) == before
        if state == "complete":
            assert (code, err) == (0, "")
        else:
            assert code == 1
            assert "cannot be written: " in out
            assert "Choose another folder with --to." in out
            assert "1 of 1 symbol failed" in one_line(err)
    finally:
        yahoo.close()


def test_figures_on_a_disk_that_is_read_only_are_read(mortal, home, tmp_path):
    (home / "data").unlink()
    shutil.copytree(ROOT / "data", home / "data", ignore=shutil.ignore_patterns("cache"))
    with read_only(home / "data"):
        assert mortal(home, *RUN)[0] == 0
