"""The register of trials: nothing lost, nothing twice, whatever happens to the file."""

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dipfolio.engine.exits import HoldFor
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ReportError
from dipfolio.evidence.sharpe import sharpe_of
from dipfolio.evidence.trials import Register, Trial, deflate, trial_of
from tests.ideas import script
from tests.markets import make_bars


def trial(number=1, ratio=0.05, family="F2"):
    return Trial(
        family=family, strategy="dip-rule", parameters={"drop": number / 100, "sigmas": None},
        window=("2020-01-02", "2021-01-04"), figures="abc", observations=250, ratio=ratio,
    )  # fmt: skip


def test_a_trial_run_twice_is_one_trial(tmp_path):
    register = Register(tmp_path / "reports" / "trials.jsonl")
    assert register.read() == ()
    assert register.add([trial(1), trial(2), trial(1)]) == 2
    assert register.add([trial(2, ratio=0.07), trial(3)]) == 1
    assert register.read() == (trial(1), trial(2), trial(3))
    assert len(register.path.read_text().splitlines()) == 3


def test_other_figures_another_window_or_family_are_another_trial(tmp_path):
    from dataclasses import replace

    keys = {t.key for t in (trial(), replace(trial(), figures="d"), replace(trial(), window=("a", "b")), trial(family="F3"))}
    assert len(keys) == 4
    assert replace(trial(), ratio=9.0).key == trial().key


def test_families_are_counted_apart_and_a_variant_that_never_traded_is_kept(tmp_path):
    register = Register(tmp_path / "trials.jsonl")
    register.add([trial(1), trial(2, ratio=math.nan), trial(3, family="F3")])
    found = register.read("F2")
    assert [t.parameters["drop"] for t in found] == [0.01, 0.02]
    assert math.isnan(found[1].ratio)
    assert "NaN" not in register.path.read_text()


def test_a_line_that_a_crash_has_cut_off_costs_nothing_else(tmp_path):
    register = Register(tmp_path / "trials.jsonl")
    register.add([trial(1)])
    with register.path.open("a") as file:
        file.write('{"family": "F2", "stra')
    assert register.read() == (trial(1),)
    assert register.add([trial(2)]) == 1
    assert register.read() == (trial(1), trial(2))


def test_many_writers_lose_nothing(tmp_path):
    register = Register(tmp_path / "trials.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: register.add([trial(n), trial(0)]), range(1, 41)))
    assert {t.parameters["drop"] for t in register.read()} == {n / 100 for n in range(41)}


def test_a_line_that_is_no_trial_is_named(tmp_path):
    path = tmp_path / "trials.jsonl"
    path.write_text(json.dumps({"family": "F2"}) + "\n")
    with pytest.raises(ReportError, match=r"Line 1 of .* is no trial.*Remove that line"):
        Register(path).read()


def test_a_run_becomes_a_trial():
    bars = make_bars({"A": [100, 101, 99, 104, 103, 108]})
    result = simulate(script({0: {"A": 100}}, exits=[HoldFor(3)]), bars)
    found = trial_of(result, "mine")
    assert (found.family, found.observations, found.figures) == ("mine", 6, bars.provenance.sha256)
    assert found.ratio == pytest.approx(result.returns.mean() / result.returns.std())
    assert math.isnan(trial_of(simulate(script({}), bars)).ratio)


def test_deflation_counts_every_trial_that_traded():
    returns = np.random.default_rng(1).normal(0.001, 0.01, 500)
    chosen = sharpe_of(returns)
    trials = [trial(n, ratio) for n, ratio in enumerate([chosen.ratio, 0.02, -0.03, 0.05, math.nan])]
    found = deflate(chosen, trials)
    variance = np.var([chosen.ratio, 0.02, -0.03, 0.05], ddof=1)
    assert found.trials == 4
    assert found.probability == pytest.approx(chosen.deflated(4, variance))
    assert deflate(chosen, trials, effective=2.5).probability > found.probability
    assert math.isnan(deflate(chosen, trials[:1]).probability)
