import json
import math
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.borrow_rates import BorrowRate
from dipfolio.data.membership import Membership
from dipfolio.data.risk_free import RiskFree
from dipfolio.data.schema import Split
from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.holding_paths import holding_paths, profit_by_session
from dipfolio.engine.metrics import measure
from dipfolio.engine.result import cast_columns, common_riskless_rate, load
from dipfolio.engine.simulation import checked_targets, simulate, simulate_trades
from dipfolio.engine.strategy import Strategy, no_instruction, wrap_backtrader
from dipfolio.errors import DataError, ParameterError, StrategyError, WindowError
from tests.support.markets import make_bars, random_market
from tests.support.strategies import script

FREE = Account().without_costs()
NAN = np.nan


def test_a_decision_is_filled_at_the_next_open_by_its_own_size():
    market = {"closes": {"A": [100, 110, 120]}, "opens": {"A": [100, 104, 118]}}
    result = simulate(script({0: {"A": 0.5}}, unit="weight"), make_bars(**market), FREE)
    # half of 1,000,000 at the close of 100 is 5,000 shares, paid with 104 each
    assert result.fills[["shares", "price", "at"]].to_numpy().tolist() == [[5000, 104, "open"]]
    assert result.equity["equity"].tolist() == [1_000_000, 1_000_000 + 5000 * 6, 1_000_000 + 5000 * 16]
    assert result.equity["return"].tolist() == pytest.approx([0, 0.03, 1.08 / 1.03 - 1])


def test_a_decision_may_be_filled_at_the_next_close():
    result = simulate(script({0: {"A": 100}}, fill="close"), make_bars({"A": [100, 110, 120]}), FREE)
    assert result.fills[["price", "at"]].to_numpy().tolist() == [[110, "close"]]


def test_the_first_decision_of_a_window_falls_on_the_close_before_it():
    bars = make_bars({"A": [100, 110, 121, 133.1]}, opens={"A": [100, 110, 110, 133.1]})
    result = simulate(script({1: {"A": 1.0}}, unit="weight"), bars, FREE, start=bars.sessions[2].date(), benchmark="A")
    assert result.base == bars.sessions[1].date()
    assert result.window == (bars.sessions[2].date(), bars.sessions[3].date())
    # 9,090 shares bought at 110: the window's first return is its own, and the benchmark's starts at the same close
    assert result.equity["return"].iloc[0] == pytest.approx(9090 * 11 / 1e6)
    assert result.equity["benchmark"].tolist() == pytest.approx([0.1, 0.1])


def test_nothing_is_decided_before_the_close_before_the_window():
    bars = make_bars({"A": [100, 110, 121, 133]})
    result = simulate(script({0: {"A": 100}}), bars, FREE, start=bars.sessions[2].date())
    assert len(result.fills) == 0


def test_the_strategy_never_sees_beyond_the_end():
    bars = make_bars({"A": [100, 110, 121, 133]})
    seen = []

    class Watching(type(script({}))):
        def targets(self, bars):
            seen.append(len(bars))
            return super().targets(bars)

    result = simulate(Watching(universe="A"), bars, FREE, end=bars.sessions[2].date())
    assert seen == [3]
    assert len(result.equity) == 3


def test_the_benchmark_includes_its_dividends():
    bars = make_bars({"A": [1, 1, 1], "M": [100, 99, 99]}, dividends={"M": {1: 2.0}})
    result = simulate(script({}), bars, FREE, benchmark="M")
    assert result.equity["benchmark"].tolist() == pytest.approx([0, 0.01, 0])


def test_the_record_names_what_was_used():
    bars = make_bars({"A": [1, 1], "B": [1, 1], "M": [1, 1]})
    result = simulate(script({}), bars, FREE, benchmark="M")
    assert list(result.provenance.sessions) == ["A", "M"]
    assert result.provenance.sha256 == bars.select(("A", "M")).provenance.sha256
    assert result.versions["backtrader"] == "1.9.78.123"


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (date(2025, 2, 1), date(2025, 1, 1), "start, 2025-02-01, is after the end, 2025-01-01"),
        (date(2030, 1, 1), None, "No session from 2030-01-01 to the last: the data run from 2025-01-02 to 2025-01-06."),
        (date(2025, 1, 4), date(2025, 1, 5), "No session from 2025-01-04 to 2025-01-05"),
        (None, date(2020, 1, 1), "No session from the first to 2020-01-01"),
    ],
)
def test_a_window_without_a_session_is_refused(start, end, message):
    with pytest.raises(WindowError, match=message):
        simulate(script({}), make_bars({"A": [1, 1, 1]}), FREE, start=start, end=end)


