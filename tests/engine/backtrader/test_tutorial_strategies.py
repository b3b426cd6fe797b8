"""Strategies of the kinds that tutorials and forums show, in plain backtrader and in our account, without costs.

Each must have the same fills in both. Where it cannot, ``OTHERWISE`` has the reason, and docs/extending.md says it.
"""

from datetime import date, timedelta

import backtrader as bt
import numpy as np
import pytest

from dipfolio.engine.account import Account
from tests.support.markets import make_bars
from tests.support.plain_backtrader import run_ours, run_plain

SESSIONS = 120
CASH = 100_000.0
ANY_SIZE = Account(
    cash=CASH,
    max_leverage=1e6,
    max_volume_share=1e9,
    maintenance_long=0.0,
    maintenance_short=0.0,
    maintenance_short_per_share=0.0,
).without_costs()
"""An account that refuses nothing, as plain backtrader's does with ``checksubmit`` off."""


@pytest.fixture(scope="module")
def bars():
    random = np.random.default_rng(20250127)
    moves = random.normal(0.0005, 0.02, (SESSIONS, 3)) + random.normal(0, 0.008, (SESSIONS, 1))
    close = np.round(np.array([100.0, 40.0, 250.0]) * np.exp(moves.cumsum(axis=0)), 2)
    opened = np.round(close * np.exp(random.normal(0, 0.008, close.shape)), 2)
    high = np.round(np.maximum(opened, close) * (1 + random.uniform(0, 0.015, close.shape)), 2)
    low = np.round(np.minimum(opened, close) * (1 - random.uniform(0, 0.015, close.shape)), 2)
    tables = [dict(zip("ABC", table.T, strict=True)) for table in (close, opened, high, low)]
    return make_bars(tables[0], opens=tables[1], highs=tables[2], lows=tables[3])


class Fills(bt.Analyzer):
    """What was filled: session, symbol, size and price."""

    def start(self):
        self.rets = []

    def notify_order(self, order):
        if order.status == order.Completed:
            day = bt.num2date(order.executed.dt).date()
            self.rets.append((day, order.data._name, order.executed.size, round(order.executed.price, 9)))

    def get_analysis(self):
        return self.rets


def with_trades(strategy):
    """The strategy, and a list of the trades that it is told of."""
    trades = []

    class Heard(strategy):
        def notify_trade(self, trade):
            if trade.isclosed:
                trades.append((trade.data._name, round(trade.pnl, 6), round(trade.pnlcomm, 6), trade.barlen, trade.tradeid))
            super().notify_trade(trade)

    return Heard, trades


def in_plain(bars, strategy, symbols):
    """Fills, equity and trades in plain backtrader."""
    heard, trades = with_trades(strategy)
    journal = run_plain(
        bars.select(symbols), heard, cash=CASH, prepare=lambda broker: broker.set_checksubmit(False), analyzers=(Fills,)
    )
    return sorted(journal.strategy.analyzers.fills.get_analysis()), journal.worth, trades


def in_ours(bars, strategy, symbols):
    """Fills, equity and trades in our account."""
    own = bars.select(symbols)
    heard, trades = with_trades(strategy)
    run_log = run_ours(own, ANY_SIZE, heard)
    fills = [(own.sessions[f.session].date(), symbols[f.symbol], f.shares, round(f.price, 9)) for f in run_log.fills]
    return sorted(fills), run_log.equity, trades


# ---- one symbol, one indicator ----


