"""The commenter's bet: short NVDA on the Friday before the sell-off."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from dipfolio.engine.exits import Exit, Fill, HoldFor
from dipfolio.engine.strategy import Strategy, enter, parameter
from dipfolio.market.bars import Bars


@dataclass(frozen=True, kw_only=True)
class ShortNvdaFriday(Strategy):
    """Short 3,000 NVDA at the close of Friday 24 January 2025 and cover on Monday: a commenter's bet.

    Claims K1 (covered at Monday's open) and K2 (at its close); with a longer ``hold``, K3.

    The trade was told after the fact, without a time stamp or a cover, by one of those who won: this prices it and
    tests nothing. The entry could have been anywhere in Friday's range of 141.88 to 148.97.
    """

    universe: str = parameter("NVDA", help="symbol to short")
    fill: Fill = parameter("close", help="where on Friday the short is sold")
    day: date = parameter(date(2025, 1, 24), help="session in which to sell short")
    shares: int = parameter(3000, help="shares to sell short")
    hold: int = parameter(1, help="sessions until the cover; Monday is 1")
    cover: Fill = parameter("open", help="where in the last session the short is covered")

    unit = "shares"

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold, fill=self.cover),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        return enter(bars, on=self.day, weight=-self.shares)
