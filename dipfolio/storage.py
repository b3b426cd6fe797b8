"""Safe files and folders: fingerprints, locks, atomic replacement, checksums, exact CSV and formula-safe CSV.

A scratch directory stands next to its target, on the same file system, so that a rename puts the finished result in
place. Its user holds a lock that ends with the process. The next user of the same place restores what a killed
process had set aside and removes the rest. Only Unix has these locks; elsewhere nothing is locked and nothing is
cleaned up. Each report has a folder of its own that is replaced as a whole or not at all. ``seal.json`` in
it has the identity of the run and the SHA-256 of each file of the run. CSV numbers are read as the nearest float. A text cell
that a spreadsheet would calculate gets an apostrophe in front, by which spreadsheets know text; reading removes it
again. Numbers stay numbers.
"""

import csv
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dipfolio.errors import DipfolioError, ParameterError, ReportError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def read_csv(path: Path, **options: Any) -> "pd.DataFrame":
    """``pandas.read_csv`` with exact floats.

    pandas 3.1 reads exactly unasked and warns of the option; older ones are off by a last digit without it.
    """
    import pandas as pd

    exact = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
    return pd.read_csv(path, **({} if exact else {"float_precision": "round_trip"}), **options)


def sha256_of(*parts: "str | bytes | np.ndarray") -> str:
    """The SHA-256 of some parts, one after the other, as 64 hexadecimal digits.

    Parameters
    ----------
    *parts : str, bytes or ndarray of any shape
        Text counts as UTF-8. Numbers count as little-endian float64 and dates as days since 1970 in little-endian int64, both in
        the order of the rows, however they lie in memory.

    Examples
    --------
    >>> sha256_of("a", b"bc") == sha256_of("abc")
    True
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part if isinstance(part, bytes) else _array_bytes(part))
    return digest.hexdigest()


def _array_bytes(values: "np.ndarray") -> bytes:
    if values.dtype.kind == "M":
        return values.astype("datetime64[D]").astype("<i8").tobytes()
    return values.astype("<f8", copy=False).tobytes()


_FORMULA_START = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""Also behind apostrophes, so that reading undoes writing; the last four are the same signs in full width."""


def needs_escape(text: str) -> bool:
    """True for a text that a spreadsheet takes for a formula."""
    return bool(_FORMULA_START.match(text))


def escape_formula(text: str) -> str:
    """A cell as it is written."""
    return f"'{text}" if needs_escape(text) else text


def unescape_formula(text: str) -> str:
    """A cell as it was before :func:`escape_formula`."""
    return text[1:] if text.startswith("'") and needs_escape(text) else text


def write_csv(table: "pd.DataFrame", path: Path, *, index: bool) -> None:
    """Write a table with its texts and headings protected, one line of the file for each row.

    Raises
    ------
    OSError, UnicodeEncodeError
        A file that cannot be written, or text that is none.
    """
    text = table.select_dtypes(exclude=["number", "datetime", "bool"]).columns
    shown = table.assign(**{name: table[name].map(escape_formula) for name in text}).rename(columns=escape_formula)
    quoting = csv.QUOTE_NONNUMERIC if any("\r" in cell for name in text for cell in table[name]) else csv.QUOTE_MINIMAL
    shown.to_csv(path, index=index, lineterminator="\n", quoting=quoting)


try:
    import fcntl
except ImportError:  # only Unix has it; elsewhere nothing is locked, and nothing cleared away
    fcntl = None  # type: ignore[assignment]

SCRATCH_PREFIX = ".dipfolio-"
BACKUP_FOLDER = "aside"
"""Folder within a scratch for what stood in the place before, as ``aside/<turn>/<name>``; it goes back if its user is killed."""


