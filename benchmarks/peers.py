"""Peers: the dip rule in other back-testers, on the same bars.

bt gets the rule as an algorithm over all symbols and one purse, and must end with the same money; backtesting.py knows
one symbol at a time and gets a purse for each. Either is left out where it is not installed.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from benchmarks.clock import race
from benchmarks.markets import random_bars
from benchmarks.row import Row, rows
from dipfolio.data.bars import Bars
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import run_simulation

STRATEGIES = Path(__file__).parents[1] / "strategies"
CASH, DROP, HOLD = 1e6, 0.04, 20
OURS, BT, ONE_BY_ONE = "dipfolio, simulation alone", "bt", "backtesting.py, one run a symbol"
FEES = Account(cash=CASH, sec_taf=False, slippage_bps=0)


def report(rounds: int) -> Iterator[Row | str]:
    """Lines of results."""
    bars = random_bars(14, 1500)
    rule = load_strategy(STRATEGIES, "dip-rule")(universe=",".join(bars.symbols), drop=DROP, hold=HOLD, fill="close")
    yield "dip rule with fees at the close, 14 symbols x 1,500 sessions"
    for name, run, target in ((BT, bt_run(bars), 0.5), (ONE_BY_ONE, backtesting_run(bars), 1.0)):
        if run is None:
            yield f"  {name} is not installed: pip install -e '.[benchmark]'"
            continue
        yield from rows(race({name: run, OURS: lambda: run_simulation(rule, bars, FEES)}, rounds), name, {OURS: target})
        if name == BT:
            yield f"  difference of the final equity ${abs(run() - run_simulation(rule, bars, FEES).equity[-1]):.6f}"


def commission(shares: float, price: float) -> float:
    """Half a cent a share, at least a dollar, at most one per cent."""
    return min(max(0.005 * abs(shares), 1.0), 0.01 * abs(shares) * price)


def bt_run(bars: Bars) -> Callable[[], float] | None:
    """One run of bt, which gives the final value."""
    try:
        import bt
    except ImportError:
        return None

    class Dip(bt.Algo):
        """Buys at the close after the fall, sized before it, and sells twenty sessions on."""

        def __init__(self) -> None:
            super().__init__()
            self.falls = bars.returns.shift(1).to_numpy() <= -DROP
            self.before = bars.close.shift(1).to_numpy()
            self.entered: dict[str, int] = {}
            self.row, self.value = -1, CASH

        def __call__(self, target: bt.Strategy) -> bool:
            self.row += 1
            for column, symbol in enumerate(bars.symbols):
                held = target[symbol].position
                if held and self.row - self.entered[symbol] >= HOLD:
                    target[symbol].transact(-held)
                elif not held and self.falls[self.row, column]:
                    target[symbol].transact(int(self.value / len(bars.symbols) / self.before[self.row, column]))
                    self.entered[symbol] = self.row
            self.value = target.value
            return True

    def run() -> float:
        """Once, from new."""
        strategy = bt.Strategy("dip", [Dip()], children=[bt.Security(symbol) for symbol in bars.symbols])
        test = bt.Backtest(
            strategy, bars.close, initial_capital=CASH, commissions=commission, integer_positions=True, progress_bar=False
        )
        test.run()
        return float(test.strategy.value)

    return run


def backtesting_run(bars: Bars) -> Callable[[], float] | None:
    """One run of backtesting.py for each symbol, which gives the sum of the final values."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import backtesting
    except ImportError:
        return None

    class Dip(backtesting.Strategy):
        """Buys after the fall and sells twenty sessions on."""

        def init(self) -> None:
            self.entered = 0

        def next(self) -> None:
            close = self.data.Close
            if self.position:
                if len(close) - self.entered >= HOLD:
                    self.position.close()
            elif close[-1] / close[-2] - 1 <= -DROP:
                self.buy(size=max(int(self.equity / close[-1] * 0.98), 1))
                self.entered = len(close)

    tables = [
        pd.DataFrame({name.title(): getattr(bars, name)[symbol] for name in ("open", "high", "low", "close", "volume")})
        for symbol in bars.symbols
    ]

    def run() -> float:
        """Once for each symbol."""
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):  # a bar of progress for each
            warnings.simplefilter("ignore")
            tests = [
                backtesting.Backtest(table, Dip, cash=CASH / 14, commission=lambda size, price: commission(size, price),
                                     trade_on_close=True, finalize_trades=True)
                for table in tables
            ]  # fmt: skip
            return sum(float(test.run()["Equity Final [$]"]) for test in tests)

    return run
