"""Shelf: the folder in which reports stand, each in a folder of its own that appears whole or not at all."""

import errno
import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dipfolio.errors import ReportError
from dipfolio.market.scratch import ASIDE, scratch

LONGEST = 120
"""Letters in a folder's name; longer ones end in a fingerprint."""

TURNS = 1_000
"""Times to try to put a report in its place while others do the same."""


def report_name(strategy: str, changed: dict[str, Any]) -> str:
    """``buy-the-dip--hold-20--fill-close``: what was changed from the defaults is in the name.

    Letters that have no place in a file name become ``_``, and such a name, like one that is too long, gets a
    fingerprint so that two runs never share a folder.
    """
    words = [f"{name.replace('_', '-')}-{'none' if value == '' else value}" for name, value in changed.items()]
    full = "--".join([strategy, *words])
    safe = re.sub(r"[^A-Za-z0-9.,=-]", "_", full)
    if safe == full and len(full) <= LONGEST:
        return full
    return f"{safe[:LONGEST]}--{hashlib.sha256(full.encode()).hexdigest()[:8]}"


def place(reports: Path, name: str, write: Callable[[Path], None]) -> Path:
    """Let ``write`` fill a folder beside, then put it in the place of what was there.

    Parameters
    ----------
    reports : Path
        Made if it is missing.
    name : str
        From :func:`report_name`.
    write : callable
        Gets an empty folder to write into.

    Raises
    ------
    ReportError
        The folder cannot be written. Nothing is left behind, and an older report of that name is untouched.
    """
    target = reports / name
    try:
        with scratch(reports) as room:
            fresh = room / "new"
            fresh.mkdir()
            write(fresh)
            _swap(fresh, target, room / ASIDE)
    except OSError as error:
        raise ReportError(
            f"No report can be written to {reports}: {error.strerror or str(error).rstrip('.')}. Choose another with --reports."
        ) from error
    return target


def _swap(fresh: Path, target: Path, aside: Path) -> None:
    """Put a folder in the place of another, which goes aside; of several who do so at once the last one wins."""
    for turn in range(TURNS):
        old = aside / f"{turn:06}" / target.name
        old.parent.mkdir(parents=True)
        with suppress(FileNotFoundError):
            os.rename(target, old)
        try:
            os.rename(fresh, target)
            return
        except OSError as error:
            if turn + 1 == TURNS or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        finally:
            if fresh.exists():
                _put_back(old, target)


def _put_back(old: Path, target: Path) -> None:
    """Undo; where another has put a report of that name in the meantime, that one stays."""
    with suppress(OSError):
        os.rename(old, target)


def saved_runs(reports: Path) -> tuple[Path, ...]:
    """The folders that hold a record, newest first; of two written at once the name decides."""
    records = sorted(path for path in reports.glob("*/run.json") if saved_run(reports, path.parent.name))
    return tuple(path.parent for path in sorted(records, key=_written, reverse=True))


def saved_run(reports: Path, name: str) -> Path | None:
    """The folder of a saved run; none for a name that is a path, or a link that leads out of the shelf."""
    folder = reports / name
    if name.startswith(".") or Path(name).name != name or not (folder / "run.json").is_file():
        return None
    return folder if folder.resolve().parent == reports.resolve() else None


def _written(path: Path) -> float:
    """When a file was written; at no time if it has just gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
