"""Sweep: 1,000 variants of the dip rule with fees on 14 symbols x 1,500 sessions, beside backtrader and vectorbt.

vectorbt is left out where it is not installed. The memory is that of all processes of the command line together, over
100,200 variants on data/, pages that they share divided among them (Linux only).
"""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.clock import race
from benchmarks.markets import random_bars
from benchmarks.row import Row
from dipfolio.data.bars import Bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import run_simulation
from dipfolio.engine.strategy import Strategy
from dipfolio.sweep.batches import make_batches
from dipfolio.sweep.metrics import measure_variants
from dipfolio.sweep.simulator import simulate_batch

ROOT = Path(__file__).resolve().parents[1]
DROPS, HOLDS = np.round(np.linspace(0.02, 0.058, 20), 4).tolist(), range(1, 51)
LARGE = ("--universe", "article", "--drop", "0.01:0.06:0.0001", "--hold", "1:200")


def report(rounds: int) -> Iterator[Row | str]:
    """Lines of results."""
    bars = random_bars(14, 1500)
    variants = variants_of(bars, DROPS, HOLDS)
    sample = iter(variants[3::97] * 2)
    contestants = {
        "lockstep": lambda: lockstep(variants, bars),
        "backtrader": lambda: run_simulation(next(sample), bars, Account()),
    }
    rival = vectorbt_run(bars, DROPS, HOLDS)
    if rival:
        begin = time.perf_counter()
        rival()
        contestants["vectorbt"] = rival
        yield f"vectorbt, first call {time.perf_counter() - begin:.1f} s"
    found, final = race(contestants, rounds), lockstep(variants, bars)
    yield f"dip rule with fees, {len(variants):,} variants, 14 symbols x 1,500 sessions"
    yield f"  lockstep, all variants         {found.median('lockstep'):7.3f} s"
    times = len(variants) * found.ratio("backtrader", "lockstep")
    yield f"  backtrader, one variant        {found.median('backtrader'):7.3f} s   {times:6.0f} x lockstep a variant"
    if rival:
        times = found.ratio("vectorbt", "lockstep")
        yield f"  vectorbt warm, all variants    {found.median('vectorbt'):7.3f} s   {times:6.1f} x lockstep"
    gap = max(abs(run_simulation(variants[k], bars, Account()).equity[-1] - final[k]) for k in range(3, 1000, 211))
    yield f"  largest difference to backtrader, five variants ${gap:.9f}"
    yield from growth()
    if sys.platform == "linux":
        yield from memory()


def variants_of(bars: Bars, drops: list[float], holds: range) -> list[Strategy]:
    """The dip rule over all symbols of the bars."""
    kind = load_strategy(ROOT / "strategies", "dip-rule")
    return [kind(universe=",".join(bars.symbols), drop=drop, hold=hold) for drop in drops for hold in holds]


def lockstep(variants: list[Strategy], bars: Bars) -> np.ndarray:
    """Final equity of all variants; the whole table of metrics is computed."""
    final = np.empty(len(variants))
    for places, batch in make_batches(variants, bars, Account()):
        final[places] = measure_variants(simulate_batch(batch), Account().cash).table["final_equity"]
    return final


def vectorbt_run(bars: Bars, drops: list[float], holds: range) -> Callable[[], object] | None:
    """One call of vectorbt's from_signals on the same grid: percentage and fixed fees, slippage, one purse for each variant."""
    try:
        import vectorbt as vbt
    except ImportError:
        return None
    dips = {drop: (bars.returns <= -drop).shift(1, fill_value=False).to_numpy() for drop in drops}
    entries = np.concatenate([dips[drop] for drop in drops for _ in holds], axis=1)
    exits = np.concatenate([np.roll(dips[drop], hold, axis=0) for drop in drops for hold in holds], axis=1)
    count, symbols = len(drops) * len(holds), len(bars.symbols)
    price = np.tile(bars.open.to_numpy(), (1, count))
    close = pd.DataFrame(np.tile(bars.close.to_numpy(), (1, count)))
    groups = np.repeat(np.arange(count), symbols)

    def once() -> object:
        portfolio = vbt.Portfolio.from_signals(
            close, entries, exits, price=price, size=1e6 / symbols, size_type="value", init_cash=1e6, fees=5e-5, fixed_fees=1.0,
            slippage=2e-4, group_by=groups, cash_sharing=True, freq="1D",
        )  # fmt: skip
        return portfolio.final_value()

    return once


def growth() -> Iterator[str]:
    """How the time grows when one thing doubles; 2 is linear."""
    for what, sizes in {"variants": (500, 1000, 2000), "symbols": (7, 14, 28), "sessions": (750, 1500, 3000)}.items():
        contestants = {}
        for size in sizes:
            bars = random_bars(size if what == "symbols" else 14, size if what == "sessions" else 1500)
            variants = variants_of(bars, DROPS, range(1, size // 20 + 1) if what == "variants" else HOLDS)
            contestants[f"{size:,}"] = lambda variants=variants, bars=bars: lockstep(variants, bars)
        found = race(contestants)
        names = list(contestants)
        ratios = ", ".join(f"x {found.ratio(two, one):.2f}" for one, two in itertools.pairwise(names))
        yield f"  {what:<9} {', '.join(f'{name}: {found.median(name):.2f} s' for name in names)}; at each doubling {ratios}"


def memory() -> Iterator[str]:
    """The command line over the large grid on the data of data/."""
    with tempfile.TemporaryDirectory() as reports:
        words = [sys.executable, str(ROOT / "backtest.py"), "sweep", "dip-rule", *LARGE, "--reports", reports]
        begin, peak = time.perf_counter(), 0
        with (Path(reports) / "said").open("w") as said:
            process = subprocess.Popen(words, stdout=said)  # noqa: S603 - our own command
            while process.poll() is None:
                peak = max(peak, sum(resident(pid) for pid in tree(process.pid)))
                time.sleep(0.1)
        grid = (Path(reports) / "said").read_text().splitlines()[0]
        yield f"  {grid}: {time.perf_counter() - begin:.0f} s, at most {peak / 2**30:.2f} GiB"


def tree(root: int) -> list[int]:
    """A process and its descendants."""
    found = [root]
    for pid in found:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                found += [int(child) for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
        except OSError:
            continue
    return found


def resident(pid: int) -> int:
    """Bytes, shared pages divided among those that share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
