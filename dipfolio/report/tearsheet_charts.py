"""The charts of the tear sheet: prices with trades, profit since entry, exposure, sources of the profit, and subperiods."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from dipfolio.data.currency import currency_sign
from dipfolio.data.risk_free import RiskFree
from dipfolio.engine.allocation import RISK_SESSIONS, Allocation, allocation_of
from dipfolio.engine.attribution import all_positions, attribute
from dipfolio.engine.display import signed_dollars
from dipfolio.engine.factor_regression import FactorModels, FactorRegression, factor_models
from dipfolio.engine.holding_paths import (
    MIN_SESSIONS_AHEAD,
    HoldingPaths,
    Step,
    Trip,
    holding_paths,
    profit_by_session,
    round_trips_of,
)
from dipfolio.engine.metrics import MIN_OBSERVATIONS, PORTFOLIO_SHARE, sessions_in_market
from dipfolio.engine.price_record import SESSIONS_BEFORE
from dipfolio.engine.result import Result
from dipfolio.engine.subperiods import (
    HORIZONS,
    MIN_PERIODS,
    MIN_WINDOWS,
    WINDOWS,
    RollingMetrics,
    StartDates,
    rolling_metrics,
    start_dates,
)
from dipfolio.report.answer import benchmark_side
from dipfolio.report.format import MISSING_TEXT, count, dollars, long_date, percent, ratio, unsigned_percent
from dipfolio.report.html import pack_text, packed_plotly, page_policy, plotly_source, read_asset, script_data
from dipfolio.report.run_record import template_environment
from dipfolio.report.run_summary import WITHOUT_TRADES_REMARK, without_trades_rows

if TYPE_CHECKING:
    from dipfolio.evidence.robustness import Robustness

SESSIONS_AFTER_EXIT = 40
"""Sessions of prices after the last exit of a symbol; before its first entry there are as many as the run has kept."""

SMALL_MULTIPLES = 6
"""Symbols that are drawn beside each other; the others are chosen from a list."""

MAX_LINES = 12
"""Names that have a line of their own; the others are added up in one."""

MAX_PRICES = 12_000
"""Rows of prices on a page; the symbols that come later have none."""

MAX_MARKS = 4_000
"""Fills that are marked on prices."""

MAX_MARKS_PER_SYMBOL = 2_000
"""Fills of one symbol; of more the last, with the prices since the first of them."""

MAX_POINTS = 600
"""Points of a line by session since entry; longer ones have every second, third, ... and the last."""

MAX_ROWS = 25
"""Bars of one breakdown of the profit; the others are added up in one."""

DRAWDOWNS = 5
"""The deepest drawdowns, which are cut by name."""

OTHERS = "all others"
WITHOUT_PRICES = "names without prices in the record"
START, END = "<!-- charts of the run -->", "<!-- end of the charts -->"
"""Around what a page without scripts can do without."""

SCRIPTS = ("drawing.js", "tearsheet.js", "record.js")


class TearsheetCharts(NamedTuple):
    """The parts of the charts on a tear sheet, as HTML: for the head, below the answer, above the record, and for the end."""

    head: str
    section: str
    subperiods: str
    foot: str


def tearsheet_charts(
    result: Result, risk_free: float | RiskFree = 0.0, robustness: "Robustness | None" = None
) -> TearsheetCharts:
    """The charts of a run; one without a fill has none, and no script may run on its page.

    Parameters
    ----------
    result : Result
    risk_free : float or RiskFree
        A year.
    robustness : Robustness, optional
        Of the run; its chart is left out without.
    """
    if result.fills.empty:
        return TearsheetCharts(_head(()), "", "", "")
    paths, benchmark = holding_paths(result), f"{result.benchmark} {benchmark_side(result)}".rstrip()
    prices, falls = price_charts(result), drawdown_charts(result)
    portfolio = allocation_of(result)
    rolling, starts = rolling_metrics(result, risk_free), start_dates(result)
    data = {
        "prices": prices,
        "unknown": len(paths.unknown),
        "path": path_chart(paths, benchmark),
        "held": held_chart(paths, benchmark),
        "exposure": exposure_chart(result),
        **({"allocation": allocation_charts(portfolio)} if portfolio else {}),
        "sources": source_charts(result),
        "drawdowns": falls,
        "rolling": rolling_charts(rolling, result.benchmark) if rolling else [],
        "starts": [start_date_chart(found) for found in starts],
        "robustness": robustness_charts(robustness) if robustness else [],
    }
    scripts = chart_scripts()
    section = template_environment().get_template("tearsheet_charts.html.j2").render(
        names=[chart["name"] for chart in prices],
        beside=SMALL_MULTIPLES,
        fell=bool(falls),
        kinds=_kinds(prices),
        prices_said=_describe_prices(result, prices, paths, portfolio),
        allocation_said=_describe_allocation(portfolio) if portfolio else "",
        allocation_rows=_allocation_rows(portfolio) if portfolio else (),
        risk_sessions=RISK_SESSIONS,
        path_said=_describe_path(paths, benchmark, portfolio),
        held_said=_describe_held(paths),
        exposure_said=_describe_exposure(result),
        robustness_said=describe_robustness(robustness) if robustness else "",
        without_trades=() if portfolio else without_trades_rows(attribute(result)),
        without_said=WITHOUT_TRADES_REMARK,
    )  # fmt: skip
    below = _subperiods_section(result, rolling, starts, factor_models(result, risk_free))
    carried = [_script("library", packed_plotly()), _script("chart-data", pack_text(script_data(data)))]
    run = [f"<script>{source}</script>" for source in scripts]
    return TearsheetCharts(
        head=_head([plotly_source(), *scripts]),
        section=f"{START}{section}{END}\n",
        subperiods=f"{START}{below}{END}\n",
        foot="\n".join([START, *carried, *run, END, ""]),
    )


def _in_currency(script: str) -> str:
    """A script with the sign of the account's currency on its axes and in its hints."""
    sign = currency_sign()
    if sign == "$":
        return script
    axes = script.replace('tickformat: "$,', f'tickprefix: "{sign}", tickformat: ",').replace(" $%{", f" {sign}%{{")
    return axes.replace("$${", f"{sign}${{").replace(", same dollars", ", same money")


