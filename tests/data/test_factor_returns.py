"""Factor returns: files as Kenneth French's library hands them out, other CSV files, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.data.factor_returns import market_factor, read_factor_returns
from dipfolio.errors import DataError, MissingFileError

PREAMBLE = [
    "This file was created by using the 202501 CRSP database.",
    "The Tbill return is the simple daily rate that, over the number of trading days",
    "in the month, compounds to 1-month TBill rate.",
    "",
    ",Mkt-RF,SMB,HML,RF",
]
ROWS = [
    "20250124,   -0.35,   -0.20,   -0.31,    0.017",
    "20250127,   -1.65,   -0.60,    2.15,    0.017",
    "20250128,    0.97,   -0.86,  -99.99,    0.017",
]
FOOTER = ["", "Copyright 2025 Eugene F. Fama and Kenneth R. French"]


def write(tmp_path, *lines, name="factors.csv", end="\r\n"):
    (tmp_path / name).write_bytes((end.join(lines) + end).encode())
    return tmp_path / name


def test_the_daily_file_of_the_library_is_read_as_it_is(tmp_path):
    found = read_factor_returns(write(tmp_path, *PREAMBLE, *ROWS, *FOOTER))
    assert list(found.returns.columns) == ["Mkt-RF", "SMB", "HML", "RF"]
    assert [str(day.date()) for day in found.returns.index] == ["2025-01-24", "2025-01-27", "2025-01-28"]
    assert found.returns["Mkt-RF"].tolist() == pytest.approx([-0.0035, -0.0165, 0.0097])
    assert found.returns["HML"].iloc[1] == pytest.approx(0.0215)
    assert np.isnan(found.returns["HML"].iloc[2])
    assert found.returns["RF"].tolist() == pytest.approx([0.00017] * 3)
    assert found.description == (
        "The factor returns of factors.csv (Mkt-RF, SMB, HML, RF) are taken as per cent by their size "
        "(a median move of 0.6 to 1.2 a session), 2025-01-24 to 2025-01-28. "
        "Left out: 4 lines outside of the table and 1 missing value."
    )


def test_the_momentum_file_of_the_library_has_more_lines_above_and_another_sign_of_missing_data(tmp_path):
    above = ["This file was created by using the 202501 CRSP database. It contains a momentum factor,", "constructed daily, with "
             "six portfolios.", "", "Missing data are indicated by -99.99 or -999.", "", ",Mom   "]  # fmt: skip
    found = read_factor_returns(write(tmp_path, *above, "20250127,   -3.07", "20250128,    1.92", "20250129, -999", *FOOTER))
    assert list(found.returns.columns) == ["Mom"]
    assert found.returns["Mom"].tolist() == pytest.approx([-0.0307, 0.0192, float("nan")], nan_ok=True)


def test_an_annual_part_below_is_left_out(tmp_path):
    annual = ["", " Annual Factors: January-December ", ",Mkt-RF,SMB,HML,RF", "  2023,   21.69,   -3.22,  -13.64,    4.95"]
    found = read_factor_returns(write(tmp_path, *PREAMBLE, *ROWS, *annual, *FOOTER))
    assert len(found.returns) == 3


def test_any_csv_with_dates_is_read_and_its_size_says_that_it_has_fractions(tmp_path):
    path = write(tmp_path, "date;value;quality", "2025-01-27;0.0215;-0.004", "2025-01-24;-0.0031;0.002", end="\n")
    found = read_factor_returns(path)
    assert found.returns["value"].tolist() == [-0.0031, 0.0215]
    assert "are taken as fractions by their size" in found.description
    assert "Left out" not in found.description


@pytest.mark.parametrize("head", ["date,value_percent", "date,Value (%)", "date,value in per cent"])
def test_a_heading_that_says_per_cent_comes_before_the_size(tmp_path, head):
    found = read_factor_returns(write(tmp_path, head, "2025-01-27,0.01", "2025-01-28,-0.02"))
    assert found.returns.iloc[:, 0].tolist() == pytest.approx([0.0001, -0.0002])
    assert "per cent by their headings" in found.description


def test_signs_of_per_cent_and_cells_without_data(tmp_path):
    found = read_factor_returns(
        write(tmp_path, "date,a_percent", "2025-01-27,0.5%", "2025-01-28,.", "2025-01-29,", "2025-01-30,NA")
    )
    assert found.returns["a_percent"].tolist() == pytest.approx([0.005, *[float("nan")] * 3], nan_ok=True)


REFUSED = {
    "months": ([",Mkt-RF", "202501,  2.80", "202502, -2.44"], "Its dates are months; take the daily file"),
    "no dates": (["a,b", "1,2"], "has no row that begins with a day"),
    "no headings": (["20250127,1.2", "20250128,0.4"], "no line of headings"),
    "two tables": ([",A", "20250127,1.2", "", "Equal weighted", ",A", "20250127,1.0"], "keep one of them"),
    "a broken row": ([",A", "20250127,1.2", "2025-1-28,0.4", "20250129,0.3"], "line 3 is no row of a date and returns"),
    "no number": ([",A", "20250127,1.2", "20250128,x"], "'x', expected a number"),
    "a cell too few": ([",A,B", "20250127,1.2,1", "20250128,1"], "line 3 does not have 3 cells"),
    "a day twice": ([",A", "20250127,1.2", "20250127,1.0"], "two rows for 2025-01-27"),
    "no such day": ([",A", "20250127,1.2", "20250231,1.0"], "is no day of the calendar"),
    "a heading twice": ([",A,a", "20250127,1.2,1"], "needs a heading of its own"),
    "no heading": ([",A,", "20250127,1.2,1"], "needs a heading of its own"),
    "only the riskless return": ([",RF", "20250127,0.017"], "no column of factor returns"),
    "a unit in doubt": ([",A", "20250127,0.03", "20250128,-0.03"], "in doubt whether the returns are fractions or per cent"),
    "two units": ([",A,B", "20250127,0.5,0.005", "20250128,-0.7,0.001"], "in doubt"),
    "nothing but zeros": ([",A,B", "20250127,0.5,0", "20250128,-0.7,0"], "the column 'B' has no return other than 0"),
    "too many columns": ([f",{','.join(f'F{k}' for k in range(21))}", f"20250127,{','.join(['1'] * 21)}"], "at most 20"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused(tmp_path, case):
    lines, said = REFUSED[case]
    with pytest.raises(DataError, match=said.replace("(", r"\(")):
        read_factor_returns(write(tmp_path, *lines))


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path):
    with pytest.raises(MissingFileError, match="no file of factor returns"):
        read_factor_returns(tmp_path / "none.csv")
    (tmp_path / "quotes.csv").write_text('date,"a\n20250127,1', encoding="utf-8")
    with pytest.raises(DataError, match="cannot be read as factor returns"):
        read_factor_returns(tmp_path / "quotes.csv")


def test_the_sessions_of_a_run_are_picked_out(tmp_path):
    found = read_factor_returns(write(tmp_path, *PREAMBLE, *ROWS, *FOOTER))
    table = found.over(calendar.between("2025-01-27", "2025-01-29"))
    assert table["SMB"].tolist() == pytest.approx([-0.006, -0.0086, float("nan")], nan_ok=True)
    with pytest.raises(DataError, match="have no session of the run, which is from 2024-01-02 to 2024-01-05"):
        found.over(calendar.between("2024-01-01", "2024-01-05"))


def test_other_returns_are_another_fingerprint(tmp_path):
    one = read_factor_returns(write(tmp_path, *PREAMBLE, *ROWS))
    same = read_factor_returns(write(tmp_path, *PREAMBLE, *ROWS))
    other = read_factor_returns(write(tmp_path, *PREAMBLE, *ROWS[:2]))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_the_market_is_known_by_its_heading():
    assert market_factor(pd.Index(["SMB", "mkt-rf"])) == "mkt-rf"
    assert market_factor(pd.Index(["SMB", "Value"])) == ""