class DirectoryLock:
    """An advisory lock on a folder, released with the object or when the process ends, killed or not.

    The lock is ``flock`` on the folder itself, so it lasts until the folder has been removed, and no file tells of it. The
    package filelock does not serve, measured with 4.3.1: ``FileLock(folder)`` and ``SoftFileLock(folder)`` raise
    ``IsADirectoryError``; a lock file within the folder goes first when the folder is removed, and a second process then holds
    the lock of the same name while the first one is still removing; and ``import filelock`` takes 53 ms of the 100 ms that
    ``import dipfolio`` may take.

    Parameters
    ----------
    folder : Path

    Attributes
    ----------
    acquired, held_elsewhere : bool
        Whether this object holds the lock, and whether another one does; neither where nothing can be locked, as on Windows.

    Raises
    ------
    OSError
        There is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self.acquired = self.held_elsewhere = False
        self._handle = os.open(folder, os.O_RDONLY) if fcntl else -1
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.acquired = True
        except BlockingIOError:
            self.held_elsewhere = True
        except (OSError, AttributeError):
            self.held_elsewhere = False

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):
            os.close(self._handle)


@contextmanager
def scratch_directory(place: Path) -> Iterator[Path]:
    """An empty folder within ``place`` that goes with its user; what dead users have left there goes first.

    Parameters
    ----------
    place : Path
        Made if it is missing. What is written into the scratch is on the same file system, so a rename takes it there.

    Raises
    ------
    OSError
        The place cannot be written.
    """
    place.mkdir(parents=True, exist_ok=True)
    recover_scratch(place)
    room, lock = _open_scratch(place)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)
        del lock


def recover_scratch(place: Path) -> None:
    """Put back what killed processes had moved aside in a place, and remove the rest that they left; never fails."""
    for room in place.glob(f"{SCRATCH_PREFIX}*"):
        with suppress(OSError):
            lock = DirectoryLock(room)
            if lock.acquired:
                _restore_backups(room, place)
                shutil.rmtree(room, ignore_errors=True)


def _open_scratch(place: Path) -> tuple[Path, DirectoryLock]:
    """A new folder and its lock; another if somebody took it for left behind before it was locked."""
    while True:
        room = Path(tempfile.mkdtemp(dir=place, prefix=SCRATCH_PREFIX))
        with suppress(FileNotFoundError):
            lock = DirectoryLock(room)
            if not lock.held_elsewhere and room.exists():
                return room, lock


def _restore_backups(room: Path, place: Path) -> None:
    """Put files that were moved aside back where their place is free, the latest first."""
    for thing in sorted((room / BACKUP_FOLDER).glob("*/*"), reverse=True):
        if not os.path.lexists(place / thing.name):
            os.rename(thing, place / thing.name)


@contextmanager
def explain_write_errors(what: Path | str, kind: type[DipfolioError], remedy: str = "") -> Iterator[None]:
    """Turn an ``OSError`` of the block into one line: what cannot be written, why, and what to do.

    Parameters
    ----------
    what : Path or str
        A path, which "cannot be written", or the beginning of the sentence.
    kind : type
        The class of the error that is raised.
    remedy : str
        A sentence.
    """
    try:
        yield
    except OSError as error:
        start = what if isinstance(what, str) else f"{what} cannot be written"
        raise kind(f"{start}: {error.strerror or str(error).rstrip('.')}. {remedy}".rstrip()) from error


@contextmanager
def atomic_write(path: Path, *, keep_damaged: bool = False) -> Iterator[Path]:
    """Give a path to write one file to, which replaces ``path`` after the block.

    An error in the block leaves what was there. A link is replaced, not followed.

    Parameters
    ----------
    path : Path
        Its folder is made if it is missing.
    keep_damaged : bool
        Rename the file or folder that is there to ``<name>.damaged``.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with scratch_directory(path.parent) as room:
        fresh = room / path.name
        yield fresh
        if keep_damaged:
            os.rename(path, path.with_name(f"{path.name}.damaged"))
        os.replace(fresh, path)


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """Give an empty folder to write into, which replaces ``target`` as a whole after the block.

    An error in the block leaves the folder that was there. Of several processes that replace it at once the last one wins.

    Parameters
    ----------
    target : Path
        The folder around it is made if it is missing.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    with scratch_directory(target.parent) as room:
        fresh = room / "new"
        fresh.mkdir()
        yield fresh
        _swap(fresh, target, room / BACKUP_FOLDER)


MAX_NAME_LENGTH = 120
"""Letters in a folder's name; longer ones end in a fingerprint."""

