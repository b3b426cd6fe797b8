"""Shelf: names for every parameter, and folders that appear whole or not at all."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.errors import ReportError
from dipfolio.report import shelf
from dipfolio.report.shelf import place, report_name


def writer(text):
    def write(folder):
        (folder / "page.html").write_text(text, encoding="utf-8")

    return write


def failing(error):
    def write(folder):
        (folder / "page.html").write_text("half", encoding="utf-8")
        raise error

    return write


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "buy-the-dip"),
        ({"hold": 20}, "buy-the-dip--hold-20"),
        ({"hold": 20, "fill": "close"}, "buy-the-dip--hold-20--fill-close"),
        ({"slippage_bps": 0.5}, "buy-the-dip--slippage-bps-0.5"),
        ({"universe": "NVDA,SMH"}, "buy-the-dip--universe-NVDA,SMH"),
        ({"day": "2025-01-28", "no_costs": True}, "buy-the-dip--day-2025-01-28--no-costs-True"),
    ],
)
def test_what_was_changed_is_in_the_name(changed, name):
    assert report_name("buy-the-dip", changed) == name


@pytest.mark.parametrize(
    "value", ["../../etc", "/etc/passwd", "a\x00b", "a\nb", "~", "CON:", "é" * 90, "x" * 500, "a b", "", "..", "%2e"]
)
def test_a_hostile_value_stays_one_short_name_inside_the_shelf(tmp_path, value):
    name = report_name("idea", {"universe": value})
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._,=-]*", name)
    assert len(name) <= 140
    assert place(tmp_path, name, writer("x")).parent == tmp_path
    assert everything(tmp_path) == [name, f"{name}/page.html"]


@given(st.text(max_size=150), st.text(max_size=150))
def test_two_values_never_share_a_name(one, other):
    assert (report_name("idea", {"universe": one}) == report_name("idea", {"universe": other})) == (one == other)


def test_values_that_are_only_different_far_from_the_start_have_different_names():
    names = {report_name("idea", {"universe": "x" * 300 + end}) for end in "abc"}
    assert len(names) == 3


def test_a_report_stands_in_a_folder_that_is_made_for_it(tmp_path):
    target = place(tmp_path / "some" / "reports", "idea", writer("new"))
    assert target == tmp_path / "some" / "reports" / "idea"
    assert everything(tmp_path / "some" / "reports") == ["idea", "idea/page.html"]


def test_a_report_takes_the_place_of_an_older_one_completely(tmp_path):
    place(tmp_path, "idea", writer("old"))
    (tmp_path / "idea" / "left-over.txt").write_text("old", encoding="utf-8")
    place(tmp_path, "idea", writer("new"))
    assert everything(tmp_path) == ["idea", "idea/page.html"]
    assert (tmp_path / "idea" / "page.html").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(28, "No space left on device"), ReportError),
        (ReportError("run.json cannot be written: Disk quota exceeded."), ReportError),
        (ValueError("a fault"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_when_writing_fails_nothing_is_left_and_the_older_report_survives(tmp_path, error, raised):
    with pytest.raises(raised):
        place(tmp_path, "idea", failing(error))
    assert everything(tmp_path) == []
    place(tmp_path, "idea", writer("old"))
    with pytest.raises(raised):
        place(tmp_path, "idea", failing(error))
    assert everything(tmp_path) == ["idea", "idea/page.html"]
    assert (tmp_path / "idea" / "page.html").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("error", [OSError(18, "Invalid cross-device link"), KeyboardInterrupt()])
def test_when_the_last_step_fails_the_older_report_is_put_back(tmp_path, monkeypatch, error):
    place(tmp_path, "idea", writer("old"))
    rename, calls = os.rename, []

    def fail_once_the_old_is_away(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise error
        rename(source, target)

    monkeypatch.setattr(shelf.os, "rename", fail_once_the_old_is_away)
    with pytest.raises((ReportError, KeyboardInterrupt)):
        place(tmp_path, "idea", writer("new"))
    assert everything(tmp_path) == ["idea", "idea/page.html"]
    assert (tmp_path / "idea" / "page.html").read_text(encoding="utf-8") == "old"


def test_the_message_names_the_folder_the_reason_and_the_way_out(tmp_path):
    blocked = tmp_path / "reports"
    blocked.write_text("a file", encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        place(blocked, "idea", writer("x"))
    assert str(caught.value) == f"No report can be written to {blocked}: File exists. Choose another with --reports."
    assert caught.value.exit_code == 1
    assert blocked.read_text(encoding="utf-8") == "a file"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system on which nobody can write")
def test_a_file_system_without_room_for_reports_is_a_clear_line():
    with pytest.raises(ReportError, match=r"No report can be written to /proc/reports: .*Choose another with --reports"):
        place(Path("/proc/reports"), "idea", writer("x"))
