"""Fairness: on what terms tracks are compared, and what was done to those that differ."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd

from dipfolio.engine.result import Result
from dipfolio.market import sessions as calendar
from dipfolio.report.track import Track
from dipfolio.report.wording import count, money

Kind = Literal["aligned", "flag", "left out", "as is"]

FEWEST = 2
"""Sessions that a common window needs."""

COVERAGE = 0.9
"""Part of the exchange's sessions for which a track must have a value, or it is no daily series."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a reader must know about the terms.

    ``aligned`` was put right, a ``flag`` cannot be put right, ``left out`` is not on the page, ``as is`` was asked for.
    """

    kind: Kind
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Fairness:
    """The terms of a comparison.

    Attributes
    ----------
    tracks : tuple of Track
        Those that are compared, in the order given.
    left_out : tuple of (str, str)
        Label and reason of the others.
    sessions : DatetimeIndex
        For which all of them have a return; of any of them if compared as they are.
    base : Timestamp
        The close from which the first common return starts.
    benchmark : str
        Of all of them; empty for none, or if they differ.
    notes : tuple of Note
    as_is : bool
        Nothing was aligned or refused.
    """

    tracks: tuple[Track, ...]
    left_out: tuple[tuple[str, str], ...]
    sessions: pd.DatetimeIndex
    base: pd.Timestamp
    benchmark: str
    notes: tuple[Note, ...]
    as_is: bool = False

    @property
    def since(self) -> pd.Timestamp:
        """The day from which calendar days are counted: the first session where a record begins with its figures."""
        first = pd.Timestamp(self.sessions[0])
        return first if any(r.base is None and r.returns.index[0] == first for _, r in self.runs) else self.base

    @property
    def runs(self) -> tuple[tuple[str, Result], ...]:
        """Label and record of those that have one."""
        return tuple(_runs(self.tracks))


def judge(tracks: Iterable[Track], *, as_is: bool = False) -> Fairness:
    """Find the common terms.

    Parameters
    ----------
    tracks : iterable of Track
        With labels that tell them apart. The first one, and the first run among them, set the terms.
    as_is : bool
        Compare each over its own window and on its own terms, and only say how they differ.
    """
    tracks = tuple(tracks)
    reasons = _refusals(tracks)
    if as_is:
        days = pd.DatetimeIndex(sorted(set().union(*(track.returns.index for track in tracks))), name="session")
        names = {result.benchmark for _, result in _runs(tracks)}
        notes = [Note(kind="as is", text=f"{label} {reason}.") for label, reason in reasons.items()]
        notes += [*_window_notes(tracks, days), *_flags(tracks)]
        return Fairness(
            tracks=tracks, left_out=(), sessions=days, base=min(track.base for track in tracks),
            benchmark=names.pop() if len(names) == 1 else "", notes=tuple(notes), as_is=True,
        )  # fmt: skip
    kept = tuple(track for track in tracks if track.label not in reasons)
    days = _common(kept)
    notes = [Note(kind="left out", text=f"{label} is left out: it {reason}.") for label, reason in reasons.items()]
    notes += [*_alignments(kept, days), *_flags(kept)]
    return Fairness(
        tracks=kept, left_out=tuple(reasons.items()), sessions=days, base=_base(kept, days), benchmark=_benchmark(kept),
        notes=tuple(notes),
    )  # fmt: skip


def _runs(tracks: Iterable[Track]) -> Iterator[tuple[str, Result]]:
    return ((track.label, track.result) for track in tracks if track.result is not None)


def _refusals(tracks: tuple[Track, ...]) -> dict[str, str]:
    """Why a track cannot be compared with those before it, by label."""
    reasons: dict[str, str] = {}
    kept: list[Track] = []
    for track in tracks:
        reason = _refusal(track, kept)
        if reason:
            reasons[track.label] = reason
        else:
            kept.append(track)
    return reasons


def _refusal(track: Track, before: list[Track]) -> str:
    """Why a track does not fit those that were accepted before it; empty if it does."""
    days = _sessions((*before, track))
    if len(days) < FEWEST:
        others = f" with {', '.join(other.label for other in before)}" if before else f" of {calendar.EXCHANGE}"
        return f"has its own window, {track.span}, and no two sessions in common{others}"
    had = len(days.intersection(track.returns.index))
    if not track.bankrupt and had < COVERAGE * len(days):
        return f"has a value for {had} of the {len(days)} common sessions and is no daily series"
    if any(other.bankrupt and other.last < days[0] for other in (*before, track)):
        return "leaves a common window in which an account was wiped out before it began"
    return _other_terms(track.result, before) if track.result else ""


def _other_terms(result: Result, before: list[Track]) -> str:
    """Other cash than the first run, or another benchmark than the first run that has one."""
    for label, other in _runs(before):
        if result.account.cash != other.account.cash:
            return f"starts with {money(result.account.cash)} of cash where {label} has {money(other.account.cash)}"
        if result.benchmark and other.benchmark and result.benchmark != other.benchmark:
            return f"is measured against {result.benchmark} where {label} has {other.benchmark}"
    return ""


def _sessions(tracks: tuple[Track, ...]) -> pd.DatetimeIndex:
    """The exchange's sessions in the window that all tracks share; a wiped-out account stays at nothing to its end."""
    lasts = [track.last for track in tracks if not track.bankrupt] or [max(track.last for track in tracks)]
    return calendar.between(max(track.first for track in tracks), min(lasts))


