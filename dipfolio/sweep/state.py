"""State of a batch: positions, pending orders and logs of all variants.

A cell is one symbol of one variant. The cells of a symbol are contiguous, ``cell = symbol x variants + variant``, so
that one step over all of them is one pass through memory. Positions can also be viewed with the shape (variants,
symbols).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.exits import OpenTrades
from dipfolio.engine.run_log import Fill, FillMoment
from dipfolio.engine.sizing import position_after

Floats = NDArray[np.float64]
Cells = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class EntryInfo:
    """The data of an entry by which its trade is judged later.

    Attributes
    ----------
    session : int
        Its number.
    decided, before : array of shape (symbols,)
        The close of the session before, and of the one before that; NaN where it is unknown.
    """

    session: int
    decided: Floats
    before: Floats


class BatchPositions:
    """The state of all cells, each array of shape (symbols x variants,).

    Attributes
    ----------
    shares : array of float
    side : array of int
        Sign of the shares.
    entry_price, entry_session, best, decided, before : array
        As in :class:`dipfolio.engine.exits.OpenTrades`.
    profit : array of float
        Dollars of the open trade so far, the purchase itself included.
    trades, wins : array of int, shape (variants,)
        Round trips that have ended, and those of them with a profit.
    entry_dates : array of int, shape (variants,)
        Sessions so far in which a trade was entered, in whatever symbol.
    last_entry : array of int, shape (variants,)
        The last of these sessions; -1 before the first.
    """

    def __init__(self, symbols: int, variants: int) -> None:
        self.variants = variants
        size = symbols * variants
        self.shares, self.profit = np.zeros(size), np.zeros(size)
        self.side, self.entry_session = np.zeros(size, dtype=int), np.zeros(size, dtype=int)
        self.entry_price, self.best, self.decided, self.before = (np.full(size, np.nan) for _ in range(4))
        self.trades, self.wins = np.zeros(variants, dtype=int), np.zeros(variants, dtype=int)
        self.entry_dates, self.last_entry = np.zeros(variants, dtype=int), np.full(variants, -1)

    def table(self, values: NDArray[Any]) -> NDArray[Any]:
        """The cells as a view of shape (variants, symbols)."""
        return values.reshape(-1, self.variants).T

    def open_trades(self) -> OpenTrades:
        """All cells in the form in which exits look at them."""
        names = ("side", "entry_price", "entry_session", "best", "decided", "before")
        return OpenTrades(**{name: self.table(getattr(self, name)) for name in names})

    def follow(self, cells: Cells, shares: Floats, price: Floats, charge: Floats, entry: EntryInfo) -> None:
        """Book fills, at most one for each cell: a trade begins, grows, shrinks, ends or turns round."""
        before = self.shares[cells]
        after = position_after(before, shares)
        fresh = before * after <= 0
        grown = ~fresh & (np.abs(after) > np.abs(before))
        if grown.any():
            more = cells[grown]
            paid = self.entry_price[more]
            self.entry_price[more] = paid + (price[grown] - paid) * shares[grown] / after[grown]
        begun = cells[fresh]
        self.entry_price[begun] = self.best[begun] = price[fresh]
        self.entry_session[begun] = entry.session
        symbol = begun // self.variants
        self.decided[begun], self.before[begun] = entry.decided[symbol], entry.before[symbol]
        self._count_entries(begun[after[fresh] != 0] % self.variants, entry.session)
        self._count(cells, before, after, price, charge)
        self.shares[cells], self.side[cells] = after, np.sign(after)

    def _count_entries(self, variants: Cells, session: int) -> None:
        """Count the session once for each of these variants, however many trades each of them entered in it."""
        new = np.unique(variants[self.last_entry[variants] != session])
        self.entry_dates[new] += 1
        self.last_entry[new] = session

    def _count(self, cells: Cells, before: Floats, after: Floats, price: Floats, charge: Floats) -> None:
        """Share fills and their charges between the trades that they end and those that they begin."""
        ended = (before != 0) & (before * after <= 0)
        total = self.profit[cells] - (after - before) * price - charge
        if ended.any():
            over, rest = cells[ended], -after[ended] * price[ended]
            rest -= charge[ended] * after[ended] / (after[ended] - before[ended])
            variant, won = over % self.variants, total[ended] - rest > 0
            self.trades += np.bincount(variant, minlength=self.variants)
            self.wins += np.bincount(variant[won], minlength=self.variants)
            total[ended] = rest
        self.profit[cells] = total


Mask = NDArray[np.bool_]


ORDER_FIELDS = ("cell", "shares", "at_close", "reduce_only", "on_position")


@dataclass(frozen=True, kw_only=True, eq=False)
class PendingOrders:
    """Orders at the market that wait for the next session, at most one for each cell and moment; arrays of shape (orders,).

    Attributes
    ----------
    cell : array of int
        ``symbol x variants + variant``.
    shares : array of float
    at_close, reduce_only, on_position : array of bool
        Filled at the close, not at the open; cut to what is left of the position, or left undone; left undone if the
        position on which it was decided is gone.
    """

    cell: Cells
    shares: Floats
    at_close: Mask
    reduce_only: Mask
    on_position: Mask

    def __len__(self) -> int:
        return len(self.cell)

    def only(self, which: Mask) -> "PendingOrders":
        """Some of them."""
        return PendingOrders(**{name: getattr(self, name)[which] for name in ORDER_FIELDS})

    @classmethod
    def concatenate(cls, parts: list["PendingOrders"]) -> "PendingOrders":
        """All of several."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in ORDER_FIELDS})

    @classmethod
    def uniform(cls, cell: Cells, shares: Floats, *, at_close: bool, reduce_only: bool) -> "PendingOrders":
        """Orders that are all sent in one way."""
        close, reduces, depends = (np.full(len(cell), flag) for flag in (at_close, reduce_only, False))
        return cls(cell=cell, shares=shares, at_close=close, reduce_only=reduces, on_position=depends)


