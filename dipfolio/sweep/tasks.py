"""Sweep tasks: what one process computes for some cells of a grid, and the finished tasks of a sweep on disk.

A cell can be compared with backtrader. A checkpoint is valid only with its SHA-256, which is written last, so that an
interrupted sweep can be resumed.
"""

import json
import math
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.data.risk_free import RiskFree, constant_rate
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy, stdout_to_stderr
from dipfolio.engine.metrics import measure
from dipfolio.engine.parameters import list_parameters
from dipfolio.engine.simulation import simulate
from dipfolio.engine.strategy import Strategy, StrategyBase
from dipfolio.errors import ParameterError, ReportError, UnknownNameError
from dipfolio.storage import DirectoryLock, atomic_write, explain_write_errors, sha256_of
from dipfolio.sweep.batches import make_batches
from dipfolio.sweep.metrics import measure_variants, metric_columns, metrics_row
from dipfolio.sweep.simulator import simulate_batch
from dipfolio.sweep.state import COST_COLUMNS

Floats = NDArray[np.float64]
KEY_FILE = "key.json"
CHECKSUM_SUFFIX = ".sha256"
"""Ending of the fingerprint of a part, which is written last: what has none is not done."""


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


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskResult:
    """The metrics of some cells of a grid.

    Attributes
    ----------
    number : int
        Of the part.
    table : DataFrame of shape (variants, columns)
        ``cell`` and the data of :func:`dipfolio.sweep.metrics.metric_columns`.
    returns : dict
        Cell to the returns of its sessions, shape (sessions,), for the cells whose path is to be kept; above what idle cash
        earned, where it earns by a dated rate.
    refused : dict
        Cell to the reason for which the strategy does not accept its parameters.
    """

    number: int
    table: pd.DataFrame
    returns: dict[int, Floats] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


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
    run = _in_lockstep if issubclass(kind, Strategy) else _one_by_one
    rows, returns = [pd.DataFrame(columns=["cell", *metric_columns()])], {}
    for places, table, paths in run(task, strategies, bars):
        cells = [numbers[place] for place in places]
        rows.append(table.assign(cell=cells))
        returns.update({cell: paths(column) for column, cell in enumerate(cells) if cell in task.kept_cells})
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
    terms, account = task.terms, task.terms.account.in_market(bars.calendar)
    for places, batch in make_batches(strategies, bars, account, terms.first_decision):
        sessions = bars.sessions[terms.first :]
        base = bars.sessions[terms.first_decision]
        daily, days = terms.risk_free.daily(sessions, base, bars.sessions_per_year).to_numpy(), (sessions - base).days.to_numpy()
        start, idle = terms.first - terms.first_decision, _idle_returns(terms, bars, sessions)
        came = measure_variants(simulate_batch(batch), terms.account.cash, start, daily, days, idle, bars.sessions_per_year)
        above = came.returns if idle is None else came.returns - idle[:, None]
        yield places, came.table, lambda column, above=above: above[:, column]


def _idle_returns(terms: SweepSettings, bars: Bars, sessions: pd.DatetimeIndex) -> Floats | None:
    """What idle cash earned in each of some sessions from the first on, None where cash earns nothing. Shape (sessions,)."""
    if bars.cash_rate is None:
        return None
    rate = terms.account.riskless_rate(bars.cash_rate)
    return np.asarray(rate.daily(sessions, bars.sessions[terms.first_decision]))


def _one_by_one(task: SweepTask, strategies: list[Any], bars: Bars) -> Iterator[tuple[list[int], pd.DataFrame, Any]]:
    """Strategies that decide bar by bar, each in backtrader."""
    terms, count = task.terms, len(bars) - task.terms.first
    for place, strategy in enumerate(strategies):
        result = simulate(strategy, bars, terms.account, start=bars.sessions[terms.first].date())
        path = result.returns.reindex(bars.sessions[-count:], fill_value=0.0).to_numpy()
        idle = _idle_returns(terms, bars, bars.sessions[terms.first :])
        path = path if idle is None else path - idle
        known = None if idle is None else idle[: len(result.returns)]
        row = metrics_row(measure(result, terms.risk_free), result.returns, result.events, known)
        yield [place], pd.DataFrame([row]), lambda _, path=path: path


