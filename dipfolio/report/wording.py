"""Wording: how numbers and facts of a run are put into words, the same on the terminal and on every page."""

import math
from typing import Any

from dipfolio.engine.metrics import Metrics
from dipfolio.engine.result import Result

NOTHING = "-"
"""Where a number does not exist, such as the win rate of no trade."""


FEW = 10
"""Entry dates under which no ratio of a run is evidence of anything."""

SHORT = 60
"""Sessions under which figures a year are made of too little to be more than an extrapolation."""

HALF = 0.5


def percent(value: float, places: int = 2) -> str:
    """A signed percentage."""
    return NOTHING if math.isnan(value) else f"{round(value * 100, places) + 0.0:+.{places}f} %"


def part(value: float) -> str:
    """A fraction of a whole, without a sign."""
    return NOTHING if math.isnan(value) else f"{value * 100:.1f} %"


def money(value: float) -> str:
    """Dollars and cents, the sign before the dollar."""
    text = f"{abs(value):,.2f}"
    return f"-${text}" if value < 0 and text != "0.00" else f"${text}"


def ratio(value: float) -> str:
    """A number such as a Sharpe ratio."""
    return NOTHING if math.isnan(value) else f"{round(value, 2) + 0.0:.2f}"


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def heading(result: Result) -> str:
    """The name, with the parameters that were changed."""
    return titled(result.strategy, result.changed)


def titled(strategy: str, changed: dict[str, Any]) -> str:
    """A strategy's name, with the parameters that were changed."""
    words = ", ".join(f"{name} {value}" for name, value in changed.items())
    return f"{strategy} ({words})" if words else strategy


def rows(result: Result, metrics: Metrics) -> tuple[tuple[str, str], ...]:
    """The summary: each label with its value, in the order in which it is read."""
    market = result.benchmark or "none"
    return (
        ("Window", f"{result.window[0]} to {result.window[1]}, {count(metrics.sessions, 'session')}"),
        ("Total return", percent(metrics.total_return)),
        ("Annual return", percent(metrics.annual_return)),
        ("Volatility", part(metrics.volatility)),
        ("Sharpe", ratio(metrics.sharpe)),
        ("Sortino", ratio(metrics.sortino)),
        ("Worst drawdown", percent(metrics.worst_drawdown)),
        ("Exposure", f"{part(metrics.time_in_market)} of sessions, {part(metrics.mean_exposure)} of equity on average"),
        ("Trades", f"{metrics.trades:,}"),
        ("Win rate by trade", part(metrics.win_rate)),
        ("Commissions and fees", money(metrics.commission + metrics.fees)),
        ("Slippage (in the prices)", money(metrics.slippage)),
        ("Borrow fees", money(metrics.borrow)),
        ("Debit interest", money(metrics.interest)),
        ("Dividends", money(metrics.dividends)),
        ("Final equity", money(metrics.final_equity)),
        (f"Benchmark return ({market})", percent(metrics.benchmark_return)),
        ("Excess over benchmark", percent(metrics.excess_return)),
        (
            "Open positions",
            f"{metrics.open_positions}, worth {money(metrics.open_value)}" if metrics.open_positions else "0",
        ),
        ("Ledger residual", f"${metrics.residual:.6f}"),
    )


def remarks(result: Result, metrics: Metrics) -> tuple[str, ...]:
    """What a reader must know before believing the numbers: nothing where there is nothing to say."""
    said = []
    events = result.events
    for kind, sentence in _EVENTS.items():
        found = events[events["kind"] == kind]
        if len(found):
            first = found.iloc[0]
            where = f"{first['symbol']} on " if first["symbol"] else ""
            said.append(
                f"{sentence.format(count=count(len(found), 'order'))}: {where}{first['session'].date()}, {first['detail']}."
            )
    if not metrics.trades and not metrics.open_positions:
        why = "" if len(events) else ": no decision falls into it, or each comes to less than a share"
        said.append(f"The strategy never traded in this window{why}.")
    elif metrics.entry_dates < FEW:
        sessions, observations = count(metrics.entry_dates, "session"), count(metrics.entry_dates, "observation")
        said.append(f"All trades were entered in {sessions}: {observations} at the most, and no ratio here is evidence.")
    if metrics.sessions < SHORT:
        said.append(f"A window of {count(metrics.sessions, 'session')}: what is told a year is an extrapolation.")
    if result.benchmark and 0 < metrics.time_in_market < HALF:
        idle = part(1 - metrics.time_in_market)
        said.append(f"In cash for {idle} of the sessions, the benchmark never: the excess compares two accounts, not the trades.")
    return tuple(said)


_EVENTS = {
    "bankrupt": "The account was wiped out and the run ended",
    "margin call": "A margin call closed every position",
    "refused": "{count} refused, first",
    "scaled": "{count} cut to buying power or volume, first",
    "unfilled": "{count} never filled, first",
    "settled": "A symbol stopped trading while held",
}
