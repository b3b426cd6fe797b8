"""Note: what a file of fetched prices says about itself, with a fingerprint of that and of its figures.

It stands in the file's own metadata, so prices never come without the dividends and splits that belong to them, however a
fetch ends.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dipfolio.market.bars import FIELDS

KEY = b"dipfolio"
"""Of the note among the metadata of a Parquet file; Arrow keeps a copy in its schema, which is not looked at."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """What is kept of a symbol beside its prices.

    Attributes
    ----------
    dividends, splits : dict
        ISO date to amount a share, and to new shares for one old.
    asked_from : str
        The first day that was asked for; the symbol may have been listed later.
    retrieved : str
        When, as a date.
    source : str
        From whom; empty where an older version wrote it.
    """

    dividends: dict[str, float]
    splits: dict[str, float]
    asked_from: str
    retrieved: str
    source: str = ""


def sealed(note: Note, days: np.ndarray, cells: np.ndarray) -> str:
    """The note as JSON, with the fingerprint of itself and of figures of shape (sessions,) and (fields, sessions)."""
    said = asdict(note)
    return json.dumps({**said, "sha256": _fingerprint(said, days, cells)})


def check_seal(raw: bytes, columns: dict[str, np.ndarray]) -> None:
    """See that figures are those that were written with a note; one of before there were fingerprints says nothing.

    Parameters
    ----------
    raw : bytes
        The note as it stands in the file.
    columns : dict
        Name to values, as they stand in the file.

    Raises
    ------
    ValueError
        They are not.
    """
    said = _read(raw)
    mark = said.pop("sha256", None)
    if mark is None:
        return
    known = {"date", *FIELDS} <= set(columns) and columns["date"].dtype.kind == "M"
    if not known or mark != _fingerprint(said, columns["date"], np.array([columns[field] for field in FIELDS])):
        raise ValueError("its fingerprint tells that it was damaged or changed since it was fetched")


def file_of(folder: Path, symbol: str) -> Path:
    """Where the prices of a symbol are kept."""
    return folder / "prices" / f"{symbol}.parquet"


def notes(folder: Path, symbols: Iterable[str]) -> dict[str, Note]:
    """What the files of some symbols say about themselves; those that say nothing, or nothing sound, are left out."""
    found: dict[str, Note] = {}
    for symbol in symbols:
        with suppress(OSError, ValueError):
            note = read_note(file_of(folder, symbol))
            found |= {symbol: note} if note else {}
    return found


def read_note(path: Path) -> Note | None:
    """The note of a file of prices; none in one that was not fetched.

    Raises
    ------
    OSError, ValueError
        A file that cannot be read as Parquet, or a note that is none.
    """
    import pyarrow.parquet as pq

    raw = (pq.read_metadata(path).metadata or {}).get(KEY)
    if raw is None:
        return None
    said = _read(raw)
    said.pop("sha256", None)
    try:
        return Note(**said)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _read(raw: bytes) -> dict[str, Any]:
    said = json.loads(raw)
    if not isinstance(said, dict):
        raise ValueError("its note is none of ours")
    return said


def _fingerprint(said: dict[str, Any], days: np.ndarray, cells: np.ndarray) -> str:
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    digest.update(days.astype("datetime64[D]").astype("<i8").tobytes())
    digest.update(np.ascontiguousarray(cells, dtype="<f8").tobytes())
    return digest.hexdigest()
