"""Sweep tasks: the cells of a task, and the comparison of a cell with backtrader."""

import json

import joblib
import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.loader import load_strategy
from dipfolio.engine.simulation import simulate
from dipfolio.errors import ReportError
from dipfolio.sweep.grid import parse_grid
from dipfolio.sweep.metrics import metric_columns
from dipfolio.sweep.runner import WorkerConfig
from dipfolio.sweep.tasks import (
    CHECKSUM_SUFFIX,
    KEY_FILE,
    CheckpointFolder,
    SweepTask,
    TaskResult,
    backtrader_difference,
    load_mapped_bars,
    run_task,
)
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


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"file.* cannot be written"):
        CheckpointFolder(tmp_path / "file" / "parts", "key", resume=False)


def part(number, cells=(0, 1)):
    table = pd.DataFrame({"cell": list(cells), "sharpe": [0.1 * cell for cell in cells]})
    returns = {cell: np.array([0.01, -0.02, 0.1 / 3]) + cell for cell in cells}
    return TaskResult(number=number, table=table, returns=returns, refused={9: "hold must be at most 6, found 7 \u2013 no."})


@pytest.fixture
def place(tmp_path):
    """A folder of two finished parts, left behind by a sweep that has ended."""
    checkpoints = CheckpointFolder(tmp_path / "parts", "key", resume=False)
    for number in (3, 0):
        checkpoints.save(part(number, (2 * number, 2 * number + 1)))
    return tmp_path / "parts"


def assert_same(found, expected):
    assert (found.number, found.refused) == (expected.number, expected.refused)
    pd.testing.assert_frame_equal(found.table, expected.table)
    assert list(found.returns) == list(expected.returns)
    for cell, path in expected.returns.items():
        assert found.returns[cell].tobytes() == path.tobytes()


def test_a_part_comes_back_to_the_last_bit(place):
    checkpoints = CheckpointFolder(place, "key", resume=True)
    assert checkpoints.done() == [0, 3]
    assert checkpoints.damaged == ()
    for number in (0, 3):
        assert_same(checkpoints.load(number), part(number, (2 * number, 2 * number + 1)))


def test_a_part_without_a_cell_that_was_kept_or_refused_comes_back_too(place):
    checkpoints = CheckpointFolder(place, "key", resume=True)
    empty = TaskResult(number=7, table=pd.DataFrame({"cell": [5], "sharpe": [np.nan]}))
    checkpoints.save(empty)
    assert_same(checkpoints.load(7), empty)


@pytest.mark.parametrize(("key", "resume"), [("key", False), ("other", True), ("other", False)])
def test_parts_of_another_sweep_or_of_one_that_begins_anew_are_gone(place, key, resume):
    (place / "folder").mkdir()
    assert CheckpointFolder(place, key, resume=resume).done() == []
    assert [path.name for path in place.iterdir() if path.name.startswith("part")] == []
    assert json.loads((place / KEY_FILE).read_text(encoding="utf-8")) == {"key": key}
    assert not (place / "folder").exists()


@pytest.mark.parametrize("text", [None, "", "[]", '"key"', "{}", "{"])
def test_a_key_that_cannot_be_read_is_no_key(place, text):
    (place / KEY_FILE).unlink()
    if text is not None:
        (place / KEY_FILE).write_text(text, encoding="utf-8")
    assert CheckpointFolder(place, "key", resume=True).done() == []


@pytest.mark.parametrize("suffix", [".parquet", ".npz", CHECKSUM_SUFFIX])
@pytest.mark.parametrize("damage", ["cut", "turned", "gone"])
def test_a_part_that_is_not_what_was_written_is_not_done_and_can_be_written_again(place, suffix, damage):
    path = place / f"part-000003{suffix}"
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    checkpoints = CheckpointFolder(place, "key", resume=True)
    assert checkpoints.done() == [0]
    assert checkpoints.damaged == (() if (damage, suffix) == ("gone", CHECKSUM_SUFFIX) else (3,))
    checkpoints.save(part(3))
    assert checkpoints.done() == [0, 3]
    assert checkpoints.damaged == ()
    assert_same(checkpoints.load(3), part(3))


def test_a_folder_that_is_removed_leaves_nothing(place):
    CheckpointFolder(place, "key", resume=True).remove()
    assert not place.exists()
