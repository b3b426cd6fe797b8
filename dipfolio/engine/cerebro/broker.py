"""Broker: backtrader's broker with a margin account, true borrow fees, dividends and a tape.

What is replaced is what backtrader gets wrong: the cash check that refuses to cover a losing short, interest on the
entry price, slippage that market orders escape, order by order rejection, and shares of symbols that do not trade.
"""

from collections.abc import Callable, Iterable
from typing import Any

import backtrader as bt
import numpy as np
from backtrader import Order

from dipfolio.engine import orders as rules
from dipfolio.engine.account import Account
from dipfolio.engine.panel import Panel
from dipfolio.engine.tape import Event, EventKind, Fill, Moment, Tape
from dipfolio.errors import StrategyError

MARGIN_CALL = "margin call"
STOPPED = "stopped trading"
_MOMENT: dict[int, Moment] = {Order.Market: "open", Order.Close: "close"}
_OPEN, _RESTING, _CLOSE = range(3)
_PHASES = {Order.Market: _OPEN, Order.Close: _CLOSE}


class MarginBroker(bt.brokers.BackBroker):  # type: ignore[misc]
    """A margin account over a panel; ``tape`` holds what happened."""

    params = (("account", None), ("panel", None))

    def init(self) -> None:
        """Open the account; backtrader calls it before each run."""
        self.account: Account = self.p.account
        self.panel: Panel = self.p.panel
        self.p.cash = self.account.cash
        super().init()
        self.tape = Tape.blank(len(self.panel), len(self.panel.symbols))
        self.shares = np.zeros(len(self.panel.symbols))
        self.session = -1
        self.under_margin_call = False
        self.at_open: Callable[[], None] | None = None
        self._reference = 0.0

    def start(self) -> None:
        """Number the feeds as the panel numbers its symbols."""
        super().start()
        self.feeds = list(self.cerebro.datas)
        self.column = {feed: number for number, feed in enumerate(self.feeds)}

    def next(self) -> None:
        """One session: check orders, charge for the time since the last one, fill, mark, look for a margin call."""
        self.session += 1
        while self._toactivate:
            self._toactivate.popleft().activate()
        self.check_submitted()
        if self.session:
            self._carry()
            self._settle_symbols_that_stopped()
        self._fill_pending()
        self._mark()
        self._watch_margin()

    def set_coc(self, coc: bool) -> None:
        """Refused: an order that fills at the close that decided it has seen the future of its own price."""
        if coc:
            raise StrategyError("Cheat-on-close is not available; send exectype=bt.Order.Close for the next close.")

    def set_coo(self, coo: bool) -> None:
        """Refused: a strategy that runs before the open sees the close of that session."""
        if coo:
            raise StrategyError("Cheat-on-open is not available; send the order on the close before.")

    # ---- orders on their way in ----

    def check_submitted(self) -> None:
        """Cut what was sent on the previous close to volume and buying power; what reduces risk always passes."""
        sent = [order for order in self._drain_submitted() if self._may_trade(order)]
        position = self.shares.copy()
        for exectype in (Order.Market, Order.Close):
            batch = [o for o in sent if o.exectype == exectype]
            position = position + self._admit(batch, position)
        for order in (o for o in sent if o.exectype not in _MOMENT):
            self._admit([order], position)

    def _drain_submitted(self) -> Iterable[Order]:
        while self.submitted:
            order = self.submitted.popleft()
            if self._take_children(order) is not None:
                yield order

    def _may_trade(self, order: Order) -> bool:
        column = self.column[order.data]
        if self.under_margin_call and order.info.get("reason") != MARGIN_CALL:
            return self._refuse(order, "a margin call is being met")
        if np.isnan(self.panel.close[self.session - 1, column]):
            return self._refuse(order, "the symbol did not trade in the session of the decision")
        if order.parent is not None or order.info.get("reason") == MARGIN_CALL:
            self.submit_accept(order)
            return False
        return True

    def _refuse(self, order: Order, why: str) -> bool:
        self._event("refused", order.data, f"{order.created.size:+,.10g} shares: {why}", self.session - 1)
        order.reject(self)
        self._leave(order)
        return False

    def _admit(self, batch: list[Order], position: np.ndarray) -> np.ndarray:
        """Accept a batch of orders that would fill together; returns the shares admitted, shape (symbols,)."""
        trade = np.zeros(len(position))
        if not batch:
            return trade
        for order in batch:
            trade[self.column[order.data]] += order.created.size
        before = self.session - 1
        allowed = rules.affordable(
            position, trade, self._value, self.panel.close[before], self.panel.volume[before], self.account
        )
        surplus = trade - allowed
        for order in sorted(batch, key=self._adds_risk):
            column = self.column[order.data]
            cut = np.sign(order.created.size) * min(abs(surplus[column]), abs(order.created.size))
            if surplus[column] * order.created.size > 0:
                surplus[column] -= cut
                self._cut(order, float(cut))
            else:
                self.submit_accept(order)
        return allowed

    def _adds_risk(self, order: Order) -> bool:
        return bool(order.created.size * self.shares[self.column[order.data]] >= 0)

    def _cut(self, order: Order, cut: float) -> None:
        left = order.created.size - cut
        if abs(left) <= rules.FUZZ:
            self._event(
                "refused",
                order.data,
                f"{order.created.size:+,.10g} shares: no buying power or volume",
                self.session - 1,
            )
            order.margin()
            self._leave(order)
            return
        self._event("scaled", order.data, f"{order.created.size:+,.10g} to {left:+,.10g} shares", self.session - 1)
        for member in (order, *self._pchildren.get(order.ref, ())):
            if member is order or member.parent is order:
                signed = left if member.created.size * order.created.size > 0 else -left
                member.size = member.created.size = member.executed.remsize = signed
        self.submit_accept(order)

    # ---- the time between two sessions ----

    def _carry(self) -> None:
        """Borrow fee and debit interest for the calendar days since the last session, dividends on its holdings."""
        now, panel, held = self.session, self.panel, self.shares
        days = int(panel.days[now])
        self.tape.interest[now] = self.account.debit_interest(self.cash, days)
        self.cash -= float(self.tape.interest[now])
        if not held.any():
            return
        close = np.nan_to_num(panel.close[now - 1])
        self.tape.borrow[now] = self.account.borrow_fee(held, close, days)
        self.tape.dividends[now] = held * panel.dividends[now]
        self.cash += float(self.tape.dividends[now].sum() - self.tape.borrow[now].sum())

    def _settle_symbols_that_stopped(self) -> None:
        gone = (self.shares != 0) & np.isnan(self.panel.close[self.session])
        for column in np.flatnonzero(gone):
            feed, shares = self.feeds[column], float(self.shares[column])
            price = float(self.panel.close[self.session - 1, column])
            self.cash += shares * price
            self.positions[feed].update(-shares, price, feed.datetime.datetime())
            self.shares[column] = 0.0
            self.tape.fills.append(
                Fill(
                    session=self.session,
                    symbol=int(column),
                    shares=-shares,
                    price=price,
                    at="settlement",
                    reason=STOPPED,
                )
            )
            self._event("settled", feed, f"{shares:+,.10g} shares at the last close, {price:,.2f}", self.session)

    # ---- filling ----

    def _fill_pending(self) -> None:
        """Orders at the open, then those that rest during the session, then those at the close; reductions first."""
        self._fill(_OPEN)
        if self.at_open is not None:
            self.at_open()
            for order in list(self._drain_submitted()):
                self.submit_accept(order)
        self._fill(_RESTING)
        self._fill(_CLOSE)
        for order in [o for o in self.pending if o.info.get("day_only")]:
            self.cancel(order)

    def _fill(self, phase: int) -> None:
        due = [order for order in self.pending if _PHASES.get(order.exectype, _RESTING) == phase]
        for order in sorted(due, key=self._waits_for_the_session if phase == _RESTING else self._adds_risk):
            if order not in self.pending or not order.active():
                continue
            self.pending.remove(order)
            if np.isnan(self.panel.close[self.session, self.column[order.data]]):
                self._event("unfilled", order.data, f"{order.executed.remsize:+,.10g} shares: {STOPPED}", self.session)
                order.cancel()
                self._leave(order)
            elif order.expire() or self._has_nothing_left_to_reduce(order):
                self._leave(order)
            else:
                self._try_exec(order)
                if order.alive():
                    self.pending.append(order)
                elif order.status == Order.Completed:
                    self._bracketize(order)

    def _waits_for_the_session(self, order: Order) -> bool:
        """Whether the open has not reached the price of a resting order; what it has reached comes first."""
        opened, price = self.panel.open[self.session, self.column[order.data]], order.created.price
        waits_above = order.isbuy() != (order.exectype == Order.Limit)
        return bool(opened < price if waits_above else opened > price)

    def _has_nothing_left_to_reduce(self, order: Order) -> bool:
        """Whether an order that may only reduce finds the position gone; it is cut to what is left of it."""
        if not order.info.get("reduce_only"):
            return False
        held = self.shares[self.column[order.data]]
        if held * order.executed.remsize >= 0:
            order.cancel()
            return True
        order.executed.remsize = np.sign(order.executed.remsize) * min(abs(order.executed.remsize), abs(held))
        return False

    def _leave(self, order: Order) -> None:
        """An order that has ended without a fill takes its group and its bracket with it."""
        self.notify(order)
        self._ococheck(order)
        self._bracketize(order, cancel=True)

    def _slip_up(self, pmax: float, price: float, doslip: bool = True, lim: bool = False) -> float:  # noqa: ARG002
        return self._slip(price, 1, lim)

    def _slip_down(self, pmin: float, price: float, doslip: bool = True, lim: bool = False) -> float:  # noqa: ARG002
        return self._slip(price, -1, lim)

    def _slip(self, price: float, side: int, lim: bool) -> float:
        self._reference = price
        return price if lim else float(self.account.slipped(price, side))

    def _try_exec_close(self, order: Order, pclose: float) -> None:
        if order.data.datetime[0] > order.created.dt:
            self._execute(order, ago=0, price=self._slip(pclose, 1 if order.isbuy() else -1, lim=False))

    def _execute(self, order: Order, ago: int | None = None, price: float | None = None, **_: Any) -> None:  # noqa: ARG002
        """Fill an order whole and charge it once, also when it reverses a position."""
        if price is None:
            return
        size, column = float(order.executed.remsize), self.column[order.data]
        day = self.panel.sessions[self.session]
        commission = float(self.account.commission(size, price))
        fees = float(self.account.sale_fees(size, price, day))
        limit = order.exectype in (Order.Limit, Order.StopLimit, Order.StopTrailLimit)
        slippage = 0.0 if limit else size * (price - self._reference)
        self.tape.fills.append(
            Fill(
                session=self.session, symbol=column, shares=size, price=price,
                at=_MOMENT.get(order.exectype, "day"), commission=commission, fees=fees, slippage=slippage,
                reason=order.info.get("reason") or Order.ExecTypes[order.exectype].lower(),
            )
        )  # fmt: skip
        self.cash -= size * price + commission + fees
        self.shares[column] += size
        if abs(self.shares[column]) < rules.FUZZ:
            self.shares[column] = 0.0
        self._tell(order, size, price, commission + fees)

    def _tell(self, order: Order, size: float, price: float, charge: float) -> None:
        """Write the execution into backtrader's order and position, so that strategies are notified as usual."""
        position = self.positions[order.data]
        entry = position.price
        held, average, opened, closed = position.update(size, price, order.data.datetime.datetime())
        part = abs(closed) / abs(size)
        order.execute(
            order.data.datetime[0], size, price, closed, -closed * entry, charge * part,
            opened, opened * price, charge * (1 - part), None, -closed * (price - entry), held, average,
        )  # fmt: skip
        order.addcomminfo(self.getcommissioninfo(order.data))
        self.notify(order)
        self._ococheck(order)

    # ---- marking ----

    def _get_value(self, datas: Any = None, lever: bool = False) -> float:  # noqa: ARG002 - backtrader's hook
        """Cash plus shares at the current close, or only the shares of the feeds named."""
        columns = [self.column[feed] for feed in datas] if datas else range(len(self.feeds))
        close = self.panel.close[max(self.session, 0)]
        value = float(sum(self.shares[c] * close[c] for c in columns if self.shares[c]))
        return value if datas else self.cash + value

    def _mark(self) -> None:
        self._value = self._valuelever = self._get_value()
        self._valuemkt = self._valuemktlever = self._value - self.cash
        self._fundval = self._value / self._fundshares
        self.tape.cash[self.session], self.tape.equity[self.session] = self.cash, self._value
        self.tape.last = self.session

    def _watch_margin(self) -> None:
        self.under_margin_call = False
        if not self.shares.any():
            needed = 0.0
        else:
            needed = float(self.account.maintenance(self.shares, self.panel.close[self.session]).sum())
        if self._value <= 0:
            self._event("bankrupt", None, f"equity {self._value:,.2f}", self.session)
            self.cerebro.runstop()
        elif self._value < needed:
            self._event("margin call", None, f"equity {self._value:,.2f} under the {needed:,.2f} required", self.session)
            self._liquidate()

    def _liquidate(self) -> None:
        self.under_margin_call = True
        for order in list(self.pending):
            self.cancel(order)
        owner = self.cerebro.runningstrats[0]
        for column in np.flatnonzero(self.shares):
            feed, shares = self.feeds[column], float(self.shares[column])
            send = self.sell if shares > 0 else self.buy
            send(owner, feed, abs(shares), exectype=Order.Market, reason=MARGIN_CALL)

    def finish(self) -> None:
        """Report every order that is still waiting when the figures end."""
        for order in (*self.submitted, *self.pending):
            self._event("unfilled", order.data, f"{order.created.size:+,.10g} shares: the figures end", self.session)
        self.submitted.clear()
        self.pending.clear()

    def _event(self, kind: EventKind, feed: Any, detail: str, session: int) -> None:
        symbol = None if feed is None else self.column[feed]
        self.tape.events.append(Event(session=session, kind=kind, symbol=symbol, detail=detail))
