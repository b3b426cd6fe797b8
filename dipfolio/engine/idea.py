"""Idea: what every strategy is, however it decides - a record of parameters with a name and a universe."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from dipfolio.engine import parameter as _parameter
from dipfolio.engine.parameter import parameter
from dipfolio.market import universe


@dataclass(frozen=True, kw_only=True)
class Idea:
    """A trading idea: a frozen record of its parameters.

    Attributes
    ----------
    universe : str
        What is traded: a named group or symbols, comma separated.
    claim : str
        Which claim it tests, by its label; empty for none.
    """

    universe: str = parameter("article", help="group of symbols, or symbols with commas between")

    claim: ClassVar[str] = ""
    TAKEN: ClassVar[frozenset[str]] = frozenset(
        {"claim", "name", "title", "symbols", "parameters", "changed", "exits", "targets"}
    )
    """What no parameter can be called."""

    def __post_init__(self) -> None:
        _parameter.check(self)
        universe.resolve(self.universe)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that the strategy sees and trades."""
        return universe.resolve(self.universe)

    @property
    def name(self) -> str:
        """The file in ``strategies/`` with hyphens, or the class where it lives elsewhere."""
        folder, _, module = type(self).__module__.rpartition(".")
        word = module if folder == "strategies" else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__)
        return word.replace("_", "-").lower()

    @property
    def title(self) -> str:
        """First line of the docstring, empty where the author wrote none."""
        return title_of(type(self))

    @property
    def parameters(self) -> dict[str, Any]:
        """Each parameter with its value."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def changed(self) -> dict[str, Any]:
        """The parameters that differ from their defaults."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default}


def title_of(kind: type) -> str:
    """First line of a class's own docstring; empty for none, and for the signature that a dataclass puts in its place."""
    text = (kind.__dict__.get("__doc__") or "").strip()
    return "" if text.startswith(f"{kind.__name__}(") else text.split("\n")[0]
