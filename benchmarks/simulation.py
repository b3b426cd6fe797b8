"""Simulation: one run of the dip rule with fees, ours against plain backtrader, and how it grows."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.clock import race
from benchmarks.markets import random_bars
from benchmarks.plain import run_plain
from benchmarks.row import Row, rows
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import run_simulation, simulate

STRATEGIES = Path(__file__).parents[1] / "strategies"
FEES = Account(sec_taf=False, slippage_bps=0)  # backtrader slips at the open only
PLAIN = "plain backtrader with PandasData"


def report(rounds: int) -> Iterator[Row | str]:
    """Lines of results."""
    bars = random_bars(14, 1500)
    rule = load_strategy(STRATEGIES, "dip-rule")(universe=",".join(bars.symbols))
    contestants = {
        PLAIN: lambda: run_plain(bars),
        "dipfolio, simulation alone": lambda: run_simulation(rule, bars, FEES),
        "dipfolio, with ledger and record": lambda: simulate(rule, bars, FEES),
    }
    yield "dip rule with fees, 14 symbols x 1,500 sessions"
    yield from rows(race(contestants, rounds), PLAIN, {name: 0.25 for name in contestants if name != PLAIN})
    yield f"  largest difference of the final equity ${abs(run_simulation(rule, bars, FEES).equity[-1] - run_plain(bars)):.6f}"
    yield from growth(rounds)


def growth(rounds: int) -> Iterator[Row]:
    """Time a bar as the market gets wider and longer."""
    for small, large in (((14, 1500), (200, 1500)), ((14, 500), (14, 5000))):
        made = {size: random_bars(*size) for size in (small, large)}
        found = race({f"{symbols} x {count:,}": _rule(bars) for (symbols, count), bars in made.items()}, rounds)
        (one, two), bars = found.seconds, (large[0] * large[1]) / (small[0] * small[1])
        yield Row(
            what=f"time a bar, {two}", seconds=found.median(two), ratio=found.ratio(two, one) / bars, against=one, target=1.3
        )


def _rule(bars):
    rule = load_strategy(STRATEGIES, "dip-rule")(universe=",".join(bars.symbols))
    return lambda: run_simulation(rule, bars, FEES)
