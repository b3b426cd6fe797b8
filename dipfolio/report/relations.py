"""Relations: how contenders move together, and how far apart their mean returns are beyond chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dipfolio.evidence.bootstrap import Difference, mean_differences
from dipfolio.report.board import Cell, Row, one_look
from dipfolio.report.contender import Contender
from dipfolio.report.wording import NOTHING, percent


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
    rows = []
    for name in table.index:
        cells = tuple(
            Cell(text=NOTHING if math.isnan(value) else f"{value:+.2f}", value=None if math.isnan(value) else float(value),
                 tint=0 if math.isnan(value) else int(math.copysign(min(4, abs(value) * 5), value)))
            for value in table.loc[name]
        )  # fmt: skip
        rows.append(Row(label=str(name), cells=cells))
    return tuple(rows)


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
    return Gap(
        label=benchmark if other is None else other.label,
        mean=_percent(math.nan if lost else difference.mean),
        low=_percent(low),
        high=_percent(high),
        reading=_reading(low, high),
        remark=f"{' and '.join(lost)} was wiped out: a lost account has no mean return." if lost else _one_look(first, other),
    )


def _percent(value: float) -> Cell:
    return Cell(text=percent(value), value=None if math.isnan(value) else value)


def _reading(low: float, high: float) -> str:
    if math.isnan(low):
        return "no interval"
    if low == high == 0:
        return "the same returns"
    return "chance alone could explain it" if low <= 0 <= high else "more than chance, by this measure"


def _one_look(first: Contender, other: Contender | None) -> str:
    """A run whose trades were all entered in one session is one observation, however many sessions are resampled."""
    single = [c.label for c in (first, other) if c is not None and one_look(c)]
    if not single:
        return ""
    return f"{' and '.join(single)}: all trades entered in one session, one observation. The interval is no evidence about the rule."