def _head(scripts: Sequence[str]) -> str:
    style = "".join(map(read_asset, ("colours.css", "tearsheet_charts.css")))
    return f'<meta http-equiv="Content-Security-Policy" content="{page_policy(scripts)}">\n<style>{style}</style>\n'


def chart_scripts() -> list[str]:
    """The scripts that draw the charts of a tear sheet in the currency that is shown, in their order."""
    return [_in_currency(read_asset(name)) for name in SCRIPTS]


def chart_policy() -> str:
    """The policy of a tear sheet with charts, as this version of dipfolio draws it in the currency that is shown."""
    return page_policy([plotly_source(), *chart_scripts()])


def sheet_for_frame(page: str, policy: str) -> str:
    """A tear sheet as a frame of another page shows it, which has plotly.js already.

    Without plotly.js, which that page puts in :data:`EMPTY_LIBRARY`; a sheet that another version of dipfolio has drawn is
    without its charts, as the policy of that page names only the scripts of this version.

    Parameters
    ----------
    page : str
    policy : str
        Of :func:`chart_policy`, for many sheets worked out once.
    """
    if policy in page:
        return page.replace(_script("library", packed_plotly()), EMPTY_LIBRARY)
    kept = [page]
    while START in kept[-1]:
        before, _, rest = kept.pop().partition(START)
        kept += [before, rest.partition(END)[2]]
    return "".join(kept)


def _script(name: str, text: str) -> str:
    return f'<script type="text/plain" id="{name}">{text}</script>'


EMPTY_LIBRARY = _script("library", "")
"""The place of plotly.js in the sheet of a frame; ``sheets.js`` fills it."""


