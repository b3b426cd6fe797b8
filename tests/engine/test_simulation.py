from datetime import date

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.simulation import simulate
from dipfolio.errors import StrategyError, WindowError
from tests.ideas import script
from tests.markets import make_bars

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
        (date(2030, 1, 1), None, "No session from 2030-01-01 to the last: the figures run from 2025-01-02 to 2025-01-06."),
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
    with pytest.raises(
        WindowError, match=f"The benchmark M has no figures on {day}: its figures run from .* Move --start or --end"
    ):
        simulate(script({}), bars, FREE, benchmark="M")


def test_a_benchmark_needs_no_figures_before_the_window():
    bars = make_bars({"A": [100, 101, 102, 103], "M": [np.nan, 100, 110, 121]})
    result = simulate(script({}), bars, FREE, benchmark="M", start=bars.sessions[2].date())
    assert result.equity["benchmark"].tolist() == pytest.approx([0.1, 0.1])
    with pytest.raises(WindowError, match="no figures on 2025-01-02"):  # the first return would be from there
        simulate(script({}), bars, FREE, benchmark="M", start=bars.sessions[1].date())
