"""Intake: orders on their way in, cut to what the account can carry.

backtrader checks each order alone and in the order of sending, refuses what does not fit, and lets one refusal spoil the
next order. Here all orders of a close are looked at together: reductions pass, additions are cut alike.
"""

from collections.abc import Iterable

import numpy as np
from backtrader import Order

from dipfolio.engine import orders as rules
from dipfolio.engine.cerebro.books import Books

MARGIN_CALL = "margin call"


class Intake(Books):
    """A broker that checks what was sent on the previous close."""

    def check_submitted(self) -> None:
        """Cut what was sent on the previous close to volume and buying power; what reduces risk always passes."""
        if not self.submitted:
            return
        sent = [order for order in self._drain_submitted() if self._may_trade(order)]
        position = self.shares.copy()
        for exectype in (Order.Market, Order.Close):
            batch = [o for o in sent if o.exectype == exectype]
            position = position + self._admit(batch, position)
        for order in (o for o in sent if o.exectype not in (Order.Market, Order.Close)):
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
        if not self._resize(order, float(rules.whole(order.created.size, self.account)), self.session - 1):
            return False
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
        left = {}
        for order in reversed(batch):
            size, over = order.created.size, surplus[self.column[order.data]]
            cut = np.sign(size) * min(abs(over), abs(size)) if over * size > 0 else 0.0
            surplus[self.column[order.data]] -= cut
            left[order.ref] = float(size - cut)
        for order in batch:
            if self._resize(order, left[order.ref], before):
                self.submit_accept(order)
        return allowed

    def _resize(self, order: Order, left: float, session: int) -> bool:
        """Cut an order and its bracket to what is left of it; False where nothing is, and the order has ended."""
        size = order.executed.remsize
        if abs(size - left) <= rules.FUZZ:
            return True
        if abs(left) <= rules.FUZZ:
            self._event("refused", order.data, f"{size:+,.10g} shares: no buying power or volume", session)
            order.margin()
            self._leave(order)
            return False
        self._event("scaled", order.data, f"{size:+,.10g} to {left:+,.10g} shares", session)
        for member in (order, *self._pchildren.get(order.ref, ())):
            if member is order or member.parent is order:
                signed = left if member.created.size * size > 0 else -left
                member.size = member.created.size = member.executed.remsize = signed
        return True

    def _has_buying_power(self, order: Order) -> bool:
        """Whether an order that has rested can be paid for now that it meets its price; it is cut to what can."""
        column, trade = self.column[order.data], np.zeros(len(self.shares))
        trade[column] = order.executed.remsize
        close, any_volume = self.panel.close[self.session - 1], np.full(len(trade), np.nan)
        allowed = rules.affordable(self.shares, trade, self._value, close, any_volume, self.account)
        return self._resize(order, float(allowed[column]), self.session)
