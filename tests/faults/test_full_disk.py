"""A disk that is full: exit code 1, one line that says what to do, nothing half-written, the older report untouched."""

import os
import resource
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.killed_process import ROOT
from tests.support.paths import small_disk
from tests.support.reports import all_whole, contents, left_over
from tests.support.yahoo import Yahoo, chart

pytestmark = pytest.mark.slow

RUN = ("hold-benchmark", "--end", "2024-02-29")
OTHER = ("hold-benchmark", "--end", "2024-01-31")


def one_line(err):
    (line,) = err.splitlines()
    assert line.startswith("Error: ")
    return line


def fill(disk):
    """Leave no room on a disk."""
    handle = os.open(disk / "ballast", os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while os.write(handle, b"x" * 4096):
            pass
    os.close(handle)


@pytest.mark.parametrize("size", ["4k", "16k", "28k", "40k", "52k"])
def test_a_run_on_a_disk_without_room_is_one_line_and_leaves_nothing_half_written(mortal, home, tmp_path, size):
    with small_disk(tmp_path / "disk", size) as disk:
        code, _, err, _ = mortal(home, *RUN, "--reports", disk / "reports")
        assert code == 1, size
        line = one_line(err)
        assert "No space left on device" in line
        assert "--reports" in line
        assert all_whole(disk / "reports")
        assert left_over(disk) == []


def test_a_run_that_finds_no_room_leaves_the_older_report_and_the_next_one_with_room_works(mortal, home, tmp_path):
    with small_disk(tmp_path / "disk", "400k") as disk:
        shelf = disk / "reports"
        assert mortal(home, *RUN, "--reports", shelf)[0] == 0
        before = contents(shelf)
        fill(disk)
        for words in (RUN, OTHER):
            code, _, err, _ = mortal(home, *words, "--force", "--reports", shelf)
            assert code == 1
            assert "No space left on device" in one_line(err)
            after = contents(shelf)
            assert after.pop("trials.jsonl").startswith(before["trials.jsonl"])  # what was tried is written down first
            assert after == {name: text for name, text in before.items() if name != "trials.jsonl"}
        assert left_over(disk) == []
        (disk / "ballast").unlink()
        assert mortal(home, *OTHER, "--reports", shelf)[0] == 0
        report = {name: text for name, text in before.items() if "/" in name}
        assert report.items() <= contents(shelf).items()


def test_a_sweep_that_finds_no_room_goes_on_later(mortal, home, tmp_path):
    words = ("sweep", "hold-benchmark", "--fill", "open,close", "--end", "2024-02-29", "--jobs", "1", "--verify", "0")
    with small_disk(tmp_path / "disk", "300k") as disk:  # a page alone has 5 MB
        code, _, err, _ = mortal(home, *words, "--reports", disk / "reports")
        assert code == 1
        assert "No space left on device" in one_line(err)
        assert left_over(disk) == []
        assert not (disk / "reports" / "sweep-hold-benchmark").exists()
        assert list((disk / "reports" / ".sweep-hold-benchmark").glob("part-*.sha256"))


@pytest.mark.parametrize("size", ["4k", "12k", "20k"])
def test_a_fetch_without_room_keeps_what_there_is(mortal, home, tmp_path, size):
    yahoo = Yahoo()
    try:
        symbols = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
        yahoo.charts.update({symbol: chart([100.0, 101.0, 102.0]) for symbol in symbols})
        words = ("data", "fetch", *symbols, "--start", "2025-01-02", "--end", "2025-01-06")
        with small_disk(tmp_path / "disk", size) as disk:
            code, out, err, _ = mortal(home, *words, "--to", disk / "cache", port=yahoo.port)
            assert code == 1
            assert "failed; what" in one_line(err)
            assert "No space left on device. Choose another folder with --to." in out
            assert left_over(disk) == []
            whole = [path.stem for path in (disk / "cache").glob("prices/*.parquet")]
            for symbol in whole:
                assert mortal(home, "data", "check", disk / "cache")[0] == 0, symbol
    finally:
        yahoo.close()


def limited(size):
    """In a child: no file may grow beyond so many bytes, as with a quota; nobody has to be root for it."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def start(home, *words, **given):
    command = [sys.executable, str(home / "backtest.py"), *map(str, words)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=home, env=surroundings, text=True, check=False, stderr=subprocess.PIPE, **given)


@pytest.fixture
def program(home):
    shutil.copy(ROOT / "backtest.py", home)
    return home


@pytest.mark.slow
def test_a_file_that_may_not_grow_is_one_line_and_the_older_report_stays(program, mortal):
    mortal(program, *RUN)
    before = contents(program / "reports")
    done = start(program, *RUN, "--force", preexec_fn=limited(100_000), stdout=subprocess.PIPE)  # the drawing alone is larger
    assert done.returncode == 1
    assert done.stdout.startswith("hold-benchmark\n\nThe account of $1,000,000 was worth")  # the answer comes before the page
    assert "Tear sheet" not in done.stdout
    assert "File too large" in one_line(done.stderr)
    assert "Make room" in done.stderr or "--reports" in done.stderr
    assert contents(program / "reports") == before
    assert left_over(program) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", [("list",), ("--help",), ("--version",)], ids=lambda words: words[0])
def test_output_that_nobody_can_take_is_one_line(program, words):
    with open("/dev/full", "w") as full:
        done = start(program, *words, stdout=full)
    assert done.returncode == 1
    assert one_line(done.stderr) == "Error: The output cannot be written: No space left on device. Make room where it goes."


def test_a_new_strategy_without_room_is_one_line_and_no_file(mortal, home, tmp_path):
    with small_disk(tmp_path / "disk", "8k") as disk:
        (disk / "strategies").mkdir()
        fill(disk)
        code, _, err, _ = mortal(home, "--strategies", disk / "strategies", "new", "my-idea")
        assert code == 1
        assert "No space left on device. Name another folder with --strategies." in one_line(err)
        assert list((disk / "strategies").iterdir()) == []
