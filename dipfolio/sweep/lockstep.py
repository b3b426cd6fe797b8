"""Lockstep: the variants of a batch advance session by session together, each as backtrader would run it alone.

The rules are the engine's own (:mod:`dipfolio.engine.orders`, ``account``, ``exits``); what happens when is the order of the
broker and the trader in :mod:`dipfolio.engine.cerebro`, whose steps have the same names here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine import orders as rules
from dipfolio.engine.exits import Bar
from dipfolio.engine.tape import Moment
from dipfolio.sweep.batch import Batch
from dipfolio.sweep.positions import Cells, Entry, Positions
from dipfolio.sweep.rules import WITHOUT_BEST, slots
from dipfolio.sweep.tapes import Fills, Tapes

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Orders:
    """Orders at the market that wait for the next session, at most one for each cell and moment; arrays of shape (orders,).

    Attributes
    ----------
    cell : array of int
        ``symbol x variants + variant``.
    shares : array of float
    at_close, reduce_only : array of bool
        Filled at the close, not at the open; cut to what is left of the position, or left undone.
    """

    cell: Cells
    shares: Floats
    at_close: Mask
    reduce_only: Mask

    def __len__(self) -> int:
        return len(self.cell)

    def only(self, which: Mask) -> "Orders":
        """Some of them."""
        return Orders(
            cell=self.cell[which], shares=self.shares[which], at_close=self.at_close[which], reduce_only=self.reduce_only[which]
        )

    @classmethod
    def together(cls, parts: list["Orders"]) -> "Orders":
        """All of several."""
        names = ("cell", "shares", "at_close", "reduce_only")
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    @classmethod
    def alike(cls, cell: Cells, shares: Floats, *, at_close: bool, reduce_only: bool) -> "Orders":
        """Orders that are all sent in one way."""
        count = len(cell)
        return cls(cell=cell, shares=shares, at_close=np.full(count, at_close), reduce_only=np.full(count, reduce_only))


NONE = Orders.alike(np.array([], dtype=np.intp), np.array([]), at_close=False, reduce_only=True)


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


class Lockstep:
    """The broker and the trader of all variants of a batch."""

    def __init__(self, batch: Batch, *, keep_fills: bool) -> None:
        self.batch, self.panel, self.account = batch, batch.panel, batch.account
        self.keep_fills, self.variants = keep_fills, len(batch)
        self.session = -1
        self.tapes = Tapes.blank(len(self.panel), self.variants)
        self.positions = Positions(len(self.panel.symbols), self.variants)
        self.cash, self.value = (np.full(self.variants, float(self.account.cash)) for _ in range(2))
        self.alive, self.under_margin_call = np.ones(self.variants, dtype=bool), np.zeros(self.variants, dtype=bool)
        self.sent, self._any_short = NONE, False
        self.slots = slots(batch.exits)
        self.resting = sorted((slot for slot in self.slots if slot.kind.resting), key=lambda slot: slot.limit)
        self._watches_best = any(slot.kind.made_by not in WITHOUT_BEST for slot in self.slots)
        self._instructions = batch.instructions()
        self._marks = np.nan_to_num(self.panel.close)
        unknown = np.full((1, len(self.panel.symbols)), np.nan)
        self._closes = np.concatenate([unknown, self.panel.prior_close[None], self.panel.close])

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

    # -- orders on their way in

    def _check_submitted(self) -> Orders:
        """Cut what was sent on the previous close to volume and buying power; what reduces risk always passes."""
        sent, self.sent = self.sent, NONE
        if not len(sent):
            return sent
        rows = self._short_of_room(sent)
        if not len(rows):
            return sent
        concerned = np.isin(sent.cell % self.variants, rows)
        position = self._rows(self.positions.shares, rows)
        admitted = [sent.only(~concerned)]
        for at_close in (False, True):
            batch = sent.only(concerned & (sent.at_close == at_close))
            if len(batch):
                orders, allowed = self._admit(batch, position, rows)
                position = position + allowed
                admitted.append(orders)
        return Orders.together(admitted)

    def _short_of_room(self, sent: Orders) -> Cells:
        """The variants whose orders may have to be cut: none where all of them together are well within bounds."""
        before, added = self.session - 1, ~sent.reduce_only
        symbol, variant = np.divmod(sent.cell[added], self.variants)
        if not len(variant):
            return variant
        size, volume = np.abs(sent.shares[added]), self.panel.volume[before]
        cap = np.where(np.isnan(volume), np.inf, rules.whole(self.account.max_volume_share * volume, self.account))
        need = np.bincount(variant, size * self._marks[before][symbol], self.variants) + self.tapes.gross[before]
        tight = need > (1 - rules.FUZZ) * self.account.max_leverage * self.value
        return np.unique(variant[(size > cap[symbol]) | tight[variant]])

    def _rows(self, cells: Floats, rows: Cells) -> Floats:
        """The cells of some variants, shape (rows, symbols)."""
        return np.take(cells.reshape(-1, self.variants), rows, axis=1).T

    def _admit(self, batch: Orders, position: Floats, rows: Cells) -> tuple[Orders, Floats]:
        """Cut orders that would fill together; returns them and the shares admitted, shape (rows, symbols)."""
        symbol, row = batch.cell // self.variants, np.searchsorted(rows, batch.cell % self.variants)
        trade = np.zeros(position.T.shape).T
        trade[row, symbol] = batch.shares
        before = self.session - 1
        allowed = rules.affordable(
            position, trade, self.value[rows], self.panel.close[before], self.panel.volume[before], self.account
        )
        surplus = batch.shares - allowed[row, symbol]
        cut = np.where(surplus * batch.shares > 0, np.sign(batch.shares) * np.minimum(np.abs(surplus), np.abs(batch.shares)), 0.0)
        left = batch.shares - cut
        whole = np.abs(batch.shares - left) <= rules.FUZZ
        if whole.all():
            return batch, allowed
        self.tapes.cut += np.bincount(batch.cell[~whole] % self.variants, minlength=self.variants)
        sized = Orders(
            cell=batch.cell, shares=np.where(whole, batch.shares, left), at_close=batch.at_close, reduce_only=batch.reduce_only
        )
        return sized.only(whole | (np.abs(left) > rules.FUZZ)), allowed

    # -- the time since the last session

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
        for symbol in np.flatnonzero(self.panel.dividends[now]):
            cells = slice(symbol * self.variants, (symbol + 1) * self.variants)
            paid = held.shares[cells] * self.panel.dividends[now, symbol]
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

    # -- execution

    def _fill_pending(self, pending: Orders) -> None:
        """Orders at the open, then those that rest during the session, then those at the close."""
        self._fill(pending.only(~pending.at_close), self.panel.open[self.session], "open")
        if self.resting:
            self._rest()
        self._fill(pending.only(pending.at_close), self.panel.close[self.session], "close")

    def _fill(self, orders: Orders, prices: Floats, at: Moment) -> None:
        if not len(orders):
            return
        cell, shares = orders.cell, orders.shares
        held = self.positions.shares[cell]
        price = prices[cell // self.variants]
        rest = np.where(orders.reduce_only, np.sign(shares) * np.minimum(np.abs(shares), np.abs(held)), shares)
        due = ~np.isnan(price) & ~(orders.reduce_only & (held * shares >= 0))
        self._execute(cell[due], rest[due], price[due], at)

    def _rest(self) -> None:
        """Resting exits: first the orders that the open has reached, then those that the session reaches; stops first."""
        now, held = self.session, self.positions
        trades = held.open_trades()
        waiting = trades.side != 0
        if not waiting.any():
            return
        opened, high, low = self.panel.open[now], self.panel.high[now], self.panel.low[now]
        levels = [slot.level(trades) for slot in self.resting]
        for jumped in (True, False):
            for slot, level in zip(self.resting, levels, strict=True):
                above = (trades.side < 0) != slot.limit
                reached = np.where(above, (opened if jumped else high) >= level, (opened if jumped else low) <= level) & waiting
                cells = np.flatnonzero(reached.T)
                if len(cells):
                    waiting &= ~reached
                    price = opened[cells // self.variants] if jumped else level.T.reshape(-1)[cells]
                    self._execute(cells, -held.shares[cells], price, "day", slips=not slot.limit)

    def _execute(self, cells: Cells, shares: Floats, reference: Floats, at: Moment, *, slips: bool = True) -> None:
        """Fill orders whole and charge each once, also where it reverses a position."""
        price = self.account.slipped(reference, shares) if slips else reference
        factor = self.panel.factor[self.session][cells // self.variants]
        commission = self.account.commission(shares / factor, price * factor)
        fees = self.account.sale_fees(shares / factor, price * factor, self.panel.sessions[self.session])
        self._book(cells, shares, price, (commission, fees, shares * (price - reference)), at)

    def _book(self, cells: Cells, shares: Floats, price: Floats, costs: tuple[Floats, Floats, Floats], at: Moment) -> None:
        """Cash, positions and tapes of fills; the costs are commission, fees and the slippage in the price."""
        if not len(cells):
            return
        commission, fees, slippage = costs
        variant, charge, now = cells % self.variants, commission + fees, self.session
        self.cash -= np.bincount(variant, shares * price + charge, self.variants)
        for total, part in zip((self.tapes.commission, self.tapes.fees, self.tapes.slippage), costs, strict=True):
            total += np.bincount(variant, part, self.variants)
        entry = Entry(session=now, decided=self._closes[now + 1], before=self._closes[now])
        self.positions.follow(cells, shares, price, charge, entry)
        if self.keep_fills:
            self.tapes.fills.append(
                Fills(
                    session=now, at=at, variant=variant, symbol=cells // self.variants, shares=shares, price=price,
                    commission=commission, fees=fees, slippage=slippage,
                )
            )  # fmt: skip

    # -- the close

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

    # -- decisions

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
        trade = rules.change(np.where(gone, 0.0, self.positions.shares[cells]), desired, batch.resize)
        asked = np.flatnonzero(trade)
        return [Orders.alike(cells[asked], trade[asked], at_close=batch.fill == "close", reduce_only=False)]
