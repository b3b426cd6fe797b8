"""Parameters of strategies and accounts: dataclass fields with a default and a line of help, and their validation.

Each parameter becomes an option of the command line. Every subclass of ``ParameterSet`` is a frozen, keyword-only
dataclass without a decorator.
"""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from datetime import date
from typing import Any, ClassVar, Literal, TypeVar

from dipfolio.errors import ParameterError, StrategyError

ALLOWED_DECORATOR = "@dataclass(frozen=True, kw_only=True)"
"""The only decorator that a strategy or an account may have; it may as well have none."""

T = TypeVar("T")

_FIELDS, _PARAMS, _WRITTEN = "__dataclass_fields__", "__dataclass_params__", "_written_fields"
_CONSTANT = re.compile(r"\s*(?:\w+\.)*(?:ClassVar|Final)\b")


def parameter(default: T, *, help: str) -> T:  # noqa: A002 - the word that every command line uses
    """A dataclass field with a default and one line of help; it becomes a command-line option.

    To a type checker it is its default, so a default of another type than the annotation is an error there.
    """
    return dataclasses.field(default=default, metadata={"help": help})


# `parameter` is no field specifier: its default has no keyword, and type checkers would see none.
@typing.dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
class ParameterSet:
    """A fixed set of parameters: every subclass is a frozen, keyword-only dataclass, decorated or not.

    In a subclass

    * an annotated attribute is a parameter: ``hold: int = 10``, or with a line of help ``hold: int = parameter(10, help="...")``;
    * a parameter of a parent has a new default by ``hold: int = 10`` or ``hold = 10``, and keeps its help;
    * a property with the name of a parent's parameter takes that parameter away;
    * an attribute that a parent declares as a ``ClassVar`` stays one, and so does one whose name begins with an underscore.

    Raises
    ------
    StrategyError
        A class that cannot be such a record; the message says what to write.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and _PARAMS not in vars(cls):
            raise StrategyError(
                f"{cls.__name__} has an __init__ of its own. Write each option as a line of the class, such as hold: int = 10, "
                "and what follows from them as a property; to refuse values, define __post_init__ and call its parent's first."
            )
        as_dataclass(cls, kw_only=True)

    if not typing.TYPE_CHECKING:  # a type checker would take them for leave to assign anything

        def __setattr__(self, name: str, value: object) -> None:
            raise dataclasses.FrozenInstanceError(
                f"{name} cannot be assigned: a {type(self).__name__} never changes. Keep the value in a local variable, or make "
                "another record with dataclasses.replace."
            )

        def __delattr__(self, name: str) -> None:
            raise dataclasses.FrozenInstanceError(f"{name} cannot be deleted: a {type(self).__name__} never changes.")


def as_dataclass(kind: type, *, kw_only: bool) -> None:
    """Make a class that is just being defined a frozen dataclass, in place.

    An outer ``@dataclass`` is applied after this, a second time. It keeps the constructor, and :func:`restore_help` gives it back
    the lines of help, which a second application loses.

    Raises
    ------
    StrategyError
        Fields that no dataclass can have.
    """
    if _PARAMS in vars(kind):  # the copy that dataclass(slots=True) makes
        raise StrategyError(f"{kind.__name__} cannot have slots. {_remedy(kw_only)}")
    for base in kind.__mro__[1:]:
        restore_help(base)
    if not _annotate(kind):
        return
    documented = kind.__doc__
    bases = [vars(base)[_PARAMS] for base in kind.__mro__[1:] if _PARAMS in vars(base)]
    try:
        dataclass(frozen=kw_only or all(params.frozen for params in bases), kw_only=kw_only)(kind)
    except (TypeError, ValueError) as error:
        raise StrategyError(f"{kind.__name__}: {error}. {_remedy(kw_only)}") from None
    for name in ("__setattr__", "__delattr__"):  # an outer decorator sets these itself, and fails where they are there
        if name in vars(kind):
            delattr(kind, name)
    kind.__doc__ = documented  # a dataclass without a docstring gets its signature for one
    written = {field.name: field for field in dataclasses.fields(kind) if field.name in vars(kind)["__annotations__"]}
    setattr(kind, _WRITTEN, types.MappingProxyType(written))


def restore_help(kind: type) -> None:
    """See that an outer decorator has left a record as it was, and put back the lines of help.

    Raises
    ------
    StrategyError
        Another decorator than :data:`ALLOWED_DECORATOR`.
    """
    params, fields, written = (vars(kind).get(name) for name in (_PARAMS, _FIELDS, _WRITTEN))
    if params is None or fields is None or kind is ParameterSet:
        return
    changed = {name: field for name, field in (written or {}).items() if fields.get(name) is not field}
    if issubclass(kind, ParameterSet):
        by_keyword = all(fields[name].kw_only for name in changed if name in fields)
        if not (params.frozen and params.eq and params.init and by_keyword):
            raise StrategyError(f"{kind.__name__} has another decorator than a strategy may have. {_remedy(kw_only=True)}")
    fields.update(changed)


def _remedy(kw_only: bool) -> str:
    if not kw_only:
        return "Leave the decorator out, or write @dataclass(frozen=True)."
    return f"Leave the decorator out, or write {ALLOWED_DECORATOR}."


def _annotate(kind: type) -> bool:
    """Complete the annotations of a class as :class:`ParameterSet` says; whether it has any, or none and needs nothing."""
    inherited = _inherited(kind)
    hints: dict[str, Any] = {**_of_mixins(kind, inherited), **vars(kind).get("__annotations__", {})}
    for name, hint in hints.items():
        value = vars(kind).get(name, MISSING)
        if not _is_constant(hint):
            hints[name] = _own_hint(kind, name, hint, value, inherited)
        elif "Final" in str(hint) and "ClassVar" not in str(hint):
            hints[name] = ClassVar[Any]  # a dataclass would take it for a field
    for name, parent in inherited.items():
        if parent is not None and name in vars(kind) and name not in hints:
            hints[name] = _overriding_hint(kind, name, parent)
    for name, hint in hints.items():
        parent, value = inherited.get(name), vars(kind).get(name, MISSING)
        if parent is not None and not _is_constant(hint) and not isinstance(value, dataclasses.Field):
            default = parent.default if value is MISSING else value
            setattr(kind, name, dataclasses.field(default=default, metadata=parent.metadata))
    if hints:
        kind.__annotations__ = hints
    return bool(hints)


def _inherited(kind: type) -> "dict[str, dataclasses.Field[Any] | None]":
    """The fields that a class inherits, by name; None for what its parents declare as an attribute of the class."""
    inherited: dict[str, dataclasses.Field[Any] | None] = {}
    for base in reversed(kind.__mro__[1:]):
        if _FIELDS in vars(base):
            real = {field.name: field for field in dataclasses.fields(base)}
            inherited |= {name: real.get(name) for name in vars(base)[_FIELDS]}
    return inherited


def _of_mixins(kind: type, inherited: "dict[str, dataclasses.Field[Any] | None]") -> dict[str, Any]:
    """The annotations of parents that are plain classes, where they have a value, which becomes one of the class itself."""
    hints: dict[str, Any] = {}
    records = [base for base in kind.__mro__[1:] if _FIELDS in vars(base)]
    for base in kind.__mro__[1:]:
        if base.__module__ in ("abc", "builtins", "typing") or hasattr(base, _FIELDS) or base is ParameterSet:
            continue
        if any(issubclass(record, base) for record in records):
            continue
        annotations = vars(base).get("__annotations__", {})
        for name in [name for name in vars(base) if name in annotations or inherited.get(name) is not None]:
            first = next(b for b in kind.__mro__ if name in vars(b) or name in vars(b).get("__annotations__", {}))
            if first is base:
                setattr(kind, name, vars(base)[name])
                if name in annotations:
                    hints[name] = _resolved(base, name, annotations[name])
    return hints


def _own_hint(kind: type, name: str, hint: Any, value: Any, inherited: "dict[str, dataclasses.Field[Any] | None]") -> Any:
    """The annotation of an attribute that a class annotates itself."""
    given = isinstance(value, dataclasses.Field)
    fact = name in inherited and inherited[name] is None
    computed = any(isinstance(vars(base).get(name), property) for base in kind.__mro__)
    if name.startswith("_") or (not given and (fact or computed)):
        return ClassVar[hint]
    if isinstance(value, list | dict | set):
        raise StrategyError(
            f"{kind.__name__}.{name} is a {type(value).__name__}, which no option can be. If it is a constant, leave out the "
            f"annotation, or write {name}: ClassVar[...]; symbols are written as text with commas, such as 'NVDA,SMH'."
        )
    parent = inherited.get(name)
    if parent is not None and hint in (str, "str"):
        before = _hint_of(kind, parent)
        return before if typing.get_origin(before) is Literal else hint
    return hint


def _overriding_hint(kind: type, name: str, parent: "dataclasses.Field[Any]") -> Any:
    """The annotation of an attribute that has the name of a parent's parameter, and none of its own."""
    value = vars(kind)[name]
    if isinstance(value, types.FunctionType | classmethod | staticmethod):
        raise StrategyError(
            f"{kind.__name__}.{name} is a method, but {name} is a parameter that the class inherits. Write @property above it to "
            "compute the value and take the option away, or choose another name."
        )
    if hasattr(value, "__get__"):
        return ClassVar[Any]
    return _hint_of(kind, parent)


