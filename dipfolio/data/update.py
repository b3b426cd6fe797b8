"""Updates of the price cache: fetches new data symbol by symbol and merges them with the cached data.

An update can stop after any symbol and continue later. The cached history changes only where a split requires it or
where the user accepts the revisions; every revision beyond rounding is reported.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from dipfolio.data import calendar, yahoo
from dipfolio.data.cache import (
    CachedSymbol,
    cache_path,
    cached_symbols,
    read_all_metadata,
    read_cached_symbol,
    write_cached_symbol,
)
from dipfolio.data.price_files import SYMBOL_PATTERN
from dipfolio.data.schema import FIELDS, PriceTable
from dipfolio.data.yahoo import ProviderData
from dipfolio.errors import CorruptFileError, DataError, FetchError, ParameterError
from dipfolio.storage import recover_scratch

PRICE_TOLERANCE = 5e-6
"""Relative difference of two prices that is not reported: Yahoo's last digits change from call to call (yfinance#1038)."""
VOLUME_TOLERANCE = 1e-6
DIVIDEND_TOLERANCE = 1e-4
"""A dividend divided by a split is rounded."""


@dataclass(frozen=True, kw_only=True)
class DataRevision:
    """A value that differs from the stored one.

    Attributes
    ----------
    date : str
    field : str
        A column of the prices, "dividend" or "session".
    before, now : float
        NaN where there was or is none.
    """

    date: str
    field: str
    before: float
    now: float

    @property
    def size(self) -> float:
        """Relative to what it was; infinite where one of the two is missing or nothing."""
        return abs(self.now / self.before - 1) if self.before > 0 and self.now == self.now else float("inf")


@dataclass(frozen=True, kw_only=True, eq=False)
class MergeResult:
    """The outcome of a merge.

    Attributes
    ----------
    entry : CachedSymbol
        What is to be kept.
    added : int
        Sessions that were not stored before.
    splits : dict
        Those that the stored history was brought onto.
    differences : tuple of DataRevision
        Between the answer and what was stored.
    is_continuous : bool
        Whether later sessions could be joined on; not where the last stored close is in doubt.
    """

    entry: CachedSymbol
    added: int
    splits: dict[str, float]
    differences: tuple[DataRevision, ...]
    is_continuous: bool = True


def merge_provider_data(before: CachedSymbol, answer: ProviderData, *, accept: bool, asked_from: str, today: str) -> MergeResult:
    """Join an answer to what is stored.

    Parameters
    ----------
    before : CachedSymbol
    answer : ProviderData
    accept : bool
        Take the answer where the two differ; else the stored data stay.
    asked_from, today : str
        ISO dates for the new entry.

    Notes
    -----
    Splits that the stored history does not know divide its earlier prices and dividends and multiply its volumes. If the
    answer agrees with that, its data replace the stored ones; if the two agree without it, the provider has named the
    split but not yet applied it, and everything stays as it is.
    """
    splits = {
        day: ratio for day, ratio in answer.splits.items() if day not in before.splits and day >= str(before.prices.days[0])
    }
    on_splits = _split(before, splits)
    differences = find_revisions(on_splits, answer)
    fresh = CachedSymbol(
        prices=answer.prices, dividends=answer.dividends, splits=answer.splits, asked_from=asked_from, retrieved=today
    )
    added = int(np.isin(answer.prices.days, before.prices.days, invert=True).sum())
    if accept or not differences:
        entry = fresh if accept or splits else _joined(on_splits, fresh)
        return MergeResult(entry=entry, added=added, splits=splits, differences=differences)
    doubtful = {d.date for d in differences if d.field == "close"} & {str(before.last)}
    if doubtful or (splits and not find_revisions(before, answer)):
        return MergeResult(entry=before, added=0, splits={}, differences=differences, is_continuous=False)
    return MergeResult(entry=_joined(on_splits, fresh), added=added, splits=splits, differences=differences)


