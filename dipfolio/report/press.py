"""Press: tear sheets of many runs, drawn side by side in processes of their own."""

import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from functools import cache

from dipfolio.engine.metrics import Metrics
from dipfolio.engine.result import Result
from dipfolio.market.rates import RiskFree
from dipfolio.report.tearsheet import import_quantstats, tear_sheet

Job = tuple[Result, Metrics, RiskFree]

WORTHWHILE = 3
"""Sheets from which on it pays to start processes: each first imports quantstats, which takes as long as drawing one."""


def tear_sheets(jobs: Sequence[Job], processes: int | None = None, *, ends_after: bool = False) -> Iterator[str]:
    """The page of each run, in the order of the runs, as they are finished.

    Parameters
    ----------
    jobs : sequence of (Result, Metrics, RiskFree)
    processes : int, optional
        As many as there are processors; fewer than :data:`WORTHWHILE` sheets are drawn here.
    ends_after : bool
        Whether this process, if it draws, has little else to do (:func:`make_ready`).
    """
    count = min(processes or os.cpu_count() or 1, len(jobs))
    if len(jobs) < WORTHWHILE or count == 1:
        if jobs and ends_after:
            make_ready()
        yield from map(_draw, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(count, initializer=_start_drawing) as pool:
        yield from pool.imap(_draw, jobs)


@cache
def make_ready() -> None:
    """Import what draws, in a process that is about to draw and then to end.

    Charts are rings of objects, so that Python often looks for rings that nobody needs - each time through all modules
    too. Those live as long as the process, and are frozen: it does not look at them again. With fewer looks while they
    are imported (:func:`dipfolio.cli.main.main`) the whole command takes 0.83 of the time without (median of seven pairs).
    """
    import_quantstats()
    gc.freeze()


def _draw(job: Job) -> str:
    return tear_sheet(*job)


def _start_drawing() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers interrupts
    make_ready()
