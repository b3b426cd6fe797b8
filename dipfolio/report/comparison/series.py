"""The return series of a comparison: one of a run, or an equity or return series of another source, read from a table."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data import calendar
from dipfolio.data.tables import RawTable, has_decimal_commas, normalise_number, read_excel_sheets, read_table, read_text_rows
from dipfolio.engine.result import Result, load
from dipfolio.errors import AmbiguousFileError, DataError, ReportError, UnknownNameError
from dipfolio.report.comparison.series_units import ValueKind, heading_words, interpret_values, simple_returns
from dipfolio.report.format import count
from dipfolio.report.run_summary import run_heading
from dipfolio.storage import CHECKSUM_FILE as SEAL
from dipfolio.storage import changed_files


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """One series of a comparison before it is aligned.

    Attributes
    ----------
    label : str
        Its name on the page.
    returns : Series of shape (days,)
        Simple returns, in order, over its own window.
    base : Timestamp
        The day on whose close the first return starts.
    result : Result or None
        The record; None for a series from elsewhere.
    folder : Path or None
        Where the record and its tear sheet stand.
    origin : str
        For a series from elsewhere, what it was taken for; empty for a run.
    """

    label: str
    returns: pd.Series
    base: pd.Timestamp
    result: Result | None = None
    folder: Path | None = None
    origin: str = ""

    @property
    def first(self) -> pd.Timestamp:
        """The first day with a return."""
        return pd.Timestamp(self.returns.index[0])

    @property
    def last(self) -> pd.Timestamp:
        """The last day with a return."""
        return pd.Timestamp(self.returns.index[-1])

    @cached_property
    def bankrupt(self) -> bool:
        """True if its account was wiped out on the last day."""
        return self.result is not None and self.result.bankrupt

    @property
    def span(self) -> str:
        """Its own window in words."""
        return f"{self.first.date()} to {self.last.date()}"


def track_of(result: Result, folder: Path | None = None) -> Track:
    """The track of a run, named by its strategy and what was changed."""
    exchange, first = result.provenance.calendar, result.returns.index[0]
    base = pd.Timestamp(result.base).as_unit("s") if result.base else exchange.session_before(first)
    return Track(label=run_heading(result), returns=result.returns, base=base, result=result, folder=folder)


def saved_track(folder: Path) -> Track:
    """The track of a saved run.

    Raises
    ------
    ReportError
        No record there, one that cannot be read, or one of which a file was changed since it was sealed.
    """
    broken = changed_files(folder, include_added=False) if (folder / SEAL).exists() else ()
    if broken:
        raise ReportError(f"{folder} was damaged or changed since it was written ({', '.join(broken)}); run the strategy again.")
    return track_of(load(folder), folder)


def runs_of(tracks: Iterable[Track]) -> tuple[tuple[str, Result], ...]:
    """Label and record of those that have one."""
    return tuple((track.label, track.result) for track in tracks if track.result is not None)


def with_unique_labels(tracks: Iterable[Track]) -> tuple[Track, ...]:
    """The tracks with labels that tell them apart: where two are alike, the folder's name, else a number, is added."""
    tracks = tuple(tracks)
    alike = Counter(track.label for track in tracks)
    named = [replace(track, label=track.folder.name) if alike[track.label] > 1 and track.folder else track for track in tracks]
    seen: Counter[str] = Counter()
    for place, track in enumerate(named):
        seen[track.label] += 1
        if seen[track.label] > 1:
            named[place] = replace(track, label=f"{track.label} #{seen[track.label]}")
    return tuple(named)


RUN_EQUITY_COLUMNS = {"session", "equity", "cash", "gross", "net", "return"}
"""Headings of the ``equity.csv`` of a saved run; its returns, unlike its equity, know the first session."""

VALUE_COLUMN_NAMES: tuple[frozenset[str], ...] = (
    frozenset({
        "equity", "total equity", "account equity", "portfolio equity", "strategy equity", "equity curve", "equity value",
        "nav", "net asset value", "net liquidation", "net liquidation value", "net liq", "netliq", "nlv",
        "portfolio value", "total portfolio value", "account value", "total account value", "total value", "net worth", "wealth",
    }),
    frozenset({"total", "balance", "account balance", "value", "portfolio", "account", "strategy"}),
    frozenset({
        "return", "returns", "ret", "rets", "daily return", "daily returns", "daily ret", "strategy return", "strategy returns",
        "portfolio return", "portfolio returns", "net return", "net returns", "simple return", "simple returns", "log return",
        "log returns", "ln return", "ln returns", "log rets",
        "log ret", "logret", "cumulative return", "cumulative returns", "cum return", "cum returns", "cum ret",
    }),
    frozenset({"close", "adj close", "adjusted close", "price"}),
)  # fmt: skip
"""What people call the column of a series, the surest names first; units and brackets do not count."""

