"""The bear's view as a rule: bad news goes on."""

from typing import ClassVar

import pandas as pd

from dipfolio import Bars, Exit, HoldFor, Strategy, indicators, no_instruction, parameter, positive
from dipfolio.study import without_event


class ShortAfterShock(Strategy):
    """Short NVDA at the open after a one-day drop of 6 % or more and cover after 5 sessions.

    Claim G8: whether a shock goes on. It is the dip rule on NVDA with the sign turned, the same evidence read from the other
    side and no second piece of it. A drop while the short is open is ignored. After a fall of 10 % within a day the
    short-sale price test (SEC Rule 201) holds until the end of the next, and brokers may refuse new shorts, as one did after
    DeepSeek Monday: after the largest shocks the fills are optimistic.

    Hindsight: DeepSeek Monday suggested the rule; ``skip_event`` leaves it out. NVDA rose most of all the
    article's names, so shorting it had to lose on average: compare with a short on any other day.
    """

    universe: str = parameter("NVDA", help="symbols to short, in equal parts")
    drop: float = parameter(0.06, help="smallest drop to short, as a fraction of the close before")
    hold: int = parameter(5, help="sessions until the cover at the close")
    skip_event: bool = parameter(False, help="leave out the signal of DeepSeek Monday, which suggested the rule")

    claim: ClassVar[str] = "G8"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "drop", below=1)
        positive(self, "hold")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        found = indicators.at_least(-bars.returns, self.drop)
        found = without_event(found) if self.skip_event else found
        return no_instruction(bars).mask(found, -1 / len(bars.symbols))
