"""Raw tables: the cells of CSV, Excel and Parquet files, before any column has a meaning.

Text may be UTF-8, UTF-16 or Windows-1252, with commas, semicolons, tabs or bars as separators. Decimal commas and
thousands separators are normalised only where the whole table allows one reading.
"""

import codecs
import csv
import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from dipfolio.data.schema import FIELDS
from dipfolio.errors import CorruptFileError, DataError
from dipfolio.storage import sha256_of

EXPECTED_COLUMNS = "date," + ",".join(FIELDS)
"""The columns that a file of prices has, whatever their names and order."""

FILE_SUFFIXES = (".parquet", ".csv")
"""The kinds of file that are read, in lower or upper case; the first wins where a symbol has both."""

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""What may stand between two cells of a text file."""

_SPACES = str.maketrans("", "", " \u00a0\u2009\u202f'\u2019")
"""Separators of thousands other than commas and points."""
_DOLLARS = re.compile(r"([+-]?)\s*(?:US\$|USD|\$)\s*|\s*(?:USD|\$)$", re.ASCII)
_POINT = re.compile(r"[+-]?([1-9]\d{0,2}(,\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?([1-9]\d{0,2}(\.\d{3})+|\d+)?(,\d*)?([eE][+-]?\d+)?", re.ASCII)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([ \u00a0\u2009\u202f'\u2019]\d{3})+([.,]\d*)?", re.ASCII)


@dataclass(frozen=True, kw_only=True, eq=False)
class RawTable:
    """Columns under their headings.

    Attributes
    ----------
    file : str
        The name that errors and reports say.
    heads : list of tuple of str
        For each column its heading, one word for every header line.
    columns : list of ndarray, each of shape (rows,)
        Text as objects, numbers and dates in their own type.
    notes : tuple of str
        What had to be done to read the file, such as "cells between semicolons"; empty for an ordinary one.
    """

    file: str
    heads: list[tuple[str, ...]]
    columns: list[np.ndarray]
    notes: tuple[str, ...] = ()

    def first_rows(self, count: int) -> list[list[str]]:
        """Some rows as text."""
        return [[str(cell) for cell in row] for row in zip(*(column[:count] for column in self.columns), strict=True)]

    def take(self, columns: list[int]) -> "RawTable":
        """Only these columns."""
        return replace(self, heads=[self.heads[i] for i in columns], columns=[self.columns[i] for i in columns])

    def named(self, *names: str) -> list[np.ndarray]:
        """The columns under some headings, in the order asked for; case does not matter.

        Raises
        ------
        DataError
            A heading that is missing or stands twice.
        """
        heads = [head[0].strip().lower() for head in self.heads]
        prefix = f"{self.file} cannot be read as {','.join(names)}"
        for name in names:
            if heads.count(name) != 1:
                what = "lacks the column" if name not in heads else "has more than one column"
                raise DataError(f"{prefix}: it {what} {name!r}.")
        return [self.columns[heads.index(name)] for name in names]

    def rows(self, positions: np.ndarray) -> "RawTable":
        """Only these rows, in this order."""
        return replace(self, columns=[column[positions] for column in self.columns])


def read_table(path: Path, rows: int | None = None, expected: str = EXPECTED_COLUMNS, *, footers: bool = False) -> RawTable:
    """A file as it stands.

    Parameters
    ----------
    path : Path
    rows : int, optional
        Only so many of the first rows, if given.
    expected : str
        The columns that an error names.
    footers : bool
        Leave out lines of words below the table.

    Raises
    ------
    CorruptFileError
        A Parquet file that is none any more, or whose fingerprint is of other data.
    DataError
        A file that is missing or empty, or that has a row of another length than its header.
    """
    try:
        return _read_parquet(path, rows) if _is_parquet(path) else _read_csv(path, rows, footers=footers)
    except (OSError, ValueError, TypeError, ImportError, csv.Error, NotImplementedError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        kind = CorruptFileError if _is_parquet(path) and _is_corruption(error) else DataError
        raise kind(f"{path} cannot be read as {expected}: {reason}") from error


def _is_corruption(error: Exception) -> bool:
    """True if it is about what stands in a Parquet file; pyarrow's OSErrors without a number are, and a folder in its place."""
    return isinstance(error, ValueError) or (isinstance(error, OSError) and error.errno is None)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


