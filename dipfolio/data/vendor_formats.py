"""Vendor formats: recognises the price tables of data vendors by their headings and converts them to one format.

The known formats are those of dipfolio, Yahoo, yfinance, Nasdaq, Stooq, Tiingo, Alpha Vantage and Quandl. Nothing is
guessed: a cell that is no plain number, a date that could be read in two ways or a column that occurs twice is an
error that names the file, the day and the cell.
"""

import re
from dataclasses import replace

import numpy as np

from dipfolio.data.schema import FIELDS, ExtraColumn, FileFormat, PriceTable
from dipfolio.data.tables import EXPECTED_COLUMNS, RawTable, normalise_numbers
from dipfolio.errors import DataError

STOOQ_ADJUSTMENT_DOUBT = "Stooq adjusts its prices for dividends unless told otherwise"
EXCHANGE_TIME_ZONE = "America/New_York"

_COLUMN_NAMES = {
    "date": "date", "datetime": "date", "timestamp": "date", "ex_date": "date",
    "open": "open", "high": "high", "low": "low", "close": "close", "close/last": "close", "volume": "volume", "vol": "volume",
    "symbol": "symbol", "ticker": "symbol", "name": "symbol",
    "adj close": "adjusted", "adj_close": "adjusted", "adjclose": "adjusted", "adj. close": "adjusted",
    "adjusted close": "adjusted", "adjusted_close": "adjusted",
    "dividends": "dividends", "dividend": "dividends", "dividend_amount": "dividends", "dividend amount": "dividends",
    "ex-dividend": "dividends", "ex_dividend": "dividends", "divcash": "dividends", "div_cash": "dividends",
    "stock splits": "splits", "stock_splits": "splits", "splits": "splits", "split": "splits",
    "split_coefficient": "splits", "split coefficient": "splits", "splitfactor": "splits", "split_factor": "splits",
    "split ratio": "splits", "split_ratio": "splits",
    "capital gains": "gains", "capital_gains": "gains",
}  # fmt: skip
_ACTIONS = ("adjusted", "dividends", "splits", "gains")
_VENDORS = {
    "Tiingo": {"divcash", "splitfactor"},
    "Alpha Vantage": {"dividend_amount", "split_coefficient"},
    "Quandl": {"ex-dividend", "split ratio"},
}
"""Headings that only one provider has."""
_UNNAMED = ("", "index", "Unnamed: 0")
_CORNERS = ("", "price", "ticker", "date", "datetime")
_MISSING = ("", "nan", "null", "none", "n/a", "na", "nat")
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:\.\d+)?)? ?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_SLASHED = re.compile(r"(\d\d?)/(\d\d?)/(\d{4})", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf", re.ASCII)
_MONEY = re.compile(r"\$?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?", re.ASCII)
_PLAIN = frozenset("0123456789.eE+-")


def parse_prices(table: RawTable) -> tuple[dict[str, PriceTable], FileFormat]:
    """The data of a table and how they were understood.

    Returns
    -------
    prices : dict
        Symbol to its data; the symbol is empty where the table names none.
    reading : FileFormat

    Raises
    ------
    DataError
        A table that is none of the known layouts, or a cell that cannot be taken for what it should be.
    """
    table, multiple = _flatten(table)
    layout = _vendor(table, multiple)
    notes = [*table.notes, *([f"{len(table.heads)} columns under {multiple} header lines"] if multiple else [])]
    table, written = _with_plain_numbers(table)
    notes += [note for note in written if layout != "Nasdaq" or not note.startswith("dollar")]
    groups = _by_symbol_column(table) if _symbol_columns(table.heads) else _by_head(table)
    prices = {}
    for symbol, part in groups.items():
        prices[symbol], remarks = _price_table(part, layout)
        notes += [note for note in remarks if note not in notes]
    return prices, FileFormat(file=table.file, layout=layout, notes=tuple(notes), doubt=_doubt(table, layout))


def has_symbols(heads: list[tuple[str, ...]], rows: list[list[str]]) -> bool:
    """True if a table says itself which symbols its data belong to, judged by its headings and its first rows."""
    return bool(_symbol_columns(heads)) or len(heads[0]) > 1 or _header_lines(heads, rows) > 0


def _name(head: str) -> str:
    return _COLUMN_NAMES.get(head.strip().strip("<>").lower(), "")


def _symbol_columns(heads: list[tuple[str, ...]]) -> list[int]:
    """The columns that say whose row it is; beside a symbol or ticker, the name is the company's."""
    columns = [i for i, head in enumerate(heads) if _name(head[0]) == "symbol"]
    better = [i for i in columns if heads[i][0].strip().strip("<>").lower() != "name"]
    return better or columns


def _with_plain_numbers(table: RawTable) -> tuple[RawTable, tuple[str, ...]]:
    """The table with its number columns in plain numbers, and what that took."""
    at = [i for i, head in enumerate(table.heads) if _name(head[0]) not in ("", "date", "symbol")]
    plain, notes = normalise_numbers([table.columns[i] for i in at])
    columns = list(table.columns)
    for i, column in zip(at, plain, strict=True):
        columns[i] = column
    return replace(table, columns=columns), notes


def _vendor(table: RawTable, multiple: int) -> str:
    heads = [head[0].strip() for head in table.heads]
    low = [head.lower() for head in heads]
    if multiple:
        return "yfinance"
    if "close/last" in low:
        return "Nasdaq"
    if "<close>" in low or "<vol>" in low:
        return "Stooq"
    for name, headings in _VENDORS.items():
        if headings & set(low):
            return name
    if any(_name(head) in _ACTIONS for head in heads):
        return "Yahoo"
    return "dipfolio" if heads == low else "dipfolio, with capitals"


def _doubt(table: RawTable, layout: str) -> str:
    names = {_name(head[0]) for head in table.heads}
    if layout in ("yfinance", "Yahoo") and "adjusted" not in names:
        return "it has no Adj Close column, as when yfinance adjusts every price for dividends (auto_adjust=True)"
    return STOOQ_ADJUSTMENT_DOUBT if layout == "Stooq" else ""


def _header_lines(heads: list[tuple[str, ...]], rows: list[list[str]]) -> int:
    """How many of the first rows belong to yfinance's header: a line of tickers or fields, then perhaps one with ``Date``."""
    if not rows or rows[0][0].strip().lower() not in _CORNERS:
        return 0
    first = [cell.strip() for cell in rows[0][1:]]
    named = [cell for cell in first if cell]
    if not named or any(_NUMBER.fullmatch(c.replace(",", "")) or c.lower() in _MISSING for c in named):
        return 0
    fields = sum(_name(head[0]) in FIELDS for head in heads)
    if len(named) < 5 or (fields < 5 and sum(_name(cell) in FIELDS for cell in named) < 5):
        return 0
    dates = len(rows) > 1 and _name(rows[1][0]) == "date" and not any(cell.strip() for cell in rows[1][1:])
    return 2 if dates else 1


def _flatten(table: RawTable) -> tuple[RawTable, int]:
    """The table with heads of (field,) or (field, ticker) and the number of its header lines where there are several."""
    heads = table.heads
    lines = _header_lines(heads, table.first_rows(2))
    if lines:
        heads = [(*head, str(column[0]).strip()) for head, column in zip(heads, table.columns, strict=True)]
        table = replace(table, heads=heads, columns=[column[lines:] for column in table.columns])
        heads = [("Date", "") if i == 0 and _name(head[0]) != "date" else head for i, head in enumerate(heads)]
    if all(len(head) == 1 for head in heads):
        unnamed = heads[0][0] in _UNNAMED and all(_name(head[0]) != "date" for head in heads)
        heads = [("date",), *heads[1:]] if unnamed else heads
        return replace(table, heads=heads), 0
    swapped = sum(_name(head[1]) in FIELDS for head in heads) > sum(_name(head[0]) in FIELDS for head in heads)
    heads = [(head[1], head[0]) if swapped and _name(head[0]) != "date" else (head[0], head[1]) for head in heads]
    return replace(table, heads=heads), lines + 1 if lines else 2


def _by_head(table: RawTable) -> dict[str, RawTable]:
    """A table for each ticker of the header, every one with the dates."""
    shared = [i for i, head in enumerate(table.heads) if _name(head[0]) == "date"]
    symbols = dict.fromkeys(head[1].strip() if len(head) > 1 else "" for i, head in enumerate(table.heads) if i not in shared)
    parts = {}
    for symbol in symbols:
        columns = [i for i, head in enumerate(table.heads) if i in shared or (head[1].strip() if len(head) > 1 else "") == symbol]
        parts[symbol] = table.take(columns)
    return parts


def _by_symbol_column(table: RawTable) -> dict[str, RawTable]:
    at = _symbol_columns(table.heads)
    if len(at) > 1:
        raise DataError(f"{table.file} has two columns for the symbol: {', '.join(table.heads[i][0] for i in at)}.")
    labels = np.array([str(cell).strip() for cell in table.columns[at[0]]], dtype=object)
    symbols, codes = np.unique(labels, return_inverse=True) if len(labels) else (labels, labels)
    if "" in symbols:
        raise DataError(f"{table.file} has a row without a symbol; every row needs one.")
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(symbols) + 1))
    rest = table.take([i for i in range(len(table.heads)) if i != at[0]])
    return {str(s): rest.rows(order[bounds[i] : bounds[i + 1]]) for i, s in enumerate(symbols)}


