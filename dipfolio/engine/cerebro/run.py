"""Run: one simulation in backtrader, from a panel and a plan to a tape."""

from typing import Any

import backtrader as bt

from dipfolio.engine.account import Account
from dipfolio.engine.cerebro.broker import MarginBroker
from dipfolio.engine.cerebro.commission import AccountCommission
from dipfolio.engine.cerebro.feed import ArrayFeed, LazyFeed
from dipfolio.engine.cerebro.trader import Plan, Trader
from dipfolio.engine.panel import Panel
from dipfolio.engine.tape import Tape
from dipfolio.errors import StrategyError


class HonestCerebro(bt.Cerebro):  # type: ignore[misc]
    """backtrader's engine without the one timer that shows a session before its orders are executed."""

    def _add_timer(self, *args: Any, cheat: bool = False, **kwargs: Any) -> Any:
        """Refused with ``cheat``: a resting order could be priced at a low, or withdrawn from one, that has been seen."""
        if cheat:
            raise StrategyError("A timer with cheat=True sees a session before its orders are executed; leave it out.")
        return super()._add_timer(*args, **kwargs)


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
    feeds = [LazyFeed(panel=panel, column=column, name=symbol) for column, symbol in enumerate(panel.symbols)]
    cerebro = HonestCerebro(stdstats=False, runonce=vectorised)
    cerebro.adddata(ArrayFeed(panel=panel), name="clock")
    for feed in feeds:
        feed.setenvironment(cerebro)
        feed.begin()
    cerebro.addstrategy(Trader, plan=plan)
    return _play(cerebro, MarginBroker(account=account, panel=panel, feeds=feeds), feeds)


def run_backtrader(panel: Panel, account: Account, strategy: type, parameters: dict[str, Any]) -> Tape:
    """Run a plain ``bt.Strategy`` in the same account over the same feeds.

    Bar by bar, because the vectorised loop computes indicators to the end first, and an index before their first value
    reads their last one.
    """
    feeds = [ArrayFeed(panel=panel, column=column) for column in range(len(panel.symbols))]
    cerebro = HonestCerebro(stdstats=False, runonce=False)
    for feed, symbol in zip(feeds, panel.symbols, strict=True):
        cerebro.adddata(feed, name=symbol)
    cerebro.addstrategy(strategy, **parameters)
    return _play(cerebro, MarginBroker(account=account, panel=panel), feeds)


def _play(cerebro: bt.Cerebro, broker: MarginBroker, feeds: list[ArrayFeed]) -> Tape:
    cerebro.setbroker(broker)
    for feed in feeds:
        broker.addcommissioninfo(AccountCommission(account=broker.p.account, feed=feed), name=feed._name)
    cerebro.run()
    broker.finish()
    tape: Tape = broker.tape
    return tape
