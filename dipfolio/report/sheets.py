"""Sheets: the tear sheets of the runs, packed into the comparison page as long as it stays small, and linked."""

import gzip
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dipfolio.report.contender import Contender

BUDGET = 2_000_000
"""Letters of packed sheets in one page; those that come later are only linked."""


@dataclass(frozen=True, kw_only=True)
class PackedSheet:
    """A tear sheet.

    Attributes
    ----------
    label : str
    folder, link : str
        Address of the run's folder and its page, relative to the comparison; empty where there is none.
    packed : str
        The page, compressed by gzip, in Base64; empty if it is only linked.
    """

    label: str
    folder: str
    link: str
    packed: str


def sheets(field: Sequence[Contender], reports: Path, budget: int = BUDGET) -> tuple[PackedSheet, ...]:
    """One for each contender, in their order; one without a page has no link."""
    made, left = [], budget
    for contender in field:
        page = contender.track.folder and contender.track.folder / "tearsheet.html"
        if page is None or not page.is_file():
            made.append(PackedSheet(label=contender.label, folder="", link="", packed=""))
            continue
        packed = b64encode(gzip.compress(page.read_bytes(), 6, mtime=0)).decode()
        packed = packed if len(packed) <= left else ""
        left -= len(packed)
        folder = _address(page.parent, reports)
        made.append(PackedSheet(label=contender.label, folder=folder, link=f"{folder}/{page.name}", packed=packed))
    return tuple(made)


def _address(folder: Path, reports: Path) -> str:
    """Relative to the reports, so that they can be moved together; absolute where they do not share a disk."""
    try:
        return quote(Path(os.path.relpath(folder, reports)).as_posix())
    except ValueError:
        return folder.resolve().as_uri()
