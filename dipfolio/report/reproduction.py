"""Reproduction: what differs between a saved run and the same run made again, and why."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dipfolio.errors import ReportError
from dipfolio.storage import COMMAND_FILE, SOURCE_FILE, changed_files, record_files

MAX_DIFF_LINES = 40
"""Lines of a difference of source code that are shown."""

MAX_DAYS_NAMED = 5
"""Days on which the prices of a symbol differ that are named; of more, how many there are."""


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A saved run beside the same run made again.

    Attributes
    ----------
    files : tuple of str
        Of both records, in order.
    different : tuple of str
        Those of which a byte differs, or which one of the two lacks.
    reasons : tuple of str
        Sentences on what else differs: versions, account, data, and the first row of the account; empty for equal runs.
    code : tuple of str
        The lines of the source of the strategy that differ, as a unified diff; empty where it is the same.
    """

    files: tuple[str, ...]
    different: tuple[str, ...]
    reasons: tuple[str, ...]
    code: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether no byte differs."""
        return not self.different

    def as_record(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "equal": self.equal,
            "files": list(self.files),
            "different": list(self.different),
            "reasons": list(self.reasons),
            "code": list(self.code),
        }


def saved_command(folder: Path) -> str:
    """The command line that made a saved run.

    Raises
    ------
    ReportError
        The files of the run were changed since, or it was not made on the command line.
    """
    changed = changed_files(folder)
    if changed:
        raise ReportError(
            f"{folder} was changed since it was written ({', '.join(changed)}): nothing is left to be compared with."
        )
    path = folder / COMMAND_FILE
    if not path.is_file():
        raise ReportError(f"{folder} does not keep its command: it was made in Python, or by an earlier version of dipfolio.")
    return path.read_text(encoding="utf-8", errors="surrogateescape").strip()


def compare_records(saved: Path, again: Path) -> Reproduction:
    """Compare the record of a saved run with that of the same run made again, file by file.

    Parameters
    ----------
    saved, again : Path
        The folders of the two runs.
    """
    files = tuple(sorted({*record_files(saved), *record_files(again)}))
    different = tuple(name for name in files if _content(saved / name) != _content(again / name))
    if not different:
        return Reproduction(files=files, different=(), reasons=(), code=())
    then, now = (json.loads((folder / "run.json").read_text(encoding="utf-8")) for folder in (saved, again))
    return Reproduction(
        files=files,
        different=different,
        reasons=(*_settings(then, now), *_data(then, now), *_prices(saved, again), *_first_row(saved, again)),
        code=tuple(_source_difference(saved, again)),
    )


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _settings(then: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Versions, settings of the account and parameters that differ."""
    for name, label in (("versions", "Version of"), ("account", "Account,"), ("parameters", "Parameter")):
        for key in dict.fromkeys([*then[name], *now[name]]):
            before, after = then[name].get(key, "not there"), now[name].get(key, "not there")
            if before != after:
                yield f"{label} {key}: {before} then, {after} now."


def _data(then: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """That the data are others, and of which symbols they begin or end on another day."""
    before, after = then["provenance"], now["provenance"]
    if before["sha256"] == after["sha256"]:
        return
    yield f"The data are others: SHA-256 {before['sha256'][:12]} then, {after['sha256'][:12]} now."
    for symbol in dict.fromkeys([*before["sessions"], *after["sessions"]]):
        spans = [" to ".join(found["sessions"].get(symbol, ["none"])) for found in (before, after)]
        if spans[0] != spans[1]:
            yield f"{symbol}: {spans[0]} then, {spans[1]} now."


def _prices(saved: Path, again: Path) -> Iterator[str]:
    """On which days the prices that both records keep differ."""
    tables = [pd.read_csv(folder / "prices.csv", dtype=str).set_index(["symbol", "session"]) for folder in (saved, again)]
    common = tables[0].index.intersection(tables[1].index)
    columns = tables[0].columns.intersection(tables[1].columns)
    then, now = (table.loc[common, columns].fillna("") for table in tables)
    changed = common[(then != now).any(axis=1).to_numpy()]
    for symbol, days in changed.to_frame(index=False).groupby("symbol", sort=False)["session"]:
        named = ", ".join(days.iloc[:MAX_DAYS_NAMED]) + (
            f" and {len(days) - MAX_DAYS_NAMED:,} more" if len(days) > MAX_DAYS_NAMED else ""
        )
        yield f"Prices of {symbol} differ on {named}."


def _first_row(saved: Path, again: Path) -> Iterator[str]:
    """The first session on which the two accounts differ."""
    tables = [pd.read_csv(folder / "equity.csv", dtype=str).set_index("session")["equity"] for folder in (saved, again)]
    both = pd.concat(tables, axis=1, keys=["then", "now"]).fillna("none")
    apart = both[both["then"] != both["now"]]
    if len(apart):
        row = apart.iloc[0]
        yield f"The equity first differs on {apart.index[0]}: {row['then']} then, {row['now']} now."


def _source_difference(saved: Path, again: Path) -> list[str]:
    then, now = ((_content(folder / SOURCE_FILE) or b"").decode("utf-8", "replace").splitlines() for folder in (saved, again))
    lines = list(difflib.unified_diff(then, now, "then", "now", lineterm=""))
    return [*lines[:MAX_DIFF_LINES], *([f"... {len(lines) - MAX_DIFF_LINES} more lines"] if len(lines) > MAX_DIFF_LINES else [])]
