"""The page of a sweep: the grid, the rank of the default and the best cell after selection.

The best cell comes with its deflated Sharpe ratio and the probability of overfitting.
"""

import json
import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import IO, Any

import numpy as np
import pandas as pd

from dipfolio.engine.metrics import MIN_OBSERVATIONS, metric_of
from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.data_snooping import probability_of_overfitting
from dipfolio.evidence.sharpe_ratio import SharpeRatio, expected_max_sharpe
from dipfolio.evidence.trial_log import RATIO_DECIMALS
from dipfolio.evidence.walk_forward import WalkForward
from dipfolio.report.format import MISSING_TEXT, count, format_metric, money, parameter_text, ratio, unsigned_percent
from dipfolio.report.html import read_asset, render_page, script_data
from dipfolio.report.run_record import option_arguments
from dipfolio.report.run_summary import few_observations_remark
from dipfolio.report.walk_forward import (
    account_heads,
    part_heads,
    walk_forward_chart,
    walk_forward_record,
    walk_forward_texts,
)
from dipfolio.sweep.grid import Axis
from dipfolio.sweep.metrics import missing_metrics, sweep_metrics
from dipfolio.sweep.sweep_result import SweepResult


@dataclass(frozen=True, kw_only=True)
class SelectionBias:
    """How much of a best cell luck explains.

    Attributes
    ----------
    trials : int
        Cells with a Sharpe ratio, those with the same one once.
    expected_best : float
        The Sharpe ratio, a year, that the best of so many worthless variants is expected to show.
    deflated : float
        The deflated Sharpe ratio of the cell with the highest one: the probability that its true ratio is above that. NaN
        where that cell has fewer than :data:`dipfolio.engine.metrics.MIN_OBSERVATIONS` observations.
    observations : int
        Of that cell, as in :func:`dipfolio.engine.metrics.count_observations`; 0 where no cell has a Sharpe ratio.
    overfitting : float
        PBO; NaN where it cannot be told.
    how : str
        How the last was found, or why not.
    """

    trials: int
    expected_best: float
    deflated: float
    observations: int
    overfitting: float
    how: str


def estimate_selection_bias(findings: SweepResult) -> SelectionBias:
    """Deflated Sharpe ratio and probability of overfitting over the grid.

    Every cell counts as a trial of its own, cells with the same outcome once; the returns of an even sample of the cells are
    halved in all ways. As in the run of one cell, a ratio of few observations is no evidence, so it is not deflated.
    """
    table = findings.table[findings.table["sharpe"].notna()]
    table = table[~table["sharpe"].round(RATIO_DECIMALS).duplicated()]
    probability, how = _overfitting(findings)
    if table.empty:
        return SelectionBias(
            trials=0, expected_best=math.nan, deflated=math.nan, observations=0, overfitting=probability, how=how
        )
    a_year = findings.provenance.calendar.sessions_per_year
    ratios = table["sharpe"].to_numpy() / math.sqrt(a_year)
    best = table.iloc[int(np.argmax(ratios))]
    looks = int(best["observations"])
    if len(table) == 1:
        return SelectionBias(
            trials=1, expected_best=math.nan, deflated=math.nan, observations=looks, overfitting=probability, how=how
        )
    variance = float(np.var(ratios, ddof=1))
    sharpe = SharpeRatio(
        ratio=float(ratios.max()), skew=float(best["skew"]), kurtosis=float(best["kurtosis"]), observations=int(best["sessions"])
    )
    return SelectionBias(
        trials=len(table), expected_best=expected_max_sharpe(len(table), variance) * math.sqrt(a_year),
        deflated=sharpe.deflated(len(table), variance) if looks >= MIN_OBSERVATIONS else math.nan, observations=looks,
        overfitting=probability, how=how,
    )  # fmt: skip


