"""Sweep tasks: what one process computes for some cells of a grid, and the comparison of a cell with backtrader."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.data.risk_free import RiskFree, constant_rate
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy, stdout_to_stderr
from dipfolio.engine.metrics import measure
from dipfolio.engine.parameters import list_parameters
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy, StrategyBase
from dipfolio.errors import ParameterError, UnknownNameError
from dipfolio.sweep.batches import make_batches
from dipfolio.sweep.checkpoints import TaskResult
from dipfolio.sweep.metrics import measure_variants, metric_columns, metrics_row
from dipfolio.sweep.simulator import simulate_batch
from dipfolio.sweep.state import COST_COLUMNS


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """The settings that all cells of a sweep share.

    Attributes
    ----------
    strategies : Path
        The folder of strategy files; every process imports the strategy from there by its name.
    name : str
    account : Account
    first, first_decision : int
        Numbers of the first session that counts and of the one on whose close the first decision falls.
    risk_free : RiskFree
        Taken off in the Sharpe ratios.
    """

    strategies: Path
    name: str
    account: Account
    first: int
    first_decision: int
    risk_free: RiskFree = field(default_factory=lambda: constant_rate(0.0))

    @property
    def kind(self) -> type[StrategyBase]:
        """The strategy's class, imported here."""
        return load_strategy(self.strategies, self.name)

    @property
    def defaults(self) -> dict[str, Any]:
        """Of all its parameters."""
        return {item.name: item.default for item in list_parameters(self.kind)}


@dataclass(frozen=True, kw_only=True)
class SweepTask:
    """Some cells of a grid.

    Attributes
    ----------
    number : int
        Of the part that comes of it.
    terms : SweepSettings
    cells : tuple of (int, dict)
        Numbers and parameters.
    kept_cells : frozenset of int
        Cells whose returns are to be kept.
    """

    number: int
    terms: SweepSettings
    cells: tuple[tuple[int, dict[str, Any]], ...]
    kept_cells: frozenset[int]


def run_task(task: SweepTask, source: Bars | Path) -> TaskResult:
    """Run the cells of a task.

    Parameters
    ----------
    task : SweepTask
    source : Bars or Path
        The data, or the file from which they are mapped into memory, read-only and shared by all processes.
    """
    with stdout_to_stderr():
        return _run_cells(task, load_mapped_bars(source) if isinstance(source, Path) else source)


def _run_cells(task: SweepTask, bars: Bars) -> TaskResult:
    kind, refused, numbers, strategies = task.terms.kind, {}, [], []
    for number, values in task.cells:
        try:
            strategies.append(_with_bars(kind(**values), bars))
            numbers.append(number)
        except (ParameterError, UnknownNameError) as error:
            refused[number] = str(error)
    found = _in_lockstep if issubclass(kind, Strategy) else _one_by_one
    rows, returns = [pd.DataFrame(columns=["cell", *metric_columns()])], {}
    for places, table, paths in found(task, strategies, bars):
        own = [numbers[place] for place in places]
        rows.append(table.assign(cell=own))
        returns.update({cell: paths(column) for column, cell in enumerate(own) if cell in task.kept_cells})
    table = pd.concat(rows[1:] or rows, ignore_index=True)[["cell", *metric_columns()]]
    return TaskResult(number=task.number, table=table, returns=returns, refused=refused)


def _with_bars(strategy: StrategyBase, bars: Bars) -> StrategyBase:
    """The strategy, if there are bars of all its symbols."""
    for symbol in bars.expand(strategy.symbols):
        if symbol not in bars.symbols:
            raise UnknownNameError("symbol", symbol, bars.symbols)
    return strategy


@lru_cache(maxsize=1)
def load_mapped_bars(path: Path) -> Bars:
    """Bars whose arrays stay in the file, mapped into memory."""
    import joblib

    bars: Bars = joblib.load(path, mmap_mode="r")
    return bars


def _in_lockstep(task: SweepTask, strategies: list[Any], bars: Bars) -> Iterator[tuple[list[int], pd.DataFrame, Any]]:
    terms = task.terms
    for places, batch in make_batches(strategies, bars, terms.account, terms.first_decision):
        sessions = bars.sessions[terms.first :]
        daily, days = terms.risk_free.daily(sessions).to_numpy(), (sessions - bars.sessions[terms.first_decision]).days.to_numpy()
        came = measure_variants(simulate_batch(batch), terms.account.cash, terms.first - terms.first_decision, daily, days)
        yield places, came.table, lambda column, came=came: came.returns[:, column]


def _one_by_one(task: SweepTask, strategies: list[Any], bars: Bars) -> Iterator[tuple[list[int], pd.DataFrame, Any]]:
    """Strategies that decide bar by bar, each in backtrader."""
    terms, count = task.terms, len(bars) - task.terms.first
    for place, strategy in enumerate(strategies):
        result = simulate(strategy, bars, terms.account, start=bars.sessions[terms.first].date())
        path = result.returns.reindex(bars.sessions[-count:], fill_value=0.0).to_numpy()
        row = metrics_row(measure(result, terms.risk_free), result.returns, result.events)
        yield [place], pd.DataFrame([row]), lambda _, path=path: path


def backtrader_difference(cell: pd.Series, terms: SweepSettings, parameters: dict[str, Any], bars: Bars) -> tuple[float, str]:
    """The largest difference in dollars between a row of the table and the same cell in backtrader, and where it is."""
    start = bars.sessions[terms.first].date() if terms.first else None
    with stdout_to_stderr():
        result = simulate(terms.kind(**parameters), bars, terms.account, start=start)
    row = metrics_row(measure(result), result.returns, result.events)
    worst, where = 0.0, "final_equity"
    for name in ("final_equity", *COST_COLUMNS, "trades", "entry_dates", "open_positions"):
        gap = abs(float(cell[name]) - float(row[name]))
        if not gap <= worst:
            worst, where = (gap if not math.isnan(gap) else math.inf), name
    return worst, where
