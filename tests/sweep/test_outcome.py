"""The numbers of a sweep are those of the engine's own metrics."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from scipy import stats

from dipfolio.engine.account import Account
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.sweep.lockstep import run
from dipfolio.sweep.outcome import FIGURES, outcome, row_of
from dipfolio.sweep.variants import batches
from tests.ideas import script
from tests.made_up import accounts, decisions, law, markets
from tests.markets import make_bars


def rows(idea, bars, account, start):
    """The row of a variant in lockstep, and the same from a run of backtrader."""
    (_, batch), *_ = batches([idea], bars, account, max(start - 1, 0))
    came = outcome(run(batch), account.cash, min(start, 1))
    day = bars.sessions[start].date() if start else None
    result = simulate(idea, bars, account, start=day)
    return came, row_of(measure(result), result.returns, result.events), result


@law
@given(bars=markets(), idea=decisions(), account=accounts)
def test_every_figure_is_that_of_the_run_in_backtrader(bars, idea, account):
    for start in (0, 2):
        came, expected, result = rows(script(**idea), bars, account, start)
        row = came.table.iloc[0]
        assert list(came.table.columns) == list(FIGURES)
        for name in FIGURES:
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
    from dipfolio.market.rates import RiskFree

    bars = make_bars({"A": [100.0, 97, 99, 104, 95, 101, 98, 99]})
    days = pd.DatetimeIndex(["2024-01-02", bars.sessions[4]][: len(rates)])
    rate = RiskFree(rates=pd.Series(rates, index=days), said="as written")
    idea = script({0: {"A": 1.0}}, unit="weight")
    (_, batch), *_ = batches([idea], bars, Account(), 0)
    came = outcome(run(batch), Account().cash, 0, rate.daily(bars.sessions).to_numpy())
    expected = measure(simulate(idea, bars), rate).sharpe
    assert came.table["sharpe"].iloc[0] == pytest.approx(expected, rel=1e-12)
    assert expected != pytest.approx(measure(simulate(idea, bars)).sharpe, rel=1e-3)
