"""Trader: the backtrader strategy that turns decisions into orders."""

from dataclasses import dataclass

import backtrader as bt
import numpy as np
from backtrader import Order
from numpy.typing import NDArray

from dipfolio.engine import orders as rules
from dipfolio.engine.cerebro.broker import MarginBroker
from dipfolio.engine.exits import Bar, Exit, Fill, OpenTrades
from dipfolio.engine.panel import Panel
from dipfolio.engine.strategy import Unit

_ORDER = {"open": Order.Market, "close": Order.Close}


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What a strategy has decided, ready to be traded.

    Attributes
    ----------
    targets : array of shape (sessions, symbols)
    unit, fill, resize, exits
        As in :class:`dipfolio.engine.strategy.Strategy`.
    """

    targets: NDArray[np.float64]
    unit: Unit
    fill: Fill
    resize: bool
    exits: tuple[Exit, ...]


class Trader(bt.Strategy):  # type: ignore[misc]
    """Executes a plan: on each close the exits first, then the targets."""

    params = (("plan", None),)

    def start(self) -> None:
        """Begin with no trade open."""
        broker: MarginBroker = self.broker
        self.panel: Panel = broker.panel
        self.seen = 0
        count = len(self.panel.symbols)
        self.entry_price, self.best = np.full(count, np.nan), np.full(count, np.nan)
        self.entry_session = np.zeros(count, dtype=int)
        self.held = np.zeros(count)

    def next(self) -> None:
        """Decide on the close of the current session."""
        now = self.broker.session
        self._follow_fills()
        if self.broker.under_margin_call:
            return
        ending = self._end_trades(now) if self.held.any() else np.zeros(len(self.held), dtype=bool)
        target = self.p.plan.targets[now]
        if np.isnan(target).all():
            return
        desired = rules.wanted(target, self.p.plan.unit, self.broker.getvalue(), self.panel.close[now], self.broker.account)
        trade = rules.change(self.held, desired, self.p.plan.resize)
        trade[ending | np.isnan(self.panel.close[now])] = 0.0
        for column in np.flatnonzero(trade):
            self._send(int(column), trade[column], self.p.plan.fill, "target" if desired[column] else "target 0")

    def _end_trades(self, now: int) -> NDArray[np.bool_]:
        """Send the orders of the exit rules; returns the symbols concerned."""
        trades = OpenTrades(
            side=np.sign(self.held).astype(int),
            entry_price=self.entry_price,
            entry_session=self.entry_session,
            best=self.best,
        )
        panel = self.panel
        bar = Bar(
            number=now, next_session=panel.next_sessions[now],
            open=panel.open[now], high=panel.high[now], low=panel.low[now], close=panel.close[now],
        )  # fmt: skip
        ending = np.zeros(len(self.held), dtype=bool)
        for rule in self.p.plan.exits:
            closing = rule.closes(trades, bar) & (self.held != 0) & ~ending
            for column in np.flatnonzero(closing):
                self._send(int(column), -self.held[column], rule.fill, str(rule))
            ending |= closing
        return ending

    def _send(self, column: int, shares: float, fill: Fill, reason: str) -> None:
        send = self.buy if shares > 0 else self.sell
        send(data=self.datas[column], size=abs(float(shares)), exectype=_ORDER[fill], reason=reason)

    def _follow_fills(self) -> None:
        """Bring the open trades up to date with the fills since the last close, and with the close itself."""
        close = self.panel.close[self.broker.session]
        for fill in self.broker.tape.fills[self.seen :]:
            column, before = fill.symbol, self.held[fill.symbol]
            after = before + fill.shares
            if before * after <= 0:
                self.entry_price[column], self.entry_session[column] = fill.price, fill.session
                self.best[column] = close[column]
            elif abs(after) > abs(before):
                self.entry_price[column] += (fill.price - self.entry_price[column]) * fill.shares / after
            self.held[column] = after
        self.seen = len(self.broker.tape.fills)
        self.held = np.where(np.abs(self.held) < rules.FUZZ, 0.0, self.held)
        self.best = np.where(self.held > 0, np.fmax(self.best, close), np.fmin(self.best, close))
