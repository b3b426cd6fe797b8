"""Validation of price data: errors that make a symbol unfit for a simulation, and warnings about unusual values.

Errors are repeated, missing and extra sessions, values that are missing, infinite or not positive, highs below lows,
and bars that are not those of the calendar of their folder. Warnings are, among others, likely unadjusted splits,
large dividends, prices far from the others of the day, bars that repeat, and symbols that end early.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import get_args

import numpy as np
import pandas as pd

from dipfolio.data.calendar import ALWAYS_OPEN, XNYS, ExchangeCalendar, Frequency
from dipfolio.data.corporate_actions import format_split_ratio
from dipfolio.data.dataset import DATASET_FILE, FOREIGN_EXCHANGES
from dipfolio.data.instruments import instrument
from dipfolio.data.schema import FIELDS, PRICES, DataIssue, FileFormat, PriceTable


def find_errors(symbol: str, prices: PriceTable, exchange: ExchangeCalendar = XNYS) -> Iterator[DataIssue]:
    """Every error among the data of a symbol.

    Parameters
    ----------
    symbol : str
    prices : PriceTable
    exchange : ExchangeCalendar
        Whose sessions it should have.

    Yields
    ------
    DataIssue
        Repeated, missing and extra sessions; data that are missing, infinite or not positive; a high below its low. A rate
        may be zero or negative.
    """
    if not _is_complete(prices.days, exchange):
        other = unsupported_bars(symbol, prices, exchange)
        if other is not None:
            yield other
            return
        yield from _repeated(symbol, prices.days)
        yield from _sessions(symbol, prices.days, exchange)
    for row, field in enumerate(FIELDS):
        yield from _unusable_values(symbol, field, prices.days, prices.cells[row])
    high, low = prices.cells[FIELDS.index("high")], prices.cells[FIELDS.index("low")]
    for i in np.flatnonzero(high < low):
        text = f"{symbol} has a high of {high[i]:g} below its low of {low[i]:g} on {prices.days[i]}."
        yield _error("high below low", symbol, prices.days[i], text, high[i])


def _is_complete(days: np.ndarray, exchange: ExchangeCalendar) -> bool:
    """True if there is one bar for each session from the first day to the last."""
    everything = exchange.session_days(days[0])
    first, end = np.searchsorted(everything, days[0]), np.searchsorted(everything, days[-1], side="right")
    return end - first == len(days) and bool((everything[first:end] == days).all())


_PERIODS = ((5, 9, "weekly"), (25, 35, "monthly"), (85, 95, "quarterly"), (350, 380, "yearly"))
"""Calendar days between two bars, at least and at most, and what such bars are called."""
_LONGEST_STEP = {"daily": 4, "weekly": 10, "monthly": 40}
"""Usual calendar days between two bars from which on they are of another frequency."""
MIN_INTRADAY_BARS = 6
"""Bars from which on it is certain that several a day are no mistake."""
MAX_CLOSED_DAY_BARS = 3
"""So many bars on weekdays on which the exchange was closed are single mistakes; more are another exchange's."""


