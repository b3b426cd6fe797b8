"""Laws that hold on every market: hypothesis makes the markets, the decisions and the accounts.

``DIPFOLIO_EXAMPLES=5000 python -m pytest tests/test_laws.py`` looks harder.
"""

import math
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dipfolio.data.schema import FIELDS, PRICES
from dipfolio.engine.account import Account
from dipfolio.engine.attribution import attribute
from dipfolio.engine.backtrader.run import run_plan
from dipfolio.engine.backtrader.trader import Plan
from dipfolio.engine.panel import build_panel
from dipfolio.engine.result import Result, load
from dipfolio.engine.simulation import simulate
from tests.support.generated_files import (
    SYMBOLS,
    TIME_EXITS,
    accounts,
    decisions,
    in_debt,
    law,
    markets,
    rates,
    spreads,
    with_rates,
)
from tests.support.strategies import script

pytestmark = pytest.mark.slow

FREE = Account(max_volume_share=1.0).without_costs()
UNLIMITED = replace(
    FREE, cash=1e9, max_leverage=1e9, maintenance_long=0.0, maintenance_short=0.0, maintenance_short_per_share=0.0
)  # fmt: skip
weights = decisions(units=("weight",))


def liquid(bars):
    """The same bars with more volume than anyone can ask for."""
    return replace(bars, volume=bars.close.notna().astype(float).mul(1e15).where(bars.close.notna()))


def renamed(bars, names):
    """The bars of some symbols under other names; the same symbol may be there twice."""
    tables = {name: getattr(bars, name)[list(names.values())].set_axis(list(names), axis=1) for name in (*FIELDS, "dividends")}
    splits = tuple(replace(s, symbol=new) for new, old in names.items() for s in bars.splits if s.symbol == old)
    return replace(bars, **tables, splits=splits)


def turnover(result, account):
    """The dollars that rounding is relative to: the cash, the largest exposure and all that was traded."""
    return account.cash + result.equity["gross"].max() + (result.fills["shares"] * result.fills["price"]).abs().sum()


def required(bars, positions, account):
    """The equity that the maintenance margin asks for on each close."""
    total = np.zeros(len(positions))
    for symbol in positions:
        shares, close = positions[symbol].to_numpy(), np.nan_to_num(bars.close[symbol].to_numpy()[: len(positions)])
        ratio = np.ones(len(positions))
        for split in (split for split in bars.splits if split.symbol == symbol):
            ratio[positions.index < pd.Timestamp(split.day)] *= split.ratio
        traded, limit = close * ratio, account.maintenance_short_per_share
        dollars = np.where(traded < limit, np.maximum(limit / 2, traded), limit)  # FINRA 4210(c), in dollars of the day
        a_share = np.maximum(account.maintenance_short * traded, dollars) / ratio
        total += np.where(shares < 0, -shares * a_share, account.maintenance_long * shares * close)
    return total


@law
@given(bars=markets(), idea=decisions(), account=accounts)
def test_money_is_neither_made_nor_lost_in_the_books(bars, idea, account):
    result = simulate(script(**idea), bars, account)
    value = (result.positions * bars.close.reindex(result.positions.index).fillna(0)).sum(axis=1)
    cent = 1e-12 * turnover(result, account) + 1e-9
    np.testing.assert_allclose(result.equity["cash"] + value, result.equity["equity"], atol=cent)
    profit = result.trades["profit"].sum() + result.open_positions["profit"].sum() - result.equity["interest"].sum()
    assert result.equity["equity"].iloc[-1] - account.cash == pytest.approx(profit, abs=cent)


