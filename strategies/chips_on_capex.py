"""The article's link from the hyperscalers' spending to the chipmakers' sales."""

from typing import ClassVar

from dipfolio import MarketEvent, parameter, resolve
from strategies.buy_before_earnings import BuyBeforeEarnings


class ChipsOnCapex(BuyBeforeEarnings):
    """Hold chips from the close before a hyperscaler's quarterly results to the next close.

    Claim A4b: announcements of capital expenditure support the chipmakers. SMH stands for them; its mirror, a short for
    the bear's claim B3, is the same number with the other sign.

    No hindsight in the dates. Three evenings, of which the first has two hyperscalers, describe and test nothing.
    """

    claim: ClassVar[str] = "A4b"

    universe: str = parameter("SMH", help="symbols, all bought before each hyperscaler's results")

    def bought(self, event: MarketEvent) -> dict[str, float]:
        reports = set(event.symbols) & set(resolve("hyperscalers"))
        return dict.fromkeys(self.symbols, 1 / len(self.symbols)) if reports else {}
