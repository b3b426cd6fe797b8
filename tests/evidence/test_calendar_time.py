"""The calendar-time test: by hand, as statsmodels has it, equal to what an account holds, and right in size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.calibration import measure_events, measure_others, measure_rules
from benchmarks.nulls import NULLS
from benchmarks.rules import RULES
from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor, StopLoss
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.calendar_time import (
    FEEDBACK_SESSIONS,
    MIN_CLUSTERS,
    CalendarTimeTest,
    HoldingTimes,
    SessionReturns,
    calendar_time_test,
    difference_of_tests,
    holding_times_of_trades,
    mean_session_test,
    session_returns,
    symbol_sessions,
)
from dipfolio.evidence.trade_outcomes import decisions_of, outcomes_of
from tests.support.markets import make_bars
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]
FREE = replace(Account(fractional=True).without_costs(), max_volume_share=1.0)


def market(sessions=1_200, series=1, seed=1):
    """Returns of days alone, their deviations and positions that follow falls."""
    random = np.random.default_rng(seed)
    deviation = 0.01 * np.exp(random.normal(0, 0.5, (sessions, series)))
    day = random.normal(0, 1, (sessions, series)) * deviation
    held = np.zeros((sessions, series))
    for row, column in zip(*np.nonzero(day < -0.015), strict=True):
        held[row + 1 : row + 4, column] = 1
    signals = np.flatnonzero((day < -0.015).any(axis=1))
    returns = SessionReturns(night=np.zeros_like(day), day=day, deviation=deviation)
    return HoldingTimes(night=np.zeros_like(day), day=held, trades=len(signals), signals=signals), returns


def first_sessions(returns, count):
    return SessionReturns(night=returns.night[:count], day=returns.day[:count], deviation=returns.deviation[:count])


def feedback(held, returns):
    """The correction of the moment, by two loops."""
    total = 0.0
    for column in range(returns.day.shape[1]):
        w = 1 / returns.deviation[:, column] ** 2
        x = held.day[:, column] - np.average(held.day[:, column], weights=w)
        r = returns.day[:, column] - np.average(returns.day[:, column], weights=w)
        pairs = sum(
            w[t] * r[t] * w[u] * x[u] for t in range(len(w)) for u in range(t + 1, min(t + 1 + FEEDBACK_SESSIONS, len(w)))
        )
        total += pairs / w.sum()
    return total


def test_slope_and_error_are_those_of_statsmodels():
    import statsmodels.api as sm

    held, returns = market()
    weights = 1 / returns.deviation[:, 0] ** 2
    fit = sm.WLS(returns.day[:, 0], sm.add_constant(held.day[:, 0]), weights=weights).fit(cov_type="HC3")
    x = held.day[:, 0] - np.average(held.day[:, 0], weights=weights)
    scale = (weights * x**2).sum()
    found = calendar_time_test(held, returns)
    shift, sessions = feedback(held, returns) / scale, held.day.sum() / held.trades
    assert found.effect == pytest.approx((fit.params[1] + shift) * sessions, rel=1e-9)
    assert found.error == pytest.approx(fit.bse[1] * sessions, rel=0.02)  # of residuals about the corrected slope
    assert abs(shift) * sessions < 0.2 * found.error


def test_the_error_is_of_sessions_and_not_of_symbols():
    held, returns = market()
    both = HoldingTimes(
        night=np.hstack([held.night] * 2), day=np.hstack([held.day] * 2), trades=2 * held.trades, signals=held.signals
    )
    twice = SessionReturns(
        night=np.hstack([returns.night] * 2), day=np.hstack([returns.day] * 2), deviation=np.hstack([returns.deviation] * 2)
    )
    one, two = calendar_time_test(held, returns), calendar_time_test(both, twice)
    assert two.effect == pytest.approx(one.effect, rel=1e-12)  # of one trade of twice as many
    assert two.error == pytest.approx(one.error, rel=0.02)
    assert (two.clusters, two.trades) == (one.clusters, 2 * one.trades)


def test_the_slope_does_not_depend_on_the_unit_of_the_deviations():
    held, returns = market()
    other = replace(returns, deviation=returns.deviation * 250)
    assert calendar_time_test(held, other).effect == pytest.approx(calendar_time_test(held, returns).effect, rel=1e-9)


def test_a_short_position_gains_what_a_long_one_loses():
    held, returns = market()
    held = replace(held, signals=np.arange(0, 1_200, 40))
    short = replace(held, day=-held.day)
    long, other = calendar_time_test(held, returns), calendar_time_test(short, returns)
    assert (other.effect, other.error) == pytest.approx((-long.effect, long.error), rel=1e-9)
    assert other.p_value("higher") == pytest.approx(long.p_value("lower"), rel=1e-9)


def test_p_value_interval_and_detectable_effect_belong_together():
    found = CalendarTimeTest(effect=0.002, error=0.001, degrees_of_freedom=30, trades=10, clusters=MIN_CLUSTERS)
    assert found.p_value() == pytest.approx(stats.t.sf(2, 30))
    assert found.p_value("lower") == pytest.approx(1 - found.p_value())
    low, high = found.interval(0.9)
    edge = replace(found, effect=found.effect - low)
    assert edge.p_value() == pytest.approx(0.05)
    assert (low + high) / 2 == pytest.approx(0.002)
    assert found.detectable() == pytest.approx((stats.t.ppf(0.95, 30) + stats.norm.ppf(0.8)) * 0.001)


def test_a_mean_against_nothing_by_hand():
    returns = np.array([0.0, 0.02, -0.01, 0.0, 0.03])
    found = mean_session_test(returns, 2, np.array([0, 3]))
    assert found.effect == pytest.approx(0.04 / 2)
    squares = sum((value - 0.04 / 3) ** 2 for value in (0.02, -0.01, 0.03))
    assert found.error == pytest.approx(squares**0.5 / 2)
    assert (found.degrees_of_freedom, found.trades, found.clusters) == (pytest.approx(2), 2, 1)
    with pytest.raises(DataError, match="No trade has ended"):
        mean_session_test(returns, 0, np.array([], dtype=int))


def test_a_difference_of_two_tests_has_the_error_and_freedom_of_welch():
    one = CalendarTimeTest(effect=0.03, error=0.01, degrees_of_freedom=20, trades=12, clusters=10)
    other = CalendarTimeTest(effect=0.01, error=0.02, degrees_of_freedom=10, trades=9, clusters=8)
    found = difference_of_tests(one, other)
    assert (found.effect, found.error) == (pytest.approx(0.02), pytest.approx(0.0005**0.5))
    assert found.degrees_of_freedom == pytest.approx(0.0005**2 / (0.0001**2 / 20 + 0.0004**2 / 10))
    assert (found.trades, found.clusters) == (21, 8)


def test_few_clusters_get_an_effect_and_no_test():
    held, returns = market()
    few = replace(held, signals=np.arange(5))
    assert calendar_time_test(replace(held, signals=np.arange(0, 1_200, 40)), returns).has_test
    for number in (998, 999):  # returns between 999 and 1,000 closes
        short = HoldingTimes(
            night=held.night[:number], day=held.day[:number], trades=held.trades, signals=np.arange(0, number, 40)
        )
        assert calendar_time_test(short, first_sessions(returns, number)).has_test == (number == 999)
    found = calendar_time_test(few, returns)
    assert found.clusters == 1
    assert not found.has_test
    assert np.isnan([found.p_value(), found.detectable(), *found.interval()]).all()
    assert found.effect == calendar_time_test(held, returns).effect


def test_sessions_without_data_do_not_count_as_data():
    held, returns = market()
    held = replace(held, signals=np.arange(300, 1_200, 40))
    gone = np.where(np.arange(1_200)[:, None] < 300, np.nan, 1.0)
    late = SessionReturns(night=returns.night * gone, day=returns.day * gone, deviation=returns.deviation * gone)
    assert calendar_time_test(held, returns).has_test
    assert not calendar_time_test(held, late).has_test  # of 900 sessions
    made = np.where(held.day[:, 0] > 0, 0.01, 0.0) + np.random.default_rng(1).normal(0, 0.01, 1_200)
    assert mean_session_test(made, 20, held.signals).has_test
    assert not mean_session_test(made * gone[:, 0], 20, held.signals).has_test


def test_nights_and_days_are_told_apart():
    market = make_bars({"A": [100, 110, 121]}, opens={"A": [100, 105, 110]}, dividends={"A": {1: 2}})
    night, day = symbol_sessions(market)
    assert np.isnan(night[0, 0])
    assert night[1:, 0] == pytest.approx([0.07, 0.0])  # (105 + 2) / 100, 110 / 110
    assert day[:, 0] == pytest.approx([0.0, 110 / 105 - 1, 0.1])


def test_a_gap_that_is_not_held_is_not_earned():
    """Bought at an open after a wide gap down: the gap counts among the nights without a position."""
    random = np.random.default_rng(5)
    night, day = random.normal(0, 0.01, (2, 4_000, 1))
    down = night[:, 0] < -0.01
    held = HoldingTimes(night=np.zeros((4_000, 1)), day=down[:, None] * 1.0, trades=int(down.sum()), signals=np.flatnonzero(down))
    found = calendar_time_test(held, SessionReturns(night=night, day=day, deviation=np.full((4_000, 1), 0.01)))
    assert abs(found.effect / found.error) < 3  # days after such nights are like the others


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("dip-rule", {"hold": 5}),
        ("dip-rule", {"hold": 20, "universe": "NVDA,TSM"}),
        ("short-after-shock", {}),
        ("short-below-trend", {}),
    ],
)
def test_positions_are_those_of_the_account(name, parameters):
    strategy = load_strategy(ROOT / "strategies", name)(**parameters)
    bars = load_bars(ROOT / "data", strategy.symbols)
    result = simulate(strategy, bars, FREE)
    ours = outcomes_of(decisions_of(strategy, bars), bars).held
    held, _ = holding_times_of_trades(result.trades, bars)
    if len(strategy.symbols) == 1:
        last = int(np.flatnonzero(ours.day[:, 0] != 0)[-1])
        for part in ("night", "day"):
            assert (np.abs(getattr(held, part)[:last, 0]) == getattr(ours, part)[:last, 0]).all()
    assert ours.trades == len(result.trades) or name == "short-below-trend"  # whose days join into one trade of the account


@pytest.mark.parametrize("entry", ["open", "close"])
@pytest.mark.parametrize("leave", ["open", "close"])
def test_a_signal_while_a_position_is_open_is_ignored_as_in_the_account(entry, leave):
    random = np.random.default_rng(9)
    closes = 100 * np.cumprod(1 + random.normal(0, 0.02, 120))
    bars = make_bars({"A": closes}, opens={"A": closes * (1 + random.normal(0, 0.01, 120))})
    rows = {int(row): {"A": 1.0} for row in np.flatnonzero(random.random(110) < 0.4)}
    rule = script(rows, unit="weight", exits=(HoldFor(3, fill=leave),), fill=entry)
    trades = simulate(rule, bars, FREE).trades
    ours = outcomes_of(decisions_of(rule, bars), bars)
    held, _ = holding_times_of_trades(trades, bars)
    assert ours.held.trades == len(trades)
    for part in ("night", "day"):
        assert (getattr(ours.held, part) == getattr(held, part)).all(), part


def test_the_mean_of_executed_trades_is_that_of_the_account():
    strategy = load_strategy(ROOT / "strategies", "dip-rule")(hold=5)
    bars = load_bars(ROOT / "data", strategy.symbols)
    found = outcomes_of(decisions_of(strategy, bars), bars)
    assert found.mean_executed == pytest.approx(simulate(strategy, bars, FREE).trades["return"].mean(), rel=1e-9)
    assert found.mean_of_all_dates == pytest.approx(np.nanmean(found.returns), rel=1e-12)


def test_a_stop_within_a_session_ends_the_day_at_its_fill():
    bars = make_bars({"A": [100, 100, 90, 95]}, opens={"A": [100, 100, 99, 90]}, lows={"A": [99, 99, 85, 89]})
    trades = simulate(script({0: {"A": 1.0}}, exits=(StopLoss(0.05, intraday=True),)), bars, FREE).trades
    held, returns = holding_times_of_trades(trades, bars)
    assert trades["exit_price"].iloc[0] == 95
    assert held.day[:, 0].tolist() == [0, 1, 1, 0]
    assert held.night[:, 0].tolist() == [0, 0, 1, 0]
    assert returns.day[2, 0] == pytest.approx(95 / 99 - 1)


def test_what_cannot_be_compared_is_refused():
    held, returns = market()
    with pytest.raises(ParameterError, match="one shape"):
        calendar_time_test(held, first_sessions(returns, 10))
    with pytest.raises(DataError, match="No signal has an outcome"):
        calendar_time_test(replace(held, trades=0), returns)
    with pytest.raises(DataError, match="nothing to compare"):
        calendar_time_test(replace(held, day=np.ones_like(held.day)), returns)
    with pytest.raises(DataError, match="no trade"):
        holding_times_of_trades(pd.DataFrame(), make_bars({"A": [1, 2]}))


def test_deviations_are_known_on_the_close_before():
    random = np.random.default_rng(7)
    night, day = random.normal(0, 0.01, (2, 300, 1))
    later = day.copy()
    later[200:] = -later[200:]  # sizes stay, so the weights of the fit stay
    one, other = session_returns(night, day).deviation, session_returns(night, later).deviation
    assert one[1:200] == pytest.approx(other[1:200], rel=0.05)
    assert np.isnan(one[0, 0])


CALIBRATED = ("real volatility, signs flipped", "GARCH, more after falls", "independent sessions", "jumps each quarter")


@pytest.mark.slow
@pytest.mark.parametrize("null", CALIBRATED)
def test_size_coverage_and_power_where_nothing_can_be_predicted(null):
    """400 draws: a rate of 5 % lies between 2 and 8.5 % with a probability of more than 99.8 %."""
    rules = tuple(rule for rule in RULES if rule.name in ("fall of 2 sd, 5 sessions", "below the average of 50"))
    for name, cell in measure_rules(NULLS[null], 400, rules).items():
        assert cell.draws == 400, name
        assert 1.5 <= cell.rate("higher") <= 8.5, name
        assert 1.5 <= cell.rate("lower") <= 8.5, name
        assert 92 <= cell.rate("covered") <= 98, name
        assert 72 <= cell.rate("found") <= 88, name


def test_rotation_finds_effects_of_falls_where_there_are_none():
    """Why it gives no verdict: about 14 % of the p-values are 5 % or less."""
    rules = tuple(rule for rule in RULES if rule.name == "fall of 2 sd, 5 sessions")
    (cell,) = measure_rules(NULLS["GARCH(1,1)"], 240, rules).values()
    assert cell.rate("rotation") > 8.5
    assert cell.rate("higher") < 10


@pytest.mark.slow
@pytest.mark.parametrize("null", CALIBRATED)
def test_dips_bought_in_thirds_and_means_are_calibrated_too(null):
    for name, cell in measure_others(NULLS[null], 400).items():
        assert cell.draws == 400, name
        assert 1.5 <= cell.rate("higher") <= 8.5, name
        assert 1.5 <= cell.rate("lower") <= 8.5, name
        assert 92 <= cell.rate("covered") <= 98, name


@pytest.mark.slow
def test_one_event_is_not_called_unusual_for_its_nervous_times():
    for kind, cell in measure_events(NULLS["real volatility, signs flipped"], 240).items():
        assert cell.draws == 1_200, kind
        assert 2 <= cell.rate("higher") <= 8.5, kind
        assert 2 <= cell.rate("lower") <= 8.5, kind


def test_hold_for_is_what_the_decisions_say():
    assert decisions_of(script({0: {"A": 1.0}}, exits=(HoldFor(2),)), make_bars({"A": [1, 2, 3, 4]})).renewed is False
    assert (
        decisions_of(load_strategy(ROOT / "strategies", "short-below-trend")(), load_bars(ROOT / "data", ("NVDA",))).renewed
        is True
    )
