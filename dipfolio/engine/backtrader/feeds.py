"""Data feeds and commission for backtrader: one symbol of a panel, and the costs of the account.

Line buffers are filled from arrays at once. The feeds of backtrader strategies hold no value later than the current
session. The commission is for strategies that ask what an order would cost; the broker charges each order once, as a
whole.
"""

from array import array
from typing import Any

import backtrader as bt
import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.account import Account
from dipfolio.engine.panel import Panel
from dipfolio.errors import StrategyError


class AccountCommission(bt.CommInfoBase):  # type: ignore[misc]
    """Commission plus sale fees of one symbol on the current session.

    The broker charges an order once, as a whole; this is for strategies that ask what an order would cost.
    """

    params = (("account", None), ("feed", None), ("stocklike", True), ("commtype", bt.CommInfoBase.COMM_FIXED))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:  # noqa: ARG002 - backtrader's hook
        account: Account = self.p.account
        feed = self.p.feed
        row = max(len(feed) - 1, 0)
        day, factor = feed.p.panel.sessions[row], feed.p.panel.factor[row, feed.p.column]
        shares, traded = size / factor, price * factor
        return float(account.commission(shares, traded, feed._name) + account.sale_fees(shares, traded, day))

    def getsize(self, price: float, cash: float) -> float:
        """Shares that the cash buys at the price; fractions of a share if the account trades them."""
        return cash / price if self.p.account.fractional else float(cash // price)


UNIX_EPOCH = 719163.0
"""1970-01-01 as backtrader counts days, which is from the year 1."""


def backtrader_dates(sessions: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Sessions as backtrader's numbers, shape (sessions,)."""
    return np.asarray(sessions.astype("datetime64[D]").astype(np.int64) + UNIX_EPOCH, dtype=np.float64)


class ArrayFeed(bt.feed.DataBase):  # type: ignore[misc]
    """A symbol of a panel; NaN where it does not trade, so that no bar is stale and none is of the future.

    ``bt.feeds.PandasData`` loads bar by bar through seven Python calls; copying the arrays is four times as fast.
    """

    params = (("panel", None), ("column", 0))

    def _line_values(self) -> dict[str, NDArray[np.float64]]:
        """The values of each line, shape (sessions,)."""
        panel: Panel = self.p.panel
        return {
            "datetime": backtrader_dates(panel.sessions),
            "open": panel.open[:, self.p.column],
            "high": panel.high[:, self.p.column],
            "low": panel.low[:, self.p.column],
            "close": panel.close[:, self.p.column],
            "volume": panel.volume[:, self.p.column],
            "openinterest": np.zeros(len(panel)),
        }

    def preload(self) -> None:
        """Fill all lines at once and go back to before the first bar."""
        panel: Panel = self.p.panel
        unknown = np.full(len(panel), np.nan)
        for name, values in self._line_values().items():
            line = getattr(self.lines, name)
            line.array = array("d", np.concatenate([values, unknown]).astype(np.float64).tobytes())
            line.extension = len(panel)  # where an index before the first bar ends up, instead of at the last bar
        self.home()

    def advance(self, size: int = 1, datamaster: Any = None, ticks: bool = True) -> None:  # noqa: ARG002 - backtrader's hook
        """Go on without copying each value into the attributes that only live feeds need: half the time of a bar."""
        self.lines.advance(size)

    def move_to(self, session: int) -> None:
        """Nothing: backtrader's loop moves this feed."""


class LazyFeed(ArrayFeed):
    """A feed that backtrader's loop does not know, moved only when an order is sent for it or filled.

    A plan is decided on the panel's arrays, so its feeds need not follow each bar; with 14 symbols that is most of the
    time of a run.
    """

    def begin(self) -> None:
        """Load the data, as backtrader's loop does for the feeds that it knows."""
        self.reset()
        self._start()
        self.preload()

    def move_to(self, session: int) -> None:
        """Make a session the current one."""
        for line in self.lines:
            line.idx = session
            line.lencount = session + 1


class NoLookaheadArray(array):  # type: ignore[type-arg]
    """The values of one line up to the current session; reading beyond them is an error.

    Attributes
    ----------
    read : str
        How a strategy names the line, such as ``data.close``.
    feed : NoLookaheadFeed
    """

    read: str
    feed: "NoLookaheadFeed"

    def __getitem__(self, index: Any) -> Any:
        """The value, or the slice, at a number counted from the first session of the run.

        Raises
        ------
        StrategyError
            The number is that of a later session, or negative, which in backtrader counts from the end of the data.
        """
        if isinstance(index, slice):
            bounds = [0 if bound is None else bound for bound in (index.start, index.stop)]
            if min(bounds) < 0 or bounds[0] >= len(self) > 0 or bounds[1] > len(self):
                raise self.feed.refusal(f"{self.read}.array[{_slice_text(index)}]")
        elif not 0 <= index < len(self):
            raise self.feed.refusal(f"{self.read}.array[{index}]")
        return super().__getitem__(index)


def _slice_text(bounds: slice) -> str:
    return ":".join("" if bound is None else str(bound) for bound in (bounds.start, bounds.stop))


class NoLookaheadLine(bt.LineBuffer):  # type: ignore[misc]
    """A line that holds no value later than the current session.

    An index before the first session is NaN, as backtrader would take the last one of the data for it.
    """

    def __getitem__(self, ago: int) -> float:
        """The value ``-ago`` sessions ago.

        Raises
        ------
        StrategyError
            ``ago`` is positive.
        """
        if ago > 0:
            raise self.array.feed.refusal(f"{self.array.read}[{ago}]")
        place = self._idx + ago
        return float(array.__getitem__(self.array, place)) if place >= 0 else np.nan

    def get(self, ago: int = 0, size: int = 1) -> Any:
        """The last ``size`` values up to ``-ago`` sessions ago; empty where there are not so many, as backtrader has it."""
        if ago > 0 or (size < 0 and ago - size > 1):
            raise self.array.feed.refusal(f"{self.array.read}.get(ago={ago}, size={size})")
        first = self._idx + ago - size + 1
        return array.__getitem__(self.array, slice(first, self._idx + ago + 1)) if first >= 0 else array("d")

    def __setitem__(self, ago: int, value: float) -> None:
        """Refused: prices are data.

        Raises
        ------
        StrategyError
        """
        raise StrategyError(f"{self.array.read}[{ago}] cannot be written; keep your own values in an attribute.")

    def set(self, value: float, ago: int = 0) -> None:
        """Refused for the same reason."""
        self[ago] = value

    def buflen(self) -> int:
        """Sessions of the whole run, as of the feed."""
        return int(self.array.feed.buflen())

    def datetime(self, ago: int = 0, tz: Any = None, naive: bool = True) -> Any:
        """The session ``-ago`` sessions ago as a datetime."""
        return bt.num2date(self[ago], tz=tz or self._tz, naive=naive)

    def date(self, ago: int = 0, tz: Any = None, naive: bool = True) -> Any:
        """The session ``-ago`` sessions ago as a date."""
        return self.datetime(ago, tz, naive).date()

    def time(self, ago: int = 0, tz: Any = None, naive: bool = True) -> Any:
        """The time of day of the session ``-ago`` sessions ago, which is midnight."""
        return self.datetime(ago, tz, naive).time()


class SymbolName(str):
    """The name of a symbol where backtrader keeps the table that a feed was made from; the table cannot be read."""

    read: str
    feed: "NoLookaheadFeed"

    def _refuse(self, *_: Any) -> Any:
        raise self.feed.refusal(self.read)

    __getitem__ = __len__ = __iter__ = __getattr__ = _refuse


class NoLookaheadFeed(ArrayFeed):
    """A symbol of a panel whose lines grow with the sessions, so that a strategy cannot read a later one."""

    refused: StrategyError | None = None
    """The first read of a later session, which stays a fault where the strategy has caught its error."""

    def preload(self) -> None:
        """Keep the data outside of the lines, which are empty before the first session."""
        self._rows = np.column_stack(list(self._line_values().values())).tolist()
        self._growing = []
        for name in self._line_values():
            line = getattr(self.lines, name)
            line.__class__ = NoLookaheadLine
            line.array = NoLookaheadArray("d")
            line.array.read, line.array.feed = f"data.{name}", self
            line.extension = 0
            self._growing.append(line)
        for name in ("_dataname", "dataname"):
            source = SymbolName(self._name)
            source.read, source.feed = f"data.{name if name[0] == '_' else 'p.' + name}", self
            setattr(self if name[0] == "_" else self.p, name, source)
        self.home()

    def buflen(self) -> int:
        """Sessions of the whole run: the strategy may know when it ends."""
        return len(self._rows)

    def advance(self, size: int = 1, datamaster: Any = None, ticks: bool = True) -> None:
        """Append the data of the next session."""
        for line, value in zip(self._growing, self._rows[self._growing[0].lencount], strict=True):
            line.array.append(value)
        super().advance(size, datamaster, ticks)

    def refusal(self, read: str) -> StrategyError:
        """The error for what was read of a later session."""
        count = self._growing[0].lencount
        when = f"on {bt.num2date(self._rows[count - 1][0]).date()}" if count else "before the first session"
        error = StrategyError(
            f"{read} of {self._name} was read {when}: only the current session and earlier ones can be read, as in "
            "data.close[0], data.close[-1] and data.close.get(size=5)."
        )
        self.refused = self.refused or error
        return error
