"""Farm: the cells of a grid, shared out to local processes or to a Dask cluster."""

import hashlib
import importlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dipfolio import __version__
from dipfolio.engine.simulation import checked_targets
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import FarmError, ParameterError, UnknownNameError
from dipfolio.market.bars import Bars
from dipfolio.sweep.grid import Grid
from dipfolio.sweep.parts import Part, Parts
from dipfolio.sweep.sharing import watched
from dipfolio.sweep.work import Task, Terms, work

CELLS = 16_384
"""Variants times symbols of one task: small enough for a processor's cache, large enough to pay for a step."""

FEWEST, MOST = 64, 2048
"""Variants of one task, whatever the number of symbols."""

KEPT = 1_000
"""Variants whose returns are kept, evenly spread over the grid."""

ALONE = 4_000
"""Variants up to which one process is done before others have started."""

PATIENCE = "20s"
"""How long a scheduler may take to answer."""


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Who does the work.

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


def tasks_of(grid: Grid, terms: Terms, bars: Bars, default: int) -> list[Task]:
    """The tasks of a sweep, so that variants that share their targets are in one.

    Parameters
    ----------
    grid : Grid
    terms : Terms
    bars : Bars
    default : int
        Number under which the strategy with its fixed parameters alone is run as well.
    """
    kind = terms.kind
    lockstep = issubclass(kind, Strategy)
    order = grid.order(_read(kind, grid, bars)) if lockstep else grid.order(())
    symbols = max(len(bars.symbols), 1)
    size = min(max(CELLS // symbols, FEWEST), MOST) if lockstep else 4
    keep = frozenset(np.unique(np.linspace(0, len(grid) - 1, min(KEPT, len(grid))).round().astype(int)).tolist())
    numbers = [order[start : start + size].tolist() for start in range(0, len(order), size)]
    numbers.append([default])
    return [
        Task(
            number=k, terms=terms, keep=keep,
            cells=tuple((cell, grid.fixed if cell == default else grid.cell(cell)) for cell in part),
        )
        for k, part in enumerate(numbers)
    ]  # fmt: skip


def _read(kind: type[Any], grid: Grid, bars: Bars) -> set[str]:
    """The parameters that ``targets`` looks at, as far as the first acceptable cell shows."""
    for number in range(min(len(grid), 100)):
        try:
            spy, read = watched(kind(**grid.cell(number)))
            checked_targets(spy, bars.select(spy.symbols))
        except (ParameterError, UnknownNameError):
            continue
        return read | {"universe"}
    return set()


def fingerprint(grid: Grid, terms: Terms, bars: Bars) -> str:
    """What a sweep depends on: the strategies' sources, the grid, the account, the window, the figures, the version."""
    digest = hashlib.sha256(repr((__version__, grid, terms.name, asdict(terms.account), terms.first, terms.eve)).encode())
    digest.update(bars.provenance.sha256.encode() + terms.risk_free.fingerprint.encode())
    for path in sorted(terms.strategies.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def farm(tasks: Sequence[Task], bars: Bars, crew: Crew, parts: Parts, said: Callable[[int], None] = lambda _: None) -> list[Part]:
    """Do what is not done yet, and return all parts.

    Every part is on disk as soon as it is done, so that an interruption loses those under way at most.

    Parameters
    ----------
    tasks : sequence of Task
    bars : Bars
    crew : Crew
    parts : Parts
    said : callable
        Told the number of variants of each part that is done, those that were there already included.
    """
    done = set(parts.done())
    for task in tasks:
        if task.number in done:
            said(len(task.cells))
    size = {task.number: len(task.cells) for task in tasks}
    for part in _results([task for task in tasks if task.number not in done], bars, crew):
        parts.save(part)
        said(size[part.number])
    return [parts.load(task.number) for task in tasks]


def _results(tasks: Sequence[Task], bars: Bars, crew: Crew) -> Iterator[Part]:
    if crew.scheduler or crew.dask_local:
        yield from _on_cluster(tasks, bars, crew)
        return
    jobs = min(crew.jobs or _processors(tasks), len(tasks))
    if jobs <= 1:
        yield from (work(task, bars) for task in tasks)
        return
    import joblib

    with tempfile.TemporaryDirectory(prefix="dipfolio-") as folder:
        shared = Path(folder) / "bars"
        joblib.dump(bars, shared)
        pool = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", backend="loky", pre_dispatch="2*n_jobs")
        yield from pool(joblib.delayed(work)(task, shared) for task in tasks)


def _processors(tasks: Sequence[Task]) -> int:
    variants = sum(len(task.cells) for task in tasks)
    few = ALONE if tasks and issubclass(tasks[0].terms.kind, Strategy) else 4
    return 1 if variants <= few else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _on_cluster(tasks: Sequence[Task], bars: Bars, crew: Crew) -> Iterator[Part]:
    """On Dask, whose scheduler gives the work of a worker that is lost to the others."""
    import joblib

    with _client(crew) as client, joblib.parallel_config(backend="dask", scheduler_host=None, scatter=[bars]):
        slots = max(sum(client.nthreads().values()), 1)
        pool = joblib.Parallel(n_jobs=-1, return_as="generator_unordered", pre_dispatch=4 * slots, batch_size=1)
        yield from pool(joblib.delayed(work)(task, bars) for task in tasks)


@contextmanager
def _client(crew: Crew) -> Iterator[Any]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise FarmError("A Dask cluster needs dask and distributed: pip install 'dipfolio[distributed]'.") from None
    start = distributed.LocalCluster
    local = start(n_workers=crew.dask_local, threads_per_worker=1, dashboard_address=None) if crew.dask_local else None
    with local or nullcontext() as cluster:
        try:
            client = distributed.Client(cluster if cluster is not None else crew.scheduler, timeout=PATIENCE)
        except OSError as error:
            raise FarmError(f"No Dask scheduler answers at {crew.scheduler}: {error}") from error
        with client:
            yield client