def unsupported_bars(symbol: str, prices: PriceTable, exchange: ExchangeCalendar = XNYS) -> DataIssue | None:
    """The one error of bars that are not those of the calendar: intraday, weekly, monthly; seven days; other holidays.

    Where another calendar or frequency would take them, the sentence has the line for ``dataset.toml``.
    """
    days, counts = np.unique(prices.days, return_counts=True)
    if np.median(counts) >= 2 and len(prices.days) >= MIN_INTRADAY_BARS and not _copied(prices):
        most = int(counts.argmax())
        what = "intraday bars," if exchange.frequency == "daily" else "several bars in a week or month,"
        text = f"{symbol} has {what} {counts[most]} on {days[most]}; only one for each session of {exchange} is supported."
        return _error("not daily", symbol, days[most], text, counts[most])
    steps = np.diff(days).astype(int)
    usual = float(np.median(steps)) if len(steps) > 1 else 0.0
    if usual >= _LONGEST_STEP[exchange.frequency]:
        return _other_frequency(symbol, days, usual)
    if exchange.frequency != "daily":
        return None
    weekend = ~np.is_busday(days, weekmask=exchange.weekmask)
    if weekend.sum() > MAX_CLOSED_DAY_BARS and weekend.mean() > 0.1:
        text = (
            f"{symbol} has bars on {weekend.sum()} days of weekends, the first on {days[weekend][0]}, as cryptocurrencies have; "
            f"{exchange} is closed then: {_line('calendar', ALWAYS_OPEN)} if it is traded on every day."
        )
        return _error("other calendar", symbol, days[weekend][0], text, weekend.sum())
    return _other_holidays(symbol, days, exchange)


def _line(setting: str, value: str) -> str:
    return f'write {setting} = "{value}" into the folder\'s {DATASET_FILE}'


def _other_frequency(symbol: str, days: np.ndarray, usual: float) -> DataIssue:
    word = next((word for low, high, word in _PERIODS if low <= usual <= high), "")
    what = f"{word} bars" if word else f"a bar every {usual:g} days"
    remedy = _line("frequency", word) if word in get_args(Frequency) else "bars are daily, weekly or monthly"
    return _error("not daily", symbol, days[0], f"{symbol} has {what}, on {days[0]}, {days[1]} and so on; {remedy}.")


def _copied(prices: PriceTable) -> bool:
    """True if every bar of a day is the same, as where a file was joined to itself."""
    same = prices.days[1:] == prices.days[:-1]
    return bool((prices.cells[:, 1:][:, same] == prices.cells[:, :-1][:, same]).all())


def _other_holidays(symbol: str, days: np.ndarray, exchange: ExchangeCalendar) -> DataIssue | None:
    known = exchange.session_days(days[0])
    inside = days[(days >= known[0]) & (days <= known[-1])]
    closed = np.setdiff1d(inside[np.is_busday(inside, weekmask=exchange.weekmask)], known)
    if len(closed) <= MAX_CLOSED_DAY_BARS:
        return None
    missing = np.setdiff1d(known[(known >= inside[0]) & (known <= inside[-1])], inside)
    lacks = f" and none on {len(missing)} of its sessions, the first {missing[0]}" if len(missing) else ""
    found = matching_exchange(symbol, inside)
    remedy = _line("calendar", found or "CODE")
    text = (
        f"{symbol} has bars on {len(closed)} weekdays on which {exchange} was closed, the first {closed[0]},{lacks}; "
        f"{remedy}, {'which has exactly these sessions' if found else 'the code of its exchange in exchange_calendars'}."
    )
    return _error("other calendar", symbol, closed[0], text.replace(",;", ";"), len(closed))


USUAL_EXCHANGES = ("XNYS", "XLON", "XETR", "XPAR", "XTSE", "XTKS", "XHKG", "XASX", "XSWX", "XSHG", "XBOM", "24/5")
"""The calendars that are tried where the sessions of a file are those of another exchange."""


def matching_exchange(symbol: str, days: np.ndarray) -> str:
    """The code of the exchange whose sessions the days are: that of the symbol's suffix first; empty if none has them all."""
    suffix = FOREIGN_EXCHANGES.get(symbol.rpartition(".")[2])
    codes = (*([suffix.calendar] if suffix and "." in symbol else []), *USUAL_EXCHANGES)
    return next((code for code in codes if code and _is_complete(days, ExchangeCalendar(code))), "")


def _repeated(symbol: str, days: np.ndarray) -> Iterator[DataIssue]:
    if (np.diff(days) > np.timedelta64(0, "D")).all():
        return
    unique, counts = np.unique(days, return_counts=True)
    for day, count in zip(unique[counts > 1], counts[counts > 1], strict=True):
        words = "two" if count == 2 else str(count)
        yield _error("repeated session", symbol, day, f"{symbol} has {words} bars on {day}; a session has one.", count)


