"""The benchmarks: contestants do the same work, and the guard notices what has become slow."""

import re
from datetime import date
from pathlib import Path

import pytest

from benchmarks import peers, simulation
from benchmarks.__main__ import LIBRARIES, middle, slower
from benchmarks.clock import Race
from benchmarks.markets import random_bars
from benchmarks.plain import run_plain
from benchmarks.row import Row, rows
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import run_simulation

ROOT = Path(__file__).parents[1]


def rule(bars, **parameters):
    return load_strategy(ROOT / "strategies", "dip-rule")(universe=",".join(bars.symbols), **parameters)


def test_plain_backtrader_ends_with_the_same_money():
    bars = random_bars(5, 400)
    run_log = run_simulation(rule(bars), bars, simulation.FEES)
    assert len(run_log.fills) > 20
    assert run_plain(bars) == pytest.approx(run_log.equity[-1], abs=1e-6)


def test_bt_ends_with_the_same_money():
    pytest.importorskip("bt")
    bars = random_bars(5, 400)
    run_log = run_simulation(rule(bars, drop=peers.DROP, hold=peers.HOLD, fill="close"), bars, peers.FEES)
    assert len(run_log.fills) > 20
    assert peers.bt_run(bars)() == pytest.approx(run_log.equity[-1], abs=1e-6)


def test_ratios_are_medians_of_pairs_and_not_ratios_of_medians():
    found = Race(seconds={"bare": (1.0, 2.0, 4.0), "ours": (0.9, 1.0, 4.4)})
    bare, ours = rows(found, "bare", {"ours": 0.8})
    assert bare.ratio == 1
    assert (ours.seconds, ours.ratio, ours.target) == (1.0, pytest.approx(0.9), 0.8)


@pytest.mark.parametrize(("ratio", "late"), [(0.9, False), (1.12, False), (1.13, True)])
def test_the_guard_fails_a_quarter_above_the_target(ratio, late):
    row = Row(what="ours", seconds=1.0, ratio=ratio, against="bare", target=0.9)
    assert slower(["a line of words", row]) == ([row] if late else [])


def test_the_median_of_three_measurements_decides_for_each_row():
    runs = [[Row(what=what, seconds=1.0, ratio=ratio, against="b", target=1.0) for what, ratio in pairs] + ["a heading"]
            for pairs in ((("a", 2.0), ("c", 0.5)), (("a", 1.0), ("c", 2.0)), (("a", 1.1), ("c", 1.9)))]  # fmt: skip
    assert [(row.what, row.ratio) for row in middle(runs)] == [("a", 1.1), ("c", 1.9)]
    assert [row.what for row in slower(middle(runs))] == ["c"]


def test_a_row_without_a_target_is_never_slow():
    assert slower([Row(what="ours", seconds=1.0, ratio=1e9, against="bare")]) == []


def test_the_readme_shows_what_the_benchmarks_print_with_the_date_and_the_versions():
    text = (ROOT / "README.md").read_text()
    head, *lines = re.search(r"```console\n(\d{4}-\d\d-\d\d, Python .*?)```", text, re.DOTALL).group(1).splitlines()
    assert date.fromisoformat(head[:10]) >= date(2026, 11, 24)
    assert [word.split()[0] for word in head.split(", ")[2:]] == list(LIBRARIES)
    code = "".join(path.read_text() for path in (ROOT / "benchmarks").glob("*.py"))
    shown = [line.strip().split("  ")[0] for line in lines if line.startswith("  ") and " of " in line]
    assert len(shown) >= 9
    for what in shown:
        assert re.sub(r"\d[\d,]*", "", what).split()[0] in code
