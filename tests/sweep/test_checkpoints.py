"""Checkpoints: a part comes back as it was written, or counts as not done."""

import json

import numpy as np
import pandas as pd
import pytest

from dipfolio.errors import ReportError
from dipfolio.sweep.checkpoints import CHECKSUM_SUFFIX, KEY_FILE, CheckpointFolder, TaskResult


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
