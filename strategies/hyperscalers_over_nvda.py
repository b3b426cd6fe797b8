"""The bear's other half: cheaper AI helps those who use it and hurts who supplies it."""

from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from dipfolio import Bars, DataError, ParameterError, calendar, enter, parameter, resolve
from strategies.short_nvda import ShortNvda

MARKET, SOLD = "SPY", "NVDA"
FIRST, LAST = -260, -11
"""Sessions from the entry between which betas are measured: 250, before the news of that month."""


class HyperscalersOverNvda(ShortNvda):
    """Buy the four hyperscalers and short NVDA on or just after DeepSeek Monday.

    Claim B2: users of AI gain on its supplier. Dollar-neutral holds half the equity on each side; beta-neutral divides it so
    that the betas against SPY cancel, as NVDA moves with the market about twice as much as the others. Betas are those of
    total returns over 250 sessions that end 11 before the entry.

    Sizes are those of the close before the entry, so that Monday's gap leaves the short side the smaller one. What
    `short-nvda` says of the short-sale price test and of hindsight holds here.
    """

    claim: ClassVar[str] = "B2"

    universe: str = parameter("hyperscalers", help="what is bought, in equal parts")
    neutral: Literal["dollar", "beta"] = parameter("dollar", help="equal dollars, or equal betas against SPY, on both sides")

    def __post_init__(self) -> None:
        super().__post_init__()
        if SOLD in self.bought:
            raise ParameterError(f"{SOLD} is what is sold short; the universe {self.universe!r} must not have it.")

    @property
    def bought(self) -> tuple[str, ...]:
        """The symbols of the long side."""
        return resolve(self.universe)

    @property
    def symbols(self) -> tuple[str, ...]:
        seen = (*self.bought, SOLD, MARKET) if self.neutral == "beta" else (*self.bought, SOLD)
        return tuple(dict.fromkeys(seen))

    def targets(self, bars: Bars) -> pd.DataFrame:
        sold = self.part_sold(bars) if self.neutral == "beta" else 0.5
        weights = dict.fromkeys(self.bought, (1 - sold) / len(self.bought))
        return enter(bars, on=self.day, weight={**weights, SOLD: -sold})

    def part_sold(self, bars: Bars) -> float:
        """``b / (b + b_NVDA)`` with the betas of the long side and of NVDA; NaN if the decision is not within the bars.

        Raises
        ------
        DataError
            Bars that begin too late for the betas.
        """
        if calendar.offset(self.day, -1) not in bars.sessions:
            return np.nan
        first, last = calendar.offset(self.day, FIRST), calendar.offset(self.day, LAST)
        returns = bars.returns.loc[first:last].dropna()
        if len(returns) < len(calendar.between(first, last)):
            raise DataError(f"Betas need returns from {first.date()} on for {', '.join(bars.symbols)}; the data begin later.")
        betas = returns.cov()[MARKET] / returns[MARKET].var()
        long = betas[list(self.bought)].mean()
        return float(long / (long + betas[SOLD]))
