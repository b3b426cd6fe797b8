"""One number among its placebos, and for the claim that says the opposite."""

import math

import numpy as np
import pytest
from scipy import stats

from dipfolio.evidence.estimate import Estimate, clustered, from_placebo
from dipfolio.evidence.placebo import Placebo


def estimate(*draws, observed=0.05):
    placebo = Placebo(observed=observed, draws=np.array(draws), signals=3, direction="higher")
    return from_placebo(placebo, "as stated", 5, "design", "other dates", clusters=2)


def test_an_estimate_holds_what_its_placebos_say():
    found = estimate(0.01, -0.03, 0.02, 0.08)
    assert (found.observed, found.usual) == (0.05, pytest.approx(0.02))
    assert found.effect == pytest.approx(0.03)
    assert (found.p_value, found.opposite, found.smallest) == (2 / 5, 4 / 5, 1 / 5)
    assert (found.observations, found.clusters, found.horizon) == (3, 2, 5)


@pytest.mark.parametrize(("count", "known"), [(18, False), (19, True), (80, True)])
def test_what_could_be_detected_needs_a_p_value_that_could_have_been_small_enough(count, known):
    draws = np.linspace(-0.1, 0.1, count)
    spread = np.sqrt(np.square(draws).sum() / (count - 1))
    expected = spread * (stats.norm.ppf(0.95) + stats.norm.ppf(0.8)) if known else math.nan
    assert estimate(*draws).detectable == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_one_placebo_has_no_spread_and_says_nothing_of_what_could_be_detected():
    found = estimate(0.01)
    assert math.isnan(found.detectable)
    assert found.smallest == 1 / 2


def test_the_same_number_for_the_opposite_claim_has_its_signs_and_tails_turned():
    found = estimate(*np.linspace(-0.1, 0.1, 80))
    turned = found.turned()
    assert (turned.observed, turned.usual, turned.effect) == (-found.observed, -found.usual, -found.effect)
    assert (turned.low, turned.high) == (-found.high, -found.low)
    assert turned.low < turned.effect < turned.high
    assert (turned.p_value, turned.opposite) == (found.opposite, found.p_value)


@pytest.mark.parametrize("count", [3, 4, 8])
def test_nineteen_of_twenty_intervals_of_clusters_hold_the_effect(count):
    held = 0
    for means in np.random.default_rng(count).normal(0.3, 1.0, (3000, count)):
        found = clustered(Estimate(label="", observed=float(means.mean()), effect=float(means.mean())), means, seed=1)
        held += found.low <= 0.3 <= found.high
    assert held / 3000 == pytest.approx(0.95, abs=0.012)


def test_clusters_by_hand():
    means = np.array([0.01, 0.03, 0.05])
    found = clustered(Estimate(label="", observed=0.03, effect=0.03), means, seed=1)
    error = 0.02 / 3**0.5
    assert (found.low, found.high) == pytest.approx((0.03 - 4.302652730 * error, 0.03 + 4.302652730 * error))
    assert (found.p_value, found.smallest, found.clusters) == (1 / 8, 1 / 8, 3)
    assert math.isnan(found.detectable)  # three signs cannot come out better than one in eight
    five = clustered(Estimate(label="", observed=0.03, effect=0.03), np.linspace(0.01, 0.05, 5), seed=1)
    assert five.detectable > 0
    alike = clustered(Estimate(label="", observed=0.03, effect=0.03), np.full(4, 0.03), seed=1)
    assert (alike.low, alike.high) == (0.03, 0.03)
    assert np.isnan([alike.p_value, alike.opposite, alike.smallest, alike.detectable]).all()
    alone = clustered(Estimate(label="", observed=0.03, effect=0.03), means[:1], seed=1)
    assert np.isnan([alone.low, alone.high, alone.p_value, alone.smallest]).all()
