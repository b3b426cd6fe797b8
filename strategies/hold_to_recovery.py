"""The article's main claim as a duration: every name comes back to where it was, so wait for it."""

from typing import ClassVar

from dipfolio import Exit, HoldFor, Recovered, parameter
from strategies.buy_the_dip import BuyTheDip


class HoldToRecovery(BuyTheDip):
    """Buy the article's names at Monday's open and sell each once it is back at Friday's close.

    Claim A2: "likely to be short-lived", taken as the time until a close at or above the last close before the sale of
    ``day``; the name is sold at the open after it. What has not come back within ``hold`` sessions is sold all the same.

    Hindsight: an exit that waits for the good outcome wins nearly every trade, whatever the idea is worth. The win rate
    says nothing; the time in the trade, the drawdown on the way and what is still open do. AAPL opened above Friday's
    close and had no drop to recover from.
    """

    claim: ClassVar[str] = "A2"

    hold: int = parameter(250, help="sessions after which a name that has not recovered is sold")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (Recovered(drop="entry"), HoldFor(self.hold))
