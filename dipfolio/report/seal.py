"""Seal: what makes a report trustworthy later - the identity of its run and a fingerprint of each of its files."""

import hashlib
import json
from pathlib import Path

from dipfolio.errors import ReportError

NAME = "seal.json"


def seal(folder: Path, identity: str) -> None:
    """Write the seal of a finished report into its folder.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """
    record = {"identity": identity, "files": _fingerprints(folder)}
    try:
        (folder / NAME).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{folder} cannot be written: {error.strerror}.") from error


def sealed_identity(folder: Path) -> str:
    """The identity of the run that a report was made from; empty where there is no report, no seal or a broken one.

    A seal is broken if any file is missing, was changed, or was added since.
    """
    try:
        record = json.loads((folder / NAME).read_text(encoding="utf-8"))
        whole = record["files"] == _fingerprints(folder)
        return str(record["identity"]) if whole else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _fingerprints(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.name != NAME)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
