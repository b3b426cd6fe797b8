"""Metrics: each number from numpy, from quantstats, from empyrical or from paper."""

import math
import warnings
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine import metrics
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from tests.support.markets import make_bars
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]


def series(values):
    return pd.Series(values, index=pd.bdate_range("2024-01-02", periods=len(values)), dtype="float64")


def random(seed, count=500, mean=0.0005, spread=0.015):
    return np.random.default_rng(seed).normal(mean, spread, count)


SERIES = {
    "rising": series(random(1, mean=0.002)),
    "falling": series(random(2, mean=-0.002)),
    "wild": series(random(3, spread=0.05)),
    "all negative": series(-np.abs(random(4))),
    "idle at first": series(np.concatenate([np.zeros(270), random(5, count=230)])),
    "loss on the first session": series([-0.10, 0.02, 0.03, -0.01, 0.04]),
    "two sessions": series([0.01, -0.02]),
}


@pytest.fixture(scope="module")
def libraries():
    """Quantstats and empyrical."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import empyrical
        import quantstats.stats
    return quantstats.stats, empyrical


@pytest.fixture(params=SERIES)
def returns(request):
    return SERIES[request.param]


@pytest.mark.parametrize(
    ("ours", "quantstats_name", "empyrical_name"),
    [
        (metrics.sharpe, "sharpe", "sharpe_ratio"),
        (metrics.sortino, "sortino", "sortino_ratio"),
        (metrics.volatility, "volatility", "annual_volatility"),
        (metrics.total_return, "comp", "cum_returns_final"),
        (lambda returns: metrics.drawdowns(returns).min(), "max_drawdown", "max_drawdown"),
    ],
    ids=["sharpe", "sortino", "volatility", "total return", "max drawdown"],
)
def test_our_numbers_are_those_of_quantstats_and_of_empyrical(libraries, returns, ours, quantstats_name, empyrical_name):
    quantstats, empyrical = libraries
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(quantstats, quantstats_name)(returns), getattr(empyrical, empyrical_name)(returns)
    assert ours(returns) == pytest.approx(theirs[0], abs=1e-12, rel=1e-12)
    assert ours(returns) == pytest.approx(theirs[1], abs=1e-12, rel=1e-12)


@pytest.mark.parametrize("rate", [0.04, -0.01])
def test_a_risk_free_rate_a_year_is_spread_over_252_sessions(returns, rate):
    excess = returns.to_numpy() - ((1 + rate) ** (1 / 252) - 1)
    downside = np.sqrt((excess[excess < 0] ** 2).sum() / len(excess))
    assert metrics.sharpe(returns, rate) == pytest.approx(excess.mean() / excess.std(ddof=1) * 252**0.5, rel=1e-12)
    assert metrics.sortino(returns, rate) == pytest.approx(excess.mean() / downside * 252**0.5, rel=1e-12)


def test_quantstats_agrees_about_a_positive_risk_free_rate(libraries, returns):
    assert metrics.sharpe(returns, 0.04) == pytest.approx(libraries[0].sharpe(returns, rf=0.04), rel=1e-12)


def test_total_return_and_drawdown_by_hand():
    returns = series([0.10, -0.20, 0.05, 0.25])
    # wealth 1.10, 0.88, 0.924, 1.155; highest so far 1.10, 1.10, 1.10, 1.155
    assert metrics.total_return(returns) == pytest.approx(0.155, abs=1e-15)
    assert metrics.drawdowns(returns).tolist() == pytest.approx([0, -0.2, -0.16, 0], abs=1e-15)


def test_a_loss_on_the_first_session_is_a_drawdown_from_the_starting_cash():
    assert metrics.drawdowns(series([-0.10, 0.05])).tolist() == pytest.approx([-0.10, -0.055], abs=1e-15)


@pytest.mark.parametrize(
    ("total", "days", "expected"),
    [
        (0.21, 730.5, 0.10),  # two years of 10 %
        (0.10, 365.25, 0.10),
        (-0.5, 365.25 / 2, -0.75),  # a half in half a year leaves a quarter
        (0.0, 10, 0.0),
        (0.1, 1, 1.1**365.25 - 1),
    ],
)
def test_the_annual_return_counts_calendar_days(total, days, expected):
    assert metrics.annual_return(total, days) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("total", "days"), [(0.1, 0), (-1.0, 30), (-1.2, 30)])
def test_there_is_no_annual_return_of_no_day_or_of_a_lost_account(total, days):
    assert math.isnan(metrics.annual_return(total, days))


def test_one_session_has_no_volatility_and_no_sharpe():
    assert math.isnan(metrics.volatility(series([0.01])))
    assert math.isnan(metrics.sharpe(series([0.01])))


def test_without_a_loss_there_is_no_sortino():
    assert math.isnan(metrics.sortino(series([0.01, 0.0, 0.02])))


def test_an_idle_account_has_no_volatility_and_no_ratio():
    idle = series([0.0] * 20)
    assert metrics.volatility(idle) == 0
    assert math.isnan(metrics.sharpe(idle))
    assert math.isnan(metrics.sortino(idle))


@pytest.mark.parametrize(("value", "count"), [(0.1, 10), (0.0003, 502), (-0.01, 7), (0.07, 61)])
def test_returns_that_never_vary_have_no_sharpe_however_they_are_rounded(value, count):
    assert math.isnan(metrics.sharpe(series([value] * count)))


# One symbol, four sessions from Thursday 2 January: bought at the open of the 3rd, paid a dividend on the 6th,
# and sold at the open of the 7th; a second symbol is shorted at the open of the 6th and stays open.
@pytest.fixture(scope="module")
def worked():
    """A run whose every number can be worked out on paper, with the account's charges."""
    bars = make_bars(
        {"A": [100.0, 110.0, 95.0, 120.0], "B": [50.0, 50.0, 40.0, 44.0], "M": [200.0, 202.0, 204.0, 198.0]},
        opens={"A": [100.0, 101.0, 108.0, 119.0], "B": [50.0, 50.0, 45.0, 41.0]},
        dividends={"A": {2: 0.50}},
    )
    plan = script({0: {"A": 1_000}, 1: {"B": -2_000}, 2: {"A": 0}}, universe="A,B")
    return simulate(plan, bars, Account(cash=500_000.0, slippage_bps=0.0), benchmark="M")