def test_a_window_of_one_session_can_be_simulated():
    bars = make_bars({"A": [100, 110, 121]})
    result = simulate(script({0: {"A": 10}}), bars, FREE, start=bars.sessions[1].date(), end=bars.sessions[1].date())
    assert result.equity["equity"].tolist() == [1_000_000]
    assert result.open_positions["shares"].tolist() == [10]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (lambda _: None, "must return a DataFrame, found NoneType"),
        (lambda bars: bars.close.iloc[1:], "3 x 1; found 2 x 1"),
        (lambda bars: bars.close.rename(columns={"A": "B"}), "sessions and symbols of the bars"),
        (lambda bars: bars.close * np.inf, "the target of A on 2025-01-02 is infinite"),
        (lambda bars: bars.close.astype(str) + "x", "targets must be numbers"),
    ],
)
def test_targets_that_break_the_contract_are_refused(targets, message):
    class Broken(type(script({}))):
        def targets(self, bars):
            return targets(bars)

    with pytest.raises(StrategyError, match=message):
        simulate(Broken(universe="A"), make_bars({"A": [1.0, 1.0, 1.0]}), FREE)


def signal(bars):
    return bars.close > 100


NOT_NUMBERS = {
    "bool": signal,
    "nullable bool": lambda bars: signal(bars).astype("boolean"),
    "bool and NaN": lambda bars: signal(bars).astype(object).where(signal(bars)),
    "one bool among numbers": lambda bars: signal(bars).astype(object).where(signal(bars), 0.5),
    "one bool column": lambda bars: no_instruction(bars).assign(B=signal(bars)["B"]),
    "text": lambda bars: bars.close.astype(str),
    "text as objects": lambda bars: bars.close.astype(str).astype(object),
    "categories": lambda bars: bars.close.astype("category"),
    "complex": lambda bars: bars.close + 1j,
    "dates": lambda bars: bars.close.apply(lambda column: pd.Series(column.index, index=column.index)),
    "times": lambda bars: bars.close.apply(lambda column: pd.Series(column.index - column.index[0], index=column.index)),
    "lists": lambda bars: bars.close.map(lambda price: [price]),
}


def answering(answer):
    """A strategy over A and B that gives this table."""

    class Answering(type(script({}))):
        def targets(self, bars):
            return answer(bars)

    return Answering(universe="A,B", fill="open")


@pytest.mark.parametrize("kind", NOT_NUMBERS)
def test_targets_that_are_no_numbers_are_refused_with_the_remedy(kind):
    bars = make_bars({"A": [100.0, 101, 102], "B": [100.0, 99, 102]})
    with pytest.raises(
        StrategyError, match=r"answering: targets must be numbers, how much to hold; those of [AB] are "
    ) as caught:
        simulate(answering(NOT_NUMBERS[kind]), bars)
    remedy = "no_instruction(bars).mask(signal, weight)" if "bool" in kind else "Start from no_instruction(bars)"
    assert remedy in str(caught.value)


