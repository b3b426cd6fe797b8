"""Dividends: the cash that a share paid, by its ex-date."""

from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.errors import DataError
from dipfolio.market import sessions
from dipfolio.market.layouts import day_cells, number_cells
from dipfolio.market.tables import read_table

COLUMNS = ("symbol", "ex_date", "amount")


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
        return _frame([], np.array([], dtype="datetime64[D]"), np.array([]))
    table = read_table(path, expected=",".join(COLUMNS))
    cells = {head[0].strip().lower(): column for head, column in zip(table.heads, table.columns, strict=True)}
    missing = [column for column in COLUMNS if column not in cells]
    if missing:
        raise DataError(f"{path} cannot be read as {','.join(COLUMNS)}: it lacks the column '{missing[0]}'.")
    prefix = f"{path} cannot be read as {','.join(COLUMNS)}"
    days, _ = day_cells(prefix, cells["ex_date"], slashed=False)
    return _frame(
        [cell.strip() for cell in cells["symbol"]], days, number_cells(prefix, cells["amount"], "amount", days, money=False)
    )


def _frame(symbols: list[str], days: np.ndarray, amounts: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"symbol": pd.Series(symbols, dtype=object), "ex_date": days.astype("datetime64[s]"), "amount": amounts})


def spread(table: pd.DataFrame, index: pd.DatetimeIndex, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Cash per share on its ex-date, 0 elsewhere, shape (sessions, symbols); what lies outside the sessions is left out.

    Raises
    ------
    DataError
        A dividend between the first and the last session on a day that is none.
    """
    place = {symbol: column for column, symbol in enumerate(symbols)}
    wanted = table[table["symbol"].isin(list(place)) & table["ex_date"].between(index[0], index[-1])]
    rows = index.get_indexer(wanted["ex_date"])
    if (rows < 0).any():
        symbol, day = wanted[rows < 0].iloc[0][["symbol", "ex_date"]]
        raise DataError(f"{symbol} has a dividend on {day.date()}, which is no session of {sessions.EXCHANGE}.")
    paid = np.zeros((len(symbols), len(index)))
    np.add.at(paid, ([place[symbol] for symbol in wanted["symbol"]], rows), wanted["amount"].to_numpy())
    return pd.DataFrame(paid.T, index=index, columns=list(symbols), copy=False)
