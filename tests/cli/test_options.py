"""Options: from a dataclass to the words of a command line."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

import click
import pytest

from dipfolio.cli.options import Day, SectionedCommand, options_of
from dipfolio.engine.parameter import parameter


@dataclass(frozen=True, kw_only=True)
class Idea:
    """One parameter of every kind."""

    hold_for: int = parameter(5, help="sessions")
    drop: float = parameter(0.03, help="a fraction")
    loud: bool = parameter(False, help="say more")
    symbol: str = parameter("NVDA", help="what to trade")
    day: date = parameter(date(2025, 1, 27), help="when")
    fill: Literal["open", "close"] = parameter("open", help="where")


def parsed(*words):
    command = SectionedCommand("idea", callback=lambda **values: values, params=options_of(Idea, "Idea"))
    return command.main(list(words), standalone_mode=False)


def test_without_a_word_the_defaults_are_used():
    defaults = {"hold_for": 5, "drop": 0.03, "loud": False, "symbol": "NVDA", "day": date(2025, 1, 27), "fill": "open"}
    assert parsed() == defaults


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--hold-for", "7"], "hold_for", 7),
        (["--drop", "1e-3"], "drop", 0.001),
        (["--loud"], "loud", True),
        (["--no-loud"], "loud", False),
        (["--symbol", "a b"], "symbol", "a b"),
        (["--day", "2024-02-29"], "day", date(2024, 2, 29)),
        (["--fill", "close"], "fill", "close"),
    ],
)
def test_a_word_becomes_a_value_of_the_kind(words, name, value):
    found = parsed(*words)[name]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("word", ["2025-02-29", "27/01/2025", "", "today"])
def test_what_is_no_date_is_refused_with_an_example(word):
    with pytest.raises(click.BadParameter, match="is no date; write it as 2025-01-27"):
        Day().convert(word, None, None)


def test_a_date_stays_a_date():
    assert Day().convert(date(2025, 1, 27), None, None) == date(2025, 1, 27)


def test_the_help_has_a_section_for_each_record(capsys):
    command = SectionedCommand("idea", params=[*options_of(Idea, "First")[:2], *options_of(Idea, "Second")[2:]])
    command.main(["--help"], standalone_mode=False)
    out = re.sub(" +", " ", capsys.readouterr().out)
    assert "First:\n --hold-for INTEGER sessions [default: 5]\n --drop FLOAT a fraction [default: 0.03]\n" in out
    assert "Second:\n --loud / --no-loud say more [default: no-loud]\n" in out
    assert "Other:\n --help" in out
