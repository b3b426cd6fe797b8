"""The yardstick: the same names, bought without a thought."""

from typing import ClassVar

import pandas as pd

from dipfolio import Bars, ParameterError, Schedule, Strategy, parameter, positive, rebalance


class EqualWeight(Strategy):
    """Buy the universe in equal parts on the first session and hold it: the yardstick for every dip.

    A symbol that is listed later is bought when it appears, as far as the buying power allows. With ``--universe @universe`` each
    member is bought when it becomes one, with an equal part of the equity, and sold when it is one no longer.

    With ``--rebalance`` the symbols that are listed get equal parts on every date of the schedule, and drift in between.

    Hindsight: the article's names were famous in 2025 because they had risen; holding them from an earlier date is no
    strategy that anybody could have chosen then.
    """

    claim: ClassVar[str] = ""

    rebalance: Schedule | None = parameter(None, help="when the parts are made equal again; none holds them as they are")
    band: float | None = parameter(
        None, help="with --rebalance: trade only what is further than this part of equity from its weight"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "band")
        if self.band is not None and self.rebalance is None:
            raise ParameterError("band needs a schedule; add rebalance, such as --rebalance day.")

    @property
    def resize(self) -> bool:
        return self.rebalance is not None

    def targets(self, bars: Bars) -> pd.DataFrame:
        members = bars.members
        if self.rebalance is None:
            return members.astype("float64").div(members.sum(axis=1), axis=0).where(members)
        listed = members & bars.close.notna()
        return rebalance(bars, listed.div(listed.sum(axis=1), axis=0), self.rebalance, band=self.band)
