"""Delay: a strategy whose every decision is executed later, or at the other price of the session."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from dipfolio.engine.exits import Exit, FillAt
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import ParameterError
from dipfolio.market.bars import Bars


@dataclass(frozen=True, kw_only=True)
class _Later(Strategy):
    """The decisions of another strategy, later; made by :func:`later`."""

    inner: ClassVar[Strategy]
    delay: ClassVar[int] = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those of the other strategy."""
        return self.inner.symbols

    @property
    def exits(self) -> tuple[Exit, ...]:
        """Those of the other strategy, counted from the later entry."""
        return self.inner.exits

    def targets(self, bars: Bars) -> pd.DataFrame:
        """Those of the other strategy, so many rows further down."""
        return self.inner.targets(bars).shift(self.delay)


def later(strategy: Strategy, sessions: int = 0, fill: FillAt | None = None) -> Strategy:
    """The same strategy with its orders executed so many sessions later, at the open or the close.

    Positions are sized on the close before the later session; a holding time is counted from there.

    Parameters
    ----------
    strategy : Strategy
    sessions : int
        0 or more.
    fill : {"open", "close"}, optional
        The strategy's own if not given.
    """
    if sessions < 0:
        raise ParameterError(f"A delay is 0 or more sessions, found {sessions}; no order comes before its decision.")
    own = type(strategy)
    facts = {"inner": strategy, "delay": sessions, "unit": strategy.unit, "resize": strategy.resize, "__doc__": own.__doc__}
    kind: type[Strategy] = type(own.__name__, (_Later,), facts)
    return kind(universe=strategy.universe, fill=fill or strategy.fill)
