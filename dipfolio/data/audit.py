"""Audit of a whole data folder: all errors and warnings, and the format of each file, without stopping at the first error."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data.bars import Origin
from dipfolio.data.borrow_rates import BORROW_FILE, borrow_table, borrow_warnings, load_borrow_rates
from dipfolio.data.cache import read_all_metadata
from dipfolio.data.calendar import ExchangeCalendar
from dipfolio.data.corporate_actions import (
    ActionTable,
    action_tables,
    in_periods,
    load_dividends,
    load_splits,
    missing_dividends_warning,
    unmatched_symbol_warnings,
)
from dipfolio.data.dataset import DATASET_FILE, NEW_YORK, Dataset
from dipfolio.data.events import read_events
from dipfolio.data.folder import adjust_symbol, align_prices, dividend_warnings, first_existing, load_bars, read_origin
from dipfolio.data.membership import MEMBERSHIP_FILE, members_of, read_membership
from dipfolio.data.price_files import PriceFiles, find_price_files
from dipfolio.data.schema import CacheMetadata, DataIssue, FileFormat, PriceTable, Split
from dipfolio.data.split_adjustment import SplitAdjusted, adjust_dividends
from dipfolio.data.universe import DATED_MEMBERS
from dipfolio.data.validation import find_errors, find_warnings
from dipfolio.errors import DataError, DipfolioError


@dataclass(frozen=True, kw_only=True)
class SymbolAudit:
    """The state of one symbol in a data folder.

    Attributes
    ----------
    symbol : str
    first, last : str
        ISO dates, empty where the file cannot be read.
    sessions : int
    reading : FileFormat or None
        How the file was understood.
    problem : str
        Why it cannot be read, else empty.
    """

    symbol: str
    first: str = ""
    last: str = ""
    sessions: int = 0
    reading: FileFormat | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class FolderAudit:
    """The content of a data folder and its errors and warnings.

    Attributes
    ----------
    origin : Origin
    symbols : tuple of SymbolAudit
        One for each symbol.
    findings : tuple of DataIssue
        Errors first.
    fingerprint : str
        SHA-256 of all data as ``Bars.provenance`` has it; empty where a run would stop.
    side_tables : tuple of ActionTable
        The tables of dividends, splits and borrow rates beside the prices.
    settings : Dataset
        Of ``dataset.toml``.
    """

    origin: Origin
    symbols: tuple[SymbolAudit, ...]
    findings: tuple[DataIssue, ...]
    fingerprint: str
    side_tables: tuple[ActionTable, ...] = ()
    settings: Dataset = NEW_YORK

    @property
    def errors(self) -> tuple[DataIssue, ...]:
        """The findings that stop a run."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


def audit_folder(source: Path, events: Path | None = None, splits: Path | None = None) -> FolderAudit:
    """Look through a data folder.

    Parameters
    ----------
    source : Path
    events, splits : Path, optional
        As for :func:`dipfolio.data.folder.load_bars`.

    Raises
    ------
    DataError
        No such folder, or no prices in it.
    """
    files = find_price_files(source)
    tables, holdings, findings = _read_symbols(files)
    readings = {h.symbol: h.reading for h in holdings if h.reading}
    metadata = read_all_metadata(files.folder, files.symbols)
    faulty = {finding.symbol for finding in findings if finding.severity == "error"}
    settled, trouble = _adjusted_symbols(files, tables, readings, metadata, faulty, splits)
    findings += trouble
    payments, trouble = _dividends(files, metadata, settled)
    findings += trouble
    origin = Origin(path=source.name)
    try:
        origin = read_origin(files.folder, source.name, metadata if source.is_dir() else None)
    except DataError as error:
        findings.append(_error("unreadable", "", str(error)))
    try:
        if (files.folder / "events.csv").exists():
            read_events(files.folder / "events.csv")
    except DataError as error:
        findings.append(_error("unreadable", "", str(error)))
    findings += [*_membership_issues(files), *_settings_issues(files)]
    prices = {symbol: one.prices for symbol, one in settled.items()}
    sides, trouble = _side_tables(files, metadata)
    lent, more = _borrow_table(files)
    sides, findings = (*sides, *lent), [*findings, *trouble, *more]
    findings += _folder_warnings(files, prices, readings, metadata, payments)
    findings.sort(key=lambda finding: (finding.severity, finding.symbol))
    stopped = any(finding.severity == "error" for finding in findings)
    fingerprint = ""
    try:
        fingerprint = "" if stopped else load_bars(source, events=events, splits=splits).provenance.sha256
    except DataError as error:  # of the currencies, which the prices alone do not show
        findings.insert(0, _error("currency", "", str(error)))
    return FolderAudit(
        origin=origin, symbols=tuple(holdings), findings=tuple(findings), fingerprint=fingerprint, side_tables=sides,
        settings=files.settings,
    )  # fmt: skip