def price_charts(result: Result) -> list[dict[str, Any]]:
    """The closes of each traded symbol around its trades, with every fill, dividend and margin call there.

    The largest absolute profit comes first. A mark is the row of its session, the kind, the signed shares, the price, the moment,
    the charges, the profit of its trade and the reason of the fill.
    """
    days = pd.DatetimeIndex(result.prices["session"]).union(result.equity.index).unique().sort_values()
    trips: dict[str, list[Trip]] = {}
    for trip in round_trips_of(result, days):
        trips.setdefault(trip.symbol, []).append(trip)
    calls = days.get_indexer(result.events.loc[result.events["kind"] == "margin call", "session"])
    charts, rows, marks = [], 0, 0
    for symbol in sorted(trips, key=lambda name: -abs(sum(trip.profit for trip in trips[name]))):
        own = result.prices[result.prices["symbol"] == symbol]
        chart = _price_chart(symbol, own, trips[symbol], days, calls)
        rows, marks = rows + len(chart["days"]), marks + len(chart["marks"])
        if own.empty or rows > MAX_PRICES or marks > MAX_MARKS:
            break
        charts.append(chart)
    return charts


def _price_chart(
    symbol: str, own: pd.DataFrame, trips: Sequence[Trip], days: pd.DatetimeIndex, calls: np.ndarray
) -> dict[str, Any]:
    first, last = min(trip.first for trip in trips), max(trip.last for trip in trips)
    steps = [(step, trip) for trip in trips for step in trip.steps]
    if len(steps) > MAX_MARKS_PER_SYMBOL:
        steps = steps[-MAX_MARKS_PER_SYMBOL:]
        first = steps[0][0].row
    begin, end = days[max(first - SESSIONS_BEFORE, 0)], days[min(last + SESSIONS_AFTER_EXIT, len(days) - 1)]
    shown = own[(own["session"] >= begin) & (own["session"] <= end)]
    sessions = pd.DatetimeIndex(shown["session"])
    place = {row: k for k, row in enumerate(days.get_indexer(sessions).tolist())}
    marks = [_mark(place[step.row], step, trip) for step, trip in steps if step.row in place]
    held = [row for row in calls.tolist() if row in place and any(trip.first <= row <= trip.last for trip in trips)]
    paid = shown["dividend"].to_numpy()
    return {
        "name": symbol,
        "profit": round(sum(trip.profit for trip in trips), 2),
        "trades": len(trips),
        "fills": sum(len(trip.steps) for trip in trips),
        "days": [str(day.date()) for day in sessions],
        "close": numbers(shown["close"]),
        "low": numbers(shown["low"]),
        "high": numbers(shown["high"]),
        "dividends": [[int(k), _short(paid[k])] for k in np.flatnonzero(paid)],
        "calls": [place[row] for row in held],
        "marks": marks,
    }


def _mark(row: int, step: Step, trip: Trip) -> list[Any]:
    price, charge, profit = _short(step.price), round(step.charge, 2), round(trip.profit, 2)
    return [row, _kind(step), step.shares, price, step.at, charge, profit, step.reason]


def _kind(step: Step) -> str:
    if not step.closed:
        return "bought" if step.shares > 0 else "sold short"
    if step.reason == "margin call":
        return "margin call"
    return "stop" if "stop" in step.reason or step.reason.startswith("chandelier") else "exit"


def _kinds(charts: Sequence[dict[str, Any]]) -> set[str]:
    """The kinds of marks on these charts."""
    kinds = {mark[1] for chart in charts for mark in chart["marks"]}
    return kinds | ({"dividend"} if any(chart["dividends"] for chart in charts) else set())


def path_chart(paths: HoldingPaths, benchmark: str) -> dict[str, Any]:
    """Lines in dollars by session since entry, as traded."""
    return _lines(paths.path, paths.path_benchmark, benchmark)


def held_chart(paths: HoldingPaths, benchmark: str) -> dict[str, Any]:
    """Lines in dollars by session since entry had nothing been sold, and for each its median session and its profit as traded."""
    known = int(paths.held.notna().any(axis=1).sum())
    market = None if paths.held_benchmark is None else paths.held_benchmark.iloc[:known]
    made = _lines(paths.held.iloc[:known], market, benchmark)
    exits = paths.exits[paths.exits["left_out"] < paths.exits["trades"]]
    for line in made["lines"]:
        if line["name"] in exits.index:
            line["exit"] = [float(exits["sessions"][line["name"]]), round(float(exits["profit"][line["name"]]), 2)]
    if len(exits) and made["together"] and not int(paths.exits["left_out"].sum()):
        made["exit"] = [float(exits["sessions"].median()), round(float(exits["profit"].sum()), 2)]
    return made


