"""Whoever does the work, and whatever happens to them: the result is complete and the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.catalogue import load_strategy
from dipfolio.errors import FarmError, ReportError
from dipfolio.sweep import farm as farming
from dipfolio.sweep.farm import Crew, farm, fingerprint, tasks_of
from dipfolio.sweep.findings import gather
from dipfolio.sweep.grid import grid_of
from dipfolio.sweep.parts import Parts
from dipfolio.sweep.work import Terms, difference, mapped
from tests.markets import make_bars

ROOT = Path(__file__).parents[2]
DEFAULT = -1
SLOW = '''
import os
import time
from dataclasses import dataclass

from dipfolio import HoldFor, Strategy, no_instruction, parameter


@dataclass(frozen=True, kw_only=True)
class Slow(Strategy):
    """Takes its time over every decision, and writes down who took it."""

    universe: str = parameter("A,B", help="what to buy")
    drop: float = parameter(0.02, help="fall in one session")
    hold: int = parameter(2, help="sessions to hold")
    pause: float = parameter(0.0, help="seconds")
    diary: str = parameter("", help="file in which every call is noted")

    def __post_init__(self):
        super().__post_init__()
        if self.hold > 6:
            from dipfolio.errors import ParameterError
            raise ParameterError(f"hold must be at most 6, found {self.hold}.")

    @property
    def exits(self):
        return (HoldFor(self.hold),)

    def targets(self, bars):
        time.sleep(self.pause)
        if self.diary:
            with open(self.diary, "a") as file:
                file.write(f"{os.getpid()} {self.drop}\\n")
        return no_instruction(bars).mask(bars.returns <= -self.drop, 0.4)
'''
PLAIN = '''
import backtrader as bt


class Crossing(bt.Strategy):
    """Holds while the close is above its mean."""

    params = (("period", 3),)
    universe = "A"

    def __init__(self):
        self.mean = bt.indicators.SMA(period=self.p.period)

    def next(self):
        if not self.position and self.data.close[0] > self.mean[0]:
            self.buy(size=10)
        elif self.position and self.data.close[0] < self.mean[0]:
            self.close()
'''


@pytest.fixture(scope="module")
def bars():
    rng = np.random.default_rng(4)
    return make_bars({s: np.round(50 * np.exp(rng.normal(0, 0.03, 60).cumsum()), 2) for s in "AB"})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ideas").mkdir()
    (tmp_path / "ideas" / "slow.py").write_text(SLOW)
    (tmp_path / "ideas" / "crossing.py").write_text(PLAIN)
    return tmp_path / "ideas"


@pytest.fixture
def small(monkeypatch):
    """Many small tasks."""
    monkeypatch.setattr(farming, "FEWEST", 3)
    monkeypatch.setattr(farming, "MOST", 3)


def terms_of(folder, name="slow"):
    return Terms(strategies=folder, name=name, account=Account(cash=50_000), first=1, eve=0)


def swept(grid, terms, bars, crew, place, **given):
    parts = Parts(place, "key", resume=given.pop("resume", False))
    tasks = tasks_of(grid, terms, bars, DEFAULT)
    return gather(farm(tasks, bars, crew, parts, **given), grid, terms, bars, DEFAULT)


def assert_same(one, other):
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_series_equal(one.default, other.default)
    pd.testing.assert_frame_equal(one.returns, other.returns)
    assert one.refused == other.refused


def test_two_processes_find_what_one_does(bars, folder, small, tmp_path):
    terms = terms_of(folder)
    grid = grid_of(terms.kind, {"hold": "1:7", "drop": "0.01:0.04"})
    alone = swept(grid, terms, bars, Crew(jobs=1), tmp_path / "a")
    assert_same(swept(grid, terms, bars, Crew(jobs=2), tmp_path / "b"), alone)
    table = alone.table
    assert len(table) == 24
    assert sorted(alone.returns) == table.index.tolist()
    assert alone.refused == dict.fromkeys(range(24, 28), "hold must be at most 6, found 7.")
    cell = table[(table["hold"] == 2) & (table["drop"] == 0.02)].iloc[0]
    assert alone.default["final_equity"] == cell["final_equity"]
    for number in table.index:
        assert difference(table.loc[number], terms, grid.cell(number), bars)[0] < 1e-6


def test_a_wrong_row_does_not_pass_for_the_run_of_backtrader(bars, folder, tmp_path):
    terms = terms_of(folder)
    grid = grid_of(terms.kind, {"hold": "1:2"})
    row = swept(grid, terms, bars, Crew(jobs=1), tmp_path / "a").table.loc[0].copy()
    row["fees"] += 0.02
    assert difference(row, terms, grid.cell(0), bars) == (pytest.approx(0.02), "fees")
    row["final_equity"] = np.nan
    assert difference(row, terms, grid.cell(0), bars)[0] == np.inf


def test_the_figures_are_mapped_and_not_copied(bars, tmp_path):
    joblib.dump(bars, tmp_path / "bars")
    found = mapped(tmp_path / "bars")
    pd.testing.assert_frame_equal(found.close, bars.close)
    base = found.close.to_numpy()
    while not isinstance(base, np.memmap) and base is not None:
        base = base.base
    assert isinstance(base, np.memmap)
    assert not found.close.to_numpy().flags.writeable


def test_a_plain_backtrader_strategy_is_swept_with_backtrader(bars, folder, tmp_path):
    terms = terms_of(folder, "crossing")
    grid = grid_of(terms.kind, {"period": "2:7"})
    table = swept(grid, terms, bars, Crew(jobs=2), tmp_path / "a").table
    assert table["period"].tolist() == [2, 3, 4, 5, 6, 7]
    assert table["final_equity"].nunique() == 6
    for number in table.index:
        assert difference(table.loc[number], terms, grid.cell(number), bars)[0] == 0


def test_what_was_done_before_an_interruption_is_not_done_again(bars, folder, small, tmp_path):
    diary = tmp_path / "diary"
    terms = terms_of(folder)
    grid = grid_of(terms.kind, {"hold": "1:3", "drop": "0.01:0.04", "diary": str(diary)})
    seen = []

    def interrupted(count):
        seen.append(count)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(grid, terms, bars, Crew(jobs=1), tmp_path / "a", said=interrupted)
    diary.write_text("")
    counts = []
    resumed = swept(grid, terms, bars, Crew(jobs=1), tmp_path / "a", said=counts.append, resume=True)
    again = sorted({line.split()[1] for line in diary.read_text().splitlines()})
    assert again == ["0.01", "0.02", "0.03", "0.04"]  # the look at what is read, the two left, and the default
    assert len(diary.read_text().splitlines()) == 4
    assert sum(counts) == len(grid) + 1
    assert_same(resumed, swept(grid, terms, bars, Crew(jobs=1), tmp_path / "b"))


def test_a_sweep_of_anything_else_does_not_go_on_with_old_parts(bars, folder, tmp_path):
    terms, grid = terms_of(folder), grid_of(terms_of(folder).kind, {"hold": "1:3"})
    key = fingerprint(grid, terms, bars)
    other = make_bars({"A": bars.close["A"] * 1.01, "B": bars.close["B"]})
    assert fingerprint(grid, terms, bars) == key
    assert fingerprint(grid, terms, other) != key
    assert fingerprint(grid_of(terms.kind, {"hold": "1:4"}), terms, bars) != key
    (folder / "slow.py").write_text(SLOW + "\n# changed\n")
    assert fingerprint(grid, terms, bars) != key
    swept(grid, terms, bars, Crew(jobs=1), tmp_path / "a")
    assert Parts(tmp_path / "a", "key", resume=True).done()
    assert Parts(tmp_path / "a", "other", resume=True).done() == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"file.* cannot be written"):
        Parts(tmp_path / "file" / "parts", "key", resume=False)


def test_a_scheduler_that_does_not_answer_is_named(bars, folder, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(farming, "PATIENCE", "1s")
    terms = terms_of(folder)
    with pytest.raises(FarmError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        swept(grid_of(terms.kind, {"hold": "1:2"}), terms, bars, Crew(scheduler="tcp://127.0.0.1:1"), tmp_path / "a")


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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sockets of the worker that was killed
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the same sockets
def test_a_cluster_that_loses_a_worker_finds_the_same(bars, folder, small, tmp_path, cluster):
    import json

    address, workers = cluster
    diary, terms = tmp_path / "diary", terms_of(folder)
    grid = grid_of(terms.kind, {"hold": "1:3", "drop": "0.01:0.06:0.0025", "diary": str(diary), "pause": "0.2"})
    crew = Crew(scheduler=json.loads(address.read_text())["address"])
    counts, killed = [], []

    def kill_one(count):
        counts.append(count)
        working = {int(line.split()[0]) for line in diary.read_text().splitlines()} & {worker.pid for worker in workers}
        if len(working) == 2 and len(counts) >= 4 and not killed:
            killed.append(workers[0])
            os.kill(workers[0].pid, signal.SIGKILL)

    found = swept(grid, terms, bars, crew, tmp_path / "a", said=kill_one)
    assert killed
    assert workers[0].wait(10) == -signal.SIGKILL
    assert len(counts) < sum(counts) == len(grid) + 1
    assert_same(found, swept(grid, terms, bars, Crew(jobs=1), tmp_path / "b"))


def test_strategies_are_imported_by_name_in_every_process(folder):
    assert terms_of(folder).kind is load_strategy(folder, "slow")