class PriceAboveAverage(bt.Strategy):
    """The quick start of backtrader's own documentation."""

    params = (("maperiod", 15), ("printlog", False))

    def log(self, text, dt=None, doprint=False):
        if self.params.printlog or doprint:
            print(f"{(dt or self.datas[0].datetime.date(0)).isoformat()}, {text}")

    def __init__(self):
        self.dataclose = self.datas[0].close
        self.order = self.buyprice = self.buycomm = None
        self.sma = bt.indicators.SimpleMovingAverage(self.datas[0], period=self.params.maperiod)
        bt.indicators.ExponentialMovingAverage(self.datas[0], period=25)
        bt.indicators.StochasticSlow(self.datas[0])
        bt.indicators.MACDHisto(self.datas[0])
        rsi = bt.indicators.RSI(self.datas[0])
        bt.indicators.SmoothedMovingAverage(rsi, period=10)
        bt.indicators.ATR(self.datas[0], plot=False)

    def notify_order(self, order):
        if order.status in [order.Submitted, order.Accepted]:
            return
        if order.status in [order.Completed]:
            if order.isbuy():
                self.buyprice, self.buycomm = order.executed.price, order.executed.comm
                self.log(f"BUY {order.executed.price:.2f} {order.executed.value:.2f} {order.executed.comm:.2f}")
            self.bar_executed = len(self)
        elif order.status in [order.Canceled, order.Margin, order.Rejected]:
            self.log("Order Canceled/Margin/Rejected")
        self.order = None

    def notify_trade(self, trade):
        if trade.isclosed:
            self.log(f"OPERATION PROFIT, GROSS {trade.pnl:.2f}, NET {trade.pnlcomm:.2f}")

    def next(self):
        self.log(f"Close, {self.dataclose[0]:.2f}")
        if self.order:
            return
        if not self.position:
            if self.dataclose[0] > self.sma[0]:
                self.order = self.buy()
        elif self.dataclose[0] < self.sma[0]:
            self.order = self.sell()

    def stop(self):
        self.log(f"(MA Period {self.params.maperiod:2d}) Ending Value {self.broker.getvalue():.2f}")


class ThreeFallsThenFiveBars(bt.Strategy):
    """Buys after three lower closes and holds for five bars."""

    params = {"exitbars": 5}  # noqa: RUF012 - as tutorials write it

    def __init__(self):
        self.dataclose, self.order = self.datas[0].close, None

    def notify_order(self, order):
        if order.status in [order.Completed]:
            self.bar_executed = len(self)
        if not order.alive():
            self.order = None

    def next(self):
        if self.order:
            return
        if not self.position:
            if self.dataclose[0] < self.dataclose[-1] < self.dataclose[-2]:
                self.order = self.buy()
        elif len(self) >= self.bar_executed + self.params.exitbars:
            self.order = self.sell()


class AverageCross(bt.Strategy):
    params = {"pfast": 5, "pslow": 15}  # noqa: RUF012

    def __init__(self):
        self.crossover = bt.ind.CrossOver(bt.ind.SMA(period=self.p.pfast), bt.ind.SMA(period=self.p.pslow))

    def next(self):
        if not self.position:
            if self.crossover > 0:
                self.buy(size=10)
        elif self.crossover < 0:
            self.close()


class AlwaysInTheMarket(bt.Strategy):
    """Reverses from long to short and back."""

    def __init__(self):
        self.cross = bt.ind.CrossOver(self.data.close, bt.ind.EMA(period=8))

    def next(self):
        if self.cross > 0:
            self.order_target_size(target=10)
        elif self.cross < 0:
            self.order_target_size(target=-10)


class Rsi(bt.Strategy):
    def __init__(self):
        self.rsi = bt.indicators.RSI_SMA(self.data.close, period=7)

    def next(self):
        if not self.position and self.rsi < 35:
            self.buy(size=100)
        elif self.position and self.rsi > 65:
            self.sell(size=100)


class Macd(bt.Strategy):
    params = (("macd1", 6), ("macd2", 13), ("macdsig", 5))

    def __init__(self):
        self.macd = bt.indicators.MACD(self.data, period_me1=self.p.macd1, period_me2=self.p.macd2, period_signal=self.p.macdsig)
        self.mcross = bt.indicators.CrossOver(self.macd.macd, self.macd.signal)

    def next(self):
        if not self.position.size and self.mcross[0] > 0.0:
            self.buy()
        elif self.position.size and self.mcross[0] < 0.0:
            self.close()


class Bollinger(bt.Strategy):
    def __init__(self):
        self.boll = bt.indicators.BollingerBands(period=10, devfactor=1.2)

    def next(self):
        if not self.position and self.data.close[0] < self.boll.lines.bot[0]:
            self.buy(size=20)
        elif self.position and self.data.close[0] > self.boll.lines.top[0]:
            self.close()


