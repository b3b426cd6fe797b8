"""Event studies: the market model of the appendix of METHODS, DeepSeek Monday by name, and windows that are refused."""

from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.errors import DataError, ParameterError, WindowError
from dipfolio.evidence.event_study import EventWindow, run_event_study
from tests.support.panels import golden

ROOT = Path(__file__).parents[2]
MONDAY = "2025-01-27"


@pytest.fixture(scope="module")
def returns():
    return load_bars(ROOT / "data").returns


def test_the_market_model_of_the_golden_panel():
    found, values, _ = golden()
    np.testing.assert_allclose(values[0], [0.00670189, 0.00193522, 0.0037251, -0.00619069, -0.00730161], rtol=1e-5)
    np.testing.assert_allclose(found.normal.beta, [1.45208673, 1.35469115, 0.81911897, 1.17914022, 0.96745676], rtol=1e-6)
    np.testing.assert_allclose(found.normal.sigma, [0.01447676, 0.01515981, 0.0149552, 0.01503823, 0.02021537], rtol=1e-6)
    expected = [-4.33134172, -3.25215791, -4.51498918, -3.28033891, -2.81977385]
    np.testing.assert_allclose(found.cumulative().scaled, expected, rtol=1e-6)
    expected = [0.02575587, 0.0269711, 0.02660706, 0.02675479, 0.03596554]
    np.testing.assert_allclose(found.cumulative(-1, 1).deviation, expected, rtol=1e-6)


def test_the_exact_variance_is_that_of_statsmodels():
    import statsmodels.api as sm

    found, values, market = golden()
    fit = sm.OLS(values[:120, 0], sm.add_constant(market[:120])).fit()
    ahead = fit.get_prediction(sm.add_constant(market)[125:126])
    assert found.cumulative().deviation[0] == pytest.approx(ahead.se_obs[0], rel=1e-12)
    rows = sm.add_constant(market)[123:128]
    covariance = fit.mse_resid * (np.eye(5) + rows @ np.linalg.inv(fit.model.exog.T @ fit.model.exog) @ rows.T)
    assert found.cumulative(-2, 2).deviation[0] == pytest.approx(np.sqrt(covariance.sum()), rel=1e-12)


def test_the_constant_mean_and_the_market_itself_as_normal_return():
    mean, values, market = golden(model="mean")
    window = values[:120]
    np.testing.assert_allclose(mean.cumulative().value, values[125] - window.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(mean.cumulative(-1, 1).deviation, window.std(axis=0, ddof=1) * np.sqrt(3 + 9 / 120), rtol=1e-12)
    adjusted = golden(model="adjusted")[0]
    np.testing.assert_allclose(adjusted.cumulative(0, 2).value, (values[125:128] - market[125:128, None]).sum(axis=0), rtol=1e-12)
    root = np.sqrt(((window - market[:120, None]) ** 2).mean(axis=0))
    np.testing.assert_allclose(adjusted.cumulative().deviation, root, rtol=1e-12)


def test_the_path_adds_up_the_mean_abnormal_returns():
    found = golden()[0]
    assert list(found.path.index) == list(range(-5, 6))
    assert found.path.iloc[-1] == pytest.approx(found.cumulative(-5, 5).value.mean())


MONDAYS = {  # METHODS 1.1, from dividend-adjusted bars of another source: beta, abnormal return in %, t, rank p
    "NVDA": (2.67, -13.37, -5.15, 0.004), "AVGO": (2.59, -13.86, -5.05, 0.008), "TSM": (1.86, -10.85, -5.03, 0.004),
    "ORCL": (1.38, -11.91, -6.86, 0.008), "ARM": (3.23, -5.75, -1.15, 0.088), "SMH": (2.18, -6.72, -4.86, 0.004),
    "TSLA": (2.45, 1.09, 0.30, 0.721), "MSFT": (1.19, -0.40, -0.48, 0.550), "AMZN": (1.55, 2.41, 1.88, 0.044),
    "META": (1.54, 4.00, 2.01, 0.028), "AAPL": (0.94, 4.48, 3.68, 0.012),
}  # fmt: skip


@pytest.mark.parametrize("name", MONDAYS)
def test_deepseek_monday_of_each_name(returns, name):
    found = run_event_study(returns[[name]], returns["SPY"], MONDAY)
    row = found.by_name().loc[name]
    beta, abnormal, t, rank = MONDAYS[name]
    assert row["beta"] == pytest.approx(beta, abs=0.0051)
    assert row["car"] * 100 == pytest.approx(abnormal, abs=0.0051)
    assert row["t"] == pytest.approx(t, abs=0.0051)
    assert row["rank_p_value"] == pytest.approx(rank, abs=0.00051)


def test_the_estimation_window_of_deepseek_monday(returns):
    window = EventWindow()
    zero = returns.index.get_loc(MONDAY)
    first, last = zero - window.distance - window.estimation + 1, zero - window.distance
    assert [str(returns.index[row].date()) for row in (first, last)] == ["2024-01-11", "2025-01-08"]


def test_googles_two_classes_are_about_the_same_event(returns):
    row = run_event_study(returns[["GOOG"]], returns["SPY"], MONDAY).by_name().loc["GOOG"]
    np.testing.assert_allclose([row["beta"], row["car"] * 100, row["t"]], [1.24, -2.47, -1.66], atol=0.25)  # of GOOGL


def test_a_name_that_misses_returns_is_fitted_on_its_own_sessions(returns):
    zero = returns.index.get_loc(MONDAY)
    holed = returns[["NVDA", "AVGO"]].copy()
    holed.iloc[zero - 260 : zero - 200, 1] = np.nan
    short = run_event_study(returns[["AVGO"]], returns["SPY"], MONDAY, EventWindow(estimation=190))
    found = run_event_study(holed, returns["SPY"], MONDAY)
    assert found.normal.sessions.tolist() == [250, 190]
    assert found.cumulative().scaled[1] == pytest.approx(short.cumulative().scaled[0], rel=1e-12)


def test_windows_beyond_the_figures_and_missing_returns_are_refused(returns):
    market = returns["SPY"]
    with pytest.raises(WindowError, match=r"2024-06-03 needs 260 sessions before it and 0 after; there are 105 and 396"):
        run_event_study(returns[["NVDA"]], market, "2024-06-03")
    with pytest.raises(WindowError, match="2025-01-26 is no session"):
        run_event_study(returns[["NVDA"]], market, "2025-01-26")
    holed = returns[["NVDA"]].copy()
    holed.loc[MONDAY] = np.nan
    with pytest.raises(DataError, match="NVDA has no return on 2025-01-27"):
        run_event_study(holed, market, MONDAY)
    with pytest.raises(DataError, match="same sessions"):
        run_event_study(returns[["NVDA"]], market.iloc[1:], MONDAY)
    with pytest.raises(ParameterError, match="must end before the event window"):
        EventWindow(distance=5, before=5)
    with pytest.raises(ParameterError, match="market, mean, adjusted"):
        run_event_study(returns[["NVDA"]], market, MONDAY, model="fama")
    with pytest.raises(WindowError, match="not within the event window, 0 to 0"):
        run_event_study(returns[["NVDA"]], market, MONDAY).cumulative(0, 1)
    holed = returns[["NVDA"]].mask(returns.index.to_series().between("2024-01-11", "2024-12-20"))
    with pytest.raises(DataError, match="at least 30 returns of each name, found 11"):
        run_event_study(holed, market, MONDAY)
