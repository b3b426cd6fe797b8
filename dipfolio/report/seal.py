"""Seal: what makes a report trustworthy later - the identity of its run and a fingerprint of each of its files."""

import hashlib
import json
from pathlib import Path
from typing import Any

from dipfolio.errors import ReportError

NAME = "seal.json"


def seal(folder: Path, identity: str) -> None:
    """Write the seal of a finished report into its folder.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """
    record = _closed({"identity": identity, "files": _fingerprints(folder)})
    try:
        (folder / NAME).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{folder} cannot be written: {error.strerror}.") from error


def sealed_identity(folder: Path) -> str:
    """The identity of the run that a report was made from; empty where there is no report, no seal or a broken one.

    A seal is broken if any file is missing, was changed, or was added since.
    """
    record = _read(folder)
    return "" if record is None or breaches(folder) else str(record["identity"])


def breaches(folder: Path, *, added: bool = True) -> tuple[str, ...]:
    """The files of a report that are missing, were changed or were ``added`` since it was sealed; the seal itself if it is none.

    Nothing where there is no report, so an empty tuple does not say that there is one.
    """
    record = _read(folder)
    if record is None:
        return (NAME,) if (folder / "run.json").exists() else ()
    sealed, found = record["files"], _fingerprints(folder)
    return tuple(sorted(name for name in {*sealed, *(found if added else ())} if sealed.get(name) != found.get(name)))


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / NAME).read_text(encoding="utf-8"))
        whole = record == _closed({name: record[name] for name in ("identity", "files")})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if whole else None


def _closed(record: dict[str, Any]) -> dict[str, Any]:
    """With a fingerprint of the seal itself."""
    return {**record, "seal": hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()}


def _fingerprints(folder: Path) -> dict[str, str]:
    """Of every file but the seal; empty for one that cannot be read."""
    return {path.name: _fingerprint(path) for path in sorted(folder.iterdir()) if path.is_file() and path.name != NAME}


def _fingerprint(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
