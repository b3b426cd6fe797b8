"""Whoever does the work, and whatever happens to them: the result is complete and the same."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError, UnknownNameError, WindowError, WorkerError
from dipfolio.sweep import runner as farming
from dipfolio.sweep.grid import parse_grid
from dipfolio.sweep.runner import WorkerConfig, run_sweep, sweep_fingerprint
from dipfolio.sweep.tasks import CheckpointFolder, backtrader_difference
from tests.support.markets import make_bars
from tests.support.sweeps import BARS, SLOW, Falls, swept, terms_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small(monkeypatch):
    """Many small tasks."""
    monkeypatch.setattr(farming, "MIN_VARIANTS_PER_TASK", 3)
    monkeypatch.setattr(farming, "MAX_VARIANTS_PER_TASK", 3)


def assert_same(one, other):
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_series_equal(one.default, other.default)
    pd.testing.assert_frame_equal(one.returns, other.returns)
    assert one.refused == other.refused


@pytest.mark.slow
def test_two_processes_find_what_one_does(bars, folder, small, tmp_path):
    terms = terms_of(folder)
    grid = parse_grid(terms.kind, {"hold": "1:7", "drop": "0.01:0.04"})
    alone = swept(grid, terms, bars, WorkerConfig(jobs=1), tmp_path / "a")
    assert_same(swept(grid, terms, bars, WorkerConfig(jobs=2), tmp_path / "b"), alone)
    table = alone.table
    assert len(table) == 24
    assert sorted(alone.returns) == table.index.tolist()
    assert alone.refused == dict.fromkeys(range(24, 28), "hold must be at most 6, found 7.")
    cell = table[(table["hold"] == 2) & (table["drop"] == 0.02)].iloc[0]
    assert alone.default["final_equity"] == cell["final_equity"]
    for number in table.index:
        assert backtrader_difference(table.loc[number], terms, grid.cell(number), bars)[0] < 1e-6


def test_what_was_done_before_an_interruption_is_not_done_again(bars, folder, small, tmp_path):
    diary = tmp_path / "diary"
    terms = terms_of(folder)
    grid = parse_grid(terms.kind, {"hold": "1:3", "drop": "0.01:0.04", "diary": str(diary)})
    seen = []

    def interrupted(count):
        seen.append(count)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(grid, terms, bars, WorkerConfig(jobs=1), tmp_path / "a", progress=interrupted)
    diary.write_text("")
    counts = []
    resumed = swept(grid, terms, bars, WorkerConfig(jobs=1), tmp_path / "a", progress=counts.append, resume=True)
    again = sorted({line.split()[1] for line in diary.read_text().splitlines()})
    assert again == ["0.01", "0.02", "0.03", "0.04"]  # the look at what is read, the two left, and the default
    assert len(diary.read_text().splitlines()) == 4
    assert sum(counts) == len(grid) + 1
    assert_same(resumed, swept(grid, terms, bars, WorkerConfig(jobs=1), tmp_path / "b"))


def test_a_sweep_of_anything_else_does_not_go_on_with_old_parts(bars, folder, tmp_path):
    terms, grid = terms_of(folder), parse_grid(terms_of(folder).kind, {"hold": "1:3"})
    key = sweep_fingerprint(grid, terms, bars)
    other = make_bars({"A": bars.close["A"] * 1.01, "B": bars.close["B"]})
    assert sweep_fingerprint(grid, terms, bars) == key
    assert sweep_fingerprint(grid, terms, other) != key
    assert sweep_fingerprint(parse_grid(terms.kind, {"hold": "1:4"}), terms, bars) != key
    (folder / "slow.py").write_text(SLOW + "\n# changed\n")
    assert sweep_fingerprint(grid, terms, bars) != key
    swept(grid, terms, bars, WorkerConfig(jobs=1), tmp_path / "a")
    assert CheckpointFolder(tmp_path / "a", "key", resume=True).done()
    assert CheckpointFolder(tmp_path / "a", "other", resume=True).done() == []


def test_a_scheduler_that_does_not_answer_is_named(bars, folder, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(farming, "SCHEDULER_TIMEOUT", "1s")
    terms = terms_of(folder)
    with pytest.raises(WorkerError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        swept(parse_grid(terms.kind, {"hold": "1:2"}), terms, bars, WorkerConfig(scheduler="tcp://127.0.0.1:1"), tmp_path / "a")


@pytest.fixture
def cluster(tmp_path):
    """A real scheduler and two real workers on loopback: its address and the workers' processes."""
    pytest.importorskip("distributed")
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    address, started = tmp_path / "scheduler.json", []

    def start(*words):
        # everything on loopback and nothing on a fixed port
        process = subprocess.Popen(
            [sys.executable, "-m", *words], env=surroundings, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(process)
        return process

    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    start(*scheduler, "--scheduler-file", str(address))
    deadline = time.monotonic() + 60
    while not address.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    workers = [
        start("distributed.cli.dask_worker", "--scheduler-file", str(address), "--nworkers", "1", "--nthreads", "1", "--no-nanny",
              "--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(tmp_path / f"worker-{k}"))
        for k in range(2)
    ]  # fmt: skip
    yield address, workers
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sockets of the worker that was killed
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the same sockets
def test_a_cluster_that_loses_a_worker_finds_the_same(bars, folder, small, tmp_path, cluster):
    import json

    address, workers = cluster
    diary, terms = tmp_path / "diary", terms_of(folder)
    grid = parse_grid(terms.kind, {"hold": "1:3", "drop": "0.01:0.06:0.0025", "diary": str(diary), "pause": "0.2"})
    crew = WorkerConfig(scheduler=json.loads(address.read_text())["address"])
    counts, killed = [], []

    def kill_one(count):
        counts.append(count)
        working = {int(line.split()[0]) for line in diary.read_text().splitlines()} & {worker.pid for worker in workers}
        if len(working) == 2 and len(counts) >= 4 and not killed:
            killed.append(workers[0])
            os.kill(workers[0].pid, signal.SIGKILL)

    found = swept(grid, terms, bars, crew, tmp_path / "a", progress=kill_one)
    assert killed
    assert workers[0].wait(10) == -signal.SIGKILL
    assert len(counts) < sum(counts) == len(grid) + 1
    assert_same(found, swept(grid, terms, bars, WorkerConfig(jobs=1), tmp_path / "b"))


@pytest.mark.parametrize("window", [{}, {"start": date(2025, 1, 20), "end": date(2025, 3, 3)}], ids=["all", "part"])
def test_each_variant_is_the_run_of_its_own_to_the_cent(window):
    account = Account(cash=50_000)
    found = run_sweep(Falls, BARS, account, drop="0.03:0.07:0.02", hold=[1, 5], fill=("open", "close"), **window)
    assert len(found.table) == 3 * 2 * 2
    for _, cell in found.table.iterrows():
        own = Falls(drop=cell["drop"], hold=int(cell["hold"]), fill=cell["fill"])
        metrics = measure(simulate(own, BARS, account, **window))
        assert cell["final_equity"] == pytest.approx(metrics.final_equity, abs=0.005)
        assert cell["trades"] == metrics.trades
    assert found.default["final_equity"] == pytest.approx(simulate(Falls(), BARS, account, **window).equity["equity"].iloc[-1])
    assert len(found.returns) == found.table["sessions"].max()


def test_symbols_are_listed_one_by_one_or_as_groups():
    found = run_sweep(Falls, BARS, universe=["A", "B", "A,B"])
    assert found.table["universe"].tolist() == ["A", "B", "A,B"]


@pytest.mark.parametrize("universe", [["A", "no-such-group"], ["no-such-group", "A"]])
def test_a_group_that_there_is_not_is_refused_alone_whatever_the_order(universe):
    found = run_sweep(Falls, BARS, universe=universe)
    assert found.table["universe"].tolist() == ["A"]
    (why,) = found.refused.values()
    assert why == "There is no symbol 'NO-SUCH-GROUP'."


def test_what_cannot_be_swept_is_refused():
    with pytest.raises(UnknownNameError, match=r"There is no parameter 'dorp'\. Did you mean 'drop'"):
        run_sweep(Falls, BARS, dorp=[0.1])
    with pytest.raises(ParameterError, match="hold: 'five' is not a whole number"):
        run_sweep(Falls, BARS, hold=["five"])
    with pytest.raises(WindowError, match="No session from 2030-01-01"):
        run_sweep(Falls, BARS, start=date(2030, 1, 1), hold=[1, 2])


def test_a_riskless_rate_is_taken_off_in_the_sharpe_ratios_alone():
    plain, less = (run_sweep(Falls, BARS, hold=[1, 5], risk_free=rate) for rate in (0.0, 0.05))
    assert (less.table["sharpe"] < plain.table["sharpe"]).all()
    assert less.table["final_equity"].equals(plain.table["final_equity"])