def _price_table(table: RawTable, layout: str) -> tuple[PriceTable, list[str]]:
    column_of: dict[str, int] = {}
    for i, head in enumerate(table.heads):
        name = _name(head[0])
        if name in column_of and name in ("date", *FIELDS, *_ACTIONS):
            raise DataError(f"{table.file} has two columns for {name}; expected {EXPECTED_COLUMNS}.")
        column_of[name] = i
    missing = [name for name in ("date", *FIELDS) if name not in column_of]
    if missing:
        raise DataError(f"{table.file} lacks the column '{missing[0]}'; expected {EXPECTED_COLUMNS}.")
    notes = []
    money, prefix = layout == "Nasdaq", f"{table.file} cannot be read as {EXPECTED_COLUMNS}"
    days, zoned = parse_dates(prefix, table.columns[column_of["date"]], slashed=money)
    columns = [parse_numbers(prefix, table.columns[column_of[field]], field, days, money=money) for field in FIELDS]
    values = np.array(columns).reshape(len(FIELDS), len(days))
    notes += ["dates as MM/DD/YYYY, dollar signs taken off"] if money else []
    notes += [zoned] if zoned else []
    beside, said_beside = _optional_columns(table, column_of, days, prefix, doubtful=bool(_doubt(table, layout)))
    notes += said_beside
    empty = np.isnan(values).all(axis=0)
    prices = PriceTable(days=days, cells=values, **beside)
    if empty.any():
        _refuse_lost_actions(table.file, prices.take(np.flatnonzero(empty)))
        notes.append(f"rows without any figure left out, the first of {days[empty][0]}")
        prices = prices.take(np.flatnonzero(~empty))
    if (np.diff(prices.days) < np.timedelta64(0, "D")).any():
        prices = prices.take(np.argsort(prices.days, kind="stable"))
        notes.append("rows put in order, oldest first")
    return prices, notes


