"""Merging: stored figures and a provider's new answer, without the stored history changing unsaid."""

from dataclasses import dataclass, replace

import numpy as np

from dipfolio.market.bars import FIELDS
from dipfolio.market.layouts import Figures
from dipfolio.market.store import Entry
from dipfolio.market.yahoo import Answer

PRICE_NOISE = 5e-6
"""Relative difference of two prices that is not told: Yahoo's last digits change from call to call (yfinance#1038)."""
SHARE_NOISE = 1e-6
DIVIDEND_NOISE = 1e-4
"""A dividend divided by a split is rounded."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A figure that is not what it was.

    Attributes
    ----------
    date : str
    field : str
        A column of the prices, "dividend" or "session".
    before, now : float
        NaN where there was or is none.
    """

    date: str
    field: str
    before: float
    now: float

    @property
    def size(self) -> float:
        """Relative to what it was; infinite where one of the two is missing or nothing."""
        return abs(self.now / self.before - 1) if self.before > 0 and self.now == self.now else float("inf")


@dataclass(frozen=True, kw_only=True, eq=False)
class Merger:
    """The outcome of a merge.

    Attributes
    ----------
    entry : Entry
        What is to be kept.
    added : int
        Sessions that were not stored before.
    splits : dict
        Those that the stored history was brought onto.
    differences : tuple of Difference
        Between the answer and what was stored.
    appended : bool
        Whether later sessions could be joined on; not where the last stored close is in doubt.
    """

    entry: Entry
    added: int
    splits: dict[str, float]
    differences: tuple[Difference, ...]
    appended: bool = True


def merge(before: Entry, answer: Answer, *, accept: bool, asked_from: str, today: str) -> Merger:
    """Join an answer to what is stored.

    Parameters
    ----------
    before : Entry
    answer : Answer
    accept : bool
        Take the answer where the two differ; else the stored figures stay.
    asked_from, today : str
        ISO dates for the new entry.

    Notes
    -----
    Splits that the stored history does not know divide its earlier prices and dividends and multiply its volumes. If the
    answer agrees with that, its figures replace the stored ones; if the two agree without it, the provider has named the
    split but not yet applied it, and everything stays as it is.
    """
    splits = {
        day: ratio for day, ratio in answer.splits.items() if day not in before.splits and day >= str(before.figures.days[0])
    }
    on_splits = _split(before, splits)
    differences = compare(on_splits, answer)
    fresh = Entry(
        figures=answer.figures, dividends=answer.dividends, splits=answer.splits, asked_from=asked_from, retrieved=today
    )
    added = int(np.isin(answer.figures.days, before.figures.days, invert=True).sum())
    if accept or not differences:
        entry = fresh if accept or splits else _joined(on_splits, fresh)
        return Merger(entry=entry, added=added, splits=splits, differences=differences)
    doubtful = {d.date for d in differences if d.field == "close"} & {str(before.last)}
    if doubtful or (splits and not compare(before, answer)):
        return Merger(entry=before, added=0, splits={}, differences=differences, appended=False)
    return Merger(entry=_joined(on_splits, fresh), added=added, splits=splits, differences=differences)


def compare(before: Entry, answer: Answer) -> tuple[Difference, ...]:
    """Where an answer is not what is stored, beyond noise; an additional dividend is none."""
    old, new = before.figures, answer.figures
    shared, i, j = np.intersect1d(old.days, new.days, return_indices=True)
    found = []
    for row, field in enumerate(FIELDS):
        a, b = old.cells[row, i], new.cells[row, j]
        noise = a * SHARE_NOISE + 2 if field == "volume" else a * PRICE_NOISE
        found += [
            Difference(date=str(shared[k]), field=field, before=float(a[k]), now=float(b[k]))
            for k in np.flatnonzero(abs(a - b) > noise)
        ]
    gone = old.days[np.isin(old.days, new.days, invert=True) & (old.days >= new.days[0])]
    found += [Difference(date=str(day), field="session", before=1.0, now=float("nan")) for day in gone]
    for day, amount in before.dividends.items():
        now = answer.dividends.get(day, float("nan"))
        if not abs(now - amount) <= amount * DIVIDEND_NOISE and day >= str(new.days[0]):
            found.append(Difference(date=day, field="dividend", before=amount, now=now))
    return tuple(sorted(found, key=lambda difference: difference.date))


def _split(entry: Entry, splits: dict[str, float]) -> Entry:
    """An entry as it is after some splits."""
    cells, dividends = entry.figures.cells.copy(), dict(entry.dividends)
    for day, ratio in splits.items():
        early = entry.figures.days < np.datetime64(day, "D")
        cells[:4, early] /= ratio
        cells[4, early] *= ratio
        dividends = {paid: amount / ratio if paid < day else amount for paid, amount in dividends.items()}
    return replace(entry, figures=Figures(days=entry.figures.days, cells=cells), dividends=dividends)


def _joined(before: Entry, fresh: Entry) -> Entry:
    """All that is stored, and what of the new lies on other days."""
    other = np.isin(fresh.figures.days, before.figures.days, invert=True)
    days = np.concatenate([before.figures.days, fresh.figures.days[other]])
    order = np.argsort(days, kind="stable")
    cells = np.concatenate([before.figures.cells, fresh.figures.cells[:, other]], axis=1)
    return replace(
        fresh,
        figures=Figures(days=days[order], cells=np.ascontiguousarray(cells[:, order])),
        dividends=dict(sorted({**fresh.dividends, **before.dividends}.items())),
        splits=dict(sorted({**before.splits, **fresh.splits}.items())),
    )
