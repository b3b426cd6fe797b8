"""What the ideas are measured against."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from dipfolio.sweep.runner import run_sweep


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


def test_equal_parts_are_made_equal_again_on_each_month_end(bars, strategy):
    account = Account(fractional=True).without_costs()
    result = simulate(strategy("equal-weight", rebalance="month-end"), bars, account, end=date(2024, 4, 15))
    traded = result.fills["session"].drop_duplicates().dt.strftime("%Y-%m-%d").tolist()
    assert traded == ["2024-01-03", "2024-02-01", "2024-03-01", "2024-04-01"]  # Good Friday was 29 March
    held = result.positions.loc["2024-04-01"] * bars.close.loc["2024-03-28", list(result.positions)]
    np.testing.assert_allclose(held / result.equity.loc["2024-03-28", "equity"], 1 / 12, rtol=1e-12)


def test_names_that_are_not_listed_yet_are_left_out_of_the_equal_parts(longer, strategy):
    bars = longer.between("2023-08-01", "2023-11-10")  # ARM begins on 14 September 2023
    targets = strategy("equal-weight", rebalance="month-end").targets(bars.select(strategy("equal-weight").symbols))
    first, last = targets.loc["2023-08-31"], targets.loc["2023-09-29"]
    assert first.drop("ARM").tolist() == [1 / 11] * 11
    assert first["ARM"] == 0
    assert last.tolist() == [1 / 12] * 12


def test_a_band_asks_for_a_schedule(strategy):
    with pytest.raises(ParameterError, match="--rebalance day"):
        strategy("equal-weight", band=0.05)
    with pytest.raises(ParameterError, match="above 0"):
        strategy("equal-weight", rebalance="day", band=-0.05)


def test_a_sweep_of_the_schedules_and_bands_equals_backtrader_to_the_cent(bars, strategy):
    kind, start = type(strategy("equal-weight")), date(2024, 3, 11)
    swept = run_sweep(kind, bars, rebalance="none,day,week-end,month-end,quarter-end", band="none,0.02", start=start)
    assert len(swept.table) == 9  # a band without a schedule is refused
    for cell in swept.table.to_dict("records"):
        schedule = {name: cell[name] for name in ("rebalance", "band") if pd.notna(cell[name]) and cell[name] != "none"}
        result = simulate(strategy("equal-weight", **schedule), bars, start=start)
        assert cell["final_equity"] == pytest.approx(result.equity["equity"].iloc[-1], abs=0.005)
