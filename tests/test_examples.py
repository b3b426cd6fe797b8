"""The notebooks in ``examples/`` run, and show what they would show now."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def cells(path, kind="code"):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_there_is_one():
    assert [path.name for path in NOTEBOOKS] == ["from_bars_to_verdict.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_goes_from_bars_to_a_verdict_in_thirty_lines(path):
    code = "".join("".join(cell["source"]) + "\n" for cell in cells(path))
    assert len([line for line in code.splitlines() if line.strip()]) <= 30
    assert code.index("load_bars") < code.index("judge_claims(")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_as_it_was_run_and_with_nothing_of_the_machine(path):
    for number, cell in enumerate(cells(path), 1):
        assert cell["execution_count"] == number
        assert cell["metadata"] == {}
        assert all(output["output_type"] == "execute_result" for output in cell["outputs"])  # no warning, no error
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.<:/])/(?:\w+/)+\w+|site-packages|[A-Z]:\\\\|<script", text)


@pytest.mark.slow
def test_its_outputs_are_those_that_it_has_now():
    pytest.importorskip("nbclient", reason="notebooks are run with nbclient")
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "notebook.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
