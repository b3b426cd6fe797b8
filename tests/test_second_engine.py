"""Every run equals that of engines that share no code with ours: plain loops for all strategies, ``bt`` where it can follow."""

import ast
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.data.folder import load_bars
from dipfolio.data.schema import FIELDS
from dipfolio.engine import account_stops, exits, loader, parameters
from dipfolio.engine.account import Account
from dipfolio.engine.exits import Exit, HoldFor, Level, StopLoss, TakeProfit, TrailingStop
from dipfolio.engine.simulation import simulate
from tests.support import bt_engine, second_engine
from tests.support.generated_files import accounts, decisions, law, lendings, markets, rates, spreads, with_rates
from tests.support.plain_rules import DATA, REFERENCE, ROOT, idea, needs_reference
from tests.support.strategies import script

NAMES = loader.list_strategy_names(ROOT / "strategies")
FREE = Account(fractional=True).without_costs()
ACCOUNTS = {
    "without costs": FREE,
    "with costs": Account(),
    "with heavy costs": Account(cash=437_000, slippage_bps=25, borrow_rate=0.06, commission_minimum=5, max_leverage=1.4),
    "small": Account(cash=4_000),
    "cut": Account(max_leverage=0.6, max_volume_share=1e-4),
}


def variants():
    """Every strategy as it is, then with each of its words and switches in turn, then some longer combinations."""
    for name in NAMES:
        yield name, {}
        for item in parameters.list_parameters(loader.load_strategy(ROOT / "strategies", name)):
            for value in item.choices or ((True, False) if item.kind is bool else ()):
                if value != item.default:
                    yield name, {item.name: value}
    yield "dip-with-stops", {"intraday": True, "trailing_stop": 0.05, "fill": "close"}
    yield "dip-with-stops", {"trailing_stop": 0.05, "profit_target": None}
    yield "staged-dip", {"universe": "NVDA,AVGO,SMH", "stages": "price", "fill": "close"}
    yield "short-nvda-friday", {"hold": 1000}
    yield "hold-to-recovery", {"fill": "close", "hold": 20}
    yield "equal-weight", {"rebalance": "day", "band": 0.02}


CASES = [
    pytest.param(name, changed, id=" ".join([name, *(f"{word}={value}" for word, value in changed.items())]))
    for name, changed in variants()
]


@pytest.fixture(scope="module")
def bars():
    return load_bars(DATA)


@pytest.fixture(scope="module")
def history(bars):
    """The longer data, with the splits that they are adjusted for."""
    return replace(load_bars(REFERENCE), splits=bars.splits)


def fills_of(result, bars):
    """Row, symbol, shares, price and moment of each fill, those of a symbol in their order."""
    rows = [(bars.sessions.get_loc(f.session), f.symbol, f.shares, f.price, f.at) for f in result.fills.itertuples()]
    return sorted(rows, key=lambda fill: fill[:2])


def assert_same_run(strategy, bars, account, *, rtol=0.0, atol=0.005, first=0):
    """Fills, cash and equity of both engines, session by session; returns the books of the second."""
    start = bars.sessions[first + 1].date() if first else None
    ours, own = simulate(strategy, bars, account, start=start), bars.select(strategy.symbols)
    ledger = second_engine.run(own, strategy.targets(own.deciding_from(first)), strategy, account, first)
    mine, theirs = fills_of(ours, bars), sorted(ledger.fills, key=lambda fill: fill[:2])
    assert [fill[:2] for fill in mine] == [fill[:2] for fill in theirs]
    for place, dust in ((2, 1e-7), (3, 1e-12)):  # an order of 1e8 shares is cut by subtraction
        np.testing.assert_allclose([fill[place] for fill in mine], [fill[place] for fill in theirs], rtol=1e-9, atol=dust)
    recorded = slice(1 if first else 0, None)  # the close before the window is not in the record
    np.testing.assert_allclose(ours.equity["equity"], ledger.equity[recorded], rtol=rtol, atol=atol)
    np.testing.assert_allclose(ours.equity["cash"], ledger.cash_path[recorded], rtol=rtol, atol=atol)
    assert ours.bankrupt == ledger.bankrupt
    assert (ours.events["kind"] == "margin call").sum() == ledger.margin_calls
    return ledger


def closeness(account):
    """1e-9 of the equity where shares can be divided (and nothing costs), else a cent."""
    return {"rtol": 1e-9, "atol": 1e-6} if account.fractional else {"rtol": 0.0, "atol": 0.005}


# ---- plain loops ----


@pytest.mark.parametrize("account", ACCOUNTS.values(), ids=ACCOUNTS)
@pytest.mark.parametrize("name", NAMES)
def test_plain_loops_make_the_same_run_of_every_strategy(name, account, bars):
    ledger = assert_same_run(idea(name), bars, account, **closeness(account))
    assert len(ledger.equity) == len(bars)


