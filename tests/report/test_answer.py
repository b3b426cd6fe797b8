"""The answer of a run: what decides what is measured, the sentence of each kind of run, and the six numbers by hand."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor, StopLoss
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.result import load
from dipfolio.engine.simulation import simulate
from dipfolio.report.answer import answer_of, further_sentences
from tests.support.markets import make_bars
from tests.support.strategies import rebalanced, script

ROOT = Path(__file__).parents[2]
FREE = Account(cash=10_000.0, max_volume_share=1.0).without_costs()
NAN = float("nan")
SESSIONS = 20
"""Of the hand-made markets, so that few have a position. M, the benchmark, rises by a dollar in each from 100."""


def path(*closes):
    """These closes, then the last one to the end."""
    return [*map(float, closes), *[float(closes[-1])] * (SESSIONS - len(closes))]


def market(**symbols):
    """Bars of these symbols and of M; opens are closes."""
    return make_bars({**symbols, "M": [100.0 + row for row in range(SESSIONS)]})


def asked(rows, account=FREE, *, benchmark="M", symbols=None, **facts):
    """The answer of a run by the script on A, B and C; 100 dollars each, unless given."""
    closes = {"A": path(100, 100, 100, 110), "B": path(50, 50, 50, 45), "C": path(20)} | (symbols or {})
    bars = market(**closes)
    result = simulate(script(rows, universe=",".join(closes), **facts), bars, account, benchmark=benchmark)
    return answer_of(result, measure(result))


# ---- the main job ----


@pytest.fixture(scope="module")
def dip():
    bars = load_bars(ROOT / "data")
    strategy = load_strategy(ROOT / "strategies", "buy-the-dip")()
    return simulate(strategy, bars, benchmark="SPY", others=bars.select(("QQQ", "SMH")))


def test_the_main_job_is_answered_in_the_words_of_its_reader(dip):
    answer = answer_of(dip, measure(dip))
    assert answer.sentence == (
        "$933,276 put into twelve names at the open of 27 January 2025 was worth $946,021 after five sessions: +$12,745 "
        "(+1.37 %). SPY at the same times: +0.50 %, QQQ +1.39 %, SMH -1.53 %. Best META +11.3 %, worst NVDA -6.6 %."
    )
    assert answer.rows == (
        ("Money put in", "$933,276"),
        ("Profit", "+$12,745 (+1.37 %)"),
        ("Holding time", "5 sessions"),
        ("SPY at the same times", "+$4,644 (+0.50 %)"),
        ("Difference to SPY", "+$8,101"),
        ("Best and worst name", "META +$9,030 (+11.3 %), NVDA -$4,790 (-6.6 %)"),
    )
    assert answer.why == (
        "Measured on the money put in, not on the whole account, which had positions in 1.2 % of the sessions and a mean "
        "exposure of 0.9 %."
    )


def test_a_saved_run_has_the_same_answer(dip, tmp_path):
    dip.save(tmp_path)
    again = load(tmp_path)
    assert answer_of(again, measure(again)) == answer_of(dip, measure(dip))


# ---- one entry ----


def test_one_long():
    # ten A at 100 from the open of session 1 to that of session 4, at 110; M from 101 to 104
    answer = asked({0: {"A": 10}, 3: {"A": 0}})
    assert answer.sentences == (
        "$1,000 put into A at the open of 3 January 2025 was worth $1,100 after three sessions: +$100 (+10.00 %).",
        "M at the same times: +2.97 %.",
    )
    assert answer.rows == (
        ("Money put in", "$1,000"),
        ("Profit", "+$100 (+10.00 %)"),
        ("Holding time", "3 sessions"),
        ("M at the same times", "+$30 (+2.97 %)"),
        ("Difference to M", "+$70"),
        ("Only name", "A +$100 (+10.0 %)"),
    )
    assert answer.benchmarks[0].profit == pytest.approx(1000 * 3 / 101)


def test_one_short():
    answer = asked({0: {"B": -20}, 3: {"B": 0}}, fill="close")
    assert answer.sentences == (
        "B sold short for $1,000 at the close of 3 January 2025, bought back after three sessions: +$100 (+10.00 %).",
        "M sold short at the same times: -2.97 %.",
    )
    assert answer.rows[3] == ("M sold short at the same times", "-$30 (-2.97 %)")


def test_several_shorts_that_end_at_different_times_or_not_at_all():
    answer = asked({0: {"A": -10, "B": -20}, 3: {"B": 0}})
    assert answer.sentences[0] == (
        "Two names sold short for $2,000 at the open of 3 January 2025, after 3 to 18 sessions, one of them still "
        "open at the last close, 31 January 2025: $0 (+0.00 %)."
    )
    assert answer.rows[2] == ("Holding time", "3 to 18 sessions, 10.5 on average")


def test_longs_and_shorts_that_were_opened_together():
    answer = asked({0: {"A": 10, "B": -20, "C": 50}, 3: {"A": 0, "B": 0, "C": 0}})
    assert answer.sentences == (
        "$3,000 went into two names bought and one sold short at the open of 3 January 2025; after three sessions: +$200 "
        "(+6.67 %).",
        "M on the same sides at the same times: +0.99 %.",
        "Best A +10.0 %, worst C +0.0 %.",
    )


def test_a_position_that_is_open_is_worth_the_last_close():
    answer = asked({16: {"A": 10}})
    assert answer.sentences[0] == (
        "$1,100 put into A at the open of 29 January 2025 was worth $1,100 after two sessions, still open at the last "
        "close, 31 January 2025: $0 (+0.00 %)."
    )


def test_a_trade_that_ends_in_the_session_in_which_it_began():
    lows = {"A": [100.0, 90.0, *[100.0] * (SESSIONS - 2)]}
    bars = make_bars({"A": path(100), "M": path(100)}, lows=lows)
    result = simulate(script({0: {"A": 10}}, exits=(StopLoss(0.05, intraday=True),)), bars, FREE, benchmark="M")
    assert answer_of(result, measure(result)).sentences[0] == (
        "$1,000 put into A at the open of 3 January 2025 was worth $950 in the same session: -$50 (-5.00 %)."
    )


# ---- many entries ----


def test_many_entries():
    # A 100 to 110, then B 45 to 45
    answer = asked({0: {"A": 10}, 3: {"A": 0}, 5: {"B": 30}, 6: {"B": 0}})
    assert answer.sentences == (
        "At most $1,350 was at work at one time, in 2 trades in two names between 3 January 2025 and 14 January 2025, held for "
        "2.0 sessions on average: +$100 (+7.41 %).",
        "M at the same times: +3.14 %.",  # 1,000 x 3 / 101 + 1,350 / 106 = 42.44 dollars
        "Best A +10.0 %, worst B +0.0 %.",
    )
    assert answer.benchmarks[0].profit == pytest.approx(1000 * 3 / 101 + 1350 / 106)
    assert answer.rows[2] == ("Holding time", "1 to 3 sessions, 2.0 on average")


def test_many_shorts_of_one_length():
    answer = asked({0: {"B": -20}, 5: {"B": -20}}, exits=(HoldFor(1),))
    assert answer.sentences[0] == (
        "At most $1,000 was at work at one time, in 2 short sales of B between 3 January 2025 and 14 January 2025, each held for "
        "one session: $0 (+0.00 %)."
    )


def test_a_trade_that_was_enlarged_is_no_single_entry():
    answer = asked({0: {"A": 10}, 1: {"A": 20}, 3: {"A": 0}}, resize=True)
    assert answer.sentences[0] == (
        "At most $2,000 was at work at one time, in 1 trade in A between 3 January 2025 and 8 January 2025, held for three "
        "sessions: +$200 (+10.00 %)."
    )


def test_a_reversal_is_a_long_and_a_short():
    answer = asked({0: {"A": 10}, 3: {"A": -10}, 4: {"A": 0}})
    assert answer.sentences[0] == (
        "At most $1,100 was at work at one time, in 2 trades (1 long, 1 short) in A between 3 January 2025 and 10 January 2025, "
        "held for 2.0 sessions on average: +$100 (+9.09 %)."
    )
    assert answer.sentences[1].startswith("M on the same sides at the same times: ")


# ---- accounts that are invested ----


def test_an_account_that_is_invested_is_measured_as_a_whole():
    answer = asked({0: {"A": 50, "B": 100}})  # all of 10,000 dollars; A makes 500, B loses 500
    assert answer.sentences == (
        "The account of $10,000 was worth $10,000 after 20 sessions, 2 January 2025 to 31 January 2025: $0 (+0.00 %).",
        "M over the same sessions: +19.00 %.",
        "Best A +10.0 %, worst B -10.0 %.",
    )
    assert answer.rows == (
        ("Starting cash", "$10,000"),
        ("Profit", "$0 (+0.00 %)"),
        ("Invested", "95.0 % of equity on average"),
        ("M over the same sessions", "+$1,900 (+19.00 %)"),
        ("Difference to M", "-$1,900"),
        ("Best and worst name", "A +$500 (+10.0 %), B -$500 (-10.0 %)"),
    )
    assert answer.why == (
        "Measured on the whole account, which had positions in 95.0 % of the sessions and a mean exposure of 95.0 %."
    )


@pytest.mark.parametrize(
    ("rows", "measures"),
    [
        ({0: {"C": 500}}, "account"),
        ({8: {"C": 500}}, "account"),  # held on 11 of 20 closes
        ({9: {"C": 500}}, "account"),  # 10 of 20
        ({10: {"C": 500}}, "trades"),  # 9 of 20
        ({0: {"C": 250}}, "trades"),  # 95 % of the sessions with half of the equity: 47.5 %
        ({10: {"C": 900}}, "trades"),  # 81 % on average, but for nine sessions alone
    ],
)
def test_the_exposure_decides_what_is_measured(rows, measures):
    assert asked(rows).measures == measures


def test_other_benchmarks_over_the_window_are_total_returns_from_the_close_before_it():
    bars = make_bars({"A": path(20), "M": path(100, 110), "N": path(10, 20, 20, 24)}, dividends={"N": {4: 12.0}})
    late = bars.sessions[2].date()
    result = simulate(script({1: {"A": 500}}), bars, FREE, benchmark="M", others=bars.select(("N",)), start=late)
    # from the close of 20: 24 / 20 x (24 + 12) / 24
    assert answer_of(result, measure(result)).sentences[1] == "M over the same sessions: +0.00 %, N +80.00 %."
    whole = simulate(script({0: {"A": 500}}), bars, FREE, benchmark="M", others=bars.select(("N",)))
    # from the first close of all, of 10
    assert answer_of(whole, measure(whole)).sentences[1] == "M over the same sessions: +10.00 %, N +260.00 %."


def test_another_benchmark_that_is_younger_than_the_window_is_left_out():
    bars = make_bars({"A": path(20), "M": path(100), "N": [NAN, NAN, *[5.0] * (SESSIONS - 2)]})
    result = simulate(script({0: {"A": 500}}), bars, FREE, benchmark="M", others=bars.select(("N",)))
    assert answer_of(result, measure(result)).sentences[1] == "M over the same sessions: +0.00 %."


# ---- what is out of the ordinary ----


def test_a_run_without_a_trade():
    answer = asked({})
    assert answer.sentence == (
        "There was no trade between 2 January 2025 and 31 January 2025; the account kept its $10,000. M over the same sessions: "
        "+19.00 %."
    )
    assert answer.why == ""
    assert answer.rows[:3] == (("Money put in", "$0"), ("Profit", "$0"), ("Holding time", "-"))
    assert answer.rows[5] == ("Best and worst name", "-")


def test_an_account_that_was_wiped_out():
    account = replace(FREE, max_leverage=5.0, maintenance_short=0.0, maintenance_short_per_share=0.0)
    bars = make_bars({"A": [100.0, 100, 100, 150, 150], "M": [100.0] * 5, "N": [10.0, 10, 10, 11, 99]})
    result = simulate(script({1: {"A": -300}}), bars, account, benchmark="M", others=bars.select(("N",)))
    assert result.bankrupt
    answer = answer_of(result, measure(result))
    assert answer.sentences == (
        "The account of $10,000 was wiped out on 7 January 2025: it lost $15,000 with at most $30,000 at work at one time.",
        "M over the same sessions: +0.00 %, N +10.00 %.",  # until that day: the rise to 99 comes later
    )


def test_a_run_without_a_benchmark():
    answer = asked({0: {"A": 10}, 3: {"A": 0}}, benchmark="")
    assert len(answer.sentences) == 1
    assert answer.rows[3:5] == (("Benchmark at the same times", "-"), ("Difference to Benchmark", "-"))
    assert math.isnan(answer.difference)
    record = json.loads(json.dumps(answer.as_record(), allow_nan=False))
    assert (record["benchmarks"], record["difference"]) == ([], None)


def test_the_profit_is_after_all_costs_and_what_is_shown_adds_up():
    account = replace(Account(), cash=10_000.0, max_volume_share=1.0, slippage_bps=100.0)
    answer = asked({0: {"A": 7}, 3: {"A": 0}}, account)
    # bought at 101, sold at 108.90, a dollar of commission each, SEC 27.80 per million and FINRA's 0.000166 a share
    fees = 7 * 108.9 * 27.8e-6 + 7 * 0.000166
    assert answer.money == pytest.approx(707)
    assert answer.profit == pytest.approx(7 * 7.9 - 2 - fees)
    assert answer.sentences[0].startswith("$707 put into A at the open of 3 January 2025 was worth $760 after three")
    assert answer.rows[1][1].startswith("+$53 ")


def test_the_record_has_the_numbers_unrounded(dip):
    answer = answer_of(dip, measure(dip))
    record = json.loads(json.dumps(answer.as_record(), allow_nan=False))
    assert record["sentence"] == answer.sentence
    assert record["profit"] == dip.equity["equity"].iloc[-1] - 1_000_000
    assert record["return"] == pytest.approx(record["profit"] / record["money"], rel=1e-15)
    assert [one["symbol"] for one in record["benchmarks"]] == ["SPY", "QQQ", "SMH"]
    assert record["difference"] == record["profit"] - record["benchmarks"][0]["profit"]
    assert (record["best"]["symbol"], record["worst"]["symbol"]) == ("META", "NVDA")
    trades = dip.trades.set_index("symbol")
    assert record["best"]["return"] == pytest.approx(trades.loc["META", "return"])
    assert record["worst"]["profit"] == pytest.approx(trades.loc["NVDA", "profit"])


# ---- what a reader asks next ----


def further(rows, closes, account=FREE, dividends=None, **facts):
    bars = make_bars(closes | {"M": [100.0 + row for row in range(SESSIONS)]}, dividends=dividends)
    return further_sentences(simulate(script(rows, universe=",".join(closes), **facts), bars, account, benchmark="M"))


RISES_LATER = {"A": [100.0, 100, 100, 110, 110, 110, 110, 110, 130, *[90] * 11]}
"""Bought at the open of row 1 and sold at that of row 3, A would stand 30 dollars higher on the close of row 8."""


@pytest.mark.parametrize("fill", ["open", "close"])
def test_the_trades_a_week_longer(fill):
    """A thousand dollars of M, bought at 101, would have made 7 / 101 of it."""
    (sentence,) = further({0: {"A": 10}, 2: {"A": 0}}, RISES_LATER, fill=fill)
    assert sentence == (
        f"Sold at the {fill} of 7 January 2025; on the close five sessions later, the trade would have stood at "
        "+$300 (+30.00 %), M at +$69."
    )
    two = {"A": RISES_LATER["A"], "B": path(50)}
    (sentence,) = further({0: {"A": 10, "B": 20}, 2: {"A": 0, "B": 0}}, two)
    assert sentence.startswith(
        "Sold at the open of 7 January 2025; on the close five sessions later, the trades would have stood at +$300 ("
    )
    (sentence,) = further({0: {"A": 10}, 1: {"B": 20}, 2: {"A": 0}, 3: {"B": 0}}, two)
    assert sentence.startswith(
        "On the close five sessions after the exits, the trades would have stood at +$300 (+15.00 %), M at +$"
    )


def test_no_week_longer_where_the_times_differ_or_the_data_end():
    assert further({0: {"A": 10, "B": 10}, 2: {"A": 0}, 3: {"B": 0}}, {**RISES_LATER, "B": path(50)}) == ()
    assert further({0: {"A": 10}, 16: {"A": 0}}, RISES_LATER) == ()
    assert further({0: {"A": 10}}, RISES_LATER) == ()
    assert further({}, RISES_LATER) == ()


def test_what_a_short_owed():
    """10 shares of 100 dollars at 36 % a year on 102 dollars: a night of 1 day and one of 3 cost 10 x 102 x 0.36 x 4 / 360."""
    account = replace(FREE, borrow_rate=0.36)
    sentences = further({0: {"A": -10}, 2: {"A": 0}}, {"A": path(100)}, account, {"A": {2: 0.5}})
    assert sentences[0].startswith("Bought back at the open of 7 January 2025; on the close five sessions later, the trade would")
    assert sentences[1] == "The short sale cost $4 in borrow fees and $5 in dividends."


def test_the_first_screen_of_the_main_job_says_what_a_week_more_would_have_made(dip):
    (sentence,) = further_sentences(dip)
    close = dip.prices.pivot_table(index="session", columns="symbol", values="close")
    at = close.index[close.index.get_loc("2025-01-27") + 10]
    made = sum(row.shares * (close.loc[at, row.symbol] - row.entry_price) - row.commission / 2 for row in dip.trades.itertuples())
    paid = 0.0
    for row in dip.trades.itertuples():
        own = dip.prices[(dip.prices["symbol"] == row.symbol) & (dip.prices["session"] > row.entry_session)]
        paid += row.shares * own.loc[own["session"] <= at, "dividend"].sum()
    stood = float(sentence.partition("stood at ")[2].split(" ")[0].replace("$", "").replace(",", ""))
    assert stood == pytest.approx(made + paid, abs=2)


def test_a_portfolio_says_how_often_it_was_rebalanced_and_what_was_turned_over():
    bars = make_bars({"A": [100.0, 100.0, 200.0, 200.0, 200.0], "B": [100.0] * 5})
    account = Account(cash=1000, fractional=True).without_costs()
    result = simulate(rebalanced({"A": 0.5, "B": 0.5}, 2), bars, account)
    answer = answer_of(result, measure(result))
    # half of 250 bought and 250 sold of 1,500; a year: 750 of a mean of 1,300 in five sessions
    yearly = 750 / np.mean([1000, 1000, 1500, 1500, 1500]) * 252 / 5
    assert answer.sentences[-1] == (
        f"Rebalanced 1 time: 16.7 % of the equity turned over each time, {yearly * 100:.1f} % a year with the first purchase."
    )


def test_a_run_that_is_bought_and_held_does_not_say_that_it_was_rebalanced():
    bars = make_bars({"A": [100.0, 100.0, 200.0, 200.0, 200.0], "B": [100.0] * 5})
    result = simulate(rebalanced({"A": 0.5, "B": 0.5}, "year-end"), bars, Account().without_costs())
    assert "ebalanced" not in answer_of(result, measure(result)).sentence
