from datetime import date

import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.exits import (
    At,
    Bar,
    ChandelierExit,
    Exit,
    HoldFor,
    OpenTrades,
    PriceHistory,
    Recovered,
    StopLoss,
    TakeProfit,
    TrailingStop,
)
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from tests.support.markets import make_bars, random_market
from tests.support.runs import ENTER, leaving
from tests.support.strategies import script

FREE = Account().without_costs()
SHORT = {0: {"A": -100}}


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


# ---- the history that a rule sees ----


class Watching(Exit):
    """Never closes; keeps every bar that it is asked about."""

    fill = "open"

    def __init__(self):
        self.bars = []

    def __str__(self):
        return "watching"

    def closes(self, trades, bar):
        self.bars.append(bar)
        return np.zeros(trades.side.shape, dtype=bool)


NEWEST_FIELDS = {"open": "opens", "high": "highs", "low": "lows", "close": "closes", "volume": "volumes"}


@pytest.mark.parametrize("start", [None, 4])
def test_the_history_has_every_session_up_to_that_of_the_bar_and_those_before_the_run(start):
    market, rule = random_market(12, "AB"), Watching()
    bars = make_bars(**market)
    rows = {5: {"A": 100, "B": -100}}
    simulate(script(rows, universe="A,B", exits=(rule,)), bars, FREE, start=bars.sessions[start].date() if start else None)
    assert [bar.session for bar in rule.bars] == list(bars.sessions[6:].to_numpy().astype("datetime64[D]"))
    for row, bar in enumerate(rule.bars, start=6):
        assert len(bar.history) == row + 1
        for field, name in NEWEST_FIELDS.items():
            expected = np.array([[market[name][symbol][k] for symbol in "AB"] for k in range(row + 1)])
            np.testing.assert_array_equal(getattr(bar.history, field), expected)
            if field != "volume":
                np.testing.assert_array_equal(getattr(bar, field), expected[-1])


def test_a_history_made_by_hand_is_read_only_too():
    prices = np.ones((5, 3, 2))
    history = PriceHistory(prices)
    with pytest.raises(ValueError, match="read-only"):
        history.close[0, 0] = 2.0
    assert prices.flags.writeable


def test_a_symbol_without_bars_yet_is_nan_in_the_history():
    nan, rule = np.nan, Watching()
    bars = make_bars({"A": [10, 11, 12, 13, 14], "B": [nan, nan, nan, 5, 6]})
    simulate(script(ENTER, universe="A,B", exits=(rule,)), bars, FREE)
    np.testing.assert_array_equal(rule.bars[-1].history.close[:, 1], [nan, nan, nan, 5, 6])
    np.testing.assert_array_equal(rule.bars[0].history.volume[:, 1], [nan, nan])


# ---- the average true range and the chandelier ----


def test_the_average_true_range_of_five_bars_by_hand():
    # true ranges from the second bar on: 4 (high to low), 6 (up from a close of 100), 7 (down from a close of 105), 2
    high, low, close = [101, 102, 106, 103, 101], [99, 98, 104, 98, 99], [100, 100, 105, 99, 100]
    history = PriceHistory(np.array([close, high, low, close, close], dtype=float)[:, :, None])
    found = [history.average_true_range(window).tolist() for window in (1, 2, 3, 4, 5)]
    np.testing.assert_array_equal(found, [[2.0], [4.5], [5.0], [4.75], [np.nan]])
    together = history.average_true_range(np.array([[1], [2], [3], [4], [5]]))
    np.testing.assert_array_equal(together, found)


def test_the_average_true_range_waits_for_a_symbol_that_is_listed_later():
    nan = np.nan
    close = np.array([[10.0, nan], [11, nan], [12, 50], [13, 52], [14, 53]])
    history = PriceHistory(np.stack([close] * 5))
    np.testing.assert_array_equal(history.average_true_range(2), [1.0, 1.5])
    np.testing.assert_array_equal(history.average_true_range(3), [1.0, nan])
    np.testing.assert_array_equal(PriceHistory(np.stack([close[:1]] * 5)).average_true_range(1), [nan, nan])


