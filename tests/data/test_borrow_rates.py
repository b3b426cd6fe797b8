"""Borrow rates: what borrow.csv says by symbol and day, what is refused, and from when on a rate is charged."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from dipfolio.data.audit import audit_folder
from dipfolio.data.borrow_rates import BorrowRate, borrow_rates_by_session, read_borrow_rates
from dipfolio.data.folder import load_bars
from dipfolio.errors import DataError
from tests.support.markets import make_bars

DAYS = ("2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "prices").mkdir()
    for symbol in ("NVDA", "BRK-B", "SPY"):
        lines = ["date,open,high,low,close,volume", *(f"{day},10,12,9,11,1000" for day in DAYS)]
        (tmp_path / "prices" / f"{symbol}.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def store(folder, *rows, head="symbol,date,rate", encoding="utf-8"):
    (folder / "borrow.csv").write_text("\n".join([head, *rows]), encoding=encoding)
    return folder / "borrow.csv"


def test_rows_are_matched_with_prices_and_stand_by_symbol_and_day(folder):
    store(folder, "brk.b,2025-01-06,0.05", "nvda.us,2025-01-03,0.02", "nvda.us,2024-06-03,0.01", "GME,2025-01-03,0.1")
    bars = load_bars(folder, ("NVDA", "BRK-B"))
    assert bars.borrow_rates == (
        BorrowRate(symbol="NVDA", day=date(2024, 6, 3), rate=0.01),
        BorrowRate(symbol="NVDA", day=date(2025, 1, 3), rate=0.02),
        BorrowRate(symbol="BRK-B", day=date(2025, 1, 6), rate=0.05),
    )
    assert load_bars(folder, ("SPY",)).borrow_rates == ()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("rate;symbol;date\n0.02;NVDA;2025-01-03", "utf-16"),
        ("SYMBOL,Date,Rate\nNVDA,2025-01-03,0.02", "utf-8-sig"),
        ("symbol,date,rate\nNVDA,2025-01-03,2%", "utf-8"),
        ("symbol,date,rate_percent\nNVDA,2025-01-03,2", "cp1252"),
        ("symbol\tdate\trate\tnote\nNVDA\t2025-01-03 00:00:00\t0.02\tx", "utf-8"),
    ],
)
def test_a_table_is_read_as_it_is_handed_out(folder, text, encoding):
    (folder / "borrow.csv").write_bytes(text.encode(encoding))
    assert load_bars(folder, ("NVDA",)).borrow_rates == (BorrowRate(symbol="NVDA", day=date(2025, 1, 3), rate=0.02),)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["NVDA,2025-01-03,0.35"],
            "the rate 0.35 for NVDA on 2025-01-03, as a fraction 35% a year.* head the column rate_perc",
        ),
        (["NVDA,2025-01-03,-0.01"], r"has the rate -0\.01 for NVDA on 2025-01-03; 0\.003 is 0\.3% a year"),
        (["NVDA,2025-01-03,"], "has no rate for NVDA on 2025-01-03"),
        (["NVDA,2025-01-03,3000%"], "has the rate 30 for NVDA"),
        (["NVDA,2025-01-03,x"], "the rate of 2025-01-03 is 'x', expected a number"),
        (["NVDA,03/01/2025,0.01"], "is no date"),
        (["NVDA,2025-01-03,1%", "NVDA,2025-01-06,0.01"], "with and without the sign of per cent"),
        (["NVDA,2025-01-03,0.01", "NVDA,2025-01-03,0.02"], "two rates of NVDA for 2025-01-03; keep one row"),
        (["NVDA,2025-01-03,0.01", "nvda,2025-01-06,0.02"], "rows for NVDA and for nvda, which are both NVDA"),
    ],
)
def test_what_cannot_be_a_rate_is_one_line_of_a_run_and_of_the_check(folder, rows, message):
    store(folder, *rows)
    with pytest.raises(DataError, match=message) as caught:
        load_bars(folder)
    assert "\n" not in str(caught.value)
    (error,) = audit_folder(folder).errors
    assert error.text == str(caught.value)


def test_a_high_rate_with_the_sign_of_per_cent_is_that(folder):
    assert read_borrow_rates(store(folder, "NVDA,2025-01-03,135%"))[0].rate == 1.35


def test_a_table_without_a_row_for_any_price_is_a_warning_and_one_that_is_longer_is_none(folder):
    store(folder, "GME,2025-01-03,0.01")
    assert "borrow.csv has no row for a symbol that has prices here." in [w.text for w in load_bars(folder, ("SPY",)).warnings]
    store(folder, "GME,2025-01-03,0.01", "SPY,2025-01-03,0.01")
    audit = audit_folder(folder)
    assert [finding for finding in audit.findings if "borrow" in finding.text] == []
    assert [(table.name, table.rows, table.unmatched) for table in audit.side_tables] == [("borrow.csv", 2, 1)]
    assert audit.fingerprint == load_bars(folder).provenance.sha256


def test_a_rate_counts_from_the_close_of_its_day_and_of_a_sunday_from_mondays():
    sessions = make_bars({"A": [1.0] * 4}).sessions  # Thursday 2 January to Tuesday
    rows = [("A", date(2025, 1, 3), 0.02), ("A", date(2025, 1, 5), 0.03), ("B", date(2024, 1, 1), 0.5)]
    rows = [BorrowRate(symbol=symbol, day=day, rate=rate) for symbol, day, rate in reversed(rows)]
    found = borrow_rates_by_session(rows, sessions, ("A", "B", "C"))
    np.testing.assert_array_equal(found.T, [[np.nan, 0.02, 0.03, 0.03], [0.5] * 4, [np.nan] * 4])
    assert borrow_rates_by_session(rows, sessions, ("C",)) is None


def test_later_rates_are_cut_off_and_other_rates_are_other_data():
    bars = make_bars({"A": [1.0] * 4, "B": [1.0] * 4})
    rows = (BorrowRate(symbol="A", day=date(2025, 1, 3), rate=0.02), BorrowRate(symbol="A", day=date(2025, 1, 7), rate=0.03))
    lent = replace(bars, borrow_rates=rows)
    assert lent.until(date(2025, 1, 6)).borrow_rates == rows[:1]
    assert lent.between(date(2025, 1, 6), date(2025, 1, 7)).borrow_rates == rows
    assert len({each.provenance.sha256 for each in (bars, lent, replace(bars, borrow_rates=rows[:1]))}) == 3
    assert lent.select(("B",)).provenance.sha256 == bars.select(("B",)).provenance.sha256
