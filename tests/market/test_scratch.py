"""Scratch: what is made beside goes with its maker, and what a dead one has left is put back or cleared away."""

import os
import subprocess
import sys

import pytest

from dipfolio.market.scratch import ASIDE, PREFIX, Lock, clear, scratch

HOLDER = """
import sys
from pathlib import Path
from dipfolio.market.scratch import scratch
with scratch(Path(sys.argv[1])) as room:
    (room / "half").write_text("half", encoding="utf-8")
    print(room.name, flush=True)
    sys.stdin.readline()
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def holder(tmp_path):
    """Another process that is writing in the same place."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.room = process.stdout.readline().strip()
    yield process
    process.kill()
    process.communicate()


def test_a_scratch_is_empty_within_its_place_and_gone_afterwards(tmp_path):
    with scratch(tmp_path / "some" / "place") as room:
        assert room.parent == tmp_path / "some" / "place"
        assert names(room) == []
        (room / "folder").mkdir()
    assert names(tmp_path / "some" / "place") == []


def test_it_is_gone_too_when_its_user_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), scratch(tmp_path):
        _ = 1 / 0
    assert names(tmp_path) == []


def test_what_somebody_else_is_writing_is_left_alone(tmp_path, holder):
    with scratch(tmp_path) as room:
        assert names(tmp_path) == sorted([room.name, holder.room])
    clear(tmp_path)
    assert names(tmp_path / holder.room) == ["half"]


def test_what_a_killed_process_has_left_goes_with_the_next_who_comes(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert names(tmp_path) == [holder.room]
    with scratch(tmp_path) as room:
        assert names(tmp_path) == [room.name]


def left(place, turns):
    """A room of a dead process that had moved things aside."""
    room = place / f"{PREFIX}dead"
    for turn, name, text in turns:
        (room / ASIDE / turn / name).mkdir(parents=True)
        (room / ASIDE / turn / name / "page").write_text(text, encoding="utf-8")
    return room


def test_what_was_moved_aside_is_put_back_the_latest_first(tmp_path):
    left(tmp_path, [("000000", "idea", "older"), ("000001", "idea", "newer"), ("000000", "other", "alone")])
    clear(tmp_path)
    assert names(tmp_path) == ["idea", "other"]
    assert (tmp_path / "idea" / "page").read_text(encoding="utf-8") == "newer"


def test_it_is_not_put_back_where_something_new_stands_even_a_link_to_nowhere(tmp_path):
    left(tmp_path, [("000000", "idea", "older"), ("000000", "link", "older")])
    (tmp_path / "idea").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    clear(tmp_path)
    assert names(tmp_path / "idea") == []
    assert os.readlink(tmp_path / "link") == "nowhere"


def test_clearing_where_nothing_is_or_nothing_can_be_done_is_no_error(tmp_path):
    clear(tmp_path / "nowhere")
    (tmp_path / f"{PREFIX}file").write_text("somebody's own", encoding="utf-8")
    clear(tmp_path)


def test_a_lock_is_had_by_one_until_nobody_refers_to_it(tmp_path):
    first = Lock(tmp_path)
    assert (first.mine, first.taken) == (True, False)
    second = Lock(tmp_path)
    assert (second.mine, second.taken) == (False, True)
    del first, second
    assert Lock(tmp_path).mine
