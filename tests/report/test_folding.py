"""Folding: nothing is cut for a file, and no line is wider than the screen."""

import io

import pytest

from dipfolio.report.folding import columns_of, folded

TEXT = "The most extreme outcome would not have been enough: p = 0.024 x 7 claims."


@pytest.mark.parametrize("columns", [30, 40, 79, 80, 200])
def test_lines_fit_and_lose_no_word(columns):
    lines = folded(TEXT, 6, columns).split("\n")
    assert max(map(len, lines)) <= columns
    assert all(line.startswith(" " * 6) for line in lines)
    assert " ".join(line.strip() for line in lines) == TEXT


def test_without_a_screen_there_is_one_line():
    assert folded(TEXT, 2, None) == f"  {TEXT}"


def test_a_word_wider_than_the_screen_stays_whole():
    assert "x" * 60 in folded(f"see {'x' * 60} there", 0, 40)


def test_only_a_terminal_has_columns(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "80")
    assert columns_of(Terminal()) == 80
    assert columns_of(io.StringIO()) is None
