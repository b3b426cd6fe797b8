"""Orders: from what is wanted to what may be sent, as arithmetic on arrays whose last axis is the symbol."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.account import Account
from dipfolio.engine.exits import FillAt
from dipfolio.engine.strategy import Unit

Floats = NDArray[np.float64]

FUZZ = 1e-9
"""Shares, and parts of equity, below which a difference is rounding and no decision."""


HAIR = 5e-10
"""Of a share, by which a number of shares may be short of a whole one that rounding has cost it."""


def whole(shares: Any, account: Account) -> Any:
    """Toward zero to whole shares, unless the account trades fractions."""
    return shares if account.fractional else np.trunc(shares + np.copysign(HAIR, shares))


def wanted(target: Floats, unit: Unit, equity: Any, close: Floats, account: Account) -> Floats:
    """Position wanted in shares, NaN for no instruction.

    A weight becomes ``weight x equity / close`` with the equity and the close of the decision, shape (..., symbols).
    """
    shares = target if unit == "shares" else target * np.asarray(equity)[..., None] / close
    return np.asarray(whole(shares, account))


def vacated(leaves_at_open: NDArray[np.bool_], fill: FillAt) -> NDArray[np.bool_]:
    """Positions that are gone by the time at which targets are executed, so that these may open them again.

    An exit undoes a target of the same close, unless it leaves at the open and the target is for the close.
    """
    return np.asarray(leaves_at_open & (fill == "close"))


def change(position: Floats, target: Floats, desired: Floats, resize: bool) -> Floats:
    """Shares to trade to get from the position to the one desired; 0 where nothing is asked for.

    Without ``resize``, a target on the side of an open position is already fulfilled, also where what it asks for now is less
    than one whole share.
    """
    fulfilled = np.isnan(desired)
    if not resize:
        fulfilled |= (position != 0) & (np.sign(target) == np.sign(position))
    trade = np.where(fulfilled, 0.0, np.nan_to_num(desired) - position)
    return np.where(np.abs(trade) < FUZZ, 0.0, trade)


def reduction(position: Floats, trade: Floats) -> Floats:
    """The part of a trade that takes risk away: up to the whole position, never beyond it."""
    return np.where(trade * position < 0, np.sign(trade) * np.minimum(np.abs(trade), np.abs(position)), 0.0)


def affordable(position: Floats, trade: Floats, equity: Any, close: Floats, volume: Floats, account: Account) -> Floats:
    """What of a trade may be sent at once: reductions whole, additions within the volume and the buying power.

    Parameters
    ----------
    position, trade : array of shape (..., symbols)
        Shares; a trade of 0 is no order.
    equity : float or array of shape (...)
        On the close of the decision.
    close, volume : array of shape (symbols,)
        Of the session of the decision; a NaN volume is unknown and limits nothing.

    Returns
    -------
    array of shape (..., symbols)
        Additions are cut to the volume each, then all alike until gross exposure is ``max_leverage x equity``.
    """
    reduced = reduction(position, trade)
    added = trade - reduced
    cap = np.where(np.isnan(volume), np.inf, account.max_volume_share * volume)
    added = np.copysign(np.minimum(np.abs(added), whole(cap, account)), added)
    price = np.nan_to_num(close)
    room = account.max_leverage * np.asarray(equity) - np.sum(np.abs(position + reduced) * price, axis=-1)
    need = np.sum(np.abs(added) * price, axis=-1)
    short = need > room + FUZZ * np.abs(equity)
    share = np.where(short, np.maximum(room, 0.0) / np.where(need > 0, need, 1.0), 1.0)[..., None]
    return np.asarray(reduced + np.where(share < 1.0, whole(added * share, account), added))
