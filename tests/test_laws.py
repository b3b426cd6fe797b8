"""Laws that hold on every market: hypothesis makes the markets, the decisions and the accounts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor, StopLoss, TakeProfit, TrailingStop
from dipfolio.engine.simulation import simulate
from tests.ideas import script
from tests.markets import make_bars

SYMBOLS = ("A", "B", "C")
FREE = Account(max_volume_share=1.0).without_costs()
EXITS = (
    (), (HoldFor(2),), (HoldFor(1, fill="open"),), (StopLoss(0.03), TakeProfit(0.05)),
    (StopLoss(0.03, intraday=True), TakeProfit(0.04, intraday=True), HoldFor(5)), (TrailingStop(0.04, intraday=True),),
)  # fmt: skip
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def markets(draw, sessions=12):
    """Bars of three symbols with gaps, listings and delistings, and dividends."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    scale = draw(st.sampled_from([0.5, 40.0, 3000.0]))
    closes = {s: np.round(scale * np.exp(rng.normal(0, 0.04, sessions).cumsum()), 4) for s in SYMBOLS}
    opens = {s: np.round(c * np.exp(rng.normal(0, 0.02, sessions)), 4) for s, c in closes.items()}
    highs = {s: np.maximum(opens[s], closes[s]) * (1 + rng.uniform(0, 0.03, sessions)) for s in SYMBOLS}
    lows = {s: np.minimum(opens[s], closes[s]) * (1 - rng.uniform(0, 0.03, sessions)) for s in SYMBOLS}
    first, last = draw(st.integers(0, 4)), draw(st.integers(7, sessions))
    for table in (closes, opens, highs, lows):
        table["C"] = np.where((np.arange(sessions) >= first) & (np.arange(sessions) < last), table["C"], np.nan)
    paid = {"A": {draw(st.integers(1, sessions - 1)): scale * 0.01}}
    return make_bars(closes, opens=opens, highs=highs, lows=lows, dividends=paid)


@st.composite
def decisions(draw, sessions=12):
    """A script of weights with an exit menu."""
    cell = st.dictionaries(st.sampled_from(SYMBOLS), st.floats(-0.6, 0.6), min_size=1)
    rows = draw(st.dictionaries(st.integers(0, sessions - 2), cell, min_size=1, max_size=8))
    return {
        "rows": rows, "universe": "A,B,C", "unit": "weight", "fill": draw(st.sampled_from(["open", "close"])),
        "resize": draw(st.booleans()), "exits": draw(st.sampled_from(EXITS)),
    }  # fmt: skip


accounts = st.builds(
    Account,
    cash=st.sampled_from([3_000.0, 250_000.0]),
    slippage_bps=st.sampled_from([0.0, 7.0]),
    borrow_rate=st.sampled_from([0.0, 0.4]),
    max_leverage=st.sampled_from([0.7, 2.0, 5.0]),
    fractional=st.booleans(),
)


@quick
@given(bars=markets(), idea=decisions(), account=accounts)
def test_money_is_neither_made_nor_lost_in_the_books(bars, idea, account):
    result = simulate(script(**idea), bars, account)
    value = (result.positions * bars.close.reindex(result.positions.index).fillna(0)).sum(axis=1)
    np.testing.assert_allclose(result.equity["cash"] + value, result.equity["equity"], atol=1e-6)
    profit = result.trades["profit"].sum() + result.open_positions["profit"].sum() - result.equity["interest"].sum()
    assert result.equity["equity"].iloc[-1] - account.cash == pytest.approx(profit, abs=1e-5)


@quick
@given(bars=markets(), idea=decisions())
def test_doubling_the_cash_doubles_everything_where_shares_can_be_divided(bars, idea):
    account = replace(FREE, fractional=True, cash=1000.0)
    one = simulate(script(**idea), bars, account)
    two = simulate(script(**idea), bars, replace(account, cash=2000.0))
    np.testing.assert_allclose(two.equity["equity"], 2 * one.equity["equity"], rtol=1e-9)


