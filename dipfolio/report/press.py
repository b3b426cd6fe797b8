"""Press: tear sheets of many runs, drawn side by side in processes of their own."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence

from dipfolio.engine.metrics import Metrics
from dipfolio.engine.result import Result
from dipfolio.market.rates import RiskFree
from dipfolio.report.tearsheet import tear_sheet

Job = tuple[Result, Metrics, RiskFree]

WORTHWHILE = 3
"""Sheets from which on it pays to start processes: each first imports quantstats, which takes as long as drawing one."""


def tear_sheets(jobs: Sequence[Job], processes: int | None = None) -> Iterator[str]:
    """The page of each run, in the order of the runs, as they are finished.

    Parameters
    ----------
    jobs : sequence of (Result, Metrics, RiskFree)
    processes : int, optional
        As many as there are processors; fewer than :data:`WORTHWHILE` sheets are drawn here.
    """
    count = min(processes or os.cpu_count() or 1, len(jobs))
    if len(jobs) < WORTHWHILE or count == 1:
        yield from map(_draw, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(count, initializer=_leave_interrupts_to_the_parent) as pool:
        yield from pool.imap(_draw, jobs)


def _draw(job: Job) -> str:
    return tear_sheet(*job)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
