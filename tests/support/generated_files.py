"""Made-up markets, decisions and accounts for hypothesis: what a market does on its worst days, within twelve sessions."""

import os
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from dipfolio.data.borrow_rates import BorrowRate
from dipfolio.data.risk_free import RiskFree
from dipfolio.data.schema import Split
from dipfolio.engine.account import Account
from dipfolio.engine.exits import At, ChandelierExit, HoldFor, Recovered, StopLoss, TakeProfit, TrailingStop
from tests.support.markets import make_bars

SYMBOLS = ("A", "B", "C")
TIME_EXITS = (
    (),
    (HoldFor(2),),
    (HoldFor(1, fill="open"),),
    (At(date(2025, 1, 11)),),
    (At(date(2025, 1, 8), fill="open"), HoldFor(3)),
)
EXITS = (
    *TIME_EXITS,
    (StopLoss(0.03), TakeProfit(0.05)),
    (TrailingStop(0.06), HoldFor(6)),
    (Recovered(), HoldFor(5)),
    (Recovered("entry", fill="close"), StopLoss(0.2, intraday=True)),
    (StopLoss(0.03, intraday=True), TakeProfit(0.04, intraday=True), HoldFor(5)),
    (TrailingStop(0.04, intraday=True),),
    (StopLoss(0.1, intraday=True), TrailingStop(0.05, intraday=True), TakeProfit(0.2, intraday=True)),
    (ChandelierExit(1.0, 2),),
    (ChandelierExit(0.5, 4, fill="close"), StopLoss(0.1, intraday=True), HoldFor(6)),
    (TakeProfit(0.3, intraday=True), TakeProfit(0.02, intraday=True), HoldFor(2, fill="open")),
)


lendings = st.dictionaries(
    st.tuples(st.sampled_from(SYMBOLS), st.dates(date(2024, 12, 30), date(2025, 1, 22))),
    st.sampled_from([0.0, 0.02, 0.9]),
    max_size=6,
).map(lambda rows: tuple(BorrowRate(symbol=symbol, day=day, rate=rate) for (symbol, day), rate in rows.items()))
"""Borrow rates by symbol and day."""


def with_rates(bars, values):
    """The bars with a rate of interest that is dated on each of their sessions."""
    return bars.with_cash_rate(RiskFree(rates=pd.Series(values, index=bars.sessions, dtype="float64"), description="made up"))


