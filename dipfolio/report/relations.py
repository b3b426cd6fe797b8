"""Relations: how contenders move together, and how far apart their mean returns are beyond chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dipfolio.evidence.bootstrap import Difference, mean_differences
from dipfolio.report.board import Cell, Row, few_looks
from dipfolio.report.contender import Contender
from dipfolio.report.wording import NOTHING, count, percent

TOO_FEW = "too few entries to tell"
"""What an interval says of runs that entered in a handful of sessions, wherever it lies."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The difference of a contender to the first one, in words.

    Attributes
    ----------
    label : str
    mean, low, high : Cell
        A year, as fractions of the account.
    reading : str
        What the interval says.
    remark : str
        Why it says less; empty for nothing.
    """

    label: str
    mean: Cell
    low: Cell
    high: Cell
    reading: str
    remark: str


def correlations(field: Sequence[Contender], market: pd.Series | None, benchmark: str) -> tuple[Row, ...]:
    """Pearson correlation of session returns, idle sessions included; nothing where a return never varies."""
    table = _returns(field, market, benchmark).corr(min_periods=3)
    return tuple(Row(label=str(name), cells=tuple(map(_correlation, table.loc[name]))) for name in table.index)


def _correlation(value: float) -> Cell:
    if math.isnan(value):
        return Cell(text=NOTHING)
    shown = round(value, 2) + 0.0
    return Cell(text=f"{shown:+.2f}", value=float(value), tint=int(math.copysign(min(4, abs(shown) * 5), shown)))


def gaps(field: Sequence[Contender], market: pd.Series | None, benchmark: str) -> tuple[tuple[Gap, ...], Difference | None]:
    """Each contender and the benchmark less the first one, and one difference to tell how they were resampled."""
    first = field[0]
    table = _returns(field, market, benchmark).dropna()
    found = mean_differences(table[first.label].to_numpy(), table.drop(columns=first.label).to_numpy())
    others: list[Contender | None] = [*field[1:], *([None] if market is not None else [])]
    said = tuple(_gap(first, other, difference, benchmark) for other, difference in zip(others, found, strict=True))
    return said, found[0] if found else None


def _returns(field: Sequence[Contender], market: pd.Series | None, benchmark: str) -> pd.DataFrame:
    table = pd.DataFrame({contender.label: contender.returns for contender in field})
    return table if market is None else table.assign(**{_market_label(table, benchmark): market})


def _market_label(table: pd.DataFrame, benchmark: str) -> str:
    return benchmark if benchmark not in table else f"{benchmark} (benchmark)"


def _gap(first: Contender, other: Contender | None, difference: Difference, benchmark: str) -> Gap:
    lost = [c.label for c in (first, other) if c is not None and c.track.bankrupt]
    low, high = (math.nan, math.nan) if lost else (difference.low, difference.high)
    looks = _looks(first, other)
    return Gap(
        label=benchmark if other is None else other.label,
        mean=_percent(math.nan if lost else difference.mean),
        low=_percent(low),
        high=_percent(high),
        reading=_reading(low, high, few=bool(looks)),
        remark=f"{' and '.join(lost)} was wiped out: a lost account has no mean return." if lost else looks,
    )


def _percent(value: float) -> Cell:
    return Cell(text=percent(value), value=None if math.isnan(value) else value)


def _reading(low: float, high: float, *, few: bool) -> str:
    if math.isnan(low):
        return "no interval"
    if low == high == 0:
        return "the same returns"
    if few:
        return TOO_FEW
    return "chance alone could explain it" if low <= 0 <= high else "more than chance, by this measure"


def _looks(first: Contender, other: Contender | None) -> str:
    """A run is as many observations as sessions in which it entered, however many sessions are resampled."""
    few = [c for c in (first, other) if c is not None and few_looks(c)]
    if not few:
        return ""
    numbers = [(c.label, c.metrics.entry_dates) for c in few]
    said = [f"{label} entered in {count(number, 'session')}: {count(number, 'observation')}" for label, number in numbers]
    return f"{'; '.join(said)}. The interval is no evidence about {'the rule' if len(few) == 1 else 'the rules'}."
