"""Checkpoints: the finished tasks of a sweep on disk, so that an interrupted sweep can be resumed.

A checkpoint is valid only with its SHA-256, which is written last.
"""

import json
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.errors import ReportError
from dipfolio.storage import DirectoryLock, atomic_write, explain_write_errors, sha256_of

Floats = NDArray[np.float64]
KEY_FILE = "key.json"
CHECKSUM_SUFFIX = ".sha256"
"""Ending of the fingerprint of a part, which is written last: what has none is not done."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskResult:
    """The metrics of some cells of a grid.

    Attributes
    ----------
    number : int
        Of the part.
    table : DataFrame of shape (variants, columns)
        ``cell`` and the data of :func:`dipfolio.sweep.metrics.metric_columns`.
    returns : dict
        Cell to the returns of its sessions, shape (sessions,), for the cells whose path is to be kept.
    refused : dict
        Cell to the reason for which the strategy does not accept its parameters.
    """

    number: int
    table: pd.DataFrame
    returns: dict[int, Floats] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


class CheckpointFolder:
    """A folder of parts that belong to one sweep.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    key : str
        What identifies the sweep; parts of any other are thrown away.
    resume : bool
        Keep the parts of the same sweep that are there.

    Attributes
    ----------
    damaged : tuple of int
        Numbers of the parts that were there and are not what was written; they count as not done.

    Raises
    ------
    ReportError
        The folder cannot be written, or belongs to a sweep that is going on.
    """

    def __init__(self, folder: Path, key: str, *, resume: bool) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock: DirectoryLock | None = DirectoryLock(folder)
            if self._lock.held_elsewhere:
                raise ReportError(f"{folder} belongs to a sweep that is going on; wait for it, or choose another --reports.")
            if not (resume and self._key() == key):
                _remove(self.folder.iterdir())
            (folder / KEY_FILE).write_text(json.dumps({"key": key}), encoding="utf-8")
        except ReportError:
            raise
        except OSError as error:
            raise ReportError(f"{folder} cannot be written: {error.strerror}. Choose another folder with --reports.") from error
        self.damaged = tuple(number for number in self._named() if not self._whole(number))

        for number in self.damaged:
            _remove(self.folder.glob(f"{self._place(number).stem}.*"))

    def _key(self) -> str:
        try:
            return str(json.loads((self.folder / KEY_FILE).read_text(encoding="utf-8"))["key"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def done(self) -> list[int]:
        """The numbers of the parts that are there and whole, in order."""
        return [number for number in self._named() if number not in self.damaged]

    def _named(self) -> list[int]:
        return sorted(int(path.stem.removeprefix("part-")) for path in self.folder.glob(f"part-*{CHECKSUM_SUFFIX}"))

    def _whole(self, number: int) -> bool:
        """True if both files of a part are those that were written."""
        try:
            return self._place(number).with_suffix(CHECKSUM_SUFFIX).read_text(encoding="utf-8") == self._fingerprint(number)
        except (OSError, ValueError):
            return False

    def _fingerprint(self, number: int) -> str:
        table = self._place(number)
        return " ".join(sha256_of(path.read_bytes()) for path in (table, table.with_suffix(".npz")))

    def save(self, part: TaskResult) -> None:
        """Write a part; it appears whole or not at all.

        Raises
        ------
        ReportError
            The folder cannot be written.
        """
        rest = {"cells": np.array(list(part.returns), dtype=int), "returns": np.array(list(part.returns.values()), dtype=float)}
        refused = {"refused": np.array(list(part.refused), dtype=int), "why": np.array(list(part.refused.values()), dtype=str)}
        table = self._place(part.number)
        with explain_write_errors(self.folder, ReportError):
            with atomic_write(table.with_suffix(".npz")) as fresh, fresh.open("wb") as file:
                np.savez(file, allow_pickle=False, **rest, **refused)
            with atomic_write(table) as fresh:
                part.table.to_parquet(fresh)
            with atomic_write(table.with_suffix(CHECKSUM_SUFFIX)) as fresh:
                fresh.write_text(self._fingerprint(part.number), encoding="utf-8")
        self.damaged = tuple(number for number in self.damaged if number != part.number)

    def load(self, number: int) -> TaskResult:
        """Read a part back."""
        table = self._place(number)
        with np.load(table.with_suffix(".npz")) as rest:
            returns = {int(cell): row for cell, row in zip(rest["cells"], rest["returns"], strict=True)}
            refused = {int(cell): str(why) for cell, why in zip(rest["refused"], rest["why"], strict=True)}
        return TaskResult(number=number, table=pd.read_parquet(table), returns=returns, refused=refused)

    def remove(self) -> None:
        """Throw the folder away, its key first, so that what is left of it by a kill belongs to no sweep."""
        with suppress(OSError):
            (self.folder / KEY_FILE).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock = None

    def _place(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.parquet"


def _remove(paths: Iterable[Path]) -> None:
    """Whatever stands there."""
    for path in list(paths):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
