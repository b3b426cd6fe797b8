"""The article's claim for NVDA itself: its chips remain central, whatever happens to the others."""

from datetime import date
from typing import ClassVar

import pandas as pd

from dipfolio import Bars, Exit, HoldFor, ParameterError, Strategy, enter, parameter
from dipfolio.study import DEEPSEEK_MONDAY


class NvdaOverChips(Strategy):
    """Buy NVDA and short SMH for equal dollars at the open of DeepSeek Monday, for a year.

    Claim A8: "NVIDIA's GPUs remain central", so NVDA should not fall behind the other chipmakers within 250 sessions.

    About a fifth of SMH is NVDA, which hides that much of the difference; `--universe NVDA,AVGO,TSM` does without it. The
    dollars are equal on Friday's closes and drift apart afterwards. Hindsight: the day; and one long window is one draw.
    """

    claim: ClassVar[str] = "A8"

    universe: str = parameter("NVDA,SMH", help="symbol to buy, then one or more to short in equal parts")
    day: date = parameter(DEEPSEEK_MONDAY, help="session in which to trade")
    hold: int = parameter(250, help="sessions to hold, out at the close")

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.symbols) < 2:
            raise ParameterError(f"A pair needs a symbol to buy and one to short, such as NVDA,SMH, found {self.universe!r}.")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        bought, *sold = bars.symbols
        return enter(bars, on=self.day, weight={bought: 0.5, **dict.fromkeys(sold, -0.5 / len(sold))})
