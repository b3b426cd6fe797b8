"""Rules that tests are tried on: none knows a later session, and an effect that is put into a market is measured there."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.nulls import garch, independent, jumps
from benchmarks.rules import RULES, Series, outcomes_of_rule, past_deviation, with_effect
from dipfolio.evidence.calendar_time import MIN_CLUSTERS, calendar_time_test, session_returns
from dipfolio.evidence.placebo import count_apart


def series_of(night, day):
    returns = (1 + night) * (1 + day) - 1
    return Series(returns=returns, gap=night, close=np.cumprod(1 + returns))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_later_sessions_change_no_earlier_signal(rule):
    night, day = (part[0] for part in garch(np.random.default_rng(1), 1))
    wild = np.random.default_rng(2).normal(0, 0.1, len(day))
    for border in (700, 1_400):
        later = np.arange(len(day)) > border
        one, other = series_of(night, day), series_of(night, np.where(later, wild, day))
        assert (rule.signals(one)[: border + 1] == rule.signals(other)[: border + 1]).all()
    assert rule.signals(one)[700:1_400].any()


def test_the_deviation_is_that_of_the_sessions_before():
    returns = np.random.default_rng(3).normal(0, 0.02, 100)
    found = past_deviation(returns)
    assert np.isnan(found[:60]).all()
    assert found[60] == pytest.approx(returns[:60].std(ddof=1))
    assert found[99] == pytest.approx(returns[:99].std(ddof=1))


def test_a_fall_is_bought_at_the_next_open_and_sold_at_a_close():
    night, day = (part[0][:, None] for part in jumps(np.random.default_rng(4), 1))
    rule = next(rule for rule in RULES if rule.name == "fall of 2 sd, 5 sessions")
    found = outcomes_of_rule(rule, night, day, session_returns(night, day))
    row = int(np.flatnonzero(found.flags[:, 0])[3])
    held = (1 + day[row + 1, 0]) * np.prod(((1 + night) * (1 + day))[row + 2 : row + 7, 0]) - 1
    assert found.returns[row, 0] == pytest.approx(held, rel=1e-9)


def test_an_effect_that_is_put_into_a_market_is_found_there():
    night, day = (part[0][:, None] for part in garch(np.random.default_rng(5), 1))
    path = session_returns(night, day)
    held = outcomes_of_rule(RULES[1], night, day, path).held
    moved = with_effect(held, path, 0.02)
    added = (moved.night - path.night + moved.day - path.day).sum()
    assert added == pytest.approx(0.02 * held.trades)
    assert calendar_time_test(held, moved).effect - calendar_time_test(held, path).effect == pytest.approx(0.02, rel=0.05)


@pytest.mark.slow
def test_a_threshold_that_knows_the_future_finds_effects_that_are_not_there():
    """Of markets of two years, those with eight signals: about 9 % are wrong at 5 %, and 5 % with the deviation so far."""
    markets = garch(np.random.default_rng(6), 3_000, asymmetry=0.12, sessions=520)
    hindsight = replace(FALL, signals=lambda series: series.returns <= -2 * series.returns.std())
    knowing, tradable = ratios_of_t(hindsight, *markets), ratios_of_t(FALL, *markets)
    assert (tradable > 1).mean() < 0.07 < (knowing > 1).mean()
    assert tradable.mean() < 0.1 < 0.13 < knowing.mean()  # the standard error of a mean is 0.025


@pytest.mark.slow
def test_two_years_with_eight_signals_are_a_selection():
    """An effect that is found in 80 % of all markets is found in about 85 % of those of two years with eight signals."""
    markets = independent(np.random.default_rng(7), 3_000, sessions=520)
    ratios = ratios_of_t(FALL, *markets)
    # the effect that could be found is the critical value and 0.84 errors, so it is found where t is above -0.84
    assert 0.82 < (ratios > -stats.norm.ppf(0.8) / stats.norm.ppf(0.95)).mean() < 0.88


FALL = next(rule for rule in RULES if rule.name == "fall of 2 sd, 20 sessions")


def ratios_of_t(rule, nights, days):
    """The t of each test over its critical value at 5 % in the markets with enough signals apart, however short they are."""
    found = []
    for night, day in zip(nights[..., None], days[..., None], strict=True):
        path = session_returns(night, day)
        held = outcomes_of_rule(rule, night, day, path).held
        if count_apart(held.signals) >= MIN_CLUSTERS:
            test = calendar_time_test(held, path)
            found.append(test.effect / test.error / stats.t.ppf(0.95, test.degrees_of_freedom))
    return np.array(found)
