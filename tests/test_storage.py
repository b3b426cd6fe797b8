"""Exact: every digit that is written counts, on every pandas."""

import csv
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dipfolio import storage
from dipfolio.engine.result import cast_columns, load
from dipfolio.errors import DataError, ParameterError, ReportError
from dipfolio.storage import (
    BACKUP_FOLDER,
    CHECKSUM_FILE,
    SCRATCH_PREFIX,
    DirectoryLock,
    atomic_directory,
    atomic_write,
    escape_formula,
    explain_write_errors,
    named_pages,
    named_report,
    read_csv,
    recover_scratch,
    replace_directory,
    report_name,
    scratch_directory,
    unescape_formula,
    verified_run_id,
    write_checksums,
    write_csv,
)
from tests.support.runs import run


def test_every_number_is_the_float_nearest_to_what_is_written(tmp_path):
    numbers = np.random.default_rng(5)
    values = np.concatenate([numbers.uniform(0, 1000, 20_000), np.exp(numbers.uniform(-300, 300, 20_000))])
    (tmp_path / "x.csv").write_text("a\n" + "\n".join(map(repr, values.tolist())) + "\n", encoding="utf-8")
    assert (read_csv(tmp_path / "x.csv")["a"].to_numpy() == values).all()


def test_a_number_with_more_digits_than_a_float_has_is_rounded_once(tmp_path):
    texts = [f"{value:.25f}" for value in np.random.default_rng(6).uniform(0, 1000, 20_000)]
    (tmp_path / "x.csv").write_text("a\n" + "\n".join(texts) + "\n", encoding="utf-8")
    assert read_csv(tmp_path / "x.csv")["a"].tolist() == [float(text) for text in texts]


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("http://evil")',
    "\uff1d1",
    "\uff0dx",
    "=cmd|'/C calc'!A0",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
CELL = st.tuples(st.sampled_from(["", "'", "''", "=", "-", "+", "@", "\t", "\r", "\n", "\uff1d"]), TEXT).map("".join)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_starts_a_formula_is_written_as_text(text):
    assert escape_formula(text) == f"'{text}"
    assert unescape_formula(escape_formula(text)) == text


@pytest.mark.parametrize("text", ["", "NVDA", "a=b", "2025-01-27", "'quoted'", "5 %", " =1", "BRK-B", "^GSPC"])
def test_any_other_cell_stays_as_it_is(text):
    assert escape_formula(text) == text
    assert unescape_formula(text) == text


@given(CELL)
def test_reading_undoes_writing_whatever_the_text_is(text):
    assert unescape_formula(escape_formula(text)) == text
    assert not escape_formula(text) or escape_formula(text)[0] not in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


MADE = run()


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4))
def test_a_table_of_any_texts_comes_back_from_its_file(tmp_path_factory, rows):
    session = pd.to_datetime(["2025-01-02"] * len(rows))
    symbols, details = zip(*rows, strict=True)
    events = cast_columns(pd.DataFrame({"session": session, "kind": "told", "symbol": symbols, "detail": details}))
    folder = tmp_path_factory.mktemp("run")
    result = replace(MADE, events=events)
    result.save(folder)
    assert load(folder) == result


def test_numbers_stay_numbers_and_headings_are_protected_too(tmp_path):
    table = pd.DataFrame({"=x": [-1.5, 2.0], "text": ["-1.5", "b"], "day": pd.to_datetime(["2025-01-02", "2025-01-03"])})
    write_csv(table, tmp_path / "x.csv", index=False)
    assert (tmp_path / "x.csv").read_text(encoding="utf-8") == "'=x,text,day\n-1.5,'-1.5,2025-01-02\n2.0,b,2025-01-03\n"