class AtrStop(bt.Strategy):
    """A stop that the strategy keeps itself, as backtrader's MACD and ATR sample does."""

    def __init__(self):
        self.atr, self.up = bt.indicators.ATR(self.data, period=10), bt.ind.CrossUp(self.data.close, bt.ind.SMA(period=10))

    def next(self):
        if not self.position:
            if self.up[0]:
                self.buy(size=10)
                self.pstop = self.data.close[0] - self.atr[0] * 2.0
        elif self.data.close[0] < self.pstop:
            self.close()
        else:
            self.pstop = max(self.pstop, self.data.close[0] - self.atr[0] * 2.0)


class Donchian(bt.Strategy):
    def __init__(self):
        self.highest = bt.ind.Highest(self.data.high(-1), period=12)
        self.lowest = bt.ind.Lowest(self.data.low(-1), period=6)

    def next(self):
        if not self.position and self.data.close[0] > self.highest[0]:
            self.buy(size=10)
        elif self.position and self.data.close[0] < self.lowest[0]:
            self.close()


class StochasticAndCci(bt.Strategy):
    def __init__(self):
        self.stoch, self.cci = bt.ind.Stochastic(period=9, period_dfast=3), bt.ind.CCI(period=12)

    def next(self):
        if not self.position and self.stoch.percK[0] < 30 and self.cci[0] < 0:
            self.buy(size=5)
        elif self.position and self.stoch.percD[0] > 70:
            self.close()


class ManyIndicators(bt.Strategy):
    """Ichimoku, parabolic SAR, ADX, Aroon, TRIX, KAMA, Heikin-Ashi, Williams %R, ROC and others vote."""

    def __init__(self):
        self.ichimoku = bt.ind.Ichimoku(tenkan=5, kijun=9, senkou=18, senkou_lead=9, chikou=9)
        self.heikin, self.sar = bt.ind.HeikinAshi(self.data), bt.ind.ParabolicSAR(period=4)
        self.adx, self.aroon = bt.ind.DirectionalMovement(period=7), bt.ind.AroonUpDown(period=8)
        self.trix, self.kama = bt.ind.Trix(period=5), bt.ind.KAMA(period=8)
        self.will, self.roc = bt.ind.WilliamsR(period=8), bt.ind.RateOfChange(period=5)
        self.hull, self.wma, self.dema = bt.ind.HMA(period=9), bt.ind.WMA(period=9), bt.ind.DEMA(period=6)
        self.deviation, self.momentum = bt.ind.StdDev(period=10), bt.ind.Momentum(period=5)

    def next(self):
        close = self.data.close[0]
        votes = sum(
            [
                close > self.ichimoku.kijun_sen[0], self.ichimoku.senkou_span_a[0] > self.ichimoku.senkou_span_b[0],
                self.heikin.ha_close[0] > self.heikin.ha_open[0], close > self.sar[0], self.adx.plusDI[0] > self.adx.minusDI[0],
                self.aroon.aroonup[0] > self.aroon.aroondown[0], self.trix[0] > 0, close > self.kama[0], self.will[0] > -50,
                self.roc[0] > 0, close > self.hull[0], close > self.wma[0], close > self.dema[0], self.momentum[0] > 0,
            ]
        )  # fmt: skip
        self.order_target_size(target=votes - 7)


class LogicOfLines(bt.Strategy):
    """Lines that are operations of lines, made in __init__."""

    def __init__(self):
        fast, slow = bt.ind.EMA(period=4), bt.ind.EMA(period=12)
        middle = (self.data.high + self.data.low + self.data.close) / 3.0
        self.go = bt.And(self.data.close > fast, fast > slow, self.data.close > self.data.close(-1))
        self.leave = bt.Or(self.data.close < slow, bt.Max(middle, self.data.open) < fast)
        self.size = bt.If(middle > bt.ind.SMA(middle, period=5), 20.0, 10.0)

    def next(self):
        if not self.position and self.go[0]:
            self.buy(size=self.size[0])
        elif self.position and self.leave[0]:
            self.close()


class OwnIndicator(bt.Indicator):
    """Distance from the average of the last closes, in bars and in one go."""

    lines = ("distance",)
    params = (("period", 6),)
    plotinfo = {"subplot": True}  # noqa: RUF012

    def __init__(self):
        self.addminperiod(self.params.period)

    def next(self):
        closes = self.data.get(size=self.p.period)
        self.lines.distance[0] = self.data[0] / (sum(closes) / self.p.period) - 1.0


