"""Parallel work on claims: calls a function for each of some items, in this process or in several, always in their order."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from dipfolio.data.bars import Bars
from dipfolio.engine.loader import stdout_to_stderr

Item = TypeVar("Item")
Value = TypeVar("Value")


def map_items(
    compute: Callable[[Item, Bars, Path], Value],
    items: Sequence[Item],
    bars: Bars,
    folder: Path,
    jobs: int = 1,
    *,
    takes_long: Callable[[Item], bool] = lambda _: False,
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
    takes_long : callable
        True of items that several processes begin with, so that none of them works alone at the end.
    """
    if min(jobs, len(items)) < 2:
        yield from (compute(item, bars, folder) for item in items)
        return
    import joblib

    order = sorted(range(len(items)), key=lambda number: not takes_long(items[number]))
    # Values may hold views of the bars, so that no process may map them from a file that will be gone (max_nbytes).
    pool = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", backend="loky", batch_size=1, max_nbytes=None)
    computed: dict[int, Value] = {}
    place = 0
    for number, value in pool(joblib.delayed(_compute)(compute, number, items[number], bars, folder) for number in order):
        computed[number] = value
        while place in computed:
            yield computed.pop(place)
            place += 1


def _compute(
    compute: Callable[[Item, Bars, Path], Value], number: int, item: Item, bars: Bars, folder: Path
) -> tuple[int, Value]:
    with stdout_to_stderr():
        return number, compute(item, bars, folder)
