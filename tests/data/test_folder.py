"""Choice: fetched data go before the embedded ones, whole or not at all."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.data.bars import Origin
from dipfolio.data.folder import FolderChoice, available_symbols, choose_folder, load_bars
from dipfolio.data.schema import FIELDS
from dipfolio.errors import DataError, ParameterError, UnknownNameError


def folder(path, *symbols, retrieved=""):
    (path / "prices").mkdir(parents=True)
    for symbol in symbols:
        (path / "prices" / f"{symbol}.csv").write_text("date\n", encoding="utf-8")
    (path / "source.json").write_text(f'{{"retrieved": "{retrieved}"}}', encoding="utf-8")
    return path


def test_without_fetched_figures_the_embedded_are_taken_and_nothing_is_said(tmp_path):
    embedded = folder(tmp_path / "data", "A", "B")
    assert choose_folder(tmp_path / "data" / "cache", embedded, ("A",)) == FolderChoice(folder=embedded)


def test_fetched_figures_that_have_every_symbol_are_taken_and_that_is_said(tmp_path):
    embedded, fetched = folder(tmp_path / "data", "A", "B"), folder(tmp_path / "data/cache", "A", "C", retrieved="2026-11-24")
    chosen = choose_folder(fetched, embedded, ("A", "C"))
    assert chosen.folder == fetched
    assert chosen.reason == f"Data: {fetched}, retrieved 2026-11-24, before {embedded}."


def test_figures_of_two_folders_are_never_mixed(tmp_path):
    embedded, fetched = folder(tmp_path / "data", "A", "B"), folder(tmp_path / "data/cache", "A", "C")
    chosen = choose_folder(fetched, embedded, ("A", "B"))
    assert chosen.folder == embedded
    assert chosen.reason == f"Data: {embedded}, as {fetched} lacks B; `python backtest.py data fetch B` brings them."


def test_where_neither_has_every_symbol_the_fetched_say_what_is_missing(tmp_path):
    embedded, fetched = folder(tmp_path / "data", "A", "B"), folder(tmp_path / "data/cache", "C")
    assert choose_folder(fetched, embedded, ("A", "C")).folder == fetched


ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
SYMBOLS = ["AAPL", "AMZN", "ARM", "AVGO", "GOOG", "META", "MSFT", "NVDA", "ORCL", "QQQ", "SMH", "SPY", "TSLA", "TSM"]
HEAD = "date,open,high,low,close,volume"
ROWS = (
    "2025-01-02,10,11,9,10.5,1000",
    "2025-01-03,10.5,12,10,11,1100",
    "2025-01-06,11,13,10.5,12.25,1200",
)
# Moves of 24 to 27 January 2025, close to close, in percent, as the press reported them.
MOVES = {
    "NVDA": -16.97, "AVGO": -17.40, "TSM": -13.33, "ORCL": -13.79, "SMH": -9.83, "ARM": -10.19, "AAPL": 3.18, "META": 1.91,
    "AMZN": 0.24,
}  # fmt: skip


@pytest.fixture(scope="module")
def bars():
    """All data of the repository."""
    return load_bars(DATA)


@pytest.fixture
def folder_of_folder(tmp_path):
    """A data folder with one symbol, XYZ, over three sessions."""
    (tmp_path / "prices").mkdir()
    prices(tmp_path, "XYZ", *ROWS)
    return tmp_path


def prices(folder_of_folder, symbol, *rows, head=HEAD):
    (folder_of_folder / "prices" / f"{symbol}.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


def dividends(folder_of_folder, *rows, head="symbol,ex_date,amount"):
    (folder_of_folder / "dividends.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


def test_the_repository_has_fourteen_symbols_over_two_years(bars):
    assert available_symbols(DATA) == tuple(SYMBOLS)
    assert bars.symbols == tuple(SYMBOLS)
    assert len(bars) == 502
    assert bars.provenance.sessions == dict.fromkeys(SYMBOLS, ("2024-01-02", "2025-12-31"))


@pytest.mark.parametrize("symbol", MOVES)
def test_the_figures_have_the_moves_of_deepseek_monday(bars, symbol):
    friday, monday = bars.close.loc["2025-01-24", symbol], bars.close.loc["2025-01-27", symbol]
    assert (monday / friday - 1) * 100 == pytest.approx(MOVES[symbol], abs=0.005)


def test_nvda_has_the_prices_that_the_commenter_traded_at(bars):
    assert bars.close.loc["2025-01-24", "NVDA"] == 142.62
    assert bars.open.loc["2025-01-27", "NVDA"] == 124.80
    assert bars.close.loc["2025-01-27", "NVDA"] == 118.42


def test_nvda_paid_a_cent_on_the_ex_dates_of_2025(bars):
    paid = bars.dividends["NVDA"]
    found = {str(day.date()): amount for day, amount in paid[paid > 0].loc["2025"].items()}
    assert found == dict.fromkeys(["2025-03-12", "2025-06-11", "2025-09-11", "2025-12-04"], 0.01)


def test_every_close_lies_within_the_range_of_its_session(bars):
    assert (bars.low <= bars.close).all(axis=None)
    assert (bars.close <= bars.high).all(axis=None)
    assert (bars.low <= bars.open).all(axis=None)
    assert (bars.open <= bars.high).all(axis=None)


def test_the_origin_says_who_published_the_figures_and_when_they_were_fetched(bars):
    written = json.loads((DATA / "source.json").read_text(encoding="utf-8"))
    assert bars.origin == Origin(**written, path="data")


def test_the_symbols_asked_for_come_in_that_order(bars):
    picked = load_bars(DATA, ("NVDA", "AAPL"))
    assert picked.symbols == ("NVDA", "AAPL")
    pd.testing.assert_frame_equal(picked.close, bars.close[["NVDA", "AAPL"]])


def test_nothing_after_the_end_is_kept():
    assert str(load_bars(DATA, ("NVDA",), end=date(2025, 1, 26)).sessions[-1].date()) == "2025-01-24"


def test_figures_are_read_as_they_are_written(folder_of_folder):
    bars = load_bars(str(folder_of_folder))
    assert bars.close["XYZ"].tolist() == [10.5, 11, 12.25]
    assert bars.volume["XYZ"].tolist() == [1000, 1100, 1200]
    assert bars.origin == Origin(path=folder_of_folder.name)
    assert (bars.dividends == 0).all(axis=None)


def test_a_figure_with_seventeen_digits_is_read_to_the_last_one(folder_of_folder):
    price = float(np.nextafter(10.1, 11))
    prices(folder_of_folder, "XYZ", f"2025-01-02,10,11,9,{price!r},1000", *ROWS[1:])
    assert load_bars(folder_of_folder).close.iloc[0, 0] == price


def test_rows_out_of_order_and_names_in_capitals_are_understood(folder_of_folder):
    prices(folder_of_folder, "XYZ", *reversed(ROWS), head="Date,Open,High,Low,Close,Volume")
    assert load_bars(folder_of_folder).close["XYZ"].tolist() == [10.5, 11, 12.25]


def test_a_symbol_that_is_listed_later_has_no_figures_before(folder_of_folder):
    prices(folder_of_folder, "NEW", *ROWS[1:])
    bars = load_bars(folder_of_folder)
    assert bars.close["NEW"].isna().tolist() == [True, False, False]
    assert bars.provenance.sessions["NEW"] == ("2025-01-03", "2025-01-06")


@pytest.mark.parametrize("indexed", [False, True])
def test_parquet_is_read_like_csv(folder_of_folder, tmp_path_factory, indexed):
    table = pd.read_csv(folder_of_folder / "prices" / "XYZ.csv", parse_dates=["date"])
    other = tmp_path_factory.mktemp("other")
    (other / "prices").mkdir()
    (table.set_index("date") if indexed else table).to_parquet(other / "prices" / "XYZ.parquet")
    csv, parquet = load_bars(folder_of_folder), load_bars(other)
    assert available_symbols(other) == ("XYZ",)
    assert parquet.provenance.sha256 == csv.provenance.sha256
    for field in FIELDS:
        pd.testing.assert_frame_equal(getattr(parquet, field), getattr(csv, field))


def test_a_file_that_is_no_parquet_is_one_clear_line(folder_of_folder):
    (folder_of_folder / "prices" / "XYZ.parquet").write_text("hello", encoding="utf-8")
    with pytest.raises(DataError, match=r"XYZ\.parquet cannot be read as date,open,high,low,close,volume") as caught:
        load_bars(folder_of_folder)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere is no data folder: it has no prices/"):
        load_bars(tmp_path / "nowhere")


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "README.md").write_text("nothing yet", encoding="utf-8")
    with pytest.raises(DataError, match="prices is empty"):
        load_bars(tmp_path)


def test_a_symbol_without_prices_is_refused_with_the_nearest_and_with_all(folder_of_folder):
    prices(folder_of_folder, "ABC", *ROWS)
    with pytest.raises(UnknownNameError, match=r"There is no symbol 'XYY'. Did you mean 'XYZ'\?.*has prices for: ABC, XYZ"):
        load_bars(folder_of_folder, ("ABC", "XYY"))


@pytest.mark.parametrize("hostile", ["../x", "/etc/passwd", "..", "XYZ/../XYZ", "XYZ\x00", "", "xyz.csv", "~root"])
def test_a_hostile_symbol_reads_nothing_outside_the_folder(folder_of_folder, hostile):
    (folder_of_folder / "x.csv").write_text(
        (folder_of_folder / "prices" / "XYZ.csv").read_text(encoding="utf-8"), encoding="utf-8"
    )
    with pytest.raises((UnknownNameError, ParameterError)):
        load_bars(folder_of_folder, (hostile,))


@pytest.mark.parametrize("name", ["a b", "-rf", "<b>", ".hidden"])
def test_a_file_whose_name_can_be_no_symbol_is_named(folder_of_folder, name):
    prices(folder_of_folder, name, *ROWS)
    with pytest.raises(DataError, match=rf"{name}\.csv has a name that cannot be the name of a symbol; name it by the symbol"):
        load_bars(folder_of_folder)


@pytest.mark.parametrize("symbol", ["BRK.B", "^GSPC", "ES=F", "BF-B", "0700"])
def test_the_symbols_that_providers_use_are_accepted(folder_of_folder, symbol):
    prices(folder_of_folder, symbol, *ROWS)
    assert load_bars(folder_of_folder, (symbol,)).symbols == (symbol,)


@pytest.mark.parametrize("column", HEAD.split(","))
def test_a_missing_column_is_named_with_its_file(folder_of_folder, column):
    kept = [name for name in HEAD.split(",") if name != column]
    table = pd.DataFrame([row.split(",") for row in ROWS], columns=HEAD.split(","))
    table[kept].to_csv(folder_of_folder / "prices" / "XYZ.csv", index=False)
    with pytest.raises(DataError, match=rf"XYZ\.csv lacks the column .*{column}.*; expected {HEAD}") as caught:
        load_bars(folder_of_folder)
    assert "\n" not in str(caught.value)


def test_text_in_a_price_is_shown_with_its_file_in_one_line(folder_of_folder):
    prices(folder_of_folder, "XYZ", ROWS[0], "2025-01-03,10.5,12,10,eleven,1100", ROWS[2])
    with pytest.raises(DataError, match=r"XYZ\.csv.*eleven") as caught:
        load_bars(folder_of_folder)
    assert "\n" not in str(caught.value)


def test_text_in_a_price_is_shown_with_its_date(folder_of_folder):
    prices(folder_of_folder, "XYZ", ROWS[0], "2025-01-03,10.5,12,10,eleven,1100", ROWS[2])
    with pytest.raises(DataError, match=r"2025-01-03"):
        load_bars(folder_of_folder)


def test_a_price_left_empty_is_named_with_symbol_and_date(folder_of_folder):
    prices(folder_of_folder, "XYZ", ROWS[0], "2025-01-03,10.5,12,,11,1100", ROWS[2])
    with pytest.raises(DataError, match="XYZ has no low on 2025-01-03"):
        load_bars(folder_of_folder)


@pytest.mark.parametrize("day", ["03.01.2025", "2025-01-32", "Friday", ""])
def test_what_is_no_date_is_one_clear_line_with_its_file(folder_of_folder, day):
    prices(folder_of_folder, "XYZ", ROWS[0], f"{day},10.5,12,10,11,1100", ROWS[2])
    with pytest.raises(DataError, match=r"XYZ") as caught:
        load_bars(folder_of_folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "\x00\x01\x02", "date,open\n1,2,3,4,5,6,7\n1,2\n1,2,3,4,5,6,7,8,9,10\n"])
def test_a_file_that_is_no_table_is_one_clear_line(folder_of_folder, text):
    (folder_of_folder / "prices" / "XYZ.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"XYZ\.csv") as caught:
        load_bars(folder_of_folder)
    assert "\n" not in str(caught.value)


def test_a_file_with_a_head_alone_has_no_bar(folder_of_folder):
    prices(folder_of_folder, "XYZ")
    with pytest.raises(DataError, match=r"XYZ\.csv has no bar"):
        load_bars(folder_of_folder)


def test_a_date_that_stands_twice_is_named_with_its_symbol(folder_of_folder):
    prices(folder_of_folder, "XYZ", *ROWS, ROWS[1])
    with pytest.raises(DataError, match="XYZ has two bars on 2025-01-03"):
        load_bars(folder_of_folder)


def test_a_gap_is_named_with_its_symbol(folder_of_folder):
    prices(folder_of_folder, "ABC", *ROWS)
    prices(folder_of_folder, "XYZ", ROWS[0], ROWS[2])
    with pytest.raises(DataError, match="XYZ has no bar on 2025-01-03, a session of XNYS"):
        load_bars(folder_of_folder)


def test_a_gap_of_a_symbol_that_stands_alone_is_found_too(folder_of_folder):
    prices(folder_of_folder, "XYZ", ROWS[0], ROWS[2])
    with pytest.raises(DataError, match="XYZ has no bar on 2025-01-03"):
        load_bars(folder_of_folder)


@pytest.mark.parametrize("day", ["2025-01-04", "2025-01-09"])
def test_a_bar_on_a_day_without_a_session_is_named_with_its_symbol(folder_of_folder, day):
    prices(folder_of_folder, "XYZ", *ROWS, f"{day},10,11,9,10,1000")
    with pytest.raises(DataError, match=f"XYZ has a bar on {day}, which is no session of XNYS"):
        load_bars(folder_of_folder)


def test_a_folder_with_a_single_bar_on_a_holiday_is_refused(folder_of_folder):
    prices(folder_of_folder, "XYZ", "2025-01-09,10,11,9,10,1000")
    with pytest.raises(DataError, match="XYZ has a bar on 2025-01-09"):
        load_bars(folder_of_folder)


def test_dividends_stand_on_their_ex_date_and_two_on_one_day_add_up(folder_of_folder):
    dividends(
        folder_of_folder,
        "XYZ,2025-01-03,0.25",
        "OTHER,2025-01-03,9",
        "XYZ,2025-01-03,1.00",
        "XYZ,2024-06-03,5",
        "XYZ,2025-06-03,5",
    )
    assert load_bars(folder_of_folder).dividends["XYZ"].tolist() == [0, 1.25, 0]


def test_a_dividend_on_a_day_without_a_session_is_named(folder_of_folder):
    dividends(folder_of_folder, "XYZ,2025-01-04,0.25")
    with pytest.raises(DataError, match="XYZ has a dividend on 2025-01-04, which is no session of XNYS"):
        load_bars(folder_of_folder)


@pytest.mark.parametrize("amount", ["-0.25", "inf", ""])
def test_a_dividend_that_cannot_be_paid_is_named_with_symbol_and_date(folder_of_folder, amount):
    dividends(folder_of_folder, f"XYZ,2025-01-03,{amount}")
    with pytest.raises(DataError, match="XYZ has an unusable dividend on 2025-01-03"):
        load_bars(folder_of_folder)


@pytest.mark.parametrize(
    "wrong",
    ["XYZ,2025-01-03,much", "XYZ,3 Jan,0.25", "XYZ,2025-01-03,0.25,9,9,9\nXYZ,2025-01-06,1,1"],
    ids=["text", "day", "ragged"],
)
def test_dividends_that_cannot_be_read_are_one_clear_line(folder_of_folder, wrong):
    dividends(folder_of_folder, wrong)
    with pytest.raises(DataError, match=r"dividends\.csv cannot be read as symbol,ex_date,amount") as caught:
        load_bars(folder_of_folder)
    assert "\n" not in str(caught.value)


def test_the_dividends_of_a_symbol_that_looks_like_a_missing_value_are_kept(folder_of_folder):
    prices(folder_of_folder, "NA", *ROWS)
    dividends(folder_of_folder, "NA,2025-01-03,0.25")
    assert load_bars(folder_of_folder, ("NA",)).dividends["NA"].tolist() == [0, 0.25, 0]


def test_dividends_without_their_columns_are_refused(folder_of_folder):
    dividends(folder_of_folder, "XYZ,2025-01-03,0.25", head="ticker,day,cash")
    with pytest.raises(DataError, match=r"dividends\.csv cannot be read as symbol,ex_date,amount"):
        load_bars(folder_of_folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"colour": "red"}', "3"])
def test_an_origin_that_cannot_be_read_is_named(folder_of_folder, text):
    (folder_of_folder / "source.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"source\.json cannot be read as the origin"):
        load_bars(folder_of_folder)


def test_a_high_below_the_low_stops_a_run(folder_of_folder):
    prices(folder_of_folder, "XYZ", ROWS[0], "2025-01-03,10.5,9,10,11,1100", ROWS[2])
    with pytest.raises(DataError, match="XYZ has a high of 9 below its low of 10 on 2025-01-03"):
        load_bars(folder_of_folder)


LOADING = """
import resource, sys
import pyarrow.parquet
from pathlib import Path
from dipfolio.data.folder import load_bars
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
bars = load_bars(Path(sys.argv[1]))
memory = peak() - before
print(memory, 6 * bars.close.size * 8, bars.close["S042"].iloc[-1])
"""


@pytest.mark.slow
def test_five_hundred_symbols_by_ten_years_load_in_four_times_their_size(tmp_path):
    (tmp_path / "prices").mkdir()
    days = calendar.between("2015-01-02", "2024-12-31")
    steps = np.random.default_rng(1).normal(0, 0.02, (500, len(days)))
    for number, close in enumerate(100 * np.exp(np.cumsum(steps, axis=1))):
        table = pd.DataFrame(
            {"date": days, "open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 1e6}
        )
        table.to_parquet(tmp_path / "prices" / f"S{number:03d}.parquet", index=False)
        if number == 42:
            last = close[-1]
    done = subprocess.run([sys.executable, "-c", LOADING, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT)
    memory, raw, found = map(float, done.stdout.split())
    assert found == last
    assert memory < 4 * raw


def test_every_symbol_is_all_that_can_be_bought_and_no_index_and_no_rate(folder_of_folder):
    for symbol in ("ABC", "^GSPC", "^VIX"):
        prices(folder_of_folder, symbol, *ROWS)
    assert load_bars(folder_of_folder, ("all",)).symbols == ("ABC", "XYZ")
    beside = load_bars(folder_of_folder, ("all", "^GSPC", "XYZ"))
    assert beside.symbols == ("ABC", "XYZ", "^GSPC")
    assert beside.select(("all",)).symbols == ("ABC", "XYZ")
    assert beside.expand(("^GSPC", "all")) == ("^GSPC", "ABC", "XYZ")
    assert load_bars(folder_of_folder).expand(("XYZ",)) == ("XYZ",)


def test_every_symbol_of_a_folder_in_which_nothing_can_be_bought_is_refused(folder_of_folder):
    (folder_of_folder / "prices" / "XYZ.csv").rename(folder_of_folder / "prices" / "^GSPC.csv")
    with pytest.raises(ParameterError, match="nothing that can be bought, so that the universe 'all' is empty"):
        load_bars(folder_of_folder, ("all",))


def test_every_symbol_of_a_folder_with_a_file_of_nobody_is_refused(folder_of_folder):
    prices(folder_of_folder, "--", *ROWS)
    assert load_bars(folder_of_folder, ("XYZ",)).symbols == ("XYZ",)
    with pytest.raises(DataError, match="has a name that cannot be the name of a symbol"):
        load_bars(folder_of_folder, ("all",))
