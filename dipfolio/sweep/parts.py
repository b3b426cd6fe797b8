"""Parts: the finished pieces of a sweep on disk, so that an interrupted one can go on."""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.errors import ReportError

Floats = NDArray[np.float64]
KEY = "key.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """What came of some cells of a grid.

    Attributes
    ----------
    number : int
        Of the part.
    table : DataFrame of shape (variants, columns)
        ``cell`` and the figures of :data:`dipfolio.sweep.outcome.FIGURES`.
    returns : dict
        Cell to the returns of its sessions, shape (sessions,), for the cells whose path is to be kept.
    refused : dict
        Cell to the reason for which the strategy does not accept its parameters.
    """

    number: int
    table: pd.DataFrame
    returns: dict[int, Floats] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


class Parts:
    """A folder of parts that belong to one sweep.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    key : str
        What identifies the sweep; parts of any other are thrown away.
    resume : bool
        Keep the parts of the same sweep that are there.

    Raises
    ------
    ReportError
        The folder cannot be written.
    """

    def __init__(self, folder: Path, key: str, *, resume: bool) -> None:
        self.folder = folder
        try:
            if not (resume and self._key() == key):
                shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / KEY).write_text(json.dumps({"key": key}), encoding="utf-8")
        except OSError as error:
            raise ReportError(f"{folder} cannot be written: {error.strerror}. Choose another folder with --reports.") from error

    def _key(self) -> str:
        try:
            return str(json.loads((self.folder / KEY).read_text(encoding="utf-8"))["key"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def done(self) -> list[int]:
        """The numbers of the parts that are there, in order."""
        return sorted(int(path.stem.removeprefix("part-")) for path in self.folder.glob("part-*.parquet"))

    def save(self, part: Part) -> None:
        """Write a part; it appears whole or not at all.

        Raises
        ------
        ReportError
            The folder cannot be written.
        """
        rest = {"cells": np.array(list(part.returns), dtype=int), "returns": np.array(list(part.returns.values()), dtype=float)}
        refused = {"refused": np.array(list(part.refused), dtype=int), "why": np.array(list(part.refused.values()), dtype=str)}
        table = self._place(part.number)
        try:
            with (fresh := table.with_suffix(".fresh")).open("wb") as file:
                np.savez(file, allow_pickle=False, **rest, **refused)
            os.replace(fresh, table.with_suffix(".npz"))
            part.table.to_parquet(fresh)
            os.replace(fresh, table)
        except OSError as error:
            raise ReportError(f"{self.folder} cannot be written: {error.strerror or error}.") from error

    def load(self, number: int) -> Part:
        """Read a part back."""
        table = self._place(number)
        with np.load(table.with_suffix(".npz")) as rest:
            returns = {int(cell): row for cell, row in zip(rest["cells"], rest["returns"], strict=True)}
            refused = {int(cell): str(why) for cell, why in zip(rest["refused"], rest["why"], strict=True)}
        return Part(number=number, table=pd.read_parquet(table), returns=returns, refused=refused)

    def remove(self) -> None:
        """Throw the folder away; the sweep is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _place(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.parquet"
