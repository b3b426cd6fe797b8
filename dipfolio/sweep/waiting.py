"""Waiting: orders on their way from one close to the next session."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Cells = NDArray[np.intp]


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