def test_a_saved_run_has_no_cell_that_a_spreadsheet_would_calculate_and_is_loaded_as_it_was(tmp_path):
    made = run({0: {"A": 10}, 3: {"A": 0}, 5: {"A": 4}})
    evil = '=HYPERLINK("http://evil")'
    tables = {
        "fills": made.fills.assign(symbol=evil, reason=evil), "trades": made.trades.assign(symbol=evil, reason=evil),
        "open_positions": made.open_positions.assign(symbol=evil),
        "events": cast_columns(pd.DataFrame({"session": made.equity.index[:1], "kind": evil, "symbol": evil, "detail": evil})),
        "positions": made.positions.rename(columns={"A": evil}),
    }  # fmt: skip
    result = replace(made, **tables)
    result.save(tmp_path)
    for path in sorted(tmp_path.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        texts = [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
        assert [cell for cell in texts if not is_number(cell)] == [], path.name
    assert any(cell == f"'{evil}" for cell in cells)
    assert load(tmp_path) == result


def is_number(text):
    try:
        return bool(float(text)) or True
    except ValueError:
        return False


HOLDER = """
import sys
from pathlib import Path
from dipfolio.storage import scratch_directory
with scratch_directory(Path(sys.argv[1])) as room:
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
    with scratch_directory(tmp_path / "some" / "place") as room:
        assert room.parent == tmp_path / "some" / "place"
        assert names(room) == []
        (room / "folder").mkdir()
    assert names(tmp_path / "some" / "place") == []


def test_it_is_gone_too_when_its_user_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), scratch_directory(tmp_path):
        _ = 1 / 0
    assert names(tmp_path) == []


def test_what_somebody_else_is_writing_is_left_alone(tmp_path, holder):
    with scratch_directory(tmp_path) as room:
        assert names(tmp_path) == sorted([room.name, holder.room])
    recover_scratch(tmp_path)
    assert names(tmp_path / holder.room) == ["half"]


def test_what_a_killed_process_has_left_goes_with_the_next_who_comes(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert names(tmp_path) == [holder.room]
    with scratch_directory(tmp_path) as room:
        assert names(tmp_path) == [room.name]


def left(place, turns):
    """A room of a dead process that had moved things aside."""
    room = place / f"{SCRATCH_PREFIX}dead"
    for turn, name, text in turns:
        (room / BACKUP_FOLDER / turn / name).mkdir(parents=True)
        (room / BACKUP_FOLDER / turn / name / "page").write_text(text, encoding="utf-8")
    return room


def test_what_was_moved_aside_is_put_back_the_latest_first(tmp_path):
    left(tmp_path, [("000000", "idea", "older"), ("000001", "idea", "newer"), ("000000", "other", "alone")])
    recover_scratch(tmp_path)
    assert names(tmp_path) == ["idea", "other"]
    assert (tmp_path / "idea" / "page").read_text(encoding="utf-8") == "newer"


def test_it_is_not_put_back_where_something_new_stands_even_a_link_to_nowhere(tmp_path):
    left(tmp_path, [("000000", "idea", "older"), ("000000", "link", "older")])
    (tmp_path / "idea").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    recover_scratch(tmp_path)
    assert names(tmp_path / "idea") == []
    assert os.readlink(tmp_path / "link") == "nowhere"


def test_clearing_where_nothing_is_or_nothing_can_be_done_is_no_error(tmp_path):
    recover_scratch(tmp_path / "nowhere")
    (tmp_path / f"{SCRATCH_PREFIX}file").write_text("somebody's own", encoding="utf-8")
    recover_scratch(tmp_path)


def test_a_lock_is_had_by_one_until_nobody_refers_to_it(tmp_path):
    first = DirectoryLock(tmp_path)
    assert (first.acquired, first.held_elsewhere) == (True, False)
    second = DirectoryLock(tmp_path)
    assert (second.acquired, second.held_elsewhere) == (False, True)
    del first, second
    assert DirectoryLock(tmp_path).acquired


def test_a_file_that_fails_half_way_never_appears_and_leaves_no_trace(tmp_path):
    (tmp_path / "x").write_text("old", encoding="utf-8")

    def write_half():
        with atomic_write(tmp_path / "x") as path:
            path.write_text("half", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("x", "old")]


def test_a_file_is_made_with_the_folders_around_it_and_replaces_a_link_and_not_its_target(tmp_path):
    (tmp_path / "target").write_text("theirs", encoding="utf-8")
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "x").symlink_to(tmp_path / "target")
    for path in (tmp_path / "some" / "x", tmp_path / "new" / "place" / "x"):
        with atomic_write(path) as fresh:
            fresh.write_text("ours", encoding="utf-8")
        assert not path.is_symlink()
        assert path.read_text(encoding="utf-8") == "ours"
        assert names(path.parent) == ["x"]
    assert (tmp_path / "target").read_text(encoding="utf-8") == "theirs"


@pytest.mark.parametrize("damaged", ["file", "folder"])
def test_what_was_damaged_can_be_kept_under_another_name(tmp_path, damaged):
    (tmp_path / "x").mkdir() if damaged == "folder" else (tmp_path / "x").write_text("old", encoding="utf-8")
    with atomic_write(tmp_path / "x", keep_damaged=True) as path:
        path.write_text("new", encoding="utf-8")
    assert names(tmp_path) == ["x", "x.damaged"]
    assert (tmp_path / "x").read_text(encoding="utf-8") == "new"


def test_why_something_cannot_be_written_is_one_sentence_with_the_remedy(tmp_path):
    blocked = tmp_path / "file" / "x"
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with (
        pytest.raises(DataError) as caught,
        explain_write_errors(blocked, DataError, "Choose another."),
        atomic_write(blocked) as path,
    ):
        path.write_text("x", encoding="utf-8")
    assert str(caught.value) == f"{blocked} cannot be written: File exists. Choose another."
    with (
        pytest.raises(ReportError, match=r"^The page is lost: a fault\.$"),
        explain_write_errors("The page is lost", ReportError),
    ):
        raise OSError("a fault.")


@pytest.mark.parametrize("older", [None, {}, {"page.html": "old", "left-over.txt": "old"}])
def test_a_folder_is_replaced_as_a_whole(tmp_path, older):
    if older is not None:
        (tmp_path / "idea").mkdir()
        for name, text in older.items():
            (tmp_path / "idea" / name).write_text(text, encoding="utf-8")
    with atomic_directory(tmp_path / "idea") as fresh:
        assert names(fresh) == []
        (fresh / "page.html").write_text("new", encoding="utf-8")
    assert everything(tmp_path) == ["idea", "idea/page.html"]
    assert (tmp_path / "idea" / "page.html").read_text(encoding="utf-8") == "new"


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
    assert replace_directory(tmp_path, name, writer("x")).parent == tmp_path
    assert everything(tmp_path) == [name, f"{name}/page.html"]


@given(st.text(max_size=150), st.text(max_size=150))
def test_two_values_never_share_a_name(one, other):
    assert (report_name("idea", {"universe": one}) == report_name("idea", {"universe": other})) == (one == other)


def test_values_that_are_only_different_far_from_the_start_have_different_names():
    names = {report_name("idea", {"universe": "x" * 300 + end}) for end in "abc"}
    assert len(names) == 3


def test_a_report_stands_in_a_folder_that_is_made_for_it(tmp_path):
    target = replace_directory(tmp_path / "some" / "reports", "idea", writer("new"))
    assert target == tmp_path / "some" / "reports" / "idea"
    assert everything(tmp_path / "some" / "reports") == ["idea", "idea/page.html"]


def test_a_report_takes_the_place_of_an_older_one_completely(tmp_path):
    replace_directory(tmp_path, "idea", writer("old"))
    (tmp_path / "idea" / "left-over.txt").write_text("old", encoding="utf-8")
    replace_directory(tmp_path, "idea", writer("new"))
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
        replace_directory(tmp_path, "idea", failing(error))
    assert everything(tmp_path) == []
    replace_directory(tmp_path, "idea", writer("old"))
    with pytest.raises(raised):
        replace_directory(tmp_path, "idea", failing(error))
    assert everything(tmp_path) == ["idea", "idea/page.html"]
    assert (tmp_path / "idea" / "page.html").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("error", [OSError(18, "Invalid cross-device link"), KeyboardInterrupt()])
def test_when_the_last_step_fails_the_older_report_is_put_back(tmp_path, monkeypatch, error):
    replace_directory(tmp_path, "idea", writer("old"))
    rename, calls = os.rename, []

    def fail_once_the_old_is_away(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise error
        rename(source, target)

    monkeypatch.setattr(storage.os, "rename", fail_once_the_old_is_away)
    with pytest.raises((ReportError, KeyboardInterrupt)):
        replace_directory(tmp_path, "idea", writer("new"))
    assert everything(tmp_path) == ["idea", "idea/page.html"]
    assert (tmp_path / "idea" / "page.html").read_text(encoding="utf-8") == "old"


def test_the_message_names_the_folder_the_reason_and_the_way_out(tmp_path):
    blocked = tmp_path / "reports"
    blocked.write_text("a file", encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        replace_directory(blocked, "idea", writer("x"))
    assert str(caught.value) == f"No report can be written to {blocked}: File exists. Choose another with --reports."
    assert caught.value.exit_code == 1
    assert blocked.read_text(encoding="utf-8") == "a file"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system on which nobody can write")
def test_a_file_system_without_room_for_reports_is_a_clear_line():
    with pytest.raises(ReportError, match=r"No report can be written to /proc/reports: .*Choose another with --reports"):
        replace_directory(Path("/proc/reports"), "idea", writer("x"))


@pytest.fixture
def report(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "tearsheet.html").write_text("<html>")
    write_checksums(tmp_path, "abc")
    return tmp_path


def test_a_sealed_report_knows_its_run(report):
    assert verified_run_id(report) == "abc"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "run.json").write_text("{ }"),
        lambda folder: (folder / "tearsheet.html").unlink(),
        lambda folder: (folder / "extra.csv").write_text("x"),
        lambda folder: (folder / CHECKSUM_FILE).write_text("{"),
        lambda folder: (folder / CHECKSUM_FILE).write_text("[]"),
        lambda folder: (folder / CHECKSUM_FILE).write_text('{"identity": "abc"}'),
        lambda folder: (folder / CHECKSUM_FILE).unlink(),
    ],
)
def test_a_broken_seal_says_nothing(report, spoil):
    spoil(report)
    assert verified_run_id(report) == ""


def test_a_folder_that_is_not_there_has_no_seal(tmp_path):
    assert verified_run_id(tmp_path / "nowhere") == ""


@pytest.mark.parametrize("name", ["crash-tests", "2025.01", "a", "A=b,c_d", "x" * 120])
def test_a_named_report_is_called_as_the_user_said(tmp_path, name):
    assert named_report(tmp_path, "comparison", name) == tmp_path / "comparisons" / f"{name}.html"
    assert named_report(tmp_path, "sweep", name) == tmp_path / "sweeps" / name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "-x",
        "_x",
        "../x",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "a b",
        "a\n",
        "a\x00",
        "\u00e9",
        "CON:",
        "x" * 121,
    ],
)
def test_a_name_that_is_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(ParameterError, match="is no name for a comparison: use letters, digits and"):
        named_report(tmp_path, "comparison", name, replace=True)


def test_a_name_that_is_taken_is_given_again_only_on_request(tmp_path):
    page = named_report(tmp_path, "comparison", "mine")
    page.parent.mkdir()
    page.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ParameterError, match=r"^There is a comparison 'mine' already; .* --replace\.$"):
        named_report(tmp_path, "comparison", "mine")
    assert named_report(tmp_path, "comparison", "mine", replace=True) == page
    assert named_report(tmp_path, "sweep", "mine") == tmp_path / "sweeps" / "mine"


@pytest.mark.parametrize("name", ["comparisons", "sweeps", "Sweeps"])
def test_no_run_is_called_like_a_folder_of_named_reports(name):
    assert re.fullmatch(rf"{name}--[0-9a-f]{{8}}", report_name(name, {}))


def test_named_pages_are_listed_newest_first_without_links_that_lead_out(tmp_path):
    reports, outside = tmp_path / "reports", tmp_path / "theirs.html"
    outside.write_text("theirs")
    pages = [reports / "comparisons" / "b.html", reports / "sweeps" / "a" / "sweep.html"]
    for age, page in enumerate(pages):
        page.parent.mkdir(parents=True)
        page.write_text("x")
        os.utime(page, (1_700_000_000 - age, 1_700_000_000 - age))
    (reports / "comparisons" / "linked.html").symlink_to(outside)
    (reports / "comparisons" / "notes.txt").write_text("x")
    assert named_pages(reports) == (("comparison", pages[0]), ("sweep", pages[1]))
    assert named_pages(tmp_path / "none") == ()
