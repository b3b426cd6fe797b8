"""Store: the folder that fetched figures are kept in; every file in it appears whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from dipfolio.errors import DamagedError, DataError
from dipfolio.market.bars import ADJUSTMENT, FIELDS
from dipfolio.market.dividends import read_dividends
from dipfolio.market.faults import faults
from dipfolio.market.files import locate
from dipfolio.market.layouts import Figures
from dipfolio.market.note import KEY, Note, file_of, notes, sealed
from dipfolio.market.scratch import scratch
from dipfolio.market.splits import read_splits


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry(Note):
    """What is stored of one symbol: its note, and the figures that belong to it."""

    figures: Figures

    @property
    def note(self) -> Note:
        """All but the figures."""
        return Note(**{field.name: getattr(self, field.name) for field in fields(Note)})

    @property
    def last(self) -> np.datetime64:
        """The last session stored."""
        return np.datetime64(self.figures.days[-1])


def stored(folder: Path) -> tuple[str, ...]:
    """The symbols of a store, sorted; none where there is no folder yet."""
    try:
        return locate(folder).symbols
    except DataError:
        return ()


def read_entry(folder: Path, symbol: str, *, replace: bool = False) -> Entry | None:
    """What is stored of a symbol, or nothing.

    Parameters
    ----------
    folder : Path
    symbol : str
    replace : bool
        Take for nothing what is of somebody else, or what a run could not use.

    Raises
    ------
    DamagedError
        A file that cannot be read, or is not what was written.
    DataError
        A file that was not written by ``data fetch``, or whose figures a run could not use.
    """
    path = file_of(folder, symbol)
    if path.with_suffix(".csv").exists():
        raise DataError(f"{path.with_suffix('.csv')} is not ours to change: fetched figures are Parquet. Choose another --to.")
    if not path.exists():
        return None
    try:
        return _read_entry(folder, symbol, path)
    except DamagedError:
        raise
    except DataError as error:
        if replace:
            return None
        raise DataError(f"{error} --refresh --accept replaces it.") from error


def _read_entry(folder: Path, symbol: str, path: Path) -> Entry:
    figures, _ = locate(folder).read(symbol)
    for fault in faults(symbol, figures):
        raise DataError(f"{path} cannot be used: {fault.text}")
    note = notes(folder, (symbol,)).get(symbol)
    if note is None:
        raise DataError(f"{path} does not say when and from where it was fetched.")
    return Entry(figures=figures, **asdict(note))


def write_entry(folder: Path, symbol: str, entry: Entry, *, aside: bool = False) -> None:
    """Keep an entry: its dividends and splits first, as prices without them would be silently wrong, then its prices.

    Parameters
    ----------
    folder : Path
    symbol : str
    entry : Entry
    aside : bool
        Keep what stands there as ``<name>.damaged``.

    Raises
    ------
    DataError
        A folder that cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"date": entry.figures.days, **dict(zip(FIELDS, entry.figures.cells, strict=True))}
    table = pa.table(columns).replace_schema_metadata({KEY: sealed(entry.note, entry.figures.days, entry.figures.cells)})
    write_actions(folder, {symbol: entry.note})
    with whole(file_of(folder, symbol), aside=aside) as path:
        pq.write_table(table, path)


def write_source(folder: Path, source: str) -> None:
    """Keep where the figures come from and when they were retrieved: one day, or the first and the last."""
    with whole(folder / "source.json") as path:
        path.write_text(json.dumps(origin_of(folder, source), indent=1) + "\n", encoding="utf-8")


Rows = list[tuple[str, str, float]]
"""Symbol, ISO date and amount or ratio."""


def _set_aside(path: Path, rows: Rows | None) -> Rows:
    """The rows of a file; one that cannot be read is kept under another name, as there may be rows of somebody's own in it."""
    if rows is None:
        with suppress(OSError):
            put_aside(path)
    return rows or []


def put_aside(path: Path) -> Path:
    """Keep a file or folder under another name, which is returned.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    aside = path.with_name(f"{path.name}.damaged")
    os.rename(path, aside)
    return aside


def paid_rows(folder: Path) -> Rows | None:
    """The rows of ``dividends.csv``; None where they cannot be read."""
    try:
        return [(name, str(day.date()), amount) for name, day, amount in read_dividends(folder).itertuples(index=False)]
    except DataError:
        return None


def split_rows(folder: Path) -> Rows | None:
    """The rows of ``splits.csv``; None where they cannot be read."""
    path = folder / "splits.csv"
    try:
        return [(split.symbol, str(split.day), split.ratio) for split in (read_splits(path) if path.exists() else ())]
    except DataError:
        return None


def said_source(folder: Path) -> dict[str, str]:
    """What ``source.json`` says; nothing where it cannot be read."""
    try:
        said = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def origin_of(folder: Path, source: str) -> dict[str, str]:
    """What ``source.json`` should say; the source only if one of the files has it, or has none."""
    kept = notes(folder, stored(folder)).values()
    days, sources = sorted({note.retrieved for note in kept}), sorted({note.source or source for note in kept})
    retrieved = " to ".join(dict.fromkeys([days[0], days[-1]])) if days else ""
    return {
        "source": source if not sources or source in sources else sources[-1],
        "retrieved": retrieved,
        "adjustment": ADJUSTMENT,
    }


def write_actions(folder: Path, kept: dict[str, Note]) -> None:
    """Bring ``dividends.csv`` and ``splits.csv`` up to date for some symbols; readable rows of others stay."""
    paid = {symbol: note.dividends for symbol, note in kept.items()}
    _write_rows(folder / "dividends.csv", "amount", paid, _set_aside(folder / "dividends.csv", paid_rows(folder)))
    divided = {symbol: note.splits for symbol, note in kept.items()}
    _write_rows(folder / "splits.csv", "ratio", divided, _set_aside(folder / "splits.csv", split_rows(folder)))


def _write_rows(path: Path, column: str, own: dict[str, dict[str, float]], before: Rows) -> None:
    rows = [row for row in before if row[0] not in own]
    rows += [(symbol, day, value) for symbol, dated in own.items() for day, value in dated.items()]
    text = "".join(f"{name},{day},{float(value)!r}\n" for name, day, value in sorted(rows))
    with whole(path) as beside:
        beside.write_text(f"symbol,ex_date,{column}\n{text}", encoding="utf-8")


@contextmanager
def whole(path: Path, *, aside: bool = False) -> Iterator[Path]:
    """A path beside the one wanted, to write to; it takes the place of the other only if nothing went wrong.

    A folder that stands there is kept under another name, and with ``aside`` a file too.

    Raises
    ------
    DataError
        A folder that cannot be written.
    """
    try:
        with scratch(path.parent) as room:
            beside = room / path.name
            yield beside
            if aside or path.is_dir():
                put_aside(path)
            os.replace(beside, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}. Choose another folder with --to.") from error