MAX_REPLACE_ATTEMPTS = 1_000
"""Attempts to replace a folder that other processes replace at the same time."""


def report_name(strategy: str, changed: dict[str, Any]) -> str:
    """``buy-the-dip--hold-20--fill-close``: what was changed from the defaults is in the name.

    Letters that have no place in a file name become ``_``, and such a name, like one that is too long, gets a
    fingerprint so that two runs never share a folder.
    """
    words = [f"{name.replace('_', '-')}-{'none' if value == '' else value}" for name, value in changed.items()]
    full = "--".join([strategy, *words])
    if _is_file_name(full) and full.lower() not in NAMED_FOLDERS.values():
        return full
    return f"{_as_file_name(full)[:MAX_NAME_LENGTH]}--{sha256_of(full)[:8]}"


def _as_file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.,=-]", "_", text)


def _is_file_name(text: str) -> bool:
    """True if a text can be the name of a report as it stands."""
    return _as_file_name(text) == text and len(text) <= MAX_NAME_LENGTH


NamedKind = Literal["comparison", "sweep"]

NAMED_FOLDERS: dict[NamedKind, str] = {"comparison": "comparisons", "sweep": "sweeps"}
"""The folders of the comparisons and sweeps to which the user gave a name; no run is called so."""


def named_report(reports: Path, kind: NamedKind, name: str, *, replace: bool = False) -> Path:
    """Where a comparison or a sweep of this name is written: the page of a comparison, the folder of a sweep.

    Parameters
    ----------
    reports : Path
    kind : {"comparison", "sweep"}
    name : str
        Given by the user.
    replace : bool
        Whether an older one of that name may be replaced.

    Raises
    ------
    ParameterError
        A name that is no file name as it stands, or that is taken.
    """
    if not _is_file_name(name) or not name[:1].isalnum():
        raise ParameterError(
            f"{name!r} is no name for a {kind}: use letters, digits and - _ . , =, at most {MAX_NAME_LENGTH} of them, with a "
            "letter or digit first."
        )
    target = reports / NAMED_FOLDERS[kind] / (f"{name}.html" if kind == "comparison" else name)
    if not replace and os.path.lexists(target):
        raise ParameterError(f"There is a {kind} {name!r} already; choose another --name, or overwrite it with --replace.")
    return target


def named_pages(reports: Path) -> tuple[tuple[NamedKind, Path], ...]:
    """The kind and the page of each named comparison and sweep, newest first; a link that leads out of the folder is none."""
    patterns: dict[NamedKind, str] = {"comparison": "*.html", "sweep": "*/sweep.html"}
    found = [(kind, path) for kind, pattern in patterns.items() for path in (reports / NAMED_FOLDERS[kind]).glob(pattern)]
    inside = [(kind, path) for kind, path in sorted(found) if path.resolve().is_relative_to(reports.resolve())]
    return tuple(sorted(inside, key=lambda named: _modified_at(named[1]), reverse=True))