_UNITS = {"percent", "pct", "usd", "eur", "gbp", "chf", "in", "bps"}
_EMPTY = {"", "nan", "na", "n/a", "#n/a", "null", "none", "nat"}
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)
_BLANKS = re.compile("[\\s\u00a0\u2009\u202f'\u2019]")
_FORMS = ("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%d-%b-%Y", "%b %d, %Y", "%d %b %Y")
"""How dates are written beside 2024-12-31."""
_MONTH_FORMS = ("%Y-%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y")
"""How months are written."""
_DATE_WORDS = {"date", "day", "datum", "time", "timestamp", "session", "month", "index"}
"""Words in the heading of a column of dates."""
_SAMPLE_ROWS = 50
"""Last rows of a file, in which the column of dates is looked for."""

_ACCOUNT_WORDS = {"account", "balance", "liq", "liquidation", "netliq", "nlv", "total", "worth"}
"""Words in the headings of the value of an account, into which money can be paid."""
_ROW_KINDS = {"Header", "Data", "MetaInfo", "SubTotal", "Total", "Notes"}
"""What the second cell of each row says in a statement of Interactive Brokers; the first names the section."""

_PICKLE_NAMES = re.compile(r"\.(pkl|pickle|joblib)(\.(gz|bz2|xz|zip|zst))?", re.IGNORECASE)
_OTHER_WORKBOOKS = {".xls", ".xlsb", ".ods", ".numbers"}

