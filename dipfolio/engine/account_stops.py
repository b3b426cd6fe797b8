"""Stops on the account: rules that close the trades of an account or of a group together, and hold back their targets.

Without a pause, a target that stands would open on the next close what a stop has just closed. So each of these rules
says when targets count again.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dipfolio.data.universe import resolve
from dipfolio.engine.exits import Bar, Exit, FillAt, OpenTrades
from dipfolio.errors import ParameterError

Reenter = Literal["never", "new-target"] | int
"""When the targets of what was stopped count again: never, once they have changed, or after so many sessions."""

NEVER = 2**31
"""Sessions of a pause that no run outlives."""

Mask = NDArray[np.bool_]


def pause_of(reenter: Reenter) -> int:
    """Sessions in which no target counts; 0 where the targets themselves decide."""
    return {"never": NEVER, "new-target": 0}[reenter] if isinstance(reenter, str) else int(reenter)


@dataclass(frozen=True)
class AccountStop(Exit):
    """A rule that closes trades together and holds their targets back until they count again.

    Its ``closes`` says of every symbol whether it is stopped, also of one without a trade. What was stopped on the close of
    session t is closed in session t + 1. A target for a stopped symbol opens nothing:

    * ``reenter="new-target"``: until it has changed. The target that stands on the close of the stop has to become nothing,
      zero or the other side first, as after a margin call.
    * ``reenter="never"``: for the rest of the run.
    * ``reenter=n``: on the closes of the sessions t to t + n - 1. On the close of session t + n any target counts again, one
      that has stood as well.

    It is looked at on the close of a margin call too: the call closes everything, and the targets are held back as above.

    Attributes
    ----------
    reenter : {"new-target", "never"} or int
        When targets count again, by keyword.
    fill : {"open", "close"}
        Where in the session after that close, by keyword.
    """

    reenter: Reenter = field(default="new-target", kw_only=True)
    fill: FillAt = field(default="open", kw_only=True)

    def __post_init__(self) -> None:
        whole = isinstance(self.reenter, int) and not isinstance(self.reenter, bool) and self.reenter >= 1
        if not (whole or self.reenter in ("never", "new-target")):
            raise ParameterError(
                f"{type(self).__name__}.reenter is 'never', 'new-target' or a number of sessions of at least 1, found "
                f"{self.reenter!r}."
            )

    @abstractmethod
    def closes(self, trades: OpenTrades, bar: Bar) -> Mask:
        """Which symbols are stopped, shape (..., symbols), also those without a trade."""

    def _check_fraction(self, name: str, most: float) -> None:
        value = getattr(self, name)
        if not 0 < value < most:
            limits = "above 0" if most == np.inf else f"between 0 and {most:g}"
            raise ParameterError(f"{type(self).__name__} needs a fraction {limits}, such as 0.1, found {value}.")


@dataclass(frozen=True)
class PortfolioStop(AccountStop):
    """Close everything once the equity on the close is a fraction below its peak.

    The peak is the highest equity on the closes so far, the cash at the start included. After the stop was hit it counts
    anew, from the close of the session in which everything was closed. An account that holds nothing is stopped as well, if
    its equity is as far below the peak on the close on which its last trade has ended.

    ``reenter`` and ``fill`` are those of :class:`AccountStop`.

    Attributes
    ----------
    drawdown : float
        Between 0 and 1, such as 0.1 for 10 %.
    """

    drawdown: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_fraction("drawdown", 1)

    def __str__(self) -> str:
        return f"portfolio stop {self.drawdown:.4g}"

    def closes(self, trades: OpenTrades, bar: Bar) -> Mask:
        """Every symbol of an account that is so far below its peak."""
        return np.broadcast_to(bar.account.drawdown >= self.drawdown, trades.side.shape)


@dataclass(frozen=True)
class GroupStop(AccountStop):
    """Close the trades of a group together once their joint loss passes a limit.

    The joint loss is that of the open trades of the group at the close, after commission, fees, borrow and dividends. It is
    compared with the money in them at their entry prices::

        -sum(profit) / sum(|shares| x entry price) >= loss

    ``reenter`` and ``fill`` are those of :class:`AccountStop`.

    Attributes
    ----------
    loss : float
        Above 0, such as 0.05 for 5 %.
    groups : tuple of str
        Each a named group or symbols with commas between, as for ``universe``; empty for one group of all symbols. Symbols
        that the strategy does not trade are left out.
    """

    loss: float
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_fraction("loss", np.inf)
        if isinstance(self.groups, str):
            object.__setattr__(self, "groups", (self.groups,))
        object.__setattr__(self, "groups", tuple(self.groups))

    def __str__(self) -> str:
        return f"group stop {self.loss:.4g}"

    def members(self, symbols: tuple[str, ...]) -> Mask:
        """Which symbols each group has, shape (groups, symbols).

        Raises
        ------
        ParameterError
            A group of which the strategy trades no symbol.
        """
        return _members(self.groups, symbols, type(self).__name__)

    def closes(self, trades: OpenTrades, bar: Bar) -> Mask:
        """Every symbol of a group with such a loss."""
        return self._with_their_groups(self._lost(trades, bar), bar)

    def _lost(self, trades: OpenTrades, bar: Bar) -> Mask:
        """The groups with such a loss, shape (..., groups)."""
        members, is_open = self.members(bar.symbols).T.astype(float), trades.side != 0
        invested = np.where(is_open, np.abs(bar.account.shares) * trades.entry_price, 0.0) @ members
        lost = -np.where(is_open, bar.account.profit, 0.0) @ members
        return np.asarray(np.round(lost / np.where(invested > 0, invested, np.inf), 9) >= self.loss)

    def _with_their_groups(self, groups: Mask, bar: Bar) -> Mask:
        """Every symbol of these groups, shape (..., symbols)."""
        return np.asarray((groups[..., None] & self.members(bar.symbols)).any(axis=-2))


@dataclass(frozen=True)
class PairStop(GroupStop):
    """Close the two legs of a pair together: at a joint loss, and the partner of a leg that goes.

    The joint loss is that of :class:`GroupStop`. A leg that another rule closes takes its partner with it, in the same
    session and at the same moment. A leg that has gone within a session, by its target, or that was never opened, is seen on
    the close: its partner is closed in the next session. So the rule is for legs that are opened together.

    ``loss`` is above 0, such as 0.05 for 5 % of the money in both legs. ``groups`` are the pairs, each as two symbols with a
    comma between; empty where the strategy trades two symbols alone. ``reenter`` and ``fill`` are those of
    :class:`AccountStop`.
    """

    def __str__(self) -> str:
        return f"pair stop {self.loss:.4g}"

    def members(self, symbols: tuple[str, ...]) -> Mask:
        """Which symbols each pair has, shape (pairs, symbols).

        Raises
        ------
        ParameterError
            A pair that is not of two symbols which the strategy trades, or that shares one with another pair.
        """
        members = super().members(symbols)
        if (members.sum(axis=1) != 2).any() or (members.sum(axis=0) > 1).any():
            raise ParameterError(
                f"PairStop needs pairs of two symbols each, such as ('KO,PEP', 'V,MA'), found {self.groups or 'no pair'} for "
                f"{','.join(symbols)}; GroupStop is for groups of any size."
            )
        return members

    def closes(self, trades: OpenTrades, bar: Bar) -> Mask:
        """Both symbols of a pair with such a loss, or with one leg alone."""
        legs = (trades.side != 0) @ self.members(bar.symbols).T.astype(int)
        return self._with_their_groups(self._lost(trades, bar) | (legs == 1), bar)

    def partners(self, leaving: Mask, bar: Bar) -> Mask:
        """Both symbols of each pair of which a leg is leaving, shape (..., symbols)."""
        return self._with_their_groups((leaving @ self.members(bar.symbols).T.astype(int)) > 0, bar)


@lru_cache(maxsize=64)
def _members(groups: tuple[str, ...], symbols: tuple[str, ...], owner: str) -> Mask:
    named = [resolve(group) for group in groups] or [symbols]
    members = np.array([[symbol in group for symbol in symbols] for group in named])
    for group, has in zip(groups, members, strict=False):
        if not any(has):
            raise ParameterError(f"{owner}: the strategy trades no symbol of {group!r}; it trades {','.join(symbols)}.")
    return members


class HeldBack:
    """Which targets open nothing because a stop holds them back; arrays of any shape, the same for all.

    Attributes
    ----------
    until : array of int
        The first session whose targets count again.
    sides : array of float
        The side of a target that has stood since the stop; 0 where none is held back for that.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.until, self.sides = np.zeros(shape, dtype=np.int64), np.zeros(shape)

    def let_go(self, targets: Any) -> None:
        """Forget the targets that have changed; call it on every close before anything is stopped on it.

        Parameters
        ----------
        targets : array
            Of this close, NaN for no instruction.
        """
        self.sides = np.where(np.sign(np.nan_to_num(targets)) == self.sides, self.sides, 0.0)

    def stop(self, stopped: Any, targets: Any, session: int, pause: Any) -> None:
        """Hold back the targets of what is stopped on the close of a session.

        Parameters
        ----------
        stopped : array of bool
        targets : array
            Of this close, NaN for no instruction.
        session : int
        pause : int or array
            See :func:`pause_of`; broadcast with the others.
        """
        self.until = np.where(stopped & (pause > 0), np.maximum(self.until, session + pause), self.until)
        self.sides = np.where(stopped & (pause == 0), np.sign(np.nan_to_num(targets)), self.sides)

    def targets(self, session: int) -> Mask:
        """True where a target of a session opens nothing."""
        return np.asarray((self.sides != 0) | (session < self.until))

    @property
    def any_side(self) -> bool:
        """True if a target is held back until it changes, so that every close has to be looked at."""
        return bool(self.sides.any())
