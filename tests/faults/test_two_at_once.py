"""Several processes that write the same thing at once: one of them wins, none fails, and the result is whole."""

import json
import os
import subprocess
import sys

import pytest

from dipfolio import storage
from dipfolio.errors import ReportError
from dipfolio.evidence.trial_log import TRIAL_LOG_FILE, TrialLog
from dipfolio.storage import changed_files, verified_run_id, write_checksums
from dipfolio.sweep.tasks import CheckpointFolder
from tests.support.killed_process import ROOT
from tests.support.reports import all_whole, left_over, reports_in

pytestmark = pytest.mark.slow

PLACING = """
import sys
from pathlib import Path
from dipfolio.report.html import write_page
from dipfolio.storage import replace_directory

def write(folder):
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text(f"{sys.argv[2]} {round}", encoding="utf-8")

sys.stdin.readline()
for round in range(30):
    replace_directory(Path(sys.argv[1]), "idea", write)
    write_page(Path(sys.argv[1]), "index.html", f"<p>{sys.argv[2]}</p>" * 1000)
"""


def together(count, words, **given):
    """Start processes that wait for a line, let them go at once, and give their exit codes and standard errors."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **given}
    programs = [subprocess.Popen([*words, str(number)], **pipes) for number in range(count)]
    for program in programs:
        program.stdin.write("\n")
        program.stdin.flush()
    said = [program.communicate(timeout=120) for program in programs]
    return [(program.returncode, err) for program, (_, err) in zip(programs, said, strict=True)]


def test_four_processes_that_place_the_same_report_all_succeed_and_leave_one_whole_report(tmp_path):
    came = together(4, [sys.executable, "-c", PLACING, str(tmp_path)], cwd=ROOT)
    assert came == [(0, "")] * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["idea", "index.html"]
    one, two = ((tmp_path / "idea" / name).read_text(encoding="utf-8") for name in ("one.txt", "two.txt"))
    assert one == two
    assert one.split()[1] == "29"
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page in [f"<p>{number}</p>" * 1000 for number in range(4)]


@pytest.mark.parametrize("times", [1, 3])
def test_what_others_put_there_between_the_two_steps_is_replaced_too(tmp_path, monkeypatch, times):
    """Made certain: as soon as the older report is out of the way, another process has placed its own."""
    rename, others = os.rename, iter(range(times))

    def rename_and_be_overtaken(source, target):
        rename(source, target)
        if target.name == "idea" and target.parent != tmp_path and next(others, None) is not None:
            (tmp_path / "idea").mkdir()
            (tmp_path / "idea" / "page").write_text("theirs", encoding="utf-8")

    (tmp_path / "idea").mkdir()
    (tmp_path / "idea" / "page").write_text("older", encoding="utf-8")
    monkeypatch.setattr(storage.os, "rename", rename_and_be_overtaken)
    storage.replace_directory(tmp_path, "idea", lambda folder: (folder / "page").write_text("ours", encoding="utf-8"))
    assert (tmp_path / "idea" / "page").read_text(encoding="utf-8") == "ours"
    assert [path.name for path in tmp_path.iterdir()] == ["idea"]


@pytest.mark.slow
def test_three_runs_of_the_same_strategy_at_once_all_succeed(home):
    command = (
        "import sys; from pathlib import Path; from dipfolio.report import tearsheet; from dipfolio.cli.app import main;"
        "tearsheet.tear_sheet = lambda *_, **__: 'a page'; sys.stdin.readline();"
        "main(home=Path.cwd(), arguments=['hold-benchmark', '--end', '2024-02-29', '--force', '--json'])"
    )
    came = together(3, [sys.executable, "-c", command], cwd=home, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert came == [(0, "")] * 3
    assert [folder.name for folder in reports_in(home / "reports")] == ["hold-benchmark--end-2024-02-29"]
    assert all_whole(home / "reports")
    assert left_over(home) == []
    assert len(TrialLog(home / "reports" / TRIAL_LOG_FILE).read()) == 1


def test_a_report_that_vanishes_while_it_is_looked_at_is_made_anew(mortal, home, tmp_path):
    """Between the check of its seal and the reading of its record another run may be replacing it."""
    words = ("hold-benchmark", "--end", "2024-01-31")
    mortal(home, *words)
    (folder,) = reports_in(home / "reports")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    identity = verified_run_id(folder)
    (folder / "run.json").write_text(json.dumps({**record, "format": 0}), encoding="utf-8")
    write_checksums(folder, identity)
    code, _, err, _ = mortal(home, *words)
    assert (code, err) == (0, "")
    assert json.loads((folder / "run.json").read_text(encoding="utf-8")) == record
    assert changed_files(folder) == ()


def test_a_second_sweep_in_the_same_folder_is_refused_while_the_first_goes_on(tmp_path):
    first = CheckpointFolder(tmp_path / "parts", "key", resume=False)
    code = (
        "import sys; from pathlib import Path; from dipfolio.sweep.tasks import CheckpointFolder;"
        "CheckpointFolder(Path(sys.argv[1]), 'other', resume=False)"
    )
    second = [sys.executable, "-c", code, str(tmp_path / "parts")]
    done = subprocess.run(second, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "belongs to a sweep that is going on; wait for it, or choose another --reports." in done.stderr.splitlines()[-1]
    assert (tmp_path / "parts" / "key.json").read_text(encoding="utf-8") == '{"key": "key"}'
    with pytest.raises(ReportError, match="going on"):
        CheckpointFolder(tmp_path / "parts", "key", resume=True)
    del first
    assert CheckpointFolder(tmp_path / "parts", "key", resume=True).done() == []
