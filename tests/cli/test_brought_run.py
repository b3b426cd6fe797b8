"""Plain backtrader strategies from the command line: run, compared and checked like any other."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CROSS = '''
import backtrader as bt

class SmaCross(bt.Strategy):
    """A 20/50 moving-average cross."""

    params = (("fast", 20), ("slow", 50))

    def __init__(self):
        self.cross = bt.ind.CrossOver(bt.ind.SMA(period=self.p.fast), bt.ind.SMA(period=self.p.slow))

    def next(self):
        print("looking", len(self))
        if not self.position and self.cross > 0:
            self.buy(size=100)
        elif self.position and self.cross < 0:
            self.close()
'''
BRACKET = '''
import backtrader as bt

class Bracket(bt.Strategy):
    """Buys with a stop and a target around the price."""

    def next(self):
        if not self.position and not self.broker.get_orders_open():
            close = self.data.close[0]
            self.buy_bracket(size=100, exectype=bt.Order.Market, stopprice=0.95 * close, limitprice=1.1 * close)
'''


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "sma_cross.py").write_text(CROSS)
    (tmp_path / "strategies" / "bracket.py").write_text(BRACKET)
    os.symlink(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_backtrader_strategies_are_compared_on_one_page(home, program):
    code, out, _ = program(home, "sma-cross", "bracket", "--end", "2024-12-31")
    assert code == 0
    page = (home / "reports" / "comparison.html").read_text()
    for name in ("sma-cross", "bracket"):
        assert name in out
        assert name in page
        record = json.loads((home / "reports" / f"{name}--end-2024-12-31" / "run.json").read_text())
        assert record["residual"] < 0.01
        assert (home / "reports" / f"{name}--end-2024-12-31" / "tearsheet.html").exists()


def test_what_a_strategy_prints_is_kept_out_of_the_result(home, program):
    code, out, err = program(home, "sma-cross", "--json", "--fast", "5", "--slow", "10", "--benchmark", "none")
    assert code == 0
    assert json.loads(out)["parameters"]["fast"] == 5
    assert "looking 1" in err


def test_they_pass_the_check(home, program):
    code, out, _ = program(home, "check", "--all", "--sessions", "6")
    assert code == 0
    assert out.count("ok    orders and fills do not look ahead") == 2
