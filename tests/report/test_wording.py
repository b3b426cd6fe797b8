"""Wording: how a number is written."""

import math

import pytest

from dipfolio.report.wording import count, money, part, percent, ratio


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
