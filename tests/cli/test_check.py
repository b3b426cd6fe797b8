import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

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
def home(tmp_path, monkeypatch):
    (tmp_path / "strategies").mkdir()
    os.symlink(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(home, name, text):
    (home / "strategies" / name).write_text(text)


def test_a_planted_look_ahead_fails_the_check(home, program):
    write(home, "peeking.py", PEEKING)
    code, out, err = program(home, "check", "peeking")
    assert code == 1
    assert "FAIL  decisions do not look ahead" in out
    assert err == "Error: 1 of 1 strategies failed: peeking.\n"


def test_a_planted_look_ahead_in_backtrader_code_fails_the_check(home, program):
    write(home, "peeking.py", PEEKING_BACKTRADER)
    code, out, _ = program(home, "check", "peeking")
    assert code == 1
    assert "FAIL  orders and fills do not look ahead" in out


def test_all_names_the_broken_ones_and_goes_on(home, program):
    write(home, "broken.py", "def oops(:\n")
    write(home, "peeking.py", PEEKING)
    code, out, err = program(home, "check", "--all", "--sessions", "6")
    assert code == 1
    assert "FAIL  can be loaded: broken.py cannot be imported: SyntaxError" in out
    assert err == "Error: 2 of 2 strategies failed: broken, peeking.\n"


def test_a_check_of_nothing_says_how_to_ask(home, program):
    code, _, err = program(home, "check")
    assert code == 2
    assert "Name a strategy, or ask for --all" in err


def test_an_unknown_name_is_a_users_mistake(home, program):
    code, _, err = program(home, "check", "nothing")
    assert code == 2
    assert "There is no strategy 'nothing'" in err


@pytest.mark.parametrize("count", ["0", "-1"])
def test_a_check_at_no_session_proves_nothing_and_is_refused(home, program, count):
    code, out, err = program(home, "check", "nothing", "--sessions", count)
    assert (code, out) == (2, "")
    assert "'--sessions'" in err
