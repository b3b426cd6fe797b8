"""Trader: the backtrader strategy that turns decisions into orders."""

from dataclasses import dataclass
from typing import Any

import backtrader as bt
import numpy as np
from backtrader import Order
from numpy.typing import NDArray

from dipfolio.engine import orders as rules
from dipfolio.engine.exits import Bar, Exit, FillAt, Level, OpenTrades
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
    fill: FillAt
    resize: bool
    exits: tuple[Exit, ...]


class Trader(bt.Strategy):  # type: ignore[misc]
    """Executes a plan: on each close the exits first, then the targets."""

    params = (("plan", None),)

    def start(self) -> None:
        """Begin with no trade open."""
        self.panel: Panel = self.broker.panel
        self.asked = ~np.isnan(self.p.plan.targets).all(axis=1)
        self.seen = 0
        count = len(self.panel.symbols)
        self.entry_price, self.best, self.decided, self.before = np.full((4, count), np.nan)
        self.entry_session = np.zeros(count, dtype=int)
        self.held = np.zeros(count)
        self.resting = [rule for rule in self.p.plan.exits if isinstance(rule, Level) and rule.intraday]
        if self.resting:
            self.broker.at_open = self._rest

    def next(self) -> None:
        """Decide on the close of the current session."""
        now, plan = self.broker.session, self.p.plan
        self._follow_fills()
        close = self.panel.close[now]
        if self.held.any():
            self.best = np.where(self.held > 0, np.fmax(self.best, close), np.fmin(self.best, close))
        if self.broker.under_margin_call:
            return
        at_open, at_close = self._end_trades(now)
        if not self.asked[now]:
            return
        desired = rules.wanted(plan.targets[now], plan.unit, self.broker.getvalue(), close, self.broker.account)
        gone = rules.vacated(at_open, plan.fill)
        trade = rules.change(np.where(gone, 0.0, self.held), plan.targets[now], desired, plan.resize)
        trade[((at_open | at_close) & ~gone) | np.isnan(close)] = 0.0
        for column in np.flatnonzero(trade):
            on_position = bool(plan.fill == "close" and self.held[column] and not gone[column])
            reason = "target" if desired[column] else "target 0"
            self._send(int(column), trade[column], _ORDER[plan.fill], reason, on_position=on_position)

    def _end_trades(self, now: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Send the orders of the exit rules; returns the symbols that leave at the next open and at the next close."""
        leaving = {"open": np.zeros(len(self.held), dtype=bool), "close": np.zeros(len(self.held), dtype=bool)}
        if not self.held.any() or not self.p.plan.exits:
            return leaving["open"], leaving["close"]
        trades, panel = self._open_trades(), self.panel
        bar = Bar(
            number=now,
            session=panel.sessions[now],
            next_session=panel.next_sessions[now],
            open=panel.open[now],
            high=panel.high[now],
            low=panel.low[now],
            close=panel.close[now],
        )
        for rule in self.p.plan.exits:
            closing = rule.closes(trades, bar) & (self.held != 0) & ~(leaving["open"] | leaving["close"])
            for column in np.flatnonzero(closing):
                self._send(int(column), -self.held[column], _ORDER[rule.fill], str(rule), reduce_only=True)
            leaving[rule.fill] |= closing
        return leaving["open"], leaving["close"]

    def _rest(self) -> None:
        """Lay the resting exits of every open trade into the market, for this session alone, in the order they would be met."""
        self._follow_fills()
        trades = self._open_trades()
        levels = [rule.level(trades) for rule in self.resting]
        for column in np.flatnonzero(self.held):
            group = None
            for rule, price in self._as_met([float(level[column]) for level in levels], self.held[column]):
                if price <= 0:  # never reached, and to backtrader a price of 0 is the current close
                    continue
                exectype = Order.Stop if rule.order == "stop" else Order.Limit
                terms = {"price": price, "oco": group, "day_only": True, "reduce_only": True}
                order = self._send(int(column), -self.held[column], exectype, str(rule), **terms)
                group = group or order

    def _as_met(self, prices: list[float], held: float) -> list[tuple[Level, float]]:
        """The resting rules with their prices: stops before limits, and of two of a kind the one that the price meets first."""

        def place(laid: tuple[Level, float]) -> tuple[bool, float]:
            """A falling price meets the highest first, a rising one the lowest."""
            limit = laid[0].order == "limit"
            return limit, laid[1] if limit == (held > 0) else -laid[1]

        return sorted(zip(self.resting, prices, strict=True), key=place)

    def _open_trades(self) -> OpenTrades:
        return OpenTrades(
            side=np.sign(self.held).astype(int),
            entry_price=self.entry_price,
            entry_session=self.entry_session,
            best=self.best,
            decided=self.decided,
            before=self.before,
        )

    def _close_of(self, column: int, session: int) -> float:
        """The close of a symbol; of the session before the panel for -1, unknown before that."""
        if session < 0:
            return float(self.panel.prior_close[column]) if session == -1 else np.nan
        return float(self.panel.close[session, column])

    def _send(self, column: int, shares: float, exectype: int, reason: str, **terms: Any) -> Order:
        send = self.buy if shares > 0 else self.sell
        return send(data=self.broker.feed(column), size=abs(float(shares)), exectype=exectype, reason=reason, **terms)

    def _follow_fills(self) -> None:
        """Bring the open trades up to date with the fills since the last look."""
        for fill in self.broker.tape.fills[self.seen :]:
            column, before = fill.symbol, self.held[fill.symbol]
            after = before + fill.shares
            if before * after <= 0:
                self.entry_price[column], self.entry_session[column] = fill.price, fill.session
                self.best[column] = fill.price
                self.decided[column] = self._close_of(column, fill.session - 1)
                self.before[column] = self._close_of(column, fill.session - 2)
            elif abs(after) > abs(before):
                self.entry_price[column] += (fill.price - self.entry_price[column]) * fill.shares / after
            self.held[column] = 0.0 if abs(after) < rules.FUZZ else after
        self.seen = len(self.broker.tape.fills)
