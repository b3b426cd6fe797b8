"""Walk-forward on markets whose best variant changes, against arithmetic on paper and separate runs of backtrader."""

import math
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.data.bars import Bars
from dipfolio.data.schema import Split
from dipfolio.engine.account import Account
from dipfolio.engine.exits import At, HoldFor
from dipfolio.engine.metrics import drawdowns, sharpe
from dipfolio.engine.parameters import parameter
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy, enter, no_instruction
from dipfolio.errors import ParameterError, UnknownNameError, WindowError
from dipfolio.evidence import walk_forward
from dipfolio.evidence.walk_forward import (
    VariantChoice,
    WalkForwardScheme,
    chain_parts,
    closing_costs,
    run_walk_forward,
    split_sessions,
)
from tests.support.markets import make_bars, random_market
from tests.support.sweeps import Falls

FREE = replace(Account(cash=1_000, fractional=True, maintenance_short_per_share=0.0).without_costs(), max_volume_share=1.0)


@dataclass(frozen=True, kw_only=True)
class Keep(Strategy):
    """Buy on the first session and keep it."""

    universe: str = parameter("A", help="what")

    def targets(self, bars):
        return no_instruction(bars).fillna(1.0)


# Three parts of six sessions. A gains 50 %, loses 10 points, gains 14; B loses 10, gains 10, loses 20.
A = [100, 110, 120, 130, 140, 150, 150, 148, 146, 144, 142, 140, 140, 141, 145, 147, 150, 154]
B = [100, 98, 96, 94, 92, 90, 90, 92, 94, 96, 98, 100, 100, 95, 90, 88, 84, 80]
MARKET = make_bars({"A": A, "B": B, "M": [50 + k for k in range(18)]})


TWO = WalkForwardScheme(parts=2)


def chosen(found):
    return [part.choice.parameters["universe"] for part in found.parts]


def day(row, bars=MARKET):
    return bars.sessions[row].date()


def test_the_best_so_far_trades_the_next_part_and_the_equity_is_the_cash_of_the_one_after():
    found = run_walk_forward(Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=2, benchmark="M"), universe=["B", "A"])
    assert chosen(found) == ["A", "A"]
    assert [part.training for part in found.parts] == [(day(0), day(5)), (day(0), day(11))]
    assert [part.window for part in found.parts] == [(day(6), day(11)), (day(12), day(17))]
    first, second = found.parts
    assert first.choice.value == pytest.approx(50 / 100 - 10 / 100)  # decided at 100, bought at 110 one session later
    assert second.choice.value == pytest.approx((140 - 110) / 100)
    assert (first.choice.traded, first.trades, first.closed) == (2, 1, 1)
    shares = 1_000 / 150
    assert first.equity.tolist() == pytest.approx([1_000 + shares * (price - 150) for price in A[6:12]])
    assert second.cash == first.equity.iloc[-1] == pytest.approx(1_000 - shares * 10)
    assert second.equity.iloc[-1] == pytest.approx(second.cash + second.cash / 140 * 14)
    assert found.equity.index.equals(MARKET.sessions[6:])
    assert found.metrics.total_return == pytest.approx(found.equity.iloc[-1] / 1_000 - 1)
    assert found.benchmark_metrics.total_return == pytest.approx(67 / 55 - 1)
    assert found.since == day(5)
    assert found.hindsight.choice.parameters == {"universe": "A"}
    assert found.hindsight.equity.iloc[-1] == pytest.approx(1_000 + shares * 4)
    assert found.trades == 2
    assert (first.entry_dates, first.invested, found.metrics.time_in_market) == (1, 6, 1.0)
    assert (found.metrics.entry_dates, found.metrics.observations, found.metrics.trades) == (2, 2, 2)


def test_a_rolling_window_forgets_what_was_before_the_last_part():
    found = run_walk_forward(Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=2, walk_window="rolling"), universe=["A", "B"])
    assert chosen(found) == ["A", "B"]
    assert found.parts[1].training == (day(6), day(11))
    cash = found.parts[1].cash
    assert found.parts[1].equity.iloc[-1] == pytest.approx(cash - cash / 100 * 20)
    assert found.benchmark_metrics is None


def test_the_metrics_are_those_of_the_chained_returns():
    found = run_walk_forward(
        Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=2, walk_window="rolling", risk_free=0.03), universe=["A", "B"]
    )
    equity = found.equity
    returns = equity / np.concatenate([[1_000], equity.to_numpy()[:-1]]) - 1
    assert found.returns.to_numpy() == pytest.approx(returns.to_numpy())
    assert found.metrics.sharpe == pytest.approx(sharpe(returns, 0.03))
    assert found.metrics.worst_drawdown == pytest.approx(drawdowns(returns).min())
    days = (MARKET.sessions[17] - MARKET.sessions[5]).days
    assert found.metrics.annual_return == pytest.approx((equity.iloc[-1] / 1_000) ** (365.25 / days) - 1)
    assert found.parts[1].worst_drawdown == pytest.approx(80 / 100 - 1)


