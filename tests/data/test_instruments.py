"""What a symbol is: the table names each kind, and an index is warned of."""

import csv
from importlib.resources import files

import numpy as np
import pytest

from dipfolio.data.instruments import KINDS, carry_forward, index_warnings, instrument
from dipfolio.data.schema import PriceTable


@pytest.mark.parametrize(
    ("symbol", "description"),
    [
        ("NVDA", "NVIDIA, share"),
        ("SMH", "VanEck Semiconductor, fund"),
        ("^gspc", "S&P 500, price index without dividends"),
        ("^VIX", "Cboe Volatility Index, volatility index in points"),
        ("^IRX", "13-week Treasury bill, interest rate in per cent a year"),
        ("XYZ", ""),
    ],
)
def test_a_symbol_is_described_by_its_name_and_kind(symbol, description):
    assert instrument(symbol).description == description


def test_the_table_has_each_symbol_once_and_only_known_kinds():
    with files("dipfolio.data").joinpath("instruments.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["symbol"] for row in rows}) == len(rows)
    assert {row["kind"] for row in rows} == set(KINDS)
    assert all(row["name"] for row in rows)


def test_only_what_has_a_price_in_dollars_or_is_an_index_of_prices_can_be_traded():
    assert {symbol: instrument(symbol).kind.is_tradable for symbol in ("NVDA", "SMH", "^GSPC", "^VIX", "^IRX", "XYZ")} == {
        "NVDA": True, "SMH": True, "^GSPC": True, "^VIX": False, "^IRX": False, "XYZ": True,
    }  # fmt: skip


def test_a_price_index_is_warned_of_and_nothing_else():
    found = list(index_warnings(("NVDA", "^GSPC", "^VIX", "XYZ")))
    assert [(finding.symbol, finding.severity) for finding in found] == [("^GSPC", "warning")]
    assert "dividends are missing" in found[0].text
    assert "cannot be bought" in found[0].text


def table(days, closes):
    """Bars whose open, high, low and close are the same."""
    close = np.array(closes, dtype="float64")
    return PriceTable(
        days=np.array(days, dtype="datetime64[D]"), cells=np.vstack([close, close, close, close, np.full(len(close), 9.0)])
    )


def test_a_series_that_is_not_traded_has_a_bar_for_each_session_and_for_no_other_day():
    """9 January 2025 is no session; on the 7th there is no quote, and on the 10th only a part of one."""
    days = ["2025-01-03", "2025-01-06", "2025-01-08", "2025-01-09", "2025-01-10", "2025-01-13"]
    given = table(days, [20, 21, 22, 23, 24, 25])
    given.cells[0, 4] = np.nan
    made = carry_forward(given)
    assert made.days.astype(str).tolist() == ["2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08", "2025-01-10", "2025-01-13"]
    assert made.cells[3].tolist() == [20, 21, 21, 22, 23, 25]  # that of the 9th was known before the open of the 10th
    assert made.cells[4].tolist() == [9, 9, 0, 9, 0, 9]


def test_days_that_repeat_stay_for_the_check_to_find():
    given = table(["2025-01-03", "2025-01-03"], [20, 21])
    assert carry_forward(given) is given
