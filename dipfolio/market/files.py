"""Files: where in a data folder the figures of each symbol stand, and reading only those that are asked for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dipfolio.errors import DataError, ParameterError
from dipfolio.market.layouts import Figures, interpret, names_symbols
from dipfolio.market.reading import Reading
from dipfolio.market.tables import SUFFIXES, read_table

SYMBOL = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.^=-]*")

NO_PRICES = ("dividends", "events", "rates", "splits")
"""Files beside the prices that are none themselves."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files with prices below a folder.

    Attributes
    ----------
    folder : Path
        Where ``dividends.csv``, ``events.csv`` and ``source.json`` would stand.
    paths : dict
        Symbol to its file.
    shared : tuple of dict and Reading, optional
        The figures of all symbols, where one file has them all.
    """

    folder: Path
    paths: dict[str, Path]
    shared: tuple[dict[str, Figures], Reading] | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols that there are prices for, sorted."""
        return tuple(sorted(self.paths))

    def read(self, symbol: str) -> tuple[Figures, Reading]:
        """The figures of one symbol.

        Raises
        ------
        ParameterError
            A name that can be no symbol.
        DataError
            A file that cannot be read or that holds another symbol.
        """
        if not SYMBOL.fullmatch(symbol):
            raise ParameterError(f"{symbol!r} cannot be the name of a symbol.")
        if self.shared:
            return self.shared[0][symbol], self.shared[1]
        path = self.paths[symbol]
        found, reading = interpret(read_table(path))
        if len(found) != 1 or _bare(next(iter(found))) not in ("", _bare(symbol)):
            raise DataError(f"{path} should hold {symbol} alone, but names {', '.join(found) or 'no symbol'}.")
        figures = next(iter(found.values()))
        if not len(figures.days):
            raise DataError(f"{path} has no bar.")
        return figures, reading

    def unused(self) -> Iterator[Path]:
        """Files that another one takes the place of."""
        for path in self.paths.values():
            yield from (other for s in SUFFIXES if (other := path.with_suffix(s)) != path and other.exists() and not self.shared)


def locate(source: Path) -> Files:
    """The files with prices of a data folder, or of a single file with a symbol column.

    Parameters
    ----------
    source : Path
        A folder with ``prices/<SYMBOL>.csv`` or ``.parquet``; the same without ``prices/``; or one CSV or Parquet file.

    Raises
    ------
    DataError
        Nothing there, or nothing that has prices.
    """
    if source.is_file():
        return _single(source, source.parent)
    place = source / "prices" if (source / "prices").is_dir() else source
    files = [path for path in sorted(place.iterdir()) if path.suffix in SUFFIXES] if place.is_dir() else []
    if place == source:
        files = [path for path in files if path.stem not in NO_PRICES]
        if not files:
            raise DataError(f"{source} is no data folder: it has no prices/ with a file for each symbol.")
    if not files:
        raise DataError(f"{place} is empty; a data folder has prices/<SYMBOL>.csv or .parquet.")
    if len(files) == 1 and _is_single(files[0]):
        return _single(files[0], source)
    first = {path.stem: path for path in sorted(files, key=lambda path: -SUFFIXES.index(path.suffix))}
    return Files(folder=source, paths=first)


def _is_single(path: Path) -> bool:
    """Whether one file alone has the prices of several symbols."""
    try:
        table = read_table(path, rows=2)
        return names_symbols(table.heads, table.first_rows(2)) and _bare(path.stem) not in map(_bare, interpret(table)[0])
    except DataError:
        return False


def _single(path: Path, folder: Path) -> Files:
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path} is neither a folder nor a .csv or .parquet file.")
    figures, reading = interpret(read_table(path))
    if "" in figures:
        raise DataError(f"{path} has no symbol column; name it prices/<SYMBOL>{path.suffix} in a folder, or add the column.")
    figures = {symbol: one for symbol, one in figures.items() if len(one.days)}
    if not figures:
        raise DataError(f"{path} has no bar.")
    return Files(folder=folder, paths=dict.fromkeys(figures, path), shared=(figures, reading))


def _bare(symbol: str) -> str:
    """A symbol as it is compared: without case and without the ending for the country."""
    return symbol.upper().removesuffix(".US")
