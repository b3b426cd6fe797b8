"""The result of a sweep: its ranking, its default and its neighbours."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dipfolio.errors import ParameterError
from dipfolio.sweep.grid import parse_grid
from dipfolio.sweep.metrics import metric_columns
from dipfolio.sweep.runner import run_sweep
from dipfolio.sweep.sweep_result import combine_results
from dipfolio.sweep.tasks import TaskResult
from tests.support.sweeps import BARS, DEFAULT, HOLD, Falls, made, terms_of


def test_a_sweep_shows_its_best_and_where_the_default_stands():
    found = run_sweep(Falls, BARS, hold=[1, 3, 5])
    best = found.table["total_return"].max()
    better = (found.table["total_return"] < found.default["total_return"]).mean()
    line, page = repr(found), found._repr_html_()
    assert "grid 3 hold = 3 variants" in line
    assert f"its total return {best:+.2%}" in line
    assert f"default is better than {better:.1%} of the variants" in line
    assert re.findall(r">([^<]+)</td></tr><tr><td[^>]*>sharpe<", page)
    assert "array(" not in line


def test_neighbours_are_one_step_away_along_one_axis():
    found = made()
    corner, inner = found.neighbours(0), found.neighbours(4)
    assert [(row.hold, row.drop) for row in corner.itertuples()] == [(1, 0.03), (2, 0.02)]
    assert [(row.hold, row.drop) for row in inner.itertuples()] == [(1, 0.03), (2, 0.02), (2, 0.05), (3, 0.03)]


@pytest.mark.parametrize(
    ("by", "values", "order"),
    [
        ("total_return", [0.1, 0.3, 0.2, 0.3], [1, 3, 2, 0]),  # ties in the order of the grid
        ("volatility", [0.1, 0.3, 0.2, 0.1], [0, 3, 2, 1]),  # less is better
        ("total_return", [0.1, np.nan, 0.2, np.nan], [2, 0, 1, 3]),
        ("volatility", [0.1, np.nan, 0.2, 0.05], [3, 0, 2, 1]),
    ],
)
def test_the_best_is_first_and_a_cell_without_a_value_last(by, values, order):
    found = made(axes=(HOLD,))
    found = replace(found, table=found.table.assign(**{by: values}))
    assert found.ranked(by).index.tolist() == order


@pytest.mark.parametrize(("by", "part"), [("total_return", 2 / 3), ("volatility", 1 / 3)])
def test_the_default_is_compared_with_the_cells_that_have_a_value(by, part):
    found = made(axes=(HOLD,))
    found = replace(found, table=found.table.assign(**{by: [0.1, 0.2, np.nan, 0.4]}), default=pd.Series({by: 0.3}))
    assert found.default_percentile(by) == pytest.approx(part)


def test_without_a_default_or_a_value_there_is_no_percentile():
    found = made(axes=(HOLD,))
    assert np.isnan(replace(found, default=None).default_percentile("total_return"))
    assert np.isnan(replace(found, default=pd.Series({"total_return": np.nan})).default_percentile("total_return"))
    assert np.isnan(replace(found, table=found.table.assign(total_return=np.nan)).default_percentile("total_return"))


def test_a_refused_neighbour_is_left_out():
    found = made()
    assert replace(found, table=found.table.drop(index=[1])).neighbours(0).index.tolist() == [3]


def part(number, cells, **more):
    columns = dict.fromkeys(metric_columns(), 0.0) | {"final_equity": [100.0 + cell for cell in cells]}
    return TaskResult(number=number, table=pd.DataFrame({"cell": cells, **columns}), **more)


def test_parts_are_joined_in_the_order_of_the_cells_and_the_default_stands_apart(folder, bars):
    terms = terms_of(folder)
    grid = parse_grid(terms.kind, {"hold": "1:4"})
    path = np.zeros(len(bars) - 1)
    late = part(1, [3, 1], returns={3: path + 0.03, 1: path + 0.01})
    parts = (late, part(2, [DEFAULT]), part(0, [0], refused={2: "no"}))
    found = combine_results(parts, grid, terms, bars, DEFAULT)
    assert found.table.index.tolist() == [0, 1, 3]
    assert found.table["hold"].tolist() == [1, 2, 4]
    assert found.table["final_equity"].tolist() == [100, 101, 103]
    assert found.default["final_equity"] == 99
    assert found.refused == {2: "no"}
    assert found.returns.columns.tolist() == [3, 1]
    assert found.returns[3].tolist() == [0.03] * len(path)
    assert found.window == (bars.sessions[1].date(), bars.sessions[-1].date())
    assert (found.strategy, found.defaults["hold"]) == ("slow", 2)


def test_a_default_that_the_strategy_refuses_is_none_and_not_among_the_refused(folder, bars):
    terms = terms_of(folder)
    parts = [part(0, [0, 1], refused={DEFAULT: "hold must be at most 6."})]
    found = combine_results(parts, parse_grid(terms.kind, {"hold": "1:2"}), terms, bars, DEFAULT)
    assert (found.default, found.refused) == (None, {})


def test_a_grid_of_refused_cells_gives_the_first_reason(folder, bars):
    terms = terms_of(folder)
    parts = [part(0, [], refused={0: "too long: 7", 1: "too long: 8"}), part(1, [DEFAULT])]
    with pytest.raises(ParameterError, match=r"^No cell of the grid can be run: too long: 7$"):
        combine_results(parts, parse_grid(terms.kind, {"hold": "7:8"}), terms, bars, DEFAULT)
