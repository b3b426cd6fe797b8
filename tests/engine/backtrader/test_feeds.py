"""Feeds: a plain bt.Strategy cannot read a later session, the past reads as usual, and the cost of an order can be asked for."""

from dataclasses import replace
from datetime import date

import backtrader as bt
import numpy as np
import pytest

from dipfolio.data.schema import Split
from dipfolio.engine.account import Account
from dipfolio.errors import StrategyError
from tests.support.markets import make_bars
from tests.support.plain_backtrader import EagerScript, run_ours, run_plain

FREE = Account(cash=10_000.0).without_costs()


@pytest.fixture
def bars():
    return make_bars({"A": [100.0, 101, 102, 103, 104], "B": [50.0, 51, 52, 53, 54]})


class Lines(bt.Strategy):
    """Has an indicator and an operation of lines; calls ``act`` with itself on the third close."""

    params = (("act", None),)

    def __init__(self):
        self.sma = bt.ind.SMA(period=2)
        self.spread = self.data.close - self.data1.close

    def next(self):
        if len(self) == 3:
            self.p.act(self)


AHEAD = {
    "data.close[1] of A": lambda s: s.data.close[1],
    "data.close[2] of B": lambda s: s.datas[1].close[2],
    "data.close[1] of A ": lambda s: s.data[1],
    "data.open[1] of A": lambda s: s.data_open[1],
    "data.low[1] of A": lambda s: s.data.lines.low[1],
    "data.high[3] of A": lambda s: s.data.lines[2][3],
    "data.close.get(ago=1, size=1) of A": lambda s: s.data.close.get(ago=1),
    "data.close.get(ago=2, size=5) of A": lambda s: s.data.close.get(2, 5),
    "data.close.get(ago=1, size=2) of A": lambda s: s.data.get(ago=1, size=2),
    "data.close.get(ago=0, size=-3) of A": lambda s: s.data.close.get(size=-3),
    "data.close.array[3] of A": lambda s: s.data.close.array[3],
    "data.close.array[-1] of A": lambda s: s.data.array[-1],
    "data.close.array[3:] of A": lambda s: s.data.lines[0].array[3:],
    "data.close.array[1:5] of A": lambda s: s.data.close.array[1:5],
    "data.close.array[4] of A": lambda s: s.data.close.getzeroval(4),
    "data.close.array[2:5] of A": lambda s: s.data.close.getzero(2, 3),
    "data.datetime[1] of A": lambda s: s.data.datetime.date(1),
    "data.datetime[2] of A": lambda s: s.data.datetime.datetime(ago=2),
    "data._dataname of A": lambda s: s.data._dataname["close"],
    "data._dataname of B": lambda s: len(s.data1._dataname),
    "data.p.dataname of A": lambda s: s.data.p.dataname.close.shift(-1),
    "data.p.dataname of A ": lambda s: list(s.data.params.dataname),
}


@pytest.mark.parametrize("read", AHEAD)
def test_a_read_of_a_later_session_names_what_was_read(bars, read):
    with pytest.raises(StrategyError) as told:
        run_ours(bars, FREE, Lines, act=AHEAD[read])

    message = str(told.value)
    assert f": {read.strip()} was read on 2025-01-06: only the current session and earlier ones can be read" in message
    assert message.startswith("Lines, in line ")
    assert " of test_feeds.py: " in message


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (lambda s: s.sma[1], r"SMA\[1\]"),
        (lambda s: s.sma.lines.sma[2], r"SMA\[2\]"),
        (lambda s: s.spread[1], r"Lines\[1\]"),
        (lambda s: s.datetime[1], r"Lines\[1\]"),
    ],
)
def test_an_indicator_has_no_later_value(bars, read, name):
    with pytest.raises(StrategyError, match=f"Lines, in line .* of test_feeds.py: {name} was read: only the current"):
        run_ours(bars, FREE, Lines, act=read)


def test_a_slice_of_an_indicator_ends_with_the_session(bars):
    seen = []

    run_ours(bars, FREE, Lines, act=lambda s: seen.extend([list(s.sma.array), list(s.sma.get(ago=1, size=3))]))

    np.testing.assert_array_equal(seen[0], [np.nan, 100.5, 101.5])
    assert len(seen[1]) == 2  # plain backtrader has 102.5 as the third


def test_a_read_that_the_strategy_has_caught_is_a_failure_all_the_same(bars):
    def peek(strategy):
        try:
            strategy.rising = strategy.data.close[1] > strategy.data.close[0]
        except Exception:  # as in code that looks for the last bar
            strategy.rising = False

    with pytest.raises(StrategyError, match=r"^data.close\[1\] of A was read on 2025-01-06"):
        run_ours(bars, FREE, Lines, act=peek)


