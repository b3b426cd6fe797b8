"""The course of a trade: the same numbers as the findings, and bands by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipfolio.errors import DataError
from dipfolio.evidence.claims import CLAIMS
from dipfolio.evidence.course import FEWEST, course_of, event_course, rule_course
from dipfolio.evidence.finding import DESIGN_END
from dipfolio.evidence.repeated import rule_findings
from dipfolio.evidence.single import event_findings
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]
STRATEGIES = ROOT / "strategies"
BY_ID = {claim.id: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def test_the_course_of_an_event_passes_through_its_findings(bars):
    course = event_course(BY_ID["B1"], bars, STRATEGIES)
    found = [f for f in event_findings(BY_ID["B1"], bars, STRATEGIES) if f.label == "as stated" and "1.0%" in f.against]
    assert [f.horizon for f in found] == [5, 20, 60]
    for finding in found:
        place = course.horizons.tolist().index(finding.horizon)
        assert course.at(finding.horizon) == pytest.approx(finding.observed, abs=1e-12)
        assert course.usual[place] == pytest.approx(finding.usual, abs=1e-12)
        assert 1 / (1 + course.placebos[place]) == pytest.approx(finding.smallest)


def test_the_course_of_a_short_is_that_of_the_prices(bars):
    course = event_course(replace(BY_ID["B1"], benchmark=""), bars, STRATEGIES)
    nvda = bars.select(("NVDA",))
    monday = nvda.sessions.get_loc("2025-01-27")
    first = nvda.open["NVDA"].iloc[monday]
    assert course.at(0) == pytest.approx(-(nvda.close["NVDA"].iloc[monday] / first - 1))
    assert course.at(5) == pytest.approx(-(nvda.close["NVDA"].iloc[monday + 5] / first - 1))
    assert np.isnan(course.at(250))
    assert np.isnan(course.at(61))


def test_the_course_of_a_rule_passes_through_its_findings(bars):
    course = rule_course(BY_ID["G1"], bars, STRATEGIES)
    first = next(rule_findings(BY_ID["G1"], bars, STRATEGIES))
    assert first.sample == "design"
    assert course.at(first.horizon) == pytest.approx(first.observed, abs=1e-12)
    with pytest.raises(DataError, match=str(DESIGN_END.date())):
        rule_course(BY_ID["G1"], bars.between("2025-02-01", "2025-12-31"), STRATEGIES)


def test_a_strategy_that_decides_often_has_no_course_of_an_event(bars):
    with pytest.raises(DataError, match="an event has one decision"):
        event_course(replace(BY_ID["B1"], strategy="short-every-friday"), bars, STRATEGIES)


def test_the_band_holds_the_middle_nine_tenths_and_needs_nineteen():
    draws = np.arange(101) / 100
    course = course_of("x", "y", {0: (0.5, draws), 1: (0.7, draws[: FEWEST - 1]), 2: (0.1, draws[:0])})
    assert (course.low[0], course.high[0], course.usual[0]) == pytest.approx((0.05, 0.95, 0.5))
    assert np.isnan(course.low[1:]).all()
    assert course.usual[1] == pytest.approx(0.085)
    assert np.isnan(course.usual[2])
    assert course.placebos.tolist() == [101, 18, 0]
