"""Exit rules that close open trades: stops, profit targets, holding periods, dates and recoveries.

A rule sees all open trades at once, as arrays whose last axis is the symbol. One run passes the shape (symbols,), a
sweep the shape (variants, symbols). It sees the prices of the session and of all before it, and no later ones, and the
account on the close. The stops on the account as a whole are in :mod:`dipfolio.engine.account_stops`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Literal, NoReturn, dataclass_transform

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.parameters import as_dataclass
from dipfolio.errors import ParameterError, StrategyError

FillAt = Literal["open", "close"]
"""Where in a session an order is executed."""


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
class AccountState:
    """The account on the close of a session, in dollars; a last axis of one or of all symbols, as that of the trades.

    Attributes
    ----------
    equity, cash : array of float, shape (..., 1)
    peak_equity : array of float, shape (..., 1)
        The highest equity on the closes so far, the cash at the start included. For a stop with a re-entry, since it was last
        hit (:class:`dipfolio.engine.account_stops.AccountStop`).
    shares : array of float, shape (..., symbols)
        Held now, negative for a short.
    profit : array of float, shape (..., symbols)
        Of each open trade so far, at the close and after commission, fees, borrow and dividends; 0 where there is none.
    """

    equity: NDArray[np.float64]
    cash: NDArray[np.float64]
    peak_equity: NDArray[np.float64]
    shares: NDArray[np.float64]
    profit: NDArray[np.float64]

    @property
    def drawdown(self) -> NDArray[np.float64]:
        """``1 - equity / peak_equity`` to a billionth, so that 90 under a peak of 100 is 0.1; shape (..., 1)."""
        part = np.divide(self.equity, self.peak_equity, out=np.zeros_like(self.equity), where=self.peak_equity > 0)
        return np.round(1 - part, 9)

    def rows(self, rows: NDArray[np.int_]) -> "AccountState":
        """Those of some variants."""
        return AccountState(**{name: values[rows] for name, values in vars(self).items()})


def no_account() -> NoReturn:
    """Stand in for the account of a bar that is not of a simulation.

    Raises
    ------
    StrategyError
    """
    raise StrategyError("This bar has no account: the simulation gives one to the bars of its rules, and nobody else does.")


class PriceHistory:
    """The prices of all sessions up to and including one, read-only; later sessions are not in it.

    The last row is the session of the bar, the row before it the session before. Sessions before the first of the run are in
    it as far as the data go back, so that an average is complete from the first decision on.

    Attributes
    ----------
    open, high, low, close, volume : array of float, shape (sessions, symbols)
        NaN where a symbol does not trade, so also before its first bar.

    Parameters
    ----------
    prices : array of float, shape (5, sessions, symbols)
        Open, high, low, close and volume, in this order.
    """

    FIELDS = ("open", "high", "low", "close", "volume")

    __slots__ = ("_prices",)

    def __init__(self, prices: NDArray[np.float64]) -> None:
        self._prices = read_only(prices) if prices.flags.writeable else prices

    def __len__(self) -> int:
        return int(self._prices.shape[1])

    @property
    def open(self) -> NDArray[np.float64]:
        """Opening prices, shape (sessions, symbols)."""
        return np.asarray(self._prices[0])

    @property
    def high(self) -> NDArray[np.float64]:
        """Highest prices, shape (sessions, symbols)."""
        return np.asarray(self._prices[1])

    @property
    def low(self) -> NDArray[np.float64]:
        """Lowest prices, shape (sessions, symbols)."""
        return np.asarray(self._prices[2])

    @property
    def close(self) -> NDArray[np.float64]:
        """Closing prices, shape (sessions, symbols)."""
        return np.asarray(self._prices[3])

    @property
    def volume(self) -> NDArray[np.float64]:
        """Shares traded, shape (sessions, symbols)."""
        return np.asarray(self._prices[4])

    def average_true_range(self, window: Any) -> NDArray[np.float64]:
        """The plain mean of the last true ranges: ``(TR(t - window + 1) + ... + TR(t)) / window``.

        ``TR(s) = max(high(s) - low(s), |high(s) - close(s - 1)|, |low(s) - close(s - 1)|)`` is the true range of Wilder, New
        Concepts in Technical Trading Systems (1978). His own smoothing weighs all sessions since the first; the plain mean
        depends on ``window + 1`` sessions alone, wherever the data begin.

        Parameters
        ----------
        window : int, or array of int of shape (variants, 1)
            Sessions, at least 1.

        Returns
        -------
        array of float, shape (symbols,) or (variants, symbols)
            Dollars. NaN until a symbol has ``window + 1`` bars.
        """
        deepest = int(np.max(window))
        high, low, before = self.high[1:][-deepest:], self.low[1:][-deepest:], self.close[:-1][-deepest:]
        true_range = np.maximum(high - low, np.maximum(np.abs(high - before), np.abs(low - before)))
        unknown = np.full((1, true_range.shape[1]), np.nan)
        sums = np.concatenate([np.cumsum(true_range[::-1], axis=0), unknown])
        return np.asarray(sums[np.minimum(np.subtract(window, 1), len(true_range)), np.arange(sums.shape[1])] / window)


def read_only(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A view of the values that cannot be written to and cannot be made writeable."""
    return np.asarray(memoryview(values).toreadonly())  # type: ignore[arg-type]  # numpy has it from Python 3.12 on


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The session on whose close a decision is taken, and the sessions before it.

    Attributes
    ----------
    number : int
        Number of the session, counted as in ``OpenTrades.entry_session``.
    session, next_session : datetime64
        This one, and the one in which the decision will be executed, known from the exchange's calendar.
    open, high, low, close : array of float, shape (symbols,)
        NaN where a symbol does not trade.
    history : PriceHistory
        All sessions up to this one.
    symbols : tuple of str
        Those of the last axis.
    look_up : callable
        Gives the account; called when a rule first asks for it, as most rules never do.
    """

    number: int
    session: np.datetime64
    next_session: np.datetime64
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    history: PriceHistory
    symbols: tuple[str, ...] = ()
    look_up: Callable[[], AccountState] = field(default=no_account, repr=False, compare=False)

    @cached_property
    def account(self) -> AccountState:
        """The account on this close, after all fills of the session."""
        return self.look_up()

    def of_variants(self, rows: NDArray[np.int_]) -> "Bar":
        """The same bar with the accounts of some variants."""
        return replace(self, look_up=lambda: self.account.rows(rows))

    def with_peak(self, peak_equity: NDArray[np.float64]) -> "Bar":
        """The same bar with another peak of the equity, shape (..., 1)."""
        return replace(self, look_up=lambda: replace(self.account, peak_equity=peak_equity))


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Exit(ABC):
    """A rule that closes trades; ``fill`` says where in the next session what it closes is executed.

    A subclass is a frozen dataclass of its annotated attributes without a decorator, unless it has an ``__init__`` of its own.
    """

    fill: FillAt

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        made_by_hand = any("__init__" in vars(base) and "__dataclass_fields__" not in vars(base) for base in cls.__mro__[:-1])
        if not made_by_hand:
            as_dataclass(cls, kw_only=False)

    @abstractmethod
    def __str__(self) -> str:
        """The reason that the record gives for what the rule has closed."""

    @abstractmethod
    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Which of the trades to close, shape (..., symbols); cells without a trade are ignored."""


