"""Layouts: every provider's table gives the same data, and what could be read in two ways is refused."""

import io
import math
import re
import string

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dipfolio.data import calendar
from dipfolio.data.folder import load_bars
from dipfolio.data.schema import FIELDS
from dipfolio.errors import DataError, DipfolioError

DAYS = ["2025-01-23", "2025-01-24", "2025-01-27"]
# NVDA as nasdaq.com had it
OPEN, HIGH, LOW, CLOSE = [145.05, 148.37, 124.80], [147.23, 148.97, 128.40], [143.72, 141.88, 116.70], [147.22, 142.62, 118.42]
VOLUME = [155_915_500, 234_657_700, 818_830_900]
FIGURES = dict(zip(FIELDS, (OPEN, HIGH, LOW, CLOSE, VOLUME), strict=True))
ADJUSTED = [147.18, 142.58, 118.39]


def rows(template, days=DAYS):
    return [
        template.format(d=d, o=o, h=h, l=low, c=c, v=v, a=a)
        for d, o, h, low, c, v, a in zip(days, OPEN, HIGH, LOW, CLOSE, VOLUME, ADJUSTED, strict=True)
    ]


OURS = ["date,open,high,low,close,volume", *rows("{d},{o},{h},{l},{c},{v}")]
NASDAQ = [
    "Date,Close/Last,Volume,Open,High,Low",
    *rows("{d},${c},{v},${o},${h},${l}", ["01/23/2025", "01/24/2025", "01/27/2025"]),
]
PRICES = "{d},{a},{c},{h},{l},{o},{v}"
TABLES = {
    "ours": (OURS, "dipfolio", ()),
    "capitals": (["Date,Open,High,Low,Close,Volume", *OURS[1:]], "dipfolio, with capitals", ()),
    "yahoo": (
        ["Date,Open,High,Low,Close,Adj Close,Volume", *rows("{d},{o},{h},{l},{c},{a},{v}")],
        "Yahoo", ("Adj Close not used",),
    ),
    "nasdaq": (
        [NASDAQ[0], *reversed(NASDAQ[1:])],
        "Nasdaq", ("dates as MM/DD/YYYY, dollar signs taken off", "rows put in order, oldest first"),
    ),
    "stooq": (["Date,Open,High,Low,Close,Volume", *OURS[1:]], "dipfolio, with capitals", ()),
    "stooq bulk": (
        ["<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
         *rows("NVDA.US,D,{d},000000,{o},{h},{l},{c},{v},0", [day.replace("-", "") for day in DAYS])],
        "Stooq", (),
    ),
    "yfinance three lines": (
        ["Price,Adj Close,Close,High,Low,Open,Volume", "Ticker,NVDA,NVDA,NVDA,NVDA,NVDA,NVDA", "Date,,,,,,", *rows(PRICES)],
        "yfinance", ("7 columns under 3 header lines", "Adj Close not used"),
    ),
    "yfinance two lines": (
        ["Date,Adj Close,Close,High,Low,Open,Volume", ",NVDA,NVDA,NVDA,NVDA,NVDA,NVDA", *rows(PRICES)],
        "yfinance", ("7 columns under 2 header lines", "Adj Close not used"),
    ),
    "yfinance by ticker": (
        ["Ticker,NVDA,NVDA,NVDA,NVDA,NVDA,NVDA", "Price,Adj Close,Close,High,Low,Open,Volume", "Date,,,,,,", *rows(PRICES)],
        "yfinance", ("7 columns under 3 header lines", "Adj Close not used"),
    ),
    "yfinance of old": (
        [",Adj Close,Close,High,Low,Open,Volume", ",NVDA,NVDA,NVDA,NVDA,NVDA,NVDA", "Date,,,,,,", *rows(PRICES)],
        "yfinance", ("7 columns under 3 header lines", "Adj Close not used"),
    ),
    "with a time zone": (
        [OURS[0], *rows("{d} 00:00:00-05:00,{o},{h},{l},{c},{v}")],
        "dipfolio", ("time zone dropped, the day kept as written",),
    ),
    "moments in UTC": (
        [OURS[0], *rows("{d}T14:30:00Z,{o},{h},{l},{c},{v}")],
        "dipfolio", ("moments with a time zone turned into days in New York",),
    ),
    "late moments in UTC": (
        [OURS[0], *rows("{d} 01:00:00+00:00,{o},{h},{l},{c},{v}", ["2025-01-24", "2025-01-25", "2025-01-28"])],
        "dipfolio", ("moments with a time zone turned into days in New York",),
    ),
    "the close as a time": ([OURS[0], *rows("{d} 16:00:00,{o},{h},{l},{c},{v}")], "dipfolio", ()),
    "an index without a name": ([",open,high,low,close,volume", *OURS[1:]], "dipfolio", ()),
    "a row left empty": (
        [*OURS, "2025-01-28,null,null,null,null,null"],
        "dipfolio", ("rows without any figure left out, the first of 2025-01-28",),
    ),
    "a mark at the start": (["\ufeff" + OURS[0], *OURS[1:]], "dipfolio", ()),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "prices").mkdir()
    return tmp_path


