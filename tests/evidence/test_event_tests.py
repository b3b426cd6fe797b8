"""Event tests: the appendix of METHODS, the published table of estudy2, and the size of each test on dates without an event."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.data.universe import UNIVERSES
from dipfolio.evidence.event_study import EventWindow, run_event_study
from dipfolio.evidence.event_tests import boehmer, brown_warner, corrado, excess_ranks, mean_correlation, patell, run_event_tests
from tests.support.panels import correlated_panel, golden

ROOT = Path(__file__).parents[2]


ESTUDY2 = ROOT.parent / "shared" / "reference" / "estudy2" / "returns.csv"


REFERENCE = ROOT.parent / "shared" / "reference"
MONDAY = "2025-01-27"


@pytest.fixture(scope="module")
def returns():
    return load_bars(ROOT / "data").returns


def named(study, first=0, last=0):
    return {score.name: score for score in run_event_tests(study, first, last)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample quantile", -0.05751425836), ("cross-sectional t", -15.820650297), ("Patell", -8.0693955721),
        ("BMP", -10.9838907786), ("Kolari-Pynnönen", -4.7802138979), ("Brown-Warner", -4.7286461409),
        ("Corrado rank", -2.3005983236), ("sign", -2.2360679775), ("generalised sign", -2.2286267989),
    ],
)  # fmt: skip
def test_each_test_of_the_golden_day(name, value):
    assert named(golden()[0])[name].statistic == pytest.approx(value, rel=1e-7)


def test_the_three_golden_days_together():
    found = golden()[0]
    assert found.cumulative(-1, 1).value.mean() == pytest.approx(-0.0692861713, rel=1e-7)
    together = named(found, -1, 1)
    assert together["J1"].statistic == pytest.approx(-5.405018364, rel=1e-7)
    assert together["Patell"].statistic == pytest.approx(-5.588756904, rel=1e-7)  # J2 is Patell's Z of the sums
    assert together["Brown-Warner"].statistic == pytest.approx(-3.2888739398, rel=1e-7)
    assert mean_correlation(found.normal.residuals) == pytest.approx(0.4611954815, rel=1e-7)


def test_a_shock_beyond_every_residual_has_the_smallest_rank_p_value():
    score = named(golden()[0])["sample quantile"]
    assert score.p_value == score.smallest == pytest.approx(1 / 121)


def test_each_p_value_is_two_sided_from_the_distribution_that_is_named():
    from scipy import stats

    found = named(golden()[0])
    for score in found.values():
        word, *rest = score.reference.split()
        if word == "t":
            assert score.p_value == pytest.approx(2 * stats.t.sf(abs(score.statistic), int(rest[1])), rel=1e-9), score.name
        elif word == "normal":
            assert score.p_value == pytest.approx(2 * stats.norm.sf(abs(score.statistic)), rel=1e-9), score.name
    free = {name: found[name].reference for name in ("Brown-Warner", "Kolari-Pynnönen", "BMP", "cross-sectional t")}
    assert free == {name: f"t with {119 if name == 'Brown-Warner' else 4} df" for name in free}
    assert {found[name].reference for name in ("Corrado rank", "Patell", "J1", "sign", "generalised sign")} == {"normal"}


def test_five_names_that_all_fall_have_the_smallest_signed_rank_p_value():
    score = named(golden()[0])["Wilcoxon"]
    assert score.p_value == score.smallest == 2 / 2**5
    assert score.statistic == 0


PUBLISHED = {
    "mean": [0.02329740, -0.03157867, -0.01617850, 0.07672027, 0.05840545],
    "Brown-Warner": [1.858514, -2.519140, -1.290615, 6.120241, 4.659205],
    "cross-sectional t": [1.3941497, -1.2769075, -0.4023135, 1.7958275, 5.1233281],
    "sign": [1.1338934, 0.3779645, 1.1338934, 1.8898224, 2.6457513],
    "generalised sign": [1.1516761, 0.3957301, 1.1516761, 1.9076220, 2.6635680],
    "Wilcoxon": [23, 10, 15, 27, 28],
    "Patell": [2.5507399, -2.9495613, 0.3283654, 8.4216222, 6.3196352],
    "BMP": [1.20471169, -1.17531339, 0.07606284, 2.16657728, 8.65212561],
    "Corrado rank": [0.7962064, -0.1857202, 1.0205417, 2.1127972, 2.9255529],
    "modified rank": [0.8499246, -0.2283881, 0.9865178, 2.1665371, 2.9786668],
}


@pytest.fixture(scope="module")
def estudy2():
    if not ESTUDY2.exists():
        pytest.skip(f"{ESTUDY2} is not there; it is not the project's to ship")
    table = pd.read_csv(ESTUDY2, index_col="date", parse_dates=True)
    market = table.pop("^GSPC")
    before = table.index.get_loc("2020-03-16")
    return run_event_study(table, market, "2020-03-16", EventWindow(estimation=before, distance=1, after=4)), market.to_numpy()[
        :before
    ]


@pytest.mark.parametrize("day", range(5))
def test_the_published_table_of_estudy2(estudy2, day):
    found, _ = estudy2
    for name, statistic in {score.name: score.statistic for score in run_event_tests(found, day, day)}.items():
        if name in ("Brown-Warner", "cross-sectional t", "sign", "generalised sign", "Wilcoxon"):
            assert statistic == pytest.approx(PUBLISHED[name][day], rel=1e-6, abs=6e-8), name
    assert found.abnormal.loc[day].mean() == pytest.approx(PUBLISHED["mean"][day], abs=6e-9)


@pytest.mark.parametrize("day", range(5))
def test_the_published_scaled_tests_follow_from_the_peculiar_scaling_of_estudy2(estudy2, day):
    """It takes sd with n - 1, and the market's mean and spread over all sessions even where a share has no return."""
    found, market = estudy2
    normal = found.normal
    away = (found.market[day] - market.mean()) ** 2 / ((market - market.mean()) ** 2).sum()
    spread = np.nanstd(normal.residuals, axis=0, ddof=1) * np.sqrt(1 + 1 / normal.sessions + away)
    scaled = found.abnormal.loc[day].to_numpy() / spread
    assert patell(scaled, normal.degrees_of_freedom) == pytest.approx(PUBLISHED["Patell"][day], rel=1e-6)
    assert boehmer(scaled) == pytest.approx(PUBLISHED["BMP"][day], rel=1e-6, abs=6e-9)


