"""``list``: a line for each strategy, whatever is wrong with it."""

import os
import re
import shutil
from pathlib import Path

import pytest

from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace

ROOT = Path(__file__).parents[2]
IDEA = 'class Idea:\n    """What it is about.\n\n    More.\n    """\n'


@pytest.fixture
def listed(capsys):
    """The output for a home, and what went to standard error."""

    def run(home):
        assert not _guarded(["list"], Workspace.at(home))
        return capsys.readouterr()

    return run


@pytest.fixture
def home(tmp_path):
    (tmp_path / "strategies").mkdir()
    return tmp_path


def write(home, stem, text):
    (home / "strategies" / f"{stem}.py").write_text(text, encoding="utf-8")


def test_every_strategy_has_a_line_with_its_description(listed):
    out, err = listed(ROOT)
    assert err == ""
    names = [line.split("  ", 1)[0] for line in out.splitlines()]
    assert names == sorted(path.stem.replace("_", "-") for path in (ROOT / "strategies").glob("*.py"))
    assert {"buy-the-dip", "equal-weight", "short-nvda-friday"} <= set(names)
    assert "BROKEN" not in out
    assert "Buy the article's twelve names at the open of DeepSeek Monday and hold them for some sessions." in out


def test_the_descriptions_stand_under_each_other(listed, home):
    for stem in ("a", "a_longer_name", "mid"):
        write(home, stem, IDEA)
    lines = listed(home).out.splitlines()
    (column,) = {line.index("What it is about.") for line in lines}
    assert column >= len("a-longer-name") + 2


def test_a_broken_file_is_marked_and_the_others_stay(listed, home):
    write(home, "broken", "class Idea(\n")
    write(home, "good", IDEA)
    out, err = listed(home)
    assert err == ""
    assert re.match(r"broken {2,}BROKEN: SyntaxError: ", out.splitlines()[0])
    assert re.fullmatch(r"good {2,}What it is about\.", out.splitlines()[1])


def test_listing_runs_no_strategy(listed, home):
    write(home, "loud", "raise SystemExit('was run')\n" + IDEA)
    assert listed(home).out.split() == ["loud", "What", "it", "is", "about."]


def test_an_empty_folder_says_so_on_standard_error(listed, home):
    out, err = listed(home)
    assert out == ""
    assert err.startswith("No strategy in ")
    assert len(err.splitlines()) == 1


PEEKING = '''
from dataclasses import dataclass
from dipfolio import Strategy, no_instruction, parameter

@dataclass(frozen=True, kw_only=True)
class Peeking(Strategy):
    """Buys before a rise."""

    universe: str = parameter("NVDA", help="symbol")

    def targets(self, bars):
        return no_instruction(bars).mask(bars.returns.shift(-1) > 0.05, 1.0)
'''
PEEKING_BACKTRADER = '''
import backtrader as bt

class Peeking(bt.Strategy):
    """Looks one bar ahead."""

    def next(self):
        if len(self) < self.data.buflen() and self.data.close[1] > 1.05 * self.data.close[0] and not self.position:
            self.buy(size=1)
'''


