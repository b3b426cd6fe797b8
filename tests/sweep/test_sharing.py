"""One call of targets serves every variant that differs in nothing it looks at."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import ClassVar

import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.simulation import play
from dipfolio.engine.strategy import Strategy, no_instruction, parameter
from dipfolio.sweep.lockstep import run
from dipfolio.sweep.sharing import watched
from dipfolio.sweep.variants import batches
from tests.markets import make_bars

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
    for places, batch in batches(variants, BARS, Account(), budget=budget):
        tapes = run(batch)
        for column, place in enumerate(places):
            tape = play(variants[place], BARS, Account())
            assert tapes.equity[:, column] == pytest.approx(tape.equity, rel=1e-12)


@pytest.mark.parametrize("budget", [1, 10**9])
def test_variants_that_differ_only_in_their_exits_share_one_call(budget):
    Dip.calls.clear()
    variants = [Dip(drop=drop, hold=hold) for hold in range(1, 7) for drop in (0.02, 0.03, 0.05)]
    assert sum(len(batch) for _, batch in batches(variants, BARS, Account(), budget=budget)) == len(variants)
    assert sorted(Dip.calls) == [0.02, 0.03, 0.05]
    assert_alone(variants, budget)


def test_a_parameter_that_is_read_only_sometimes_counts_only_then():
    Dip.calls.clear()
    variants = [Dip(late=late, lag=lag) for lag in (1, 2, 3) for late in (False, True)]
    list(batches(variants, BARS, Account()))
    assert len(Dip.calls) == 1 + 3
    assert_alone(variants, 10**9)


def test_a_look_at_the_whole_counts_as_a_look_at_every_parameter():
    Dip.calls.clear()
    list(batches([Curious(hold=hold) for hold in (1, 2, 3)], BARS, Account()))
    assert len(Dip.calls) == 3


def test_a_watched_strategy_is_the_same_strategy():
    spy, read = watched(Dip(drop=0.04))
    assert (spy.name, spy.parameters, spy.exits) == (Dip().name, Dip(drop=0.04).parameters, (HoldFor(1),))
    assert read == set(Dip().parameters)
    spy, read = watched(Dip())
    assert (spy.hold, read) == (1, {"hold"})


def test_the_targets_in_memory_never_exceed_the_budget():
    one = BARS.close.to_numpy().nbytes
    variants = [Dip(drop=0.001 * k) for k in range(1, 20)]
    for _, batch in batches(variants, BARS, Account(), budget=4 * one):
        assert sum(targets.nbytes for targets in batch.targets) <= 4 * one
