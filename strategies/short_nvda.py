"""The bear's answer to the article: nobody will need so many chips."""

from datetime import date
from typing import ClassVar, Literal

import pandas as pd

from dipfolio import Bars, Exit, FillAt, HoldFor, Strategy, enter, parameter
from dipfolio.study import DEEPSEEK_MONDAY

FIRST_UNRESTRICTED = date(2025, 1, 29)
"""The first session after DeepSeek Monday without the short-sale price test."""


class ShortNvda(Strategy):
    """Short NVDA for its whole equity on or just after DeepSeek Monday and hold for some sessions.

    Claim B1: "why should companies buy so many GPUs?". The claim names no horizon and the answer turns with it; 5 sessions
    are ours, as in `buy-the-dip`.

    Monday's open, 12 % down, set off the short-sale price test (SEC Rule 201): until Tuesday's close new shorts could be
    sold only above the best bid, and a large broker took none on Tuesday. Both Monday entries assume a fill that many did
    not get; the open of Wednesday 29 January is the first that anybody could have had. Hindsight: the day.
    """

    claim: ClassVar[str] = "B1"

    universe: str = parameter("NVDA", help="symbols to short, in equal parts")
    entry: Literal["monday-open", "monday-close", "first-unrestricted"] = parameter(
        "monday-open", help="where to sell short; the last is the open of 29 January"
    )
    hold: int = parameter(5, help="sessions to hold, out at the close")

    @property  # type: ignore[misc]  # mypy: a field becomes a property, which takes the option away
    def fill(self) -> FillAt:
        """Where the entry is executed."""
        return "close" if self.entry == "monday-close" else "open"

    @property
    def day(self) -> date:
        """Session of the entry."""
        return FIRST_UNRESTRICTED if self.entry == "first-unrestricted" else DEEPSEEK_MONDAY

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        return enter(bars, on=self.day, weight=-1 / len(bars.symbols))
