"""The yardstick: the same names, bought without a thought."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from dipfolio.engine.strategy import Strategy, no_instruction
from dipfolio.market.bars import Bars


@dataclass(frozen=True, kw_only=True)
class EqualWeight(Strategy):
    """Buy the universe in equal parts on the first session and hold it: the yardstick for every dip.

    A symbol that is listed later is bought when it appears, as far as the buying power allows.

    Hindsight: the article's names were famous in 2025 because they had risen; holding them from an earlier date is no
    strategy that anybody could have chosen then.
    """

    claim: ClassVar[str] = ""

    def targets(self, bars: Bars) -> pd.DataFrame:
        return no_instruction(bars).fillna(1 / len(bars.symbols))