@pytest.mark.parametrize("account", [FREE, Account()], ids=["without costs", "with costs"])
@pytest.mark.parametrize(("name", "changed"), [case for case in CASES if case.values[1]])
def test_they_do_with_other_options(name, changed, account, bars):
    assert_same_run(idea(name, **changed), bars, account, **closeness(account))


@needs_reference
@pytest.mark.parametrize("name", NAMES)
def test_they_do_on_eleven_years(name, history):
    assert_same_run(idea(name), history, Account())


@pytest.mark.parametrize("name", NAMES)
def test_they_do_where_the_window_begins_within_the_figures(name, bars):
    assert_same_run(idea(name), bars, Account(), first=bars.sessions.get_loc("2025-01-24"))


def scenario(rows, **facts):
    return script(rows, universe="NVDA", **facts)


RARE = {
    "an order beyond a part of the volume": (scenario({5: {"NVDA": 900_000}}), Account(max_volume_share=1e-4), "cut"),
    "an order beyond the leverage": (scenario({5: {"NVDA": 3.0}}, unit="weight"), Account(), "cut"),
    "a margin call": (scenario({5: {"NVDA": -1.6}}, unit="weight"), Account(), "margin_calls"),
    "a bankruptcy": (
        scenario({5: {"NVDA": -4.0}}, unit="weight"),
        Account(max_leverage=5, max_volume_share=1, maintenance_short=0, maintenance_short_per_share=0), "bankrupt",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("strategy", "account", "what"), RARE.values(), ids=RARE)
def test_what_is_rare_is_the_same(strategy, account, what, bars):
    assert getattr(assert_same_run(strategy, bars, account), what) > 0


def test_a_symbol_that_stops_trading_is_paid_out_the_same(bars):
    gone = bars.sessions >= "2025-03-03"
    tables = {name: getattr(bars, name).assign(ARM=getattr(bars, name)["ARM"].mask(gone)) for name in FIELDS}
    ledger = assert_same_run(idea("equal-weight"), replace(bars, **tables), Account())
    last = bars.sessions.get_loc("2025-03-03")
    assert [fill[:2] for fill in ledger.fills if fill[0] == last] == [(last, "ARM")]


LEVELS = (StopLoss(0.04, intraday=True), TrailingStop(0.03, intraday=True), TakeProfit(0.05, intraday=True), HoldFor(9))


@pytest.mark.parametrize("resize", [False, True])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("fill", ["open", "close"])
def test_orders_that_rest_end_trades_at_the_same_prices(side, fill, resize, bars):
    rows = {row: {"NVDA": 0.3 * side * (1 + row % 2), "SMH": -0.5 * side} for row in range(0, len(bars) - 1, 3)}
    strategy = script(rows, universe="NVDA,SMH", unit="weight", fill=fill, exits=LEVELS, resize=resize)
    ledger = assert_same_run(strategy, bars, Account())
    quoted = {(row, symbol): (bars.open[symbol].iloc[row], bars.close[symbol].iloc[row]) for row, symbol, _, _ in ledger.fills}
    slip = 1.01 * Account().slippage_bps / 1e4
    within = [fill for fill in ledger.fills if all(abs(fill[3] / price - 1) > slip for price in quoted[fill[:2]])]
    assert len(within) > 50  # neither at the open nor at the close


@law
@given(bars=markets(), what=decisions(), account=accounts, first=st.sampled_from([0, 0, 1, 3]))
def test_they_make_the_same_run_on_every_made_up_market(bars, what, account, first):
    wanted = sum(abs(size) for cell in what["rows"].values() for size in cell.values())
    traded = account.cash + wanted * np.nan_to_num(bars.close.max().max())
    assert_same_run(script(**what), bars, account, rtol=1e-9, atol=1e-12 * traded, first=first)


@law
@given(
    bars=markets(), what=decisions(), account=accounts, values=rates, spread=spreads, lent=lendings,
    first=st.sampled_from([0, 0, 2]),
)  # fmt: skip
def test_they_earn_and_pay_the_same_interest_and_borrow_fees_by_dated_rates(bars, what, account, values, spread, lent, first):
    wanted = sum(abs(size) for cell in what["rows"].values() for size in cell.values())
    traded = account.cash + wanted * np.nan_to_num(bars.close.max().max())
    account, bars = replace(account, **spread), replace(with_rates(bars, values), borrow_rates=lent)
    assert_same_run(script(**what), bars, account, rtol=1e-9, atol=1e-12 * traded, first=first)


@pytest.mark.parametrize("name", NAMES)
def test_they_earn_and_pay_the_same_interest_of_every_strategy(name, bars):
    rising = with_rates(bars, np.linspace(-0.01, 0.06, len(bars)))
    ledger = assert_same_run(idea(name), rising, Account())
    assert len(ledger.equity) == len(bars)


# ---- bt ----


@pytest.mark.parametrize("account", [replace(FREE, max_volume_share=1.0), Account()], ids=["without costs", "with costs"])
@pytest.mark.parametrize("name", NAMES)
def test_bt_comes_to_the_same_equity_with_the_fills_of_every_strategy(name, account, bars):
    strategy = idea(name)
    ours, own = simulate(strategy, bars, account), bars.select(strategy.symbols)
    theirs = bt_engine.run(own, account, bt_engine.replay(fills_of(ours, bars)))
    np.testing.assert_allclose(theirs, ours.equity["equity"], **closeness(account))


def follows_weights(name, changed):
    """Whether a strategy is a table of weights and nothing else, so that bt can be told all of it."""
    strategy = idea(name, **changed)
    return strategy.unit == "weight" and not strategy.exits


WEIGHTS = [case for case in CASES if follows_weights(*case.values)]


@pytest.mark.parametrize("account", [replace(FREE, max_volume_share=1.0), Account()], ids=["without costs", "with costs"])
@pytest.mark.parametrize(("name", "changed"), WEIGHTS)
def test_bt_makes_the_same_run_of_what_is_only_weights(name, changed, account, bars):
    strategy = idea(name, **changed)
    ours, own = simulate(strategy, bars, account), bars.select(strategy.symbols)
    waiting = (ours.events["kind"] == "unfilled") & (ours.events["session"] == bars.sessions[-1])
    nothing = ours.events["kind"] == "no share"  # a weight that is worth less than one share; bt buys none either
    assert (waiting | nothing).all()  # bt knows no limits; what is decided on the last close is filled by neither
    theirs = bt_engine.run(own, account, bt_engine.weights(strategy.targets(own), strategy))
    np.testing.assert_allclose(theirs, ours.equity["equity"], **closeness(account))


def test_bt_is_told_of_several_strategies():
    assert {"equal-weight", "hold-benchmark", "short-below-trend", "staged-dip"} <= {case.values[0] for case in WEIGHTS}


# ---- that they are independent ----


def own_rules(module=exits, without=(Exit, Level)):
    """The exit rules that a module has."""
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Exit)]
    return [kind for kind in kinds if kind.__module__ == module.__name__ and kind not in without]


