"""The types of price data: rows of a table, equality of splits, and the summary of what is odd about the data."""

from dataclasses import FrozenInstanceError
from datetime import date

import numpy as np
import pytest

from dipfolio.data.schema import (
    FIELDS,
    OPTIONAL_COLUMNS,
    PRICES,
    SINGLE_BAR_ISSUES,
    DataIssue,
    ExtraColumn,
    PriceTable,
    Split,
    summarise_issues,
)


def issue(kind, symbol="A", text="", severity="warning"):
    return DataIssue(severity=severity, kind=kind, symbol=symbol, text=text or f"{symbol} is {kind}.")


def table(**columns):
    days = np.array(["2025-01-02", "2025-01-03", "2025-01-06"], dtype="datetime64[D]")
    return PriceTable(days=days, cells=np.arange(15.0).reshape(5, 3), **columns)


def test_the_five_fields_are_the_four_prices_and_the_volume():
    assert FIELDS == ("open", "high", "low", "close", "volume")
    assert PRICES == ("open", "high", "low", "close")


@pytest.mark.parametrize(("rows", "picked"), [([2, 0], [2, 0]), ([1, 1], [1, 1]), ([True, False, True], [0, 2])])
def test_rows_of_a_table_are_taken_in_the_order_asked_for(rows, picked):
    taken = table(dividends=ExtraColumn(heading="Div", cells=np.array([0.0, 0.1, 0.2]))).take(np.array(rows))
    assert taken.days.tolist() == [table().days.tolist()[row] for row in picked]
    assert taken.cells.tolist() == [[3.0 * field + row for row in picked] for field in range(5)]
    assert taken.cells.flags.c_contiguous
    assert (taken.dividends.heading, taken.dividends.cells.tolist()) == ("Div", [0.1 * row for row in picked])
    assert taken.splits is taken.adjusted is None


def test_every_optional_column_goes_with_its_rows():
    columns = {name: ExtraColumn(heading=name, cells=np.array([1.0, 2.0, 3.0])) for name in OPTIONAL_COLUMNS}
    taken = table(**columns).take(np.array([2, 1]))
    assert [getattr(taken, name).cells.tolist() for name in OPTIONAL_COLUMNS] == [[3.0, 2.0]] * 3


def test_splits_are_equal_by_symbol_day_and_ratio_however_they_are_stated():
    terms = {"symbol": "NVDA", "day": date(2024, 6, 10), "ratio": 10.0}
    assert Split(**terms) == Split(**terms, is_adjusted=True)
    assert len({Split(**terms), Split(**terms, is_adjusted=True)}) == 1
    assert Split(**terms) != Split(**{**terms, "ratio": 4.0})
    with pytest.raises(FrozenInstanceError):
        Split(**terms).ratio = 4.0


def test_nothing_odd_is_no_sentence():
    assert summarise_issues([]) == ()


def test_issues_of_a_kind_are_one_sentence_with_the_number_of_the_rest_and_their_symbols():
    found = [issue("missing session", "A"), issue("other", "A"), issue("missing session", "B"), issue("missing session", "A")]
    assert summarise_issues(found) == (
        "A is missing session. 2 more like that, of B; `python backtest.py data check` lists them.",
        "A is other.",
    )


def test_of_many_symbols_six_are_named():
    found = [issue("missing session", symbol) for symbol in "ABCDEFGHI"]
    (sentence,) = summarise_issues(found)
    assert "8 more like that, of B, C, D, E, F, G and others;" in sentence
    (sentence,) = summarise_issues(found[:7])
    assert "6 more like that, of B, C, D, E, F, G;" in sentence


def test_more_of_the_same_symbol_name_no_other():
    assert summarise_issues([issue("gap")] * 3) == ("A is gap. 2 more like that; `python backtest.py data check` lists them.",)


@pytest.mark.parametrize("kind", ["like a split", "as traded", "large dividend"])
def test_issues_about_splits_and_large_dividends_are_one_sentence_for_each_symbol(kind):
    assert summarise_issues([issue(kind, "A"), issue(kind, "B")]) == (f"A is {kind}.", f"B is {kind}.")


@pytest.mark.parametrize("kind", SINGLE_BAR_ISSUES)
def test_an_issue_of_a_single_bar_counts_only_where_the_symbol_was_held(kind):
    found = [issue(kind, "A"), issue(kind, "B")]
    assert summarise_issues(found) == ()
    assert summarise_issues(found, held=lambda finding: finding.symbol == "B") == (f"B is {kind}.",)
