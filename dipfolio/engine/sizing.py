"""Position sizing: from targets to shares, and from shares to the orders that volume and buying power allow.

All functions are arithmetic on arrays whose last axis is the symbol.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.account import Account
from dipfolio.engine.exits import FillAt
from dipfolio.engine.strategy import TargetUnit

Floats = NDArray[np.float64]

SIZE_TOLERANCE = 1e-9
"""Shares, and parts of equity, below which a difference is rounding and no decision."""

ROUNDING_TOLERANCE = 1e-11
"""Of what was traded, below which a difference is rounding: sums of such numbers are exact to 1e-15 of them."""


def is_negligible(shares: Any, traded: Any) -> Any:
    """True if a number of shares is no more than the rounding of what was traded.

    The one rule of what is zero, for orders, positions, the ledger, the record and a sweep.
    """
    if isinstance(shares, float) and isinstance(traded, float):  # the same on numbers, which is a tenth of the time of arrays
        return abs(shares) <= max(SIZE_TOLERANCE, ROUNDING_TOLERANCE * abs(traded))
    return np.abs(shares) <= np.maximum(SIZE_TOLERANCE, ROUNDING_TOLERANCE * np.abs(traded))


def position_after(held: Any, shares: Any) -> Any:
    """The position after a trade; 0 where only the rounding of the trade would be left."""
    after = held + shares
    if isinstance(after, float):
        return 0.0 if is_negligible(after, shares) else after
    return np.where(is_negligible(after, shares), 0.0, after)


def target_shares(target: Floats, unit: TargetUnit, equity: Any, close: Floats, account: Account) -> Floats:
    """Position wanted in shares, NaN for no instruction.

    A weight becomes ``weight x equity / close`` with the equity and the close of the decision, shape (..., symbols).
    """
    shares = target if unit == "shares" else target * np.asarray(equity)[..., None] / close
    return np.asarray(account.round_to_lots(shares))


def closes_before_fill(leaves_at_open: NDArray[np.bool_], fill: FillAt) -> NDArray[np.bool_]:
    """Positions that are gone by the time at which targets are executed, so that these may open them again.

    An exit undoes a target of the same close, unless it leaves at the open and the target is for the close.
    """
    return np.asarray(leaves_at_open & (fill == "close"))


def are_fulfilled(position: Floats, target: Floats) -> bool:
    """True if no target asks for a trade where open positions are not resized: :func:`order_shares` is 0 whatever the equity."""
    return bool((np.isnan(target) | (np.sign(target) == np.sign(position))).all())


def order_shares(position: Floats, target: Floats, desired: Floats, resize: bool) -> Floats:
    """Shares to trade to get from the position to the one desired; 0 where nothing is asked for.

    Without ``resize``, a target on the side of an open position is already fulfilled, also where what it asks for now is less
    than one whole share.
    """
    fulfilled = np.isnan(desired)
    if not resize:
        fulfilled |= (position != 0) & (np.sign(target) == np.sign(position))
    trade = np.where(fulfilled, 0.0, np.nan_to_num(desired) - position)
    return np.where(is_negligible(trade, position), 0.0, trade)


def blocked_sides(sides: Any, targets: Floats, called: Any) -> Any:
    """Sides on which a target opens no position, because it has stood since a margin call closed one there.

    Parameters
    ----------
    sides : array
        The answer on the close before: -1 or 1, 0 where nothing is held back.
    targets : array
        Of this close, NaN for no instruction.
    called : array
        Side of each position that a margin call on this close is closing, 0 where there is none.

    Returns
    -------
    array
        A target for nothing or for the other side, or none at all, lets the symbol go again.
    """
    wanted = np.sign(np.nan_to_num(targets))
    return np.where((wanted == sides) | (wanted == called), wanted, 0.0)


def reducing_shares(position: Floats, trade: Floats) -> Floats:
    """The part of a trade that takes risk away: up to the whole position, never beyond it."""
    return np.where(trade * position < 0, np.sign(trade) * np.minimum(np.abs(trade), np.abs(position)), 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class OrderLimits:
    """What an account allows of the orders decided on one close, or on each of several closes.

    Attributes
    ----------
    addition : array of shape (..., symbols)
        Shares that an order may add to a position, infinite where nothing limits it.
    long, short : array of shape (..., symbols)
        Buying power that one more share of a long and of a short takes up (:meth:`Account.requirement`), in dollars.
    """

    addition: Floats
    long: Floats
    short: Floats

    def __getitem__(self, session: int) -> "OrderLimits":
        """The limits of one of several closes."""
        return OrderLimits(addition=self.addition[session], long=self.long[session], short=self.short[session])


def order_limits(account: Account, close: Floats, volume: Floats, factor: Any = 1.0) -> OrderLimits:
    """The limits of an account on orders decided on these closes.

    Parameters
    ----------
    account : Account
    close, volume : array of shape (..., symbols)
        Of the sessions of the decisions; a NaN volume is unknown and limits nothing.
    factor : float or array of shape (..., symbols)
        Shares of these prices for one share as it was traded in that session.
    """
    price = np.nan_to_num(close)
    return OrderLimits(
        addition=np.asarray(account.round_to_lots(account.largest_addition(volume))),
        long=account.requirement(1.0, price, factor),
        short=account.requirement(-1.0, price, factor),
    )


def affordable_shares(
    position: Floats, trade: Floats, equity: Any, limits: OrderLimits, account: Account, *, any_volume: bool = False
) -> Floats:
    """The part of a trade that may be sent at once: reductions whole, additions within the volume and the buying power.

    Parameters
    ----------
    position, trade : array of shape (..., symbols)
        Shares; a trade of 0 is no order.
    equity : float or array of shape (...)
        On the close of the decision.
    limits : OrderLimits
        Of that close.
    any_volume : bool
        Leave the volume aside.

    Returns
    -------
    array of shape (..., symbols)
        Additions are cut to the volume each, then all alike until what all positions require is ``max_leverage x equity``.
    """
    reduced = reducing_shares(position, trade)
    added = trade - reduced
    if not any_volume:
        added = np.copysign(np.minimum(np.abs(added), limits.addition), added)
    remaining = position + reduced
    used = np.sum(np.abs(remaining) * np.where(remaining < 0, limits.short, limits.long), axis=-1)
    need = np.sum(np.abs(added) * np.where(added < 0, limits.short, limits.long), axis=-1)
    room = account.buying_power(equity) - used
    beyond = need > room + SIZE_TOLERANCE * account.buying_power(np.abs(equity))
    if not np.any(beyond):
        return np.asarray(reduced + added)
    share = np.where(beyond, np.maximum(room, 0.0) / np.where(need > 0, need, 1.0), 1.0)[..., None]
    return np.asarray(reduced + np.where(share < 1.0, account.round_to_lots(added * share), added))