NUMBERS = {
    "objects with None": lambda wanted: wanted.astype(object).where(wanted.notna(), None),
    "decimals": lambda wanted: wanted.map(lambda value: None if value != value else Decimal(int(value))),
    "fractions": lambda wanted: wanted.map(lambda value: pd.NA if value != value else Fraction(int(value))),
    "whole numbers": lambda wanted: wanted.fillna(7).astype("int16"),
    "nullable whole numbers": lambda wanted: wanted.astype("Int64"),
    "nullable floats": lambda wanted: wanted.astype("Float64"),
    "arrow": lambda wanted: wanted.astype("double[pyarrow]"),
    "half precision": lambda wanted: wanted.astype("float16"),
    "sparse": lambda wanted: wanted.astype(pd.SparseDtype("float64")),
    "columns turned": lambda wanted: wanted[["B", "A"]],
    "rows turned": lambda wanted: wanted.iloc[::-1],
    "seconds": lambda wanted: wanted.set_axis(wanted.index.astype("datetime64[s]")),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_every_dtype_and_order_are_read_rightly(kind):
    bars = make_bars({"A": [100.0, 101, 102], "B": [100.0, 99, 102]})
    wanted = no_instruction(bars)
    wanted.iloc[0, 0], wanted.iloc[1, 1] = 7, -3
    read = checked_targets(answering(lambda _: NUMBERS[kind](wanted)), bars)
    expected = wanted.fillna(7) if kind == "whole numbers" else wanted
    pd.testing.assert_frame_equal(read, expected, check_names=False, check_freq=False)
    assert (read.dtypes == "float64").all()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda _: None, "must return a DataFrame, found NoneType. End it with a return."),
        (lambda bars: bars.close["A"], "found Series. Write one column for each symbol"),
        (lambda bars: bars.close.to_numpy(), "found ndarray. Write pd.DataFrame(values, index=bars.sessions"),
        (lambda bars: bars.close.to_dict(), "found dict. no_instruction(bars) gives an empty table"),
        (lambda bars: bars.close[["A"]], "3 x 2; found 3 x 1, where the symbol 'B' is missing."),
        (lambda bars: bars.close.assign(C=1.0), "found 3 x 3, where the symbol 'C' is none of the bars."),
        (lambda bars: bars.close.rename(columns=str.lower), "where the symbol 'a' is none of the bars."),
        (lambda bars: bars.close[["A", "B", "B"]], "found 3 x 3, where the symbol 'B' stands twice."),
        (lambda bars: bars.close.iloc[[0, 0, 1, 2]], "found 4 x 2, where the session 2025-01-02 stands twice."),
        (lambda bars: bars.close.dropna().iloc[1:], "found 2 x 2, where the session 2025-01-02 is missing."),
        (lambda bars: bars.close.reset_index(drop=True), "where the session 0 is none of the bars."),
        (lambda bars: bars.close.T, "found 2 x 3, where the session 'A' is none of the bars."),
        (lambda bars: bars.close / 0, "the target of A on 2025-01-02 is infinite. Look for a"),
    ],
)
def test_a_table_of_another_shape_is_refused_with_the_first_place_and_the_remedy(answer, message):
    bars = make_bars({"A": [100.0, 101, 102], "B": [100.0, 99, 102]})
    with pytest.raises(StrategyError) as caught:
        checked_targets(answering(answer), bars)
    assert message in str(caught.value)


def test_a_symbol_that_is_not_listed_yet_is_bought_when_it_appears():
    bars = make_bars({"A": [10] * 5, "B": [NAN, NAN, 20, 20, 20]})
    rows = {row: {"A": 0.5, "B": 0.5} for row in range(5)}
    result = simulate(script(rows, universe="A,B", unit="weight"), bars, FREE)
    bought = result.fills[["session", "symbol", "price"]].to_numpy().tolist()
    assert bought == [[bars.sessions[1], "A", 10], [bars.sessions[3], "B", 20]]


def test_a_margin_call_closes_everything_at_the_next_open_and_is_on_record():
    # 1,000 dollars, short 15 at 100 (equity 1,000 = 67 % of the short); at 120 equity is 700 = 39 %, at 135 475 = 23 %
    bars = make_bars({"A": [100, 100, 120, 135, 140, 150]})
    account = Account(cash=1000, max_leverage=2).without_costs()
    result = simulate(script({0: {"A": -15}}), bars, account)
    assert result.trades[["exit_price", "reason"]].to_numpy().tolist() == [[140, "margin call"]]
    event = result.events.iloc[0]
    assert (event["kind"], event["session"]) == ("margin call", bars.sessions[3])
    assert result.equity["equity"].tolist() == [1000, 1000, 700, 475, 400, 400]


def test_a_lost_account_ends_the_run_and_says_so():
    bars = make_bars({"A": [100, 100, 180, 90, 80]})
    account = Account(cash=1000).without_costs()
    result = simulate(script({0: {"A": -15}}), bars, account)
    assert result.bankrupt
    assert result.equity["equity"].tolist() == [1000, 1000, -200]
    assert result.window[1] == bars.sessions[2].date()


def test_idle_cash_stays_in_the_record():
    bars = make_bars({"A": [100.0] * 8})
    result = simulate(script({4: {"A": 10}}, exits=(HoldFor(1),)), bars, FREE)
    assert len(result.returns) == 8


