"""Shelf: the folder in which reports stand, each in a folder of its own that appears whole or not at all."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dipfolio.errors import ReportError

LONGEST = 120
"""Letters in a folder's name; longer ones end in a fingerprint."""


def report_name(strategy: str, changed: dict[str, Any]) -> str:
    """``buy-the-dip--hold-20--fill-close``: what was changed from the defaults is in the name.

    Letters that have no place in a file name become ``_``, and such a name, like one that is too long, gets a
    fingerprint so that two runs never share a folder.
    """
    full = "--".join([strategy, *(f"{name.replace('_', '-')}-{value}" for name, value in changed.items())])
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
    try:
        reports.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=reports, prefix=f".{name[:40]}-") as room:
            fresh, old = Path(room) / "new", Path(room) / "old"
            fresh.mkdir()
            write(fresh)
            target = reports / name
            if target.exists():
                os.rename(target, old)
            try:
                os.rename(fresh, target)
            except BaseException:
                if old.exists():
                    os.rename(old, target)
                raise
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise ReportError(
            f"No report can be written to {reports}: {error.strerror or error}. Choose another with --reports."
        ) from error
    return target


def saved_runs(reports: Path) -> tuple[Path, ...]:
    """The folders that hold a record, newest first; of two written at once the name decides."""
    records = sorted(path for path in reports.glob("*/run.json") if not path.parent.name.startswith("."))
    return tuple(path.parent for path in sorted(records, key=_written, reverse=True))


def _written(path: Path) -> float:
    """When a file was written; at no time if it has just gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