def _sessions(symbol: str, days: np.ndarray, exchange: ExchangeCalendar) -> Iterator[DataIssue]:
    everything = exchange.session_days(days.min())
    inside = np.searchsorted(everything, days)
    known = everything[np.minimum(inside, len(everything) - 1)] == days
    for day in np.unique(days[~known]):
        beyond = day > everything[-1]
        text = f"{symbol} has a bar on {day}, which is {'after the last' if beyond else 'no'} session of {exchange}"
        text += f" in the calendar, {exchange.last_session}." if beyond else "."
        yield _error("extra session", symbol, day, text)
    if known.any():
        first, last = inside[known].min(), inside[known].max()
        has_bar = np.zeros(last - first + 1, dtype=bool)
        has_bar[inside[known] - first] = True
        for day in everything[first : last + 1][~has_bar]:
            text = f"{symbol} has no bar on {day}, a session of {exchange}."
            yield _error("missing session", symbol, day, text)


def _unusable_values(symbol: str, field: str, days: np.ndarray, values: np.ndarray) -> Iterator[DataIssue]:
    low = values <= 0 if field in PRICES else values < 0
    if field in PRICES and not instrument(symbol).kind.is_positive:
        low = np.zeros_like(low)
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


def _error(kind: str, symbol: str, day: np.datetime64, text: str, value: float = float("nan")) -> DataIssue:
    return DataIssue(severity="error", kind=kind, symbol=symbol, date=str(day), value=float(value), text=text)


OUTLIER_MULTIPLE = 15.0
"""So many times its usual distance a high or low is from the day's other prices to be called far out ..."""
MIN_OUTLIER_DISTANCE = 0.05
"""... if it is at least this part of the price away from them."""
USUAL_SPLIT_RATIOS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
"""Usual ratios of a split; 3 for 2 is looked for too, more narrowly."""
SPLIT_RATIO_TOLERANCE = 0.08
"""How far, as a logarithm, the change of price over a night may be from such a ratio."""
_MIN_OUTLIER_SESSIONS = 20


TRADING_ISSUES = ("like a split", "copied opens", "no volume")
"""Kinds of warning that mean nothing for a volatility index or a rate, which nobody trades."""

COPIED_OPEN_SHARE, MIN_COPIED_OPENS = 0.10, 100
"""Opens that equal the last close are warned of from this part and this number of the sessions of a symbol on."""

LARGE_DIVIDEND = 0.10
"""A dividend that is a larger part of the last close gets a warning; ordinary ones are a few per cent."""


def convention_warnings(readings: Mapping[str, FileFormat], paying: Collection[str] = ()) -> Iterator[DataIssue]:
    """A warning for each symbol whose prices may follow another convention than ours.

    Parameters
    ----------
    readings : mapping of str to FileFormat
    paying : collection of str
        Symbols for which dividends are paid.
    """
    for symbol, reading in readings.items():
        if reading.doubt and symbol in paying:
            text = f"{symbol} may be adjusted for dividends, which would then count twice: {reading.doubt}."
            yield DataIssue(severity="warning", kind="convention", symbol=symbol, text=text)
        elif reading.doubt:
            text = f"{symbol} may be adjusted for dividends, so no dividend is paid on top: {reading.doubt}."
            yield DataIssue(severity="warning", kind="convention", symbol=symbol, text=text)
        if reading.left_out:
            yield DataIssue(severity="warning", kind="left out", symbol=symbol, text=f"{symbol}: {reading.left_out}.")


