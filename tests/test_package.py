"""What a notebook imports."""

import doctest
import importlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import dipfolio

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", dipfolio.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(dipfolio, name) is not None
    assert name in dir(dipfolio)


def test_a_name_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(AttributeError, match="dipfolio has no 'Portfolio'; it has Account, AccountState, At"):
        _ = dipfolio.Portfolio


def test_the_package_itself_imports_nothing_heavy():
    code = "import dipfolio, sys; print([m for m in ('numpy', 'pandas', 'backtrader', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_line_shows_its_help_without_anything_heavy():
    code = (
        "import sys; from dipfolio.__main__ import run; sys.argv[1:] = ['--help']\ntry:\n    run()\nfinally:\n"
        "    print([m for m in ('numpy', 'pandas', 'backtrader', 'rich') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_version_is_the_newest_in_the_changelog():
    newest = re.search(r"^## (\S+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.M)
    assert newest
    assert dipfolio.__version__ == newest.group(1)


def test_the_program_that_pip_installs_is_the_doorway_of_the_module():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"dipfolio": "dipfolio.__main__:run"}


def test_every_figure_and_strategy_goes_into_the_wheel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert {source: f"dipfolio/starter/{source}" for source in carried} == carried
    here = {f"data/{path.name}" for path in (ROOT / "data").iterdir() if path.name != "cache"}
    assert set(carried) == {"backtest.py", "strategies", *here}


@pytest.mark.slow
def test_the_wheel_has_the_mark_of_type_hints_and_all_that_the_package_reads(tmp_path):
    build = pytest.importorskip("hatchling.builders.wheel", reason="the wheel is built with hatchling")
    (wheel,) = build.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert "dipfolio/py.typed" in packed
    here = [path for path in (ROOT / "dipfolio").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {path.relative_to(ROOT).as_posix() for path in here} <= packed


WITH_EXAMPLES = sorted(path for path in (ROOT / "dipfolio").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_in_docstrings_are_true(path):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    failed, tried = doctest.testmod(module)
    assert tried
    assert failed == 0
