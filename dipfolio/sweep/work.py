"""Work: what one process does with some cells of a grid."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from dipfolio.engine.account import Account
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.idea import Idea
from dipfolio.engine.metrics import measure
from dipfolio.engine.parameter import parameters
from dipfolio.engine.prints import prints_aside
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import ParameterError, UnknownNameError
from dipfolio.market.bars import Bars
from dipfolio.market.rates import RiskFree, constant
from dipfolio.sweep.lockstep import run
from dipfolio.sweep.outcome import FIGURES, outcome, row_of
from dipfolio.sweep.parts import Part
from dipfolio.sweep.variants import batches


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What all cells of a sweep have in common.

    Attributes
    ----------
    strategies : Path
        The folder of strategy files; every process imports the strategy from there by its name.
    name : str
    account : Account
    first, eve : int
        Numbers of the first session that counts and of the one on whose close the first decision falls.
    risk_free : RiskFree
        Taken off in the Sharpe ratios.
    """

    strategies: Path
    name: str
    account: Account
    first: int
    eve: int
    risk_free: RiskFree = field(default_factory=lambda: constant(0.0))

    @property
    def kind(self) -> type[Idea]:
        """The strategy's class, imported here."""
        return load_strategy(self.strategies, self.name)

    @property
    def defaults(self) -> dict[str, Any]:
        """Of all its parameters."""
        return {item.name: item.default for item in parameters(self.kind)}


@dataclass(frozen=True, kw_only=True)
class Task:
    """Some cells of a grid.

    Attributes
    ----------
    number : int
        Of the part that comes of it.
    terms : Terms
    cells : tuple of (int, dict)
        Numbers and parameters.
    keep : frozenset of int
        Cells whose returns are to be kept.
    """

    number: int
    terms: Terms
    cells: tuple[tuple[int, dict[str, Any]], ...]
    keep: frozenset[int]


def work(task: Task, source: Bars | Path) -> Part:
    """Run the cells of a task.

    Parameters
    ----------
    task : Task
    source : Bars or Path
        The figures, or the file from which they are mapped into memory, read-only and shared by all processes.
    """
    with prints_aside():
        return _work(task, mapped(source) if isinstance(source, Path) else source)


def _work(task: Task, bars: Bars) -> Part:
    kind, refused, numbers, strategies = task.terms.kind, {}, [], []
    for number, values in task.cells:
        try:
            strategies.append(kind(**values))
            numbers.append(number)
        except (ParameterError, UnknownNameError) as error:
            refused[number] = str(error)
    found = _in_lockstep if issubclass(kind, Strategy) else _one_by_one
    rows, returns = [pd.DataFrame(columns=["cell", *FIGURES])], {}
    for places, table, paths in found(task, strategies, bars):
        own = [numbers[place] for place in places]
        rows.append(table.assign(cell=own))
        returns.update({cell: paths(column) for column, cell in enumerate(own) if cell in task.keep})
    table = pd.concat(rows[1:] or rows, ignore_index=True)[["cell", *FIGURES]]
    return Part(number=task.number, table=table, returns=returns, refused=refused)


@lru_cache(maxsize=1)
def mapped(path: Path) -> Bars:
    """Bars whose arrays stay in the file, mapped into memory."""
    import joblib

    bars: Bars = joblib.load(path, mmap_mode="r")
    return bars


def _in_lockstep(task: Task, strategies: list[Any], bars: Bars) -> Iterator[tuple[list[int], pd.DataFrame, Any]]:
    terms = task.terms
    for places, batch in batches(strategies, bars, terms.account, terms.eve):
        daily = terms.risk_free.daily(bars.sessions[terms.first :]).to_numpy()
        came = outcome(run(batch), terms.account.cash, terms.first - terms.eve, daily)
        yield places, came.table, lambda column, came=came: came.returns[:, column]


def _one_by_one(task: Task, strategies: list[Any], bars: Bars) -> Iterator[tuple[list[int], pd.DataFrame, Any]]:
    """Strategies that decide bar by bar, each in backtrader."""
    terms, count = task.terms, len(bars) - task.terms.first
    for place, strategy in enumerate(strategies):
        result = simulate(strategy, bars, terms.account, start=bars.sessions[terms.first].date())
        path = result.returns.reindex(bars.sessions[-count:], fill_value=0.0).to_numpy()
        row = row_of(measure(result, terms.risk_free), result.returns, result.events)
        yield [place], pd.DataFrame([row]), lambda _, path=path: path


def difference(cell: pd.Series, terms: Terms, parameters: dict[str, Any], bars: Bars) -> tuple[float, str]:
    """The largest difference in dollars between a row of the table and the same cell in backtrader, and where it is."""
    start = bars.sessions[terms.first].date() if terms.first else None
    with prints_aside():
        result = simulate(terms.kind(**parameters), bars, terms.account, start=start)
    row = row_of(measure(result), result.returns, result.events)
    worst, where = 0.0, "final_equity"
    for name in ("final_equity", "commission", "fees", "slippage", "borrow", "interest", "dividends", "trades", "open_positions"):
        gap = abs(float(cell[name]) - float(row[name]))
        if not gap <= worst:
            worst, where = (gap if not math.isnan(gap) else math.inf), name
    return worst, where
