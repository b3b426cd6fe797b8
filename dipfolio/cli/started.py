"""Started: the words that start the program, and texts that name them."""

import copy
import re

import click

WRITTEN = "python backtest.py"
"""How texts write the program."""


def command_of(program: str) -> str:
    """What a user types to start a program: a script needs the interpreter before it."""
    return f"python {program}" if program.endswith(".py") else program


def as_started(text: str, command: str) -> str:
    """A text with the program as it was started."""
    return text.replace(WRITTEN, command)


def told_as_started(told: click.Command, command: str) -> click.Command:
    """A command whose help names the program as it was started; those below a plain group too."""
    twin = copy.copy(told)
    twin.help, twin.epilog = _worded(told.help, command), _worded(told.epilog, command)
    if isinstance(twin, click.Group):
        twin.commands = {name: told_as_started(below, command) for name, below in twin.commands.items()}
    return twin


def _worded(text: str | None, command: str) -> str | None:
    """The text of a help page, with examples on one line each, to be copied: click breaks none after a backspace."""
    return text and re.sub(r"^( *)Example:", "\\1\b\n\\1Example:", as_started(text, command), flags=re.MULTILINE)
