"""What the ideas are measured against."""

import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate


def test_spy_is_bought_once_and_kept_with_its_dividends_as_cash(bars, strategy):
    result = simulate(strategy("hold-benchmark"), bars, benchmark="SPY")
    close, opened = bars.close["SPY"], bars.open["SPY"].iloc[1] * (1 + 2e-4)
    shares = 1_000_000 // close.iloc[0]
    cash = 1_000_000 - shares * opened - 0.005 * shares
    worth = cash + shares * (close + bars.dividends["SPY"].iloc[2:].cumsum().reindex(close.index).fillna(0))
    assert len(result.fills) == 1
    assert str(result.fills["session"].iloc[0].date()) == "2024-01-03"
    np.testing.assert_allclose(result.equity["equity"].iloc[1:], worth.iloc[1:], rtol=0, atol=1e-6)


def test_free_of_costs_it_is_behind_the_benchmark_by_the_cash_alone(bars, strategy):
    result = simulate(strategy("hold-benchmark"), bars, Account(fractional=True).without_costs(), benchmark="SPY")
    behind = measure(result).total_return - ((1 + result.benchmark_returns).prod() - 1)
    assert -0.01 < behind < 0.005


@pytest.mark.parametrize("start", ["2024-06-03", "2025-01-27"])
def test_it_buys_on_the_first_session_of_any_window(bars, strategy, start):
    day = bars.close.loc[start:].index[0].date()
    result = simulate(strategy("hold-benchmark"), bars, start=day)
    assert list(result.fills["session"].astype(str)) == [start]
    assert result.fills["price"].iloc[0] == pytest.approx(bars.open.loc[start, "SPY"] * (1 + 2e-4))
