from datetime import date

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.exits import At, Bar, HoldFor, OpenTrades, Recovered, StopLoss, TakeProfit, TrailingStop
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.ideas import script
from tests.markets import make_bars

FREE = Account().without_costs()
ENTER = {0: {"A": 100}}
SHORT = {0: {"A": -100}}


def leaving(exits, rows=ENTER, fill="open", account=FREE, **market):
    """The fills after the first as (session number, price, moment, reason)."""
    bars = make_bars(**market)
    result = simulate(script(rows, exits=exits, fill=fill), bars, account)
    fills = result.fills.iloc[1:]
    return [(bars.sessions.get_loc(row.session), row.price, row.at, row.reason) for row in fills.itertuples()]


# ---- the entry price ----


@pytest.mark.parametrize(("second", "after", "left"), [(120, 105, False), (120, 104, True), (80, 86, False), (80, 85, True)])
def test_a_stop_counts_from_the_average_of_what_was_paid(second, after, left):
    # 100 shares at 100 and 100 more at 120 cost 110 each, at 80 they cost 90 each: five per cent less is 104.50 or 85.50
    bars = make_bars({"A": [100, 100, after, after, after]}, opens={"A": [100, 100, second, after, after]})
    idea = script({0: {"A": 100}, 1: {"A": 200}}, resize=True, exits=(StopLoss(0.05),))
    result = simulate(idea, bars, FREE)
    assert [row.reason for row in result.trades.itertuples()] == ["stop loss 0.05"] * left


@pytest.mark.parametrize("shares", [0.5, 1.0, -0.5, -1.0])
def test_a_trailing_stop_follows_a_single_share_and_half_of_one_as_well(shares):
    # the best close is 120 of a long and 80 of a short; ten per cent from there is 108 and 88
    closes = [100, 100, 120, 109, 107, 100] if shares > 0 else [100, 100, 80, 87, 89, 100]
    bars = make_bars({"A": closes})
    idea = script({0: {"A": shares}}, exits=(TrailingStop(0.1),))
    result = simulate(idea, bars, Account(fractional=True).without_costs())
    assert [(row.exit_price, row.reason) for row in result.trades.itertuples()] == [(100, "trailing stop 0.1")]


# ---- time ----


def test_holding_for_five_sessions_ends_at_the_close_of_the_fifth_after_the_entry():
    closes = {"A": [100, 101, 102, 103, 104, 105, 106, 107]}
    assert leaving((HoldFor(5),), closes=closes) == [(6, 106, "close", "held 5 sessions")]


def test_holding_may_end_at_an_open():
    market = {"closes": {"A": [100, 101, 102, 103]}, "opens": {"A": [90, 91, 92, 93]}}
    assert leaving((HoldFor(1, fill="open"),), **market) == [(2, 92, "open", "held 1 session")]


def test_holding_from_a_close_counts_from_the_session_of_that_close():
    assert leaving((HoldFor(2),), fill="close", closes={"A": [100, 101, 102, 103, 104]}) == [(3, 103, "close", "held 2 sessions")]


def test_a_holding_time_that_outlasts_the_figures_leaves_the_trade_open():
    result = simulate(script(ENTER, exits=(HoldFor(9),)), make_bars({"A": [100, 101, 102]}), FREE)
    assert len(result.trades) == 0
    assert result.open_positions["profit"].tolist() == [100.0]  # bought at 101, marked at 102


def test_an_exit_decided_on_the_last_close_is_reported_as_unfilled():
    result = simulate(script(ENTER, exits=(StopLoss(0.05),)), make_bars({"A": [100, 100, 90]}), FREE)
    assert result.events[["kind", "symbol"]].to_numpy().tolist() == [["unfilled", "A"]]
    assert len(result.open_positions) == 1


def test_zero_sessions_are_refused():
    with pytest.raises(ParameterError, match="at least 1 session, found 0"):
        HoldFor(0)


def test_a_date_closes_at_its_close():
    # sessions: 2025-01-02, 03, 06, 07, 08, 10 (the 9th is a day of mourning)
    closes = {"A": [100, 101, 102, 103, 104, 105]}
    assert leaving((At(date(2025, 1, 7)),), closes=closes) == [(3, 103, "close", "at 2025-01-07")]


def test_a_date_without_trading_closes_on_the_session_after_it():
    closes = {"A": [100, 101, 102, 103, 104, 105]}
    assert leaving((At(date(2025, 1, 9), fill="open"),), closes=closes) == [(5, 105, "open", "at 2025-01-09")]


