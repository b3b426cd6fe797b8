"""Files: which symbols a folder has, in which of the accepted forms, and that nothing else is opened."""

import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.data.folder import available_symbols, load_bars
from dipfolio.data.price_files import find_price_files
from dipfolio.data.schema import FIELDS
from dipfolio.errors import DataError, UnknownNameError

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
    assert available_symbols(path) == ("AAA", "BBB")
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
    assert [path.name for path in find_price_files(tmp_path).unused()] == ["AAA.csv"]


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


NVDA = ["2025-01-24,148.37,148.97,141.88,142.62,234657700", "2025-01-27,124.80,128.40,116.70,118.42,818830900"]
CLOSES = [142.62, 118.42]
YAHOO = [
    "Date,Open,High,Low,Close,Adj Close,Volume",
    *[row.replace(row.split(",")[-1], f"1.0,{row.split(',')[-1]}") for row in NVDA],
]
STOOQ = ["Date,Open,High,Low,Close,Volume", *NVDA]
BULK = [
    "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
    "NVDA.US,D,20250124,000000,148.37,148.97,141.88,142.62,234657700,0",
    "NVDA.US,D,20250127,000000,124.80,128.40,116.70,118.42,818830900,0",
]
NASDAQ = [
    "Date,Close/Last,Volume,Open,High,Low",
    "01/27/2025,$118.42,818830900,$124.80,$128.40,$116.70",
    "01/24/2025,$142.62,234657700,$148.37,$148.97,$141.88",
]
YFINANCE = [
    "Price,Adj Close,Close,High,Low,Open,Volume",
    "Ticker,NVDA,NVDA,NVDA,NVDA,NVDA,NVDA",
    "Date,,,,,,",
    "2025-01-24,1.0,142.62,148.97,141.88,148.37,234657700",
    "2025-01-27,1.0,118.42,128.40,116.70,124.80,818830900",
]
VENDORS = {
    "Yahoo": ("NVDA.csv", YAHOO, "Yahoo"),
    "Yahoo in small letters": ("nvda.csv", YAHOO, "Yahoo"),
    "capitals": ("NVDA.CSV", STOOQ, "dipfolio, with capitals"),
    "Stooq's page": ("nvda_us_d.csv", STOOQ, "Stooq"),
    "Stooq's archive": ("nvda.us.txt", BULK, "Stooq"),
    "Nasdaq with the symbol": ("HistoricalData_NVDA.csv", NASDAQ, "Nasdaq"),
    "yfinance": ("NVDA.csv", YFINANCE, "yfinance"),
    "yfinance under any name": ("download.csv", YFINANCE, "yfinance"),
}


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("below", ["prices", "."])
def test_the_files_of_vendors_are_read_under_the_names_that_they_have(tmp_path, vendor, below):
    name, lines, layout = VENDORS[vendor]
    write(tmp_path / below / name, *lines)
    assert available_symbols(tmp_path) == ("NVDA",)
    bars = load_bars(tmp_path, ("NVDA",))
    assert bars.close["NVDA"].tolist() == CLOSES
    assert bars.volume["NVDA"].tolist() == [234657700, 818830900]
    assert bars.readings[0].layout == layout


@pytest.mark.parametrize("vendor", ["capitals", "Stooq's page", "Stooq's archive", "Nasdaq with the symbol", "yfinance"])
def test_a_single_file_of_a_vendor_is_a_data_folder_too(tmp_path, vendor):
    name, lines, _ = VENDORS[vendor]
    assert load_bars(write(tmp_path / name, *lines)).close["NVDA"].tolist() == CLOSES


def test_prices_of_stooq_are_known_by_the_name_of_their_file_and_may_contain_the_dividends(tmp_path):
    write(tmp_path / "nvda_us_d.csv", *STOOQ)
    assert "convention" in [warning.kind for warning in load_bars(tmp_path).warnings]


def test_a_name_that_says_no_symbol_is_refused_with_a_name_that_works(tmp_path):
    path = write(tmp_path / "prices" / "HistoricalData_1738000000000.csv", *NASDAQ)
    with pytest.raises(DataError, match=r"HistoricalData_1738000000000\.csv has a name that cannot be .* as NVDA\.csv for NVDA"):
        load_bars(tmp_path)
    path.rename(path.with_name("NVDA.csv"))
    assert load_bars(tmp_path).close["NVDA"].tolist() == CLOSES


def test_a_file_without_a_name_does_not_stop_a_run_over_others_and_is_named_where_a_symbol_is_missing(tmp_path):
    write(tmp_path / "prices" / "HistoricalData_1738000000000.csv", *NASDAQ)
    write(tmp_path / "prices" / "AAA.csv", HEAD, *A)
    assert load_bars(tmp_path, ("AAA",)).symbols == ("AAA",)
    with pytest.raises(
        UnknownNameError, match=r"has prices for: AAA\. .*HistoricalData_1738000000000\.csv has a name that cannot"
    ):
        load_bars(tmp_path, ("NVDA",))


def test_two_files_for_one_symbol_are_refused_in_one_line_and_only_where_it_is_used(tmp_path):
    write(tmp_path / "prices" / "nvda.csv", *STOOQ)
    write(tmp_path / "prices" / "nvda_us_d.csv", *STOOQ)
    write(tmp_path / "prices" / "AAA.csv", HEAD, *A)
    assert load_bars(tmp_path, ("AAA",)).symbols == ("AAA",)
    with pytest.raises(DataError, match=r"nvda\.csv and .*nvda_us_d\.csv are both for NVDA by their names; keep one of them\."):
        load_bars(tmp_path, ("NVDA",))


