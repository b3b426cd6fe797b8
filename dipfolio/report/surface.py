"""Surface: the page of a sweep - the whole grid, where the default stands in it, and what is left of the best."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pandas as pd

from dipfolio.report.chance import Chance, chance_of
from dipfolio.report.command import option_words
from dipfolio.report.page import asset, render, script_data
from dipfolio.report.wording import NOTHING, count, money, part, percent, ratio
from dipfolio.sweep.findings import Findings
from dipfolio.sweep.grid import Axis

FIGURES = {
    "total_return": "Total return", "sharpe": "Sharpe", "volatility": "Volatility", "worst_drawdown": "Worst drawdown",
    "trades": "Trades", "win_rate": "Win rate", "costs": "Costs", "final_equity": "Final equity",
}  # fmt: skip
"""What is shown of a cell; ``costs`` are commissions, fees, slippage, borrow fees and interest together."""
HEADS = tuple(FIGURES.values())
COSTS = ("commission", "fees", "slippage", "borrow", "interest")
SHOWN = ("total_return", "sharpe", "worst_drawdown", "final_equity")
"""Of these, what the charts can show."""
ENDS = 10
LINES = 3_000
"""Cells that the parallel coordinates show, evenly spread, the best and the worst among them."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A cell as it is shown: its parameters, its figures and the command that runs it in full."""

    parameters: tuple[str, ...]
    figures: tuple[str, ...]
    command: str


def surface_page(findings: Findings, by: str, command: str, verified: str) -> str:
    """The page as HTML, self-contained.

    Parameters
    ----------
    findings : Findings
    by : str
        The figure that ranks the cells.
    command : str
        What runs a single cell, but for the parameters of the grid.
    verified : str
        What was run again in backtrader.
    """
    from plotly.offline import get_plotlyjs

    ranked = findings.ranked(by)
    known = ranked[ranked[by].notna()]
    best = known.index[0] if len(known) else ranked.index[0]
    near = findings.neighbours(best)
    return render(
        "surface.html.j2",
        scripts=[get_plotlyjs(), asset("theme.js"), asset("surface.js")],
        title=f"Sweep of {findings.strategy}",
        facts=_facts(findings, by, verified),
        heads=[_label(axis.name) for axis in findings.grid.axes],
        columns=list(FIGURES.values()),
        ranked_by=FIGURES[by].lower(),
        best=_rows(findings, known.head(ENDS), command),
        worst=_rows(findings, known.tail(ENDS).iloc[::-1], command),
        default=_row(findings, findings.default, _default(findings), command),
        standing=standing(findings, by),
        near=_rows(findings, near, command),
        near_mean=_said(by, float(near[by].mean())) if len(near) else NOTHING,
        best_said=_said(by, float(findings.table.loc[best, by])),
        chance=_chance(chance_of(findings)),
        refused=[f"{count(len(findings.refused), 'cell')}: {next(iter(findings.refused.values()))}"] if findings.refused else [],
        figures=[(name, FIGURES[name]) for name in SHOWN],
        in_words=in_words(findings, by),
        chart_data=chart_data(findings, by, command),
        sha256=findings.provenance.sha256,
    )


def in_words(findings: Findings, by: str) -> str:
    """The charts for those who do not see them."""
    values = findings.table[by].dropna()
    if values.empty:
        return f"No cell has a {FIGURES[by].lower()}."
    five = [_said(by, float(value)) for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1])]
    return f"{FIGURES[by]} over {len(values):,} cells: lowest {five[0]}, quartiles {', '.join(five[1:4])}, highest {five[4]}."


def standing(findings: Findings, by: str) -> str:
    """Where the default stands among the cells, in a sentence."""
    better = findings.standing(by)
    if findings.default is None or np.isnan(better):
        return "The strategy's default has no figure to compare."
    own = _said(by, float(findings.default[by]))
    return f"The default has a {FIGURES[by].lower()} of {own}, better than {part(better)} of the grid."


