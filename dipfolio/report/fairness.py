"""Fairness: on what terms tracks are compared, and what was done to those that differ."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from dipfolio.engine.result import Result
from dipfolio.errors import ComparisonError
from dipfolio.market import sessions as calendar
from dipfolio.report.notes import Note, alignments, brevity, flags, own_windows
from dipfolio.report.track import Track, runs_of
from dipfolio.report.wording import money

FEWEST = 2
"""Sessions that a common window needs."""

COVERAGE = 0.9
"""Part of the exchange's sessions for which a track must have a value, or it is no daily series."""


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
        return runs_of(self.tracks)


def judge(tracks: Iterable[Track], *, as_is: bool = False) -> Fairness:
    """Find the common terms.

    Parameters
    ----------
    tracks : iterable of Track
        With labels that tell them apart. The first one, and the first run among them, set the terms.
    as_is : bool
        Compare each over its own window and on its own terms, and only say how they differ.

    Raises
    ------
    ComparisonError
        None of them can be compared, not even with itself.
    """
    tracks = tuple(tracks)
    reasons = _refusals(tracks)
    if as_is:
        days = pd.DatetimeIndex(sorted(set().union(*(track.returns.index for track in tracks))), name="session")
        names = {result.benchmark for _, result in runs_of(tracks)}
        notes = [Note(kind="as is", text=f"{label} {reason}.") for label, reason in reasons.items()]
        notes += [*own_windows(tracks, days), *flags(tracks)]
        return Fairness(
            tracks=tracks, left_out=(), sessions=days, base=min(track.base for track in tracks),
            benchmark=names.pop() if len(names) == 1 else "", notes=tuple(notes), as_is=True,
        )  # fmt: skip
    kept = tuple(track for track in tracks if track.label not in reasons)
    if not kept:
        raise ComparisonError(f"{tracks[0].label} {reasons[tracks[0].label]}.")
    days = _common(kept)
    notes = [Note(kind="left out", text=f"{label} is left out: it {reason}.") for label, reason in reasons.items()]
    notes += [*alignments(kept, days, _benchmark(kept)), *brevity(days), *flags(kept)]
    return Fairness(
        tracks=kept, left_out=tuple(reasons.items()), sessions=days, base=_base(kept, days), benchmark=_benchmark(kept),
        notes=tuple(notes),
    )  # fmt: skip


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
    tracks = (*before, track)
    days = _sessions(tracks)
    sparse = [other for other in tracks if not other.bankrupt and _known(other, days) < COVERAGE * len(days)]
    if len(days) >= FEWEST and sparse:
        whose = "" if sparse[-1] is track else f"leaves a common window in which {sparse[-1].label} "
        return f"{whose}has a value for {_known(sparse[-1], days)} of the {len(days)} common sessions and is no daily series"
    if len(_common(tracks)) < FEWEST:
        others = f" with {', '.join(other.label for other in before)}" if before else f" of {calendar.EXCHANGE}"
        return f"has its own window, {track.span}, and no two sessions in common{others}"
    if any(other.bankrupt and other.last < days[0] for other in tracks):
        return "leaves a common window in which an account was wiped out before it began"
    return _other_terms(track.result, before) if track.result else ""


def _known(track: Track, days: pd.DatetimeIndex) -> int:
    return len(days.intersection(track.returns.index))


def _other_terms(result: Result, before: list[Track]) -> str:
    """Other cash than the first run, or another benchmark than the first run that has one."""
    for label, other in runs_of(before):
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
    return next((result.benchmark for _, result in runs_of(tracks) if result.benchmark), "")
