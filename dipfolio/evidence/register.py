"""Register: the file of everything that was tried, so that nothing is forgotten when the best one is judged."""

import json
import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dipfolio.errors import ReportError
from dipfolio.evidence.swept import Swept, Tried
from dipfolio.evidence.trials import Trial, hashed

FILE = "trials.jsonl"
"""Name of the register within the folder of the reports."""
SEAL = "sha256"


@dataclass(frozen=True)
class Register:
    """A file with a JSON line for each run and for each sweep, only ever added to.

    A sweep is one line however many variants it has: the values of each parameter, how many variants traded, and the mean and the
    squares of their ratios, which is all that deflation needs. Each line has a fingerprint of the rest of it.

    Attributes
    ----------
    path : Path
        Such as ``reports/trials.jsonl``; it need not exist.
    say : callable
        Is told of damaged lines, in a sentence.
    """

    path: Path
    say: Callable[[str], object] = warnings.warn

    def read(self, family: str | None = None, *, strategy: str | None = None) -> tuple[Tried, ...]:
        """The distinct entries in the order in which they were first run.

        A line that is no trial, or not what was written, is said and not counted; one that a crash has cut off is, too, once
        another one follows it.

        Parameters
        ----------
        family, strategy : str, optional
            Only these.

        Raises
        ------
        ReportError
            A register that cannot be read.
        """
        found: dict[str, Tried] = {}
        for entry in self._entries():
            if family in (None, entry.family) and strategy in (None, entry.strategy):
                found.setdefault(entry.key, entry)
        return tuple(found.values())

    def _entries(self) -> Iterator[Tried]:
        damaged = []
        for number, line in enumerate(self._lines(), 1):
            if not line:
                continue
            try:
                yield _entry(_unsealed(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                damaged.append(str(number))
        if damaged:
            one = len(damaged) == 1
            lines = f"line {damaged[0]} is" if one else f"lines {', '.join(damaged[:8])}{' ...' if damaged[8:] else ''} are"
            self.say(
                f"{self.path}: {lines} damaged and not counted; what is run again is written down again. "
                f"Remove {'it' if one else 'them'} to end this."
            )

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
        text = "".join(_sealed(_record(entry)) + "\n" for entry in new.values())
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
        """The whole lines; a last one without an end is just being written, or was when its run was killed."""
        try:
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        except (OSError, ValueError) as error:
            raise ReportError(f"{self.path} cannot be read: {error}") from error
        return text.split("\n")[:-1]


def _record(entry: Tried) -> dict[str, Any]:
    """A NaN, which JSON does not have, becomes null."""
    record = asdict(entry)
    if isinstance(entry, Trial) and math.isnan(entry.ratio):
        record["ratio"] = None
    return record


def _sealed(record: dict[str, Any]) -> str:
    """A line of JSON with its fingerprint."""
    kept = json.loads(json.dumps(record, default=str))
    return json.dumps({**kept, SEAL: hashed(kept)}, sort_keys=True)


def _unsealed(line: str) -> dict[str, Any]:
    """What was written as a line; one of before there were fingerprints is believed.

    Raises
    ------
    ValueError
        It is no JSON, or something else was written.
    """
    record = json.loads(line)
    if isinstance(record, dict) and SEAL in record:
        mark = record.pop(SEAL)
        if mark != hashed(record):
            raise ValueError(f"the fingerprint is {mark}")
    return dict(record)


def _entry(record: dict[str, Any]) -> Tried:
    first, last = record["window"]
    if "axes" in record:
        axes = {name: tuple(values) for name, values in record["axes"].items()}
        return Swept(**{**record, "window": (first, last), "axes": axes})
    return Trial(**{**record, "window": (first, last), "ratio": math.nan if record["ratio"] is None else float(record["ratio"])})
