"""Home: where strategies, data and reports stand, seen from where the user stands."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dipfolio.cli.workspace import Workspace, relative_to_cwd
from tests.data.test_split_adjustment import DAY, as_traded, market, path, write

ROOT = Path(__file__).parents[2]


def test_below_the_current_folder_paths_are_short(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Workspace.at(tmp_path) == Workspace(strategies=Path("strategies"), data=Path("data"), reports=Path("reports"))
    assert relative_to_cwd(tmp_path / "a" / "b") == Path("a/b")


def test_elsewhere_paths_are_whole(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert Workspace.at(tmp_path / "there").data == tmp_path / "there" / "data"


def test_a_relative_path_stays_as_it_is():
    assert relative_to_cwd(Path("reports/x")) == Path("reports/x")


def test_without_a_cache_the_embedded_figures_are_loaded_and_nothing_is_said(capsys):
    home = Workspace.at(ROOT)
    if not home.cache.exists():  # a developer may have fetched some
        assert home.load(None, ("NVDA",)).origin.path == "data"
        assert capsys.readouterr().err == ""


def test_a_folder_that_was_named_goes_before_the_cache(tmp_path, capsys):
    for name in ("data/cache", "mine"):
        (tmp_path / name / "prices").mkdir(parents=True)
        shutil.copy(ROOT / "data" / "prices" / "NVDA.csv", tmp_path / name / "prices")
    home = Workspace.at(tmp_path)
    assert home.load(tmp_path / "mine", ("NVDA",)).origin.path == "mine"
    assert capsys.readouterr().err == ""
    assert home.load(None, ("NVDA",)).origin.path == "cache"
    assert capsys.readouterr().err == f"Data: {tmp_path}/data/cache, before {tmp_path}/data.\n"


@pytest.mark.slow
def test_figures_that_do_not_reach_as_far_as_was_asked_are_told_once(tmp_path, program):
    words = ("hold-benchmark", "buy-the-dip", "--start", "2023-01-03", "--end", "2026-06-30", "--reports", tmp_path)
    code, _, err = program(ROOT, *words)
    assert code == 0
    assert err.count("The data begin on 2024-01-02, so the window does; 2023-01-03 was asked for.\n") == 1
    assert err.count("The data end on 2025-12-31, so the window does; 2026-06-30 was asked for.\n") == 1
    assert program(ROOT, "hold-benchmark", "--start", "2024-01-02", "--end", "2025-12-31", "--reports", tmp_path)[2] == ""


STEP = f"on {DAY}, like a split of 10 for 1 that the prices are not adjusted for"


@pytest.fixture(scope="module")
def unadjusted(tmp_path_factory):
    """NVDA over 82 sessions, as traded before a split that nothing names."""
    fair = market(*path(np.random.default_rng(3)))
    return write(tmp_path_factory.mktemp("raw"), as_traded(fair, {DAY: 10})[0])


def test_a_run_tells_it_on_the_terminal_in_json_and_on_the_tear_sheet(unadjusted, tmp_path, program):
    words = ("short-every-friday", "--benchmark", "none", "--data", unadjusted, "--reports", tmp_path)
    code, out, err = program(ROOT, *words)
    assert (code, err) == (0, "")
    assert STEP in " ".join(out.split())
    assert any(STEP in remark for remark in json.loads(program(ROOT, *words, "--json")[1])["remarks"])
    (page,) = tmp_path.glob("*/tearsheet.html")
    head = page.read_text(encoding="utf-8").split('id="record"')[0]
    assert STEP in head
    code, out, _ = program(ROOT, "compare", "--reports", tmp_path)
    assert code == 0
    assert STEP in " ".join(out.split())
    assert STEP in (tmp_path / "comparison.html").read_text(encoding="utf-8")


def test_evidence_tells_it(unadjusted, tmp_path, program):
    words = ("evidence", "short-every-friday", "--data", unadjusted, "--reports", tmp_path)
    code, out, _ = program(ROOT, *words)
    assert code == 0
    assert STEP in " ".join(out.split())
    assert any(STEP in remark for remark in json.loads(program(ROOT, *words, "--json")[1])["remarks"])


def test_a_sweep_tells_it_on_the_terminal_and_on_its_page(unadjusted, tmp_path, program):
    words = ("sweep", "dip-rule", "--universe", "NVDA", "--hold", "1,2", "--verify", "0", "--jobs", "1")
    code, out, _ = program(ROOT, *words, "--data", unadjusted, "--reports", tmp_path)
    assert code == 0
    assert STEP in " ".join(out.split())
    assert STEP in (tmp_path / "sweep-dip-rule" / "sweep.html").read_text(encoding="utf-8")


def test_a_benchmark_that_is_missing_is_called_so_and_the_advice_works(unadjusted, tmp_path, program):
    words = ("short-every-friday", "--data", unadjusted, "--reports", tmp_path)
    code, _, err = program(ROOT, *words)
    assert code == 2
    assert f"There is no symbol 'SPY'. {unadjusted} has prices for: NVDA. SPY is the benchmark: --benchmark none runs" in err
    assert program(ROOT, *words, "--benchmark", "NVDA")[0] == 0


def test_status_does_not_call_it_adjusted_and_counts_the_rows_for_no_symbol(unadjusted, tmp_path, program):
    out = program(ROOT, "data", "status", unadjusted)[1]
    assert "convention   not stated, taken as split-adjusted, not dividend-adjusted, but for NVDA:\n" in out
    assert STEP in out
    write(tmp_path, market(*path(np.random.default_rng(3))))
    (tmp_path / "splits.csv").write_text("symbol,ex_date,ratio\nnvda,2020-01-02,2\nXYZ,2025-02-03,2\n", encoding="utf-8")
    assert "  splits       2 rows, 1 for symbols without prices\n" in program(ROOT, "data", "status", tmp_path)[1]
    assert "  dividends    81 rows, each for a symbol with prices\n" in program(ROOT, "data", "status", ROOT / "data")[1]