def test_a_trade_entered_after_the_date_stays_open():
    rows = {0: {"A": 100}, 3: {"A": 100}}
    result = simulate(script(rows, exits=(At(date(2025, 1, 6)),)), make_bars({"A": [100.0] * 7}), FREE)
    assert result.fills["shares"].tolist() == [100, -100, 100]
    assert len(result.open_positions) == 1


# ---- levels on the close ----


@pytest.mark.parametrize(
    ("rows", "closes", "expected"),
    [
        (ENTER, [100, 100, 95.01, 95, 80], [(4, 80, "open", "stop loss 0.05")]),
        (SHORT, [100, 100, 104.99, 105, 120], [(4, 120, "open", "stop loss 0.05")]),
    ],
)
def test_a_stop_on_the_close_waits_for_the_next_open(rows, closes, expected):
    assert leaving((StopLoss(0.05),), rows, closes={"A": closes}) == expected


@pytest.mark.parametrize(("rows", "closes"), [(ENTER, [100, 100, 109.9, 110, 120]), (SHORT, [100, 100, 90.1, 90, 80])])
def test_a_profit_target_on_the_close_waits_for_the_next_open(rows, closes):
    assert leaving((TakeProfit(0.10),), rows, closes={"A": closes}) == [(4, closes[4], "open", "profit target 0.1")]


def test_a_trailing_stop_follows_the_highest_close():
    # best close 130, so the level is 117; 118 stays, 117 goes
    closes = {"A": [100, 100, 130, 118, 117, 116]}
    assert leaving((TrailingStop(0.10),), closes=closes) == [(5, 116, "open", "trailing stop 0.1")]


def test_a_trailing_stop_of_a_short_follows_the_lowest_close():
    closes = {"A": [100, 100, 70, 76, 77, 78]}  # best 70, level 77
    assert leaving((TrailingStop(0.10),), SHORT, closes=closes) == [(5, 78, "open", "trailing stop 0.1")]


def test_a_trailing_stop_never_starts_worse_than_the_entry_price():
    # bought at an open of 100 in a session that closes at 91: the best is the entry, the level 95
    market = {"closes": {"A": [100, 91, 92, 93]}, "opens": {"A": [100, 100, 90, 94]}}
    assert leaving((TrailingStop(0.05),), **market) == [(2, 90, "open", "trailing stop 0.05")]


# ---- levels that rest in the market ----


def resting(stop=0.05, target=0.10):
    return (TakeProfit(target, intraday=True), StopLoss(stop, intraday=True))


def test_a_resting_stop_fills_at_its_level():
    market = {"closes": {"A": [100, 100, 96]}, "lows": {"A": [100, 100, 94]}}
    assert leaving(resting(), **market) == [(2, 95, "day", "stop loss 0.05")]


def test_a_gap_through_a_stop_fills_at_the_open():
    market = {"closes": {"A": [100, 100, 96]}, "opens": {"A": [100, 100, 91]}}
    assert leaving(resting(), **market) == [(2, 91, "day", "stop loss 0.05")]


def test_a_gap_through_a_target_fills_at_the_open_even_if_the_stop_is_touched_later():
    market = {"closes": {"A": [100, 100, 96]}, "opens": {"A": [100, 100, 112]}, "lows": {"A": [100, 100, 90]}}
    assert leaving(resting(), **market) == [(2, 112, "day", "profit target 0.1")]


TWO_STOPS = (StopLoss(0.10, intraday=True), TrailingStop(0.05, intraday=True))
TWO_TARGETS = (TakeProfit(0.10, intraday=True), TakeProfit(0.04, intraday=True))


@pytest.mark.parametrize("exits", [TWO_STOPS, TWO_STOPS[::-1]])
def test_of_two_stops_the_one_that_the_price_meets_first_counts(exits):
    falling = {"closes": {"A": [100, 100, 100]}, "lows": {"A": [100, 100, 80]}}
    assert leaving(exits, **falling) == [(2, 95, "day", "trailing stop 0.05")]
    rising = {"closes": {"A": [100, 100, 100]}, "highs": {"A": [100, 100, 120]}}
    assert leaving(exits, SHORT, **rising) == [(2, 105, "day", "trailing stop 0.05")]


@pytest.mark.parametrize("exits", [TWO_TARGETS, TWO_TARGETS[::-1]])
def test_of_two_targets_the_one_that_the_price_meets_first_counts(exits):
    rising = {"closes": {"A": [100, 100, 100]}, "highs": {"A": [100, 100, 120]}}
    assert leaving(exits, **rising) == [(2, 104, "day", "profit target 0.04")]
    falling = {"closes": {"A": [100, 100, 100]}, "lows": {"A": [100, 100, 80]}}
    assert leaving(exits, SHORT, **falling) == [(2, 96, "day", "profit target 0.04")]


