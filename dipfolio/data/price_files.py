"""Price files: finds the file of each symbol in a data folder and reads only those that are requested.

A folder has ``prices/<SYMBOL>.csv`` or ``.parquet``, files named as by Nasdaq or Stooq, or one file with a symbol
column. Parquet wins where a symbol has both. Symbols of exchanges that trade in another currency than dollars are
refused where ``dataset.toml`` does not state their currency.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dipfolio.data.arch_data import ARCH_FORMAT, ARCH_MODULES, arch_prices, names_arch
from dipfolio.data.calendar import LAST_SATURDAY, XNYS
from dipfolio.data.dataset import DATASET_FILE, FOREIGN_EXCHANGES, NEW_YORK, Dataset, Listing, read_dataset
from dipfolio.data.instruments import carry_forward, instrument
from dipfolio.data.schema import FileFormat, PriceTable
from dipfolio.data.tables import FILE_SUFFIXES, read_table
from dipfolio.data.vendor_formats import STOOQ_ADJUSTMENT_DOUBT, has_symbols, parse_prices
from dipfolio.errors import DataError, MissingFileError, ParameterError

SYMBOL_PATTERN = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.^=-]*")

NON_PRICE_NAMES = ("borrow", "dividends", "events", "rates", "splits", "universe")
"""Files beside the prices that are none themselves."""
SIDE_FILES = ("borrow.csv", "dividends.csv", "events.csv", "splits.csv", "source.json", DATASET_FILE)
"""The files that are looked for beside the prices."""

_NAMES = (
    re.compile(r"HistoricalData_(?P<symbol>[A-Z^][A-Z0-9.^-]*)", re.IGNORECASE),
    re.compile(r"(?P<symbol>\^?[A-Z0-9.-]+)_US_[DWM]", re.IGNORECASE),
    re.compile(r"(?P<symbol>\^[A-Z0-9]+)_[DWM]", re.IGNORECASE),
)
"""How Nasdaq and Stooq name a file that is for one symbol."""
_FOREIGN_NAME = re.compile(r"(?P<symbol>[A-Z0-9-]+)_(?P<place>UK|DE|JP|HK|HU|PL)_[DWM]", re.IGNORECASE)
_TEXT = re.compile(r".+(\.(us|uk|de|jp|hk|hu|pl)|_(us|uk|de|jp|hk|hu|pl)_[dwm])\.txt", re.IGNORECASE)
"""Stooq's names of text files; another file with that ending is no price file."""


