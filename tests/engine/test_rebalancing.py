"""Schedules by the exchange's calendar, drift, bands and turnover limits: by hand, against ``bt``, and as laws."""

from dataclasses import replace

import bt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.data.bars import Bars
from dipfolio.data.calendar import ExchangeCalendar
from dipfolio.data.membership import Membership
from dipfolio.engine.account import Account
from dipfolio.engine.rebalancing import banded_trades, decision_sessions, rebalance
from dipfolio.engine.simulation import run_simulation, simulate
from dipfolio.errors import ParameterError, StrategyError
from tests.support.generated_files import law, markets
from tests.support.markets import make_bars
from tests.support.strategies import rebalanced

FREE = replace(Account(fractional=True).without_costs(), max_volume_share=1.0)


def flat(sessions, start="2025-01-02", symbols="AB"):
    return make_bars({symbol: [100.0] * sessions for symbol in symbols}, start=start)


def walk(sessions, symbols="ABC", seed=1, start="2023-01-03", opens_at_last_close=True, sigma=0.02):
    """A random walk without gaps: each open is the close before, so an order of the close is filled at its price."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, sigma * np.arange(1, len(symbols) + 1), (sessions, len(symbols))).cumsum(axis=0))
    opened = np.vstack([close[:1], close[:-1]]) if opens_at_last_close else close
    as_lists = lambda table: dict(zip(symbols, table.T.tolist(), strict=True))  # noqa: E731
    return make_bars(as_lists(close), opens=as_lists(opened), start=start)


def days_of(bars, every, **options):
    return [str(day.date()) for day in bars.sessions[decision_sessions(bars, every, **options)]]


# ---- the schedule ----


def test_the_last_session_of_a_month_is_that_of_the_exchange():
    # 28 March 2024 is the Thursday before Good Friday and Easter; 31 March is a Sunday
    assert days_of(flat(70, "2024-01-02"), "month-end", at_start=False) == ["2024-01-31", "2024-02-29", "2024-03-28"]


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("week-end", ["2024-12-20", "2024-12-27", "2025-01-03", "2025-01-10"]),
        ("month-end", ["2024-12-31"]),
        ("quarter-end", ["2024-12-31"]),
        ("year-end", ["2024-12-31"]),
        (5, ["2024-12-18", "2024-12-26", "2025-01-03", "2025-01-13"]),
        (pd.offsets.WeekOfMonth(week=1, weekday=2), ["2025-01-08"]),
        (pd.offsets.MonthEnd(), ["2024-12-31"]),
        (pd.offsets.Week(weekday=6), ["2024-12-20", "2024-12-27", "2025-01-03", "2025-01-10"]),
    ],
)
def test_each_schedule_by_a_printed_calendar(every, expected):
    bars = flat(18, "2024-12-18")  # to 2025-01-15; closed on 25 December, 1 January and, for President Carter, 9 January
    assert str(bars.sessions[-1].date()) == "2025-01-15"
    assert days_of(bars, every, at_start=False) == expected


def test_data_that_end_within_a_month_do_not_rebalance_on_their_last_row():
    assert days_of(flat(8, "2025-01-02"), "month-end") == ["2025-01-02"]
    assert days_of(flat(8, "2025-01-02"), "week-end")[-1] == "2025-01-10"


def test_data_that_end_with_a_month_do():
    bars = flat(20, "2025-01-02")
    assert str(bars.sessions[-1].date()) == days_of(bars, "month-end")[-1] == "2025-01-31"
    assert days_of(bars, pd.offsets.MonthEnd())[-1] == "2025-01-31"


def test_a_market_that_never_closes_has_its_own_last_session():
    days = pd.date_range("2025-05-28", "2025-06-02").as_unit("s")  # Wednesday to Monday; Saturday is the last of May
    one = pd.DataFrame({"A": 100.0}, index=days)
    facts = dict.fromkeys(("open", "high", "low", "close", "volume"), one)
    bars = Bars(**facts, dividends=one * 0, calendar=ExchangeCalendar("24/7"))
    assert days_of(bars, "month-end", at_start=False) == ["2025-05-31"]
    assert days_of(bars, "week-end", at_start=False) == ["2025-06-01"]
    assert days_of(bars, pd.offsets.MonthEnd(), at_start=False) == ["2025-05-31"]


@pytest.mark.parametrize("every", ["month-end", "week-end", 7, pd.offsets.BMonthEnd(2), "day"])
def test_the_schedule_up_to_a_session_does_not_depend_on_what_follows(every):
    whole = flat(90, "2024-01-02")
    known = decision_sessions(whole, every)
    for cut in range(1, 90):
        assert (decision_sessions(whole.until(whole.sessions[cut - 1]), every) == known[:cut]).all()


@pytest.mark.parametrize("every", ["monthly", "month", 0, -3, True, 2.5, None, pd.offsets.DateOffset(months=0)])
def test_a_schedule_that_is_none_is_refused_in_one_line(every):
    with pytest.raises(ParameterError) as refused:
        rebalance(flat(5), {"A": 1.0}, every)
    assert "\n" not in str(refused.value)


def test_a_word_near_to_a_schedule_is_suggested():
    with pytest.raises(ParameterError, match="Did you mean 'month-end'"):
        rebalance(flat(5), {"A": 1.0}, "monthend")


# ---- the weights ----


def test_constant_weights_stand_on_the_dates_alone():
    bars = flat(30, "2025-01-02")
    targets = rebalance(bars, {"A": 0.6, "B": 0.4})
    assert targets.dropna().index.strftime("%Y-%m-%d").tolist() == ["2025-01-02", "2025-01-31"]
    assert targets.dropna().to_numpy().tolist() == [[0.6, 0.4], [0.6, 0.4]]
    assert targets.notna().sum().sum() == 4


def test_a_series_a_mapping_a_table_and_a_function_say_the_same():
    bars = flat(30)
    wanted = pd.Series({"A": 0.6, "B": 0.4})
    table = pd.DataFrame([wanted] * 30, index=bars.sessions)
    expected = rebalance(bars, dict(wanted))
    for weights in (wanted, table, table[["B", "A"]], lambda _: wanted, lambda _: {"B": 0.4, "A": 0.6}):
        pd.testing.assert_frame_equal(rebalance(bars, weights), expected)


def test_a_function_sees_the_bars_up_to_the_date_alone():
    bars, seen = flat(30), []
    rebalance(bars, lambda known: seen.append(known.sessions[-1]) or {"A": 1.0})
    assert [str(day.date()) for day in seen] == ["2025-01-02", "2025-01-31"]


def test_a_symbol_without_a_weight_has_none_and_a_row_without_any_decides_nothing():
    bars = flat(30)
    table = pd.DataFrame({"A": np.nan, "B": np.nan}, index=bars.sessions)
    table.loc["2025-01-31", "B"] = 0.5
    targets = rebalance(bars, table).dropna(how="all")
    assert targets.index.strftime("%Y-%m-%d").tolist() == ["2025-01-31"]
    assert targets.to_numpy().tolist() == [[0.0, 0.5]]


def test_what_is_not_listed_has_no_weight_and_the_others_are_not_scaled_up():
    bars = make_bars({"A": [100.0] * 30, "B": [np.nan] * 10 + [100.0] * 20})
    targets = rebalance(bars, {"A": 0.5, "B": 0.5}).dropna()
    assert targets.to_numpy().tolist() == [[0.5, 0.0], [0.5, 0.5]]


def test_without_a_decision_at_the_start_the_first_one_is_on_the_first_date():
    targets = rebalance(flat(30), {"A": 1.0}, at_start=False)
    assert targets.dropna().index.strftime("%Y-%m-%d").tolist() == ["2025-01-31"]


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        ({"A": 0.5, "X": 0.5}, "'X'"),
        ({"A": np.inf}, "infinite"),
        ([0.5, 0.5], "list"),
        (lambda _: None, "NoneType"),
        (pd.Series([0.5, 0.5], index=["A", "A"]), "two weights for 'A'"),
    ],
)
def test_weights_that_are_none_are_refused(weights, what):
    with pytest.raises(ParameterError, match=what):
        rebalance(flat(5), weights)


@pytest.mark.parametrize("limits", [{"band": -0.1}, {"band": np.nan}, {"max_turnover": 0.0}, {"max_turnover": np.nan}])
def test_limits_that_make_no_sense_are_refused(limits):
    with pytest.raises(ParameterError, match=next(iter(limits))):
        rebalance(flat(5), {"A": 1.0}, **limits)


# ---- drift, bands, turnover ----


def test_only_what_has_drifted_further_than_the_band_is_traded_back():
    # a third each; B doubles: 1/4, 1/2, 1/4. With 10 % only B is out (by 1/6), with 5 % all are (by 1/12)
    bars = make_bars({"A": [100.0] * 3, "B": [100.0, 200.0, 200.0], "C": [100.0] * 3})
    third = dict.fromkeys("ABC", 1 / 3)
    wide = rebalance(bars, third, "day", band=0.1).iloc[1]
    np.testing.assert_allclose(wide, [np.nan, 1 / 3, np.nan])
    np.testing.assert_allclose(rebalance(bars, third, "day", band=0.05).iloc[1], [1 / 3] * 3)
    assert rebalance(bars, third, "day", band=0.2).iloc[1:].isna().all(axis=None)


def test_a_purchase_that_the_cash_does_not_pay_for_is_paid_by_what_is_above_its_weight():
    # 0.4, 0.3, 0.3; A halves: 0.25, 0.375, 0.375. A is out by 0.15 > 0.1; the others are in by 0.075 and pay for it in halves
    bars = make_bars({"A": [100.0, 50.0, 50.0], "B": [100.0] * 3, "C": [100.0] * 3})
    targets = rebalance(bars, {"A": 0.4, "B": 0.3, "C": 0.3}, "day", band=0.1)
    np.testing.assert_allclose(targets.iloc[1], [0.4, 0.3, 0.3])
    assert targets.iloc[2].isna().all()


def test_a_purchase_that_cash_pays_for_sells_nothing():
    # 0.4, 0.2 and 0.4 in cash; A halves: 0.25, 0.25, 0.5: A is bought with cash, B stays
    bars = make_bars({"A": [100.0, 50.0], "B": [100.0] * 2})
    np.testing.assert_allclose(rebalance(bars, {"A": 0.4, "B": 0.2}, "day", band=0.1).iloc[1], [0.4, np.nan])


def test_dividends_are_cash_in_the_drift():
    # 100 % of A, which pays a tenth of its price: 10 of 110 are cash
    bars = make_bars({"A": [100.0] * 3, "B": [100.0] * 3}, dividends={"A": {1: 10.0}})
    targets = rebalance(bars, {"A": 1.0}, "day", band=0.05)
    np.testing.assert_allclose(targets.iloc[1], [1.0, np.nan])
    assert rebalance(bars, {"A": 1.0}, "day", band=0.1).iloc[1].isna().all()


def test_what_is_delisted_or_no_member_is_cash_in_the_drift():
    bars = make_bars({"A": [100.0, 110.0, np.nan, np.nan], "B": [100.0] * 4})
    # 0.55 of 1.05 were paid out at the last close of A; B is 0.5 of 1.05
    targets = rebalance(bars, {"A": 0.5, "B": 0.5}, 2, band=0.02)
    np.testing.assert_allclose(targets.iloc[2], [np.nan, 0.5])
    assert rebalance(bars, {"A": 0.5, "B": 0.5}, 2, band=0.025).iloc[2].isna().all()
    days = [day.date() for day in bars.sessions]
    steady = make_bars({"A": [100.0, 110.0, 300.0, 300.0], "B": [100.0] * 4})
    rows = (Membership(symbol="A", start=days[0], end=days[1]), Membership(symbol="B", start=days[0], end=None))
    left = rebalance(replace(steady, membership=rows), {"A": 0.5, "B": 0.5}, 3, max_turnover=0.05)
    assert left.iloc[3, 0] != left.iloc[3, 0]  # A is gone since the third session, at 300: nothing is left to sell
    assert 0 < left.iloc[3, 1] < 0.2


def test_beyond_the_limit_all_trades_are_scaled_alike():
    # half of the first purchase of 1.0 is a turnover of 0.5, cut to 0.2: 0.4 are bought, then 0.4 of the missing 0.6, then 0.2
    targets = rebalance(flat(5), {"A": 0.75, "B": 0.25}, "day", max_turnover=0.2)
    np.testing.assert_allclose(targets.iloc[:3], [[0.3, 0.1], [0.6, 0.2], [0.75, 0.25]])
    assert targets.iloc[3:].isna().all(axis=None)


def test_a_run_drifts_between_the_dates_and_is_restored_on_them():
    bars = walk(60, "AB", start="2025-01-02")
    result = simulate(rebalanced({"A": 0.5, "B": 0.5}), bars, FREE)
    weights = (result.positions * bars.close).div(result.equity["equity"], axis=0)
    traded = result.fills["session"].drop_duplicates().dt.strftime("%Y-%m-%d").tolist()
    assert traded == ["2025-01-03", "2025-02-03", "2025-03-03"]
    month_end = bars.sessions.get_loc("2025-01-31")
    opened = (result.positions.iloc[month_end + 1] * bars.open.iloc[month_end + 1]) / result.equity["equity"].iloc[month_end]
    np.testing.assert_allclose(opened, [0.5, 0.5], rtol=1e-12)
    assert weights["A"].iloc[month_end] != pytest.approx(0.5, abs=1e-4)


def test_a_run_whose_window_begins_later_buys_at_its_start():
    bars = walk(60, "AB", start="2025-01-02")
    start = bars.sessions[25].date()  # 7 February
    result = simulate(rebalanced({"A": 0.5, "B": 0.5}, band=0.02), bars, FREE, start=start)
    assert result.fills["session"].iloc[0].date() == start
    later = simulate(rebalanced({"A": 0.5, "B": 0.5}, at_start=False), bars, FREE, start=start)
    assert str(later.fills["session"].iloc[0].date()) == "2025-03-03"


def test_sessions_are_counted_from_the_start_of_the_run():
    bars = walk(30, "AB", start="2025-01-02")
    result = simulate(rebalanced({"A": 0.5, "B": 0.5}, 10), bars, FREE, start=bars.sessions[6].date())
    rows = sorted({bars.sessions.get_loc(day) for day in result.fills["session"]})
    assert rows == [6, 16, 26]


def test_a_weight_for_a_stranger_ends_a_run_with_one_line():
    with pytest.raises((ParameterError, StrategyError), match="'X'"):
        simulate(rebalanced({"X": 1.0}), flat(5), FREE)


# ---- the same in bt, which trades at the close that decides; here each open is the close before ----


def in_bt(bars, *algos):
    strategy = bt.Strategy("same", list(algos))
    test = bt.Backtest(strategy, bars.close, initial_capital=FREE.cash, integer_positions=False)
    bt.run(test)
    return test.strategy.values.loc[bars.sessions].to_numpy()  # noqa: PD011 - a table of bt's, not of pandas


def assert_same_as_bt(strategy, bars, *algos):
    ours = simulate(strategy, bars, FREE)
    assert len(ours.fills) > 20
    np.testing.assert_allclose(ours.equity["equity"], in_bt(bars, *algos), rtol=1e-9)


def inverse_volatility(months):
    """The weights of bt's WeighInvVol, from the prices of so many calendar months."""

    def weigh(known):
        close = known.close.loc[known.sessions[-1] - pd.DateOffset(months=months) :]
        inverse = 1 / close.pct_change().std()
        return inverse / inverse.sum()

    return weigh