class UsesOwnIndicator(bt.Strategy):
    def __init__(self):
        self.own = OwnIndicator(self.data.close)
        bt.LinePlotterIndicator(self.own.distance - 0.01, name="shifted")

    def next(self):
        last = self.data.close.get(ago=-1, size=3)
        if not self.position and self.own.distance[0] < -0.02 and len(last) == 3:
            self.buy(size=10)
        elif self.position and self.own.distance[0] > 0.02:
            self.close()


class LooksBackOnly(bt.Strategy):
    """Reads the past in the ways that backtrader offers, and closes everything in the session before the last."""

    def next(self):
        if len(self) < 6:
            return
        recent = self.data.close.get(size=5)
        weekday = self.data.datetime.date(0).weekday() + self.datetime.datetime(0).weekday()
        if len(self.data) == self.data.buflen() - 1:
            self.close()
        elif not self.position and self.data.close[0] == min(recent) and weekday < 8:
            self.buy(size=3)
        elif self.position and self.data.close[0] > self.data.open[-1] > self.data.low[-2]:
            self.close()


# ---- sizes ----


class WithFixedSize(AverageCross):
    def next(self):
        if not self.position and self.crossover > 0:
            self.buy()
        elif self.position and self.crossover < 0:
            self.sell()

    def start(self):
        self.setsizer(bt.sizers.FixedSize(stake=7))
        self._sizer.set(self, self.broker)


class WithAddedSizer(AverageCross):
    def __init__(self):
        super().__init__()
        self.cerebro.addsizer(bt.sizers.SizerFix, stake=9)

    def next(self):
        if not self.position and self.crossover > 0:
            self.buy()
        elif self.position and self.crossover < 0:
            self.sell()


class WithPercentSizer(WithAddedSizer):
    def __init__(self):
        super().__init__()
        self.cerebro.addsizer(bt.sizers.PercentSizerInt, percents=30)


