"""The aligned prices, volumes and dividends of some symbols on one calendar, with their origin and SHA-256 fingerprint.

Prices are split-adjusted and not dividend-adjusted. Frames have the shape (sessions, symbols) and are NaN only before
the first bar of a symbol and after its last. ``Bars`` refuses data that violate this.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from dipfolio.data.borrow_rates import BorrowRate, borrow_fingerprint
from dipfolio.data.calendar import XNYS, ExchangeCalendar
from dipfolio.data.currency import DOLLARS
from dipfolio.data.events import MarketEvent
from dipfolio.data.exchange_rates import Conversion, describe_conversions
from dipfolio.data.instruments import instrument
from dipfolio.data.membership import Membership, members_of, membership_table
from dipfolio.data.risk_free import RiskFree, constant_cash_rate
from dipfolio.data.schema import ADJUSTMENT, FIELDS, PRICES, DataIssue, FileFormat, Split, summarise_issues
from dipfolio.data.universe import DATED_MEMBERS, EVERY_SYMBOL, expand_universes
from dipfolio.errors import DataError, UnknownNameError
from dipfolio.storage import sha256_of


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where data come from.

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
    """The identity of a data set: its origin, the sessions of each symbol and a fingerprint.

    Attributes
    ----------
    origin : Origin
    sessions : dict
        Symbol to its first and last session, as ISO dates.
    sha256 : str
        Of the symbols, the sessions and every value as little-endian float64.
    warnings : tuple of str
        What is odd about the data, a sentence each.
    remarks : tuple of str
        What belongs beside every result that was made with them; see :func:`dipfolio.data.schema.summarise_issues`.
    calendar : ExchangeCalendar
        Whose sessions they are, and what a bar covers.
    currency : str
        Of the prices and the account.
    conversions : tuple of str
        Which prices were converted to it, and by which rates, a sentence each.
    """

    origin: Origin
    sessions: dict[str, tuple[str, str]]
    sha256: str
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    calendar: ExchangeCalendar = XNYS
    currency: str = DOLLARS
    conversions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars:
    """Daily, weekly or monthly data of some symbols on one calendar.

    Attributes
    ----------
    open, high, low, close, volume : DataFrame of shape (sessions, symbols)
        Split-adjusted, not dividend-adjusted. NaN only before a symbol's first bar and after its last.
    dividends : DataFrame of shape (sessions, symbols)
        Cash per share on its ex-date, 0 elsewhere.
    origin : Origin
    events : tuple of MarketEvent
        Dated facts, with the day they belong to; a strategy may use one ahead of its day only if it was announced.
    splits : tuple of Split
        The splits that the prices are adjusted for; rules in dollars a share need them.
    warnings : tuple of DataIssue
        What is odd about the data without being an error; filled by ``load_bars``.
    readings : tuple of FileFormat
        How each file was understood; filled by ``load_bars``.
    membership : tuple of Membership
        The rows of ``universe.csv``, for bars of ``@universe``; else empty.
    first_decision : Timestamp or None
        The session on whose close a run takes its first decision; None where that is the first of these bars. Sessions before it
        are history, which is seen and not traded.
    cash_rate : RiskFree or None
        The dated rate by which cash earns and pays interest; None for the fixed rate of the account.
    borrow_rates : tuple of BorrowRate
        What borrowing costs, by symbol and day, from ``borrow.csv``; empty for the rate of the account alone.
    calendar : ExchangeCalendar
        Whose sessions these are, New York's by default; it says what a bar covers and which session comes next.
    currency : str
        Of the prices and dividends, and so of the account.
    conversions : tuple of Conversion
        How the prices of some symbols were brought to that currency; filled by ``load_bars``.

    Raises
    ------
    DataError
        Frames that do not share index and columns, sessions that are unsorted, repeated or have a time zone,
        a missing session, a missing bar inside a symbol's history, a price that is not positive. A rate may be zero or negative.
    """

    open: pd.DataFrame
    high: pd.DataFrame
    low: pd.DataFrame
    close: pd.DataFrame
    volume: pd.DataFrame
    dividends: pd.DataFrame
    origin: Origin = Origin()
    events: tuple[MarketEvent, ...] = ()
    splits: tuple[Split, ...] = ()
    warnings: tuple[DataIssue, ...] = ()
    readings: tuple[FileFormat, ...] = ()
    membership: tuple[Membership, ...] = ()
    first_decision: pd.Timestamp | None = None
    cash_rate: RiskFree | None = None
    borrow_rates: tuple[BorrowRate, ...] = ()
    calendar: ExchangeCalendar = XNYS
    currency: str = DOLLARS
    conversions: tuple[Conversion, ...] = ()

    def __post_init__(self) -> None:
        _check_axes(self)
        _check_values(self)

    @property
    def sessions(self) -> pd.DatetimeIndex:
        """The sessions, in order."""
        return pd.DatetimeIndex(self.close.index)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, in the order asked for."""
        return tuple(self.close.columns)

    @property
    def sessions_per_year(self) -> int:
        """Bars in a year, by which annual numbers are made; see :attr:`ExchangeCalendar.sessions_per_year`."""
        return self.calendar.sessions_per_year

    def __len__(self) -> int:
        return len(self.close)

    def __repr__(self) -> str:
        window = f"{self.sessions[0].date()} to {self.sessions[-1].date()}" if len(self) else "no session"
        return f"Bars({len(self)} sessions x {len(self.symbols)} symbols, {window})"

    def until(self, session: date | pd.Timestamp) -> "Bars":
        """The bars that were known on the close of that session."""
        return self._map(lambda frame: frame.loc[: pd.Timestamp(session)])

    def between(self, start: date | pd.Timestamp, end: date | pd.Timestamp) -> "Bars":
        """The sessions from ``start`` to ``end``, both included."""
        return self._map(lambda frame: frame.loc[pd.Timestamp(start) : pd.Timestamp(end)])

    def deciding_from(self, number: int) -> "Bars":
        """The same bars for a run whose first decision falls on the close of session ``number``; nothing is checked again."""
        if not number:
            return self
        later = copy(self)
        object.__setattr__(later, "first_decision", self.sessions[number])
        return later

    def with_cash_rate(self, rate: "float | RiskFree") -> "Bars":
        """The same bars with a rate by which cash earns and pays interest.

        Parameters
        ----------
        rate : float or RiskFree
            A year. One that is dated is used from the close of its day on.
        """
        dated = rate if isinstance(rate, RiskFree) else constant_cash_rate(rate)
        return replace(self, cash_rate=dated.until(self.sessions[-1]) if len(self) else dated)

    def select(self, symbols: tuple[str, ...]) -> "Bars":
        """Only these symbols, in this order.

        A symbol in capitals also stands for the one column that is the same in other letters, as ``AAPL`` for ``aapl``.
        ``@universe`` stands for all that were ever members; without it the bars have no membership. ``all`` stands for
        every symbol that can be bought.

        Raises
        ------
        UnknownNameError
            A symbol that is not among the bars, or that several columns could be; ``@universe`` where there is no membership.
        """
        if self.membership and DATED_MEMBERS not in symbols:
            return replace(self, membership=()).select(symbols)
        columns = [self._column(symbol) for symbol in self.expand(symbols)]
        if tuple(columns) == self.symbols and self._warnings_of(self.close) == self.warnings:
            return self  # with the fingerprint that it has perhaps computed already
        return self._map(lambda frame: frame[columns])

    def expand(self, symbols: tuple[str, ...]) -> tuple[str, ...]:
        """The symbols with ``@universe`` replaced by all that were ever members, and ``all`` by what can be bought, each once."""
        groups: dict[str, tuple[str, ...]] = {}
        if DATED_MEMBERS in symbols and self.membership:
            groups[DATED_MEMBERS] = members_of(self.membership)
        if EVERY_SYMBOL in symbols:
            groups[EVERY_SYMBOL] = tuple(symbol for symbol in self.symbols if instrument(symbol).can_be_bought)
        return expand_universes(symbols, groups) if groups else symbols

    @property
    def members(self) -> pd.DataFrame:
        """Who was a member on each session, shape (sessions, symbols), of bool; all without a membership.

        A member may be bought on the close of the session. What ``targets`` says of another symbol is not executed.
        """
        if not self.membership:
            return pd.DataFrame(True, index=self.sessions, columns=list(self.symbols))
        return membership_table(self.membership, self.sessions, self.symbols)

    def _column(self, symbol: str) -> str:
        if symbol in self.close.columns:
            return symbol
        alike = [name for name in self.symbols if name.upper() == symbol]
        if len(alike) != 1:
            raise UnknownNameError("symbol", symbol, self.symbols)
        return alike[0]

    @property
    def returns(self) -> pd.DataFrame:
        """Total returns close to close, dividends included; NaN on a symbol's first bar. Shape (sessions, symbols)."""
        return (self.close + self.dividends) / self.close.shift() - 1

    @cached_property
    def provenance(self) -> Provenance:
        """Origin, first and last session of each symbol, and the SHA-256 of exactly these data."""
        splits = [f"{s.symbol} {s.day} {s.ratio!r}" for s in self.splits if s.symbol in self.symbols]
        members = [f"{row.symbol} {row.start} {row.end}" for row in self.membership]
        market = [] if self.calendar == XNYS else [f"calendar {self.calendar}"]
        market += [] if self.currency == DOLLARS else [f"currency {self.currency}"]
        words = [*self.symbols, *self.sessions.strftime("%Y-%m-%d"), *sorted(splits), *members, *market]
        words += [f"cash rate {self.cash_rate.fingerprint}"] if self.cash_rate else []
        lent = borrow_fingerprint(row for row in self.borrow_rates if row.symbol in self.symbols)
        words += [f"borrow rates {lent}"] if lent else []
        digest = sha256_of("\n".join(words), *(getattr(self, field).to_numpy() for field in (*FIELDS, "dividends")))
        spans = {}
        for symbol in self.symbols:
            known = self.close[symbol].dropna().index
            spans[symbol] = (str(known[0].date()), str(known[-1].date())) if len(known) else ("", "")
        texts = tuple(warning.text for warning in self.warnings)
        return Provenance(
            origin=self.origin, sessions=spans, sha256=digest, warnings=texts, remarks=summarise_issues(self.warnings),
            calendar=self.calendar, currency=self.currency,
            conversions=describe_conversions(one for one in self.conversions if one.symbol in self.symbols),
        )  # fmt: skip

    def _map(self, cut: Callable[[pd.DataFrame], pd.DataFrame]) -> "Bars":
        frames = {field: cut(getattr(self, field)) for field in (*FIELDS, "dividends")}
        rate, known = self.cash_rate, frames["close"].index
        rate = rate.until(known[-1]) if rate and len(known) else rate
        lent = tuple(row for row in self.borrow_rates if len(known) and pd.Timestamp(row.day) <= known[-1])
        return replace(self, **frames, warnings=self._warnings_of(frames["close"]), cash_rate=rate, borrow_rates=lent)

    def _warnings_of(self, close: pd.DataFrame) -> tuple[DataIssue, ...]:
        """The warnings about the symbols and the sessions of a table of closes, and those about the data as a whole."""
        symbols, index = set(close.columns), close.index
        first, last = (str(index[0].date()), str(index[-1].date())) if len(index) else ("9999", "")
        return tuple(w for w in self.warnings if w.symbol in ("", *symbols) and (not w.date or first <= w.date <= last))


