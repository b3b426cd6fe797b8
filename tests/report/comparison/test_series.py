"""Track: labels that tell runs apart, and where the first return starts."""

import pickle
import re
import sys
import zipfile
from dataclasses import replace
from datetime import datetime
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


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        (  # backtesting.py: stats["_equity_curve"].to_csv(...)
            ",Equity,DrawdownPct,DrawdownDuration\n2025-01-02,10000.0,0.0,\n2025-01-03,9900.0,0.01,\n"
            "2025-01-06,10395.0,0.0,2 days\n",
            [-0.01, 0.05], "column 'Equity', taken for an equity series (judged by its values)",
        ),
        (  # quantstats and pyfolio: returns.to_csv(...), the name of the series is that of the prices or none
            "Date,Close\n2025-01-02 00:00:00-05:00,\n2025-01-03 00:00:00-05:00,0.01\n2025-01-06 00:00:00-05:00,-0.02\n",
            [0.01, -0.02], "taken for a return series (judged by its values); 1 empty row at the start left out",
        ),
        (
            ",0\n2025-01-02 00:00:00+00:00,0.01\n2025-01-03 00:00:00+00:00,-0.02\n",
            [0.01, -0.02], "taken for a return series (judged by its values)",
        ),
        (  # a broker's daily values
            'Account statement,,\nDate,Account Value,Cash\n01/13/2025,"$1,000,000.00",$5.00\n01/14/2025,"$1,010,000.00",$5.00\n',
            [0.01], "column 'Account Value', taken for an equity series (judged by its values); 1 line above the table left out; "
            "a deposit or a withdrawal counts as a return",
        ),
        (  # Interactive Brokers, Flex query "Net Asset Value (NAV) in Base"
            '"ClientAccountID","CurrencyPrimary","ReportDate","Cash","Stock","Total"\n'
            '"U1234567","USD","20250102","1000","9000","10000"\n"U1234567","USD","20250103","1000","9500","10500"\n',
            [0.05], "column 'Total', taken for an equity series (judged by its values); a deposit or a withdrawal counts as a "
            "return",
        ),
        (  # Interactive Brokers, PortfolioAnalyst: a statement in sections
            "Introduction,Header,Name,Account,AnalysisPeriod\nIntroduction,Data,Me,U1234567,January 2025\n"
            "Allocation by Asset Class,MetaInfo,Analysis Period,January 2025\n"
            "Allocation by Asset Class,Header,Date,Cash,Stocks,NAV\n"
            "Allocation by Asset Class,Data,01/13/25,50,150,200\nAllocation by Asset Class,Data,01/14/25,50,170,220\n"
            "Allocation by Region,Header,Date,North America,NAV\n"
            "Allocation by Region,Data,01/13/25,200,200\nAllocation by Region,Data,01/14/25,220,220\n"
            "Disclosure,Notes,Past performance is no guarantee,\n",
            [0.1], "section 'Allocation by Asset Class', column 'NAV', taken for an equity series (by its heading 'NAV'); "
            "a deposit or a withdrawal counts as a return",
        ),
    ],
    ids=["backtesting.py", "quantstats", "pyfolio", "broker", "Interactive Brokers Flex", "Interactive Brokers PortfolioAnalyst"],
)  # fmt: skip
def test_what_other_programs_and_brokers_write_is_understood_and_said(file, text, values, said):
    track = read_external_series(file(text))
    assert track.returns.tolist() == pytest.approx(values)
    assert track.origin == f"other.csv, {said}"


MONTHLY = (
    '"Portfolio Visualizer"\n"Backtest Portfolio","January 2024 - March 2024"\n\n'
    'Date,Portfolio 1 Return,Portfolio 1 Balance,"Vanguard 500 Index Return"\n'
    '{0},1.50%,"$10,150",1.0%\n{1},-2.00%,"$9,947",2.0%\n{2},0.75%,"$10,022",3.0%\n'
)


