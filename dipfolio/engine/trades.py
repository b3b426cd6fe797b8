"""Trades: round trips that are built from fills, each from flat to flat in one symbol."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.engine.panel import Panel
from dipfolio.engine.run_log import Fill, RunLog
from dipfolio.engine.sizing import position_after

TRADE_COLUMNS = (
    "symbol", "side", "shares", "entry_session", "entry_price", "entry_at", "exit_session", "exit_price", "exit_at",
    "sessions", "gross", "commission", "fees", "borrow", "dividends", "profit", "return", "worst", "best", "reason",
)  # fmt: skip
"""Of the table of trades. ``shares`` is the largest position (positive); prices are averages of all fills in and out,
slippage included; ``gross`` is the profit on prices alone, ``profit`` is after commission, fees, borrow and dividends;
``return`` is profit over the dollars put in; ``worst`` and ``best`` are the excursions of the price against and for the
trade as a fraction of the entry price; ``sessions`` counts closes held. Exit columns are empty while a trade is open,
whose profit is marked at the last close."""


@dataclass(kw_only=True)
class _Trip:
    """Fills of one symbol from flat to flat; a reversing fill is shared between two trips."""

    symbol: int
    fills: list[tuple[Fill, float, float]] = field(default_factory=list)
    """Fill, the shares of it that belong here, and the fraction of its charges."""
    held: float = 0.0
    """Shares after the last of its fills."""

    def take(self, fill: Fill, shares: float) -> None:
        """Add these shares of a fill, with their part of its charges."""
        self.fills.append((fill, shares, shares / fill.shares))
        self.held = float(position_after(self.held, shares))


def round_trips(panel: Panel, run_log: RunLog) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Closed trades and open positions, each as a table of :data:`TRADE_COLUMNS`, ordered by entry, then symbol."""
    rows = [_describe(trip, panel, run_log) for trip in _trips(run_log.fills)]
    table = pd.DataFrame(rows, columns=list(TRADE_COLUMNS))
    table = table.astype({"entry_session": "datetime64[s]", "exit_session": "datetime64[s]"})
    order = {symbol: place for place, symbol in enumerate(panel.symbols)}
    table = table.sort_values(["entry_session", "symbol"], key=lambda c: c.map(order) if c.name == "symbol" else c, kind="stable")
    is_open = table["exit_session"].isna()
    return table[~is_open].reset_index(drop=True), table[is_open].reset_index(drop=True)


def _trips(fills: list[Fill]) -> Iterator[_Trip]:
    current: dict[int, _Trip] = {}
    for fill in fills:
        trip = current.setdefault(fill.symbol, _Trip(symbol=fill.symbol))
        after = float(position_after(trip.held, fill.shares))
        reverses = trip.held * after < 0
        trip.take(fill, -trip.held if reverses else fill.shares)
        if trip.held == 0:
            yield current.pop(fill.symbol)
        if reverses:
            current[fill.symbol] = _Trip(symbol=fill.symbol)
            current[fill.symbol].take(fill, after)
    yield from current.values()


def _describe(trip: _Trip, panel: Panel, run_log: RunLog) -> dict[str, Any]:
    first, last, held = trip.fills[0][0], trip.fills[-1][0], trip.held
    side = 1 if trip.fills[0][1] > 0 else -1
    shares = np.array([shares for _, shares, _ in trip.fills])
    prices = np.array([fill.price for fill, _, _ in trip.fills])
    into, out = shares * side > 0, shares * side < 0
    end = run_log.last if held else last.session
    carried = slice(first.session + 1, end + 1)
    mark = panel.close[end, trip.symbol] if held else 0.0
    gross = float(-(shares * prices).sum() + held * mark)
    charges = {
        "commission": sum(fill.commission * part for fill, _, part in trip.fills),
        "fees": sum(fill.fees * part for fill, _, part in trip.fills),
        "borrow": float(run_log.borrow[carried, trip.symbol].sum()),
    }
    dividends = float(run_log.dividends[carried, trip.symbol].sum())
    profit = gross - sum(charges.values()) + dividends
    entry = float((shares * prices)[into].sum() / shares[into].sum())
    worst, best = _excursion(trip, panel, end, entry, side, closed=not held)
    return {
        "symbol": panel.symbols[trip.symbol],
        "side": "long" if side > 0 else "short",
        "shares": float(np.abs(np.cumsum(shares)).max()),
        "entry_session": panel.sessions[first.session],
        "entry_price": entry,
        "entry_at": first.at,
        "exit_session": np.datetime64("NaT", "D") if held else panel.sessions[last.session],
        "exit_price": np.nan if held else float((shares * prices)[out].sum() / shares[out].sum()),
        "exit_at": "" if held else last.at,
        "sessions": end - first.session,
        "gross": gross,
        **charges,
        "dividends": dividends,
        "profit": profit,
        "return": profit / float(np.abs(shares * prices)[into].sum()),
        "worst": worst,
        "best": best,
        "reason": "" if held else last.reason,
    }


def _excursion(trip: _Trip, panel: Panel, end: int, entry: float, side: int, *, closed: bool) -> tuple[float, float]:
    """Worst and best move of the price while the trade was on, as fractions of the entry price.

    A session entered at the close or left before it counts with that price alone.
    """
    first, last = trip.fills[0][0], trip.fills[-1][0]
    start = first.session + (first.at == "close")
    stop = end if closed and last.at != "close" else end + 1
    seen = [fill.price for fill, _, _ in trip.fills]
    if stop > start:
        seen += [np.nanmin(panel.low[start:stop, trip.symbol]), np.nanmax(panel.high[start:stop, trip.symbol])]
    moves = side * (np.array(seen) / entry - 1) + 0.0
    return float(np.minimum(moves.min(), 0.0)), float(np.maximum(moves.max(), 0.0))
