"""The article's dates to watch: the companies report, and may announce more spending."""

from typing import ClassVar

import pandas as pd

from dipfolio import Bars, Exit, FillAt, HoldFor, MarketEvent, Strategy, enter, no_instruction, parameter


class BuyBeforeEarnings(Strategy):
    """Buy each company at the close before its quarterly results and sell it after them.

    Claim A4a: results may show that companies "increase spending". The last price before results that come after the
    close is that day's close; the order is decided a close earlier. Each name gets an equal part of the equity.

    No hindsight in the dates: they are announced weeks ahead. There is some in the list: six companies on four days
    within seven sessions are a handful of observations and no test.
    """

    claim: ClassVar[str] = "A4a"

    universe: str = parameter("META,MSFT,TSLA,AAPL,GOOG,AMZN", help="symbols, each bought before its own results")
    fill: FillAt = parameter("close", help="where in the session before the results to buy")
    sell: FillAt = parameter("close", help="where in the session after the results to sell")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (HoldFor(1, fill=self.sell),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        wanted = no_instruction(bars)
        for event in bars.events:
            if event.kind == "earnings" and event.time == "after close":
                wanted = wanted.fillna(enter(bars, on=event.day, weight=self.bought(event)))
        return wanted

    def bought(self, event: MarketEvent) -> dict[str, float]:
        """Weights of what is bought before these results."""
        return {symbol: 1 / len(self.symbols) for symbol in self.symbols if symbol in event.symbols}