@pytest.mark.parametrize(
    "months",
    [("Jan 2024", "Feb 2024", "Mar 2024"), ("2024-01", "2024-02", "2024-03"), ("01/2024", "02/2024", "03/2024")],
)
def test_the_monthly_returns_of_portfolio_visualizer_end_with_the_last_session_of_each_month(file, months):
    track = read_external_series(file(MONTHLY.format(*months)))
    assert track.returns.tolist() == pytest.approx([0.015, -0.02, 0.0075])
    assert [str(day.date()) for day in track.returns.index] == ["2024-01-31", "2024-02-29", "2024-03-28"]  # 29 is Good Friday
    assert track.base == pd.Timestamp("2023-12-29")
    assert track.origin == (
        "other.csv, column 'Portfolio 1 Return', taken for a return series (by its heading 'Portfolio 1 Return'); "
        "2 lines above the table left out; monthly, dated on the last session of each month"
    )


def test_of_two_portfolios_one_has_to_be_named(file):
    text = "Date,Portfolio 1 Return,Portfolio 1 Balance,Portfolio 2 Return\nJan 2024,1%,$101,2%\nFeb 2024,2%,$103,1%\n"
    with pytest.raises(AmbiguousFileError, match=r'Portfolio 1 Return, Portfolio 2 Return\. Say which, as --column "Portfolio 1'):
        read_external_series(file(text))
    assert read_external_series(file(text), columns=["Portfolio 2 Return"]).returns.tolist() == pytest.approx([0.02, 0.01])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,value\nx,1\n2025-01-03,2\n2025-01-06,3\n", "line 2: 'x' is no date"),
        ("date,value\nn/a,n/a\n2025-01-03,2\n2025-01-06,3\n", "line 2: 'n/a' is no date"),
        ("Report\ndate,value\n2025-01-03,2,1\n2025-01-06,3\n", "expected 2 cells, found 3"),
        ("Report;of today\nMore\n2025-01-03;2\n2025-01-06;3\n", "line 2: expected 2 cells, found 1"),
        ("A,Header,Name\nA,Data,Me\n", "is a statement in sections, and none of them has a value of the account for each date"),
    ],
)
def test_only_what_is_no_row_of_the_table_is_left_out_above_it(file, text, said):
    with pytest.raises(DataError, match=re.escape(said)):
        read_external_series(file(text))


def test_two_sections_with_other_values_are_asked_about(file):
    rows = "{0},Header,Date,NAV\n{0},Data,01/13/25,{1}\n{0},Data,01/14/25,{2}\n"
    with pytest.raises(AmbiguousFileError, match=r"several sections that could be meant, section 'A', section 'B'"):
        read_external_series(file(rows.format("A", 100, 101) + rows.format("B", 100, 102)))


@pytest.mark.parametrize("name", ["x.pkl", "x.PICKLE", "x.pkl.gz", "x.joblib", "x.csv"])
def test_a_pickle_is_refused_and_never_opened(tmp_path, name):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "was-run",))

    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match=rf"^{re.escape(name)} is a pickle, which can run any program as it is opened; save the "):
        read_external_series(tmp_path / name)
    assert not (tmp_path / "was-run").exists()


def test_a_text_file_may_have_pickle_in_its_name(file):
    assert len(read_external_series(file("date,nav\n2025-01-02,100\n2025-01-03,101\n", "x.pkl.csv")).returns) == 1


@pytest.mark.parametrize(("zone", "name"), [(None, None), ("America/New_York", "Date")])
def test_parquet_of_pandas_gives_the_same_returns_to_the_last_digit(tmp_path, zone, name):
    days = pd.DatetimeIndex(["2025-01-02", "2025-01-03", "2025-01-06"], name=name, tz=zone)
    values = [0.01 + 0.02, -0.1 / 3, 1e-17]
    pd.DataFrame({"returns": values}, index=days).to_parquet(tmp_path / "other.parquet")
    track = read_external_series(tmp_path / "other.parquet")
    assert track.returns.tolist() == values
    assert [str(day.date()) for day in track.returns.index] == ["2025-01-02", "2025-01-03", "2025-01-06"]
    assert track.origin == "other.parquet, taken for a return series (by its heading 'returns')"