_QUICK = 40
law = settings(
    max_examples=int(os.environ.get("DIPFOLIO_EXAMPLES", _QUICK)),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
"""How hard a law is tried: quickly, or as hard as DIPFOLIO_EXAMPLES says, for a hunt."""


@st.composite
def markets(draw, sessions=12, wild=(0.04, 0.04, 0.3)):
    """Bars of three symbols, each with a calendar of its own: gaps, crashes, dividends, splits, sessions without volume."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([40.0, 0.5, 3000.0, 0.0007, 650_000.0]))
    spread, shape = draw(st.sampled_from(wild)), (len(SYMBOLS), sessions)
    close = _written(scale * np.exp(rng.normal(0, spread, shape).cumsum(axis=1)))
    opened = _written(close * np.exp(rng.normal(0, spread / 2, shape)))
    high = np.maximum(opened, close) * (1 + rng.uniform(0, 0.03, shape))
    low = np.minimum(opened, close) * (1 - rng.uniform(0, 0.03, shape))
    volume = np.where(rng.random(shape) < draw(st.sampled_from([0.0, 0.3])), rng.choice([0.0, 40.0], shape), 1e6)
    figures = [close, opened, high, low, volume]
    for symbol in draw(st.sampled_from([(2,), (2,), (1, 2), (0, 1, 2)])):
        first, last = draw(st.integers(0, 6)), draw(st.integers(3, sessions))
        unlisted = (np.arange(sessions) < first) | (np.arange(sessions) >= last)
        for figure in figures:
            figure[symbol, unlisted] = np.nan
    closes, opens, highs, lows, volumes = (dict(zip(SYMBOLS, figure, strict=True)) for figure in figures)
    paid = {symbol: {draw(st.integers(1, sessions - 1)): scale * 0.01} for symbol in draw(st.sampled_from(["A", "AB", ""]))}
    bars = make_bars(closes, opens=opens, highs=highs, lows=lows, volumes=volumes, dividends=paid)
    return replace(bars, splits=draw(splits))


def _written(prices):
    """To four digits after the point, or to six that count where that would be nothing."""
    return np.where(prices > 0.1, np.round(prices, 4), np.round(prices * 1e8) / 1e8)


splits = st.sampled_from(
    [
        (),
        (),
        (Split(symbol="A", day=date(2025, 1, 8), ratio=10.0),),
        (Split(symbol="A", day=date(2025, 3, 3), ratio=4.0), Split(symbol="B", day=date(2025, 1, 7), ratio=0.05)),
    ]
)


@st.composite
def decisions(draw, sessions=12, units=("weight", "weight", "shares"), exits=EXITS, most=1.3):
    """The arguments of a script: what is wanted in few or in many of the sessions, where it is traded, and a menu of exits."""
    unit = draw(st.sampled_from(units))
    largest = most if unit == "weight" else 700
    usual = [0.0, 0.3, -0.3] if unit == "weight" else [0.0, 7.0, -7.0]
    wanted = st.one_of(st.floats(-largest, largest).map(lambda size: round(size, 6)), st.sampled_from(usual))
    cell = st.dictionaries(st.sampled_from(SYMBOLS), wanted, min_size=1)
    few = st.dictionaries(st.integers(0, sessions - 2), cell, min_size=1, max_size=8)
    many = st.integers(0, 2**32 - 1).map(lambda seed: _busy(seed, sessions, largest, usual))
    return {
        "rows": draw(st.one_of(few, many)), "universe": ",".join(SYMBOLS), "unit": unit, "resize": draw(st.booleans()),
        "fill": draw(st.sampled_from(["open", "close"])), "exits": draw(st.sampled_from(exits)),
    }  # fmt: skip


def _busy(seed, sessions, largest, usual):
    """Something is wanted of every other symbol in every other session."""
    rng = np.random.default_rng(seed)
    rows = {}
    for row in np.flatnonzero(rng.random(sessions - 1) < 0.6).tolist():
        for symbol in np.array(SYMBOLS)[rng.random(len(SYMBOLS)) < 0.5].tolist():
            size = rng.choice(usual) if rng.random() < 0.3 else rng.uniform(-largest, largest)
            rows.setdefault(row, {})[symbol] = round(float(size), 6)
    return rows


accounts = st.builds(
    Account,
    cash=st.sampled_from([250_000.0, 3_000.0, 900.0]),
    commission_per_share=st.sampled_from([0.005, 0.0]),
    commission_minimum=st.sampled_from([0.0, 1.0, 20.0]),
    sec_taf=st.booleans(),
    slippage_bps=st.sampled_from([0.0, 7.0, 300.0]),
    borrow_rate=st.sampled_from([0.0, 0.4]),
    debit_rate=st.sampled_from([0.06, 0.0]),
    max_leverage=st.sampled_from([2.0, 0.7, 5.0]),
    maintenance_short_per_share=st.sampled_from([5.0, 0.0]),
    max_volume_share=st.sampled_from([0.1, 1.0, 0.0001]),
    fractional=st.booleans(),
)
rates = st.lists(st.sampled_from([-0.02, 0.0, 0.003, 0.0125, 0.05, 0.4]), min_size=12, max_size=12)
"""A rate of interest for each session."""
spreads = st.fixed_dictionaries(
    {name: st.sampled_from([0.005, 0.0, 0.02]) for name in ("credit_spread", "rebate_spread", "debit_spread")}
)
in_debt = st.builds(
    Account,
    cash=st.sampled_from([250_000.0, 3_000.0]),
    slippage_bps=st.sampled_from([2.0, 300.0]),
    max_leverage=st.sampled_from([5.0, 2.0]),
    maintenance_short_per_share=st.sampled_from([5.0, 0.0]),
    max_volume_share=st.just(1e9),
    fractional=st.booleans(),
)
"""Accounts that may borrow all they need to be in trouble."""
