"""Random markets, decisions and accounts from a seed, run by backtrader, by the sweep and by the second engine.

``python -m tests.support.random_markets 20000 7`` tries that many from that seed on and shows every difference.
"""

import math
import sys
from collections import Counter
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd

from dipfolio.data import calendar
from dipfolio.data.borrow_rates import BorrowRate, borrow_rates_by_session
from dipfolio.data.corporate_actions import split_factors
from dipfolio.data.schema import Split
from dipfolio.engine.account import Account
from dipfolio.engine.account_stops import GroupStop, PairStop, PortfolioStop
from dipfolio.engine.backtrader.run import run_plan
from dipfolio.engine.backtrader.trader import Plan
from dipfolio.engine.exits import At, HoldFor, Recovered, StopLoss, TakeProfit, TrailingStop
from dipfolio.engine.ledger import reconcile
from dipfolio.engine.panel import Panel
from dipfolio.engine.trades import round_trips
from dipfolio.sweep.batches import Batch
from dipfolio.sweep.simulator import simulate_batch
from tests.support import second_engine

SYMBOLS = ("A", "B", "C")
SESSIONS = 10
DAYS = calendar.between("2025-01-02", calendar.offset("2025-01-02", SESSIONS + 1))[: SESSIONS + 1]
CENT = 0.01
PROGRESS = 500


def bars_of(rng):
    """Prices from a fraction of a cent to thousands, with gaps, crashes, dividends, splits, delistings and dry sessions."""
    shape = (len(SYMBOLS), SESSIONS)
    scale = rng.choice([100.0, 20.0, 9.0, 5.0, 3.0, 0.7, 0.002, 4000.0], (len(SYMBOLS), 1))
    spread = rng.choice([0.01, 0.05, 0.3])
    close = np.round(scale * np.exp(rng.normal(0, spread, shape).cumsum(axis=1)), 6) + 1e-6
    opened = np.round(close * np.exp(rng.normal(0, spread / 2, shape)), 6) + 1e-6
    high = np.maximum(opened, close) * (1 + rng.uniform(0, 0.03, shape))
    low = np.minimum(opened, close) * (1 - rng.uniform(0, 0.03, shape))
    volume = np.where(rng.random(shape) < rng.choice([0.0, 0.2]), rng.choice([0.0, 40.0, 12_345.0], shape), 1e9)
    figures = [close, opened, high, low, volume]
    for symbol in range(len(SYMBOLS)):
        unlisted = np.zeros(SESSIONS, dtype=bool)
        if rng.random() < 0.2:
            unlisted |= np.arange(SESSIONS) < rng.integers(1, 5)
        if rng.random() < 0.25:
            unlisted |= np.arange(SESSIONS) >= rng.integers(5, SESSIONS)
        for figure in figures:
            figure[symbol, unlisted] = np.nan
    paid = np.zeros(shape)
    for symbol in np.flatnonzero(rng.random(len(SYMBOLS)) < 0.4):
        paid[symbol, rng.integers(1, SESSIONS)] = 0.02 * scale[symbol, 0]
    splits = tuple(
        Split(symbol=symbol, day=date(2025, 1, int(rng.choice([7, 8, 13, 28]))), ratio=float(rng.choice([2.0, 10.0, 1.5, 0.05])))
        for symbol in SYMBOLS if rng.random() < 0.25
    )  # fmt: skip
    tables = dict(zip(("close", "open", "high", "low", "volume", "dividends"), (*figures, paid), strict=True))
    days = DAYS.to_numpy().astype("datetime64[D]")
    panel = Panel(
        symbols=SYMBOLS,
        sessions=days[:-1],
        next_sessions=days[1:],
        earlier=(np.empty((0, len(SYMBOLS))),) * 5,
        factor=split_factors(splits, DAYS[:-1], SYMBOLS),
        **{name: np.ascontiguousarray(table.T) for name, table in tables.items()},
    )
    by_symbol = {name: dict(zip(SYMBOLS, table, strict=True)) for name, table in tables.items()}
    return panel, SimpleNamespace(symbols=SYMBOLS, sessions=DAYS[:-1], splits=splits, **by_symbol)


def exits_of(rng):
    """Up to three exit rules."""
    fraction = float(rng.choice([0.02, 0.05, 0.2]))
    resting = bool(rng.random() < 0.5)
    menu = (
        HoldFor(int(rng.integers(1, 5)), fill=str(rng.choice(["open", "close"]))), At(date(2025, 1, 10)), Recovered(),
        StopLoss(fraction, intraday=resting), TakeProfit(fraction, intraday=resting), TrailingStop(fraction, intraday=resting),
    )  # fmt: skip
    return tuple(menu[place] for place in sorted(rng.choice(len(menu), rng.choice([0, 0, 1, 2, 3]), replace=False)))