def store(folder, lines, name="NVDA.csv"):
    (folder / "prices" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def assert_figures(bars, symbol="NVDA"):
    assert [str(day.date()) for day in bars.sessions] == DAYS
    for field, expected in FIGURES.items():
        assert getattr(bars, field)[symbol].tolist() == expected


@pytest.mark.parametrize("name", TABLES)
def test_every_layout_gives_the_same_figures_and_says_what_it_was(folder, name):
    lines, layout, notes = TABLES[name]
    bars = load_bars(store(folder, lines))
    assert_figures(bars)
    (reading,) = bars.readings
    assert (reading.layout, reading.notes) == (layout, notes)
    assert reading.file.endswith("NVDA.csv")


@pytest.mark.parametrize("index", ["named", "unnamed", "zoned", "tokyo", "multiple", "strings", "date32"])
def test_every_shape_of_parquet_gives_the_same_figures(folder, index):
    days = pd.DatetimeIndex(DAYS, name="Date")
    frame = pd.DataFrame({field.capitalize(): values for field, values in FIGURES.items()}, index=days)
    match index:
        case "unnamed":
            frame.index.name = None
        case "zoned":
            frame = frame.tz_localize("America/New_York")
        case "tokyo":
            frame = frame.tz_localize("Asia/Tokyo")
        case "multiple":
            frame.columns = pd.MultiIndex.from_product([frame.columns, ["NVDA"]], names=["Price", "Ticker"])
        case "strings":
            frame = frame.astype(str)
        case "date32":
            frame = frame.reset_index().assign(Date=lambda f: f["Date"].dt.date)
    frame.to_parquet(folder / "prices" / "NVDA.parquet")
    assert_figures(load_bars(folder))


def test_prices_that_yfinance_adjusted_are_a_warning(folder):
    lines = ["Price,Close,High,Low,Open,Volume", "Ticker,NVDA,NVDA,NVDA,NVDA,NVDA", "Date,,,,,", *rows("{d},{c},{h},{l},{o},{v}")]
    bars = load_bars(store(folder, lines))
    assert_figures(bars)
    missing, warning = bars.warnings
    assert missing.kind == "no dividends"
    assert (warning.severity, warning.kind, warning.symbol) == ("warning", "convention", "NVDA")
    assert "NVDA may be adjusted for dividends, so no dividend is paid on top" in warning.text
    (folder / "dividends.csv").write_text("symbol,ex_date,amount\nNVDA,2025-01-24,0.01\n", encoding="utf-8")
    (warning,) = load_bars(folder).warnings
    assert "NVDA may be adjusted for dividends, which would then count twice" in warning.text


def test_numbers_with_thousands_are_read_in_every_layout(folder):
    lines = [NASDAQ[0], '01/27/2025,"$1,118.42","818,830,900","$1,124.80","$1,128.40","$1,116.70"']
    bars = load_bars(store(folder, lines))
    assert bars.close.iloc[0, 0] == 1118.42
    assert bars.volume.iloc[0, 0] == 818_830_900
    bars = load_bars(store(folder, [OURS[0], '2025-01-27,"1,124.80",1128.4,1116.7,1118.42,1']))
    assert bars.open.iloc[0, 0] == 1124.8
    assert bars.readings[0].notes == ("separators of thousands taken off",)


@pytest.mark.parametrize("cell", ["12,5", "1_000", "0x10", "1 000", "12.5.1", "€12", "(12)", "\uff11\uff12", "--5", "1e", "True"])
def test_a_cell_that_is_no_plain_number_is_named_with_file_field_and_day(folder, cell):
    with pytest.raises(DataError, match=rf"NVDA\.csv .*the low of 2025-01-27 is '{re.escape(cell)}', expected a number"):
        load_bars(store(folder, [*OURS[:3], f'2025-01-27,124.8,128.4,"{cell}",118.42,818830900']))


@pytest.mark.parametrize(
    "day", ["01/27/2025", "27/01/2025", "27.01.2025", "20250132", "2025-1-27", "1737936000", "2025", "2025-01"]
)
def test_a_date_that_could_be_another_is_refused(folder, day):
    with pytest.raises(DataError, match=rf"'{re.escape(day)}|2025-01-32"):
        load_bars(store(folder, [OURS[0], f"{day},124.8,128.4,116.7,118.42,818830900"]))


def test_true_and_false_are_no_prices(folder):
    pd.DataFrame({"date": DAYS, **dict.fromkeys(FIELDS, True)}).to_parquet(folder / "prices" / "NVDA.parquet")
    with pytest.raises(DataError, match="true and false"):
        load_bars(folder)


def test_two_columns_for_one_field_are_refused(folder):
    with pytest.raises(DataError, match="two columns for close"):
        load_bars(store(folder, ["date,open,high,low,close,Close,volume", "2025-01-27,1,1,1,1,2,1"]))


def test_a_row_with_another_number_of_cells_is_refused(folder):
    with pytest.raises(DataError, match=r"the row '2025-01-27,1,1' has 3 cells, the header 6"):
        load_bars(store(folder, [*OURS[:3], "2025-01-27,1,1"]))


def test_a_symbol_column_with_a_gap_is_refused(folder):
    with pytest.raises(DataError, match="a row without a symbol"):
        load_bars(store(folder, ["symbol," + OURS[0], "NVDA," + OURS[1], "," + OURS[2]]))


text = st.text(string.printable + "é€\x00\ufeff\uff11", max_size=12)
number = st.one_of(st.floats(width=64).map(repr), st.integers(-(10**6), 10**12).map(str), text)
cell = st.one_of(number, st.sampled_from([*DAYS, "", "NVDA", "$12.50", "NaN", "1,234.5", '"', "01/27/2025"]))
head = st.sampled_from(
    [
        "date",
        "Date",
        "open",
        "High",
        "low",
        "Close",
        "Close/Last",
        "volume",
        "Adj Close",
        "Ticker",
        "Price",
        "",
        "symbol",
        "<DATE>",
        "x",
    ]
)


@st.composite
def tables(draw):
    """CSV text: mostly a right header over cells of which some are wrong."""
    heads = OURS[0].split(",") if draw(st.integers(0, 3)) else draw(st.lists(head, min_size=1, max_size=8))
    good = st.tuples(st.sampled_from(DAYS), *[st.floats(1, 1000).map(repr)] * 5).map(list)
    wild = st.lists(cell, min_size=1, max_size=len(heads))
    body = draw(st.lists(st.one_of(good, wild), max_size=5))
    return "\n".join(",".join(row) for row in [heads, *body])


def independent(content):
    """Day to data as pandas' Python engine reads our own layout; only for what is surely in it."""
    table = pd.read_csv(io.StringIO(content), dtype=str, keep_default_na=False, engine="python", index_col=False)
    return {day: [float(table.loc[i, field]) for field in FIELDS] for i, day in enumerate(table["date"].str.strip())}


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=tables())
def test_no_text_makes_a_traceback_or_a_wrong_number(tmp_path, content):
    (tmp_path / "prices").mkdir(exist_ok=True)
    (tmp_path / "prices" / "NVDA.csv").write_text(content, encoding="utf-8", newline="")
    try:
        bars = load_bars(tmp_path)
    except DipfolioError:
        return
    assert bars.symbols == ("NVDA",)
    if content.startswith(OURS[0] + "\n") and '"' not in content and "\r" not in content:
        expected = independent(content)
        for day in bars.sessions:
            row = [getattr(bars, field).loc[day, "NVDA"] for field in FIELDS]
            assert row == expected[str(day.date())]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), suffix=st.sampled_from(["csv", "parquet"]), magic=st.booleans())
