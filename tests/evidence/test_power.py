"""MacKinlay's table, and the planning figures of METHODS 1.4."""

import numpy as np
import pytest

from dipfolio.errors import ParameterError
from dipfolio.evidence.power import detectable, power


@pytest.mark.parametrize(
    ("count", "effect", "expected"),
    [(1, 0.005, 0.05719), (10, 0.01, 0.352608), (60, 0.005, 0.490686), (60, 0.01, 0.972127)],
)
def test_the_power_table_of_mackinlay(count, effect, expected):
    assert power(effect, 0.02, count) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("clusters", "expected"), [(20, 0.052), (10, 0.074)])
def test_what_twenty_and_ten_dips_can_show(clusters, expected):
    assert detectable(0.083, clusters) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("chance", [0.5, 0.8, 0.95])
def test_the_detectable_effect_is_found_with_the_chance_asked_for(chance):
    effect = detectable(0.05, 12, chance=chance)
    assert power(effect, 0.05, 12) == pytest.approx(chance, abs=1e-4)
    random = np.random.default_rng(6).normal(effect, 0.05, (20_000, 12)).mean(axis=1)
    assert (np.abs(random) > 1.959964 * 0.05 / np.sqrt(12)).mean() == pytest.approx(chance, abs=0.012)


def test_one_side_needs_less():
    assert detectable(0.05, 12, sides=1) == pytest.approx(0.05 / np.sqrt(12) * (1.644854 + 0.841621), rel=1e-6)


def test_impossible_questions_are_refused():
    with pytest.raises(ParameterError, match="deviation above 0"):
        power(0.1, 0.0, 10)
    for deviation, observations, size in ((0.1, 0.5, 0.05), (0.1, 10, 0.0), (0.1, 10, 1.0), (0.1, 10, -0.05), (0.1, 10, 1.05)):
        with pytest.raises(ParameterError, match="size between 0 and 1"):
            power(0.1, deviation, observations, size)
    with pytest.raises(ParameterError, match="1 or 2 sides"):
        detectable(0.1, 10, sides=3)