def find_revisions(before: CachedSymbol, answer: ProviderData) -> tuple[DataRevision, ...]:
    """Where an answer is not what is stored, beyond noise; an additional dividend is none."""
    old, new = before.prices, answer.prices
    shared, i, j = np.intersect1d(old.days, new.days, return_indices=True)
    revisions = []
    for row, field in enumerate(FIELDS):
        a, b = old.cells[row, i], new.cells[row, j]
        noise = a * VOLUME_TOLERANCE + 2 if field == "volume" else a * PRICE_TOLERANCE
        revisions += [
            DataRevision(date=str(shared[k]), field=field, before=float(a[k]), now=float(b[k]))
            for k in np.flatnonzero(abs(a - b) > noise)
        ]
    gone = old.days[np.isin(old.days, new.days, invert=True) & (old.days >= new.days[0])]
    revisions += [DataRevision(date=str(day), field="session", before=1.0, now=float("nan")) for day in gone]
    for day, amount in before.dividends.items():
        now = answer.dividends.get(day, float("nan"))
        if not abs(now - amount) <= amount * DIVIDEND_TOLERANCE and day >= str(new.days[0]):
            revisions.append(DataRevision(date=day, field="dividend", before=amount, now=now))
    return tuple(sorted(revisions, key=lambda difference: difference.date))


def _split(entry: CachedSymbol, splits: dict[str, float]) -> CachedSymbol:
    """An entry as it is after some splits."""
    cells, dividends = entry.prices.cells.copy(), dict(entry.dividends)
    for day, ratio in splits.items():
        early = entry.prices.days < np.datetime64(day, "D")
        cells[:4, early] /= ratio
        cells[4, early] *= ratio
        dividends = {paid: amount / ratio if paid < day else amount for paid, amount in dividends.items()}
    return replace(entry, prices=PriceTable(days=entry.prices.days, cells=cells), dividends=dividends)


def _joined(before: CachedSymbol, fresh: CachedSymbol) -> CachedSymbol:
    """All that is stored, and what of the new lies on other days."""
    other = np.isin(fresh.prices.days, before.prices.days, invert=True)
    days = np.concatenate([before.prices.days, fresh.prices.days[other]])
    order = np.argsort(days, kind="stable")
    cells = np.concatenate([before.prices.cells, fresh.prices.cells[:, other]], axis=1)
    return replace(
        fresh,
        prices=PriceTable(days=days[order], cells=np.ascontiguousarray(cells[:, order])),
        dividends=dict(sorted({**fresh.dividends, **before.dividends}.items())),
        splits=dict(sorted({**before.splits, **fresh.splits}.items())),
    )


@dataclass(frozen=True, kw_only=True)
class FetchRequest:
    """The request of a fetch: symbols, dates and folder.

    Attributes
    ----------
    start : date
        The first day wanted.
    end : date, optional
        The last day wanted; the last whole session, if not given.
    refresh : bool
        Ask for symbols too that are complete.
    accept : bool
        Take new data where they differ from stored ones.
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
        if str(self.start) < calendar.FIRST_SESSION:
            raise ParameterError(
                f"The calendar of sessions begins on {calendar.FIRST_SESSION}; start there or later, not on {self.start}."
            )

    @property
    def last(self) -> np.datetime64:
        """The last whole session wanted."""
        last = yahoo.last_complete_session()
        return (
            min(last, yahoo.last_complete_session(pd.Timestamp(f"{self.end} 23:00", tz="America/New_York"))) if self.end else last
        )


@dataclass(frozen=True, kw_only=True)
class FetchOutcome:
    """The outcome of the fetch of one symbol.

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


def fetch(
    folder: Path, symbols: tuple[str, ...], wish: FetchRequest, sleep: Callable[[float], None] = time.sleep
) -> Iterator[FetchOutcome]:
    """Ask for each symbol in turn and keep what comes; a damaged file is kept aside and its symbol fetched anew.

    Parameters
    ----------
    folder : Path
        The store; made where it is missing.
    symbols : tuple of str
    wish : FetchRequest
    sleep : callable
        Takes seconds; politeness between two questions.

    Yields
    ------
    FetchOutcome
        One for each symbol as it is done. Where nobody can be reached at all the rest is not asked for.

    Raises
    ------
    ParameterError
        A name that can be no symbol.
    DataError
        A folder that cannot be written.
    """
    for symbol in symbols:
        if not SYMBOL_PATTERN.fullmatch(symbol):
            raise ParameterError(f"{symbol!r} cannot be the name of a symbol.")
    recover_scratch(folder / "prices")
    asked = False
    for position, symbol in enumerate(symbols):
        try:
            before, damaged = _cached_or_damaged(folder, symbol, replaced=wish.refresh and wish.accept)
            if before and not wish.refresh and _complete(before, wish):
                yield FetchOutcome(symbol=symbol, kind="complete", text=f"complete, to {before.last}")
                continue
            if asked:
                sleep(wish.pause)
            asked = True
            outcome = _rebuild_one(folder, symbol, wish) if damaged else _fetch_one(folder, symbol, before, wish)
        except DataError as error:
            if isinstance(error, FetchError) and error.affects_all_symbols:
                yield from _not_fetched(symbols[position:], error)
                return
            outcome = FetchOutcome(symbol=symbol, kind="failed", text=str(error))
        yield outcome