CHARGES = [
    5.0,  # 1,000 A at 101: 0.005 a share
    10.0 + 90_000 * 27.8e-6 + 2_000 * 0.000166,  # 2,000 B sold at 45
    5.0 + 119_000 * 27.8e-6 + 1_000 * 0.000166,  # 1,000 A sold at 119
]
BORROW = 2_000 * 41 * 0.003 * 1 / 360  # one night on ceil(1.02 x 40) = 41
EQUITY = np.array(
    [
        500_000.0,
        500_000 - 101_000 - CHARGES[0] + 110_000,
        500_000 - 101_000 - CHARGES[0] + 500 + 90_000 - CHARGES[1] + 95_000 - 80_000,
        500_000 - 101_000 - CHARGES[0] + 500 + 90_000 - CHARGES[1] - BORROW + 119_000 - CHARGES[2] - 88_000,
    ]
)


def test_equity_and_returns_are_those_of_the_paper(worked):
    assert worked.equity["equity"].to_numpy() == pytest.approx(EQUITY, abs=1e-6)
    assert worked.returns.to_numpy() == pytest.approx(EQUITY / np.array([500_000, *EQUITY[:-1]]) - 1, abs=1e-12)


def test_the_calmar_ratio_is_the_annual_return_over_the_worst_drawdown(returns):
    days = (returns.index[-1] - pd.Timestamp("2024-01-01")).days
    wealth = np.array([1.0, *np.cumprod(1 + returns)])
    expected = (wealth[-1] ** (365.25 / days) - 1) / np.max(1 - wealth / np.maximum.accumulate(wealth))
    found = metrics.measure_returns(metrics.ReturnSeries.of(returns, date(2024, 1, 1))).calmar
    assert found == pytest.approx(expected, rel=1e-12)


def test_there_is_no_calmar_ratio_without_a_drawdown():
    rising = metrics.ReturnSeries.of(series([0.01, 0.0, 0.02]), date(2024, 1, 1))
    assert math.isnan(metrics.measure_returns(rising).calmar)
    assert math.isnan(metrics.calmar(0.1, -1e-16))  # the rounding of an equity that never fell


def test_a_gain_too_large_for_a_year_is_infinite():
    assert metrics.annual_return(50.0, 1) == math.inf


