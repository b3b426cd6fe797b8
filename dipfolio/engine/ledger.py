"""The ledger: an independent second set of books, which checks every run without backtrader.

From the fills alone it recomputes positions, commissions, fees, dividends, cash and equity in plain numpy. A run is
stopped if the two sets of books differ by more than a cent on any session.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.account import Account
from dipfolio.engine.panel import Panel
from dipfolio.engine.run_log import Fill, RunLog
from dipfolio.engine.sizing import position_after
from dipfolio.errors import LedgerError

Floats = NDArray[np.float64]

MAX_RESIDUAL = 0.01
"""Dollars on any session."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ledger:
    """The second set of books, shapes (sessions,) and (sessions, symbols).

    Attributes
    ----------
    positions : array of shape (sessions, symbols)
        Shares on each close.
    cash, equity : array of shape (sessions,)
    """

    positions: Floats
    cash: Floats
    equity: Floats


def replay(panel: Panel, account: Account, fills: list[Fill]) -> Ledger:
    """Books for these fills over the whole panel."""
    sessions, symbols = panel.close.shape
    positions, spent = np.zeros((sessions, symbols)), np.zeros(sessions)
    if fills:
        rows, columns = np.array([f.session for f in fills]), np.array([f.symbol for f in fills])
        shares, price = np.array([f.shares for f in fills]), np.array([f.price for f in fills])
        market = np.array([f.at != "settlement" for f in fills])
        factor = panel.factor[rows, columns]
        earlier = (
            _traded_earlier(panel, rows, np.where(market, np.abs(shares / factor), 0.0)) if account.commission_tiers else 0.0
        )
        charge = account.commission(shares / factor, price * factor, np.array(panel.symbols)[columns], earlier)
        charge = charge + account.sale_fees(shares / factor, price * factor, panel.sessions[rows])
        np.add.at(spent, rows, shares * price + np.where(market, charge, 0.0))
        for fill in fills:
            positions[fill.session :, fill.symbol] = position_after(positions[fill.session, fill.symbol], fill.shares)
    held = np.vstack([np.zeros(symbols), positions[:-1]])
    before, factor = (np.vstack([values[:1], values[:-1]]) for values in (panel.marks, panel.factor))
    dated = None if panel.borrow_rates is None else np.vstack([panel.borrow_rates[:1], panel.borrow_rates[:-1]])
    borrow = account.borrow_fee(held / factor, before * factor, panel.days[:, None], panel.symbols, dated).sum(axis=1)
    income = (held * panel.dividends).sum(axis=1) - borrow - spent
    lent = -(np.minimum(held, 0.0) * before).sum(axis=1)
    cash, balance = np.empty(sessions), account.cash
    for row in range(sessions):
        balance = balance + _interest(panel, account, row, balance, lent[row]) + income[row]
        cash[row] = balance
    return Ledger(positions=positions, cash=cash, equity=cash + (positions * panel.marks).sum(axis=1))


def _interest(panel: Panel, account: Account, row: int, balance: float, lent: float) -> float:
    """Interest received less paid since the close before, in dollars; ``lent`` is the value of the shorts on that close."""
    days = panel.days[row]
    if panel.cash_rate is None:
        return -float(account.debit_interest(balance, days))
    paid, earned = account.dated_interest(balance, lent, panel.cash_rate[max(row - 1, 0)], days)
    return float(earned - paid)


def _traded_earlier(panel: Panel, rows: NDArray[np.int_], counts: Floats) -> Floats:
    """For each fill the shares traded in earlier sessions of its month, shape (fills,)."""
    by_session = np.bincount(rows, counts, len(panel))
    months = panel.sessions.astype("datetime64[M]")
    return np.array([by_session[:row][months[:row] == months[row]].sum() for row in rows])


def reconcile(panel: Panel, account: Account, run_log: RunLog) -> tuple[Ledger, float]:
    """The second set of books, and the largest difference to the simulation's equity in dollars.

    Raises
    ------
    LedgerError
        A difference above one cent; it names the first such session and both equities.
    """
    ledger = replay(panel, account, run_log.fills)
    difference = np.abs(ledger.equity - run_log.equity)[: run_log.last + 1]
    wrong = ~(difference <= MAX_RESIDUAL)
    if wrong.any():
        first = int(wrong.argmax())
        raise LedgerError(
            f"On {panel.sessions[first]}, the first session with a difference of more than a cent, the simulation has an equity "
            f"of {run_log.equity[first]:,.4f} and the ledger {ledger.equity[first]:,.4f}. This is a fault of dipfolio or of a "
            "cost that you have added; please report it with the command you ran."
        )
    return ledger, float(difference.max())