def test_inverse_volatility_every_month_is_that_of_bt():
    bars = walk(400)
    assert_same_as_bt(
        rebalanced(inverse_volatility(3), universe="A,B,C", at_start=False), bars,
        bt.algos.RunMonthly(run_on_first_date=False, run_on_end_of_period=True), bt.algos.SelectAll(),
        bt.algos.WeighInvVol(lookback=pd.DateOffset(months=3)), bt.algos.Rebalance(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("every", "run"),
    [("week-end", bt.algos.RunWeekly), ("month-end", bt.algos.RunMonthly), ("quarter-end", bt.algos.RunQuarterly),
     ("year-end", bt.algos.RunYearly), ("day", bt.algos.RunDaily)],
)  # fmt: skip
def test_equal_weights_on_every_schedule_are_those_of_bt(every, run):
    bars = walk(1100 if every == "year-end" else 700, "ABCDE")
    assert_same_as_bt(
        rebalanced(dict.fromkeys("ABCDE", 0.2), every, universe="A,B,C,D,E"), bars,
        run(run_on_first_date=True, run_on_end_of_period=True), bt.algos.SelectAll(), bt.algos.WeighEqually(),
        bt.algos.Rebalance(),
    )  # fmt: skip


def test_a_tolerance_band_on_two_halves_is_that_of_bt():
    # of two halves one is as far above as the other below: bt trades both back, and so does a band; bt's tolerance is relative
    bars = walk(400, "AB")
    assert_same_as_bt(
        rebalanced({"A": 0.5, "B": 0.5}, "day", band=0.03), bars,
        bt.algos.SelectAll(), bt.algos.WeighEqually(), bt.algos.RunIfOutOfBounds(0.06), bt.algos.Rebalance(),
    )  # fmt: skip


# ---- laws ----

parts = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).filter(lambda numbers: sum(numbers) > 0.1)
schedules = st.sampled_from(["day", "week-end", 1, 3, pd.offsets.Week(weekday=2)])


