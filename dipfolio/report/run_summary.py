"""The summary of a run: its heading, its rows of metrics, and the remarks that a reader must know before the numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath
from typing import Any

import pandas as pd

from dipfolio.data.calendar import SESSIONS_PER_YEAR
from dipfolio.data.universe import DATED_MEMBERS, EVERY_SYMBOL, FILE_MARK
from dipfolio.engine.allocation import is_rebalanced
from dipfolio.engine.attribution import Attribution
from dipfolio.engine.display import signed_dollars
from dipfolio.engine.metrics import (
    ALWAYS_INVESTED,
    MIN_OBSERVATIONS,
    PORTFOLIO_SHARE,
    Metric,
    Metrics,
    View,
    applicable_metrics,
    metric_of,
    metrics_in,
)
from dipfolio.engine.result import Result
from dipfolio.engine.taxes import TaxRule, tax_result
from dipfolio.report.format import count, format_metric, money, percent, unsigned_percent

MIN_ANNUALISED_SESSIONS = 60
"""Sessions under which annual values are made of too little to be more than an extrapolation."""


def run_heading(result: Result) -> str:
    """The name, with the parameters that were changed; a universe of many names is counted."""
    changed = {name: parameter_of_run(result, name, value) for name, value in result.changed.items()}
    return strategy_heading(result.strategy, changed)


def strategy_heading(strategy: str, changed: dict[str, Any]) -> str:
    """A strategy's name, with the parameters that were changed."""
    between = "; " if any(", " in str(value) for value in changed.values()) else ", "
    words = between.join(f"{name} {value}" for name, value in changed.items())
    return f"{strategy} ({words})" if words else strategy


def parameter_of_run(result: Result, name: str, value: Any) -> str:
    """A parameter of a run as text; see :func:`universe_text` for the universe."""
    if name != "universe":
        return str(value)
    is_counted = value == EVERY_SYMBOL or (str(value).startswith(FILE_MARK) and value != DATED_MEMBERS)
    return universe_text(str(value), len(result.symbols) if is_counted else 0)


def universe_text(universe: str, names: int = 0) -> str:
    """A universe as a heading has it: the name of the group or the file with the number of names, or the first of many symbols.

    >>> universe_text("@lists/chips.txt", 40), universe_text("all", 3000), universe_text("NVDA,SMH")
    ('chips.txt, 40 names', 'all, 3,000 names', 'NVDA,SMH')
    """
    if names:
        return f"{PurePath(universe.removeprefix(FILE_MARK)).name}, {count(names, 'name')}"
    return listed(universe.split(","), ",") if universe.count(",") >= MAX_SYMBOLS_NAMED else universe


