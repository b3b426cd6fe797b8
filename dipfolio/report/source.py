"""Source: one that a claim rests on."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source.

    Attributes
    ----------
    topic : str
        What it is used for.
    reference : str
        Author, year, title, venue and DOI of a paper; number of a rule or notice; outlet of a report.
    says : str
        What was taken from it, if that is not the topic.
    claims : tuple of str
        Labels of the claims that rest on it, or their first letters.
    needs : {"", "trades", "shorts"}
        It matters only to those of them that trade, or that sell short.
    """

    topic: str
    reference: str
    says: str = ""
    claims: tuple[str, ...] = ()
    needs: Literal["", "trades", "shorts"] = ""
