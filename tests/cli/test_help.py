"""Help: every command shows an example, and the command line takes each as it stands."""

import re
import shlex
from pathlib import Path

import pytest

from dipfolio.cli.app import COMMANDS, _guarded, root_group
from dipfolio.cli.data import data_commands
from dipfolio.cli.workspace import Workspace
from dipfolio.engine import loader

ROOT = Path(__file__).parents[2]
NAMES = loader.list_strategy_names(ROOT / "strategies")
PATHS = [
    (),
    *((name,) for name in COMMANDS),
    *(("data", name) for name in data_commands.commands),
    *((name,) for name in NAMES),
    *((group, name) for group in ("sweep", "evidence") for name in NAMES),
]
STARTED = {"backtest.py": "python backtest.py", "python -m dipfolio": "python -m dipfolio", "dipfolio": "dipfolio"}


def helped(capsys, *path, program="backtest.py"):
    assert not _guarded([*path, "--help"], Workspace.at(ROOT, program))
    return capsys.readouterr().out


def examples(text, command="python backtest.py"):
    """The words after the program of each command in the example, which is one line, to be copied."""
    (example,) = re.findall(r"^ *Example: (.*)(?:\n\n|\n$|$)", text, flags=re.M)
    parts = re.split(r"&&|\|", example)
    return [shlex.split(part)[len(command.split()) :] for part in parts if part.strip().startswith(f"{command} ")]


def parse(words):
    """The innermost context of a line, read by the real commands but not run."""
    home = Workspace.at(ROOT)
    context = root_group.make_context("backtest.py", list(words), obj=home)
    while hasattr(context.command, "get_command"):
        name, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    return context


@pytest.mark.parametrize("path", PATHS, ids=lambda path: " ".join(path) or "the program")
def test_each_command_has_an_example_that_the_command_line_takes(capsys, monkeypatch, path):
    monkeypatch.setenv("COLUMNS", "40")
    found = examples(helped(capsys, *path))
    assert found
    assert found[0][: len(path)] == list(path)
    for words in found:
        context = parse(words)
        if words[0] == "sweep":
            given_is_a_grid(context)


def given_is_a_grid(context):
    from dipfolio.engine.parameters import list_parameters
    from dipfolio.sweep.grid import parse_grid

    kind = loader.load_strategy(ROOT / "strategies", context.info_name)
    values = {item.name: context.params[f"grid_{item.name}"] for item in list_parameters(kind)}
    assert len(parse_grid(kind, {name: value for name, value in values.items() if value is not None})) > 1


@pytest.mark.parametrize(("program", "command"), STARTED.items())
@pytest.mark.parametrize("path", [(), ("list",), ("data", "fetch"), ("dip-rule",), ("evidence", "dip-rule"), ("sweep",)], ids=str)
def test_help_names_the_program_as_it_was_started(capsys, program, command, path):
    text = helped(capsys, *path, program=program)
    assert text.startswith(" ".join(["Usage:", program, *path, "[OPTIONS]"]))
    assert examples(text, command)
    assert set(re.findall(r"python backtest\.py|python -m dipfolio|(?<!-m )\bdipfolio (?=[a-z])", text)) <= {
        command,
        f"{command} ",
    }


@pytest.mark.parametrize(("program", "command"), STARTED.items())
def test_errors_name_the_program_as_it_was_started(capsys, program, command):
    assert _guarded(["lst"], Workspace.at(ROOT, program)) == 2
    assert capsys.readouterr().err.endswith(
        f"Did you mean 'list'? `{command} list` shows the strategies, `{command} --help` the commands.\n"
    )
    assert _guarded(["list", "--all"], Workspace.at(ROOT, program)) == 2
    assert capsys.readouterr().err.endswith(f" See {program} list --help.\n")


def test_the_shared_commands_are_not_changed_by_how_the_program_was_started(capsys):
    before = [command.help for command in COMMANDS.values()]
    helped(capsys, "check", program="dipfolio")
    assert [command.help for command in COMMANDS.values()] == before


def test_the_doorways_start_under_their_own_names(capsys, monkeypatch):
    from dipfolio import __main__

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["dipfolio", "--help"])
    with pytest.raises(SystemExit):
        __main__.run()
    assert capsys.readouterr().out.startswith("Usage: dipfolio [OPTIONS]")


@pytest.mark.parametrize(
    ("words", "step"),
    [
        (["buythedip"], "Did you mean 'buy-the-dip'? `python backtest.py list` shows the strategies"),
        (["help"], "`python backtest.py --help` the commands."),
        (["evidence", "diprule"], "Did you mean 'dip-rule'? `python backtest.py list` shows all."),
        (["sweep", "dip"], "`python backtest.py list` shows all."),
        (["new", "mine", "--from", "dip"], "`python backtest.py list` shows all."),
        (["check"], "Name a strategy, or ask for --all. See backtest.py check --help."),
        (["compare"], "Make one: python backtest.py buy-the-dip."),
        (["compare", "dip-rule"], "reports has none. Make it: python backtest.py dip-rule"),
        (["thesis", "--claims", "Z9"], "Claims: A0, A1"),
        (["completion"], "Choose from: bash, zsh, fish. See backtest.py completion --help."),
        (["data", "stat"], "Did you mean 'status'? See backtest.py data --help."),
        (["buy-the-dip", "--universe", "AMD"], "`python backtest.py data fetch AMD SPY` asks Yahoo Finance for others."),
        (["buy-the-dip", "--start", "27.1.2025"], "write it as 2024-12-31. See backtest.py buy-the-dip --help."),
        (["buy-the-dip", "--start", "2030-01-01"], "the data run from 2024-01-02 to 2025-12-31."),
        (["buy-the-dip", "--fill", "noon"], "is not one of 'open', 'close'. See backtest.py buy-the-dip --help."),
        (["buy-the-dip", "--risk-free", "4.3"], "4.3 percent is 0.043."),
        (["sweep", "dip-rule", "--hold", "1-60"], "write a value, a list such as 1,2,5, or a range such as 1:60"),
        (["--strategies", "nowhere", "list"], "nowhere is no folder. See backtest.py --help."),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_a_mistake_of_a_new_user_is_one_line_with_the_next_step(capsys, monkeypatch, tmp_path, words, step):
    monkeypatch.chdir(tmp_path)
    for name in ("strategies", "data"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert _guarded(words, Workspace.at(tmp_path)) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: ")
    assert step in line


def test_what_is_not_explained_is_not_listed(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert not _guarded(["buy-the-dip", "--help"], Workspace.at(ROOT))
    said = capsys.readouterr().out
    assert "[STRATEGY]..." in said.splitlines()[0]
    assert "\n  [STRATEGY]..." not in said