def test_no_bytes_make_a_traceback(tmp_path, content, suffix, magic):
    (tmp_path / "prices").mkdir(exist_ok=True)
    for old in (tmp_path / "prices").iterdir():
        old.unlink()
    (tmp_path / "prices" / f"NVDA.{suffix}").write_bytes(b"PAR1" + content + b"PAR1" if magic else content)
    with pytest.raises(DipfolioError):
        load_bars(tmp_path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_parquet_file_with_columns_of_any_type_gives_its_numbers_or_an_error(tmp_path, data):
    (tmp_path / "prices").mkdir(exist_ok=True)
    kinds = ["float64", "float32", "int64", "Int64", "object", "string", "bool", "datetime64[ns]", "category"]
    columns = {"date": pd.to_datetime(DAYS)}
    for field in FIELDS:
        kind = data.draw(st.sampled_from(kinds))
        values = data.draw(st.lists(st.integers(-1, 100), min_size=3, max_size=3))
        columns[field] = (
            pd.Series(values).astype(str).astype(kind) if kind in ("object", "string") else pd.Series(values).astype(kind)
        )
    frame = pd.DataFrame(columns)
    frame.to_parquet(tmp_path / "prices" / "NVDA.parquet")
    try:
        bars = load_bars(tmp_path)
    except DipfolioError:
        return
    for field in FIELDS:
        assert getattr(bars, field)["NVDA"].tolist() == [float(value) for value in frame[field]]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.floats(min_value=5e-324, max_value=1e300, allow_nan=False))
