"""The cache of fetched prices: one Parquet file for each symbol, whose metadata hold its dividends, splits and source.

A file is replaced as a whole or not at all, so prices never come without the dividends and splits that belong to them,
however a fetch ends. A SHA-256 in the metadata covers them and the prices; files without one are accepted.
:func:`export_cache` writes the same data as CSV.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from dipfolio.data.price_files import SIDE_FILES, find_price_files
from dipfolio.data.schema import ADJUSTMENT, FIELDS, CacheMetadata, PriceTable
from dipfolio.data.tables import EXPECTED_COLUMNS, METADATA_KEY, metadata_checksum, parse_metadata, stored_metadata
from dipfolio.data.validation import find_errors
from dipfolio.errors import CorruptFileError, DataError, ParameterError, UnknownNameError
from dipfolio.storage import atomic_directory, atomic_write, explain_write_errors


@dataclass(frozen=True, kw_only=True, eq=False)
class CachedSymbol(CacheMetadata):
    """The cached data of one symbol: its metadata and its bars."""

    prices: PriceTable

    @property
    def metadata(self) -> CacheMetadata:
        """All but the bars."""
        return CacheMetadata(**{field.name: getattr(self, field.name) for field in fields(CacheMetadata)})

    @property
    def last(self) -> np.datetime64:
        """The last session stored."""
        return np.datetime64(self.prices.days[-1])


def cache_path(folder: Path, symbol: str) -> Path:
    """The file of a symbol."""
    return folder / "prices" / f"{symbol}.parquet"


def cached_symbols(folder: Path) -> tuple[str, ...]:
    """The symbols of a cache, sorted; none where there is no folder yet."""
    try:
        return find_price_files(folder).symbols if folder.exists() else ()
    except DataError:
        return ()


def read_metadata(path: Path) -> CacheMetadata | None:
    """The metadata of a Parquet file of prices; none in one that was not fetched.

    Raises
    ------
    OSError, ValueError
        A file that cannot be read as Parquet, or metadata of another kind.
    """
    import pyarrow.parquet as pq

    raw = stored_metadata(pq.read_metadata(path))
    if raw is None:
        return None
    entries, _ = parse_metadata(raw)
    try:
        return CacheMetadata(**entries)
    except TypeError as error:
        raise ValueError(str(error)) from error


def read_all_metadata(folder: Path, symbols: Iterable[str]) -> dict[str, CacheMetadata]:
    """The metadata of some symbols; symbols whose files have none, or none that can be read, are left out."""
    by_symbol: dict[str, CacheMetadata] = {}
    for symbol in symbols:
        with suppress(OSError, ValueError):
            metadata = read_metadata(cache_path(folder, symbol))
            by_symbol |= {symbol: metadata} if metadata else {}
    return by_symbol


def metadata_with_checksum(metadata: CacheMetadata, days: np.ndarray, cells: np.ndarray) -> str:
    """The metadata as JSON, with the SHA-256 of them and of bars of shape (sessions,) and (fields, sessions)."""
    values = asdict(metadata)
    return json.dumps({**values, "sha256": metadata_checksum(values, days, cells)})


def cached_origin(folder: Path, metadata: Mapping[str, CacheMetadata] | None = None) -> dict[str, str]:
    """Source, days of retrieval and price convention of the fetched symbols of a folder; empty where none was fetched.

    The source is that of the symbol that was fetched last. Files of the first versions have none; it is in ``source.json`` then.
    ``metadata`` saves reading those of every symbol a second time.
    """
    fetched = (read_all_metadata(folder, cached_symbols(folder)) if metadata is None else metadata).values()
    if not fetched:
        return {}
    days = sorted(metadata.retrieved for metadata in fetched)
    sources = [(metadata.retrieved, metadata.source) for metadata in fetched if metadata.source]
    return {
        "source": max(sources)[1] if sources else _older_source(folder),
        "retrieved": " to ".join(dict.fromkeys([days[0], days[-1]])),
        "adjustment": ADJUSTMENT,
    }


def _older_source(folder: Path) -> str:
    """The source in the ``source.json`` that the first versions wrote."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        return str(json.loads((folder / "source.json").read_text(encoding="utf-8"))["source"])
    return "not stated"


def read_cached_symbol(folder: Path, symbol: str, *, replace: bool = False) -> CachedSymbol | None:
    """The cached data of a symbol, or nothing.

    Parameters
    ----------
    folder : Path
    symbol : str
    replace : bool
        Return nothing for a file that was not fetched, or that a run could not use.

    Raises
    ------
    CorruptFileError
        A file that cannot be read, or is not what was written.
    DataError
        A file that was not written by ``data fetch``, or whose bars a run could not use.
    """
    path = cache_path(folder, symbol)
    if path.with_suffix(".csv").exists():
        raise DataError(f"{path.with_suffix('.csv')} is not ours to change: fetched data are Parquet. Choose another --to.")
    if not path.exists():
        return None
    try:
        return _read_cached_symbol(folder, symbol, path)
    except CorruptFileError:
        raise
    except DataError as error:
        if replace:
            return None
        raise DataError(f"{error} --refresh --accept replaces it.") from error


def _read_cached_symbol(folder: Path, symbol: str, path: Path) -> CachedSymbol:
    prices, _ = find_price_files(folder).read(symbol)
    for fault in find_errors(symbol, prices):
        raise DataError(f"{path} cannot be used: {fault.text}")
    metadata = read_all_metadata(folder, (symbol,)).get(symbol)
    if metadata is None:
        raise DataError(f"{path} does not say when and from where it was fetched.")
    return CachedSymbol(prices=prices, **asdict(metadata))


