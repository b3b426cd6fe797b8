"""Parallel work on claims: calls a function for each of some items, in this process or in several, always in their order."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from dipfolio.data.bars import Bars
from dipfolio.engine.loader import stdout_to_stderr

Item = TypeVar("Item")
Value = TypeVar("Value")


def map_items(
    compute: Callable[[Item, Bars, Path], Value], items: Sequence[Item], bars: Bars, folder: Path, jobs: int = 1
) -> Iterator[Value]:
    """The value of each item, in the order of the items, as soon as it and all before it are computed.

    Parameters
    ----------
    compute : callable
        Takes an item, the bars and the folder of strategies. For several processes it and its values can be pickled.
    items : sequence
    bars : Bars
    folder : Path
        The strategies.
    jobs : int
        Processes; with 1 everything runs in this one.
    """
    if min(jobs, len(items)) < 2:
        yield from (compute(item, bars, folder) for item in items)
        return
    import joblib

    # Values may hold views of the bars, so that no process may map them from a file that will be gone (max_nbytes).
    pool = joblib.Parallel(n_jobs=jobs, return_as="generator", backend="loky", batch_size=1, max_nbytes=None)
    yield from pool(joblib.delayed(_compute)(compute, item, bars, folder) for item in items)


def _compute(compute: Callable[[Item, Bars, Path], Value], item: Item, bars: Bars, folder: Path) -> Value:
    with stdout_to_stderr():
        return compute(item, bars, folder)
