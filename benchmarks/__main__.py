"""``python -m benchmarks [NAME ...]``: run the benchmarks named, or all of them, and print medians and ratios.

``python -m benchmarks --guard`` runs those that have targets, in short, and fails where a ratio is a quarter above its
target: a change has made something slow. A benchmark with such a row is run twice more, and the median of the three
ratios decides. Ratios of contestants that take turns hold on any machine.

``python -m benchmarks calibration rule_tests --write`` also puts the tables into the page of ``docs/`` that shows them.
"""

import importlib
import platform
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from statistics import median

from benchmarks.row import Row

NAMES = ("command", "simulation", "pages", "peers", "sweep")
ALONE = ("calibration", "rule_tests", "claims")
"""Named to be run, as they take long and time nothing."""
WRITTEN = ("calibration", "rule_tests")
"""Those that ``--write`` writes a page of."""
GUARDED = ("command", "simulation", "pages")
LIBRARIES = ("backtrader", "quantstats", "numpy", "pandas", "bt", "backtesting", "vectorbt")
NOISE = 1.25
"""How far above its target a ratio may be measured in a short run on a busy machine."""


def main(words: list[str]) -> None:
    """Print the results as they come."""
    guard = "--guard" in words
    names = [word for word in words if word not in ("--guard", "--write")]
    unknown = [name for name in names if name not in (*NAMES, *ALONE)]
    if unknown:
        sys.exit(f"{__doc__}\nNames: {', '.join((*NAMES, *ALONE))}")
    if "--write" in words and (not names or guard or set(names) - set(WRITTEN)):
        sys.exit(f"--write is for {' and '.join(WRITTEN)} alone, without --guard; name one of them.")
    print(f"{date.today()}, Python {platform.python_version()}, {', '.join(installed())}")
    late = []
    for name in names or (GUARDED if guard else NAMES):
        lines = measured(name, rounds=3 if guard else 7)
        if guard and slower(lines):
            print(f"  {name} is measured twice more, as a ratio is more than a quarter above its target", flush=True)
            lines = middle([lines, measured(name, rounds=3), measured(name, rounds=3)])
        late += slower(lines) if guard else []
        if "--write" in words:
            importlib.import_module(f"benchmarks.{name}").write(map(str, lines))
    if late:
        sys.exit("Slower than it was: " + "; ".join(f"{row.what}, {row.ratio:.2f} of {row.against}" for row in late))


def installed() -> list[str]:
    """The libraries and their versions, without those that are not there."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def measured(name: str, rounds: int) -> list[Row | str]:
    """The lines of one benchmark, printed as they come."""
    lines = []
    for line in importlib.import_module(f"benchmarks.{name}").report(rounds=rounds):
        print(line, flush=True)
        lines.append(line)
    return lines


def middle(runs: list[list[Row | str]]) -> list[Row]:
    """Each row with the median of its ratios over the runs."""
    rows: dict[tuple[str, str], list[Row]] = {}
    for line in (line for lines in runs for line in lines if isinstance(line, Row)):
        rows.setdefault((line.what, line.against), []).append(line)
    return [replace(found[0], ratio=median(row.ratio for row in found)) for found in rows.values()]


def slower(lines: Iterable[Row | str]) -> list[Row]:
    """The rows that miss their targets by more than noise."""
    return [line for line in lines if isinstance(line, Row) and line.ratio > NOISE * line.target]


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(f"{__doc__}\nNames: {', '.join((*NAMES, *ALONE))}")
    main(sys.argv[1:])
