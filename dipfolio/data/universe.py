"""Named groups of symbols, and the matching of symbols that are spelled in different ways.

A universe is the name of a group, a list of symbols with commas between, ``@names.txt`` for the symbols in a text file,
``@universe`` for the dated members of the data folder's ``universe.csv``, or ``all`` for every symbol of the data folder
that can be bought. Symbols are compared without case, without the suffix of the country, and with BRK.B and BRK/B as
BRK-B.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from dipfolio.errors import DataError, MissingFileError, ParameterError, UnknownNameError


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

EVERY_SYMBOL = "all"
"""The universe that stands for every symbol of the data that can be bought; ``ALL`` in capitals is a share."""

FILE_MARK = "@"
"""Before the name of a text file of symbols."""


def canonical_universe(universe: str) -> str:
    """The one spelling of a universe: the name of a group or file as it is, symbols in capitals with commas between.

    Examples
    --------
    >>> canonical_universe("nvda, smh"), canonical_universe("article")
    ('NVDA,SMH', 'article')
    """
    word = universe.strip()
    if word.lower() == DATED_MEMBERS:
        return DATED_MEMBERS
    if word == EVERY_SYMBOL or word.startswith(FILE_MARK):
        return word
    return universe if universe in UNIVERSES else ",".join(part.strip().upper() for part in universe.split(",") if part.strip())


def resolve(universe: str) -> tuple[str, ...]:
    """Symbols of a named group, of a text file, or of a comma-separated list such as ``"NVDA,SMH"``; symbols are in capitals.

    ``@universe`` and ``all`` stay as they are: :meth:`dipfolio.data.bars.Bars.select` knows their symbols.

    Raises
    ------
    UnknownNameError
        A word near to a group's name.
    MissingFileError
        No such text file.
    DataError
        A file that is no text.
    ParameterError
        An empty list or file, or a symbol twice.
    """
    if universe in UNIVERSES:
        return UNIVERSES[universe]
    word = canonical_universe(universe)
    if word in (DATED_MEMBERS, EVERY_SYMBOL):
        return (word,)
    if word.startswith(FILE_MARK):
        return read_symbols(Path(word.removeprefix(FILE_MARK)))
    symbols = tuple(filter(None, word.split(",")))
    if len(symbols) == 1 and get_close_matches(symbols[0].lower(), UNIVERSES, cutoff=0.8):
        raise UnknownNameError("universe", universe, UNIVERSES, "Groups: " + ", ".join(UNIVERSES) + "; symbols: NVDA,SMH.")
    if not symbols:
        raise ParameterError("A universe needs at least one symbol, such as NVDA,SMH, or a group, such as article.")
    if len(set(symbols)) < len(symbols):
        raise ParameterError(f"The universe {universe!r} names a symbol twice.")
    return symbols


def read_symbols(path: Path) -> tuple[str, ...]:
    """The symbols in a text file, in capitals and in its order.

    One on each line, or several with commas or spaces between; ``#`` begins a comment.

    Raises
    ------
    MissingFileError
        No such file.
    DataError
        A file that cannot be read, or that is no text.
    ParameterError
        A file without a symbol, or with one twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise MissingFileError(f"There is no file {path} of symbols; {FILE_MARK}names.txt names a text file.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read as a list of symbols: {error.strerror or error}.") from None
    except ValueError:
        raise DataError(f"{path} is no text; write one symbol on each line.") from None
    words = [line.partition("#")[0].replace(",", " ").upper().split() for line in lines]
    symbols = tuple(symbol for line in words for symbol in line)
    if not symbols:
        raise ParameterError(f"{path} has no symbol; write one on each line, or several with commas between.")
    if len(set(symbols)) < len(symbols):
        raise ParameterError(f"{path} names {Counter(symbols).most_common(1)[0][0]} twice.")
    return symbols


def expand_universes(symbols: Iterable[str], groups: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The symbols with each word that stands for others replaced by those, each symbol once.

    Examples
    --------
    >>> expand_universes(["all", "SPY", "^GSPC"], {"all": ["NVDA", "SPY"]})
    ('NVDA', 'SPY', '^GSPC')
    """
    return tuple(dict.fromkeys(one for symbol in symbols for one in groups.get(symbol, (symbol,))))


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
