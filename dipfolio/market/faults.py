"""Faults: what makes one symbol's figures unfit for a simulation; each is an error."""

from collections.abc import Iterator

import numpy as np

from dipfolio.market import sessions
from dipfolio.market.bars import FIELDS, PRICES
from dipfolio.market.finding import Finding
from dipfolio.market.layouts import Figures


def faults(symbol: str, figures: Figures) -> Iterator[Finding]:
    """Every error among the figures of a symbol.

    Yields
    ------
    Finding
        Repeated, missing and extra sessions; figures that are missing, infinite or not positive; a high below its low.
    """
    yield from _repeated(symbol, figures.days)
    yield from _sessions(symbol, figures.days)
    for row, field in enumerate(FIELDS):
        yield from _unusable(symbol, field, figures.days, figures.cells[row])
    high, low = figures.cells[FIELDS.index("high")], figures.cells[FIELDS.index("low")]
    for i in np.flatnonzero(high < low):
        text = f"{symbol} has a high of {high[i]:g} below its low of {low[i]:g} on {figures.days[i]}."
        yield _error("high below low", symbol, figures.days[i], text, high[i])


def _repeated(symbol: str, days: np.ndarray) -> Iterator[Finding]:
    if (np.diff(days) > np.timedelta64(0, "D")).all():
        return
    unique, counts = np.unique(days, return_counts=True)
    for day, count in zip(unique[counts > 1], counts[counts > 1], strict=True):
        words = "two" if count == 2 else str(count)
        yield _error("repeated session", symbol, day, f"{symbol} has {words} bars on {day}; a session has one.", count)


def _sessions(symbol: str, days: np.ndarray) -> Iterator[Finding]:
    everything = sessions.days()
    inside = np.searchsorted(everything, days)
    known = everything[np.minimum(inside, len(everything) - 1)] == days
    for day in np.unique(days[~known]):
        text = f"{symbol} has a bar on {day}, which is no session of {sessions.EXCHANGE}."
        yield _error("extra session", symbol, day, text)
    if known.any():
        first, last = inside[known].min(), inside[known].max()
        there = np.zeros(last - first + 1, dtype=bool)
        there[inside[known] - first] = True
        for day in everything[first : last + 1][~there]:
            text = f"{symbol} has no bar on {day}, a session of {sessions.EXCHANGE}."
            yield _error("missing session", symbol, day, text)


def _unusable(symbol: str, field: str, days: np.ndarray, values: np.ndarray) -> Iterator[Finding]:
    low = values <= 0 if field in PRICES else values < 0
    bad = np.isnan(values) | np.isinf(values) | low
    article = "an" if field == "open" else "a"
    for i in np.flatnonzero(bad):
        if np.isnan(values[i]):
            kind, what = "missing figure", f"no {field}"
        elif np.isinf(values[i]):
            kind, what = "infinite figure", f"an infinite {field}"
        else:
            kind, what = "not positive", f"{article} {field} that is not positive"
        yield _error(kind, symbol, days[i], f"{symbol} has {what} on {days[i]}.", values[i])


def _error(kind: str, symbol: str, day: np.datetime64, text: str, figure: float = float("nan")) -> Finding:
    return Finding(severity="error", kind=kind, symbol=symbol, date=str(day), figure=float(figure), text=text)
