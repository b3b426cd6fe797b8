"""The article's appeal to Jevons: cheaper models will need more chips, not fewer."""

from typing import ClassVar

from dipfolio import parameter
from strategies.buy_the_dip import BuyTheDip


class BuyChipmakers(BuyTheDip):
    """Buy the four chipmakers at the open of DeepSeek Monday and hold them for half a year.

    Claim A5: DeepSeek's "success could benefit AI chipmakers". Demand takes quarters to show, so 120 sessions, with 60 and
    250 beside it; `--universe SMH` is the same as a fund. Set it against `buy-hyperscalers --hold 120`.

    Hindsight: NVDA, AVGO and TSM are on the list because they had risen, and one long window is one draw.
    """

    claim: ClassVar[str] = "A5"

    universe: str = parameter("chipmakers", help="group of symbols, or symbols with commas between")
    hold: int = parameter(120, help="sessions to hold, out at the close")