def own_stops():
    """The stops on the account."""
    return own_rules(account_stops, (account_stops.AccountStop,))


def test_the_second_engine_uses_no_arithmetic_of_the_first():
    source = ast.parse(Path(second_engine.__file__).read_text(encoding="utf-8"))
    nodes = list(ast.walk(source))
    names = {node.module: {name.name for name in node.names} for node in nodes if isinstance(node, ast.ImportFrom)}
    assert names == {
        "dataclasses": {"dataclass", "field"},
        "dipfolio.engine.exits": {kind.__name__ for kind in own_rules()},
        "dipfolio.engine.account_stops": {kind.__name__ for kind in own_stops()},
    }
    assert {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names} == {"math"}
    called = {node.func.attr for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    theirs = {
        name
        for kind in (Account, Exit, Level, *own_rules(), *own_stops())
        for name, thing in vars(kind).items()
        if callable(thing)
    }
    assert not called & theirs


@dataclass(frozen=True)
class Never(Exit):
    fill = "open"

    def __str__(self):
        return "never"

    def closes(self, trades, bar):
        return np.zeros(trades.side.shape, dtype=bool)


def test_an_exit_rule_that_it_does_not_know_is_no_silent_pass(bars):
    with pytest.raises(NotImplementedError, match="does not know Never"):
        assert_same_run(scenario({5: {"NVDA": 10}}, exits=(Never(),)), bars, Account())


def test_its_fees_are_those_of_the_dates():
    # 1,000 shares at 100 dollars: the SEC's dollars per million of 100,000, then FINRA's for 1,000 shares
    sales = {
        date(2024, 5, 21): 0.8 + 0.166,
        date(2024, 5, 22): 2.78 + 0.166,
        date(2025, 5, 14): 0.166,
        date(2026, 4, 4): 2.06 + 0.195,
    }
    account = replace(Account(), commission_per_share=0.0, commission_minimum=0.0)
    for day, paid in sales.items():
        market = second_engine.Market([day], {}, {}, {}, {}, {}, {}, ())
        assert second_engine.charge(account, market, "A", -1000, 100.0, 0) == pytest.approx(paid)
        assert second_engine.charge(account, market, "A", 1000, 100.0, 0) == 0