def write_cached_symbol(folder: Path, symbol: str, entry: CachedSymbol, *, keep_damaged: bool = False) -> None:
    """Write the file of a symbol.

    Parameters
    ----------
    folder : Path
    symbol : str
    entry : CachedSymbol
    keep_damaged : bool
        Keep the file that is there as ``<name>.damaged``.

    Raises
    ------
    DataError
        A folder that cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"date": entry.prices.days, **dict(zip(FIELDS, entry.prices.cells, strict=True))}
    table = pa.table(columns).replace_schema_metadata(
        {METADATA_KEY: metadata_with_checksum(entry.metadata, entry.prices.days, entry.prices.cells)}
    )
    path = cache_path(folder, symbol)
    with (
        explain_write_errors(path, DataError, "Choose another folder with --to."),
        atomic_write(path, keep_damaged=keep_damaged or path.is_dir()) as fresh,
    ):
        pq.write_table(table, fresh)


@dataclass(frozen=True, kw_only=True)
class CacheExport:
    """The content of an export.

    Attributes
    ----------
    symbols : tuple of str
    dividends, splits : int
        Rows of ``dividends.csv`` and of ``splits.csv``.
    """

    symbols: tuple[str, ...]
    dividends: int
    splits: int


def fetched_symbols(folder: Path) -> tuple[str, ...]:
    """The symbols of a cache that were fetched, also those whose files are damaged since; not those of a person's own files."""
    return tuple(symbol for symbol in cached_symbols(folder) if _was_fetched(cache_path(folder, symbol)))


def _was_fetched(path: Path) -> bool:
    try:
        return path.exists() and read_metadata(path) is not None
    except (OSError, ValueError):
        return True


def export_cache(
    folder: Path,
    symbols: tuple[str, ...],
    target: Path,
    *,
    replace: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> CacheExport:
    """Write fetched symbols as a data folder of CSV files from which ``load_bars`` reads the same bars.

    The folder appears as a whole or not at all. ``splits.csv`` states in the column ``adjusted`` that the prices are adjusted for
    each split. Numbers have as many digits as it takes to read the same float64.

    Parameters
    ----------
    folder : Path
        The cache.
    symbols : tuple of str
    target : Path
        A new or an empty folder.
    replace : bool
        Replace an earlier export; a folder with any other file is refused all the same.
    progress : callable
        Called with each symbol after its file was written.

    Raises
    ------
    UnknownNameError
        A symbol that was not fetched.
    ParameterError
        No symbol, or a target that may not be replaced.
    CorruptFileError
        A file that is not what was fetched.
    DataError
        Bars that a run could not use, or a folder that cannot be written.
    """
    known = fetched_symbols(folder)
    for symbol in symbols:
        if symbol not in known:
            raise UnknownNameError("fetched symbol", symbol, known, f"`python backtest.py data fetch {symbol}` fetches it.")
    if not symbols:
        raise ParameterError(f"{folder} has no fetched symbol to export; `python backtest.py data fetch` fetches some.")
    _refuse_occupied(target, replace=replace)
    dividends, splits = ["symbol,ex_date,amount"], ["symbol,ex_date,ratio,adjusted"]
    with explain_write_errors(target, DataError, "Choose another folder with --to."), atomic_directory(target) as fresh:
        (fresh / "prices").mkdir()
        for symbol in sorted(dict.fromkeys(symbols)):
            entry = _read_cached_symbol(folder, symbol, cache_path(folder, symbol))
            _write_lines(fresh / "prices" / f"{symbol}.csv", _price_lines(entry.prices))
            dividends += [f"{symbol},{day},{_number(amount)}" for day, amount in sorted(entry.dividends.items())]
            splits += [f"{symbol},{day},{_number(ratio)},yes" for day, ratio in sorted(entry.splits.items())]
            progress(symbol)
        _write_lines(fresh / "dividends.csv", dividends)
        _write_lines(fresh / "splits.csv", splits)
        _write_lines(fresh / "source.json", [json.dumps(cached_origin(folder), indent=1)])
        if (folder / "events.csv").exists():
            shutil.copyfile(folder / "events.csv", fresh / "events.csv")
    return CacheExport(symbols=symbols, dividends=len(dividends) - 1, splits=len(splits) - 1)


def _refuse_occupied(target: Path, *, replace: bool) -> None:
    """Refuse a target that is a file, or a folder with content unless that is an earlier export and ``replace`` is given.

    Raises
    ------
    ParameterError
    """
    if not target.is_dir():
        if target.exists():
            raise ParameterError(f"{target} is a file; choose a folder.")
        return
    names = sorted(path.relative_to(target).as_posix() for path in target.rglob("*"))
    if names and not replace:
        raise ParameterError(f"{target} is not empty; choose another folder, or replace an earlier export with --force.")
    others = [name for name in names if name not in ("prices", *SIDE_FILES) and not _is_exported_price(name)]
    if others:
        raise ParameterError(f"{target} has {others[0]}, which is no file of an export, so it stays; choose another folder.")


def _is_exported_price(name: str) -> bool:
    return name.startswith("prices/") and name.count("/") == 1 and name.endswith(".csv")


def _price_lines(prices: PriceTable) -> Iterator[str]:
    yield EXPECTED_COLUMNS
    for day, *cells in zip(prices.days.astype(str).tolist(), *prices.cells.tolist(), strict=True):
        yield ",".join([day, *map(_number, cells)])


def _number(value: float) -> str:
    """The shortest text from which the same float is read; a whole number without a decimal point."""
    value = float(value)
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
