"""Strategy: the contract between a trading idea and the engine."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from dipfolio.engine.exits import Exit, FillAt
from dipfolio.engine.idea import Idea
from dipfolio.engine.parameter import parameter
from dipfolio.errors import ParameterError
from dipfolio.market import sessions
from dipfolio.market.bars import Bars

Unit = Literal["weight", "shares"]


@dataclass(frozen=True, kw_only=True)
class Strategy(Idea, ABC):
    """A trading idea with one question to answer, ``targets``.

    A subclass is a frozen, keyword-only dataclass too; its fields are made with :func:`parameter`.

    Attributes
    ----------
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

    fill: FillAt = parameter("open", help="where in the next session a decision is executed")

    unit: ClassVar[Unit] = "weight"
    resize: ClassVar[bool] = False

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
