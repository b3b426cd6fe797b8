"""Hand-made markets: a few bars whose outcome can be worked out on paper."""

import numpy as np
import pandas as pd

from dipfolio.data import calendar
from dipfolio.data.bars import Bars

START = "2025-01-02"


def make_bars(closes=None, *, opens=None, highs=None, lows=None, volumes=None, dividends=None, start=START):
    """Bars from lists of closes, one list for each symbol.

    What is not given follows from the closes: opens equal them, highs and lows span open and close, volume is a
    million shares. ``dividends`` maps a symbol to {row: amount}. NaN closes mean that the symbol does not trade.
    """
    close = pd.DataFrame(closes, dtype="float64")
    days = calendar.between(start, calendar.offset(start, len(close) + 1))[: len(close)]
    close.index = days

    def frame(given, default):
        made = default.copy()
        for symbol, values in (given or {}).items():
            made[symbol] = np.asarray(values, dtype="float64")
        return made

    open_ = frame(opens, close)
    high = frame(highs, np.maximum(open_, close))
    low = frame(lows, np.minimum(open_, close))
    volume = frame(volumes, close.notna().astype("float64").mul(1e6).where(close.notna()))
    paid = pd.DataFrame(0.0, index=days, columns=close.columns)
    for symbol, amounts in (dividends or {}).items():
        for row, amount in amounts.items():
            paid.loc[days[row], symbol] = amount
    return Bars(open=open_, high=high, low=low, close=close, volume=volume, dividends=paid)


def random_market(sessions=30, symbols="A", seed=3, digits=2):
    """Keywords of make_bars: a random walk with gaps and ranges."""
    rng = np.random.default_rng(seed)
    shape = (len(symbols), sessions)
    close = np.round(100 * np.exp(rng.normal(0, 0.03, shape).cumsum(axis=1)), digits)
    opened = np.round(close * np.exp(rng.normal(0, 0.01, shape)), digits)
    high = np.round(np.maximum(opened, close) * (1 + rng.uniform(0, 0.02, shape)), digits)
    low = np.round(np.minimum(opened, close) * (1 - rng.uniform(0, 0.02, shape)), digits)
    volume = np.round(rng.uniform(1e6, 9e6, shape), digits)
    tables = {"closes": close, "opens": opened, "highs": high, "lows": low, "volumes": volume}
    return {name: dict(zip(symbols, table.tolist(), strict=True)) for name, table in tables.items()}