def refetch_damaged(folder: Path, symbols: tuple[str, ...], start: date) -> Iterator[FetchOutcome]:
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
    FetchOutcome
        One for each damaged file; what a run could not use for another reason is left as it is.
    """
    states = {symbol: _cached_or_damaged(folder, symbol, replaced=True) for symbol in symbols}
    damaged = tuple(symbol for symbol, (_, broken) in states.items() if broken)
    ends = [date.fromisoformat(str(entry.last)) for entry, _ in states.values() if entry]
    yield from fetch(folder, damaged, FetchRequest(start=start, end=max(ends, default=None)))


def _cached_or_damaged(folder: Path, symbol: str, *, replaced: bool) -> tuple[CachedSymbol | None, bool]:
    """The cached symbol, and whether its file is damaged."""
    try:
        return read_cached_symbol(folder, symbol, replace=replaced), False
    except CorruptFileError:
        return None, True


def _rebuild_one(folder: Path, symbol: str, wish: FetchRequest) -> FetchOutcome:
    """As for the first time, from the earliest day that was asked for of any symbol; what stands there is kept aside."""
    asked = [note.asked_from for note in read_all_metadata(folder, cached_symbols(folder)).values()]
    name = cache_path(folder, symbol).name
    try:
        outcome = _fetch_one(folder, symbol, None, replace(wish, start=min([wish.start, *_days(asked)])), damaged=True)
    except FetchError as error:
        raise FetchError(
            f"{name} is damaged, but: {error}", retryable=error.retryable, affects_all_symbols=error.affects_all_symbols
        ) from error
    return replace(outcome, kind="rebuilt", text=f"{name} was damaged and is kept as {name}.damaged; anew: {outcome.text}")


def _days(texts: list[str]) -> Iterator[date]:
    """The dates among some texts that the calendar knows; a damaged file may say anything."""
    for text in texts:
        with suppress(ValueError, TypeError):
            day = date.fromisoformat(text)
            if str(day) >= calendar.FIRST_SESSION:
                yield day


def _not_fetched(symbols: tuple[str, ...], error: FetchError) -> Iterator[FetchOutcome]:
    yield FetchOutcome(symbol=symbols[0], kind="failed", text=str(error))
    for symbol in symbols[1:]:
        yield FetchOutcome(symbol=symbol, kind="failed", text="not asked for, as it would be the same.")


def _complete(entry: CachedSymbol, wish: FetchRequest) -> bool:
    return entry.asked_from <= str(wish.start) and bool(entry.last >= wish.last)


def _fetch_one(
    folder: Path, symbol: str, before: CachedSymbol | None, wish: FetchRequest, *, damaged: bool = False
) -> FetchOutcome:
    start = min(wish.start, date.fromisoformat(before.asked_from)) if before else wish.start
    answer = _cut(symbol, yahoo.download_with_retries(symbol, start, wait=wish.wait), before, wish)
    today = str(pd.Timestamp.now("UTC").date())
    if before is None:
        entry = CachedSymbol(
            prices=answer.prices, dividends=answer.dividends, splits=answer.splits, asked_from=str(start), retrieved=today
        )
        _write_fetched(folder, symbol, entry, keep_damaged=damaged)
        what = f"{_span(entry.prices)}, {_count(len(entry.dividends), 'dividend')}"
        return FetchOutcome(symbol=symbol, kind="new", text=f"{what}{_listing_text(entry)}{_shortfall_text(entry, wish)}")
    _check_coverage(symbol, answer, before)
    merger = merge_provider_data(before, answer, accept=wish.accept, asked_from=str(start), today=today)
    if merger.is_continuous:
        _write_fetched(folder, symbol, merger.entry)
    kind: Literal["differs", "updated"] = "differs" if merger.differences else "updated"
    return FetchOutcome(symbol=symbol, kind=kind, text=_update_text(merger, before, wish))


def _write_fetched(folder: Path, symbol: str, entry: CachedSymbol, *, keep_damaged: bool = False) -> None:
    write_cached_symbol(folder, symbol, replace(entry, source=yahoo.source_name()), keep_damaged=keep_damaged)


def _cut(symbol: str, answer: ProviderData, before: CachedSymbol | None, wish: FetchRequest) -> ProviderData:
    """The answer without what lies after the last session wanted or stored."""
    last = max(wish.last, before.last) if before else wish.last
    inside = answer.prices.days <= last
    if not inside.any():
        raise FetchError(f"Yahoo has no session of {symbol} up to {last}; its first is {answer.prices.days[0]}.")
    return replace(
        answer,
        prices=PriceTable(days=answer.prices.days[inside], cells=answer.prices.cells[:, inside]),
        dividends={day: amount for day, amount in answer.dividends.items() if day <= str(last)},
    )


def _check_coverage(symbol: str, answer: ProviderData, before: CachedSymbol) -> None:
    first, last = answer.prices.days[0], answer.prices.days[-1]
    if first > before.prices.days[0] or last < before.last:
        raise FetchError(
            f"Yahoo's answer for {symbol} is only a part: {first} to {last}, but {before.prices.days[0]} to {before.last} "
            "is stored. What is stored stays."
        )


def _update_text(merger: MergeResult, before: CachedSymbol, wish: FetchRequest) -> str:
    entry = merger.entry
    parts = [f"{_ratio(ratio)} split on {day}: the whole history rewritten" for day, ratio in merger.splits.items()]
    late = [day for day in entry.dividends if day not in before.dividends and day <= str(before.last)]
    parts += [f"dividend of ${entry.dividends[day]:g} on {day} added" for day in late]
    parts += [f"+{_count(merger.added, 'session')}, to {entry.last}" if merger.added else f"nothing new, to {entry.last}"]
    if merger.differences:
        parts += [_revision_text(merger.differences), _decision_text(merger, wish)]
    return "; ".join(parts) + _shortfall_text(entry, wish)


def _revision_text(differences: tuple[DataRevision, ...]) -> str:
    worst = max(differences, key=lambda difference: difference.size)
    days = sorted({difference.date for difference in differences})
    span = days[0] if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
    now = "none" if worst.now != worst.now else f"{worst.now:.10g}"
    by = f", by up to {worst.size:.2g} of it" if worst.size < float("inf") else ""
    count = f"{_count(len(differences), 'value')} {'differs' if len(differences) == 1 else 'differ'}"
    return f"{count} on {span}{by} ({worst.field} of {worst.date}: stored {worst.before:.10g}, now {now})"


def _decision_text(merger: MergeResult, wish: FetchRequest) -> str:
    if wish.accept:
        return "the new data are taken"
    joined = "" if merger.is_continuous else " and nothing is added, as the two do not join"
    return f"the stored data stay{joined}; --refresh --accept takes the new"


def _ratio(ratio: float) -> str:
    return f"{ratio:g} for 1" if ratio >= 1 else f"1 for {1 / ratio:g}"


def _span(prices: PriceTable) -> str:
    return f"{_count(len(prices.days), 'session')}, {prices.days[0]} to {prices.days[-1]}"


def _listing_text(entry: CachedSymbol) -> str:
    """Said where the history begins later than was asked for."""
    later = len(calendar.between(pd.Timestamp(entry.asked_from), pd.Timestamp(str(entry.prices.days[0])))) > 1
    return "; Yahoo has nothing earlier" if later else ""


def _shortfall_text(entry: CachedSymbol, wish: FetchRequest) -> str:
    return f"; it ends before {wish.last}" if entry.last < wish.last else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