def _hint_of(kind: type, field: "dataclasses.Field[Any]") -> Any:
    """The type of an inherited field, read where it was written."""
    for base in kind.__mro__[1:]:
        if field.name in vars(base).get("__annotations__", {}):
            return _resolved(base, field.name, field.type)
    return field.type


def _resolved(base: type, name: str, hint: Any) -> Any:
    try:
        return typing.get_type_hints(base).get(name, hint)
    except NameError:  # imported for type checkers only
        return hint


def _is_constant(hint: Any) -> bool:
    """True if an annotation says that the attribute is one of the class, and no parameter."""
    if isinstance(hint, str):
        return bool(_CONSTANT.match(hint))
    return hint in (ClassVar, typing.Final) or typing.get_origin(hint) in (ClassVar, typing.Final)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """The description of one parameter.

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


def list_parameters(owner: type) -> tuple[Parameter, ...]:
    """The parameters of a dataclass, in order of definition.

    Raises
    ------
    StrategyError
        A field of a type that cannot be typed on a command line, without a default, or named like what every strategy has.
    """
    for kind in reversed(owner.__mro__):
        restore_help(kind)
    try:
        hints = typing.get_type_hints(owner)
    except NameError as error:
        raise StrategyError(
            f"{owner.__name__}: the types of its options cannot be read: {error}. Import or define them at the top of the file."
        ) from None
    return tuple(_describe(owner, field, hints[field.name]) for field in dataclasses.fields(owner) if field.init)


def parameters_from_json(owner: type, record: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a dataclass from a JSON record of them: a text becomes a date where the parameter is one.

    Raises
    ------
    ParameterError
        The record has a parameter that the class has not.
    """
    kinds = {item.name: item.kind for item in list_parameters(owner)}
    unknown = [name for name in record if name not in kinds]
    if unknown:
        raise ParameterError(f"{owner.__name__} has no parameter {unknown[0]!r} any more; it has {', '.join(kinds)}.")
    dated = {name for name, value in record.items() if kinds[name] is date and isinstance(value, str)}
    return {name: date.fromisoformat(value) if name in dated else value for name, value in record.items()}


def validate_parameters(record: Any) -> None:
    """Refuse values of the wrong type, words that are no choice and numbers that are not finite.

    Raises
    ------
    ParameterError
    """
    for item in list_parameters(type(record)):
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
        raise StrategyError(
            f"{owner.__name__}.{field.name} has the type {hint}; use bool, int, float, str, date or Literal."
            " If it is a constant, leave out the annotation."
        )
    help_line = field.metadata.get("help", "")
    return Parameter(name=field.name, kind=hint, choices=choices, optional=optional, default=field.default, help=help_line)


def _article(kind: type) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text", date: "a date"}[kind]
