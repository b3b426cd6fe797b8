"""Sweep tasks: the cells of a task, and the comparison of a cell with backtrader."""

import joblib
import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.sweep.grid import parse_grid
from dipfolio.sweep.metrics import metric_columns
from dipfolio.sweep.runner import WorkerConfig
from dipfolio.sweep.tasks import SweepTask, backtrader_difference, load_mapped_bars, run_task
from tests.support.sweeps import swept, terms_of


def test_a_wrong_row_does_not_pass_for_the_run_of_backtrader(bars, folder, tmp_path):
    terms = terms_of(folder)
    grid = parse_grid(terms.kind, {"hold": "1:2"})
    row = swept(grid, terms, bars, WorkerConfig(jobs=1), tmp_path / "a").table.loc[0].copy()
    row["fees"] += 0.02
    assert backtrader_difference(row, terms, grid.cell(0), bars) == (pytest.approx(0.02), "fees")
    row["final_equity"] = np.nan
    assert backtrader_difference(row, terms, grid.cell(0), bars)[0] == np.inf


def test_the_figures_are_mapped_and_not_copied(bars, tmp_path):
    joblib.dump(bars, tmp_path / "bars")
    found = load_mapped_bars(tmp_path / "bars")
    pd.testing.assert_frame_equal(found.close, bars.close)
    base = found.close.to_numpy()
    while not isinstance(base, np.memmap) and base is not None:
        base = base.base
    assert isinstance(base, np.memmap)
    assert not found.close.to_numpy().flags.writeable


@pytest.mark.slow
def test_a_plain_backtrader_strategy_is_swept_with_backtrader(bars, folder, tmp_path):
    terms = terms_of(folder, "crossing")
    grid = parse_grid(terms.kind, {"period": "2:7"})
    table = swept(grid, terms, bars, WorkerConfig(jobs=2), tmp_path / "a").table
    assert table["period"].tolist() == [2, 3, 4, 5, 6, 7]
    assert table["final_equity"].nunique() == 6
    for number in table.index:
        assert backtrader_difference(table.loc[number], terms, grid.cell(number), bars)[0] == 0


def test_strategies_are_imported_by_name_in_every_process(folder):
    assert terms_of(folder).kind is load_strategy(folder, "slow")


def task(folder, cells, kept=(), name="slow"):
    return SweepTask(number=4, terms=terms_of(folder, name), cells=cells, kept_cells=frozenset(kept))


def test_a_task_runs_its_cells_keeps_some_returns_and_says_why_a_cell_is_refused(bars, folder):
    cells = ((8, {"hold": 3}), (2, {"hold": 7}), (5, {"hold": 1, "drop": 0.01}), (6, {"universe": "A,C"}))
    found = run_task(task(folder, cells, kept=(5, 2)), bars)
    assert found.number == 4
    assert sorted(found.table["cell"]) == [5, 8]
    assert found.table.columns.tolist() == ["cell", *metric_columns()]
    assert found.refused == {2: "hold must be at most 6, found 7.", 6: "There is no symbol 'C'."}
    assert list(found.returns) == [5]
    terms = terms_of(folder)
    alone = simulate(terms.kind(hold=1, drop=0.01), bars, terms.account, start=bars.sessions[1].date())
    np.testing.assert_allclose(found.returns[5], alone.returns.to_numpy(), atol=1e-12)
    row = found.table.set_index("cell").loc[5]
    assert row["final_equity"] == pytest.approx(alone.equity["equity"].iloc[-1], abs=0.005)


def test_a_task_of_refused_cells_alone_is_an_empty_table(bars, folder):
    found = run_task(task(folder, ((0, {"hold": 7}), (1, {"hold": 8}))), bars)
    assert found.table.empty
    assert found.table.columns.tolist() == ["cell", *metric_columns()]
    assert list(found.refused) == [0, 1]


def test_bars_from_a_file_give_what_the_same_bars_in_memory_give(bars, folder, tmp_path):
    joblib.dump(bars, tmp_path / "bars")
    one = task(folder, ((0, {"hold": 1}), (1, {"hold": 4})), kept=(1,))
    from_file, in_memory = run_task(one, tmp_path / "bars"), run_task(one, bars)
    pd.testing.assert_frame_equal(from_file.table, in_memory.table)
    np.testing.assert_array_equal(from_file.returns[1], in_memory.returns[1])


def test_a_strategy_of_backtrader_is_run_cell_by_cell(bars, folder):
    found = run_task(task(folder, ((0, {"period": 2}), (1, {"period": 5})), kept=(0, 1), name="crossing"), bars)
    assert found.table["cell"].tolist() == [0, 1]
    for cell, equity in zip((0, 1), found.table["final_equity"], strict=True):
        assert np.prod(1 + found.returns[cell]) * 50_000 == pytest.approx(equity, abs=0.005)


def test_what_a_strategy_prints_does_not_reach_the_output(bars, folder, capsys):
    (folder / "slow.py").write_text((folder / "slow.py").read_text() + "\nprint('imported')\n")
    run_task(task(folder, ((0, {}),)), bars)
    out, err = capsys.readouterr()
    assert (out, "imported" in err) == ("", True)


def test_the_settings_know_the_default_of_every_parameter(folder):
    defaults = terms_of(folder).defaults
    assert {name: defaults[name] for name in ("universe", "drop", "hold", "pause", "diary")} == {
        "universe": "A,B", "drop": 0.02, "hold": 2, "pause": 0.0, "diary": "",
    }  # fmt: skip
