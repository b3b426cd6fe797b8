"""Traps B5 to B7, B9, B15, B18 and B19: what plain backtrader reads from its feeds, and what ours show."""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from dipfolio.data.bars import Bars
from dipfolio.data.folder import load_bars
from dipfolio.data.schema import FIELDS
from dipfolio.engine.account import Account
from dipfolio.engine.backtrader.run import run_plan
from dipfolio.engine.backtrader.trader import Plan
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.ledger import reconcile
from dipfolio.engine.panel import build_panel
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import wrap_backtrader
from dipfolio.errors import DataError, WindowError
from tests.support.markets import make_bars
from tests.support.plain_backtrader import EagerScript, Script, fills, kinds, plain_feed, run_ours, run_plain

NAN = np.nan
FREE = Account(cash=10_000.0).without_costs()
LISTED_LATE = {"A": [100, 101, 102, 103, 104], "B": [NAN, NAN, 50, 51, 52]}


# ---- B5: the future of a feed that has not begun ----


def test_a_symbol_that_is_not_listed_yet_has_no_price():
    bars = make_bars(LISTED_LATE, start="2024-01-02")
    plain_saw, ours_saw = [], []

    run_plain(bars, EagerScript, always=lambda s: plain_saw.append(s.datas[1].close[0]))
    run_ours(bars, FREE, always=lambda s: ours_saw.append(s.datas[1].close[0]))

    assert plain_saw == [52, 52, 50, 51, 52]  # its last close, two sessions before its first
    np.testing.assert_array_equal(ours_saw, [NAN, NAN, 50, 51, 52])


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume", "datetime"])
def test_the_session_before_the_first_is_not_the_last_one(field):
    bars = make_bars({"A": [100.0, 101, 102, 103]}, volumes={"A": [1e6, 2e6, 3e6, 4e6]})
    plain_saw, ours_saw = [], []

    run_plain(bars, EagerScript, acts={0: lambda s: plain_saw.append(getattr(s.data, field)[-1])})
    run_ours(bars, FREE, acts={0: lambda s: ours_saw.append(getattr(s.data, field)[-1])})

    last = pd.Timestamp(bars.sessions[-1]).toordinal() if field == "datetime" else getattr(bars, field)["A"].iloc[-1]
    assert plain_saw == [last]  # array[-1] is the future
    assert np.isnan(ours_saw[0])


class LooksBack(bt.Strategy):
    """Notes the value before the present one of an indicator that needs no warming up."""

    params = (("seen", None),)

    def __init__(self):
        self.middle = (self.data.high + self.data.low) / 2

    def next(self):
        self.p.seen.append(self.middle[-1])


def test_the_value_of_an_indicator_before_its_first_is_not_its_last_one():
    bars = make_bars({"A": [100.0, 101, 102, 103]})
    plain_saw, ours_saw = [], []

    run_plain(bars, LooksBack, seen=plain_saw)
    run_ours(bars, FREE, LooksBack, seen=ours_saw)

    assert plain_saw == [103, 100, 101, 102]
    assert ours_saw[0] != 103
    assert ours_saw[1:] == [100, 101, 102]


class Smoothed(bt.Strategy):
    """Notes the exponential average over two sessions of the second symbol."""

    params = (("seen", None),)

    def __init__(self):
        self.average = bt.indicators.EMA(self.datas[1], period=2)

    def next(self):
        self.p.seen.append(self.average[0])


def test_an_average_that_remembers_is_not_left_without_a_value_in_silence():
    bars = make_bars(LISTED_LATE, start="2024-01-02")
    plain_saw, ours_saw = [], []

    run_plain(bars, Smoothed, seen=plain_saw)
    run_ours(bars, FREE, Smoothed, seen=ours_saw)

    # plain: the mean of 50 and 51, then two thirds of the way from 50.5 to 52; on a shared calendar it never gets a value
    assert plain_saw == [50.5, 51.5]
    assert np.isnan(ours_saw).all()
    with pytest.raises(WindowError, match="B begins on 2024-01-04, after the first session, 2024-01-02"):
        simulate(wrap_backtrader(Smoothed)(universe="A,B"), bars, FREE)


# ---- B6: an order for it ----


def test_an_order_for_a_symbol_that_is_not_listed_yet_is_refused_aloud():
    bars = make_bars({"A": [100.0] * 11, "B": [NAN] * 8 + [50, 52, 54]}, start="2024-01-02")  # B begins on 2024-01-12
    acts = {0: lambda s: s.buy(s.datas[1], size=10)}

    news = []
    preloaded = run_plain(bars, EagerScript, acts=acts, news=news)
    stepwise = run_plain(bars, EagerScript, engine={"preload": False, "runonce": False}, acts=acts)
    run_log = run_ours(bars, FREE, acts=acts)

    assert news == [("Submitted", 10, "B"), ("Accepted", 10, "B")]  # and nothing more, ever
    assert preloaded.held[-1] == [0, 0]
    assert stepwise.fills == [("B", 10, 52)]  # the outcome depends on a switch of the engine
    assert run_log.fills == []
    assert [(e.session, e.kind, e.symbol, e.detail) for e in run_log.events] == [
        (0, "refused", 1, "+10 shares: the symbol did not trade in the session of the decision")
    ]


