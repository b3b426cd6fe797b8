"""The portfolios: their weights by hand, against ``bt``, and without the library that two of them need."""

import sys
from datetime import date
from pathlib import Path

import bt
import numpy as np
import pandas as pd
import pytest

from dipfolio.cli.app import main
from dipfolio.data import calendar
from dipfolio.engine.account import Account
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from dipfolio.sweep.runner import run_sweep
from tests.support.markets import make_bars

ROOT = Path(__file__).parents[2]
NAMES = ("inverse-volatility", "momentum", "minimum-variance", "risk-parity")
FREE = Account(fractional=True).without_costs()


def walk(sessions=400):
    """A market without gaps, so that the next open is the close that decides, as it is in bt."""
    rng = np.random.default_rng(2)
    close = 100 * np.exp(rng.normal(0, [0.01, 0.02, 0.03], (sessions, 3)).cumsum(axis=0))
    opened = np.vstack([close[:1], close[:-1]])
    tables = [dict(zip("ABC", table.T.tolist(), strict=True)) for table in (close, opened)]
    return make_bars(tables[0], opens=tables[1], start="2023-01-03")


def test_inverse_volatility_is_that_of_bt(strategy):
    bars = walk()
    ours = simulate(strategy("inverse-volatility", universe="A,B,C", lookback=40), bars, FREE)
    closed = pd.bdate_range(bars.sessions[0], bars.sessions[-1]).difference(calendar.between(*bars.sessions[[0, -1]]))
    back = pd.offsets.CustomBusinessDay(40, holidays=list(closed))  # 40 sessions before: 41 prices are 40 returns
    enough = bt.algos.RunAfterDays(40)
    algos = (
        enough, bt.algos.RunMonthly(run_on_first_date=False, run_on_end_of_period=True), bt.algos.SelectAll(),
        bt.algos.WeighInvVol(lookback=back), bt.algos.Rebalance(),
    )  # fmt: skip
    test = bt.Backtest(bt.Strategy("same", list(algos)), bars.close, initial_capital=FREE.cash, integer_positions=False)
    bt.run(test)
    theirs = test.strategy.values.loc[bars.sessions]  # noqa: PD011 - a table of bt's, not of pandas
    assert len(ours.fills) > 40
    np.testing.assert_allclose(ours.equity["equity"], theirs, rtol=1e-9)


def test_momentum_holds_the_best_of_the_months_before_the_last(bars, strategy):
    idea = strategy("momentum")
    own = bars.select(idea.symbols)
    targets = idea.targets(own)
    decided = targets.dropna(how="all")
    assert decided.index[0] == pd.Timestamp("2024-07-31")  # the first month end with 126 returns before it
    for day in (decided.index[0], decided.index[7]):
        row = own.sessions.get_loc(day)
        growth = (1 + own.returns.iloc[row - 125 : row - 20]).prod()
        best = growth.sort_values(ascending=False).index[:4]
        assert targets.loc[day].to_dict() == {name: 0.25 if name in best else 0.0 for name in own.symbols}


@pytest.mark.parametrize("name", NAMES)
def test_its_weights_sum_to_one_on_month_ends(name, bars, strategy):
    targets = strategy(name).targets(bars.select(strategy(name).symbols)).dropna(how="all")
    assert (targets.to_numpy() >= 0).all()
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-9)
    following = [calendar.offset(day, 1) for day in targets.index]
    assert all(day.month != after.month for day, after in zip(targets.index, following, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_with_history_it_is_invested_from_the_start(name, bars, strategy):
    result = simulate(strategy(name), bars, start=date(2025, 1, 27), end=date(2025, 2, 14))
    assert str(result.fills["session"].iloc[0].date()) == "2025-01-27"


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_sweep_equals_backtrader_to_the_cent(name, bars, strategy):
    swept = run_sweep(type(strategy(name)), bars, rebalance="week-end,quarter-end", lookback="40,90", band="none,0.02")
    assert len(swept.table) == 8
    for cell in swept.table.to_dict("records"):
        band = {} if cell["band"] == "none" or pd.isna(cell["band"]) else {"band": cell["band"]}
        own = strategy(name, rebalance=cell["rebalance"], lookback=int(cell["lookback"]), **band)
        assert cell["final_equity"] == pytest.approx(simulate(own, bars).equity["equity"].iloc[-1], abs=0.005)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("inverse-volatility", {"lookback": 1}),
        ("momentum", {"skip": 126}),
        ("momentum", {"top": 0}),
        ("risk-parity", {"band": 0.0}),
    ],
)
def test_values_that_make_no_sense_are_refused(name, wrong, strategy):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        strategy(name, **wrong)


@pytest.mark.parametrize("name", NAMES[2:])
def test_without_skfolio_it_is_listed_and_explained_and_says_what_to_install(name, monkeypatch, capsys, tmp_path):
    for module in [module for module in sys.modules if module.partition(".")[0] == "skfolio"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "skfolio", None)
    outcome = {}
    for arguments in (["list"], [name, "--help"], [name, "--reports", str(tmp_path)], ["check", name, "--sessions", "2"]):
        with pytest.raises(SystemExit) as ended:
            main(home=ROOT, arguments=arguments)
        said = capsys.readouterr()
        outcome[arguments[0] + arguments[-1]] = (ended.value.code, said.out + said.err)
    assert name in outcome["listlist"][1]
    assert not [line for line in outcome["listlist"][1].splitlines() if "BROKEN" in line]
    assert outcome[f"{name}--help"][0] in (0, None)
    for code, said in list(outcome.values())[2:]:
        assert code not in (0, None)
        assert "pip install 'dipfolio[weights]'" in said
        assert "Traceback" not in said