def _overfitting(findings: SweepResult) -> tuple[float, str]:
    """The probability, and how it was found or why it was not."""
    returns = findings.returns.to_numpy()
    moving = returns[:, np.ptp(returns, axis=0) > 0] if returns.size else returns.reshape(len(returns), -1)
    moving = moving[:, np.sort(np.unique(moving.round(RATIO_DECIMALS), axis=1, return_index=True)[1])] if moving.size else moving
    if len(findings.table) < 2 or moving.shape[1] < 2:
        return math.nan, "needs two or more cells that trade and differ"
    method = f"the best of one half of the time lies below the middle in the other; {moving.shape[1]:,} cells"
    try:
        return probability_of_overfitting(moving).probability, f"{method}, chosen by Sharpe"
    except DataError:
        return _by_mean(moving, method)
    except ParameterError as error:
        return math.nan, str(error)


def _by_mean(moving: np.ndarray, method: str) -> tuple[float, str]:
    return probability_of_overfitting(
        moving, score="mean"
    ).probability, f"{method}, chosen by mean return, as some do not trade in some half"


CELLS_PER_END = 10
MAX_CHART_LINES = 3_000
"""Cells that the parallel coordinates show, evenly spread, the best and the worst among them."""


@dataclass(frozen=True, kw_only=True)
class SweepRow:
    """A cell as it is shown: its parameters, its data and the command that runs it in full."""

    parameters: tuple[str, ...]
    figures: tuple[str, ...]
    command: str


def sweep_result_page(findings: SweepResult, by: str, command: str, verified: str, walk: WalkForward | None = None) -> str:
    """The page as HTML, self-contained.

    Parameters
    ----------
    findings : SweepResult
    by : str
        The figure that ranks the cells.
    command : str
        What runs a single cell, but for the parameters of the grid.
    verified : str
        What was run again in backtrader.
    walk : WalkForward, optional
        The walk-forward test of the same grid.
    """
    ranked = findings.ranked(by)
    known = ranked[ranked[by].notna()]
    best = known.index[0] if len(known) else ranked.index[0]
    near, chance = findings.neighbours(best), estimate_selection_bias(findings)
    return render_page(
        "sweep.html.j2",
        scripts=[read_asset("theme.js"), read_asset("sweep.js")],
        plotly=True,
        title=f"Sweep of {findings.strategy}",
        description=f"{findings.strategy}: {findings.grid}; {findings.window[0]} to {findings.window[1]}",
        facts=_facts(findings, by, verified),
        heads=[_label(axis.name) for axis in findings.grid.axes],
        columns=[metric.label for metric in sweep_metrics("sweep")],
        ranked_by=metric_of(by).in_sentence,
        best=_rows(findings, known.head(CELLS_PER_END), command),
        worst=_rows(findings, known.tail(CELLS_PER_END).iloc[::-1], command),
        default=_row(findings, findings.default, _default(findings), command),
        standing=default_percentile(findings, by),
        near=_rows(findings, near, command),
        near_mean=_formatted(by, float(near[by].mean())) if len(near) else MISSING_TEXT,
        best_said=_formatted(by, float(findings.table.loc[best, by])),
        chance=_chance(chance),
        refused=[f"{count(len(findings.refused), 'cell')}: {next(iter(findings.refused.values()))}"] if findings.refused else [],
        remarks=(*few_observations_remarks(findings, by), *missing_metrics_remarks(), *findings.provenance.remarks),
        figures=[(metric.name, metric.label) for metric in sweep_metrics("surface")],
        in_words=describe_sweep_charts(findings, by),
        walk=walk_forward_texts(walk, findings.strategy, chance.overfitting, chance.how) if walk else None,
        part_heads=part_heads(by),
        account_heads=account_heads(),
        chart_data=sweep_chart_data(findings, by, command, walk),
        sha256=findings.provenance.sha256,
    )


def describe_sweep_charts(findings: SweepResult, by: str) -> str:
    """The charts for those who do not see them."""
    values = findings.table[by].dropna()
    if values.empty:
        return f"No cell has a {metric_of(by).in_sentence}."
    five = [_formatted(by, float(value)) for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1])]
    spread = f"lowest {five[0]}, quartiles {', '.join(five[1:4])}, highest {five[4]}"
    return f"{metric_of(by).label} over {len(values):,} cells: {spread}."


