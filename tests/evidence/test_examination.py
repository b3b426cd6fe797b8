"""Examinations: each kind of strategy gets the tests that suit it, and no others."""

import math
from pathlib import Path

import pytest

from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.evidence.examination import examine
from dipfolio.evidence.outcomes import outcomes_of, trades_of
from dipfolio.evidence.placebo import matched_dates
from dipfolio.evidence.single import STRESS, stressful
from dipfolio.market.folder import load_bars

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def examined(bars, name, benchmark="", **parameters):
    strategy = load_strategy(ROOT / "strategies", name)(**parameters)
    return examine(strategy, bars, simulate(strategy, bars, benchmark=benchmark), benchmark)


def test_one_session_of_entries_gets_a_rank_and_no_ratio(bars):
    found = examined(bars, "buy-the-dip", "QQQ")
    stress, everyone = found.estimates
    assert (found.way, found.trades, found.entries, found.clusters) == ("event", 12, 1, 1)
    assert found.sharpe is None
    outcomes = outcomes_of(trades_of(load_strategy(ROOT / "strategies", "buy-the-dip")(), bars), bars, "QQQ")
    day = int(outcomes.flags.argmax())
    alone = matched_dates(outcomes.returns, day, stressful(bars, STRESS), 15)
    assert (stress.p_value, stress.smallest, stress.observed) == (alone.p_value, alone.smallest, alone.observed)
    assert everyone.smallest < stress.smallest
    assert "One date is one observation" in found.unsaid[0]


def test_a_calm_morning_is_not_compared_with_stressful_ones(bars):
    assert [f.against for f in examined(bars, "short-nvda-friday").estimates] == ["all other dates"]


def test_a_trade_that_has_not_ended_is_no_event_and_says_so(bars):
    found = examined(bars, "nvda-over-chips")
    assert (found.way, found.estimates) == ("nothing", ())
    assert "does not end within the figures" in found.unsaid[0]


def test_a_rule_leaves_the_event_out_and_is_told_before_and_after_it(bars):
    found = examined(bars, "dip-rule", hold=5)
    assert found.way == "rule"
    assert [f.sample for f in found.estimates] == ["all", "design", "confirmation"]
    alone = examined(bars, "dip-rule", hold=5, skip_event=True)
    assert found.estimates[1:] == alone.estimates[1:]
    assert found.estimates[0].observations == alone.estimates[0].observations
    assert found.estimates[0].detectable > 0


def test_exits_that_depend_on_prices_leave_only_what_was_done(bars):
    found = examined(bars, "dip-with-stops")
    assert found.way == "trades"
    own, moved = found.estimates
    assert own.against == "nothing"
    assert "other dates" in moved.against
    assert "until: stop loss" in found.unsaid[0]


def test_a_strategy_that_is_always_in_the_market_is_compared_day_by_day(bars):
    (found,) = examined(bars, "equal-weight", "SPY").estimates
    assert found.effect == pytest.approx(found.observed - found.usual)
    assert found.low < found.effect < found.high
    assert math.isnan(found.p_value)
    assert examined(bars, "equal-weight").estimates == ()


def test_many_entries_have_a_ratio(bars):
    found = examined(bars, "short-every-friday")
    assert found.entries == 104
    assert found.sharpe.observations == 502
    assert found.sharpe_error > 0