def _check_axes(bars: Bars) -> None:
    index, columns = bars.close.index, bars.close.columns
    for field in (*FIELDS, "dividends"):
        frame = getattr(bars, field)
        if not (frame.index.equals(index) and frame.columns.equals(columns)):
            raise DataError(f"The {field} data do not have the sessions and symbols of the closes.")
        other = [kind for kind in frame.dtypes if kind != np.float64]
        if other:
            raise DataError(f"The {field} data must be float64, found {other[0]}.")
    if not columns.is_unique:
        raise DataError(f"Symbol {columns[columns.duplicated()][0]!r} stands twice among the data.")
    if not isinstance(index, pd.DatetimeIndex):
        raise DataError(f"Sessions must be dates, found {index.dtype}.")
    if index.tz is not None:
        raise DataError(f"Sessions must be tz-naive dates, found the time zone {index.tz}.")
    if not index.is_unique:
        raise DataError(f"Session {index[index.duplicated()][0].date()} stands twice among the data.")
    if not index.is_monotonic_increasing:
        raise DataError("Sessions must be in order, oldest first.")
    expected = bars.calendar.between(index[0], index[-1]) if len(index) else index
    strangers, gaps = index.difference(expected), expected.difference(index)
    if len(strangers):
        raise DataError(f"{strangers[0].date()} is no session of {bars.calendar}, but there are data for it.")
    if len(gaps):
        raise DataError(f"{gaps[0].date()} is a session of {bars.calendar}, but no symbol has data for it.")


