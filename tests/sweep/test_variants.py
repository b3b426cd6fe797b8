"""Variants of the strategies that ship with the project, on the real figures, against backtrader."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from dipfolio.engine import catalogue
from dipfolio.engine.account import Account
from dipfolio.engine.brought import Brought
from dipfolio.engine.parameter import parameters
from dipfolio.engine.simulation import play
from dipfolio.market.folder import load_bars
from dipfolio.sweep.lockstep import run
from dipfolio.sweep.variants import batches
from tests.sweep.test_lockstep import executions

ROOT = Path(__file__).parents[2]
ACCOUNTS = (Account(), Account(fractional=True, cash=70_000, slippage_bps=20, max_leverage=1))
NAMES = catalogue.names(ROOT / "strategies")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


def near(item):
    """Other values for a parameter, some of which it may refuse."""
    if item.name == "universe":
        return []
    if item.choices:
        return [choice for choice in item.choices if choice != item.default]
    if item.kind is bool:
        return [not item.default]
    if item.kind is date:
        return [date(2025, 4, 4)]
    if item.default is None:
        return [2 if item.kind is int else 0.05, 2.0]
    return [item.default + 3] if item.kind is int else [round(item.default * 0.7, 6)]


def neighbours(kind):
    """The default of a strategy, and variants that differ from it in one parameter each."""
    found = [kind()]
    for item in parameters(kind):
        for value in near(item):
            try:
                found.append(kind(**{item.name: value}))
            except ValueError:
                continue
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("account", ACCOUNTS, ids=["default", "small"])
def test_our_strategies_run_in_lockstep_as_in_backtrader(bars, name, account):
    kind = catalogue.load_strategy(ROOT / "strategies", name)
    if issubclass(kind, Brought):
        pytest.skip("a backtrader class is swept with backtrader")
    variants = neighbours(kind)
    seen = []
    for places, batch in batches(variants, bars, account, 3):
        tapes = run(batch, keep_fills=True)
        for column, place in enumerate(places):
            tape = play(variants[place], bars.select(variants[place].symbols), account, 3)
            np.testing.assert_allclose(tapes.equity[:, column], tape.equity, rtol=1e-9, atol=0, err_msg=str(variants[place]))
            np.testing.assert_allclose(executions(tapes.fills_of(column)), executions(tape.fills), rtol=1e-9, atol=1e-9)
            for cost in ("borrow", "interest", "dividends"):
                assert getattr(tapes, cost)[column] == pytest.approx(getattr(tape, cost).sum(), rel=1e-9, abs=1e-7)
            seen.append(place)
    assert sorted(seen) == list(range(len(variants)))
