"""The prices that are kept of a run: which sessions of which symbols, and that none is later than what was simulated."""

from dataclasses import replace

import numpy as np

from dipfolio.engine import price_record
from dipfolio.engine.account import Account
from dipfolio.engine.price_record import PRICE_COLUMNS
from dipfolio.engine.simulation import simulate
from tests.support.markets import make_bars
from tests.support.strategies import script

FREE = Account().without_costs()
NAN = float("nan")


def walk(sessions, first=100.0):
    """Closes that rise by a dollar a session."""
    return [first + row for row in range(sessions)]


def kept(result, symbol):
    """The rows of a symbol."""
    return result.prices[result.prices["symbol"] == symbol]


def span(result, symbol, bars):
    """Numbers of the first and the last session that are kept, and how many."""
    days = kept(result, symbol)["session"]
    return bars.sessions.get_loc(days.iloc[0]), bars.sessions.get_loc(days.iloc[-1]), len(days)


def test_a_row_has_the_prices_of_its_session_and_the_dividend_of_its_ex_date():
    bars = make_bars(
        {"A": [10, 11, 12]}, opens={"A": [9, 10.5, 11.5]}, highs={"A": [10.25, 11.25, 12.5]}, lows={"A": [8.5, 10, 11]},
        dividends={"A": {1: 0.25}},
    )  # fmt: skip
    result = simulate(script({0: {"A": 5}}), bars, FREE)
    assert tuple(result.prices.columns) == PRICE_COLUMNS
    rows = result.prices.iloc[:, 1:].to_numpy().tolist()
    assert rows == [["A", 9, 10.25, 8.5, 10, 0], ["A", 10.5, 11.25, 10, 11, 0.25], ["A", 11.5, 12.5, 11, 12, 0]]
    assert result.prices["session"].tolist() == list(bars.sessions)


def test_a_symbol_is_kept_from_20_sessions_before_its_first_entry_to_250_after_its_last():
    bars = make_bars({"A": walk(400), "B": walk(400)})
    rows = {39: {"A": 5}, 44: {"A": 0}, 59: {"A": 5}, 61: {"A": 0}}  # entries in sessions 40 and 60
    result = simulate(script(rows, universe="A,B"), bars, FREE)
    assert span(result, "A", bars) == (20, 310, 291)
    assert kept(result, "B").empty


def test_a_trade_that_lasts_longer_is_kept_until_20_sessions_after_its_exit():
    bars = make_bars({"A": walk(400)})
    result = simulate(script({4: {"A": 5}, 299: {"A": 0}}), bars, FREE)  # from session 5 to session 300
    assert span(result, "A", bars) == (0, 320, 321)


def test_an_open_position_is_kept_to_the_end():
    bars = make_bars({"A": walk(300)})
    result = simulate(script({4: {"A": 5}}), bars, FREE)
    assert span(result, "A", bars) == (0, 299, 300)


def test_nothing_after_the_end_of_the_window_is_kept_nor_what_only_the_others_have():
    bars = make_bars({"A": walk(30), "M": walk(30)})
    longer = make_bars({"N": walk(60, 50.0)}, start="2024-12-02")
    end = bars.sessions[20]
    result = simulate(script({4: {"A": 5}, 6: {"A": 0}}), bars, FREE, benchmark="M", end=end.date(), others=longer)
    assert result.prices["session"].max() == end
    assert {symbol: span(result, symbol, bars)[:2] for symbol in "AMN"} == dict.fromkeys("AMN", (0, 20))


def test_a_benchmark_is_kept_over_the_whole_window_and_20_sessions_before_it():
    bars = make_bars({"A": walk(80), "M": walk(80)})
    result = simulate(script({}), bars, FREE, benchmark="M", start=bars.sessions[50].date())
    assert span(result, "M", bars) == (30, 79, 50)
    assert kept(result, "A").empty


def test_other_benchmarks_are_named_in_their_order_and_change_no_number():
    bars = make_bars({"A": walk(30), "M": walk(30), "N": walk(30), "O": walk(30)})
    alone = simulate(script({4: {"A": 5}}), bars, FREE, benchmark="M")
    result = simulate(script({4: {"A": 5}}), bars, FREE, benchmark="M", others=bars.select(("O", "M", "N")))
    assert (alone.also, result.also) == ((), ("O", "N"))
    assert list(dict.fromkeys(result.prices["symbol"])) == ["M", "O", "N", "A"]
    assert replace(result, prices=alone.prices, also=()) == alone


def test_a_symbol_that_is_traded_and_a_benchmark_stands_there_once():
    bars = make_bars({"A": walk(400), "M": walk(400)})
    result = simulate(script({39: {"A": 5}, 40: {"A": 0}}), bars, FREE, benchmark="A", others=bars.select(("A", "M")))
    assert span(result, "A", bars) == (0, 399, 400)
    assert not result.prices.duplicated(["session", "symbol"]).any()


def test_sessions_without_trading_are_left_out():
    bars = make_bars({"A": [NAN, NAN, 10.0, 11.0, 12.0, NAN], "B": walk(6)})
    result = simulate(script({2: {"A": 5}}, universe="A,B"), bars, FREE)
    assert kept(result, "A")["close"].tolist() == [10, 11, 12]


def test_the_symbols_with_the_largest_profits_come_first_and_are_kept_where_there_are_too_many(monkeypatch):
    bars = make_bars({"A": walk(30), "B": [100.0 - row for row in range(30)], "C": [100.0] * 30, "M": walk(30)})
    what = script({1: {"A": 5, "B": 7, "C": 5}}, universe="A,B,C")  # B loses 7 a session, A earns 5, C nothing
    result = simulate(what, bars, FREE, benchmark="M")
    assert list(dict.fromkeys(result.prices["symbol"])) == ["M", "B", "A", "C"]
    monkeypatch.setattr(price_record, "MAX_ROWS", 60)  # two symbols of thirty sessions
    cut = simulate(what, bars, FREE, benchmark="M")
    assert list(dict.fromkeys(cut.prices["symbol"])) == ["M", "B", "A"]


def test_a_run_without_a_trade_and_without_a_benchmark_has_an_empty_table_of_the_same_types():
    bars = make_bars({"A": [1.0, 2.0]})
    empty, full = simulate(script({}), bars, FREE).prices, simulate(script({0: {"A": 1}}), bars, FREE).prices
    assert len(empty) == 0
    assert empty.dtypes.equals(full.dtypes)
    assert full["session"].dtype == np.dtype("datetime64[s]")