def plan_of(rng):
    """Weights or shares, standing or now and then, often a reversal."""
    unit = str(rng.choice(["weight", "weight", "shares"]))
    largest = float(rng.choice([0.4, 1.3, 3.0])) if unit == "weight" else 900.0
    shape = (SESSIONS, len(SYMBOLS))
    sizes = np.round(rng.uniform(-largest, largest, shape), 4)
    if rng.random() < 0.2:
        sizes[:] = sizes[0]
    else:
        sizes[rng.random(shape) < 0.15] = 0.0
    sizes[rng.random(shape) > rng.choice([0.2, 0.6, 1.0])] = np.nan
    sizes[-1] = np.nan
    return Plan(
        targets=sizes, unit=unit, fill=str(rng.choice(["open", "close"])), resize=bool(rng.random() < 0.4), exits=exits_of(rng)
    )


def account_of(rng):
    """A margin account: from generous to severe, with whole shares or fractions."""
    account = Account(
        cash=float(rng.choice([1e6, 20_000.0, 900.0])), max_leverage=float(rng.choice([2.0, 2.0, 1.0, 5.0])),
        maintenance_long=float(rng.choice([0.25, 0.25, 0.6])), maintenance_short=float(rng.choice([0.3, 0.3, 0.0])),
        maintenance_short_per_share=float(rng.choice([5.0, 5.0, 0.0])), max_volume_share=float(rng.choice([0.1, 1e-6])),
        borrow_rate=float(rng.choice([0.003, 0.5])), slippage_bps=float(rng.choice([2.0, 100.0])),
        commission_minimum=float(rng.choice([1.0, 0.0, 20.0])), fractional=bool(rng.random() < 0.5),
    )  # fmt: skip
    return account.without_costs() if rng.random() < 0.2 else account


def stops_of(rng):
    """One to three stops on the account, of which two may be of one kind."""

    def terms():
        again = [3, 1, "never", "new-target", "new-target"][rng.integers(5)]
        return {"reenter": again, "fill": str(rng.choice(["open", "close"]))}

    def fraction():
        return float(rng.choice([0.002, 0.01, 0.05, 0.2]))

    kinds = (
        lambda: PortfolioStop(fraction(), **terms()),
        lambda: GroupStop(fraction(), [(), ("A,B",), ("A,C", "B"), ("A,B", "B,C")][rng.integers(4)], **terms()),
        lambda: PairStop(fraction(), (str(rng.choice(["A,B", "C,A"])),), **terms()),
    )
    return tuple(kinds[rng.integers(3)]() for _ in range(rng.integers(1, 4)))


def made(seed, *, stops=False):
    """Plan, panel, the same data as lists, and account of a seed; with stops on the account and tiers."""
    rng = np.random.default_rng(seed)
    plan, (panel, bars), account = plan_of(rng), bars_of(rng), account_of(rng)
    if stops:
        also = np.random.default_rng([seed, 1])
        plan = replace(plan, exits=(*stops_of(also), *plan.exits) if also.random() < 0.5 else (*plan.exits, *stops_of(also)))
        account = replace(account, commission_tiers=bool(also.random() < 0.5), exchange_fee_per_share=0.0032)
    if rng.random() < 0.5:
        rates = pd.Series(rng.choice([-0.02, 0.0, 0.003, 0.05, 0.4], SESSIONS), index=bars.sessions)
        panel, bars.cash_rate = replace(panel, cash_rate=rates.to_numpy()), SimpleNamespace(rates=rates)
    if rng.random() < 0.5:
        days = rng.choice(bars.sessions.to_numpy(), 4)
        cells = {(str(rng.choice(SYMBOLS)), pd.Timestamp(day).date()): float(rng.choice([0.0, 0.02, 0.9])) for day in days}
        bars.borrow_rates = tuple(BorrowRate(symbol=symbol, day=day, rate=rate) for (symbol, day), rate in cells.items())
        panel = replace(panel, borrow_rates=borrow_rates_by_session(bars.borrow_rates, bars.sessions, SYMBOLS))
    return plan, panel, bars, account


