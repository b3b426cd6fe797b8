"""The result of a sweep: a table of metrics for all combinations, their ranking and neighbours, and the default."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars, Provenance
from dipfolio.engine.account import Account
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import metrics_in
from dipfolio.errors import ParameterError
from dipfolio.sweep.grid import ParameterGrid
from dipfolio.sweep.metrics import sweep_metrics
from dipfolio.sweep.tasks import SweepSettings, TaskResult

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SweepResult(Displayable):
    """A finished sweep.

    Attributes
    ----------
    strategy : str
    grid : ParameterGrid
    defaults : dict
        Of all parameters.
    account : Account
    window : (date, date)
    table : DataFrame of shape (variants, columns)
        By number of the cell: a column for each axis, then :func:`dipfolio.sweep.metrics.metric_columns`. Cells whose parameters
        the strategy refuses are left out.
    default : Series or None
        The data with the default of every axis, on the grid or off it; None if the strategy refuses that.
    returns : DataFrame of shape (sessions, variants)
        Of an even sample of the cells; above what idle cash earned, where it earns by a dated rate.
    refused : dict
        Cell to the reason.
    provenance : Provenance
    """

    strategy: str
    grid: ParameterGrid
    defaults: dict[str, Any]
    account: Account
    window: tuple[date, date]
    table: pd.DataFrame
    default: pd.Series | None
    returns: pd.DataFrame
    refused: dict[int, str]
    provenance: Provenance

    def facts(self) -> tuple[tuple[str, Any], ...]:
        """The best and the default by total return; how deep the rest goes stands in ``table``."""
        best = self.ranked("total_return").iloc[0]
        return (
            ("strategy", self.strategy),
            ("grid", str(self.grid)),
            ("window", f"{self.window[0]} to {self.window[1]}"),
            ("refused", len(self.refused)),
            ("best", {axis.name: best[axis.name] for axis in self.grid.axes}),
            ("its total return", f"{best['total_return']:+.2%}"),
            ("default's", "" if self.default is None else f"{self.default['total_return']:+.2%}"),
            ("default is better than", f"{self.default_percentile('total_return'):.1%} of the variants"),
            ("data of the best", best[[metric.name for metric in sweep_metrics("sweep")]]),
            *(("remark", sentence) for sentence in self.provenance.remarks),
        )

    def ranked(self, by: str) -> pd.DataFrame:
        """The cells, best first; those without a value last, then in the order of the grid.

        The highest is best, but for a metric of which less is better.
        """
        return self.table.sort_values(by, ascending=_less_is_better(by), kind="stable", na_position="last")

    def default_percentile(self, by: str) -> float:
        """The part of the cells that the default is better than; NaN without a default or its value."""
        values = self.table[by].dropna()
        of_default = np.nan if self.default is None else float(self.default[by])
        if np.isnan(of_default) or values.empty:
            return float("nan")
        return float(((values > of_default) if _less_is_better(by) else (values < of_default)).mean())

    def neighbours(self, cell: int) -> pd.DataFrame:
        """The cells that are one step away along one axis."""
        shape = self.grid.shape
        place = np.array(np.unravel_index(cell, shape))
        near = []
        for axis in range(len(shape)):
            for step in (-1, 1):
                other = place.copy()
                other[axis] += step
                if 0 <= other[axis] < shape[axis]:
                    near.append(int(np.ravel_multi_index(tuple(other), shape)))
        return self.table[self.table.index.isin(near)]


def _less_is_better(column: str) -> bool:
    return any(metric.name == column and metric.better == "lower" for metric in (*metrics_in("sweep"), *metrics_in("surface")))


def combine_results(
    parts: Sequence[TaskResult], grid: ParameterGrid, terms: SweepSettings, bars: Bars, default: int
) -> SweepResult:
    """The result of all tasks together.

    Parameters
    ----------
    parts : sequence of TaskResult
    grid : ParameterGrid
    terms : SweepSettings
    bars : Bars
        That were swept.
    default : int
        Number of the default among the cells.

    Raises
    ------
    ParameterError
        The strategy refuses every cell; the first reason is given.
    """
    metrics = pd.concat([part.table for part in parts if len(part.table)] or [parts[0].table]).set_index("cell").sort_index()
    returns = {cell: path for part in parts for cell, path in part.returns.items()}
    refused = {cell: why for part in parts for cell, why in sorted(part.refused.items()) if cell != default}
    default_row = metrics.loc[default] if default in metrics.index else None
    metrics = metrics.drop(index=default, errors="ignore")
    if metrics.empty:
        raise ParameterError(f"No cell of the grid can be run: {next(iter(refused.values()))}")
    axes, days = pd.DataFrame(_parameters(grid, metrics.index), index=metrics.index), bars.sessions[terms.first :]
    return SweepResult(
        strategy=terms.name, grid=grid, defaults=terms.defaults, account=terms.account.in_market(bars.calendar),
        window=(days[0].date(), days[-1].date()), table=pd.concat([axes, metrics], axis=1), default=default_row,
        returns=pd.DataFrame(returns, index=days), refused=refused, provenance=bars.provenance,
    )  # fmt: skip


def _parameters(grid: ParameterGrid, cells: pd.Index) -> dict[str, Any]:
    """A column for each axis; words and dates as text."""
    if not grid.axes:
        return {}
    places = np.unravel_index(cells.to_numpy(), grid.shape)
    return {axis.name: _column(axis.points, place) for axis, place in zip(grid.axes, places, strict=True)}


def _column(values: tuple[Any, ...], place: NDArray[np.intp]) -> Any:
    if all(isinstance(value, bool) for value in values) or all(isinstance(value, int | float) for value in values):
        return np.array(values)[place]
    if all(value is None or isinstance(value, int | float) for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=float)[place]
    return np.array(["none" if value is None else str(value) for value in values], dtype=object)[place]
