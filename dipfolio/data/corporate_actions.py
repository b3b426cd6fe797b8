"""Dividends and splits: reading ``dividends.csv`` and ``splits.csv``, cash by ex-date, and split factors by session.

A dividend is the cash that a share paid, by its ex-date. A split turns one share into ``ratio`` shares before the
open of its day. Prices are adjusted for splits: 584 shares of NVDA at 49 dollars in January 2024 were 58.4 shares at
490. Rules in dollars a share (commissions, the Trading Activity Fee, the rounding of collateral, margin) apply to the
shares of that day, which the split factors give.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data.calendar import XNYS, ExchangeCalendar
from dipfolio.data.schema import CacheMetadata, DataIssue, Split
from dipfolio.data.tables import RawTable, read_table
from dipfolio.data.universe import match_symbols
from dipfolio.data.vendor_formats import parse_dates, parse_numbers
from dipfolio.errors import DataError

DIVIDEND_COLUMNS = ("symbol", "ex_date", "amount")


def read_dividends(folder: Path) -> pd.DataFrame:
    """The ``dividends.csv`` of a folder.

    Returns
    -------
    DataFrame of shape (payments, 3)
        symbol, ex_date and amount a share, NaN where it is left empty; no row where there is no such file.

    Raises
    ------
    DataError
        A file that cannot be read as symbol,ex_date,amount.
    """
    path = folder / "dividends.csv"
    if not path.exists():
        return _dividend_table([], np.array([], dtype="datetime64[D]"), np.array([]))
    table = read_table(path, expected=",".join(DIVIDEND_COLUMNS))
    symbols, dates, cells = table.named(*DIVIDEND_COLUMNS)
    prefix = f"{path} cannot be read as {','.join(DIVIDEND_COLUMNS)}"
    days, _ = parse_dates(prefix, dates, slashed=False)
    amounts = parse_numbers(prefix, cells, "amount", days, money=False)
    dividends = _dividend_table([cell.strip() for cell in symbols], days, amounts)
    twice = dividends[dividends.duplicated() & (dividends["amount"] != 0)]
    if len(twice):
        symbol, day, amount = twice.iloc[0]
        raise DataError(
            f"{path} has the dividend of {symbol} on {day.date()}, {amount:g}, twice; delete one row, or put the sum in one row "
            "if both were paid."
        )
    return dividends


def _dividend_table(symbols: list[str], days: np.ndarray, amounts: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"symbol": pd.Series(symbols, dtype=object), "ex_date": days.astype("datetime64[s]"), "amount": amounts})


def dividends_by_session(
    table: pd.DataFrame, index: pd.DatetimeIndex, symbols: tuple[str, ...], exchange: ExchangeCalendar = XNYS
) -> pd.DataFrame:
    """Cash per share on its ex-date, 0 elsewhere, shape (sessions, symbols); what lies outside the sessions is left out.

    With weekly or monthly bars it is paid in the bar of its week or month.

    Raises
    ------
    DataError
        A dividend between the first and the last session on a day that is none.
    """
    place = {symbol: column for column, symbol in enumerate(symbols)}
    table = in_periods(table, exchange)
    wanted = table[table["symbol"].isin(list(place)) & table["ex_date"].between(index[0], index[-1])]
    rows = index.get_indexer(wanted["ex_date"])
    if (rows < 0).any():
        symbol, day = wanted[rows < 0].iloc[0][["symbol", "ex_date"]]
        raise DataError(f"{symbol} has a dividend on {day.date()}, which is no session of {exchange}.")
    paid = np.zeros((len(symbols), len(index)))
    np.add.at(paid, ([place[symbol] for symbol in wanted["symbol"]], rows), wanted["amount"].to_numpy())
    return pd.DataFrame(paid.T, index=index, columns=list(symbols), copy=False)


def in_periods(table: pd.DataFrame, exchange: ExchangeCalendar) -> pd.DataFrame:
    """The dividends with the session of their week or month as ex-date; as they are for daily bars."""
    if exchange.frequency == "daily" or table.empty:
        return table
    days = exchange.period_ends(table["ex_date"].to_numpy().astype("datetime64[D]"))
    return table.assign(ex_date=days.astype("datetime64[s]"))


SPLIT_COLUMNS = ("symbol", "ex_date", "ratio")


def read_splits(path: Path) -> tuple[Split, ...]:
    """The splits of a ``splits.csv`` (symbol,ex_date,ratio), as they are written.

    An optional column ``adjusted`` says yes where the prices of the folder are adjusted for the split.

    Raises
    ------
    DataError
        A file that cannot be read so, a ratio that is not positive, two splits of a symbol on one day, or another word than
        yes and no in the column ``adjusted``.
    """
    table = read_table(path, expected=",".join(SPLIT_COLUMNS))
    symbols, dates, cells = table.named(*SPLIT_COLUMNS)
    prefix = f"{path} cannot be read as {','.join(SPLIT_COLUMNS)}"
    days, _ = parse_dates(prefix, dates, slashed=False)
    ratios = parse_numbers(prefix, cells, "ratio", days, money=False)
    splits: dict[tuple[str, date], Split] = {}
    rows = zip((str(cell).strip() for cell in symbols), days.tolist(), ratios.tolist(), _stated(table), strict=True)
    for symbol, day, ratio, stated in rows:
        if not 0 < ratio < np.inf:
            raise DataError(f"{path}: the split of {symbol} on {day} has the ratio {ratio:g}; 10 is ten shares for one.")
        if (symbol, day) in splits:
            raise DataError(f"{path} has two splits of {symbol} on {day}; keep one row.")
        splits[symbol, day] = Split(symbol=symbol, day=day, ratio=ratio, is_adjusted=stated)
    return tuple(splits.values())


def _stated(table: RawTable) -> list[bool]:
    """For each row whether the column ``adjusted`` says yes; no without the column.

    Raises
    ------
    DataError
    """
    if "adjusted" not in [head[0].strip().lower() for head in table.heads]:
        return [False] * len(table.columns[0])
    words = [str(cell).strip().lower() for cell in table.named("adjusted")[0]]
    wrong = next((word for word in words if word not in ("yes", "no", "")), None)
    if wrong is not None:
        raise DataError(f"{table.file} has {wrong[:40]!r} in the column adjusted, expected yes or no.")
    return [word == "yes" for word in words]


def format_split_ratio(ratio: float) -> str:
    """A ratio as people say it.

    Examples
    --------
    >>> format_split_ratio(10), format_split_ratio(0.05), format_split_ratio(1.5)
    ('10 for 1', '1 for 20', '1.5 for 1')
    """
    return f"{ratio:g} for 1" if ratio >= 1 else f"1 for {1 / ratio:g}"


def split_factors(splits: tuple[Split, ...], sessions: pd.DatetimeIndex, symbols: tuple[str, ...]) -> np.ndarray:
    """Shares of today's prices that one share of each session has become, shape (sessions, symbols); 1 without splits."""
    factor = np.ones((len(sessions), len(symbols)))
    for split in splits:
        if split.symbol in symbols:
            factor[sessions < pd.Timestamp(split.day), symbols.index(split.symbol)] *= split.ratio
    return factor


