"""Rules without an engine: the data as plain lists from the CSV files, and trades from loops over them."""

import csv
from pathlib import Path

import pytest

from dipfolio.engine.loader import load_strategy

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
REFERENCE = ROOT.parent / "shared" / "reference"

needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"the longer history is not here: {REFERENCE}")
FOLDERS = [pytest.param(DATA, id="data"), pytest.param(REFERENCE, id="reference", marks=needs_reference)]


def idea(name, **parameters):
    return load_strategy(ROOT / "strategies", name)(**parameters)


def column(symbol, field, folder=DATA):
    """Strings for the date, else numbers."""
    with (folder / "prices" / f"{symbol}.csv").open() as file:
        return [row["date"] if field == "date" else float(row[field]) for row in csv.DictReader(file)]


def paid(symbol, folder=DATA):
    """Dividend of each session of the symbol."""
    with (folder / "dividends.csv").open() as file:
        amounts = {row["ex_date"]: float(row["amount"]) for row in csv.DictReader(file) if row["symbol"] == symbol}
    return [amounts.get(day, 0.0) for day in column(symbol, "date", folder)]


def total_returns(symbol, folder=DATA):
    """Close to close with dividends; None on the first session."""
    close, cash = column(symbol, "close", folder), paid(symbol, folder)
    return [None, *((close[t] + cash[t]) / close[t - 1] - 1 for t in range(1, len(close)))]


def held_for(found, hold, length):
    """(entry, exit) rows of trades entered after each signal row and left ``hold`` rows later, none while one is open."""
    trips, free = [], 0
    for row in found:
        if row >= free and row + 1 + hold < length:
            trips.append((row + 1, row + 1 + hold))
        if row >= free:
            free = row + 1 + hold
    return trips


def seen(trades, symbol):
    """Entry day, entry price, exit day and exit price of a symbol's trades."""
    own = trades[trades["symbol"] == symbol]
    return [
        (str(row.entry_session.date()), row.entry_price, str(row.exit_session.date()), row.exit_price) for row in own.itertuples()
    ]


def told(symbol, trips, folder=DATA):
    """The same for trips from an open to a close."""
    day, open_, close = (column(symbol, field, folder) for field in ("date", "open", "close"))
    return [(day[start], pytest.approx(open_[start]), day[end], pytest.approx(close[end])) for start, end in trips]


def money(symbol, side, trips, cash=1_000_000.0, folder=DATA):
    """What is left without costs when all of it goes into every trip, in whole shares sized on the close before."""
    open_, close, dividends = column(symbol, "open", folder), column(symbol, "close", folder), paid(symbol, folder)
    for start, end in trips:
        shares = side * int(cash / close[start - 1])
        cash += shares * (close[end] - open_[start] + sum(dividends[start + 1 : end + 1]))
    return cash


def instructions(targets):
    """(row, target) of every instruction of a single symbol."""
    told_rows = targets.iloc[:, 0].reset_index(drop=True).dropna()
    return list(zip(told_rows.index.tolist(), told_rows.tolist(), strict=True))
