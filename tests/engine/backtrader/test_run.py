"""One run in backtrader: what a plain bt.Strategy may ask of the engine, and what becomes of one that fails."""

import traceback

import backtrader as bt
import pytest

from dipfolio.engine.account import Account
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
