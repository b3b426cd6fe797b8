"""``init``: a folder to work in, and the wheel that carries what it copies."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dipfolio.cli import init
from dipfolio.cli.app import _guarded
from dipfolio.cli.workspace import Workspace

ROOT = Path(__file__).parents[2]
OURS = [
    ROOT / "backtest.py",
    *sorted((ROOT / "strategies").glob("*.py")),
    *sorted(path for path in (ROOT / "data").rglob("*") if path.is_file() and "cache" not in path.relative_to(ROOT).parts),
]


@pytest.fixture
def ask(capsys, tmp_path, monkeypatch):
    """Run the command line in an empty folder: gives exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words, program="python -m dipfolio"):
        code = _guarded([str(word) for word in words], Workspace.at(tmp_path, program))
        out, err = capsys.readouterr()
        return code or 0, out, err

    return run


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def is_ours(folder):
    """Whether a folder has the checkout's strategies, data and doorway, byte for byte, and nothing else."""
    names = [path.relative_to(ROOT) for path in OURS]
    return files(folder) == set(names) and all(filecmp.cmp(ROOT / name, folder / name, shallow=False) for name in names)


def test_a_new_folder_has_the_strategies_the_figures_and_a_doorway(ask, tmp_path):
    code, out, err = ask("init", "my folder")
    assert (code, err) == (0, "")
    assert out == (
        "my folder has the example strategies and the data. Next: cd 'my folder' && python -m dipfolio list\n"
    )  # fmt: skip
    assert is_ours(tmp_path / "my folder")
    assert [path.name for path in tmp_path.iterdir()] == ["my folder"]


def test_without_a_folder_it_is_the_one_that_one_stands_in(ask, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert ask("init") == (0, "This folder has the example strategies and the data. Next: python -m dipfolio list\n", "")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    (tmp_path / "notes.txt").unlink()
    assert is_ours(tmp_path)


@pytest.mark.parametrize("part", init.COPIED_NAMES)
def test_nothing_is_overwritten_unasked(ask, tmp_path, part):
    (tmp_path / part).mkdir()
    code, out, err = ask("init")
    assert (code, out) == (2, "")
    assert err == f"Error: . has {part} already; choose another folder, or replace what is there with --force.\n"
    assert [path.name for path in tmp_path.rglob("*")] == [part]


def test_with_force_files_that_differ_are_replaced_and_named_and_those_of_ones_own_stay(ask, tmp_path):
    ask("init")
    (tmp_path / "strategies" / "dip_rule.py").write_text("changed")
    (tmp_path / "strategies" / "mine.py").write_text("mine")
    code, out, err = ask("init", "--force")
    assert (code, err) == (0, "")
    assert out.splitlines()[:-1] == ["Replaced strategies/dip_rule.py."]
    assert (tmp_path / "strategies" / "mine.py").read_text() == "mine"
    (tmp_path / "strategies" / "mine.py").unlink()
    assert is_ours(tmp_path)


def test_figures_that_were_fetched_and_compiled_files_are_not_copied(ask, tmp_path, monkeypatch):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "strategies", source / "strategies")
    shutil.copytree(ROOT / "data", source / "data", dirs_exist_ok=True)
    shutil.copy(ROOT / "backtest.py", source)
    for extra in ("data/cache/prices/NVDA.parquet", "strategies/__pycache__/dip_rule.pyc", "data/.hidden"):
        (source / extra).parent.mkdir(parents=True, exist_ok=True)
        (source / extra).write_text("")
    monkeypatch.setattr(init, "find_starter", lambda: source)
    assert ask("init", "fresh")[0] == 0
    assert is_ours(tmp_path / "fresh")


@pytest.mark.parametrize("late", [False, True], ids=["while copying", "while moving"])
def test_a_failure_on_the_way_leaves_no_folder(ask, tmp_path, monkeypatch, late):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*(("os.rename", fail) if late else ("shutil.copyfile", fail)))
    code, out, err = ask("init", "fresh")
    assert (code, out) == (1, "")
    assert err == "Error: fresh cannot be written to: No space left on device. Choose another folder.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_one_clear_line(ask, tmp_path):
    (tmp_path / "file").write_text("mine")
    code, _, err = ask("init", "file")
    assert code == 2
    assert "'file' is a file" in err
    assert (tmp_path / "file").read_text() == "mine"


def test_where_there_are_no_strategies_the_next_step_is_told(ask, tmp_path):
    code, _, err = ask("buy-the-dip")
    assert code == 2
    assert err.endswith("There is no folder strategies; `python -m dipfolio init` makes one with examples.\n")
    code, _, err = ask("list")
    assert err == "No strategy in strategies; `python -m dipfolio init` brings examples.\n"
    there_is_none = "There is no folder data; `python -m dipfolio init` brings the embedded data, --data names others."
    assert ask("data", "status") == (1, "", f"Error: {there_is_none}\n")


def test_the_made_folder_works_by_its_own_doorway(ask, tmp_path):
    ask("init")
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "backtest.py", "list"], cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == len(list((ROOT / "strategies").glob("*.py")))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A wheel of the checkout in an environment of its own, which sees the libraries of this one."""
    build = pytest.importorskip("hatchling.builders.wheel", reason="the wheel is built with hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = build.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    find = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    place = Path(subprocess.run(find, capture_output=True, text=True, check=True).stdout.strip())
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", "--quiet", wheel], check=True
    )
    libraries = {str(Path(path).resolve()) for path in sys.path if path.endswith("site-packages")}
    (place / "libraries.pth").write_text("\n".join(sorted(libraries)) + "\n", encoding="utf-8")
    return python


@pytest.mark.slow
def test_an_installed_wheel_makes_a_folder_and_runs_a_strategy_there(installed, tmp_path):
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}

    def run(*words, program=(installed, "-m", "dipfolio"), folder=tmp_path):
        return subprocess.run([*program, *words], cwd=folder, env=surroundings, capture_output=True, text=True, check=False)

    where = run("-c", "import dipfolio; print(dipfolio.__file__)", program=(installed,))
    assert str(installed.parents[1]) in where.stdout, where.stderr
    assert run("init", "place").returncode == 0
    place = tmp_path / "place"
    assert is_ours(place)
    for program in ((installed, "-m", "dipfolio"), (installed.with_name("dipfolio"),), (installed, "backtest.py")):
        helped = run("--help", program=program, folder=place)
        assert helped.stdout.splitlines()[0].endswith(" [OPTIONS] COMMAND [ARGS]..."), helped.stderr
        listed = run("list", program=program, folder=place)
        assert "short-nvda-friday" in listed.stdout, listed.stderr
    done = run("buy-the-dip", "--json", folder=place)
    assert done.returncode == 0, done.stderr
    assert '"final_equity": 1012745.29' in done.stdout
    assert (place / "reports" / "buy-the-dip" / "tearsheet.html").is_file()
