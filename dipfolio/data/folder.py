"""Data folders: loads the bars of some symbols from a folder, and chooses the folder that a run uses by default.

A data folder has prices for each symbol and ``dividends.csv``; ``events.csv``, ``splits.csv``, ``borrow.csv``, ``source.json``
and ``dataset.toml`` are optional. A run uses the fetched data if they have every symbol, else the embedded data; the two are
never mixed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data import validation
from dipfolio.data.arch_data import arch_origin, names_arch
from dipfolio.data.bars import Bars, Origin
from dipfolio.data.borrow_rates import BORROW_FILE, borrow_warnings, load_borrow_rates
from dipfolio.data.cache import cached_origin, read_all_metadata
from dipfolio.data.corporate_actions import (
    dividends_by_session,
    load_dividends,
    load_splits,
    missing_dividends_warning,
    unmatched_symbol_warnings,
)
from dipfolio.data.events import match_event_symbols, read_events
from dipfolio.data.exchange_rates import Converter, account_currency
from dipfolio.data.instruments import index_warnings, instrument
from dipfolio.data.membership import MEMBERSHIP_COLUMNS, MEMBERSHIP_FILE, Membership, members_of, read_membership
from dipfolio.data.price_files import PriceFiles, find_price_files
from dipfolio.data.schema import FIELDS, CacheMetadata, DataIssue, FileFormat, PriceTable, Split
from dipfolio.data.split_adjustment import SplitAdjusted, adjust_dividends, adjust_for_splits
from dipfolio.data.universe import DATED_MEMBERS, EVERY_SYMBOL, expand_universes
from dipfolio.data.validation import find_errors
from dipfolio.errors import DataError, MissingFileError, ParameterError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class FolderChoice:
    """A data folder and why it was chosen.

    Attributes
    ----------
    folder : Path
    reason : str
        A sentence to say, empty where there was nothing to choose.
    """

    folder: Path
    reason: str = ""


def choose_folder(fetched: Path, embedded: Path, symbols: tuple[str, ...] = ()) -> FolderChoice:
    """The fetched data where they have every symbol that is wanted, else the embedded ones; the two are never mixed.

    Parameters
    ----------
    fetched, embedded : Path
        Data folders; the first need not exist.
    symbols : tuple of str
        What is wanted.
    """
    try:
        available = find_price_files(fetched).symbols
    except DataError as error:
        return FolderChoice(folder=embedded, reason=f"Data: {embedded}, as {error}" if fetched.exists() else "")
    missing = [symbol for symbol in symbols if symbol not in available]
    if missing and set(symbols) <= set(find_price_files(embedded).symbols):
        named = " ".join(missing[:12]) + (" ..." if len(missing) > 12 else "")
        reason = f"Data: {embedded}, as {fetched} lacks {named}; `python backtest.py data fetch {named}` brings them."
        return FolderChoice(folder=embedded, reason=reason)
    retrieved = read_origin(fetched, fetched.name).retrieved
    return FolderChoice(
        folder=fetched, reason=f"Data: {fetched}{f', retrieved {retrieved}' if retrieved else ''}, before {embedded}."
    )


def available_symbols(folder: Path) -> tuple[str, ...]:
    """The symbols that a data folder has prices for, sorted.

    Raises
    ------
    DataError
        No such folder, or no prices in it.
    """
    return find_price_files(folder).symbols


def load_bars(
    folder: Path | str,
    symbols: tuple[str, ...] | None = None,
    end: date | pd.Timestamp | None = None,
    events: Path | None = None,
    splits: Path | None = None,
    membership: Path | None = None,
    currency: str = "",
) -> Bars:
    """Read the data of some symbols onto one calendar; no file of another symbol is opened.

    Parameters
    ----------
    folder : Path
        A data folder, one file with a symbol column, or the word ``arch``; see
        :func:`dipfolio.data.price_files.find_price_files`.
    symbols : tuple of str, optional
        All that the folder has, if not given. ``@universe`` stands for the symbols of ``universe.csv``, ``all`` for every
        symbol of the folder that can be bought.
    end : date, optional
        Nothing after this session is kept.
    events, splits, membership : Path, optional
        The tables to use where the folder has no ``events.csv``, ``splits.csv`` or ``universe.csv`` of its own.
    currency : str
        Of the account, to which all prices are converted; that of the folder, or else of the prices, if not given.

    Returns
    -------
    Bars
        With the oddities of the data in ``warnings`` and how each file was understood in ``readings``.

    Raises
    ------
    UnknownNameError
        A symbol that the folder has no prices for.
    ParameterError
        No symbol at all, or one that is named twice.
    DataError
        A folder or file that cannot be read, a file of which nobody can tell whose prices it has (only where no symbols or
        ``all`` are given), or data that cannot be trusted.
    """
    folder = Path(folder)
    files = find_price_files(folder)
    rows: tuple[Membership, ...] = ()
    if symbols is not None and DATED_MEMBERS in symbols:
        rows = load_membership(files, membership)
        symbols = expand_universes(symbols, {DATED_MEMBERS: members_of(rows)})
    if symbols is not None and EVERY_SYMBOL in symbols:
        symbols = expand_universes(symbols, {EVERY_SYMBOL: _symbols_to_buy(files)})
    symbols = _requested_symbols(files, folder, symbols)
    tables, readings = _read_prices(files, symbols)
    exchange = files.settings.calendar_of(symbols)
    index = exchange.between(min(t.days[0] for t in tables.values()), max(t.days[-1] for t in tables.values()))
    metadata = read_all_metadata(files.folder, symbols)
    divisions = first_existing(files.folder / "splits.csv", splits)
    named = load_splits(divisions, metadata, symbols, files.symbols)
    adjusted = {
        symbol: adjust_symbol(symbol, tables.pop(symbol), readings[symbol], metadata, named, divisions) for symbol in symbols
    }
    payments, dividend_issues = adjust_dividends(load_dividends(files.folder, metadata, symbols, files.symbols), adjusted)
    final = {symbol: one.prices for symbol, one in adjusted.items()}
    frames = {**align_prices(dict(final), index), "dividends": dividends_by_session(payments, index, symbols, exchange)}
    events_file = first_existing(files.folder / "events.csv", events)
    lent = first_existing(files.folder / BORROW_FILE)
    listings = {symbol: files.settings.listing(symbol) for symbol in symbols if instrument(symbol).kind.is_tradable}
    asked = currency or files.settings.account
    converter = Converter(folder=files.folder, currency=account_currency(listings.values(), asked))
    bars = Bars(
        **_converted(frames, converter.factors(listings, index)),
        origin=read_origin(
            files.folder, folder.name, metadata if len(symbols) == len(files.symbols) and folder.is_dir() else None
        ),
        events=match_event_symbols(read_events(events_file), files.symbols) if events_file else (),
        splits=tuple(split for symbol in symbols for split in adjusted[symbol].splits),
        warnings=(
            *(finding for one in adjusted.values() for finding in one.findings),
            *dividend_issues,
            *dividend_warnings(files.folder, metadata, final, readings, frames["dividends"]),
            *(() if set(symbols) <= set(metadata) else unmatched_symbol_warnings(files.folder, files.symbols)),
            *borrow_warnings(lent, files.symbols),
            *validation.find_warnings(frames),
            *converter.warnings(listings, index),
        ),
        readings=tuple(dict.fromkeys(readings.values())),
        membership=rows,
        borrow_rates=load_borrow_rates(lent, symbols, files.symbols),
        calendar=exchange,
        currency=converter.currency,
        conversions=tuple(converter.conversions(listings, index)),
    )
    return bars if end is None else bars.until(end)


def load_membership(files: PriceFiles, other: Path | None = None) -> tuple[Membership, ...]:
    """The rows of the folder's ``universe.csv``, or else of another one.

    Raises
    ------
    MissingFileError
        Neither is there.
    DataError
        A table that cannot be read.
    """
    path = first_existing(files.folder / MEMBERSHIP_FILE, other)
    if path is None:
        columns = ",".join(MEMBERSHIP_COLUMNS)
        raise MissingFileError(f"{files.folder} has no {MEMBERSHIP_FILE} ({columns}), which {DATED_MEMBERS} stands for.")
    return read_membership(path, files.symbols)


def adjust_symbol(
    symbol: str,
    prices: PriceTable,
    reading: FileFormat,
    metadata: dict[str, CacheMetadata],
    named: tuple[Split, ...],
    divisions: Path | None,
) -> SplitAdjusted:
    """One symbol on today's shares; fetched prices are already, and so are those of which ``splits.csv`` states it.

    Parameters
    ----------
    symbol : str
    prices : PriceTable
    reading : FileFormat
    metadata : dict
        The metadata of fetched prices.
    named : tuple of Split
        Of all symbols.
    divisions : Path, optional
        The table that they stand in.

    Raises
    ------
    DataError
        See :func:`dipfolio.data.split_adjustment.adjust_for_splits`.
    """
    splits = tuple(sorted((split for split in named if split.symbol == symbol), key=lambda split: split.day))
    stated = prices.splits is None and bool(splits) and all(split.is_adjusted for split in splits)
    if symbol in metadata or stated:
        return SplitAdjusted(prices=prices, splits=splits)
    name = "splits.csv" if divisions is None else f"{divisions.absolute().parent.name}/{divisions.name}"
    return adjust_for_splits(symbol, prices, reading.file, splits, name)


def dividend_warnings(
    folder: Path,
    metadata: dict[str, CacheMetadata],
    tables: dict[str, PriceTable],
    readings: dict[str, FileFormat],
    paid: pd.DataFrame,
) -> Iterator[DataIssue]:
    """The warnings about dividends: none paid, perhaps paid twice, a price index, an adjusted close that implies dividends.

    Parameters
    ----------
    folder, metadata
        As for :func:`dipfolio.data.corporate_actions.missing_dividends_warning`.
    tables, readings : dict
        By symbol.
    paid : DataFrame of shape (sessions, symbols)
        The dividends that are paid.
    """
    paying = tuple(symbol for symbol, prices in tables.items() if prices.dividends is not None)
    yield from index_warnings(tables)
    yield from missing_dividends_warning(folder, metadata, tuple(s for s in tables if not instrument(s).kind.is_index), paying)
    yield from validation.convention_warnings(readings, [symbol for symbol in paid if (paid[symbol] > 0).any()])
    if not (folder / "dividends.csv").exists():
        for symbol, prices in tables.items():
            if prices.adjusted is not None and symbol not in paying and symbol not in metadata:
                text = f"{symbol}: {prices.adjusted.heading} is not used; the closes are traded as they stand."
                yield DataIssue(severity="warning", kind="not used", symbol=symbol, text=text)


def _symbols_to_buy(files: PriceFiles) -> tuple[str, ...]:
    """Every symbol of the folder that can be bought: no index and no rate.

    Raises
    ------
    DataError
        A file of which nobody can tell whose prices it has.
    ParameterError
        None can be bought.
    """
    if files.unnamed_files_error:
        raise DataError(files.unnamed_files_error)
    symbols = tuple(symbol for symbol in files.symbols if instrument(symbol).can_be_bought)
    if not symbols:
        raise ParameterError(f"{files.folder} has nothing that can be bought, so that the universe {EVERY_SYMBOL!r} is empty.")
    return symbols


def _requested_symbols(files: PriceFiles, folder: Path, symbols: tuple[str, ...] | None) -> tuple[str, ...]:
    if symbols is None:
        if files.unnamed_files_error:
            raise DataError(files.unnamed_files_error)
        return files.symbols
    for symbol in symbols:
        if symbol not in files.paths:
            hint = f"{folder} has prices for: {_symbol_list(files.symbols)}. {files.unnamed_files_error}".strip()
            raise UnknownNameError("symbol", symbol, files.symbols, hint)
    if len(set(symbols)) < len(symbols) or not symbols:
        raise ParameterError(f"Name at least one symbol and each once, found {', '.join(symbols) or 'none'}.")
    return symbols


def _converted(frames: dict[str, pd.DataFrame], factors: dict[str, np.ndarray]) -> dict[str, pd.DataFrame]:
    """The frames with prices and dividends in the currency of the account."""
    if not factors:
        return frames
    index, columns = frames["close"].index, frames["close"].columns
    table = pd.DataFrame({symbol: factors.get(symbol, 1.0) for symbol in columns}, index=index, columns=columns)
    return {field: frame if field == "volume" else frame * table for field, frame in frames.items()}


def first_existing(*paths: Path | None) -> Path | None:
    """The first of some files that is there."""
    return next((path for path in paths if path and path.exists()), None)


def _symbol_list(symbols: tuple[str, ...], most: int = 40) -> str:
    return ", ".join(symbols[:most]) + (f" and {len(symbols) - most} more" if len(symbols) > most else "")


def _read_prices(files: PriceFiles, symbols: tuple[str, ...]) -> tuple[dict[str, PriceTable], dict[str, FileFormat]]:
    """The data of each symbol and how its file was read; the first fault is an error."""
    tables, readings = {}, {}
    for symbol in symbols:
        tables[symbol], readings[symbol] = files.read(symbol)
        for fault in find_errors(symbol, tables[symbol], files.settings.listing(symbol).calendar):
            raise DataError(fault.text)
    return tables, readings


def align_prices(tables: dict[str, PriceTable], index: pd.DatetimeIndex) -> dict[str, pd.DataFrame]:
    """A frame of shape (sessions, symbols) for each field, NaN where a symbol has no bar; empties ``tables`` on the way."""
    symbols, days = list(tables), index.to_numpy().astype("datetime64[D]")
    values = np.full((len(FIELDS), len(symbols), len(index)), np.nan)
    for column, symbol in enumerate(symbols):
        prices = tables.pop(symbol)
        values[:, column, np.searchsorted(days, prices.days)] = prices.cells
    return {field: pd.DataFrame(values[i].T, index=index, columns=symbols, copy=False) for i, field in enumerate(FIELDS)}


def read_origin(folder: Path, name: str, metadata: Mapping[str, CacheMetadata] | None = None) -> Origin:
    """The origin from the metadata of fetched prices, or else from ``source.json``; only the name where there is none.

    The word ``arch`` in the place of a folder has the origin of those data.

    Parameters
    ----------
    folder : Path
    name : str
    metadata : mapping, optional
        The metadata of every symbol of the folder, where they were read before.

    Raises
    ------
    DataError
        A file that cannot be read as an origin.
    """
    fetched = arch_origin() if names_arch(folder) else cached_origin(folder, metadata)
    if fetched:
        return Origin(**fetched, path=name)
    path = folder / "source.json"
    if not path.exists():
        return Origin(path=name)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(value, str) for value in record.values()):
            raise TypeError("every value must be text")
        return Origin(**{**record, "path": name})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as the origin of the data: {str(error)[:100]}") from error
