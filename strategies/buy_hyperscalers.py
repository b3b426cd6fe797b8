"""The article's claim for the large buyers of chips: under suspicion, but fine."""

from typing import ClassVar

from dipfolio import parameter
from strategies.buy_the_dip import BuyTheDip


class BuyHyperscalers(BuyTheDip):
    """Buy the four hyperscalers at the open of DeepSeek Monday and hold them for some sessions.

    Claim A3: MSFT, META, GOOG and AMZN are doubted for their spending, without reason. They fell at the open alone; with
    ``--fill close`` there is hardly a drop left to buy.

    Confounded by their own news: MSFT and META report on the third session, GOOG on the seventh and AMZN on the ninth.
    `buy-before-earnings` has those days by themselves. Hindsight: as in `buy-the-dip`, the day and the horizon.
    """

    claim: ClassVar[str] = "A3"

    universe: str = parameter("hyperscalers", help="group of symbols, or symbols with commas between")
