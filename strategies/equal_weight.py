"""The yardstick: the same names, bought without a thought."""

from typing import ClassVar

import pandas as pd

from dipfolio import Bars, Strategy


class EqualWeight(Strategy):
    """Buy the universe in equal parts on the first session and hold it: the yardstick for every dip.

    A symbol that is listed later is bought when it appears, as far as the buying power allows. With ``--universe @universe`` each
    member is bought when it becomes one, with an equal part of the equity, and sold when it is one no longer.

    Hindsight: the article's names were famous in 2025 because they had risen; holding them from an earlier date is no
    strategy that anybody could have chosen then.
    """

    claim: ClassVar[str] = ""

    def targets(self, bars: Bars) -> pd.DataFrame:
        members = bars.members
        return members.astype("float64").div(members.sum(axis=1), axis=0).where(members)