def differences(seed, seen=None, *, stops=False):
    """What backtrader and the ledger, the sweep, and the second engine do differently, in words; counts into ``seen``."""
    plan, panel, bars, account = made(seed, stops=stops)
    targets = dict(zip(SYMBOLS, plan.targets.T, strict=True))
    run_log, second = run_plan(panel, account, plan), second_engine.run(bars, targets, plan, account)
    ledger, _ = reconcile(panel, account, run_log)
    bar_by_bar = run_plan(panel, account, plan, vectorised=False)
    trades, still_open = round_trips(panel, run_log)
    kinds = Counter(event.kind for event in run_log.events)
    if seen is not None:
        seen.update(kinds.keys())
        seen.update(splits=bool(bars.splits), fractional=account.fractional, fills=len(run_log.fills))
        seen.update(shorts=bool((ledger.positions < 0).any()), dividends=bool(run_log.dividends.any()))
    fills = [(f.session, panel.symbols[f.symbol], f.shares, f.price) for f in run_log.fills]
    found = _unlike(fills, second.fills, "fill of the second engine")
    found += ["bar by bar"] * ((bar_by_bar.fills, bar_by_bar.events) != (run_log.fills, run_log.events))
    lived = slice(0, run_log.last + 1)
    gap = CENT / 2 + 1e-9 * np.abs(ledger.positions * panel.marks).sum(axis=1).max()
    for name, theirs in (("equity", second.equity), ("cash", second.cash_path)):
        mine = getattr(run_log, name)[lived]
        if len(theirs) != len(mine) or not np.allclose(mine, theirs, rtol=0, atol=gap):
            found.append(f"{name} {mine.tolist()} and {theirs}")
    open_symbols = {symbol for symbol in SYMBOLS if second.shares(symbol)}
    held = {symbol for symbol, shares in zip(SYMBOLS, ledger.positions[run_log.last], strict=True) if shares}
    counts = {
        "margin calls": (kinds["margin call"], second.margin_calls), "bankrupt": (bool(kinds["bankrupt"]), second.bankrupt),
        "cut": (kinds["scaled"] + kinds["refused"], second.cut), "round trips": (len(trades), second.trades),
        "positions at the end": (held, open_symbols), "open positions": (set(still_open["symbol"]), open_symbols),
    }  # fmt: skip
    found += [f"{name}: {one} and {two}" for name, (one, two) in counts.items() if one != two]
    batch = Batch(
        panel=panel, account=account, targets=(plan.targets,), sizes=(1,), exits=(plan.exits,), unit=plan.unit, fill=plan.fill,
        resize=plan.resize,
    )  # fmt: skip
    batch_log = simulate_batch(batch, keep_fills=True)
    rows = [(f.session, panel.symbols[f.symbol], f.shares, f.price) for f in batch_log.fills_of(0)]
    found += _unlike(fills, rows, "fill of the sweep")
    counts = {
        "trades": (len(trades), int(batch_log.trades[0])), "margin calls": (kinds["margin call"], int(batch_log.margin_calls[0])),
        "open positions": (len(still_open), int(batch_log.open_positions[0])),
        "equity": (True, np.allclose(run_log.equity[lived], batch_log.equity[lived, 0], rtol=1e-9, atol=CENT / 2)),
    }  # fmt: skip
    return [*found, *(f"{name} of the sweep: {one} and {two}" for name, (one, two) in counts.items() if one != two)]


def _unlike(mine, theirs, what):
    mine, theirs = (sorted(fills, key=lambda fill: fill[:2]) for fills in (mine, theirs))

    def same(one, other):
        near = all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-7) for a, b in zip(one[2:], other[2:], strict=True))
        return one[:2] == other[:2] and near

    if len(mine) == len(theirs) and all(same(one, other) for one, other in zip(mine, theirs, strict=True)):
        return []
    place = next((k for k, pair in enumerate(zip(mine, theirs, strict=False)) if not same(*pair)), min(len(mine), len(theirs)))
    return [f"{what} {place}: {mine[place : place + 2]} and {theirs[place : place + 2]}"]


def main(count, first):
    """Try many markets; returns how many differ."""
    seen, differ = Counter(), 0
    for seed in range(first, first + count):
        try:
            found = [*differences(seed, seen), *differences(seed, seen, stops=True)]
        except Exception as error:  # a fault of either engine is a difference
            found = [f"{type(error).__name__}: {error}"]
        if found:
            differ += 1
            print(seed, *found, sep="\n   ", flush=True)
        if (seed + 1 - first) % PROGRESS == 0:
            print(f"{seed + 1 - first} tried, {differ} differ", file=sys.stderr, flush=True)
    print(f"{count} markets from seed {first}: {differ} differ. {dict(seen)}")
    return differ


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), int(sys.argv[2]))))
