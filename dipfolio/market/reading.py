"""Reading: how a file of figures was understood."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file was understood.

    Attributes
    ----------
    file : str
        Its name.
    layout : str
        Whose columns it has: "dipfolio", "dipfolio, with capitals", "Yahoo", "yfinance", "Nasdaq" or "Stooq".
    notes : tuple of str
        What was converted or left out; empty where the figures were taken as they stand.
    doubt : str
        Why the figures may not follow our convention (split-adjusted, not dividend-adjusted); mostly empty.
    """

    file: str
    layout: str
    notes: tuple[str, ...] = ()
    doubt: str = ""