@dataclass(frozen=True, kw_only=True)
class TextRows:
    """The rows of a text file.

    Attributes
    ----------
    rows : list of tuple of int and list of str
        The number of the line on which each row ends, and its cells; rows without any text are left out.
    notes : tuple of str
        What had to be done to read them.
    separator : str
        What stands between two cells.
    """

    rows: list[tuple[int, list[str]]]
    notes: tuple[str, ...]
    separator: str = ","


def read_text_rows(path: Path, count: int | None = None, *, footers: bool = True) -> TextRows:
    """The cells of a text file: UTF-8 or UTF-16, with commas, semicolons, tabs or bars between, perhaps after ``sep=;``.

    Parameters
    ----------
    path : Path
    count : int, optional
        Only so many of the first rows, if given.
    footers : bool
        Leave out rows at the end that are one cell of several words, such as the name of the source.

    Raises
    ------
    OSError
        A file that is missing or cannot be read.
    ValueError
        Bytes that are no text.
    csv.Error
        Quotes that do not close.
    """
    text, notes = _decoded(path.read_bytes())
    lines = list(io.StringIO(text, newline=""))
    declaration = re.fullmatch(r"\"?sep=(.)\"?[\r\n]*", lines[0], re.IGNORECASE) if lines else None
    separator = declaration[1] if declaration else _separator(lines)
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(lines[1:] if declaration else lines, delimiter=separator, strict=True)
    for row in reader:
        if any(cell and not cell.isspace() for cell in row):
            rows.append((reader.line_num + bool(declaration), row))
            if count is not None and len(rows) >= count:
                break
    if separator != ",":
        notes.append(f"cells between {SEPARATORS.get(separator, repr(separator))}")
    below = _footers(rows) if footers and count is None else 0
    if below:
        notes.append(f"{below} line{'s' if below > 1 else ''} below the table left out")
    return TextRows(rows=rows[: len(rows) - below], notes=tuple(notes), separator=separator)


def read_excel_sheets(path: Path) -> dict[str, list[tuple[int, list[str]]]]:
    """The sheets of an Excel workbook as text: for each row that is not empty its number and its cells, all rows equally long.

    Numbers have all their digits, dates are written as 2024-12-31, and a number that Excel shows in per cent has the sign.
    Formulas are not computed: a cell has the value that Excel stored.

    Parameters
    ----------
    path : Path
        ``.xlsx`` or ``.xlsm``.

    Returns
    -------
    dict of str to list
        By the name of the sheet; sheets without any text are left out.

    Raises
    ------
    DataError
        openpyxl is not installed, or the file is no workbook.
    """
    try:
        from openpyxl import load_workbook  # type: ignore[import-untyped]
    except ImportError:
        raise DataError(f"{path.name} is an Excel file, which needs openpyxl: pip install 'dipfolio[excel]'.") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of styles and extensions that hold no values
            book = load_workbook(path, read_only=True, data_only=True)
            sheets = {sheet.title: _excel_rows(sheet.iter_rows()) for sheet in book.worksheets}
            book.close()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, SyntaxError) as error:  # SyntaxError is that of the XML
        raise DataError(f"{path.name} is no Excel workbook that can be read.") from error
    return {name: rows for name, rows in sheets.items() if rows}


def _excel_rows(lines: Iterable[Sequence[Any]]) -> list[tuple[int, list[str]]]:
    rows = [(number, [_excel_text(cell) for cell in line]) for number, line in enumerate(lines, 1)]
    rows = [(number, cells) for number, cells in rows if any(cells)]
    width = max((len(cells) for _, cells in rows), default=0)
    return [(number, cells + [""] * (width - len(cells))) for number, cells in rows]


def _excel_text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        shown = "%" in str(cell.number_format or "")
        return f"{Decimal(repr(value)).scaleb(2):f}%" if shown else repr(value)
    return str(value).strip()