@law
@given(bars=markets(), idea=decisions(), account=accounts)
def test_every_dollar_of_the_change_of_equity_has_a_name(bars, idea, account):
    result = simulate(script(**idea), bars, account)
    table, trades, cent = (
        result.equity,
        pd.concat([result.trades, result.open_positions]),
        1e-12 * turnover(result, account) + 1e-9,
    )
    paid = ["commission", "fees", "borrow"]
    for name in [*paid, "dividends"]:
        assert trades[name].sum() == pytest.approx(table[name].sum(), abs=cent)
    assert result.fills[["commission", "fees", "slippage"]].sum().to_numpy() == pytest.approx(
        table[["commission", "fees", "slippage"]].sum().to_numpy(), abs=cent
    )
    named = trades["gross"].sum() + table["dividends"].sum() - table[[*paid, "interest"]].sum().sum()
    assert table["equity"].iloc[-1] - account.cash == pytest.approx(named, abs=cent)
    assert (table[[*paid, "interest", "slippage"]] >= 0).all(axis=None)


@law
@given(bars=markets(), idea=weights, account=accounts, factor=st.sampled_from([2.0, 0.125, 1024.0]))
def test_a_larger_account_makes_the_same_run_in_proportion_where_shares_can_be_divided(bars, idea, account, factor):
    small = replace(account, fractional=True, commission_minimum=0.0, sec_taf=False)  # a minimum and a cap are of an order
    large = replace(small, cash=small.cash * factor)
    one = simulate(script(**idea), bars, small)
    other = simulate(script(**idea), replace(bars, volume=bars.volume * factor), large)
    np.testing.assert_allclose(other.equity["equity"], factor * one.equity["equity"], rtol=1e-9)
    assert other.events["kind"].tolist() == one.events["kind"].tolist()


@law
@given(bars=markets(), idea=decisions(), account=accounts, order=st.permutations(SYMBOLS))
def test_the_order_of_the_symbols_changes_nothing(bars, idea, account, order):
    one = simulate(script(**idea), bars, account)
    other = simulate(script(**{**idea, "universe": ",".join(order)}), bars, account)
    np.testing.assert_allclose(other.equity["equity"], one.equity["equity"], rtol=1e-9)


@law
@given(bars=markets(), idea=decisions(), account=accounts)
def test_a_symbol_that_is_never_traded_changes_nothing(bars, idea, account):
    rows = {row: {s: w for s, w in cell.items() if s != "B"} for row, cell in idea["rows"].items()}
    with_it = simulate(script(**{**idea, "rows": rows}), bars, account)
    without = simulate(script(**{**idea, "rows": rows, "universe": "A,C"}), bars, account)
    np.testing.assert_allclose(with_it.equity["equity"], without.equity["equity"], rtol=1e-12)


@law
@given(bars=markets(), idea=decisions(exits=TIME_EXITS), cash=st.sampled_from([900.0, 250_000.0]), fractional=st.booleans())
def test_long_and_short_of_the_same_size_is_flat_before_costs(bars, idea, cash, fractional):
    twins = renamed(bars, {"A": "A", "B": "A"})
    rows = {row: {"A": target, "B": -target} for row, cell in idea["rows"].items() for target in cell.values()}
    result = simulate(script(**{**idea, "rows": rows, "universe": "A,B"}), twins, replace(FREE, cash=cash, fractional=fractional))
    np.testing.assert_allclose(result.equity["equity"], cash, rtol=0, atol=1e-12 * turnover(result, FREE))
    np.testing.assert_array_equal(result.positions["A"], -result.positions["B"])


@law
@given(bars=markets(), idea=decisions(units=("shares",), exits=TIME_EXITS))
def test_a_short_loses_what_the_same_long_wins_before_costs(bars, idea):
    mirrored = {row: {symbol: -target for symbol, target in cell.items()} for row, cell in idea["rows"].items()}
    long = simulate(script(**idea), liquid(bars), UNLIMITED)
    short = simulate(script(**{**idea, "rows": mirrored}), liquid(bars), UNLIMITED)
    count = min(len(long.equity), len(short.equity))  # one may be bankrupt where shares cost a million
    total = long.equity["equity"].iloc[:count] + short.equity["equity"].iloc[:count]
    np.testing.assert_allclose(total, 2 * UNLIMITED.cash, rtol=0, atol=1e-12 * turnover(long, UNLIMITED))


