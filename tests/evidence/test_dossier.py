"""Dossiers: what belongs to a claim, and nothing that these figures do not allow."""

from pathlib import Path

import pytest

from dipfolio.evidence.claims import CLAIMS
from dipfolio.evidence.dossier import BASKETS, day_of, dossiers
from dipfolio.evidence.verdict import judge
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]
STRATEGIES = ROOT / "strategies"
BY_ID = {claim.id: claim for claim in CLAIMS}
SOME = ("A1", "A2", "A7", "A9", "G2", "K1")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def some(bars):
    thesis, told = judge(bars, STRATEGIES, [BY_ID[name] for name in SOME], contests=False), []
    made = {d.verdict.claim.id: d for d in dossiers(thesis, bars, STRATEGIES, said=told.append)}
    assert told == [f"dossier of {name}" for name in SOME]
    return made


def test_an_event_has_a_course_by_sub_basket_an_account_and_sensitivities(some):
    a1 = some["A1"]
    assert a1.course.at(5) == pytest.approx(a1.verdict.primary.observed, abs=1e-12)
    assert [part.label for part in a1.parts] == ["Chipmakers", "Stargate", "Magnificent Seven", "Hyperscalers"]
    assert len(a1.result.trades) == 12
    assert len(a1.sensitivities) == 9


def test_a_duration_has_a_waiting_curve(some):
    assert some["A2"].waiting.median == some["A2"].verdict.primary.usual
    assert some["A2"].course is None


@pytest.mark.parametrize("name", ["A7", "A9"])
def test_the_same_number_and_the_untestable_have_nothing_of_their_own(some, name):
    dossier = some[name]
    assert (dossier.strategy, dossier.course, dossier.result, dossier.sensitivities, dossier.waiting) == (None,) * 3 + ((), None)


def test_a_signal_without_a_strategy_has_a_course_and_no_account(some):
    assert some["G2"].course is not None
    assert some["G2"].result is None


def test_the_day_has_every_basket_or_is_not_there(bars):
    day = day_of(bars)
    assert [course.label for course in day.courses] == [move.label for move in day.baskets] == list(BASKETS)
    assert len(day.names) == 14
    assert day_of(bars.between("2025-02-03", "2025-12-31")) is None
