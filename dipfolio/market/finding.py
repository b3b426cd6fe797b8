"""Finding: something that the figures have and should not have."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault or oddity among the figures.

    Attributes
    ----------
    severity : {"error", "warning"}
        An error stops a run; a warning is told and the run goes on.
    kind : str
        What is wrong in a word or two, such as "missing session" or "high far out".
    symbol : str
        Empty where it is about all of them.
    date : str
        The session or day concerned, as an ISO date; empty where it is the file as a whole.
    figure : float
        The price, volume, amount or count that is at fault; NaN where there is none.
    text : str
        One sentence that names symbol, date and figure.
    """

    severity: Literal["error", "warning"]
    kind: str
    symbol: str
    date: str = ""
    figure: float = float("nan")
    text: str
