"""Trials: what makes two runs the same trial."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace
from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ReportError
from dipfolio.evidence.sharpe_ratio import sharpe_of
from dipfolio.evidence.trial_log import TrialLog, count_shared_variants, deflate_sharpe, distinct_entries, trial_of
from tests.support.markets import make_bars
from tests.support.strategies import script
from tests.support.trials import singles, swept, trial


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


ROOT = Path(__file__).parents[2]


@pytest.fixture
def sweep(tmp_path, monkeypatch, capsys):
    """Run a sweep and give the register."""
    monkeypatch.chdir(tmp_path)
    home = Workspace(strategies=ROOT / "strategies", data=ROOT / "data", reports=tmp_path / "reports")

    def call(*words):
        assert not _guarded(["sweep", *words, "--verify", "0", "--jobs", "1"], home), capsys.readouterr()
        return TrialLog(tmp_path / "reports" / "trials.jsonl")

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
    assert all(count_shared_variants(run, found) == 1 for run in runs.values())
    assert distinct_entries([*runs.values(), found]) == (found,)
    assert len(sweep("dip-rule", "--drop", "0.5,0.05,0.04", "--hold", "5,20").read()) == 1


def test_a_default_that_is_no_cell_of_the_grid_was_tried_as_well(sweep):
    grid, default = sweep("dip-rule", "--hold", "5,10").read()
    assert grid.axes["hold"] == (5, 10)
    assert (default.axes["hold"], default.traded) == ((20,), 1)
    assert default.mean == pytest.approx(alone("dip-rule").ratio, rel=1e-9)


def test_every_universe_is_an_entry_with_its_own_figures(sweep):
    entries = sweep("dip-rule", "--universe", "SMH;NVDA", "--hold", "5,20").read()
    assert [entry.axes["universe"] for entry in entries] == [("SMH",), ("NVDA",)]
    assert count_shared_variants(alone("dip-rule", universe="NVDA", hold=5), entries[1]) == 1
    assert len({entry.figures for entry in entries}) == 2


def test_dates_and_a_shorter_window_are_those_of_the_runs(sweep):
    (found,) = (
        e for e in sweep("buy-the-dip", "--day", "2025-01-27,2025-01-28", "--hold", "5,10").read() if len(e.axes["day"]) > 1
    )
    assert found.axes["day"] == ("2025-01-27", "2025-01-28")
    assert count_shared_variants(alone("buy-the-dip", day=date(2025, 1, 28), hold=10), found) == 1


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


def test_a_trial_run_twice_is_one_trial(tmp_path):
    register = TrialLog(tmp_path / "reports" / "trials.jsonl")
    assert register.read() == ()
    assert register.add([trial(1), trial(2), trial(1)]) == 2
    assert register.add([trial(2, ratio=0.07), trial(3)]) == 1
    assert register.read() == (trial(1), trial(2), trial(3))
    assert len(register.path.read_text().splitlines()) == 3


def test_families_are_counted_apart_and_a_variant_that_never_traded_is_kept(tmp_path):
    register = TrialLog(tmp_path / "trials.jsonl")
    register.add([trial(1), trial(2, ratio=math.nan), trial(3, family="F3")])
    found = register.read("F2")
    assert [t.parameters["drop"] for t in found] == [0.01, 0.02]
    assert math.isnan(found[1].ratio)
    assert "NaN" not in register.path.read_text()


def test_a_line_that_a_crash_has_cut_off_costs_nothing_else(tmp_path):
    register = TrialLog(tmp_path / "trials.jsonl")
    register.add([trial(1)])
    with register.path.open("a") as file:
        file.write('{"family": "F2", "stra')
    assert register.read() == (trial(1),)  # it may be being written
    assert register.add([trial(2)]) == 1
    with pytest.warns(UserWarning, match=r"trials\.jsonl: line 2 is damaged and not counted"):
        assert register.read() == (trial(1), trial(2))


def test_an_empty_line_is_nothing(tmp_path):
    register = TrialLog(tmp_path / "trials.jsonl")
    register.add([trial(1)])
    register.path.write_text(f"\n{register.path.read_text()}\n\n")
    assert register.read() == (trial(1),)


def test_many_writers_lose_nothing(tmp_path):
    register = TrialLog(tmp_path / "trials.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: register.add([trial(n), trial(0)]), range(1, 41)))
    assert {t.parameters["drop"] for t in register.read()} == {n / 100 for n in range(41)}


@pytest.mark.parametrize("line", ['{"family": "F2"}', "[1, 2]", "7", '"x"', "null", "{", "[" * 100_000])
def test_a_line_that_is_no_trial_is_named_and_costs_nothing_else(tmp_path, line):
    register = TrialLog(tmp_path / "trials.jsonl", warn=(told := []).append)
    register.add([trial(1)])
    with register.path.open("a") as file:
        file.write(f"{line}\n")
    assert register.add([trial(2)]) == 1
    assert register.read() == (trial(1), trial(2))
    assert set(told) == {
        f"{register.path}: line 2 is damaged and not counted; what is run again is written down again. Remove it to end this."
    }


def test_many_damaged_lines_are_one_sentence(tmp_path):
    register = TrialLog(tmp_path / "trials.jsonl", warn=(told := []).append)
    register.path.write_text("{\n" * 12)
    assert register.read() == ()
    (sentence,) = told
    assert "lines 1, 2, 3, 4, 5, 6, 7, 8 ... are damaged" in sentence


@pytest.mark.parametrize("entry", [trial(1), swept([0.04, 0.05], [5, 20], [0.1, 0.2, 0.3, 0.4])], ids=["run", "sweep"])
def test_not_one_character_of_a_line_can_change_unnoticed(tmp_path, entry):
    """Each in turn becomes another one: it is said, or what is read is what was written."""
    register = TrialLog(tmp_path / "trials.jsonl", warn=(told := []).append)
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
        TrialLog(tmp_path / "trials.jsonl").read()


def test_a_sweep_is_one_line_and_comes_back_as_it_was(tmp_path):
    register = TrialLog(tmp_path / "trials.jsonl")
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
    register = TrialLog(tmp_path / "trials.jsonl")
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
    assert TrialLog(path).read() == (trial(1),)
    assert TrialLog(path).add([trial(1), swept([0.04], [5], [0.1])]) == 1
    assert path.read_text().startswith(old)


DROPS, HOLDS = (0.02, 0.03, 0.04), (1, 5, 20, 60)
RATIOS = np.random.default_rng(4).normal(0.01, 0.03, (3, 4))


@pytest.fixture(scope="module")
def chosen():
    return sharpe_of(np.random.default_rng(1).normal(0.001, 0.01, 250))


def test_deflation_counts_every_trial_that_traded(chosen):
    trials = [trial(n, ratio) for n, ratio in enumerate([chosen.ratio, 0.02, -0.03, 0.05, math.nan])]
    found = deflate_sharpe(chosen, trials)
    variance = np.var([chosen.ratio, 0.02, -0.03, 0.05], ddof=1)
    assert found.trials == 4
    assert found.probability == pytest.approx(chosen.deflated(4, variance))
    assert deflate_sharpe(chosen, trials, effective=2.5).probability > found.probability
    assert math.isnan(deflate_sharpe(chosen, trials[:1]).probability)


def same(one, other):
    assert one.trials == other.trials
    assert one.variance == pytest.approx(other.variance, rel=1e-12)
    assert one.probability == pytest.approx(other.probability, rel=1e-12)


def test_a_sweep_counts_as_if_each_variant_had_a_line(chosen):
    holed = RATIOS.copy()
    holed[1, 2] = math.nan
    beside = singles([0.08], HOLDS, [[0.09, -0.02, math.nan, 0.0]])
    found = deflate_sharpe(chosen, [swept(DROPS, HOLDS, holed), *beside])
    same(found, deflate_sharpe(chosen, [*singles(DROPS, HOLDS, holed), *beside]))
    known = np.concatenate([holed.ravel(), [0.09, -0.02, 0.0]])
    known = known[~np.isnan(known)]
    assert found.trials == 14
    assert found.variance == pytest.approx(np.var(known, ddof=1))
    assert found.probability == pytest.approx(chosen.deflated(14, np.var(known, ddof=1)))


def test_two_sweeps_that_share_nothing_are_put_together_exactly(chosen):
    other = np.random.default_rng(5).normal(0, 0.05, (2, 4))
    both = [swept(DROPS, HOLDS, RATIOS), swept((0.1, 0.2), HOLDS, other)]
    same(
        deflate_sharpe(chosen, both), deflate_sharpe(chosen, [*singles(DROPS, HOLDS, RATIOS), *singles((0.1, 0.2), HOLDS, other)])
    )


def test_what_lies_within_a_sweep_is_counted_once(chosen):
    whole, cell = swept(DROPS, HOLDS, RATIOS), singles([0.03], [20], [RATIOS[1, 2]])
    part = swept(DROPS[1:], HOLDS[:2], RATIOS[1:, :2])
    again = swept(DROPS[::-1], HOLDS, RATIOS[::-1])
    for order in ([whole, *cell, part, again], [*cell, part, again, whole]):
        same(deflate_sharpe(chosen, order), deflate_sharpe(chosen, [whole]))
    other = singles([0.03], [21], [0.1])
    assert deflate_sharpe(chosen, [whole, *cell, *other]).trials == 13


def test_a_sweep_of_one_variant_is_that_run(chosen):
    one, single = swept([0.03], [20], [0.1]), singles([0.03], [20], [0.1])
    for order in ([one, *single], [*single, one]):
        assert deflate_sharpe(chosen, order).trials == 1


@pytest.mark.parametrize("seed", range(20))
def test_grids_that_overlap_in_part_never_raise_the_probability(chosen, seed):
    random = np.random.default_rng(seed)
    surface = random.normal(0.0, 0.04, (6, 6)) + (3 if seed % 2 else 0) * np.eye(6)[2][:, None] * 0.05
    drops, holds = np.arange(1, 7) / 100, np.arange(1, 7)
    entries, tried = [], np.zeros((6, 6), dtype=bool)
    for _ in range(3):
        rows, columns = (np.sort(random.choice(6, random.integers(2, 6), replace=False)) for _ in range(2))
        entries.append(swept(drops[rows], holds[columns], surface[np.ix_(rows, columns)]))
        tried[np.ix_(rows, columns)] = True
    found, true = deflate_sharpe(chosen, entries), surface[tried]
    assert found.trials >= len(true)
    assert found.variance >= np.var(true, ddof=1) * (1 - 1e-12)
    assert found.probability <= chosen.deflated(len(true), np.var(true, ddof=1)) + 1e-12


def test_other_terms_have_no_variant_in_common():
    one = swept(DROPS, HOLDS, RATIOS)
    assert count_shared_variants(one, swept(DROPS[:2], (5, 60, 90), RATIOS[:2, :3])) == 4
    for change in ({"figures": "d"}, {"window": ("a", "b")}, {"strategy": "x"}, {"account": {"slippage_bps": 0.0}}):
        assert count_shared_variants(one, swept(DROPS, HOLDS, RATIOS, **change)) == 0
    assert count_shared_variants(one, swept(DROPS, HOLDS, RATIOS, family="other")) == 12


def test_the_same_variant_of_two_families_is_one_trial():
    assert len(distinct_entries([trial(1), trial(1, family="F3"), trial(2)])) == 2


def test_of_thousands_of_runs_only_those_within_the_sweep_are_left_out(chosen):
    many = singles(np.arange(1, 101) / 1000, range(1, 51), np.random.default_rng(2).normal(0, 0.05, 5000))
    assert (
        deflate_sharpe(chosen, [*many, swept(DROPS, HOLDS, RATIOS)]).trials == 5000 - 9 + 12
    )  # the sweep's 60 sessions are in none of the runs


def test_a_ratio_of_few_sessions_counts_by_its_sessions(chosen):
    full = [trial(1, chosen.ratio), trial(2, -0.02), trial(3, 0.01)]
    short = replace(trial(4, 0.9), observations=4)
    found = deflate_sharpe(chosen, [*full, short])
    assert found.variance == pytest.approx(np.var([chosen.ratio, -0.02, 0.01, 0.9 * math.sqrt(4 / 250)], ddof=1))
    swept_short = swept(DROPS, HOLDS, RATIOS * 5, observations=10, figures="other")
    scaled = swept(DROPS, HOLDS, RATIOS * 5 * math.sqrt(10 / 250), figures="other")
    same(deflate_sharpe(chosen, [*full, swept_short]), deflate_sharpe(chosen, [*full, scaled]))


def test_a_few_short_runs_do_not_destroy_what_is_left_of_a_real_ratio():
    """Nineteen worthless variants and the good one, one of the former over five sessions alone."""
    random, kept = np.random.default_rng(9), []
    for _ in range(200):
        best = sharpe_of(random.normal(2 / math.sqrt(252), 1.0, 500))
        others = [trial(n, ratio) for n, ratio in enumerate(random.normal(0, 1 / math.sqrt(500), 18), 1)]
        others = [replace(one, observations=500) for one in others]
        short = replace(trial(30, random.normal(0, 1 / math.sqrt(5))), observations=5)
        own = replace(trial(40, best.ratio), observations=500)
        kept.append((deflate_sharpe(best, [own, *others]).probability, deflate_sharpe(best, [own, *others, short]).probability))
    without, beside = np.median(kept, axis=0)
    assert beside == pytest.approx(without, abs=0.05)