def print_findings(findings: Findings, by: str, stream: IO[str]) -> None:
    """The ten best and the ten worst cells, and where the default stands."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from dipfolio.report.summary import console_on

    console = console_on(stream, 140)
    ranked = findings.ranked(by)
    known = ranked[ranked[by].notna()]
    ends = {"best": _rows(findings, known.head(ENDS), ""), "worst": _rows(findings, known.tail(ENDS).iloc[::-1], "")}
    axes = [_label(axis.name) for axis in findings.grid.axes]
    shown = fitting(axes, [row for rows in ends.values() for row in rows], by, console.width)
    for word, rows in ends.items():
        title = f"The {len(rows)} {word} by {FIGURES[by].lower()}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for head in axes:
            table.add_column(head, overflow="fold")
        for place in shown:
            table.add_column(HEADS[place], justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, (*row.parameters, *(row.figures[place] for place in shown))))
        console.print(table)
    if len(shown) < len(HEADS):
        left = ", ".join(head.lower() for place, head in enumerate(HEADS) if place not in shown)
        console.print(Text(f"Not shown in so few columns: {left}; the page has them."), soft_wrap=True)
    console.print(Text(standing(findings, by)), soft_wrap=True)
    if findings.refused:
        why = next(iter(findings.refused.values()))
        said = f"Left out, as the strategy refuses them: {count(len(findings.refused), 'cell')}. {why}"
        console.print(Text(said), soft_wrap=True)


def fitting(axes: Sequence[str], rows: Sequence[Row], by: str, width: int) -> tuple[int, ...]:
    """Places of the figures that so many columns of a screen hold beside the parameters: the one that ranks, then in order."""

    def needs(head: str, cells: Iterable[str]) -> int:
        """Columns of the screen, with the space to the next."""
        return max(map(len, (head, *cells))) + 3

    left = width - sum(needs(head, (row.parameters[place] for row in rows)) for place, head in enumerate(axes))
    own = list(FIGURES).index(by)
    kept: list[int] = []
    for place in (own, *(place for place in range(len(HEADS)) if place != own)):
        left -= needs(HEADS[place], (row.figures[place] for row in rows))
        if left < 0 and kept:
            break
        kept.append(place)
    return tuple(sorted(kept))


def chart_data(findings: Findings, by: str, command: str) -> str:
    """JSON for a script element: nothing in it can end the element or start another.

    One array for each figure, in the order of the grid, null where there is none; parallel coordinates of a large grid show
    :data:`LINES` cells.
    """
    grid, table = findings.grid, findings.table
    cells = np.arange(len(grid)) if len(grid.axes) <= 2 else _sample(findings, by)
    shown = table.reindex(cells)
    data: dict[str, Any] = {
        "axes": [_axis(axis) for axis in grid.axes],
        "cells": cells.tolist() if len(grid.axes) > 2 else [],
        "figures": {name: _plain(shown[name]) for name in SHOWN},
        "all": {name: _histogram(table[name]) for name in SHOWN},
        "by": by,
        "default": None if findings.default is None else {name: _plain([findings.default[name]])[0] for name in SHOWN},
        "default_cell": _default_cell(findings),
        "command": command + "".join(f" {_option(name, value)}" for name, value in grid.fixed.items()),
    }
    return script_data(data)


def _axis(axis: Axis) -> dict[str, Any]:
    return {"name": _label(axis.name), "flag": _flag(axis.name), "values": [_text(value) for value in axis.points]}


def _histogram(values: pd.Series, bars: int = 60) -> dict[str, list[Any]]:
    known = values.dropna().to_numpy(dtype=float)
    counts, edges = np.histogram(known, bins=min(bars, max(len(known) // 4, 5))) if len(known) else (np.array([]), np.array([]))
    return {"edges": _plain(edges), "counts": counts.tolist()}


def _sample(findings: Findings, by: str) -> np.ndarray:
    ranked = findings.ranked(by).index
    spread = np.unique(np.linspace(0, len(ranked) - 1, min(LINES, len(ranked))).round().astype(int))
    return np.sort(ranked.to_numpy()[spread])


def _facts(findings: Findings, by: str, verified: str) -> list[tuple[str, str]]:
    traded = int((findings.table["trades"] > 0).sum())
    return [
        ("Grid", str(findings.grid)),
        ("Window", f"{findings.window[0]} to {findings.window[1]}"),
        ("Cells with an ended trade", f"{traded:,}"),
        (f"Median {FIGURES[by].lower()}", _said(by, float(findings.table[by].median()))),
        ("Starting cash", money(findings.account.cash)),
        ("Run again in backtrader", verified),
    ]


def _chance(chance: Chance) -> list[tuple[str, str, str]]:
    """Label, figure and what it means."""
    expected = f"a year, of {chance.trials:,} independent ones as spread out as these"
    deflated = "that its true ratio is above that, if the cells were independent trials, which neighbours are not"
    return [
        ("Expected best Sharpe of worthless variants", ratio(chance.expected_best), expected),
        ("Deflated Sharpe probability of the best", part(chance.deflated), deflated),
        ("Probability of overfitting (PBO)", part(chance.overfitting), chance.how),
    ]


def _rows(findings: Findings, cells: pd.DataFrame, command: str) -> list[Row]:
    return [_row(findings, figures, findings.grid.cell(int(cell)), command) for cell, figures in cells.iterrows()]  # type: ignore[misc]


def _row(findings: Findings, figures: pd.Series | None, parameters: dict[str, Any], command: str) -> Row | None:
    if figures is None:
        return None
    shown = {**figures.to_dict(), "costs": sum(figures[name] for name in COSTS)}
    options = "".join(f" {_option(name, value)}" for name, value in parameters.items())
    return Row(
        parameters=tuple(_text(parameters.get(axis.name)) for axis in findings.grid.axes),
        figures=tuple(_said(name, float(shown[name])) for name in FIGURES),
        command=command + options,
    )


def _default(findings: Findings) -> dict[str, Any]:
    """The parameters of the default that have to be said, those of the axes among them."""
    return {axis.name: findings.defaults[axis.name] for axis in findings.grid.axes} | findings.grid.fixed


def _default_cell(findings: Findings) -> int | None:
    places = []
    for axis in findings.grid.axes:
        value = findings.defaults.get(axis.name)
        if value not in axis.points:
            return None
        places.append(axis.points.index(value))
    return int(np.ravel_multi_index(tuple(places), findings.grid.shape)) if places else 0


def _said(name: str, value: float) -> str:
    if name in ("costs", "final_equity"):
        return money(value) if not np.isnan(value) else NOTHING
    if name in ("total_return", "worst_drawdown"):
        return percent(value)
    if name in ("win_rate", "volatility"):
        return part(value)
    return ratio(value) if name == "sharpe" else f"{value:,.0f}"


def _plain(values: Sequence[float] | pd.Series | np.ndarray) -> list[float | None]:
    return [None if not np.isfinite(value) else float(f"{value:.7g}") for value in np.asarray(values, dtype=float)]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def _label(name: str) -> str:
    return name.replace("_", " ")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _option(name: str, value: Any) -> str:
    """A parameter as the command line takes it."""
    return shlex.join(option_words({name: value if isinstance(value, bool) else _text(value)}))
