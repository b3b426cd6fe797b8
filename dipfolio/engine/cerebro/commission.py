"""Commission: the account's charges in the form in which backtrader asks for them."""

import backtrader as bt

from dipfolio.engine.account import Account


class AccountCommission(bt.CommInfoBase):  # type: ignore[misc]
    """Commission plus sale fees of one symbol on the current session.

    The broker charges an order once, as a whole; this is for strategies that ask what an order would cost.
    """

    params = (("account", None), ("feed", None), ("stocklike", True), ("commtype", bt.CommInfoBase.COMM_FIXED))

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:  # noqa: ARG002 - backtrader's hook
        account: Account = self.p.account
        feed = self.p.feed
        row = max(len(feed) - 1, 0)
        day, factor = feed.p.panel.sessions[row], feed.p.panel.factor[row, feed.p.column]
        shares, traded = size / factor, price * factor
        return float(account.commission(shares, traded) + account.sale_fees(shares, traded, day))

    def getsize(self, price: float, cash: float) -> float:
        """Shares that the cash buys at the price; fractions of a share if the account trades them."""
        return cash / price if self.p.account.fractional else float(cash // price)