def normal(numbers):
    return dict(zip("ABC", (np.array(numbers) / sum(numbers)).tolist(), strict=True))


@law
@given(parts, schedules, st.integers(0, 1000))
def test_restoring_the_weights_that_are_held_trades_nothing(numbers, every, seed):
    one = walk(12, "A", seed).close["A"].tolist()  # all symbols move alike, so nothing drifts
    bars = make_bars(dict.fromkeys("ABC", one), opens={symbol: [one[0], *one[:-1]] for symbol in "ABC"})
    strategy = rebalanced(normal(numbers), every, universe="A,B,C")
    assert {fill.session for fill in run_simulation(strategy, bars, FREE).fills} <= {1}
    assert rebalance(bars, normal(numbers), every, band=0.0).iloc[1:].isna().all(axis=None)


@law
@given(markets(), parts, schedules, st.floats(0.01, 1.0), st.sampled_from([None, 0.0, 0.05]))
def test_the_turnover_limit_is_never_passed(bars, numbers, every, most, band):
    targets = rebalance(bars, normal(numbers), every, max_turnover=most, band=band)
    value, cash = np.zeros(3), 1.0  # a second set of books: dollars of each symbol after one dollar at the start
    close, paid, listed = bars.close.ffill().to_numpy(), bars.dividends.to_numpy(), bars.close.notna().to_numpy()
    for row, wanted in enumerate(targets.to_numpy()):
        if row:
            for k in np.flatnonzero(value):
                cash += value[k] / close[row - 1, k] * paid[row, k]
                value[k] *= close[row, k] / close[row - 1, k]
                if not listed[row, k]:
                    cash, value[k] = cash + value[k], 0.0
        equity = cash + value.sum()
        after = np.where(np.isnan(wanted), value, wanted * equity)
        assert np.abs(after - value).sum() / 2 <= most * equity + 1e-9
        cash, value = equity - after.sum(), after
        assert cash > -1e-9  # nothing is borrowed for weights that sum to one


