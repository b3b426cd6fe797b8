"""Audit: a whole data folder, every fault and oddity and how each file was read, without stopping at the first."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.errors import DataError, DipfolioError
from dipfolio.market import sessions
from dipfolio.market.bars import Origin
from dipfolio.market.beside import unpaid
from dipfolio.market.dividends import read_dividends
from dipfolio.market.events import read_events
from dipfolio.market.faults import faults
from dipfolio.market.files import Files, locate
from dipfolio.market.finding import Finding
from dipfolio.market.folder import align, load_bars, read_origin
from dipfolio.market.layouts import Figures
from dipfolio.market.note import notes
from dipfolio.market.oddities import doubts, oddities
from dipfolio.market.reading import Reading
from dipfolio.market.splits import read_splits


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What a folder has of one symbol.

    Attributes
    ----------
    symbol : str
    first, last : str
        ISO dates, empty where the file cannot be read.
    sessions : int
    reading : Reading or None
        How the file was understood.
    problem : str
        Why it cannot be read, else empty.
    """

    symbol: str
    first: str = ""
    last: str = ""
    sessions: int = 0
    reading: Reading | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What a data folder has and what is wrong with it.

    Attributes
    ----------
    origin : Origin
    holdings : tuple of Holding
        One for each symbol.
    findings : tuple of Finding
        Errors first.
    fingerprint : str
        SHA-256 of all figures as ``Bars.provenance`` has it; empty where a run would stop.
    """

    origin: Origin
    holdings: tuple[Holding, ...]
    findings: tuple[Finding, ...]
    fingerprint: str

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a run."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


def audit(source: Path) -> Audit:
    """Look through a data folder.

    Raises
    ------
    DataError
        No such folder, or no prices in it.
    """
    files = locate(source)
    tables, holdings, findings = _holdings(files)
    payments, trouble = _dividends(files, tables)
    findings += trouble
    origin = Origin(path=source.name)
    try:
        origin = read_origin(files.folder, source.name)
        if (files.folder / "splits.csv").exists():
            read_splits(files.folder / "splits.csv")
        if (files.folder / "events.csv").exists():
            read_events(files.folder / "events.csv")
    except DataError as error:
        findings.append(_error("unreadable", "", str(error)))
    findings += unpaid(files.folder, notes(files.folder, files.symbols), files.symbols)
    findings += doubts({h.symbol: h.reading for h in holdings if h.reading})
    findings += _oddities(tables, payments)
    findings.sort(key=lambda finding: (finding.severity, finding.symbol))
    stopped = any(finding.severity == "error" for finding in findings)
    fingerprint = "" if stopped else load_bars(source).provenance.sha256
    return Audit(origin=origin, holdings=tuple(holdings), findings=tuple(findings), fingerprint=fingerprint)


def _holdings(files: Files) -> tuple[dict[str, Figures], list[Holding], list[Finding]]:
    tables: dict[str, Figures] = {}
    holdings, findings = [], []
    for symbol in files.symbols:
        try:
            figures, reading = files.read(symbol)
        except DipfolioError as error:
            holdings.append(Holding(symbol=symbol, problem=str(error)))
            findings.append(_error("unreadable", symbol, str(error)))
            continue
        findings += faults(symbol, figures)
        first, last = str(figures.days[0]), str(figures.days[-1])
        holdings.append(Holding(symbol=symbol, first=first, last=last, sessions=len(figures.days), reading=reading))
        usable = _on_sessions(figures)
        if len(usable.days):
            tables[symbol] = usable
    for path in files.unused():
        text = f"{path} is not read, as {path.stem} has a Parquet file too."
        findings.append(Finding(severity="warning", kind="two files", symbol=path.stem, text=text))
    return tables, holdings, findings


def _on_sessions(figures: Figures) -> Figures:
    """The first bar of each session."""
    days, first = np.unique(figures.days, return_index=True)
    kept = np.isin(days, sessions.days())
    return Figures(days=days[kept], cells=figures.cells[:, first[kept]])


def _dividends(files: Files, tables: dict[str, Figures]) -> tuple[pd.DataFrame, list[Finding]]:
    """The dividends that stand on a session and what is wrong with the others."""
    try:
        table = read_dividends(files.folder)
    except DataError as error:
        return pd.DataFrame({"symbol": [], "ex_date": [], "amount": []}), [_error("unreadable", "", str(error))]
    table = table[table["symbol"].isin(tables)]
    known = table["ex_date"].isin(pd.DatetimeIndex(sessions.days()))
    paid = np.isfinite(table["amount"]) & (table["amount"] >= 0)
    findings = [
        Finding(
            severity="error", kind="dividend without a session", symbol=symbol, date=str(day.date()), figure=amount,
            text=f"{symbol} has a dividend on {day.date()}, which is no session of {sessions.EXCHANGE}.",
        )
        for symbol, day, amount in table[~known].itertuples(index=False)
    ] + [
        Finding(
            severity="error", kind="unusable dividend", symbol=symbol, date=str(day.date()), figure=amount,
            text=f"{symbol} has an unusable dividend on {day.date()}.",
        )
        for symbol, day, amount in table[known & ~paid].itertuples(index=False)
    ]  # fmt: skip
    return table[known & paid], findings


def _oddities(tables: dict[str, Figures], payments: pd.DataFrame) -> Iterator[Finding]:
    if not tables:
        return
    first, last = min(t.days[0] for t in tables.values()), max(t.days[-1] for t in tables.values())
    index = sessions.between(pd.Timestamp(first), pd.Timestamp(last))
    frames = align(dict(tables), index)
    paid = pd.DataFrame(0.0, index=index, columns=frames["close"].columns)
    inside = payments[payments["ex_date"].between(index[0], index[-1])]
    for symbol, day, amount in inside.itertuples(index=False):
        paid.loc[day, symbol] += amount
    yield from oddities({**frames, "dividends": paid})


def _error(kind: str, symbol: str, text: str) -> Finding:
    return Finding(severity="error", kind=kind, symbol=symbol, text=text)
