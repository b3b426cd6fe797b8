"""``python -m benchmarks [NAME ...]``: run the benchmarks named, or all of them, and print medians and ratios.

``python -m benchmarks --guard`` runs those that have targets, once and in short, and fails where a ratio is a quarter
above its target: a change has made something slow. Ratios of contestants that take turns hold on any machine.
"""

import importlib
import platform
import sys
from collections.abc import Iterable
from datetime import date
from importlib.metadata import PackageNotFoundError, version

from benchmarks.row import Row

NAMES = ("command", "simulation", "peers", "sweep")
GUARDED = ("command", "simulation")
LIBRARIES = ("backtrader", "quantstats", "numpy", "pandas", "bt", "backtesting", "vectorbt")
NOISE = 1.25
"""How far above its target a ratio may be measured in a short run on a busy machine."""


def main(words: list[str]) -> None:
    """Print the results as they come."""
    guard = "--guard" in words
    names = [word for word in words if word != "--guard"]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"{__doc__}\nNames: {', '.join(NAMES)}")
    print(f"{date.today()}, Python {platform.python_version()}, {', '.join(installed())}")
    late = []
    for name in names or (GUARDED if guard else NAMES):
        for line in importlib.import_module(f"benchmarks.{name}").report(rounds=3 if guard else 7):
            print(line, flush=True)
            late += slower([line]) if guard else []
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


def slower(lines: Iterable[Row | str]) -> list[Row]:
    """The rows that miss their targets by more than noise."""
    return [line for line in lines if isinstance(line, Row) and line.ratio > NOISE * line.target]


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.exit(f"{__doc__}\nNames: {', '.join(NAMES)}")
    main(sys.argv[1:])
