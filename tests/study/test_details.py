"""Dossiers: what belongs to a claim, and nothing that these data do not allow."""

from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.study.claims import CLAIMS
from dipfolio.study.details import BASKETS, analyse_event_day, claim_details
from dipfolio.study.verdicts import judge_claims

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STRATEGIES = ROOT / "strategies"
BY_ID = {claim.id: claim for claim in CLAIMS}
SOME = ("A1", "A2", "A3", "A7", "A9", "B1", "B2", "B3", "G2", "K1")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def some(bars):
    thesis, told = judge_claims(bars, STRATEGIES, [BY_ID[name] for name in SOME], contests=False), []
    made = {d.verdict.claim.id: d for d in claim_details(thesis, bars, STRATEGIES, progress=told.append)}
    assert told == [f"details of {name}" for name in SOME]
    return made


def test_an_event_has_a_course_by_sub_basket_an_account_and_sensitivities(some):
    a1 = some["A1"]
    assert a1.course.at(5) == pytest.approx(a1.verdict.estimates[1].observed, abs=1e-12)  # less QQQ, among stressful mornings
    assert [part.label for part in a1.parts] == ["Chipmakers", "Stargate", "Magnificent Seven", "Hyperscalers"]
    assert len(a1.result.trades) == 12
    assert a1.strategy.hold == 5  # the primary of 5, 20 and 60 sessions
    assert len(a1.sensitivities) == 9


def test_a_duration_has_a_waiting_curve(some):
    assert some["A2"].waiting.median == some["A2"].verdict.primary.usual
    assert some["A2"].course is None


@pytest.mark.parametrize("name", ["A9", "B3"])
def test_the_same_number_and_the_untestable_have_nothing_of_their_own(some, name):
    details = some[name]
    assert (details.strategy, details.course, details.result, details.waiting) == (None,) * 4
    assert (details.sensitivities, details.paths, details.symbols) == ((), (), ())


def test_a_strategy_of_the_same_number_has_its_account_and_nothing_that_would_count_twice(some):
    panic = some["A7"]
    assert panic.result.strategy == "panic-and-rebuy"
    assert (panic.course, panic.sensitivities, panic.paths) == (None, (), ())


def test_a_signal_has_a_course_and_an_account(some):
    assert some["G2"].course is not None
    assert some["G2"].result.strategy == "gap-down"
    assert len(some["G2"].sensitivities) == 9


@pytest.mark.parametrize(("name", "labels"), [
    ("A1", ["All twelve", "Chipmakers", "Stargate", "Magnificent Seven", "Hyperscalers"]), ("B1", ["NVDA"]),
    ("B2", ["Hyperscalers less NVDA", "Hyperscalers", "NVDA"]), ("K1", ["NVDA"]), ("G2", []),
    ("A3", ["Hyperscalers", "MSFT", "META", "GOOG", "AMZN"]),
])  # fmt: skip
def test_abnormal_returns_are_those_of_what_the_claim_is_about_and_of_its_parts(some, bars, name, labels):
    paths = some[name].paths
    assert [path.label for path in paths] == labels
    if name == "B2":
        np.testing.assert_allclose(
            paths[0].cumulative_returns, paths[1].cumulative_returns - paths[2].cumulative_returns, atol=1e-12
        )
        assert paths[2].at(0) == pytest.approx(-0.1337, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "first"), [("A2", "Monday's open"), ("K1", "Friday's open"), ("G2", "next open"), ("A1", "Monday's open")]
)
def test_delays_are_told_in_the_words_of_the_trade(some, name, first):
    cells = [cell for cell in some[name].sensitivities if cell.varied == "cost"]
    assert cells[0].entry == first
    assert [cell.slippage_bps for cell in cells[:3]] == [0, 5, 20]
    assert len(cells) == (6 if name == "A2" else 9)


def test_the_told_trade_made_what_was_told_less_its_costs(some):
    paid = next(c for c in some["K1"].sensitivities if c.entry == "Friday's close" and c.slippage_bps == 0)
    assert 1e6 * paid.profit == pytest.approx(53_460, abs=60)
    assert [c.borrow_rate for c in some["K1"].sensitivities if c.varied == "borrow"] == [0.003, 0.01, 0.03, 0.05]


def test_the_day_has_every_basket_or_is_not_there(bars):
    day = analyse_event_day(bars)
    assert [course.label for course in day.courses] == [move.label for move in day.baskets] == list(BASKETS)
    assert len(day.names) == 14
    assert analyse_event_day(bars.between("2025-02-03", "2025-12-31")) is None
