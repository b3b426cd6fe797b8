"""Bars: the aligned prices, volumes and dividends of some symbols, and where they come from."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from dipfolio.errors import DataError, UnknownNameError
from dipfolio.market import sessions
from dipfolio.market.events import Event
from dipfolio.market.finding import Finding
from dipfolio.market.reading import Reading
from dipfolio.market.splits import Split

FIELDS = ("open", "high", "low", "close", "volume")
PRICES = FIELDS[:4]
ADJUSTMENT = "split-adjusted, not dividend-adjusted"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where figures come from.

    Attributes
    ----------
    source : str
        Who published them.
    path : str
        The folder or provider they were read from.
    retrieved : str
        When, as a date; empty where nobody wrote it down.
    adjustment : str
        The price convention.
    """

    source: str = "not stated"
    path: str = ""
    retrieved: str = ""
    adjustment: str = ADJUSTMENT


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What identifies figures: their origin, the sessions of each symbol and a fingerprint.

    Attributes
    ----------
    origin : Origin
    sessions : dict
        Symbol to its first and last session, as ISO dates.
    sha256 : str
        Of the symbols, the sessions and every figure as little-endian float64.
    warnings : tuple of str
        What is odd about the figures, a sentence each.
    """

    origin: Origin
    sessions: dict[str, tuple[str, str]]
    sha256: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars:
    """Daily figures of some symbols on one calendar.

    Attributes
    ----------
    open, high, low, close, volume : DataFrame of shape (sessions, symbols)
        Split-adjusted, not dividend-adjusted. NaN only before a symbol's first bar and after its last.
    dividends : DataFrame of shape (sessions, symbols)
        Cash per share on its ex-date, 0 elsewhere.
    origin : Origin
    events : tuple of Event
        Dated facts, with the day they belong to; a strategy may use one ahead of its day only if it was announced.
    splits : tuple of Split
        The splits that the prices are adjusted for; rules in dollars a share need them.
    warnings : tuple of Finding
        What is odd about the figures without being an error; filled by ``load_bars``.
    readings : tuple of Reading
        How each file was understood; filled by ``load_bars``.

    Raises
    ------
    DataError
        Frames that do not share index and columns, sessions that are unsorted, repeated or have a time zone,
        a missing session, a missing bar inside a symbol's history, a price that is not positive.
    """

    open: pd.DataFrame
    high: pd.DataFrame
    low: pd.DataFrame
    close: pd.DataFrame
    volume: pd.DataFrame
    dividends: pd.DataFrame
    origin: Origin = Origin()
    events: tuple[Event, ...] = ()
    splits: tuple[Split, ...] = ()
    warnings: tuple[Finding, ...] = ()
    readings: tuple[Reading, ...] = ()

    def __post_init__(self) -> None:
        _check_axes(self)
        _check_figures(self)

    @property
    def sessions(self) -> pd.DatetimeIndex:
        """The sessions, in order."""
        return pd.DatetimeIndex(self.close.index)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, in the order asked for."""
        return tuple(self.close.columns)

    def __len__(self) -> int:
        return len(self.close)

    def __repr__(self) -> str:
        window = f"{self.sessions[0].date()} to {self.sessions[-1].date()}" if len(self) else "no session"
        return f"Bars({len(self)} sessions x {len(self.symbols)} symbols, {window})"

    def until(self, session: date | pd.Timestamp) -> "Bars":
        """What was known on the close of that session."""
        return self._map(lambda frame: frame.loc[: pd.Timestamp(session)])

    def between(self, start: date | pd.Timestamp, end: date | pd.Timestamp) -> "Bars":
        """The sessions from ``start`` to ``end``, both included."""
        return self._map(lambda frame: frame.loc[pd.Timestamp(start) : pd.Timestamp(end)])

    def select(self, symbols: tuple[str, ...]) -> "Bars":
        """Only these symbols, in this order.

        Raises
        ------
        UnknownNameError
            A symbol that is not among the bars.
        """
        for symbol in symbols:
            if symbol not in self.close.columns:
                raise UnknownNameError("symbol", symbol, self.symbols)
        return self._map(lambda frame: frame[list(symbols)])

    @property
    def returns(self) -> pd.DataFrame:
        """Total returns close to close, dividends included; NaN on a symbol's first bar. Shape (sessions, symbols)."""
        return (self.close + self.dividends) / self.close.shift() - 1

    @cached_property
    def provenance(self) -> Provenance:
        """Origin, first and last session of each symbol, and the SHA-256 of exactly these figures."""
        splits = [f"{s.symbol} {s.day} {s.ratio!r}" for s in self.splits if s.symbol in self.symbols]
        words = [*self.symbols, *self.sessions.strftime("%Y-%m-%d"), *sorted(splits)]
        digest = hashlib.sha256("\n".join(words).encode())
        for field in (*FIELDS, "dividends"):
            digest.update(np.ascontiguousarray(getattr(self, field).to_numpy(), dtype="<f8").tobytes())
        spans = {}
        for symbol in self.symbols:
            known = self.close[symbol].dropna().index
            spans[symbol] = (str(known[0].date()), str(known[-1].date())) if len(known) else ("", "")
        said = tuple(warning.text for warning in self.warnings)
        return Provenance(origin=self.origin, sessions=spans, sha256=digest.hexdigest(), warnings=said)

    def _map(self, cut: Callable[[pd.DataFrame], pd.DataFrame]) -> "Bars":
        frames = {field: cut(getattr(self, field)) for field in (*FIELDS, "dividends")}
        symbols, index = set(frames["close"].columns), frames["close"].index
        first, last = (str(index[0].date()), str(index[-1].date())) if len(index) else ("9999", "")
        kept = tuple(w for w in self.warnings if w.symbol in ("", *symbols) and (not w.date or first <= w.date <= last))
        return replace(self, **frames, warnings=kept)


