"""Bare: the least that does the main job without dipfolio - the bare script that the whole command is measured against."""

import sys
from pathlib import Path

import backtrader as bt
import matplotlib as mpl
import pandas as pd

mpl.use("Agg")

import quantstats as qs

PRICES = Path(__file__).parents[1] / "data" / "prices"
NAMES = ["META", "NVDA", "AAPL", "TSLA", "GOOG", "AMZN", "MSFT", "SMH", "TSM", "AVGO", "ARM", "ORCL"]


def read(symbol):
    """One symbol's bars."""
    return pd.read_csv(PRICES / f"{symbol}.csv", parse_dates=["date"], index_col="date")


class Dip(bt.Strategy):
    """Buys at Monday's open, sells at the close a week later."""

    def next(self):
        """Decide on a close."""
        day = self.data.datetime.date(0).isoformat()
        if day == "2025-01-24":
            value = self.broker.getvalue()
            for data in self.datas:
                self.buy(data, size=int(value / 12 / data.close[0]))
        if day == "2025-01-31":
            for data in self.datas:
                self.close(data, exectype=bt.Order.Close)


def main(output):
    """Simulate and draw."""
    cerebro = bt.Cerebro(stdstats=False)
    for symbol in NAMES:
        cerebro.adddata(bt.feeds.PandasData(dataname=read(symbol)), name=symbol)
    cerebro.broker.setcash(1e6)
    cerebro.broker.set_checksubmit(False)
    cerebro.addstrategy(Dip)
    cerebro.addanalyzer(bt.analyzers.TimeReturn, _name="returns")
    returns = pd.Series(cerebro.run()[0].analyzers.returns.get_analysis())
    returns.index = pd.to_datetime(returns.index)
    market = read("SPY")["close"].pct_change().fillna(0)
    qs.reports.html(returns, benchmark=market, output=output, title="buy-the-dip", match_dates=False)


if __name__ == "__main__":
    main(sys.argv[1])