def test_the_same_simulation_gives_an_equal_record():
    bars = make_bars({"A": [100, 101, 99, 103]})
    one, other = (simulate(script({0: {"A": 0.9}}, unit="weight"), bars) for _ in range(2))
    assert one == other


def test_costs_are_charged_by_session():
    bars = make_bars({"A": [100, 100, 100, 100]})
    account = Account(slippage_bps=10, sec_taf=True)
    result = simulate(script({0: {"A": 1000}, 1: {"A": 0}}), bars, account)
    table = result.equity
    assert table["commission"].tolist() == [0, 5, 5, 0]
    # sold 1,000 at 99.90: SEC 99,900 x 27.80e-6 = 2.77722, TAF 0.166
    assert table["fees"].tolist() == pytest.approx([0, 0, 2.77722 + 0.166, 0])
    assert table["slippage"].tolist() == pytest.approx([0, 100, 100, 0])
    assert table["equity"].iloc[-1] == pytest.approx(1_000_000 - 200 - 10 - 2.94322)


def test_exposure_is_what_is_held_on_the_close():
    bars = make_bars({"A": [100, 110, 120], "B": [50, 50, 40]})
    result = simulate(script({0: {"A": 10, "B": -20}}, universe="A,B"), bars, FREE)
    assert result.equity["gross"].tolist() == [0, 2100, 2000]
    assert result.equity["net"].tolist() == [0, 100, 400]
    assert isinstance(result.positions, pd.DataFrame)
    assert result.positions.iloc[-1].tolist() == [10, -20]


@pytest.mark.parametrize(("closes", "day"), [([np.nan, np.nan, 100, 110], "2025-01-02"), ([100, 110, 120, np.nan], "2025-01-07")])
def test_a_benchmark_without_figures_is_no_market_that_stood_still(closes, day):
    bars = make_bars({"A": [100, 101, 102, 103], "M": closes})
    with pytest.raises(WindowError, match=f"The benchmark M has no data on {day}: its data run from .* Move --start or --end"):
        simulate(script({}), bars, FREE, benchmark="M")


def test_a_benchmark_needs_no_figures_before_the_window():
    bars = make_bars({"A": [100, 101, 102, 103], "M": [np.nan, 100, 110, 121]})
    result = simulate(script({}), bars, FREE, benchmark="M", start=bars.sessions[2].date())
    assert result.equity["benchmark"].tolist() == pytest.approx([0.1, 0.1])
    with pytest.raises(WindowError, match="no data on 2025-01-02"):  # the first return would be from there
        simulate(script({}), bars, FREE, benchmark="M", start=bars.sessions[1].date())


# ---- rules in dollars a share are about the shares of the day, not about those of split-adjusted prices ----


TEN = (Split(symbol="A", day=date(2025, 2, 3), ratio=10),)  # after all these bars: ten of today's shares were one


def run(rows, account, closes=(2.0, 2.0, 2.0, 2.0)):
    bars = replace(make_bars({"A": list(closes)}, volumes={"A": [1e9] * len(closes)}), splits=TEN)
    return simulate(script(rows, resize=True), bars, account)


def test_commission_is_charged_on_the_shares_of_the_day():
    result = run({0: {"A": 100_000}}, Account(slippage_bps=0))
    # 10,000 shares at 20 dollars: 50 dollars, not 500
    assert result.fills["commission"].tolist() == [50]


def test_the_trading_activity_fee_is_too():
    result = run({0: {"A": 10_000}, 1: {"A": 0}}, Account(slippage_bps=0))
    # sold 1,000 shares at 20: SEC 20,000 x 27.80e-6, TAF 1,000 x 0.000166
    assert result.fills["fees"].tolist() == [0, pytest.approx(0.556 + 0.166)]


def test_collateral_is_rounded_up_on_the_price_of_the_day():
    account = Account(borrow_rate=0.36, slippage_bps=0, sec_taf=False, commission_per_share=0, commission_minimum=0)
    result = run({0: {"A": -1000}}, account)
    # 100 shares at 20 dollars, ceil(20.40) = 21: 2.10 a day; Friday to Monday 3 days, then one
    assert result.equity["borrow"].tolist() == [0, 0, pytest.approx(6.3), pytest.approx(2.1)]


