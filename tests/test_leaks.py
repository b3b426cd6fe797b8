"""Strategies that know the future: `check` finds those that look ahead in the data, and what it cannot find is said."""

import numpy as np
import pytest

from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy_checks import check_strategy
from dipfolio.evidence.assessment import HINDSIGHT_LIMITATION, assess
from dipfolio.report.assessment_summary import AssessedRun, assessment_answer
from dipfolio.report.evidence_page import evidence_page
from tests.support import leaks
from tests.support.documents import ROOT
from tests.support.markets import make_bars

SESSIONS = 1000
LOOKS_AHEAD = {"decisions do not look ahead", "orders and fills do not look ahead"}


@pytest.fixture(scope="module")
def bars():
    """A market in which nothing can be predicted, and which opens where it closed."""
    closes = (100 * np.exp((np.random.default_rng(11).standard_normal(SESSIONS) * 0.015).cumsum())).tolist()
    return make_bars({"A": closes}, opens={"A": [100.0, *closes[:-1]]}, start="2021-01-04")


def failed(kind, bars):
    return {finding.question for finding in check_strategy(kind, bars) if finding.failed}


@pytest.mark.parametrize(
    "kind", [leaks.FiltersWithTomorrow, leaks.ScoresOverTheWholeSample, leaks.ScoresReturnsOverTheWholeSample]
)
def test_a_look_ahead_in_the_data_is_found_by_check(kind, bars):
    assert failed(kind, bars) == LOOKS_AHEAD


def test_a_filter_with_the_next_close_looks_like_an_effect_until_it_is_checked(bars):
    idea = leaks.FiltersWithTomorrow()
    (found,) = assess(idea, bars, simulate(idea, bars)).estimates
    assert found.p_value < 0.05


@pytest.mark.parametrize("how", ["dates", "file"])
def test_hindsight_in_dates_or_a_file_is_not_found_and_that_is_said_beside_the_p_value(how, bars, tmp_path):
    kind = leaks.with_dates(bars) if how == "dates" else leaks.with_file(bars, tmp_path / "outcomes.csv")
    assert failed(kind, bars) == set()
    idea = kind()
    result = simulate(idea, bars)
    found = assess(idea, bars, result)
    assert found.estimates[0].p_value < 0.001
    examined = AssessedRun(result=result, examination=found)
    assert "evidence of an effect" in assessment_answer(examined)
    assert HINDSIGHT_LIMITATION in found.limitations
    page = evidence_page(examined)
    caption = page[page.index("<caption>") : page.index("</caption>")]
    assert HINDSIGHT_LIMITATION in caption


def test_the_document_says_it_too():
    assert HINDSIGHT_LIMITATION in (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8").replace("\n", " ")
