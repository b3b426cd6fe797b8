"""Run: one simulation in backtrader, from a panel and a plan to a tape."""

from typing import Any

import backtrader as bt

from dipfolio.engine.account import Account
from dipfolio.engine.cerebro.broker import MarginBroker
from dipfolio.engine.cerebro.commission import AccountCommission
from dipfolio.engine.cerebro.feed import ArrayFeed
from dipfolio.engine.cerebro.trader import Plan, Trader
from dipfolio.engine.panel import Panel
from dipfolio.engine.tape import Tape


def run_plan(panel: Panel, account: Account, plan: Plan, *, vectorised: bool = True) -> Tape:
    """Trade a plan.

    Parameters
    ----------
    panel : Panel
    account : Account
    plan : Plan
    vectorised : bool
        Which of backtrader's two loops to use; both give the same tape.
    """
    return _run(panel, account, Trader, {"plan": plan}, vectorised)


def run_backtrader(panel: Panel, account: Account, strategy: type, parameters: dict[str, Any]) -> Tape:
    """Run a plain ``bt.Strategy`` in the same account over the same feeds.

    Bar by bar, because the vectorised loop computes indicators to the end first, and an index before their first value
    reads their last one.
    """
    return _run(panel, account, strategy, parameters, vectorised=False)


def _run(panel: Panel, account: Account, strategy: type, parameters: dict[str, Any], vectorised: bool) -> Tape:
    cerebro = bt.Cerebro(stdstats=False, runonce=vectorised)
    broker = MarginBroker(account=account, panel=panel)
    cerebro.setbroker(broker)
    for column, symbol in enumerate(panel.symbols):
        feed = ArrayFeed(panel=panel, column=column)
        cerebro.adddata(feed, name=symbol)
        broker.addcommissioninfo(AccountCommission(account=account, feed=feed), name=symbol)
    cerebro.addstrategy(strategy, **parameters)
    cerebro.run()
    broker.finish()
    tape: Tape = broker.tape
    return tape
