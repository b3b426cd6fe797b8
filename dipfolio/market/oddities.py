"""Oddities: what a simulation can live with but a reader should know about the figures; each is a warning."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from dipfolio.market.bars import FIELDS
from dipfolio.market.finding import Finding
from dipfolio.market.reading import Reading

FAR_OUT = 15.0
"""So many times its usual distance a high or low is from the day's other prices to be called far out ..."""
FAR_OUT_LEAST = 0.05
"""... if it is at least this part of the price away from them."""
SPLITS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
"""Usual ratios of a split; 3 for 2 is looked for too, more narrowly."""
SPLIT_MARGIN = 0.08
"""How far, as a logarithm, the change of price over a night may be from such a ratio."""
_SETTLED = 20


def doubts(readings: Mapping[str, Reading]) -> Iterator[Finding]:
    """A warning for each symbol whose prices may follow another convention than ours."""
    for symbol, reading in readings.items():
        if reading.doubt:
            text = f"{symbol} may be adjusted for dividends, which would then count twice: {reading.doubt}."
            yield Finding(severity="warning", kind="convention", symbol=symbol, text=text)


def oddities(frames: Mapping[str, pd.DataFrame]) -> Iterator[Finding]:
    """Every warning about the figures of some symbols.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        The five fields and dividends, each of shape (sessions, symbols), NaN where a symbol has no bar.

    Yields
    ------
    Finding
        An open or close outside the range; a high or low far from the day's other prices; a change that looks like an unadjusted
        split; bars that repeat; no volume; a dividend without a bar; symbols that end before the others.
    """
    values = {field: frames[field].to_numpy() for field in (*FIELDS, "dividends")}
    names = [str(symbol) for symbol in frames["close"].columns]
    days = frames["close"].index.to_numpy().astype("datetime64[D]")
    with np.errstate(all="ignore"):
        for kind, where, figures, words in _cells(values):
            for row, column in np.argwhere(where):
                figure = float(figures[row, column])
                text = f"{names[column]} {words.format(figure)} on {days[row]}."
                yield Finding(severity="warning", kind=kind, symbol=names[column], date=str(days[row]), figure=figure, text=text)
    yield from _early(values["close"], names, days)


def _cells(values: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, np.ndarray, str]]:
    """Kind of warning, the cells it concerns, the figures to show and how to say it."""
    high, low, close = values["high"], values["low"], values["close"]
    for field in ("open", "close"):
        out = (values[field] > high) | (values[field] < low)
        article = "an" if field == "open" else "a"
        yield f"{field} outside the range", out, values[field], f"has {article} {field} of {{:g}} outside its low and high"
    body = np.maximum(values["open"], close), np.minimum(values["open"], close)
    yield "high far out", _far_out(high / body[0] - 1), high, "has a high of {:g} far above the day's other prices"
    yield "low far out", _far_out(body[1] / low - 1), low, "has a low of {:g} far below the day's other prices"
    overnight = np.full_like(close, np.nan)
    overnight[1:] = values["open"][1:] / close[:-1]
    yield "like a split", _like_split(overnight), overnight, "opens at {:.4g} times its last close, like an unadjusted split,"
    same = np.zeros(close.shape, dtype=bool)
    same[1:] = np.logical_and.reduce([values[f][1:] == values[f][:-1] for f in ("open", "high", "low", "close")])
    yield "stale", same, close, "repeats the bar of the session before, close {:g},"
    yield "no volume", values["volume"] == 0, values["volume"], "has no volume"
    unpaid = (values["dividends"] > 0) & np.isnan(close)
    yield "dividend without a bar", unpaid, values["dividends"], "has a dividend of {:g} but no bar"


def _far_out(excursion: np.ndarray) -> np.ndarray:
    """Which distances stand out, against the symbol's usual one and against how wild the session was for the others."""
    if len(excursion) < _SETTLED:
        return np.asarray(excursion > 0.5)
    plain = np.median if not np.isnan(excursion).any() else np.nanmedian
    with np.errstate(all="ignore"):
        times = excursion / np.maximum(plain(excursion, axis=0), 1e-4)
    found = np.asarray((excursion >= FAR_OUT_LEAST) & (times >= FAR_OUT))
    for row in np.flatnonzero(found.any(axis=1)):
        if (~np.isnan(times[row])).sum() >= 3:
            found[row] &= times[row] >= FAR_OUT * max(1.0, float(np.nanmedian(times[row])))
    return found


def _like_split(ratio: np.ndarray) -> np.ndarray:
    size = np.abs(np.log(ratio))
    steps = np.log(np.array(SPLITS))
    big = size > np.log(1.7)
    like = np.zeros(ratio.shape, dtype=bool)
    like[big] = np.abs(size[big][:, None] - steps).min(axis=1, initial=np.inf) < SPLIT_MARGIN
    return np.asarray(like | (np.abs(size - np.log(1.5)) < SPLIT_MARGIN / 4))


def _early(close: np.ndarray, names: list[str], days: np.ndarray) -> Iterator[Finding]:
    known = ~np.isnan(close)
    for column in np.flatnonzero(~known[-1] & known.any(axis=0)) if len(close) else ():
        last = int(np.flatnonzero(known[:, column])[-1])
        left = len(close) - 1 - last
        count = f"{left} session{'s' if left > 1 else ''}"
        text = f"{names[column]} ends on {days[last]}, {count} before the last of the figures, {days[-1]}."
        yield Finding(
            severity="warning", kind="ends early", symbol=names[column], date=str(days[last]), figure=float(left), text=text
        )