def _optional_columns(
    table: RawTable, column_of: dict[str, int], days: np.ndarray, prefix: str, *, doubtful: bool
) -> tuple[dict[str, ExtraColumn], list[str]]:
    """The columns of dividends, splits and adjusted closes, and what they are used for.

    Distributions of capital gains are cash like dividends. Dividends are left out where the prices may contain them.
    """
    columns: dict[str, ExtraColumn] = {}
    for name in _ACTIONS:
        if name in column_of:
            heading = table.heads[column_of[name]][0].strip()
            values = parse_numbers(prefix, table.columns[column_of[name]], heading, days, money=False)
            columns[name] = ExtraColumn(heading=heading, cells=values)
    for name, least in (("dividends", 0.0), ("splits", 0.0), ("gains", 0.0)):
        if name in columns:
            _refuse_unusable(prefix, columns[name], days, least)
    paid = [columns.pop(name) for name in ("dividends", "gains") if name in columns]
    used, unused = [], [columns["adjusted"].heading] if "adjusted" in columns else []
    unused += [head[0].strip() for head in table.heads if _is_adjusted(head[0]) and _name(head[0]) != "adjusted"]
    if paid and not doubtful:
        cash = np.sum([np.nan_to_num(column.cells) for column in paid], axis=0)
        columns["dividends"] = ExtraColumn(heading=" and ".join(column.heading for column in paid), cells=cash)
        used.append(f"dividends from {columns['dividends'].heading}")
    else:
        unused += [column.heading for column in paid]
    if "splits" in columns:
        values = np.nan_to_num(columns["splits"].cells, nan=1.0)
        columns["splits"] = ExtraColumn(heading=columns["splits"].heading, cells=np.where(values == 0, 1.0, values))
        used.append(f"splits from {columns['splits'].heading}")
    return columns, [*used, *([f"{' and '.join(unused)} not used"] if unused else [])]


def _is_adjusted(heading: str) -> bool:
    return heading.strip().lower().startswith("adj")


def _refuse_unusable(prefix: str, column: ExtraColumn, days: np.ndarray, least: float) -> None:
    bad = np.isinf(column.cells) | (column.cells < least)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{prefix}: the {column.heading} of {days[first]} is {column.cells[first]:g}, expected {least:g} or more."
        )


