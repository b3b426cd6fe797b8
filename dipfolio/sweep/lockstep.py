"""Lockstep: the variants of a batch advance session by session together, each as backtrader would run it alone.

The rules are the engine's own (:mod:`dipfolio.engine.orders`, ``account``, ``exits``); what happens when is the order of the
broker and the trader in :mod:`dipfolio.engine.cerebro`, whose steps have the same names here.
"""

from dataclasses import replace

import numpy as np

from dipfolio.engine import orders as rules
from dipfolio.engine.exits import Bar
from dipfolio.sweep.batch import Batch
from dipfolio.sweep.execution import Execution
from dipfolio.sweep.tapes import Tapes
from dipfolio.sweep.waiting import Cells, Floats, Mask, Orders


def run(batch: Batch, *, keep_fills: bool = False) -> Tapes:
    """Simulate every variant of a batch.

    Parameters
    ----------
    batch : Batch
    keep_fills : bool
        Write down every execution and not their sums alone.
    """
    lockstep = Lockstep(batch, keep_fills=keep_fills)
    for session in range(len(batch.panel)):
        lockstep.next(session)
    return lockstep.finish()


class Lockstep(Execution):
    """The broker and the trader of all variants of a batch."""

    def next(self, session: int) -> None:
        """One session: check orders, charge for the time since the last one, fill, mark, look for a margin call, decide."""
        self.session = session
        pending = self._check_submitted()
        if session:
            self._carry()
            self._settle_symbols_that_stopped()
        self._fill_pending(pending)
        self._mark()
        self._watch_margin()
        if session + 1 < len(self.panel):
            self._decide()

    def finish(self) -> Tapes:
        """The tapes, with the counts that stand at the end."""
        positions = self.positions
        self.tapes.open_positions += np.count_nonzero(positions.table(positions.shares), axis=1)
        self.tapes.trades, self.tapes.wins = positions.trades, positions.wins
        return self.tapes

    def _carry(self) -> None:
        """Borrow fee and debit interest for the calendar days since the last session, dividends on its holdings."""
        now, held = self.session, self.positions
        days = int(self.panel.days[now])
        interest = self.account.debit_interest(self.cash, days)
        self.cash -= interest
        self.tapes.interest += interest
        if self._any_short:
            short = np.flatnonzero(held.side < 0)
            symbol, variant = np.divmod(short, self.variants)
            factor = self.panel.factor[now - 1][symbol]
            fee = self.account.borrow_fee(held.shares[short] / factor, self._marks[now - 1][symbol] * factor, days)
            held.profit[short] -= fee
            borrow = np.bincount(variant, fee, self.variants)
            self.cash -= borrow
            self.tapes.borrow += borrow
        for paying in np.flatnonzero(self.panel.dividends[now]).tolist():
            cells = slice(paying * self.variants, (paying + 1) * self.variants)
            paid = held.shares[cells] * self.panel.dividends[now, paying]
            held.profit[cells] += paid
            self.cash += paid
            self.tapes.dividends += paid

    def _settle_symbols_that_stopped(self) -> None:
        now = self.session
        for symbol in np.flatnonzero(np.isnan(self.panel.close[now]) & ~np.isnan(self.panel.close[now - 1])):
            cells = symbol * self.variants + np.arange(self.variants)
            cells = cells[self.positions.shares[cells] != 0]
            price = np.full(len(cells), self.panel.close[now - 1, symbol])
            nothing = np.zeros(len(cells))
            self._book(cells, -self.positions.shares[cells], price, (nothing, nothing, nothing), "settlement")

    def _mark(self) -> None:
        now = self.session
        worth = self.positions.shares.reshape(-1, self.variants) * self._marks[now][:, None]
        total = worth.sum(axis=0)
        self.value = self.cash + total
        self.tapes.equity[now] = self.value
        self._any_short = bool((self.positions.side < 0).any())
        self.tapes.gross[now] = np.abs(worth, out=worth).sum(axis=0) if self._any_short else total

    def _watch_margin(self) -> None:
        self.under_margin_call = np.zeros(self.variants, dtype=bool)
        rows = np.flatnonzero((self.value <= self._most_maintenance()) & self.alive)
        if not len(rows):
            return
        value, factor = self.value[rows], self.panel.factor[self.session]
        shares, close = self._rows(self.positions.shares, rows), self.panel.close[self.session]
        needed = self.account.maintenance(shares / factor, close * factor).sum(axis=-1)
        self._end(rows[value <= 0])
        called = rows[(value > 0) & (value < needed)]
        self.under_margin_call[called] = True
        self.tapes.margin_calls[called] += 1
        cells = np.flatnonzero((self.positions.side.reshape(-1, self.variants) != 0) & self.under_margin_call)
        self.sent = Orders.alike(cells, -self.positions.shares[cells], at_close=False, reduce_only=False)

    def _most_maintenance(self) -> Floats:
        """No less than the equity that each variant's positions need, shape (variants,)."""
        account, close = self.account, self.panel.close[self.session] * self.panel.factor[self.session]
        rate = account.maintenance_long
        if self._any_short:
            rate = max(rate, account.maintenance_short, account.maintenance_short_per_share / float(np.nanmin(close)))
        return np.asarray(1.000001 * rate * self.tapes.gross[self.session])

    def _end(self, variants: Cells) -> None:
        """Bankrupt: the run is over, and what was held is worth no more than it owes."""
        if len(variants):
            held = self.positions
            self.alive[variants] = False
            self.tapes.last[variants] = self.session
            self.tapes.open_positions[variants] = np.count_nonzero(held.table(held.shares)[variants], axis=1)
            for cells in (held.shares, held.side):
                held.table(cells)[variants] = 0
            self.cash[variants] = self.value[variants] = 0.0

    def _decide(self) -> None:
        """On the close: exits first, then targets; nothing for who is bankrupt or under a margin call."""
        held, close = self.positions, self.panel.close[self.session]
        if self._watches_best:
            best, price = held.table(held.best), close
            held.best = np.where(held.table(held.side) > 0, np.fmax(best, price), np.fmin(best, price)).T.reshape(-1)
        idle = self.under_margin_call | ~self.alive
        exits, at_open, at_close = self._end_trades(idle)
        self.sent = Orders.together([self.sent, *exits, *self._follow_targets(idle, at_open, at_close)])

    def _end_trades(self, idle: Mask) -> tuple[list[Orders], Mask, Mask]:
        """The orders of the exit rules, and the cells that leave at the next open and at the next close."""
        now, panel, held = self.session, self.panel, self.positions
        trades = held.open_trades()
        opened = (held.side != 0) & ~np.tile(idle, len(panel.symbols)) if idle.any() else held.side != 0
        leaving = {"open": np.zeros(len(opened), dtype=bool), "close": np.zeros(len(opened), dtype=bool)}
        orders: list[Orders] = []
        if not opened.any():
            return orders, leaving["open"], leaving["close"]
        bar = Bar(
            number=now, session=panel.sessions[now], next_session=panel.next_sessions[now], open=panel.open[now],
            high=panel.high[now], low=panel.low[now], close=panel.close[now],
        )  # fmt: skip
        for slot in self.slots:
            closing = slot.closes(trades, bar).T.reshape(-1) & opened
            cells = np.flatnonzero(closing)
            if len(cells):
                opened &= ~closing
                leaving[slot.kind.fill][cells] = True
                at_close = slot.kind.fill == "close"
                orders.append(Orders.alike(cells, -held.shares[cells], at_close=at_close, reduce_only=True))
        return orders, leaving["open"], leaving["close"]

    def _follow_targets(self, idle: Mask, at_open: Mask, at_close: Mask) -> list[Orders]:
        """The orders of the targets, but for what is leaving already."""
        wanted, batch = self._instructions[self.session], self.batch
        if wanted is None:
            return []
        cells, target = wanted.cells(self.variants)
        variant = cells % self.variants
        gone = rules.vacated(at_open[cells], batch.fill)
        free = (gone | ~(at_open[cells] | at_close[cells])) & ~idle[variant]
        cells, target, variant, gone = cells[free], target[free], variant[free], gone[free]
        close = self.panel.close[self.session][cells // self.variants]
        desired = rules.wanted(target[:, None], batch.unit, self.value[variant], close[:, None], self.account)[:, 0]
        held = np.where(gone, 0.0, self.positions.shares[cells])
        trade = rules.change(held, target, desired, batch.resize)
        asked, closing = np.flatnonzero(trade), batch.fill == "close"
        orders = Orders.alike(cells[asked], trade[asked], at_close=closing, reduce_only=False)
        return [replace(orders, on_position=(held[asked] != 0) & closing)]