@dataclass(frozen=True)
class Level(Exit):
    """A rule that closes at a price: on a close beyond it, filled at the next open, or by an order that rests there.

    A resting order that the open has jumped over is filled at the open. Where a stop and a limit are both touched in one
    session, the stop counts, as nobody knows which came first; of two stops, or two limits, the one that the price meets
    first. Stops slip, limits do not.
    The order rests from the entry on, the rest of that session included.
    """

    fill: ClassVar[FillAt] = "open"  # type: ignore[misc]  # a field of other rules
    order: ClassVar[Literal["stop", "limit"]]
    """A stop has its level on the losing side of the price, a limit on the winning side."""

    fraction: float
    intraday: bool = False

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
class ChandelierExit(Exit):
    """Close a trade that has moved a multiple of the average true range away from its best price since the entry.

    On the close of session t, with e the session of the entry, the level of a long is::

        max(high(e), ..., high(t)) - multiple x ATR(t)

    and that of a short ``min(low(e), ..., low(t)) + multiple x ATR(t)``. ATR is the plain mean of the last ``window`` true
    ranges, :meth:`PriceHistory.average_true_range`. A close at or beyond the level closes the trade. The session of the entry
    counts as a whole, also for an entry at its close. The level follows the range: it can fall where the range widens.
    Until a symbol has ``window + 1`` bars, nothing is closed.

    This is the exit of Charles Le Beau as Elder, Come Into My Trading Room (2002), describes it.

    Attributes
    ----------
    multiple : float
        Average true ranges from the best price to the level.
    window : int
        Sessions of the average, at least 1.
    fill : {"open", "close"}
        Where in the session after that close.
    """

    multiple: float = 3.0
    window: int = 22
    fill: FillAt = "open"

    def __post_init__(self) -> None:
        if not 0 < self.multiple < np.inf:
            raise ParameterError(f"ChandelierExit needs a multiple above 0, such as 3, found {self.multiple}.")
        if self.window < 1:
            raise ParameterError(f"ChandelierExit needs a window of at least 1 session, found {self.window}.")

    def __str__(self) -> str:
        return f"chandelier {self.multiple:.4g} x ATR {self.window}"

    def level(self, trades: OpenTrades, bar: Bar) -> NDArray[np.float64]:
        """The price on whose crossing the trade is closed, to a billionth of a dollar; shape (..., symbols)."""
        age = np.where(trades.side == 0, 0, bar.number - trades.entry_session)
        since, symbol = slice(-1, -2 - age.max(), -1), np.arange(age.shape[-1])
        highest = np.fmax.accumulate(bar.history.high[since])[age, symbol]
        lowest = np.fmin.accumulate(bar.history.low[since])[age, symbol]
        best = np.where(trades.side > 0, highest, lowest)
        return np.round(best - trades.side * self.multiple * bar.history.average_true_range(self.window), 9)

    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Trades whose close is at or beyond the level."""
        return np.asarray(trades.side * (bar.close - self.level(trades, bar)) <= 0)


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
    """Close a fixed number of sessions after the entry session: the time stop.

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


EXITS_WITHOUT_BEST_PRICE = (HoldFor, StopLoss, TakeProfit, ChandelierExit, Recovered, At)
"""Exits that never look at the best price since the entry; a class made from one of them may."""


def checked_exits(rules: object, owner: str) -> tuple[Exit, ...]:
    """The exit rules of a strategy as a tuple; one rule and a list are taken as what they mean.

    Raises
    ------
    StrategyError
        Something else than rules; the message says what to write.
    """
    listed = rules if isinstance(rules, tuple | list) else (rules,)
    for rule in listed:
        if isinstance(rule, type) and issubclass(rule, Exit):
            raise StrategyError(f"{owner}.exits has the class {rule.__name__}; write {rule.__name__}(...), with its values.")
        if not isinstance(rule, Exit):
            description = "a method, so write @property above it" if callable(rule) else repr(rule)
            raise StrategyError(
                f"{owner}.exits must be a tuple of rules such as (HoldFor(5),), and () for none; found {description}."
            )
        if getattr(rule, "fill", None) not in ("open", "close"):
            description = repr(getattr(rule, "fill", None))
            raise StrategyError(f"{owner}.exits: {type(rule).__name__}.fill must be 'open' or 'close', found {description}.")
    return tuple(listed)
