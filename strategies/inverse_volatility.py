"""The calmer a name, the more of it."""

import pandas as pd

from dipfolio import Bars, ParameterError, Schedule, Strategy, parameter, positive, rebalance


class InverseVolatility(Strategy):
    """Hold each name in inverse proportion to the standard deviation of its recent returns.

    Names that move less get more, so that each would contribute alike to the risk if all were uncorrelated. Correlations are left
    aside: risk-parity uses them. The account is in cash until the names have as many returns as the lookback asks for.

    Hindsight: the article's names were famous in 2025 because they had risen; what is tested is the weighting, against
    equal-weight with the same schedule, not the names.
    """

    lookback: int = parameter(60, help="sessions of returns, up to the decision, whose standard deviation counts")
    rebalance: Schedule = parameter("month-end", help="when the weights are computed and restored")
    band: float | None = parameter(None, help="trade only what is further than this part of equity from its weight")

    resize = True

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "lookback", "band")
        if self.lookback < 2:
            raise ParameterError(f"lookback must be at least 2 sessions for a standard deviation, found {self.lookback}.")

    def targets(self, bars: Bars) -> pd.DataFrame:
        deviation = bars.returns.where(bars.members).rolling(self.lookback).std()
        inverse = 1 / deviation.where(deviation > 0)
        return rebalance(bars, inverse.div(inverse.sum(axis=1), axis=0), self.rebalance, band=self.band)