@pytest.mark.parametrize("day", range(5))
@pytest.mark.parametrize(("name", "scale"), [("Corrado rank", False), ("modified rank", True)])
def test_the_published_rank_tests_follow_from_the_peculiar_divisor_of_estudy2(estudy2, day, name, scale):
    """It weighs sessions by how many shares are there, and divides by the mean number of returns, not by the sessions."""
    found, _ = estudy2
    ranks = excess_ranks(found, scale=scale)
    there = (~np.isnan(ranks)).sum(axis=1)
    weighed = np.nanmean(ranks, axis=1) * ranks.shape[1] / (np.sqrt(there) if scale else there)
    returns = (~np.isnan(ranks)).sum(axis=0).mean()
    statistic = weighed[len(found.normal.residuals) + day] / np.sqrt((weighed**2).sum() / returns)
    assert statistic == pytest.approx(PUBLISHED[name][day], rel=1e-6)


def test_the_published_five_days_together(estudy2):
    found, _ = estudy2
    assert brown_warner(found.portfolio_residuals, found.cumulative(0, 4).value.mean(), 5) == pytest.approx(3.948093, rel=1e-6)
    r = mean_correlation(found.normal.residuals)
    assert r == pytest.approx(0.16024, abs=6e-6)
    assert np.sqrt((1 - r) / (1 + 6 * r)) == pytest.approx(0.65432, abs=6e-6)


BASKETS = {  # METHODS 1.1: mean abnormal return in %, Brown-Warner t, rank p, BMP, r, Kolari-Pynnonen
    "chipmakers": (-10.96, -5.08, 0.008, -4.17, 0.32, -2.47),
    "stargate": (-8.46, -5.50, 0.008, -3.01, 0.14, -2.22),
    "partners": (-7.86, -4.85, 0.008, -2.21, 0.09, -1.85),
}