def test_where_stop_and_target_are_touched_in_one_session_the_stop_counts():
    market = {"closes": {"A": [100, 100, 100]}, "lows": {"A": [100, 100, 94]}, "highs": {"A": [100, 100, 111]}}
    assert leaving(resting(), **market) == [(2, 95, "day", "stop loss 0.05")]


def test_the_resting_rules_of_a_short_are_the_mirror_image():
    stop = {"closes": {"A": [100, 100, 100]}, "highs": {"A": [100, 100, 106]}}
    gap = {"closes": {"A": [100, 100, 100]}, "opens": {"A": [100, 100, 108]}}
    target = {"closes": {"A": [100, 100, 100]}, "lows": {"A": [100, 100, 89]}}
    assert leaving(resting(), SHORT, **stop) == [(2, 105, "day", "stop loss 0.05")]
    assert leaving(resting(), SHORT, **gap) == [(2, 108, "day", "stop loss 0.05")]
    assert leaving(resting(), SHORT, **target) == [(2, 90, "day", "profit target 0.1")]


def test_a_resting_stop_guards_the_rest_of_the_entry_session():
    market = {"closes": {"A": [100, 96, 97]}, "opens": {"A": [100, 100, 97]}, "lows": {"A": [100, 94, 97]}}
    assert leaving(resting(), **market) == [(1, 95, "day", "stop loss 0.05")]


def test_a_position_bought_at_a_close_has_seen_nothing_of_that_session():
    market = {"closes": {"A": [100, 100, 100]}, "lows": {"A": [100, 50, 100]}}
    assert leaving(resting(), fill="close", **market) == []


def test_what_a_resting_stop_has_sold_is_not_sold_again_at_the_close():
    market = {"closes": {"A": [100, 100, 96, 96]}, "lows": {"A": [100, 100, 94, 96]}}
    assert leaving((HoldFor(1), StopLoss(0.05, intraday=True)), **market) == [(2, 95, "day", "stop loss 0.05")]


def test_a_resting_trailing_stop_uses_the_closes_before_the_session():
    # best close before session 3 is 130, so it rests at 123.5; the high of 140 in session 3 does not raise it
    market = {"closes": {"A": [100, 120, 130, 125]}, "highs": {"A": [100, 120, 130, 140]}, "lows": {"A": [100, 120, 130, 123]},
              "opens": {"A": [100, 100, 125, 128]}}  # fmt: skip
    assert leaving((TrailingStop(0.05, intraday=True),), **market) == [(3, 123.5, "day", "trailing stop 0.05")]


def test_resting_stops_slip_and_targets_do_not():
    account = Account(slippage_bps=100, commission_per_share=0, commission_minimum=0, sec_taf=False)
    stop = {"closes": {"A": [100, 100, 100]}, "lows": {"A": [100, 100, 80]}}
    target = {"closes": {"A": [100, 100, 100]}, "highs": {"A": [100, 100, 130]}}
    # bought at 100 x 1.01 = 101: the stop rests at 95.95 and gets 1 % less, the target gets exactly 111.1
    assert leaving(resting(), account=account, **stop)[0][1] == pytest.approx(95.95 * 0.99, abs=1e-12)
    assert leaving(resting(), account=account, **target)[0][1] == pytest.approx(111.1, abs=1e-12)


def test_fractions_that_make_no_level_are_refused():
    for rule in (StopLoss, TakeProfit, TrailingStop):
        for fraction in (0, -0.1, float("nan"), float("inf")):
            with pytest.raises(ParameterError, match=f"{rule.__name__} needs a fraction above 0"):
                rule(fraction)


# ---- recovery ----


def test_a_drop_on_the_decision_day_is_recovered_at_the_close_before_it():
    # the close before the decision (row 1) is 100: 99.99 is not enough
    closes = {"A": [100, 90, 92, 99.99, 100, 101]}
    assert leaving((Recovered(),), {1: {"A": 100}}, closes=closes) == [(5, 101, "open", "recovered")]


def test_a_drop_in_the_entry_session_is_recovered_at_the_close_of_the_decision():
    closes = {"A": [120, 100, 90, 99, 100, 103]}
    rule = Recovered(drop="entry")
    assert leaving((rule,), {1: {"A": 100}}, closes=closes) == [(5, 103, "open", "recovered")]


def test_recovery_of_a_short_is_a_price_back_down():
    closes = {"A": [100, 110, 108, 101, 100, 95]}
    assert leaving((Recovered(),), {1: {"A": -100}}, closes=closes) == [(5, 95, "open", "recovered")]


