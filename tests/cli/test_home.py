"""Home: where strategies, figures and reports stand, seen from where the user stands."""

import shutil
from pathlib import Path

from dipfolio.cli.home import Home, near

ROOT = Path(__file__).parents[2]


def test_below_the_current_folder_paths_are_short(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Home.at(tmp_path) == Home(strategies=Path("strategies"), data=Path("data"), reports=Path("reports"))
    assert near(tmp_path / "a" / "b") == Path("a/b")


def test_elsewhere_paths_are_whole(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert Home.at(tmp_path / "there").data == tmp_path / "there" / "data"


def test_a_relative_path_stays_as_it_is():
    assert near(Path("reports/x")) == Path("reports/x")


def test_without_a_cache_the_embedded_figures_are_loaded_and_nothing_is_said(capsys):
    home = Home.at(ROOT)
    if not home.cache.exists():  # a developer may have fetched some
        assert home.load(None, ("NVDA",)).origin.path == "data"
        assert capsys.readouterr().err == ""


def test_a_folder_that_was_named_goes_before_the_cache(tmp_path, capsys):
    for name in ("data/cache", "mine"):
        (tmp_path / name / "prices").mkdir(parents=True)
        shutil.copy(ROOT / "data" / "prices" / "NVDA.csv", tmp_path / name / "prices")
    home = Home.at(tmp_path)
    missing = "There is no dividends.csv: longs earn and shorts owe too little, unless the prices contain the dividends.\n"
    assert home.load(tmp_path / "mine", ("NVDA",)).origin.path == "mine"
    assert capsys.readouterr().err == missing
    assert home.load(None, ("NVDA",)).origin.path == "cache"
    assert capsys.readouterr().err == f"Figures: {tmp_path}/data/cache, before {tmp_path}/data.\n{missing}"


def test_figures_that_do_not_reach_as_far_as_was_asked_are_told_once(tmp_path, program):
    words = ("hold-benchmark", "buy-the-dip", "--start", "2023-01-03", "--end", "2026-06-30", "--reports", tmp_path)
    code, _, err = program(ROOT, *words)
    assert code == 0
    assert err.count("The figures begin on 2024-01-02, so the window does; 2023-01-03 was asked for.\n") == 1
    assert err.count("The figures end on 2025-12-31, so the window does; 2026-06-30 was asked for.\n") == 1
    assert program(ROOT, "hold-benchmark", "--start", "2024-01-02", "--end", "2025-12-31", "--reports", tmp_path)[2] == ""