def _check_axes(bars: Bars) -> None:
    index, columns = bars.close.index, bars.close.columns
    for field in (*FIELDS, "dividends"):
        frame = getattr(bars, field)
        if not (frame.index.equals(index) and frame.columns.equals(columns)):
            raise DataError(f"The {field} figures do not have the sessions and symbols of the closes.")
        other = [kind for kind in frame.dtypes if kind != np.float64]
        if other:
            raise DataError(f"The {field} figures must be float64, found {other[0]}.")
    if not columns.is_unique:
        raise DataError(f"Symbol {columns[columns.duplicated()][0]!r} stands twice among the figures.")
    if not isinstance(index, pd.DatetimeIndex):
        raise DataError(f"Sessions must be dates, found {index.dtype}.")
    if index.tz is not None:
        raise DataError(f"Sessions must be tz-naive dates, found the time zone {index.tz}.")
    if not index.is_unique:
        raise DataError(f"Session {index[index.duplicated()][0].date()} stands twice among the figures.")
    if not index.is_monotonic_increasing:
        raise DataError("Sessions must be in order, oldest first.")
    expected = sessions.between(index[0], index[-1]) if len(index) else index
    strangers, gaps = index.difference(expected), expected.difference(index)
    if len(strangers):
        raise DataError(f"{strangers[0].date()} is no session of {sessions.EXCHANGE}, but there are figures for it.")
    if len(gaps):
        raise DataError(f"{gaps[0].date()} is a session of {sessions.EXCHANGE}, but no symbol has figures for it.")


def _check_figures(bars: Bars) -> None:
    known = bars.close.notna().to_numpy()
    inside = np.maximum.accumulate(known, axis=0) & np.maximum.accumulate(known[::-1], axis=0)[::-1]
    for field in FIELDS:
        values, article = getattr(bars, field).to_numpy(), "an" if field == "open" else "a"
        _refuse(bars, inside & np.isnan(values), f"has no {field}")
        _refuse(bars, ~inside & ~np.isnan(values), f"has {article} {field} but no close")
        _refuse(bars, np.isinf(values), f"has an infinite {field}")
        _refuse(bars, (values <= 0) if field in PRICES else (values < 0), f"has {article} {field} that is not positive")
    _refuse(bars, ~(np.isfinite(bars.dividends.to_numpy()) & (bars.dividends.to_numpy() >= 0)), "has an unusable dividend")


def _refuse(bars: Bars, where: np.ndarray, what: str) -> None:
    """Raise for the first true cell of ``where``, shape (sessions, symbols)."""
    if where.any():
        row, column = np.argwhere(where)[0]
        raise DataError(f"{bars.symbols[column]} {what} on {bars.sessions[row].date()}.")
