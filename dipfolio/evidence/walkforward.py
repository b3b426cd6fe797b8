"""Walk-forward: each period is traded with the variant that was best before it, and only that counts."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dipfolio.engine.showing import Shown
from dipfolio.errors import DataError, ParameterError

COLUMNS = ("variant", "decided", "ended", "return")


@dataclass(frozen=True, kw_only=True, repr=False)
class Fold(Shown):
    """One period of the test.

    Attributes
    ----------
    start, end : Timestamp
        First and last session on which its trades were decided.
    chosen : str
        The variant with the best mean before.
    known : int
        Trades, of all variants, that had ended early enough to be known.
    in_sample, out_of_sample : float
        Mean return a trade of the chosen variant before and within the period; NaN where it did not trade.
    trades : int
        Of the chosen variant within the period.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    chosen: str
    known: int
    in_sample: float
    out_of_sample: float
    trades: int


@dataclass(frozen=True, kw_only=True, repr=False)
class WalkForward(Shown):
    """All periods in a row.

    Attributes
    ----------
    folds : tuple of Fold
    returns : tuple of float
        Of every trade out of sample, in order.
    """

    SHOWN = ("in_sample", "out_of_sample", "ratio", "folds")

    folds: tuple[Fold, ...]
    returns: tuple[float, ...]

    @property
    def out_of_sample(self) -> float:
        """Mean return a trade out of sample, NaN without one."""
        return float(np.mean(self.returns)) if self.returns else math.nan

    @property
    def in_sample(self) -> float:
        """Mean of what the chosen variants had promised, each period weighted by its trades out of sample."""
        weights = np.array([fold.trades for fold in self.folds], dtype=float)
        promised = np.array([fold.in_sample for fold in self.folds])
        return float((weights * promised).sum() / weights.sum()) if weights.sum() else math.nan

    @property
    def ratio(self) -> float:
        """What is left of the promise: out of sample over in sample; NaN where nothing was promised."""
        return self.out_of_sample / self.in_sample if self.in_sample > 0 else math.nan


def walk_forward(trades: pd.DataFrame, embargo: int = 0, fewest: int = 3) -> WalkForward:
    """Choose on the trades that have ended, trade the next calendar year, and so on.

    A trade is used for the choice only if it ended before the year began: the purge that overlapping trades need (Lopez de
    Prado, 2018, Advances in Financial Machine Learning, chapter 7).

    Parameters
    ----------
    trades : DataFrame
        Columns variant (str), decided and ended (sessions) and return (a fraction); one row for each trade of each variant.
    embargo : int
        Calendar days more that must lie between the end of a trade and the year.
    fewest : int
        Trades that a variant needs before it can be chosen; years in which none has them are left out.

    Raises
    ------
    ParameterError
        A missing column, or a trade that ends before it was decided.
    DataError
        No year in which a variant could be chosen.
    """
    missing = [column for column in COLUMNS if column not in trades]
    if missing:
        raise ParameterError(f"Trades need the columns {', '.join(COLUMNS)}; {missing[0]!r} is missing.")
    if (trades["ended"] < trades["decided"]).any():
        raise ParameterError("A trade ends before it was decided.")
    folds, returns = [], []
    for year in sorted(trades["decided"].dt.year.unique()):
        within = trades[trades["decided"].dt.year == year]
        known = trades[trades["ended"] < pd.Timestamp(year, 1, 1) - pd.Timedelta(days=embargo)]
        chosen = _best(known, fewest)
        if chosen is None:
            continue
        own = within[within["variant"] == chosen].sort_values("decided", kind="stable")["return"]
        returns += [float(value) for value in own]
        folds.append(
            Fold(
                start=within["decided"].min(),
                end=within["decided"].max(),
                chosen=chosen,
                known=len(known),
                in_sample=float(known.loc[known["variant"] == chosen, "return"].mean()),
                out_of_sample=float(own.mean()) if len(own) else math.nan,
                trades=len(own),
            )
        )
    if not folds:
        raise DataError(f"No year has {fewest} ended trades of any variant before it.")
    return WalkForward(folds=tuple(folds), returns=tuple(returns))


def _best(known: pd.DataFrame, fewest: int) -> str | None:
    """The variant with the highest mean, the first by name of equals; None if all have too few trades."""
    table = known.groupby("variant")["return"].agg(["mean", "count"])
    table = table[table["count"] >= fewest].sort_index()
    return None if table.empty else str(table["mean"].idxmax())