NO_ORDERS = PendingOrders.uniform(np.array([], dtype=np.intp), np.array([]), at_close=False, reduce_only=True)

COST_COLUMNS = ("commission", "fees", "slippage", "borrow", "interest", "dividends")
"""Sums over a run, in dollars; dividends are received, the others paid."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchFills:
    """Executions of many variants at one moment, each array of shape (fills,).

    Attributes
    ----------
    session : int
    at : {"open", "day", "close", "settlement"}
    variant, symbol : array of int
    shares, price, commission, fees, slippage : array of float
        As in :class:`dipfolio.engine.run_log.Fill`.
    """

    session: int
    at: FillMoment
    variant: Cells
    symbol: Cells
    shares: Floats
    price: Floats
    commission: Floats
    fees: Floats
    slippage: Floats


@dataclass(kw_only=True, eq=False)
class BatchLog:
    """The runs so far.

    Attributes
    ----------
    equity : array of shape (sessions, variants)
        On each close; 0 after a bankruptcy.
    gross : array of shape (sessions, variants)
        Gross exposure on each close, in dollars.
    last : array of int, shape (variants,)
        Number of the last session simulated.
    commission, fees, slippage, borrow, interest, dividends, earned : array of shape (variants,)
        Sums over the run; ``earned`` is the interest earned on cash.
    trades, wins, open_positions, cut, margin_calls : array of int, shape (variants,)
        Round trips that have ended, those with a profit after all costs, positions open at the end, orders scaled or refused
        for want of buying power or volume, margin calls.
    entry_dates, invested : array of int, shape (variants,)
        Sessions in which a trade was entered, and sessions in the market: those with a position held into them or an order
        filled in them.
    fills : list of BatchFills
        Empty unless they were asked for.
    """

    equity: Floats
    gross: Floats
    last: NDArray[np.int_]
    commission: Floats
    fees: Floats
    slippage: Floats
    borrow: Floats
    interest: Floats
    dividends: Floats
    earned: Floats
    trades: NDArray[np.int_]
    wins: NDArray[np.int_]
    open_positions: NDArray[np.int_]
    cut: NDArray[np.int_]
    margin_calls: NDArray[np.int_]
    entry_dates: NDArray[np.int_]
    invested: NDArray[np.int_]
    fills: list[BatchFills] = field(default_factory=list)

    @classmethod
    def empty(cls, sessions: int, variants: int) -> "BatchLog":
        """Tapes on which nothing has been written."""
        counts = ("trades", "wins", "open_positions", "cut", "margin_calls", "entry_dates", "invested")
        sums: dict[str, Any] = {name: np.zeros(variants) for name in (*COST_COLUMNS, "earned")}
        sums |= {name: np.zeros(variants, dtype=int) for name in counts}
        grid = (sessions, variants)
        return cls(equity=np.zeros(grid), gross=np.zeros(grid), last=np.full(variants, sessions - 1), **sums)

    def fills_of(self, variant: int) -> Sequence[Fill]:
        """The executions of one variant, in the order of sessions and moments, then symbols."""
        fills = []
        for group in self.fills:
            rows = np.flatnonzero(group.variant == variant)
            fills += [
                Fill(
                    session=group.session, symbol=int(group.symbol[k]), shares=float(group.shares[k]), at=group.at,
                    price=float(group.price[k]), commission=float(group.commission[k]), fees=float(group.fees[k]),
                    slippage=float(group.slippage[k]),
                )
                for k in rows[np.argsort(group.symbol[rows], kind="stable")]
            ]  # fmt: skip
        return fills