def _decoded(raw: bytes) -> tuple[str, list[str]]:
    """Bytes as text, and which encoding it was if not UTF-8."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16"), ["text in UTF-16"]
    head = raw[:200]
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if len(head) >= 4 and sum(map(bool, zeros)) * 5 < len(zeros):
            return raw.decode(encoding), ["text in UTF-16"]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return raw.decode("cp1252"), ["text in Windows-1252"]


def _separator(lines: Sequence[str]) -> str:
    """The separator that occurs most often in the first line that has one, outside of quotes."""
    plain = (re.sub(r'"[^"]*"', "", line) for line in lines if line.strip() and not line.startswith("#"))
    head = next((line for line in plain if any(map(line.count, SEPARATORS))), "")
    return max(SEPARATORS, key=head.count)


def _footers(rows: Sequence[tuple[int, list[str]]]) -> int:
    """How many of the last rows are no rows of the table: one cell, the first, of several words that begin with no digit."""
    count, width = 0, len(rows[0][1]) if rows else 0
    for _, row in reversed(rows[1:]):
        words = row[0].strip()
        if width < 2 or any(map(str.strip, row[1:])) or " " not in words or not words[0].isalpha():
            break
        count += 1
    return count


def _read_csv(path: Path, count: int | None, *, footers: bool) -> RawTable:
    lines = read_text_rows(path, None if count is None else count + 1, footers=footers)
    rows = [row for _, row in lines.rows]
    if not rows:
        raise ValueError("it is empty")
    wrong = next((row for row in rows if len(row) != len(rows[0])), None)
    if wrong is not None:
        raise ValueError(f"the row {','.join(wrong)[:60]!r} has {len(wrong)} cells, the header {len(rows[0])}")
    cells = np.array(rows[1:], dtype=object).reshape(len(rows) - 1, len(rows[0]))
    return RawTable(file=str(path), heads=[(head,) for head in rows[0]], columns=list(cells.T), notes=lines.notes)


def normalise_numbers(columns: Sequence[np.ndarray]) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """The number columns of one table with every cell of text in the plain form, 1234.5, as far as that is certain.

    Whether a comma is the decimal sign or stands between thousands is decided for the table as a whole, by the cells that can
    be read in one way only. Cells that do not fit are left as they are, so that whoever reads them can name them.

    Returns
    -------
    columns : list of ndarray
    notes : tuple of str
        What was done: "decimal commas", "separators of thousands taken off", "dollar signs taken off".
    """
    texts = [column for column in columns if column.dtype.kind == "O"]
    if not any(_is_written_otherwise(column) for column in texts):
        return list(columns), ()
    bare = {id(column): [_DOLLARS.sub(r"\1", str(cell).strip()) for cell in column] for column in texts}
    commas = has_decimal_commas(cell for cells in bare.values() for cell in cells)
    if commas is None:
        return list(columns), ()
    notes = dict.fromkeys(["decimal commas"] if commas else [])
    normalised = []
    for column in columns:
        if id(column) not in bare:
            normalised.append(column)
            continue
        cells = []
        for cell, stripped in zip(map(str, column), bare[id(column)], strict=True):
            plain = normalise_number(stripped, commas=commas)
            cells.append(cell if plain is None else plain)
            if plain is not None and stripped != cell.strip():
                notes["dollar signs taken off"] = None
            if plain is not None and len(plain) < len(stripped):
                notes["separators of thousands taken off"] = None
        normalised.append(np.array(cells, dtype=object))
    return normalised, tuple(notes)


def _is_written_otherwise(column: np.ndarray) -> bool:
    """True if a cell has a sign that a plain number has not and a number of people may have."""
    return not set("".join(map(str, column))).isdisjoint(",$'\u2019\u00a0\u2009\u202f ")


def has_decimal_commas(cells: Iterable[str]) -> bool | None:
    """True if the commas of some numbers are decimal signs.

    Parameters
    ----------
    cells : iterable of str
        Without signs of currency.

    Returns
    -------
    bool or None
        By the cells that can be read in one way only. None where these contradict each other, and where there is none.
    """
    point = comma = doubtful = False
    for cell in cells:
        if "," not in cell:
            if "." in cell and cell.count(".") == 1 and _POINT.fullmatch(cell) and not _EITHER.fullmatch(cell):
                point = True
            comma |= cell.count(".") > 1 and bool(_COMMA.fullmatch(cell))
            continue
        cell = cell.translate(_SPACES)
        if _EITHER.fullmatch(cell):
            doubtful = True
        elif _POINT.fullmatch(cell):
            point = True
        elif _COMMA.fullmatch(cell):
            comma = True
    if point and comma:
        return None
    return comma if point or comma or not doubtful else None


def normalise_number(cell: str, *, commas: bool) -> str | None:
    """1234.5 for 1,234.5, or for 1.234,5 with decimal commas; None for what is not such a number."""
    if _GROUPED.fullmatch(cell) and (commas or "'" in cell or "\u2019" in cell or "." in cell):
        cell = cell.translate(_SPACES)
    if not any(map(str.isdigit, cell)) or not (_COMMA if commas else _POINT).fullmatch(cell):
        return None
    return cell.replace(".", "").replace(",", ".") if commas else cell.replace(",", "")


METADATA_KEY = b"dipfolio"
"""The key of the metadata of fetched prices in a Parquet file."""


def stored_metadata(file: Any) -> bytes | None:
    """The metadata of fetched prices as they stand in a file, from its ``pyarrow.parquet.FileMetaData``; none in another file.

    Arrow stores a copy in its schema. It is only used to notice that the metadata were lost, as prices without their dividends
    and splits would pass for a file that was not fetched.

    Raises
    ------
    ValueError
        Only the copy is there.
    """
    raw: bytes | None = (file.metadata or {}).get(METADATA_KEY)
    if raw is None and METADATA_KEY in (file.schema.to_arrow_schema().metadata or {}):
        raise ValueError("its metadata were damaged or removed since it was fetched")
    return raw


def parse_metadata(raw: bytes) -> tuple[dict[str, Any], str | None]:
    """The metadata of fetched prices, and the checksum that stands in them; files of the first versions have none.

    Raises
    ------
    ValueError
        They are no JSON object.
    """
    metadata = json.loads(raw)
    if not isinstance(metadata, dict):
        raise ValueError("its metadata are not those of data fetch")
    return metadata, metadata.pop("sha256", None)


def metadata_checksum(metadata: dict[str, Any], days: np.ndarray, cells: np.ndarray) -> str:
    """SHA-256 of the metadata and of the bars that belong to them, of shape (sessions,) and (fields, sessions)."""
    return sha256_of(json.dumps(metadata, sort_keys=True), days, cells)


def verify_checksum(raw: bytes, columns: dict[str, np.ndarray]) -> None:
    """Compare the columns of a Parquet file with the checksum in its metadata; without a checksum they pass.

    Raises
    ------
    ValueError
        They are not the columns that were written.
    """
    metadata, checksum = parse_metadata(raw)
    if checksum is None:
        return
    known = {"date", *FIELDS} <= set(columns) and columns["date"].dtype.kind == "M"
    if not known or checksum != metadata_checksum(metadata, columns["date"], np.array([columns[field] for field in FIELDS])):
        raise ValueError("its fingerprint tells that it was damaged or changed since it was fetched")


def _read_parquet(path: Path, count: int | None) -> RawTable:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        table = file.schema_arrow.empty_table() if count == 0 else file.read(use_threads=False)
        raw = stored_metadata(file.metadata)
    if raw is not None and count is None:
        verify_checksum(raw, {name: column.to_numpy() for name, column in zip(table.column_names, table.columns, strict=True)})
    if count is not None:
        table = table.slice(0, count)
    names = table.column_names
    if len(set(names)) == len(names) and not any(name.startswith(("(", "__")) for name in names):
        return RawTable(
            file=str(path), heads=[(name,) for name in names], columns=[_arrow_as_numpy(column) for column in table.columns]
        )
    frame = table.to_pandas().reset_index()
    heads = [tuple(map(str, label)) if isinstance(label, tuple) else (str(label),) for label in frame.columns]
    return RawTable(file=str(path), heads=heads, columns=[_as_numpy(frame.iloc[:, i]) for i in range(frame.shape[1])])


def _arrow_as_numpy(column: Any) -> np.ndarray:
    """An arrow column as numpy: numbers and naive dates in their type, all else as text."""
    import pyarrow as pa

    kind = column.type
    if (pa.types.is_integer(kind) and column.null_count == 0) or pa.types.is_floating(kind):
        return np.asarray(column.to_numpy())
    if pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None):
        return np.asarray(column.to_numpy())
    if pa.types.is_boolean(kind):
        raise TypeError("a column holds true and false, expected numbers")
    return _as_numpy(column.to_pandas())


def _as_numpy(series: Any) -> np.ndarray:
    """A pandas column as numpy, what is neither number nor naive date as text, empty where it is missing."""
    values = series.to_numpy()
    if values.dtype.kind == "b":
        raise TypeError("a column holds true and false, expected numbers")
    if values.dtype.kind in "fiuM" and getattr(series.dt if values.dtype.kind == "M" else None, "tz", None) is None:
        return np.asarray(values)
    missing = series.isna().to_numpy()
    return np.array(["" if gone else str(value) for gone, value in zip(missing, series, strict=True)], dtype=object)
