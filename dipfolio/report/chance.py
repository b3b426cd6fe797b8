"""Chance: what of the best cell of a sweep is left once it is known that it was chosen."""

import math
from dataclasses import dataclass

import numpy as np

from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.selection import overfitting
from dipfolio.evidence.sharpe import Sharpe, expected_best
from dipfolio.evidence.swept import DECIMALS
from dipfolio.market.rates import YEAR
from dipfolio.sweep.findings import Findings


@dataclass(frozen=True, kw_only=True)
class Chance:
    """How much of a best cell luck explains.

    Attributes
    ----------
    trials : int
        Cells with a Sharpe ratio, those with the same one once.
    expected_best : float
        The Sharpe ratio, a year, that the best of so many worthless variants is expected to show.
    deflated : float
        The deflated Sharpe ratio of the cell with the highest one: the probability that its true ratio is above that.
    overfitting : float
        PBO; NaN where it cannot be told.
    how : str
        How the last was found, or why not.
    """

    trials: int
    expected_best: float
    deflated: float
    overfitting: float
    how: str


def chance_of(findings: Findings) -> Chance:
    """Deflated Sharpe ratio and probability of overfitting over the grid.

    Every cell counts as a trial of its own, cells with the same outcome once; the returns of an even sample of the cells are
    halved in all ways.
    """
    table = findings.table[findings.table["sharpe"].notna()]
    table = table[~table["sharpe"].round(DECIMALS).duplicated()]
    probability, how = _overfitting(findings)
    if len(table) < 2:
        return Chance(trials=len(table), expected_best=math.nan, deflated=math.nan, overfitting=probability, how=how)
    ratios = table["sharpe"].to_numpy() / math.sqrt(YEAR)
    best = table.iloc[int(np.argmax(ratios))]
    variance = float(np.var(ratios, ddof=1))
    sharpe = Sharpe(
        ratio=float(ratios.max()), skew=float(best["skew"]), kurtosis=float(best["kurtosis"]), observations=int(best["sessions"])
    )
    return Chance(
        trials=len(table), expected_best=expected_best(len(table), variance) * math.sqrt(YEAR),
        deflated=sharpe.deflated(len(table), variance), overfitting=probability, how=how,
    )  # fmt: skip


def _overfitting(findings: Findings) -> tuple[float, str]:
    """The probability, and how it was found or why it was not."""
    returns = findings.returns.to_numpy()
    moving = returns[:, np.ptp(returns, axis=0) > 0] if returns.size else returns.reshape(len(returns), -1)
    moving = moving[:, np.sort(np.unique(moving.round(DECIMALS), axis=1, return_index=True)[1])] if moving.size else moving
    if len(findings.table) < 2 or moving.shape[1] < 2:
        return math.nan, "needs two or more cells that trade and differ"
    said = f"the best of one half of the time lies below the middle in the other; {moving.shape[1]:,} cells"
    try:
        return overfitting(moving).probability, f"{said}, chosen by Sharpe"
    except DataError:
        return _by_mean(moving, said)
    except ParameterError as error:
        return math.nan, str(error)


def _by_mean(moving: np.ndarray, said: str) -> tuple[float, str]:
    return overfitting(moving, score="mean").probability, f"{said}, chosen by mean return, as some do not trade in some half"