def load_dividends(
    folder: Path, metadata: dict[str, CacheMetadata], symbols: tuple[str, ...], known: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """The dividends of some symbols: of fetched ones from their metadata, of others from ``dividends.csv``.

    Parameters
    ----------
    folder : Path
    metadata : dict
        The metadata of fetched symbols, from :func:`dipfolio.data.cache.read_all_metadata`.
    symbols : tuple of str
    known : tuple of str, optional
        All symbols that have prices, which the rows of ``dividends.csv`` are matched with; the wanted ones, if not given.

    Returns
    -------
    DataFrame of shape (payments, 3)
        As from :func:`dipfolio.data.corporate_actions.read_dividends`.

    Raises
    ------
    DataError
        A ``dividends.csv`` that is needed and cannot be read, or that has two names for one symbol.
    """
    rows = [(symbol, day, amount) for symbol, note in metadata.items() for day, amount in note.dividends.items()]
    table = pd.DataFrame(rows, columns=["symbol", "ex_date", "amount"]).astype({"ex_date": "datetime64[s]", "amount": "float64"})
    if set(symbols) <= set(metadata):
        return table
    others = read_dividends(folder)
    names = match_names(others["symbol"], known or symbols, folder / "dividends.csv")
    others = others.assign(symbol=[names.get(name, name) for name in others["symbol"]])
    return others if table.empty else pd.concat([table, others[~others["symbol"].isin(list(metadata))]])


def match_names(names: Iterable[str], known: tuple[str, ...], path: Path) -> dict[str, str]:
    """The symbols that the names in a table stand for.

    Raises
    ------
    DataError
        Two names for one symbol.
    """
    symbol_of = match_symbols(names, known)
    by_symbol: dict[str, str] = {}
    for name, symbol in symbol_of.items():
        if by_symbol.setdefault(symbol, name) != name:
            raise DataError(
                f"{path} has rows for {by_symbol[symbol]} and for {name}, which are both {symbol}; write one of them."
            )
    return symbol_of


def missing_dividends_warning(
    folder: Path, metadata: dict[str, CacheMetadata], symbols: tuple[str, ...], paying: tuple[str, ...] = ()
) -> Iterator[DataIssue]:
    """A warning where no dividend can be paid, as no file has any.

    Parameters
    ----------
    folder, metadata, symbols
        As for :func:`load_dividends`.
    paying : tuple of str
        Symbols whose files have their own dividends.
    """
    without = [symbol for symbol in symbols if symbol not in metadata and symbol not in paying]
    if without and not (folder / "dividends.csv").exists():
        of_whom = f" and no column of dividends for {_first_names(without)}" if paying else ""
        text = (
            f"There is no dividends.csv{of_whom}: longs earn and shorts owe too little, unless the prices contain the dividends."
        )
        yield DataIssue(severity="warning", kind="no dividends", symbol="", text=text)


def unmatched_symbol_warnings(folder: Path, known: tuple[str, ...]) -> Iterator[DataIssue]:
    """A warning for each table with rows for symbols that have no prices.

    A table of splits may be longer than the folder, as a split of a symbol without prices changes nothing; it is a warning only
    where not one row is for a symbol that has prices.

    Parameters
    ----------
    folder : Path
    known : tuple of str
        All symbols that have prices.

    Raises
    ------
    DataError
        A table that cannot be read.
    """
    for table in action_tables(folder, known):
        if table.unmatched and (table.name == "dividends.csv" or table.unmatched == table.rows):
            rows = f"{table.unmatched} row{'s' if table.unmatched > 1 else ''} of {table.rows}"
            text = f"{table.name} has {rows} for symbols that have no prices here: {_first_names(table.unmatched_symbols)}."
            yield DataIssue(severity="warning", kind="rows for no symbol", symbol="", value=float(table.unmatched), text=text)


@dataclass(frozen=True, kw_only=True)
class ActionTable:
    """A table beside the prices, and how many of its rows are for symbols without prices.

    Attributes
    ----------
    name : str
    rows, unmatched : int
    unmatched_symbols : tuple of str
        The names of the unmatched rows.
    """

    name: str
    rows: int
    unmatched: int
    unmatched_symbols: tuple[str, ...]


def action_tables(folder: Path, known: tuple[str, ...]) -> Iterator[ActionTable]:
    """The tables of dividends and splits that a folder has; see :func:`unmatched_symbol_warnings`."""
    for name, read in (("dividends.csv", _dividend_symbols), ("splits.csv", _split_symbols)):
        if (folder / name).exists():
            names = read(folder)
            symbol_of = match_symbols(names, known)
            lost = [one for one in names if one not in symbol_of]
            yield ActionTable(name=name, rows=len(names), unmatched=len(lost), unmatched_symbols=tuple(dict.fromkeys(lost)))


def _dividend_symbols(folder: Path) -> list[str]:
    return [str(name) for name in read_dividends(folder)["symbol"]]


def _split_symbols(folder: Path) -> list[str]:
    return [split.symbol for split in read_splits(folder / "splits.csv")]


def _first_names(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def load_splits(
    path: Path | None, metadata: dict[str, CacheMetadata], symbols: tuple[str, ...], known: tuple[str, ...] | None = None
) -> tuple[Split, ...]:
    """The splits of some symbols: of fetched ones from their metadata, of others from a ``splits.csv``."""
    splits = [
        Split(symbol=symbol, day=date.fromisoformat(day), ratio=ratio)
        for symbol, note in metadata.items() for day, ratio in note.splits.items()
    ]  # fmt: skip
    if path and not set(symbols) <= set(metadata):
        table = read_splits(path)
        names = match_names([split.symbol for split in table], known or symbols, path)
        table = tuple(replace(split, symbol=names.get(split.symbol, split.symbol)) for split in table)
        splits += [split for split in dict.fromkeys(table) if split.symbol not in metadata]
    return tuple(splits)
