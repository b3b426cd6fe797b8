"""Track: labels that tell runs apart, and where the first return starts."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.errors import AmbiguousFileError, DataError, ReportError, UnknownNameError
from dipfolio.report.comparison.series import read_external_series, saved_track, track_of, with_unique_labels
from tests.support.other_libraries import foreign, spoiled
from tests.support.runs import run, save, track


def test_a_run_is_called_by_its_strategy_and_what_was_changed():
    assert track_of(replace(run(), strategy="buy", changed={"hold": 3, "fill": "close"})).label == "buy (hold 3, fill close)"


def test_a_saved_run_comes_back_with_its_folder(tmp_path):
    folder = save(tmp_path, "one", run())
    found = saved_track(folder)
    assert found.result == run()
    assert (found.folder, found.span) == (folder, "2025-01-02 to 2025-01-21")
    with pytest.raises(ReportError):
        saved_track(tmp_path / "none")


def test_runs_that_are_called_alike_get_the_names_of_their_folders():
    a, b, c = (
        track(label="x", folder=Path("r/x")),
        track(label="x", folder=Path("r/x--cash-5")),
        track(label="y", folder=Path("r/y1")),
    )
    assert [t.label for t in with_unique_labels([a, b, c])] == ["x", "x--cash-5", "y"]


def test_what_is_still_alike_gets_a_number():
    a, b, c = track(label="x"), track(label="x"), track(label="x", folder=Path("q/x"))
    assert [t.label for t in with_unique_labels([a, b, c])] == ["x", "x #2", "x #3"]


@pytest.fixture
def file(tmp_path):
    def write(text, name="other.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    "text",
    ["2025-01-06;1\n2025-01-02;3\n2025-01-03;2", "\ufeffd\tv\n2025-01-06T16:00:00-05:00\t1\n\n2025-01-02\t3\n2025-01-03\t2\n"],
)
def test_separators_marks_times_and_order_are_put_right(file, text):
    track = read_external_series(file(text), "equity")
    assert track.returns.tolist() == pytest.approx([2 / 3 - 1, -0.5])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "other.csv has 0 values"),
        ("date,value\n2025-01-02,1", "has 1 values"),
        ("date,value\n2025-01-02,1\n02.01.2025,2", "line 3: '02.01.2025' is no date"),
        ("date,value\n2025-01-02,1\n2025-01-03,x", "line 3: 'x' is no number"),
        ("date,value\n2025-01-02,1\n2025-01-03,", "line 3: '' is no number"),
        ("date,value\n2025-01-02,1\n2025-01-03,nan", "'nan' is no number"),
        ("date,value\n2025-01-02,1\n2025-01-03,inf", "'inf' is no number"),
        ("date,value\n2025-01-02,1\n2025-01-03,1_0", "'1_0' is no number"),
        ("date,a,b\n2025-01-02,1,2", 'several columns that could be meant: a, b. Say which, as --column "a".'),
        ("date,value\n2025-01-02,1\n2025-01-02,2", "line 3: 2025-01-02 stands twice"),
        ("date,value\n2025-01-02,0.1\n2025-01-03,-1", "a return of -1 on 2025-01-03 loses all money"),
        ("date,value\n2025-01-02,1.5\n2025-01-03,-0.9\n2025-01-06,0.8", "look like percent; 1 % is 0.01"),
        ('date,value\n2025-01-02,"1\n2025-01-03,2', "no CSV file"),
    ],
)
def test_a_file_that_is_no_such_series_is_one_clear_line(file, text, said):
    with pytest.raises(DataError, match=re.escape(said)):
        read_external_series(file(text))


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_external_series(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="it is no text"):
        read_external_series(tmp_path / "bytes.csv")


@given(st.text(max_size=200))
def test_no_text_makes_anything_but_a_series_or_a_clear_line(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        track = read_external_series(path)
    except DataError as error:
        assert "any.csv" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert np.isfinite(track.returns).all()
        assert track.returns.index.is_monotonic_increasing


@pytest.mark.parametrize("seed", range(300))
def test_tables_as_people_write_them_give_the_total_return_that_pandas_finds(tmp_path, seed):
    rng = np.random.default_rng([20250127, seed])
    text, content, total = foreign(rng)
    (tmp_path / "other.csv").write_bytes(content)
    track = read_external_series(tmp_path / "other.csv")
    assert (1 + track.returns).prod() - 1 == pytest.approx(total, abs=1e-6)
    (tmp_path / "spoiled.csv").write_bytes(spoiled(rng, text))
    try:
        track = read_external_series(tmp_path / "spoiled.csv")
    except (DataError, UnknownNameError) as error:
        assert "spoiled.csv" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert np.isfinite(track.returns).all()


def test_of_several_columns_the_one_that_is_named_for_it_is_taken(file):
    text = "date,cash,holdings,equity,drawdown\n2025-01-02,60,40,100,\n2025-01-03,10,100,110,0\n2025-01-06,0,99,99,0.1\n"
    track = read_external_series(file(text))
    assert track.returns.tolist() == pytest.approx([0.1, -0.1])
    assert track.origin.startswith("other.csv, column 'equity', taken for an equity series")
    assert read_external_series(file(text), "equity", ["Holdings"]).returns.tolist() == pytest.approx([1.5, -0.01])
    assert read_external_series(file(text), "equity", ["3"]).returns.tolist() == pytest.approx([1.5, -0.01])
    with pytest.raises(UnknownNameError, match=r"no column of other\.csv 'equty'\. Did you mean 'equity'"):
        read_external_series(file(text), columns=["equty"])


def test_several_columns_that_could_be_meant_are_listed(file):
    text = "date,equity,nav,cash\n2025-01-02,100,10,1\n2025-01-03,110,12,1\n"
    with pytest.raises(AmbiguousFileError, match=r'could be meant: equity, nav\. Say which, as --column "equity"'):
        read_external_series(file(text))
    assert read_external_series(file(text), columns=["nav"]).returns.tolist() == pytest.approx([0.2])


def test_our_own_table_gives_the_returns_of_the_run(file):
    text = "session,equity,cash,gross,net,return,benchmark\n2025-01-02,101,0,0,0,0.01,0\n2025-01-03,101,0,0,0,0.0,0\n"
    track = read_external_series(file(text))
    assert track.returns.tolist() == [0.01, 0.0]
    assert track.base == pd.Timestamp("2024-12-31")


def test_an_empty_first_row_is_left_out_and_said(file):
    track = read_external_series(file("date,returns\n2025-01-02,\n2025-01-03,0.01\n2025-01-06,-0.02\n"))
    assert track.returns.tolist() == [0.01, -0.02]
    assert track.base == pd.Timestamp("2025-01-02")
    assert track.origin.endswith("; 1 empty row at the start left out")


@pytest.mark.parametrize(
    ("text", "returns"),
    [
        ("Datum;NAV\n02.01.2025;1.000,50\n13.01.2025;1.100,55\n", [0.1]),
        ('date,nav\n2025-01-02,"$1,000,000"\n2025-01-03,"$900,000"\n', [-0.1]),
        ("sep=;\ndate;return\n2025-01-02;1,5%\n2025-01-03;(0,5%)\n", [0.015, -0.005]),
    ],
)
def test_numbers_and_dates_as_spreadsheets_write_them(file, text, returns):
    assert read_external_series(file(text)).returns.tolist() == pytest.approx(returns)


def test_dates_and_numbers_that_can_be_read_in_two_ways_are_asked_about(file):
    with pytest.raises(AmbiguousFileError, match="a day and a month or a month and a day"):
        read_external_series(file("date,nav\n01/02/2025,100\n01/03/2025,101\n"))
    with pytest.raises(AmbiguousFileError, match="decimal comma or one between thousands"):
        read_external_series(file("date;nav\n2025-01-02;1,002\n2025-01-03;998\n"))


@pytest.mark.parametrize(
    "cells",
    [
        ["1,234.5", "1.234,5", "1,236.5"],  # decimal points and decimal commas
        ["100,000.5", "12,34", "100,002.5"],  # a group of two digits
        ["100,000.50", "100.001,50", "100,002.50"],
    ],
)
def test_marks_that_contradict_each_other_are_refused(file, cells):
    rows = "".join(f"2025-01-{day:02};{cell}\n" for day, cell in zip((2, 3, 6), cells, strict=True))
    with pytest.raises(DataError, match=r"is no number|decimal comma"):
        read_external_series(file(f"date;equity\n{rows}"))
