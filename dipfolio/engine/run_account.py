"""The account of one run as its exit rules see it, followed through the run log as far as the rules ask."""

import numpy as np

from dipfolio.engine.account import Account
from dipfolio.engine.exits import AccountState
from dipfolio.engine.panel import Panel
from dipfolio.engine.run_log import Fill, RunLog
from dipfolio.engine.sizing import position_after


class RunAccount:
    """Equity, cash, and the profit of the open trades on the closes of a run.

    Nothing is computed until it is asked for, and then once for each session.

    Parameters
    ----------
    panel : Panel
    account : Account
    run_log : RunLog
        What there is in it after the session that is asked for is not looked at.
    """

    def __init__(self, panel: Panel, account: Account, run_log: RunLog) -> None:
        self._panel, self._run_log = panel, run_log
        self._peak, self._closes, self._sessions, self._fills = account.cash, 0, 0, 0
        self._shares, self._profit = np.zeros((2, len(panel.symbols)))

    def at(self, session: int) -> AccountState:
        """The account on the close of a session; the numbers must not fall from one call to the next."""
        log = self._run_log
        self._peak = max(self._peak, highest(log.equity, self._closes, session))
        self._closes = session + 1
        self._follow(session)
        held = self._shares != 0
        return AccountState(
            equity=log.equity[session : session + 1].copy(),
            cash=log.cash[session : session + 1].copy(),
            peak_equity=np.array([self._peak]),
            shares=self._shares.copy(),
            profit=np.where(held, self._profit + self._shares * self._panel.marks[session], 0.0),
        )

    def _follow(self, session: int) -> None:
        """Book what has happened since the last look: in each session first what is carried, then its fills."""
        log = self._run_log
        for now in range(self._sessions, session + 1):
            if self._shares.any():
                self._profit -= log.borrow[now]
                self._profit += log.dividends[now]
            while self._fills < len(log.fills) and log.fills[self._fills].session == now:
                self._book(log.fills[self._fills])
                self._fills += 1
        self._sessions = session + 1

    def _book(self, fill: Fill) -> None:
        """A fill that turns a trade round shares its charges between both trades by their shares."""
        column, before, charge = fill.symbol, float(self._shares[fill.symbol]), fill.commission + fill.fees
        after = float(position_after(before, fill.shares))
        if before * after < 0:
            self._profit[column] = -after * fill.price - charge * after / (after - before)
        elif not before or after:
            self._profit[column] -= (after - before) * fill.price + charge
        self._shares[column] = after
        if not after:
            self._profit[column] = 0.0


def highest(equity: np.ndarray, first: int, session: int) -> float:
    """The highest equity on the closes from session ``first`` to ``session``, both included; minus infinity for none."""
    return float(equity[first : session + 1].max(initial=-np.inf))
