import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with the shipped strategies and figures, in which one stands."""
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    os.symlink(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_idea_runs_at_once_and_passes_the_check(home, program):
    assert program(home, "new", "my-idea")[:2] == (0, "Wrote strategies/my_idea.py. Run it: python backtest.py my-idea\n")
    code, out, _ = program(home, "my-idea", "--end", "2024-06-28")
    assert code == 0
    assert "Trades" in out
    code, out, _ = program(home, "check", "my-idea", "--sessions", "6")
    assert code == 0
    assert "FAIL" not in out
    assert "my-idea" in program(home, "list")[1]


def test_a_new_idea_may_start_from_an_existing_one(home, program):
    assert program(home, "new", "seven-dip", "--from", "buy-the-dip")[0] == 0
    assert "class SevenDip(BuyTheDip)" in (home / "strategies" / "seven_dip.py").read_text()
    code, out, _ = program(home, "seven-dip", "--hold", "2", "--json", "--benchmark", "none")
    assert code == 0
    assert '"trades": 7' in out


def test_an_existing_file_is_not_overwritten_without_force(home, program):
    before = (home / "strategies" / "buy_the_dip.py").read_text()
    code, _, err = program(home, "new", "buy-the-dip")
    assert (code, err) == (2, "Error: strategies/buy_the_dip.py exists; choose another name, or overwrite it with --force.\n")
    assert (home / "strategies" / "buy_the_dip.py").read_text() == before
    assert program(home, "new", "buy-the-dip", "--force")[0] == 0
    assert (home / "strategies" / "buy_the_dip.py").read_text() != before


@pytest.mark.parametrize("name", ["../evil", "a/b", "/abs/x", "Upper", "with space", "1st", "a..b", "", "ünicode"])
def test_a_name_that_is_no_name_is_refused(home, program, name):
    code, _, err = program(home, "new", name)
    assert code == 2
    assert "cannot be the name of a strategy" in err


def test_an_unknown_parent_is_named_with_the_nearest_one(home, program):
    code, _, err = program(home, "new", "mine", "--from", "buy-the-dp")
    assert code == 2
    assert "Did you mean 'buy-the-dip'?" in err
    assert not (home / "strategies" / "mine.py").exists()


def test_strategies_may_live_elsewhere(home, program, tmp_path):
    elsewhere = tmp_path / "my ideas"
    elsewhere.mkdir()
    assert program(home, "--strategies", str(elsewhere), "new", "other")[0] == 0
    assert (elsewhere / "other.py").exists()
    assert program(home, "--strategies", str(elsewhere), "list")[1].split()[0] == "other"
    assert program(home, "--strategies", str(elsewhere), "other", "--end", "2024-03-28")[0] == 0


def test_a_folder_of_strategies_that_is_none_is_refused(home, program):
    code, _, err = program(home, "--strategies", "nowhere", "list")
    assert code == 2
    assert "nowhere is no folder" in err
