"""Command groups, some of them with one command for each strategy in the folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from dipfolio.cli.completion import strategy_items
from dipfolio.cli.workspace import with_program_name
from dipfolio.engine import loader
from dipfolio.errors import StrategyError, UnknownNameError

if TYPE_CHECKING:
    from dipfolio.engine.strategy import StrategyBase


class SuggestingGroup(click.Group):
    """A group that suggests the nearest of its commands; click does so in later versions only."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name.

        Raises
        ------
        UnknownNameError
            There is none.
        """
        command = super().get_command(ctx, cmd_name)
        if command is None and not ctx.resilient_parsing:
            raise UnknownNameError("command", cmd_name, self.commands, f"See {ctx.command_path} --help.")
        return command


class StrategyGroup(click.Group):
    """A group whose commands are the strategies; ``command_of`` makes the command from a name and a class."""

    def __init__(self, *args: Any, command_of: "Callable[[str, type[StrategyBase]], click.Command]", **kwargs: Any) -> None:
        self.command_of = command_of
        super().__init__(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every strategy."""
        return list(loader.list_strategy_names(ctx.obj.strategies))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of one strategy."""
        return command_for(ctx, cmd_name, self.command_of)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The strategies, without importing one, then the options."""
        return [*strategy_items(ctx, incomplete), *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The strategies, without importing one."""
        write_strategy_help(ctx.obj.strategies, formatter)


def command_for(
    ctx: click.Context, name: str, command_of: "Callable[[str, type[StrategyBase]], click.Command]"
) -> click.Command | None:
    """The command of a strategy; while a shell completes, None for one that cannot be loaded, and what it prints is left out."""
    if not ctx.resilient_parsing:
        command = command_of(name, loader.load_strategy(ctx.obj.strategies, name))
        return with_program_name(command, ctx.obj.command)
    try:
        with loader.discard_stdout():
            return command_of(name, loader.load_strategy(ctx.obj.strategies, name))
    except (LookupError, StrategyError):
        return None


def write_strategy_help(folder: Path, formatter: click.HelpFormatter) -> None:
    """A section of help with every strategy and what it is, or why it is broken."""
    with formatter.section("Strategies"):
        formatter.write_dl([(entry.name, entry.problem or entry.title) for entry in loader.list_strategy_files(folder)])
