"""``sweep``: the real program once, interrupted once, its small print in this process."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from dipfolio.cli import sweep as command
from dipfolio.cli.home import Home
from dipfolio.cli.main import _guarded
from dipfolio.engine.account import Account
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]
GRID = ("--drop", "0.03:0.05:0.01", "--hold", "1:6")


def start(*words, **given):
    hear = {
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    }  # which a shell in the background has switched off
    return subprocess.Popen([sys.executable, str(ROOT / "backtest.py"), "sweep", *words], text=True, **hear, **given)


def inside(*words):
    return _guarded(["sweep", *words], Home.at(ROOT))


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def said(reports):
    process = start("dip-rule", *GRID, "--cash", "200000", "--verify", "3", "--reports", str(reports), stdout=subprocess.PIPE)
    out, _ = process.communicate()
    assert process.returncode == 0
    return out


def test_the_size_is_said_first_and_the_tables_follow(said):
    lines = said.splitlines()
    assert lines[0] == "dip-rule: 3 drop x 6 hold = 18 variants"
    heads = [line.strip() for line in lines if line.startswith("The 10 ")]
    assert heads == ["The 10 best by total return", "The 10 worst by total return"]
    assert re.search(r"The default has a total return of \+54\.\d\d %, better than \d+\.\d % of the grid", said)
    assert re.search(r"Verified in backtrader: 3 random cells, largest difference \$0\.00000\d+", said)


def test_the_table_holds_the_figures_of_every_cell(said, reports):
    table = pd.read_parquet(reports / "sweep-dip-rule" / "sweep.parquet")
    assert (table.index.name, len(table)) == ("cell", 18)
    row = table[(table["drop"] == 0.04) & (table["hold"] == 5)].iloc[0]
    strategy = load_strategy(ROOT / "strategies", "dip-rule")(drop=0.04, hold=5)
    metrics = measure(simulate(strategy, load_bars(ROOT / "data", strategy.symbols), Account(cash=200_000)))
    names = ("final_equity", "total_return", "volatility", "sharpe", "worst_drawdown", "trades", "win_rate", "commission", "fees")
    for name in names:
        assert row[name] == pytest.approx(getattr(metrics, name)), name
    returns = pd.read_parquet(reports / "sweep-dip-rule" / "returns.parquet")
    assert ((1 + returns).prod() - 1).tolist() == pytest.approx(table["total_return"].tolist())


def test_the_command_on_the_page_runs_the_cell(said, reports):
    page = (reports / "sweep-dip-rule" / "sweep.html").read_text(encoding="utf-8")
    found = re.search(r"<code>(python backtest\.py dip-rule --cash 200000\.0 --drop 0\.04 --hold 20)</code>", page)
    assert found
    words = found.group(1).split()[2:]
    whole = [sys.executable, ROOT / "backtest.py", *words, "--json", "--reports", reports / "full"]
    run = subprocess.run(whole, capture_output=True, text=True, check=True)
    figures = json.loads(run.stdout)
    assert f"${figures['final_equity']:,.2f}" in page
    assert not list(reports.glob(".sweep-*"))


def test_what_is_done_survives_an_interruption(tmp_path):
    grid = ("dip-rule", "--drop", "0.01:0.06:0.0001", "--hold", "1:60")
    words = (*grid, "--jobs", "1", "--verify", "0", "--reports", str(tmp_path))
    process = start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".sweep-dip-rule/part-*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 1
    assert re.search(r"Interrupted; [\d,]+ of 30,061 variants are kept\. Go on with --resume\.", err)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob(".sweep-dip-rule/part-*.parquet")}
    assert before
    os.utime(next(iter(before)))
    process = start(*words, "--resume", stdout=subprocess.PIPE)
    assert process.wait() == 0
    process.stdout.close()
    assert len(pd.read_parquet(tmp_path / "sweep-dip-rule" / "sweep.parquet")) == 30_060


def test_one_and_three_parameters_have_a_page_too(tmp_path, capsys):
    for words in (("--hold", "1:5"), ("--hold", "1:3", "--drop", "0.03,0.04", "--by", "symbol,basket"), ("--hold", "4")):
        assert not inside("dip-rule", *words, "--reports", str(tmp_path), "--verify", "1")
        assert "Verified in backtrader: 1 random cells" in capsys.readouterr().out
        assert "plotly" in (tmp_path / "sweep-dip-rule" / "sweep.html").read_text(encoding="utf-8")


def test_a_strategy_that_looks_at_more_than_its_universe_gets_all_of_it(tmp_path, capsys):
    words = ("--hold", "5,10", "--neutral", "dollar,beta", "--verify", "4", "--reports", str(tmp_path))
    assert not inside("hyperscalers-over-nvda", *words)
    said = capsys.readouterr().out
    assert "= 4 variants" in said
    assert "Verified in backtrader: 4 random cells, largest difference $0.00000" in said


def test_cells_that_the_strategy_refuses_are_left_out_and_counted(tmp_path, capsys):
    assert not inside("dip-rule", "--hold", "0:3", "--reports", str(tmp_path), "--verify", "0")
    assert "Left out, as the strategy refuses them: 1 cell. hold must be above 0, found 0." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("dip-rul", "--hold", "1:3"), "Did you mean 'dip-rule'?"),
        (("dip-rule", "--hodl", "1:3"), "--hold"),
        (("dip-rule", "--hold", "1:10:4"), "steps of 4 from 1 reach 9 and 13, not 10"),
        (("dip-rule", "--fill", "clsoe"), "Did you mean 'close'?"),
        (("dip-rule", "--hold", "0"), "No cell of the grid can be run: hold must be above 0"),
        (("dip-rule", "--start", "2025-03-01", "--end", "2025-02-01"), "is after the end"),
        (("dip-rule", "--verify", "-1"), "x>=0"),
    ],
)
def test_a_mistake_is_one_line(words, expected, capsys, tmp_path):
    assert inside(*words, "--reports", str(tmp_path)) == 2
    err = capsys.readouterr().err
    assert expected in err
    assert len(err.splitlines()) == 1


def test_a_difference_above_a_cent_is_an_error(monkeypatch, tmp_path, capsys):
    from dipfolio.sweep import work

    monkeypatch.setattr(work, "difference", lambda *_: (0.011, "fees"))
    assert inside("dip-rule", "--hold", "1:2", "--reports", str(tmp_path)) == 1
    assert "The sweep and backtrader differ by 0.0110 in the fees of {'hold': " in capsys.readouterr().err
    assert not (tmp_path / "sweep-dip-rule").exists()


def test_the_help_shows_the_parameters_without_their_columns(capsys):
    assert not inside("dip-rule", "--help")
    out = capsys.readouterr().out
    assert "--drop VALUES" in out
    assert "default: 0.04" in out
    assert command.FORMS in out.replace("\n", " ")
