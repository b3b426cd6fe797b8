"""The panel: the bars of one simulation as numpy arrays, the sessions before its window included.

``BarReplay`` makes of it the bars that exit rules see, one session after the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.data.borrow_rates import borrow_rates_by_session
from dipfolio.data.corporate_actions import split_factors
from dipfolio.engine.exits import AccountState, Bar, PriceHistory, no_account, read_only

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Values of shape (sessions, symbols), NaN where a symbol does not trade; sessions as datetime64[D].

    Attributes
    ----------
    symbols : tuple of str
    sessions : array of datetime64[D], shape (sessions,)
    next_sessions : array of datetime64[D], shape (sessions,)
        The session after each, from the calendar of the bars.
    open, high, low, close, volume, dividends : array of float
    factor : array of float
        Shares of these prices for one share as it was traded in that session (:mod:`dipfolio.data.corporate_actions`).
    earlier : tuple of array of float, each of shape (earlier sessions, symbols)
        Open, high, low, close and volume of all sessions before the first.
    cash_rate : array of float, shape (sessions,), or None
        The rate of interest that is known on each close, a year; it is in force until the next session.
    borrow_rates : array of float, shape (sessions, symbols), or None
        The borrow rate that is known on each close, a year; NaN where that of the account is charged.
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
    earlier: tuple[Floats, ...]
    cash_rate: Floats | None = None
    borrow_rates: Floats | None = None

    def __len__(self) -> int:
        return len(self.sessions)

    @cached_property
    def prior_close(self) -> Floats:
        """The closes before the first session, NaN where there are none. Shape (symbols,)."""
        closes = self.earlier[PriceHistory.FIELDS.index("close")]
        return closes[-1] if len(closes) else np.full(len(self.symbols), np.nan)

    @cached_property
    def marks(self) -> Floats:
        """The closes with 0 where a symbol does not trade, so that no position of 0 shares makes a sum NaN."""
        return np.nan_to_num(self.close)

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """True if every symbol trades in a session. Shape (sessions,)."""
        return np.asarray(~np.isnan(self.close).any(axis=1))

    @cached_property
    def pays(self) -> NDArray[np.bool_]:
        """True if any symbol pays a dividend in a session. Shape (sessions,)."""
        return np.asarray((self.dividends != 0).any(axis=1))

    @cached_property
    def months(self) -> NDArray[np.int_]:
        """Calendar months since January 1970. Shape (sessions,)."""
        return self.sessions.astype("datetime64[M]").astype(int)

    @cached_property
    def days(self) -> NDArray[np.int_]:
        """Calendar days since the session before, 0 for the first. Shape (sessions,)."""
        return np.diff(self.sessions, prepend=self.sessions[:1]).astype(int)


def build_panel(bars: Bars, first: int) -> Panel:
    """The arrays of the bars from session number ``first`` on.

    Raises
    ------
    DataError
        A session before the first rate of interest, where cash earns and pays by a dated one.
    """
    days = bars.sessions[first:]
    following = bars.calendar.between(days[0], bars.calendar.offset(days[-1], 1))[1:]
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
        factor=split_factors(bars.splits, days, bars.symbols),
        earlier=tuple(getattr(bars, name).to_numpy()[:first] for name in PriceHistory.FIELDS),
        cash_rate=bars.cash_rate.yearly(days).to_numpy() if bars.cash_rate else None,
        borrow_rates=borrow_rates_by_session(bars.borrow_rates, days, bars.symbols),
    )


class BarReplay:
    """The bars of a panel for exit rules, in the order of the sessions.

    Prices are copied session by session into memory of its own, which the bars show. So no later price is in reach of a bar,
    and nothing that is done to a bar can change the panel. One simulation has one of these.

    Parameters
    ----------
    panel : Panel
    """

    def __init__(self, panel: Panel) -> None:
        self._panel, self._earlier, self._seen = panel, len(panel.earlier[0]), 0
        self._prices = np.stack([getattr(panel, name) for name in PriceHistory.FIELDS])
        self._memory = np.zeros((len(self._prices), self._earlier + len(panel), len(panel.symbols)))
        self._memory[:, : self._earlier] = panel.earlier
        self._shown = read_only(self._memory)

    def bar(self, number: int, look_up: Callable[[], AccountState] = no_account) -> Bar:
        """The bar of a session with the account on its close; the numbers must not fall from one call to the next."""
        first, last = self._earlier + self._seen, self._earlier + number + 1
        self._memory[:, first:last] = self._prices[:, self._seen : number + 1]
        self._seen = number + 1
        known = self._shown[:, :last]
        open_, high, low, close, _ = known[:, -1]
        return Bar(
            number=number,
            session=self._panel.sessions[number],
            next_session=self._panel.next_sessions[number],
            open=open_,
            high=high,
            low=low,
            close=close,
            history=PriceHistory(known),
            symbols=self._panel.symbols,
            look_up=look_up,
        )