def backtrader_difference(cell: pd.Series, terms: SweepSettings, parameters: dict[str, Any], bars: Bars) -> tuple[float, str]:
    """The largest difference in dollars between a row of the table and the same cell in backtrader, and where it is."""
    start = bars.sessions[terms.first].date() if terms.first else None
    with stdout_to_stderr():
        result = simulate(terms.kind(**parameters), bars, terms.account, start=start)
    row = metrics_row(measure(result), result.returns, result.events)
    worst, where = 0.0, "final_equity"
    for name in ("final_equity", *COST_COLUMNS, "trades", "entry_dates", "open_positions"):
        difference = abs(float(cell[name]) - float(row[name]))
        if not difference <= worst:
            worst, where = (difference if not math.isnan(difference) else math.inf), name
    return worst, where


class CheckpointFolder:
    """A folder of parts that belong to one sweep.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    key : str
        What identifies the sweep; parts of any other are thrown away.
    resume : bool
        Keep the parts of the same sweep that are there.

    Attributes
    ----------
    damaged : tuple of int
        Numbers of the parts that were there and are not what was written; they count as not done.

    Raises
    ------
    ReportError
        The folder cannot be written, or belongs to a sweep that is going on.
    """

    def __init__(self, folder: Path, key: str, *, resume: bool) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock: DirectoryLock | None = DirectoryLock(folder)
            if self._lock.held_elsewhere:
                raise ReportError(f"{folder} belongs to a sweep that is going on; wait for it, or choose another --reports.")
            if not (resume and self._key() == key):
                _remove(self.folder.iterdir())
            (folder / KEY_FILE).write_text(json.dumps({"key": key}), encoding="utf-8")
        except ReportError:
            raise
        except OSError as error:
            raise ReportError(f"{folder} cannot be written: {error.strerror}. Choose another folder with --reports.") from error
        self.damaged = tuple(number for number in self._named() if not self._is_intact(number))

        for number in self.damaged:
            _remove(self.folder.glob(f"{self._place(number).stem}.*"))

    def _key(self) -> str:
        try:
            return str(json.loads((self.folder / KEY_FILE).read_text(encoding="utf-8"))["key"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def done(self) -> list[int]:
        """The numbers of the parts that are there and whole, in order."""
        return [number for number in self._named() if number not in self.damaged]

    def _named(self) -> list[int]:
        return sorted(int(path.stem.removeprefix("part-")) for path in self.folder.glob(f"part-*{CHECKSUM_SUFFIX}"))

    def _is_intact(self, number: int) -> bool:
        """True if both files of a part are those that were written."""
        try:
            return self._place(number).with_suffix(CHECKSUM_SUFFIX).read_text(encoding="utf-8") == self._fingerprint(number)
        except (OSError, ValueError):
            return False

    def _fingerprint(self, number: int) -> str:
        table = self._place(number)
        return " ".join(sha256_of(path.read_bytes()) for path in (table, table.with_suffix(".npz")))

    def save(self, part: TaskResult) -> None:
        """Write a part; it appears whole or not at all.

        Raises
        ------
        ReportError
            The folder cannot be written.
        """
        rest = {"cells": np.array(list(part.returns), dtype=int), "returns": np.array(list(part.returns.values()), dtype=float)}
        refused = {"refused": np.array(list(part.refused), dtype=int), "why": np.array(list(part.refused.values()), dtype=str)}
        table = self._place(part.number)
        with explain_write_errors(self.folder, ReportError):
            with atomic_write(table.with_suffix(".npz")) as fresh, fresh.open("wb") as file:
                np.savez(file, allow_pickle=False, **rest, **refused)
            with atomic_write(table) as fresh:
                part.table.to_parquet(fresh)
            with atomic_write(table.with_suffix(CHECKSUM_SUFFIX)) as fresh:
                fresh.write_text(self._fingerprint(part.number), encoding="utf-8")
        self.damaged = tuple(number for number in self.damaged if number != part.number)

    def load(self, number: int) -> TaskResult:
        """Read a part back."""
        table = self._place(number)
        with np.load(table.with_suffix(".npz")) as rest:
            returns = {int(cell): row for cell, row in zip(rest["cells"], rest["returns"], strict=True)}
            refused = {int(cell): str(why) for cell, why in zip(rest["refused"], rest["why"], strict=True)}
        return TaskResult(number=number, table=pd.read_parquet(table), returns=returns, refused=refused)

    def remove(self) -> None:
        """Throw the folder away, its key first, so that what is left of it by a kill belongs to no sweep."""
        with suppress(OSError):
            (self.folder / KEY_FILE).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock = None

    def _place(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.parquet"


def _remove(paths: Iterable[Path]) -> None:
    """Whatever stands there."""
    for path in list(paths):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
