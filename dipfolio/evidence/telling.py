"""Telling: who is told, step by step, what a long computation has done."""

from collections.abc import Callable

Said = Callable[[str], object]
"""Gets what was done after each step."""


def unheard(_: str) -> None:
    """Nobody listens."""
