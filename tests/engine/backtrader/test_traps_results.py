"""Traps B17 and B20: the ratios of backtrader's analyzers, and its runs in many processes."""

import math
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from dipfolio.engine import metrics
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from tests.support.markets import make_bars
from tests.support.plain_backtrader import Script, plain_feed, run_plain

STRATEGIES = Path(__file__).parents[3] / "strategies"
FREE = Account(cash=10_000.0).without_costs()


# ---- B17: ratios ----


def three_years():
    """750 sessions from January 2022 that swing around a trend."""
    n = np.arange(754)
    return make_bars({"A": 100 * np.exp(0.0003 * n + 0.08 * np.sin(n / 40) + 0.01 * np.sin(n * n))}, start="2022-01-03")


def test_the_sharpe_ratio_is_of_daily_returns_a_year():
    bars = three_years()

    plain = run_plain(bars, Script, analyzers=[bt.analyzers.SharpeRatio], acts={0: lambda s: s.buy(size=90)})
    result = simulate(load_strategy(STRATEGIES, "equal-weight")(universe="A"), bars, FREE)

    year_ends = pd.Series(plain.worth, index=pd.to_datetime(plain.dates)).groupby(lambda day: day.year).last()
    yearly = np.array([10_000, *year_ends])[1:] / np.array([10_000, *year_ends])[:-1] - 1
    theirs = plain.strategy.analyzers.sharperatio.get_analysis()["sharperatio"]
    daily = result.returns.to_numpy()
    ours = daily.mean() / daily.std(ddof=1) * math.sqrt(252)

    assert theirs == pytest.approx((yearly.mean() - 0.01) / yearly.std())  # of three samples, less 1 %
    assert metrics.sharpe(result.returns) == pytest.approx(ours, rel=1e-12)
    assert abs(theirs - ours) > 0.3


def test_the_sharpe_ratio_of_a_short_window_is_a_number():
    bars = make_bars({"A": [100, 101, 100, 103, 102]})

    plain = run_plain(bars, Script, analyzers=[bt.analyzers.SharpeRatio], acts={0: lambda s: s.buy(size=50)})
    returns = pd.Series([0.0, 0.01, -0.01, 0.03, -0.01])

    assert plain.strategy.analyzers.sharperatio.get_analysis()["sharperatio"] is None
    # mean 0.004; squares of the deviations: 0.16 + 0.36 + 1.96 + 6.76 + 1.96 = 11.2 (x 1e-4), over 4 is 2.8e-4
    assert metrics.sharpe(returns) == pytest.approx(0.004 / math.sqrt(2.8e-4) * math.sqrt(252))


def test_the_total_return_is_a_simple_return():
    bars = make_bars({"A": [100, 100, 118.3]})

    plain = run_plain(bars, Script, analyzers=[bt.analyzers.Returns], acts={0: lambda s: s.buy(size=100)})
    result = simulate(load_strategy(STRATEGIES, "equal-weight")(universe="A"), bars, FREE)

    assert plain.strategy.analyzers.returns.get_analysis()["rtot"] == pytest.approx(math.log(1.183))  # 0.168
    assert metrics.total_return(result.returns) == pytest.approx(0.183)


# ---- B20: many processes ----


def simulate_by_name(name, parameters, bars, account):
    """What a worker does: a strategy travels as its name and parameters."""
    return simulate(load_strategy(STRATEGIES, name)(**parameters), bars, account)


@pytest.mark.filterwarnings("ignore:Pickle, copy, and deepcopy support")  # backtrader counts orders with itertools
def test_a_strategy_made_in_a_function_cannot_be_optimised_by_plain_backtrader(monkeypatch):
    class Local(bt.Strategy):
        params = (("period", 1),)

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(plain_feed(make_bars({"A": [100.0] * 3}), "A"))
    cerebro.optstrategy(Local, period=[1, 2])

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        monkeypatch.setattr(multiprocessing, "Pool", lambda _: pool)
        with pytest.raises((AttributeError, pickle.PicklingError), match="local object"):
            cerebro.run(maxcpus=2)


@pytest.mark.slow
def test_a_strategy_runs_in_another_process_as_it_does_here():
    bars = make_bars({"A": [100, 101, 103, 99], "B": [50, 52, 51, 55]})
    jobs = [
        ("equal-weight", {"universe": "A,B"}, bars, Account()),
        ("equal-weight", {"universe": "B", "fill": "close"}, bars, Account(fractional=True)),
    ]

    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = [future.result() for future in [pool.submit(simulate_by_name, *job) for job in jobs]]

    assert there == [simulate_by_name(*job) for job in jobs]
    assert [len(result.fills) for result in there] == [2, 1]
