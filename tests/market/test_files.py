"""Files: which symbols a folder has, in which of the accepted forms, and that nothing else is opened."""

import pandas as pd
import pytest

from dipfolio.errors import DataError
from dipfolio.market.bars import FIELDS
from dipfolio.market.files import locate
from dipfolio.market.folder import available, load_bars

HEAD = "date,open,high,low,close,volume"
A = ["2025-01-02,10,11,9,10.5,1000", "2025-01-03,10.5,12,10,11,1100"]
B = ["2025-01-02,20,21,19,20.5,2000", "2025-01-03,20.5,22,20,21,2100"]


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def long(path, column="symbol"):
    return write(path, f"{column},{HEAD}", f"AAA,{A[0]}", f"BBB,{B[0]}", f"BBB,{B[1]}", f"AAA,{A[1]}")


def assert_both(bars):
    assert bars.symbols == ("AAA", "BBB")
    assert bars.close["AAA"].tolist() == [10.5, 11]
    assert bars.close["BBB"].tolist() == [20.5, 21]


@pytest.mark.parametrize("column", ["symbol", "Ticker", "Name"])
def test_a_single_csv_with_a_symbol_column_is_a_data_folder_too(tmp_path, column):
    path = long(tmp_path / "prices.csv", column)
    assert available(path) == ("AAA", "BBB")
    assert_both(load_bars(path))
    assert_both(load_bars(tmp_path))


def test_a_single_parquet_with_a_symbol_column_is_a_data_folder_too(tmp_path):
    path = long(tmp_path / "all.csv")
    pd.read_csv(path).to_parquet(tmp_path / "all.parquet")
    path.unlink()
    assert_both(load_bars(tmp_path / "all.parquet"))


def test_a_single_csv_with_yfinances_header_of_several_symbols_works(tmp_path):
    write(
        tmp_path / "download.csv",
        "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume",
        "Ticker,AAA,BBB,AAA,BBB,AAA,BBB,AAA,BBB,AAA,BBB",
        "Date,,,,,,,,,,",
        "2025-01-02,10.5,20.5,11,21,9,19,10,20,1000,2000",
        "2025-01-03,11,21,12,22,10,20,10.5,20.5,1100,2100",
    )
    assert_both(load_bars(tmp_path))


def test_files_may_stand_in_the_folder_itself(tmp_path):
    write(tmp_path / "AAA.csv", HEAD, *A)
    write(tmp_path / "BBB.csv", HEAD, *B)
    write(tmp_path / "dividends.csv", "symbol,ex_date,amount", "AAA,2025-01-03,0.25")
    bars = load_bars(tmp_path)
    assert_both(bars)
    assert bars.dividends["AAA"].tolist() == [0, 0.25]


def test_a_run_over_a_subset_opens_no_other_file(tmp_path):
    write(tmp_path / "prices" / "AAA.csv", HEAD, *A)
    write(tmp_path / "prices" / "BAD.csv", "nonsense")
    assert load_bars(tmp_path, ("AAA",)).symbols == ("AAA",)
    with pytest.raises(DataError, match=r"BAD\.csv"):
        load_bars(tmp_path)


def test_parquet_goes_before_csv_and_the_other_is_named(tmp_path):
    write(tmp_path / "prices" / "AAA.csv", HEAD, *B)
    table = pd.DataFrame([row.split(",") for row in A], columns=HEAD.split(","))
    table.astype(dict.fromkeys(FIELDS, float)).to_parquet(tmp_path / "prices" / "AAA.parquet")
    assert load_bars(tmp_path).close["AAA"].tolist() == [10.5, 11]
    assert [path.name for path in locate(tmp_path).unused()] == ["AAA.csv"]


def test_a_file_named_after_one_symbol_that_holds_another_is_refused(tmp_path):
    write(tmp_path / "prices" / "AAA.csv", f"symbol,{HEAD}", f"BBB,{B[0]}")
    write(tmp_path / "prices" / "CCC.csv", HEAD, *A)
    with pytest.raises(DataError, match=r"AAA\.csv should hold AAA alone, but names BBB"):
        load_bars(tmp_path)


def test_a_single_file_without_symbols_says_what_to_do(tmp_path):
    path = write(tmp_path / "x" / "prices.csv", HEAD, *A)
    with pytest.raises(DataError, match=r"prices\.csv has no symbol column; name it prices/<SYMBOL>\.csv in a folder"):
        load_bars(path)


@pytest.mark.parametrize("name", ["notes.txt", "prices.xlsx"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"is neither a folder nor a \.csv or \.parquet file"):
        load_bars(write(tmp_path / name, "hello"))
