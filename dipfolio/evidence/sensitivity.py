"""Sensitivity: a strategy with later entries, other trading costs and higher borrow fees.

A delayed strategy executes every decision some sessions later, or at the other price (open or close) of the session.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar, Literal

import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.engine.account import Account
from dipfolio.engine.display import Displayable
from dipfolio.engine.exits import Exit, FillAt
from dipfolio.engine.simulation import checked_exit_rules, checked_targets, simulate_trades
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DataError, ParameterError


@dataclass(frozen=True, kw_only=True)
class _Later(Strategy):
    """The decisions of another strategy, later; made by :func:`with_delay`."""

    inner: ClassVar[Strategy]
    delay: ClassVar[int] = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the wrapped strategy."""
        return self.inner.symbols

    @property
    def exits(self) -> tuple[Exit, ...]:
        """The exits of the wrapped strategy, counted from the later entry."""
        return checked_exit_rules(self.inner)

    def targets(self, bars: Bars) -> pd.DataFrame:
        """The targets of the wrapped strategy, so many rows further down."""
        return checked_targets(self.inner, bars).shift(self.delay)


def with_delay(strategy: Strategy, sessions: int = 0, fill: FillAt | None = None) -> Strategy:
    """The same strategy with its orders executed so many sessions later, at the open or the close.

    Positions are sized on the close before the later session; a holding time is counted from there.

    Parameters
    ----------
    strategy : Strategy
    sessions : int
        0 or more.
    fill : {"open", "close"}, optional
        The strategy's own if not given.
    """
    if sessions < 0:
        raise ParameterError(f"A delay is 0 or more sessions, found {sessions}; no order comes before its decision.")
    own = type(strategy)
    facts = {"inner": strategy, "delay": sessions, "unit": strategy.unit, "resize": strategy.resize, "__doc__": own.__doc__}
    kind: type[Strategy] = type(own.__name__, (_Later,), facts)
    return kind(universe=strategy.universe, fill=fill or strategy.fill)


VariedCost = Literal["cost", "borrow"]


@dataclass(frozen=True, kw_only=True)
class EntryVariant:
    """Where a trade is entered: so many sessions after the first that its decision could be executed in, at that price."""

    label: str
    sessions: int
    fill: FillAt


ANY_DATE_ENTRIES = (
    EntryVariant(label="next open", sessions=0, fill="open"),
    EntryVariant(label="next close", sessions=0, fill="close"),
    EntryVariant(label="second open", sessions=1, fill="open"),
)
"""Of a rule: after each decision."""

SLIPPAGES_BPS = (0.0, 5.0, 20.0)
"""Basis points lost on each order."""

BORROW_RATES = (0.003, 0.01, 0.03, 0.05)
"""A year."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SensitivityCase(Displayable):
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
        Whether every trade has ended within the data; otherwise the profit is at their last close.
    """

    varied: VariedCost
    entry: str
    slippage_bps: float
    borrow_rate: float
    profit: float
    trades: int
    mean_trade: float
    ended: bool


def run_sensitivity(
    strategy: Strategy,
    bars: Bars,
    account: Account | None = None,
    *,
    entries: tuple[EntryVariant, ...] = ANY_DATE_ENTRIES,
    start: date | None = None,
) -> tuple[SensitivityCase, ...]:
    """Every entry with every slippage; for a strategy that sells short, also every borrow rate at its own entry.

    Parameters
    ----------
    strategy : Strategy
    bars : Bars
    account : Account, optional
        The defaults of :class:`Account`; commissions and fees stay in every cell.
    entries : tuple of EntryVariant
        One of them has the strategy's own fill.
    start : date or None
        First session of the account; None for that of the data.

    Raises
    ------
    DataError
        A strategy that does not trade in these data.
    """
    return tuple(_all(strategy, bars, account or Account(), entries, start))


def sells_short(strategy: Strategy, bars: Bars) -> bool:
    """True if it ever wants a negative position in these data."""
    return bool((checked_targets(strategy, bars.select(strategy.symbols)) < 0).any(axis=None))


def _all(
    strategy: Strategy, bars: Bars, account: Account, entries: tuple[EntryVariant, ...], start: date | None
) -> Iterator[SensitivityCase]:
    short, own = sells_short(strategy, bars), next(entry for entry in entries if entry.fill == strategy.fill)
    known: dict[tuple[EntryVariant, Account], SensitivityCase] = {}
    dated = bool(bars.borrow_rates)
    for entry in entries:
        for slippage in SLIPPAGES_BPS:
            varied = replace(account, slippage_bps=slippage)
            known[entry, varied] = _cell(strategy, bars, varied, entry, start, "cost")
    yield from known.values()
    bars = replace(bars, borrow_rates=())  # one rate for all
    for rate in BORROW_RATES if short else ():
        varied = replace(account, borrow_rate=rate)
        if (own, varied) in known and not dated:  # the account's own rate, with its own slippage
            yield replace(known[own, varied], varied="borrow")
        else:
            yield _cell(strategy, bars, varied, own, start, "borrow")


def _cell(
    strategy: Strategy, bars: Bars, account: Account, entry: EntryVariant, start: date | None, varied: VariedCost
) -> SensitivityCase:
    delayed = with_delay(strategy, entry.sessions, entry.fill)
    run_log, trades, open_positions = simulate_trades(delayed, bars, account, start=start)
    if not run_log.fills:
        raise DataError(f"{strategy.name} does not trade in these data.")
    return SensitivityCase(
        varied=varied, entry=entry.label, slippage_bps=account.slippage_bps, borrow_rate=account.borrow_rate,
        profit=float(run_log.equity[run_log.last] / account.cash - 1), trades=len(trades),
        mean_trade=float(trades["return"].mean()), ended=open_positions.empty,
    )  # fmt: skip