def _check_values(bars: Bars) -> None:
    known = bars.close.notna().to_numpy()
    inside = np.maximum.accumulate(known, axis=0) & np.maximum.accumulate(known[::-1], axis=0)[::-1]
    signed = np.array([not instrument(symbol).kind.is_positive for symbol in bars.symbols], dtype=bool)
    for field in FIELDS:
        values, article = getattr(bars, field).to_numpy(), "an" if field == "open" else "a"
        _refuse(bars, inside & np.isnan(values), f"has no {field}")
        _refuse(bars, ~inside & ~np.isnan(values), f"has {article} {field} but no close")
        _refuse(bars, np.isinf(values), f"has an infinite {field}")
        low = (values <= 0) & ~signed if field in PRICES else values < 0
        _refuse(bars, low, f"has {article} {field} that is not positive")
    _refuse(bars, ~(np.isfinite(bars.dividends.to_numpy()) & (bars.dividends.to_numpy() >= 0)), "has an unusable dividend")


def _refuse(bars: Bars, where: np.ndarray, what: str) -> None:
    """Raise for the first true cell of ``where``, shape (sessions, symbols)."""
    if where.any():
        row, column = np.argwhere(where)[0]
        raise DataError(f"{bars.symbols[column]} {what} on {bars.sessions[row].date()}.")