def listed(words: Sequence[str], between: str = ", ") -> str:
    """The first words of a list, and how many more there are."""
    more = len(words) - MAX_SYMBOLS_NAMED
    return between.join(words[:MAX_SYMBOLS_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def summary_rows(result: Result, metrics: Metrics, view: View = "summary") -> tuple[tuple[str, str], ...]:
    """The metrics of a view, each label with its value, in the order in which they are read; the window comes first."""
    window = f"{result.window[0]} to {result.window[1]}, {count(int(metrics.sessions), 'session')}"
    portfolio, there = is_rebalanced(result), applicable_metrics(metrics, result)
    turned = portfolio or (bool(metrics.fills) and not metrics.trades)
    shown = [m for m in metrics_in(view) if m.name in there and (turned or m.name not in _WITHOUT_ROUND_TRIPS)]
    if portfolio and view == "brief":  # its positions are resized and seldom closed, so that few trades have ended
        shown = [metric_of("turnover") if metric.name == "win_rate" else metric for metric in shown]
    rows = (_summary_row(metric, result, metrics) for metric in shown)
    return (("Whole account", window), *rows, *(_tax_rows(result, result.taxes) if result.taxes else ()))


def _tax_rows(result: Result, rule: TaxRule) -> Iterator[tuple[str, str]]:
    """The outcome after taxes, beside that before them."""
    found = tax_result(result, rule)
    yield "Taxes, not charged in the simulation", money(found.tax)
    yield "Final equity after taxes", money(found.final_equity)
    yield "Total return after taxes", percent(found.total_return)


_WITHOUT_ROUND_TRIPS = ("fills", "turnover")
"""Shown of a run that traded and of which no position was closed, and of a portfolio that was rebalanced."""


def _summary_row(metric: Metric, result: Result, metrics: Metrics) -> tuple[str, str]:
    """Label and value; some rows have the unit, the number of sessions, the benchmark or a second metric with them."""
    text = format_metric(metric, metrics.by_name[metric.name])
    if metric.name in ("time_in_market", "mean_exposure", "turnover"):
        return metric.label, f"{text} {metric.unit}"
    if metric.name == "fills":
        return metric.label, f"{text} in {count(result.fills['session'].nunique(), 'session')}"
    if metric.name == "commission":
        return "Commissions and fees", money(metrics.commission + metrics.fees)
    if metric.name == "benchmark_return":
        return f"{metric.label} ({result.benchmark or 'none'})", text
    if metric.name == "excess_return" and _was_idle(result, metrics):
        return metric.label, f"{text}, in cash for {unsigned_percent(1 - metrics.time_in_market)} of the sessions"
    if metric.name == "open_positions" and metrics.open_positions:
        return metric.label, f"{text}, worth {money(metrics.open_value)}"
    return metric.label, text


WITHOUT_TRADES_REMARK = (
    "The profit without these trades is a subtraction and no test, as nobody knows beforehand which trades will be the best or "
    "the worst."
)


def without_trades_rows(found: Attribution) -> tuple[tuple[str, str, str], ...]:
    """Which trades, their profit, and the profit of the run without them; empty for a run of one trade or none."""
    return tuple(
        (
            f"{which.capitalize()} {count(trades, 'trade') if trades > 1 else 'trade'}",
            signed_dollars(round(found.profit) - round(without)),
            signed_dollars(without),
        )
        for which, trades, without in found.best_and_worst[["which", "trades", "without"]].itertuples(index=False)
    )


def idle_remark(result: Result, metrics: Metrics) -> str:
    """The remark on the excess of an account that was mostly in cash; empty for any other account, and without a benchmark."""
    if not _was_idle(result, metrics):
        return ""
    idle = unsigned_percent(1 - metrics.time_in_market)
    return f"In cash for {idle} of the sessions, the benchmark never: the excess compares two accounts, not the trades."


def _was_idle(result: Result, metrics: Metrics) -> bool:
    """True for an account that was in cash for most of the sessions, which its benchmark never was."""
    return bool(result.benchmark) and 0 < metrics.time_in_market < PORTFOLIO_SHARE


def run_remarks(result: Result, metrics: Metrics) -> tuple[str, ...]:
    """The remarks that a reader must know before the numbers; empty where there are none."""
    events = result.events
    said = [*_frequency(result), *result.provenance.remarks]
    said += [_event_remark(events[events["kind"] == kind], kind) for kind in EVENTS if (events["kind"] == kind).any()]
    if not metrics.trades and not metrics.open_positions:
        why = "" if len(events) else ": no decision falls into it"
        said.append(f"The strategy never traded in this window{why}.")
    else:
        said.extend(_observed(result, metrics))
    if metrics.sessions < min_annualised_sessions(result.sessions_per_year):
        said.append(f"A window of {count(int(metrics.sessions), 'session')}: annual values are an extrapolation.")
    return tuple(said)


def min_annualised_sessions(sessions_per_year: int) -> float:
    """Sessions below which annual values are an extrapolation: :data:`MIN_ANNUALISED_SESSIONS` of New York, by their time."""
    return MIN_ANNUALISED_SESSIONS * sessions_per_year / SESSIONS_PER_YEAR


def _frequency(result: Result) -> Iterator[str]:
    """The remark on bars that are not daily."""
    exchange = result.provenance.calendar
    if exchange.frequency != "daily":
        noun = {"weekly": "week", "monthly": "month"}[exchange.frequency]
        yield (
            f"{exchange.frequency.capitalize()} bars: a session, and a day in the names of the charts, is one {noun}, and annual "
            f"numbers count {exchange.sessions_per_year} a year."
        )


def _observed(result: Result, metrics: Metrics) -> Iterator[str]:
    """The remarks on few observations, or few decisions about when to be invested."""
    number, rebalanced = int(metrics.observations), result.fills["session"].nunique()
    if number < MIN_OBSERVATIONS:
        yield few_observations_remark(number)
    elif max(metrics.entry_dates, rebalanced) < MIN_OBSERVATIONS and metrics.time_in_market < ALWAYS_INVESTED:
        entered = count(int(metrics.entry_dates), "session")
        yield (
            f"Invested in {unsigned_percent(metrics.time_in_market)} of the sessions with entries in {entered}: the ratios "
            "describe the "
            "positions that were held, and say little about when to hold them."
        )


def few_observations_remark(observations: int) -> str:
    """The remark on a run, or a cell of a sweep, that was entered in too few sessions."""
    looks = count(observations, "observation")
    return f"All trades were entered in {count(observations, 'session')}: {looks} at the most, and no ratio here is evidence."


def _event_remark(events: pd.DataFrame, kind: str) -> str:
    """How often an event of one kind occurred, to which symbols, and when first."""
    noun, what = EVENTS[kind]
    first, symbols = events.iloc[0], [symbol for symbol in events["symbol"].unique() if symbol]
    where = f" ({listed(symbols)})" if len(symbols) > 1 else ""
    which = "the first" if len(events) > 1 else ""
    of = f"for {first['symbol']}" if first["symbol"] else ""
    when = " ".join(word for word in (which, of, f"on {first['session'].date()}") if word)
    counted = "The account was" if kind == "bankrupt" else count(len(events), noun)
    return f"{counted} {what}{where}, {when}: {first['detail']}."


MAX_SYMBOLS_NAMED = 12
"""Symbols that a remark or a heading names."""

EVENTS = {
    "bankrupt": ("account", "wiped out and the run ended"),
    "margin call": ("margin call", "closed every position"),
    "not reopened": ("position", "not opened again after a margin call"),
    "stopped": ("stop", "on the account or a group closed trades together"),
    "held back": ("target", "held back after a stop"),
    "refused": ("order", "refused"),
    "scaled": ("order", "cut to buying power or volume"),
    "rounded": ("order", "rounded to whole shares"),
    "no share": ("target", "came to less than one share, so that nothing was bought or sold short"),
    "unfilled": ("order", "never filled"),
    "settled": ("position", "paid out at the last close because the symbol stopped trading"),
}
"""Kinds of events with the noun and the words of their remark, in the order of the remarks."""


@dataclass(frozen=True, kw_only=True)
class Hindsight:
    """The same strategy on the members of each date and on names of today.

    Attributes
    ----------
    universe : str
        The names of today.
    today, dated : Metrics
    window : (date, date)
        First and last session of both.
    """

    universe: str
    today: Metrics
    dated: Metrics
    window: tuple[date, date]

    @property
    def difference(self) -> float:
        """Annual return on the names of today less that on the members of each date."""
        return float(self.today.annual_return - self.dated.annual_return)


def hindsight_sentence(found: Hindsight) -> str:
    """The difference and the two annual returns, in one sentence each."""
    first, last = found.window
    today, dated = percent(found.today.annual_return), percent(found.dated.annual_return)
    return (
        f"Hindsight in {found.universe}: {percent(found.difference)} a year. From {first} to {last} these names of today earned "
        f"{today} a year, and the members of each date {dated}."
    )
