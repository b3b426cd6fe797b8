"""The supplier against its customers, as a rule."""

from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from dipfolio import Bars, Exit, HoldFor, ParameterError, Strategy, indicators, no_instruction, parameter, positive
from dipfolio.study import without_event


class NvdaRelativeValue(Strategy):
    """After NVDA falls 5 % behind the hyperscalers in a day, short it against them, or buy it.

    Claim G10: cheaper AI helps those who use it and hurts the supplier, so a day that parts the two should go on
    ("continuation"); "reversal" is the opposite bet. Half of the equity on each side, the hyperscalers in equal parts,
    not brought back to equal dollars while they are open. Equal dollars do not cancel the market: NVDA's beta is about
    twice theirs. There is a signal only where all of them have a return.

    Hindsight: DeepSeek Monday suggested the rule; ``skip_event`` leaves it out. Many other gaps are somebody's
    earnings, NVDA's or a hyperscaler's. The four hyperscalers were picked in 2025 as those who buy its chips.
    """

    universe: str = parameter("NVDA,MSFT,META,GOOG,AMZN", help="the supplier first, then those it is held against")
    gap: float = parameter(0.05, help="smallest shortfall behind the others' mean return, as a fraction")
    side: Literal["continuation", "reversal"] = parameter("continuation", help="bet that the gap widens, or that it closes")
    hold: int = parameter(20, help="sessions to hold, out at the close")
    skip_event: bool = parameter(False, help="leave out the signal of DeepSeek Monday, which suggested the rule")

    claim: ClassVar[str] = "G10"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "gap", "hold")
        if len(self.symbols) < 2:
            raise ParameterError(f"universe must name a symbol and at least one to hold it against, found {self.universe!r}.")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        supplier, *users = bars.symbols
        shortfall = bars.returns[users].mean(axis=1, skipna=False) - bars.returns[supplier]
        found = indicators.at_least(shortfall, self.gap)
        found = without_event(found) if self.skip_event else found
        weights = np.array([-0.5, *[0.5 / len(users)] * len(users)])
        frame = no_instruction(bars)
        frame.loc[found] = weights if self.side == "continuation" else -weights
        return frame