def test_parquet_that_is_none_is_one_clear_line(tmp_path):
    (tmp_path / "other.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"other\.parquet cannot be read as a series: "):
        read_external_series(tmp_path / "other.parquet")


@pytest.fixture
def workbook(tmp_path):
    """Write an Excel file from rows by sheet; a cell of two is a value and its format."""
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed")

    def write(**sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for number, row in enumerate(rows, 1):
                for place, cell in enumerate(row, 1):
                    value, form = cell if isinstance(cell, tuple) else (cell, None)
                    target = sheet.cell(number, place, value)
                    if form:
                        target.number_format = form
        path = tmp_path / "other.xlsx"
        book.save(path)
        return path

    return write


DAYS = [datetime(2025, 1, 2), datetime(2025, 1, 3), datetime(2025, 1, 6)]


def test_an_excel_sheet_is_read_below_its_title_and_beside_empty_columns(workbook):
    rows = [
        ["My account"],
        [],
        [None, "Date", None, "Account Value"],
        *([None, day, None, v] for day, v in zip(DAYS, (100, 110.0, 99), strict=True)),
    ]
    track = read_external_series(workbook(Equity=rows, Notes=[["Nothing here"]]))
    assert track.returns.tolist() == pytest.approx([0.1, -0.1])
    assert track.origin == (
        "other.xlsx, sheet 'Equity', taken for an equity series (judged by its values); 1 line above the table left out; "
        "a deposit or a withdrawal counts as a return"
    )


def test_a_number_that_excel_shows_in_per_cent_is_the_fraction_that_it_stores(workbook):
    rows = [["Date", "Return (%)"], *([day, (v, "0.00%")] for day, v in zip(DAYS, (0.015, -0.005, 0), strict=True))]
    track = read_external_series(workbook(Sheet1=rows))
    assert track.returns.tolist() == pytest.approx([0.015, -0.005, 0.0], abs=1e-15)
    assert "sheet" not in track.origin


def test_of_several_sheets_with_dates_one_has_to_be_named(workbook):
    rows = [["Date", "NAV"], [DAYS[0], 100], [DAYS[1], 110]]
    path = workbook(First=rows, Second=[rows[0], [DAYS[0], 100], [DAYS[1], 90]])
    with pytest.raises(AmbiguousFileError, match=r'several sheets with dates: First, Second\. Say which, as --sheet "First"'):
        read_external_series(path)
    assert read_external_series(path, sheet="second").returns.tolist() == pytest.approx([-0.1])
    with pytest.raises(UnknownNameError, match=r"no sheet of other\.xlsx 'Third'.* It has First, Second"):
        read_external_series(path, sheet="Third")


def test_a_cell_of_excel_that_is_no_number_is_named_by_its_row(workbook):
    rows = [["Date", "NAV"], [DAYS[0], 100], [DAYS[1], "=B2*2"]]  # openpyxl stores no value of a formula
    with pytest.raises(DataError, match=r"other\.xlsx, line 3: '' is no number"):
        read_external_series(workbook(Sheet1=rows))
    with pytest.raises(DataError, match=r"other\.xlsx has 0 values"):
        read_external_series(workbook(Sheet1=[]))


def test_excel_without_openpyxl_and_other_workbooks_are_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    for name, said in {
        "x.xlsx": r"^x\.xlsx is an Excel file, which needs openpyxl: pip install 'dipfolio\[excel\]'\.$",
        "x.xls": r"^x\.xls is a workbook of a kind that is not read: save it as \.xlsx or CSV\.$",
    }.items():
        (tmp_path / name).write_bytes(b"\xd0\xcf")
        with pytest.raises(DataError, match=said):
            read_external_series(tmp_path / name)


def test_a_file_that_is_no_workbook_is_one_clear_line(tmp_path):
    pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    (tmp_path / "x.xlsx").write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"^x\.xlsx is no Excel workbook that can be read\.$"):
        read_external_series(tmp_path / "x.xlsx")
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as archive:
        archive.writestr("a.txt", "no workbook")
    with pytest.raises(DataError, match=r"^x\.xlsx is no Excel workbook that can be read\.$"):
        read_external_series(tmp_path / "x.xlsx")
    (tmp_path / "x.csv").write_text("date,nav\n2025-01-02,1\n2025-01-03,2\n")
    with pytest.raises(UnknownNameError, match="Only an Excel workbook has sheets"):
        read_external_series(tmp_path / "x.csv", sheet="A")
