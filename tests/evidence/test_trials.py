"""Trials: what makes two runs the same trial."""

import math
from dataclasses import replace

import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.simulation import simulate
from dipfolio.evidence.trials import trial_of
from tests.ideas import script
from tests.markets import make_bars
from tests.trials import trial


def test_other_figures_another_window_or_family_are_another_trial():
    keys = {t.key for t in (trial(), replace(trial(), figures="d"), replace(trial(), window=("a", "b")), trial(family="F3"))}
    assert len(keys) == 4
    assert replace(trial(), ratio=9.0).key == trial().key


def test_a_run_becomes_a_trial():
    bars = make_bars({"A": [100, 101, 99, 104, 103, 108]})
    result = simulate(script({0: {"A": 100}}, exits=[HoldFor(3)]), bars)
    found = trial_of(result, "mine")
    assert (found.family, found.observations, found.figures) == ("mine", 6, bars.provenance.sha256)
    assert found.ratio == pytest.approx(result.returns.mean() / result.returns.std())
    assert math.isnan(trial_of(simulate(script({}), bars)).ratio)


def test_the_benchmark_makes_no_other_trial_and_the_account_does():
    bars = make_bars({"A": [100, 101, 99, 104, 103, 108], "B": [10, 11, 12, 11, 10, 12]})
    idea = script({0: {"A": 100}}, exits=[HoldFor(3)])
    alone, beside = (
        trial_of(simulate(idea, figures, benchmark=name), bars=figures)
        for figures, name in ((bars.select(("A",)), ""), (bars, "B"))
    )
    assert alone.key == beside.key
    dearer = trial_of(simulate(idea, bars, Account(slippage_bps=50)), bars=bars)
    assert dearer.account == {"slippage_bps": 50}
    assert dearer.key != alone.key


def test_figures_after_the_window_make_no_other_trial():
    bars = make_bars({"A": [100, 101, 99, 104, 103, 108]})
    idea, end = script({0: {"A": 100}}, exits=[HoldFor(2)]), bars.sessions[4]
    whole = trial_of(simulate(idea, bars, end=end.date()), bars=bars)
    assert whole.key == trial_of(simulate(idea, bars.until(end)), bars=bars.until(end)).key