# ---- B7: waiting for the last to be listed ----


def test_a_strategy_begins_with_the_first_session_and_not_with_the_youngest_symbol():
    bars = make_bars({"A": [100.0] * 6, "B": [NAN] * 4 + [50.0, 51.0]}, start="2024-01-02")
    plain_days, our_days = [], []

    run_plain(bars, Script, always=lambda s: plain_days.append(s.datetime.date()))
    run_ours(bars, FREE, Script, always=lambda s: our_days.append(s.datetime.date()))

    assert plain_days == [day.date() for day in bars.sessions[4:]]
    assert our_days == [day.date() for day in bars.sessions]


# ---- B9, and the second half of B8: holes ----


def test_a_bar_without_a_price_is_an_error_and_not_a_value():
    hole = pd.DataFrame(
        {field: [100, 100, NAN, 100] for field in ("open", "high", "low", "close")}, index=make_bars({"A": [1.0] * 4}).sessions
    )

    plain = run_plain(None, EagerScript, feeds={"A": bt.feeds.PandasData(dataname=hole)}, acts={0: lambda s: s.buy(size=10)})

    assert np.isnan(plain.worth[2])
    with pytest.raises(DataError, match="A has no open on 2025-01-06"):
        make_bars({"A": [100, 100, NAN, 100]})


def test_a_session_that_is_missing_from_a_file_is_an_error(tmp_path):
    write_prices(tmp_path, "A", ["2025-01-02", "2025-01-06"], [100.0, 101.0])

    with pytest.raises(DataError, match="A has no bar on 2025-01-03"):
        load_bars(tmp_path)


# ---- B15: the two loops of the engine ----


class Spread(bt.Strategy):
    """Notes the difference of the first two closes on each of its days."""

    params = (("seen", None),)

    def __init__(self):
        self.spread = self.datas[0].close - self.datas[1].close

    def next(self):
        self.p.seen[self.datetime.date()] = self.spread[0]


def spreads(feeds, *, vectorised):
    seen = {}
    run_plain(None, Spread, feeds=feeds(), engine={"runonce": vectorised}, seen=seen)
    return list(seen.values())


def test_plain_backtrader_cannot_compare_feeds_of_different_length():
    bars = make_bars(LISTED_LATE, start="2024-01-02")

    def feeds():
        return {symbol: plain_feed(bars, symbol) for symbol in bars.symbols}

    assert spreads(feeds, vectorised=False) == [52, 52, 52]
    with pytest.raises(IndexError, match="array index out of range"):
        spreads(feeds, vectorised=True)


def test_plain_backtrader_compares_different_days_where_feeds_have_different_holes():
    bars = make_bars({"A": list(range(100, 110)), "B": list(range(200, 220, 2))})

    def with_hole(symbol, row):
        table = pd.DataFrame({field: getattr(bars, field)[symbol] for field in FIELDS})
        return bt.feeds.PandasData(dataname=table.drop(bars.sessions[row]))

    def feeds():
        return {"A": with_hole("A", 3), "B": with_hole("B", 6)}

    stepwise, vectorised = spreads(feeds, vectorised=False), spreads(feeds, vectorised=True)

    # Between the holes, day n of one file stands beside day n - 1 of the other.
    assert len(stepwise) == len(vectorised) == 10
    assert sum(a != b for a, b in zip(stepwise, vectorised, strict=True)) == 3


def test_an_indicator_across_symbols_compares_the_same_session_in_ours():
    bars = make_bars(LISTED_LATE, start="2024-01-02")
    seen = {}

    run_ours(bars, FREE, Spread, seen=seen)

    np.testing.assert_array_equal(list(seen.values()), bars.close["A"] - bars.close["B"])


def test_both_loops_of_the_engine_give_the_same_tape():
    moves = np.random.default_rng(20250127).normal(0.0, 0.03, (60, 3))
    closes = 100 * np.exp(moves.cumsum(axis=0))
    closes[:20, 2] = NAN
    bars = make_bars(dict(zip("ABC", closes.T, strict=True)), opens={"A": closes[:, 0] * 1.01}, dividends={"A": {30: 0.5}})
    targets = np.full((60, 3), NAN)
    targets[::7] = [0.8, -0.5, 0.9]
    plan = Plan(targets=targets, unit="weight", fill="open", resize=True, exits=(HoldFor(5),))
    panel, account = build_panel(bars, 0), Account(cash=100_000.0)

    fast, slow = run_plan(panel, account, plan, vectorised=True), run_plan(panel, account, plan, vectorised=False)

    reconcile(panel, account, fast)
    assert len(fast.fills) > 30
    assert {"scaled", "refused"} & {event.kind for event in fast.events}
    assert (fast.fills, fast.events, fast.last) == (slow.fills, slow.events, slow.last)
    for name in ("cash", "equity", "interest", "earned", "borrow", "dividends"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))


# ---- B18: rounded prices ----

NVIDIA = [0.4239, 0.4301, 0.4328]  # adjusted for the splits since


