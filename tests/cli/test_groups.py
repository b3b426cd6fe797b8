"""Command groups: the nearest command to a misspelt one, and a command for each strategy, a broken one left out."""

import click
import pytest

from dipfolio.cli.groups import StrategyGroup, SuggestingGroup, command_for, write_strategy_help
from dipfolio.cli.workspace import Workspace
from dipfolio.errors import StrategyError, UnknownNameError

GOOD = '''
from dataclasses import dataclass
from dipfolio import Strategy, no_instruction, parameter

print("loaded")


@dataclass(frozen=True, kw_only=True)
class BuyIt(Strategy):
    """Buy it and wait."""

    universe: str = parameter("NVDA", help="symbols")

    def targets(self, bars):
        return no_instruction(bars)
'''


@pytest.fixture
def home(tmp_path):
    """A home with a strategy and a file that is broken."""
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "buy_it.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "strategies" / "broken.py").write_text("x = (", encoding="utf-8")
    return Workspace.at(tmp_path)


def context(group, home=None, **options):
    return click.Context(group, info_name="backtest.py", obj=home, **options)


@pytest.fixture
def tools():
    return SuggestingGroup("tools", commands={"check": click.Command("check"), "fetch": click.Command("fetch")})


@pytest.fixture
def strategies():
    return StrategyGroup("strategies", command_of=lambda name, kind: click.Command(name, help=kind.__doc__))


def test_a_command_is_found_by_its_name(tools):
    assert tools.get_command(context(tools), "fetch").name == "fetch"


def test_a_misspelt_command_gets_the_nearest_one_and_where_the_help_is(tools):
    with pytest.raises(UnknownNameError) as caught:
        tools.get_command(context(tools), "fecth")
    assert str(caught.value) == "There is no command 'fecth'. Did you mean 'fetch'? See backtest.py --help."


def test_while_a_shell_completes_a_misspelt_command_is_none(tools):
    assert tools.get_command(context(tools, resilient_parsing=True), "fecth") is None


def test_the_commands_of_a_strategy_group_are_the_files_of_the_folder(strategies, home, capsys):
    assert strategies.list_commands(context(strategies, home)) == ["broken", "buy-it"]
    assert capsys.readouterr().out == ""  # none was imported


def test_the_command_of_a_strategy_is_made_from_its_name_and_class(strategies, home):
    command = strategies.get_command(context(strategies, home), "buy-it")
    assert (command.name, command.help) == ("buy-it", "Buy it and wait.")


@pytest.mark.parametrize(("name", "error"), [("buy-ti", UnknownNameError), ("broken", StrategyError)])
def test_a_strategy_that_cannot_be_loaded_is_an_error_and_nothing_while_a_shell_completes(strategies, home, name, error):
    with pytest.raises(error):
        strategies.get_command(context(strategies, home), name)
    assert strategies.get_command(context(strategies, home, resilient_parsing=True), name) is None


def test_what_a_strategy_prints_while_a_shell_completes_is_left_out(strategies, home, capsys):
    completing = context(strategies, home, resilient_parsing=True)
    assert command_for(completing, "buy-it", strategies.command_of).name == "buy-it"
    assert tuple(capsys.readouterr()) == ("", "")


def test_completion_offers_the_strategies_that_begin_so_and_then_the_options(home):
    group = StrategyGroup("run", command_of=lambda name, _: click.Command(name), params=[click.Option(["--buy-only"])])
    ctx = context(group, home, resilient_parsing=True)
    assert [item.value for item in group.shell_complete(ctx, "bu")] == ["buy-it"]
    assert [item.value for item in group.shell_complete(ctx, "--b")] == ["--buy-only"]


def test_the_help_has_each_strategy_with_its_title_or_what_is_wrong_with_it(home):
    formatter = click.HelpFormatter(width=100)
    write_strategy_help(home.strategies, formatter)
    head, *lines = formatter.getvalue().splitlines()
    assert head == "Strategies:"
    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "] == ["broken", "buy-it"]
    assert lines[-1].split(maxsplit=1) == ["buy-it", "Buy it and wait."]
    assert "SyntaxError" in formatter.getvalue() or "never closed" in formatter.getvalue()
