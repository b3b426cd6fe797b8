"""Folding: sentences cut to the width of a screen, and left whole where there is none."""

import shutil
import textwrap
from typing import IO


def columns_of(stream: IO[str]) -> int | None:
    """The width of the screen behind a stream; None for a file or a pipe, whose lines are never folded."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def folded(text: str, indent: int, columns: int | None) -> str:
    """A sentence with a margin, in lines of so many columns at the most; a longer word stays whole.

    Parameters
    ----------
    text : str
    indent : int
    columns : int or None
        One line for None.
    """
    margin = " " * indent
    if columns is None:
        return f"{margin}{text}"
    width = max(columns, indent + 20)
    lines = textwrap.wrap(
        text, width, initial_indent=margin, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)