@law
@given(markets(), parts, schedules)
def test_what_is_not_listed_has_the_weight_zero(bars, numbers, every):
    targets = rebalance(bars, normal(numbers), every)
    unlisted = targets.where(bars.close.isna())
    assert not unlisted.fillna(0.0).to_numpy().any()


@law
@given(markets(), parts, schedules)
def test_with_an_endless_band_nothing_is_traded_while_what_was_bought_first_is_held(bars, numbers, every):
    targets = rebalance(bars, normal(numbers), every, band=np.inf)
    bought = targets.fillna(0.0).ne(0).to_numpy()
    if bought.any():
        first = int(np.argmax(bought.any(axis=1)))
        held = bars.close.notna().to_numpy()[:, bought[first]].any(axis=1)
        assert targets[held].iloc[1 + int(held[:first].sum()) :].isna().all(axis=None)


@law
@given(parts, parts, st.floats(0.0, 0.3))
def test_a_band_never_borrows_and_never_trades_away_from_a_weight(held, wanted, band):
    held, wanted = (np.array(numbers) / max(sum(numbers), 1.0) for numbers in (held, wanted))
    change = banded_trades(held, wanted, band)
    assert (held + change).sum() <= max(held.sum(), wanted.sum(), 1.0) + 1e-9
    assert (np.abs(held + change - wanted) <= np.abs(held - wanted) + 1e-12).all()
    assert (change[np.abs(held - wanted) > band + 1e-9] != 0).all()