def write_prices(folder, symbol, days, closes):
    (folder / "prices").mkdir(exist_ok=True)
    lines = [f"{day},{close},{close},{close},{close},1000000" for day, close in zip(days, closes, strict=True)]
    (folder / "prices" / f"{symbol}.csv").write_text("\n".join(["date,open,high,low,close,volume", *lines]) + "\n")


def test_a_price_keeps_all_its_decimals(tmp_path):
    days = ["2025-01-02", "2025-01-03", "2025-01-06"]
    yahoo = tmp_path / "yahoo.csv"
    rows = [f"{day},{c},{c},{c},{c},{c},1000000" for day, c in zip(days, NVIDIA, strict=True)]
    yahoo.write_text("\n".join(["Date,Open,High,Low,Close,Adj Close,Volume", *rows]) + "\n")
    write_prices(tmp_path, "NVDA", days, NVIDIA)
    plain_saw, ours_saw = [], []

    run_plain(
        None,
        Script,
        feeds={"NVDA": bt.feeds.YahooFinanceCSVData(dataname=str(yahoo))},
        always=lambda s: plain_saw.append(s.data.close[0]),
    )
    run_ours(load_bars(tmp_path), FREE, Script, always=lambda s: ours_saw.append(s.data.close[0]))

    assert plain_saw == [0.42, 0.43, 0.43]  # +2.4 % and 0 % instead of +1.5 % and +0.6 %
    assert ours_saw == NVIDIA


# ---- B19: tables that are not what they seem ----


def downloaded():
    """A table with the two-storeyed columns of yfinance."""
    bars = make_bars({"A": [100, 101, 102], "B": [50, 51, 52]})
    table = pd.concat({field.title(): getattr(bars, field) for field in FIELDS}, axis=1)
    return table.astype({("Volume", "A"): "int64", ("Volume", "B"): "int64"})


def bars_of(table):
    frames = {field: table[field.title()].astype("float64") for field in FIELDS}
    return Bars(**frames, dividends=frames["close"] * 0.0)


def test_a_table_with_columns_in_two_storeys_becomes_bars():
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'lower'"):
        run_plain(None, Script, feeds={"A": bt.feeds.PandasData(dataname=downloaded()[["Open", "Close"]])})

    bars = bars_of(downloaded())

    assert bars.symbols == ("A", "B")
    assert bars.close["B"].tolist() == [50, 51, 52]


def test_sessions_out_of_order_are_refused():
    table = downloaded().iloc[[2, 0, 1]]
    one = table.xs("A", axis=1, level=1)
    saw = []

    run_plain(None, Script, feeds={"A": bt.feeds.PandasData(dataname=one)}, always=lambda s: saw.append(s.data.close[0]))

    assert saw == [102, 100, 101]
    with pytest.raises(DataError, match="in order"):
        bars_of(table)


def test_lines_of_a_file_may_stand_in_any_order(tmp_path):
    write_prices(tmp_path, "A", ["2025-01-06", "2025-01-02", "2025-01-03"], [102.0, 100.0, 101.0])

    assert load_bars(tmp_path).close["A"].tolist() == [100, 101, 102]


def test_a_session_that_stands_twice_is_refused():
    with pytest.raises(DataError, match="2025-01-03 stands twice"):
        bars_of(downloaded().iloc[[0, 1, 1, 2]])


def test_sessions_with_a_time_zone_are_refused():
    table = downloaded().tz_localize("Asia/Tokyo")
    days = []

    run_plain(
        None,
        Script,
        feeds={"A": bt.feeds.PandasData(dataname=table.xs("A", axis=1, level=1))},
        always=lambda s: days.append(str(s.data.datetime.date())),
    )

    assert days == ["2025-01-01", "2025-01-02", "2025-01-05"]  # each a day early
    with pytest.raises(DataError, match="time zone Asia/Tokyo"):
        bars_of(table)


def test_an_order_is_cut_to_its_part_of_the_volume_of_the_session_that_decided():
    bars = make_bars({"A": [100.0] * 4}, volumes={"A": [100, 1e6, 300, 1e6]})
    rich = Account(cash=100_000_000.0, max_volume_share=0.1).without_costs()
    acts = {0: lambda s: s.buy(size=100_000), 2: lambda s: s.buy(size=100_000)}

    plain, run_log = run_plain(bars, EagerScript, cash=100_000_000.0, acts=acts), run_ours(bars, rich, acts=acts)

    assert plain.fills == [("A", 100_000, 100)] * 2
    assert fills(run_log) == [(1, 0, 10, 100), (3, 0, 30, 100)]
    assert kinds(run_log) == [(0, "scaled"), (2, "scaled")]


def test_a_position_can_be_closed_whatever_the_volume():
    bars = make_bars({"A": [100.0] * 4}, volumes={"A": [1e6, 0, 0, 0]})

    run_log = run_ours(bars, FREE, acts={0: lambda s: s.buy(size=100), 1: lambda s: s.close(), 2: lambda s: s.buy(size=100)})

    assert fills(run_log) == [(1, 0, 100, 100), (2, 0, -100, 100)]
    assert kinds(run_log) == [(2, "refused")]
