"""The bear with a condition: short only what is falling already."""

from typing import ClassVar, Literal

import pandas as pd

from dipfolio import Bars, Strategy, indicators, no_instruction, parameter, positive
from dipfolio.study import DEEPSEEK_MONDAY

YEAR, MONTH = 252, 21


class ShortBelowTrend(Strategy):
    """Short NVDA while its close is below its 50-session average, and stay flat otherwise.

    Claim G7: whether the bear's case works at least in a falling trend. By "momentum" the trend is the total return from
    252 to 21 sessions ago instead, and the short lasts while that is negative. Sold and covered at the open after the
    close that tells; the short is not resized in between, so its weight grows as it loses. Before the average or the
    year of returns is complete there is no instruction.

    Hindsight: NVDA is known to have recovered from its falls. On DeepSeek Monday the close went below the
    average; ``skip_event`` leaves out the short that began there, up to the next close above.
    """

    universe: str = parameter("NVDA", help="symbols to short, in equal parts")
    by: Literal["average", "momentum"] = parameter("average", help="trend by the average of --window closes, or by 12-1 momentum")
    window: int = parameter(50, help="sessions of the average, the current one included")
    skip_event: bool = parameter(False, help="leave out the short that begins on DeepSeek Monday")

    claim: ClassVar[str] = "G7"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "window")

    def targets(self, bars: Bars) -> pd.DataFrame:
        trend = self._trend(bars)
        down = trend < -indicators.RETURN_TOLERANCE
        down = _without_event(down) if self.skip_event else down
        return no_instruction(bars).mask(trend.notna(), 0.0).mask(down, -1 / len(bars.symbols))

    def _trend(self, bars: Bars) -> pd.DataFrame:
        """Below 0 in a falling trend, NaN where there is too little history. Shape (sessions, symbols)."""
        if self.by == "momentum":
            return indicators.growth(bars.returns, YEAR - MONTH).shift(MONTH)
        return bars.close / bars.close.rolling(self.window).mean() - 1


def _without_event(down: pd.DataFrame) -> pd.DataFrame:
    """The falling trends but for those that began on DeepSeek Monday, which are left out to their end."""
    monday = pd.Timestamp(DEEPSEEK_MONDAY)
    if monday not in down.index:
        return down
    began = down & ~down.shift(fill_value=False)
    spell = began.cumsum()
    return down & ~(spell.eq(spell.loc[monday]) & began.loc[monday])
