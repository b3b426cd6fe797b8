"""The other yardstick: the market, bought and kept."""

from typing import ClassVar

from dipfolio import parameter
from strategies.equal_weight import EqualWeight


class HoldBenchmark(EqualWeight):
    """Buy SPY on the first session and hold it: what doing nothing would have earned.

    It pays for its trade and keeps its dividends as cash, so over the years it falls behind the benchmark of a report,
    which pays nothing and has them reinvested.

    Hindsight: that the United States market would rise.
    """

    claim: ClassVar[str] = ""

    universe: str = parameter("SPY", help="symbol to buy, or a group in equal parts")
