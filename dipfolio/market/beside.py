"""Beside: ``dividends.csv``, ``splits.csv`` and ``source.json`` next to fetched prices.

Each file of prices keeps its own dividends and splits in its note, so these are copies for people. A fetch that was killed
between two files, or a disk that errs, can make them differ; then the notes count.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd

from dipfolio.market.dividends import read_dividends
from dipfolio.market.finding import Finding
from dipfolio.market.note import Note, notes
from dipfolio.market.scratch import clear
from dipfolio.market.splits import Split, read_splits
from dipfolio.market.store import Rows, origin_of, paid_rows, said_source, split_rows, stored, write_actions, write_source


def dividends_of(folder: Path, kept: dict[str, Note], symbols: tuple[str, ...]) -> pd.DataFrame:
    """The dividends of some symbols: as kept with their prices, or else from ``dividends.csv``, which may lag behind.

    Parameters
    ----------
    folder : Path
    kept : dict
        From :func:`notes`.
    symbols : tuple of str

    Returns
    -------
    DataFrame of shape (payments, 3)
        As from :func:`dipfolio.market.dividends.read_dividends`.

    Raises
    ------
    DataError
        A ``dividends.csv`` that is needed and cannot be read.
    """
    own = [(symbol, day, amount) for symbol, note in kept.items() for day, amount in note.dividends.items()]
    table = pd.DataFrame(own, columns=["symbol", "ex_date", "amount"]).astype({"ex_date": "datetime64[s]", "amount": "float64"})
    if set(symbols) <= set(kept):
        return table
    others = read_dividends(folder)
    return others if table.empty else pd.concat([table, others[~others["symbol"].isin(list(kept))]])


def unpaid(folder: Path, kept: dict[str, Note], symbols: tuple[str, ...]) -> Iterator[Finding]:
    """A warning where no dividend can be paid, as no file has any."""
    if not set(symbols) <= set(kept) and not (folder / "dividends.csv").exists():
        text = "There is no dividends.csv: longs earn and shorts owe too little, unless the prices contain the dividends."
        yield Finding(severity="warning", kind="no dividends", symbol="", text=text)


def splits_of(path: Path | None, kept: dict[str, Note], symbols: tuple[str, ...]) -> tuple[Split, ...]:
    """The splits of some symbols: as kept with their prices, or else from a ``splits.csv``; see :func:`dividends_of`."""
    own = [
        Split(symbol=symbol, day=date.fromisoformat(day), ratio=ratio)
        for symbol, note in kept.items() for day, ratio in note.splits.items()
    ]  # fmt: skip
    if path and not set(symbols) <= set(kept):
        own += [split for split in read_splits(path) if split.symbol not in kept]
    return tuple(own)


def kept_origin(folder: Path) -> dict[str, str]:
    """What ``source.json`` should say of fetched prices, as the prices themselves have it; nothing where none were fetched."""
    fetched = notes(folder, stored(folder))
    return origin_of(folder, str(said_source(folder).get("source", "not stated"))) if fetched else {}


def strays(folder: Path, symbols: tuple[str, ...]) -> tuple[str, ...]:
    """The files beside the prices of these symbols that do not agree with what was kept with them."""
    kept = notes(folder, symbols)
    if not kept:
        return ()
    wrong = {
        "dividends.csv": not _holds(paid_rows(folder), {symbol: note.dividends for symbol, note in kept.items()}),
        "splits.csv": not _holds(split_rows(folder), {symbol: note.splits for symbol, note in kept.items()}),
        "source.json": said_source(folder) != kept_origin(folder),
    }
    return tuple(name for name, differs in wrong.items() if differs)


def _holds(rows: Rows | None, kept: dict[str, dict[str, float]]) -> bool:
    """Whether a file, None if it cannot be read, has exactly these values of these symbols."""
    found: dict[str, dict[str, float]] = {symbol: {} for symbol in kept}
    for symbol, day, value in rows or ():
        if symbol in found:
            found[symbol][day] = value
    return rows is not None and found == kept


def mend(folder: Path) -> tuple[str, ...]:
    """Write anew what stands beside the prices and does not agree with what was kept with them; the names of those files.

    A fetch that was killed half-way, or a damaged file, is the reason; what else such a fetch has left is cleared away.

    Raises
    ------
    DataError
        A folder that cannot be written.
    """
    clear(folder)
    clear(folder / "prices")
    wrong = strays(folder, stored(folder))
    if {"dividends.csv", "splits.csv"} & set(wrong):
        write_actions(folder, notes(folder, stored(folder)))
    if "source.json" in wrong:
        write_source(folder, kept_origin(folder)["source"])
    return wrong