def test_five_dollars_a_share_are_asked_of_the_shares_of_the_day():
    # 1,000 of today's shares short at 2 are 100 at 20: 30 % of 2,000 is 600, more than 100 x 5
    account = Account(cash=1100).without_costs()
    assert run({0: {"A": -1000}}, account).events["kind"].tolist() == []
    unsplit = simulate(script({0: {"A": -1000}}), make_bars({"A": [2.0] * 4}), account)
    assert unsplit.events["detail"].tolist() == ["-1,000 to -440 shares"]  # 1,100 are 440 x 2.50 dollars


def test_both_sets_of_books_use_them():
    result = run({0: {"A": -50_000}, 2: {"A": 30_000}}, Account(), closes=(2, 2.1, 1.9, 2.2, 2.3))
    assert result.residual < 1e-6
    assert result.equity["commission"].sum() > 0


def test_positions_and_prices_stay_those_of_today():
    result = run({0: {"A": 1000}}, Account().without_costs())
    assert result.fills[["shares", "price"]].to_numpy().tolist() == [[1000, 2]]


class BuyWhenNervous(Strategy):
    """Buy A after a close of the volatility index of 25 or more."""

    universe: str = "A,^VIX"

    def targets(self, bars):
        wanted = no_instruction(bars)
        wanted.loc[bars.close["^VIX"] >= 25, "A"] = 1.0
        return wanted


def test_a_strategy_may_read_what_cannot_be_traded():
    bars = make_bars({"A": [10, 11, 12, 13], "^VIX": [20, 26, 30, 20]})
    fills = simulate(BuyWhenNervous(), bars).fills
    assert fills["symbol"].tolist() == ["A"]
    assert fills["session"].tolist() == [bars.sessions[2]]


@pytest.mark.parametrize("symbol", ["^VIX", "^IRX"])
def test_a_target_of_what_cannot_be_traded_is_refused(symbol):
    class Buy(Strategy):
        """Buy everything."""

        universe: str = f"A,{symbol}"

        def targets(self, bars):
            return no_instruction(bars).fillna(0.5)

    with pytest.raises(
        ParameterError, match=rf"\{symbol} \(.*\) cannot be traded; a strategy may read it and gives it no target"
    ):
        simulate(Buy(), make_bars({"A": [10, 11], symbol: [20, 26]}))


def test_a_fill_of_a_backtrader_strategy_in_what_cannot_be_traded_is_refused():
    import backtrader as bt

    class Buys(bt.Strategy):
        """Buy one of each."""

        def next(self):
            for data in self.datas:
                self.buy(data, size=1)

    brought = wrap_backtrader(Buys)
    bars = make_bars({"A": [10, 11, 12], "^VIX": [20, 26, 30]})
    with pytest.raises(ParameterError, match=r"\^VIX .* cannot be traded"):
        simulate(brought(universe="A,^VIX"), bars)
    assert set(simulate(brought(universe="A"), bars).fills["symbol"]) == {"A"}


def test_what_nobody_can_hold_is_no_benchmark():
    with pytest.raises(ParameterError, match=r"\^VIX .* cannot be held, so it is no benchmark"):
        simulate(BuyWhenNervous(), make_bars({"A": [10, 11], "^VIX": [20, 26]}), benchmark="^VIX")


def dated(rows, **market):
    """Hand-made bars with dated members."""
    members = tuple(Membership(symbol=symbol, start=date.fromisoformat(start), end=end) for symbol, start, end in rows)
    return replace(make_bars(**market), membership=members)


class BuyAll(Strategy):
    """Half of the equity in each symbol, whether it is a member or not."""

    universe: str = "@universe"

    def targets(self, bars):
        return no_instruction(bars).fillna(0.5)


def test_a_symbol_is_bought_after_the_close_of_its_first_day_as_a_member_and_sold_after_its_last():
    """A is a member up to 6 January, so the close of the 7th says that it is none; B is one from the 7th on."""
    rows = [("A", "2024-06-03", date(2025, 1, 6)), ("B", "2025-01-07", None)]
    closes = {"A": [10.0] * 6, "B": [20.0] * 6}
    bars = dated(rows, closes=closes)
    fills = simulate(BuyAll(), bars, FREE).fills
    days = [str(day.date()) for day in bars.sessions]
    assert days[3] == "2025-01-07"
    told = [(str(row.session.date()), row.symbol, row.shares) for row in fills.itertuples()]
    assert told == [(days[1], "A", 50_000), (days[4], "A", -50_000), (days[4], "B", 25_000)]