@dataclass(frozen=True, kw_only=True)
class PriceFiles:
    """The files with prices below a folder.

    Attributes
    ----------
    folder : Path
        Where ``dividends.csv``, ``events.csv`` and ``source.json`` would stand.
    paths : dict
        Symbol to its file.
    shared : tuple of dict and FileFormat, optional
        The data of all symbols, where one file has them all.
    duplicates : dict
        Symbol to all files whose names mean it, where there are several.
    unnamed : tuple of Path
        Files whose names do not say whose prices they have.
    unread : tuple of Path
        CSV files beside a Parquet file of the same name, which is read.
    settings : Dataset
        Of ``dataset.toml``.
    """

    folder: Path
    paths: dict[str, Path]
    shared: tuple[dict[str, PriceTable], FileFormat] | None = None
    duplicates: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    unnamed: tuple[Path, ...] = ()
    unread: tuple[Path, ...] = ()
    settings: Dataset = NEW_YORK

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols that there are prices for, sorted."""
        return tuple(sorted(self.paths))

    def read(self, symbol: str) -> tuple[PriceTable, FileFormat]:
        """The data of one symbol, as far as the calendar of sessions goes back.

        Raises
        ------
        ParameterError
            A name that can be no symbol.
        DataError
            A file that cannot be read or that holds another symbol; two files for it; a share that is not quoted in dollars.
        """
        if not SYMBOL_PATTERN.fullmatch(symbol):
            raise ParameterError(f"{symbol!r} cannot be the name of a symbol.")
        listing = self.settings.listing(symbol)
        if not listing.unit:
            _refuse_foreign(symbol, None if self.shared else self.paths[symbol])
        if self.shared:
            return _in_calendar(symbol, self.shared[0][symbol], self.shared[1], listing)
        if symbol in self.duplicates:
            named = " and ".join(str(path) for path in self.duplicates[symbol])
            raise DataError(f"{named} are both for {symbol} by their names; keep one of them.")
        path = self.paths[symbol]
        by_symbol, reading = parse_prices(read_table(path, footers=True))
        if len(by_symbol) != 1 or _without_country(next(iter(by_symbol))) not in ("", symbol):
            raise DataError(f"{path} should hold {symbol} alone, but names {', '.join(by_symbol) or 'no symbol'}.")
        prices = next(iter(by_symbol.values()))
        if not len(prices.days):
            raise DataError(f"{path} has no bar.")
        if path.stem.lower().endswith(("_us_d", ".us")) and not reading.doubt:
            reading = replace(reading, layout="Stooq", doubt=STOOQ_ADJUSTMENT_DOUBT)
        return _in_calendar(symbol, prices, reading, listing)

    def unused(self) -> Iterator[Path]:
        """Files that another one takes the place of."""
        yield from self.unread

    @property
    def unnamed_files_error(self) -> str:
        """The advice for files whose names do not say whose prices they have; empty where there are none."""
        if not self.unnamed:
            return ""
        more = f" (and {len(self.unnamed) - 1} more)" if len(self.unnamed) > 1 else ""
        ending = self.unnamed[0].suffix.lower()
        return (
            f"{self.unnamed[0]}{more} has a name that cannot be the name of a symbol; "
            f"name it by the symbol whose prices it has, as NVDA{ending} for NVDA."
        )


def find_price_files(source: Path) -> PriceFiles:
    """The files with prices of a data folder, or of a single file with a symbol column.

    Parameters
    ----------
    source : Path
        A folder with ``prices/<SYMBOL>.csv`` or ``.parquet``, or with names as Nasdaq or Stooq give them; the same without
        ``prices/``; or one CSV or Parquet file; or the word ``arch``, see :mod:`dipfolio.data.arch_data`.

    Raises
    ------
    DataError
        Nothing there, or nothing that has prices; a ``dataset.toml`` that cannot be read.
    """
    files = _find(source)
    return replace(files, settings=read_dataset(files.folder, files.symbols))


def _find(source: Path) -> PriceFiles:
    if source.is_file():
        return _single_file(source, source.parent)
    if names_arch(source):
        return PriceFiles(folder=source, paths=dict.fromkeys(ARCH_MODULES, source), shared=(arch_prices(), ARCH_FORMAT))
    _refuse_other_spelling(source)
    place = source / "prices" if (source / "prices").is_dir() else source
    files = [path for path in sorted(place.iterdir()) if _has_prices(path)] if place.is_dir() else []
    if place == source:
        files = [path for path in files if path.stem.lower() not in NON_PRICE_NAMES]
        if not files:
            kind = DataError if source.exists() else MissingFileError
            raise kind(f"{source} is no data folder: it has no prices/ with a file for each symbol.")
    if not files:
        raise DataError(f"{place} is empty; a data folder has prices/<SYMBOL>.csv or .parquet.")
    if len(files) == 1 and _is_single(files[0]):
        return _single_file(files[0], source)
    return _by_name(source, files)


def _refuse_other_spelling(folder: Path) -> None:
    """Refuse ``Dividends.csv``, which nobody would read, unless the disk takes it for ``dividends.csv``.

    Raises
    ------
    DataError
    """
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = path.name.lower()
        if name in SIDE_FILES and path.name != name and not (folder / name).exists():
            raise DataError(f"{path} is not read under this name; call it {name}.")


def _has_prices(path: Path) -> bool:
    """True if it is a file of a kind that is read, and none that macOS or Excel keeps beside one."""
    if path.name.startswith(("._", "~$")):
        return False
    return path.suffix.lower() in FILE_SUFFIXES or bool(_TEXT.fullmatch(path.name))


def _by_name(folder: Path, files: list[Path]) -> PriceFiles:
    """Files for one symbol each.

    Raises
    ------
    DataError
        No file of which the name says whose prices it has.
    """
    groups: dict[str, list[Path]] = {}
    unnamed = []
    for path in sorted(files, key=_preference):
        symbol = symbol_from_filename(path)
        groups.setdefault(symbol, []).append(path) if symbol else unnamed.append(path)
    unread = [path for group in groups.values() for path in group[1:] if path.stem == group[0].stem]
    rivals = {symbol: tuple(path for path in group if path not in unread) for symbol, group in groups.items()}
    price_files = PriceFiles(
        folder=folder,
        paths={symbol: group[0] for symbol, group in groups.items()},
        duplicates={symbol: group for symbol, group in rivals.items() if len(group) > 1},
        unnamed=tuple(unnamed),
        unread=tuple(unread),
    )
    if not price_files.paths:
        raise DataError(price_files.unnamed_files_error)
    return price_files


def _preference(path: Path) -> int:
    """Parquet before text."""
    suffix = path.suffix.lower()
    return FILE_SUFFIXES.index(suffix) if suffix in FILE_SUFFIXES else len(FILE_SUFFIXES)


def symbol_from_filename(path: Path) -> str:
    """The symbol that a file is for by its name, in capitals; empty where the name does not say.

    Examples
    --------
    >>> [symbol_from_filename(Path(name)) for name in ("nvda.csv", "nvda_us_d.csv", "nvda.us.txt", "HistoricalData_NVDA.csv")]
    ['NVDA', 'NVDA', 'NVDA', 'NVDA']
    """
    stem = path.stem.strip()
    abroad = _FOREIGN_NAME.fullmatch(stem)
    if abroad:
        return f"{abroad['symbol']}.{abroad['place']}".upper()
    named = next((match["symbol"] for name in _NAMES if (match := name.fullmatch(stem))), stem)
    return _without_country(named) if SYMBOL_PATTERN.fullmatch(named) else ""


def _is_single(path: Path) -> bool:
    """True if one file alone has the prices of several symbols."""
    try:
        table = read_table(path, rows=2)
        return has_symbols(table.heads, table.first_rows(2)) and symbol_from_filename(path) not in map(
            _without_country, parse_prices(table)[0]
        )
    except DataError:
        return False


def _single_file(path: Path, folder: Path) -> PriceFiles:
    """A file that has all symbols, or whose name in capitals or in the form of a vendor says the only one it has."""
    if not _has_prices(path):
        raise DataError(f"{path} is neither a folder nor a .csv or .parquet file.")
    prices, reading = parse_prices(read_table(path, footers=True))
    if "" in prices:
        symbol = symbol_from_filename(path)
        if not symbol or path.stem in (symbol.lower(), symbol.capitalize()):
            suffix = path.suffix.lower()
            raise DataError(f"{path} has no symbol column; name it prices/<SYMBOL>{suffix} in a folder, or add the column.")
        return PriceFiles(folder=folder, paths={symbol: path})
    prices = _by_symbol(path, {symbol: one for symbol, one in prices.items() if len(one.days)})
    if not prices:
        raise DataError(f"{path} has no bar.")
    return PriceFiles(folder=folder, paths=dict.fromkeys(prices, path), shared=(prices, reading))


def _by_symbol(path: Path, prices: dict[str, PriceTable]) -> dict[str, PriceTable]:
    """The same under symbols in capitals and without the suffix of the United States."""
    name_of: dict[str, str] = {}
    for name in prices:
        symbol = _without_country(name)
        if symbol in name_of:
            raise DataError(f"{path} has {name_of[symbol]} and {name}, which are both {symbol}; keep one of them.")
        name_of[symbol] = name
    return {symbol: prices[name] for symbol, name in name_of.items()}


def _without_country(symbol: str) -> str:
    """A symbol in capitals and without the ending for the United States."""
    return symbol.strip().upper().removesuffix(".US")


def _refuse_foreign(symbol: str, path: Path | None) -> None:
    """Refuse a symbol whose suffix is that of an exchange with another currency.

    Raises
    ------
    DataError
    """
    name, _, suffix = symbol.rpartition(".")
    if not name or suffix not in FOREIGN_EXCHANGES:
        return
    abroad, letters = FOREIGN_EXCHANGES[suffix], path.suffix.lower() if path else ""
    calendar = f'calendar = "{abroad.calendar}" and ' if abroad.calendar else ""
    settings = f'{calendar}currency = "{abroad.unit}"'
    where = f"name the file {name}{letters}" if path else f"call the symbol {name}"
    raise DataError(
        f"{symbol} is quoted in {abroad.place} by its suffix .{suffix}, not in US dollars: write {settings} "
        f"into the folder's {DATASET_FILE}; or {where} if its prices are in dollars, or {name}-{suffix}{letters} if it is a "
        "class of a share in New York."
    )


def _in_calendar(symbol: str, prices: PriceTable, reading: FileFormat, listing: Listing) -> tuple[PriceTable, FileFormat]:
    """The data of days that the calendar of sessions covers, and what was left out.

    A weekly or monthly bar is dated by the last session of its week or month, on whose close it is known. A series that is not
    traded is brought onto the sessions, see :func:`dipfolio.data.instruments.carry_forward`.

    Raises
    ------
    DataError
        No such day.
    """
    ends = listing.calendar.period_ends(prices.days)
    if not np.array_equal(ends, prices.days):
        prices = replace(prices, days=ends)
        reading = replace(reading, notes=(*reading.notes, f"{listing.calendar.frequency} bars, dated by their last session"))
    if not instrument(symbol).kind.is_tradable:
        aligned = carry_forward(prices, listing.calendar)
        if not np.array_equal(aligned.days, prices.days):
            reading = replace(reading, notes=(*reading.notes, "brought onto the sessions, as it is not traded"))
        prices = aligned
    return _since_first_session(symbol, prices, reading, listing)


def _since_first_session(symbol: str, prices: PriceTable, reading: FileFormat, listing: Listing) -> tuple[PriceTable, FileFormat]:
    """The data without the days before the calendar, and in New York without the Saturdays until 1952.

    Raises
    ------
    DataError
        No day is left.
    """
    days, first = prices.days, np.datetime64(listing.calendar.first_session)
    last_saturday = np.datetime64(LAST_SATURDAY if listing.calendar == XNYS else "1900-01-01")
    if days[0] > last_saturday and days[0] >= first:
        return prices, reading
    early = days < first
    saturdays = ~early & (days <= last_saturday) & (np.is_busday(days, weekmask="0000010"))
    removals = []
    if early.any():
        removals.append(f"{early.sum()} bars before {first}, where the calendar of sessions begins")
    if saturdays.any():
        removals.append(f"{saturdays.sum()} bars of Saturdays, on which the exchange was open until {LAST_SATURDAY}")
    inside = ~(early | saturdays)
    if not inside.any():
        raise DataError(f"{reading.file} has no bar of {symbol} since {first}, where the calendar of sessions begins.")
    if not removals:
        return prices, reading
    left = f"left out: {' and '.join(removals)}"
    return prices.take(np.flatnonzero(inside)), replace(reading, notes=(*reading.notes, left), left_out=left)
