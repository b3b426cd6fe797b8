"""Sharing: variants that differ only in what ``targets`` never looks at share one call of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.strategy import Strategy

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """Targets, and the values of the parameters that were looked at on the way to them.

    Attributes
    ----------
    read : dict
    targets : array of shape (sessions, symbols)
    """

    read: dict[str, Any]
    targets: Floats

    def serves(self, strategy: Strategy) -> bool:
        """Whether another variant would have got the same answer: it has the same values where they were looked at."""
        return all(getattr(strategy, name) == value for name, value in self.read.items())


class Shared:
    """The answers of one class of strategies over the same bars; only the latest are kept.

    ``targets`` is a function of the bars and of the parameters that it reads, so two variants that agree in those agree in
    the targets. Which those are is watched while it runs, on an instance that writes down what is asked of it; a look into
    the instance as a whole counts as a look at every parameter.
    """

    def __init__(self, ask: Callable[[Strategy], Floats], keep: int = 64) -> None:
        self._ask, self._keep = ask, keep
        self._answers: list[Answer] = []

    def answer(self, strategy: Strategy) -> Answer:
        """The targets of a strategy, new or from a variant that cannot differ."""
        for number, known in enumerate(self._answers):
            if known.serves(strategy):
                self._answers.insert(0, self._answers.pop(number))
                return known
        spy, read = watched(strategy)
        targets = self._ask(spy)
        fresh = Answer(read={name: getattr(strategy, name) for name in sorted(read)}, targets=targets)
        self._answers = [fresh, *self._answers[: self._keep - 1]]
        return fresh


def watched(strategy: Strategy) -> tuple[Strategy, set[str]]:
    """The same strategy, and the growing set of its parameters that have been read."""
    kind, own = type(strategy), set(strategy.parameters)
    read: set[str] = set()

    def look(self: Any, name: str) -> Any:
        """The attribute, after a note that it was read."""
        if name in own:
            read.add(name)
        elif name in ("__dict__", "__getstate__", "__reduce__", "__reduce_ex__"):
            read.update(own)
        return super(made, self).__getattribute__(name)

    facts = {"__getattribute__": look, "__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    made: Any = type(kind.__name__, (kind,), facts)
    spy = object.__new__(made)
    for name in own:
        object.__setattr__(spy, name, getattr(strategy, name))
    read.clear()
    return spy, read
