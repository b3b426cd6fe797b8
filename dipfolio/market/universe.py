"""Universe: named groups of symbols."""

from difflib import get_close_matches

from dipfolio.errors import ParameterError, UnknownNameError

UNIVERSES: dict[str, tuple[str, ...]] = {
    "article": ("META", "NVDA", "AAPL", "TSLA", "GOOG", "AMZN", "MSFT", "SMH", "TSM", "AVGO", "ARM", "ORCL"),
    "magnificent-seven": ("META", "NVDA", "AAPL", "TSLA", "GOOG", "AMZN", "MSFT"),
    "hyperscalers": ("MSFT", "META", "GOOG", "AMZN"),
    "chipmakers": ("NVDA", "AVGO", "TSM", "ARM"),
    "stargate": ("ARM", "MSFT", "ORCL", "NVDA", "TSM"),
}
"""The groups of the article; ``stargate`` is the article's list, in which TSM was not a named partner of the project."""


def resolve(universe: str) -> tuple[str, ...]:
    """Symbols of a named group, or of a comma-separated list such as ``"NVDA,SMH"``.

    Raises
    ------
    UnknownNameError
        A lower-case word with a hyphen, or one near to a group's name, that is no group.
    ParameterError
        An empty list or a symbol twice.
    """
    if universe in UNIVERSES:
        return UNIVERSES[universe]
    symbols = tuple(part.strip() for part in universe.split(",") if part.strip())
    if len(symbols) == 1 and (symbols[0].islower() or get_close_matches(symbols[0].lower(), UNIVERSES, cutoff=0.8)):
        raise UnknownNameError("universe", universe, UNIVERSES, "Groups: " + ", ".join(UNIVERSES) + "; symbols: NVDA,SMH.")
    if not symbols:
        raise ParameterError("A universe needs at least one symbol, such as NVDA,SMH, or a group, such as article.")
    if len(set(symbols)) < len(symbols):
        raise ParameterError(f"The universe {universe!r} names a symbol twice.")
    return symbols
