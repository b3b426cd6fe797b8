"""Versions: of dipfolio and of the libraries that the numbers and the pages depend on."""

from functools import cache
from importlib.metadata import version

from dipfolio import __version__

LIBRARIES = ("backtrader", "numpy", "pandas", "quantstats", "matplotlib", "exchange_calendars")


@cache
def versions() -> dict[str, str]:
    """Each name with its version, dipfolio first."""
    return {"dipfolio": __version__, **{library: version(library) for library in LIBRARIES}}
