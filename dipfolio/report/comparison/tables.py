"""The tables of a comparison, with one column for each series.

The tables show the metrics, the costs and the months; the correlations; the differences of mean returns and Sharpe
ratios beyond chance; and the assumptions, parameters and sources, with differences marked. A template only lays the
cells out.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from dipfolio.data.risk_free import RiskFree
from dipfolio.engine.matched_benchmark import matched_returns
from dipfolio.engine.metrics import (
    MIN_OBSERVATIONS,
    Metric,
    Metrics,
    View,
    cost_metrics,
    excess_returns,
    metric_of,
    metrics_in,
    total_return,
)
from dipfolio.evidence.bootstrap import MeanDifference, SharpeDifference, mean_differences, sharpe_differences
from dipfolio.report.comparison.alignment import Contender
from dipfolio.report.format import MISSING_TEXT, count, format_metric, money, percent
from dipfolio.report.run_record import provenance_rows, state_assumptions
from dipfolio.report.study.tables import format_p_value

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
class ComparisonRow:
    """One line: its label, its unit, which direction is better ("higher", "lower" or neither), its cells."""

    label: str
    unit: str = ""
    better: str = ""
    cells: tuple[Cell, ...] = ()
    strong: bool = False


def has_few_observations(contender: Contender) -> bool:
    """True if the run has so few observations that no ratio of it is evidence."""
    return contender.result is not None and 0 < contender.metrics.observations < MIN_OBSERVATIONS


def metric_rows(
    contenders: Sequence[Contender], benchmark: Metrics | None, view: View = "comparison"
) -> tuple[ComparisonRow, ...]:
    """The metrics of a view, one cell for each contender and a last one for the benchmark if there is one."""
    return tuple(_row(metric, contenders, benchmark) for metric in metrics_in(view))


def _row(metric: Metric, contenders: Sequence[Contender], benchmark: Metrics | None, *, strong: bool = False) -> ComparisonRow:
    values = [_value(contender, metric) for contender in contenders]
    judged = [v for v, c in zip(values, contenders, strict=True) if v is not None and _is_judged(c, metric)]
    top = (max if metric.better == "higher" else min)(judged, default=None)
    mark = bool(metric.better) and len(set(judged)) > 1
    cells = [
        _cell(v, partial(format_metric, metric), best=mark and v == top and _is_judged(c, metric))
        for v, c in zip(values, contenders, strict=True)
    ]
    if benchmark is not None:
        cells.append(_cell(_finite(benchmark.by_name[metric.name]), partial(format_metric, metric)))
    return ComparisonRow(label=metric.label, unit=metric.unit, better=metric.better, cells=tuple(cells), strong=strong)


def _is_judged(contender: Contender, metric: Metric) -> bool:
    """A few observations make no best ratio."""
    return not metric.needs_observations or not has_few_observations(contender)


def _value(contender: Contender, metric: Metric) -> float | None:
    """None where the number does not exist."""
    lost = contender.track.bankrupt and metric.undefined_after_ruin
    return None if lost else _finite(contender.metrics.by_name[metric.name])


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _cell(value: float | None, form: Format, *, best: bool = False) -> Cell:
    return Cell(text=MISSING_TEXT if value is None else form(value), value=value, best=best)


def cost_rows(contenders: Sequence[Contender]) -> tuple[ComparisonRow, ...]:
    """The costs of trading and of holding, each in dollars and of the starting cash, and the dividends apart from them."""
    together = metric_of("costs")
    shares = [None if c.result is None else c.metrics.costs / c.result.account.cash for c in contenders]
    return (
        *(_row(metric, contenders, None) for metric in cost_metrics()),
        _row(together, contenders, None, strong=True),
        ComparisonRow(
            label=together.label, unit="of the starting cash", cells=tuple(_cell(s, _fine_part) for s in shares), strong=True
        ),
        _row(metric_of("dividends"), contenders, None),
    )


def _fine_part(value: float) -> str:
    return f"{value * 100:.3f} %"


def month_rows(contenders: Sequence[Contender], market: pd.Series | None) -> tuple[ComparisonRow, ...]:
    """Compound return of each month and each year, oldest first; a year stands after its months."""
    table = pd.DataFrame({number: contender.returns for number, contender in enumerate(contenders)})
    if market is not None:
        table[len(contenders)] = market
    rows = []
    for year, sessions in table.groupby(table.index.year):
        months = sessions.groupby(sessions.index.month)
        rows += [_period(f"{year}-{month:02d}", days, strong=False) for month, days in months]
        rows.append(_period(f"{year}", sessions, strong=True))
    return tuple(rows)


def _period(label: str, returns: pd.DataFrame, *, strong: bool) -> ComparisonRow:
    values = [total_return(days) if len(days) else None for days in (returns[name].dropna() for name in returns)]
    cells = (Cell(text=MISSING_TEXT if v is None else percent(v), value=v, tint=_tint(v or 0.0), quiet=not v) for v in values)
    return ComparisonRow(label=label, cells=tuple(cells), strong=strong)


def _tint(value: float) -> int:
    """Five steps, from nothing to more than 8 %."""
    size = next((step for step, limit in enumerate((0.0005, 0.01, 0.03, 0.08)) if abs(value) < limit), 4)
    return size if value > 0 else -size


TOO_FEW_OBSERVATIONS = "too few observations to tell"
"""What an interval says of runs with a handful of observations, wherever it lies."""


@dataclass(frozen=True, kw_only=True)
class MeanDifferenceRow:
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


def correlation_rows(contenders: Sequence[Contender], market: pd.Series | None, benchmark: str) -> tuple[ComparisonRow, ...]:
    """Pearson correlation of session returns, idle sessions included; nothing where a return never varies."""
    table = _returns(contenders, market, benchmark).corr(min_periods=3)
    return tuple(ComparisonRow(label=str(name), cells=tuple(map(_correlation, table.loc[name]))) for name in table.index)


def _correlation(value: float) -> Cell:
    if math.isnan(value):
        return Cell(text=MISSING_TEXT)
    shown = round(value, 2) + 0.0
    return Cell(text=f"{shown:+.2f}", value=float(value), tint=int(math.copysign(min(4, abs(shown) * 5), shown)))


def mean_difference_rows(
    contenders: Sequence[Contender], market: pd.Series | None, benchmark: str
) -> tuple[tuple[MeanDifferenceRow, ...], MeanDifference | None]:
    """Each contender and the benchmark less the first one, and one difference to tell how they were resampled."""
    first = contenders[0]
    table = _returns(contenders, market, benchmark).dropna()
    differences = mean_differences(
        table[first.label].to_numpy(), table.drop(columns=first.label).to_numpy(), sessions_per_year=first.sessions_per_year
    )
    others: list[Contender | None] = [*contenders[1:], *([None] if market is not None else [])]
    rows = tuple(
        _mean_difference(first, other, difference, benchmark) for other, difference in zip(others, differences, strict=True)
    )
    return rows, differences[0] if differences else None


def matched_difference_rows(contenders: Sequence[Contender]) -> tuple[MeanDifferenceRow, ...]:
    """The return of each run less that of its benchmark with the same dollars at the same times, over its own window.

    Series from elsewhere have no fills and are left out, and so are runs without a benchmark.
    """
    rows = []
    for contender in contenders:
        result = contender.track.result
        matched = matched_returns(result, result.benchmark) if result is not None and result.benchmark else None
        if result is not None and matched is not None:
            a_year = result.sessions_per_year
            (found,) = mean_differences(matched.to_numpy(), result.returns.to_numpy()[:, None], sessions_per_year=a_year)
            few = has_few_observations(contender)
            low, high = (math.nan, math.nan) if few else (found.low, found.high)
            reading = TOO_FEW_OBSERVATIONS if few else _reading(low, high, few=False)
            looks = f"{count(int(contender.metrics.observations), 'observation')}, too few for an interval." if few else ""
            rows.append(
                MeanDifferenceRow(
                    label=contender.label, mean=_percent(found.mean), low=_percent(low), high=_percent(high), reading=reading,
                    remark=looks,
                )
            )  # fmt: skip
    return tuple(rows)


@dataclass(frozen=True, kw_only=True)
class SharpeDifferenceRow:
    """The Sharpe ratio of a contender less that of the first one, in words.

    Attributes
    ----------
    label : str
    difference, low, high, p_value : Cell
        Ratios a year; the p-value is two-sided.
    reading, remark : str
        As of a :class:`MeanDifferenceRow`.
    found : SharpeDifference
        The numbers behind it.
    """

    label: str
    difference: Cell
    low: Cell
    high: Cell
    p_value: Cell
    reading: str
    remark: str
    found: SharpeDifference


def sharpe_difference_rows(
    contenders: Sequence[Contender], market: pd.Series | None, benchmark: str, risk_free: float | RiskFree = 0.0
) -> tuple[SharpeDifferenceRow, ...]:
    """The Sharpe ratio of each contender and of the benchmark less that of the first one, over the sessions of all."""
    first, table = contenders[0], _returns(contenders, market, benchmark).dropna()
    a_year = first.sessions_per_year
    excess = pd.DataFrame({name: excess_returns(table[name], risk_free, sessions_per_year=a_year) for name in table})
    differences = sharpe_differences(
        excess[first.label].to_numpy(), excess.drop(columns=first.label).to_numpy(), sessions_per_year=a_year
    )
    others: list[Contender | None] = [*contenders[1:], *([None] if market is not None else [])]
    return tuple(_sharpe_difference(first, other, one, benchmark) for other, one in zip(others, differences, strict=True))


def _sharpe_difference(
    first: Contender, other: Contender | None, difference: SharpeDifference, benchmark: str
) -> SharpeDifferenceRow:
    lost = [c.label for c in (first, other) if c is not None and c.track.bankrupt]
    if lost:
        difference = replace(difference, difference=math.nan, error=math.nan, low=math.nan, high=math.nan, p_value=math.nan)
    looks = _looks(first, other)
    return SharpeDifferenceRow(
        label=benchmark if other is None else other.label, difference=_signed(difference.difference), low=_signed(difference.low),
        high=_signed(difference.high), p_value=_p_value(math.nan if looks else difference.p_value),
        reading=_reading(difference.low, difference.high, few=bool(looks), same="the same ratio"),
        remark=f"{' and '.join(lost)} was wiped out: a lost account has no Sharpe ratio." if lost else looks, found=difference,
    )  # fmt: skip


def _signed(value: float) -> Cell:
    finite = math.isfinite(value)
    return Cell(text=f"{round(value, 2) + 0.0:+.2f}" if finite else MISSING_TEXT, value=value if finite else None)


def _p_value(value: float) -> Cell:
    return Cell(text=format_p_value(value), value=None if math.isnan(value) else value)


def _returns(contenders: Sequence[Contender], market: pd.Series | None, benchmark: str) -> pd.DataFrame:
    table = pd.DataFrame({contender.label: contender.returns for contender in contenders})
    return table if market is None else table.assign(**{_market_label(table, benchmark): market})


def _market_label(table: pd.DataFrame, benchmark: str) -> str:
    return benchmark if benchmark not in table else f"{benchmark} (benchmark)"


def _mean_difference(first: Contender, other: Contender | None, difference: MeanDifference, benchmark: str) -> MeanDifferenceRow:
    lost = [c.label for c in (first, other) if c is not None and c.track.bankrupt]
    low, high = (math.nan, math.nan) if lost else (difference.low, difference.high)
    looks = _looks(first, other)
    return MeanDifferenceRow(
        label=benchmark if other is None else other.label,
        mean=_percent(math.nan if lost else difference.mean),
        low=_percent(low),
        high=_percent(high),
        reading=_reading(low, high, few=bool(looks)),
        remark=f"{' and '.join(lost)} was wiped out: a lost account has no mean return." if lost else looks,
    )


def _percent(value: float) -> Cell:
    return Cell(text=percent(value), value=None if math.isnan(value) else value)


def _reading(low: float, high: float, *, few: bool, same: str = "the same returns") -> str:
    if math.isnan(low):
        return "no interval"
    if low == high:
        return same
    if few:
        return TOO_FEW_OBSERVATIONS
    if math.isinf(low):
        return "no interval"
    return "chance alone could explain it" if low <= 0 <= high else "more than chance, by this measure"


def _looks(first: Contender, other: Contender | None) -> str:
    """The remark that a run has few observations, however many sessions are resampled."""
    few = [c for c in (first, other) if c is not None and has_few_observations(c)]
    if not few:
        return ""
    numbers = [(c.label, int(c.metrics.observations)) for c in few]
    sentences = [f"{label} entered in {count(number, 'session')}: {count(number, 'observation')}" for label, number in numbers]
    return f"{'; '.join(sentences)}. The interval is no evidence about {'the rule' if len(few) == 1 else 'the rules'}."


UNKNOWN_TERM = "not known: a series from elsewhere"


@dataclass(frozen=True, kw_only=True)
class Term:
    """One topic with a sentence for each contender, in their order."""

    topic: str
    sentences: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """True if the records say different things of it."""
        return len({sentence for sentence in self.sentences if sentence != UNKNOWN_TERM}) > 1

    @property
    def shared(self) -> str:
        """The value that all records have, if they agree."""
        return next((sentence for sentence in self.sentences if sentence != UNKNOWN_TERM), UNKNOWN_TERM)


def assumption_terms(contenders: Sequence[Contender]) -> tuple[Term, ...]:
    """The assumptions of each run, its own window and cash first; as the runs were made, before any alignment."""
    settings = [("Window", [c.track.span for c in contenders]), ("Starting cash", [_cash(c) for c in contenders])]
    known = [dict(state_assumptions(c.track.result)) if c.track.result else {} for c in contenders]
    return tuple(_term(topic, list(sentences)) for topic, sentences in settings) + _side_by_side(known)


def parameter_terms(contenders: Sequence[Contender]) -> tuple[Term, ...]:
    """The strategy of each run, and every parameter that any of them has."""
    known = [
        {
            "idea": c.track.result.title or MISSING_TEXT,
            **{n.replace("_", " "): str(v) for n, v in c.track.result.parameters.items()},
        }
        if c.track.result
        else {}
        for c in contenders
    ]
    return _side_by_side(known)


def provenance_terms(contenders: Sequence[Contender]) -> tuple[Term, ...]:
    """Where the data of each come from."""
    known = [dict(provenance_rows(c.track.result)) if c.track.result else {"Source": c.track.origin} for c in contenders]
    return _side_by_side(known)


def _side_by_side(known: Sequence[dict[str, str]]) -> tuple[Term, ...]:
    topics = dict.fromkeys(topic for record in known for topic in record)
    return tuple(_term(topic, [_sentence(record, topic) for record in known]) for topic in topics)


def _sentence(record: dict[str, str], topic: str) -> str:
    return record.get(topic, MISSING_TEXT if len(record) > 1 else UNKNOWN_TERM)


def _term(topic: str, sentences: list[str]) -> Term:
    return Term(topic=topic, sentences=tuple(sentences))


def _cash(contender: Contender) -> str:
    return money(contender.track.result.account.cash) if contender.track.result else UNKNOWN_TERM