def changed_after(bars, day, how):
    """The same bars up to a day, and something else after it."""
    later = pd.DataFrame(False, index=bars.sessions, columns=list(bars.symbols))
    later.loc[bars.sessions > day] = True
    if how == "the data end":
        return bars.until(day)
    if how == "all symbols stop":
        return replace(bars, **{name: getattr(bars, name).mask(later) for name in FIELDS})
    if how == "volume dries up":
        return replace(bars, volume=bars.volume.mask(later & bars.volume.notna(), 0.0))
    if how == "dividends":
        return replace(bars, dividends=bars.dividends.mask(later, 1.0))
    return replace(
        bars, **{name: getattr(bars, name) * np.where(later, 0.5 if how == "a crash" else 1.7, 1.0) for name in PRICES}
    )


FUTURES = ["the data end", "all symbols stop", "volume dries up", "dividends", "a crash", "a rally"]


@law
@given(bars=markets(), idea=decisions(), account=accounts, cut=st.integers(3, 10), how=st.sampled_from(FUTURES))
def test_the_future_changes_nothing_that_has_happened(bars, idea, account, cut, how):
    day = bars.sessions[cut]
    one, other = (simulate(script(**idea), b, account) for b in (bars, changed_after(bars, day, how)))
    pd.testing.assert_frame_equal(one.equity.loc[:day], other.equity.loc[:day])
    for mine, theirs in ((one.fills, other.fills), (told_by(one, day), told_by(other, day))):
        mine, theirs = (table[table["session"] <= day].reset_index(drop=True) for table in (mine, theirs))
        pd.testing.assert_frame_equal(mine, theirs)


def traded_later(bars, day, factor, volume):
    """The same bars up to the open of a day, and other prices and volumes after it."""
    later = np.broadcast_to((bars.sessions >= day)[:, None], bars.close.shape)
    opens = bars.open.mask(later & (bars.sessions > day)[:, None], bars.open * factor)
    closes = bars.close.mask(later, bars.close * factor)
    return replace(
        bars, open=opens, close=closes, volume=bars.volume.mask(later & bars.volume.notna(), volume),
        high=bars.high.mask(later, np.maximum(opens, closes)), low=bars.low.mask(later, np.minimum(opens, closes)),
    )  # fmt: skip


@law
@given(
    bars=markets(), idea=decisions(), account=accounts, cut=st.integers(2, 10), factor=st.sampled_from([0.6, 1.0, 1.6]),
    volume=st.sampled_from([0.0, 1e9]),
)  # fmt: skip
def test_what_is_done_at_an_open_does_not_know_the_rest_of_the_session(bars, idea, account, cut, factor, volume):
    day = bars.sessions[cut]
    done = []
    for market in (bars, traded_later(bars, day, factor, volume)):
        result = simulate(script(**idea), market, account)
        fills = result.fills
        done.append(fills[(fills["session"] < day) | ((fills["session"] == day) & (fills["at"] == "open"))])
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in done))


def told_by(result, day):
    """What was out of the ordinary up to a close; what becomes of the orders of that close itself is told in the next session."""
    known = (result.events["session"] < day) | result.events["kind"].isin(["margin call", "bankrupt"])
    return result.events[known & (result.events["kind"] != "unfilled")]


CHARGES = {
    "commission_per_share": [0.0, 0.005, 0.3], "commission_minimum": [0.0, 1.0, 25.0], "commission_maximum": [0.0, 0.01, 0.05],
    "sec_taf": [False, True], "slippage_bps": [0.0, 2.0, 250.0], "borrow_rate": [0.0, 0.003, 0.9], "debit_rate": [0.0, 0.06, 0.5],
}  # fmt: skip


