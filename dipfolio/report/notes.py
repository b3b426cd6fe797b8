"""Notes: what a reader must know of the terms of a comparison."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd

from dipfolio.engine.result import Result
from dipfolio.report.track import Track, runs_of
from dipfolio.report.wording import SHORT, count

Kind = Literal["aligned", "flag", "left out", "as is"]


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a reader must know about the terms.

    ``aligned`` was put right, a ``flag`` cannot be put right, ``left out`` is not on the page, ``as is`` was asked for.
    """

    kind: Kind
    text: str


def alignments(tracks: tuple[Track, ...], days: pd.DatetimeIndex, benchmark: str) -> Iterator[Note]:
    """What was done to make the tracks alike."""
    yield from _cut_notes(tracks, days)
    for track in tracks:
        inside = track.returns.index[(track.returns.index >= days[0]) & (track.returns.index <= days[-1])]
        merged = len(inside.difference(days))
        if merged:
            text = (
                f"{count(merged, 'day')} of {track.label} without a common session: multiplied into the return of the next one."
            )
            yield Note(kind="aligned", text=text)
        if track.bankrupt and track.last < days[-1]:
            yield Note(kind="aligned", text=f"{track.label} was wiped out on {track.last.date()} and stays at what was left.")
        if track.result and not track.result.benchmark and benchmark:
            text = f"{track.label} ran without a benchmark; it is measured against the {benchmark} of the other records."
            yield Note(kind="aligned", text=text)
    measured = [track for track in tracks if track.result and track.result.benchmark]
    lacking = [track.label for track in measured if track.result and not track.result.base and track.first == days[0]]
    if lacking and len(lacking) < len(measured):
        text = f"{', '.join(lacking)} began with the figures; the benchmark's return in that session is from the other records."
        yield Note(kind="aligned", text=text)
    unknown = [track.label for track in tracks if track.result is None]
    if unknown:
        text = f"From elsewhere: {', '.join(unknown)}. Costs, cash, assumptions and figures are not known; nothing was audited."
        yield Note(kind="flag", text=text)


def brevity(days: pd.DatetimeIndex) -> Iterator[Note]:
    """That figures a year are made of little."""
    if len(days) < SHORT:
        text = f"The common window has {count(len(days), 'session')}: what is told a year is an extrapolation."
        yield Note(kind="flag", text=text)


def _cut_notes(tracks: tuple[Track, ...], days: pd.DatetimeIndex) -> Iterator[Note]:
    begun = [f"{track.label} ({track.span})" for track in tracks if track.first < days[0]]
    longer = [f"{t.label} ({t.span})" for t in tracks if t.first >= days[0] and not t.bankrupt and t.last > days[-1]]
    window = f"{days[0].date()} to {days[-1].date()}"
    if begun:
        text = (
            f"Cut to the common window, {window}: {', '.join(begun)}. Only the returns of the common sessions are chained, "
            "from 1 at the close before; positions already held come along without the cost of entering them, and trades entered "
            "before are not counted. The tear sheets show the whole runs, so their figures differ from those here."
        )
        yield Note(kind="aligned", text=text)
    if longer:
        text = f"Cut to the common window, {window}: {', '.join(longer)}. What came later counts only in their own tear sheets."
        yield Note(kind="aligned", text=text)


def own_windows(tracks: tuple[Track, ...], days: pd.DatetimeIndex) -> Iterator[Note]:
    """Which windows differ where nothing is aligned."""
    different = [f"{t.label}: {t.span}" for t in tracks if not t.returns.index.equals(days)]
    if different:
        text = f"The windows differ and were not aligned, so returns and ratios are not comparable ({'; '.join(different)})."
        yield Note(kind="as is", text=text)


def flags(tracks: tuple[Track, ...]) -> Iterator[Note]:
    """What cannot be put right: other figures, other costs."""
    runs = runs_of(tracks)
    if not runs:
        return
    first_label, first = runs[0]
    seen: dict[object, tuple[str, str]] = {}
    apart = []
    for label, result in runs:
        source = result.provenance
        other_label, other_sha = seen.setdefault(tuple(source.sessions.items()), (label, source.sha256))
        if source.sha256 != other_sha:
            prints = f"SHA-256 {source.sha256[:12]} against {other_sha[:12]}"
            yield Note(
                kind="flag", text=f"{label} was made from other figures than {other_label}, of the same symbols ({prints})."
            )
        elif _other_origin(result, first):
            text = f"{label} has its figures from {_origin(result)}; {first_label} from {_origin(first)}."
            yield Note(kind="flag", text=text)
        elif not _same_market(result, first):
            yield Note(
                kind="flag", text=f"{label} has other returns of {first.benchmark} than {first_label}: its figures differ."
            )
        elif source.sha256 != first.provenance.sha256:
            apart.append(label)
    if apart:
        alike = "source, retrieval date and the benchmark's returns" if first.benchmark else "source and retrieval date"
        text = (
            f"The data fingerprint of {', '.join(apart)} differs from that of {first_label} because it covers other symbols or "
            f"sessions; {alike} are the same."
        )
        yield Note(kind="flag", text=text)
    yield from _account_flags(runs)


def _origin(result: Result) -> str:
    origin = result.provenance.origin
    return f"{origin.source or 'nowhere stated'}, retrieved {origin.retrieved or 'at an unknown date'}, {origin.adjustment}"


def _other_origin(one: Result, other: Result) -> bool:
    a, b = one.provenance.origin, other.provenance.origin
    return (a.source, a.retrieved, a.adjustment) != (b.source, b.retrieved, b.adjustment)


def _same_market(one: Result, other: Result) -> bool:
    """Whether the benchmark moved alike in the sessions that both know; the very first return of figures is no return."""
    if not one.benchmark or one.benchmark != other.benchmark:
        return True
    a, b = (r.equity["benchmark"].iloc[0 if r.base else 1 :] for r in (one, other))
    days = a.index.intersection(b.index)
    return bool(np.allclose(a[days], b[days], rtol=0, atol=1e-12))


def _account_flags(runs: tuple[tuple[str, Result], ...]) -> Iterator[Note]:
    rules = {label: asdict(result.account) for label, result in runs}
    names = [name for name in next(iter(rules.values())) if name != "cash"]
    different = [name.replace("_", " ") for name in names if len({rule[name] for rule in rules.values()}) > 1]
    if different:
        yield Note(kind="flag", text=f"The accounts have other rules: {', '.join(different)}. See the assumptions.")
