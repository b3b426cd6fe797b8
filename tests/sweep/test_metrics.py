"""The numbers of a sweep are those of the engine's own metrics."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from scipy import stats

from dipfolio.engine.account import Account
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.sweep.batches import make_batches
from dipfolio.sweep.metrics import measure_variants, metric_columns, metrics_row
from dipfolio.sweep.simulator import simulate_batch
from tests.support.generated_files import accounts, decisions, law, markets
from tests.support.markets import make_bars
from tests.support.strategies import script


def rows(idea, bars, account, start):
    """The row of a variant in lockstep, and the same from a run of backtrader."""
    (_, batch), *_ = make_batches([idea], bars, account, max(start - 1, 0))
    days = (bars.sessions[start:] - bars.sessions[max(start - 1, 0)]).days.to_numpy()
    came = measure_variants(simulate_batch(batch), account.cash, min(start, 1), days=days)
    day = bars.sessions[start].date() if start else None
    result = simulate(idea, bars, account, start=day)
    return came, metrics_row(measure(result), result.returns, result.events), result


@pytest.mark.slow
@law
@given(bars=markets(), idea=decisions(), account=accounts)
def test_every_figure_is_that_of_the_run_in_backtrader(bars, idea, account):
    for start in (0, 2):
        came, expected, result = rows(script(**idea), bars, account, start)
        row = came.table.iloc[0]
        assert list(came.table.columns) == list(metric_columns())
        for name in metric_columns():
            if name == "win_rate" and (result.trades["profit"].abs() < 1e-7).any():
                continue
            assert row[name] == pytest.approx(expected[name], rel=1e-7, abs=1e-7, nan_ok=True), name
        np.testing.assert_allclose(came.returns[: len(result.returns), 0], result.returns, rtol=0, atol=1e-9)


def test_a_bankrupt_variant_is_measured_over_the_sessions_that_it_lived():
    bars = make_bars({"A": [10.0, 10, 11, 40, 10, 10]})
    account = Account(cash=1000, max_leverage=9, maintenance_short=0, maintenance_short_per_share=0).without_costs()
    idea = script({0: {"A": -3.0}}, unit="weight")
    came, expected, _ = rows(idea, bars, account, 0)
    row = came.table.iloc[0]
    assert row["bankrupt"]
    assert (row["sessions"], row["final_equity"]) == (4, 1000 - 300 * 30)
    for name in ("volatility", "sharpe", "worst_drawdown", "exposure", "total_return"):
        assert row[name] == pytest.approx(expected[name], nan_ok=True)
    assert (came.returns[4:] == 0).all()


def test_skewness_and_kurtosis_are_scipys():
    bars = make_bars({"A": [100.0, 97, 99, 104, 95, 101, 98, 99]})
    came, *_ = rows(script({0: {"A": 1.0}}, unit="weight"), bars, Account(), 0)
    own = came.returns[:, 0]
    assert came.table["skew"].iloc[0] == pytest.approx(stats.skew(own))
    assert came.table["kurtosis"].iloc[0] == pytest.approx(stats.kurtosis(own, fisher=False))
    assert pd.isna(rows(script({}), bars, Account(), 0)[0].table["sharpe"].iloc[0])


@pytest.mark.parametrize("rates", [[0.05], [0.01, 0.09]])
def test_the_riskless_rate_is_taken_off_as_in_a_run(rates):
    from dipfolio.data.risk_free import RiskFree

    bars = make_bars({"A": [100.0, 97, 99, 104, 95, 101, 98, 99]})
    days = pd.DatetimeIndex(["2024-01-02", bars.sessions[4]][: len(rates)])
    rate = RiskFree(rates=pd.Series(rates, index=days), description="as written")
    idea = script({0: {"A": 1.0}}, unit="weight")
    (_, batch), *_ = make_batches([idea], bars, Account(), 0)
    came = measure_variants(simulate_batch(batch), Account().cash, 0, rate.daily(bars.sessions).to_numpy())
    expected = measure(simulate(idea, bars), rate).sharpe
    assert came.table["sharpe"].iloc[0] == pytest.approx(expected, rel=1e-12)
    assert expected != pytest.approx(measure(simulate(idea, bars)).sharpe, rel=1e-3)


def test_entries_are_counted_once_a_session_whatever_the_symbols_and_reversals_are_entries():
    bars = make_bars({"A": [100.0, 97, 99, 104, 95, 101, 98, 99], "B": [50.0, 51, 52, 51, 50, 49, 50, 51]})
    wanted = {0: {"A": 5.0, "B": 5.0}, 1: {"A": 8.0}, 2: {"A": -5.0}, 3: {"A": 0.0, "B": 0.0}, 5: {"B": 3.0}}
    came, expected, result = rows(script(wanted, universe="A,B", resize=True), bars, Account(max_volume_share=1.0), 0)
    row = came.table.iloc[0]
    # filled on the next open: A and B on 1, A grows on 2 and turns round on 3, all is sold on 4, B is bought on 6 and kept
    assert (row["entry_dates"], row["time_in_market"], row["observations"]) == (3, 6 / 8, 3)
    assert (expected["entry_dates"], expected["time_in_market"], expected["observations"]) == (3, 6 / 8, 3)
    assert len(result.fills) == 7


def test_a_variant_that_is_mostly_invested_has_its_sessions_for_observations():
    closes = [100.0 + k % 7 for k in range(40)]
    held, expected, _ = rows(script({0: {"A": 5.0}}), make_bars({"A": closes}), Account(), 0)
    assert held.table["observations"].iloc[0] == expected["observations"] == 39
    assert held.table["entry_dates"].iloc[0] == 1
