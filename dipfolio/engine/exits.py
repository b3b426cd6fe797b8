"""Exits: the rules that flatten an open trade.

A rule looks at all open trades at once, as arrays whose last axis is the symbol; one run passes shape (symbols,), a
sweep shape (variants, symbols).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dipfolio.errors import ParameterError

FillAt = Literal["open", "close"]


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
        The best of the entry price and the closes since: the highest of a long, the lowest of a short.
    decided, before : array of float
        The close of the session in which the entry was decided, and the close before that; NaN where it is unknown.
    """

    side: NDArray[np.int_]
    entry_price: NDArray[np.float64]
    entry_session: NDArray[np.int_]
    best: NDArray[np.float64]
    decided: NDArray[np.float64]
    before: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The session on whose close a decision is taken.

    Attributes
    ----------
    number : int
        Number of the session, counted as in ``OpenTrades.entry_session``.
    session, next_session : datetime64
        This one, and the one in which the decision will be executed, known from the exchange's calendar.
    open, high, low, close : array of float, shape (symbols,)
        NaN where a symbol does not trade.
    """

    number: int
    session: np.datetime64
    next_session: np.datetime64
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]


class Exit(ABC):
    """A rule that closes trades; ``fill`` says where in the next session what it closes is executed."""

    fill: FillAt

    @abstractmethod
    def __str__(self) -> str:
        """The reason that the record gives for what the rule has closed."""

    @abstractmethod
    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Which of the trades to close, shape (..., symbols); cells without a trade are ignored."""


class Level(Exit):
    """A rule that closes at a price: on a close beyond it, filled at the next open, or by an order that rests there.

    A resting order that the open has jumped over is filled at the open. Where a stop and a limit are both touched in one
    session, the stop counts, as nobody knows which came first; of two stops, or two limits, the one that the price meets
    first. Stops slip, limits do not.
    The order rests from the entry on, the rest of that session included.
    """

    fill: FillAt = "open"
    order: ClassVar[Literal["stop", "limit"]]
    """A stop has its level on the losing side of the price, a limit on the winning side."""

    fraction: float
    intraday: bool

    def __post_init__(self) -> None:
        if not 0 < self.fraction < np.inf:
            raise ParameterError(f"{type(self).__name__} needs a fraction above 0, such as 0.05, found {self.fraction}.")

    @abstractmethod
    def exact_level(self, trades: OpenTrades) -> NDArray[np.float64]:
        """The price by formula, shape (..., symbols)."""

    def level(self, trades: OpenTrades) -> NDArray[np.float64]:
        """The price to a billionth of a dollar, so that 10 % above 100 is 110 and not a hair more."""
        return np.round(self.exact_level(trades), 9)

    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Trades whose close has reached the level; none if the rule rests in the market instead."""
        won = trades.side * (bar.close - self.level(trades))
        beyond = won <= 0 if self.order == "stop" else won >= 0
        return np.asarray(beyond & (not self.intraday))


@dataclass(frozen=True)
class StopLoss(Level):
    """Close a trade that has lost a fraction of its entry price.

    Attributes
    ----------
    fraction : float
        Such as 0.05 for 5 %.
    intraday : bool
        Rest in the market as a stop order.
    """

    fraction: float
    intraday: bool = False
    order = "stop"

    def __str__(self) -> str:
        return f"stop loss {self.fraction:.4g}"

    def exact_level(self, trades: OpenTrades) -> NDArray[np.float64]:
        """``entry x (1 - fraction)`` for a long, ``entry x (1 + fraction)`` for a short."""
        return np.asarray(trades.entry_price * (1 - trades.side * self.fraction))


@dataclass(frozen=True)
class TakeProfit(Level):
    """Close a trade that has gained a fraction of its entry price.

    Attributes
    ----------
    fraction : float
        Such as 0.10 for 10 %.
    intraday : bool
        Rest in the market as a limit order.
    """

    fraction: float
    intraday: bool = False
    order = "limit"

    def __str__(self) -> str:
        return f"profit target {self.fraction:.4g}"

    def exact_level(self, trades: OpenTrades) -> NDArray[np.float64]:
        """``entry x (1 + fraction)`` for a long, ``entry x (1 - fraction)`` for a short."""
        return np.asarray(trades.entry_price * (1 + trades.side * self.fraction))


@dataclass(frozen=True)
class TrailingStop(Level):
    """Close a trade that has given back a fraction of its best price.

    The best price is that of the closes and the entry, so that no order within a session depends on what came first.

    Attributes
    ----------
    fraction : float
        Such as 0.08 for 8 %.
    intraday : bool
        Rest in the market as a stop order, moved after each close.
    """

    fraction: float
    intraday: bool = False
    order = "stop"

    def __str__(self) -> str:
        return f"trailing stop {self.fraction:.4g}"

    def exact_level(self, trades: OpenTrades) -> NDArray[np.float64]:
        """``best x (1 - fraction)`` for a long, ``best x (1 + fraction)`` for a short."""
        return np.asarray(trades.best * (1 - trades.side * self.fraction))


@dataclass(frozen=True)
class Recovered(Exit):
    """Close once the price is back where it was before the drop: a long at or above that close, a short at or below it.

    Attributes
    ----------
    drop : {"decision", "entry"}
        The session of the drop: the one on whose close the entry was decided, or the one in which it was executed.
    fill : {"open", "close"}
        Where in the session after that close.
    """

    drop: Literal["decision", "entry"] = "decision"
    fill: FillAt = "open"

    def __str__(self) -> str:
        return "recovered"

    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Trades whose close is back; none whose level is unknown."""
        level = trades.before if self.drop == "decision" else trades.decided
        return np.asarray(trades.side * (bar.close - level) >= 0)


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
    fill: FillAt = "close"

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
    """Close on a date, or on the first session after it if the exchange is closed that day; later trades stay open.

    Attributes
    ----------
    day : date
    fill : {"close", "open"}
        Where in that session.
    """

    day: date
    fill: FillAt = "close"

    def __str__(self) -> str:
        return f"at {self.day}"

    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Every trade, on the last close before the date."""
        return np.full(trades.side.shape, bar.session < np.datetime64(self.day) <= bar.next_session)