def test_the_level_of_a_decision_before_the_window_is_known_from_the_history():
    bars = make_bars({"A": [100, 90, 92, 95, 100, 101, 102]})
    result = simulate(script({1: {"A": 100}}, exits=(Recovered(),)), bars, FREE, start=bars.sessions[2].date())
    assert result.trades["exit_session"].tolist() == [bars.sessions[5]]


def test_a_level_that_nobody_knows_is_never_reached():
    assert leaving((Recovered(),), closes={"A": [100, 500, 900, 901]}) == []


# ---- symbols that stop trading ----


def test_a_symbol_that_stops_trading_is_paid_out_at_its_last_close():
    nan = np.nan
    bars = make_bars({"A": [100, 100, 80, nan, nan], "B": [1, 1, 1, 1, 1]})
    result = simulate(script(ENTER, universe="A,B", exits=(StopLoss(0.05),)), bars, FREE)
    last = result.trades.iloc[0]
    assert (last["exit_price"], last["exit_at"], last["reason"]) == (80, "settlement", "stopped trading")
    assert result.equity["equity"].iloc[-1] == 1_000_000 - 2000
    assert result.events["kind"].tolist() == ["settled", "unfilled"]


# ---- one rule for one run and for a sweep ----


@pytest.mark.parametrize(
    "rule",
    [HoldFor(3), At(date(2025, 1, 7)), StopLoss(0.05), TakeProfit(0.05), TrailingStop(0.05), Recovered(), Recovered("entry")],
)
def test_a_rule_over_variants_equals_the_rule_over_each(rule):
    rng = np.random.default_rng(1)
    shape = (6, 4)
    arrays = {
        "side": rng.choice([-1, 0, 1], shape), "entry_price": rng.uniform(80, 120, shape),
        "entry_session": rng.integers(0, 5, shape), "best": rng.uniform(80, 120, shape),
        "decided": rng.uniform(80, 120, shape), "before": rng.uniform(80, 120, shape),
    }  # fmt: skip
    price = rng.uniform(80, 120, 4)
    days = {"session": np.datetime64("2025-01-06"), "next_session": np.datetime64("2025-01-07")}
    bar = Bar(number=5, **days, open=price, high=price, low=price, close=price)
    together = rule.closes(OpenTrades(**arrays), bar)
    assert together.shape == shape
    for row in range(shape[0]):
        alone = rule.closes(OpenTrades(**{name: values[row] for name, values in arrays.items()}), bar)
        np.testing.assert_array_equal(together[row], alone)


def test_exits_come_before_targets_and_are_not_undone_on_the_same_close():
    rows = {row: {"A": 100} for row in range(6)}
    bars = make_bars({"A": [100.0] * 6})
    result = simulate(script(rows, exits=(HoldFor(1, fill="open"),)), bars, FREE)
    assert result.fills["shares"].tolist() == [100, -100, 100, -100, 100]
    assert pd.Index(result.fills["session"]).is_unique


def test_a_target_for_the_close_may_open_again_what_left_at_that_sessions_open():
    rows = {row: {"A": 100} for row in range(4)}
    bars = make_bars({"A": [100.0, 101, 102, 103, 104]}, opens={"A": [100.0, 101, 101.5, 102.5, 103.5]})
    result = simulate(script(rows, fill="close", exits=(HoldFor(1, fill="open"),)), bars, FREE)
    assert result.trades[["entry_price", "exit_price"]].to_numpy().tolist() == [[101, 101.5], [102, 102.5], [103, 103.5]]


def stopped_in_the_session_of(target, closes=(100, 100, 96, 96), low=94):
    """Fills of a trade that is stopped in the session at whose close a target of the close before would be executed."""
    market = {"closes": {"A": list(closes)}, "lows": {"A": [100, 100, low, 96]}}
    rows = {0: {"A": 5}, 1: {"A": target}}
    idea = script(rows, fill="close", resize=True, exits=(StopLoss(0.05, intraday=True),))
    return simulate(idea, make_bars(**market), FREE).fills["shares"].tolist()


@pytest.mark.parametrize("target", [0, 3, 8, -5])
def test_an_exit_within_the_session_undoes_the_target_of_its_close(target):
    assert stopped_in_the_session_of(target) == [5, -5]


def test_without_an_exit_the_target_of_the_close_is_executed():
    assert stopped_in_the_session_of(0, low=96) == [5, -5]
    assert stopped_in_the_session_of(-5, low=96) == [5, -10]


def test_a_level_of_nothing_is_never_reached():
    market = {"closes": {"A": [100, 100, 1, 1]}, "lows": {"A": [100, 100, 0.01, 0.01]}}
    assert leaving((StopLoss(1.0, intraday=True),), **market) == []
    assert leaving((TakeProfit(1.0, intraday=True),), SHORT, **market) == []
