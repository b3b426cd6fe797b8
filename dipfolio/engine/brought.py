"""Brought: a plain ``bt.Strategy``, brought along unchanged from elsewhere."""

from dataclasses import dataclass, make_dataclass
from datetime import date
from typing import Any, ClassVar

from dipfolio.engine.idea import Idea
from dipfolio.engine.parameter import parameter

UNIVERSE = "NVDA"
"""What a brought strategy trades if its class says nothing: one symbol, as most tutorials do."""


@dataclass(frozen=True, kw_only=True)
class Brought(Idea):
    """A trading idea whose decisions are a backtrader class's own; its ``params`` are the parameters.

    Attributes
    ----------
    source : type
        The ``bt.Strategy`` subclass.
    """

    source: ClassVar[type]
    TAKEN = Idea.TAKEN | {"source", "source_parameters"}

    @property
    def source_parameters(self) -> dict[str, Any]:
        """What the backtrader class is to be made with."""
        return {name: value for name, value in self.parameters.items() if name != "universe"}


OWN = Brought.TAKEN | {"universe"}
"""Names that stand for something else here than in the backtrader class."""


def is_backtrader_strategy(kind: type) -> bool:
    """Whether a class is a subclass of ``bt.Strategy``; backtrader need not be imported to tell."""
    return any((base.__module__, base.__name__) == ("backtrader.strategy", "Strategy") for base in kind.__mro__[1:])


def bring(source: type) -> type[Brought]:
    """The idea that runs a ``bt.Strategy`` subclass.

    Parameters
    ----------
    source : type
        Its ``params`` with a number, a text, a date or ``None`` as default become parameters; others, and those with the name
        of something that every idea has, keep their default.
        A class attribute ``universe`` says what it trades, else :data:`UNIVERSE`.
    """
    fields: list[tuple[str, Any, Any]] = [
        ("universe", str, parameter(getattr(source, "universe", UNIVERSE), help="symbols to trade"))
    ]
    for name, default in source.params._getitems():  # type: ignore[attr-defined]
        kind = float | None if default is None else type(default)
        if not name.startswith("_") and name not in OWN and (default is None or type(default) in (bool, int, float, str, date)):
            fields.append((name, kind, parameter(default, help="parameter of the backtrader class")))
    made = make_dataclass(source.__name__, fields, bases=(Brought,), frozen=True, kw_only=True, namespace={"source": source})
    made.__module__, made.__doc__ = source.__module__, source.__dict__.get("__doc__")
    return made