def test_less_volatility_is_better_and_of_equals_the_first_of_the_grid_is_chosen():
    calm = make_bars({"A": A, "B": [100 + k / 10 for k in range(18)], "C": A})
    found = run_walk_forward(Keep, calm, FREE, scheme=WalkForwardScheme(parts=2, rank_by="volatility"), universe=["A", "B"])
    assert chosen(found) == ["B", "B"]
    assert chosen(run_walk_forward(Keep, calm, FREE, scheme=TWO, universe=["C", "A"])) == ["C", "C"]


def test_what_is_open_at_the_end_of_a_part_is_closed_at_the_last_close_and_pays_for_it():
    account = replace(FREE, commission_per_share=0.5, commission_minimum=1.0, commission_maximum=1.0, slippage_bps=100.0)
    found = run_walk_forward(Keep, MARKET, account, scheme=TWO, universe=["A", "B"])
    shares, bought = 1_000 / 150, 150 * 1.01
    entry = shares * bought + 0.5 * shares
    assert found.parts[0].equity.iloc[-2] == pytest.approx(1_000 - entry + shares * 142)
    assert found.parts[0].closing_costs == pytest.approx(shares * 140 * 0.01 + 0.5 * shares)
    assert found.parts[0].equity.iloc[-1] == pytest.approx(1_000 - entry + shares * 140 * 0.99 - 0.5 * shares)
    assert found.parts[1].cash == found.parts[0].equity.iloc[-1]


def test_the_fees_of_closing_are_those_of_shares_as_traded_before_a_later_split():
    bars = replace(MARKET, splits=(Split(symbol="A", day=day(15), ratio=10.0),))
    account = replace(FREE, commission_per_share=0.5, commission_minimum=0.0, commission_maximum=1.0)
    result = simulate(Keep(), bars, account, start=day(6), end=day(11))
    shares = float(result.positions["A"].iloc[-1])
    assert closing_costs(result, bars) == pytest.approx(0.5 * shares / 10)
    assert closing_costs(result, MARKET) == pytest.approx(0.5 * shares)


@dataclass(frozen=True, kw_only=True)
class FallsUntil(Falls):
    """The same, with everything sold at the close of a day."""

    until: date = parameter(date(2025, 1, 1), help="last session")

    @property
    def exits(self):
        return (*super().exits, At(self.until))


def test_each_part_is_a_run_of_its_own_that_sells_everything_at_its_last_close():
    bars = make_bars(**random_market(150, "AB", seed=2))
    account, grid = Account(cash=50_000), [(drop, hold) for drop in (0.02, 0.03, 0.04) for hold in (2, 30)]
    names = {"universe": "A,B"}
    found = run_walk_forward(
        Falls, bars, account, scheme=WalkForwardScheme(parts=4), drop=[0.02, 0.03, 0.04], hold=[2, 30], **names
    )
    cash, closed, picks = 50_000.0, 0, set()
    for number, part in enumerate(found.parts, 1):
        past = bars.until(bars.sessions[30 * number - 1])
        runs = [simulate(Falls(drop=drop, hold=hold, **names), past, account) for drop, hold in grid]
        best = int(np.argmax([run.equity["equity"].iloc[-1] if len(run.fills) else -math.inf for run in runs]))
        drop, hold = grid[best]
        picks.add(best)
        assert part.choice.parameters == {"drop": drop, "hold": hold}
        assert part.choice.value == pytest.approx(runs[best].equity["equity"].iloc[-1] / 50_000 - 1)
        start, end = (bars.sessions[row].date() for row in (30 * number, 30 * number + 29))
        own = simulate(FallsUntil(drop=drop, hold=hold, until=end, **names), bars, Account(cash=cash), start=start, end=end)
        assert own.open_positions.empty
        assert part.equity.to_numpy() == pytest.approx(own.equity["equity"].to_numpy(), abs=0.005)
        assert part.trades == len(own.trades)
        cash = float(own.equity["equity"].iloc[-1])
        closed += part.closed
    assert len(picks) > 1
    assert closed > 1
    assert found.metrics.total_return == pytest.approx(cash / 50_000 - 1, abs=1e-6)


