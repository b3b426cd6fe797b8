"""Exits: the rules that flatten an open trade.

A rule looks at all open trades at once, as arrays whose last axis is the symbol; one run passes shape (symbols,), a
sweep shape (variants, symbols).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dipfolio.errors import ParameterError

Fill = Literal["open", "close"]


@dataclass(frozen=True, kw_only=True)
class OpenTrades:
    """The trades that are open on the close of a session, shape (..., symbols).

    Attributes
    ----------
    side : array of int
        1 long, -1 short, 0 none; the other arrays mean nothing there.
    entry_price : array of float
        Average price paid or received, slippage included.
    entry_session : array of int
        Number of the session of the first fill.
    best : array of float
        The best close since the entry: the highest of a long, the lowest of a short.
    """

    side: NDArray[np.int_]
    entry_price: NDArray[np.float64]
    entry_session: NDArray[np.int_]
    best: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The session on whose close a decision is taken.

    Attributes
    ----------
    number : int
        Number of the session, counted as in ``OpenTrades.entry_session``.
    next_session : datetime64
        The session in which the decision will be executed, known from the exchange's calendar.
    open, high, low, close : array of float, shape (symbols,)
        NaN where a symbol does not trade.
    """

    number: int
    next_session: np.datetime64
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]


class Exit(ABC):
    """A rule that closes trades; ``fill`` says where in the next session."""

    fill: Fill

    @abstractmethod
    def __str__(self) -> str:
        """The reason that the record gives for what the rule has closed."""

    @abstractmethod
    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Which of the trades to close, shape (..., symbols); cells without a trade are ignored."""


@dataclass(frozen=True)
class HoldFor(Exit):
    """Close a fixed number of sessions after the entry session.

    Attributes
    ----------
    sessions : int
        At least 1; with 5, a trade entered on a Monday ends on the Monday after, in a week without a holiday.
    fill : {"close", "open"}
        Where in that session.
    """

    sessions: int
    fill: Fill = "close"

    def __post_init__(self) -> None:
        if self.sessions < 1:
            raise ParameterError(f"A trade is held for at least 1 session, found {self.sessions}.")

    def __str__(self) -> str:
        return f"held {self.sessions} session{'s' if self.sessions > 1 else ''}"

    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Trades that the next session is the last for."""
        return np.asarray(bar.number + 1 - trades.entry_session >= self.sessions)


@dataclass(frozen=True)
class At(Exit):
    """Close on a date, or on the first session after it if the exchange is closed that day.

    Attributes
    ----------
    day : date
    fill : {"close", "open"}
        Where in that session.
    """

    day: date
    fill: Fill = "close"

    def __str__(self) -> str:
        return f"at {self.day}"

    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Every trade, once the next session has reached the date."""
        return np.full(trades.side.shape, bar.next_session >= np.datetime64(self.day))