@st.composite
def tariffs(draw):
    """Two sets of charges of which the second is nowhere lower."""
    pairs = {name: sorted(draw(st.tuples(*[st.sampled_from(values)] * 2))) for name, values in CHARGES.items()}
    return tuple({name: pair[place] for name, pair in pairs.items()} for place in (0, 1))


@law
@given(bars=markets(), idea=decisions(), tariff=tariffs())
def test_more_cost_is_never_more_money_for_the_same_trades(bars, idea, tariff):
    bars, lax = liquid(bars), replace(UNLIMITED, cash=50_000.0)
    free = simulate(script(**{**idea, "exits": ()}), bars, replace(lax, max_leverage=50.0))
    rows = {}
    for fill in free.fills[free.fills["at"] != "settlement"].itertuples():
        row = int(bars.sessions.get_loc(fill.session)) - 1
        rows.setdefault(row, {})[fill.symbol] = free.positions.loc[fill.session, fill.symbol]
    same = script(rows, universe=idea["universe"], fill=idea["fill"], resize=True)
    cheap, dear = (simulate(same, bars, replace(lax, **charges)) for charges in tariff)
    for less, more in ((free, cheap), (cheap, dear)):
        count = min(len(less.equity), len(more.equity))  # the dearer one may be bankrupt
        assert len(more.equity) == count
        cent = 1e-12 * turnover(less, lax) + 1e-9
        assert (more.equity["equity"].iloc[:count] <= less.equity["equity"].iloc[:count] + cent).all()
        traded = more.fills["session"] <= more.equity.index[-1]
        pd.testing.assert_frame_equal(
            more.fills[traded][["session", "symbol", "shares"]],
            less.fills[less.fills["session"] <= more.equity.index[-1]][["session", "symbol", "shares"]],
        )


@law
@given(bars=markets(), idea=decisions(), account=accounts, values=rates, spread=spreads)
def test_interest_is_never_paid_on_money_that_is_not_there(bars, idea, account, values, spread):
    account = replace(account, **spread)
    table = simulate(script(**idea), with_rates(bars, values), account).equity
    before = table["cash"].shift(fill_value=account.cash).to_numpy()
    days = np.diff(table.index, prepend=table.index[:1]).astype("timedelta64[D]").astype(int)
    at_most = np.maximum(before, 0.0) * np.maximum(table["cash_rate"].to_numpy(), 0.0) * days / 360
    received = (table["interest_earned"] - table["interest"]).to_numpy()
    assert (received <= at_most + 1e-9 + 1e-12 * np.abs(before) + 1e-12 * table["gross"].max()).all()
    assert (table[["interest_earned", "interest"]] >= 0).all(axis=None)


@law
@given(bars=markets(), idea=decisions(), account=accounts, values=rates)
def test_interest_is_a_part_of_the_profit_and_the_books_agree(bars, idea, account, values):
    result = simulate(script(**idea), with_rates(bars, values), account)
    cent = 1e-12 * turnover(result, account) + 1e-9
    found = attribute(result)
    for series in (found.by_name, found.by_month, found.by_side, found.by_reason, found.by_source):
        assert series.sum() == pytest.approx(found.profit, abs=cent)
    assert result.residual <= cent


@law
@given(bars=markets(), account=accounts, values=rates, factor=st.sampled_from([2.0, 0.125, 1024.0]))
def test_twice_the_cash_earns_twice_the_interest(bars, account, values, factor):
    one, other = (
        simulate(script({}), with_rates(bars, values), replace(account, cash=account.cash * size)) for size in (1.0, factor)
    )
    assert (other.equity["interest_earned"] == factor * one.equity["interest_earned"]).all()


NAMES = [{"A": "A", "B": "B", "C": "C"}, {"NA": "A", "1e5": "B", "True": "C"}, {"=A1": "A", "-B": "B", "2025-01-02": "C"}]


