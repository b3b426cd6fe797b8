"""Comparing: several strategies at once, saved runs, and series from elsewhere."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace
from dipfolio.engine.result import load
from dipfolio.report import tearsheet
from tests.support.runs import FREE, run, save
from tests.support.tear_sheets import Page

ROOT = Path(__file__).parents[2]
SERIES = "date,nav\n" + "\n".join(f"2025-01-{day:02d},{100 + day}" for day in (2, 3, 6, 7, 8, 10, 13, 14, 15, 16, 17, 21))


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """The program in this process and without drawing: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tearsheet, "tear_sheet", lambda *_: "<!DOCTYPE html><title>sheet</title>")
    home = Workspace(strategies=ROOT / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        code = _guarded(list(words), home)
        out, err = capsys.readouterr()
        return code or 0, out, err

    return call


@pytest.fixture
def saved(tmp_path):
    reports = tmp_path / "reports"
    save(reports, "one", replace(run(), strategy="one"))
    save(reports, "two", replace(run({0: {"A": -2}}), strategy="two"))
    (tmp_path / "other.csv").write_text(SERIES, encoding="utf-8")
    return reports


def page(reports):
    return (reports / "comparison.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_several_names_are_run_compared_and_shown_in_the_gallery(tmp_path):
    """The real program, with its tear sheets."""
    done = subprocess.run(
        [sys.executable, ROOT / "backtest.py", "buy-the-dip", "short-nvda-friday", "--reports", "r", "--cash", "500000"],
        cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip().endswith("Comparison: r/comparison.html")
    assert "buy-the-dip" in done.stdout
    names = {"buy-the-dip--cash-500000.0", "short-nvda-friday--cash-500000.0"}
    assert {path.name for path in (tmp_path / "r").iterdir()} == names | {"comparison.html", "index.html", "trials.jsonl"}
    assert page(tmp_path / "r").count('class="packed"') == 2
    assert all(name in (tmp_path / "r" / "index.html").read_text(encoding="utf-8") for name in names)


def test_options_reach_every_strategy(ask, tmp_path):
    code, out, _ = ask("buy-the-dip", "equal-weight", "--start", "2025-01-02", "--end", "2025-02-28", "--benchmark", "QQQ")
    assert code == 0
    assert "2025-01-02 to 2025-02-28, 39 sessions, benchmark QQQ" in out
    for folder in (tmp_path / "reports").glob("*/"):
        assert load(folder).benchmark == "QQQ"


def test_a_parameter_that_all_of_them_have_is_given_to_all(ask, tmp_path):
    assert ask("buy-the-dip", "equal-weight", "--universe", "NVDA,SMH", "--start", "2025-01-02")[0] == 0
    for folder in (tmp_path / "reports").glob("*/"):
        assert load(folder).parameters["universe"] == "NVDA,SMH"
        assert "universe-NVDA,SMH" in folder.name


def test_a_default_of_one_strategy_is_not_given_to_another(ask, tmp_path):
    ask("buy-the-dip", "short-nvda-friday")
    assert load(tmp_path / "reports" / "short-nvda-friday").parameters["hold"] == 1
    assert load(tmp_path / "reports" / "short-nvda-friday").parameters["fill"] == "close"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["buy-the-dip", "equal-weight", "--hold", "3"], "--hold is no parameter of equal-weight; with several strategies"),
        (["equal-weight", "buy-the-dip", "--hold", "3"], "equal-weight has no option --hold; several strategies share only"),
        (["buy-the-dip", "buy-the-dip"], "buy-the-dip is named twice."),
        (["buy-the-dip", "equal-weigth"], "There is no strategy 'equal-weigth'. Did you mean 'equal-weight'?"),
        (["buy-the-dip", "compare"], "There is no strategy 'compare'."),
    ],
)
def test_what_cannot_be_given_to_several_is_one_clear_line(ask, tmp_path, words, said):
    code, out, err = ask(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "reports").exists()


def test_saved_runs_are_compared_without_simulating(ask, saved):
    before = {path: path.stat().st_mtime_ns for path in saved.rglob("*.csv")}
    code, out, err = ask("compare", "two", "one")
    assert (code, err) == (0, "")
    assert out.index("two") < out.index("one")
    assert out.rstrip().splitlines()[-1] == "Comparison: reports/comparison.html"
    assert {path: path.stat().st_mtime_ns for path in saved.rglob("*.csv")} == before
    assert (saved / "index.html").is_file()


def test_without_names_all_saved_runs_are_compared_newest_first(ask, saved):
    os.utime(saved / "one" / "run.json", (2_000_000_000, 2_000_000_000))
    assert "<h1>one / two</h1>" in (ask("compare"), page(saved))[1]


def test_a_run_elsewhere_is_named_by_its_path(ask, saved, tmp_path):
    save(tmp_path / "elsewhere", "three", replace(run(), strategy="three"))
    assert ask("compare", "one", "elsewhere/three")[0] == 0
    assert 'href="../elsewhere/three/tearsheet.html"' in page(saved)


def test_a_series_from_elsewhere_joins_and_it_is_said_what_it_was_taken_for(ask, saved):
    code, out, _ = ask("compare", "one", "other.csv")
    assert code == 0
    assert "other: other.csv, taken for an equity series (judged by its values)." in out
    assert "other.csv, taken for an equity series" in page(saved)


