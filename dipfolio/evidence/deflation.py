"""Deflation: what is left of a Sharpe ratio once everything that was tried beside it is counted."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from dipfolio.engine.showing import Shown
from dipfolio.evidence.sharpe import Sharpe
from dipfolio.evidence.swept import Swept, Tried, word


@dataclass(frozen=True, kw_only=True, repr=False)
class Deflation(Shown):
    """What is left of a Sharpe ratio after all trials of its family.

    Attributes
    ----------
    trials : int
        That traded, this one included.
    variance : float
        Of their ratios, per session.
    probability : float
        The deflated Sharpe ratio; NaN with fewer than two trials.
    """

    trials: int
    variance: float
    probability: float


def deflate(sharpe: Sharpe, entries: Iterable[Tried], effective: float | None = None) -> Deflation:
    """The deflated Sharpe ratio with every trial counted.

    A sweep counts exactly as if each of its variants had an entry: the mean and the variance of all are put together from the
    count, the mean and the squares of each entry (Chan, Golub and LeVeque, 1983, The American Statistician 37). What lies
    whole within a sweep - a single run of one of its cells, a smaller grid, the same sweep again - is counted once, with it.

    A ratio of few sessions varies more, and says as much less. So that a single short run does not pass for a wide spread,
    each ratio counts times the root of its sessions over those of the one that is judged, as the error of both is then alike.

    Two grids that overlap in part cannot be told apart cell by cell. Their common cells then stay in the number of trials
    twice, and the squares of both are divided by the smallest number of different variants that there can be: number and
    variance are never below those of the different variants, so the probability is never above.

    Parameters
    ----------
    sharpe : Sharpe
        Of the strategy that was chosen.
    entries : iterable of Trial and Swept
        Its family, itself included.
    effective : float, optional
        Independent trials that they amount to (:func:`dipfolio.evidence.multiplicity.effective_trials`), to be shown beside.
    """
    kept = distinct(entries)
    trials = sum(entry.traded for entry in kept)
    if trials < 2:
        return Deflation(trials=trials, variance=math.nan, probability=math.nan)
    scale = [math.sqrt(entry.observations / sharpe.observations) for entry in kept]
    means = [entry.mean * by for entry, by in zip(kept, scale, strict=True)]
    mean = sum(entry.traded * own for entry, own in zip(kept, means, strict=True)) / trials
    within = sum(entry.squares * by**2 for entry, by in zip(kept, scale, strict=True))
    squares = within + sum(entry.traded * (own - mean) ** 2 for entry, own in zip(kept, means, strict=True))
    variance = squares / (max(_fewest(kept), 2) - 1)
    return Deflation(trials=trials, variance=variance, probability=sharpe.deflated(effective or trials, variance))


def distinct(entries: Iterable[Tried]) -> tuple[Tried, ...]:
    """The entries without those that lie whole within another one, whatever their family; of equal ones the first is kept."""
    once: dict[str, Tried] = {}
    for entry in entries:
        once.setdefault(replace(entry, family="").key, entry)
    kept: list[Tried] = []
    grids: list[Swept] = []
    for entry in sorted(once.values(), key=lambda e: (cells(e), isinstance(e, Swept)), reverse=True):
        if any(shared(entry, grid) == cells(entry) for grid in grids):
            continue
        kept.append(entry)
        grids += [entry] if isinstance(entry, Swept) else []
    return tuple(kept)


def _fewest(kept: Sequence[Tried]) -> int:
    """Different variants that traded, at the least: of every two grids all common cells may have traded in both."""
    grids = [entry for entry in kept if isinstance(entry, Swept)]
    twice = sum(min(shared(one, other), one.traded, other.traded) for one, other in combinations(grids, 2))
    return max(sum(entry.traded for entry in kept) - twice, *(entry.traded for entry in kept))


def cells(entry: Tried) -> int:
    """Combinations of its values."""
    return math.prod(len(values) for values in entry.axes.values())


def shared(one: Tried, other: Tried) -> int:
    """Variants that two entries have in common: those of the same strategy, window, figures, account and parameters."""
    if _terms(one) != _terms(other) or one.axes.keys() != other.axes.keys():
        return 0
    return math.prod(len({*map(word, values)} & {*map(word, other.axes[name])}) for name, values in one.axes.items())


def _terms(entry: Tried) -> tuple[Any, ...]:
    return entry.strategy, entry.window, entry.figures, entry.account