def test_membership_of_later_days_changes_nothing_before():
    """No decision up to the fourth session depends on whether B is a member on the fifth."""
    market = random_market(12, "AB", seed=9)
    early = [("A", "2025-01-02", None), ("B", "2025-01-10", None)]
    one, other = (checked_targets(BuyAll(), dated(rows, **market)) for rows in (early, early[:1]))
    assert one["A"].equals(other["A"])
    assert one["B"].iloc[:5].isna().all()
    assert one["B"].iloc[5:].eq(0.5).all()
    assert other["B"].isna().all()


def test_a_strategy_on_named_symbols_is_not_limited():
    class BuyBoth(BuyAll):
        """The same on two symbols by name."""

        universe: str = "A,B"

    bars = dated([("A", "2025-01-02", date(2025, 1, 2))], closes={"A": [10.0] * 4, "B": [20.0] * 4})
    assert set(simulate(BuyBoth(), bars, FREE).fills["symbol"]) == {"A", "B"}


def test_a_backtrader_strategy_is_refused_on_dated_members():
    import backtrader as bt

    class Buys(bt.Strategy):
        """Buy one."""

        def next(self):
            self.buy(size=1)

    bars = dated([("A", "2025-01-02", None)], closes={"A": [10.0] * 4})
    with pytest.raises(ParameterError, match="sends its own orders, so @universe cannot limit it"):
        simulate(wrap_backtrader(Buys)(universe="@universe"), bars)


@pytest.mark.parametrize("start", [None, date(2025, 1, 10)])
def test_trades_without_a_record_are_those_of_the_record(start):
    bars = make_bars(**random_market(60, "AB"))
    idea = script({5: {"A": 0.4}, 20: {"A": -0.4, "B": 0.3}, 40: {"A": 0.0}}, universe="A,B", unit="weight", exits=(HoldFor(9),))
    account = Account(slippage_bps=7.0)
    recorded = simulate(idea, bars, account, start=start)
    run_log, trades, open_positions = simulate_trades(idea, bars, account, start=start)
    assert cast_columns(trades).equals(recorded.trades)
    assert cast_columns(open_positions).equals(recorded.open_positions)
    assert len(trades)
    assert run_log.equity[run_log.last] == recorded.equity["equity"].iloc[-1]


# ---- interest by a dated rate ----


def rate_from(days):
    """A rate that is known from each of these days on."""
    return RiskFree(rates=pd.Series(days.values(), index=pd.DatetimeIndex(list(days)), dtype="float64"), description="made up")


def test_each_night_earns_by_the_last_rate_that_was_known_on_the_close_before_it():
    # Thursday 30 January, Friday, Monday 3 February, Tuesday: a weekend over the end of the month
    bars = make_bars({"A": [100.0] * 4}, start="2025-01-30")
    bars = bars.with_cash_rate(rate_from({"2025-01-29": 0.041, "2025-01-31": 0.053, "2025-02-02": 0.077, "2025-02-04": 0.4}))
    table = simulate(script({}), bars, Account(cash=360_000.0)).equity
    first, second = 36.0, (360_036.0) * 0.048 * 3 / 360  # 4.1 % less 0.5 % for a night; 5.3 % less 0.5 % for three
    third = (360_036.0 + second) * 0.072 / 360  # what was published on Sunday counts from Monday's close on
    assert table["interest_earned"].tolist() == pytest.approx([0, first, second, third], abs=1e-9)
    assert table["cash_rate"].tolist() == [0.041, 0.041, 0.053, 0.077]
    assert table["equity"].iloc[-1] == pytest.approx(360_000 + first + second + third, abs=1e-9)
    assert not table["interest"].any()


def test_a_long_weekend_has_four_nights():
    bars = make_bars({"A": [100.0] * 3}, start="2025-01-16").with_cash_rate(0.041)  # Monday the 20th was a holiday
    earned = simulate(script({}), bars, Account(cash=360_000.0)).equity["interest_earned"]
    assert earned.tolist() == pytest.approx([0, 36.0, 4 * 360_036 * 0.036 / 360], abs=1e-9)


