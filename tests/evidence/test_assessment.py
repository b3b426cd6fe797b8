"""Examinations: each kind of strategy gets the tests that suit it, and no others."""

import math
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.exits import HoldFor, StopLoss
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from dipfolio.evidence.assessment import HINDSIGHT_LIMITATION, SampleSplit, assess
from dipfolio.evidence.placebo import STRESS_GAP, is_stress_session, matched_dates_placebo, scaled_dates_placebo
from dipfolio.evidence.trade_outcomes import adjusted_outcomes, decisions_of, outcomes_of
from dipfolio.study.dates import CONFIRMATION_START, DESIGN_END
from tests.support.markets import make_bars
from tests.support.runs import FREE
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def examined(bars, name, benchmark="", split=None, **parameters):
    strategy = load_strategy(ROOT / "strategies", name)(**parameters)
    return assess(strategy, bars, simulate(strategy, bars, benchmark=benchmark), benchmark, split=split)


def test_one_session_of_entries_gets_a_rank_and_no_ratio(bars):
    found = examined(bars, "buy-the-dip", "QQQ")
    adjusted, stress, everyone = found.estimates
    assert (found.way, found.trades, found.entries, found.clusters) == ("event", 12, 1, 1)
    assert found.sharpe is None
    outcomes = outcomes_of(decisions_of(load_strategy(ROOT / "strategies", "buy-the-dip")(), bars), bars, "QQQ")
    day = int(outcomes.flags.argmax())
    alone = matched_dates_placebo(outcomes.returns, day, is_stress_session(bars, STRESS_GAP), 15)
    assert (stress.p_value, stress.smallest, stress.observed) == (alone.p_value, alone.smallest, alone.observed)
    assert everyone.smallest < stress.smallest
    assert adjusted.against == "all other dates, less beta times QQQ, at the volatility of this one"
    assert adjusted.smallest < stress.smallest
    market = next(adjusted_outcomes(decisions_of(load_strategy(ROOT / "strategies", "buy-the-dip")(), bars), bars, (5,), "QQQ"))
    rank = scaled_dates_placebo(market.returns, market.sizes, day, 15)
    assert (adjusted.observed, adjusted.p_value) == (market.returns[day], rank.p_value)
    assert "One date is one observation" in found.limitations[0]


def test_a_calm_morning_is_not_compared_with_stressful_ones(bars):
    adjusted = "all other dates, less beta times SPY, at the volatility of this one"
    assert [f.against for f in examined(bars, "short-nvda-friday").estimates] == [adjusted, "all other dates"]


def test_a_trade_that_has_not_ended_is_no_event_and_says_so(bars):
    found = examined(bars, "nvda-over-chips")
    assert (found.way, found.estimates) == ("nothing", ())
    assert "does not end within the data" in found.limitations[0]


def test_a_rule_leaves_the_event_out_and_is_told_before_and_after_it(bars):
    split = SampleSplit(end=DESIGN_END, start=CONFIRMATION_START)
    found = examined(bars, "dip-rule", hold=5, split=split)
    assert found.way == "rule"
    assert [f.sample for f in found.estimates] == ["all", "design", "confirmation"]
    alone = examined(bars, "dip-rule", hold=5, skip_event=True, split=split)
    for one, other in zip(found.estimates[1:], alone.estimates[1:], strict=True):
        np.testing.assert_equal(asdict(replace(one, scores=None)), asdict(replace(other, scores=None)))
    assert found.estimates[0].observations == alone.estimates[0].observations
    assert [f.clusters for f in found.estimates] == [8, 4, 4]
    assert all(math.isnan(f.detectable) for f in found.estimates)
    assert "found 4 of those" in found.limitations[-2]
    decades = load_bars(Path("arch"), ("^IXIC",))
    (found,) = examined(decades, "dip-rule", hold=5, universe="^IXIC").estimates
    assert found.low < found.effect < found.high
    assert found.detectable > 0


def test_without_a_split_a_rule_is_tested_on_every_date(bars):
    (found,) = examined(bars, "dip-rule", hold=5).estimates
    free, trades = 0, 0
    for drop in np.flatnonzero(bars.returns["SMH"] <= -0.04):
        if drop >= free and drop + 6 < len(bars):
            free, trades = drop + 6, trades + 1
    assert (found.sample, found.label) == ("all", "every date")
    assert found.observations == trades


def test_exits_that_depend_on_prices_leave_only_what_was_done(bars):
    found = examined(bars, "dip-with-stops")
    assert found.way == "trades"
    own, moved = found.estimates
    assert own.against == "nothing"
    assert moved.against == "the sessions without a position"
    assert moved.effect == pytest.approx(moved.observed - moved.usual)
    assert "until: stop loss" in found.limitations[0]


def test_steps_without_an_exit_rule_are_judged_by_what_was_done(bars):
    found = examined(bars, "staged-dip")
    result = simulate(load_strategy(ROOT / "strategies", "staged-dip")(), bars)
    assert found.way == "trades"
    assert found.estimates[0].observations == found.trades == len(result.trades) > 0
    assert "its positions last until its next instruction" in found.limitations[0]


def test_a_symbol_that_was_listed_later_costs_the_others_no_session():
    early, late = [100.0 + (k * 7) % 5 for k in range(300)], [100.0 + (k * 3) % 5 for k in range(180)]
    market = make_bars({"A": early, "B": [math.nan] * 120 + late}, start="2023-06-01")
    rows = {k: {"A": 1.0} for k in range(10, 280, 30)} | {155: {"B": 1.0}}
    idea = script(rows, universe="A,B", unit="weight", exits=(HoldFor(1),))
    found = assess(idea, market, simulate(idea, market))
    assert found.way == "rule"
    assert found.estimates[0].observations == len(rows)
    alone = assess(script(rows, universe="A,B", unit="weight", exits=(HoldFor(1),)), market, simulate(idea, market))
    assert alone.estimates == found.estimates


