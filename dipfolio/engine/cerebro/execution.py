"""Execution: pending orders meet the prices of a session.

Market orders at the open and at the close slip alike, which backtrader's do not; every order is filled whole and charged
once, also when it reverses a position.
"""

from typing import Any

import numpy as np
from backtrader import Order

from dipfolio.engine import orders as rules
from dipfolio.engine.cerebro.intake import Intake
from dipfolio.engine.tape import Fill, Moment

STOPPED = "stopped trading"
_MOMENT: dict[int, Moment] = {Order.Market: "open", Order.Close: "close"}
_OPEN, _RESTING, _CLOSE = range(3)
_PHASES = {Order.Market: _OPEN, Order.Close: _CLOSE}


class Execution(Intake):
    """A broker that fills what is pending."""

    _reference = 0.0
    """The price before slippage of the order being filled."""

    def _fill_pending(self) -> None:
        """Orders at the open, then those that rest during the session, then those at the close; reductions first."""
        if not self.pending and self.at_open is None:
            return
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
            order.data.move_to(self.session)
            if np.isnan(self.panel.close[self.session, self.column[order.data]]):
                self._event("unfilled", order.data, f"{order.executed.remsize:+,.10g} shares: {STOPPED}", self.session)
                order.cancel()
                self._leave(order)
            elif order.expire() or self._has_nothing_left_to_do(order):
                self._leave(order)
            else:
                self._try_exec(order)
                if order.alive():
                    self.pending.append(order)
                elif order.status == Order.Completed:
                    self._bracketize(order)

    def _adds_risk(self, order: Order) -> bool:
        return bool(order.created.size * self.shares[self.column[order.data]] >= 0)

    def _waits_for_the_session(self, order: Order) -> bool:
        """Whether the open has not reached the price of a resting order; what it has reached comes first."""
        opened, price = self.panel.open[self.session, self.column[order.data]], order.created.price
        waits_above = order.isbuy() != (order.exectype == Order.Limit)
        return bool(opened < price if waits_above else opened > price)

    def _has_nothing_left_to_do(self, order: Order) -> bool:
        """Whether the position on which an order was decided is gone; one that may only reduce is cut to what is left."""
        held = self.shares[self.column[order.data]]
        if order.info.get("on_position") and held == 0:
            order.cancel()
            return True
        if not order.info.get("reduce_only"):
            return False
        if held * order.executed.remsize >= 0:
            order.cancel()
            return True
        order.executed.remsize = np.sign(order.executed.remsize) * min(abs(order.executed.remsize), abs(held))
        return False

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
        if price is None or (order.exectype not in _MOMENT and not self._has_buying_power(order)):
            return
        size, column = float(order.executed.remsize), self.column[order.data]
        day, factor = self.panel.sessions[self.session], self.panel.factor[self.session, column]
        commission = float(self.account.commission(size / factor, price * factor))
        fees = float(self.account.sale_fees(size / factor, price * factor, day))
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
