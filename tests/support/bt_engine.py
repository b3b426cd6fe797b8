"""The same strategies in ``bt`` (pmorissette): its tree sizes, holds, values and pays; this tells it only when and what.

``bt`` trades at the price at which it decides. So it gets two rows a session, the open and the close, and an algorithm that
carries out on one row what it has noted on another.
"""

import bt
import numpy as np
import pandas as pd

from tests.support.second_engine import Market, charge, whole

OPEN, CLOSE = pd.Timedelta(hours=9.5), pd.Timedelta(hours=16)


def run(bars, account, algorithm):
    """Equity on each close, shape (sessions,)."""
    market = Market.of(bars)
    prices = _twice(bars.open, bars.close)
    extra = {
        # what bt notes in a row on what is held at its end, it pays in the next: the close before is the one that counts
        "coupons": _twice(bars.dividends * 0, bars.dividends.shift(-1).fillna(0.0)),
        "cost_short": _twice(bars.dividends * 0, _borrow(bars, market, account)),
        "bidoffer": prices * 0,  # or else it takes no price but its own
    }
    children = [bt.core.CouponPayingSecurity(symbol, fixed_income=False) for symbol in bars.symbols]
    tree = bt.Strategy("tree", [algorithm(market, account)], children=children)
    test = bt.Backtest(tree, prices, initial_capital=account.cash, integer_positions=False, additional_data=extra)
    bt.run(test)
    return test.strategy.values.loc[bars.sessions + CLOSE].to_numpy()  # noqa: PD011 - a table of bt's, not of pandas


def _twice(at_open, at_close):
    rows = [table.set_axis(table.index + hour) for table, hour in ((at_open, OPEN), (at_close, CLOSE))]
    return pd.concat(rows).sort_index()


def _borrow(bars, market, account):
    """Dollars a share for the days from each close to the next."""
    ratio = np.array([[market.ratio(symbol, row) for symbol in bars.symbols] for row in range(len(bars))])
    days = np.array([*np.diff(bars.sessions.to_numpy()).astype("timedelta64[D]").astype(int), 0])
    return np.ceil(np.round(1.02 * bars.close * ratio, 9)).mul(days, axis=0) / ratio * account.borrow_rate / 360


class Algorithm(bt.Algo):
    """What the two below have in common: where they are, and how a trade is charged."""

    def __init__(self, market, account):
        super().__init__()
        self.market, self.account = market, account
        self.rows = {day: row for row, day in enumerate(market.days)}

    def __call__(self, tree):
        now = pd.Timestamp(tree.now)
        if now.date() in self.rows:  # bt begins with a row of its own
            row, at = self.rows[now.date()], "open" if now - now.normalize() == OPEN else "close"
            if at == "open" and row:
                days = (self.market.days[row] - self.market.days[row - 1]).days
                tree.adjust(min(self.cash, 0.0) * self.account.debit_rate * days / 360, flow=False)
            self.act(tree, row, at)
            self.cash = tree.capital
        return True

    def trade(self, tree, symbol, shares, price, row):
        tree[symbol].transact(shares, price=price)
        tree.adjust(-charge(self.account, self.market, symbol, shares, price, row), flow=False)


def weights(targets, strategy):
    """An algorithm that follows a table of weights."""

    class Follow(Algorithm):
        """Sizes on the close, and trades what it has noted at the next open, or close."""

        noted = ()

        def act(self, tree, row, at):
            if at == strategy.fill:
                for symbol, shares in self.noted:
                    price = getattr(self.market, at)[symbol][row]
                    self.trade(tree, symbol, shares, price * (1 + np.sign(shares) * self.account.slippage_bps / 1e4), row)
                self.noted = ()
            if at == "close":
                self.noted = list(self.decide(tree, targets.iloc[row].dropna(), row))

        def decide(self, tree, wanted, row):
            for symbol, weight in wanted.items():
                held = tree[symbol].position
                shares = whole(weight * tree.value / self.market.close[symbol][row], self.account) if weight else 0.0
                if strategy.resize or held * weight <= 0:
                    yield symbol, shares - held

    return Follow


def replay(fills):
    """An algorithm that repeats what was filled: (row, symbol, shares, price, "open", "day" or "close")."""

    class Repeat(Algorithm):
        """Trades within a session are as good as on its close."""

        def act(self, tree, row, at):
            for where, symbol, shares, price, moment in fills:
                if where == row and (moment == "open") == (at == "open"):
                    self.trade(tree, symbol, shares, price, row)

    return Repeat
