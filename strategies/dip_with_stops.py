"""The dip rule with a way out before its time."""

from typing import ClassVar

from dipfolio import Exit, HoldFor, StopLoss, TakeProfit, TrailingStop, parameter, positive
from strategies.dip_rule import DipRule


class DipWithStops(DipRule):
    """Buy as the dip rule does, and leave at a stop loss, a profit target or a trailing stop.

    Claim G5: whether limits improve on a fixed holding time, which is the last way out; compare with
    ``dip-rule``. On closes a level is seen at the close and filled at the next open; ``intraday`` lets orders rest in the
    market from the entry on: a gap through one fills at the open, and where a stop and the target lie within one day's range
    the stop counts. After an early exit the next drop is bought, which the dip rule, still invested, lets pass: the two do
    not always trade the same dips.

    Hindsight: that of the dip rule. A target nearer than the stop wins more often by construction; look at the mean and
    the worst trade, not at the hit rate.
    """

    stop_loss: float | None = parameter(0.10, help="loss at which to leave, as a fraction of the entry price")
    profit_target: float | None = parameter(0.10, help="gain at which to leave, as a fraction of the entry price")
    trailing_stop: float | None = parameter(None, help="fall from the best close at which to leave, as a fraction")
    intraday: bool = parameter(False, help="let the levels rest in the market as orders")

    claim: ClassVar[str] = "G5"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "stop_loss", "trailing_stop", below=1)
        positive(self, "profit_target")

    @property
    def exits(self) -> tuple[Exit, ...]:
        levels = ((StopLoss, self.stop_loss), (TrailingStop, self.trailing_stop), (TakeProfit, self.profit_target))
        rules = tuple(rule(size, intraday=self.intraday) for rule, size in levels if size is not None)
        return (*rules, HoldFor(self.hold))
