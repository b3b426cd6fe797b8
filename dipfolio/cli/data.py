"""``data``: what the figures are, what is wrong with them, and bringing them up to date."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.group import SuggestingGroup
from dipfolio.cli.home import FIRST_DAY, Home, near
from dipfolio.cli.options import Day
from dipfolio.cli.output import harmless_output, progress_console
from dipfolio.errors import DataError, FetchError
from dipfolio.report.harmless import harmless

if TYPE_CHECKING:
    from dipfolio.market.audit import Audit
    from dipfolio.market.fetching import Outcome
    from dipfolio.market.finding import Finding

SHOWN = 3


@click.group("data", cls=SuggestingGroup, short_help="The figures: what is there, validate it, bring it up to date.")
def data_commands() -> None:
    """See, check and fetch the figures that runs use.

    Example: python backtest.py data fetch && python backtest.py data check
    """


@data_commands.command("status", short_help="Symbols, windows, source, retrieval date and fingerprint.")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.pass_obj
def show_status(home: Home, folder: Path | None) -> None:
    """Say what a data folder has and how each of its files was understood.

    Without DIR it is about the figures that a run without --data uses.

    Example: python backtest.py data status my-figures
    """
    found, folder = _audit(home, folder)
    known = [holding for holding in found.holdings if holding.first]
    window = f", {min(h.first for h in known)} to {max(h.last for h in known)}" if known else ""
    click.echo(f"{near(folder)}: {_count(len(found.holdings), 'symbol')}{window}")
    click.echo(f"  source       {found.origin.source}")
    click.echo(f"  retrieved    {found.origin.retrieved or 'not stated'}")
    click.echo(f"  convention   {found.origin.adjustment}")
    click.echo(f"  fingerprint  {found.fingerprint or 'none, as a run would stop: see data check'}")
    click.echo()
    width = max(6, *(len(holding.symbol) for holding in found.holdings))
    click.echo(f"{'symbol':<{width}}  {'first':<10}  {'last':<10}  sessions  layout")
    for holding in found.holdings:
        if holding.reading is None:
            click.echo(f"{holding.symbol:<{width}}  {holding.problem}")
            continue
        said = ": ".join([holding.reading.layout, *(["; ".join(holding.reading.notes)] if holding.reading.notes else [])])
        click.echo(f"{holding.symbol:<{width}}  {holding.first}  {holding.last}  {holding.sessions:>8}  {said}")


@data_commands.command("check", short_help="Gaps, duplicates, impossible and suspicious figures.")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--all", "everything", is_flag=True, help=f"every finding  [default: {SHOWN} of a kind and symbol]")
@click.pass_obj
def check_figures(home: Home, folder: Path | None, everything: bool) -> None:
    """Look for mistakes in a data folder; exit code 1 if there is one that would stop a run.

    Errors: sessions that are missing, repeated or none of the exchange; figures that are missing, not positive or
    infinite; a high below its low; dividends without a session. Warnings: an open or close outside the range, a high or
    low far from the day's other prices, a change like an unadjusted split, repeated bars, no volume, symbols that end
    early.

    Example: python backtest.py data check my-figures
    """
    found, folder = _audit(home, folder)
    for line in _lines(found.findings, len(found.findings) if everything else SHOWN):
        click.echo(line)
    warnings = len(found.findings) - len(found.errors)
    count = f"{_count(len(found.errors), 'error')} and {_count(warnings, 'warning')} in {_count(len(found.holdings), 'symbol')}"
    click.echo(f"{near(folder)}: {count}.")
    if found.errors:
        raise DataError(f"{near(folder)} has {_count(len(found.errors), 'error')}; a run stops at the first it meets.")


@data_commands.command("fetch", short_help="Bring figures up to date from Yahoo Finance.")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@click.option("--start", type=Day(), default=FIRST_DAY, show_default=True, help="first day")
@click.option("--end", type=Day(), help="last day  [default: the last whole session]")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="folder to keep them in  [default: data/cache]")
@click.option("--refresh", is_flag=True, help="ask for symbols too that are complete")
@click.option("--accept", is_flag=True, help="take new figures where they differ from stored ones")
@click.pass_obj
def fetch_figures(home: Home, /, symbols: tuple[str, ...], folder: Path | None, **asked: Any) -> None:
    """Fetch daily figures and dividends through yfinance and keep them as Parquet.

    SYMBOL is a symbol or a group such as article; without one it is all that the folder has, or else all of the embedded figures.
    It can be interrupted and run again. Later runs without --data use data/cache if it has every symbol they need.

    Example: python backtest.py data fetch AMD INTC --start 2015-01-01
    """
    from dipfolio.market.beside import mend
    from dipfolio.market.fetching import Wish, fetch

    folder = folder or home.cache
    for name in mend(folder):
        click.echo(f"{near(folder / name)} was not what was fetched with the prices; it is written anew from that.", err=True)
    wanted = _wanted(home, folder, symbols)
    if not wanted:
        raise click.UsageError(f"{' '.join(symbols)!r} names no symbol; separate them by spaces or commas.")
    wish = Wish(**asked)
    width = max(len(symbol) for symbol in wanted)
    done: list[Outcome] = []
    try:
        with _progress(len(wanted)) as advance:
            for outcome in fetch(folder, wanted, wish):
                done.append(outcome)
                advance(f"{outcome.symbol:<{width}}  {outcome.text}")
    except KeyboardInterrupt:
        kept = f"{len(done)} of {_count(len(wanted), 'symbol')}"
        raise DataError(f"Interrupted after {kept}; they are kept in {near(folder)}. Run it again to go on.") from None
    failed = [outcome for outcome in done if outcome.kind == "failed"]
    if failed:
        raise FetchError(f"{len(failed)} of {_count(len(done), 'symbol')} failed; what {near(folder)} had before is untouched.")
    click.echo(f"{near(folder)}: {_count(len(done), 'symbol')} up to date.")


def _audit(home: Home, folder: Path | None) -> "tuple[Audit, Path]":
    from dipfolio.market.audit import audit

    chosen = folder or home.figures().folder
    return audit(chosen), chosen


def _lines(findings: "tuple[Finding, ...]", most: int) -> Iterator[str]:
    """What ``check`` prints: at most so many of a kind and symbol."""
    kind = attrgetter("severity", "symbol", "kind")
    for (severity, symbol, name), group in groupby(sorted(findings, key=kind), key=kind):
        alike = list(group)
        yield from (f"{severity:<7}  {finding.text}" for finding in alike[:most])
        if len(alike) > most:
            yield f"{severity:<7}  {symbol} has {len(alike) - most} more like that ({name}); --all shows them."


def _wanted(home: Home, folder: Path, symbols: tuple[str, ...]) -> tuple[str, ...]:
    from dipfolio.market.folder import available
    from dipfolio.market.store import stored
    from dipfolio.market.universe import UNIVERSES

    if not symbols:
        return stored(folder) or available(home.data)
    groups = [UNIVERSES.get(word, tuple(word.upper().replace(",", " ").split())) for word in symbols]
    return tuple(dict.fromkeys(symbol for group in groups for symbol in group))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """Gives a function that prints a line to standard output and moves a bar on standard error, if that is a terminal."""
    from rich.progress import Progress

    console = progress_console()
    with (
        Progress(console=console, transient=True, disable=not console.is_terminal, redirect_stdout=False) as bar,
        harmless_output(),
    ):
        task = bar.add_task("Yahoo", total=total)

        def advance(line: str) -> None:
            """Print, and move on by one."""
            if sys.stdout.isatty() and console.is_terminal:
                bar.console.print(harmless(line), markup=False, highlight=False, soft_wrap=True)
            else:
                click.echo(line)
            bar.advance(task)

        yield advance


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
