"""Simulation: one run of the dip rule with fees, ours against plain backtrader, and how it grows."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.clock import race
from benchmarks.markets import random_bars
from benchmarks.plain import run_plain
from dipfolio.engine.account import Account
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.simulation import play, simulate

STRATEGIES = Path(__file__).parents[1] / "strategies"
FEES = Account(sec_taf=False)


def report() -> Iterator[str]:
    """Lines of results."""
    bars = random_bars(14, 1500)
    rule = load_strategy(STRATEGIES, "dip-rule")(universe=",".join(bars.symbols))
    found = race(
        {
            "dipfolio, with ledger and record": lambda: simulate(rule, bars, FEES),
            "dipfolio, simulation alone": lambda: play(rule, bars, FEES),
            "backtrader with PandasData": lambda: run_plain(bars),
        }
    )
    yield "dip rule with fees, 14 symbols x 1,500 sessions"
    for name in found.seconds:
        times = found.ratio("backtrader with PandasData", name)
        yield f"  {name:<34} {found.median(name):7.3f} s   {times:5.1f} x plain backtrader"
    yield "growth, seconds a million bars"
    for symbols, count in ((14, 500), (14, 1500), (14, 5000), (200, 1500)):
        size = random_bars(symbols, count)
        grown = load_strategy(STRATEGIES, "dip-rule")(universe=",".join(size.symbols))
        seconds = race({"run": lambda grown=grown, size=size: play(grown, size, FEES)}, rounds=3).median("run")
        yield f"  {symbols:>4} symbols x {count:>5,} sessions {seconds / (symbols * count) * 1e6:8.2f}"