def test_a_number_is_read_as_the_float_that_was_written(tmp_path, value):
    (tmp_path / "prices").mkdir(exist_ok=True)
    bars = load_bars(store(tmp_path, [OURS[0], f"2025-01-27,{value!r},{value!r},{value!r},{value:.17e},1"]))
    assert bars.close.iloc[0, 0] == value
    assert bars.open.iloc[0, 0] == value


def test_the_days_of_a_year_in_new_york_survive_both_offsets(folder):
    days = calendar.between("2024-01-02", "2024-12-31")
    frame = pd.DataFrame(np.full((len(days), 5), 10.0), columns=list(FIELDS), index=days.rename("date"))
    frame.tz_localize("America/New_York").to_csv(folder / "prices" / "NVDA.csv")
    bars = load_bars(folder)
    assert bars.sessions.equals(days)
    assert not math.isnan(bars.close.iloc[-1, 0])


BESIDE = {
    "borrow.csv": "symbol,date,rate",
    "dividends.csv": "symbol,ex_date,amount",
    "events.csv": "date,time,kind,symbols,event",
    "splits.csv": "symbol,ex_date,ratio",
}
beside = st.sampled_from(["NVDA", "2025-01-24", "0.01", "10", "1_000", "-1", "nan", "", '"', "x", "2025-01-25"]) | text


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from([*BESIDE, "source.json"]), rows=st.lists(st.lists(beside, min_size=1, max_size=5), max_size=3))
def test_no_text_beside_the_prices_makes_a_traceback(tmp_path, name, rows):
    (tmp_path / "prices").mkdir(exist_ok=True)
    for old in tmp_path.glob("*.*"):
        old.unlink()
    store(tmp_path, OURS)
    lines = [*([BESIDE[name]] if name in BESIDE else []), *(",".join(row) for row in rows)]
    (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    try:
        bars = load_bars(tmp_path)
    except DipfolioError:
        return
    assert_figures(bars)
    assert name == "dividends.csv" or bars.dividends["NVDA"].sum() == 0


@pytest.mark.parametrize("amount", ["1_000", "0,25", "$0.25", "1/4"])
def test_a_dividend_that_is_no_plain_number_is_named(folder, amount):
    store(folder, OURS)
    (folder / "dividends.csv").write_text(f'symbol,ex_date,amount\nNVDA,2025-01-24,"{amount}"\n', encoding="utf-8")
    with pytest.raises(
        DataError, match=rf"dividends\.csv .*the amount of 2025-01-24 is '{re.escape(amount)}', expected a number"
    ):
        load_bars(folder)


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_gives_the_same_figures_and_is_noted(folder, mark, name):
    bars = load_bars(store(folder, [line.replace(",", mark) for line in OURS]))
    assert_figures(bars)
    assert bars.readings[0].notes == (f"cells between {name}",)
