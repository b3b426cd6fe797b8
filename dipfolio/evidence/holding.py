"""Holding: the trades of a run, with the times they were held, moved together over all other dates."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.errors import DataError
from dipfolio.evidence.placebo import Placebo
from dipfolio.market.bars import Bars

Floats = NDArray[np.float64]


def moved(trades: pd.DataFrame, bars: Bars) -> Placebo:
    """The mean price return of the trades among that of the same holding times started 1, 2, 3, ... sessions later.

    All trades keep their symbols, sides, prices of the session (open or close; the close for what was filled in between) and
    distances; the calendar is a circle, and a
    trade whose holding time would run over its end is left out of that draw. An exit that the prices of its own trade decided
    is not decided anew: what the rule would have done elsewhere is not known, so this asks about dates, not about exits.

    Parameters
    ----------
    trades : DataFrame
        As in :class:`dipfolio.engine.result.Result`.
    bars : Bars

    Raises
    ------
    DataError
        No trade.
    """
    if trades.empty:
        raise DataError("There is no trade to move to other dates.")
    enter, leave = (bars.sessions.get_indexer(pd.DatetimeIndex(trades[f"{end}_session"])) for end in ("entry", "exit"))
    columns = np.array([bars.symbols.index(symbol) for symbol in trades["symbol"]])
    at = [(trades[f"{end}_at"] == "open").to_numpy() for end in ("entry", "exit")]
    sides = np.where(trades["side"] == "long", 1.0, -1.0)
    shifts = np.arange(len(bars))
    first = (enter[:, None] + shifts) % len(bars)
    last = first + (leave - enter)[:, None]
    returns = sides[:, None] * (_prices(bars, last, columns, at[1]) / _prices(bars, first, columns, at[0]) - 1)
    known = ~np.isnan(returns)
    means = np.divide(np.nansum(returns, axis=0), known.sum(axis=0), out=np.full(len(bars), np.nan), where=known.any(axis=0))
    draws = means[1:][~np.isnan(means[1:])]
    return Placebo(observed=float(means[0]), draws=draws, signals=len(trades), direction="higher")


def _prices(bars: Bars, rows: NDArray[np.int_], columns: NDArray[np.int_], at_open: NDArray[np.bool_]) -> Floats:
    """Prices at these rows, shape (trades, shifts); NaN after the end."""
    opens, closes = (np.vstack([table.to_numpy(), np.full(len(bars.symbols), np.nan)]) for table in (bars.open, bars.close))
    kept = np.minimum(rows, len(bars))
    return np.asarray(np.where(at_open[:, None], opens[kept, columns[:, None]], closes[kept, columns[:, None]]))