def _lines(table: pd.DataFrame, market: pd.Series | None, benchmark: str) -> dict[str, Any]:
    rows = _thinned(len(table))
    shown = list(table.columns[:MAX_LINES])
    lines = [{"name": str(name), "values": numbers(table[name].iloc[rows])} for name in shown]
    if len(table.columns) > MAX_LINES:
        others = table[table.columns[MAX_LINES:]].sum(axis=1, skipna=False)
        lines.append({"name": OTHERS, "values": numbers(others.iloc[rows])})
    return {
        "sessions": rows,
        "lines": lines,
        "together": numbers(table.sum(axis=1, skipna=False).iloc[rows]) if len(table.columns) > 1 else [],
        "benchmark": None if market is None else {"name": benchmark, "values": numbers(market.iloc[rows])},
    }


def exposure_chart(result: Result) -> dict[str, Any]:
    """Gross and net exposure as fractions of equity, and the number of positions, on each close; around the trades if few."""
    table, held = result.equity, (result.positions != 0).sum(axis=1)
    busy = np.flatnonzero(held.to_numpy() > 0)
    span = (int(busy[0]), int(busy[-1])) if len(busy) else (0, len(table) - 1)
    rows = slice(max(span[0] - SESSIONS_BEFORE, 0), span[1] + SESSIONS_BEFORE + 1)
    equity = table["equity"].where(table["equity"] > 0)
    return {
        "days": [str(day.date()) for day in table.index[rows]],
        "gross": numbers((table["gross"] / equity)[rows]),
        "net": numbers((table["net"] / equity)[rows]),
        "positions": held[rows].tolist(),
    }


def allocation_charts(found: Allocation) -> list[dict[str, Any]]:
    """Weights on each close, contributions to risk and turnover of each rebalancing, as fractions; the largest names first.

    What is left of the weights is cash. Contributions are left out where there are none.
    """
    weights = _largest_names(found.weights[list(found.latest.index)], found)
    risk = _largest_names(found.contributions, found).dropna()
    charts = [_by_name("weights", weights.iloc[_thinned(len(weights))])]
    charts += [_by_name("contributions to risk", risk)] if len(risk) else []
    charts += [_by_name("turnover", found.rebalances[["turnover"]])] if len(found.rebalances) else []
    return charts


def _largest_names(table: pd.DataFrame, found: Allocation) -> pd.DataFrame:
    """The columns by mean weight; those beyond :data:`MAX_LINES` are added up."""
    order = found.latest["mean_weight"].abs().sort_values(ascending=False, kind="stable").index
    if len(order) <= MAX_LINES:
        return table[order]
    return table[order[:MAX_LINES]].assign(**{OTHERS: table[order[MAX_LINES:]].sum(axis=1, skipna=False)})


def _by_name(by: str, table: pd.DataFrame) -> dict[str, Any]:
    days = [str(day.date()) for day in table.index]
    stacked = bool((table.to_numpy() >= 0).all())
    values = [numbers(table[name], 4) for name in table]
    return {"by": by, "days": days, "names": [str(name) for name in table], "stacked": stacked, "values": values}


def source_charts(result: Result) -> list[dict[str, Any]]:
    """The profit by name, month, side, reason of exit and source, each of which sums to all of it."""
    found = attribute(result)
    cuts = (
        ("name", _largest(found.by_name)), ("month", _worst_and_best(found.by_month)), ("side", found.by_side),
        ("reason of exit", found.by_reason), ("source", found.by_source),
    )  # fmt: skip
    return [
        {"by": by, "labels": [str(label) for label in series.index], "values": [round(float(value), 2) for value in series]}
        for by, series in cuts
    ]


