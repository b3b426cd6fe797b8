"""The same risk from each name."""

import pandas as pd

from dipfolio import Bars, Schedule, Strategy, parameter, positive, rebalance, weights


class RiskParity(Strategy):
    """Hold the names in the proportions in which each contributed alike to the variance of the portfolio.

    The weights are those of skfolio's RiskBudgeting (pip install 'dipfolio[weights]'), which sees the returns up to the decision
    alone; see Maillard, Roncalli and Teiletche (2010). Every name is held. Unlike inverse-volatility it counts correlations, so
    names that move with most others get less.

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
        wanted = weights(bars, "RiskBudgeting", self.lookback, self.rebalance)
        return rebalance(bars, wanted, self.rebalance, band=self.band)
