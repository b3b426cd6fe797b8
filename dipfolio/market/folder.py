"""A data folder: prices for each symbol, ``dividends.csv``; optionally ``events.csv`` and ``source.json``."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.errors import DataError, ParameterError, UnknownNameError
from dipfolio.market import oddities, sessions
from dipfolio.market.bars import FIELDS, Bars, Origin
from dipfolio.market.beside import dividends_of, kept_origin, splits_of, unpaid
from dipfolio.market.dividends import spread
from dipfolio.market.events import read_events
from dipfolio.market.faults import faults
from dipfolio.market.files import Files, locate
from dipfolio.market.layouts import Figures
from dipfolio.market.note import notes
from dipfolio.market.reading import Reading


def available(folder: Path) -> tuple[str, ...]:
    """The symbols that a data folder has prices for, sorted.

    Raises
    ------
    DataError
        No such folder, or no prices in it.
    """
    return locate(folder).symbols


def load_bars(
    folder: Path | str,
    symbols: tuple[str, ...] | None = None,
    end: date | pd.Timestamp | None = None,
    events: Path | None = None,
    splits: Path | None = None,
) -> Bars:
    """Read the figures of some symbols onto one calendar; no file of another symbol is opened.

    Parameters
    ----------
    folder : Path
        A data folder, or one file with a symbol column; see :func:`dipfolio.market.files.locate`.
    symbols : tuple of str, optional
        All that the folder has, if not given.
    end : date, optional
        Nothing after this session is kept.
    events, splits : Path, optional
        The events and the splits to use where the folder has no ``events.csv`` or ``splits.csv`` of its own.

    Returns
    -------
    Bars
        With the oddities of the figures in ``warnings`` and how each file was understood in ``readings``.

    Raises
    ------
    UnknownNameError
        A symbol that the folder has no prices for.
    ParameterError
        No symbol at all, or one that is named twice.
    DataError
        A folder or file that cannot be read, or figures that cannot be trusted.
    """
    folder = Path(folder)
    files = locate(folder)
    symbols = _wanted(files, folder, symbols)
    tables, readings = _read(files, symbols)
    index = sessions.between(min(t.days[0] for t in tables.values()), max(t.days[-1] for t in tables.values()))
    kept = notes(files.folder, symbols)
    dividends = spread(dividends_of(files.folder, kept, symbols), index, symbols)
    frames = {**align(tables, index), "dividends": dividends}
    calendar = _first_file(files.folder / "events.csv", events)
    divisions = _first_file(files.folder / "splits.csv", splits)
    bars = Bars(
        **frames,
        origin=read_origin(files.folder, folder.name),
        events=read_events(calendar) if calendar else (),
        splits=splits_of(divisions, kept, symbols),
        warnings=(*unpaid(files.folder, kept, symbols), *oddities.doubts(readings), *oddities.oddities(frames)),
        readings=tuple(dict.fromkeys(readings.values())),
    )
    return bars if end is None else bars.until(end)


def _wanted(files: Files, folder: Path, symbols: tuple[str, ...] | None) -> tuple[str, ...]:
    if symbols is None:
        return files.symbols
    for symbol in symbols:
        if symbol not in files.paths:
            raise UnknownNameError("symbol", symbol, files.symbols, f"{folder} has prices for: {_listed(files.symbols)}.")
    if len(set(symbols)) < len(symbols) or not symbols:
        raise ParameterError(f"Name at least one symbol and each once, found {', '.join(symbols) or 'none'}.")
    return symbols


def _first_file(*paths: Path | None) -> Path | None:
    return next((path for path in paths if path and path.exists()), None)


def _listed(symbols: tuple[str, ...], most: int = 40) -> str:
    return ", ".join(symbols[:most]) + (f" and {len(symbols) - most} more" if len(symbols) > most else "")


def _read(files: Files, symbols: tuple[str, ...]) -> tuple[dict[str, Figures], dict[str, Reading]]:
    """The figures of each symbol and how its file was read; the first fault is an error."""
    tables, readings = {}, {}
    for symbol in symbols:
        tables[symbol], readings[symbol] = files.read(symbol)
        for fault in faults(symbol, tables[symbol]):
            raise DataError(fault.text)
    return tables, readings


def align(tables: dict[str, Figures], index: pd.DatetimeIndex) -> dict[str, pd.DataFrame]:
    """A frame of shape (sessions, symbols) for each field, NaN where a symbol has no bar; empties ``tables`` on the way."""
    symbols, days = list(tables), index.to_numpy().astype("datetime64[D]")
    values = np.full((len(FIELDS), len(symbols), len(index)), np.nan)
    for column, symbol in enumerate(symbols):
        own = tables.pop(symbol)
        values[:, column, np.searchsorted(days, own.days)] = own.cells
    return {field: pd.DataFrame(values[i].T, index=index, columns=symbols, copy=False) for i, field in enumerate(FIELDS)}


def read_origin(folder: Path, name: str) -> Origin:
    """What fetched prices say of themselves, or else the folder's ``source.json``; only the name where there is none.

    Raises
    ------
    DataError
        A file that cannot be read as an origin.
    """
    kept = kept_origin(folder)
    if kept:
        return Origin(**kept, path=name)
    path = folder / "source.json"
    if not path.exists():
        return Origin(path=name)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(value, str) for value in said.values()):
            raise TypeError("every value must be text")
        return Origin(**{**said, "path": name})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as the origin of the figures: {str(error)[:100]}") from error
