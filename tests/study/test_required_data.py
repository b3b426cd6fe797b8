"""Required data: how much longer a history would have to be, by hand, and which claims no data decide."""

from dataclasses import replace

import pytest

from dipfolio.evidence.estimates import Estimate
from dipfolio.study.claims import CLAIMS
from dipfolio.study.history import History
from dipfolio.study.required_data import required_data
from dipfolio.study.verdicts import Verdict

BY_ID = {claim.id: claim for claim in CLAIMS}
TWO_YEARS = History(first="2024-01-02", last="2025-12-31", sessions=504)


def verdict_on(name, *, detectable, sample="all", smallest=0.001, family=7, history=TWO_YEARS, word="undecided"):
    found = Estimate(
        label="", observed=0.0, effect=0.0, p_value=0.4, smallest=smallest, detectable=detectable, sample=sample, observations=9
    )
    return Verdict(
        claim=BY_ID[name], word=word, reason="", primary=found, corrected=0.5, corrected_opposite=0.5, family=family,
        history=history,
    )  # fmt: skip


def test_a_third_of_the_effect_needs_nine_times_the_history():
    assert BY_ID["G1"].margin == 0.01
    assert required_data(verdict_on("G1", detectable=0.03)) == "An effect of 1 % would need about 18 years of such data."


def test_more_years_than_there_are_prices_are_no_data_at_all():
    needed = required_data(verdict_on("G1", detectable=0.1))
    assert needed == "An effect of 1 % would need about 200 years of such data, and daily prices exist for 97: no data could."


def test_nothing_is_needed_where_the_margin_could_have_been_found():
    assert required_data(verdict_on("G1", detectable=0.01)) == ""


@pytest.mark.parametrize("word", ["supported", "contradicted", "no effect", "not testable", "illustration"])
def test_nothing_is_needed_for_what_is_decided_or_not_asked_of_prices(word):
    assert required_data(verdict_on("G1", detectable=0.03, word=word)) == ""
    assert required_data(verdict_on("A7", detectable=0.03)) == ""  # the number of A1


def test_one_morning_stays_one_observation():
    assert required_data(verdict_on("A1", detectable=0.04, sample="event")).startswith("One morning is one observation")


def test_a_rank_among_few_drops_needs_as_many_as_the_correction_asks_for():
    found = required_data(verdict_on("A2", detectable=float("nan"), sample="event", smallest=1 / 9))
    assert found == "8 other drops are compared; 139 would be needed, so 17 times the history."


def test_a_rule_without_a_test_needs_a_longer_history_and_a_trade_an_end():
    assert "--since 1999" in required_data(verdict_on("G1", detectable=float("nan")))
    open_trade = replace(verdict_on("A8", detectable=0.1), primary=None)
    assert required_data(open_trade) == "The trade has to end within the data."
    assert "--since 1999" in required_data(replace(verdict_on("G3", detectable=0.1), primary=None))


def test_results_evenings_need_a_table_of_dates():
    assert "many quarters" in required_data(verdict_on("A4a", detectable=float("nan")))
