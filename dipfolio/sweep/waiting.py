"""Waiting: orders on their way from one close to the next session."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Cells = NDArray[np.intp]


NAMES = ("cell", "shares", "at_close", "reduce_only", "on_position")


@dataclass(frozen=True, kw_only=True, eq=False)
class Orders:
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

    def only(self, which: Mask) -> "Orders":
        """Some of them."""
        return Orders(**{name: getattr(self, name)[which] for name in NAMES})

    @classmethod
    def together(cls, parts: list["Orders"]) -> "Orders":
        """All of several."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in NAMES})

    @classmethod
    def alike(cls, cell: Cells, shares: Floats, *, at_close: bool, reduce_only: bool) -> "Orders":
        """Orders that are all sent in one way."""
        close, reduces, depends = (np.full(len(cell), flag) for flag in (at_close, reduce_only, False))
        return cls(cell=cell, shares=shares, at_close=close, reduce_only=reduces, on_position=depends)


NONE = Orders.alike(np.array([], dtype=np.intp), np.array([]), at_close=False, reduce_only=True)
