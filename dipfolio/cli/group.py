"""Group: a command that has one more for each strategy in the folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.engine import catalogue

if TYPE_CHECKING:
    from dipfolio.engine.idea import Idea


class StrategyGroup(click.Group):
    """A group whose commands are the strategies; ``command_of`` makes the command from a name and a class."""

    def __init__(self, *args: Any, command_of: "Callable[[str, type[Idea]], click.Command]", **kwargs: Any) -> None:
        self.command_of = command_of
        super().__init__(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every strategy."""
        return list(catalogue.names(ctx.obj.strategies))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of one strategy."""
        return self.command_of(cmd_name, catalogue.load_strategy(ctx.obj.strategies, cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The strategies, without importing one."""
        write_strategies(ctx.obj.strategies, formatter)


def write_strategies(folder: Path, formatter: click.HelpFormatter) -> None:
    """A section of help with every strategy and what it is, or why it is broken."""
    with formatter.section("Strategies"):
        formatter.write_dl([(entry.name, entry.problem or entry.title) for entry in catalogue.entries(folder)])
