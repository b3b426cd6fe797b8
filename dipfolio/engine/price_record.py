"""The price record of a run: the prices around its trades, and those of its benchmarks over the whole window."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.data.borrow_rates import borrow_rates_by_session

PRICE_COLUMNS = ("session", "symbol", "open", "high", "low", "close", "dividend")
"""Of the table of prices: split-adjusted, as they were simulated; ``dividend`` is cash per share on its ex-date, else 0."""

BORROW_RATE = "borrow_rate"
"""One more column where the data have dated borrow rates: that known on the close, NaN where the account's is charged."""

SESSIONS_BEFORE = 20
"""Sessions of a symbol before its first entry, and of a benchmark before the window."""

SESSIONS_AFTER_ENTRY = 250
"""Sessions of a symbol after its last entry."""

SESSIONS_AFTER_EXIT = 20
"""Sessions of a symbol after its last exit, where that is later."""

MAX_ROWS = 50_000
"""Rows of traded symbols, so that a run of thousands of symbols is not saved with all of their prices."""


def record_prices(
    bars: Bars, trades: pd.DataFrame, start: pd.Timestamp, benchmarks: Sequence[str] = (), others: Bars | None = None
) -> pd.DataFrame:
    """The prices that a reader of a run needs, a row for each symbol and session in which it trades.

    A benchmark has the sessions from :data:`SESSIONS_BEFORE` the window to the last of ``bars``. A traded symbol has those from
    :data:`SESSIONS_BEFORE` its first entry to :data:`SESSIONS_AFTER_ENTRY` its last one, or :data:`SESSIONS_AFTER_EXIT` its last
    exit if that is later. Nothing lies after the last session of ``bars``.

    Parameters
    ----------
    bars : Bars
        What the simulation was given.
    trades : DataFrame
        Closed trades and open positions, with the columns of :data:`dipfolio.engine.trades.TRADE_COLUMNS`.
    start : Timestamp
        First session of the window.
    benchmarks : sequence of str
        Symbols of ``bars`` or of ``others``.
    others : Bars, optional
        Prices of benchmarks that the simulation did not need.

    Returns
    -------
    DataFrame of shape (rows, 7 or 8)
        Columns :data:`PRICE_COLUMNS`, and :data:`BORROW_RATE` where the data have dated borrow rates: the benchmarks in their
        order, then the traded symbols by their absolute profit, the largest first and as many as have :data:`MAX_ROWS` rows
        together; each in the order of its sessions.
    """
    sessions = bars.sessions
    first = sessions[max(int(sessions.searchsorted(start)) - SESSIONS_BEFORE, 0)]
    wanted = [(symbol, first, sessions[-1]) for symbol in benchmarks]
    room = MAX_ROWS
    for symbol, (begin, end) in _spans(sessions, trades).items():
        room -= end - begin + 1
        if room < 0:
            break
        if symbol not in benchmarks:
            wanted.append((symbol, sessions[begin], sessions[end]))
    names = (*PRICE_COLUMNS, *([BORROW_RATE] if bars.borrow_rates else []))
    pieces = [_rows_of(others if others and symbol not in bars.symbols else bars, symbol, *span) for symbol, *span in wanted]
    if not pieces:
        return pd.DataFrame(columns=list(PRICE_COLUMNS))
    values = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    values["symbol"] = np.repeat([symbol for symbol, *_ in wanted], [len(piece["session"]) for piece in pieces])
    return pd.DataFrame(values, columns=list(names))


def _spans(sessions: pd.DatetimeIndex, trades: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """The numbers of the first and the last session of each traded symbol, by absolute profit, the largest first."""
    last = len(sessions) - 1
    entry = sessions.get_indexer(trades["entry_session"])
    leave = np.where(trades["exit_session"].isna(), last, sessions.get_indexer(trades["exit_session"]))
    begin, end = entry - SESSIONS_BEFORE, np.maximum(entry + SESSIONS_AFTER_ENTRY, leave + SESSIONS_AFTER_EXIT)
    spans: dict[str, tuple[int, int]] = {}
    profits: dict[str, float] = defaultdict(float)
    for symbol, since, until, profit in zip(trades["symbol"], begin.tolist(), end.tolist(), trades["profit"], strict=True):
        known = spans.get(symbol, (last, 0))
        spans[symbol] = min(known[0], max(since, 0)), max(known[1], min(until, last))
        profits[symbol] += profit
    return {symbol: spans[symbol] for symbol in sorted(profits, key=lambda name: -abs(profits[name]))}


def _rows_of(bars: Bars, symbol: str, first: pd.Timestamp, last: pd.Timestamp) -> dict[str, np.ndarray]:
    """The bars of a symbol between two sessions, both included, without those in which it does not trade."""
    sessions = bars.sessions
    rows = slice(sessions.searchsorted(first), sessions.searchsorted(last, side="right"))
    tables = {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close, "dividend": bars.dividends}
    values = {name: table[symbol].to_numpy()[rows] for name, table in tables.items()}
    dated = borrow_rates_by_session(bars.borrow_rates, sessions[rows], (symbol,))
    values[BORROW_RATE] = np.full(len(values["close"]), np.nan) if dated is None else dated[:, 0]
    trading = ~np.isnan(values["close"])
    days = sessions.to_numpy()[rows].astype("datetime64[s]")
    return {"session": days[trading], **{name: column[trading] for name, column in values.items()}}
