"""``completion``: what a shell is told while one types."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dipfolio.cli.app import COMMANDS, _guarded
from dipfolio.cli.workspace import Workspace
from dipfolio.engine import loader
from tests.support import runs

ROOT = Path(__file__).parents[2]
NAMES = loader.list_strategy_names(ROOT / "strategies")
HOSTILE = '''
class Hostile:
    """Titles \x1b]0;are text\x07 here."""
'''


@pytest.fixture
def told(capsys, tmp_path, monkeypatch):
    """What completes a line that ends here, as bash would be told: the words, or kinds of path."""

    def run(line, home=ROOT, told_to="bash"):
        *before, incomplete = line.split(" ")
        monkeypatch.setenv("_DIPFOLIO_COMPLETE", f"{told_to}_complete")
        monkeypatch.setenv("COMP_WORDS", line if incomplete else " ".join(before))
        monkeypatch.setenv("COMP_CWORD", str(len(before)))
        place = Workspace.at(home, "dipfolio")
        with pytest.raises(SystemExit) as left:
            _guarded(
                [], Workspace(strategies=place.strategies, data=place.data, reports=tmp_path / "reports", program="dipfolio")
            )
        assert not left.value.code
        return [line for line in capsys.readouterr().out.splitlines() if line]

    return run


def words(lines):
    return [line.removeprefix("plain,") for line in lines]


def test_a_first_word_is_a_command_or_a_strategy(told):
    assert words(told("dipfolio ")) == [*COMMANDS, *NAMES]
    assert words(told("dipfolio s")) == ["sweep", *(name for name in NAMES if name.startswith("s"))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dipfolio --", ["--version", "--strategies", "--help"]),
        ("dipfolio dip-rule --dr", ["--drop"]),
        ("dipfolio dip-rule --sk", ["--skip-event"]),
        ("dipfolio dip-rule --no-sk", ["--no-skip-event"]),
        ("dipfolio dip-rule --fill ", ["open", "close"]),
        ("dipfolio dip-rule --cas", ["--cash", "--cash-rate"]),
        ("dipfolio dip-rule --bench", ["--benchmark"]),
        ("dipfolio dip-rule short-nvda", ["short-nvda", "short-nvda-friday"]),
        ("dipfolio dip-rule short-nvda-friday short-nvda", ["short-nvda"]),
        ("dipfolio dip-rule dip-", ["dip-with-stops"]),
        ("dipfolio short-nvda --entry ", ["monday-open", "monday-close", "first-unrestricted"]),
        ("dipfolio short-nvda --fi", []),
        ("dipfolio sweep dip", ["dip-rule", "dip-with-stops"]),
        ("dipfolio sweep dip-rule --dr", ["--drop"]),
        ("dipfolio sweep dip-rule --rank-by s", ["sharpe"]),
        ("dipfolio evidence dip-rule --dr", ["--drop"]),
        ("dipfolio check dip-rule dip", ["dip-with-stops"]),
        ("dipfolio new mine --from eq", ["equal-weight"]),
        ("dipfolio data ", ["check", "export", "fetch", "status"]),
        ("dipfolio data fetch --re", ["--refresh"]),
        ("dipfolio completion ", ["bash", "zsh", "fish"]),
        ("dipfolio nothing-like-it --he", ["--help"]),
        ("dipfolio sweep ../strategies/dip_rule --dr", []),
    ],
)
def test_the_rest_is_what_the_command_takes(told, line, expected):
    assert words(told(line)) == expected


def test_figures_and_reports_are_folders(told):
    assert told("dipfolio dip-rule --data ") == ["file,"]


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_of_every_strategy_is_completed(told, name):
    from dipfolio.engine.parameters import list_parameters

    flags = {f"--{item.flag}" for item in list_parameters(loader.load_strategy(ROOT / "strategies", name))}
    for before in ("", "sweep ", "evidence "):
        assert flags <= set(words(told(f"dipfolio {before}{name} --")))


def test_runs_are_those_that_are_saved_and_not_named_yet(told, tmp_path):
    for name in ("dip", "dip--hold-20", "other"):
        runs.save(tmp_path / "reports", name, runs.run())
    (tmp_path / "reports" / "dip-sweep").mkdir()
    (tmp_path / "reports" / "di\x1bp").mkdir()
    shutil.copy(tmp_path / "reports" / "dip" / "run.json", tmp_path / "reports" / "di\x1bp")
    assert sorted(words(told("dipfolio compare di"))) == ["dip", "dip--hold-20"]
    assert words(told("dipfolio compare dip di")) == ["dip--hold-20"]
    assert told("dipfolio compare x") == ["file,x"]
    runs.save(tmp_path / "elsewhere", "third", runs.run())
    assert words(told(f"dipfolio compare --reports {tmp_path}/elsewhere ")) == ["third"]


def test_titles_are_told_with_the_names_and_stay_text(told, tmp_path):
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "hostile.py").write_text(HOSTILE, encoding="utf-8")
    (tmp_path / "strategies" / "broken.py").write_text("class Broken(:\n", encoding="utf-8")
    assert told("dipfolio h", home=tmp_path, told_to="zsh") == ["plain", "hostile", r"Titles \x1b]0;are text\x07 here."]
    assert told("dipfolio broken --", home=tmp_path) == ["plain,--version", "plain,--strategies", "plain,--help"]


@pytest.mark.parametrize("line", ["dipfolio ", "dipfolio sweep d", "dipfolio compare "])
def test_names_are_completed_without_a_library_of_data(line):
    asked = {"_DIPFOLIO_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    code = (
        "import sys\nfrom dipfolio.__main__ import run\ntry:\n    run()\nfinally:\n"
        "    print([m for m in ('pandas', 'backtrader', 'exchange_calendars', 'rich') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert done.stdout or line.endswith("compare ")


def test_options_of_a_strategy_that_prints_and_of_one_that_fails_are_completed(told, tmp_path, capsys):
    (tmp_path / "strategies").mkdir()
    text = (
        "from dipfolio import Strategy, no_instruction\n\nprint('loud')\n\n\nclass Loud(Strategy):\n    width: int = 3\n\n"
        "    def targets(self, bars):\n        return no_instruction(bars)\n"
    )
    (tmp_path / "strategies" / "loud.py").write_text(text, encoding="utf-8")
    (tmp_path / "strategies" / "fails.py").write_text("raise ValueError('now')\n", encoding="utf-8")
    assert told("dipfolio loud --wid", home=tmp_path) == ["plain,--width"]
    assert "loud" not in capsys.readouterr().err
    assert "plain,--width" not in told("dipfolio fails --", home=tmp_path)


@pytest.mark.parametrize(("shell", "said"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --no-files")])
def test_the_script_completes_the_installed_program(capsys, shell, said):
    assert not _guarded(["completion", shell], Workspace.at(ROOT))
    script = capsys.readouterr().out
    assert said in script
    assert f"_DIPFOLIO_COMPLETE={shell}_complete" in script
    assert "dipfolio" in script.split(said, 1)[1]


def test_another_shell_is_refused_with_those_there_are(capsys):
    assert _guarded(["completion", "tcsh"], Workspace.at(ROOT)) == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err


REAL = {
    "bash": 'eval "$(dipfolio completion bash)"\nCOMP_WORDS=(dipfolio sweep dip-rule --dr) COMP_CWORD=3\n'
    '_dipfolio_completion dipfolio; printf "%s\\n" "${COMPREPLY[@]}"',
    "fish": 'dipfolio completion fish | source; complete -C "dipfolio sweep dip-rule --dr"',
}


@pytest.mark.slow
@pytest.mark.parametrize("shell", REAL)
def test_a_real_shell_completes_with_it(tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    program = tmp_path / "dipfolio"
    program.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "from dipfolio.__main__ import run; run()" "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [shell, "-c", REAL[shell]],
        cwd=ROOT,
        env={**surroundings, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\t")[0].strip() == "--drop", done.stderr
