"""The commenter's bet: short NVDA on the Friday before the sell-off."""

from datetime import date
from typing import ClassVar

import pandas as pd

from dipfolio import Bars, Exit, FillAt, HoldFor, ParameterError, Strategy, enter, parameter


class ShortNvdaFriday(Strategy):
    """Short 3,000 NVDA at the close of Friday 24 January 2025 and cover on Monday: a commenter's bet.

    Claims K1 (covered at Monday's open), K2 (`--cover close`), K3 (never covered: a ``hold`` beyond the data; on an
    account with little more than Regulation T's half of the price it ends in a margin call) and K4 (when on Friday is not
    known: sold between its low, 141.88, and its high, 148.97, the cover at Monday's open pays $51,240 to $72,510 before
    costs; the close and, with `--fill open`, the open are two points of that range).

    The trade was told after the fact, without a time stamp or a cover, by one of those who won: this prices it and tests
    nothing. 3,000 shares are 300 of before the split of 2024.
    """

    claim: ClassVar[str] = "K1"

    universe: str = parameter("NVDA", help="symbol to short")
    fill: FillAt = parameter("close", help="where on Friday the short is sold")
    day: date = parameter(date(2025, 1, 24), help="session in which to sell short")
    shares: int = parameter(3000, help="shares to sell short")
    hold: int = parameter(1, help="sessions until the cover; Monday is 1")
    cover: FillAt = parameter("open", help="where in the last session the short is covered")

    unit = "shares"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shares < 1:
            raise ParameterError(f"shares must be at least 1, found {self.shares}.")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold, fill=self.cover),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        return enter(bars, on=self.day, weight=-self.shares)
