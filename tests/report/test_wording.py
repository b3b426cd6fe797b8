"""Wording: how a number is written."""

import math

import pytest

from dipfolio.engine.metrics import measure
from dipfolio.report.wording import count, money, part, percent, ratio, remarks
from tests.runs import run


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "+12.34 %"), (-0.5, "-50.00 %"), (0.0, "+0.00 %"), (12.5, "+1250.00 %"), (math.nan, "-")],
)
def test_a_percentage_has_a_sign(value, text):
    assert percent(value) == text


def test_the_places_of_a_percentage_can_be_chosen():
    assert percent(-0.1234, 1) == "-12.3 %"


@pytest.mark.parametrize("value", [-1e-9, -0.0])
def test_what_rounds_to_zero_is_not_negative(value):
    assert percent(value) == "+0.00 %"
    assert money(value) == "$0.00"
    assert ratio(value) == "0.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_012_745.291, "$1,012,745.29"), (-12_345.6, "-$12,345.60"), (0, "$0.00"), (-0.004, "$0.00"), (-0.006, "-$0.01")],
)
def test_money_has_thousands_separators_and_its_sign_before_the_dollar(value, text):
    assert money(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.5833, "58.3 %"), (0, "0.0 %"), (1, "100.0 %"), (math.nan, "-")])
def test_a_part_has_no_sign(value, text):
    assert part(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.249, "0.25"), (-1.5, "-1.50"), (math.nan, "-")])
def test_a_ratio_has_two_places(value, text):
    assert ratio(value) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 orders"), (1, "1 order"), (12, "12 orders")])
def test_a_number_has_its_noun(number, text):
    assert count(number, "order") == text


def test_few_entry_dates_and_idle_cash_are_remarked_upon():
    from dataclasses import replace

    from dipfolio.engine.metrics import measure
    from dipfolio.engine.simulation import simulate
    from dipfolio.report.wording import remarks
    from tests.ideas import script
    from tests.markets import make_bars

    bars = make_bars({"A": [100.0] * 40, "M": [100.0] * 40})
    result = simulate(script({0: {"A": 1}, 2: {"A": 0}, 9: {"A": 1}, 10: {"A": 0}}), bars, benchmark="M")
    metrics = measure(result)
    said = " ".join(remarks(result, metrics))
    assert "All trades were entered in 2 sessions: 2 observations at the most" in said
    assert "In cash for 87.5 % of the sessions, the benchmark never" in said  # in the market in sessions 1-3 and 10-11
    assert "observation" not in " ".join(remarks(result, replace(metrics, entry_dates=10)))
    assert "In cash" not in " ".join(remarks(replace(result, benchmark=""), metrics))


def test_a_short_window_is_told_to_be_extrapolated():
    result = run()
    assert "A window of 12 sessions: what is told a year is an extrapolation." in remarks(result, measure(result))
