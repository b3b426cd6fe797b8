"""Batch: variants that can advance together, with what each of them has decided."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.account import Account
from dipfolio.engine.exits import Exit, FillAt
from dipfolio.engine.panel import Panel
from dipfolio.engine.strategy import Unit

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """What is wanted in one session: for every instruction the variants from ``start`` to ``stop``, a symbol and a target.

    All arrays have the shape (instructions,).
    """

    start: NDArray[np.intp]
    stop: NDArray[np.intp]
    symbol: NDArray[np.intp]
    target: Floats

    def cells(self, variants: int) -> tuple[NDArray[np.intp], Floats]:
        """Every cell concerned, ``symbol x variants + variant``, and its target."""
        count = self.stop - self.start
        ends = np.cumsum(count)
        first = self.symbol * variants + self.start - (ends - count)
        return np.repeat(first, count) + np.arange(ends[-1]), np.repeat(self.target, count)


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Variants that trade the same panel in the same account, by exits of the same kinds.

    Attributes
    ----------
    panel : Panel
    account : Account
    targets : tuple of array of shape (sessions, symbols)
        One for each group of variants, as in :class:`dipfolio.engine.strategy.Strategy`.
    sizes : tuple of int
        How many variants each group has; they stand in the order of the groups.
    unit, fill, resize
        As in :class:`dipfolio.engine.strategy.Strategy`.
    exits : tuple of tuple of Exit
        Of each variant; every place holds one kind (:class:`dipfolio.sweep.rules.Kind`).
    """

    panel: Panel
    account: Account
    targets: tuple[Floats, ...]
    sizes: tuple[int, ...]
    unit: Unit
    fill: FillAt
    resize: bool
    exits: tuple[tuple[Exit, ...], ...]

    def __len__(self) -> int:
        return sum(self.sizes)

    def instructions(self) -> Sequence[Instructions | None]:
        """What is wanted, session by session; None where nobody wants anything. Symbols that do not trade are left out."""
        ends = np.cumsum(np.array(self.sizes, dtype=np.intp))
        trading = ~np.isnan(self.panel.close)
        found = [np.nonzero(~np.isnan(targets) & trading) for targets in self.targets]
        session = np.concatenate([rows for rows, _ in found])
        order = np.argsort(session, kind="stable")
        group = np.repeat(np.arange(len(found)), [len(rows) for rows, _ in found])[order]
        symbol = np.concatenate([columns for _, columns in found])[order]
        target = np.concatenate([t[place] for t, place in zip(self.targets, found, strict=True)])[order]
        edges = np.searchsorted(session[order], np.arange(len(self.panel) + 1))
        start, stop = (ends - self.sizes)[group], ends[group]
        return [
            None if a == b else Instructions(start=start[a:b], stop=stop[a:b], symbol=symbol[a:b], target=target[a:b])
            for a, b in itertools.pairwise(edges)
        ]
