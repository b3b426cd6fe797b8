"""The register of trials: nothing lost, nothing twice, whatever happens to the file."""

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dipfolio.errors import ReportError
from dipfolio.evidence.register import Register
from tests.trials import swept, trial


def test_a_trial_run_twice_is_one_trial(tmp_path):
    register = Register(tmp_path / "reports" / "trials.jsonl")
    assert register.read() == ()
    assert register.add([trial(1), trial(2), trial(1)]) == 2
    assert register.add([trial(2, ratio=0.07), trial(3)]) == 1
    assert register.read() == (trial(1), trial(2), trial(3))
    assert len(register.path.read_text().splitlines()) == 3


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


def test_a_sweep_is_one_line_and_comes_back_as_it_was(tmp_path):
    register = Register(tmp_path / "trials.jsonl")
    ratios = np.random.default_rng(1).normal(0, 0.05, 2000)
    ratios[:7] = np.nan
    one = swept(np.arange(1, 41) / 1000, range(1, 51), ratios)
    assert register.add([one, one]) == 1
    assert register.add([one]) == 0
    assert register.read() == (one,)
    assert register.read(strategy="other") == ()
    (line,) = register.path.read_text().splitlines()
    assert len(line) < 1500


def test_a_sweep_with_its_values_in_another_order_is_the_same_sweep(tmp_path):
    register = Register(tmp_path / "trials.jsonl")
    assert (
        register.add([swept([0.04, 0.05], [5, 20], [0.1, 0.2, 0.3, 0.4]), swept([0.05, 0.04], [20, 5], [0.4, 0.3, 0.2, 0.1])])
        == 1
    )


def test_a_register_of_before_there_were_sweeps_is_read(tmp_path):
    path = tmp_path / "trials.jsonl"
    old = (
        '{"family": "F2", "figures": "abc", "observations": 250, "parameters": {"drop": 0.01, "sigmas": null}, "ratio": 0.05, '
        '"strategy": "dip-rule", "window": ["2020-01-02", "2021-01-04"]}\n'
    )
    path.write_text(old)
    assert Register(path).read() == (trial(1),)
    assert Register(path).add([trial(1), swept([0.04], [5], [0.1])]) == 1
    assert path.read_text().startswith(old)