Row = tuple[int, list[str]]
"""The number of the line or row in the file, and its stripped cells."""


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Rows of equally many cells under a heading for each column, empty where the file has none.

    ``part`` names the sheet or the section of the file that was read, and ``notes`` say what was left out.
    """

    file: str
    separator: str
    heads: list[str]
    rows: list[Row]
    part: str = ""
    notes: tuple[str, ...] = ()

    def column(self, place: int) -> list[str]:
        """The cells of a column."""
        return [cells[place] for _, cells in self.rows]

    def name(self, place: int) -> str:
        """The heading of a column, or its number where it has none."""
        return self.heads[place] or f"column {place + 1}"


def read_external_series(path: Path, kind: ValueKind | None = None, columns: Sequence[str] = (), sheet: str = "") -> Track:
    """A series from elsewhere: a column of dates and one of values, with or without further ones and lines of names above.

    Monthly values are dated on the last session of their month.

    Parameters
    ----------
    path : Path
        CSV with a comma, semicolon or tab between, in UTF-8 or UTF-16; Excel as ``.xlsx``; or Parquet. Dates as 2024-12-31 or
        otherwise without doubt. A statement of Interactive Brokers in sections is read too.
    kind : str, optional
        What the values are, if neither heading nor values are to be asked.
    columns : sequence of str
        Headings, or numbers from 1, of the column of values; the first that the file has is taken.
    sheet : str
        Of an Excel workbook; empty for the only one with dates.

    Raises
    ------
    DataError
        A file that is no such table, names the row; a loss of all money; a pickle.
    AmbiguousFileError
        Several columns, sheets or sections could be meant, or nobody can tell what the values are.
    UnknownNameError
        The file has none of ``columns``, or no such sheet.
    """
    table = _table(path, sheet)
    dated, day_of, monthly = _dates(table)
    place = _chosen(table, dated, columns)
    heading = table.heads[place]
    series, dropped, signed = _series(table, dated, day_of, place)
    with np.errstate(all="ignore"):
        meaning = interpret_values(path.name, heading, series, kind, signed=signed)
        returns, base = simple_returns(path.name, series, meaning, stated=kind is not None)
    if not np.isfinite(returns).all():
        raise DataError(f"{path.name}: the return of {returns.index[~np.isfinite(returns)][0].date()} is too large.")
    if dropped and base < series.index[0]:
        base = dropped[-1]
    elif monthly and base < series.index[0]:
        base = calendar.session_before(series.index[0].replace(day=1))
    which = f"{table.part}, column {table.name(place)!r}" if len(table.heads) > 2 else table.part
    notes = [f"{count(len(dropped), 'empty row')} at the start left out"] if dropped else []
    notes += ["monthly, dated on the last session of each month"] if monthly else []
    notes += ["a deposit or a withdrawal counts as a return"] if meaning.form == "equity" and _is_account(table, heading) else []
    origin = "; ".join([f"{path.name}{which}, taken for {meaning} ({meaning.why})", *table.notes, *notes])
    return Track(label=path.stem, returns=returns, base=base, origin=origin)


def _is_account(table: _Cells, heading: str) -> bool:
    """True for the value of an account, which may have been paid into."""
    return table.part.startswith(", section") or not _ACCOUNT_WORDS.isdisjoint(heading_words(heading))


def _table(path: Path, sheet: str) -> _Cells:
    """The table of a file.

    Raises
    ------
    DataError, AmbiguousFileError, UnknownNameError
        As :func:`read_external_series`.
    """
    ending = path.suffix.lower()
    if _is_pickle(path):
        raise DataError(f"{path.name} is a pickle, which can run any program as it is opened; save the series as CSV or Parquet.")
    if ending in _OTHER_WORKBOOKS:
        raise DataError(f"{path.name} is a workbook of a kind that is not read: save it as .xlsx or CSV.")
    if sheet and ending not in (".xlsx", ".xlsm"):
        raise UnknownNameError(f"sheet of {path.name}", sheet, (), "Only an Excel workbook has sheets.")
    if ending in (".xlsx", ".xlsm"):
        return _sheet(path, read_excel_sheets(path), sheet)
    if ending == ".parquet":
        return _body(path.name, ",", _parquet_rows(read_table(path, expected="a series")))
    separator, rows = _text_rows(path)
    return _section(path.name, rows) if _has_sections(rows) else _body(path.name, separator, rows)


def _is_pickle(path: Path) -> bool:
    """True by the name of the file, or by its first bytes, which are those of the protocols 2 to 5."""
    if _PICKLE_NAMES.fullmatch("".join(path.suffixes[-2:])) or _PICKLE_NAMES.fullmatch(path.suffix):
        return True
    try:
        with path.open("rb") as file:
            return file.read(2) in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
    except OSError:
        return False  # whoever reads it says why


def _sheet(path: Path, sheets: dict[str, list[Row]], asked: str) -> _Cells:
    """The table of the sheet that is asked for, else of the only one with dates."""
    if asked:
        named = next((name for name in sheets if name.strip().lower() == asked.strip().lower()), None)
        if named is None:
            raise UnknownNameError(f"sheet of {path.name}", asked, sheets, f"It has {', '.join(sheets) or 'none with cells'}.")
        return _body(path.name, ",", sheets[named], part=f", sheet {named!r}")
    dated = [name for name, rows in sheets.items() if _first_dated(rows) is not None] or list(sheets)[:1]
    if not dated:
        raise _too_short(path.name, 0)
    if len(dated) > 1:
        raise AmbiguousFileError(
            f'{path.name} has several sheets with dates: {", ".join(dated)}. Say which, as --sheet "{dated[0]}".'
        )
    return _body(path.name, ",", sheets[dated[0]], part=f", sheet {dated[0]!r}" if len(sheets) > 1 else "")


def _parquet_rows(table: RawTable) -> list[Row]:
    """Headings, and rows of text in which numbers have all their digits."""
    columns = [_as_text(column) for column in table.columns]
    heads = [" ".join(filter(None, head)) for head in table.heads]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return [(0, ["" if head.startswith("__index_level_") else head for head in heads]), *enumerate(rows, 1)]


def _as_text(column: np.ndarray) -> list[str]:
    if column.dtype.kind == "M":
        moments = pd.DatetimeIndex(column)
        return ["" if pd.isna(m) else m.date().isoformat() if m == m.normalize() else m.isoformat() for m in moments]
    if column.dtype.kind == "f":
        return ["" if np.isnan(value) else repr(float(value)) for value in column]
    return [str(value).strip() for value in column]


def _has_sections(rows: list[Row]) -> bool:
    """True for a statement in sections, each row of which begins with the section and what the row is."""
    return bool(rows) and all(len(cells) > 2 and cells[1] in _ROW_KINDS for _, cells in rows)


def _section(file: str, rows: list[Row]) -> _Cells:
    """The table of the section with a value of the account for each of its dates; alike ones once.

    Raises
    ------
    DataError
        There is none.
    AmbiguousFileError
        Several could be meant.
    """
    sections: dict[str, list[Row]] = {}
    for number, cells in rows:
        if cells[1] == "Header":
            sections[cells[0]] = []
        if cells[1] in ("Header", "Data"):
            sections.setdefault(cells[0], []).append((number, cells[2:]))
    tables = []
    for name, lines in sections.items():
        if len(lines) < 3 or _first_dated(lines) != 1:
            continue
        table = _body(file, ",", lines, part=f", section {name!r}")
        dated = _dates(table)[0]
        values = _named(table, [place for place in range(len(table.heads)) if place != dated])
        if len(values) == 1:
            tables.append((table, [(row[dated], row[values[0]]) for _, row in table.rows]))
    if not tables:
        raise DataError(f"{file} is a statement in sections, and none of them has a value of the account for each date.")
    if any(cells != tables[0][1] for _, cells in tables):
        raise AmbiguousFileError(
            f"{file} has several sections that could be meant{''.join(table.part for table, _ in tables)}: save one as a file "
            "of its own."
        )
    return tables[0][0]


def _body(file: str, separator: str, rows: list[Row], part: str = "") -> _Cells:
    """The table without the lines above its headings and without columns that are empty.

    Raises
    ------
    DataError
        There is no table, or a row has another number of cells than the headings.
    """
    if not rows:
        raise _too_short(file, 0)
    above = _heading_row(rows)
    headed = above is not None
    heads = rows[above][1] if above is not None else [""] * len(rows[0][1])
    below = [(number, _level(file, number, row, len(heads))) for number, row in rows[(above or 0) + headed :]]
    if not below:
        raise _too_short(file, 0)
    used = [place for place, head in enumerate(heads) if head or any(row[place] for _, row in below)]
    if len(used) < 2:
        raise DataError(f"{file}, line {below[0][0]}: expected a date and a value, found 1 cell.")
    return _Cells(
        file=file, separator=separator, heads=[heads[i] for i in used], part=part,
        rows=[(number, [row[i] for i in used]) for number, row in below],
        notes=(f"{count(above, 'line')} above the table left out",) if above else (),
    )  # fmt: skip


def _first_dated(rows: list[Row]) -> int | None:
    """The first row with a date where most of the last rows have one; None if there is none."""
    sample = [cells for _, cells in rows[-_SAMPLE_ROWS:]]
    dates = [sum(len(cells) > place and _written_day(cells[place]) for cells in sample) for place in range(_widest(sample))]
    if not any(dates):
        return None
    place = dates.index(max(dates))
    return next(i for i, (_, cells) in enumerate(rows) if len(cells) > place and _written_day(cells[place]))


def _widest(rows: list[list[str]]) -> int:
    return max((len(cells) for cells in rows), default=0)


def _heading_row(rows: list[Row]) -> int | None:
    """The row of the headings: the first one, unless it is no heading of the table and a later one is; None for no heading."""
    first = _first_dated(rows)
    if first is None or first == 0:
        return None if any(map(_written_day, rows[0][1])) else 0
    body = [cells for _, cells in rows[first : first + _SAMPLE_ROWS]]
    filled = {place for cells in body for place, cell in enumerate(cells) if cell}
    sure = [i for i in range(first) if _names_dates(rows[i][1])]
    if sure:
        return sure[-1]
    named = {i: _named_cells(rows[i][1], filled) for i in range(first) if len(rows[i][1]) == len(rows[first][1])}
    return max(named, key=lambda i: (named[i], -i), default=0) if max(named.values(), default=0) + 1 >= len(filled) else 0


def _names_dates(cells: list[str]) -> bool:
    return len(cells) > 1 and any(not _DATE_WORDS.isdisjoint(heading_words(cell)) for cell in cells)


def _named_cells(cells: list[str], filled: set[int]) -> int:
    """How many of the columns that the table fills have a name in a row; none if a cell is a number."""
    if any(re.fullmatch(r"[-+$(]?[\d.,]+%?\)?", cell) for cell in cells):
        return 0
    return sum(bool(cell) for place, cell in enumerate(cells) if place in filled)


def _too_short(file: str, values: int) -> DataError:
    return DataError(f"{file} has {values} values; a series needs a column of dates and one of values, at least two rows.")


def _level(file: str, number: int, row: list[str], width: int) -> list[str]:
    """The row in the width of the header, without empty cells at its end that are too many."""
    while len(row) > width and not row[-1]:
        row = row[:-1]
    if len(row) != width:
        raise DataError(f"{file}, line {number}: expected {count(width, 'cell')}, found {len(row)}.")
    return row


def _text_rows(path: Path) -> tuple[str, list[Row]]:
    """The separator, and the lines that are neither empty nor a comment."""
    try:
        lines = read_text_rows(path)
    except csv.Error as error:
        raise DataError(f"{path.name} is no CSV file: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error
    rows = [(number, [cell.strip() for cell in row]) for number, row in lines.rows]
    return lines.separator, [(number, row) for number, row in rows if not row[0].startswith("#")]


DateParser = Callable[[str], pd.Timestamp | None]


def _dates(table: _Cells) -> tuple[int, DateParser, bool]:
    """The first column whose first cell is a date, how its dates are written, and whether they are months.

    Raises
    ------
    DataError
        There is none.
    AmbiguousFileError
        Day and month cannot be told apart.
    """
    first = table.rows[0][1]
    place = next((i for i, cell in enumerate(first) if _written_day(cell)), None)
    if place is None:
        raise DataError(f"{table.file}, line {table.rows[0][0]}: {first[0]!r} is no date; write it as 2024-12-31.")
    cells = table.column(place)
    if _day(cells[0]):
        return place, _day, False
    months = [read for read in map(_month_reader, _MONTH_FORMS) if read(cells[0])]
    if months:
        return place, months[0], True
    fitting = [read for read in map(_reader, _FORMS) if all(map(read, cells))]
    if len(fitting) > 1 and any(fitting[0](cell) != fitting[1](cell) for cell in cells):
        raise AmbiguousFileError(
            f"{table.file}: {cells[0]!r} could be a day and a month or a month and a day; write dates as 2024-12-31."
        )
    if fitting:
        return place, fitting[0], False
    return place, max(map(_reader, _FORMS), key=lambda read: sum(read(cell) is not None for cell in cells)), False


def _written_day(text: str) -> bool:
    if not any(map(str.isdigit, text)):
        return False
    return _day(text) is not None or any(_reader(form)(text) for form in (*_FORMS, *_MONTH_FORMS))


def _day(text: str) -> pd.Timestamp | None:
    """A date as 2024-12-31 or 20241231, or the date of a moment as it is written there."""
    try:
        day = datetime.fromisoformat(text).date() if len(text) > 10 else date.fromisoformat(text)
    except ValueError:
        return None
    return pd.Timestamp(day).as_unit("s")


def _reader(form: str) -> DateParser:
    """Reads dates of a form, with or without a time of the day behind."""

    def read(text: str) -> pd.Timestamp | None:
        """The date, or None for text of another form."""
        day = re.sub(r"[ T]\d\d?:\d\d.*$", "", text)
        try:
            return pd.Timestamp(datetime.strptime(day, form)).as_unit("s")
        except ValueError:
            return None

    return read


def _month_reader(form: str) -> DateParser:
    """Reads months of a form as the last session in them."""
    month_of = _reader(form)

    def read(text: str) -> pd.Timestamp | None:
        """The session, or None for text of another form or a month without sessions in the calendar."""
        month = month_of(text)
        if month is None:
            return None
        sessions = calendar.between(month, month + pd.offsets.MonthEnd(1))
        return pd.Timestamp(sessions[-1]).as_unit("s") if len(sessions) else None

    return read


def _chosen(table: _Cells, dated: int, columns: Sequence[str]) -> int:
    """The column of values: the one asked for, else the only one, else the one that is named for it.

    Raises
    ------
    AmbiguousFileError
        Several could be meant.
    UnknownNameError
        Not the ones asked for.
    """
    others = [place for place in range(len(table.heads)) if place != dated]
    listed = [table.name(place) for place in others]
    for asked in columns:
        places = [i for i in others if table.heads[i].lower() == asked.strip().lower()]
        places = places or [i for i in others if asked.strip() == str(i + 1)]
        if len(places) > 1:
            raise AmbiguousFileError(
                f"{table.file} has {len(places)} columns {asked!r}; give the number of one with --column: "
                f"{', '.join(str(place + 1) for place in places)}."
            )
        if places:
            return places[0]
    if columns:
        raise UnknownNameError(f"column of {table.file}", columns[0], listed, f"It has {', '.join(listed)}.")
    if len(others) == 1:
        return others[0]
    if {head.lower() for head in table.heads} >= RUN_EQUITY_COLUMNS:
        return next(place for place in others if table.heads[place].lower() == "return")
    places = _named(table, others)
    if len(places) == 1:
        return places[0]
    meant = [table.name(place) for place in places] or listed
    example = f'"{meant[0]}"' if table.heads[others[0]] else str(others[0] + 1)
    raise AmbiguousFileError(
        f"{table.file} has several columns that could be meant: {', '.join(meant)}. Say which, as --column {example}."
    )


def _named(table: _Cells, others: list[int]) -> list[int]:
    """The columns with the surest names, alike ones once; none if no name is known."""
    plain = {
        place: " ".join(word for word in heading_words(table.heads[place]) if word not in _UNITS and not word.isdigit())
        for place in others
    }
    for names in VALUE_COLUMN_NAMES:
        places = [place for place in others if plain[place] in names]
        if places:
            return places[:1] if all(table.column(place) == table.column(places[0]) for place in places) else places
    return []


def _series(table: _Cells, dated: int, day_of: DateParser, place: int) -> tuple[pd.Series, list[pd.Timestamp], bool]:
    """The values by day in order, the days at the start without one, and whether the cells had per cent signs."""
    signed = any(cell.endswith("%") for cell in table.column(place))
    comma = _decimal_comma(table, place)
    values: dict[pd.Timestamp, tuple[int, str]] = {}
    for number, row in table.rows:
        day = day_of(row[dated])
        if day is None:
            raise DataError(f"{table.file}, line {number}: {row[dated]!r} is no date; write it as 2024-12-31.")
        if day in values:
            raise DataError(f"{table.file}, line {number}: {day.date()} stands twice.")
        values[day] = number, row[place]
    days = sorted(values)
    begun = next((i for i, day in enumerate(days) if values[day][1].lower() not in _EMPTY), len(days))
    values_by_day = {day: _number(table.file, *values[day], comma=comma, signed=signed) for day in days[begun:]}
    if len(values_by_day) < 2:
        raise _too_short(table.file, len(values_by_day))
    return pd.Series(values_by_day, dtype="float64").rename_axis("session"), days[:begun], signed


def _decimal_comma(table: _Cells, place: int) -> bool:
    """True if a comma is the decimal mark of a column.

    Where no cell tells, a comma between commas stands between thousands. Between other separators, a column in which every
    cell has one is read with decimal commas: its returns are the same in both readings.

    Raises
    ------
    AmbiguousFileError
        It could stand between thousands as well, or some cells say so and others the opposite.
    """
    cells = [cell for cell in map(_bare, table.column(place)) if cell.lower() not in _EMPTY]
    marked = [cell for cell in cells if "," in cell]
    certain = has_decimal_commas(cells)
    if certain is not None or not marked:
        return bool(certain)
    doubtful = all(_THOUSANDS.fullmatch(cell) for cell in marked) and not any("." in cell for cell in cells)
    if not doubtful or (table.separator != "," and len(marked) < len(cells)):
        raise AmbiguousFileError(
            f"{table.file}: {marked[0]!r} in {table.name(place)!r} could have a decimal comma or one between thousands; "
            "write it with a decimal point."
        )
    return table.separator != ","


def _bare(text: str) -> str:
    """A number without signs of currency and per cent and without blanks; in brackets it is negative."""
    plain = _BLANKS.sub("", text).replace("\u2212", "-").rstrip("%")
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1].rstrip('%')}"
    return re.sub(r"[$\u20ac\u00a3\u00a5]", "", plain)


def _number(file: str, number: int, text: str, *, comma: bool, signed: bool) -> float:
    plain = normalise_number(_bare(text), commas=comma)
    if plain is None:
        raise DataError(f"{file}, line {number}: {text!r} is no number.")
    value = float(plain)
    percent = text.rstrip(") ").endswith("%")
    if signed and not percent and value:
        raise DataError(f"{file}, line {number}: {text!r} has no sign of per cent, other values have.")
    if not np.isfinite(value):
        raise DataError(f"{file}, line {number}: {text!r} is no number.")
    return value / 100 if percent else value