def default_percentile(findings: SweepResult, by: str) -> str:
    """Where the default stands among the cells, in a sentence."""
    better = findings.default_percentile(by)
    if findings.default is None or np.isnan(better):
        return "The strategy's default has no figure to compare."
    value = _formatted(by, float(findings.default[by]))
    return f"The default has a {metric_of(by).in_sentence} of {value}, better than {unsigned_percent(better)} of the grid."


def few_observations_remarks(findings: SweepResult, by: str) -> tuple[str, ...]:
    """The remark that the best cell has too few observations for its ratio to be evidence."""
    alike: dict[int, list[str]] = {}
    for name in dict.fromkeys((by, "sharpe")):
        known = findings.ranked(name).dropna(subset=name)
        if len(known) and 0 < known["observations"].iloc[0] < MIN_OBSERVATIONS:
            alike.setdefault(int(known.index[0]), []).append(metric_of(name).in_sentence)
    cells = findings.table["observations"]
    return tuple(
        f"The best cell by {' and by '.join(names)}: {few_observations_remark(int(cells[cell]))} "
        f"Cells with fewer than {MIN_OBSERVATIONS} observations: {int((cells < MIN_OBSERVATIONS).sum()):,} of {len(cells):,}."
        for cell, names in alike.items()
    )


def missing_metrics_remarks() -> tuple[str, ...]:
    """The remark that a sweep does not compute some metric; empty if it computes all that it shows."""
    labels = ", ".join(metric.label for metric in missing_metrics())
    return (
        (f"A sweep does not compute {labels}: that needs the record of a run, which the command of a cell writes.",)
        if labels
        else ()
    )


