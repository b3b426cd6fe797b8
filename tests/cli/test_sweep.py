"""``sweep``: the real program once, interrupted once, its small print in this process."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from dipfolio.cli import sweep as command
from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace
from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.sweep.tasks import CheckpointFolder
from tests.support.tear_sheets import Page

ROOT = Path(__file__).parents[2]
GRID = ("--drop", "0.03:0.05:0.01", "--hold", "1:6")


def hear_interrupts():
    """A shell in the background has switched them off."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*words, **given):
    words = [sys.executable, str(ROOT / "backtest.py"), "sweep", *words]
    return subprocess.Popen(words, text=True, preexec_fn=hear_interrupts, **given)


def inside(*words):
    return _guarded(["sweep", *words], Workspace.at(ROOT))


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


@pytest.mark.slow
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


INTERRUPTS_ITSELF = """
import os, signal
from pathlib import Path
from dipfolio.cli.app import main
from dipfolio.sweep.{module} import CheckpointFolder

save = CheckpointFolder.save

def save_and_interrupt(self, part):
    save(self, part)
    os.kill(os.getpid(), signal.SIGINT)

CheckpointFolder.save = save_and_interrupt
main(Path({root!r}), ["sweep", *{words!r}])
"""
"""The program, which gets Ctrl-C when the first part of a sweep is on disk."""


@pytest.mark.slow
def test_what_is_done_survives_an_interruption(tmp_path):
    grid = ("dip-rule", "--drop", "0.01:0.06:0.001", "--hold", "1:60")
    words = (*grid, "--jobs", "1", "--verify", "0", "--reports", str(tmp_path))
    code = INTERRUPTS_ITSELF.format(module=CheckpointFolder.__module__.split(".")[-1], root=str(ROOT), words=words)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, preexec_fn=hear_interrupts)
    assert done.returncode == 1
    assert re.search(r"Interrupted; [\d,]+ of 3,061 variants are kept\. Go on with --resume\.", done.stderr)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob(".sweep-dip-rule/part-*.parquet")}
    assert before
    os.utime(next(iter(before)))
    process = start(*words, "--resume", stdout=subprocess.PIPE)
    assert process.wait() == 0
    process.stdout.close()
    assert len(pd.read_parquet(tmp_path / "sweep-dip-rule" / "sweep.parquet")) == 3_060


def test_one_and_three_parameters_have_a_page_too(tmp_path, capsys):
    for words in (("--hold", "1:5"), ("--hold", "1:3", "--drop", "0.03,0.04", "--by", "symbol,basket"), ("--hold", "4")):
        assert not inside("dip-rule", *words, "--reports", str(tmp_path), "--verify", "1")
        assert "Verified in backtrader: 1 random cells" in capsys.readouterr().out
        assert 'id="library"' in (tmp_path / "sweep-dip-rule" / "sweep.html").read_text(encoding="utf-8")


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
        (("dip-rule", "--hold", "5", "--walk-forward", "5"), "chooses among variants, and here is one; give a parameter several"),
        (("dip-rule", "--hold", "5,9", "--walk-forward", "1"), "needs at least 2 parts out of sample, found 1"),
        (("dip-rule", "--hold", "5,9", "--walk-forward", "200"), "502 sessions are too few for 200 parts out of sample"),
        (("dip-rule", "--hold", "5,9", "--walk-forward", "2", "--benchmark", "no-such"), "--benchmark none runs without one"),
    ],
)
def test_a_mistake_is_one_line(words, expected, capsys, tmp_path):
    assert inside(*words, "--reports", str(tmp_path)) == 2
    err = capsys.readouterr().err
    assert expected in err
    assert len(err.splitlines()) == 1


def test_a_difference_above_a_cent_is_an_error(monkeypatch, tmp_path, capsys):
    from dipfolio.sweep import tasks

    monkeypatch.setattr(tasks, "backtrader_difference", lambda *_: (0.011, "fees"))
    assert inside("dip-rule", "--hold", "1:2", "--reports", str(tmp_path)) == 1
    assert "The sweep and backtrader differ by 0.0110 in the fees of {'hold': " in capsys.readouterr().err
    assert not (tmp_path / "sweep-dip-rule").exists()


