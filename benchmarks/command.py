"""Command: whole commands as a user waits for them, against the bare script."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clock import race

ROOT = Path(__file__).parents[1]


def report() -> Iterator[str]:
    """Lines of results."""
    with tempfile.TemporaryDirectory() as folder:
        ours = [sys.executable, str(ROOT / "backtest.py"), "buy-the-dip", "--reports", folder]
        found = race(
            {
                "bare script": _command([sys.executable, "-m", "benchmarks.bare", f"{folder}/bare.html"]),
                "backtest.py buy-the-dip": _command([*ours, "--force"]),
                "the same again, unchanged": _command(ours),
            }
        )
        yield "the main job as a whole command"
        for name in found.seconds:
            yield f"  {name:<28} {found.median(name):6.2f} s   {found.ratio(name, 'bare script'):5.2f} of the bare script"
    quick = {words: _command([sys.executable, str(ROOT / "backtest.py"), words]) for words in ("list", "--help", "buy-the-dp")}
    found = race(quick)
    yield "commands that need no figures"
    for name in found.seconds:
        yield f"  backtest.py {name:<16} {found.median(name):6.2f} s"


def _command(words: list[str]):
    def run() -> None:
        subprocess.run(words, cwd=ROOT, capture_output=True, check=False)  # noqa: S603 - our own words

    return run