def _common(tracks: tuple[Track, ...]) -> pd.DatetimeIndex:
    """The sessions for which every track has a return, as the records write them."""
    days = _sessions(tracks).as_unit("s").rename("session")
    for track in tracks:
        known = track.returns.index
        days = days[days.isin(known) | (track.bankrupt & (days > track.last))]
    return days


def _base(tracks: tuple[Track, ...], days: pd.DatetimeIndex) -> pd.Timestamp:
    """The close before the first common session: the latest that any track knows before it."""
    bases = [track.base if track.first == days[0] else _day_before(track, days[0]) for track in tracks]
    return max(bases)


def _day_before(track: Track, day: pd.Timestamp) -> pd.Timestamp:
    earlier = track.returns.index[track.returns.index < day]
    return pd.Timestamp(earlier[-1]) if len(earlier) else track.base


def _benchmark(tracks: tuple[Track, ...]) -> str:
    return next((result.benchmark for _, result in _runs(tracks) if result.benchmark), "")


def _alignments(tracks: tuple[Track, ...], days: pd.DatetimeIndex) -> Iterator[Note]:
    """What was done to make the tracks alike."""
    yield from _cut_notes(tracks, days)
    for track in tracks:
        inside = track.returns.index[(track.returns.index >= days[0]) & (track.returns.index <= days[-1])]
        merged = len(inside.difference(days))
        if merged:
            are = "is no common session; its return is in that" if merged == 1 else "are no common session; their returns are in those"
            yield Note(kind="aligned", text=f"{count(merged, 'day')} of {track.label} {are} of the next one.")
        if track.bankrupt and track.last < days[-1]:
            yield Note(kind="aligned", text=f"{track.label} was wiped out on {track.last.date()} and stays at what was left.")
        if track.result and not track.result.benchmark and _benchmark(tracks):
            text = f"{track.label} ran without a benchmark; it is measured against the {_benchmark(tracks)} of the other records."
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


def _window_notes(tracks: tuple[Track, ...], days: pd.DatetimeIndex) -> Iterator[Note]:
    """Which windows differ where nothing is aligned."""
    different = [f"{t.label}: {t.span}" for t in tracks if not t.returns.index.equals(days)]
    if different:
        text = f"The windows differ and were not aligned, so returns and ratios are not comparable ({'; '.join(different)})."
        yield Note(kind="as is", text=text)


def _flags(tracks: tuple[Track, ...]) -> Iterator[Note]:
    """What cannot be put right: other figures, other costs."""
    runs = list(_runs(tracks))
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
        text = (
            f"The data fingerprint of {', '.join(apart)} differs from that of {first_label} because it covers other symbols or "
            "sessions; source, retrieval date and the benchmark's returns are the same."
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


def _account_flags(runs: list[tuple[str, Result]]) -> Iterator[Note]:
    rules = {label: asdict(result.account) for label, result in runs}
    names = [name for name in next(iter(rules.values())) if name != "cash"]
    different = [name.replace("_", " ") for name in names if len({rule[name] for rule in rules.values()}) > 1]
    if different:
        yield Note(kind="flag", text=f"The accounts have other rules: {', '.join(different)}. See the assumptions.")