def _refuse_lost_actions(file: str, left_out: PriceTable) -> None:
    """A dividend or split in a row without prices would be lost with the row."""
    for column, nothing in ((left_out.dividends, 0.0), (left_out.splits, 1.0)):
        lost = [] if column is None else np.flatnonzero(column.cells != nothing).tolist()
        if column is not None and lost:
            day = left_out.days[lost[0]]
            raise DataError(
                f"{file} has a {column.heading} of {column.cells[lost[0]]:g} on {day} in a row without prices; "
                "put it on a row with prices."
            )


def parse_dates(prefix: str, cells: np.ndarray, *, slashed: bool) -> tuple[np.ndarray, str]:
    """Dates as datetime64[D], and what had to be done with time zones.

    Raises
    ------
    DataError
        A cell that is no date, with ``prefix`` in front: 12/31/2024 with ``slashed``, else only 2024-12-31 or 20241231.
    """
    if cells.dtype.kind == "M":
        if np.isnat(cells).any():
            raise DataError(f"{prefix}: a row has no date.")
        return cells.astype("datetime64[D]"), ""
    if cells.dtype.kind in "iu":
        cells = np.array([str(cell) for cell in cells.tolist()], dtype=object)
    texts = [str(cell).strip() for cell in cells]
    if slashed and texts and all(_SLASHED.fullmatch(text) for text in texts):
        parts = [_SLASHED.fullmatch(text).groups() for text in texts]  # type: ignore[union-attr]
        return _calendar(prefix, [f"{year}-{int(month):02d}-{int(day):02d}" for month, day, year in parts]), ""
    matches = [_DAY.fullmatch(text) for text in texts]
    wrong = next((text for text, match in zip(texts, matches, strict=True) if match is None), None)
    if wrong is not None:
        form = "12/31/2024" if slashed else "2024-12-31"
        raise DataError(f"{prefix}: {wrong[:40]!r} is no date; expected one such as {form}.")
    groups = [match.groups() for match in matches if match]
    dates = _calendar(prefix, [f"{year}-{month}-{day}" for year, month, day, *_ in groups])
    return _local(dates, groups)


def _calendar(prefix: str, texts: list[str]) -> np.ndarray:
    try:
        return np.array(texts, dtype="datetime64[D]")
    except ValueError:
        wrong = next(text for text in texts if not _is_day(text))
        raise DataError(f"{prefix}: {wrong!r} is no day of the calendar.") from None


def _is_day(text: str) -> bool:
    try:
        np.datetime64(text, "D")
    except ValueError:
        return False
    return True


def _local(dates: np.ndarray, parts_of: list[tuple[str | None, ...]]) -> tuple[np.ndarray, str]:
    """The day written, where the time is midnight or has no zone; else the day in New York at that moment."""
    zoned = [i for i, groups in enumerate(parts_of) if groups[6]]
    moved = [i for i in zoned if any(int(part or 0) for part in parts_of[i][3:6])]
    if not zoned:
        return dates, ""
    if moved:
        import pandas as pd

        stamps = [f"{dates[i]}T{parts_of[i][3]}:{parts_of[i][4]}:{parts_of[i][5] or '00'}{parts_of[i][6]}" for i in moved]
        local = pd.to_datetime(stamps, utc=True).tz_convert(EXCHANGE_TIME_ZONE)
        dates[moved] = local.tz_localize(None).to_numpy().astype("datetime64[D]")
        return dates, "moments with a time zone turned into days in New York"
    return dates, "time zone dropped, the day kept as written"


def parse_numbers(prefix: str, cells: np.ndarray, field: str, days: np.ndarray, *, money: bool) -> np.ndarray:
    """Floats nearest to what is written; NaN where nothing is.

    Raises
    ------
    DataError
        A cell that is no plain number; with ``money`` it may have a dollar sign and thousands.
    """
    if cells.dtype.kind in "fiu":
        return cells.astype("float64")
    if cells.dtype.kind != "O":
        raise DataError(f"{prefix}: the column {field} holds {cells.dtype}, expected numbers.")
    texts = [cell if isinstance(cell, str) else str(cell) for cell in cells]
    try:
        if _PLAIN.issuperset("".join(texts)):
            return np.array([float(text) for text in texts], dtype="float64")
    except ValueError:
        pass
    return np.array([_number(prefix, text, field, day, money) for text, day in zip(texts, days, strict=True)], dtype="float64")


def _number(prefix: str, text: str, field: str, day: np.datetime64, money: bool) -> float:
    text = text.strip()
    if text.lower() in _MISSING:
        return float("nan")
    if money and _MONEY.fullmatch(text):
        return float(text.replace("$", "").replace(",", ""))
    if _NUMBER.fullmatch(text):
        return float(text)
    raise DataError(f"{prefix}: the {field} of {day} is {text[:40]!r}, expected a number.")
