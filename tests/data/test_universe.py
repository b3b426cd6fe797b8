"""Universe: the groups of the article, word by word, and what is refused."""

from pathlib import Path

import pytest

from dipfolio.data.folder import available_symbols
from dipfolio.data.instruments import instrument
from dipfolio.data.universe import UNIVERSES, canonical_universe, resolve
from dipfolio.errors import DataError, MissingFileError, ParameterError, UnknownNameError

DATA = Path(__file__).parents[2] / "data"
GROUPS = {
    "article": "META NVDA AAPL TSLA GOOG AMZN MSFT SMH TSM AVGO ARM ORCL",
    "magnificent-seven": "META NVDA AAPL TSLA GOOG AMZN MSFT",
    "hyperscalers": "MSFT META GOOG AMZN",
    "chipmakers": "NVDA AVGO TSM ARM",
    "stargate": "ARM MSFT ORCL NVDA TSM",
}
HISTORY = (
    "META NVDA AAPL TSLA GOOG AMZN MSFT SMH TSM AVGO ARM ORCL SPY QQQ ^GSPC ^IXIC ^VIX ^IRX AMD INTC MU QCOM TXN ASML CSCO IBM "
    "XLK SOXX KWEB FXI"
)


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_has_the_symbols_of_the_article_in_its_order(name):
    assert resolve(name) == tuple(GROUPS[name].split())


def test_the_group_of_what_is_fetched_for_long_histories():
    assert resolve("history") == tuple(HISTORY.split())
    assert set(available_symbols(DATA)) <= set(resolve("history"))


def test_it_is_known_what_each_series_of_the_long_histories_is():
    assert [symbol for symbol in resolve("history") if not instrument(symbol).description] == []


def test_there_are_no_other_groups():
    assert set(UNIVERSES) == {*GROUPS, "history"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NVDA", ("NVDA",)),
        ("NVDA,SMH", ("NVDA", "SMH")),
        (" SMH , NVDA ,", ("SMH", "NVDA")),
        ("BRK.B", ("BRK.B",)),
        ("nvda, Smh", ("NVDA", "SMH")),
        ("brk-b", ("BRK-B",)),
    ],
)
def test_a_list_of_symbols_is_taken_in_the_order_given(text, expected):
    assert resolve(text) == expected


@pytest.mark.parametrize("typo", ["articel", "hyperscaler", "chip-makers"])
def test_a_misspelt_group_is_refused_with_the_nearest_name(typo):
    nearest = {"articel": "article", "hyperscaler": "hyperscalers", "chip-makers": "chipmakers"}[typo]
    with pytest.raises(UnknownNameError, match=f"There is no universe '{typo}'. Did you mean '{nearest}'?"):
        resolve(typo)


def test_a_group_written_with_a_capital_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="Did you mean 'stargate'"):
        resolve("Stargate")


@pytest.mark.parametrize("empty", ["", " ", ",", " , ,"])
def test_an_empty_universe_is_refused(empty):
    with pytest.raises(ParameterError, match="at least one symbol"):
        resolve(empty)


def test_a_symbol_named_twice_is_refused():
    with pytest.raises(ParameterError, match="names a symbol twice"):
        resolve("NVDA,SMH,NVDA")


def names(folder, text, name="names.txt"):
    """A text file of symbols, as the universe that names it."""
    (folder / name).write_text(text, encoding="utf-8")
    return f"@{folder / name}"


@pytest.mark.parametrize(
    "text",
    [
        "NVDA\nSMH\nBRK-B\n",
        "NVDA,SMH,BRK-B",
        "# chips\nnvda, Smh  # and a fund\n\n  brk-b\n",
        "\ufeffNVDA\r\nSMH\r\nBRK-B",
        "NVDA SMH\tBRK-B",
    ],
)
def test_a_file_has_one_symbol_a_line_or_several_and_comments(tmp_path, text):
    assert resolve(names(tmp_path, text)) == ("NVDA", "SMH", "BRK-B")


def test_a_file_is_read_again_and_never_remembered(tmp_path):
    universe = names(tmp_path, "NVDA")
    assert resolve(universe) == ("NVDA",)
    names(tmp_path, "SMH")
    assert resolve(universe) == ("SMH",)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", " , ,\n"])
def test_a_file_without_a_symbol_is_refused_in_one_line(tmp_path, text):
    with pytest.raises(ParameterError, match=r"names\.txt has no symbol; write one on each line") as refused:
        resolve(names(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"There is no file .*nowhere\.txt of symbols; @names\.txt names a text file"):
        resolve(f"@{tmp_path / 'nowhere.txt'}")


def test_a_file_that_names_a_symbol_twice_says_which(tmp_path):
    with pytest.raises(ParameterError, match="names SMH twice"):
        resolve(names(tmp_path, "NVDA\nSMH\nsmh\n"))


def test_a_file_that_is_no_text_and_a_folder_are_refused_in_one_line(tmp_path):
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00NVDA")
    with pytest.raises(DataError, match=r"names\.txt is no text; write one symbol on each line"):
        resolve(f"@{tmp_path / 'names.txt'}")
    with pytest.raises(DataError, match="cannot be read as a list of symbols: Is a directory"):
        resolve(f"@{tmp_path}")


def test_a_universe_of_a_file_and_of_every_symbol_has_one_spelling():
    assert canonical_universe(" @lists/Names.txt ") == "@lists/Names.txt"
    assert canonical_universe(" @Universe") == "@universe"
    assert canonical_universe(" all ") == "all"
    assert canonical_universe("ALL") == "ALL"


def test_every_symbol_and_dated_members_are_known_to_the_bars_alone_and_a_share_is_in_capitals():
    assert resolve("all") == ("all",)
    assert resolve("@universe") == ("@universe",)
    assert resolve("ALL") == ("ALL",)