def test_every_metric_of_a_run_is_that_of_the_paper(worked):
    found = measure(worked).by_name
    returns = EQUITY[1:] / EQUITY[:-1] - 1
    returns = np.array([0.0, *returns])
    wealth = EQUITY / 500_000
    expected = {
        "sessions": 4,
        "total_return": EQUITY[-1] / 500_000 - 1,
        "annual_return": (EQUITY[-1] / 500_000) ** (365.25 / 5) - 1,  # 2 to 7 January
        "volatility": returns.std(ddof=1) * 252**0.5,
        "sharpe": returns.mean() / returns.std(ddof=1) * 252**0.5,
        "sortino": returns.mean() / np.sqrt((np.minimum(returns, 0) ** 2).mean()) * 252**0.5,
        "calmar": ((EQUITY[-1] / 500_000) ** (365.25 / 5) - 1) / abs((wealth / np.maximum.accumulate(wealth) - 1).min()),
        "worst_drawdown": (wealth / np.maximum.accumulate(wealth) - 1).min(),
        "time_in_market": 3 / 4,
        "mean_exposure": np.mean([0, 110_000 / EQUITY[1], 175_000 / EQUITY[2], 88_000 / EQUITY[3]]),
        "trades": 1,
        "win_rate": 1.0,
        "fills": 3,
        "turnover": (101_000 + 90_000 + 119_000) / 2 / EQUITY.mean() * 252 / 4,
        "entry_dates": 2,
        "observations": 2,  # three sessions in the market are too few to be observations
        "commission": 20.0,
        "fees": 209_000 * 27.8e-6 + 3_000 * 0.000166,
        "slippage": 0.0,
        "borrow": BORROW,
        "interest": 0.0,
        "interest_earned": 0.0,
        "costs": sum(CHARGES) + BORROW,
        "dividends": 500.0,
        "benchmark_return": 198 / 200 - 1,
        "excess_return": EQUITY[-1] / 500_000 - 1 - (198 / 200 - 1),
        "open_positions": 1,
        "open_value": -88_000.0,
        "final_equity": EQUITY[-1],
        "residual": 0.0,
    }
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_risk_free_rate_reaches_sharpe_and_sortino(worked):
    assert measure(worked, 0.05).sharpe == metrics.sharpe(worked.returns, 0.05)
    assert measure(worked, 0.05).sortino == metrics.sortino(worked.returns, 0.05)
    assert measure(worked, 0.05).sharpe < measure(worked).sharpe


def test_a_win_is_a_trade_with_a_profit_after_its_costs():
    # ten shares gain ten cents each, a dollar that two commissions of a dollar eat up; the second trade wins
    bars = make_bars({"A": [100.0, 100, 100.1, 100, 110, 110]})
    plan = script({0: {"A": 10}, 1: {"A": 0}, 2: {"A": 10}, 4: {"A": 0}})
    found = measure(simulate(plan, bars, Account(slippage_bps=0.0)))
    assert (found.trades, found.win_rate, found.entry_dates) == (2, 0.5, 2)


def test_a_profit_of_a_cent_is_a_win_and_no_profit_is_none():
    bars = make_bars({"A": [100.0, 100, 100.01, 100, 100]})
    plan = script({0: {"A": 1}, 1: {"A": 0}, 2: {"A": 1}, 3: {"A": 0}})
    found = measure(simulate(plan, bars, Account().without_costs()))
    assert (found.trades, found.win_rate) == (2, 0.5)


@pytest.mark.parametrize(
    ("sessions", "held", "expected"),
    [
        (60, 30, 30),  # half of the sessions, 30 of them
        (60, 29, 1),  # less than half
        (61, 30, 1),
        (58, 29, 1),  # half, but too few
        (40, 39, 39),
        (100, 60, 60),
    ],
)
def test_a_position_held_most_of_the_time_has_its_sessions_as_observations(sessions, held, expected):
    # bought at the open of row 1, sold at the open of row 1 + held - 1: in the market in that many sessions
    plan = {0: {"A": 1}, held - 1: {"A": 0}} if held < sessions - 1 else {0: {"A": 1}}
    found = measure(simulate(script(plan), make_bars({"A": [100.0 + k % 2 for k in range(sessions)]}), Account()))
    assert found.time_in_market == held / sessions
    assert (found.entry_dates, found.observations) == (1, expected)


def test_many_short_trades_have_their_entries_as_observations():
    rows = {row: {"A": 1 if row % 10 == 0 else 0} for row in range(118) if row % 10 in (0, 2)}
    found = measure(simulate(script(rows), make_bars({"A": [100.0 + k % 2 for k in range(120)]}), Account()))
    assert (found.entry_dates, found.observations, found.fills) == (12, 12, 24)
    assert found.time_in_market == 36 / 120  # three sessions each: two nights and the session of the exit


def test_turnover_is_half_of_what_was_traded_over_the_mean_equity_a_year():
    bars = make_bars({"A": [100.0, 100, 100, 100]})
    found = measure(simulate(script({0: {"A": 5}, 1: {"A": 0}}), bars, Account(cash=1_000.0).without_costs()))
    assert found.turnover == pytest.approx((500 + 500) / 2 / 1_000 * 252 / 4)


def test_a_run_without_a_trade_has_no_win_rate_and_no_ratio_and_keeps_its_cash():
    found = measure(simulate(script({}), make_bars({"A": [100.0, 101, 102]}), Account(cash=1_000.0)))
    assert (found.trades, found.open_positions, found.entry_dates, found.observations, found.fills, found.turnover) == (0,) * 6
    assert (found.total_return, found.annual_return, found.worst_drawdown, found.final_equity) == (0, 0, 0, 1_000)
    assert (found.time_in_market, found.mean_exposure) == (0, 0)
    for name in ("win_rate", "sharpe", "sortino", "benchmark_return", "excess_return"):
        assert math.isnan(getattr(found, name)), name