def changed_from(bars, row):
    """The same bars with other prices from a session on."""
    rng = np.random.default_rng(99)
    factor = np.ones((len(bars), len(bars.symbols)))
    factor[row:] = np.exp(rng.normal(0, 0.05, (len(bars) - row, len(bars.symbols))).cumsum(axis=0))
    return replace(bars, **{name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")})


@dataclass(frozen=True, kw_only=True)
class Clairvoyant(Falls):
    """Buys whenever the last price of all data is above the current one."""

    def targets(self, bars):
        return no_instruction(bars).mask(bars.close.iloc[[-1]].to_numpy() > bars.close * (1 + self.drop), 0.5)


@pytest.mark.parametrize("strategy", [Falls, Clairvoyant])
@pytest.mark.parametrize("walk_window", ["anchored", "rolling"])
def test_later_prices_change_no_earlier_choice(strategy, walk_window):
    bars = make_bars(**random_market(120, "AB", seed=5))
    terms = {
        "scheme": WalkForwardScheme(parts=3, walk_window=walk_window),
        "drop": "0.01:0.05:0.01",
        "hold": [1, 10],
        "universe": ["A", "B"],
    }
    one = run_walk_forward(strategy, bars, **terms)
    for part, border in enumerate((30, 60, 90)):
        other = run_walk_forward(strategy, changed_from(bars, border), **terms)
        for k in range(part + 1):
            assert one.parts[k].choice.parameters == other.parts[k].choice.parameters
            assert one.parts[k].choice.value == other.parts[k].choice.value
        if strategy is Falls:
            assert one.parts[part].equity.iloc[-1] != other.parts[part].equity.iloc[-1]
            for k in range(part):
                pd.testing.assert_series_equal(one.parts[k].equity, other.parts[k].equity)


def test_indicators_see_the_sessions_before_a_part():
    @dataclass(frozen=True, kw_only=True)
    class AboveMean(Strategy):
        """Hold what is above its mean of some sessions."""

        universe: str = parameter("A", help="what")
        window: int = parameter(5, help="sessions")

        def targets(self, bars):
            mean = bars.close.rolling(self.window).mean()
            return no_instruction(bars).mask(bars.close > mean, 1.0).mask(bars.close < mean, 0.0)

    bars = make_bars({"A": [100 + k for k in range(60)]})
    found = run_walk_forward(AboveMean, bars, FREE, scheme=WalkForwardScheme(parts=3), window=[5, 14])
    for part in found.parts:
        assert part.trades == part.closed == 1
        assert part.equity.iloc[1] > part.cash  # invested from the first session on, with a mean of those before


def test_nothing_is_chosen_among_variants_that_never_traded_and_the_account_stands_still():
    close = [100.0] * 12 + [90, 91, 92, 93, 94, 95] + [95] * 6 + [80, 81, 82, 83, 84, 85]
    bars = make_bars({"A": close})
    found = run_walk_forward(Falls, bars, FREE, scheme=WalkForwardScheme(parts=4), drop=[0.05, 0.08], hold=[2, 3])
    assert [part.choice.strategy is None for part in found.parts] == [True, True, False, False]
    assert [part.choice.traded for part in found.parts] == [0, 0, 4, 4]
    assert math.isnan(found.parts[0].choice.value)
    assert found.parts[0].choice.parameters == {}
    still = found.parts[2]
    assert (still.trades, still.total_return, still.worst_drawdown) == (0, 0.0, 0.0)
    assert found.parts[3].trades == 1
    assert found.parts[3].cash == 1_000


def test_after_a_bankruptcy_there_is_nothing_left_to_trade_with():
    @dataclass(frozen=True, kw_only=True)
    class Short(Strategy):
        """Short what there is."""

        universe: str = parameter("A", help="what")
        weight: float = parameter(0.5, help="of equity")

        def targets(self, bars):
            return no_instruction(bars).fillna(-self.weight)

    prices = [100, 99, 98, 97, 96, 95, 95, 95, 95, 400, 400, 400, *range(400, 394, -1)]
    found = run_walk_forward(Short, make_bars({"A": prices}), FREE, scheme=TWO, weight=[0.5, 1.0])
    assert found.parts[0].choice.parameters == {"weight": 1.0}
    debt = 1_000 - 1_000 / 95 * (400 - 95)
    assert found.parts[0].equity.tolist() == pytest.approx([1_000, 1_000, 1_000, debt, debt, debt])
    assert found.parts[0].closing_costs == 0
    assert found.parts[1].equity.tolist() == pytest.approx([debt] * 6)
    assert (found.parts[1].total_return, found.parts[1].trades) == (0, 0)
    assert found.metrics.total_return == pytest.approx(debt / 1_000 - 1)


@dataclass(frozen=True, kw_only=True)
class OnOneDay(Strategy):
    """Buy on one day."""

    universe: str = parameter("A", help="what")
    day: date = parameter(date(2025, 1, 10), help="session in which to buy")
    hold: int = parameter(2, help="how long")

    @property
    def exits(self):
        return (HoldFor(self.hold),)

    def targets(self, bars):
        return enter(bars, on=self.day, weight=1.0)


@pytest.mark.parametrize("walk_window", ["anchored", "rolling"])
@pytest.mark.parametrize("row", [2, 8, 14])
def test_a_single_event_is_refused_wherever_it_lies(row, walk_window):
    event = day(row).isoformat()
    with pytest.raises(ParameterError, match="a single event cannot be walked forward; the command evidence"):
        run_walk_forward(
            OnOneDay, MARKET, FREE, scheme=WalkForwardScheme(parts=2, walk_window=walk_window), day=[event], hold=[1, 2]
        )


def test_what_cannot_be_walked_forward_is_refused_with_the_remedy():
    grid = {"universe": ["A", "B"]}
    with pytest.raises(ParameterError, match="needs at least 2 parts out of sample, found 1"):
        run_walk_forward(Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=1), **grid)
    with pytest.raises(WindowError, match=r"18 sessions are too few for 5 parts .* take at most 2 parts, or a longer window"):
        run_walk_forward(Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=5), **grid)
    with pytest.raises(WindowError, match=r"at least 5 sessions each; take a longer window\."):
        run_walk_forward(Keep, MARKET, FREE, scheme=TWO, end=day(9), **grid)
    with pytest.raises(ParameterError, match="chooses among variants, and here is one; give a parameter several values"):
        run_walk_forward(Keep, MARKET, FREE, scheme=TWO, universe=["A"])
    with pytest.raises(UnknownNameError, match="no metric 'sharp'"):
        run_walk_forward(Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=2, rank_by="sharp"), **grid)
    with pytest.raises(ParameterError, match="walk_window must be anchored or rolling, found 'expanding'"):
        run_walk_forward(Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=2, walk_window="expanding"), **grid)
    with pytest.raises(ParameterError, match=f"No variant enters a trade from {day(0)} to {day(17)}"):
        run_walk_forward(Falls, MARKET, FREE, scheme=TWO, drop=[0.5, 0.6])
    short = make_bars({"A": A, "B": B, "M": [math.nan] * 8 + [50] * 10})
    with pytest.raises(WindowError, match=f"The benchmark M has no return on {day(0)}"):
        run_walk_forward(Keep, short, FREE, scheme=WalkForwardScheme(parts=2, benchmark="M"), **grid)


