"""The history of a claim: the sessions on which its own symbols and its benchmark trade, whatever other claims need."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dipfolio.data.arch_data import ARCH_FOLDER, names_arch
from dipfolio.data.bars import Bars
from dipfolio.data.folder import load_bars
from dipfolio.data.universe import resolve
from dipfolio.engine.simulation import checked_targets
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DataError, DipfolioError
from dipfolio.evidence.placebo import MARKET_SYMBOL
from dipfolio.study.claims import Claim
from dipfolio.study.dates import EVENT_SESSION
from dipfolio.study.event_claims import GAP_WINDOW_SESSIONS, build_strategy

WITHOUT_HISTORY = ("same", "untestable")
"""Kinds of claims for which no price is used, or those of another claim."""


@dataclass(frozen=True, kw_only=True)
class History:
    """The sessions that were used for a claim.

    Attributes
    ----------
    first, last : str
        ISO dates.
    sessions : int
    """

    first: str
    last: str
    sessions: int


def decades_bars() -> Bars:
    """The indices of 1999 to 2018 that the package arch ships.

    Raises
    ------
    DataError
        A folder of the name ``arch`` where the program runs, which comes before the package.
    """
    if not names_arch(ARCH_FOLDER):
        raise DataError(f"The folder {ARCH_FOLDER.absolute()} hides the data of the package arch; give it another name.")
    return load_bars(ARCH_FOLDER)


def claim_bars(claim: Claim, bars: Bars, folder: Path) -> Bars:
    """The bars from the first to the last session on which a claim can be tested, with all their symbols.

    On each side of a trade one symbol has to trade: a basket of earlier years goes without those that were listed later. What
    is read and not traded, the benchmark and, for an event, SPY have to trade too.

    Parameters
    ----------
    claim : Claim
    bars : Bars
    folder : Path
        The strategies.

    Raises
    ------
    DataError
        For a claim about the decades before, see :func:`decades_bars`.

    Returns
    -------
    Bars
        All of them for a claim whose symbols are not there, or without such a session.
    """
    if claim.decades:
        bars = decades_bars()
    try:
        there = _testable_sessions(claim, bars, folder)
    except DipfolioError:  # the tests of the claim say what is missing
        return bars
    return bars.between(there[0], there[-1]) if len(there) and len(there) < len(bars) else bars


def claim_history(claim: Claim, bars: Bars) -> History | None:
    """The history that a claim uses of its own bars; None for a claim without prices of its own.

    Parameters
    ----------
    claim : Claim
    bars : Bars
        From :func:`claim_bars`.
    """
    if claim.kind in WITHOUT_HISTORY or not len(bars):
        return None
    sessions = bars.sessions
    if claim.kind == "fact" and EVENT_SESSION in sessions:
        row = int(sessions.get_loc(EVENT_SESSION))
        sessions = sessions[max(row - GAP_WINDOW_SESSIONS[0] - 1, 0) : row + 1]  # the first gap needs the close before it
    return History(first=str(sessions[0].date()), last=str(sessions[-1].date()), sessions=len(sessions))


def _testable_sessions(claim: Claim, bars: Bars, folder: Path) -> pd.DatetimeIndex:
    there = pd.Series(True, index=bars.sessions)
    for symbols in _needed(claim, bars, folder):
        there &= bars.select(symbols).close.notna().any(axis=1)
    return pd.DatetimeIndex(there.index[there])


def _needed(claim: Claim, bars: Bars, folder: Path) -> Iterator[tuple[str, ...]]:
    """Groups of symbols, of each of which one has to trade."""
    if claim.universe:  # what is tested; A2 also has a strategy, for its account
        yield resolve(claim.universe)
    elif claim.strategy and claim.kind not in WITHOUT_HISTORY:
        yield from _sides(build_strategy(folder, claim, claim.horizons[0] if claim.horizons else 0), bars)
    yield from ((symbol,) for symbol in claim.reads)
    if claim.benchmark:
        yield (claim.benchmark,)
    if claim.kind == "event":
        yield (MARKET_SYMBOL,)


def _sides(strategy: Strategy, bars: Bars) -> Iterator[tuple[str, ...]]:
    """What is bought, what is sold short, and each symbol that is only read."""
    targets = checked_targets(strategy, bars.select(strategy.symbols))
    bought, sold = ((sign * targets > 0).any() for sign in (1, -1))
    if not (bought | sold).any():
        yield strategy.symbols
        return
    yield from (tuple(side.index[side]) for side in (bought, sold) if side.any())
    yield from ((symbol,) for symbol in bought.index[~(bought | sold)])
