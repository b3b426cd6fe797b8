"""The command ``evidence``: the tests that suit a strategy, for people and for machines."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.cli.home import Home
from dipfolio.cli.main import _guarded
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.evidence.register import Register
from dipfolio.evidence.sharpe import Sharpe
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]
BROUGHT = '''
import backtrader as bt


class Cross(bt.Strategy):
    """Buy above the average, sell below."""

    params = (("period", 20),)

    def __init__(self):
        self.above = bt.ind.CrossOver(self.data.close, bt.ind.SMA(period=self.p.period))

    def next(self):
        if self.above > 0:
            self.buy(size=100)
        elif self.above < 0 and self.position:
            self.close()
'''


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """The program in this process: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "strategies" / "cross.py").write_text(BROUGHT)
    home = Home(strategies=tmp_path / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        code = _guarded(["evidence", *words], home)
        out, err = capsys.readouterr()
        return code or 0, out, err

    return call


@pytest.fixture
def sweep(ask, tmp_path, capsys):
    """The command sweep in the same folders."""
    home = Home(strategies=tmp_path / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        assert not _guarded(["sweep", *words, "--jobs", "1", "--verify", "0"], home)
        capsys.readouterr()

    return call


def test_an_event_gets_ranks_and_no_ratio(ask):
    code, out, err = ask("buy-the-dip", "--benchmark", "QQQ")
    assert (code, err) == (0, "")
    assert "12 trades ended, entered in 1 session" in out
    assert "the trade against other mornings with SPY 1% from its close" in out
    assert "Smallest possible p   0.024" in out
    assert "Sharpe" not in out
    assert "One date is one observation" in out


def test_a_rule_gets_rotations_and_takes_the_parameters_of_a_run(ask):
    record = json.loads(ask("dip-rule", "--hold", "5", "--drop", "0.03", "--json")[1])
    assert record["parameters"]["drop"] == 0.03
    assert record["way"] == "rule"
    assert [f["sample"] for f in record["findings"]] == ["all", "design", "confirmation"]
    assert all(f["detectable"] > 0 and f["low"] < f["effect"] < f["high"] for f in record["findings"])


def test_a_brought_strategy_gets_what_is_possible_and_a_warning(ask):
    code, out, err = ask("cross")
    assert (code, err) == (0, "")
    assert "it would have done on other dates is not known" in out
    assert "mean of its clusters, after costs against nothing" in out
    assert "the same holding times on other dates" in out
    record = json.loads(ask("cross", "--period", "50", "--json")[1])
    assert record["parameters"]["period"] == 50
    assert record["way"] == "trades"


def test_every_look_is_registered_and_deflates_the_next(ask, tmp_path):
    assert "needs a second trial" in ask("short-every-friday")[1]
    ask("short-every-friday")
    register = Register(tmp_path / "reports" / "trials.jsonl")
    assert len(register.read("short-every-friday")) == 1
    record = json.loads(ask("short-every-friday", "--benchmark", "QQQ", "--fill", "open", "--json")[1])
    assert len(register.read("short-every-friday")) == 2 == record["trials"]
    assert 0 < record["deflated"] < 1


def test_a_sweep_deflates_what_is_examined_after_it_by_all_of_its_variants(ask, sweep, tmp_path):
    looked = ("dip-rule", "--drop", "0.02", "--hold", "5")
    assert "needs a second trial" in ask(*looked)[1]
    sweep("dip-rule", "--drop", "0.01:0.03:0.001", "--hold", "1:20")
    table = pd.read_parquet(tmp_path / "reports" / "sweep-dip-rule" / "sweep.parquet")
    out, record = ask(*looked)[1], json.loads(ask(*looked, "--json")[1])
    assert len(table) == 21 * 20
    outcomes = np.unique((table["sharpe"] / math.sqrt(252)).round(9))  # many a drop buys the same days as its neighbour
    assert 300 < len(outcomes) < 420
    assert record["trials"] == len(outcomes) + 1  # and the default, which is no cell of the grid
    assert f"{len(outcomes) + 1} trials of it in the register" in out
    default = simulate(load_strategy(ROOT / "strategies", "dip-rule")(), load_bars(ROOT / "data", ("SMH",))).returns
    ratios = np.append(outcomes, default.mean() / default.std())
    expected = Sharpe(**record["sharpe"]).deflated(len(ratios), np.var(ratios, ddof=1))
    assert record["deflated"] == pytest.approx(expected, rel=1e-6)
    sweep("dip-rule", "--drop", "0.01:0.03:0.001", "--hold", "1:20")
    assert json.loads(ask(*looked, "--json")[1]) == record
    lines = (tmp_path / "reports" / "trials.jsonl").read_text().splitlines()
    assert len(lines) == 3  # the look, the grid, the default


def test_the_same_seed_gives_the_same_words(ask):
    first = ask("dip-with-stops", "--seed", "3", "--json")[1]
    assert ask("dip-with-stops", "--seed", "3", "--json")[1] == first


def test_figures_without_spy_leave_stress_untold(ask, tmp_path):
    folder = tmp_path / "own" / "prices"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "data" / "prices" / "NVDA.csv", folder)
    code, out, _ = ask("buy-the-dip", "--universe", "NVDA", "--data", str(folder.parent))
    assert code == 0
    assert "all other dates" in out
    assert "mornings with SPY" not in out
    assert "lack SPY" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["bye-the-dip"], "Did you mean"), (["buy-the-dip", "--hold", "x"], "hold"), (["buy-the-dip", "--data", "no"], "no")],
)
def test_mistakes_end_in_one_line(ask, words, said):
    code, out, err = ask(*words)
    assert code in (1, 2)
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_the_help_lists_the_strategies_and_their_parameters(ask):
    assert "buy-the-dip" in ask("--help")[1]
    assert "--hold" in ask("buy-the-dip", "--help")[1]


def test_what_a_strategy_prints_is_no_result(ask, tmp_path):
    path = tmp_path / "strategies" / "cross.py"
    path.write_text(BROUGHT.replace("    def next(self):\n", "    def next(self):\n        print('BUY CREATE')\n"))
    code, out, err = ask("cross", "--json")
    assert code == 0
    assert json.loads(out)["strategy"] == "cross"
    assert "BUY CREATE" in err


def test_what_a_swept_strategy_prints_is_no_result(tmp_path, program, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "data").symlink_to(ROOT / "data")
    talking = BROUGHT.replace("    def next(self):\n", "    def next(self):\n        print('BUY CREATE')\n")
    (tmp_path / "strategies" / "cross.py").write_text(talking)
    code, out, err = program(
        tmp_path, "sweep", "cross", "--period", "20,30", "--end", "2024-06-28", "--jobs", "1", "--verify", "1"
    )
    assert code == 0
    assert "BUY CREATE" not in out
    assert "BUY CREATE" in err