def test_a_chandelier_over_five_bars_by_hand():
    # bought at 100 in the second session; the high since is 112, the true ranges of the third and fourth are 12 and 13, so the
    # level on the fourth close is 112 - 12.5 = 99.5: 99 is below it, and the trade ends at the open of the fifth
    market = {
        "closes": {"A": [100, 100, 110, 99, 97]}, "opens": {"A": [100, 100, 102, 108, 98]},
        "highs": {"A": [100, 100, 112, 108, 98]}, "lows": {"A": [100, 100, 101, 97, 96]},
    }  # fmt: skip
    rule = ChandelierExit(1.0, 2)
    assert leaving((rule,), **market) == [(4, 98, "open", "chandelier 1 x ATR 2")]
    market["closes"]["A"][3] = 100  # above the level
    assert leaving((rule,), **market) == []


def plain_chandelier(market, entry, side, multiple, window):
    """Number of the session in which the trade ends, by loops over lists; None for never."""
    high, low, close = (market[name]["A"] for name in ("highs", "lows", "closes"))
    best = None
    for t in range(entry, len(close) - 1):
        price = high[t] if side > 0 else low[t]
        best = price if best is None or side * price > side * best else best
        if t < window:
            continue
        total = 0.0
        for s in range(t - window + 1, t + 1):
            total += max(high[s] - low[s], abs(high[s] - close[s - 1]), abs(low[s] - close[s - 1]))
        if side * close[t] <= side * (best - side * multiple * total / window):
            return t + 1
    return None


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("window", [3, 22])
def test_a_chandelier_over_thirty_bars_ends_where_plain_loops_end_it(seed, side, window):
    market = random_market(30, seed=seed)
    expected = plain_chandelier(market, 3, side, 1.5, window)
    found = leaving((ChandelierExit(1.5, window),), {2: {"A": 100 * side}}, **market)
    reason = f"chandelier 1.5 x ATR {window}"
    assert found == ([] if expected is None else [(expected, market["opens"]["A"][expected], "open", reason)])


def test_the_thirty_bar_markets_end_some_trades():
    ends = [plain_chandelier(random_market(30, seed=seed), 3, side, 1.5, 3) for seed in range(6) for side in (1, -1)]
    assert sum(end is not None for end in ends) > 6


def test_a_chandelier_knows_the_sessions_before_the_run():
    market = random_market(30)
    bars = make_bars(**market)
    rows = {10: {"A": 100}}
    whole = simulate(script(rows, exits=(ChandelierExit(0.5, 9),)), bars, FREE)
    cut = simulate(script(rows, exits=(ChandelierExit(0.5, 9),)), bars, FREE, start=bars.sessions[10].date())
    assert len(whole.trades) == 1
    assert cut.trades.to_dict() == whole.trades.to_dict()


def test_a_chandelier_of_no_size_is_refused():
    for multiple in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ParameterError, match="multiple above 0"):
            ChandelierExit(multiple)
    with pytest.raises(ParameterError, match="at least 1 session, found 0"):
        ChandelierExit(3.0, 0)


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
    [
        HoldFor(3),
        At(date(2025, 1, 7)),
        StopLoss(0.05),
        TakeProfit(0.05),
        TrailingStop(0.05),
        Recovered(),
        Recovered("entry"),
        ChandelierExit(2, 3),
    ],
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
    past = PriceHistory(np.stack([rng.uniform(80, 120, (7, 4)), *np.full((3, 7, 4), price), np.ones((7, 4))]))
    bar = Bar(number=5, **days, open=price, high=price, low=price, close=price, history=past)
    together = rule.closes(OpenTrades(**arrays), bar)
    assert together.shape == shape
    for row in range(shape[0]):
        alone = rule.closes(OpenTrades(**{name: values[row] for name, values in arrays.items()}), bar)
        np.testing.assert_array_equal(together[row], alone)


def test_a_level_of_nothing_is_never_reached():
    market = {"closes": {"A": [100, 100, 1, 1]}, "lows": {"A": [100, 100, 0.01, 0.01]}}
    assert leaving((StopLoss(1.0, intraday=True),), **market) == []
    assert leaving((TakeProfit(1.0, intraday=True),), SHORT, **market) == []
