"""Output: what is written to the terminal, on which text from files and options stays text.

All standard output and standard error of the program passes through here; only progress bars, which draw themselves with
control sequences and say nothing from outside, go below.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

from dipfolio.errors import ReportError
from dipfolio.report.harmless import harmless

if TYPE_CHECKING:
    from rich.console import Console


class Output:
    """A stream on which nothing but letters, tabs and line feeds arrive.

    It has no ``buffer``, so that nobody writes past it.

    Parameters
    ----------
    below : TextIO
        Where the text goes.
    """

    def __init__(self, below: TextIO) -> None:
        self.below = below

    @property
    def encoding(self) -> str:
        """Of the stream below."""
        return self.below.encoding or "utf-8"

    @property
    def errors(self) -> str:
        """How letters that the encoding lacks are treated: those of the stream below never see any."""
        return self.below.errors or "strict"

    def isatty(self) -> bool:
        """Whether a terminal is below."""
        return self.below.isatty()

    def fileno(self) -> int:
        """Of the stream below."""
        return self.below.fileno()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Write text, harmless and in letters that the stream has.

        Raises
        ------
        ReportError
            The stream takes no more, other than for a reader that has gone.
        """
        written = harmless(text).encode(self.encoding, "backslashreplace").decode(self.encoding)
        with _told():
            self.below.write(written)
        return len(text)

    def flush(self) -> None:
        """Pass on what waits.

        Raises
        ------
        ReportError
            As for :meth:`write`.
        """
        with _told():
            self.below.flush()


Streams = tuple[Any, Any]


def guard() -> Streams:
    """Put an :class:`Output` before standard output and standard error, and give what was there."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", Output(stream)) if stream else stream for stream in before)
    return before


def release(before: Streams) -> None:
    """Put back what was there before :func:`guard`."""
    sys.stdout, sys.stderr = map(_unless_gone, before)


@contextmanager
def harmless_output() -> Iterator[None]:
    """Between the two; for what a progress bar prints above itself, which is not to draw anything."""
    before = guard()
    try:
        yield
    finally:
        release(before)


def progress_console() -> "Console":
    """The console of a progress bar: standard error itself."""
    from rich.console import Console

    return Console(file=getattr(sys.stderr, "below", sys.stderr))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ReportError(f"The output cannot be written: {error.strerror or error}. Make room where it goes.") from error


def _unless_gone(stream: Any) -> Any:
    """The stream; nothing in its place if it takes no more, as the interpreter would complain of it on its way out."""
    try:
        if stream:
            stream.flush()
    except OSError:
        return None
    return stream
