"""Sweeps in the register: the numbers of all variants, as if each had been run alone."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from dipfolio.cli.home import Home
from dipfolio.cli.main import _guarded
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.evidence.deflation import distinct, shared
from dipfolio.evidence.register import Register
from dipfolio.evidence.trials import trial_of
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sweep(tmp_path, monkeypatch, capsys):
    """Run a sweep and give the register."""
    monkeypatch.chdir(tmp_path)
    home = Home(strategies=ROOT / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        assert not _guarded(["sweep", *words, "--verify", "0", "--jobs", "1"], home), capsys.readouterr()
        return Register(tmp_path / "reports" / "trials.jsonl")

    return call


def alone(name, **parameters):
    """The trial of one variant, run by itself."""
    strategy = load_strategy(ROOT / "strategies", name)(**parameters)
    bars = load_bars(ROOT / "data", (*strategy.symbols, "SPY"))
    return trial_of(simulate(strategy, bars, benchmark="SPY"), bars=bars)


def test_a_sweep_is_registered_with_the_numbers_of_its_variants(sweep):
    register = sweep("dip-rule", "--drop", "0.04,0.05,0.5", "--hold", "5,20")
    (found,) = register.read()
    runs = {(d, h): alone("dip-rule", drop=d, hold=h) for d in (0.04, 0.05) for h in (5, 20)}
    ratios = [run.ratio for run in runs.values()]
    assert found.axes["drop"] == (0.04, 0.05, 0.5)
    assert found.axes["fill"] == ("open",)
    assert found.traded == 4  # nothing falls by half in a day
    assert found.mean == pytest.approx(np.mean(ratios), rel=1e-9)
    assert found.squares == pytest.approx(np.var(ratios) * 4, rel=1e-9)
    assert all(shared(run, found) == 1 for run in runs.values())
    assert distinct([*runs.values(), found]) == (found,)
    assert len(sweep("dip-rule", "--drop", "0.5,0.05,0.04", "--hold", "5,20").read()) == 1


def test_a_default_that_is_no_cell_of_the_grid_was_tried_as_well(sweep):
    grid, default = sweep("dip-rule", "--hold", "5,10").read()
    assert grid.axes["hold"] == (5, 10)
    assert (default.axes["hold"], default.traded) == ((20,), 1)
    assert default.mean == pytest.approx(alone("dip-rule").ratio, rel=1e-9)


def test_every_universe_is_an_entry_with_its_own_figures(sweep):
    entries = sweep("dip-rule", "--universe", "SMH;NVDA", "--hold", "5,20").read()
    assert [entry.axes["universe"] for entry in entries] == [("SMH",), ("NVDA",)]
    assert shared(alone("dip-rule", universe="NVDA", hold=5), entries[1]) == 1
    assert len({entry.figures for entry in entries}) == 2


def test_dates_and_a_shorter_window_are_those_of_the_runs(sweep):
    (found,) = (
        e for e in sweep("buy-the-dip", "--day", "2025-01-27,2025-01-28", "--hold", "5,10").read() if len(e.axes["day"]) > 1
    )
    assert found.axes["day"] == ("2025-01-27", "2025-01-28")
    assert shared(alone("buy-the-dip", day=date(2025, 1, 28), hold=10), found) == 1


def test_costs_are_part_of_what_was_tried(sweep):
    sweep("dip-rule", "--hold", "5,20")
    assert len(sweep("dip-rule", "--hold", "5,20", "--slippage-bps", "0").read()) == 2


def test_variants_with_the_same_outcome_are_one_trial(sweep):
    register = sweep("dip-rule", "--sigmas", "2.5", "--drop", "0.02:0.06:0.01", "--hold", "5,20")  # drop is not looked at
    found = next(entry for entry in register.read() if len(entry.axes["drop"]) == 5)
    ratios = [alone("dip-rule", sigmas=2.5, hold=hold).ratio for hold in (5, 20)]
    assert found.traded == 2
    assert found.mean == pytest.approx(np.mean(ratios), rel=1e-9)


def test_a_riskless_rate_changes_nothing_that_is_registered(sweep, tmp_path):
    words = ("dip-rule", "--drop", "0.04,0.05", "--hold", "5,20")
    (plain,) = sweep(*words).read()
    (tmp_path / "reports" / "trials.jsonl").unlink()
    (charged,) = sweep(*words, "--risk-free", "0.043").read()
    assert charged == plain
