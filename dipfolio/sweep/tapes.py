"""Tapes: what happened to every variant of a batch, written down as it happened."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.tape import Fill, Moment

Floats = NDArray[np.float64]
Cells = NDArray[np.intp]

COSTS = ("commission", "fees", "slippage", "borrow", "interest", "dividends")
"""Sums over a run, in dollars; dividends are received, the others paid."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fills:
    """Executions of many variants at one moment, each array of shape (fills,).

    Attributes
    ----------
    session : int
    at : {"open", "day", "close", "settlement"}
    variant, symbol : array of int
    shares, price, commission, fees, slippage : array of float
        As in :class:`dipfolio.engine.tape.Fill`.
    """

    session: int
    at: Moment
    variant: Cells
    symbol: Cells
    shares: Floats
    price: Floats
    commission: Floats
    fees: Floats
    slippage: Floats


@dataclass(kw_only=True, eq=False)
class Tapes:
    """The runs so far.

    Attributes
    ----------
    equity : array of shape (sessions, variants)
        On each close; 0 after a bankruptcy.
    gross : array of shape (sessions, variants)
        Gross exposure on each close, in dollars.
    last : array of int, shape (variants,)
        Number of the last session simulated.
    commission, fees, slippage, borrow, interest, dividends : array of shape (variants,)
        Sums over the run.
    trades, wins, open_positions, cut, margin_calls : array of int, shape (variants,)
        Round trips that have ended, those with a profit after all costs, positions open at the end, orders scaled or refused
        for want of buying power or volume, margin calls.
    fills : list of Fills
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
    trades: NDArray[np.int_]
    wins: NDArray[np.int_]
    open_positions: NDArray[np.int_]
    cut: NDArray[np.int_]
    margin_calls: NDArray[np.int_]
    fills: list[Fills] = field(default_factory=list)

    @classmethod
    def blank(cls, sessions: int, variants: int) -> "Tapes":
        """Tapes on which nothing has been written."""
        counts = ("trades", "wins", "open_positions", "cut", "margin_calls")
        sums: dict[str, Any] = {name: np.zeros(variants) for name in COSTS}
        sums |= {name: np.zeros(variants, dtype=int) for name in counts}
        grid = (sessions, variants)
        return cls(equity=np.zeros(grid), gross=np.zeros(grid), last=np.full(variants, sessions - 1), **sums)

    def fills_of(self, variant: int) -> Sequence[Fill]:
        """The executions of one variant, in the order of sessions and moments, then symbols."""
        found = []
        for group in self.fills:
            rows = np.flatnonzero(group.variant == variant)
            found += [
                Fill(
                    session=group.session, symbol=int(group.symbol[k]), shares=float(group.shares[k]), at=group.at,
                    price=float(group.price[k]), commission=float(group.commission[k]), fees=float(group.fees[k]),
                    slippage=float(group.slippage[k]),
                )
                for k in rows[np.argsort(group.symbol[rows], kind="stable")]
            ]  # fmt: skip
        return found
