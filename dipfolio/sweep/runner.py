"""Sweep runner: runs a grid in this process, in local processes or on a Dask cluster.

Every finished task is saved at once, so that an interruption loses at most those that are running. ``run_sweep``
takes a strategy class from Python, wherever it is defined.
"""

import importlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from dipfolio.data.bars import Bars
from dipfolio.data.risk_free import RiskFree, constant_rate
from dipfolio.engine.account import Account
from dipfolio.engine.parameters import list_parameters
from dipfolio.engine.simulation import checked_targets, first_session
from dipfolio.engine.strategy import Strategy, StrategyBase
from dipfolio.errors import ParameterError, UnknownNameError, WorkerError
from dipfolio.storage import sha256_of
from dipfolio.sweep.batches import record_reads
from dipfolio.sweep.grid import ParameterGrid, parse_grid
from dipfolio.sweep.sweep_result import SweepResult, combine_results
from dipfolio.sweep.tasks import CheckpointFolder, SweepSettings, SweepTask, TaskResult, run_task
from dipfolio.version import __version__

MAX_CELLS_PER_TASK = 16_384
"""Variants times symbols of one task: small enough for a processor's cache, large enough to pay for a step."""

MIN_VARIANTS_PER_TASK, MAX_VARIANTS_PER_TASK = 64, 2048
"""Variants of one task, whatever the number of symbols."""

MAX_KEPT_RETURNS = 1_000
"""Variants whose returns are kept, evenly spread over the grid."""

MAX_SERIAL_VARIANTS = 4_000
"""Variants up to which one process is done before others have started."""

SCHEDULER_TIMEOUT = "20s"
"""How long a scheduler may take to answer."""


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """The workers of a sweep.

    Attributes
    ----------
    jobs : int
        Local processes; 0 for one for each processor.
    scheduler : str
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``; its workers need dipfolio and the strategies' folder.
    dask_local : int
        Workers of a Dask cluster of this machine's own, 0 for none.
    """

    jobs: int = 0
    scheduler: str = ""
    dask_local: int = 0


