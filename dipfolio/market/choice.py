"""Choice: which figures a run uses when nobody says."""

from dataclasses import dataclass
from pathlib import Path

from dipfolio.errors import DataError
from dipfolio.market.files import locate
from dipfolio.market.folder import read_origin


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A data folder and why it was chosen.

    Attributes
    ----------
    folder : Path
    reason : str
        A sentence to say, empty where there was nothing to choose.
    """

    folder: Path
    reason: str = ""


def choose(fetched: Path, embedded: Path, symbols: tuple[str, ...] = ()) -> Choice:
    """The fetched figures where they have every symbol that is wanted, else the embedded ones; the two are never mixed.

    Parameters
    ----------
    fetched, embedded : Path
        Data folders; the first need not exist.
    symbols : tuple of str
        What is wanted.
    """
    try:
        there = locate(fetched).symbols
    except DataError as error:
        return Choice(folder=embedded, reason=f"Figures: {embedded}, as {error}" if fetched.exists() else "")
    missing = [symbol for symbol in symbols if symbol not in there]
    if missing and set(symbols) <= set(locate(embedded).symbols):
        named = " ".join(missing[:12]) + (" ..." if len(missing) > 12 else "")
        reason = f"Figures: {embedded}, as {fetched} lacks {named}; `python backtest.py data fetch {named}` brings them."
        return Choice(folder=embedded, reason=reason)
    retrieved = read_origin(fetched, fetched.name).retrieved
    return Choice(
        folder=fetched, reason=f"Figures: {fetched}{f', retrieved {retrieved}' if retrieved else ''}, before {embedded}."
    )
