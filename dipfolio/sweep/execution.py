"""Execution: the orders of all variants are cut to what each account can carry, and meet the prices of a session.

The steps have the names that they have in :mod:`dipfolio.engine.cerebro.intake` and ``execution``.
"""

from dataclasses import replace

import numpy as np

from dipfolio.engine import orders as rules
from dipfolio.engine.exits import OpenTrades
from dipfolio.engine.tape import Moment
from dipfolio.sweep.batch import Batch
from dipfolio.sweep.positions import Entry, Positions
from dipfolio.sweep.rules import WITHOUT_BEST, slots
from dipfolio.sweep.tapes import Fills, Tapes
from dipfolio.sweep.waiting import NONE, Cells, Floats, Orders


class Execution:
    """The state of all variants of a batch, and how orders become fills.

    Attributes
    ----------
    session : int
        Number of the current session, -1 before the first.
    cash, value : array of shape (variants,)
        Dollars now, and the equity on the last close.
    sent : Orders
        What waits for the next session.
    alive, under_margin_call : array of bool, shape (variants,)
    """

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
        self.resting = [slot for slot in self.slots if slot.kind.resting]
        self._watches_best = any(slot.kind.made_by not in WITHOUT_BEST for slot in self.slots)
        self._instructions = batch.instructions()
        self._marks = np.nan_to_num(self.panel.close)
        unknown = np.full((1, len(self.panel.symbols)), np.nan)
        self._closes = np.concatenate([unknown, self.panel.prior_close[None], self.panel.close])

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
        sized = replace(batch, shares=np.where(whole, batch.shares, left))
        return sized.only(whole | (np.abs(left) > rules.FUZZ)), allowed

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
        due = ~np.isnan(price) & ~(orders.reduce_only & (held * shares >= 0)) & ~(orders.on_position & (held == 0))
        self._execute(cell[due], rest[due], price[due], at)

    def _rest(self) -> None:
        """Resting exits: first the orders that the open has reached, then those that the session reaches; stops first."""
        now, held = self.session, self.positions
        trades = held.open_trades()
        waiting = trades.side != 0
        if not waiting.any():
            return
        opened, high, low = self.panel.open[now], self.panel.high[now], self.panel.low[now]
        levels = {limit: self._nearest(trades, limit) for limit in (False, True)}
        for jumped in (True, False):
            for limit, level in levels.items():
                above = (trades.side < 0) != limit
                reached = np.where(above, (opened if jumped else high) >= level, (opened if jumped else low) <= level) & waiting
                cells = np.flatnonzero(reached.T)
                if len(cells):
                    waiting &= ~reached
                    price = opened[cells // self.variants] if jumped else level.T.reshape(-1)[cells]
                    self._execute(cells, -held.shares[cells], price, "day", slips=not limit)

    def _nearest(self, trades: OpenTrades, limit: bool) -> Floats:
        """The level of the resting stops, or limits, that the price meets first; NaN where there is none."""
        above = (trades.side < 0) != limit
        nearest = np.full(above.shape, np.nan)
        for level in (slot.level(trades) for slot in self.resting if slot.limit == limit):
            nearest = np.where(above, np.fmin(nearest, level), np.fmax(nearest, level))
        return nearest

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
