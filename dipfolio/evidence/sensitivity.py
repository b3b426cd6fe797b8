"""Sensitivity: what trades come to if they are made later, at other costs or with dearer borrowing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from dipfolio.engine.account import Account
from dipfolio.engine.exits import FillAt
from dipfolio.engine.showing import Shown
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DataError
from dipfolio.evidence.delay import later
from dipfolio.evidence.estimate import DESIGN_END
from dipfolio.market.bars import Bars

Varied = Literal["cost", "borrow"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Where a trade is entered: so many sessions after the first that its decision could be executed in, at that price."""

    label: str
    sessions: int
    fill: FillAt


ON_MONDAY = (
    Entry(label="Monday's open", sessions=0, fill="open"),
    Entry(label="Monday's close", sessions=0, fill="close"),
    Entry(label="Tuesday's open", sessions=1, fill="open"),
)
UNRESTRICTED = Entry(label="Wednesday's open", sessions=2, fill="open")
"""The first at which shares under the short-sale price test could be sold freely again."""

ON_FRIDAY = (
    Entry(label="Friday's open", sessions=0, fill="open"),
    Entry(label="Friday's close", sessions=0, fill="close"),
    Entry(label="Monday's open", sessions=1, fill="open"),
)
"""Of the trade that was told."""

ANY_DAY = (
    Entry(label="next open", sessions=0, fill="open"),
    Entry(label="next close", sessions=0, fill="close"),
    Entry(label="second open", sessions=1, fill="open"),
)
"""Of a rule: after each decision."""

EVE = DESIGN_END.date()
"""The session before DeepSeek Monday."""

SLIPPAGES = (0.0, 5.0, 20.0)
"""Basis points lost on each order."""

BORROW_RATES = (0.003, 0.01, 0.03, 0.05)
"""A year."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Sensitivity(Shown):
    """One way in which the trade might have been made.

    Attributes
    ----------
    varied : {"cost", "borrow"}
        What this one shows: an entry with a slippage, or what borrowing costs.
    entry : str
    slippage_bps, borrow_rate : float
    profit : float
        Of the account, a fraction of its cash, after all costs.
    trades : int
        That ended.
    mean_trade : float
        Their mean return after all costs; NaN without one.
    ended : bool
        Whether every trade has ended within the figures; otherwise the profit is at their last close.
    """

    varied: Varied
    entry: str
    slippage_bps: float
    borrow_rate: float
    profit: float
    trades: int
    mean_trade: float
    ended: bool


def sensitivities(
    strategy: Strategy, bars: Bars, account: Account | None = None, *, entries: tuple[Entry, ...] = ON_MONDAY,
    start: date | None = EVE,
) -> tuple[Sensitivity, ...]:  # fmt: skip
    """Every entry with every slippage; for a strategy that sells short, also every borrow rate at its own entry.

    Parameters
    ----------
    strategy : Strategy
        With the entries of Monday it decides on the Friday before, for Monday's open.
    bars : Bars
    account : Account, optional
        The defaults of :class:`Account`; commissions and fees stay in every cell.
    entries : tuple of Entry
        A short that could be entered on Monday also gets the first entry without the short-sale price test.
    start : date or None
        First session of the account; None for that of the figures.

    Raises
    ------
    DataError
        A strategy that does not trade in these figures.
    """
    return tuple(_all(strategy, bars, account or Account(), entries, start))


def sells_short(strategy: Strategy, bars: Bars) -> bool:
    """Whether it ever wants a negative position in these figures."""
    return bool((strategy.targets(bars.select(strategy.symbols)) < 0).any(axis=None))


def _all(
    strategy: Strategy, bars: Bars, account: Account, entries: tuple[Entry, ...], start: date | None
) -> Iterator[Sensitivity]:
    short, own = sells_short(strategy, bars), next(entry for entry in entries if entry.fill == strategy.fill)
    for entry in (*entries, UNRESTRICTED) if short and entries == ON_MONDAY else entries:
        for slippage in SLIPPAGES:
            yield _cell(strategy, bars, replace(account, slippage_bps=slippage), entry, start, "cost")
    for rate in BORROW_RATES if short else ():
        yield _cell(strategy, bars, replace(account, borrow_rate=rate), own, start, "borrow")


def _cell(strategy: Strategy, bars: Bars, account: Account, entry: Entry, start: date | None, varied: Varied) -> Sensitivity:
    result = simulate(later(strategy, entry.sessions, entry.fill), bars, account, start=start)
    if result.fills.empty:
        raise DataError(f"{strategy.name} does not trade in these figures.")
    return Sensitivity(
        varied=varied, entry=entry.label, slippage_bps=account.slippage_bps, borrow_rate=account.borrow_rate,
        profit=float(result.equity["equity"].iloc[-1] / account.cash - 1), trades=len(result.trades),
        mean_trade=float(result.trades["return"].mean()), ended=result.open_positions.empty,
    )  # fmt: skip
