"""Prints: what the code of a strategy writes to standard output, which is no result of the program."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def prints_aside() -> Iterator[None]:
    """They go to standard error meanwhile, so that results can be piped."""
    with redirect_stdout(sys.stderr):
        yield
