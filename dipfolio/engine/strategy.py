"""Strategies: the base class of all strategies, the interface of target strategies, and wrapped backtrader strategies.

A ``StrategyBase`` is a record of parameters with a name and a universe. A ``Strategy`` returns the targets of each
session from the bars. A ``BacktraderStrategy`` wraps a plain ``bt.Strategy``, which is not changed; its ``params``
become the parameters.
"""

import dataclasses
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, make_dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.data.calendar import XNYS
from dipfolio.data.universe import DEFAULT_UNIVERSE, resolve
from dipfolio.engine import parameters as _parameter
from dipfolio.engine.exits import Exit, FillAt, checked_exits
from dipfolio.engine.parameters import ParameterSet, parameter
from dipfolio.errors import ParameterError, StrategyError


@dataclass(frozen=True, kw_only=True)
class StrategyBase(ParameterSet):
    """A trading idea: a frozen record of its parameters.

    A subclass needs no decorator; see :class:`~dipfolio.engine.parameters.ParameterSet`.

    Attributes
    ----------
    universe : str
        What is traded: a named group, symbols with commas between, ``@names.txt`` for those in a text file, ``@universe`` for
        the members of each date, or ``all`` for every symbol of the data that can be bought.
    claim : str
        Which claim it tests, by its label; empty for none.
    """

    universe: str = parameter(DEFAULT_UNIVERSE, help="group, symbols with commas between, @names.txt, @universe or all")

    claim: ClassVar[str] = ""
    TAKEN: ClassVar[frozenset[str]] = frozenset(
        {"claim", "name", "title", "symbols", "parameters", "changed", "exits", "targets"}
    )
    """What no parameter can be called."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("name", "symbols", "parameters", "changed"):
            if name in vars(cls) and not hasattr(vars(cls)[name], "__get__"):
                remedy = "write universe = 'NVDA,SMH' for what it trades" if name == "symbols" else "choose another name"
                raise StrategyError(f"{cls.__name__}.{name}: every strategy has something of that name; {remedy}.")
        if not isinstance(cls.claim, str):
            raise StrategyError(f"{cls.__name__}.claim must be text such as 'A1', found {cls.claim!r}.")

    def __post_init__(self) -> None:
        _parameter.validate_parameters(self)
        resolve(self.universe)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that the strategy sees and trades."""
        return resolve(self.universe)

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


def description_of(kind: type) -> str:
    """The docstring of a class as its author wrote it; empty for none, and for the signature that a dataclass writes there."""
    text = inspect.cleandoc(vars(kind).get("__doc__") or "").strip()
    return "" if text.startswith(f"{kind.__name__}(") else text


def title_of(kind: type) -> str:
    """First line of :func:`description_of`."""
    return description_of(kind).split("\n")[0].strip()


TargetUnit = Literal["weight", "shares"]

SETTING_NAMES = ("exits", "unit", "resize", "fill")
"""Attributes of a class that the engine reads."""

MIN_MISSPELLING_SIMILARITY = 0.82
"""Likeness, as difflib measures it, from which a name is taken for a misspelt setting: exit, units and resise, but not size."""


