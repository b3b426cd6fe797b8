"""Long and big: what a process of its own needs for a large market, and for many runs; each prints what it measured.

``python -m tests.support.long_runs big`` or ``soak``, on Linux.
"""

import ctypes
import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import backtrader as bt

from benchmarks.markets import random_bars
from dipfolio import (
    Account,
    Bars,
    HoldFor,
    Result,
    StopLoss,
    Strategy,
    TakeProfit,
    load,
    measure,
    no_instruction,
    parameter,
    simulate,
)
from dipfolio.engine.strategy import StrategyBase, wrap_backtrader
from dipfolio.report.tearsheet import tear_sheet
from dipfolio.sweep.batches import make_batches
from dipfolio.sweep.metrics import measure_variants
from dipfolio.sweep.simulator import simulate_batch

SYMBOLS, SESSIONS = 500, 5_000
FEW = "S0,S1,S2"
RUNS = 500


@dataclass(frozen=True, kw_only=True)
class Weights(Strategy):
    """Every symbol alike, and alike again after each quarter."""

    universe: str = parameter(",".join(f"S{number}" for number in range(SYMBOLS)), help="what to hold")
    every: int = parameter(63, help="sessions")
    resize = True

    def targets(self, bars):
        wanted = no_instruction(bars)
        wanted.iloc[:: self.every] = 1 / len(bars.symbols)
        return wanted


@dataclass(frozen=True, kw_only=True)
class Shocks(Strategy):
    """Buy what has fallen and sell short what has risen, with three ways out."""

    universe: str = parameter(",".join(f"S{number}" for number in range(SYMBOLS)), help="what to trade")
    size: float = parameter(0.07, help="move in one session")
    hold: int = parameter(10, help="sessions to hold")

    @property
    def exits(self):
        return HoldFor(self.hold), StopLoss(0.08, intraday=True), TakeProfit(0.1)

    def targets(self, bars):
        fallen, risen = bars.returns <= -self.size, bars.returns >= self.size
        return no_instruction(bars).mask(fallen, 0.02).mask(risen, -0.02)


class Crossing(bt.Strategy):
    """Holds while the close is above its mean."""

    def __init__(self):
        self.mean = bt.indicators.SMA(period=5)

    def next(self):
        if not self.position and self.data.close[0] > self.mean[0]:
            self.buy(size=10)
        elif self.position and self.data.close[0] < self.mean[0]:
            self.close()


def mebibytes(entry: str) -> float:
    """What the kernel says this process holds (``VmRSS``) or has ever held (``VmHWM``); what was freed is given back first."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(entry))
    return int(line.split()[1]) / 1024


def handles() -> int:
    """Open files, pipes and sockets."""
    return len(os.listdir("/proc/self/fd"))


def described(result: Result) -> dict:
    """What shows that a run was one."""
    shorts = int((result.trades["side"] == "short").sum())
    return {"fills": len(result.fills), "trades": len(result.trades), "shorts": shorts, "residual": result.residual}


def big() -> dict:
    """A weights strategy, and one with shorts and exits, on a large market, the second with its tear sheet and its record."""
    bars, account = random_bars(SYMBOLS, SESSIONS), Account(cash=1e8)
    weights = described(simulate(Weights(), bars, account))
    shocks = simulate(Shocks(), bars, account, benchmark="S0")
    page = tear_sheet(shocks, measure(shocks))
    with tempfile.TemporaryDirectory() as folder:
        shocks.save(Path(folder))
        same = load(Path(folder)) == shocks
    size = {"symbols": len(bars.symbols), "sessions": len(bars)}
    found = {**size, "weights": weights, "shocks": described(shocks), "sheet": len(page), "read back": same}
    return {**found, "peak": mebibytes("VmHWM")}


def soak() -> dict:
    """Many runs in one process, some of them written and read back, then sweeps, then tear sheets, each after a warm-up."""
    bars = random_bars(3, 60)
    ideas = [Weights(universe=FEW, every=5), Shocks(universe=FEW, size=0.02), wrap_backtrader(Crossing)(universe="S0")]
    results = [simulate(idea, bars, benchmark="S1") for idea in ideas]
    with tempfile.TemporaryDirectory() as folder:
        return {
            "runs": _growth(lambda number: _run(ideas[number % 3], bars, Path(folder), keep=number % 5 == 0), 50, RUNS),
            "sweeps": _growth(lambda _: _sweep(bars), 10, 50),
            "sheets": _growth(lambda number: tear_sheet(results[number % 3], measure(results[number % 3])), 4, 4),
        }


def _growth(once: Callable[[int], object], warm: int, count: int) -> dict:
    """What is held after ``count`` times more than after the first ``warm``."""
    for number in range(warm):
        once(number)
    before = mebibytes("VmRSS"), handles()
    for number in range(count):
        once(number)
    return {"times": count, "mebibytes": mebibytes("VmRSS") - before[0], "handles": handles() - before[1]}


def _run(idea: StrategyBase, bars: Bars, folder: Path, *, keep: bool) -> None:
    result = simulate(idea, bars, benchmark="S1")
    if keep:
        result.save(folder)
        load(folder)


def _sweep(bars: Bars) -> None:
    variants = [Shocks(universe=FEW, size=0.02, hold=hold) for hold in range(1, 21)]
    for _, batch in make_batches(variants, bars, Account(), 0):
        measure_variants(simulate_batch(batch), 1_000_000.0)


if __name__ == "__main__":
    print(json.dumps({"big": big, "soak": soak}[sys.argv[1]]()))
