"""The command ``data``: status, validation, update and export of the price data."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.groups import SuggestingGroup
from dipfolio.cli.options import DateType, FolderType, YearOrDateType
from dipfolio.cli.output import progress
from dipfolio.cli.workspace import FIRST_EMBEDDED_SESSION, Workspace, relative_to_cwd
from dipfolio.errors import DataError, FetchError

if TYPE_CHECKING:
    from dipfolio.data.audit import FolderAudit
    from dipfolio.data.schema import DataIssue
    from dipfolio.data.update import FetchOutcome

MAX_ISSUES_SHOWN = 3


@click.group("data", cls=SuggestingGroup, short_help="The data: what is there, validate it, bring it up to date.")
def data_commands() -> None:
    """See, check and fetch the data that runs use.

    Example: python backtest.py data fetch && python backtest.py data check
    """


@data_commands.command("status", short_help="Symbols, windows, source, retrieval date and fingerprint.")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.pass_obj
def show_status(home: Workspace, folder: Path | None) -> None:
    """Say what a data folder has and how each of its files was understood.

    Without DIR it is about the data that a run without --data uses; arch stands for the indices that the package arch ships.

    Example: python backtest.py data status my-data
    """
    from dipfolio.data.cache import read_all_metadata

    audit, folder = _audit(home, folder)
    known = [holding for holding in audit.symbols if holding.first]
    window = f", {min(h.first for h in known)} to {max(h.last for h in known)}" if known else ""
    click.echo(f"{relative_to_cwd(folder)}: {_count(len(audit.symbols), 'symbol')}{window}")
    click.echo(f"  source       {audit.origin.source}")
    click.echo(f"  retrieved    {audit.origin.retrieved or 'not stated'}")
    for number, line in enumerate(_convention(audit)):
        click.echo(f"  {'' if number else 'convention':<11}  {line}")
    for line in _market(audit):
        click.echo(line)
    click.echo(f"  fingerprint  {audit.fingerprint or 'none, as a run would stop: see data check'}")
    for table in audit.side_tables:
        lost = f"{table.unmatched} for symbols without prices" if table.unmatched else "each for a symbol with prices"
        click.echo(f"  {table.name.removesuffix('.csv'):<11}  {_count(table.rows, 'row')}, {lost}")
    fetched = read_all_metadata(folder, (holding.symbol for holding in audit.symbols))
    if fetched:
        dividends, splits = (sum(len(getattr(one, kind)) for one in fetched.values()) for kind in ("dividends", "splits"))
        actions = f"{_count(dividends, 'dividend')} and {_count(splits, 'split')}"
        click.echo(f"  fetched      {actions} with the prices; data export writes them as CSV")
    click.echo()
    width = max(6, *(len(holding.symbol) for holding in audit.symbols))
    click.echo(f"{'symbol':<{width}}  {'first':<10}  {'last':<10}  sessions  layout")
    for holding in audit.symbols:
        if holding.reading is None:
            click.echo(f"{holding.symbol:<{width}}  {holding.problem}")
            continue
        understood = ": ".join([holding.reading.layout, *(["; ".join(holding.reading.notes)] if holding.reading.notes else [])])
        click.echo(f"{holding.symbol:<{width}}  {holding.first}  {holding.last}  {holding.sessions:>8}  {understood}")


@data_commands.command("check", short_help="Gaps, duplicates, impossible and suspicious data.")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--all", "everything", is_flag=True, help=f"every finding  [default: {MAX_ISSUES_SHOWN} of a kind and symbol]")
@click.pass_obj
def check_data(home: Workspace, folder: Path | None, everything: bool) -> None:
    """Look for mistakes in a data folder; exit code 1 if there is one that would stop a run.

    Errors: sessions that are missing, repeated or none of the exchange; data that are missing, not positive or
    infinite; a high below its low; dividends without a session. Warnings: an open or close outside the range, a high or
    low far from the day's other prices, a change like an unadjusted split, a dividend of a tenth of the price, repeated
    bars, no volume, symbols that end early, prices that may contain the dividends, rows of dividends.csv for no symbol.

    Example: python backtest.py data check my-data
    """
    audit, folder = _audit(home, folder)
    for line in _lines(audit.findings, len(audit.findings) if everything else MAX_ISSUES_SHOWN):
        click.echo(line)
    warnings = len(audit.findings) - len(audit.errors)
    count = f"{_count(len(audit.errors), 'error')} and {_count(warnings, 'warning')} in {_count(len(audit.symbols), 'symbol')}"
    click.echo(f"{relative_to_cwd(folder)}: {count}.")
    if audit.errors:
        raise DataError(f"{relative_to_cwd(folder)} has {_count(len(audit.errors), 'error')}; a run stops at the first it meets.")


@data_commands.command("fetch", short_help="Bring data up to date from Yahoo Finance.")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@click.option(
    "--start",
    "--since",
    "start",
    type=YearOrDateType(),
    default=FIRST_EMBEDDED_SESSION,
    show_default=True,
    help="first day, or a year such as 1999; a younger symbol begins with its first bar",
)
@click.option("--end", type=DateType(), help="last day  [default: the last whole session]")
@click.option("--to", "folder", type=FolderType(), help="folder to keep them in  [default: data/cache]")
@click.option("--refresh", is_flag=True, help="ask for symbols too that are complete")
@click.option("--accept", is_flag=True, help="take new data where they differ from stored ones")
@click.pass_obj
def fetch_data(home: Workspace, /, symbols: tuple[str, ...], folder: Path | None, **asked: Any) -> None:
    """Fetch daily data and dividends through yfinance and keep them as Parquet.

    SYMBOL is a symbol or a group such as article; without one it is all that the folder has, or else all of the embedded data.
    The group history has the embedded symbols, further chipmakers and funds, the indices ^GSPC and ^IXIC, and ^VIX and ^IRX,
    which can be read by a strategy and not traded. Each line says what a series is.

    It can be interrupted and run again. Later runs without --data use data/cache if it has every symbol they need.

    Example: python backtest.py data fetch history --since 1999
    """
    from dipfolio.data.instruments import instrument
    from dipfolio.data.update import FetchRequest, fetch

    folder = folder or home.cache
    wanted = _wanted(home, folder, symbols)
    if not wanted:
        raise click.UsageError(f"{' '.join(symbols)!r} names no symbol; separate them by spaces or commas.")
    wish = FetchRequest(**asked)
    width = max(len(symbol) for symbol in wanted)
    done: list[FetchOutcome] = []
    try:
        with progress(len(wanted), "text bar percent remaining", "Yahoo") as shown:
            for outcome in fetch(folder, wanted, wish):
                done.append(outcome)
                what = instrument(outcome.symbol).description
                shown.print_line(f"{outcome.symbol:<{width}}  {what}{': ' if what else ''}{outcome.text}")
                shown.advance(text="Yahoo")
    except KeyboardInterrupt:
        extent = f"{len(done)} of {_count(len(wanted), 'symbol')}"
        raise DataError(
            f"Interrupted after {extent}; they are kept in {relative_to_cwd(folder)}. Run it again to go on."
        ) from None
    failed = [outcome for outcome in done if outcome.kind == "failed"]
    if failed:
        raise FetchError(
            f"{len(failed)} of {_count(len(done), 'symbol')} failed; what {relative_to_cwd(folder)} had before is untouched."
        )
    click.echo(f"{relative_to_cwd(folder)}: {_count(len(done), 'symbol')} up to date.")


@data_commands.command("export", short_help="Write fetched data as CSV, with their dividends and splits.")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@click.option("--to", "target", type=FolderType(), required=True, help="folder to write, new or empty")
@click.option("--from", "folder", type=FolderType(), help="folder that was fetched  [default: data/cache]")
@click.option("--force", is_flag=True, help="replace an earlier export; a folder with other files stays")
@click.pass_obj
def export_data(home: Workspace, /, symbols: tuple[str, ...], target: Path, folder: Path | None, force: bool) -> None:
    """Write fetched data as CSV for people and spreadsheets: prices/<SYMBOL>.csv, dividends.csv, splits.csv, source.json.

    SYMBOL is a symbol or a group such as article; without one it is all that was fetched. A run with --data on the folder has
    the same data to the last digit. The folder appears as a whole or not at all.

    Example: python backtest.py data export NVDA SPY --to my-data
    """
    from dipfolio.data.cache import cached_symbols, export_cache, fetched_symbols

    folder = folder or home.cache
    wanted = _named(symbols) if symbols else fetched_symbols(folder)
    with progress(len(wanted), "bar count remaining") as shown:
        written = export_cache(folder, wanted, target, replace=force, progress=lambda _: shown.advance())
    others = [symbol for symbol in cached_symbols(folder) if symbol not in wanted] if not symbols else []
    if others:
        click.echo(f"Left out, as they were not fetched: {', '.join(others)}.", err=True)
    actions = f"{_count(written.dividends, 'dividend')} and {_count(written.splits, 'split')}"
    click.echo(f"{relative_to_cwd(target)}: {_count(len(written.symbols), 'symbol')}, {actions}.")


def _audit(home: Workspace, folder: Path | None) -> "tuple[FolderAudit, Path]":
    from dipfolio.data.audit import audit_folder

    chosen = folder or home.data_choice().folder
    return audit_folder(chosen, events=home.data / "events.csv", splits=home.data / "splits.csv"), chosen


CONVENTION_KINDS = ("as traded", "like a split", "split in doubt", "convention", "split")
"""Kinds of finding that say that prices follow another convention than the one stated, or may do so."""


def _convention(audit: "FolderAudit") -> Iterator[str]:
    """The convention of the prices, and which files differ from it."""
    from dipfolio.data.bars import Origin
    from dipfolio.data.schema import ADJUSTMENT

    other = [finding for finding in audit.findings if finding.kind in CONVENTION_KINDS]
    symbols = ", ".join(dict.fromkeys(finding.symbol for finding in other))
    stated = audit.origin.adjustment if audit.origin != Origin(path=audit.origin.path) else f"not stated, taken as {ADJUSTMENT}"
    yield f"{stated}, but for {symbols}:" if other else stated
    yield from (finding.text for finding in other)


def _market(audit: "FolderAudit") -> Iterator[str]:
    """The calendar and the currency of a folder that states them, and those of symbols with others."""
    from dipfolio.data.dataset import NEW_YORK

    settings = audit.settings
    if settings == NEW_YORK:
        return
    yield f"  calendar     {settings.usual.calendar}; {settings.usual.calendar.sessions_per_year} in a year"
    yield f"  currency     {settings.usual.unit or 'not stated, taken as USD'}"
    if settings.account:
        yield f"  account      {settings.account}"
    for symbol, listing in settings.symbols.items():
        yield f"  {symbol:<11}  {listing.calendar}, {listing.unit or listing.currency}"


def _lines(findings: "tuple[DataIssue, ...]", most: int) -> Iterator[str]:
    """Lines that ``check`` prints: at most so many of a kind and symbol."""
    kind = attrgetter("severity", "symbol", "kind")
    for (severity, symbol, name), group in groupby(sorted(findings, key=kind), key=kind):
        alike = list(group)
        yield from (f"{severity:<7}  {finding.text}" for finding in alike[:most])
        if len(alike) > most:
            yield f"{severity:<7}  {symbol} has {len(alike) - most} more like that ({name}); --all shows them."


def _wanted(home: Workspace, folder: Path, symbols: tuple[str, ...]) -> tuple[str, ...]:
    from dipfolio.data.cache import cached_symbols
    from dipfolio.data.folder import available_symbols

    if not symbols:
        return cached_symbols(folder) or available_symbols(home.data)
    return _named(symbols)


def _named(words: tuple[str, ...]) -> tuple[str, ...]:
    """The symbols that some words name: groups, and symbols with spaces or commas between."""
    from dipfolio.data.universe import UNIVERSES

    groups = [UNIVERSES.get(word, tuple(word.upper().replace(",", " ").split())) for word in words]
    return tuple(dict.fromkeys(symbol for group in groups for symbol in group))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
