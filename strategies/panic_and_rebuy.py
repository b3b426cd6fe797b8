"""The reader whom the article warns: sells everything on the bad morning and comes back later."""

from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from dipfolio import At, Bars, Exit, FillAt, ParameterError, Strategy, calendar, no_instruction, parameter
from dipfolio.study import DEEPSEEK_MONDAY


class PanicAndRebuy(Strategy):
    """Hold the article's names, sell them all at the open of DeepSeek Monday and buy them back later.

    Claim A7: "investors shouldn't overreact". Compare it with `equal-weight --fill close`, which is the same without the
    panic. What the panic costs is what the names earn from Monday's open to the close of the rebuy: this is claim A1
    (`buy-the-dip`) with the sign turned round, and no separate confirmation of it.

    The rebuy is in equal parts again; a symbol that is listed later is bought when it appears, on credit if need be.
    Hindsight: the day, and names that were famous in 2025 because they had risen.
    """

    claim: ClassVar[str] = "A7"

    fill: FillAt = parameter("close", help="where in a session the names are bought, at the start and again")
    day: date = parameter(DEEPSEEK_MONDAY, help="session at whose open everything is sold")
    rebuy: int = parameter(5, help="sessions from the sale to the rebuy")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rebuy < 1:
            raise ParameterError(f"The rebuy is at least 1 session after the sale, found {self.rebuy}.")
        if not calendar.is_session(self.day):
            raise ParameterError(f"{self.day} is no session; the next one is {calendar.offset(self.day, 1).date()}.")

    @property
    def exits(self) -> tuple[Exit, ...]:
        return (At(self.day, fill="open"),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        wanted = no_instruction(bars).fillna(1 / len(bars.symbols))
        sale, rebuy = calendar.offset(self.day, -1), calendar.offset(self.day, self.rebuy - 1)
        wanted.loc[(wanted.index >= sale) & (wanted.index < rebuy)] = np.nan
        return wanted