def test_short_proceeds_earn_the_rebate_and_debt_pays_the_debit_rate():
    bars = make_bars({"A": [100.0, 100, 110, 110], "B": [100.0] * 4}).with_cash_rate(0.0485)  # Thursday 2 January to Tuesday
    account = replace(Account(cash=36_000.0), commission_per_share=0, commission_minimum=0, sec_taf=False, slippage_bps=0)
    account = replace(account, borrow_rate=0.0)
    short = simulate(script({0: {"A": -90}}), bars, account).equity  # sold for 9,000 on Friday, worth 9,900 on Monday
    night = 36_000 * 0.0435 / 360
    weekend = 3 * ((36_000 + night) * 0.0435 + 9_000 * 0.036) / 360
    last = ((45_000 + night + weekend - 9_900) * 0.0435 + 9_900 * 0.036) / 360
    assert short["interest_earned"].tolist() == pytest.approx([0, night, weekend, last], abs=1e-9)
    assert not short["interest"].any()
    debt = simulate(script({0: {"B": 500}}, universe="B"), bars, account).equity  # for 50,000
    owed = -(36_000 + night - 50_000)
    assert debt["interest"].tolist() == pytest.approx([0, 0, owed * 0.0635 * 3 / 360, owed * (1 + 0.0635 / 120) * 0.0635 / 360])
    assert debt["interest_earned"].tolist() == pytest.approx([0, night, 0, 0])


def test_proceeds_that_pay_for_longs_are_a_loan():
    bars = make_bars({"A": [100.0] * 4, "B": [100.0] * 4}).with_cash_rate(0.045)
    account = replace(Account(cash=36_000.0).without_costs(), rebate_spread=0.0125, debit_spread=0.015)
    table = simulate(script({0: {"A": 540, "B": -180}}, universe="A,B"), bars, account).equity
    assert table["cash"].iloc[1] == pytest.approx(36_000 + 4.5 - 54_000 + 18_000)
    assert table["interest"].iloc[2] == pytest.approx((18_000 - 4.5) * 0.06 * 3 / 360)
    assert table["interest_earned"].iloc[2] == pytest.approx(18_000 * 0.0325 * 3 / 360)


@pytest.mark.parametrize("start", [None, date(2025, 1, 13)])
def test_an_idle_account_has_no_ratio_and_not_one_below_zero(start):
    bars = make_bars({"A": [100.0] * 250}).with_cash_rate(
        rate_from({"2024-12-31": 0.043, "2025-03-02": 0.041, "2025-09-18": 0.001})
    )
    found = measure(simulate(script({}), bars, Account(), start=start))
    assert math.isnan(found.sharpe)
    assert math.isnan(found.sortino)
    assert found.total_return > 0.02
    assert measure(simulate(script({}), bars, Account(), start=start), 0.0).sharpe > 5  # what it is above nothing


def test_an_account_without_a_rate_has_no_column_for_it_and_the_old_record(tmp_path):
    result = simulate(script({}), make_bars({"A": [100.0] * 3}), Account())
    assert not {"interest_earned", "cash_rate"} & set(result.equity)
    result.save(tmp_path)
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert "rates" not in record
    assert not [name for name in record["account"] if name.endswith("spread")]


def test_a_record_with_a_rate_is_read_back_with_its_spreads_and_its_riskless_rate(tmp_path):
    bars = make_bars({"A": [100.0] * 5}).with_cash_rate(rate_from({"2025-01-01": 0.04, "2025-01-06": 0.05}))
    result = simulate(script({1: {"A": -10}}), bars, Account(credit_spread=0.01), start=date(2025, 1, 3))
    result.save(tmp_path)
    again = load(tmp_path)
    assert again == result
    assert again.account.credit_spread == 0.01
    assert again.rates.cash == "made up"
    assert again.rates.cash_sha256 == bars.cash_rate.fingerprint
    assert measure(again).sharpe == measure(result, result.account.riskless_rate(bars.cash_rate)).sharpe


def test_a_comparison_takes_off_what_idle_cash_earned_where_it_is_the_same_in_all_runs():
    bars = make_bars({"A": [100.0] * 5})
    one, other = (simulate(script({}), bars.with_cash_rate(0.04), Account(), start=start) for start in (None, date(2025, 1, 3)))
    assert str(common_riskless_rate([one, other])) == "what idle cash earns: 4.00% a year less 0.50%, by calendar days"
    for runs in ([one, simulate(script({}), bars, Account())], [one, simulate(script({}), bars.with_cash_rate(0.05))], []):
        assert str(common_riskless_rate(runs)) == "0.00% a year"