def _membership_issues(files: PriceFiles) -> Iterator[DataIssue]:
    """A table of dated members that cannot be read, and members without prices."""
    if not (files.folder / MEMBERSHIP_FILE).exists():
        return
    try:
        rows = read_membership(files.folder / MEMBERSHIP_FILE, files.symbols)
    except DataError as error:
        yield _error("unreadable", "", str(error))
        return
    lost = [symbol for symbol in members_of(rows) if symbol not in files.symbols]
    if lost:
        text = (
            f"{MEMBERSHIP_FILE} has {', '.join(lost)} without prices here; a run on {DATED_MEMBERS} is refused until it has them."
        )
        yield DataIssue(severity="warning", kind="rows for no symbol", symbol="", value=float(len(lost)), text=text)


def _settings_issues(files: PriceFiles) -> Iterator[DataIssue]:
    """Settings of symbols without prices, and symbols of several calendars, which no run can have together."""
    lost = files.settings.unmatched
    if lost:
        text = f"{DATASET_FILE} has settings for {', '.join(lost)} without prices here."
        yield DataIssue(severity="warning", kind="rows for no symbol", symbol="", value=float(len(lost)), text=text)
    try:
        files.settings.calendar_of(files.symbols)
    except DataError as error:
        yield _error("several calendars", "", str(error))


def _adjusted_symbols(
    files: PriceFiles,
    tables: dict[str, PriceTable],
    readings: dict[str, FileFormat],
    metadata: dict[str, CacheMetadata],
    faulty: set[str],
    splits: Path | None,
) -> tuple[dict[str, SplitAdjusted], list[DataIssue]]:
    """The data on today's shares, those with faults as they stand, and what was found on the way."""
    divisions = first_existing(files.folder / "splits.csv", splits)
    settled: dict[str, SplitAdjusted] = {}
    findings: list[DataIssue] = []
    named: tuple[Split, ...] = ()
    try:
        named = load_splits(divisions, metadata, tuple(tables), files.symbols)
    except DataError as error:
        findings.append(_error("unreadable", "", str(error)))
    for symbol, prices in tables.items():
        settled[symbol] = SplitAdjusted(prices=prices, splits=())
        if symbol not in faulty:
            try:
                settled[symbol] = adjust_symbol(symbol, prices, readings[symbol], metadata, named, divisions)
                findings += settled[symbol].findings
            except DataError as error:
                findings.append(_error("split", symbol, str(error)))
    return settled, findings


def _side_tables(files: PriceFiles, metadata: dict[str, CacheMetadata]) -> tuple[tuple[ActionTable, ...], list[DataIssue]]:
    """How many rows of the tables of dividends and splits are for no symbol; tables that cannot be read are reported elsewhere.

    Where every symbol was fetched, no table is read.
    """
    if set(files.symbols) <= set(metadata):
        return (), []
    try:
        return tuple(action_tables(files.folder, files.symbols)), list(unmatched_symbol_warnings(files.folder, files.symbols))
    except DataError:
        return (), []


def _borrow_table(files: PriceFiles) -> tuple[tuple[ActionTable, ...], list[DataIssue]]:
    """How many rows of the table of borrow rates are for no symbol, and what is wrong with it."""
    path = files.folder / BORROW_FILE
    if not path.exists():
        return (), []
    try:
        load_borrow_rates(path, files.symbols, files.symbols)
        return (borrow_table(path, files.symbols),), list(borrow_warnings(path, files.symbols))
    except DataError as error:
        return (), [_error("unreadable", "", str(error))]


