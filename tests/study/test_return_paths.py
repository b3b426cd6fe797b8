"""The course of a trade: the same numbers as the estimates, and bands by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from dipfolio.data.folder import load_bars
from dipfolio.data.universe import resolve
from dipfolio.errors import DataError, WindowError
from dipfolio.evidence.event_study import EventWindow, run_event_study
from dipfolio.study.claims import CLAIMS
from dipfolio.study.dates import DESIGN_END
from dipfolio.study.event_claims import event_estimates
from dipfolio.study.return_paths import (
    MIN_PLACEBOS,
    abnormal_return_path,
    build_return_path,
    event_return_path,
    rolling_fits,
    rule_return_path,
)
from dipfolio.study.rule_claims import rule_estimates

ROOT = Path(__file__).parents[2]
STRATEGIES = ROOT / "strategies"
BY_ID = {claim.id: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def test_the_course_of_an_event_passes_through_its_estimates(bars):
    course = event_return_path(BY_ID["B1"], bars, STRATEGIES)
    found = [f for f in event_estimates(BY_ID["B1"], bars, STRATEGIES) if f.label == "as stated" and "1.0%" in f.against]
    assert [f.horizon for f in found] == [5, 20, 60]
    for estimate in found:
        place = course.horizons.tolist().index(estimate.horizon)
        assert course.at(estimate.horizon) == pytest.approx(estimate.observed, abs=1e-12)
        assert course.usual[place] == pytest.approx(estimate.usual, abs=1e-12)
        assert 1 / (1 + course.placebos[place]) == pytest.approx(estimate.smallest)


def test_the_course_of_a_short_is_that_of_the_prices(bars):
    course = event_return_path(replace(BY_ID["B1"], benchmark=""), bars, STRATEGIES)
    nvda = bars.select(("NVDA",))
    monday = nvda.sessions.get_loc("2025-01-27")
    first = nvda.open["NVDA"].iloc[monday]
    assert course.at(0) == pytest.approx(-(nvda.close["NVDA"].iloc[monday] / first - 1))
    assert course.at(5) == pytest.approx(-(nvda.close["NVDA"].iloc[monday + 5] / first - 1))
    last = len(nvda) - 1 - monday
    assert course.at(last) == pytest.approx(-(nvda.close["NVDA"].iloc[-1] + 0.04 - first) / first)  # four dividends owed
    assert np.isnan(course.at(250))
    assert np.isnan(course.at(251))


@pytest.mark.parametrize(("name", "members"), [("A1", "article"), ("A5", "chipmakers"), ("A3", "hyperscalers")])
def test_the_whole_course_is_that_of_prices_and_dividends_to_the_end_of_the_figures(bars, name, members):
    course = event_return_path(BY_ID[name], bars, STRATEGIES)
    monday = bars.sessions.get_loc("2025-01-27")
    names = [*resolve(members), "QQQ"]
    worth = bars.close[names] + bars.dividends[names].iloc[monday + 1 :].cumsum().reindex(bars.sessions, fill_value=0)
    gain = worth.iloc[monday:] / bars.open[names].iloc[monday] - 1
    expected = gain[names[:-1]].mean(axis=1) - gain["QQQ"]
    assert course.horizons.tolist() == list(range(251))
    assert course.last == len(expected) - 1 == 234
    np.testing.assert_allclose(course.cumulative_returns[: len(expected)], expected, atol=1e-12)
    assert np.isnan(course.cumulative_returns[len(expected) :]).all()


def test_a_band_ends_where_fewer_than_nineteen_mornings_are_left_and_the_curve_does_not(bars):
    course = event_return_path(BY_ID["A1"], bars, STRATEGIES)
    gaps = ((bars.open["SPY"] + bars.dividends["SPY"]) / bars.close["SPY"].shift() - 1).abs()
    monday = bars.sessions.get_loc("2025-01-27")
    left = [
        sum(gaps.iloc[row] >= 0.01 and abs(row - monday) >= horizon + 10 for row in range(1, len(bars) - horizon))
        for horizon in range(235)
    ]  # fmt: skip
    assert course.placebos[:235].tolist() == left
    assert course.reach == max(horizon for horizon, count in enumerate(left) if count >= MIN_PLACEBOS) == 57
    assert left[58] == 18
    assert course.last == 234
    empty = build_return_path("x", "y", {0: (np.nan, np.zeros(0))})
    assert (empty.last, empty.reach) == (-1, -1)


def test_the_course_of_a_rule_passes_through_its_estimates(bars):
    course = rule_return_path(BY_ID["G1"], bars, STRATEGIES)
    first = next(rule_estimates(BY_ID["G1"], bars, STRATEGIES))
    assert first.sample == "design"
    assert course.at(first.horizon) == pytest.approx(first.observed, abs=1e-12)
    with pytest.raises(DataError, match=str(DESIGN_END.date())):
        rule_return_path(BY_ID["G1"], bars.between("2025-02-01", "2025-12-31"), STRATEGIES)


def test_a_strategy_that_decides_often_has_no_course_of_an_event(bars):
    with pytest.raises(DataError, match="an event has one decision"):
        event_return_path(replace(BY_ID["B1"], strategy="short-every-friday"), bars, STRATEGIES)


def test_the_band_holds_the_middle_nine_tenths_and_needs_nineteen():
    draws = np.arange(101) / 100
    course = build_return_path("x", "y", {0: (0.5, draws), 1: (0.7, draws[: MIN_PLACEBOS - 1]), 2: (0.1, draws[:0])})
    assert (course.low[0], course.high[0], course.usual[0]) == pytest.approx((0.05, 0.95, 0.5))
    assert np.isnan(course.low[1:]).all()
    assert course.usual[1] == pytest.approx(0.085)
    assert np.isnan(course.usual[2])
    assert course.placebos.tolist() == [101, 18, 0]


MONDAY = pd.Timestamp("2025-01-27")


def test_the_fit_of_a_session_is_that_of_least_squares_on_the_window_before():
    random = np.random.default_rng(1)
    market = random.standard_normal(80)
    returns = 0.3 + 1.5 * market + random.standard_normal(80)
    fits = rolling_fits(returns, market, EventWindow(estimation=40, distance=5))
    fitted = sm.OLS(returns[16:56], sm.add_constant(market[16:56])).fit()
    assert (fits.alpha[60], fits.beta[60]) == pytest.approx(tuple(fitted.params))
    assert np.isnan(fits.alpha[:44]).all()
    assert not np.isnan(fits.alpha[44:]).any()


@pytest.mark.parametrize("basket", ["chipmakers", "hyperscalers", "article"])
def test_the_course_is_the_path_of_the_event_study(bars, basket):
    names = resolve(basket)
    course = abnormal_return_path(bars, names, MONDAY, basket, longest=60)
    studied = run_event_study(bars.returns[list(names)], bars.returns["SPY"], MONDAY, EventWindow(after=60))
    assert [course.at(h) for h in range(61)] == pytest.approx(studied.path.tolist(), abs=1e-10)


def test_nvda_fell_by_13_37_percent_beyond_the_market(bars):
    assert abnormal_return_path(bars, ("NVDA",), MONDAY, "NVDA", longest=0).at(0) == pytest.approx(-0.1337, abs=5e-5)


def test_placebos_are_stressful_mornings_of_their_own_and_never_near_the_event(bars):
    course = abnormal_return_path(bars, ("NVDA",), MONDAY, "NVDA")
    gaps = ((bars.open["SPY"] + bars.dividends["SPY"]) / bars.close["SPY"].shift() - 1).abs()
    zero = bars.sessions.get_loc(MONDAY)
    for horizon in (0, 20):
        rows = [
            row for row in range(261, len(bars) - horizon) if gaps.iloc[row] >= 0.01 and abs(row - zero) >= horizon + 10
        ]  # fmt: skip
        assert course.placebos[horizon] == len(rows)
    assert len(course.cumulative_returns) == len(bars) - zero


def test_the_course_to_the_end_of_the_figures_is_least_squares_and_a_sum(bars):
    course = abnormal_return_path(bars, ("NVDA", "AVGO"), MONDAY, "two", sold=("MSFT", "META"))
    zero = bars.sessions.get_loc(MONDAY)
    returns = bars.returns[["NVDA", "AVGO"]].mean(axis=1) - bars.returns[["MSFT", "META"]].mean(axis=1)
    before = slice(zero - 260, zero - 10)
    factors = np.column_stack([np.ones(len(bars)), bars.returns["SPY"]])
    fitted = np.linalg.lstsq(factors[before], returns.to_numpy()[before], rcond=None)[0]
    expected = np.cumsum((returns.to_numpy() - factors @ fitted)[zero:])
    assert len(expected) == 235
    np.testing.assert_allclose(course.cumulative_returns, expected, atol=1e-10)
    assert 0 < course.reach < course.last == 234


def test_too_little_history_is_an_error(bars):
    with pytest.raises(WindowError, match="sessions before it"):
        abnormal_return_path(bars.between("2024-06-03", "2025-12-31"), ("NVDA",), MONDAY, "NVDA")
    with pytest.raises(WindowError, match="no session"):
        abnormal_return_path(bars, ("NVDA",), pd.Timestamp("2025-01-26"), "NVDA")
