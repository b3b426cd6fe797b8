"""Progress: drawn on standard error if that is a terminal, and nowhere else; lines of results stay on standard output."""

import os
import subprocess
import sys

import pytest

from tests.support.documents import ROOT

PROGRAM = """
import sys
from dipfolio.cli.output import progress
with progress({total}, "{columns}", "begun") as shown:
    for step in range(4):
        shown.print_line(f"line {{step}}")
        shown.advance(2, f"step {{step}}")
"""


def start(total, columns, *, out, err):
    """The text on standard output and on standard error, each a terminal or a pipe; both are one terminal if both are."""
    words = [sys.executable, "-c", PROGRAM.format(total=total, columns=columns)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    ours, theirs = os.openpty()
    terminal = {True: theirs, False: subprocess.PIPE}
    done = subprocess.Popen(words, stdout=terminal[out], stderr=terminal[err], env=surroundings, text=True)
    piped = done.communicate(timeout=60)
    os.close(theirs)
    shown = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:
            more = b""
        if not more:
            break
        shown += more
    os.close(ours)
    assert done.returncode == 0
    return piped[0] or "", piped[1] or "", shown.decode()


LINES = [f"line {step}" for step in range(4)]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


@pytest.mark.parametrize(
    "columns", ["bar count rate remaining", "bar count elapsed text", "spinner text", "text bar percent remaining"]
)
def test_nothing_is_drawn_in_a_pipe(columns):
    out, err, _ = start(8, columns, out=False, err=False)
    assert (out.splitlines(), err) == (LINES, "")


@pytest.mark.parametrize(
    ("total", "columns", "expected"),
    [
        (8, "bar count rate remaining", ["8/8", " a second", "0:00:00"]),
        (8, "bar count elapsed text", ["8/8", "0:00:00", "step 3"]),
        (None, "spinner text", ["step 3"]),
        (8, "text bar percent remaining", ["step 3", "100%", "0:00:00"]),
    ],
)
def test_progress_is_drawn_on_a_terminal_and_results_stay_in_the_pipe(total, columns, expected):
    out, _, shown = start(total, columns, out=False, err=True)
    assert out.splitlines() == LINES
    assert "line" not in shown
    assert "begun" in shown or "text" not in columns
    for text in expected:
        assert text in shown


def test_lines_stand_above_the_bar_where_both_are_on_one_terminal():
    _, _, shown = start(8, "bar count", out=True, err=True)
    assert [line for line in LINES if line in shown] == LINES
    assert "8/8" in shown
