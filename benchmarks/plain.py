"""Plain: the dip rule written for backtrader as it comes, with commission, over ``PandasData`` feeds."""

import backtrader as bt
import pandas as pd

from dipfolio.data.bars import Bars


class PerShare(bt.CommInfoBase):
    """Half a cent a share, at least a dollar, at most one per cent."""

    params = (("stocklike", True), ("commtype", bt.CommInfoBase.COMM_FIXED))

    def _getcommission(self, size, price, pseudoexec):
        return min(max(0.005 * abs(size), 1.0), 0.01 * abs(size) * price)


class PlainDip(bt.Strategy):
    """Buys each symbol after a fall of 4 % and sells it 20 sessions after the fill."""

    params = (("drop", 0.04), ("hold", 20))

    def __init__(self):
        self.entered = {}

    def next(self):
        """Decide on a close."""
        now, value, count = len(self), self.broker.getvalue(), len(self.datas)
        for data in self.datas:
            held = self.getposition(data).size
            if held:
                if now + 1 - self.entered.setdefault(data, now) >= self.p.hold:
                    self.sell(data, size=held, exectype=bt.Order.Close)
                    del self.entered[data]
            elif now > 1 and data.close[0] / data.close[-1] - 1 <= -self.p.drop:
                self.buy(data, size=int(value / count / data.close[0]))


def run_plain(bars: Bars) -> float:
    """Final value."""
    cerebro = bt.Cerebro(stdstats=False)
    for symbol in bars.symbols:
        table = pd.DataFrame({name: getattr(bars, name)[symbol] for name in ("open", "high", "low", "close", "volume")})
        cerebro.adddata(bt.feeds.PandasData(dataname=table), name=symbol)
    cerebro.broker.setcash(1e6)
    cerebro.broker.set_checksubmit(False)
    cerebro.broker.addcommissioninfo(PerShare())
    cerebro.addstrategy(PlainDip)
    cerebro.run()
    return cerebro.broker.getvalue()