def _read_symbols(files: PriceFiles) -> tuple[dict[str, PriceTable], list[SymbolAudit], list[DataIssue]]:
    tables: dict[str, PriceTable] = {}
    holdings, findings = [], []
    for symbol in files.symbols:
        try:
            prices, reading = files.read(symbol)
        except DipfolioError as error:
            holdings.append(SymbolAudit(symbol=symbol, problem=str(error)))
            findings.append(_error("unreadable", symbol, str(error)))
            continue
        exchange = files.settings.listing(symbol).calendar
        findings += find_errors(symbol, prices, exchange)
        first, last = str(prices.days[0]), str(prices.days[-1])
        holdings.append(SymbolAudit(symbol=symbol, first=first, last=last, sessions=len(prices.days), reading=reading))
        usable = _on_sessions(prices, exchange)
        if len(usable.days):
            tables[symbol] = usable
    for path in files.unused():
        text = f"{path} is not read, as {path.stem} has a Parquet file too."
        findings.append(DataIssue(severity="warning", kind="two files", symbol=path.stem, text=text))
    if files.unnamed_files_error:
        findings.append(_error("unreadable", "", files.unnamed_files_error))
    return tables, holdings, findings


def _on_sessions(prices: PriceTable, exchange: ExchangeCalendar) -> PriceTable:
    """The first bar of each session."""
    days, first = np.unique(prices.days, return_index=True)
    return prices.take(first[np.isin(days, exchange.session_days(days[0]))])


def _dividends(
    files: PriceFiles, metadata: dict[str, CacheMetadata], settled: dict[str, SplitAdjusted]
) -> tuple[pd.DataFrame, list[DataIssue]]:
    """The dividends that stand on a session and what is wrong with the others."""
    nothing = pd.DataFrame({"symbol": [], "ex_date": pd.Series([], dtype="datetime64[s]"), "amount": []})
    findings: list[DataIssue] = []
    try:
        table = load_dividends(files.folder, metadata, tuple(settled), files.symbols)
    except DataError as error:
        table, findings = nothing, [_error("unreadable", "", str(error))]
    table = table[table["symbol"].isin(list(settled))]
    exchange = files.settings.usual.calendar
    table = in_periods(table[table["ex_date"] >= pd.Timestamp(exchange.first_session)], exchange)
    try:
        table, issues = adjust_dividends(table, settled)
        findings += issues
    except DataError as error:
        findings.append(_error("dividends", "", str(error)))
    everything = exchange.session_days(table["ex_date"].to_numpy().min()) if len(table) else exchange.session_days()
    known = table["ex_date"].isin(pd.DatetimeIndex(everything))
    paid = np.isfinite(table["amount"]) & (table["amount"] >= 0)
    findings += [
        DataIssue(
            severity="error", kind="dividend without a session", symbol=symbol, date=str(day.date()), value=amount,
            text=f"{symbol} has a dividend on {day.date()}, which is no session of {exchange}.",
        )
        for symbol, day, amount in table[~known].itertuples(index=False)
    ] + [
        DataIssue(
            severity="error", kind="unusable dividend", symbol=symbol, date=str(day.date()), value=amount,
            text=f"{symbol} has an unusable dividend on {day.date()}.",
        )
        for symbol, day, amount in table[known & ~paid].itertuples(index=False)
    ]  # fmt: skip
    return table[known & paid], findings


def _folder_warnings(
    files: PriceFiles,
    tables: dict[str, PriceTable],
    readings: dict[str, FileFormat],
    metadata: dict[str, CacheMetadata],
    payments: pd.DataFrame,
) -> Iterator[DataIssue]:
    """The warnings that a run would have too."""
    if not tables:
        yield from missing_dividends_warning(files.folder, metadata, files.symbols)
        return
    first, last = min(t.days[0] for t in tables.values()), max(t.days[-1] for t in tables.values())
    index = files.settings.usual.calendar.between(pd.Timestamp(first), pd.Timestamp(last))
    paid = pd.DataFrame(0.0, index=index, columns=list(tables))
    inside = payments[payments["ex_date"].between(index[0], index[-1])]
    for symbol, day, amount in inside.itertuples(index=False):
        paid.loc[day, symbol] += amount
    yield from dividend_warnings(files.folder, metadata, tables, readings, paid)
    yield from find_warnings({**align_prices(dict(tables), index), "dividends": paid})


def _error(kind: str, symbol: str, text: str) -> DataIssue:
    return DataIssue(severity="error", kind=kind, symbol=symbol, text=text)
