"""Tape: what happened in a simulation, written down by the broker as it happened."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Moment = Literal["open", "day", "close", "settlement"]
EventKind = Literal["scaled", "refused", "unfilled", "settled", "margin call", "bankrupt"]


@dataclass(frozen=True, kw_only=True)
class Fill:
    """One execution.

    Attributes
    ----------
    session, symbol : int
        Numbers of the row and the column in the panel.
    shares : float
        Signed.
    price : float
        Slippage included.
    at : {"open", "day", "close", "settlement"}
        "day" for resting orders; "settlement" when a symbol has stopped trading and its last close is paid out.
    commission, fees, slippage : float
        Dollars; ``fees`` are the SEC's and FINRA's, ``slippage`` is contained in the price.
    reason : str
        Why the order was sent.
    """

    session: int
    symbol: int
    shares: float
    price: float
    at: Moment
    commission: float = 0.0
    fees: float = 0.0
    slippage: float = 0.0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """An order as it was sent: in which session, for what, how (market, close, stop, limit, ...) and at what price."""

    session: int
    symbol: int
    shares: float
    kind: str
    price: float | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something out of the ordinary: an order cut, refused or left over, a margin call, a bankruptcy."""

    session: int
    kind: EventKind
    symbol: int | None
    detail: str


@dataclass(kw_only=True)
class Tape:
    """The run so far.

    Attributes
    ----------
    cash, equity, interest : array of shape (sessions,)
        On each close; ``interest`` is the debit interest paid in that session.
    borrow, dividends : array of shape (sessions, symbols)
        Dollars paid for borrowed shares; dollars received (negative: owed by a short).
    sent, fills, events : list
    last : int
        Number of the last session simulated.
    """

    cash: NDArray[np.float64]
    equity: NDArray[np.float64]
    interest: NDArray[np.float64]
    borrow: NDArray[np.float64]
    dividends: NDArray[np.float64]
    sent: list[Sent] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    last: int = -1

    @classmethod
    def blank(cls, sessions: int, symbols: int) -> "Tape":
        """A tape on which nothing has been written."""
        line, grid = np.zeros(sessions), np.zeros((sessions, symbols))
        return cls(cash=line.copy(), equity=line.copy(), interest=line.copy(), borrow=grid.copy(), dividends=grid.copy())