def test_a_line_of_a_later_session_is_refused_and_an_indicator_that_is_drawn_in_the_past_is_not(bars):
    class Ahead(bt.Strategy):
        def __init__(self):
            self.up = self.data.close(1) > self.data.close

    class Cloud(bt.Strategy):
        def __init__(self):
            self.cloud = bt.ind.Ichimoku(tenkan=2, kijun=2, senkou=2, senkou_lead=1, chikou=2)

        def next(self):
            seen.append(self.cloud.chikou_span[0])

    seen = []
    with pytest.raises(StrategyError, match=r"Ahead uses a line of a later session, data.close\(1\) or the like"):
        run_ours(bars, FREE, Ahead)

    run_ours(bars, FREE, Cloud)
    assert seen
    assert np.isnan(seen).all()  # it is the close of two sessions later


def test_a_price_cannot_be_written(bars):
    with pytest.raises(StrategyError, match=r"data.close\[0\] cannot be written"):
        run_ours(bars, FREE, Lines, act=lambda s: s.data.close.__setitem__(0, 1.0))
    with pytest.raises(StrategyError, match="cannot be written"):
        run_ours(bars, FREE, Lines, act=lambda s: s.data.close.set(1.0))


PAST = {
    "close[0]": lambda s: s.data.close[0],
    "close[-1]": lambda s: s.data.close[-1],
    "close(-1)": lambda s: s.before[0],
    "get": lambda s: list(s.data.close.get(size=3)),
    "get before": lambda s: list(s.data.close.get(ago=-1, size=2)),
    "array": lambda s: list(s.data.close.array[0:2]),
    "array of one": lambda s: s.data.close.array[2],
    "len": lambda s: (len(s), len(s.data), len(s.data.close)),
    "buflen": lambda s: (s.data.buflen(), s.data.close.buflen(), s.data.lines.buflen()),
    "date": lambda s: (s.data.datetime.date(), s.data.datetime.date(-1), s.data.datetime.datetime(0), s.datetime.date()),
    "time": lambda s: (s.data.datetime.time(), s.data.num2date(s.data.datetime[0])),
    "name": lambda s: (s.data._name, s.getdatabyname("A")._name),
    "sma": lambda s: (s.sma[0], s.sma[-1], list(s.sma.get(size=2))),
    "plot": lambda s: list(s.data.close.plot()),
}


class ReadsPast(Lines):
    """Has a line of the past as well."""

    def __init__(self):
        super().__init__()
        self.before = self.data.close(-1)


@pytest.mark.parametrize("read", PAST)
def test_the_past_reads_as_in_plain_backtrader(bars, read):
    ours, plain = [], []

    run_ours(bars, FREE, ReadsPast, act=lambda s: ours.append(PAST[read](s)))
    run_plain(bars, ReadsPast, act=lambda s: plain.append(PAST[read](s)))

    assert ours == plain
    assert len(ours) == 1


def test_more_values_than_there_have_been_are_none(bars):
    seen = []

    run_ours(bars, FREE, Lines, act=lambda s: seen.append([list(s.data.close.get(size=size)) for size in (3, 4, 50)]))

    assert seen == [[[100, 101, 102], [], []]]


def test_the_name_of_a_symbol_stands_where_its_table_was(bars):
    seen = []

    run_ours(bars, FREE, Lines, act=lambda s: seen.append(f"{s.data._dataname} {s.data1.p.dataname}"))

    assert seen == ["A B"]


def test_an_array_holds_what_has_been(bars):
    seen = []

    run_ours(bars, FREE, EagerScript, always=lambda s: seen.append((len(s.data.array), list(s.data.close.array))))

    assert seen == [(count, [100.0 + n for n in range(count)]) for count in range(1, 6)]


def test_a_strategy_that_asks_is_told_the_commission_and_the_fees_of_the_day_for_shares_as_traded():
    # a split of ten to one on the fourth session: 200 shares at 50 are 20 at 500, as they were traded until then
    bars = replace(make_bars({"A": [50.0] * 4}), splits=(Split(symbol="A", day=date(2025, 1, 7), ratio=10.0),))
    account = Account(commission_per_share=0.01, commission_minimum=0.0)
    told = []

    def ask(s):
        costs = s.broker.getcommissioninfo(s.data)
        told.append((costs.getcommission(200, 50.0), costs.getcommission(-200, 50.0)))

    run_ours(bars, account, acts={0: ask, 3: ask})

    bought, sold = told[0]
    assert bought == pytest.approx(20 * 0.01)
    assert sold == pytest.approx(20 * 0.01 + 10_000 * 27.80e-6 + 20 * 0.000166)
    assert told[1] == pytest.approx((200 * 0.01, 200 * 0.01 + 10_000 * 27.80e-6 + 200 * 0.000166))


@pytest.mark.parametrize(("fractional", "shares"), [(False, 33.0), (True, 100 / 3)])
def test_a_strategy_that_asks_is_told_how_many_shares_its_cash_buys(fractional, shares):
    told = []
    account = Account(fractional=fractional)
    run_ours(
        make_bars({"A": [30.0] * 2}),
        account,
        acts={0: lambda s: told.append(s.broker.getcommissioninfo(s.data).getsize(30.0, 1000.0))},
    )
    assert told == [pytest.approx(shares)]