def test_a_fill_within_a_session_counts_at_its_price():
    market = make_bars({"A": [100.0, 100, 102, 90, 91, 92, 93, 94]}, lows={"A": [99.0, 99, 99, 85, 90, 91, 92, 93]})
    idea = script({0: {"A": 1.0}}, unit="weight", exits=(StopLoss(0.05, intraday=True),))
    result = simulate(idea, market, FREE)
    assert result.trades["exit_at"].tolist() == ["day"]
    *_, moved = assess(idea, market, result).estimates
    assert moved.label == "mean trade, before costs"
    assert moved.observed == pytest.approx(90 / 100 - 1)  # the open lies below the stop


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


DAY = date(2025, 6, 2)


def smh_drops(bars, since, until):
    """Trades of the default rule with five sessions held, decided from one date on and ended by another, in plain loops."""
    free, trades = 0, 0
    for row, day in enumerate(bars.sessions):
        last = row + 6
        inside = since <= day and last < len(bars) and bars.sessions[last] <= until
        if row >= free and inside and bars.returns["SMH"].iloc[row] <= -0.04:
            free, trades = last, trades + 1
    return trades


def test_a_rule_is_split_at_a_date_and_nothing_is_left_out(bars):
    whole, before, after = examined(bars, "dip-rule", hold=5, split=SampleSplit.at(DAY)).estimates
    (alone,) = examined(bars, "dip-rule", hold=5).estimates
    assert [found.sample for found in (whole, before, after)] == ["all", "before", "after"]
    assert [found.label for found in (whole, before, after)] == ["every date", "before 2025-06-02", "from 2025-06-02 on"]
    np.testing.assert_equal(asdict(replace(whole, scores=None)), asdict(replace(alone, scores=None)))
    first, last = bars.sessions[0], bars.sessions[-1]
    assert before.observations == smh_drops(bars, first, pd.Timestamp("2025-05-30")) > 0
    assert after.observations == smh_drops(bars, pd.Timestamp(DAY), last) > 0


def test_the_sample_before_a_split_is_that_of_data_that_end_there(bars):
    known = bars.until(pd.Timestamp("2025-05-30"))
    for name, place in (("dip-rule", 0), ("dip-with-stops", 1)):
        before = next(f for f in examined(bars, name, split=SampleSplit.at(DAY)).estimates if f.sample == "before")
        alone = examined(known, name).estimates[place]
        assert (before.effect, before.observed, before.clusters) == (alone.effect, alone.observed, alone.clusters)


def test_trades_are_split_by_the_session_before_their_entry(bars):
    strategy = load_strategy(ROOT / "strategies", "dip-with-stops")()
    result = simulate(strategy, bars)
    entered = bars.sessions.get_indexer(result.trades["entry_session"])
    split = SampleSplit.at(bars.sessions[entered[5] - 1].date())  # the day on which the sixth trade is decided
    found = {f.sample: f for f in assess(strategy, bars, result, split=split).estimates}
    ended = (result.trades["exit_session"] < split.start).sum()
    assert (found["before"].observations, found["after"].observations) == (ended, len(result.trades) - 5)
    assert found["after"].label == f"mean trade, before costs, from {split.start.date()} on"
    later = SampleSplit.at(bars.sessions[entered[5]].date())
    assert {f.sample: f for f in assess(strategy, bars, result, split=later).estimates}["after"].observations == len(entered) - 6


def test_the_dates_of_the_article_are_left_out_of_trades_too(bars):
    split = SampleSplit(end=DESIGN_END, start=CONFIRMATION_START)
    everything, left = (examined(bars, "dip-with-stops", split=given).estimates[0] for given in (None, split))
    trades = simulate(load_strategy(ROOT / "strategies", "dip-with-stops")(), bars).trades
    decided = bars.sessions[bars.sessions.get_indexer(trades["entry_session"]) - 1]
    event = ((decided >= DESIGN_END) & (decided < CONFIRMATION_START)).sum()
    assert event > 0
    assert everything.observations - left.observations == event
    assert left.label == "mean trade, after costs, every date but 2025-01-24 to 2025-01-27"


@pytest.mark.parametrize("day", [date(2024, 1, 2), date(2026, 1, 2)])
def test_a_split_outside_the_data_names_their_window(bars, day):
    with pytest.raises(ParameterError, match=f"at {day} leaves no session on one side: .* from 2024-01-02 to 2025-12-31"):
        examined(bars, "dip-rule", split=SampleSplit.at(day))


def test_what_a_split_leaves_without_trades_is_said(bars):
    assert (
        "entered in one session, so nothing is tested before"
        in examined(bars, "buy-the-dip", split=SampleSplit.at(DAY)).limitations[-1]
    )
    found = examined(bars, "dip-rule", split=SampleSplit.at(bars.sessions[3].date()))
    assert [f.sample for f in found.estimates] == ["all", "after"]
    assert found.limitations[-1].startswith(f"No trade counts before {bars.sessions[3].date()};")


def test_the_limits_say_what_no_p_value_can(bars):
    assert HINDSIGHT_LIMITATION in examined(bars, "dip-rule").limitations


def test_a_ratio_is_said_to_hold_the_drift_of_what_was_held(bars):
    assert any("without the rule" in text for text in examined(bars, "short-every-friday").limitations)
    assert not any("without the rule" in text for text in examined(bars, "buy-the-dip").limitations)
