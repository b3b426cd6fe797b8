"""Numbers and lines as text: signs, units and nouns, and no line wider than the screen."""

import io
import math

import pytest

from dipfolio.report.format import count, money, percent, ratio, terminal_columns, unsigned_percent, wrap_text

TEXT = "The most extreme outcome would not have been enough: p = 0.024 x 7 claims."


@pytest.mark.parametrize("columns", [30, 40, 79, 80, 200])
def test_lines_fit_and_lose_no_word(columns):
    lines = wrap_text(TEXT, 6, columns).split("\n")
    assert max(map(len, lines)) <= columns
    assert all(line.startswith(" " * 6) for line in lines)
    assert " ".join(line.strip() for line in lines) == TEXT


def test_without_a_screen_there_is_one_line():
    assert wrap_text(TEXT, 2, None) == f"  {TEXT}"


def test_a_word_wider_than_the_screen_stays_whole():
    assert "x" * 60 in wrap_text(f"see {'x' * 60} there", 0, 40)


def test_only_a_terminal_has_columns(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "80")
    assert terminal_columns(Terminal()) == 80
    assert terminal_columns(io.StringIO()) is None


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
    assert unsigned_percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.249, "0.25"), (-1.5, "-1.50"), (math.nan, "-")])
def test_a_ratio_has_two_places(value, text):
    assert ratio(value) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 orders"), (1, "1 order"), (12, "12 orders")])
def test_a_number_has_its_noun(number, text):
    assert count(number, "order") == text
