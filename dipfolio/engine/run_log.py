"""The run log: orders, fills, account events, cash and equity of a simulation, as the broker records them."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FillMoment = Literal["open", "day", "close", "settlement"]
AccountEventKind = Literal[
    "scaled",
    "refused",
    "rounded",
    "no share",
    "unfilled",
    "settled",
    "margin call",
    "not reopened",
    "stopped",
    "held back",
    "bankrupt",
]
"""An order cut to volume or buying power, or refused; cut to whole shares; a target of less than one share; an order left over;
a symbol that stopped trading while held; a margin call; a target that opens nothing because it has stood since one; a stop on
the account or a group that was hit; a target that opens nothing because of one; the end."""


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
    at: FillMoment
    commission: float = 0.0
    fees: float = 0.0
    slippage: float = 0.0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class SubmittedOrder:
    """An order as it was sent: in which session, for what, how (market, close, stop, limit, ...) and at what price."""

    session: int
    symbol: int
    shares: float
    kind: str
    price: float | None


@dataclass(frozen=True, kw_only=True)
class AccountEvent:
    """Something out of the ordinary: an order cut, refused or left over, a margin call, a bankruptcy."""

    session: int
    kind: AccountEventKind
    symbol: int | None
    detail: str


@dataclass(kw_only=True)
class RunLog:
    """The run so far.

    Attributes
    ----------
    cash, equity, interest, earned : array of shape (sessions,)
        On each close; ``interest`` is the debit interest paid in that session, ``earned`` the interest earned on cash.
    borrow, dividends : array of shape (sessions, symbols)
        Dollars paid for borrowed shares; dollars received (negative: owed by a short).
    submitted, fills, events : list
    last : int
        Number of the last session simulated.
    """

    cash: NDArray[np.float64]
    equity: NDArray[np.float64]
    interest: NDArray[np.float64]
    earned: NDArray[np.float64]
    borrow: NDArray[np.float64]
    dividends: NDArray[np.float64]
    submitted: list[SubmittedOrder] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    events: list[AccountEvent] = field(default_factory=list)
    last: int = -1

    @classmethod
    def empty(cls, sessions: int, symbols: int) -> "RunLog":
        """An empty run log."""
        line, grid = np.zeros(sessions), np.zeros((sessions, symbols))
        return cls(
            cash=line.copy(), equity=line.copy(), interest=line.copy(), earned=line.copy(), borrow=grid.copy(),
            dividends=grid.copy(),
        )  # fmt: skip