def test_a_table_that_spells_a_symbol_in_two_ways_is_refused(tmp_path):
    path = write(tmp_path / "all.csv", f"symbol,{HEAD}", f"AAA,{A[0]}", f"aaa,{A[1]}", f"BBB,{B[0]}")
    with pytest.raises(DataError, match="has AAA and aaa, which are both AAA"):
        load_bars(path)


def test_a_name_beside_a_symbol_is_the_name_of_the_company(tmp_path):
    path = write(tmp_path / "all.csv", f"Symbol,Name,{HEAD}", f"AAA,Aaa Inc,{A[0]}", f"BBB,Bbb Inc,{B[0]}")
    assert available_symbols(path) == ("AAA", "BBB")


@pytest.mark.parametrize(
    ("name", "place", "calendar_code"),
    [
        ("BARC.L", "London", "XLON"), ("vod_uk_d", "London", "XLON"), ("SAP.DE", "Germany", "XETR"),
        ("0700.HK", "Hong Kong", "XHKG"),
    ],
)  # fmt: skip
def test_a_share_of_another_currency_is_refused_and_the_remedy_works(tmp_path, name, place, calendar_code):
    path = write(tmp_path / "prices" / f"{name}.csv", *STOOQ)
    (symbol,) = available_symbols(tmp_path)
    with pytest.raises(DataError, match=f"{symbol} is quoted in {place} .* not in US dollars") as caught:
        load_bars(tmp_path)
    plain = symbol.rpartition(".")[0]
    assert f"or name the file {plain}.csv if its prices are in dollars" in str(caught.value)
    assert f"write calendar = {calendar_code!r}".replace("'", '"') in str(caught.value)
    path.rename(path.with_name(f"{plain}.csv"))
    assert load_bars(tmp_path).close[plain].tolist() == CLOSES


@pytest.mark.parametrize("name", ["Dividends.csv", "SPLITS.CSV", "Source.json", "Dataset.toml"])
def test_a_table_beside_the_prices_under_another_spelling_is_refused(tmp_path, name):
    write(tmp_path / "prices" / "AAA.csv", HEAD, *A)
    write(tmp_path / name, "symbol,ex_date,amount")
    with pytest.raises(DataError, match=f"{name} is not read under this name; call it {name.lower()}"):
        load_bars(tmp_path)


def bars_between(first, last, extra=()):
    days = sorted([*calendar.between(first, last).strftime("%Y-%m-%d"), *extra])
    return [f"{day},{10 + i % 7},{20 + i % 7},{5 + i % 7},{11 + i % 7},1000" for i, day in enumerate(days)]


@pytest.mark.parametrize(
    ("symbol", "first"), [("AAPL", "1980-12-12"), ("MSFT", "1986-03-13"), ("ORCL", "1986-03-12"), ("^GSPC", "1950-01-03")]
)
def test_histories_from_the_first_day_of_a_share_are_read_whole(tmp_path, symbol, first):
    lines = bars_between(first, "1991-12-31")
    write(tmp_path / "prices" / f"{symbol}.csv", HEAD, *lines)
    bars = load_bars(tmp_path)
    assert len(bars) == len(lines)
    assert str(bars.sessions[0].date()) == first
    assert "left out" not in [warning.kind for warning in bars.warnings]


def test_what_lies_before_the_calendar_and_saturdays_are_left_out_and_named(tmp_path):
    early = ["1885-02-02", "1927-06-30", "1950-01-07", "1952-05-24"]
    lines = bars_between("1927-07-01", "1952-12-31", early)
    write(tmp_path / "prices" / "OLD.csv", HEAD, *lines)
    bars = load_bars(tmp_path)
    assert len(bars) == len(lines) - 4
    (text,) = [warning.text for warning in bars.warnings if warning.kind == "left out"]
    assert text == (
        "OLD: left out: 2 bars before 1927-07-01, where the calendar of sessions begins and 2 bars of Saturdays, on which the "
        "exchange was open until 1952-05-24."
    )


def test_a_file_that_ends_before_the_calendar_begins_is_refused(tmp_path):
    write(tmp_path / "prices" / "OLD.csv", HEAD, "1920-01-02,1,1,1,1,1")
    with pytest.raises(DataError, match="has no bar of OLD since 1927-07-01"):
        load_bars(tmp_path)


def test_a_saturday_after_1952_is_no_session(tmp_path):
    write(tmp_path / "prices" / "OLD.csv", HEAD, *bars_between("1952-09-01", "1952-12-31", ["1952-10-04"]))
    with pytest.raises(DataError, match="OLD has a bar on 1952-10-04, which is no session"):
        load_bars(tmp_path)


def test_a_volatility_index_is_brought_onto_the_sessions_and_a_share_is_not(tmp_path):
    (tmp_path / "prices").mkdir()
    rows = "date,open,high,low,close,volume\n2025-01-08,20,20,20,20,0\n2025-01-09,21,21,21,21,0\n2025-01-10,22,22,22,22,0\n"
    for symbol in ("^VIX", "XYZ"):
        (tmp_path / "prices" / f"{symbol}.csv").write_text(rows, encoding="utf-8")
    files = find_price_files(tmp_path)
    prices, reading = files.read("^VIX")
    assert prices.days.astype(str).tolist() == ["2025-01-08", "2025-01-10"]
    assert reading.notes == ("brought onto the sessions, as it is not traded",)
    assert len(files.read("XYZ")[0].days) == 3
