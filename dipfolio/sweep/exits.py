"""Exit rules of many variants, evaluated at once."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.exits import (
    At,
    Bar,
    ChandelierExit,
    Exit,
    FillAt,
    HoldFor,
    Level,
    OpenTrades,
    Recovered,
    StopLoss,
    TakeProfit,
    TrailingStop,
)

ELEMENTWISE_EXITS = (HoldFor, StopLoss, TakeProfit, TrailingStop, ChandelierExit, Recovered, At)
"""Exits whose arithmetic also holds where a field is an array; any other class is asked once for each of its values."""


def stack_exits(rules: Sequence[Exit]) -> Exit | None:
    """One exit whose fields are arrays of shape (variants, 1), None where the exits cannot be put into one.

    It is made without its constructor, which refuses arrays; every variant's own exit has passed it before.

    Parameters
    ----------
    rules : sequence of Exit
        One for each variant, all of one class.
    """
    first = rules[0]
    if type(first) not in ELEMENTWISE_EXITS or not dataclasses.is_dataclass(first):
        return None
    one = object.__new__(type(first))
    for field in dataclasses.fields(first):
        values = [getattr(rule, field.name) for rule in rules]
        if all(value == values[0] for value in values):
            object.__setattr__(one, field.name, values[0])
        elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            object.__setattr__(one, field.name, np.array(values)[:, None])
        else:
            return None
    return one


@dataclass(frozen=True, kw_only=True)
class ExitKind:
    """The properties that exits must share to stand in the same place: their class and how their orders are sent."""

    exit_class: type
    fill: FillAt
    resting: bool

    @classmethod
    def of(cls, rule: Exit) -> "ExitKind":
        """The kind of one exit."""
        return cls(exit_class=type(rule), fill=rule.fill, resting=isinstance(rule, Level) and rule.intraday)


class ExitSlot:
    """The exits that stand in one place of every variant's tuple.

    Attributes
    ----------
    kind : ExitKind
    limit : bool
        Whether it rests as a limit order and not as a stop.
    """

    def __init__(self, rules: Sequence[Exit]) -> None:
        self.kind = ExitKind.of(rules[0])
        self.limit = isinstance(rules[0], Level) and rules[0].order == "limit"
        self._merged = stack_exits(rules)
        self._parts: list[tuple[Exit, NDArray[np.int_]]] = []
        if self._merged is None:
            distinct: list[Exit] = []
            number = [_place(distinct, rule) for rule in rules]
            self._parts = [(rule, np.flatnonzero(np.array(number) == k)) for k, rule in enumerate(distinct)]

    def closes(self, trades: OpenTrades, bar: Bar) -> NDArray[np.bool_]:
        """Which trades to close, shape (variants, symbols)."""
        closing: NDArray[np.bool_] = self._ask(lambda rule, part: rule.closes(part, bar), trades)
        return closing

    def level(self, trades: OpenTrades) -> NDArray[np.float64]:
        """Where a resting order lies, shape (variants, symbols)."""
        price: NDArray[np.float64] = self._ask(lambda rule, part: rule.level(part), trades)
        return price

    def _ask(self, question: Callable[[Any, OpenTrades], Any], trades: OpenTrades) -> Any:
        if self._merged is not None:
            return question(self._merged, trades)
        answers = [question(rule, _rows(trades, rows)) for rule, rows in self._parts]
        combined = np.empty_like(trades.entry_price, dtype=answers[0].dtype)
        for answer, (_, rows) in zip(answers, self._parts, strict=True):
            combined[rows] = answer
        return combined


def exit_slots(exits: Sequence[tuple[Exit, ...]]) -> tuple[ExitSlot, ...]:
    """The places of tuples of the same kinds, one tuple for each variant."""
    return tuple(ExitSlot(column) for column in zip(*exits, strict=True))


def _place(distinct: list[Exit], rule: Exit) -> int:
    if rule not in distinct:
        distinct.append(rule)
    return distinct.index(rule)


def _rows(trades: OpenTrades, rows: NDArray[np.int_]) -> OpenTrades:
    return OpenTrades(**{field.name: getattr(trades, field.name)[rows] for field in dataclasses.fields(trades)})
