"""``python -m benchmarks [NAME ...]``: run the benchmarks named, or all of them, and print medians and ratios."""

import importlib
import platform
import sys
from datetime import date
from importlib.metadata import version

NAMES = ("simulation", "command", "sweep")


def main(names: list[str]) -> None:
    """Print the results as they come."""
    unknown = [name for name in names if name not in NAMES]
    if unknown or "--help" in names:
        sys.exit(f"{__doc__}\nNames: {', '.join(NAMES)}")
    libraries = ", ".join(f"{name} {version(name)}" for name in ("backtrader", "numpy", "pandas", "quantstats"))
    print(f"{date.today()}, Python {platform.python_version()}, {libraries}")
    for name in names or NAMES:
        for line in importlib.import_module(f"benchmarks.{name}").report():
            print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
