"""Signalled: a claim that names a signal instead of a strategy file, as a strategy that can be simulated."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from dipfolio.engine.exits import Exit, HoldFor
from dipfolio.engine.parameter import parameter
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import ParameterError
from dipfolio.evidence.claims import Claim
from dipfolio.evidence.estimate import CONFIRMATION_START, DESIGN_END
from dipfolio.evidence.outcomes import Decisions
from dipfolio.market.bars import Bars
from dipfolio.market.universe import resolve


@dataclass(frozen=True, kw_only=True)
class _Signalled(Strategy):
    """Buy at the next open after a signal; made by :func:`signalled`."""

    wanted: ClassVar[pd.DataFrame]

    hold: int = parameter(5, help="sessions to hold, out at the close")

    @property
    def exits(self) -> tuple[Exit, ...]:
        """Out after a fixed time."""
        return (HoldFor(self.hold),)

    def targets(self, bars: Bars) -> pd.DataFrame:
        """As decided by the signal."""
        return self.wanted.reindex(index=bars.sessions, columns=list(bars.symbols))


def signalled_decisions(claim: Claim, bars: Bars, horizon: int) -> Decisions:
    """Its universe in equal parts at the next open after each signal.

    Raises
    ------
    ParameterError
        A claim without a signal.
    """
    if claim.signal is None:
        raise ParameterError(f"{claim.id} has no signal.")
    symbols = resolve(claim.universe)
    weights = pd.DataFrame(1 / len(symbols), index=bars.sessions, columns=list(symbols))
    return Decisions(weights=weights.where(claim.signal(bars), axis=0), hold=horizon)


def signalled(claim: Claim, bars: Bars, horizon: int) -> Strategy:
    """The strategy of a claim's signal over these bars, without the signals of the event."""
    apart = (bars.sessions < DESIGN_END) | (bars.sessions >= CONFIRMATION_START)
    wanted = signalled_decisions(claim, bars, horizon).weights.where(pd.Series(apart, index=bars.sessions), axis=0)
    words = getattr(claim.signal, "__name__", "signal").replace("_", " ")
    facts = {"wanted": wanted, "__doc__": f"{words[0].upper()}{words[1:]}: {claim.sentence}"}
    kind: type[Strategy] = type(words.title().replace(" ", ""), (_Signalled,), facts)
    return kind(universe=claim.universe, hold=horizon)  # type: ignore[call-arg]
