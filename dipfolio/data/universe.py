"""Named groups of symbols, and the matching of symbols that are spelled in different ways.

A universe is the name of a group, a list of symbols with commas between, or ``@universe`` for the dated members of the
data folder's ``universe.csv``. Symbols are compared without case, without the suffix of the country, and with BRK.B and
BRK/B as BRK-B.
"""

import csv
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.resources import files

from dipfolio.errors import ParameterError, UnknownNameError


def _groups() -> dict[str, tuple[str, ...]]:
    """The groups of ``universes.csv`` with their symbols, in the order of the file."""
    groups: dict[str, list[str]] = {}
    with files("dipfolio.data").joinpath("universes.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            groups.setdefault(row["group"], []).append(row["symbol"])
    return {group: tuple(symbols) for group, symbols in groups.items()}


UNIVERSES = _groups()
"""Group to its symbols. ``stargate`` is the list of the article; TSM was not a named partner of that project."""

DEFAULT_UNIVERSE = next(iter(UNIVERSES))
"""What a strategy trades that names no universe."""


DATED_MEMBERS = "@universe"
"""The universe that stands for the members of each date; see :mod:`dipfolio.data.membership`."""


def canonical_universe(universe: str) -> str:
    """The one spelling of a universe: the name of a group as it is, symbols in capitals with commas between.

    Examples
    --------
    >>> canonical_universe("nvda, smh"), canonical_universe("article")
    ('NVDA,SMH', 'article')
    """
    if universe.strip().lower() == DATED_MEMBERS:
        return DATED_MEMBERS
    return universe if universe in UNIVERSES else ",".join(part.strip().upper() for part in universe.split(",") if part.strip())


def resolve(universe: str) -> tuple[str, ...]:
    """Symbols of a named group, or of a comma-separated list such as ``"NVDA,SMH"``; symbols are in capitals.

    ``@universe`` stays as it is: :meth:`dipfolio.data.bars.Bars.select` knows its symbols.

    Raises
    ------
    UnknownNameError
        A word near to a group's name.
    ParameterError
        An empty list or a symbol twice.
    """
    if universe in UNIVERSES:
        return UNIVERSES[universe]
    symbols = tuple(filter(None, canonical_universe(universe).split(",")))
    if len(symbols) == 1 and get_close_matches(symbols[0].lower(), UNIVERSES, cutoff=0.8):
        raise UnknownNameError("universe", universe, UNIVERSES, "Groups: " + ", ".join(UNIVERSES) + "; symbols: NVDA,SMH.")
    if not symbols:
        raise ParameterError("A universe needs at least one symbol, such as NVDA,SMH, or a group, such as article.")
    if len(set(symbols)) < len(symbols):
        raise ParameterError(f"The universe {universe!r} names a symbol twice.")
    return symbols


def symbol_key(symbol: str) -> str:
    """A symbol as it is compared: without case, without the ending for the country, BRK.B and BRK/B as BRK-B."""
    return symbol.strip().upper().removesuffix(".US").replace(".", "-").replace("/", "-")


def match_symbols(names: Iterable[str], symbols: Iterable[str]) -> dict[str, str]:
    """The symbol that each name stands for: the same text, or else the only symbol with the same key; others are left out.

    Parameters
    ----------
    names : iterable of str
        As a table beside the prices has them.
    symbols : iterable of str
        Those that have prices.

    Examples
    --------
    >>> match_symbols(["nvda", "BRK.B", "SPY.US", "XYZ"], ["NVDA", "BRK-B", "SPY"])
    {'nvda': 'NVDA', 'BRK.B': 'BRK-B', 'SPY.US': 'SPY'}
    """
    known = tuple(symbols)
    by_key: dict[str, list[str]] = {}
    for symbol in known:
        by_key.setdefault(symbol_key(symbol), []).append(symbol)
    symbol_of = {}
    for name in dict.fromkeys(names):
        alike = [name] if name in known else by_key.get(symbol_key(name), [])
        if len(alike) == 1:
            symbol_of[name] = alike[0]
    return symbol_of