def replace_directory(reports: Path, name: str, write: Callable[[Path], None]) -> Path:
    """Let ``write`` fill a folder, which then replaces the report of that name; see :func:`atomic_directory`.

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
    target, start = reports / name, f"No report can be written to {reports}"
    with explain_write_errors(start, ReportError, "Choose another with --reports."), atomic_directory(target) as fresh:
        write(fresh)
    return target


def _swap(fresh: Path, target: Path, aside: Path) -> None:
    """Put a folder in the place of another, which goes aside; of several who do so at once the last one wins."""
    for turn in range(MAX_REPLACE_ATTEMPTS):
        old = aside / f"{turn:06}" / target.name
        old.parent.mkdir(parents=True)
        with suppress(FileNotFoundError):
            os.rename(target, old)
        try:
            os.rename(fresh, target)
            return
        except OSError as error:
            if turn + 1 == MAX_REPLACE_ATTEMPTS or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        finally:
            if fresh.exists():
                _restore_replaced(old, target)


def _restore_replaced(old: Path, target: Path) -> None:
    """Undo; where another has put a report of that name in the meantime, that one stays."""
    with suppress(OSError):
        os.rename(old, target)


def saved_runs(reports: Path) -> tuple[Path, ...]:
    """The folders that hold a record, newest first; of two written at once the name decides."""
    records = sorted(path for path in reports.glob("*/run.json") if saved_run(reports, path.parent.name))
    return tuple(path.parent for path in sorted(records, key=_modified_at, reverse=True))


def saved_run(reports: Path, name: str) -> Path | None:
    """The folder of a saved run; none for a name that is a path, or a link that leads out of the shelf."""
    folder = reports / name
    if name.startswith(".") or Path(name).name != name or not (folder / "run.json").is_file():
        return None
    return folder if folder.resolve().parent == reports.resolve() else None


def _modified_at(path: Path) -> float:
    """When a file was written; at no time if it has just gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


CHECKSUM_FILE = "seal.json"

SOURCE_FILE, COMMAND_FILE = "strategy.py", "command.txt"
"""The source of the strategy in the folder of a run, and the command line that made it."""

ROBUSTNESS_FILE = "robustness.json"
"""The robustness in the folder of a run."""

COMPARISON_FILE = "comparison.html"
"""The page of the latest comparison without a name."""

EVIDENCE_FILE = "evidence.html"
"""The page that ``evidence`` writes beside a finished report; no part of the run, and so not under its seal."""

WORKBOOK_SUFFIX = ".xlsx"
"""Of the workbook that ``--export xlsx`` makes from a finished report; it is not under its seal either."""


def workbook_name(folder: Path) -> str:
    """The name of the workbook of a report."""
    return f"{folder.name}{WORKBOOK_SUFFIX}"


def write_checksums(folder: Path, identity: str) -> None:
    """Write the seal of a finished report into its folder.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """
    record = _with_own_checksum({"identity": identity, "files": _file_checksums(folder)})
    with explain_write_errors(folder, ReportError):
        (folder / CHECKSUM_FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def verified_run_id(folder: Path) -> str:
    """The identity of the run that a report was made from; empty where there is no report, no seal or a broken one.

    A seal is broken if any file is missing, was changed, or was added since.
    """
    record = _read_checksums(folder)
    return "" if record is None or changed_files(folder) else str(record["identity"])


def changed_files(folder: Path, *, include_added: bool = True) -> tuple[str, ...]:
    """The files of a report that are missing, were changed or were ``added`` since it was sealed; the seal itself if it is none.

    Nothing where there is no report, so an empty tuple does not say that there is one.
    """
    record = _read_checksums(folder)
    if record is None:
        return (CHECKSUM_FILE,) if (folder / "run.json").exists() else ()
    sealed, present = record["files"], _file_checksums(folder)
    return tuple(sorted(name for name in {*sealed, *(present if include_added else ())} if sealed.get(name) != present.get(name)))


def _read_checksums(folder: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / CHECKSUM_FILE).read_text(encoding="utf-8"))
        intact = record == _with_own_checksum({name: record[name] for name in ("identity", "files")})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if intact else None


def _with_own_checksum(record: dict[str, Any]) -> dict[str, Any]:
    """With a fingerprint of the seal itself."""
    return {**record, "seal": sha256_of(json.dumps(record, sort_keys=True))}


def record_files(folder: Path) -> tuple[str, ...]:
    """The names of the files of a run that are under its seal, in order."""
    others = (CHECKSUM_FILE, EVIDENCE_FILE, workbook_name(folder))
    return tuple(path.name for path in sorted(folder.iterdir()) if path.name not in others and path.is_file())


def _file_checksums(folder: Path) -> dict[str, str]:
    """Of every file of the run; empty for one that cannot be read."""
    return {name: _file_checksum(folder / name) for name in record_files(folder)}


def _file_checksum(path: Path) -> str:
    try:
        return sha256_of(path.read_bytes())
    except OSError:
        return ""