def make_tasks(grid: ParameterGrid, terms: SweepSettings, bars: Bars, default: int) -> list[SweepTask]:
    """The tasks of a sweep, so that variants that share their targets are in one.

    Parameters
    ----------
    grid : ParameterGrid
    terms : SweepSettings
    bars : Bars
    default : int
        Number under which the strategy with its fixed parameters alone is run as well.
    """
    kind = terms.kind
    is_batchable = issubclass(kind, Strategy)
    order = grid.order(_parameters_read(kind, grid, bars)) if is_batchable else grid.order(())
    symbols = max(len(bars.symbols), 1)
    size = min(max(MAX_CELLS_PER_TASK // symbols, MIN_VARIANTS_PER_TASK), MAX_VARIANTS_PER_TASK) if is_batchable else 4
    keep = frozenset(np.unique(np.linspace(0, len(grid) - 1, min(MAX_KEPT_RETURNS, len(grid))).round().astype(int)).tolist())
    numbers = [order[start : start + size].tolist() for start in range(0, len(order), size)]
    numbers.append([default])
    return [
        SweepTask(
            number=k, terms=terms, kept_cells=keep,
            cells=tuple((cell, grid.fixed if cell == default else grid.cell(cell)) for cell in part),
        )
        for k, part in enumerate(numbers)
    ]  # fmt: skip


def _parameters_read(kind: type[Any], grid: ParameterGrid, bars: Bars) -> set[str]:
    """The parameters that ``targets`` looks at, as far as the first acceptable cell shows."""
    for number in range(min(len(grid), 100)):
        try:
            spy, read = record_reads(kind(**grid.cell(number)))
            checked_targets(spy, bars.select(spy.symbols))
        except (ParameterError, UnknownNameError):
            continue
        return read | {"universe"}
    return set()


def sweep_fingerprint(grid: ParameterGrid, terms: SweepSettings, bars: Bars) -> str:
    """The SHA-256 of all inputs of a sweep: the strategies' sources, the grid, the account, the window, the data, the version."""
    facts = repr((__version__, grid, terms.name, terms.account.as_record(), terms.first, terms.first_decision))
    sources = [part for path in sorted(terms.strategies.glob("*.py")) for part in (path.name, path.read_bytes())]
    return sha256_of(facts, bars.provenance.sha256, terms.risk_free.fingerprint, *sources)


def run_tasks(
    tasks: Sequence[SweepTask],
    bars: Bars,
    crew: WorkerConfig,
    parts: CheckpointFolder,
    progress: Callable[[int], None] = lambda _: None,
) -> list[TaskResult]:
    """Do what is not done yet, and return all parts.

    Every part is on disk as soon as it is done, so that an interruption loses those under way at most.

    Parameters
    ----------
    tasks : sequence of SweepTask
    bars : Bars
    crew : WorkerConfig
    parts : CheckpointFolder
    progress : callable
        Told the number of variants of each part that is done, those that were there already included.
    """
    done = set(parts.done())
    for task in tasks:
        if task.number in done:
            progress(len(task.cells))
    size = {task.number: len(task.cells) for task in tasks}
    for part in _compute_results([task for task in tasks if task.number not in done], bars, crew):
        parts.save(part)
        progress(size[part.number])
    return [parts.load(task.number) for task in tasks]


def _compute_results(tasks: Sequence[SweepTask], bars: Bars, crew: WorkerConfig) -> Iterator[TaskResult]:
    if crew.scheduler or crew.dask_local:
        yield from _on_cluster(tasks, bars, crew)
        return
    jobs = min(crew.jobs or _processors(tasks), len(tasks))
    if jobs <= 1:
        yield from (run_task(task, bars) for task in tasks)
        return
    import joblib

    with tempfile.TemporaryDirectory(prefix="dipfolio-") as folder:
        shared = Path(folder) / "bars"
        joblib.dump(bars, shared)
        pool = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", backend="loky", pre_dispatch="2*n_jobs")
        yield from pool(joblib.delayed(run_task)(task, shared) for task in tasks)


def _processors(tasks: Sequence[SweepTask]) -> int:
    variants = sum(len(task.cells) for task in tasks)
    few = MAX_SERIAL_VARIANTS if tasks and issubclass(tasks[0].terms.kind, Strategy) else 4
    return 1 if variants <= few else count_processors()


def count_processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _on_cluster(tasks: Sequence[SweepTask], bars: Bars, crew: WorkerConfig) -> Iterator[TaskResult]:
    """On Dask, whose scheduler gives the work of a worker that is lost to the others."""
    import joblib

    with _client(crew) as client, joblib.parallel_config(backend="dask", scheduler_host=None, scatter=[bars]):
        slots = max(sum(client.nthreads().values()), 1)
        pool = joblib.Parallel(n_jobs=-1, return_as="generator_unordered", pre_dispatch=4 * slots, batch_size=1)
        yield from pool(joblib.delayed(run_task)(task, bars) for task in tasks)


@contextmanager
def _client(crew: WorkerConfig) -> Iterator[Any]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise WorkerError("A Dask cluster needs dask and distributed: pip install 'dipfolio[distributed]'.") from None
    start = distributed.LocalCluster
    local = start(n_workers=crew.dask_local, threads_per_worker=1, dashboard_address=None) if crew.dask_local else None
    with local or nullcontext() as cluster:
        try:
            client = distributed.Client(cluster if cluster is not None else crew.scheduler, timeout=SCHEDULER_TIMEOUT)
        except OSError as error:
            raise WorkerError(f"No Dask scheduler answers at {crew.scheduler}: {error}") from error
        with client:
            yield client


DEFAULT_CELL = -1
"""Number of the default among the cells."""

ParameterValues = str | Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class ClassSweepSettings(SweepSettings):
    """Terms of a class that is at hand; no file is looked for."""

    own: type[StrategyBase]

    @property
    def kind(self) -> type[StrategyBase]:
        """The class itself."""
        return self.own


def run_sweep(
    strategy: type[StrategyBase],
    bars: Bars,
    account: Account | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
    risk_free: float | RiskFree | None = None,
    **values: ParameterValues,
) -> SweepResult:
    """Run every combination of some values of the parameters, all together, in this process.

    Parameters
    ----------
    strategy : type
        A strategy's class.
    bars : Bars
        At least the symbols of every variant.
    account : Account, optional
        The defaults of :class:`Account`.
    start, end : date, optional
        The window, as in :func:`dipfolio.simulate`.
    risk_free : float or RiskFree, optional
        A year, taken off in the Sharpe ratios; if not given, what idle cash earns by the cash rate of the bars, and else 0.
    **values
        For each parameter that is varied: a text such as ``"0.02:0.06:0.01"`` or ``"1,2,5"``, or a sequence of values.

    Raises
    ------
    UnknownNameError
        No such parameter.
    ParameterError
        Values that the parameter cannot have, or no variant that the strategy accepts.
    WindowError
        As in :func:`dipfolio.simulate`.
    """
    grid = parse_grid(strategy, {name: _values_text(strategy, name, given) for name, given in values.items()})
    first = first_session(bars, start, end)
    known = bars if end is None else bars.until(end)
    account = account or Account()
    if risk_free is None:
        risk_free = account.riskless_rate(known.cash_rate) if known.cash_rate else 0.0
    rate = risk_free if isinstance(risk_free, RiskFree) else constant_rate(risk_free)
    terms = _sweep_settings(strategy, account, first, rate)
    parts = [run_task(task, known) for task in make_tasks(grid, terms, known, DEFAULT_CELL)]
    return combine_results(parts, grid, terms, known, DEFAULT_CELL)


def _sweep_settings(strategy: type[StrategyBase], account: Account, first: int, rate: RiskFree) -> ClassSweepSettings:
    name, eve = strategy().name, max(first - 1, 0)
    return ClassSweepSettings(
        strategies=Path(), name=name, account=account, first=first, first_decision=eve, risk_free=rate, own=strategy
    )


def _values_text(strategy: type[StrategyBase], name: str, given: ParameterValues) -> str:
    """A sequence as the command line would have it; texts without fixed choices stand between semicolons."""
    if isinstance(given, str):
        return given
    free = any(item.name == name and item.kind is str and not item.choices for item in list_parameters(strategy))
    return (";" if free else ",").join("none" if value is None else str(value) for value in given)