@dataclass(frozen=True, kw_only=True)
class Strategy(StrategyBase, ABC):
    """A trading idea with one question to answer, ``targets``.

    A subclass is a frozen, keyword-only dataclass without a decorator: ``hold: int = 10`` or ``hold: int = parameter(10,
    help="...")`` in its body is a parameter and becomes an option. See :class:`~dipfolio.engine.parameters.ParameterSet`.

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

    unit: ClassVar[TargetUnit] = "weight"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        attributes = vars(cls)
        for name in sorted(attributes.keys() - vars(cls).get("__annotations__", {}).keys()):
            near = (
                []
                if callable(attributes[name])
                else get_close_matches(name, SETTING_NAMES, n=1, cutoff=MIN_MISSPELLING_SIMILARITY)
            )
            if near and name not in SETTING_NAMES:
                raise StrategyError(f"{cls.__name__}.{name} means nothing to a strategy. Did you mean {near[0]!r}?")
        if "exits" in attributes and not isinstance(attributes["exits"], property):
            cls.exits = checked_exits(attributes["exits"], cls.__name__)  # type: ignore[assignment, method-assign]
        for name in ("unit", "resize", "fill"):
            if name in attributes and not hasattr(attributes[name], "__get__"):
                _check_setting(cls.__name__, name, attributes[name])

    @property
    def resize(self) -> bool:
        """Open positions are left alone; ``resize = True`` in a class trades them to the new size."""
        return False

    @property
    def exits(self) -> tuple[Exit, ...]:
        """No rule: positions end by their targets alone."""
        return ()

    @abstractmethod
    def targets(self, bars: Bars) -> pd.DataFrame:
        """The targets that are decided on the close of each session with the data known then.

        Parameters
        ----------
        bars : Bars
            The data of this strategy's symbols.

        Returns
        -------
        DataFrame of shape (sessions, symbols)
            NaN for no instruction, 0 to be flat, else the position wanted, negative for short. Row t may depend on
            rows up to t alone.
        """


def exit_rules(strategy: Strategy) -> tuple[Exit, ...]:
    """The exit rules of a strategy, and a look at its other settings.

    Raises
    ------
    StrategyError
        ``exits``, ``unit``, ``resize`` or ``fill`` is something that it cannot be.
    """
    owner = type(strategy).__name__
    for name in ("unit", "resize", "fill"):
        _check_setting(owner, name, getattr(strategy, name))
    return checked_exits(strategy.exits, owner)


def _check_setting(owner: str, name: str, value: object) -> None:
    allowed: tuple[object, ...] = {"unit": get_args(TargetUnit), "resize": (True, False), "fill": get_args(FillAt)}[name]
    if not isinstance(value, str | bool) or value not in allowed:
        raise StrategyError(f"{owner}.{name} must be {' or '.join(map(repr, allowed))}, found {value!r}.")


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
    if not bars.calendar.is_session(on):
        market = "the exchange" if bars.calendar == XNYS else bars.calendar
        raise ParameterError(f"{on} is no session of {market}; the next one is {bars.calendar.offset(on, 1).date()}.")
    wanted = weight if isinstance(weight, Mapping) else dict.fromkeys(bars.symbols, weight)
    frame, decision = no_instruction(bars), bars.calendar.offset(on, -1)
    if decision in frame.index:
        frame.loc[decision, list(wanted)] = list(wanted.values())
    return frame


DEFAULT_BACKTRADER_UNIVERSE = "NVDA"
"""What a brought strategy trades if its class says nothing: one symbol, as most tutorials do."""


@dataclass(frozen=True, kw_only=True)
class BacktraderStrategy(StrategyBase):
    """A trading idea whose decisions are a backtrader class's own; its ``params`` are the parameters.

    Attributes
    ----------
    source : type
        The ``bt.Strategy`` subclass.
    """

    source: ClassVar[type]
    TAKEN = StrategyBase.TAKEN | {"source", "source_parameters"}

    @property
    def source_parameters(self) -> dict[str, Any]:
        """The arguments of the backtrader class."""
        return {name: value for name, value in self.parameters.items() if name != "universe"}


RESERVED_BACKTRADER_NAMES = BacktraderStrategy.TAKEN | {"universe"}
"""Names that stand for something else here than in the backtrader class."""


def is_backtrader_strategy(kind: type) -> bool:
    """True if a class is a subclass of ``bt.Strategy``; backtrader need not be imported to tell."""
    return any((base.__module__, base.__name__) == ("backtrader.strategy", "Strategy") for base in kind.__mro__[1:])


def wrap_backtrader(source: type) -> type[BacktraderStrategy]:
    """The idea that runs a ``bt.Strategy`` subclass.

    Parameters
    ----------
    source : type
        Its ``params`` with a number, a text, a date or ``None`` as default become parameters; others, and those with the name
        of something that every idea has, keep their default.
        A class attribute ``universe`` says what it trades, else :data:`DEFAULT_BACKTRADER_UNIVERSE`.
    """
    fields: list[tuple[str, Any, Any]] = [
        ("universe", str, parameter(getattr(source, "universe", DEFAULT_BACKTRADER_UNIVERSE), help="symbols to trade"))
    ]
    for name, default in source.params._getitems():  # type: ignore[attr-defined]
        kind = float | None if default is None else type(default)
        if (
            not name.startswith("_")
            and name not in RESERVED_BACKTRADER_NAMES
            and (default is None or type(default) in (bool, int, float, str, date))
        ):
            fields.append((name, kind, parameter(default, help="parameter of the backtrader class")))
    wrapper = make_dataclass(
        source.__name__, fields, bases=(BacktraderStrategy,), frozen=True, kw_only=True, namespace={"source": source}
    )
    wrapper.__module__, wrapper.__doc__ = source.__module__, source.__dict__.get("__doc__")
    return wrapper