@pytest.fixture
def home_of_check(tmp_path, monkeypatch):
    (tmp_path / "strategies").mkdir()
    os.symlink(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_of_check(home_of_check, name, text):
    (home_of_check / "strategies" / name).write_text(text)


def test_a_planted_look_ahead_fails_the_check(home_of_check, program):
    write_of_check(home_of_check, "peeking.py", PEEKING)
    code, out, err = program(home_of_check, "check", "peeking")
    assert code == 1
    assert "FAIL  decisions do not look ahead" in out
    assert err == "Error: 1 of 1 strategies failed: peeking.\n"


def test_a_planted_look_ahead_in_backtrader_code_fails_the_check(home_of_check, program):
    write_of_check(home_of_check, "peeking.py", PEEKING_BACKTRADER)
    code, out, _ = program(home_of_check, "check", "peeking")
    assert code == 1
    assert "FAIL  can be run: Peeking, in line 8 of peeking.py: data.close[1] of NVDA was read on 2024-01-02" in out


def test_all_names_the_broken_ones_and_goes_on(home_of_check, program):
    write_of_check(home_of_check, "broken.py", "def oops(:\n")
    write_of_check(home_of_check, "peeking.py", PEEKING)
    code, out, err = program(home_of_check, "check", "--all", "--sessions", "6")
    assert code == 1
    assert "FAIL  can be loaded: broken.py cannot be imported: SyntaxError" in out
    assert err == "Error: 2 of 2 strategies failed: broken, peeking.\n"


def test_a_check_of_nothing_says_how_to_ask(home_of_check, program):
    code, _, err = program(home_of_check, "check")
    assert code == 2
    assert "Name a strategy, or ask for --all" in err


def test_an_unknown_name_is_a_users_mistake(home_of_check, program):
    code, _, err = program(home_of_check, "check", "nothing")
    assert code == 2
    assert "There is no strategy 'nothing'" in err


@pytest.mark.parametrize("count", ["0", "-1"])
def test_a_check_at_no_session_proves_nothing_and_is_refused(home_of_check, program, count):
    code, out, err = program(home_of_check, "check", "nothing", "--sessions", count)
    assert (code, out) == (2, "")
    assert "'--sessions'" in err


@pytest.fixture
def home_of_new(tmp_path, monkeypatch):
    """A folder with the shipped strategies and data, in which one stands."""
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    os.symlink(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_new_idea_runs_at_once_and_passes_the_check(home_of_new, program):
    assert program(home_of_new, "new", "my-idea")[:2] == (0, "Wrote strategies/my_idea.py. Run it: python backtest.py my-idea\n")
    code, out, _ = program(home_of_new, "my-idea", "--end", "2024-06-28")
    assert code == 0
    assert "in 17 trades in eight names" in out
    code, out, _ = program(home_of_new, "check", "my-idea", "--sessions", "6")
    assert code == 0
    assert "FAIL" not in out
    assert "my-idea" in program(home_of_new, "list")[1]


def test_a_new_idea_may_start_from_an_existing_one(home_of_new, program):
    assert program(home_of_new, "new", "seven-dip", "--from", "buy-the-dip")[0] == 0
    assert "class SevenDip(BuyTheDip)" in (home_of_new / "strategies" / "seven_dip.py").read_text()
    code, out, _ = program(home_of_new, "seven-dip", "--hold", "2", "--json", "--benchmark", "none")
    assert code == 0
    assert '"trades": 7' in out


def test_an_existing_file_is_not_overwritten_without_force(home_of_new, program):
    before = (home_of_new / "strategies" / "buy_the_dip.py").read_text()
    code, _, err = program(home_of_new, "new", "buy-the-dip")
    assert (code, err) == (2, "Error: strategies/buy_the_dip.py exists; choose another name, or overwrite it with --force.\n")
    assert (home_of_new / "strategies" / "buy_the_dip.py").read_text() == before
    assert program(home_of_new, "new", "buy-the-dip", "--force")[0] == 0
    assert (home_of_new / "strategies" / "buy_the_dip.py").read_text() != before


@pytest.mark.parametrize("name", ["../evil", "a/b", "/abs/x", "Upper", "with space", "1st", "a..b", "", "ünicode"])
def test_a_name_that_is_no_name_is_refused(home_of_new, program, name):
    code, _, err = program(home_of_new, "new", name)
    assert code == 2
    assert "cannot be the name of a strategy" in err


def test_an_unknown_parent_is_named_with_the_nearest_one(home_of_new, program):
    code, _, err = program(home_of_new, "new", "mine", "--from", "buy-the-dp")
    assert code == 2
    assert "Did you mean 'buy-the-dip'?" in err
    assert not (home_of_new / "strategies" / "mine.py").exists()


@pytest.mark.slow
def test_strategies_may_live_elsewhere(home_of_new, program, tmp_path):
    elsewhere = tmp_path / "my ideas"
    elsewhere.mkdir()
    assert program(home_of_new, "--strategies", str(elsewhere), "new", "other")[0] == 0
    assert (elsewhere / "other.py").exists()
    assert program(home_of_new, "--strategies", str(elsewhere), "list")[1].split()[0] == "other"
    assert program(home_of_new, "--strategies", str(elsewhere), "other", "--end", "2024-03-28")[0] == 0


def test_a_folder_of_strategies_that_is_none_is_refused(home_of_new, program):
    code, _, err = program(home_of_new, "--strategies", "nowhere", "list")
    assert code == 2
    assert "nowhere is no folder" in err
