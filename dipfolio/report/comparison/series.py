"""The return series of a comparison: one of a run, or one from an external file."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from dipfolio.data import calendar
from dipfolio.engine.result import Result, load
from dipfolio.errors import ReportError, WindowError
from dipfolio.report.run_summary import run_heading
from dipfolio.storage import CHECKSUM_FILE as SEAL
from dipfolio.storage import changed_files


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """One series of a comparison before it is aligned.

    Attributes
    ----------
    label : str
        Its name on the page.
    returns : Series of shape (days,)
        Simple returns, in order, over its own window.
    base : Timestamp
        The day on whose close the first return starts.
    result : Result or None
        The record; None for a series from elsewhere.
    folder : Path or None
        Where the record and its tear sheet stand.
    origin : str
        For a series from elsewhere, what it was taken for; empty for a run.
    """

    label: str
    returns: pd.Series
    base: pd.Timestamp
    result: Result | None = None
    folder: Path | None = None
    origin: str = ""

    @property
    def first(self) -> pd.Timestamp:
        """The first day with a return."""
        return pd.Timestamp(self.returns.index[0])

    @property
    def last(self) -> pd.Timestamp:
        """The last day with a return."""
        return pd.Timestamp(self.returns.index[-1])

    @property
    def bankrupt(self) -> bool:
        """True if its account was wiped out on the last day."""
        return self.result is not None and self.result.bankrupt

    @property
    def span(self) -> str:
        """Its own window in words."""
        return f"{self.first.date()} to {self.last.date()}"


def session_before(day: pd.Timestamp) -> pd.Timestamp:
    """The session before a day, or the day before where the calendar does not reach."""
    try:
        return calendar.offset(day, -1).as_unit("s")
    except WindowError:
        return day - pd.Timedelta(days=1)


def track_of(result: Result, folder: Path | None = None) -> Track:
    """The track of a run, named by its strategy and what was changed."""
    base = pd.Timestamp(result.base).as_unit("s") if result.base else session_before(result.returns.index[0])
    return Track(label=run_heading(result), returns=result.returns, base=base, result=result, folder=folder)


def saved_track(folder: Path) -> Track:
    """The track of a saved run.

    Raises
    ------
    ReportError
        No record there, one that cannot be read, or one of which a file was changed since it was sealed.
    """
    broken = changed_files(folder, include_added=False) if (folder / SEAL).exists() else ()
    if broken:
        raise ReportError(f"{folder} was damaged or changed since it was written ({', '.join(broken)}); run the strategy again.")
    return track_of(load(folder), folder)


def runs_of(tracks: Iterable[Track]) -> tuple[tuple[str, Result], ...]:
    """Label and record of those that have one."""
    return tuple((track.label, track.result) for track in tracks if track.result is not None)


def with_unique_labels(tracks: Iterable[Track]) -> tuple[Track, ...]:
    """The tracks with labels that tell them apart: where two are alike, the folder's name, else a number, is added."""
    tracks = tuple(tracks)
    alike = Counter(track.label for track in tracks)
    named = [replace(track, label=track.folder.name) if alike[track.label] > 1 and track.folder else track for track in tracks]
    seen: Counter[str] = Counter()
    for place, track in enumerate(named):
        seen[track.label] += 1
        if seen[track.label] > 1:
            named[place] = replace(track, label=f"{track.label} #{seen[track.label]}")
    return tuple(named)