def drawdown_charts(result: Result) -> list[dict[str, Any]]:
    """The dollars by name from the high before each of the deepest drawdowns to its lowest close, which sum to the loss.

    Names of which the run has no prices are together in :data:`WITHOUT_PRICES`.
    """
    made, equity = profit_by_session(result), result.equity["equity"].to_numpy()
    charts = []
    for high, low in _deepest(equity, result.account.cash):
        loss = float(equity[low] - (equity[high] if high >= 0 else result.account.cash))
        by_name = made.iloc[high + 1 : low + 1].sum()
        by_name[WITHOUT_PRICES] = loss - float(by_name.sum())
        parts = _largest(by_name[by_name.abs() >= 0.005])
        since, until = made.index[max(high, 0)].date(), made.index[low].date()
        charts.append({
            "by": f"{since} to {until}: {dollars(loss)}",
            "labels": [str(label) for label in parts.index],
            "values": [round(float(value), 2) for value in parts],
        })  # fmt: skip
    return charts


def robustness_charts(found: "Robustness") -> list[dict[str, Any]]:
    """The profit in other ways to make the run, in calm and nervous times, and of resampled runs; without what there is not."""
    ways = [("as it was run", found.profit), *((case.label, case.profit) for case in found.cases)]
    times = [(f"{time.label}: {count(time.invested, 'session')} invested", time.profit) for time in found.times]
    band = found.band
    drawn = [] if band is None else [("5 % made less", band.low), ("half made less", band.median), ("5 % made more", band.high)]
    cuts = (("other details", ways), ("calm and nervous times", times), ("resampled", drawn))
    return [
        {"by": by, "labels": [label for label, _ in rows], "values": [round(value, 2) for _, value in rows]}
        for by, rows in cuts
        if rows
    ]


def describe_robustness(found: "Robustness") -> str:
    """The profit beside those of other parameters, of a later entry and of higher costs, in sentences."""
    besides = f" besides the {dollars(found.interest_earned)} of interest on its cash" if found.interest_earned else ""
    sentences = [f"The run made {signed_dollars(found.profit)}{besides}."]
    later = [case.profit for case in found.cases if case.kind == "delay"]
    changed = [case.profit for case in found.cases if case.kind == "parameter"]
    if changed:
        lowest, highest = signed_dollars(min(changed)), signed_dollars(max(changed))
        sentences.append(f"With one of its parameters a fifth lower or higher it would have made between {lowest} and {highest}.")
    if later:
        sentences.append(f"With every order one session later it would have made {signed_dollars(later[0])}.")
    if math.isfinite(found.breakeven_costs):
        sentences.append(f"Costs {found.breakeven_costs:,.1f} times as high would have taken the whole profit.")
    if found.band:
        band, what = found.band, count(found.band.count, found.band.unit.removesuffix("s"))
        if found.band.unit == "groups of trades":
            what = f"{found.band.count:,} groups of trades whose times do not overlap"
        sentences.append(
            f"Of accounts put together at random from its {what}, nine of ten made between {signed_dollars(band.low)} and "
            f"{signed_dollars(band.high)}, and {band.loss_share * 100:.0f} % lost."
        )
    return " ".join([*sentences, *filter(None, (found.without_band, found.left_out))])


def _deepest(equity: np.ndarray, cash: float) -> list[tuple[int, int]]:
    """Rows of the high, -1 for the starting cash, and of the lowest close of the deepest drawdowns, the deepest first."""
    wealth = np.concatenate([[cash], equity])
    below = pd.Series(wealth / np.maximum.accumulate(wealth) - 1)
    number = (below == 0).cumsum()
    lows = below[below < 0].groupby(number[below < 0]).idxmin()
    ordered = below[lows].sort_values(kind="stable").index[:DRAWDOWNS]
    highs = {int(low): int(number[number == number[low]].index[0]) for low in ordered}
    return [(high - 1, low - 1) for low, high in highs.items()]