class LongOnly(bt.Sizer):
    """The sizer of backtrader's documentation, which closes what is open."""

    params = (("stake", 4),)

    def _getsizing(self, comminfo, cash, data, isbuy):
        if isbuy:
            return int(self.p.stake * (1 + cash // 50_000))
        return self.strategy.getposition(data).size


class WithOwnSizer(WithAddedSizer):
    def __init__(self):
        super().__init__()
        self.sizer = LongOnly(stake=6)
        self.sizer.set(self, self.broker)


class TargetPercent(bt.Strategy):
    """The sample of backtrader's documentation: a target from the day of the month."""

    def next(self):
        day = self.data.datetime.date(0).day
        self.order_target_percent(target=(day if day < 16 else 31 - day) / 100.0)


class TargetValue(bt.Strategy):
    def next(self):
        if len(self) % 4 == 1:
            self.order_target_value(target=1000.0 * (len(self) % 9 - 3))


class TargetSize(bt.Strategy):
    def next(self):
        if len(self) % 3 == 0:
            self.order_target_size(target=len(self) % 14 - 5)


# ---- orders ----


class LimitWithExpiry(bt.Strategy):
    """Backtrader's order execution sample: a limit below the market, which expires."""

    def __init__(self):
        self.buysell = bt.indicators.CrossOver(self.data.close, bt.indicators.SMA(period=6), plot=True)

    def next(self):
        if self.position:
            if self.buysell < 0:
                self.sell(exectype=bt.Order.Market)
        elif self.buysell > 0:
            valid = self.data.datetime.date(0) + timedelta(days=4)
            self.buy(exectype=bt.Order.Limit, price=self.data.close[0] * 0.99, valid=valid)


class LimitForSomeDays(bt.Strategy):
    def next(self):
        if len(self) % 5 == 0 and not self.position:
            self.buy(size=4, exectype=bt.Order.Limit, price=self.data.close[0] * 0.985, valid=timedelta(days=3))
        elif len(self) % 5 == 4 and self.position:
            self.close(exectype=bt.Order.Close)


class StopEntry(bt.Strategy):
    def __init__(self):
        self.order = None

    def next(self):
        if self.position and len(self) % 7 == 0:
            self.close()
        elif not self.position:
            if self.order is not None and self.order.alive():
                self.cancel(self.order)
            self.order = self.buy(exectype=bt.Order.Stop, price=self.data.high[0] * 1.004)


class StopLimitEntry(bt.Strategy):
    def next(self):
        if not self.position and len(self) % 4 == 0:
            price = self.data.close[0] * 1.004
            self.buy(exectype=bt.Order.StopLimit, price=price, plimit=price * 0.998, valid=timedelta(days=6))
        elif self.position and len(self) % 4 == 3:
            self.close()


class StopTrail(bt.Strategy):
    """Backtrader's StopTrail sample."""

    params = {"trailpercent": 0.03, "trailamount": None, "stop": bt.Order.StopTrail}  # noqa: RUF012

    def __init__(self):
        self.cross, self.order = bt.ind.CrossUp(bt.ind.SMA(period=3), bt.ind.SMA(period=8)), None

    def next(self):
        if not self.position:
            if self.cross:
                self.buy()
                self.order = None
        elif self.order is None:
            offset = {"plimit": self.data.close[0] * 0.995} if self.p.stop == bt.Order.StopTrailLimit else {}
            self.order = self.sell(
                exectype=self.p.stop, trailamount=self.p.trailamount, trailpercent=self.p.trailpercent, **offset
            )


class StopTrailAmount(StopTrail):
    params = {"trailpercent": None, "trailamount": 3.0}  # noqa: RUF012


class StopTrailLimit(StopTrail):
    params = {"trailpercent": 0.02, "stop": bt.Order.StopTrailLimit}  # noqa: RUF012


class OneCancelsOthers(bt.Strategy):
    """Backtrader's OCO sample: three limits, of which one is enough."""

    def __init__(self):
        self.cross, self.refs, self.hold = bt.ind.CrossOver(bt.ind.SMA(period=4), bt.ind.SMA(period=9)), [], 0

    def notify_order(self, order):
        if order.status == order.Completed:
            self.hold = len(self)
        if not order.alive() and order.ref in self.refs:
            self.refs.remove(order.ref)

    def next(self):
        if self.refs:
            return
        if not self.position:
            if self.cross > 0.0:
                close = self.data.close[0]
                first = self.buy(exectype=bt.Order.Limit, price=close * 0.995, valid=timedelta(3))
                second = self.buy(exectype=bt.Order.Limit, price=close * 0.98, valid=timedelta(30), oco=first)
                third = self.buy(exectype=bt.Order.Limit, price=close * 0.95, valid=timedelta(30), oco=first)
                self.refs = [first.ref, second.ref, third.ref]
        elif len(self) - self.hold >= 8:
            self.close()


class ProtectsAfterTheFill(bt.Strategy):
    """Sends a stop and a target that cancel each other once it is told of its fill."""

    def notify_order(self, order):
        if order.status == order.Completed and order.isbuy():
            price = order.executed.price
            stop = self.sell(size=order.size, exectype=bt.Order.Stop, price=price * 0.95)
            self.sell(size=order.size, exectype=bt.Order.Limit, price=price * 1.06, oco=stop)

    def next(self):
        if not self.position and len(self) % 9 == 0:
            self.buy(size=5)


class CancelsAndSendsAgain(bt.Strategy):
    def __init__(self):
        self.waiting = []

    def next(self):
        for order in [o for o in self.waiting if o.alive()]:
            self.broker.cancel(order)
        self.waiting = []
        if not self.position:
            self.waiting.append(self.buy(size=2, exectype=bt.Order.Limit, price=self.data.close[0] * 0.99))
        else:
            self.waiting.append(self.sell(size=2, exectype=bt.Order.Limit, price=self.data.close[0] * 1.01))


class AtTheClose(bt.Strategy):
    def next(self):
        if not self.position and self.data.close[0] < self.data.open[0]:
            self.buy(size=3, exectype=bt.Order.Close)
        elif self.position:
            self.close(exectype=bt.Order.Close)


class Pyramid(bt.Strategy):
    """Adds to winners, with a trade number for each tranche."""

    def __init__(self):
        self.tranche = 0

    def next(self):
        if self.data.close[0] > self.data.close[-1] and self.position.size < 30:
            self.tranche += 1
            self.buy(size=10, tradeid=self.tranche)
        elif self.position and self.data.close[0] < self.position.price * 0.98:
            self.close()
            self.tranche = 0


class Grid(bt.Strategy):
    def __init__(self):
        self.base = None

    def next(self):
        if self.base is None:
            self.base = self.data.close[0]
        steps = int((self.base - self.data.close[0]) / (0.02 * self.base))
        if steps * 5 != self.position.size:
            self.order_target_size(target=steps * 5)


# ---- several symbols ----


class Rotation(bt.Strategy):
    """Holds the symbol with the best momentum; sells before it buys."""

    params = (("period", 8),)

    def __init__(self):
        self.momentum = {d: bt.ind.ROC(d.close, period=self.p.period) for d in self.datas}

    def next(self):
        if len(self) % 5:
            return
        ranked = sorted(self.datas, key=lambda d: self.momentum[d][0], reverse=True)
        for data in ranked[1:]:
            if self.getposition(data).size:
                self.order_target_percent(data, target=0.0)
        self.order_target_percent(ranked[0], target=0.8)


class Pair(bt.Strategy):
    def __init__(self):
        ratio = self.data0.close / self.data1.close
        self.z = (ratio - bt.ind.SMA(ratio, period=12)) / bt.ind.StdDev(ratio, period=12)

    def next(self):
        a, b = self.getdatabyname("A"), self.dnames.B
        if abs(self.z[0]) > 1.2:
            side = -1 if self.z[0] > 0 else 1
            self.order_target_size(a, target=side * 10)
            self.order_target_size(b, target=-side * 25)
        elif abs(self.z[0]) < 0.3:
            self.close(a)
            self.close(b)


class OthersFollow(bt.Strategy):
    """Trades the other symbols by the average of the first."""

    def __init__(self):
        self.above = self.datas[0].close > bt.ind.SMA(self.datas[0], period=7)

    def next(self):
        for number, data in enumerate(self.datas[1:], start=1):
            size = self.getposition(data).size
            if self.above[0] and not size:
                self.buy(data=data, size=10 * number)
            elif not self.above[0] and size:
                self.sell(data=data, size=size)


class DictOfIndicators(bt.Strategy):
    """The usual way to have indicators for each of several symbols."""

    def __init__(self):
        self.inds = {}
        for data in self.datas:
            self.inds[data] = {"fast": bt.ind.EMA(data.close, period=4), "slow": bt.ind.EMA(data.close, period=11)}
            self.inds[data]["cross"] = bt.ind.CrossOver(self.inds[data]["fast"], self.inds[data]["slow"])

    def next(self):
        for data in self.datas:
            position, cross = self.broker.getposition(data), self.inds[data]["cross"][0]
            if cross == 1 and position.size <= 0:
                self.order_target_value(data, target=20_000)
            elif cross == -1 and position.size > 0:
                self.close(data=data)


# ---- timers, signals, observers, notices ----


class MonthlyTimer(bt.Strategy):
    def __init__(self):
        self.add_timer(when=bt.timer.SESSION_START, monthdays=[1], monthcarry=True)

    def notify_timer(self, timer, when, *args, **kwargs):
        self.order_target_percent(target=0.5 if not self.position else 0.1)


class WeeklyTimer(bt.Strategy):
    def start(self):
        self.add_timer(when=bt.timer.SESSION_START, weekdays=[1, 4], weekcarry=True, name="weekly")

    def notify_timer(self, timer, when, *args, **kwargs):
        if kwargs.get("name") == "weekly":
            self.order_target_size(target=len(self) % 4)


class LongSignal(bt.SignalStrategy):
    def __init__(self):
        self.signal_add(bt.SIGNAL_LONG, bt.ind.CrossOver(bt.ind.SMA(period=4), bt.ind.SMA(period=12)))


class LongShortSignal(bt.SignalStrategy):
    params = (("period", 10),)

    def __init__(self):
        self.signal_add(bt.SIGNAL_LONGSHORT, self.data.close - bt.ind.SMA(self.data, period=self.p.period))
        self.signal_add(bt.SIGNAL_LONGEXIT, bt.ind.RSI(period=5) - 70)


class Observed(AverageCross):
    """Adds observers, analyzers and an indicator to the engine, and reads them at the end."""

    def __init__(self):
        super().__init__()
        for observer in (bt.observers.Broker, bt.observers.Trades, bt.observers.DrawDown, bt.observers.BuySell):
            self.cerebro.addobserver(observer)
        for analyzer in (bt.analyzers.TimeReturn, bt.analyzers.DrawDown, bt.analyzers.TradeAnalyzer, bt.analyzers.SQN):
            self.env.addanalyzer(analyzer)
        self.env.addindicator(bt.ind.SMA, period=3)

    def next(self):
        super().next()
        if len(self.stats.broker.value) and self.stats.broker.value[0] < 0:
            self.close()

    def stop(self):
        assert len(self.analyzers.timereturn.get_analysis()) == SESSIONS
        assert self.analyzers.tradeanalyzer.get_analysis().total.total >= 1


class Notified(bt.Strategy):
    """Uses every hook that a strategy has."""

    def __init__(self):
        self.heard, self.sma = {}, bt.ind.SMA(period=4)

    def hear(self, what):
        self.heard[what] = self.heard.get(what, 0) + 1

    def start(self):
        self.hear("start")

    def prenext(self):
        self.hear("prenext")

    def nextstart(self):
        self.hear("nextstart")
        self.buy(size=10)

    def next(self):
        if len(self) % 10 == 0:
            self.close() if self.position else self.buy(size=self.heard["notify_cashvalue"])

    def notify_order(self, order):
        self.hear("notify_order")

    def notify_trade(self, trade):
        self.hear("notify_trade")

    def notify_cashvalue(self, cash, value):
        self.hear("notify_cashvalue")

    def notify_fund(self, cash, value, fundvalue, shares):
        self.hear("notify_fund")

    def notify_data(self, data, status, *args, **kwargs):
        self.hear("notify_data")

    def notify_store(self, msg, *args, **kwargs):
        self.hear("notify_store")

    def stop(self):
        assert self.heard["prenext"] == 3
        assert self.heard["nextstart"] == self.heard["start"] == 1


class CheatsOnlyWhereItMay(bt.Strategy):
    """Backtrader's cheat-on-open sample, which decides in next() where it cannot cheat."""

    def __init__(self):
        self.signal = bt.ind.CrossOver(bt.ind.SMA(period=3), bt.ind.SMA(period=9))
        self.cheating = self.cerebro.p.cheat_on_open

    def operate(self):
        if self.position and self.signal < 0:
            self.close()
        elif not self.position and self.signal > 0:
            self.buy()

    def next(self):
        if not self.cheating:
            self.operate()

    def next_open(self):
        if self.cheating:
            self.operate()


class TurnOfTheMonth(bt.Strategy):
    def next(self):
        day = self.datetime.date(0)
        if not self.position and day.day >= 27:
            self.buy(size=10)
        elif self.position and 3 <= day.day < 27:
            self.close()


class OnADate(bt.Strategy):
    def next(self):
        if self.data.datetime.date(0) == date(2025, 1, 24):
            self.buy(size=100)
            self.sell(size=100, exectype=bt.Order.Stop, price=self.data.close[0] * 0.98)
        elif self.data.datetime.date(0) == date(2025, 2, 14) and self.position:
            self.close()


ALL = [kind for kind in list(globals().values()) if isinstance(kind, type) and issubclass(kind, bt.Strategy)]
SEVERAL = {Rotation, Pair, OthersFollow, DictOfIndicators}


@pytest.mark.parametrize("strategy", ALL, ids=lambda kind: kind.__name__)
def test_a_tutorial_strategy_has_the_fills_of_plain_backtrader(strategy, bars):
    symbols = ("A", "B", "C") if strategy in SEVERAL else ("A",)

    plain, worth_in_plain, trades_in_plain = in_plain(bars, strategy, symbols)
    ours, worth_in_ours, trades_in_ours = in_ours(bars, strategy, symbols)

    assert len(plain) >= 2
    assert ours == plain
    assert worth_in_ours[-len(worth_in_plain) :] == pytest.approx(worth_in_plain)
    assert trades_in_ours == trades_in_plain
