"""Command: whole commands as a user waits for them, against the bare script."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.clock import race
from benchmarks.row import Row, rows
from dipfolio.engine import loader

ROOT = Path(__file__).parents[1]
BARE = "bare script"
QUICK = ("list", "--help", "buy-the-dp")


def report(rounds: int) -> Iterator[Row | str]:
    """Lines of results."""
    names = loader.list_strategy_names(ROOT / "strategies")
    with tempfile.TemporaryDirectory() as folder:
        ours = [sys.executable, str(ROOT / "backtest.py"), "buy-the-dip", "--reports", folder]
        bare = [sys.executable, "-m", "benchmarks.bare", f"{folder}/bare.html"]
        everything = [sys.executable, str(ROOT / "backtest.py"), *names, "--force", "--reports", folder]
        yield "the main job as a whole command, in wall time"
        found = race(
            {BARE: runner(bare), "backtest.py buy-the-dip": runner([*ours, "--force"]), "unchanged rerun": runner(ours)}, rounds
        )
        yield from rows(found, BARE, {"backtest.py buy-the-dip": 0.9, "unchanged rerun": 0.25})
        all_of_them = f"all {len(names)} with tear sheets, each"
        found = race({BARE: runner(bare), all_of_them: runner(everything)}, max(rounds // 3, 1))
        each = found.ratio(all_of_them, BARE) / len(names)
        yield Row(
            what=all_of_them,
            seconds=found.median(all_of_them) / len(names),
            ratio=each,
            against=f"{BARE}, a strategy",
            target=0.6,
        )
        peaks = peak(bare), peak([*ours, "--force"])
        yield f"  peak memory {peaks[1]:.0f} MiB, of the bare script {peaks[0]:.0f} MiB: {peaks[1] / peaks[0]:.2f}, target 1.15"
    found = race({words: runner([sys.executable, str(ROOT / "backtest.py"), words]) for words in QUICK}, rounds)
    for name in found.seconds:
        yield f"  backtest.py {name:<26} {found.median(name):7.3f} s   target 0.35 s"


def runner(words: list[str]) -> Callable[[], object]:
    """A whole command as a contestant; one that fails is no contestant."""

    def run() -> None:
        """Run it, with its output thrown away."""
        done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)  # noqa: S603 - our own words
        if done.returncode not in (0, 2):
            sys.exit(f"{' '.join(words)} failed: {done.stderr.decode()}")

    return run


def peak(words: list[str]) -> float:
    """Most memory of a command in MiB: of its largest process, and neither of these starts another."""
    with Path(os.devnull).open("w") as nowhere:
        process = subprocess.Popen(words, cwd=ROOT, stdout=nowhere, stderr=nowhere)  # noqa: S603 - our own words
        _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
