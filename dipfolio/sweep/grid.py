"""Parameter grids: the values of each parameter that a sweep tries, and all their combinations."""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.data import calendar
from dipfolio.engine.parameters import Parameter, list_parameters
from dipfolio.errors import ParameterError, UnknownNameError

VALUE_FORMATS = "a value, a list such as 1,2,5, or a range such as 1:60 or 0.01:0.06:0.0025"
BOOLEAN_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
MAX_RANGE_VALUES = 100_000
"""Values in one range."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One parameter and the values that it takes, in the order in which they were given."""

    name: str
    points: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class ParameterGrid:
    """Every combination of the axes' values; the last axis changes fastest.

    Attributes
    ----------
    axes : tuple of Axis
        Those with more than one value.
    fixed : dict
        The values of the parameters that are set and stay the same.
    """

    axes: tuple[Axis, ...]
    fixed: dict[str, Any]

    def __len__(self) -> int:
        return math.prod(self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Values along each axis."""
        return tuple(len(axis.points) for axis in self.axes)

    def cell(self, number: int) -> dict[str, Any]:
        """The parameters of a combination."""
        places = np.unravel_index(number, self.shape) if self.axes else ()
        return {**self.fixed, **{axis.name: axis.points[int(k)] for axis, k in zip(self.axes, places, strict=True)}}

    def order(self, slow: Iterable[str]) -> NDArray[np.intp]:
        """The numbers of all combinations so that the axes named change slowest."""
        slow = set(slow)
        if not self.axes:
            return np.zeros(1, dtype=np.intp)
        turned = sorted(range(len(self.axes)), key=lambda k: self.axes[k].name not in slow)
        return np.arange(len(self)).reshape(self.shape).transpose(turned).reshape(-1)

    def __str__(self) -> str:
        parts = [f"{len(axis.points)} {axis.name.replace('_', '-')}" for axis in self.axes]
        return f"{' x '.join(parts) or 'nothing varied'} = {len(self):,} variant{'s' if len(self) != 1 else ''}"


def parse_grid(owner: type, given: Mapping[str, str]) -> ParameterGrid:
    """The grid of a strategy's parameters.

    Parameters
    ----------
    owner : type
        The strategy class.
    given : mapping
        Name of a parameter to its text: :data:`VALUE_FORMATS`.

    Raises
    ------
    UnknownNameError
        No such parameter.
    ParameterError
        A text that is no range and no list of values of the parameter's type.
    """
    known = {item.name: item for item in list_parameters(owner)}
    axes, fixed = [], {}
    for name, text in given.items():
        item = known.get(name.replace("-", "_"))
        if item is None:
            raise UnknownNameError("parameter", name, [item.flag for item in known.values()])
        values = parse_values(item, text)
        if len(values) == 1:
            fixed[item.name] = values[0]
        else:
            axes.append(Axis(name=item.name, points=values))
    return ParameterGrid(axes=tuple(axes), fixed=fixed)


def parse_values(item: Parameter, text: str) -> tuple[Any, ...]:
    """The values that a text stands for.

    Numbers and dates have ranges, both ends included; dates go from session to session. A range of numbers with decimals
    steps by one in its last decimal if no step is given. Texts without fixed choices are separated by ``;``, since a list of
    symbols has commas of its own.

    Raises
    ------
    ParameterError
        As in :func:`parse_grid`, or a value twice.
    """
    free = item.kind is str and not item.choices
    parts = [part.strip() for part in text.split(";" if free else ",")]
    if not all(parts):
        raise ParameterError(f"{item.flag}: {text!r} has an empty place; write {VALUE_FORMATS}.")
    ranged = item.kind in (int, float, date)
    values = list(itertools.chain.from_iterable(_range(item, p) if ranged and ":" in p else [_value(item, p)] for p in parts))
    doubled = (
        next((value for k, value in enumerate(values) if value in values[:k]), None) if len(values) < MAX_RANGE_VALUES else None
    )
    if doubled is not None:
        raise ParameterError(f"{item.flag}: {doubled} stands twice in {text!r}.")
    return tuple(values)


def _range(item: Parameter, text: str) -> list[Any]:
    ends = [part.strip() for part in text.split(":")]
    if len(ends) not in (2, 3) or not all(ends):
        raise ParameterError(f"{item.flag}: {text!r} is no range; write {VALUE_FORMATS}.")
    if item.kind is date:
        return _days(item, ends)
    try:
        first, last, *given = (Decimal(part) for part in ends)
    except InvalidOperation:
        raise ParameterError(f"{item.flag}: {text!r} is no range of numbers; write {VALUE_FORMATS}.") from None
    if not all(number.is_finite() for number in (first, last, *given)):
        raise ParameterError(f"{item.flag}: {text!r} is no range of numbers; write {VALUE_FORMATS}.")
    finest = min(0, *(int(number.as_tuple().exponent) for number in (first, last)))
    step = given[0] if given else Decimal(1).scaleb(finest) if item.kind is float else Decimal(1)
    if not step > 0 or last < first:
        raise ParameterError(f"{item.flag}: {text!r} must go upwards in steps above 0.")
    count = (last - first) / step
    if count > MAX_RANGE_VALUES:
        raise ParameterError(f"{item.flag}: {text!r} has more than {MAX_RANGE_VALUES:,} values; choose a larger step.")
    reached = first + step * int(count)
    if reached != last:
        raise ParameterError(f"{item.flag}: steps of {step} from {first} reach {reached} and {reached + step}, not {last}.")
    return [_value(item, str(first + step * k)) for k in range(int(count) + 1)]


def _days(item: Parameter, ends: list[str]) -> list[date]:
    first, last = _value(item, ends[0]), _value(item, ends[1])
    step = int(ends[2]) if len(ends) == 3 and ends[2].isdigit() else 1 if len(ends) == 2 else 0
    if step < 1 or last < first:
        raise ParameterError(f"{item.flag}: {':'.join(ends)!r} must go upwards in steps of 1 or more sessions.")
    days = [day.date() for day in calendar.between(first, last)][::step]
    if not days:
        raise ParameterError(f"{item.flag}: there is no session from {first} to {last}.")
    return days


def _value(item: Parameter, text: str) -> Any:
    if item.optional and text.lower() == "none":
        return None
    try:
        if item.kind is bool:
            return BOOLEAN_WORDS[text.lower()]
        if item.kind is date:
            return date.fromisoformat(text)
        if item.kind is int:
            number = Decimal(text)
            if number != int(number):
                raise ValueError
            return int(number)
        value = item.kind(text)
    except (ValueError, KeyError, ArithmeticError):
        what = {bool: "true or false", int: "a whole number", float: "a number", date: "a date such as 2024-12-31"}[item.kind]
        raise ParameterError(f"{item.flag}: {text!r} is not {what}; write {VALUE_FORMATS}.") from None
    if item.choices and value not in item.choices:
        raise UnknownNameError(f"{item.flag}", text, item.choices, f"Choices: {', '.join(item.choices)}.")
    return value
