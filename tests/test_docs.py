"""What the documents show is run."""

import re
import shutil
from pathlib import Path

import pytest

from dipfolio.cli.main import main

ROOT = Path(__file__).parents[1]
EXTENDING = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def code(language, text):
    """Fenced blocks of a language, each with the last file name in backticks before it."""
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, flags=re.S | re.M):
        names = re.findall(r"`(strategies/\w+\.py)`", text[: found.start()])
        if found.group(1) == language:
            yield (names[-1] if names else ""), found.group(2)


def commands(text):
    """Commands of a document that start with the program."""
    return [line for _, block in code("", text) for line in block.splitlines() if line.startswith("python backtest.py")]


README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "strategies", folder / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in [*code("python", EXTENDING), *code("python", README)]:
        (folder / name).write_text(text)
    (folder / "data").symlink_to(ROOT / "data")
    return folder


@pytest.mark.parametrize("command", [*commands(EXTENDING), *commands(README)])
def test_each_command_that_is_shown_runs_as_it_stands(home, command, capsys, monkeypatch):
    monkeypatch.chdir(home)
    with pytest.raises(SystemExit) as left:
        main(home=home, arguments=command.split()[2:])
    said = capsys.readouterr()
    assert not left.value.code, said.err
    assert "FAIL" not in said.out


def test_the_commands_were_found():
    assert len(list(code("python", EXTENDING))) == 3
    assert len(commands(EXTENDING)) == 4
    assert len(commands(README)) == 11


def test_the_readme_shows_what_the_main_job_prints(home, capsys, monkeypatch):
    monkeypatch.chdir(home)
    with pytest.raises(SystemExit):
        main(home=home, arguments=["buy-the-dip"])
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    (shown,) = [block.splitlines() for _, block in code("text", README)]
    assert shown == printed


def test_the_set_up_lines_are_there_to_be_pasted():
    blocks = [block.strip() for _, block in code("", README)]
    assert "python -m venv .venv && .venv/bin/pip install -e . && .venv/bin/python backtest.py buy-the-dip" in blocks
    assert ".venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest" in blocks


def test_the_readme_is_short():
    assert len(README.splitlines()) < 200


def test_links_lead_somewhere():
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "data" / "README.md"]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (path.parent / target).exists(), f"{path.name} links to {target}"