def test_sessions_are_divided_as_scikit_learn_divides_them():
    days = MARKET.sessions
    assert [len(run) for run in split_sessions(days[:17], 2)] == [7, 5, 5]
    assert pd.DatetimeIndex(np.concatenate(split_sessions(days[:17], 2))).equals(days[:17])
    selection = pytest.importorskip("sklearn.model_selection")
    long = calendar.between("2020-01-02", "2024-12-31")
    for parts in (2, 5, 12):
        runs = split_sessions(long, parts)
        for number, (training, test) in enumerate(selection.TimeSeriesSplit(n_splits=parts).split(np.zeros((len(long), 1))), 1):
            assert long[test].equals(runs[number])
            assert len(training) == sum(len(run) for run in runs[:number])


def test_the_work_is_one_sweep_for_each_choice_and_one_in_hindsight():
    asked = []

    def choose(begin, last):
        asked.append((begin, last))
        return VariantChoice(strategy=Keep(), parameters={}, value=0.0, traded=1, entries=1)

    chain_parts(choose, MARKET, FREE, MARKET.sessions, TWO)
    assert asked == [(day(0), day(5)), (day(0), day(11)), (day(6), day(17))]
    asked.clear()
    chain_parts(choose, MARKET, FREE, MARKET.sessions, WalkForwardScheme(parts=2, walk_window="rolling"))
    assert asked == [(day(0), day(5)), (day(6), day(11)), (day(6), day(17))]


def test_a_sweep_of_a_choice_is_given_no_later_bar(monkeypatch):
    seen = []

    def spy(strategy, bars: Bars, *rest, **given):
        seen.append((bars.sessions[-1].date(), given["end"]))
        return run_sweep(strategy, bars, *rest, **given)

    run_sweep = walk_forward.run_sweep
    monkeypatch.setattr(walk_forward, "run_sweep", spy)
    run_walk_forward(Keep, MARKET, FREE, scheme=TWO, universe=["A", "B"])
    assert seen == [(day(5), day(5)), (day(11), day(11)), (day(17), day(17))]


def test_it_shows_the_two_accounts():
    found = run_walk_forward(Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=2, benchmark="M"), universe=["A", "B"])
    shown = dict(found.facts())
    assert (shown["parts"], shown["total return out of sample"], shown["of the benchmark"]) == (2, "+2.67%", "+21.82%")
