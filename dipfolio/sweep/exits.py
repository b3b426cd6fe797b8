"""Exit rules of many variants, evaluated at once."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.account_stops import AccountStop, GroupStop, PairStop, PortfolioStop, pause_of
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

ELEMENTWISE_EXITS = (
    HoldFor, StopLoss, TakeProfit, TrailingStop, ChandelierExit, Recovered, At, PortfolioStop, GroupStop, PairStop
)  # fmt: skip
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
    pause : array of int of shape (variants,), or None
        Of stops on the account, see :func:`dipfolio.engine.account_stops.pause_of`; None for other rules.
    """

    def __init__(self, rules: Sequence[Exit]) -> None:
        stops = [rule for rule in rules if isinstance(rule, AccountStop)]
        self.pause = np.array([pause_of(rule.reenter) for rule in stops], dtype=np.int64) if stops else None
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
        if self._merged is not None:
            return np.asarray(self._merged.closes(trades, bar))
        return self._together(trades, [rule.closes(_rows(trades, rows), bar.of_variants(rows)) for rule, rows in self._parts])

    def partners(self, leaving: NDArray[np.bool_], bar: Bar) -> NDArray[np.bool_]:
        """Both symbols of each pair of which a leg is leaving, shape (variants, symbols); for a place of pair stops."""
        answer = np.zeros_like(leaving)
        if isinstance(self._merged, PairStop):
            return self._merged.partners(leaving, bar)
        for rule, rows in self._parts:
            if isinstance(rule, PairStop):
                answer[rows] = rule.partners(leaving[rows], bar)
        return answer

    def level(self, trades: OpenTrades) -> NDArray[np.float64]:
        """Where a resting order lies, shape (variants, symbols)."""
        if isinstance(self._merged, Level):
            return self._merged.level(trades)
        return self._together(trades, [rule.level(_rows(trades, rows)) for rule, rows in self._parts if isinstance(rule, Level)])

    def _together(self, trades: OpenTrades, answers: list[NDArray[Any]]) -> NDArray[Any]:
        """The answers of the parts in the rows of their variants."""
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
