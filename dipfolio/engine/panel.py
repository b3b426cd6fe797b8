"""Panel: the bars of one simulation as plain arrays, from the session before its window to its end."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dipfolio.market import sessions
from dipfolio.market.bars import Bars
from dipfolio.market.splits import factors

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Figures of shape (sessions, symbols), NaN where a symbol does not trade; sessions as datetime64[D].

    Attributes
    ----------
    symbols : tuple of str
    sessions : array of datetime64[D], shape (sessions,)
    next_sessions : array of datetime64[D], shape (sessions,)
        The session after each, from the exchange's calendar.
    open, high, low, close, volume, dividends : array of float
    factor : array of float
        Shares of these prices for one share as it was traded in that session (:mod:`dipfolio.market.splits`).
    prior_close : array of float, shape (symbols,)
        The closes before the first session, NaN where there are none.
    """

    symbols: tuple[str, ...]
    sessions: NDArray[np.datetime64]
    next_sessions: NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    dividends: Floats
    factor: Floats
    prior_close: Floats

    def __len__(self) -> int:
        return len(self.sessions)

    @cached_property
    def marks(self) -> Floats:
        """The closes with 0 where a symbol does not trade, so that no position of 0 shares makes a sum NaN."""
        return np.nan_to_num(self.close)

    @cached_property
    def pays(self) -> NDArray[np.bool_]:
        """Whether any symbol pays a dividend in a session. Shape (sessions,)."""
        return np.asarray((self.dividends != 0).any(axis=1))

    @cached_property
    def days(self) -> NDArray[np.int_]:
        """Calendar days since the session before, 0 for the first. Shape (sessions,)."""
        return np.diff(self.sessions, prepend=self.sessions[:1]).astype(int)


def panel_of(bars: Bars, first: int) -> Panel:
    """The arrays of the bars from session number ``first`` on."""
    days = bars.sessions[first:]
    following = sessions.between(days[0], sessions.offset(days[-1], 1))[1:]
    return Panel(
        symbols=bars.symbols,
        sessions=days.to_numpy().astype("datetime64[D]"),
        next_sessions=following.to_numpy().astype("datetime64[D]"),
        open=bars.open.to_numpy()[first:],
        high=bars.high.to_numpy()[first:],
        low=bars.low.to_numpy()[first:],
        close=bars.close.to_numpy()[first:],
        volume=bars.volume.to_numpy()[first:],
        dividends=bars.dividends.to_numpy()[first:],
        factor=factors(bars.splits, days, bars.symbols),
        prior_close=bars.close.to_numpy()[first - 1] if first else np.full(len(bars.symbols), np.nan),
    )
