"""Tables: what stands in a CSV or Parquet file, cell by cell, before anybody says what it means."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dipfolio.errors import DamagedError, DataError
from dipfolio.market.bars import FIELDS
from dipfolio.market.note import KEY, check_seal

EXPECTED = "date," + ",".join(FIELDS)
"""The columns that a file of prices has, whatever their names and order."""

SUFFIXES = (".parquet", ".csv")
"""The kinds of file that are read; the first wins where a symbol has both."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Columns under their headings.

    Attributes
    ----------
    file : str
        The name that errors and reports say.
    heads : list of tuple of str
        For each column its heading, one word for every header line.
    columns : list of ndarray, each of shape (rows,)
        Text as objects, numbers and dates in their own type.
    """

    file: str
    heads: list[tuple[str, ...]]
    columns: list[np.ndarray]

    def first_rows(self, count: int) -> list[list[str]]:
        """Some rows as text."""
        return [[str(cell) for cell in row] for row in zip(*(column[:count] for column in self.columns), strict=True)]

    def take(self, columns: list[int]) -> "Table":
        """Only these columns."""
        return Table(file=self.file, heads=[self.heads[i] for i in columns], columns=[self.columns[i] for i in columns])

    def rows(self, positions: np.ndarray) -> "Table":
        """Only these rows, in this order."""
        return Table(file=self.file, heads=self.heads, columns=[column[positions] for column in self.columns])


def read_table(path: Path, rows: int | None = None, expected: str = EXPECTED) -> Table:
    """A file as it stands.

    Parameters
    ----------
    path : Path
    rows : int, optional
        Only so many of the first rows, if given.
    expected : str
        The columns that an error names.

    Raises
    ------
    DamagedError
        A Parquet file that is none any more, or whose fingerprint is of other figures.
    DataError
        A file that is missing or empty, or that has a row of another length than its header.
    """
    try:
        return _read_parquet(path, rows) if path.suffix == ".parquet" else _read_csv(path, rows)
    except (OSError, ValueError, TypeError, ImportError, csv.Error, NotImplementedError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        kind = DamagedError if path.suffix == ".parquet" and _tells_of_damage(error) else DataError
        raise kind(f"{path} cannot be read as {expected}: {reason}") from error


def _tells_of_damage(error: Exception) -> bool:
    """Whether it is about what stands in a Parquet file; pyarrow's OSErrors without a number are, and a folder in its place."""
    return isinstance(error, ValueError) or (isinstance(error, OSError) and error.errno is None)


def _read_csv(path: Path, count: int | None) -> Table:
    rows: list[list[str]] = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.reader(stream, strict=True):
            if not row:
                continue
            if not rows and len(row) == 1 and any(mark in row[0] for mark in ";\t|"):
                raise ValueError("its cells are not separated by commas")
            if rows and len(row) != len(rows[0]):
                raise ValueError(f"the row {','.join(row)[:60]!r} has {len(row)} cells, the header {len(rows[0])}")
            rows.append(row)
            if count is not None and len(rows) > count:
                break
    if not rows:
        raise ValueError("it is empty")
    cells = np.array(rows[1:], dtype=object).reshape(len(rows) - 1, len(rows[0]))
    return Table(file=str(path), heads=[(head,) for head in rows[0]], columns=list(cells.T))


def _read_parquet(path: Path, count: int | None) -> Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        table = file.schema_arrow.empty_table() if count == 0 else file.read(use_threads=False)
        note = (file.metadata.metadata or {}).get(KEY)
    if note is not None and count is None:
        check_seal(note, {name: column.to_numpy() for name, column in zip(table.column_names, table.columns, strict=True)})
    if count is not None:
        table = table.slice(0, count)
    names = table.column_names
    if len(set(names)) == len(names) and not any(name.startswith(("(", "__")) for name in names):
        return Table(file=str(path), heads=[(name,) for name in names], columns=[_cells(column) for column in table.columns])
    frame = table.to_pandas().reset_index()
    heads = [tuple(map(str, label)) if isinstance(label, tuple) else (str(label),) for label in frame.columns]
    return Table(file=str(path), heads=heads, columns=[_plain(frame.iloc[:, i]) for i in range(frame.shape[1])])


def _cells(column: Any) -> np.ndarray:
    """An arrow column as numpy: numbers and naive dates in their type, all else as text."""
    import pyarrow as pa

    kind = column.type
    if (pa.types.is_integer(kind) and column.null_count == 0) or pa.types.is_floating(kind):
        return np.asarray(column.to_numpy())
    if pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None):
        return np.asarray(column.to_numpy())
    if pa.types.is_boolean(kind):
        raise TypeError("a column holds true and false, expected numbers")
    return _plain(column.to_pandas())


def _plain(series: Any) -> np.ndarray:
    """A pandas column as numpy, what is neither number nor naive date as text, empty where it is missing."""
    values = series.to_numpy()
    if values.dtype.kind == "b":
        raise TypeError("a column holds true and false, expected numbers")
    if values.dtype.kind in "fiuM" and getattr(series.dt if values.dtype.kind == "M" else None, "tz", None) is None:
        return np.asarray(values)
    missing = series.isna().to_numpy()
    return np.array(["" if gone else str(value) for gone, value in zip(missing, series, strict=True)], dtype=object)
