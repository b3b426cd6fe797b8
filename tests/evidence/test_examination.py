"""Examinations: each kind of strategy gets the tests that suit it, and no others."""

import math
from pathlib import Path

import pytest

from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.exits import HoldFor, StopLoss
from dipfolio.engine.simulation import simulate
from dipfolio.evidence.examination import examine
from dipfolio.evidence.outcomes import decisions_of, outcomes_of
from dipfolio.evidence.placebo import matched_dates
from dipfolio.evidence.single import STRESS, stressful
from dipfolio.market.folder import load_bars
from tests.ideas import script
from tests.markets import make_bars

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
    outcomes = outcomes_of(decisions_of(load_strategy(ROOT / "strategies", "buy-the-dip")(), bars), bars, "QQQ")
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


def test_steps_without_an_exit_rule_are_judged_by_what_was_done(bars):
    found = examined(bars, "staged-dip")
    result = simulate(load_strategy(ROOT / "strategies", "staged-dip")(), bars)
    assert found.way == "trades"
    assert found.estimates[0].observations == found.trades == len(result.trades) > 0
    assert "its positions last until its next instruction" in found.unsaid[0]


def test_a_symbol_that_was_listed_later_costs_the_others_sessions_and_that_is_said():
    early, late = [100.0 + (k * 7) % 5 for k in range(300)], [100.0 + (k * 3) % 5 for k in range(180)]
    market = make_bars({"A": early, "B": [math.nan] * 120 + late}, start="2023-06-01")
    rows = {k: {"A": 1.0} for k in range(10, 280, 30)} | {155: {"B": 1.0}}
    idea = script(rows, universe="A,B", unit="weight", exits=(HoldFor(1),))
    found = examine(idea, market, simulate(idea, market))
    assert found.way == "rule"
    assert found.estimates[0].observations == sum(row >= 119 for row in rows)
    assert found.unsaid[0].startswith("Sessions left out for all symbols, as some have no figures there: 119.")


def test_a_fill_within_a_session_is_told_to_count_at_its_close():
    market = make_bars({"A": [100.0, 100, 102, 90, 91, 92, 93, 94]}, lows={"A": [99.0, 99, 99, 85, 90, 91, 92, 93]})
    idea = script({0: {"A": 1.0}}, unit="weight", exits=(StopLoss(0.05, intraday=True),))
    result = simulate(idea, market)
    assert result.trades["exit_at"].tolist() == ["day"]
    *_, moved = examine(idea, market, result).estimates
    assert moved.label == "mean trade, before costs, fills within a session at its close"
    assert moved.observed == pytest.approx(90 / 100 - 1)


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
