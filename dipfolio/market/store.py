"""Store: the folder that fetched figures are kept in; every file in it appears whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dipfolio.errors import DataError
from dipfolio.market.bars import ADJUSTMENT, FIELDS
from dipfolio.market.dividends import read_dividends
from dipfolio.market.faults import faults
from dipfolio.market.files import locate
from dipfolio.market.layouts import Figures
from dipfolio.market.splits import read_splits

_KEY = b"dipfolio"


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """What is stored of one symbol.

    Attributes
    ----------
    figures : Figures
    dividends, splits : dict
        ISO date to amount a share, and to new shares for one old.
    asked_from : str
        The first day that was asked for; the symbol may have been listed later.
    retrieved : str
        When, as a date.
    """

    figures: Figures
    dividends: dict[str, float]
    splits: dict[str, float]
    asked_from: str
    retrieved: str

    @property
    def last(self) -> np.datetime64:
        """The last session stored."""
        return np.datetime64(self.figures.days[-1])


def file_of(folder: Path, symbol: str) -> Path:
    """Where the prices of a symbol are kept."""
    return folder / "prices" / f"{symbol}.parquet"


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
        Take a damaged file for nothing.

    Raises
    ------
    DataError
        A file that was not written by ``data fetch``; one that cannot be read or whose figures a run could not use.
    """
    path = file_of(folder, symbol)
    if path.with_suffix(".csv").exists():
        raise DataError(f"{path.with_suffix('.csv')} is not ours to change: fetched figures are Parquet. Choose another --to.")
    if not path.exists():
        return None
    try:
        return _read_entry(folder, symbol, path)
    except DataError as error:
        if replace:
            return None
        raise DataError(f"{error} --refresh --accept replaces it.") from error


def _read_entry(folder: Path, symbol: str, path: Path) -> Entry:
    figures, _ = locate(folder).read(symbol)
    for fault in faults(symbol, figures):
        raise DataError(f"{path} cannot be used: {fault.text}")
    try:
        return Entry(figures=figures, **_note(path))
    except (TypeError, ValueError) as error:
        raise DataError(f"{path} does not say when and from where it was fetched.") from error


def _note(path: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    return dict(json.loads((pq.read_schema(path).metadata or {}).get(_KEY, b"{}")))


def write_entry(folder: Path, symbol: str, entry: Entry) -> None:
    """Keep an entry: its dividends and splits first, as prices without them would be silently wrong, then its prices.

    Raises
    ------
    DataError
        A folder that cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = {name: getattr(entry, name) for name in ("dividends", "splits", "asked_from", "retrieved")}
    columns = {"date": entry.figures.days, **dict(zip(FIELDS, entry.figures.cells, strict=True))}
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(said)})
    _write_actions(folder, symbol, entry)
    with whole(file_of(folder, symbol)) as path:
        pq.write_table(table, path)


def write_source(folder: Path, source: str) -> None:
    """Keep where the figures come from and when they were retrieved: one day, or the first and the last."""
    days = sorted({_note(path).get("retrieved", "") for path in (folder / "prices").glob("*.parquet")} - {""})
    retrieved = " to ".join(dict.fromkeys([days[0], days[-1]])) if days else ""
    said = {"source": source, "retrieved": retrieved, "adjustment": ADJUSTMENT}
    with whole(folder / "source.json") as path:
        path.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def _write_actions(folder: Path, symbol: str, entry: Entry) -> None:
    """Bring ``dividends.csv`` and ``splits.csv`` up to date for one symbol."""
    paid = [(name, str(day.date()), amount) for name, day, amount in read_dividends(folder).itertuples(index=False)]
    _write_rows(folder / "dividends.csv", "amount", symbol, entry.dividends, paid)
    path = folder / "splits.csv"
    divided = [(split.symbol, str(split.day), split.ratio) for split in (read_splits(path) if path.exists() else ())]
    _write_rows(path, "ratio", symbol, entry.splits, divided)


def _write_rows(path: Path, column: str, symbol: str, own: dict[str, float], before: list[tuple[str, str, float]]) -> None:
    rows = [row for row in before if row[0] != symbol] + [(symbol, day, value) for day, value in own.items()]
    text = "".join(f"{name},{day},{float(value)!r}\n" for name, day, value in sorted(rows))
    with whole(path) as beside:
        beside.write_text(f"symbol,ex_date,{column}\n{text}", encoding="utf-8")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path beside the one wanted, to write to; it takes the place of the other only if nothing went wrong.

    Raises
    ------
    DataError
        A folder that cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}. Choose another folder with --to.") from error
    finally:
        with suppress(OSError):
            beside.unlink()
