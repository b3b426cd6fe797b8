"""The settings of a data folder: what the file may say, and what a folder is with and without it."""

import pytest

from dipfolio.data.audit import audit_folder
from dipfolio.data.calendar import XNYS, ExchangeCalendar
from dipfolio.data.dataset import NEW_YORK, Listing, read_dataset
from dipfolio.data.folder import load_bars
from dipfolio.errors import DataError
from tests.support.foreign_markets import closes_of, write_market


def written(folder, text):
    (folder / "dataset.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_without_the_file_is_in_new_york_in_dollars(tmp_path):
    given = read_dataset(tmp_path)
    assert given is NEW_YORK
    assert (given.usual.calendar, given.usual.currency) == (XNYS, "USD")


def test_a_symbol_has_the_settings_of_the_folder_where_it_states_none(tmp_path):
    text = 'calendar = "XLON"\ncurrency = "GBp"\n\n[symbols.spy]\ncalendar = "NYSE"\ncurrency = "usd"\n[symbols."SHEL.L"]\n'
    given = read_dataset(written(tmp_path, text), ("SPY", "BARC.L", "SHEL.L"))
    assert given.listing("BARC.L") == given.listing("SHEL.L") == Listing(calendar=ExchangeCalendar("XLON"), unit="GBp")
    assert given.listing("BARC.L").currency == "GBP"
    assert given.listing("SPY") == Listing(calendar=XNYS, unit="USD")
    assert [given.listing(symbol).is_american for symbol in ("SPY", "BARC.L")] == [True, False]


def test_settings_of_a_symbol_without_prices_are_named(tmp_path):
    folder = write_market(tmp_path, ["AAA"], '[symbols.ZZZ]\ncalendar = "XLON"\n', sessions=5)
    assert read_dataset(folder, ("AAA",)).unmatched == ("ZZZ",)
    assert "settings for ZZZ without prices" in [one.text for one in audit_folder(folder).findings][-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("calendar = XLON", "cannot be read"),
        ("calender = 'XLON'", "no setting 'calender'. Did you mean 'calendar'"),
        ("calendar = 5", "calendar is a text in quotation marks, found 5"),
        ("calendar = 'XLONN'", "no calendar 'XLONN'. Did you mean 'XLON'"),
        ("frequency = 'hourly'", "daily, weekly or monthly, found 'hourly'"),
        ("currency = 'pounds'", "a code of three letters"),
        ("symbols = 'SPY'", "under its own heading"),
        ("[symbols]\nSPY = 'XNYS'", "under its own heading"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_that_names_it(tmp_path, text, words):
    with pytest.raises(DataError) as caught:
        read_dataset(written(tmp_path, text))
    assert words in str(caught.value)
    assert str(tmp_path / "dataset.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("code", "frequency"), [("XLON", "daily"), ("24/7", "daily"), ("XNYS", "weekly"), ("XTKS", "monthly"), ("24/7", "weekly")]
)
def test_a_folder_is_read_by_its_calendar_once_the_line_that_was_asked_for_is_there(tmp_path, code, frequency):
    folder = write_market(tmp_path, ["AAA", "BBB"], code=code, frequency=frequency, sessions=260 if frequency == "daily" else 60)
    faults = audit_folder(folder).errors
    assert faults
    wanted = f'calendar = "{code}"' if frequency == "daily" else f'frequency = "{frequency}"'
    assert all(wanted in fault.text for fault in faults)
    bars = load_bars(written(folder, f'calendar = "{code}"\nfrequency = "{frequency}"\n'))
    assert audit_folder(folder).errors == ()
    assert bars.calendar == ExchangeCalendar(code, frequency)
    assert bars.close["AAA"].tolist() == closes_of(folder, "AAA").tolist()


def test_the_calendar_is_in_the_fingerprint_and_in_the_provenance(tmp_path):
    folder = write_market(tmp_path, ["AAA"], start="2023-02-01", sessions=5)
    in_new_york = load_bars(folder).provenance
    in_london = load_bars(written(folder, 'calendar = "XLON"')).provenance
    assert in_new_york.calendar == XNYS
    assert in_london.calendar == ExchangeCalendar("XLON")
    assert in_london.sha256 != in_new_york.sha256


def test_weekly_bars_dated_by_their_monday_are_known_on_their_last_session(tmp_path):
    (tmp_path / "prices").mkdir()
    rows = [f"2025-{day},10,12,9,{close},1000" for day, close in (("04-07", 11), ("04-14", 12), ("04-21", 11))]
    (tmp_path / "prices" / "AAA.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]), encoding="utf-8")
    (tmp_path / "dividends.csv").write_text("symbol,ex_date,amount\nAAA,2025-04-15,0.5\n", encoding="utf-8")
    bars = load_bars(written(tmp_path, 'frequency = "weekly"'))
    assert [str(day.date()) for day in bars.sessions] == ["2025-04-11", "2025-04-17", "2025-04-25"]
    assert bars.dividends["AAA"].tolist() == [0.0, 0.5, 0.0]
    assert "weekly bars, dated by their last session" in bars.readings[0].notes


def test_daily_bars_in_a_folder_that_says_weekly_are_one_error(tmp_path):
    folder = write_market(tmp_path, ["AAA"], 'frequency = "weekly"', sessions=40)
    (fault,) = audit_folder(folder).errors
    assert "several bars in a week or month" in fault.text


def test_symbols_of_two_calendars_in_one_run_are_refused_in_one_sentence(tmp_path):
    write_market(tmp_path, ["AAA"], code="XLON", sessions=20)
    folder = write_market(tmp_path, ["BBB"], '[symbols.AAA]\ncalendar = "XLON"\n', sessions=20)
    with pytest.raises(DataError, match="AAA trades on XLON and BBB on XNYS; symbols of several calendars"):
        load_bars(folder)
    assert load_bars(folder, ("BBB",)).calendar == XNYS
    assert [fault.kind for fault in audit_folder(folder).errors] == ["several calendars"]
