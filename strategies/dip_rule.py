"""The article's claim as a rule: a large one-day drop is to be bought, whenever it comes."""

from typing import ClassVar, Literal

import pandas as pd

from dipfolio import Bars, Exit, HoldFor, Strategy, indicators, no_instruction, parameter, positive
from dipfolio.study import without_event


class DipRule(Strategy):
    """Buy after every one-day drop of 4 % or more and hold for 20 sessions.

    Claim G1: the article's "likely to be short-lived", on all the days that looked like DeepSeek Monday. The drop is known
    on the close and bought at the next open, with an equal part of the equity for each symbol; a drop while the position
    is open is ignored. With ``sigmas`` a drop counts in units of the 60 sessions before it, which finds shocks in calm
    times and thins out the clusters of 2020 and 2025.

    Hindsight: DeepSeek Monday suggested the rule, so it is no evidence for it; ``skip_event`` leaves it out. SMH is tested
    because chips became the story, and it has risen throughout: compare with the same holding time from any other day,
    not with zero.
    """

    universe: str = parameter("SMH", help="symbols to buy, in equal parts")
    drop: float = parameter(0.04, help="smallest drop to buy, as a fraction of the close before")
    sigmas: float | None = parameter(None, help="smallest drop in trailing standard deviations, instead of --drop")
    by: Literal["symbol", "basket"] = parameter("symbol", help="each symbol after its own drop, or all after their mean's")
    hold: int = parameter(20, help="sessions to hold, out at the close")
    skip_event: bool = parameter(False, help="leave out the signal of DeepSeek Monday, which suggested the rule")

    claim: ClassVar[str] = "G1"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "drop", below=1)
        positive(self, "sigmas", "hold")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        return no_instruction(bars).mask(self.dips(bars), 1 / len(bars.symbols))

    def dips(self, bars: Bars) -> pd.DataFrame:
        """Where a drop is large enough, shape (sessions, symbols)."""
        returns = bars.returns if self.by == "symbol" else indicators.basket(bars.returns)
        if self.sigmas is None:
            found = indicators.at_least(-returns, self.drop)
        else:
            found = indicators.at_least(-indicators.deviations(returns), self.sigmas)
        return without_event(found) if self.skip_event else found
