"""The article's main claim: the sell-off of 27 January 2025 is to be bought."""

from datetime import date
from typing import ClassVar

import pandas as pd

from dipfolio import Bars, Exit, HoldFor, Strategy, enter, parameter
from dipfolio.study import DEEPSEEK_MONDAY


class BuyTheDip(Strategy):
    """Buy the article's twelve names at the open of DeepSeek Monday and hold them for some sessions.

    Claim A1: "likely to be short-lived". The article appeared before that open, so it is the first price that a
    reader could get; its orders are sized on Friday's closes and filled lower, which leaves some cash idle.

    Hindsight: the day is known because it became famous; the claim names no horizon, and 5 sessions are ours. SMH holds
    NVDA, TSM and AVGO, which counts them twice.
    """

    claim: ClassVar[str] = "A1"

    day: date = parameter(DEEPSEEK_MONDAY, help="session in which to buy")
    hold: int = parameter(5, help="sessions to hold, out at the close")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        return enter(bars, on=self.day, weight=1 / len(bars.symbols))
