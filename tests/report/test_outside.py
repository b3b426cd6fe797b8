"""Outside: what a file from elsewhere is taken for, and what it is refused for."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dipfolio.errors import DataError
from dipfolio.report.outside import read_outside

DAYS = ["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07"]


@pytest.fixture
def file(tmp_path):
    def write(text, name="other.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def lines(values, days=DAYS, head="date,value"):
    return "\n".join([*([head] if head else []), *(f"{day},{value}" for day, value in zip(days, values, strict=True))])


def test_an_equity_series_becomes_returns_from_its_second_day(file):
    track = read_outside(file(lines([100, 110, 99, 99])))
    assert track.returns.tolist() == pytest.approx([0.1, -0.1, 0])
    assert (track.base, track.first) == (pd.Timestamp("2025-01-02"), pd.Timestamp("2025-01-03"))
    assert track.origin == "other.csv, taken for an equity series (judged by its values)"
    assert (track.label, track.result) == ("other", None)


def test_a_return_series_keeps_its_first_day_and_starts_from_the_session_before(file):
    track = read_outside(file(lines([0.01, -0.02, 0, 0.03])))
    assert track.returns.tolist() == [0.01, -0.02, 0, 0.03]
    assert track.base == pd.Timestamp("2024-12-31")
    assert "taken for a return series" in track.origin


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ([1.0, 1.01, 0.99, 1.02], "an equity series"),
        ([1_000_000, 1_010_000, 990_000, 990_000], "an equity series"),
        ([0.5, 0.51, 0.49, 0.5], "an equity series"),
        ([0.0, 0.0, 0.0, 0.0], "a return series"),
        (["1.5%", "-0.5%", "0.2%", "0%"], "a return series"),
    ],
)
def test_the_values_tell_what_they_are(file, values, taken):
    assert f"taken for {taken}" in read_outside(file(lines(values))).origin


@pytest.mark.parametrize(("head", "taken"), [("day,daily return", "a return series"), ("day,NAV", "an equity series")])
def test_the_name_of_the_column_decides_where_the_values_do_not(file, head, taken):
    assert f"taken for {taken}" in read_outside(file(lines([0.01, 0.02, 0.005, 0.03], head=head))).origin


def test_what_nobody_can_tell_is_asked_for(file):
    path = file(lines([0.01, 0.02, 0.005, 0.03], head="a,b"))
    with pytest.raises(DataError, match="could hold equity or returns; say which with --kind"):
        read_outside(path)
    assert read_outside(path, "returns").origin.endswith("taken for a return series (as told)")
    assert len(read_outside(path, "equity").returns) == 3


@pytest.mark.parametrize(
    "text",
    ["2025-01-06;1\n2025-01-02;3\n2025-01-03;2", "\ufeffd\tv\n2025-01-06T16:00:00-05:00\t1\n\n2025-01-02\t3\n2025-01-03\t2\n"],
)
def test_separators_marks_times_and_order_are_put_right(file, text):
    track = read_outside(file(text), "equity")
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
        ("date,a,b\n2025-01-02,1,2", "line 2: expected a date and a value, found 3 cells"),
        ("date,value\n2025-01-02,1\n2025-01-02,2", "line 3: 2025-01-02 stands twice"),
        ("date,value\n2025-01-02,0.1\n2025-01-03,-1", "a return of -1 on 2025-01-03 loses all money"),
        ("date,value\n2025-01-02,1.5\n2025-01-03,-0.9\n2025-01-06,0.8", "look like percent; 1 % is 0.01"),
        ('date,value\n2025-01-02,"1\n2025-01-03,2', "no CSV file"),
    ],
)
def test_a_file_that_is_no_such_series_is_one_clear_line(file, text, said):
    with pytest.raises(DataError, match=re.escape(said)):
        read_outside(file(text))


def test_an_equity_of_nothing_is_refused(file):
    with pytest.raises(DataError, match="an equity of 0 on 2025-01-03 has no returns after it"):
        read_outside(file(lines([1, 0, 1, 1])), "equity")


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_outside(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no UTF-8 text"):
        read_outside(tmp_path / "bytes.csv")


@given(st.text(max_size=200))
def test_no_text_makes_anything_but_a_series_or_a_clear_line(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        track = read_outside(path)
    except DataError as error:
        assert "any.csv" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert np.isfinite(track.returns).all()
        assert track.returns.index.is_monotonic_increasing