def walked(capsys, tmp_path, *words):
    assert not inside("dip-rule", *words, "--reports", str(tmp_path), "--verify", "0")
    return capsys.readouterr().out


def test_a_walk_forward_test_is_chained_runs_of_what_was_best_before(capsys, tmp_path):
    grid = ("--drop", "0.02:0.04:0.01", "--hold", "5,20", "--cash", "200000")
    record = json.loads(walked(capsys, tmp_path, *grid, "--walk-forward", "3", "--json"))["walk_forward"]
    bars, cash, kind = load_bars(ROOT / "data", ("SMH",)), 200_000.0, load_strategy(ROOT / "strategies", "dip-rule")
    edge = len(bars) - 3 * (len(bars) // 4)
    for number, part in enumerate(record["parts"]):
        first = edge + number * (len(bars) // 4)
        start, end = (bars.sessions[row].date() for row in (first, first + len(bars) // 4 - 1))
        assert part["window"] == [start.isoformat(), end.isoformat()]
        assert part["training"] == ["2024-01-02", bars.sessions[first - 1].date().isoformat()]
        past = bars.until(bars.sessions[first - 1])
        cells = [{"drop": drop, "hold": hold} for drop in (0.02, 0.03, 0.04) for hold in (5, 20)]
        earned = [simulate(kind(**cell), past, Account(cash=200_000)).equity["equity"].iloc[-1] for cell in cells]
        assert part["parameters"] == cells[earned.index(max(earned))]
        run = simulate(kind(**part["parameters"]), bars, Account(cash=cash), start=start, end=end)
        assert part["cash"] == pytest.approx(cash, abs=0.005)
        cash = run.equity["equity"].iloc[-1] - part["closing_costs"]
        assert part["final_equity"] == pytest.approx(cash, abs=0.005)
        assert bool(len(run.open_positions)) == (part["closing_costs"] > 0) == bool(part["closed_at_the_end"])
    assert record["out_of_sample"]["total_return"] == pytest.approx(cash / 200_000 - 1)
    spy = load_bars(ROOT / "data", ("SPY",)).returns["SPY"].iloc[edge:]
    assert record["benchmark"]["total_return"] == pytest.approx((1 + spy).prod() - 1)
    account = pd.read_parquet(tmp_path / "sweep-dip-rule" / "walk-forward.parquet")
    assert account["equity"].tolist() == record["equity"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".sweep")] == []


def test_the_terminal_and_the_page_say_the_answer_and_the_register_counts_each_variant_once(capsys, tmp_path):
    grid = ("--hold", "5,20", "--rank-by", "sharpe")
    said = walked(capsys, tmp_path / "a", *grid, "--walk-forward", "2", "--walk-window", "rolling", "--benchmark", "none")
    assert "Chosen anew 2 times on the past alone, dip-rule " in said
    assert "the best Sharpe ratio in the part before it" in said
    assert "SPY" not in said
    page = (tmp_path / "a" / "sweep-dip-rule" / "sweep.html").read_text(encoding="utf-8")
    assert '<p class="answer">Chosen anew 2 times' in page
    assert "<code>python backtest.py dip-rule --hold 5</code>" in page
    walked(capsys, tmp_path / "b", *grid)
    counted = [(tmp_path / name / "trials.jsonl").read_text() for name in "ab"]
    assert counted[0] == counted[1]


def test_a_single_event_is_refused_after_the_sweep_and_leaves_nothing_half_done(capsys, tmp_path):
    assert inside("buy-the-dip", "--hold", "1:3", "--walk-forward", "3", "--reports", str(tmp_path), "--verify", "0") == 2
    assert "a single event cannot be walked forward; the command evidence" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["trials.jsonl"]


def test_an_interrupted_choice_goes_on_with_what_was_swept_before(capsys, tmp_path, monkeypatch):
    from dipfolio.sweep import runner

    words = ("dip-rule", "--hold", "5,20", "--walk-forward", "2", "--verify", "0", "--reports", str(tmp_path))
    run_tasks, run_task, calls = runner.run_tasks, runner.run_task, []

    def interrupted(*given):
        calls.append(len(given))  # and not the folder, whose lock ends with it
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run_tasks(*given)

    monkeypatch.setattr(runner, "run_tasks", interrupted)
    assert inside(*words) == 1
    assert "Go on with --resume." in capsys.readouterr().err
    monkeypatch.setattr(runner, "run_tasks", run_tasks)
    done = []
    monkeypatch.setattr(runner, "run_task", lambda task, bars: done.append(len(bars)) or run_task(task, bars))
    assert not inside(*words, "--resume")
    assert sorted(set(done)) == [335, 502]  # the second choice, and the best in hindsight; the first and the whole are kept
    assert len(done) == 4
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".sweep")] == []


def test_json_is_all_that_is_printed(capsys, tmp_path):
    record = json.loads(walked(capsys, tmp_path, "--hold", "5,20", "--json"))
    assert (record["variants"], record["walk_forward"]) == (2, None)
    assert Path(record["report"]).name == "sweep.html"


def test_the_help_shows_the_parameters_without_their_columns(capsys):
    assert not inside("dip-rule", "--help")
    out = capsys.readouterr().out
    assert "--drop VALUES" in out
    assert "default: 0.04" in out
    assert command.GRID_SYNTAX_HELP in out.replace("\n", " ")


def test_a_named_sweep_is_kept_listed_and_never_overwritten_silently(tmp_path, capsys):
    words = ("dip-rule", "--hold", "1,2", "--verify", "0", "--jobs", "1", "--reports", str(tmp_path), "--name", "short-holds")
    assert not inside(*words)
    assert capsys.readouterr().out.rstrip().endswith("sweeps/short-holds/sweep.html")
    assert sorted(path.name for path in (tmp_path / "sweeps" / "short-holds").iterdir()) == [
        "returns.parquet", "sweep.html", "sweep.parquet",
    ]  # fmt: skip
    assert not (tmp_path / "sweep-dip-rule").exists()
    page = (tmp_path / "sweeps" / "short-holds" / "sweep.html").read_text(encoding="utf-8")
    assert "--name" not in page
    row = Page((tmp_path / "index.html").read_text(encoding="utf-8")).row("short-holds")
    assert row[1] == "sweep"
    assert row[2].startswith("dip-rule: 2 hold = 2 variants; 20")
    assert inside(*words) == 2
    out, err = capsys.readouterr()
    assert (out, err) == (
        "", "Error: There is a sweep 'short-holds' already; choose another --name, or overwrite it with --replace.\n"
    )  # fmt: skip
    assert not inside(*words, "--replace")


@pytest.mark.parametrize("words", [("--name", "a/b"), ("--replace",)])
def test_a_sweep_without_a_proper_name_does_no_work(tmp_path, capsys, words):
    assert inside("dip-rule", "--hold", "1,2", "--reports", str(tmp_path / "r"), *words) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_cash_earns_in_a_sweep_as_in_a_run(capsys, tmp_path):
    words = ("dip-rule", "--hold", "5,10", "--cash-rate", "4%", "--credit-spread", "0.01", "--verify", "2")
    assert not inside(*words, "--reports", str(tmp_path), "--json")
    capsys.readouterr()
    table = pd.read_parquet(tmp_path / "sweep-dip-rule" / "sweep.parquet").set_index("hold")
    strategy = load_strategy(ROOT / "strategies", "dip-rule")(hold=10)
    bars = load_bars(ROOT / "data", strategy.symbols).with_cash_rate(0.04)
    metrics = measure(simulate(strategy, bars, Account(credit_spread=0.01)))
    for name in ("final_equity", "total_return", "sharpe", "interest"):
        assert table.loc[10, name] == pytest.approx(getattr(metrics, name)), name
    assert table.loc[10, "ratio"] * 252**0.5 == pytest.approx(metrics.sharpe)  # above what idle cash earned
