"""The shortcut for placebo dates: by hand, and the same as the simulated strategy without costs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor, StopLoss
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ParameterError
from dipfolio.evidence.placebo import rotation_placebo
from dipfolio.evidence.trade_outcomes import _earned, decisions_of, outcomes_by_hold, outcomes_of
from tests.support.markets import make_bars
from tests.support.strategies import script

ROOT = Path(__file__).parents[2]
FREE = replace(Account(fractional=True).without_costs(), max_volume_share=1.0, max_leverage=10.0)


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def strategy(name, **parameters):
    return load_strategy(ROOT / "strategies", name)(**parameters)


def trade_returns(bars, hold, entry="open", leave="close"):
    return pd.DataFrame(_earned(bars, entry, leave)(hold), index=bars.sessions, columns=list(bars.symbols))


def test_a_trade_by_hand():
    market = make_bars({"A": [100, 110, 120, 90, 130]}, opens={"A": [99, 105, 118, 95, 125]}, dividends={"A": {1: 1, 2: 2, 3: 4}})
    # decided on row 0, in at row 1, out two sessions later; the dividend of row 1 belongs to who held before
    assert trade_returns(market, 2)["A"].iloc[0] == pytest.approx((90 - 105 + 2 + 4) / 105)
    assert trade_returns(market, 2, "close")["A"].iloc[0] == pytest.approx((90 - 110 + 6) / 110)
    assert trade_returns(market, 1, "close", "open")["A"].iloc[0] == pytest.approx((118 - 110 + 2) / 110)
    assert trade_returns(market, 0)["A"].iloc[0] == pytest.approx(110 / 105 - 1)
    assert trade_returns(market, 2)["A"].isna().tolist() == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("dip-rule", {}), ("dip-rule", {"hold": 5, "fill": "close", "sigmas": 2.0}), ("short-after-shock", {}),
        ("short-every-friday", {}), ("short-after-run-up", {"hold": 5}), ("nvda-relative-value", {}), ("buy-the-dip", {}),
        ("buy-stargate", {"hold": 60, "fill": "close"}), ("short-nvda", {"entry": "first-unrestricted", "hold": 20}),
        ("hyperscalers-over-nvda", {}), ("nvda-over-chips", {"hold": 60}), ("chips-on-capex", {}),
        ("buy-before-earnings", {"sell": "open"}),
    ],
)  # fmt: skip
def test_every_trade_of_the_simulation_is_an_outcome_of_the_shortcut(bars, name, parameters):
    idea = strategy(name, **parameters)
    trades = simulate(idea, bars, FREE).trades
    plan = decisions_of(idea, bars)
    table = trade_returns(bars, plan.hold, plan.entry, plan.leave)
    assert len(trades)
    for trade in trades.itertuples():
        decided = bars.sessions.get_loc(trade.entry_session) - 1
        assert plan.flags[decided]
        sign = 1 if trade.side == "long" else -1
        assert trade.profit / (abs(trade.shares) * trade.entry_price) == pytest.approx(
            sign * table[trade.symbol].iloc[decided], abs=1e-9
        )


def test_a_rule_without_exits_is_one_trade_a_session_and_adds_up_to_the_simulation(bars):
    idea = strategy("short-below-trend", window=20)
    found = outcomes_of(decisions_of(idea, bars), bars)
    shares = simulate(idea, bars, FREE).positions["NVDA"]
    assert ((shares < 0).to_numpy()[1:] == found.flags[:-1]).all()  # decided on a close, held from the next open on
    open_ = bars.open["NVDA"]
    expected = -(open_.shift(-2) + bars.dividends["NVDA"].shift(-2) - open_.shift(-1)) / open_.shift(-1)
    np.testing.assert_allclose(found.returns[:-2], expected.iloc[:-2], atol=1e-12)


def test_a_basket_is_the_mean_of_its_names_less_the_benchmark(bars):
    found = outcomes_of(decisions_of(strategy("buy-the-dip"), bars), bars, "QQQ")
    row = bars.sessions.get_loc("2025-01-24")
    assert np.flatnonzero(found.flags).tolist() == [row]
    names = list(strategy("buy-the-dip").symbols)
    bought, sold = bars.open.loc["2025-01-27"], bars.close.loc["2025-02-03"]
    assert not bars.dividends.loc["2025-01-28":"2025-02-03", [*names, "QQQ"]].to_numpy().any()
    gains = sold / bought - 1
    assert found.returns[row] == pytest.approx(gains[names].mean() - gains["QQQ"])


def test_a_pair_is_the_long_side_less_the_short_side(bars):
    found = outcomes_of(decisions_of(strategy("hyperscalers-over-nvda"), bars), bars)
    row = bars.sessions.get_loc("2025-01-24")
    earned = trade_returns(bars, 5).iloc[row]
    assert found.returns[row] == pytest.approx(earned[["MSFT", "META", "GOOG", "AMZN"]].mean() - earned["NVDA"])


def test_a_name_that_does_not_trade_yet_is_left_out_of_its_side():
    nan = np.nan
    market = make_bars({"A": [100, 100, 110, 121, 133.1], "B": [nan, nan, nan, 50, 60]})
    plan = decisions_of(script({0: {"A": 0.5, "B": 0.5}}, universe="A,B", unit="weight", exits=[HoldFor(1)]), market)
    found = outcomes_of(plan, market)
    np.testing.assert_allclose(found.returns[:3], [0.10, 0.10, (0.10 + 0.20) / 2], atol=1e-9)


def test_names_bought_on_different_days_are_trades_of_their_own(bars):
    found = outcomes_of(decisions_of(strategy("buy-before-earnings"), load_bars(ROOT / "data")), bars, "QQQ")
    assert found.returns.shape == found.flags.shape == (502, 6)
    assert found.flags.sum() == 6
    assert found.decided == 4


def test_a_sample_keeps_its_own_decisions(bars):
    found = outcomes_of(decisions_of(strategy("dip-rule"), bars), bars)
    part = found.between(pd.Timestamp("2025-01-28"), bars.sessions[-1])
    assert part.sessions[0] == pd.Timestamp("2025-01-28")
    assert part.flags.sum() == found.flags[found.sessions >= "2025-01-28"].sum()


def test_trades_that_end_by_their_prices_have_no_outcome_on_other_dates(bars):
    with pytest.raises(ParameterError, match=r"does not hold for a fixed time but until: .*stop loss 0\.1"):
        decisions_of(strategy("dip-with-stops"), bars)
    market = make_bars({"A": [100.0] * 5})
    with pytest.raises(ParameterError, match=r"stop loss 0\.05"):
        decisions_of(script({}, exits=[StopLoss(0.05)]), market)


HELD = (HoldFor(3),)


@pytest.mark.parametrize(
    ("rows", "exits", "why"),
    [
        ({1: {"A": 1.0}, 5: {"A": 0.0}}, (), "no exit rule: its positions last until its next instruction"),
        ({0: {"A": 1.0}}, (), "no exit rule"),
        ({1: {"A": 1.0}, 8: {"A": -1.0}}, HELD, "trades A on both sides"),
        ({1: {"A": 1.0, "B": 1.0}, 8: {"B": -1.0}}, HELD, "trades B on both sides"),
        ({1: {"A": 1.0}, 3: {"A": 0.0}}, HELD, "a target of 0 ends a position before its rule"),
        ({1: {"A": 1.0}, 4: {"A": 0.0}}, HELD, "a target of 0 ends a position before its rule"),
    ],
)
def test_trades_that_end_by_other_instructions_have_no_outcome_on_other_dates(rows, exits, why):
    market = make_bars({name: [100.0 + k for k in range(12)] for name in "AB"})
    with pytest.raises(ParameterError, match=why):
        decisions_of(script(rows, universe="A,B", unit="weight", exits=exits), market)


def test_a_target_of_zero_that_ends_nothing_is_no_hindrance():
    market = make_bars({"A": [100.0 + k for k in range(12)]})
    plan = decisions_of(script({0: {"A": 0.0}, 1: {"A": 1.0}, 5: {"A": 0.0}}, unit="weight", exits=HELD), market)
    assert np.flatnonzero(plan.flags).tolist() == [1]
    assert plan.hold == 3


def test_a_strategy_that_decides_anew_on_every_session_is_one_trade_a_session():
    market = make_bars({"A": [100.0, 110, 121, 133.1, 146.41]}, opens={"A": [100.0, 105, 115, 130, 140]})
    every = {row: {"A": 1.0 if row < 2 else 0.0} for row in range(5)}
    late = {row: {"A": 1.0} for row in range(2, 5)}
    assert decisions_of(script(late, unit="weight"), market).flags.tolist() == [False, False, True, True, True]
    found = outcomes_of(decisions_of(script(every, unit="weight"), market), market)
    np.testing.assert_allclose(found.returns[:3], [115 / 105 - 1, 130 / 115 - 1, 140 / 130 - 1])
    assert found.flags.tolist() == [True, True, False, False, False]
    at_close = outcomes_of(decisions_of(script(every, unit="weight", fill="close"), market), market)
    np.testing.assert_allclose(at_close.returns[:3], [0.1, 0.1, 0.1])


def test_what_is_tested_is_what_is_counted_where_a_symbol_has_no_figures_yet():
    nan = np.nan
    rising = [100.0 + (k * 7) % 5 for k in range(12)]
    market = make_bars({"A": rising, "B": [nan] * 6 + rising[6:]})
    idea = script({2: {"A": 1.0}, 8: {"B": 1.0}}, universe="A,B", unit="weight", exits=(HoldFor(1),))
    found = outcomes_of(decisions_of(idea, market), market)
    assert found.executed.tolist() == [[row == 2, row == 8] for row in range(12)]  # A trades while B has no prices yet
    assert found.held.trades == 2


@pytest.mark.parametrize("wanted", [{3: {"A": 0.5, "B": -0.5}}, {3: {"A": 1.0}, 9: {"B": -1.0}}])
def test_several_holding_times_at_once_are_each_alone(wanted):
    market = make_bars({name: [100 + (k * step) % 9 for k in range(40)] for name, step in (("A", 2), ("B", 4), ("M", 5))})
    trades = decisions_of(script(wanted, universe="A,B", unit="weight", exits=(HoldFor(2),)), market)
    for hold, found in zip((0, 1, 7, 39, 60), outcomes_by_hold(trades, market, (0, 1, 7, 39, 60), "M"), strict=True):
        alone = outcomes_of(replace(trades, hold=hold), market, "M")
        np.testing.assert_array_equal(found.returns, alone.returns)
        np.testing.assert_array_equal(found.flags, alone.flags)
    assert np.isnan(found.returns).all()


def test_a_name_that_is_never_wanted_takes_nothing_from_the_others():
    market = make_bars({name: [100 + (k * step) % 9 for k in range(40)] for name, step in (("A", 2), ("B", 4), ("C", 5))})
    idea = script({3: {"A": 1.0}, 9: {"B": -1.0}}, universe="A,B,C", unit="weight", exits=(HoldFor(2),))
    found = outcomes_of(decisions_of(idea, market), market)
    earned = trade_returns(market, 2)
    np.testing.assert_allclose(found.returns[:, 0], earned["A"])
    np.testing.assert_allclose(found.returns[:, 1], -earned["B"])
    placebo = rotation_placebo(found.flags, found.returns)  # every session would be left out for the sake of C
    assert placebo.observed == pytest.approx((earned["A"].iloc[3] - earned["B"].iloc[9]) / 2)


def test_a_stretch_without_sessions_has_no_trades():
    market = make_bars({"A": [100.0, 101, 102, 103, 104, 105]})
    found = outcomes_of(decisions_of(script({1: {"A": 1.0}}, unit="weight", exits=(HoldFor(1),)), market), market)
    none = found.between(pd.Timestamp("2030-01-01"), pd.Timestamp("2030-12-31"))
    assert (len(none.sessions), none.held.trades, none.executed.any()) == (0, 0, False)
    assert np.isnan([none.mean_executed, none.mean_of_all_dates]).all()
