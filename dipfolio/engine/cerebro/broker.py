"""Broker: a margin account at backtrader's side of the fence - one session after the other.

What it does between sessions is what backtrader gets wrong: interest on the entry price, no dividends, symbols that have
stopped trading, no margin.
"""

import numpy as np
from backtrader import Order

from dipfolio.engine.cerebro.execution import STOPPED, Execution
from dipfolio.engine.cerebro.intake import MARGIN_CALL
from dipfolio.engine.tape import Fill


class MarginBroker(Execution):
    """A margin account over a panel; ``tape`` holds what happened."""

    def next(self) -> None:
        """One session: check orders, charge for the time since the last one, fill, mark, look for a margin call."""
        self.session += 1
        while self._toactivate:
            self._toactivate.popleft().activate()
        self.check_submitted()
        if self.session and self.cash < 0:
            self._charge_interest()
        if self.session and self.shares.any():
            self._carry()
            self._settle_symbols_that_stopped()
        self._fill_pending()
        self._mark()
        self._watch_margin()

    def _charge_interest(self) -> None:
        """Debit interest for the calendar days since the last session."""
        interest = float(self.account.debit_interest(self.cash, int(self.panel.days[self.session])))
        self.tape.interest[self.session] = interest
        self.cash -= interest

    def _carry(self) -> None:
        """Borrow fee for the calendar days since the last session, dividends on its holdings."""
        now, panel, held = self.session, self.panel, self.shares
        if held.min() < 0:
            factor, close = panel.factor[now - 1], panel.marks[now - 1]
            self.tape.borrow[now] = self.account.borrow_fee(held / factor, close * factor, int(panel.days[now]))
        if panel.pays[now]:
            self.tape.dividends[now] = held * panel.dividends[now]
        self.cash += float(self.tape.dividends[now].sum() - self.tape.borrow[now].sum())

    def _settle_symbols_that_stopped(self) -> None:
        gone = (self.shares != 0) & np.isnan(self.panel.close[self.session])
        for column in np.flatnonzero(gone):
            feed, shares = self.feed(int(column)), float(self.shares[column])
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

    def _mark(self) -> None:
        self._value = self._valuelever = self._get_value()
        self._valuemkt = self._valuemktlever = self._value - self.cash
        self._fundval = self._value / self._fundshares
        self.tape.cash[self.session], self.tape.equity[self.session] = self.cash, self._value
        self.tape.last = self.session

    def _watch_margin(self) -> None:
        self.under_margin_call = False
        if self._value <= 0:
            self._event("bankrupt", None, f"equity {self._value:,.2f}", self.session)
            self.cerebro.runstop()
        elif self._value < (needed := self._margin_needed()):
            self._event("margin call", None, f"equity {self._value:,.2f} under the {needed:,.2f} required", self.session)
            self._liquidate()

    def _margin_needed(self) -> float:
        """Equity that the positions need; longs that are paid for need less than they are worth."""
        if self.cash >= 0 and self.shares.min() >= 0 and self.account.maintenance_long <= 1:
            return 0.0
        factor = self.panel.factor[self.session]
        close = self.panel.close[self.session] * factor
        return float(self.account.maintenance(self.shares / factor, close).sum())

    def _liquidate(self) -> None:
        self.under_margin_call = True
        for order in list(self.pending):
            self.cancel(order)
        owner = self.cerebro.runningstrats[0]
        for column in np.flatnonzero(self.shares):
            feed, shares = self.feed(int(column)), float(self.shares[column])
            send = self.sell if shares > 0 else self.buy
            send(owner, feed, abs(shares), exectype=Order.Market, reason=MARGIN_CALL)

    def finish(self) -> None:
        """Report every order that is still waiting when the run ends."""
        why = "the account is bankrupt" if self._value <= 0 else "the figures end"
        for order in (*self.submitted, *self.pending):
            self._event("unfilled", order.data, f"{order.created.size:+,.10g} shares: {why}", self.session)
        self.submitted.clear()
        self.pending.clear()
