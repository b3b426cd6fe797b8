"""Batch simulator: advances all variants of a batch session by session, each as backtrader would run it alone.

Orders are cut to what each account can carry and then meet the prices of a session. The rules are those of
:mod:`dipfolio.engine.sizing`, :mod:`dipfolio.engine.account` and :mod:`dipfolio.engine.exits`. The order of steps is
that of the broker and the trader in :mod:`dipfolio.engine.backtrader`, and the steps have the same names.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np

from dipfolio.engine import sizing as rules
from dipfolio.engine.account_stops import HeldBack, PortfolioStop
from dipfolio.engine.exits import EXITS_WITHOUT_BEST_PRICE, AccountState, Bar, FillAt, OpenTrades
from dipfolio.engine.panel import BarReplay
from dipfolio.engine.run_log import FillMoment
from dipfolio.sweep.batches import Batch
from dipfolio.sweep.exits import ExitSlot, exit_slots
from dipfolio.sweep.state import NO_ORDERS, BatchFills, BatchLog, BatchPositions, Cells, EntryInfo, Floats, Mask, PendingOrders


def simulate_batch(batch: Batch, *, keep_fills: bool = False) -> BatchLog:
    """Simulate every variant of a batch.

    Parameters
    ----------
    batch : Batch
    keep_fills : bool
        Write down every execution and not their sums alone.
    """
    simulator = BatchSimulator(batch, keep_fills=keep_fills)
    for session in range(len(batch.panel)):
        simulator.next(session)
    return simulator.finish()


class BatchSimulator:
    """The state of all variants of a batch, and how orders become fills.

    Attributes
    ----------
    session : int
        Number of the current session, -1 before the first.
    cash, value : array of shape (variants,)
        Dollars now, and the equity on the last close.
    submitted : PendingOrders
        What waits for the next session.
    alive, under_margin_call : array of bool, shape (variants,)
    held_back : array, shape (cells,)
        See :func:`dipfolio.engine.sizing.blocked_sides`.
    """

    def __init__(self, batch: Batch, *, keep_fills: bool) -> None:
        self.batch, self.panel, self.account = batch, batch.panel, batch.account
        self.keep_fills, self.variants = keep_fills, len(batch)
        self.session = -1
        self.batch_log = BatchLog.empty(len(self.panel), self.variants)
        self.positions = BatchPositions(len(self.panel.symbols), self.variants)
        self.cash, self.value = (np.full(self.variants, float(self.account.cash)) for _ in range(2))
        self.alive, self.under_margin_call = np.ones(self.variants, dtype=bool), np.zeros(self.variants, dtype=bool)
        self.submitted, self._any_short = NO_ORDERS, False
        self.held_back = np.zeros(len(self.positions.shares))
        self.slots = exit_slots(batch.exits)
        self.resting = [slot for slot in self.slots if slot.kind.resting]
        self._traded, self._traded_today, self._month = np.zeros(self.variants), np.zeros(self.variants), -1
        self.stops = [slot for slot in self.slots if slot.pause is not None]
        self._stopped_back = HeldBack((len(self.panel.symbols), self.variants))
        self._peak, self._peak_session = self.value.copy(), -1
        self._peaks = {id(slot): self.value.copy() for slot in self.stops}
        self._watches_best = any(slot.kind.exit_class not in EXITS_WITHOUT_BEST_PRICE for slot in self.slots)
        self._instructions = batch.instructions()
        self._symbols, self._marks = np.array(self.panel.symbols), np.nan_to_num(self.panel.close)
        self._limits = rules.order_limits(self.account, self.panel.close, self.panel.volume, self.panel.factor)
        unknown = np.full((1, len(self.panel.symbols)), np.nan)
        self._closes = np.concatenate([unknown, self.panel.prior_close[None], self.panel.close])

    def _check_submitted(self) -> PendingOrders:
        """Cut what was sent on the previous close to volume and buying power; what reduces risk always passes."""
        sent, self.submitted = self.submitted, NO_ORDERS
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
        return PendingOrders.concatenate(admitted)

    def _short_of_room(self, sent: PendingOrders) -> Cells:
        """The variants whose orders may have to be cut: none where all of them together are well within bounds."""
        before, added = self.session - 1, ~sent.reduce_only
        symbol, variant = np.divmod(sent.cell[added], self.variants)
        if not len(variant):
            return variant
        shares, price, limits = sent.shares[added], self._marks[before], self._limits[before]
        long, short, listed = limits.long, limits.short, price > 0
        most = np.max((np.maximum(long, short) if self._any_short else long)[listed] / price[listed], initial=1.0)
        required = np.abs(shares) * np.where(shares < 0, short[symbol], long[symbol])
        need = np.bincount(variant, required, self.variants) + most * self.batch_log.gross[before]
        tight = need > (1 - rules.SIZE_TOLERANCE) * self.account.buying_power(self.value)
        return np.unique(variant[(np.abs(shares) > limits.addition[symbol]) | tight[variant]])

    def _rows(self, cells: Floats, rows: Cells) -> Floats:
        """The cells of some variants, shape (rows, symbols)."""
        return np.take(cells.reshape(-1, self.variants), rows, axis=1).T

    def _admit(self, batch: PendingOrders, position: Floats, rows: Cells) -> tuple[PendingOrders, Floats]:
        """Cut orders that would fill together; returns them and the shares admitted, shape (rows, symbols)."""
        symbol, row = batch.cell // self.variants, np.searchsorted(rows, batch.cell % self.variants)
        trade = np.zeros(position.T.shape).T
        trade[row, symbol] = batch.shares
        limits = self._limits[self.session - 1]
        allowed = rules.affordable_shares(position, trade, self.value[rows], limits, self.account)
        left = allowed[row, symbol]
        uncut = rules.is_negligible(batch.shares - left, batch.shares)
        if uncut.all():
            return batch, allowed
        self.batch_log.cut += np.bincount(batch.cell[~uncut] % self.variants, minlength=self.variants)
        sized = replace(batch, shares=np.where(uncut, batch.shares, left))
        return sized.only(uncut | ~rules.is_negligible(left, batch.shares)), allowed

    def _fill_pending(self, pending: PendingOrders) -> None:
        """Orders at the open, then those that rest during the session, then those at the close."""
        self._fill(pending.only(~pending.at_close), self.panel.open[self.session], "open")
        if self.resting:
            self._rest()
        self._fill(pending.only(pending.at_close), self.panel.close[self.session], "close")

    def _fill(self, orders: PendingOrders, prices: Floats, at: FillMoment) -> None:
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

    def _execute(self, cells: Cells, shares: Floats, reference: Floats, at: FillMoment, *, slips: bool = True) -> None:
        """Fill orders whole and charge each once, also where it reverses a position."""
        held = self.positions.shares[cells]
        shares = np.where(rules.position_after(held, shares) == 0, -held, shares)
        price = self.account.slipped(reference, shares) if slips else reference
        symbol = cells // self.variants
        factor = self.panel.factor[self.session][symbol]
        variant, count = cells % self.variants, shares / factor
        commission = self.account.commission(count, price * factor, self._symbols[symbol], self._traded[variant])
        if self.account.commission_tiers:
            self._traded_today += np.bincount(variant, np.abs(count), self.variants)
        fees = self.account.sale_fees(shares / factor, price * factor, self.panel.sessions[self.session])
        slippage = self.account.slippage_cost(shares, price, reference)
        self._book(cells, shares, price, (commission, fees, slippage), at)

    def _book(self, cells: Cells, shares: Floats, price: Floats, costs: tuple[Floats, Floats, Floats], at: FillMoment) -> None:
        """Cash, positions and logs of fills; the costs are commission, fees and the slippage in the price."""
        if not len(cells):
            return
        commission, fees, slippage = costs
        variant, charge, now = cells % self.variants, commission + fees, self.session
        self.cash -= np.bincount(variant, shares * price + charge, self.variants)
        for total, part in zip((self.batch_log.commission, self.batch_log.fees, self.batch_log.slippage), costs, strict=True):
            total += np.bincount(variant, part, self.variants)
        entry = EntryInfo(session=now, decided=self._closes[now + 1], before=self._closes[now])
        self.positions.follow(cells, shares, price, charge, entry)
        if self.keep_fills:
            self.batch_log.fills.append(
                BatchFills(
                    session=now, at=at, variant=variant, symbol=cells // self.variants, shares=shares, price=price,
                    commission=commission, fees=fees, slippage=slippage,
                )
            )  # fmt: skip

    # Sessions: costs, dividends, symbols that stop trading, margin, decisions.

    def next(self, session: int) -> None:
        """One session: check orders, charge for the time since the last one, fill, mark, look for a margin call, decide."""
        self.session = session
        if self.account.commission_tiers:
            self._count_month()
        pending = self._check_submitted()
        if session:
            self._carry()
            self._settle_symbols_that_stopped()
        self._fill_pending(pending)
        self._count_invested()
        self._mark()
        self._watch_margin()
        if session + 1 < len(self.panel):
            self._decide()

    def _count_month(self) -> None:
        """The shares traded in the month up to the close before, which count for the tiers of the commission."""
        month = int(self.panel.months[self.session])
        self._traded = self._traded + self._traded_today if month == self._month else np.zeros(self.variants)
        self._month, self._traded_today = month, np.zeros(self.variants)

    def finish(self) -> BatchLog:
        """The logs, with the counts that stand at the end."""
        positions = self.positions
        self.batch_log.open_positions += np.count_nonzero(positions.table(positions.shares), axis=1)
        self.batch_log.trades, self.batch_log.wins = positions.trades, positions.wins
        self.batch_log.entry_dates = positions.entry_dates
        return self.batch_log

    def _carry(self) -> None:
        """Borrow fee and debit interest for the calendar days since the last session, dividends on its holdings."""
        now, held = self.session, self.positions
        days = int(self.panel.days[now])
        self._settle_interest(days)
        if self._any_short:
            short = np.flatnonzero(held.side < 0)
            symbol, variant = np.divmod(short, self.variants)
            factor = self.panel.factor[now - 1][symbol]
            close = self._marks[now - 1][symbol] * factor
            dated = None if self.panel.borrow_rates is None else self.panel.borrow_rates[now - 1][symbol]
            fee = self.account.borrow_fee(held.shares[short] / factor, close, days, self._symbols[symbol], dated)
            held.profit[short] -= fee
            borrow = np.bincount(variant, fee, self.variants)
            self.cash -= borrow
            self.batch_log.borrow += borrow
        for paying in np.flatnonzero(self.panel.dividends[now]).tolist():
            cells = slice(paying * self.variants, (paying + 1) * self.variants)
            paid = held.shares[cells] * self.panel.dividends[now, paying]
            held.profit[cells] += paid
            self.cash += paid
            self.batch_log.dividends += paid

    def _settle_interest(self, days: int) -> None:
        """Interest paid and earned for some calendar days: the fixed rate of a debit, or by the dated rate."""
        if self.panel.cash_rate is None:
            interest = self.account.debit_interest(self.cash, days)
            self.cash -= interest
            self.batch_log.interest += interest
            return
        now = self.session
        shorts = np.minimum(self.positions.shares.reshape(-1, self.variants), 0.0)
        collateral = -(shorts * self._marks[now - 1][:, None]).sum(axis=0) if self._any_short else np.zeros(self.variants)
        paid, earned = self.account.dated_interest(self.cash, collateral, self.panel.cash_rate[now - 1], days)
        self.cash += earned - paid
        self.batch_log.interest += paid
        self.batch_log.earned += earned

    def _settle_symbols_that_stopped(self) -> None:
        now = self.session
        for symbol in np.flatnonzero(np.isnan(self.panel.close[now]) & ~np.isnan(self.panel.close[now - 1])):
            cells = symbol * self.variants + np.arange(self.variants)
            cells = cells[self.positions.shares[cells] != 0]
            price = np.full(len(cells), self.panel.close[now - 1, symbol])
            nothing = np.zeros(len(cells))
            self._book(cells, -self.positions.shares[cells], price, (nothing, nothing, nothing), "settlement")

    def _count_invested(self) -> None:
        """Count the session for the variants in the market; without a position held into it, the first fill is an entry."""
        now = self.session
        held_into = self.alive & (self.batch_log.gross[now - 1] > 0) if now else np.zeros(self.variants, dtype=bool)
        self.batch_log.invested += held_into | (self.positions.last_entry == now)

    def _mark(self) -> None:
        now = self.session
        worth = self.positions.shares.reshape(-1, self.variants) * self._marks[now][:, None]
        total = worth.sum(axis=0)
        self.value = self.cash + total
        self.batch_log.equity[now] = self.value
        self._any_short = bool((self.positions.side < 0).any())
        self.batch_log.gross[now] = np.abs(worth, out=worth).sum(axis=0) if self._any_short else total

    def _watch_margin(self) -> None:
        self.under_margin_call = np.zeros(self.variants, dtype=bool)
        rows = np.flatnonzero((self.value <= self._most_maintenance()) & self.alive)
        if not len(rows):
            return
        value, factor = self.value[rows], self.panel.factor[self.session]
        shares, close = self._rows(self.positions.shares, rows), self.panel.close[self.session]
        needed = self.account.maintenance(shares / factor, close * factor).sum(axis=-1)
        self._end(rows[value <= 0])
        called = rows[(value > 0) & self.account.called(value, needed)]
        self.under_margin_call[called] = True
        self.batch_log.margin_calls[called] += 1
        cells = np.flatnonzero((self.positions.side.reshape(-1, self.variants) != 0) & self.under_margin_call)
        self.submitted = PendingOrders.uniform(cells, -self.positions.shares[cells], at_close=False, reduce_only=False)

    def _most_maintenance(self) -> Floats:
        """No less than the equity that each variant's positions need, shape (variants,)."""
        lowest = float(np.nanmin(self.panel.close[self.session] * self.panel.factor[self.session])) if self._any_short else np.inf
        rate = self.account.maintenance_bound(lowest, any_short=self._any_short)
        return np.asarray(1.000001 * rate * self.batch_log.gross[self.session])

    def _end(self, variants: Cells) -> None:
        """Bankrupt: the run is over, and what was held is worth no more than it owes."""
        if len(variants):
            held = self.positions
            self.alive[variants] = False
            self.batch_log.last[variants] = self.session
            self.batch_log.open_positions[variants] = np.count_nonzero(held.table(held.shares)[variants], axis=1)
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
        if self.under_margin_call.any() or self.held_back.any():
            self._hold_back()
        if self.stops:
            self._follow_peaks()
            self._stopped_back.let_go(self._targets_now())
        exits, at_open, at_close = self._end_trades(idle)
        self.submitted = PendingOrders.concatenate([self.submitted, *exits, *self._follow_targets(idle, at_open, at_close)])

    def _hold_back(self) -> None:
        """Note which targets have stood since a margin call."""
        called = self.positions.side * np.tile(self.under_margin_call, len(self.panel.symbols))
        self.held_back = rules.blocked_sides(self.held_back, self._targets_now().reshape(-1), called)

    def _targets_now(self) -> Floats:
        """The targets of this close, 0 for no instruction; shape (symbols, variants)."""
        wanted, targets = self._instructions[self.session], np.zeros(len(self.held_back))
        if wanted is not None:
            cells, target = wanted.cells(self.variants)
            targets[cells] = target
        return targets.reshape(-1, self.variants)

    def _end_trades(self, idle: Mask) -> tuple[list[PendingOrders], Mask, Mask]:
        """The orders of the exit rules, and the cells that leave at the next open and at the next close."""
        held = self.positions
        trades = held.open_trades()
        opened = (held.side != 0) & ~np.tile(idle, len(self.panel.symbols)) if idle.any() else held.side != 0
        leaving: dict[FillAt, Mask] = {"open": np.zeros(len(opened), dtype=bool), "close": np.zeros(len(opened), dtype=bool)}
        orders: list[PendingOrders] = []
        if not (opened.any() or self.stops) or not self.slots:
            return orders, leaving["open"], leaving["close"]
        bar = self._replay.bar(self.session, self._account_state)
        for slot in self.slots:
            stopped = slot.closes(trades, bar) if slot.pause is None else self._stopped(slot, trades, bar)
            orders += self._leave(stopped.T.reshape(-1) & opened, slot.kind.fill, opened, leaving)
        for slot in self.stops:
            for fill in leaving:
                closing = self._partners(slot, leaving[fill], opened, bar)
                orders += self._leave(closing, fill, opened, leaving)
        return orders, leaving["open"], leaving["close"]

    def _leave(self, closing: Mask, fill: FillAt, opened: Mask, leaving: dict[FillAt, Mask]) -> list[PendingOrders]:
        """The orders that close trades; they are noted in both masks."""
        cells = np.flatnonzero(closing)
        if not len(cells):
            return []
        opened &= ~closing
        leaving[fill][cells] = True
        return [PendingOrders.uniform(cells, -self.positions.shares[cells], at_close=fill == "close", reduce_only=True)]

    def _stopped(self, slot: ExitSlot, trades: OpenTrades, bar: Bar) -> Mask:
        """Which symbols a stop on the account has stopped, and the consequences for their targets; (variants, symbols)."""
        if issubclass(slot.kind.exit_class, PortfolioStop):
            bar = bar.with_peak(self._peaks[id(slot)][:, None])
        stopped = slot.closes(trades, bar) & self.alive[:, None]
        if stopped.any():
            self._stopped_back.stop(stopped.T, self._targets_now(), self.session, slot.pause)
            self._peaks[id(slot)][stopped.any(axis=1)] = -np.inf
        return stopped

    def _partners(self, slot: ExitSlot, leaving: Mask, opened: Mask, bar: Bar) -> Mask:
        """The trades that leave because their partners do, and the consequences for the targets of both; shape (cells,)."""
        held = self.positions
        closing = slot.partners(held.table(leaving), bar).T.reshape(-1) & opened
        if closing.any():
            stopped = slot.partners(held.table(closing), bar)
            self._stopped_back.stop(stopped.T, self._targets_now(), self.session, slot.pause)
        return closing

    def _follow_peaks(self) -> None:
        """The highest equity so far, of each stop since it was last hit."""
        for peak in self._peaks.values():
            np.maximum(peak, self.value, out=peak)

    def _account_state(self) -> AccountState:
        """The accounts on this close."""
        held = self.positions
        unseen = self.batch_log.equity[self._peak_session + 1 : self.session + 1]
        self._peak, self._peak_session = np.maximum(self._peak, unseen.max(axis=0)), self.session
        shares, profit = held.table(held.shares), held.table(held.profit)
        return AccountState(
            equity=self.value[:, None], cash=self.cash[:, None], peak_equity=self._peak[:, None], shares=shares,
            profit=np.where(shares != 0, profit + shares * self._marks[self.session], 0.0),
        )  # fmt: skip

    @cached_property
    def _replay(self) -> BarReplay:
        return BarReplay(self.panel)

    def _follow_targets(self, idle: Mask, at_open: Mask, at_close: Mask) -> list[PendingOrders]:
        """The orders of the targets, but for what is leaving already."""
        wanted, batch = self._instructions[self.session], self.batch
        if wanted is None:
            return []
        cells, target = wanted.cells(self.variants)
        variant = cells % self.variants
        gone = rules.closes_before_fill(at_open[cells], batch.fill)
        free = (gone | ~(at_open[cells] | at_close[cells])) & ~idle[variant] & (self.held_back[cells] == 0)
        if self.stops:
            free &= ~self._stopped_back.targets(self.session).reshape(-1)[cells]
        cells, target, variant, gone = cells[free], target[free], variant[free], gone[free]
        close = self.panel.close[self.session][cells // self.variants]
        desired = rules.target_shares(target[:, None], batch.unit, self.value[variant], close[:, None], self.account)[:, 0]
        held = np.where(gone, 0.0, self.positions.shares[cells])
        trade = rules.order_shares(held, target, desired, batch.resize)
        asked, closing = np.flatnonzero(trade), batch.fill == "close"
        orders = PendingOrders.uniform(cells[asked], trade[asked], at_close=closing, reduce_only=False)
        return [replace(orders, on_position=(held[asked] != 0) & closing)]