def _thinned(length: int) -> list[int]:
    """The places of at most :data:`MAX_POINTS` points and the last."""
    return sorted({*range(0, length, max(-(-length // MAX_POINTS), 1)), length - 1})


def rolling_charts(rolling: RollingMetrics, benchmark: str) -> list[dict[str, Any]]:
    """The rolling metrics that have a value, each with that of the benchmark; beta has none."""
    rows = _thinned(len(rolling.own))
    days = [str(day.date()) for day in rolling.own.index[rows]]
    charts = []
    for name, (label, unit) in ROLLING_LABELS.items():
        if rolling.own[name].isna().all():
            continue
        other = None if rolling.benchmark is None or name == "beta" else rolling.benchmark[name]
        charts.append({
            "by": label,
            "unit": unit,
            "days": days,
            "values": numbers(rolling.own[name].iloc[rows], 5),
            "benchmark": None if other is None else {"name": benchmark, "values": numbers(other.iloc[rows], 5)},
        })  # fmt: skip
    return charts


ROLLING_LABELS = {
    "return": ("Return", "%"),
    "volatility": ("Volatility", "%"),
    "sharpe": ("Sharpe ratio", ""),
    "beta": ("Beta", ""),
}
"""Label and unit of each rolling metric."""


def start_date_chart(found: StartDates) -> dict[str, Any]:
    """The difference to the benchmark by start date."""
    rows = _thinned(len(found.ahead))
    days = [str(day.date()) for day in found.ahead.index[rows]]
    return {"by": count(found.horizon, "session"), "unit": "%", "days": days, "values": numbers(found.ahead.iloc[rows], 5)}


def _largest(series: pd.Series) -> pd.Series:
    """The largest amounts first, the rest added up."""
    ordered = series.reindex(series.abs().sort_values(ascending=False, kind="stable").index)
    if len(ordered) <= MAX_ROWS:
        return ordered
    return pd.concat([ordered.iloc[: MAX_ROWS - 1], pd.Series({OTHERS: ordered.iloc[MAX_ROWS - 1 :].sum()})])


def _worst_and_best(months: pd.Series) -> pd.Series:
    """Months that made or lost something; where they are many, years."""
    made = months[months.round(2) != 0]
    return made if len(made) <= MAX_ROWS else months.groupby(months.index.str[:4]).sum()


def _describe_prices(result: Result, charts: Sequence[dict[str, Any]], paths: HoldingPaths, portfolio: Allocation | None) -> str:
    names = len(paths.exits) + len(paths.unknown)
    said = f"{count(len(all_positions(result)), 'trade')} in {count(names, 'symbol')}"
    if portfolio:
        said = f"{count(len(result.fills), 'order')} in {count(names, 'symbol')}"
    said += ", the largest profit or loss first." if names > 1 else "."
    if names > len(charts):
        said += f" The first {count(len(charts), 'symbol')} can be shown here; trades.csv beside this page has all trades."
    return said


def _describe_path(paths: HoldingPaths, benchmark: str, portfolio: Allocation | None) -> str:
    last, several = signed_dollars(float(paths.path.iloc[-1].sum())), paths.exits["trades"].sum() > 1
    said = f"The {'trades together' if several else 'trade'} made {last}"
    if portfolio:
        said = f"The positions together made {last}"
    if paths.unknown:
        said = f"The trades in {_known_names(paths)} made {last}"
    if paths.path_benchmark is not None:
        said += f"; {benchmark} at the same times with the same dollars {signed_dollars(float(paths.path_benchmark.iloc[-1]))}"
    return f"{said}."


def _describe_held(paths: HoldingPaths) -> str:
    total = paths.held.sum(axis=1, skipna=False).dropna()
    if not len(total):
        return ""
    marks = dict.fromkeys((*(k for k in (1, 5, 20, 60, 120, 250) if k < len(total)), len(total) - 1))
    after = ", ".join(f"{count(k, 'session')} later {signed_dollars(float(total[k]))}" for k in marks)
    left = int(paths.exits["left_out"].sum())
    least = f" {count(left, 'trade')} entered in the last {MIN_SESSIONS_AHEAD} sessions of the data left out." if left else ""
    said = "The same entries together" if paths.exits["trades"].sum() > 1 else "The same entry"
    if paths.unknown:
        said = f"The same entries in {_known_names(paths).removesuffix(',')}"
    return f"{said}, on the close {after}.{least}"


def _known_names(paths: HoldingPaths) -> str:
    names = len(paths.exits)
    return (
        f"{names:,} of {names + len(paths.unknown):,} symbols, those with the largest profit or loss whose prices the run keeps,"
    )


def _describe_allocation(found: Allocation) -> str:
    """The largest rebalancing, and the largest weight and contribution to risk at the end, in sentences."""
    times, last, said = found.rebalances["turnover"], found.latest, ""
    if len(times):
        largest = unsigned_percent(float(times.max()))
        said = f"The largest rebalancing turned over {largest} of the equity, on {long_date(times.idxmax())}. "
    name = last["weight"].abs().idxmax()
    said += f"At the last close the largest weight was {name} with {percent_of(last['weight'][name])}"
    if last["risk"].notna().all():
        risky = last["risk"].idxmax()
        said += f", the largest contribution to risk {risky} with {percent_of(last['risk'][risky])}"
    return f"{said}."


def percent_of(value: float) -> str:
    """A part of a whole, which may be negative, with one decimal."""
    return MISSING_TEXT if math.isnan(value) else f"{value * 100:.1f} %".replace("-0.0 %", "0.0 %")


def _allocation_rows(found: Allocation) -> tuple[tuple[str, ...], ...]:
    """Name, mean weight, weight and contribution to risk at the end, the largest weights first; at most :data:`MAX_ROWS`."""
    rows = found.latest.iloc[:MAX_ROWS].itertuples()
    return tuple((str(name), *map(percent_of, values)) for name, *values in rows)


def _describe_exposure(result: Result) -> str:
    gross = (result.equity["gross"] / result.equity["equity"].where(result.equity["equity"] > 0)).max()
    held = (result.positions != 0).sum(axis=1)
    return (
        f"At most {gross * 100:.0f} % of the equity and {count(int(held.max()), 'position')} at one time; "
        f"invested on {count(int((held > 0).sum()), 'close')} of {len(held):,}."
    )


def _subperiods_section(
    result: Result, rolling: RollingMetrics | None, starts: Sequence[StartDates], models: FactorModels
) -> str:
    """Rolling metrics, start dates and factors as HTML."""
    return template_environment().get_template("tearsheet_subperiods.html.j2").render(
        rolls=rolling is not None,
        rolling_said=_describe_rolling(result, rolling),
        rolling_note=_rolling_note(rolling, result.benchmark) if rolling else "",
        starts_said=tuple(_describe_starts(result, starts)),
        start_heads=START_HEADS,
        start_rows=tuple(map(_start_row, starts)),
        factors_said=tuple(_describe_factors(models)),
        factor_heads=FACTOR_HEADS,
        factor_rows=tuple(row for found in (models.benchmark, models.factors) if found for row in _factor_rows(found)),
    )  # fmt: skip


def _describe_rolling(result: Result, rolling: RollingMetrics | None) -> str:
    sessions = count(len(result.equity), "session")
    if rolling is None:
        least = MIN_WINDOWS * WINDOWS[-1]
        return f"The run has {sessions}, which is too short: three windows of {WINDOWS[-1]} need {least}."
    last = rolling.own.iloc[-1]
    values = [f"return {percent(last['return'], 1)}", f"volatility {unsigned_percent(last['volatility'])} a year"]
    ratios = (("sharpe", "Sharpe ratio"), ("beta", "beta"))
    values += [f"{label} {ratio(last[name])}" for name, label in ratios if not math.isnan(last[name])]
    half = {126: "half a year", 63: "a quarter", 21: "a month"}[rolling.window]
    return f"Over the last {rolling.window} sessions ({half}): {', '.join(values)}."


def _rolling_note(rolling: RollingMetrics, benchmark: str) -> str:
    said = (
        f"Each point is the window of {rolling.window} sessions that ends there; a window is at most a third of the run. "
        f"Neighbouring windows share all sessions but one: of {len(rolling.own):,} windows only {rolling.apart} do not overlap. "
        "The return is that of the whole window, volatility and Sharpe ratio are a year."
    )
    few = f" Sharpe ratio and beta are left out where fewer than {MIN_OBSERVATIONS} sessions of a window had a position."
    return said + few + (f" Dashed: {benchmark}." if rolling.benchmark is not None else "")


START_HEADS = (
    "Sessions", "Start dates", "Account ahead", "Periods without overlap", "Account ahead in these", "Median difference",
    "Lowest", "Highest", "Start dates without a position",
)  # fmt: skip


def _start_row(found: StartDates) -> tuple[str, ...]:
    ahead = (found.ahead.median(), found.ahead.min(), found.ahead.max())
    return (
        f"{found.horizon:,}", f"{len(found.ahead):,}", unsigned_percent(found.share), f"{found.apart:,}",
        f"{found.apart_beaten:,}", *(percent(float(value), 1) for value in ahead), f"{found.idle:,}",
    )  # fmt: skip


def _describe_starts(result: Result, starts: Sequence[StartDates]) -> Iterator[str]:
    if not result.benchmark:
        yield "The run has no benchmark to compare start dates with."
        return
    if not starts:
        least = MIN_PERIODS * HORIZONS[0]
        sessions = count(len(result.equity), "session")
        yield f"The run has {sessions}, which is too short: two periods of {HORIZONS[0]} need {least}."
        return
    last = starts[-1]
    yield (
        f"After {last.horizon:,} sessions the account was ahead of {result.benchmark} from {unsigned_percent(last.share)} of "
        f"{count(len(last.ahead), 'start date')}; of the {count(last.apart, 'period')} without overlap it was ahead in "
        f"{last.apart_beaten}."
    )
    yield "Overlapping periods are no independent observations; only those without overlap are, and they are few."
    idle = 1 - float(sessions_in_market(result).mean())
    if idle > 1 - PORTFOLIO_SHARE:
        yield (
            f"The account was in cash in {unsigned_percent(idle)} of the sessions and {result.benchmark} never, so this compares "
            "two accounts and not the trades."
        )


FACTOR_HEADS = ("Regression on", "Term", "Estimate", "t", "p of alpha")


def _factor_rows(found: FactorRegression) -> Iterator[tuple[str, ...]]:
    """A row for alpha a session, a year, each beta, and the fit."""
    on = f"{', '.join(found.names)}: {count(found.sessions, 'session')}, {count(found.lags, 'lag')}"
    p = MISSING_TEXT if math.isnan(found.p_value) else f"{found.p_value:.3f}"
    yield on, "Alpha of a session", percent(found.alpha, 3), ratio(found.alpha_t), p
    yield "", f"Alpha of {found.sessions_per_year} invested sessions", percent(found.annual_alpha), ratio(found.alpha_t), ""
    for name, beta, t in zip(found.names, found.betas, found.beta_ts, strict=True):
        yield "", f"Beta to {name}", ratio(beta), ratio(t), ""
    yield "", "R squared", ratio(found.r_squared), "", ""


def _describe_factors(models: FactorModels) -> Iterator[str]:
    """The regressions in sentences, with what their t-statistics are worth."""
    yield f"{models.invested:,} of {count(models.sessions, 'session')} had a position."
    yield from filter(None, (models.description, models.no_benchmark, models.no_factors))
    fitted = [found for found in (models.benchmark, models.factors) if found]
    for found in fitted:
        names = ", ".join(found.names)
        betas = ", ".join(map(ratio, found.betas))
        over = "" if found.sessions == models.invested else f", over {found.sessions:,} of these sessions"
        yield (
            f"Alpha against {names}: {percent(found.alpha, 3)} a session (t {ratio(found.alpha_t)}), "
            f"{'beta' if len(found.names) == 1 else 'betas'} {betas}{over}.{_significance(found)}"
        )
    for why in dict.fromkeys(found.untested for found in fitted if found.untested):
        yield f"Alpha has a t-statistic without a verdict. {why}"
    if any(_significance(found) for found in fitted):
        yield "A p-value means nothing for a strategy or dates that were chosen after these returns were known."


def _significance(found: FactorRegression) -> str:
    """Whether alpha is statistically significant; empty without a test."""
    if math.isnan(found.p_value):
        return ""
    return f" It is {'' if found.p_value < 0.05 else 'not '}statistically significant (p {found.p_value:.3f}, two-sided)."


def numbers(values: Iterable[float], digits: int = 6) -> list[float | None]:
    """Significant digits, and null for what is not finite."""
    return [None if not np.isfinite(value) else _short(value, digits) for value in values]


def _short(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")
