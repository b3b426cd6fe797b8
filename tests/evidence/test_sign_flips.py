"""Sign flips: exact for few clusters, as by hand, and never more sure than the number of clusters allows."""

import itertools

import numpy as np
import pytest

from dipfolio.errors import DataError
from dipfolio.evidence.sign_flips import sign_flip_p_value, smallest_sign_flip
from tests.panels import golden_panel


def test_signs_of_clusters():
    values, market = golden_panel()
    line = np.column_stack([np.ones(131), market])
    coefficients = np.linalg.lstsq(line[:120], values[:120])[0]
    assert sign_flip_p_value(values[125] - line[125] @ coefficients) == 2 / 32  # the golden day of the appendix
    mixed = np.array([0.02, -0.01, 0.03, 0.005])

    def t(x):
        return abs(x.mean() / x.std(ddof=1))

    expected = np.mean([t(mixed * signs) >= t(mixed) - 1e-12 for signs in itertools.product((-1, 1), repeat=4)])
    assert sign_flip_p_value(mixed) == expected
    assert [sign_flip_p_value(np.zeros(5), way) for way in ("higher", "lower", None)] == [1, 1, 1]
    assert sign_flip_p_value(np.ones(5), "higher") == smallest_sign_flip(5) == 1 / 32
    assert sign_flip_p_value(np.ones(20) + np.arange(20) / 100, "higher") == smallest_sign_flip(20) == 1 / 20_001
    assert sign_flip_p_value(mixed, "higher") == expected / 2 == 1 - sign_flip_p_value(mixed, "lower") + 1 / 16
    with pytest.raises(DataError, match="2 or more clusters"):
        sign_flip_p_value(np.ones(1))


def test_signs_of_many_clusters_are_drawn_and_agree_with_a_t_test():
    from scipy import stats

    values = np.random.default_rng(4).normal(0.3, 1, 60)
    expected = stats.ttest_1samp(values, 0).pvalue
    assert sign_flip_p_value(values) == pytest.approx(expected, abs=0.01)
    assert sign_flip_p_value(values, "higher") == pytest.approx(expected / 2, abs=0.01)
    assert sign_flip_p_value(values) == sign_flip_p_value(values)
