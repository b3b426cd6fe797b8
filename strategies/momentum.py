"""The winners of the last months."""

import numpy as np
import pandas as pd

from dipfolio import Bars, ParameterError, Schedule, Strategy, parameter, positive, rebalance


class Momentum(Strategy):
    """Hold the names that have risen most over the last months, in equal parts, and exchange them on a schedule.

    The last month is skipped, as in Jegadeesh and Titman (1993) and later work, because returns of a month tend to reverse. The
    account is in cash until the names have as many returns as the lookback asks for.

    Hindsight: the article's names were famous in 2025 because they had risen; the best of winners that were chosen afterwards
    must look good. Only the difference to equal-weight with the same schedule says something about the rule.
    """

    lookback: int = parameter(126, help="sessions over which the return is measured, up to the decision")
    skip: int = parameter(21, help="latest sessions of these that are left out")
    top: int = parameter(4, help="names held, the best ones")
    rebalance: Schedule = parameter("month-end", help="when the names are chosen anew and made equal")
    band: float | None = parameter(None, help="trade only what is further than this part of equity from its weight")

    resize = True

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "lookback", "top", "band")
        if not 0 <= self.skip < self.lookback:
            raise ParameterError(f"skip must be from 0 to less than lookback, {self.lookback} sessions; found {self.skip}.")

    def targets(self, bars: Bars) -> pd.DataFrame:
        logs = np.log1p(bars.returns).rolling(self.lookback - self.skip).sum().shift(self.skip).where(bars.members)
        best = logs.rank(axis=1, ascending=False, method="first") <= self.top
        weights = best.div(best.sum(axis=1).where(lambda count: count > 0), axis=0)
        return rebalance(bars, weights, self.rebalance, band=self.band)
