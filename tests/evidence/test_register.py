"""The register of trials: nothing lost, nothing twice, whatever happens to the file."""

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
    assert register.read() == (trial(1),)  # it may be being written
    assert register.add([trial(2)]) == 1
    with pytest.warns(UserWarning, match=r"trials\.jsonl: line 2 is damaged and not counted"):
        assert register.read() == (trial(1), trial(2))


def test_an_empty_line_is_nothing(tmp_path):
    register = Register(tmp_path / "trials.jsonl")
    register.add([trial(1)])
    register.path.write_text(f"\n{register.path.read_text()}\n\n")
    assert register.read() == (trial(1),)


def test_many_writers_lose_nothing(tmp_path):
    register = Register(tmp_path / "trials.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: register.add([trial(n), trial(0)]), range(1, 41)))
    assert {t.parameters["drop"] for t in register.read()} == {n / 100 for n in range(41)}


@pytest.mark.parametrize("line", ['{"family": "F2"}', "[1, 2]", "7", '"x"', "null", "{", "[" * 100_000])
def test_a_line_that_is_no_trial_is_named_and_costs_nothing_else(tmp_path, line):
    register = Register(tmp_path / "trials.jsonl", say=(told := []).append)
    register.add([trial(1)])
    with register.path.open("a") as file:
        file.write(f"{line}\n")
    assert register.add([trial(2)]) == 1
    assert register.read() == (trial(1), trial(2))
    assert set(told) == {
        f"{register.path}: line 2 is damaged and not counted; what is run again is written down again. Remove it to end this."
    }


def test_many_damaged_lines_are_one_sentence(tmp_path):
    register = Register(tmp_path / "trials.jsonl", say=(told := []).append)
    register.path.write_text("{\n" * 12)
    assert register.read() == ()
    (sentence,) = told
    assert "lines 1, 2, 3, 4, 5, 6, 7, 8 ... are damaged" in sentence


@pytest.mark.parametrize("entry", [trial(1), swept([0.04, 0.05], [5, 20], [0.1, 0.2, 0.3, 0.4])], ids=["run", "sweep"])
def test_not_one_character_of_a_line_can_change_unnoticed(tmp_path, entry):
    """Each in turn becomes another one: it is said, or what is read is what was written."""
    register = Register(tmp_path / "trials.jsonl", say=(told := []).append)
    register.add([entry])
    line, noticed = register.path.read_text().rstrip("\n"), 0
    for place, letter in enumerate(line):
        register.path.write_text(f"{line[:place]}{'1' if letter != '1' else '2'}{line[place + 1 :]}\n")
        told.clear()
        found = register.read()
        assert found == (() if told else (entry,)), place
        noticed += bool(told)
    assert noticed > 0.9 * len(line)
    register.path.write_text("{\n")
    assert register.add([entry]) == 1
    assert register.read() == (entry,)


def test_a_register_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "trials.jsonl").mkdir()
    with pytest.raises(ReportError, match="cannot be read"):
        Register(tmp_path / "trials.jsonl").read()


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