@law
@given(
    bars=markets(),
    idea=decisions(),
    account=accounts,
    names=st.sampled_from(NAMES),
    start=st.integers(0, 4),
    market=st.booleans(),
)
def test_saving_and_loading_is_the_identity(bars, idea, account, names, start, market):
    new = {old: name for name, old in names.items()}
    rows = {row: {new[symbol]: target for symbol, target in cell.items()} for row, cell in idea["rows"].items()}
    strategy = script(**{**idea, "rows": rows, "universe": ",".join(names)})
    whole = bars.close.iloc[max(start - 1, 0) :].notna().all()
    benchmark = next((name for name, old in names.items() if market and whole[old]), "")
    result = simulate(strategy, renamed(bars, names), account, benchmark=benchmark, start=bars.sessions[start].date())
    with tempfile.TemporaryDirectory() as folder:
        result.save(Path(folder))
        again = load(Path(folder))
    assert again == result
    for field in fields(Result):
        one, other = getattr(result, field.name), getattr(again, field.name)
        assert type(one) is type(other), field.name
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other, check_exact=True, check_freq=False)


@law
@given(bars=markets(wild=(0.3, 0.1)), idea=decisions(units=("weight",), most=3.0), account=in_debt)
def test_a_margin_call_leaves_what_the_rules_allow_or_a_bankruptcy(bars, idea, account):
    result = simulate(script(**idea), bars, account)
    equity, needed = result.equity["equity"].to_numpy(), required(bars, result.positions, account)
    told = {kind: result.events.loc[result.events["kind"] == kind, "session"].tolist() for kind in ("margin call", "bankrupt")}
    last = len(equity) - 1
    near = 1e-12 * turnover(result, account)
    for row, session in enumerate(result.equity.index):
        if equity[row] <= 0:
            assert (row, told["bankrupt"]) == (last, [session])
        elif abs(equity[row] - needed[row]) > near + 1e-8 * abs(equity[row]):  # a smaller shortfall is rounding and no call
            assert (session in told["margin call"]) == (equity[row] < needed[row])
        if session in told["margin call"] and row < last:
            assert (result.positions.iloc[row + 1] == 0).all()
            assert needed[row + 1] == 0
            assert equity[row + 1] > 0 or told["bankrupt"] == [result.equity.index[row + 1]]
    assert result.bankrupt == (equity[last] <= 0)
    assert math.isfinite(equity.sum())


@law
@given(bars=markets(), idea=decisions(), account=accounts)
def test_no_order_that_adds_risk_is_sent_beyond_the_buying_power(bars, idea, account):
    result = simulate(script(**{**idea, "fill": "open", "resize": True, "exits": ()}), bars, account)
    held = result.positions.shift(fill_value=0.0)
    sized = (result.positions.abs() * bars.close.shift().reindex(held.index).fillna(0)).sum(axis=1)
    added = result.positions.abs().gt(held.abs()).any(axis=1)
    limit = account.max_leverage * result.equity["equity"].shift()
    assume(added.any())
    assert (sized[added] <= limit[added] * (1 + 1e-8) + 1e-9).all()


@law
@given(bars=markets(), idea=decisions(), account=accounts, values=st.one_of(st.none(), rates))
def test_backtraders_two_loops_give_the_same_run(bars, idea, account, values):
    strategy, bars = script(**idea), bars if values is None else with_rates(bars, values)
    plan = Plan(
        targets=strategy.targets(bars).to_numpy(), unit=strategy.unit, fill=strategy.fill, resize=strategy.resize,
        exits=strategy.exits,
    )  # fmt: skip
    panel = build_panel(bars, 0)
    one, other = (run_plan(panel, account, plan, vectorised=flag) for flag in (True, False))
    for name in ("cash", "equity", "interest", "earned", "borrow", "dividends"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.submitted, one.fills, one.events, one.last) == (other.submitted, other.fills, other.events, other.last)
