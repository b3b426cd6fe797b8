"""Abnormal courses: against statsmodels, and against the event study that they must agree with."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from dipfolio.errors import WindowError
from dipfolio.evidence.abnormal import abnormal_course, rolling_fits
from dipfolio.evidence.event_study import EventWindow, study
from dipfolio.market.folder import load_bars
from dipfolio.market.universe import resolve

ROOT = Path(__file__).parents[2]
MONDAY = pd.Timestamp("2025-01-27")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


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
    course = abnormal_course(bars, names, MONDAY, basket, longest=60)
    studied = study(bars.returns[list(names)], bars.returns["SPY"], MONDAY, EventWindow(after=60))
    assert [course.at(h) for h in range(61)] == pytest.approx(studied.path.tolist(), abs=1e-10)


def test_nvda_fell_by_13_37_percent_beyond_the_market(bars):
    assert abnormal_course(bars, ("NVDA",), MONDAY, "NVDA", longest=0).at(0) == pytest.approx(-0.1337, abs=5e-5)


def test_placebos_are_stressful_mornings_of_their_own_and_never_near_the_event(bars):
    course = abnormal_course(bars, ("NVDA",), MONDAY, "NVDA")
    gaps = ((bars.open["SPY"] + bars.dividends["SPY"]) / bars.close["SPY"].shift() - 1).abs()
    zero = bars.sessions.get_loc(MONDAY)
    for horizon in (0, 20):
        rows = [
            row for row in range(261, len(bars) - horizon) if gaps.iloc[row] >= 0.01 and abs(row - zero) >= horizon + 10
        ]  # fmt: skip
        assert course.placebos[horizon] == len(rows)
    assert len(course.values) == len(bars) - zero


def test_the_course_to_the_end_of_the_figures_is_least_squares_and_a_sum(bars):
    course = abnormal_course(bars, ("NVDA", "AVGO"), MONDAY, "two", sold=("MSFT", "META"))
    zero = bars.sessions.get_loc(MONDAY)
    returns = bars.returns[["NVDA", "AVGO"]].mean(axis=1) - bars.returns[["MSFT", "META"]].mean(axis=1)
    before = slice(zero - 260, zero - 10)
    factors = np.column_stack([np.ones(len(bars)), bars.returns["SPY"]])
    fitted = np.linalg.lstsq(factors[before], returns.to_numpy()[before], rcond=None)[0]
    expected = np.cumsum((returns.to_numpy() - factors @ fitted)[zero:])
    assert len(expected) == 235
    np.testing.assert_allclose(course.values, expected, atol=1e-10)
    assert 0 < course.reach < course.last == 234


def test_too_little_history_is_an_error(bars):
    with pytest.raises(WindowError, match="sessions before it"):
        abnormal_course(bars.between("2024-06-03", "2025-12-31"), ("NVDA",), MONDAY, "NVDA")
    with pytest.raises(WindowError, match="no session"):
        abnormal_course(bars, ("NVDA",), pd.Timestamp("2025-01-26"), "NVDA")
