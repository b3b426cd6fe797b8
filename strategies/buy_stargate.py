"""The article's claim for Project Stargate: overshadowed for a moment."""

from typing import ClassVar

from dipfolio import ParameterError, parameter
from strategies.buy_the_dip import BuyTheDip


class BuyStargate(BuyTheDip):
    """Buy the names that Project Stargate should help at the open of DeepSeek Monday.

    Claim A6: the sell-off "momentarily overshadowed" Stargate. The list is the article's; TSM is on it but was not named
    as a partner on 21 January, and ``partners_only`` leaves it out.

    Hindsight: as in `buy-the-dip`, the day and the horizon. ORCL had risen by 7 % on the 21st, on a leak hours before the
    announcement, and ARM by 16 % on the 22nd, so that part of Monday's drop takes back a jump of days before.
    """

    claim: ClassVar[str] = "A6"

    universe: str = parameter("stargate", help="group of symbols, or symbols with commas between")
    partners_only: bool = parameter(False, help="leave out TSM, which was no named partner")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.symbols:
            raise ParameterError(f"Without TSM the universe {self.universe!r} is empty; expected a named partner in it.")

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(symbol for symbol in super().symbols if not (self.partners_only and symbol == "TSM"))
