"""One run in backtrader: what a plain bt.Strategy may ask of the engine, and what becomes of one that fails."""

import traceback

import backtrader as bt
import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.backtrader.broker import MarginBroker
from dipfolio.engine.backtrader.run import run_plan
from dipfolio.engine.backtrader.trader import Plan
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.panel import build_panel
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import wrap_backtrader
from dipfolio.errors import StrategyError
from tests.support.markets import make_bars
from tests.support.plain_backtrader import EagerScript, run_ours

FREE = Account(cash=10_000.0).without_costs()
WEEKS = bt.TimeFrame.Weeks


@pytest.fixture
def bars():
    return make_bars({"A": [100.0] * 5})


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda s: s.env.resampledata(s.data, timeframe=WEEKS), "cerebro.resampledata is not available in a strategy: its bars"),
        (lambda s: s.cerebro.replaydata(s.data, timeframe=WEEKS), "cerebro.replaydata is not available in a strategy"),
        (lambda s: s.cerebro.adddata(s.data), "cerebro.adddata is not available in a strategy; name the symbol"),
        (lambda s: s.cerebro.addstrategy(EagerScript), "cerebro.addstrategy has no effect"),
        (lambda s: s.cerebro.optstrategy(EagerScript), "cerebro.optstrategy has no effect"),
        (lambda s: s.cerebro.addwriter(bt.WriterFile, csv=True), "cerebro.addwriter has no effect"),
        (lambda s: s.cerebro.add_signal(bt.SIGNAL_LONG, bt.ind.SMA), "cerebro.add_signal has no effect"),
        (lambda s: s.cerebro.setbroker(bt.brokers.BackBroker()), "cerebro.setbroker has no effect"),
        (lambda s: setattr(s.cerebro, "broker", bt.brokers.BackBroker()), "cerebro.setbroker has no effect"),
        (lambda s: s.cerebro.run(), "cerebro.run has no effect"),
        (lambda s: s.cerebro.plot(), "cerebro.plot has no effect"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("when", ["__init__", "next"])
def test_what_the_engine_cannot_add_in_a_strategy_is_refused_in_a_sentence(bars, ask, said, when):
    class Asks(bt.Strategy):
        """Asks for something."""

    setattr(Asks, when, ask)
    with pytest.raises(StrategyError, match=r"Asks, in line \d+ of test_run.py: ") as told:
        run_ours(bars, FREE, Asks)
    assert said in str(told.value)
    assert told.value.__cause__ is None  # no traceback


@pytest.mark.parametrize("when", ["__init__", "next"])
def test_cheating_on_the_open_cannot_be_switched_on(bars, when):
    class Cheats(bt.Strategy):
        """Cheats."""

        def next_open(self):
            self.buy(size=1, exectype=bt.Order.Limit, price=self.data.low[0])

    def switch(self):
        self.cerebro.p.cheat_on_open = True

    setattr(Cheats, when, switch)
    with pytest.raises(StrategyError, match="Cheat-on-open is not available"):
        run_ours(bars, FREE, Cheats)


def test_a_strategy_that_skips_itself_is_told_of_in_a_sentence(bars):
    class Skips(bt.Strategy):
        """Wants another period."""

        params = (("fast", 10), ("slow", 5))
        universe = "A"

        def __init__(self):
            if self.p.fast >= self.p.slow:
                raise bt.errors.StrategySkipError

    with pytest.raises(StrategyError, match=r"^Skips raised StrategySkipError: it does not run with these parameters\.$"):
        simulate(wrap_backtrader(Skips)(), bars, FREE)
    assert simulate(wrap_backtrader(Skips)(fast=3), bars, FREE).fills.empty


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda s: len(s) / 0, "ZeroDivisionError: division by zero"),
        (lambda s: s.nothing, "AttributeError: .*nothing"),
        (lambda s: s.sell(data="NVDA"), "KeyError: 'NVDA'"),
        (lambda s: s.buy(size="10"), "TypeError: "),
    ],
)
def test_a_failure_in_a_strategy_names_its_line(bars, act, said):
    class Fails(EagerScript):
        """Fails on its second close."""

        def next(self):
            if len(self) == 2:
                act(self)

    with pytest.raises(StrategyError, match=rf"Fails failed in line \d+ of test_run.py: {said}") as told:
        run_ours(bars, FREE, Fails)
    assert traceback.extract_tb(told.value.__cause__.__traceback__)[0].filename == __file__  # of the author's own frames on


def sparse_plan(sessions, decisions, *, exits=(), unit="weight"):
    targets = np.full((sessions, 1), np.nan)
    for row, target in decisions.items():
        targets[row] = target
    return Plan(targets=targets, unit=unit, fill="open", resize=False, exits=exits)


SPARSE = {
    "two trades": ({3: 0.5, 40: -0.5}, (HoldFor(2),), 100.0),
    "no share on two closes, told twice": ({3: 0.5, 40: 0.5}, (), 1e9),
    "no share on two closes in a row, told once": ({3: 0.5, 4: 0.5}, (), 1e9),
    "a margin call, and a target that stands": ({3: -1.9} | dict.fromkeys(range(4, 30), -1.9), (), 100.0),
    "nothing": ({}, (), 100.0),
    "decided on the last close": ({59: 1.0}, (), 100.0),
}


@pytest.mark.parametrize(("decisions", "exits", "price"), SPARSE.values(), ids=SPARSE)
@pytest.mark.parametrize("cash", [10_000.0, 10_000.5])
def test_passing_over_idle_sessions_is_what_backtraders_own_loop_does(decisions, exits, price, cash):
    closes = [price] * 60
    closes[8:12] = [price * 1.6] * 4
    panel, account = build_panel(make_bars({"A": closes}), 0), Account(cash=cash)
    plan = sparse_plan(60, decisions, exits=exits)
    fast, slow = run_plan(panel, account, plan, vectorised=True), run_plan(panel, account, plan, vectorised=False)
    assert (fast.submitted, fast.fills, fast.events, fast.last) == (slow.submitted, slow.fills, slow.events, slow.last)
    for name in ("cash", "equity", "interest", "earned", "borrow", "dividends"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))


def test_only_the_sessions_in_which_something_can_happen_are_played(monkeypatch):
    played = []
    play = MarginBroker.next
    monkeypatch.setattr(MarginBroker, "next", lambda broker: (play(broker), played.append(broker.session)))
    panel = build_panel(make_bars({"A": [100.0] * 60}), 0)
    run_log = run_plan(panel, FREE, sparse_plan(60, {20: 0.5}, exits=(HoldFor(2),)))
    # Decided on 20, in at the open of 21, held over two closes, out at the open of 23.
    assert [(fill.session, fill.shares) for fill in run_log.fills] == [(21, 50.0), (23, -50.0)]
    assert played == [0, 20, 21, 22, 23]
    assert run_log.last == 59
    assert run_log.equity.tolist() == [10_000.0] * 60
