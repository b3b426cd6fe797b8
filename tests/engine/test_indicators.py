"""Signals: each worked out a second time with a few numbers."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dipfolio.data.folder import load_bars
from dipfolio.engine import indicators
from tests.support.plain_rules import DATA, FOLDERS, REFERENCE, needs_reference

NAN = math.nan


def frame(**columns):
    return pd.DataFrame(columns, dtype="float64")


def test_a_size_is_reached_whatever_the_last_bit_of_the_return_says():
    returns = frame(A=[21.12 / 22 - 1, 24.96 / 26 - 1, 96 / 100 - 1])
    assert (-returns).lt(0.04)["A"].tolist() == [True, True, False]  # a plain comparison misses two
    assert indicators.at_least(-returns, 0.04)["A"].all()


def test_a_value_just_under_the_size_or_unknown_is_no_signal():
    assert indicators.at_least(frame(A=[0.0399999, NAN, 0.05]), 0.04)["A"].tolist() == [False, False, True]


def test_a_basket_is_the_mean_of_the_returns_that_there_are():
    mean = indicators.basket(frame(A=[NAN, 0.02, 0.04], B=[NAN, NAN, -0.02]))
    np.testing.assert_allclose(mean["A"], [NAN, 0.02, 0.01])
    np.testing.assert_allclose(mean["B"], [NAN, NAN, 0.01])


def test_a_deviation_is_measured_by_the_returns_before_the_session():
    returns = frame(A=[0.01, -0.01, 0.02, -0.10])
    scaled = indicators.deviations(returns, window=3)["A"]
    assert scaled.isna().tolist() == [True, True, True, False]
    assert scaled[3] == pytest.approx(-0.10 / np.std([0.01, -0.01, 0.02], ddof=1))


def test_a_deviation_counts_only_the_last_sessions():
    returns = frame(A=[0.5, 0.01, -0.01, 0.02, -0.10])
    assert indicators.deviations(returns, window=3)["A"][4] == pytest.approx(-0.10 / np.std([0.01, -0.01, 0.02], ddof=1))


def test_a_market_that_never_moved_has_no_deviations():
    assert indicators.deviations(frame(A=[0.0, 0.0, 0.0, -0.10]), window=3)["A"].isna().all()


def test_growth_compounds_the_returns_of_exactly_that_many_sessions():
    grown = indicators.growth(frame(A=[NAN, 0.10, 0.20, -0.50]), 2)["A"]
    np.testing.assert_allclose(grown, [NAN, NAN, 1.1 * 1.2 - 1, 1.2 * 0.5 - 1])


def test_growth_of_prices_without_dividends_is_their_ratio():
    bars = load_bars(DATA, ("TSLA",))
    ratio = bars.close / bars.close.shift(20) - 1
    pd.testing.assert_frame_equal(indicators.growth(bars.returns, 20), ratio, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-0.3, 0.3), min_size=8, max_size=20), st.integers(1, 7))
def test_no_signal_depends_on_later_rows(values, cut):
    returns = frame(A=values, B=values[::-1])
    for signal in (indicators.basket, lambda r: indicators.deviations(r, 4), lambda r: indicators.growth(r, 4)):
        pd.testing.assert_frame_equal(signal(returns).iloc[:cut], signal(returns.iloc[:cut]), check_exact=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_deepseek_monday_was_five_and_a_half_deviations_of_smh(folder):
    z = indicators.deviations(load_bars(folder, ("SMH",)).returns)["SMH"]
    assert round(z["2025-01-27"], 1) == -5.5
    assert z["2018":].idxmin() == pd.Timestamp("2025-01-27")


@needs_reference
def test_the_other_large_shocks_of_smh_have_their_known_size():
    z = indicators.deviations(load_bars(REFERENCE, ("SMH",)).returns)["SMH"]
    known = {"2018-10-24": -5.1, "2020-03-16": -4.6, "2025-10-10": -4.4, "2018-10-10": -4.3, "2024-07-17": -3.9}
    assert {day: round(z[day], 1) for day in known} == known


@needs_reference
@pytest.mark.parametrize(("size", "count"), [(0.03, 114), (0.04, 63), (0.05, 25), (0.06, 10), (0.07, 6)])
def test_smh_fell_as_often_before_the_event_as_counted_elsewhere(size, count):
    returns = load_bars(REFERENCE, ("SMH",)).returns.loc["2018":"2025-01-26"]
    assert int(indicators.at_least(-returns, size).sum().iloc[0]) == count
