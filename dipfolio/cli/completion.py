"""The command ``completion``: shell completion of commands, strategies, options and names of saved runs."""

from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from dipfolio.engine import loader
from dipfolio.report.format import escape_control_characters
from dipfolio.storage import saved_runs

PROGRAM_NAME = "dipfolio"
"""What is completed: a shell goes by the first word, and that of ``python backtest.py`` is python."""

INSTALL_HELP = """\b
For ~/.bashrc:                    eval "$(dipfolio completion bash)"
For ~/.zshrc:                     eval "$(dipfolio completion zsh)"
For ~/.config/fish/config.fish:   dipfolio completion fish | source

Example: python backtest.py completion bash"""

COMPLETION_VARIABLE = "_DIPFOLIO_COMPLETE"
"""Set by the shell when it asks."""


@click.command("completion", short_help="Completion for bash, zsh or fish.", epilog=INSTALL_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def print_completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete commands, strategies, options and the names of saved runs.

    It completes the program dipfolio, which pip installs; python backtest.py NAME and dipfolio NAME do the same.
    """
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(ctx.find_root().command, {}, PROGRAM_NAME, COMPLETION_VARIABLE).source())


def strategy_items(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The strategies that begin so, with their titles; none is run, and broken ones are left out."""
    entries = [entry for entry in loader.list_strategy_files(ctx.obj.strategies) if not entry.problem]
    return [
        CompletionItem(entry.name, help=escape_control_characters(entry.title))
        for entry in entries
        if entry.name.startswith(incomplete)
    ]


def complete_strategies(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the strategies that are not among the words yet."""
    named = ctx.params.get(param.name or "") or ()
    return [item for item in strategy_items(ctx, incomplete) if item.value not in named and item.value != ctx.info_name]


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The saved runs that begin so and are not named yet, newest first; files where none does."""
    reports: Any = ctx.params.get("reports") or ctx.obj.reports
    named = ctx.params.get(param.name or "") or ()
    names = [folder.name for folder in saved_runs(reports) if folder.name == escape_control_characters(folder.name)]
    return [CompletionItem(name) for name in names if name.startswith(incomplete) and name not in named] or [
        CompletionItem(incomplete, type="file")
    ]
