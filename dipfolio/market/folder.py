"""A data folder: ``prices/<SYMBOL>.csv`` or ``.parquet``, ``dividends.csv``; optionally ``events.csv``, ``source.json``."""

import json
import re
from datetime import date
from pathlib import Path

import pandas as pd

from dipfolio.errors import DataError, ParameterError, UnknownNameError
from dipfolio.market import sessions
from dipfolio.market.bars import FIELDS, Bars, Origin
from dipfolio.market.events import read_events
from dipfolio.market.exact import read_csv

SYMBOL = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.^=-]*")


def available(folder: Path) -> tuple[str, ...]:
    """The symbols that a data folder has prices for, sorted.

    Raises
    ------
    DataError
        No such folder, or no prices in it.
    """
    prices = folder / "prices"
    if not prices.is_dir():
        raise DataError(f"{folder} is no data folder: it has no prices/ with a file for each symbol.")
    symbols = sorted({path.stem for path in prices.iterdir() if path.suffix in (".csv", ".parquet")})
    if not symbols:
        raise DataError(f"{prices} is empty; a data folder has prices/<SYMBOL>.csv or .parquet.")
    return tuple(symbols)


def load_bars(
    folder: Path | str,
    symbols: tuple[str, ...] | None = None,
    end: date | pd.Timestamp | None = None,
    events: Path | None = None,
) -> Bars:
    """Read the figures of some symbols onto one calendar.

    Parameters
    ----------
    folder : Path
        A data folder.
    symbols : tuple of str, optional
        All that the folder has, if not given.
    end : date, optional
        Nothing after this session is kept.
    events : Path, optional
        The events to use where the folder has no ``events.csv`` of its own.

    Raises
    ------
    UnknownNameError
        A symbol that the folder has no prices for.
    DataError
        A folder or file that cannot be read, or figures that cannot be trusted.
    """
    folder = Path(folder)
    there = available(folder)
    symbols = there if symbols is None else symbols
    for symbol in symbols:
        if symbol not in there:
            raise UnknownNameError("symbol", symbol, there, f"{folder} has prices for: {', '.join(there)}.")
    tables = {symbol: _read_prices(folder, symbol) for symbol in symbols}
    first, last = min(t.index[0] for t in tables.values()), max(t.index[-1] for t in tables.values())
    index = sessions.between(first, last)
    for symbol, table in tables.items():
        _check_sessions(symbol, table.index, index)
    frames = {
        field: pd.DataFrame({s: t[field].reindex(index) for s, t in tables.items()}, columns=list(symbols)) for field in FIELDS
    }
    calendar = next((path for path in (folder / "events.csv", events) if path and path.exists()), None)
    bars = Bars(
        **frames,
        dividends=_read_dividends(folder, index, symbols),
        origin=_read_origin(folder),
        events=read_events(calendar) if calendar else (),
    )
    return bars if end is None else bars.until(end)


def _read_prices(folder: Path, symbol: str) -> pd.DataFrame:
    """One symbol's bars: date index, float64 columns open, high, low, close, volume."""
    if not SYMBOL.fullmatch(symbol):
        raise ParameterError(f"{symbol!r} cannot be the name of a symbol.")
    path = folder / "prices" / f"{symbol}.parquet"
    try:
        if path.exists():
            table = pd.read_parquet(path).reset_index()
        else:
            path = path.with_suffix(".csv")
            table = read_csv(path)
        table = table.rename(columns=str.lower)
        index = pd.DatetimeIndex(pd.to_datetime(table["date"], format="%Y-%m-%d").astype("datetime64[ns]"))
        values = table[list(FIELDS)].astype("float64").set_index(index)
    except KeyError as error:
        raise DataError(f"{path} lacks the column {error.args[0]}; expected date,{','.join(FIELDS)}.") from error
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise DataError(f"{path} cannot be read as date,{','.join(FIELDS)}: {error}") from error
    if values.empty:
        raise DataError(f"{path} has no bar.")
    if not index.is_unique:
        raise DataError(f"{symbol} has two bars on {index[index.duplicated()][0].date()}, see {path}.")
    return values.sort_index()


def _check_sessions(symbol: str, own: pd.DatetimeIndex, index: pd.DatetimeIndex) -> None:
    strangers = own.difference(index)
    if len(strangers):
        raise DataError(f"{symbol} has a bar on {strangers[0].date()}, which is no session of {sessions.EXCHANGE}.")
    gaps = index[(index > own[0]) & (index < own[-1])].difference(own)
    if len(gaps):
        raise DataError(f"{symbol} has no bar on {gaps[0].date()}, a session of {sessions.EXCHANGE}.")


def _read_dividends(folder: Path, index: pd.DatetimeIndex, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Cash per share on its ex-date, 0 elsewhere; zeros throughout where the folder has no ``dividends.csv``."""
    frame = pd.DataFrame(0.0, index=index, columns=list(symbols))
    path = folder / "dividends.csv"
    if not path.exists():
        return frame
    try:
        table = read_csv(path)
        table = table[table["symbol"].isin(symbols)]
        days = pd.to_datetime(table["ex_date"], format="%Y-%m-%d")
        amounts = table["amount"].astype("float64")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} cannot be read as symbol,ex_date,amount: {error}") from error
    inside = (days >= index[0]) & (days <= index[-1])
    for symbol, day, amount in zip(table["symbol"][inside], days[inside], amounts[inside], strict=True):
        if day not in index:
            raise DataError(f"{symbol} has a dividend on {day.date()}, which is no session of {sessions.EXCHANGE}.")
        frame.loc[day, symbol] += amount
    return frame


def _read_origin(folder: Path) -> Origin:
    path = folder / "source.json"
    if not path.exists():
        return Origin(path=folder.name)
    try:
        return Origin(**{**json.loads(path.read_text(encoding="utf-8")), "path": folder.name})
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read as the origin of the figures: {error}") from error
