"""The return series of a comparison: one of a run, or an equity or return series of another source, read from a CSV table."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data import calendar
from dipfolio.data.tables import has_decimal_commas, normalise_number, read_text_rows
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

    @property
    def bankrupt(self) -> bool:
        """True if its account was wiped out on the last day."""
        return self.result is not None and self.result.bankrupt

    @property
    def span(self) -> str:
        """Its own window in words."""
        return f"{self.first.date()} to {self.last.date()}"


def track_of(result: Result, folder: Path | None = None) -> Track:
    """The track of a run, named by its strategy and what was changed."""
    base = pd.Timestamp(result.base).as_unit("s") if result.base else calendar.session_before(result.returns.index[0])
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
_FORMS = ("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%b-%Y", "%b %d, %Y", "%d %b %Y")
"""How dates are written beside 2024-12-31."""

CsvRow = tuple[int, list[str]]
"""The number of the line in the file, and its stripped cells."""


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Rows of equally many cells under a heading for each column, empty where the file has none."""

    file: str
    separator: str
    heads: list[str]
    rows: list[CsvRow]

    def column(self, place: int) -> list[str]:
        """The cells of a column."""
        return [cells[place] for _, cells in self.rows]

    def name(self, place: int) -> str:
        """The heading of a column, or its number where it has none."""
        return self.heads[place] or f"column {place + 1}"


def read_external_series(path: Path, kind: ValueKind | None = None, columns: Sequence[str] = ()) -> Track:
    """A series from elsewhere: a column of dates and one of values, with or without further ones and a line of names above.

    Parameters
    ----------
    path : Path
        CSV with a comma, semicolon or tab between; UTF-8 or UTF-16; dates as 2024-12-31 or otherwise without doubt.
    kind : str, optional
        What the values are, if neither heading nor values are to be asked.
    columns : sequence of str
        Headings, or numbers from 1, of the column of values; the first that the file has is taken.

    Raises
    ------
    DataError
        A file that is no such table, names the row; a loss of all money.
    AmbiguousFileError
        Several columns could be meant, or nobody can tell what the values are.
    UnknownNameError
        The file has none of ``columns``.
    """
    table = _table(path)
    dated, day_of = _dates(table)
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
    which = f", column {table.name(place)!r}" if len(table.heads) > 2 else ""
    empty = f"; {count(len(dropped), 'empty row')} at the start left out" if dropped else ""
    return Track(
        label=path.stem, returns=returns, base=base, origin=f"{path.name}{which}, taken for {meaning} ({meaning.why}){empty}"
    )


def _table(path: Path) -> _Cells:
    separator, rows = _rows(path)
    if not rows:
        raise _too_short(path.name, 0)
    headed = not any(_written_day(cell) for cell in rows[0][1])
    heads = rows[0][1] if headed else [""] * len(rows[0][1])
    rows = [(number, _level(path, number, row, len(heads))) for number, row in rows[headed:]]
    if not rows:
        raise _too_short(path.name, 0)
    if len(heads) < 2:
        raise DataError(f"{path.name}, line {rows[0][0]}: expected a date and a value, found 1 cell.")
    return _Cells(file=path.name, separator=separator, heads=heads, rows=rows)


def _too_short(file: str, values: int) -> DataError:
    return DataError(f"{file} has {values} values; a series needs a column of dates and one of values, at least two rows.")


def _level(path: Path, number: int, row: list[str], width: int) -> list[str]:
    """The row in the width of the header, without empty cells at its end that are too many."""
    while len(row) > width and not row[-1]:
        row = row[:-1]
    if len(row) != width:
        raise DataError(f"{path.name}, line {number}: expected {count(width, 'cell')}, found {len(row)}.")
    return row


def _rows(path: Path) -> tuple[str, list[CsvRow]]:
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


def _dates(table: _Cells) -> tuple[int, DateParser]:
    """The first column whose first cell is a date, and how its dates are written.

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
        return place, _day
    fitting = [read for read in map(_reader, _FORMS) if all(map(read, cells))]
    if len(fitting) > 1 and any(fitting[0](cell) != fitting[1](cell) for cell in cells):
        raise AmbiguousFileError(
            f"{table.file}: {cells[0]!r} could be a day and a month or a month and a day; write dates as 2024-12-31."
        )
    if fitting:
        return place, fitting[0]
    return place, max(map(_reader, _FORMS), key=lambda read: sum(read(cell) is not None for cell in cells))


def _written_day(text: str) -> bool:
    return _day(text) is not None or any(_reader(form)(text) for form in _FORMS)


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
    plain = {place: " ".join(word for word in heading_words(table.heads[place]) if word not in _UNITS) for place in others}
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
