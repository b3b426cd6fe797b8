"""Fetching: bringing a store up to date, symbol by symbol, so that it can stop anywhere and go on later."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from dipfolio.errors import DamagedError, DataError, FetchError, ParameterError
from dipfolio.market import sessions, yahoo
from dipfolio.market.files import SYMBOL
from dipfolio.market.layouts import Figures
from dipfolio.market.merging import Difference, Merger, merge
from dipfolio.market.note import file_of, notes
from dipfolio.market.store import Entry, read_entry, stored, write_entry, write_source
from dipfolio.market.yahoo import Answer


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be fetched.

    Attributes
    ----------
    start : date
        The first day wanted.
    end : date, optional
        The last day wanted; the last whole session, if not given.
    refresh : bool
        Ask for symbols too that are complete.
    accept : bool
        Take new figures where they differ from stored ones.
    pause, wait : float
        Seconds between two symbols, and before the first repetition of a question.
    """

    start: date
    end: date | None = None
    refresh: bool = False
    accept: bool = False
    pause: float = 0.5
    wait: float = 1.0

    def __post_init__(self) -> None:
        if self.end and self.end < self.start:
            raise ParameterError(f"The start, {self.start}, is after the end, {self.end}.")
        if str(self.start) < sessions.FIRST:
            raise ParameterError(
                f"The calendar of sessions begins on {sessions.FIRST}; start there or later, not on {self.start}."
            )

    @property
    def last(self) -> np.datetime64:
        """The last whole session wanted."""
        last = yahoo.last_complete()
        return min(last, yahoo.last_complete(pd.Timestamp(f"{self.end} 23:00", tz="America/New_York"))) if self.end else last


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one symbol.

    Attributes
    ----------
    symbol : str
    kind : {"new", "complete", "updated", "rebuilt", "differs", "failed"}
    text : str
        One line without the symbol.
    """

    symbol: str
    kind: Literal["new", "complete", "updated", "rebuilt", "differs", "failed"]
    text: str


def fetch(folder: Path, symbols: tuple[str, ...], wish: Wish, sleep: Callable[[float], None] = time.sleep) -> Iterator[Outcome]:
    """Ask for each symbol in turn and keep what comes; a damaged file is kept aside and its symbol fetched anew.

    Parameters
    ----------
    folder : Path
        The store; made where it is missing.
    symbols : tuple of str
    wish : Wish
    sleep : callable
        Takes seconds; politeness between two questions.

    Yields
    ------
    Outcome
        One for each symbol as it is done. Where nobody can be reached at all the rest is not asked for.

    Raises
    ------
    ParameterError
        A name that can be no symbol.
    DataError
        A folder that cannot be written.
    """
    for symbol in symbols:
        if not SYMBOL.fullmatch(symbol):
            raise ParameterError(f"{symbol!r} cannot be the name of a symbol.")
    asked = False
    for position, symbol in enumerate(symbols):
        try:
            before, damaged = _before(folder, symbol, replaced=wish.refresh and wish.accept)
            if before and not wish.refresh and _complete(before, wish):
                yield Outcome(symbol=symbol, kind="complete", text=f"complete, to {before.last}")
                continue
            if asked:
                sleep(wish.pause)
            asked = True
            outcome = _rebuild_one(folder, symbol, wish) if damaged else _fetch_one(folder, symbol, before, wish)
        except DataError as error:
            if isinstance(error, FetchError) and error.general:
                yield from _given_up(symbols[position:], error)
                return
            outcome = Outcome(symbol=symbol, kind="failed", text=str(error))
        yield outcome


def rebuild(folder: Path, symbols: tuple[str, ...], start: date) -> Iterator[Outcome]:
    """Fetch anew those of some symbols whose files are damaged, up to the last session of the others.

    Parameters
    ----------
    folder : Path
        The store.
    symbols : tuple of str
    start : date
        The first day to ask for where no file says it.

    Yields
    ------
    Outcome
        One for each damaged file; what a run could not use for another reason is left as it is.
    """
    found = {symbol: _before(folder, symbol, replaced=True) for symbol in symbols}
    damaged = tuple(symbol for symbol, (_, broken) in found.items() if broken)
    ends = [date.fromisoformat(str(entry.last)) for entry, _ in found.values() if entry]
    yield from fetch(folder, damaged, Wish(start=start, end=max(ends, default=None)))


def _before(folder: Path, symbol: str, *, replaced: bool) -> tuple[Entry | None, bool]:
    """What is stored, and whether that is damaged."""
    try:
        return read_entry(folder, symbol, replace=replaced), False
    except DamagedError:
        return None, True


def _rebuild_one(folder: Path, symbol: str, wish: Wish) -> Outcome:
    """As for the first time, from the earliest day that was asked for of any symbol; what stands there is kept aside."""
    asked = [note.asked_from for note in notes(folder, stored(folder)).values()]
    name = file_of(folder, symbol).name
    try:
        outcome = _fetch_one(folder, symbol, None, replace(wish, start=min([wish.start, *_days(asked)])), damaged=True)
    except FetchError as error:
        raise FetchError(f"{name} is damaged, but: {error}", passing=error.passing, general=error.general) from error
    return replace(outcome, kind="rebuilt", text=f"{name} was damaged and is kept as {name}.damaged; anew: {outcome.text}")


def _days(texts: list[str]) -> Iterator[date]:
    """The dates among some texts that the calendar knows; a damaged file may say anything."""
    for text in texts:
        with suppress(ValueError, TypeError):
            day = date.fromisoformat(text)
            if str(day) >= sessions.FIRST:
                yield day


def _given_up(symbols: tuple[str, ...], error: FetchError) -> Iterator[Outcome]:
    yield Outcome(symbol=symbols[0], kind="failed", text=str(error))
    for symbol in symbols[1:]:
        yield Outcome(symbol=symbol, kind="failed", text="not asked for, as it would be the same.")


def _complete(entry: Entry, wish: Wish) -> bool:
    return entry.asked_from <= str(wish.start) and bool(entry.last >= wish.last)


def _fetch_one(folder: Path, symbol: str, before: Entry | None, wish: Wish, *, damaged: bool = False) -> Outcome:
    start = min(wish.start, date.fromisoformat(before.asked_from)) if before else wish.start
    answer = _cut(symbol, yahoo.ask_patiently(symbol, start, wait=wish.wait), before, wish)
    today = str(pd.Timestamp.now("UTC").date())
    if before is None:
        entry = Entry(
            figures=answer.figures, dividends=answer.dividends, splits=answer.splits, asked_from=str(start), retrieved=today
        )
        _keep(folder, symbol, entry, aside=damaged)
        return Outcome(
            symbol=symbol,
            kind="new",
            text=f"{_span(entry.figures)}, {_count(len(entry.dividends), 'dividend')}{_short(entry, wish)}",
        )
    _check_whole(symbol, answer, before)
    merger = merge(before, answer, accept=wish.accept, asked_from=str(start), today=today)
    if merger.appended:
        _keep(folder, symbol, merger.entry)
    kind: Literal["differs", "updated"] = "differs" if merger.differences else "updated"
    return Outcome(symbol=symbol, kind=kind, text=_told(merger, before, wish))


def _keep(folder: Path, symbol: str, entry: Entry, *, aside: bool = False) -> None:
    write_entry(folder, symbol, replace(entry, source=yahoo.source()), aside=aside)
    write_source(folder, yahoo.source())


def _cut(symbol: str, answer: Answer, before: Entry | None, wish: Wish) -> Answer:
    """The answer without what lies after the last session wanted or stored."""
    last = max(wish.last, before.last) if before else wish.last
    kept = answer.figures.days <= last
    if not kept.any():
        raise FetchError(f"Yahoo has no session of {symbol} up to {last}; its first is {answer.figures.days[0]}.")
    return replace(
        answer,
        figures=Figures(days=answer.figures.days[kept], cells=answer.figures.cells[:, kept]),
        dividends={day: amount for day, amount in answer.dividends.items() if day <= str(last)},
    )


def _check_whole(symbol: str, answer: Answer, before: Entry) -> None:
    first, last = answer.figures.days[0], answer.figures.days[-1]
    if first > before.figures.days[0] or last < before.last:
        raise FetchError(
            f"Yahoo's answer for {symbol} is only a part: {first} to {last}, but {before.figures.days[0]} to {before.last} "
            "is stored. What is stored stays."
        )


def _told(merger: Merger, before: Entry, wish: Wish) -> str:
    entry = merger.entry
    parts = [f"{_ratio(ratio)} split on {day}: the whole history rewritten" for day, ratio in merger.splits.items()]
    late = [day for day in entry.dividends if day not in before.dividends and day <= str(before.last)]
    parts += [f"dividend of ${entry.dividends[day]:g} on {day} added" for day in late]
    parts += [f"+{_count(merger.added, 'session')}, to {entry.last}" if merger.added else f"nothing new, to {entry.last}"]
    if merger.differences:
        parts += [_differing(merger.differences), _decided(merger, wish)]
    return "; ".join(parts) + _short(entry, wish)


def _differing(differences: tuple[Difference, ...]) -> str:
    worst = max(differences, key=lambda difference: difference.size)
    days = sorted({difference.date for difference in differences})
    span = days[0] if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
    now = "none" if worst.now != worst.now else f"{worst.now:.10g}"
    by = f", by up to {worst.size:.2g} of it" if worst.size < float("inf") else ""
    count = f"{_count(len(differences), 'figure')} {'differs' if len(differences) == 1 else 'differ'}"
    return f"{count} on {span}{by} ({worst.field} of {worst.date}: stored {worst.before:.10g}, now {now})"


def _decided(merger: Merger, wish: Wish) -> str:
    if wish.accept:
        return "the new figures are taken"
    joined = "" if merger.appended else " and nothing is added, as the two do not join"
    return f"the stored figures stay{joined}; --refresh --accept takes the new"


def _ratio(ratio: float) -> str:
    return f"{ratio:g} for 1" if ratio >= 1 else f"1 for {1 / ratio:g}"


def _span(figures: Figures) -> str:
    return f"{_count(len(figures.days), 'session')}, {figures.days[0]} to {figures.days[-1]}"


def _short(entry: Entry, wish: Wish) -> str:
    return f"; it ends before {wish.last}" if entry.last < wish.last else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