def test_another_rate_is_another_run():
    bars = make_bars({"A": [100.0] * 5})
    prints = {
        each.provenance.sha256
        for each in (
            bars,
            bars.with_cash_rate(0.04),
            bars.with_cash_rate(rate_from({"2025-01-01": 0.04})),
            bars.with_cash_rate(rate_from({"2025-01-01": 0.04, "2025-01-07": 0.05})),
        )
    }
    assert len(prints) == 4


def test_a_rate_of_later_than_the_bars_is_not_in_them():
    rate = rate_from({"2025-01-01": 0.04, "2025-01-06": 0.05, "2025-02-01": 0.06})
    bars = make_bars({"A": [100.0] * 5}).with_cash_rate(rate)
    assert bars.cash_rate.rates.tolist() == [0.04, 0.05]
    assert bars.until(date(2025, 1, 3)).cash_rate.rates.tolist() == [0.04]
    assert bars.between(date(2025, 1, 3), date(2025, 1, 6)).cash_rate.rates.tolist() == [0.04, 0.05]
    assert bars.select(("A",)).cash_rate is bars.cash_rate


def test_a_session_before_the_first_rate_is_refused():
    bars = make_bars({"A": [100.0] * 5}).with_cash_rate(replace(rate_from({"2025-01-06": 0.04}), noun="cash rate"))
    message = "The cash rate of made up begins on 2025-01-06, after the first session, 2025-01-02; give earlier rates"
    with pytest.raises(DataError, match=message):
        simulate(script({}), bars, Account())
    assert simulate(script({}), bars, Account(), start=date(2025, 1, 7)).equity["interest_earned"].gt(0).all()


# ---- borrow fees by symbol and date ----


@pytest.fixture
def lent():
    """Thursday 2 January to Wednesday: A costs 36 % a year from Friday on and 72 % from Tuesday on, B what the account says."""
    rows = [("A", date(2025, 1, 3), 0.36), ("A", date(2025, 1, 7), 0.72)]
    rates = tuple(BorrowRate(symbol=symbol, day=day, rate=rate) for symbol, day, rate in rows)
    return replace(make_bars({"A": [50.0] * 5, "B": [50.0] * 5}), borrow_rates=rates)


SHORTS = {0: {"A": -100, "B": -200}}


def test_each_short_pays_the_rate_that_was_known_on_the_close_before(lent):
    account = replace(Account(cash=100_000.0).without_costs(), borrow_rate=0.18)
    result = simulate(script(SHORTS, universe="A,B"), lent, account)
    # sold on Friday; 51 dollars a share for three days and two nights, the last of them at the rate of Tuesday
    first = 100 * 51 * 0.001 + 200 * 51 * 0.0005
    last = 100 * 51 * 0.002 + 200 * 51 * 0.0005
    assert result.equity["borrow"].tolist() == pytest.approx([0, 0, 3 * first, first, last], abs=1e-9)
    assert result.residual < 1e-9
    assert result.rates.borrow == "A"
    assert result.rates.borrow_sha256


def test_an_account_that_borrows_free_ignores_the_table(lent):
    result = simulate(script(SHORTS, universe="A,B"), lent, Account(borrow_rate=0.0))
    assert not result.equity["borrow"].any()
    assert result.rates.borrow == ""
    assert not simulate(script(SHORTS, universe="A,B"), lent, Account().without_costs()).equity["borrow"].any()


def test_the_paths_of_a_short_have_the_dated_fee_and_survive_the_record(lent, tmp_path):
    account = replace(Account(cash=100_000.0).without_costs(), borrow_rate=0.18)
    result = simulate(script({0: {"A": -100}, 2: {"A": 0}}), lent, account)
    result.save(tmp_path)
    for run in (result, load(tmp_path)):
        made = holding_paths(run).held["A"].tolist()
        assert made == pytest.approx([0, -3 * 5.1, -4 * 5.1, -4 * 5.1 - 10.2], abs=1e-9)  # had it been held on
        assert profit_by_session(run)["A"].sum() == pytest.approx(run.equity["equity"].iloc[-1] - 100_000, abs=1e-9)
    assert load(tmp_path) == result
