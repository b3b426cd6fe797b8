"""Universe: the groups of the article, word by word, and what is refused."""

from pathlib import Path

import pytest

from dipfolio.data.folder import available_symbols
from dipfolio.data.instruments import instrument
from dipfolio.data.universe import UNIVERSES, resolve
from dipfolio.errors import ParameterError, UnknownNameError

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
