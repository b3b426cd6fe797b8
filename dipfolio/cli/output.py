"""Filtered output: text from files and options cannot control the terminal.

All standard output and standard error of the program passes through the filter, except progress bars, which draw
themselves with control sequences and show no text from outside.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from dipfolio.errors import ReportError
from dipfolio.report.format import escape_control_characters

if TYPE_CHECKING:
    from rich.progress import Progress


class FilteredStream:
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
        """True if a terminal is below."""
        return self.below.isatty()

    def fileno(self) -> int:
        """Of the stream below."""
        return self.below.fileno()

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, text: str) -> int:
        """Write text, harmless and in letters that the stream has.

        Raises
        ------
        ReportError
            The stream takes no more, other than for a reader that has gone.
        """
        written = escape_control_characters(text).encode(self.encoding, "backslashreplace").decode(self.encoding)
        with _explained_write_errors():
            self.below.write(written)
        return len(text)

    def flush(self) -> None:
        """Pass on what waits.

        Raises
        ------
        ReportError
            As for :meth:`write`.
        """
        with _explained_write_errors():
            self.below.flush()


Streams = tuple[Any, Any]


def install_output_filter() -> Streams:
    """Put an :class:`FilteredStream` before standard output and standard error, and give what was there."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", FilteredStream(stream)) if stream else stream for stream in before)
    return before


def remove_output_filter(before: Streams) -> None:
    """Put back what was there before :func:`install_output_filter`."""
    sys.stdout, sys.stderr = map(_unless_gone, before)


@contextmanager
def filtered_output() -> Iterator[None]:
    """Between the two; for what a progress bar prints above itself, which is not to draw anything."""
    before = install_output_filter()
    try:
        yield
    finally:
        remove_output_filter(before)


class ProgressDisplay:
    """The progress of a command: it is shown on a terminal, and not in a pipe.

    Parameters
    ----------
    bar : rich.progress.Progress, optional
        The display on standard error; without it nothing is drawn.
    """

    def __init__(self, bar: "Progress | None") -> None:
        self._bar = bar

    def advance(self, count: int = 1, text: str = "") -> None:
        """Count some steps as done, and show a text that does not come from outside."""
        if self._bar:
            job, task = self._bar.task_ids[0], self._bar.tasks[0]
            self._bar.update(job, advance=count, description=text)
            self._bar.update(job, rate=f"{task.completed / max(task.elapsed or 0.0, 1e-3):,.0f} a second")

    def print_line(self, line: str) -> None:
        """Print a line to standard output, above the display where both are on one terminal."""
        if self._bar and sys.stdout.isatty():
            self._bar.console.print(escape_control_characters(line), markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(line)


@contextmanager
def progress(total: int | None, columns: str, text: str = "") -> Iterator[ProgressDisplay]:
    """Show progress on standard error while the block runs; nothing is shown if that is no terminal.

    Parameters
    ----------
    total : int, optional
        The number of steps.
    columns : str
        Names with spaces between: text, spinner, bar, count, percent, rate, elapsed, remaining.
    text : str
        Shown before the first step.
    """
    from rich.console import Console

    console = Console(file=getattr(sys.stderr, "below", sys.stderr))
    if not console.is_terminal:
        yield ProgressDisplay(None)
        return
    from rich import progress as rich_progress

    drawn = {
        "text": rich_progress.TextColumn("{task.description}"),
        "spinner": rich_progress.SpinnerColumn(),
        "bar": rich_progress.BarColumn(),
        "count": rich_progress.MofNCompleteColumn(),
        "percent": rich_progress.TaskProgressColumn(),
        "rate": rich_progress.TextColumn("{task.fields[rate]}"),
        "elapsed": rich_progress.TimeElapsedColumn(),
        "remaining": rich_progress.TimeRemainingColumn(),
    }
    chosen = [drawn[name] for name in columns.split()]
    with (
        rich_progress.Progress(*chosen, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar,
        filtered_output(),
    ):
        bar.add_task(text, total=total, rate="")
        yield ProgressDisplay(bar)


@contextmanager
def _explained_write_errors() -> Iterator[None]:
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
