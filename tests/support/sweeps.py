"""Small sweeps: strategies that are swept in processes, and a result whose ranking is known in advance."""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from dipfolio.data.bars import Origin, Provenance
from dipfolio.engine.account import Account
from dipfolio.engine.exits import HoldFor
from dipfolio.engine.parameters import parameter
from dipfolio.engine.strategy import Strategy, no_instruction
from dipfolio.sweep.grid import Axis, ParameterGrid
from dipfolio.sweep.metrics import metric_columns
from dipfolio.sweep.runner import make_tasks, run_tasks
from dipfolio.sweep.sweep_result import SweepResult, combine_results
from dipfolio.sweep.tasks import CheckpointFolder, SweepSettings
from tests.support.markets import make_bars

DEFAULT = -1
SLOW = '''
import os
import time
from dataclasses import dataclass

from dipfolio import HoldFor, Strategy, no_instruction, parameter


@dataclass(frozen=True, kw_only=True)
class Slow(Strategy):
    """Takes its time over every decision, and writes down who took it."""

    universe: str = parameter("A,B", help="what to buy")
    drop: float = parameter(0.02, help="fall in one session")
    hold: int = parameter(2, help="sessions to hold")
    pause: float = parameter(0.0, help="seconds")
    diary: str = parameter("", help="file in which every call is noted")

    def __post_init__(self):
        super().__post_init__()
        if self.hold > 6:
            from dipfolio.errors import ParameterError
            raise ParameterError(f"hold must be at most 6, found {self.hold}.")

    @property
    def exits(self):
        return (HoldFor(self.hold),)

    def targets(self, bars):
        time.sleep(self.pause)
        if self.diary:
            with open(self.diary, "a") as file:
                file.write(f"{os.getpid()} {self.drop}\\n")
        return no_instruction(bars).mask(bars.returns <= -self.drop, 0.4)
'''


PLAIN = '''
import backtrader as bt


class Crossing(bt.Strategy):
    """Holds while the close is above its mean."""

    params = (("period", 3),)
    universe = "A"

    def __init__(self):
        self.mean = bt.indicators.SMA(period=self.p.period)

    def next(self):
        if not self.position and self.data.close[0] > self.mean[0]:
            self.buy(size=10)
        elif self.position and self.data.close[0] < self.mean[0]:
            self.close()
'''


def terms_of(folder, name="slow"):
    return SweepSettings(strategies=folder, name=name, account=Account(cash=50_000), first=1, first_decision=0)


def swept(grid, terms, bars, crew, place, **given):
    parts = CheckpointFolder(place, "key", resume=given.pop("resume", False))
    tasks = make_tasks(grid, terms, bars, DEFAULT)
    return combine_results(run_tasks(tasks, bars, crew, parts, **given), grid, terms, bars, DEFAULT)


BARS = make_bars({"A": [100 - (k * 7) % 13 for k in range(60)], "B": [50 + (k * 5) % 11 for k in range(60)]})


@dataclass(frozen=True, kw_only=True)
class Falls(Strategy):
    """Buy what has fallen."""

    universe: str = parameter("A", help="what")
    drop: float = parameter(0.05, help="how deep")
    hold: int = parameter(3, help="how long")

    @property
    def exits(self):
        return (HoldFor(self.hold),)

    def targets(self, bars):
        return no_instruction(bars).mask(bars.returns <= -self.drop, 1 / len(bars.symbols))


HOLD, DROP = Axis(name="hold", points=(1, 2, 3, 4)), Axis(name="drop", points=(0.02, 0.03, 0.05))


def made(axes=(HOLD, DROP), default=True, seed=3, sessions=200, names="<b>&x"):
    """Findings whose total return is ten times the hold plus the drop, in per cent."""
    grid = ParameterGrid(axes=axes, fixed={"universe": names})
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.0005, 0.01, (sessions, len(grid)))
    table = pd.DataFrame({name: np.ones(len(grid)) for name in metric_columns()})
    for axis in axes:
        table.insert(0, axis.name, [grid.cell(k)[axis.name] for k in range(len(grid))])
    table["sharpe"] = returns.mean(axis=0) / returns.std(axis=0, ddof=1) * math.sqrt(252)
    table["skew"], table["kurtosis"], table["sessions"], table["observations"] = 0.0, 3.0, sessions, sessions
    table["total_return"] = [grid.cell(k).get("hold", 0) / 10 + grid.cell(k).get("drop", 0) for k in range(len(grid))]
    own = table.iloc[min(4, len(table) - 1)].copy()
    return SweepResult(
        strategy="dip", grid=grid, defaults={"hold": 2, "drop": 0.03, "late": False, "stop": None, "universe": "SMH"},
        account=Account(), window=(date(2024, 1, 2), date(2024, 12, 31)), table=table.rename_axis("cell"),
        default=own if default else None, returns=pd.DataFrame(returns), refused={},
        provenance=Provenance(origin=Origin(), sessions={}, sha256="ab" * 32),
    )  # fmt: skip
