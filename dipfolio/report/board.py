"""Board: a table with the contenders as columns, made of words and numbers that a template only has to place."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from dipfolio.engine.metrics import Metrics, total_return
from dipfolio.report.contender import Contender
from dipfolio.report.wording import FEW, NOTHING, money, part, percent, ratio

Format = Callable[[float], str]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One value.

    Attributes
    ----------
    text : str
        As it is read.
    value : float or None
        By which it is sorted.
    best : bool
        Whether no other contender does better.
    tint : int
        From -4 to 4: how strongly it is coloured as a loss or a gain.
    quiet : bool
        Whether it says that nothing happened.
    """

    text: str
    value: float | None = None
    best: bool = False
    tint: int = 0
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: its label, its unit, which direction is better ("higher", "lower" or neither), its cells."""

    label: str
    unit: str = ""
    better: str = ""
    cells: tuple[Cell, ...] = ()
    strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How a metric is shown; ``books`` are those that a bare series of returns does not have."""

    field: str
    label: str
    form: Format
    unit: str = ""
    better: str = ""
    books: bool = False


def _whole(value: float) -> str:
    return f"{value:,.0f}"


MEASURES = (
    Measure(field="total_return", label="Total return", form=percent, better="higher"),
    Measure(field="annual_return", label="Annual return", form=percent, unit="a year", better="higher"),
    Measure(field="volatility", label="Volatility", form=part, unit="a year", better="lower"),
    Measure(field="sharpe", label="Sharpe", form=ratio, unit="a year", better="higher"),
    Measure(field="sortino", label="Sortino", form=ratio, unit="a year", better="higher"),
    Measure(field="worst_drawdown", label="Worst drawdown", form=percent, unit="from the highest close", better="higher"),
    Measure(field="excess_return", label="Excess over benchmark", form=percent, unit="of total return", better="higher"),
    Measure(field="time_in_market", label="Time in market", form=part, unit="of sessions", books=True),
    Measure(field="mean_exposure", label="Exposure", form=part, unit="of equity, on average", books=True),
    Measure(field="trades", label="Trades", form=_whole, unit="ended", books=True),
    Measure(field="win_rate", label="Win rate by trade", form=part, unit="of trades", better="higher", books=True),
    Measure(field="entry_dates", label="Entry sessions", form=_whole, unit="independent looks, at most", books=True),
    Measure(field="open_positions", label="Open positions", form=_whole, unit="at the end", books=True),
    Measure(field="final_equity", label="Final equity", form=money, unit="dollars", books=True),
)
COSTS = (
    Measure(field="commission", label="Commission", form=money, books=True),
    Measure(field="fees", label="SEC and FINRA fees", form=money, books=True),
    Measure(field="slippage", label="Slippage", form=money, unit="in the prices", books=True),
    Measure(field="borrow", label="Borrow fees", form=money, books=True),
    Measure(field="interest", label="Interest on negative cash", form=money, books=True),
)
RATIOS = ("annual_return", "volatility", "sharpe", "sortino")
"""Not stated of an account that was wiped out."""


EVIDENCE = ("sharpe", "sortino", "win_rate")
"""Not marked as best in a run of few observations."""


def few_looks(contender: Contender) -> bool:
    """Whether the trades were entered in so few sessions that no ratio of the run is evidence."""
    return contender.result is not None and 0 < contender.metrics.entry_dates < FEW


def metric_rows(field: Sequence[Contender], benchmark: Metrics | None) -> tuple[Row, ...]:
    """The metrics, one cell for each contender and a last one for the benchmark if there is one."""
    return tuple(_row(measure, field, benchmark) for measure in MEASURES)


def _row(measure: Measure, field: Sequence[Contender], benchmark: Metrics | None) -> Row:
    values = [_value(contender, measure) for contender in field]
    judged = [v for v, c in zip(values, field, strict=True) if v is not None and _is_judged(c, measure)]
    top = (max if measure.better == "higher" else min)(judged, default=None)
    mark = bool(measure.better) and len(set(judged)) > 1
    cells = [
        _cell(v, measure.form, best=mark and v == top and _is_judged(c, measure)) for v, c in zip(values, field, strict=True)
    ]  # fmt: skip
    if benchmark is not None:
        of_market = math.nan if measure.books or measure.field == "excess_return" else getattr(benchmark, measure.field)
        cells.append(_cell(None if math.isnan(of_market) else of_market, measure.form))
    return Row(label=measure.label, unit=measure.unit, better=measure.better, cells=tuple(cells))


def _is_judged(contender: Contender, measure: Measure) -> bool:
    """A few observations make no best ratio."""
    return measure.field not in EVIDENCE or not few_looks(contender)


def _value(contender: Contender, measure: Measure) -> float | None:
    """None where the number does not exist."""
    lost = contender.track.bankrupt and measure.field in RATIOS
    value = float(getattr(contender.metrics, measure.field))
    return None if lost or math.isnan(value) or (measure.books and contender.result is None) else value


def _cell(value: float | None, form: Format, *, best: bool = False) -> Cell:
    return Cell(text=NOTHING if value is None else form(value), value=value, best=best)


def cost_rows(field: Sequence[Contender]) -> tuple[Row, ...]:
    """What trading and holding cost each, in dollars and of the starting cash, and the dividends apart from it."""
    rows = [_row(measure, field, None) for measure in COSTS]
    sums = [
        None if c.result is None else sum(getattr(c.metrics, measure.field) for measure in COSTS) for c in field
    ]  # fmt: skip
    shares = [None if s is None or c.result is None else s / c.result.account.cash for s, c in zip(sums, field, strict=True)]
    paid = Measure(field="dividends", label="Dividends received less paid", form=money, books=True)
    return (
        *rows,
        Row(label="All costs", cells=tuple(_cell(s, money) for s in sums), strong=True),
        Row(label="All costs", unit="of the starting cash", cells=tuple(_cell(s, _fine_part) for s in shares), strong=True),
        _row(paid, field, None),
    )


def _fine_part(value: float) -> str:
    return f"{value * 100:.3f} %"


def month_rows(field: Sequence[Contender], market: pd.Series | None) -> tuple[Row, ...]:
    """Compound return of each month and each year, oldest first; a year stands after its months."""
    table = pd.DataFrame({number: contender.returns for number, contender in enumerate(field)})
    if market is not None:
        table[len(field)] = market
    rows = []
    for year, sessions in table.groupby(table.index.year):
        months = sessions.groupby(sessions.index.month)
        rows += [_period(f"{year}-{month:02d}", days, strong=False) for month, days in months]
        rows.append(_period(f"{year}", sessions, strong=True))
    return tuple(rows)


def _period(label: str, returns: pd.DataFrame, *, strong: bool) -> Row:
    values = [total_return(days) if len(days) else None for days in (returns[name].dropna() for name in returns)]
    cells = (Cell(text=NOTHING if v is None else percent(v), value=v, tint=_tint(v or 0.0), quiet=not v) for v in values)
    return Row(label=label, cells=tuple(cells), strong=strong)


def _tint(value: float) -> int:
    """Five steps, from nothing to more than 8 %."""
    size = next((step for step, limit in enumerate((0.0005, 0.01, 0.03, 0.08)) if abs(value) < limit), 4)
    return size if value > 0 else -size
