"""One call of targets serves every variant that differs in nothing it looks at."""

from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine import loader
from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.parameters import list_parameters, parameter
from dipfolio.engine.simulation import run_simulation
from dipfolio.engine.strategy import BacktraderStrategy, Strategy, no_instruction
from dipfolio.sweep.batches import make_batches, record_reads
from dipfolio.sweep.simulator import simulate_batch
from tests.support.markets import make_bars
from tests.sweep.test_simulator import executions

BARS = make_bars({"A": [100, 96, 99, 93, 95, 97, 90, 94, 99, 101], "B": [50, 49, 47, 48, 50, 45, 46, 47, 44, 49]})


@dataclass(frozen=True, kw_only=True)
class Dip(Strategy):
    universe: str = parameter("A,B", help="")
    drop: float = parameter(0.02, help="")
    hold: int = parameter(1, help="")
    late: bool = parameter(False, help="")
    lag: int = parameter(1, help="")

    calls: ClassVar[list] = []

    @property
    def exits(self):
        return (HoldFor(self.hold),)

    @cached_property
    def size(self):
        return 0.3

    def targets(self, bars):
        self.calls.append(self.drop)
        found = bars.returns <= -self.drop
        if self.late:
            found = found.shift(self.lag, fill_value=False)
        return no_instruction(bars).mask(found, 0.3)


class Curious(Dip):
    """Looks at itself as a whole."""

    def targets(self, bars):
        return super().targets(bars) * (1 + len(asdict(self)) * 0)


def assert_alone(variants, budget):
    for places, batch in make_batches(variants, BARS, Account(), budget=budget):
        batch_log = simulate_batch(batch)
        for column, place in enumerate(places):
            run_log = run_simulation(variants[place], BARS, Account())
            assert batch_log.equity[:, column] == pytest.approx(run_log.equity, rel=1e-12)


@pytest.mark.parametrize("budget", [1, 10**9])
def test_variants_that_differ_only_in_their_exits_share_one_call(budget):
    Dip.calls.clear()
    variants = [Dip(drop=drop, hold=hold) for hold in range(1, 7) for drop in (0.02, 0.03, 0.05)]
    assert sum(len(batch) for _, batch in make_batches(variants, BARS, Account(), budget=budget)) == len(variants)
    assert sorted(Dip.calls) == [0.02, 0.03, 0.05]
    assert_alone(variants, budget)


def test_a_parameter_that_is_read_only_sometimes_counts_only_then():
    Dip.calls.clear()
    variants = [Dip(late=late, lag=lag) for lag in (1, 2, 3) for late in (False, True)]
    list(make_batches(variants, BARS, Account()))
    assert len(Dip.calls) == 1 + 3
    assert_alone(variants, 10**9)


def test_a_look_at_the_whole_counts_as_a_look_at_every_parameter():
    Dip.calls.clear()
    list(make_batches([Curious(hold=hold) for hold in (1, 2, 3)], BARS, Account()))
    assert len(Dip.calls) == 3


def test_a_watched_strategy_is_the_same_strategy():
    spy, read = record_reads(Dip(drop=0.04))
    assert (spy.name, spy.parameters, spy.exits) == (Dip().name, Dip(drop=0.04).parameters, (HoldFor(1),))
    assert read == set(Dip().parameters)
    spy, read = record_reads(Dip())
    assert (spy.hold, read) == (1, {"hold"})


def test_the_targets_in_memory_never_exceed_the_budget():
    one = BARS.close.to_numpy().nbytes
    variants = [Dip(drop=0.001 * k) for k in range(1, 20)]
    for _, batch in make_batches(variants, BARS, Account(), budget=4 * one):
        assert sum(targets.nbytes for targets in batch.targets) <= 4 * one


ROOT = Path(__file__).parents[2]
ACCOUNTS = (Account(), Account(fractional=True, cash=70_000, slippage_bps=20, max_leverage=1))
NAMES = loader.list_strategy_names(ROOT / "strategies")


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
    for item in list_parameters(kind):
        for value in near(item):
            try:
                found.append(kind(**{item.name: value}))
            except ValueError:
                continue
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("account", ACCOUNTS, ids=["default", "small"])
def test_our_strategies_run_in_lockstep_as_in_backtrader(bars, name, account):
    kind = loader.load_strategy(ROOT / "strategies", name)
    if issubclass(kind, BacktraderStrategy):
        pytest.skip("a backtrader class is swept with backtrader")
    variants = neighbours(kind)
    seen = []
    for places, batch in make_batches(variants, bars, account, 3):
        batch_log = simulate_batch(batch, keep_fills=True)
        for column, place in enumerate(places):
            run_log = run_simulation(variants[place], bars.select(variants[place].symbols), account, 3)
            np.testing.assert_allclose(
                batch_log.equity[:, column], run_log.equity, rtol=1e-9, atol=0, err_msg=str(variants[place])
            )
            np.testing.assert_allclose(executions(batch_log.fills_of(column)), executions(run_log.fills), rtol=1e-9, atol=1e-9)
            for cost in ("borrow", "interest", "dividends"):
                assert getattr(batch_log, cost)[column] == pytest.approx(getattr(run_log, cost).sum(), rel=1e-9, abs=1e-7)
            seen.append(place)
    assert sorted(seen) == list(range(len(variants)))
