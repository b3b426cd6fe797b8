"""The commenter's Friday as a rule: what has risen fast is due to fall."""

from typing import ClassVar

import pandas as pd

from dipfolio import Bars, Exit, HoldFor, Strategy, indicators, no_instruction, parameter, positive


class ShortAfterRunUp(Strategy):
    """Short NVDA after it has gained 10 % or more in 20 sessions and cover a session later.

    Claim G14: the only rule under which the commenter's Friday, 24 January 2025, could have been chosen beforehand. It was
    not: a sale on that Friday is decided on Thursday's close, when NVDA had gained 9.3 % in 20 sessions, and by Friday's
    close it was 2.1 %. On Wednesday it had been 12.5 %, so the rule sold on Thursday and covered on Friday, a session
    before the fall; with ``--hold 5`` that short was open on DeepSeek Monday.

    A gain that lasts is a signal on every session; those while the short is open are ignored, and it is sold again at
    the open after the cover.

    Hindsight: the threshold is ours, and a lower one that takes in that Friday would have been chosen by the outcome.
    NVDA rose most of all the article's names.
    """

    universe: str = parameter("NVDA", help="symbols to short, in equal parts")
    gain: float = parameter(0.10, help="smallest gain to short, as a fraction, dividends included")
    window: int = parameter(20, help="sessions of the gain")
    hold: int = parameter(1, help="sessions until the cover at the close")

    claim: ClassVar[str] = "G14"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "gain", "window", "hold")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(self.hold),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        found = indicators.at_least(indicators.growth(bars.returns, self.window), self.gain)
        return no_instruction(bars).mask(found, -1 / len(bars.symbols))