def find_warnings(frames: Mapping[str, pd.DataFrame]) -> Iterator[DataIssue]:
    """Every warning about the data of some symbols.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        The five fields and dividends, each of shape (sessions, symbols), NaN where a symbol has no bar.

    Yields
    ------
    DataIssue
        A change that looks like an unadjusted split; a dividend of a tenth of the price; opens that repeat the last close on a
        tenth of the sessions or more; an open or close outside the range; a high or low far from the day's other prices; bars
        that repeat; no volume; a dividend without a bar; symbols that end before the others.
    """
    yield from (odd for odd in _all_warnings(frames) if odd.kind not in TRADING_ISSUES or instrument(odd.symbol).kind.is_tradable)


def _all_warnings(frames: Mapping[str, pd.DataFrame]) -> Iterator[DataIssue]:
    values = {field: frames[field].to_numpy() for field in (*FIELDS, "dividends")}
    names = [str(symbol) for symbol in frames["close"].columns]
    days = frames["close"].index.to_numpy().astype("datetime64[D]")
    with np.errstate(all="ignore"):
        yield from _unadjusted(values, names, days)
        yield from _large_dividends(values, names, days)
        yield from _copied_opens(values, names, days)
        for kind, where, prices, words in _cell_warnings(values):
            for row, column in np.argwhere(where):
                value = float(prices[row, column])
                text = f"{names[column]} {words.format(value)} on {days[row]}."
                yield DataIssue(severity="warning", kind=kind, symbol=names[column], date=str(days[row]), value=value, text=text)
    yield from _early_ends(values["close"], names, days)


def _cell_warnings(values: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, np.ndarray, str]]:
    """Kind of warning, the cells it concerns, the values to show and the wording."""
    high, low, close = values["high"], values["low"], values["close"]
    for field in ("open", "close"):
        out = (values[field] > high) | (values[field] < low)
        article = "an" if field == "open" else "a"
        yield f"{field} outside the range", out, values[field], f"has {article} {field} of {{:g}} outside its low and high"
    body = np.maximum(values["open"], close), np.minimum(values["open"], close)
    yield "high far out", _far_out(high / body[0] - 1), high, "has a high of {:g} far above the day's other prices"
    yield "low far out", _far_out(body[1] / low - 1), low, "has a low of {:g} far below the day's other prices"
    same = np.zeros(close.shape, dtype=bool)
    same[1:] = np.logical_and.reduce([values[f][1:] == values[f][:-1] for f in ("open", "high", "low", "close")])
    yield "stale", same, close, "repeats the bar of the session before, close {:g},"
    yield "no volume", values["volume"] == 0, values["volume"], "has no volume"
    unpaid = (values["dividends"] > 0) & np.isnan(close)
    yield "dividend without a bar", unpaid, values["dividends"], "has a dividend of {:g} but no bar"


def _unadjusted(values: Mapping[str, np.ndarray], names: list[str], days: np.ndarray) -> Iterator[DataIssue]:
    """Changes of the price over a night that look like a split; every result that spans one is wrong by it, if it was."""
    overnight = np.full_like(values["close"], np.nan)
    overnight[1:] = values["open"][1:] / values["close"][:-1]
    for row, column in np.argwhere(_like_split(overnight)):
        step, name, day = float(overnight[row, column]), names[column], days[row]
        ratio = _usual_ratio(step)
        text = (
            f"{name} opens at {step:.4g} times its last close on {day}, like a split of {format_split_ratio(ratio)} that "
            "the prices "
            f"are not adjusted for. If it was one, no result across that night is right: add the row {name},{day},{ratio:.6g} to "
            "the folder's splits.csv (symbol,ex_date,ratio)."
        )
        yield DataIssue(severity="warning", kind="like a split", symbol=name, date=str(day), value=step, text=text)


def _usual_ratio(step: float) -> float:
    """The usual split that a change of price is nearest to, as new shares for one old."""
    steps = np.array([1.5, *USUAL_SPLIT_RATIOS], dtype="float64")
    nearest = float(steps[np.abs(np.log(steps) - abs(np.log(step))).argmin()])
    return nearest if step < 1 else 1 / nearest


