"""What the documents show is run."""

import shlex
import shutil

import pytest

from dipfolio.cli.app import main
from dipfolio.data.folder import load_bars
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from tests.support.documents import ROOT, code, commands, page

README, EXTENDING = page("README.md"), page("docs/extending.md")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "strategies", folder / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in [*code("python", EXTENDING), *code("python", README)]:
        (folder / name).write_text(text)
    (folder / "data").symlink_to(ROOT / "data")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", [*commands(EXTENDING), *commands(README)])
def test_each_command_that_is_shown_runs_as_it_stands(home, command, capsys, monkeypatch):
    monkeypatch.chdir(home)
    with pytest.raises(SystemExit) as left:
        main(home=home, arguments=shlex.split(command)[2:])
    said = capsys.readouterr()
    assert not left.value.code, said.err
    assert "FAIL" not in said.out


def test_the_commands_were_found():
    assert len(list(code("python", EXTENDING))) == 8
    assert len(commands(EXTENDING)) == 14
    assert len(commands(README)) == 17


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


def test_the_example_holds_through_the_week_and_nothing_over_the_weekend(home):
    result = simulate(load_strategy(home / "strategies", "friday-flat")(), load_bars(ROOT / "data", ("NVDA",)))
    fills, days = result.fills.set_index("session"), result.positions.index
    weeks = days.to_series().groupby(days.to_period("W"))
    firsts, lasts = weeks.min().iloc[1:], weeks.max().iloc[:-1]
    assert fills["at"].eq("close").all()
    assert fills.index[fills["shares"] > 0][1:].tolist() == firsts.tolist()
    assert fills.index[fills["shares"] < 0].tolist() == lasts.tolist()
