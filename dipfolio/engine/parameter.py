"""Parameter: a field of a strategy or an account that has a default and a line of help."""

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from datetime import date
from typing import Any

from dipfolio.errors import ParameterError, StrategyError


def parameter(default: Any, *, help: str) -> Any:  # noqa: A002 - the word that every command line uses
    """A dataclass field with a default and one line of help; it becomes a command-line option."""
    return dataclasses.field(default=default, metadata={"help": help})


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What is known of one parameter.

    Attributes
    ----------
    name : str
    kind : type
        ``bool``, ``int``, ``float``, ``str`` or ``date``.
    choices : tuple of str
        The words allowed, empty if any value of the kind will do.
    optional : bool
        Whether ``None`` is allowed.
    default : object
    help : str
        Empty where the author wrote none.
    """

    name: str
    kind: type
    choices: tuple[str, ...]
    optional: bool
    default: Any
    help: str

    @property
    def flag(self) -> str:
        """The name as the command line spells it, without the dashes."""
        return self.name.replace("_", "-")


def parameters(owner: type) -> tuple[Parameter, ...]:
    """The parameters of a dataclass, in order of definition.

    Raises
    ------
    StrategyError
        A field of a type that cannot be typed on a command line, without a default, or named like what every strategy has.
    """
    hints = typing.get_type_hints(owner)
    return tuple(_describe(owner, field, hints[field.name]) for field in dataclasses.fields(owner) if field.init)


def check(record: Any) -> None:
    """Refuse values of the wrong type, words that are no choice and numbers that are not finite.

    Raises
    ------
    ParameterError
    """
    for item in parameters(type(record)):
        value = getattr(record, item.name)
        if value is None and item.optional:
            continue
        fits = isinstance(value, (int, float) if item.kind is float else item.kind)
        if not fits or (isinstance(value, bool) and item.kind is not bool):
            raise ParameterError(f"{item.name} must be {_article(item.kind)}, found {value!r}.")
        if item.choices and value not in item.choices:
            raise ParameterError(f"{item.name} must be one of {', '.join(item.choices)}, found {value!r}.")
        if item.kind is float and not math.isfinite(value):
            raise ParameterError(f"{item.name} must be a finite number, found {value}.")


def positive(record: Any, *names: str, below: float = math.inf) -> None:
    """Refuse values of the named parameters that are not above 0, or not below a limit; None passes.

    Raises
    ------
    ParameterError
    """
    for name in names:
        value = getattr(record, name)
        if value is not None and not 0 < value < below:
            raise ParameterError(f"{name} must be above 0{'' if below == math.inf else f' and below {below:g}'}, found {value}.")


def _describe(owner: type, field: "dataclasses.Field[Any]", hint: Any) -> Parameter:
    if field.name in getattr(owner, "TAKEN", ()):
        raise StrategyError(f"{owner.__name__}.{field.name}: every strategy has something of that name; choose another.")
    if field.default is dataclasses.MISSING:
        raise StrategyError(f"{owner.__name__}.{field.name} needs a default: parameter(..., help=...).")
    optional, choices = False, ()
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        optional, hint = len(kinds) < len(typing.get_args(hint)), kinds[0] if len(kinds) == 1 else hint
    if typing.get_origin(hint) is typing.Literal:
        choices, hint = typing.get_args(hint), str
    if hint not in (bool, int, float, str, date):
        raise StrategyError(f"{owner.__name__}.{field.name} has the type {hint}; use bool, int, float, str, date or Literal.")
    help_line = field.metadata.get("help", "")
    return Parameter(name=field.name, kind=hint, choices=choices, optional=optional, default=field.default, help=help_line)


def _article(kind: type) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text", date: "a date"}[kind]