@pytest.mark.parametrize("basket", BASKETS)
def test_deepseek_monday_of_each_basket_without_google(returns, basket):
    partners = tuple(name for name in UNIVERSES["stargate"] if name != "TSM")
    names = partners if basket == "partners" else UNIVERSES[basket]
    found = named(run_event_study(returns[list(names)], returns["SPY"], MONDAY))
    mean, bw, rank, bmp, _, kp = BASKETS[basket]
    assert found["sample quantile"].statistic * 100 == pytest.approx(mean, abs=0.0051)
    assert found["sample quantile"].p_value == pytest.approx(rank, abs=0.00051)
    got = [found[test].statistic for test in ("Brown-Warner", "BMP", "Kolari-Pynnönen")]
    np.testing.assert_allclose(got, [bw, bmp, kp], atol=0.0051)


GOOGLES = {"article": (-4.45, -4.77), "magnificent-seven": (-0.61, -0.77), "hyperscalers": (0.88, 0.94)}


@pytest.mark.parametrize("basket", GOOGLES)
def test_deepseek_monday_of_the_baskets_with_google(basket):
    if not REFERENCE.exists():
        pytest.skip(f"{REFERENCE} is not there, and data/ has GOOG where the table has GOOGL")
    names = tuple("GOOGL" if name == "GOOG" else name for name in UNIVERSES[basket])
    table = load_bars(REFERENCE, (*names, "SPY")).returns
    found = named(run_event_study(table[list(names)], table["SPY"], MONDAY))
    mean, t = GOOGLES[basket]
    assert found["sample quantile"].statistic * 100 == pytest.approx(mean, abs=0.0051)
    assert found["Brown-Warner"].statistic == pytest.approx(t, abs=0.0051)
    google = run_event_study(table[["GOOGL"]], table["SPY"], MONDAY).by_name().loc["GOOGL"]
    np.testing.assert_allclose([google["beta"], google["car"] * 100, google["t"]], [1.24, -2.47, -1.66], atol=0.0051)


@pytest.fixture(scope="module")
def rejections():
    """Share of placebo dates that each test rejects at 5 %, over 1,200 dates of a panel without an event."""
    values, market = correlated_panel()
    days = pd.bdate_range("2019-01-01", periods=len(values))
    frame, base = pd.DataFrame(values, index=days), pd.Series(market, index=days)
    found = [
        {score.name: score.p_value <= 0.05 for score in run_event_tests(run_event_study(frame, base, day))}
        for day in days[261:1461]
    ]
    return pd.DataFrame(found).mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sample quantile", "Brown-Warner", "Corrado rank", "Kolari-Pynnönen"])
def test_the_recommended_tests_reject_about_one_placebo_date_in_twenty(rejections, name):
    assert rejections[name] == pytest.approx(0.05, abs=0.02)  # three standard errors of 1,200 dates


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cross-sectional t", "Patell", "J1", "BMP", "Wilcoxon"])
def test_the_tests_that_take_names_for_independent_reject_far_too_often(rejections, name):
    assert rejections[name] > 0.10


@pytest.mark.parametrize("name", ["sign", "generalised sign"])
def test_the_sign_tests_of_seven_names_reject_too_often_as_well(rejections, name):
    assert rejections[name] > 0.07  # one of few values; on real shares 13.7 %


def test_every_test_that_over_rejects_says_so(returns):
    found = named(run_event_study(returns[["NVDA", "AVGO", "TSM"]], returns["SPY"], MONDAY))
    assert {name for name, score in found.items() if score.over_rejects} == {
        "cross-sectional t", "Patell", "J1", "BMP", "generalised sign", "sign", "Wilcoxon",
    }  # fmt: skip
    assert "25 % with normal critical values" in found["BMP"].warning
    assert found["Brown-Warner"].warning == found["Corrado rank"].warning == found["sample quantile"].warning == ""


def test_one_name_gets_no_test_across_names(returns):
    assert list(named(run_event_study(returns[["NVDA"]], returns["SPY"], MONDAY))) == [
        "sample quantile",
        "Brown-Warner",
        "Corrado rank",
    ]


def test_corrados_rank_has_unit_variance_over_all_sessions():
    found = golden()[0]
    days = np.array([corrado(found, day, day) for day in range(-5, 6)])
    ranks = excess_ranks(found).mean(axis=1)
    np.testing.assert_allclose(days, ranks[-11:] / np.sqrt((ranks**2).mean()), rtol=1e-12)
    assert corrado(found, -1, 1) == pytest.approx(days[4:7].sum() / np.sqrt(3), rel=1e-12)
