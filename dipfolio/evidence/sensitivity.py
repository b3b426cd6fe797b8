"""Sensitivity: what a trade on the event comes to if it is made later, at other costs or with dearer borrowing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dipfolio.engine.account import Account
from dipfolio.engine.exits import Fill
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DataError
from dipfolio.evidence.delay import later
from dipfolio.evidence.finding import DESIGN_END
from dipfolio.market.bars import Bars


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where a trade is entered: so many sessions after Monday, at that price."""

    label: str
    sessions: int
    fill: Fill


ENTRIES = (
    Entry(label="Monday's open", sessions=0, fill="open"),
    Entry(label="Monday's close", sessions=0, fill="close"),
    Entry(label="Tuesday's open", sessions=1, fill="open"),
)
UNRESTRICTED = Entry(label="Wednesday's open", sessions=2, fill="open")
"""The first at which shares under the short-sale price test could be sold freely again."""

SLIPPAGES = (0.0, 5.0, 20.0)
"""Basis points lost on each order."""

BORROW_RATES = (0.003, 0.01, 0.03, 0.05)
"""A year."""


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """One way in which the trade might have been made.

    Attributes
    ----------
    entry : str
    slippage_bps, borrow_rate : float
    profit : float
        Of the account, a fraction of its cash, after all costs.
    ended : bool
        Whether every trade has ended within the figures; otherwise the profit is at their last close.
    """

    entry: str
    slippage_bps: float
    borrow_rate: float
    profit: float
    ended: bool


def sensitivities(strategy: Strategy, bars: Bars, account: Account | None = None) -> tuple[Sensitivity, ...]:
    """Every entry with every slippage; for a strategy that sells short, also every borrow rate at Monday's open.

    Parameters
    ----------
    strategy : Strategy
        Decides on the Friday before DeepSeek Monday, for its open.
    bars : Bars
    account : Account, optional
        The defaults of :class:`Account`; commissions and fees stay in every cell.

    Raises
    ------
    DataError
        A strategy that does not trade in these figures.
    """
    account = account or Account()
    return tuple(_all(strategy, bars, account))


def _all(strategy: Strategy, bars: Bars, account: Account) -> Iterator[Sensitivity]:
    short = bool((strategy.targets(bars.select(strategy.symbols)) < 0).any(axis=None))
    for entry in (*ENTRIES, UNRESTRICTED) if short else ENTRIES:
        for slippage in SLIPPAGES:
            yield _cell(strategy, bars, replace(account, slippage_bps=slippage), entry)
    for rate in BORROW_RATES if short else ():
        yield _cell(strategy, bars, replace(account, borrow_rate=rate), ENTRIES[0])


def _cell(strategy: Strategy, bars: Bars, account: Account, entry: Entry) -> Sensitivity:
    result = simulate(later(strategy, entry.sessions, entry.fill), bars, account, start=DESIGN_END.date())
    if result.fills.empty:
        raise DataError(f"{strategy.name} does not trade in these figures.")
    return Sensitivity(
        entry=entry.label, slippage_bps=account.slippage_bps, borrow_rate=account.borrow_rate,
        profit=float(result.equity["equity"].iloc[-1] / account.cash - 1), ended=result.open_positions.empty,
    )  # fmt: skip
