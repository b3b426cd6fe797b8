"""The dip rule in three steps."""

from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio import Bars, Exit, indicators, parameter
from strategies.dip_rule import DipRule

STEPS = 3
WAIT = 5
"""Sessions from one third to the next."""
FALL = 0.05
"""Further fall from one third to the next."""


class StagedDip(DipRule):
    """Buy a dip in thirds, over ten sessions or at each further 5 % down.

    Claim G4: whether buying in steps beats buying at once (``dip-rule``). By time the second and third step are decided
    5 and 10 sessions after the signal; by price, on the first close at least 5 % below the close that decided the step
    before, one step a session. A step raises the position to one, two or three thirds of its weight in the equity of the
    day, so it buys a little more or less than a third.

    Out ``hold`` sessions after the last step was filled, at the same time of day: with fills at the open at that
    session's open, where the dip rule waits for the close (use ``--fill close`` on both for the same hour). By price
    every step starts the count again, and without a further fall the first third is all that is bought; the return is
    then that of a third. Signals in between are ignored.

    Hindsight: that of the dip rule. Steps and levels are the usual ones, chosen before any result.
    """

    stages: Literal["time", "price"] = parameter("time", help="5 and 10 sessions later, or at each further 5 % down")

    claim: ClassVar[str] = "G4"
    resize = True

    @property
    def exits(self) -> tuple[Exit, ...]:
        return ()

    def targets(self, bars: Bars) -> pd.DataFrame:
        dips = self.dips(bars)
        steps = {symbol: self._steps(dips[symbol].to_numpy(), bars.close[symbol].to_numpy()) for symbol in bars.symbols}
        return pd.DataFrame(steps, index=bars.sessions) / STEPS / len(bars.symbols)

    def _steps(self, dips: NDArray[np.bool_], close: NDArray[np.float64]) -> NDArray[np.float64]:
        """Thirds wanted of one symbol where that changes, 0 at the end of the trade, else NaN. Shape (sessions,)."""
        wanted = np.full(len(close), np.nan)
        thirds, last = 0, -1
        for now in range(len(close)):
            if not thirds:
                due = dips[now]
            elif now - last >= self.hold and (self.stages == "price" or thirds == STEPS):
                wanted[now], thirds, due = 0, 0, False
            elif self.stages == "time":
                due = thirds < STEPS and now - last >= WAIT
            else:
                due = thirds < STEPS and 1 - close[now] / close[last] >= FALL - indicators.RETURN_TOLERANCE
            if due:
                thirds, last = thirds + 1, now
                wanted[now] = thirds
        return wanted