def test_a_position_that_was_closed_at_the_open_counts_as_time_in_the_market():
    plan = script({0: {"A": 10}, 1: {"A": 0}})
    assert measure(simulate(plan, make_bars({"A": [100.0] * 4}))).time_in_market == 2 / 4


def test_the_annual_return_of_a_window_counts_from_the_close_before_it():
    bars = make_bars({"A": [100.0, 100, 100, 110, 110, 110, 110, 110]})
    result = simulate(script({0: {"A": 1_000}}), bars, Account().without_costs(), start=date(2025, 1, 3), end=date(2025, 1, 8))
    found = measure(result)
    assert result.base == date(2025, 1, 2)
    # 10,000 dollars on a million from the close of the 2nd to that of the 8th: six days
    assert found.total_return == pytest.approx(0.01, abs=1e-12)
    assert found.annual_return == pytest.approx(1.01 ** (365.25 / 6) - 1, rel=1e-9)


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.mark.parametrize("name", ["buy-the-dip", "equal-weight", "short-nvda-friday"])
def test_the_numbers_of_the_strategies_are_those_of_quantstats_and_of_empyrical(libraries, bars, name):
    result = simulate(load_strategy(ROOT / "strategies", name)(), bars, benchmark="SPY")
    quantstats, empyrical = libraries
    returns, found = result.returns, measure(result)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found.sharpe == pytest.approx(quantstats.sharpe(returns), rel=1e-12)
        assert found.sortino == pytest.approx(empyrical.sortino_ratio(returns), rel=1e-12)
        assert found.volatility == pytest.approx(empyrical.annual_volatility(returns), rel=1e-12)
        assert found.worst_drawdown == pytest.approx(quantstats.max_drawdown(returns), rel=1e-12)
        assert found.total_return == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-12)


def test_the_benchmark_return_is_that_of_its_prices_and_dividends(bars):
    result = simulate(load_strategy(ROOT / "strategies", "buy-the-dip")(), bars, benchmark="SPY")
    price, paid = bars.close["SPY"].to_numpy(), bars.dividends["SPY"].to_numpy()
    wealth = np.prod((price[1:] + paid[1:]) / price[:-1])
    assert measure(result).benchmark_return == pytest.approx(wealth - 1, rel=1e-12)
    assert measure(result).excess_return == pytest.approx(measure(result).total_return - (wealth - 1), rel=1e-12)


def test_a_riskless_rate_that_changes_is_taken_off_each_session_by_itself():
    from dipfolio.data.risk_free import RiskFree

    days = pd.DatetimeIndex(["2025-01-06", "2025-01-07", "2025-01-08"])
    returns = pd.Series([0.01, -0.02, 0.015], index=days)
    rates = RiskFree(rates=pd.Series([0.04, 0.05], index=pd.DatetimeIndex(["2025-01-01", "2025-01-08"])), description="by hand")
    excess = returns.to_numpy() - (np.array([1.04, 1.04, 1.05]) ** (1 / 252) - 1)
    assert metrics.sharpe(returns, rates) == pytest.approx(excess.mean() / excess.std(ddof=1) * math.sqrt(252), abs=1e-12)
    downside = math.sqrt((np.minimum(excess, 0) ** 2).mean())
    assert metrics.sortino(returns, rates) == pytest.approx(excess.mean() / downside * math.sqrt(252), abs=1e-12)


def test_a_constant_rate_gives_the_same_in_both_forms():
    from dipfolio.data.risk_free import parse_risk_free

    returns = pd.Series([0.01, -0.02, 0.015], index=pd.DatetimeIndex(["2025-01-06", "2025-01-07", "2025-01-08"]))
    assert metrics.sharpe(returns, parse_risk_free("0.043")) == metrics.sharpe(returns, 0.043)


@pytest.mark.parametrize("a_year", [365, 52, 12])
def test_annual_ratios_of_other_calendars_are_those_of_quantstats(a_year):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from quantstats import stats

        returns = SERIES["rising"]
        assert metrics.volatility(returns, a_year) == pytest.approx(stats.volatility(returns, periods=a_year), rel=1e-12)
        assert metrics.sharpe(returns, 0.0, a_year) == pytest.approx(stats.sharpe(returns, periods=a_year), rel=1e-12)
        assert metrics.sortino(returns, 0.0, a_year) == pytest.approx(stats.sortino(returns, periods=a_year), rel=1e-12)


def test_a_riskless_rate_is_earned_by_all_sessions_of_a_year():
    nothing = series(np.zeros(365))
    assert np.prod(1 - metrics.excess_returns(nothing, 0.05, sessions_per_year=365)) == pytest.approx(1.05, rel=1e-12)
