"""The same backtrader strategy in two places: plain backtrader as it comes, and our account.

``Script`` is a strategy whose acts are written down by session, so that a trap can be told in one line in both.
"""

import backtrader as bt
import pandas as pd

from dipfolio.engine.backtrader.run import run_backtrader
from dipfolio.engine.ledger import reconcile
from dipfolio.engine.panel import build_panel


class Script(bt.Strategy):
    """Calls ``acts[n]``, or ``always``, with itself on its n-th close; what its orders come to goes into ``news``."""

    params = (("acts", None), ("always", None), ("news", None))

    def start(self):
        self.number = -1

    def next(self):
        self.number += 1
        for act in ((self.p.acts or {}).get(self.number), self.p.always):
            if act:
                act(self)

    def notify_order(self, order):
        if self.p.news is not None:
            self.p.news.append((order.getstatusname(), order.created.size, order.data._name))


class EagerScript(Script):
    """A script that does not wait until all feeds have begun."""

    def prenext(self):
        self.next()


def buy(size, symbol=0, **order):
    """An act for a script: buy that many shares of the symbol of that number."""
    return lambda s: s.buy(s.datas[symbol], size=size, **order)


def sell(size, symbol=0, **order):
    """An act for a script: sell that many shares."""
    return lambda s: s.sell(s.datas[symbol], size=size, **order)


def both(*acts):
    """Several acts on one close."""
    return lambda s: [act(s) for act in acts]


class Journal(bt.Analyzer):
    """Worth, cash and positions on each close, and how each order ended."""

    def start(self):
        self.dates, self.worth, self.cash, self.held = [], [], [], []
        self.ended, self.fills = [], []

    def next(self):
        broker = self.strategy.broker
        self.dates.append(self.strategy.datetime.date())
        self.worth.append(broker.getvalue())
        self.cash.append(broker.getcash())
        self.held.append([broker.getposition(data).size for data in self.datas])

    def notify_order(self, order):
        if not order.alive():
            self.ended.append(order.getstatusname())
        if order.status == order.Completed:
            self.fills.append((order.data._name, order.executed.size, order.executed.price))


def plain_feed(bars, symbol):
    """One symbol of our bars as ``bt.feeds.PandasData`` has it: only the sessions on which it trades."""
    table = {field: getattr(bars, field)[symbol] for field in ("open", "high", "low", "close", "volume")}
    return bt.feeds.PandasData(dataname=pd.DataFrame(table).dropna())


def run_plain(bars, strategy, *, cash=10_000.0, broker=None, prepare=None, engine=None, feeds=None, analyzers=(), **parameters):
    """Run in ``bt.Cerebro`` with its own feeds and broker; returns the journal, whose ``strategy`` is the one that ran.

    ``prepare`` is called with the broker, ``engine`` holds options of Cerebro, ``feeds`` replaces those of the bars.
    """
    cerebro = bt.Cerebro(stdstats=False, **(engine or {}))
    if broker is not None:
        cerebro.setbroker(broker)
    cerebro.broker.setcash(cash)
    if prepare:
        prepare(cerebro.broker)
    for symbol, feed in (feeds or {symbol: plain_feed(bars, symbol) for symbol in bars.symbols}).items():
        cerebro.adddata(feed, name=symbol)
    cerebro.addstrategy(strategy, **parameters)
    for analyzer in (Journal, *analyzers):
        cerebro.addanalyzer(analyzer)
    return cerebro.run()[0].analyzers.journal


def run_ours(bars, account, strategy=EagerScript, **parameters):
    """Run in our account and have the second ledger agree; returns the tape."""
    panel = build_panel(bars, 0)
    run_log = run_backtrader(panel, account, strategy, parameters)
    reconcile(panel, account, run_log)
    return run_log


def fills(run_log):
    """What was filled, as (session, symbol number, shares, price)."""
    return [(fill.session, fill.symbol, fill.shares, fill.price) for fill in run_log.fills]


def kinds(run_log):
    """The events, as (session, kind)."""
    return [(event.session, event.kind) for event in run_log.events]


def bought(run_log):
    """Shares of all purchases."""
    return sum(fill.shares for fill in run_log.fills if fill.shares > 0)


def details(run_log):
    """The events, as (session, kind, symbol number, detail)."""
    return [(event.session, event.kind, event.symbol, event.detail) for event in run_log.events]
