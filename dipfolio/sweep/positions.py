"""Positions: what every variant holds in every symbol, and since when.

A cell is one symbol of one variant. The cells of a symbol lie side by side, ``cell = symbol x variants + variant``, so that
one step over all of them is one run through memory; :meth:`Positions.table` shows them as (variants, symbols).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.exits import OpenTrades
from dipfolio.engine.orders import FUZZ

Floats = NDArray[np.float64]
Cells = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """What a trade entered in a session will be judged by.

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


class Positions:
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
    """

    def __init__(self, symbols: int, variants: int) -> None:
        self.variants = variants
        size = symbols * variants
        self.shares, self.profit = np.zeros(size), np.zeros(size)
        self.side, self.entry_session = np.zeros(size, dtype=int), np.zeros(size, dtype=int)
        self.entry_price, self.best, self.decided, self.before = (np.full(size, np.nan) for _ in range(4))
        self.trades, self.wins = np.zeros(variants, dtype=int), np.zeros(variants, dtype=int)

    def table(self, values: NDArray[Any]) -> NDArray[Any]:
        """The cells as a view of shape (variants, symbols)."""
        return values.reshape(-1, self.variants).T

    def open_trades(self) -> OpenTrades:
        """All cells in the form in which exits look at them."""
        names = ("side", "entry_price", "entry_session", "best", "decided", "before")
        return OpenTrades(**{name: self.table(getattr(self, name)) for name in names})

    def follow(self, cells: Cells, shares: Floats, price: Floats, charge: Floats, entry: Entry) -> None:
        """Book fills, at most one for each cell: a trade begins, grows, shrinks, ends or turns round."""
        before = self.shares[cells]
        after = before + shares
        after[np.abs(after) < FUZZ] = 0.0
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
        self._count(cells, before, after, price, charge)
        self.shares[cells], self.side[cells] = after, np.sign(after)

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
