"""Ledger: the second set of books, kept without backtrader.

From the fills alone it recomputes positions, charges, fees, dividends, cash and equity in plain numpy. A run whose
two sets of books differ by more than a cent on any session is stopped.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.account import Account
from dipfolio.engine.orders import FUZZ
from dipfolio.engine.panel import Panel
from dipfolio.engine.tape import Fill, Tape
from dipfolio.errors import LedgerError

Floats = NDArray[np.float64]

TOLERANCE = 0.01
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


def keep(panel: Panel, account: Account, fills: list[Fill]) -> Ledger:
    """Books for these fills over the whole panel."""
    sessions, symbols = panel.close.shape
    traded, spent = np.zeros((sessions, symbols)), np.zeros(sessions)
    if fills:
        rows, columns = np.array([f.session for f in fills]), np.array([f.symbol for f in fills])
        shares, price = np.array([f.shares for f in fills]), np.array([f.price for f in fills])
        market = np.array([f.at != "settlement" for f in fills])
        factor = panel.factor[rows, columns]
        charge = account.commission(shares / factor, price * factor)
        charge = charge + account.sale_fees(shares / factor, price * factor, panel.sessions[rows])
        np.add.at(traded, (rows, columns), shares)
        np.add.at(spent, rows, shares * price + np.where(market, charge, 0.0))
    positions = np.cumsum(traded, axis=0)
    rounding = np.maximum(FUZZ, 1e-14 * np.cumsum(np.abs(traded), axis=0))
    positions[np.abs(positions) < rounding] = 0.0  # 0.1 and 0.2 and -0.3 shares leave a crumb, which is no position
    held = np.vstack([np.zeros(symbols), positions[:-1]])
    before, factor = (np.vstack([values[:1], values[:-1]]) for values in (panel.marks, panel.factor))
    borrow = account.borrow_fee(held / factor, before * factor, panel.days[:, None]).sum(axis=1)
    income = (held * panel.dividends).sum(axis=1) - borrow - spent
    cash, balance = np.empty(sessions), account.cash
    for row in range(sessions):
        balance = balance - float(account.debit_interest(balance, panel.days[row])) + income[row]
        cash[row] = balance
    return Ledger(positions=positions, cash=cash, equity=cash + (positions * panel.marks).sum(axis=1))


def audit(panel: Panel, account: Account, tape: Tape) -> tuple[Ledger, float]:
    """The second set of books, and the largest difference to the simulation's equity in dollars.

    Raises
    ------
    LedgerError
        A difference above one cent; it names the session and both figures.
    """
    books = keep(panel, account, tape.fills)
    difference = np.abs(books.equity - tape.equity)[: tape.last + 1]
    worst = int(np.argmax(difference))
    if not difference[worst] <= TOLERANCE:
        raise LedgerError(
            f"On {panel.sessions[worst]} the simulation has an equity of {tape.equity[worst]:,.4f} and the ledger "
            f"{books.equity[worst]:,.4f}. This is a fault of dipfolio; please report it with the command you ran."
        )
    return books, float(difference[worst])
