"""Group: commands that have further ones, some of them one for each strategy in the folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from dipfolio.cli.completion import strategy_items
from dipfolio.cli.started import told_as_started
from dipfolio.engine import catalogue
from dipfolio.engine.outline import outline
from dipfolio.errors import StrategyError, UnknownNameError

if TYPE_CHECKING:
    from dipfolio.engine.idea import Idea


class SuggestingGroup(click.Group):
    """A group that suggests the nearest of its commands; click does so in later versions only."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name.

        Raises
        ------
        UnknownNameError
            There is none.
        """
        found = super().get_command(ctx, cmd_name)
        if found is None and not ctx.resilient_parsing:
            raise UnknownNameError("command", cmd_name, self.commands, f"See {ctx.command_path} --help.")
        return found


class StrategyGroup(click.Group):
    """A group whose commands are the strategies; ``command_of`` makes the command from a name and a class."""

    def __init__(self, *args: Any, command_of: "Callable[[str, type[Idea]], click.Command]", **kwargs: Any) -> None:
        self.command_of = command_of
        super().__init__(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every strategy."""
        return list(catalogue.names(ctx.obj.strategies))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of one strategy."""
        return command_for(ctx, cmd_name, self.command_of)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The strategies, without importing one, then the options."""
        return [*strategy_items(ctx, incomplete), *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The strategies, without importing one."""
        write_strategies(ctx.obj.strategies, formatter)


def command_for(ctx: click.Context, name: str, command_of: "Callable[[str, type[Idea]], click.Command]") -> click.Command | None:
    """The command of a strategy. While a shell completes, its options are read from the file, and None says it is not known."""
    if not ctx.resilient_parsing:
        made = command_of(name, catalogue.load_strategy(ctx.obj.strategies, name))
        return told_as_started(made, ctx.obj.command)
    try:
        return command_of(name, outline(ctx.obj.strategies, name))
    except (LookupError, StrategyError):
        return None


def write_strategies(folder: Path, formatter: click.HelpFormatter) -> None:
    """A section of help with every strategy and what it is, or why it is broken."""
    with formatter.section("Strategies"):
        formatter.write_dl([(entry.name, entry.problem or entry.title) for entry in catalogue.entries(folder)])
