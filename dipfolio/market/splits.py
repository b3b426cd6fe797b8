"""Splits: what a share of today's prices was in its day.

Prices are adjusted for splits, so that 584 shares of NVDA at 49 dollars in January 2024 were 58.4 shares at 490. Rules in
dollars a share - commissions, the Trading Activity Fee, the rounding of collateral, margin - were about those.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.errors import DataError
from dipfolio.market.exact import read_csv


@dataclass(frozen=True, kw_only=True)
class Split:
    """A share became ``ratio`` shares before the open of ``day``."""

    symbol: str
    day: date
    ratio: float


def read_splits(path: Path) -> tuple[Split, ...]:
    """The splits of a ``splits.csv`` (symbol,ex_date,ratio), as they are written.

    Raises
    ------
    DataError
        A file that cannot be read so, or a ratio that is not positive.
    """
    try:
        table = read_csv(path, keep_default_na=False, dtype={"symbol": "str", "ex_date": "str"})
        days = pd.to_datetime(table["ex_date"], format="%Y-%m-%d")
        rows = list(zip(table["symbol"], days, table["ratio"].astype("float64"), strict=True))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} cannot be read as symbol,ex_date,ratio: {str(error).splitlines()[0]}") from error
    for symbol, day, ratio in rows:
        if not 0 < ratio < np.inf:
            raise DataError(f"{path}: the split of {symbol} on {day.date()} has the ratio {ratio:g}; 10 is ten shares for one.")
    return tuple(Split(symbol=symbol, day=day.date(), ratio=ratio) for symbol, day, ratio in rows)


def factors(splits: tuple[Split, ...], sessions: pd.DatetimeIndex, symbols: tuple[str, ...]) -> np.ndarray:
    """Shares of today's prices that one share of each session has become, shape (sessions, symbols); 1 without splits."""
    factor = np.ones((len(sessions), len(symbols)))
    for split in splits:
        if split.symbol in symbols:
            factor[sessions < pd.Timestamp(split.day), symbols.index(split.symbol)] *= split.ratio
    return factor