@quick
@given(bars=markets(), idea=decisions(), account=accounts, order=st.permutations(SYMBOLS))
def test_the_order_of_the_symbols_changes_nothing(bars, idea, account, order):
    one = simulate(script(**idea), bars, account)
    other = simulate(script(**{**idea, "universe": ",".join(order)}), bars, account)
    np.testing.assert_allclose(other.equity["equity"], one.equity["equity"], rtol=1e-9)


@quick
@given(bars=markets(), idea=decisions(), account=accounts)
def test_a_symbol_that_is_never_traded_changes_nothing(bars, idea, account):
    rows = {row: {s: w for s, w in cell.items() if s != "B"} for row, cell in idea["rows"].items()}
    with_it = simulate(script(**{**idea, "rows": rows}), bars, account)
    without = simulate(script(**{**idea, "rows": rows, "universe": "A,C"}), bars, account)
    np.testing.assert_allclose(with_it.equity["equity"], without.equity["equity"], rtol=1e-12)


@quick
@given(bars=markets(), idea=decisions(), account=accounts, cut=st.integers(3, 10), factor=st.sampled_from([0.5, 1.7]))
def test_the_future_changes_nothing_that_has_happened(bars, idea, account, cut, factor):
    day = bars.sessions[cut]
    later = (bars.sessions > day)[:, None] * (factor - 1) + 1
    other = replace(bars, **{name: getattr(bars, name) * later for name in ("open", "high", "low", "close")})
    past = slice(None, day)
    one, two = simulate(script(**idea), bars, account), simulate(script(**idea), other, account)
    pd.testing.assert_frame_equal(one.equity.loc[past], two.equity.loc[past])
    pd.testing.assert_frame_equal(one.fills[one.fills["session"] <= day], two.fills[two.fills["session"] <= day])


@quick
@given(bars=markets(), idea=decisions())
def test_costs_never_help_the_same_trades(bars, idea):
    free = simulate(script(**{**idea, "exits": ()}), bars, replace(FREE, max_leverage=50.0))
    rows = {}
    for fill in free.fills[free.fills["at"] != "settlement"].itertuples():
        held = free.positions.loc[fill.session, fill.symbol]
        rows.setdefault(int(bars.sessions.get_loc(fill.session)) - 1, {})[fill.symbol] = held
    same = {"rows": rows, "universe": "A,B,C", "unit": "shares", "fill": idea["fill"], "resize": True}
    if free.events["kind"].isin(["margin call", "bankrupt"]).any():
        return
    lax = {"max_leverage": 50.0, "max_volume_share": 1.0, "maintenance_long": 0.0, "maintenance_short": 0.0}
    account = Account(slippage_bps=5, borrow_rate=0.05, **lax, maintenance_short_per_share=0.0)
    paid = simulate(script(**same), bars, account)
    count = min(len(paid.equity), len(free.equity))
    assert (paid.equity["equity"].iloc[:count] <= free.equity["equity"].iloc[:count] + 1e-6).all()


@quick
@given(bars=markets(), idea=decisions(), account=accounts)
def test_backtraders_two_loops_give_the_same_run(bars, idea, account):
    from dipfolio.engine.cerebro.run import run_plan
    from dipfolio.engine.cerebro.trader import Plan
    from dipfolio.engine.panel import panel_of

    strategy = script(**idea)
    plan = Plan(
        targets=strategy.targets(bars).to_numpy(), unit=strategy.unit, fill=strategy.fill, resize=strategy.resize,
        exits=strategy.exits,
    )  # fmt: skip
    panel = panel_of(bars, 0)
    one, other = (run_plan(panel, account, plan, vectorised=flag) for flag in (True, False))
    np.testing.assert_array_equal(one.equity, other.equity)
    assert one.fills == other.fills
    assert one.events == other.events
