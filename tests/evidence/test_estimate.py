"""One number among its placebos, and for the claim that says the opposite."""

import math

import numpy as np
import pytest
from scipy import stats

from dipfolio.evidence.estimate import from_placebo
from dipfolio.evidence.placebo import Placebo


def estimate(*draws, observed=0.05):
    placebo = Placebo(observed=observed, usual=float(np.mean(draws)), draws=np.array(draws), signals=3, direction="higher")
    return from_placebo(placebo, "as stated", 5, "design", "other dates", clusters=2)


def test_an_estimate_holds_what_its_placebos_say():
    found = estimate(0.01, -0.03, 0.02, 0.08)
    assert (found.observed, found.usual) == (0.05, pytest.approx(0.02))
    assert found.effect == pytest.approx(0.03)
    assert (found.p_value, found.opposite, found.smallest) == (2 / 5, 4 / 5, 1 / 5)
    assert (found.observations, found.clusters, found.horizon) == (3, 2, 5)
    spread = np.sqrt(np.square(np.array([0.01, -0.03, 0.02, 0.08]) - 0.02).sum() / 3)
    assert found.detectable == pytest.approx(spread * (stats.norm.ppf(0.95) + stats.norm.ppf(0.8)), rel=1e-9)


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
