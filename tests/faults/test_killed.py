"""SIGKILL: at every single step at which a command changes something on disk, and at random moments of the whole program.

Whatever the moment, reports and caches are whole or absent, nothing that was there before is lost, the next command works,
and nothing of the dead process is left after it.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.evidence.trial_log import TRIAL_LOG_FILE, TrialLog
from tests.support.killed_process import ROOT
from tests.support.reports import all_whole, contents, left_over, reports_in, state
from tests.support.yahoo import Yahoo, chart

pytestmark = pytest.mark.slow

RUN = ("hold-benchmark", "--end", "2024-02-29")
REPORT = "hold-benchmark--end-2024-02-29"
ANOTHER = ("hold-benchmark", "--end", "2024-01-31")
SWEEP = ("sweep", "hold-benchmark", "--fill", "open,close", "--end", "2024-02-29", "--jobs", "1", "--verify", "0")


def steady(shelf):
    """The contents of a shelf without what names a time of day."""
    return {name: text for name, text in contents(shelf).items() if name != "index.html"}


class Seen:
    """The states of a folder that were met before: from each the next command has to recover, but not twice from the same."""

    def __init__(self):
        self.states = set()

    def add_new(self, folder):
        found, new = state(folder), state(folder) not in self.states
        self.states.add(found)
        return new


@pytest.fixture
def seen():
    seen = Seen()
    yield seen
    assert len(seen.states) > 3


def die_before(mortal, home, step, *words, **given):
    code, *_ = mortal(home, *words, dies_before=step, **given)
    assert code == -signal.SIGKILL


@pytest.mark.slow
def test_a_run_killed_at_any_step_leaves_a_whole_report_or_none_and_the_next_one_works(mortal, home, seen):
    *_, steps = mortal(home, *RUN)
    good = steady(home / "reports")
    assert steps > 15
    for step in range(1, steps + 1):
        shutil.rmtree(home / "reports", ignore_errors=True)
        die_before(mortal, home, step, *RUN)
        assert all_whole(home / "reports"), step
        assert len(TrialLog(home / "reports" / TRIAL_LOG_FILE).read()) >= len(reports_in(home / "reports")), step
        if not seen.add_new(home / "reports"):
            continue
        code, _, err, _ = mortal(home, *RUN)
        assert (code, err) == (0, ""), step
        assert steady(home / "reports") == good, step
        assert left_over(home) == [], step


@pytest.mark.slow
def test_an_older_report_survives_a_kill_at_any_step_of_the_run_that_replaces_it(mortal, home, seen):
    mortal(home, *RUN)
    older = {name: text for name, text in steady(home / "reports").items() if name.startswith(REPORT)}
    shutil.copytree(home / "reports", home / "before")
    *_, steps = mortal(home, *RUN, "--force")
    for step in range(1, steps + 1):
        shutil.rmtree(home / "reports", ignore_errors=True)
        shutil.copytree(home / "before", home / "reports")
        die_before(mortal, home, step, *RUN, "--force")
        assert all_whole(home / "reports"), step
        if not seen.add_new(home / "reports"):
            continue
        code, _, err, _ = mortal(home, *ANOTHER)  # anybody who comes by puts it back
        assert (code, err) == (0, ""), step
        assert older.items() <= steady(home / "reports").items(), step
        assert left_over(home) == [], step


@pytest.mark.slow
def test_a_sweep_killed_at_any_step_loses_no_finished_part(mortal, home, seen):
    shelf = home / "reports"
    page, parts, before = shelf / "sweep-hold-benchmark", shelf / ".sweep-hold-benchmark", 0
    *_, steps = mortal(home, *SWEEP)
    good = pd.read_parquet(page / "sweep.parquet")
    for step in range(1, steps + 1):
        shutil.rmtree(shelf, ignore_errors=True)
        die_before(mortal, home, step, *SWEEP)
        finished = len(list(parts.glob("part-*.sha256")))
        assert finished >= before or page.is_dir(), step
        before = finished
        if not seen.add_new(shelf):
            continue
        code, _, err, _ = mortal(home, *SWEEP, "--resume")
        assert (code, err) == (0, ""), step
        pd.testing.assert_frame_equal(pd.read_parquet(page / "sweep.parquet"), good)
        assert sorted(path.name for path in page.iterdir()) == ["returns.parquet", "sweep.html", "sweep.parquet"], step
        assert left_over(home) == [], step
        assert not parts.exists(), step


@pytest.fixture
def yahoo():
    server = Yahoo()
    yield server
    server.close()


CLOSES = [138.31, 144.47, 149.43, 140.14, 140.11, 135.91]
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
FETCH = ("data", "fetch", *SYMBOLS, "--start", "2025-01-02")


def split_since(yahoo):
    """The symbols have split ten for one, so every price, volume and dividend that is stored has to change at once."""
    made = chart([close / 10 for close in CLOSES], dividends={"2025-01-06": 0.004}, splits={"2025-01-10": (10, 1)})
    quote = made["indicators"]["quote"][0]
    quote["high"] = [(close + 1) / 10 for close in CLOSES]
    quote["low"] = [(close - 1) / 10 for close in CLOSES]
    quote["volume"] = [10 * (1000 + i) for i in range(6)]
    yahoo.charts.update(dict.fromkeys(SYMBOLS, made))


@pytest.mark.slow
def test_a_fetch_killed_at_any_step_leaves_figures_that_agree_with_one_another(mortal, home, yahoo, seen):
    """A split divides the dividends of the past with the prices; a run between the two would earn a tenth or tenfold."""
    (home / "data").unlink()
    (home / "data").mkdir()
    yahoo.charts.update(dict.fromkeys(SYMBOLS, chart(CLOSES, dividends={"2025-01-06": 0.04})))
    code, *_ = mortal(home, *FETCH, "--end", "2025-01-08", port=yahoo.port)
    assert code == 0
    cache = home / "data" / "cache"
    shutil.copytree(cache, home / "before")
    split_since(yahoo)
    *_, steps = mortal(home, *FETCH, "--end", "2025-01-10", port=yahoo.port)
    good = contents(cache)
    assert steps > 15
    for step in range(1, steps + 1):
        shutil.rmtree(cache)
        shutil.copytree(home / "before", cache)
        die_before(mortal, home, step, *FETCH, "--end", "2025-01-10", port=yahoo.port)
        bars = load_bars(cache)
        paid = bars.dividends.sum() / bars.close.iloc[0]
        assert paid.tolist() == pytest.approx([0.04 / CLOSES[0]] * len(SYMBOLS), rel=1e-6), step
        if not seen.add_new(cache):
            continue
        code, _, err, _ = mortal(home, *FETCH, "--end", "2025-01-10", port=yahoo.port)
        assert (code, err) == (0, ""), step
        assert contents(cache) == good, step
        assert left_over(home) == [], step


@pytest.mark.slow
def test_an_export_killed_at_any_step_leaves_the_whole_new_folder_or_the_whole_earlier_one(mortal, home, yahoo):
    (home / "data").unlink()
    (home / "data").mkdir()
    yahoo.charts.update(dict.fromkeys(SYMBOLS, chart(CLOSES, dividends={"2025-01-06": 0.04})))
    export = ("data", "export", "AAA", "--to", "out", "--force")
    mortal(home, *FETCH, "--end", "2025-01-08", port=yahoo.port)
    assert mortal(home, *export)[0] == 0
    earlier = contents(home / "out")
    split_since(yahoo)
    mortal(home, *FETCH, "--end", "2025-01-10", port=yahoo.port)
    shutil.copytree(home / "out", home / "before")
    *_, steps = mortal(home, *export)
    new = contents(home / "out")
    assert new != earlier
    assert steps > 8
    for step in range(1, steps + 1):
        shutil.rmtree(home / "out", ignore_errors=True)
        shutil.copytree(home / "before", home / "out")
        die_before(mortal, home, step, *export)
        found = contents(home / "out") if (home / "out").exists() else None
        assert found in (earlier, new, None), step
        mortal(home, "data", "export", "AAA", "--to", "other", "--force")  # whoever writes there next puts the earlier one back
        assert contents(home / "out") in (earlier, new), step
        assert left_over(home) == [], step


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_whole_program_killed_at_a_random_moment_leaves_nothing_half_done(home, seed):
    """With everything in it: imports, drawing, partly written files."""
    (home / "backtest.py").write_text((ROOT / "backtest.py").read_text(encoding="utf-8"), encoding="utf-8")
    words = [sys.executable, "backtest.py", *RUN]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "cwd": home, "env": surroundings}
    program = subprocess.Popen(words, **silent)
    time.sleep(random.Random(seed).uniform(0.2, 3.0))  # noqa: S311
    program.kill()
    program.communicate()
    assert all_whole(home / "reports")
    again = subprocess.run(words, check=False, **silent)
    assert (again.returncode, again.stderr) == (0, "")
    assert all_whole(home / "reports")
    assert [path.name for path in reports_in(home / "reports")] == [REPORT]
    assert left_over(home) == []
