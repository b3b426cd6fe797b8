"""The portfolio that moved least."""

import pandas as pd

from dipfolio import Bars, Schedule, Strategy, parameter, positive, rebalance, weights


class MinimumVariance(Strategy):
    """Hold the names in the proportions whose recent returns had the smallest variance together, long only.

    The weights are those of skfolio's MeanRisk (pip install 'dipfolio[weights]'), which sees the returns up to the decision
    alone; see Markowitz (1952). Few names get most of the weight, those that move little or against the others, and small
    changes of the covariances move it from one name to another: compare the turnover with that of risk-parity.

    The account is in cash until the names have as many returns as the lookback asks for. Hindsight: the article's names were
    famous in 2025 because they had risen; what is tested is the weighting, against equal-weight with the same schedule.
    """

    lookback: int = parameter(126, help="sessions of returns, up to the decision, that the covariances are of")
    rebalance: Schedule = parameter("month-end", help="when the weights are computed and restored")
    band: float | None = parameter(None, help="trade only what is further than this part of equity from its weight")

    resize = True

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "lookback", "band")

    def targets(self, bars: Bars) -> pd.DataFrame:
        wanted = weights(bars, "MeanRisk", self.lookback, self.rebalance)
        return rebalance(bars, wanted, self.rebalance, band=self.band)
