"""Subperiods: windows and start dates in loops, and as pandas rolls."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import sessions_in_market, sharpe, total_return, volatility
from dipfolio.engine.simulation import simulate
from dipfolio.engine.subperiods import rolling_metrics, start_dates
from tests.support.markets import make_bars
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]
FREE = Account(cash=10_000.0, max_volume_share=1.0).without_costs()


@pytest.fixture(scope="module")
def rule():
    return simulate(load_strategy(ROOT / "strategies", "dip-rule")(), load_bars(ROOT / "data"), benchmark="SPY")


def walk(sessions, rows, benchmark="M"):
    random = np.random.default_rng(2)
    closes = {name: (100 * np.cumprod(1 + random.normal(0, 0.01, sessions))).tolist() for name in ("A", "M")}
    return simulate(script(rows, universe="A"), make_bars(closes), FREE, benchmark=benchmark)


def test_every_window_has_the_metrics_of_its_sessions(rule):
    found = rolling_metrics(rule, 0.04)
    assert (found.window, len(found.own), found.apart) == (126, 502 - 125, 3)
    for place in (0, 100, 376):
        rows = slice(place, place + 126)
        own, market = rule.returns.iloc[rows], rule.benchmark_returns.iloc[rows]
        excess = [series.to_numpy() - (1.04 ** (1 / 252) - 1) for series in (own, market)]
        line, other = found.own.iloc[place], found.benchmark.iloc[place]
        assert found.own.index[place] == own.index[-1]
        assert line["return"] == pytest.approx(total_return(own))
        assert line["volatility"] == pytest.approx(volatility(own))
        assert line["sharpe"] == pytest.approx(sharpe(own, 0.04))
        assert line["beta"] == pytest.approx(np.cov(*excess)[0, 1] / excess[1].var(ddof=1))
        assert other["return"] == pytest.approx(total_return(market))
        assert other["sharpe"] == pytest.approx(sharpe(market, 0.04))


@pytest.mark.parametrize(("sessions", "window"), [(63, 21), (188, 21), (189, 63), (377, 63), (378, 126)])
def test_the_window_is_the_longest_that_fits_three_times(sessions, window):
    assert rolling_metrics(walk(sessions, {0: {"A": 10.0}})).window == window


def test_a_run_of_less_than_three_months_has_no_windows():
    assert rolling_metrics(walk(62, {0: {"A": 10.0}})) is None


def test_ratios_of_windows_with_few_invested_sessions_are_left_out():
    result = walk(80, {0: {"A": 10.0}, 29: {"A": 0.0}})  # held from session 1 on, sold at the open of session 30
    found = rolling_metrics(result).own
    enough = sessions_in_market(result).rolling(21).sum().dropna() >= 10
    assert found["sharpe"].notna().tolist() == enough.tolist()
    assert found["beta"].notna().tolist() == enough.tolist()
    assert enough.sum() == 22  # windows that end in row 20, the first, to row 41, which has the rows 21 to 30 of those held
    assert found["return"].notna().all()


def test_without_a_benchmark_there_is_no_beta_and_no_start_date():
    result = walk(80, {0: {"A": 10.0}}, benchmark="")
    found = rolling_metrics(result)
    assert found.benchmark is None
    assert found.own["beta"].isna().all()
    assert found.as_record()["beta"] == dict.fromkeys(("lowest", "median", "highest", "last"))
    assert start_dates(result) == ()


def test_the_summary_of_the_windows(rule):
    found = rolling_metrics(rule)
    record = found.as_record()
    assert (record["window"], record["windows"], record["not_overlapping"]) == (126, 377, 3)
    values = found.own["return"]
    assert list(record["return"].values()) == [values.min(), values.median(), values.max(), values.iloc[-1]]


def test_start_dates_in_a_loop(rule):
    found = start_dates(rule)
    assert [one.horizon for one in found] == [63, 126, 250]
    own, market, held = rule.returns.to_numpy(), rule.benchmark_returns.to_numpy(), sessions_in_market(rule).to_numpy()
    for one in found:
        h = one.horizon
        ahead = [math.prod(1 + own[k : k + h]) - math.prod(1 + market[k : k + h]) for k in range(502 - h + 1)]
        assert one.ahead.tolist() == pytest.approx(ahead, abs=1e-12)
        assert one.ahead.index[0] == rule.equity.index[0]
        assert one.share == sum(value > 0 for value in ahead) / len(ahead)
        assert one.apart == 502 // h
        assert one.apart_beaten == sum(ahead[k] > 0 for k in range(0, len(ahead), h))
        assert one.idle == sum(not held[k : k + h].any() for k in range(502 - h + 1))
        assert one.as_record()["median"] == pytest.approx(float(np.median(ahead)))


@pytest.mark.parametrize(
    ("sessions", "horizons"),
    [(41, []), (42, [21]), (126, [21, 63]), (499, [21, 63, 126]), (500, [63, 126, 250]), (1_500, [126, 250, 750])],
)
def test_a_horizon_fits_twice(sessions, horizons):
    assert [one.horizon for one in start_dates(walk(sessions, {0: {"A": 10.0}}))] == horizons


def test_an_account_that_is_the_benchmark_is_never_ahead():
    result = walk(60, {0: {"A": 10.0}})
    same = replace(result, equity=result.equity.assign(benchmark=result.returns))
    (found,) = start_dates(same)
    assert (found.share, found.apart, found.apart_beaten) == (0.0, 2, 0)
    assert rolling_metrics(walk(63, {0: {"A": 10.0}})) is not None
