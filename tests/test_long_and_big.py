"""A large market fits into memory, and many runs in one process leave nothing behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GIBIBYTE = 1024

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory and handles are read from /proc"),
]


def measured(what):
    done = subprocess.run([sys.executable, "-m", "tests.support.long_runs", what], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_500_symbols_by_5000_sessions_run_in_less_than_4_gibibytes():
    found = measured("big")
    assert found["symbols"] * found["sessions"] == 2_500_000
    assert found["weights"]["fills"] > 10_000
    assert found["shocks"]["trades"] > 1_000
    assert found["shocks"]["shorts"] > 300
    assert max(found["weights"]["residual"], found["shocks"]["residual"]) < 0.01
    assert found["sheet"] > 1_000_000
    assert found["read back"] is True
    assert found["peak"] < 4 * GIBIBYTE


def test_500_runs_in_one_process_leak_less_than_20_mebibytes_and_no_file_handle():
    found = measured("soak")
    assert found["runs"]["times"] == 500
    assert sum(part["mebibytes"] for part in found.values()) < 20
    assert {part["handles"] for part in found.values()} == {0}
