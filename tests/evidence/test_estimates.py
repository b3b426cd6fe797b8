"""One number among its placebos, and for the claim that says the opposite."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dipfolio.errors import DataError
from dipfolio.evidence.calendar_time import MIN_CLUSTERS, CalendarTimeTest
from dipfolio.evidence.estimates import estimate_from_placebo, estimate_from_sessions, weekly_mean_estimate
from dipfolio.evidence.placebo import Placebo


def estimate(*draws, observed=0.05):
    placebo = Placebo(observed=observed, draws=np.array(draws), signals=3, direction="higher")
    return estimate_from_placebo(placebo, "as stated", 5, "design", "other dates", clusters=2)


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


def test_a_weekly_mean_is_students_t():
    values = np.random.default_rng(1).normal(0.01, 0.03, 60)
    found, expected = weekly_mean_estimate(values, "design"), stats.ttest_1samp(values, 0, alternative="greater")
    assert (found.p_value, found.opposite) == pytest.approx((expected.pvalue, 1 - expected.pvalue))
    assert (found.low, found.high) == pytest.approx(tuple(stats.ttest_1samp(values, 0).confidence_interval()))
    assert (found.effect, found.observations, found.clusters) == (pytest.approx(values.mean()), 60, 60)
    with pytest.raises(DataError, match="needs 20 weeks"):
        weekly_mean_estimate(values[:19], "design")


def test_an_estimate_of_sessions_has_no_test_below_the_clusters_that_it_needs():
    found = CalendarTimeTest(effect=0.01, error=0.004, degrees_of_freedom=40, trades=12, clusters=MIN_CLUSTERS)
    tested = estimate_from_sessions(found, "every date", 5, "all")
    assert (tested.p_value, tested.low, tested.detectable) == (found.p_value(), found.interval()[0], found.detectable())
    assert (tested.smallest, tested.observations, tested.clusters) == (0.0, 12, MIN_CLUSTERS)
    few = estimate_from_sessions(replace(found, enough=False), "every date", 5, "all")
    assert few.effect == 0.01
    assert np.isnan([few.p_value, few.opposite, few.low, few.high, few.smallest, few.detectable]).all()
