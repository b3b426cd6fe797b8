"""Strategy: the contract between a trading idea and the engine."""

import dataclasses
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from dipfolio.engine import parameter as _parameter
from dipfolio.engine.exits import Exit, Fill
from dipfolio.engine.parameter import parameter
from dipfolio.errors import ParameterError
from dipfolio.market import sessions, universe
from dipfolio.market.bars import Bars

Unit = Literal["weight", "shares"]


@dataclass(frozen=True, kw_only=True)
class Strategy(ABC):
    """A trading idea: a frozen record of its parameters with one question to answer, ``targets``.

    A subclass is a frozen, keyword-only dataclass too; its fields are made with :func:`parameter`.

    Attributes
    ----------
    universe : str
        What is traded: a named group or symbols, comma separated.
    fill : {"open", "close"}
        Where in the next session a decision is executed.
    unit : {"weight", "shares"}
        Whether targets are weights of equity or numbers of shares.
    resize : bool
        False: a target on the side of an open position leaves it alone. True: it is traded to the new size.
        Either way 0 flattens and the other side reverses.
    exits : tuple of Exit
        Rules, any of which flattens a position.
    """

    universe: str = parameter("article", help="group of symbols, or symbols with commas between")
    fill: Fill = parameter("open", help="where in the next session a decision is executed")

    unit: ClassVar[Unit] = "weight"
    resize: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _parameter.check(self)
        universe.resolve(self.universe)

    @property
    def exits(self) -> tuple[Exit, ...]:
        """No rule: positions end by their targets alone."""
        return ()

    @abstractmethod
    def targets(self, bars: Bars) -> pd.DataFrame:
        """What is decided on the close of each session with what was known then.

        Parameters
        ----------
        bars : Bars
            The figures of this strategy's symbols.

        Returns
        -------
        DataFrame of shape (sessions, symbols)
            NaN for no instruction, 0 to be flat, else the position wanted, negative for short. Row t may depend on
            rows up to t alone.
        """

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
    def parameters(self) -> dict[str, Any]:
        """Each parameter with its value."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def changed(self) -> dict[str, Any]:
        """The parameters that differ from their defaults."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default}


def no_instruction(bars: Bars) -> pd.DataFrame:
    """Targets that say nothing: NaN for every session and symbol."""
    return pd.DataFrame(np.nan, index=bars.sessions, columns=list(bars.symbols))


def enter(bars: Bars, *, on: date, weight: float | Mapping[str, float]) -> pd.DataFrame:
    """Targets that open positions in one session: the decision falls on the close of the session before.

    Parameters
    ----------
    bars : Bars
    on : date
        The session in which the orders are executed.
    weight : float or mapping
        The target of every symbol, or of those named; weights or shares, as the strategy's ``unit`` says.

    Raises
    ------
    ParameterError
        A day on which the exchange is closed.
    """
    if not sessions.is_session(on):
        raise ParameterError(f"{on} is no session of the exchange; the next one is {sessions.offset(on, 1).date()}.")
    wanted = weight if isinstance(weight, Mapping) else dict.fromkeys(bars.symbols, weight)
    frame, decision = no_instruction(bars), sessions.offset(on, -1)
    if decision in frame.index:
        frame.loc[decision, list(wanted)] = list(wanted.values())
    return frame
