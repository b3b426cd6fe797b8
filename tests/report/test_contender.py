"""Contender: a run cut to common sessions has the numbers of those sessions and of no others."""

import math
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.metrics import measure
from dipfolio.report.contender import benchmark_metrics, compounded, contenders, excerpt, market_returns
from dipfolio.report.fairness import judge
from dipfolio.report.track import Track
from tests.report.test_fairness import RUIN, series
from tests.runs import MARKET, WAVES, run, track

DAYS = run().returns.index
HALF = DAYS[6:]


def cut(rows=None, **options):
    """The contender of a run that is cut to the second half, by a track that knows no more."""
    whole = track(rows, label="whole", **options)
    return contenders(judge([whole, series(HALF)]))[0]


def test_a_whole_run_keeps_the_metrics_of_its_tear_sheet():
    made = track(label="a")
    (contender,) = contenders(judge([made]))
    assert contender.result is made.result
    assert asdict(contender.metrics) == asdict(measure(made.result)) | {"win_rate": pytest.approx(math.nan, nan_ok=True)}


def test_a_cut_run_is_the_chained_returns_of_the_common_sessions():
    contender = cut()
    equity = np.array([1000 + 10 * (close - 110) for close in WAVES])
    equity[0] = 1000
    assert contender.metrics.total_return == pytest.approx(equity[-1] / equity[5] - 1, abs=1e-12)
    assert contender.metrics.benchmark_return == pytest.approx(MARKET[-1] / MARKET[5] - 1, abs=1e-12)
    assert contender.metrics.excess_return == pytest.approx(equity[-1] / equity[5] - MARKET[-1] / MARKET[5], abs=1e-12)
    wealth = equity[5:] / equity[5]
    assert contender.metrics.worst_drawdown == pytest.approx((wealth / np.maximum.accumulate(wealth)).min() - 1, abs=1e-12)
    days = (HALF[-1] - DAYS[5]).days
    assert contender.metrics.annual_return == pytest.approx(wealth[-1] ** (365.25 / days) - 1, abs=1e-12)
    assert contender.metrics.sessions == 6


def test_a_position_held_into_the_window_counts_as_held_and_as_one_look():
    contender = cut()
    assert contender.metrics.time_in_market == 1
    assert (contender.metrics.trades, contender.metrics.open_positions, contender.metrics.entry_dates) == (0, 1, 1)


def test_a_trade_entered_before_the_window_is_not_counted_and_one_inside_is():
    contender = cut({0: {"A": 10}, 7: {"A": 0}, 8: {"A": 5}, 9: {"A": 0}})
    assert contender.metrics.trades == 1
    assert contender.result.trades["entry_session"].tolist() == [DAYS[9]]
    assert contender.metrics.entry_dates == 2


def test_a_trade_that_ends_after_the_window_is_open_on_its_last_close():
    whole = track({1: {"A": 10}, 8: {"A": 0}}, label="whole")
    contender = contenders(judge([whole, series(DAYS[:6])]))[0]
    assert (contender.metrics.trades, contender.metrics.open_positions) == (0, 1)
    assert contender.metrics.open_value == pytest.approx(10 * WAVES[5])


def test_costs_of_a_cut_run_are_those_of_the_window():
    from dipfolio.engine.account import Account

    dear = Account(cash=1000.0, fractional=True, max_volume_share=1.0, slippage_bps=0.0)
    contender = cut({0: {"A": 5}, 7: {"A": 0}}, account=dear)
    whole = contender.track.result.equity
    assert contender.metrics.commission == pytest.approx(whole["commission"][HALF].sum())
    assert 0 < contender.metrics.commission < whole["commission"].sum()


def test_an_excerpt_of_everything_is_everything():
    result = run({0: {"A": 10}, 4: {"A": 0}})
    part = excerpt(result, DAYS, pd.Timestamp("2024-12-31"))
    assert part.equity.equals(result.equity) or np.allclose(part.equity, result.equity, rtol=0, atol=1e-12)
    assert part.trades.equals(result.trades)
    assert part.positions.equals(result.positions)


def test_sessions_left_out_are_multiplied_into_the_next():
    result = run()
    some = DAYS[[0, 3, 11]]
    part = excerpt(result, some, pd.Timestamp("2024-12-31"))
    equity = result.equity["equity"][some].to_numpy()
    assert part.returns.to_numpy() == pytest.approx([0, equity[1] / equity[0] - 1, equity[2] / equity[1] - 1], abs=1e-12)
    assert part.equity["equity"].tolist() == equity.tolist()


def test_days_between_are_compounded_and_days_outside_are_not():
    index = pd.to_datetime(["2025-01-02", "2025-01-03", "2025-01-04", "2025-01-06", "2025-01-07"])
    returns = pd.Series([0.5, 0.1, 0.2, 0.1, 0.9], index=index)
    found = compounded(returns, index[[1, 3]], index[0])
    assert found.tolist() == pytest.approx([0.1, 1.2 * 1.1 - 1])


def test_a_wiped_out_account_stays_where_it_ended():
    ruined = track({0: {"A": -10}}, label="ruined", closes=RUIN)
    contender = contenders(judge([ruined, track(label="a")]))[0]
    assert len(contender.returns) == len(DAYS)
    assert (contender.returns[ruined.last < DAYS] == 0).all()
    assert contender.metrics.final_equity == pytest.approx(ruined.result.equity["equity"].iloc[-1])
    assert contender.metrics.total_return == pytest.approx(measure(ruined.result).total_return)
    assert contender.metrics.benchmark_return == pytest.approx(MARKET[-1] / MARKET[0] - 1)


def test_a_bare_series_has_the_metrics_of_its_returns_and_none_of_the_books():
    returns = pd.Series(np.linspace(-0.02, 0.03, 12), index=DAYS)
    other = Track(label="o", returns=returns, base=pd.Timestamp("2024-12-31"), origin="a file")
    contender = contenders(judge([track(label="a"), other]))[1]
    assert contender.metrics.total_return == pytest.approx(np.prod(1 + returns) - 1)
    assert contender.metrics.volatility == pytest.approx(returns.std() * math.sqrt(252))
    assert contender.metrics.excess_return == pytest.approx(contender.metrics.total_return - (MARKET[-1] / MARKET[0] - 1))
    assert math.isnan(contender.metrics.commission)
    assert contender.result is None


def test_the_benchmark_is_measured_like_a_run():
    fairness = judge([track(label="a")])
    assert benchmark_metrics(fairness).total_return == pytest.approx(MARKET[-1] / MARKET[0] - 1)
    assert market_returns(fairness).tolist()[1] == pytest.approx(51 / 50 - 1)
    assert benchmark_metrics(judge([track(label="a", benchmark="")])) is None


def test_a_run_without_a_benchmark_gets_that_of_the_others():
    fairness = judge([track(label="bare", benchmark=""), track(label="b")])
    bare, other = contenders(fairness)
    assert bare.metrics.excess_return == pytest.approx(other.metrics.excess_return)


def test_as_is_keeps_every_run_as_it_was():
    late = track(label="late", since="2025-03-03")
    for contender in contenders(judge([track(label="a"), late], as_is=True)):
        assert contender.result is contender.track.result
        assert contender.metrics.total_return == measure(contender.result).total_return


def test_the_risk_free_rate_is_the_same_for_all():
    fairness = judge([track(label="a"), replace(track(label="b"), result=None, origin="x")])
    a, b = contenders(fairness, 0.04)
    assert a.metrics.sharpe == pytest.approx(b.metrics.sharpe)
    assert a.metrics.sharpe != pytest.approx(contenders(fairness)[0].metrics.sharpe)