def test_the_kind_can_be_told(ask, saved, tmp_path):
    (tmp_path / "odd.csv").write_text(SERIES.replace("nav", "x").replace(",1", ",0.01"), encoding="utf-8")
    assert "taken for a return series (as told)" in ask("compare", "one", "odd.csv", "--kind", "returns")[1]


def test_the_same_for_machines(ask, saved):
    record = json.loads(ask("compare", "one", "other.csv", "--json")[1])
    assert record["report"] == "reports/comparison.html"
    one, other = record["runs"]
    assert one["tear_sheet"].endswith("one/tearsheet.html")
    assert one["total_return"] == 0
    assert (other["trades"], other["commission"], other["tear_sheet"]) == (None, None, None)
    assert record["notes"][-1]["kind"] == "flag"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["compare", "tow"], 2, "There is no saved run or file 'tow'. Did you mean 'two'? reports has "),
        (["compare", "--reports", "none"], 2, "There is no saved run in 'none'. Make one: python backtest.py buy-the-dip."),
        (["compare", "one", "--kind", "prices"], 2, "'prices' is not one of 'equity', 'returns'"),
        (["compare", "bad.csv"], 1, "bad.csv, line 2: 'x' is no number."),
        (["compare", "broken"], 1, "holds no readable run"),
        (["compare", "one", "poor"], 2, "poor starts with $500.00 of cash where one has $1,000.00. Run it on the same terms"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_line(ask, saved, tmp_path, words, code, said):
    (tmp_path / "bad.csv").write_text("2025-01-02,1\n2025-01-03,x", encoding="utf-8")
    (save(saved, "broken", run()) / "run.json").write_text("{", encoding="utf-8")
    save(saved, "poor", replace(run(account=replace(FREE, cash=500.0)), strategy="poor"))
    for name in ("two", "one"):
        os.utime(saved / name / "run.json", (2_000_000_000, 2_000_000_000))
    found, out, err = ask(*words)
    assert (found, out) == (code, "")
    assert said in err
    assert not (saved / "comparison.html").exists()


def test_of_all_runs_those_that_differ_are_left_out_and_named(ask, saved):
    save(saved, "poor", replace(run(account=replace(FREE, cash=500.0)), strategy="poor"))
    os.utime(saved / "poor" / "run.json", (1_000_000_000, 1_000_000_000))
    (save(saved, "broken", run()) / "run.json").write_text("{", encoding="utf-8")
    code, out, err = ask("compare")
    assert code == 0
    assert "poor is left out: it starts with $500.00" in out
    assert "Left out: " in err
    assert "poor is left out" in page(saved)


def test_as_is_overrides_a_refusal(ask, saved):
    save(saved, "poor", replace(run(account=replace(FREE, cash=500.0)), strategy="poor"))
    code, out, _ = ask("compare", "one", "poor", "--as-is")
    assert code == 0
    assert "poor starts with $500.00 of cash where one has $1,000.00." in out


def test_a_failed_comparison_leaves_the_older_page(ask, saved):
    ask("compare", "one", "two")
    before = page(saved)
    assert ask("compare", "one", "nobody")[0] == 2
    assert page(saved) == before


def test_a_named_comparison_is_kept_and_listed(ask, saved):
    code, out, err = ask("compare", "one", "two", "--name", "crash-tests")
    assert (code, err) == (0, "")
    assert out.rstrip().endswith("Comparison: reports/comparisons/crash-tests.html")
    assert not (saved / "comparison.html").exists()
    kept = (saved / "comparisons" / "crash-tests.html").read_text(encoding="utf-8")
    assert 'href="../one/tearsheet.html"' in kept
    assert '<a href="../index.html">all runs</a>' in kept
    row = Page((saved / "index.html").read_text(encoding="utf-8")).row("crash-tests")
    assert row[1:3] == ["comparison", "one, two; 2025-01-02 to 2025-01-21"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", row[3])


def test_a_name_is_never_overwritten_silently(ask, saved):
    ask("compare", "one", "two", "--name", "mine")
    path = saved / "comparisons" / "mine.html"
    before = path.read_bytes()
    code, out, err = ask("compare", "one", "--name", "mine")
    assert (code, out) == (2, "")
    assert err == "Error: There is a comparison 'mine' already; choose another --name, or overwrite it with --replace.\n"
    assert path.read_bytes() == before
    assert ask("compare", "one", "--name", "mine", "--replace")[0] == 0
    assert path.read_bytes() != before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", "../mine"], "'../mine' is no name for a comparison: use letters, digits and - _ . , =, at most 120"),
        (["--name", ""], "'' is no name for a comparison"),
        (["--replace"], "--replace overwrites a comparison that has a name; say which with --name."),
    ],
)
def test_what_is_no_name_is_one_clear_line_and_nothing_is_written(ask, saved, words, said):
    code, out, err = ask("compare", "one", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in saved.iterdir()) == ["one", "two"]


def test_the_machine_is_told_where_a_named_comparison_is(ask, saved):
    assert json.loads(ask("compare", "one", "--name", "mine", "--json")[1])["report"] == "reports/comparisons/mine.html"
