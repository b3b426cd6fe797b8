"""Weights, contributions to risk and turnover, by hand and with two lines of numpy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine import loader
from dipfolio.engine.account import Account
from dipfolio.engine.allocation import allocation_of, is_rebalanced, risk_contributions
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from tests.support.markets import make_bars, random_market
from tests.support.strategies import rebalanced, script

ROOT = Path(__file__).parents[2]
FREE = replace(Account(cash=1000, fractional=True).without_costs(), max_volume_share=1.0)


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def test_weights_and_turnover_by_hand():
    # half each at 100; A doubles on the third close: 1000 of 1500 and 500; 250 are sold and 250 bought at the next open
    market = make_bars({"A": [100.0, 100.0, 200.0, 200.0, 200.0], "B": [100.0] * 5})
    found = allocation_of(simulate(rebalanced({"A": 0.5, "B": 0.5}, 2), market, FREE))
    np.testing.assert_allclose(found.weights["A"], [0, 0.5, 2 / 3, 0.5, 0.5])
    np.testing.assert_allclose(found.weights["cash"], [1, 0, 0, 0, 0], atol=1e-12)
    assert found.rebalances.index.equals(pd.DatetimeIndex(market.sessions[[3]]).as_unit("s"))
    row = found.rebalances.iloc[0]
    assert (row["symbols"], row["bought"], row["sold"]) == (2, pytest.approx(250), pytest.approx(250))
    assert row["turnover"] == pytest.approx(250 / 1500)
    assert found.turnover == row["turnover"]
    assert found.contributions.isna().all(axis=None)  # four returns are too few for a covariance


def test_contributions_are_those_of_the_definition(bars):
    names = ["NVDA", "MSFT", "AAPL"]
    strategy = rebalanced(dict(zip(names, (0.2, 0.5, 0.3), strict=True)), universe=",".join(names))
    found = allocation_of(simulate(strategy, bars, FREE))
    day = found.contributions.index[-1]
    own = found.weights.loc[day, names].to_numpy()
    covariance = bars.returns[names].loc[:day].iloc[-60:].cov().to_numpy()
    by_hand = own * (covariance @ own) / (own @ covariance @ own)
    np.testing.assert_allclose(found.contributions.loc[day, names], by_hand, rtol=1e-9)
    np.testing.assert_allclose(found.contributions.sum(axis=1), 1)
    assert (found.weights.sum(axis=1) - 1).abs().max() < 1e-12


def test_two_names_that_do_not_move_together_contribute_by_their_own_variance():
    np.testing.assert_allclose(risk_contributions(np.array([0.5, 0.5]), np.diag([1.0, 3.0])), [0.25, 0.75])
    assert np.isnan(risk_contributions(np.array([0.5, 0.5]), np.zeros((2, 2)))).all()


def test_equal_turnover_is_that_of_the_metric():
    market = make_bars(**random_market(60, "AB"))
    result = simulate(rebalanced({"A": 0.5, "B": 0.5}, 5), market, FREE)
    found = allocation_of(result)
    first = (
        (result.fills["shares"] * result.fills["price"]).abs()[result.fills["session"] == result.fills["session"].iloc[0]].sum()
    )
    traded = first + found.rebalances[["bought", "sold"]].sum().sum()
    assert measure(result).turnover == pytest.approx(traded / 2 / result.equity["equity"].mean() * 252 / 60)


def test_what_only_buys_and_sells_whole_positions_is_no_portfolio():
    market = make_bars({"A": [100.0] * 6, "B": [100.0] * 6})
    for rows in ({0: {"A": 0.5}, 2: {"A": 0.0}}, {0: {"A": 0.2}, 2: {"A": 0.4}}, {0: {"A": 0.5}, 2: {"A": -0.2}}):
        result = simulate(script(rows, universe="A,B", unit="weight", resize=True), market, FREE)
        assert not is_rebalanced(result)
        assert allocation_of(result) is None
    smaller = simulate(script({0: {"A": 0.5}, 2: {"A": 0.2}}, universe="A,B", unit="weight", resize=True), market, FREE)
    assert is_rebalanced(smaller)


def test_a_short_that_is_made_smaller_counts():
    market = make_bars({"A": [100.0] * 6})
    result = simulate(script({0: {"A": -0.5}, 2: {"A": -0.2}}, unit="weight", resize=True), market, FREE)
    assert allocation_of(result).weights["A"].iloc[-1] == pytest.approx(-0.2)


def test_without_the_prices_of_a_held_name_there_is_none():
    market = make_bars({"A": [100.0, 100.0, 200.0, 200.0, 200.0], "B": [100.0] * 5})
    result = simulate(rebalanced({"A": 0.5, "B": 0.5}, 2), market, FREE)
    assert allocation_of(replace(result, prices=result.prices[result.prices["symbol"] == "A"])) is None


@pytest.mark.slow
def test_of_the_shipped_strategies_only_the_portfolios_have_one(bars):
    names = loader.list_strategy_names(ROOT / "strategies")
    found = {name for name in names if allocation_of(simulate(loader.load_strategy(ROOT / "strategies", name)(), bars))}
    assert found == {"inverse-volatility", "minimum-variance", "risk-parity", "momentum"}


def test_it_is_saved_as_tables_that_pandas_reads(tmp_path):
    market = make_bars(**random_market(60, "AB"))
    found = allocation_of(simulate(rebalanced({"A": 0.5, "B": 0.5}, 5), market, FREE))
    found.save(tmp_path)
    for name, table in (
        ("weights", found.weights),
        ("risk_contributions", found.contributions),
        ("rebalances", found.rebalances),
    ):
        read = pd.read_csv(tmp_path / f"{name}.csv", index_col="session", parse_dates=True)
        np.testing.assert_array_equal(read.to_numpy(), table.to_numpy())
    record = found.as_record()
    assert record["rebalances"] == len(found.rebalances) > 5
    assert record["names"]["A"]["weight"] == found.weights["A"].iloc[-1]
