"""Options: from a dataclass to the words of a command line."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

import click
import pytest

from dipfolio.cli.options import BenchmarkType, DateType, FractionType, SectionedCommand, SymbolsType, TaxRateType, options_of
from dipfolio.engine.account import Account
from dipfolio.engine.parameters import parameter
from dipfolio.report.run_record import option_arguments


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
    with pytest.raises(click.BadParameter, match="is no date; write it as 2024-12-31"):
        DateType().convert(word, None, None)


def test_a_date_stays_a_date():
    assert DateType().convert(date(2025, 1, 27), None, None) == date(2025, 1, 27)


def test_the_help_has_a_section_for_each_record(capsys):
    command = SectionedCommand("idea", params=[*options_of(Idea, "First")[:2], *options_of(Idea, "Second")[2:]])
    command.main(["--help"], standalone_mode=False)
    out = re.sub(" +", " ", capsys.readouterr().out)
    assert "First:\n --hold-for INTEGER sessions [default: 5]\n --drop FLOAT a fraction [default: 0.03]\n" in out
    assert "Second:\n --loud / --no-loud say more [default: no-loud]\n" in out
    assert "Other:\n --help" in out


@pytest.mark.parametrize(("text", "expected"), [("0.003", 0.003), ("0.35%", 0.0035), ("35%", 0.35), ("300 %", 3.0)])
def test_a_rate_of_an_account_is_a_fraction_or_has_the_sign_of_per_cent(text, expected):
    command = SectionedCommand("account", callback=lambda **values: values, params=options_of(Account, "Account"))
    assert command.main(["--borrow-rate", text], standalone_mode=False)["borrow_rate"] == expected


@pytest.mark.parametrize("option", ["--borrow-rate", "--debit-rate"])
def test_a_rate_above_fifteen_per_cent_is_asked_for(option):
    command = SectionedCommand("account", callback=lambda **values: values, params=options_of(Account, "Account"))
    with pytest.raises(
        click.BadParameter, match=f"0.35 as {option} is a fraction, 35% a year; write 0.35% for 0.35 per cent, or 35%"
    ):
        command.main([option, "0.35"], standalone_mode=False)


def test_the_words_of_a_command_with_a_high_rate_give_that_rate_again():
    command = SectionedCommand("account", callback=lambda **values: values, params=options_of(Account, "Account"))
    words = option_arguments({"borrow_rate": 0.3501})
    assert words == ["--borrow-rate", "35.01%"]
    assert command.main(words, standalone_mode=False)["borrow_rate"] == 0.3501


def test_a_benchmark_may_be_written_in_small_letters():
    assert BenchmarkType().convert("spy", None, None) == "SPY"
    assert BenchmarkType().convert("None", None, None) == ""


@pytest.mark.parametrize("text", ["nvda,smh", "NVDA, smh", "NVDA,SMH"])
def test_a_universe_has_one_spelling_however_it_is_typed(text):
    @dataclass(frozen=True, kw_only=True)
    class Traded:
        universe: str = parameter("article", help="what to trade")

    command = SectionedCommand("traded", callback=lambda **values: values, params=options_of(Traded, "Traded"))
    assert command.main(["--universe", text], standalone_mode=False) == {"universe": "NVDA,SMH"}
    assert command.main([], standalone_mode=False) == {"universe": "article"}


@pytest.mark.parametrize(
    ("word", "symbols"), [("qqq, SMH,qqq", ("QQQ", "SMH")), ("None", ()), ("", ()), ("^gspc", ("^GSPC",)), (("A",), ("A",))]
)
def test_symbols_are_a_tuple_in_capitals_each_once(word, symbols):
    assert SymbolsType().convert(word, None, None) == symbols


@pytest.mark.parametrize(
    ("word", "part"), [("0.01", 0.01), ("1%", 0.01), ("-2.5 %", -0.025), ("0", 0.0), ("150%", 1.5), (0.25, 0.25)]
)
def test_a_part_is_a_fraction_or_per_cent(word, part):
    assert FractionType().convert(word, None, None) == pytest.approx(part, abs=1e-15)


@pytest.mark.parametrize(("word", "remedy"), [("5", "0.05 or 5%"), ("-1", "-0.01 or -1%"), ("37", "0.37 or 37%")])
def test_what_may_be_a_fraction_or_per_cent_is_refused_with_both_ways_to_write_it(word, remedy):
    with pytest.raises(click.BadParameter, match=f"'{word}' may be a fraction or per cent; write it as {remedy}"):
        FractionType().convert(word, None, None)


@pytest.mark.parametrize("word", ["nan", "inf%", "much", "%", "1,5%"])
def test_what_is_no_fraction_is_refused(word):
    with pytest.raises(click.BadParameter, match=r"is no fraction; write it as 0\.01 or 1%"):
        FractionType().convert(word, None, None)


@pytest.mark.parametrize(("word", "rate"), [("0.37", 0.37), ("37%", 0.37), ("0", 0.0), (0.2, 0.2)])
def test_a_tax_rate_is_a_fraction_or_per_cent(word, rate):
    assert TaxRateType().convert(word, None, None) == pytest.approx(rate, abs=1e-15)


@pytest.mark.parametrize("word", ["37", "-0.1", "100%", "150%", "nan", "much"])
def test_what_is_no_tax_rate_is_refused(word):
    with pytest.raises(click.BadParameter, match="write it as"):
        TaxRateType().convert(word, None, None)
