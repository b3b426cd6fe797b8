"""Buying low: not after a bad day, but a given way below the high."""

from typing import ClassVar, Literal

import pandas as pd

from dipfolio import Bars, Exit, HoldFor, Strategy, indicators, no_instruction, parameter, positive
from dipfolio.study import without_event

YEAR = 252


class DrawdownRule(Strategy):
    """Buy at the first close 10 % below the highest close of 252 sessions, once for each high.

    Claim G3: a dip as a distance from the high, however many days it took. Only a new high arms the rule, the first time
    too, as nobody knows whether a fall that is under way when the data begin was the first; so it needs 252 sessions
    and a high. Bought at the next open with an equal part of the equity for each symbol, and sold after ``hold`` sessions or,
    with ``until`` "high", at the open after the next new high. Highs are those of prices, without dividends.

    Hindsight: such falls are rare, a handful for each symbol, so this is a list of cases and no test. Waiting for a
    high ends nearly every trade of a survivor in a profit by construction; look at the time and at the worst day with it.
    Nearly, because the high is that of the last 252 sessions, and in a long decline it comes down.
    """

    universe: str = parameter("SMH", help="symbols to buy, in equal parts")
    drop: float = parameter(0.10, help="distance below the high at which to buy, as a fraction")
    until: Literal["time", "high"] = parameter("time", help="out after --hold sessions, or after a new high")
    hold: int = parameter(60, help="sessions to hold, out at the close")
    skip_event: bool = parameter(False, help="leave out the signal of DeepSeek Monday, which suggested the rule")

    claim: ClassVar[str] = "G3"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "drop", below=1)
        positive(self, "hold")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold),) if self.until == "time" else ()

    def targets(self, bars: Bars) -> pd.DataFrame:
        high = bars.close.rolling(YEAR).max()
        renewed = bars.close >= high
        low = indicators.at_least(1 - bars.close / high, self.drop)
        first = low.apply(lambda column: column & (column.groupby(renewed[column.name].cumsum()).cumsum() == 1))
        first &= renewed.cumsum() > 0
        found = without_event(first) if self.skip_event else first
        bought = no_instruction(bars).mask(found, 1 / len(bars.symbols))
        return bought.mask(renewed, 0.0) if self.until == "high" else bought