def print_sweep(findings: SweepResult, by: str, stream: IO[str]) -> None:
    """The ten best and the ten worst cells, and where the default stands."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from dipfolio.report.terminal import plain_console

    console = plain_console(stream, 140)
    ranked = findings.ranked(by)
    known = ranked[ranked[by].notna()]
    ends = {
        "best": _rows(findings, known.head(CELLS_PER_END), ""),
        "worst": _rows(findings, known.tail(CELLS_PER_END).iloc[::-1], ""),
    }
    axes, metrics = [_label(axis.name) for axis in findings.grid.axes], sweep_metrics("sweep")
    heads = [metric.label for metric in metrics]
    shown = fitting_columns(axes, [row for rows in ends.values() for row in rows], by, console.width)
    for word, rows in ends.items():
        title = f"The {len(rows)} {word} by {metric_of(by).in_sentence}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for head in axes:
            table.add_column(head, overflow="fold")
        for place in shown:
            table.add_column(heads[place], justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, (*row.parameters, *(row.figures[place] for place in shown))))
        console.print(table)
    if len(shown) < len(metrics):
        left = ", ".join(metric.in_sentence for place, metric in enumerate(metrics) if place not in shown)
        console.print(Text(f"Not shown in so few columns: {left}; the page has them."), soft_wrap=True)
    console.print(Text(default_percentile(findings, by)), soft_wrap=True)
    for sentence in (*few_observations_remarks(findings, by), *missing_metrics_remarks(), *findings.provenance.remarks):
        console.print(Text(f"Note: {sentence}"), soft_wrap=True)
    if findings.refused:
        why = next(iter(findings.refused.values()))
        refusal = f"Left out, as the strategy refuses them: {count(len(findings.refused), 'cell')}. {why}"
        console.print(Text(refusal), soft_wrap=True)


def fitting_columns(axes: Sequence[str], rows: Sequence[SweepRow], by: str, width: int) -> tuple[int, ...]:
    """Places of the data that so many columns of a screen hold beside the parameters: the one that ranks, then in order."""

    def needs(head: str, cells: Iterable[str]) -> int:
        """Columns of the screen, with the space to the next."""
        return max(map(len, (head, *cells))) + 3

    left = width - sum(needs(head, (row.parameters[place] for row in rows)) for place, head in enumerate(axes))
    metrics = sweep_metrics("sweep")
    fitting: list[int] = []
    for place in sorted(range(len(metrics)), key=lambda place: metrics[place].name != by):
        left -= needs(metrics[place].label, (row.figures[place] for row in rows))
        if left < 0 and fitting:
            break
        fitting.append(place)
    return tuple(sorted(fitting))


def sweep_chart_data(findings: SweepResult, by: str, command: str, walk: WalkForward | None = None) -> str:
    """JSON for a script element: nothing in it can end the element or start another.

    One array for each value, in the order of the grid, null where there is none; parallel coordinates of a large grid show
    :data:`MAX_CHART_LINES` cells.
    """
    grid, table, names = findings.grid, findings.table, [metric.name for metric in sweep_metrics("surface")]
    cells = np.arange(len(grid)) if len(grid.axes) <= 2 else _sample(findings, by)
    shown = table.reindex(cells)
    data: dict[str, Any] = {
        "axes": [_axis(axis) for axis in grid.axes],
        "cells": cells.tolist() if len(grid.axes) > 2 else [],
        "figures": {name: _plain(shown[name]) for name in names},
        "formats": {metric.name: metric.format for metric in sweep_metrics("surface")},
        "all": {name: _histogram(table[name]) for name in names},
        "by": by,
        "default": None if findings.default is None else {name: _plain([findings.default[name]])[0] for name in names},
        "default_cell": _default_cell(findings),
        "command": command + "".join(f" {_option(name, value)}" for name, value in grid.fixed.items()),
        "walk": walk_forward_chart(walk) if walk else None,
    }
    return script_data(data)


def sweep_as_json(
    findings: SweepResult, by: str, verified: tuple[float, int], report: str, walk: WalkForward | None = None
) -> str:
    """The same for machines: the best and the worst cells, the default, what luck explains, and the walk-forward test.

    A NaN becomes null. All cells stand in ``sweep.parquet``.

    Parameters
    ----------
    findings : SweepResult
    by : str
        The figure that ranks the cells.
    verified : (float, int)
        Largest difference to backtrader in dollars, and how many cells were run again.
    report : str
        Where the page is.
    walk : WalkForward, optional
    """
    from dipfolio.report.terminal import json_value

    ranked, chance = findings.ranked(by), estimate_selection_bias(findings)
    known = ranked[ranked[by].notna()]

    def cell(row: pd.Series, parameters: dict[str, Any]) -> dict[str, Any]:
        """Parameters and metrics of a row."""
        metrics = {
            metric.name: int(row[metric.name]) if metric.format == "count" else json_value(float(row[metric.name]))
            for metric in sweep_metrics("sweep")
        }
        return {"parameters": {name: _json_parameter(value) for name, value in parameters.items()}, **metrics}

    record = {
        "strategy": findings.strategy, "grid": str(findings.grid), "variants": len(findings.table),
        "refused": len(findings.refused), "window": [day.isoformat() for day in findings.window], "rank_by": by,
        "best": [cell(row, findings.grid.cell(int(k))) for k, row in known.head(CELLS_PER_END).iterrows()],
        "worst": [cell(row, findings.grid.cell(int(k))) for k, row in known.tail(CELLS_PER_END).iloc[::-1].iterrows()],
        "default": None if findings.default is None else cell(findings.default, _default(findings)),
        "default_is_better_than": json_value(findings.default_percentile(by)),
        "trials": chance.trials, "expected_best_sharpe": json_value(chance.expected_best),
        "deflated_sharpe": json_value(chance.deflated), "overfitting": json_value(chance.overfitting),
        "overfitting_how": chance.how,
        "verified": {"cells": verified[1], "largest_difference": verified[0]},
        "walk_forward": walk_forward_record(walk) if walk else None,
        "data_sha256": findings.provenance.sha256, "remarks": list(findings.provenance.remarks), "report": report,
    }  # fmt: skip
    return json.dumps(record, indent=1, allow_nan=False)


def _json_parameter(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _axis(axis: Axis) -> dict[str, Any]:
    return {"name": _label(axis.name), "flag": _flag(axis.name), "values": [parameter_text(value) for value in axis.points]}


def _histogram(values: pd.Series, bars: int = 60) -> dict[str, list[Any]]:
    known = values.dropna().to_numpy(dtype=float)
    counts, edges = np.histogram(known, bins=min(bars, max(len(known) // 4, 5))) if len(known) else (np.array([]), np.array([]))
    return {"edges": _plain(edges), "counts": counts.tolist()}


def _sample(findings: SweepResult, by: str) -> np.ndarray:
    ranked = findings.ranked(by).index
    spread = np.unique(np.linspace(0, len(ranked) - 1, min(MAX_CHART_LINES, len(ranked))).round().astype(int))
    return np.sort(ranked.to_numpy()[spread])


def _facts(findings: SweepResult, by: str, verified: str) -> list[tuple[str, str]]:
    traded = int((findings.table["trades"] > 0).sum())
    return [
        ("Grid", str(findings.grid)),
        ("Window", f"{findings.window[0]} to {findings.window[1]}"),
        ("Cells with an ended trade", f"{traded:,}"),
        (f"Median {metric_of(by).in_sentence}", _formatted(by, float(findings.table[by].median()))),
        ("Starting cash", money(findings.account.cash)),
        ("Run again in backtrader", verified),
    ]


def _chance(chance: SelectionBias) -> list[tuple[str, str, str]]:
    """Label, figure and what it means."""
    expected = f"a year, of {chance.trials:,} independent ones as spread out as these"
    deflated = "that its true ratio is above that, if the cells were independent trials, which neighbours are not"
    if 0 < chance.observations < MIN_OBSERVATIONS:
        looks = count(chance.observations, "observation")
        deflated = (
            f"the cell with the highest Sharpe ratio has {looks} at the most; below {MIN_OBSERVATIONS} its ratio is not deflated"
        )
    return [
        ("Expected best Sharpe of worthless variants", ratio(chance.expected_best), expected),
        ("Deflated Sharpe probability of the best", unsigned_percent(chance.deflated), deflated),
        ("Probability of overfitting (PBO)", unsigned_percent(chance.overfitting), chance.how),
    ]


def _rows(findings: SweepResult, cells: pd.DataFrame, command: str) -> list[SweepRow]:
    return [_row(findings, metrics, findings.grid.cell(int(cell)), command) for cell, metrics in cells.iterrows()]  # type: ignore[misc]


def _row(findings: SweepResult, metrics: pd.Series | None, parameters: dict[str, Any], command: str) -> SweepRow | None:
    if metrics is None:
        return None
    options = "".join(f" {_option(name, value)}" for name, value in parameters.items())
    return SweepRow(
        parameters=tuple(parameter_text(parameters.get(axis.name)) for axis in findings.grid.axes),
        figures=tuple(format_metric(metric, float(metrics[metric.name])) for metric in sweep_metrics("sweep")),
        command=command + options,
    )


def _default(findings: SweepResult) -> dict[str, Any]:
    """The parameters of the default that have to be said, those of the axes among them."""
    return {axis.name: findings.defaults[axis.name] for axis in findings.grid.axes} | findings.grid.fixed


def _default_cell(findings: SweepResult) -> int | None:
    places = []
    for axis in findings.grid.axes:
        value = findings.defaults.get(axis.name)
        if value not in axis.points:
            return None
        places.append(axis.points.index(value))
    return int(np.ravel_multi_index(tuple(places), findings.grid.shape)) if places else 0


def _formatted(name: str, value: float) -> str:
    return format_metric(metric_of(name), value)


def _plain(values: Sequence[float] | pd.Series | np.ndarray) -> list[float | None]:
    return [None if not np.isfinite(value) else float(f"{value:.7g}") for value in np.asarray(values, dtype=float)]


def _label(name: str) -> str:
    return name.replace("_", " ")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _option(name: str, value: Any) -> str:
    """A parameter as the command line takes it."""
    return shlex.join(option_arguments({name: value if isinstance(value, bool) else parameter_text(value)}))