def _large_dividends(values: Mapping[str, np.ndarray], names: list[str], days: np.ndarray) -> Iterator[DataIssue]:
    before = np.full_like(values["close"], np.nan)
    before[1:] = values["close"][:-1]
    for row, column in np.argwhere(values["dividends"] > LARGE_DIVIDEND * before):
        amount, close, name = float(values["dividends"][row, column]), float(before[row, column]), names[column]
        text = (
            f"{name} has a dividend of {amount:g} on {days[row]}, {amount / close:.0%} of its last close of {close:g}: "
            "see that it is in dollars, per share of today."
        )
        yield DataIssue(severity="warning", kind="large dividend", symbol=name, date=str(days[row]), value=amount, text=text)


def _copied_opens(values: Mapping[str, np.ndarray], names: list[str], days: np.ndarray) -> Iterator[DataIssue]:
    """Opens that are no prices of the opening: a fill at one would be at a price that was known when it was decided."""
    same = values["open"][1:] == values["close"][:-1]
    sessions = (~np.isnan(values["close"])).sum(axis=0)
    often = (same.sum(axis=0) >= MIN_COPIED_OPENS) & (same.sum(axis=0) >= COPIED_OPEN_SHARE * sessions)
    for column in np.flatnonzero(often):
        rows = np.flatnonzero(same[:, column]) + 1
        most = days[rows[int(0.95 * (len(rows) - 1))]]
        text = (
            f"{names[column]} opens exactly at its last close on {len(rows):,} of {sessions[column]:,} sessions, 95 % of "
            f"them until {most}; such an open is no price of the opening. Fill at the close, or start later."
        )
        yield DataIssue(severity="warning", kind="copied opens", symbol=names[column], value=float(len(rows)), text=text)


def _far_out(excursion: np.ndarray) -> np.ndarray:
    """Which distances stand out, against the symbol's usual one and against how wild the session was for the others."""
    if len(excursion) < _MIN_OUTLIER_SESSIONS:
        return np.asarray(excursion > 0.5)
    plain = np.median if not np.isnan(excursion).any() else np.nanmedian
    with np.errstate(all="ignore"):
        times = excursion / np.maximum(plain(excursion, axis=0), 1e-4)
    outlying = np.asarray((excursion >= MIN_OUTLIER_DISTANCE) & (times >= OUTLIER_MULTIPLE))
    for row in np.flatnonzero(outlying.any(axis=1)):
        if (~np.isnan(times[row])).sum() >= 3:
            outlying[row] &= times[row] >= OUTLIER_MULTIPLE * max(1.0, float(np.nanmedian(times[row])))
    return outlying


def _like_split(ratio: np.ndarray) -> np.ndarray:
    size = np.abs(np.log(ratio))
    steps = np.log(np.array(USUAL_SPLIT_RATIOS))
    big = size > np.log(1.7)
    like = np.zeros(ratio.shape, dtype=bool)
    like[big] = np.abs(size[big][:, None] - steps).min(axis=1, initial=np.inf) < SPLIT_RATIO_TOLERANCE
    return np.asarray(like | (np.abs(size - np.log(1.5)) < SPLIT_RATIO_TOLERANCE / 4))


def _early_ends(close: np.ndarray, names: list[str], days: np.ndarray) -> Iterator[DataIssue]:
    known = ~np.isnan(close)
    for column in np.flatnonzero(~known[-1] & known.any(axis=0)) if len(close) else ():
        last = int(np.flatnonzero(known[:, column])[-1])
        left = len(close) - 1 - last
        count = f"{left} session{'s' if left > 1 else ''}"
        text = f"{names[column]} ends on {days[last]}, {count} before the last of the data, {days[-1]}."
        yield DataIssue(
            severity="warning", kind="ends early", symbol=names[column], date=str(days[last]), value=float(left), text=text
        )
