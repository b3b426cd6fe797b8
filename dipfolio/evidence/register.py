"""Register: the file of everything that was tried, so that nothing is forgotten when the best one is judged."""

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dipfolio.errors import ReportError
from dipfolio.evidence.swept import Swept, Tried
from dipfolio.evidence.trials import Trial

FILE = "trials.jsonl"
"""Name of the register within the folder of the reports."""


@dataclass(frozen=True)
class Register:
    """A file with a JSON line for each run and for each sweep, only ever added to.

    A sweep is one line however many variants it has: the values of each parameter, how many variants traded, and the mean and the
    squares of their ratios, which is all that deflation needs.

    Attributes
    ----------
    path : Path
        Such as ``reports/trials.jsonl``; it need not exist.
    """

    path: Path

    def read(self, family: str | None = None, *, strategy: str | None = None) -> tuple[Tried, ...]:
        """The distinct entries in the order in which they were first run.

        A line that a crash has cut off, and that so is no JSON, is passed over: that run was not finished.

        Parameters
        ----------
        family, strategy : str, optional
            Only these.

        Raises
        ------
        ReportError
            A register that cannot be read, or a line of JSON in it that is no trial.
        """
        found: dict[str, Tried] = {}
        for number, line in enumerate(self._lines(), 1):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            try:
                entry = _entry(record)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ReportError(f"Line {number} of {self.path} is no trial: {error}. Remove that line.") from error
            if family in (None, entry.family) and strategy in (None, entry.strategy):
                found.setdefault(entry.key, entry)
        return tuple(found.values())

    def add(self, entries: Iterable[Tried]) -> int:
        """Add the entries that are not there yet; how many that were.

        All go to the end of the file in one write, so that runs at the same time do not mix their lines; what both have
        added is read once.

        Raises
        ------
        ReportError
            A register that cannot be read or written.
        """
        known = {entry.key for entry in self.read()}
        new = {entry.key: entry for entry in entries if entry.key not in known}
        if not new:
            return 0
        text = "".join(json.dumps(_record(entry), sort_keys=True, default=str) + "\n" for entry in new.values())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                torn = os.fstat(handle).st_size > 0 and not self.path.read_bytes().endswith(b"\n")
                os.write(handle, (("\n" if torn else "") + text).encode())
            finally:
                os.close(handle)
        except OSError as error:
            raise ReportError(f"{self.path} cannot be written: {error.strerror}.") from error
        return len(new)

    def _lines(self) -> list[str]:
        try:
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        except (OSError, ValueError) as error:
            raise ReportError(f"{self.path} cannot be read: {error}") from error
        return text.splitlines()


def _record(entry: Tried) -> dict[str, Any]:
    """A NaN, which JSON does not have, becomes null."""
    record = asdict(entry)
    if isinstance(entry, Trial) and math.isnan(entry.ratio):
        record["ratio"] = None
    return record


def _entry(record: dict[str, Any]) -> Tried:
    first, last = record["window"]
    if "axes" in record:
        axes = {name: tuple(values) for name, values in record["axes"].items()}
        return Swept(**{**record, "window": (first, last), "axes": axes})
    return Trial(**{**record, "window": (first, last), "ratio": math.nan if record["ratio"] is None else float(record["ratio"])})
