"""Deflation: a sweep counts as if each of its variants had a line, and what was tried twice counts once."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dipfolio.evidence.deflation import deflate, distinct, shared
from dipfolio.evidence.sharpe import sharpe_of
from tests.trials import singles, swept, trial

DROPS, HOLDS = (0.02, 0.03, 0.04), (1, 5, 20, 60)
RATIOS = np.random.default_rng(4).normal(0.01, 0.03, (3, 4))


@pytest.fixture(scope="module")
def chosen():
    return sharpe_of(np.random.default_rng(1).normal(0.001, 0.01, 250))


def test_deflation_counts_every_trial_that_traded(chosen):
    trials = [trial(n, ratio) for n, ratio in enumerate([chosen.ratio, 0.02, -0.03, 0.05, math.nan])]
    found = deflate(chosen, trials)
    variance = np.var([chosen.ratio, 0.02, -0.03, 0.05], ddof=1)
    assert found.trials == 4
    assert found.probability == pytest.approx(chosen.deflated(4, variance))
    assert deflate(chosen, trials, effective=2.5).probability > found.probability
    assert math.isnan(deflate(chosen, trials[:1]).probability)


def same(one, other):
    assert one.trials == other.trials
    assert one.variance == pytest.approx(other.variance, rel=1e-12)
    assert one.probability == pytest.approx(other.probability, rel=1e-12)


def test_a_sweep_counts_as_if_each_variant_had_a_line(chosen):
    holed = RATIOS.copy()
    holed[1, 2] = math.nan
    beside = singles([0.08], HOLDS, [[0.09, -0.02, math.nan, 0.0]])
    found = deflate(chosen, [swept(DROPS, HOLDS, holed), *beside])
    same(found, deflate(chosen, [*singles(DROPS, HOLDS, holed), *beside]))
    known = np.concatenate([holed.ravel(), [0.09, -0.02, 0.0]])
    known = known[~np.isnan(known)]
    assert found.trials == 14
    assert found.variance == pytest.approx(np.var(known, ddof=1))
    assert found.probability == pytest.approx(chosen.deflated(14, np.var(known, ddof=1)))


def test_two_sweeps_that_share_nothing_are_put_together_exactly(chosen):
    other = np.random.default_rng(5).normal(0, 0.05, (2, 4))
    both = [swept(DROPS, HOLDS, RATIOS), swept((0.1, 0.2), HOLDS, other)]
    same(deflate(chosen, both), deflate(chosen, [*singles(DROPS, HOLDS, RATIOS), *singles((0.1, 0.2), HOLDS, other)]))


def test_what_lies_within_a_sweep_is_counted_once(chosen):
    whole, cell = swept(DROPS, HOLDS, RATIOS), singles([0.03], [20], [RATIOS[1, 2]])
    part = swept(DROPS[1:], HOLDS[:2], RATIOS[1:, :2])
    again = swept(DROPS[::-1], HOLDS, RATIOS[::-1])
    for order in ([whole, *cell, part, again], [*cell, part, again, whole]):
        same(deflate(chosen, order), deflate(chosen, [whole]))
    other = singles([0.03], [21], [0.1])
    assert deflate(chosen, [whole, *cell, *other]).trials == 13


def test_a_sweep_of_one_variant_is_that_run(chosen):
    one, single = swept([0.03], [20], [0.1]), singles([0.03], [20], [0.1])
    for order in ([one, *single], [*single, one]):
        assert deflate(chosen, order).trials == 1


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
    found, true = deflate(chosen, entries), surface[tried]
    assert found.trials >= len(true)
    assert found.variance >= np.var(true, ddof=1) * (1 - 1e-12)
    assert found.probability <= chosen.deflated(len(true), np.var(true, ddof=1)) + 1e-12


def test_other_terms_have_no_variant_in_common():
    one = swept(DROPS, HOLDS, RATIOS)
    assert shared(one, swept(DROPS[:2], (5, 60, 90), RATIOS[:2, :3])) == 4
    for change in ({"figures": "d"}, {"window": ("a", "b")}, {"strategy": "x"}, {"account": {"slippage_bps": 0.0}}):
        assert shared(one, swept(DROPS, HOLDS, RATIOS, **change)) == 0
    assert shared(one, swept(DROPS, HOLDS, RATIOS, family="other")) == 12


def test_the_same_variant_of_two_families_is_one_trial():
    assert len(distinct([trial(1), trial(1, family="F3"), trial(2)])) == 2


def test_of_thousands_of_runs_only_those_within_the_sweep_are_left_out(chosen):
    many = singles(np.arange(1, 101) / 1000, range(1, 51), np.random.default_rng(2).normal(0, 0.05, 5000))
    assert (
        deflate(chosen, [*many, swept(DROPS, HOLDS, RATIOS)]).trials == 5000 - 9 + 12
    )  # the sweep's 60 sessions are in none of the runs


def test_a_ratio_of_few_sessions_counts_by_its_sessions(chosen):
    full = [trial(1, chosen.ratio), trial(2, -0.02), trial(3, 0.01)]
    short = replace(trial(4, 0.9), observations=4)
    found = deflate(chosen, [*full, short])
    assert found.variance == pytest.approx(np.var([chosen.ratio, -0.02, 0.01, 0.9 * math.sqrt(4 / 250)], ddof=1))
    swept_short = swept(DROPS, HOLDS, RATIOS * 5, observations=10, figures="other")
    scaled = swept(DROPS, HOLDS, RATIOS * 5 * math.sqrt(10 / 250), figures="other")
    same(deflate(chosen, [*full, swept_short]), deflate(chosen, [*full, scaled]))


def test_a_few_short_runs_do_not_destroy_what_is_left_of_a_real_ratio():
    """Nineteen worthless variants and the good one, one of the former over five sessions alone."""
    random, kept = np.random.default_rng(9), []
    for _ in range(200):
        best = sharpe_of(random.normal(2 / math.sqrt(252), 1.0, 500))
        others = [trial(n, ratio) for n, ratio in enumerate(random.normal(0, 1 / math.sqrt(500), 18), 1)]
        others = [replace(one, observations=500) for one in others]
        short = replace(trial(30, random.normal(0, 1 / math.sqrt(5))), observations=5)
        own = replace(trial(40, best.ratio), observations=500)
        kept.append((deflate(best, [own, *others]).probability, deflate(best, [own, *others, short]).probability))
    without, beside = np.median(kept, axis=0)
    assert beside == pytest.approx(without, abs=0.05)
