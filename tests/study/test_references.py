"""References: papers, rules and reports can be found, and each claim has its own."""

import re

import pytest

from dipfolio.study.claims import CLAIMS
from dipfolio.study.references import FACT_REFERENCES, HINDSIGHT_ITEMS, PAPERS, applies_to, hindsight_for, references_for


@pytest.mark.slow
def test_each_paper_has_authors_a_year_a_title_a_venue_and_a_doi_where_there_is_one():
    without = {"Event study", "Several names", "Independent variants"}  # published without one
    for paper in PAPERS:
        assert re.match(r"[A-ZL][^(]+, [A-Z]\..* \((19|20)\d\d\), [A-Z][^,]+", paper.reference), paper.topic
        assert ("doi:10." in paper.reference) == (paper.topic not in without), paper.topic
        assert re.search(r"\d+-\d+", paper.reference), paper.topic


@pytest.mark.slow
def test_rules_and_fees_have_their_numbers_and_reports_their_outlets():
    said = {source.topic: source.reference for source in FACT_REFERENCES}
    assert "17 CFR 242.201" in said["Short-sale price test"]
    assert "Release No. 34-61595" in said["Short-sale price test"]
    assert "12 CFR 220.12" in said["Margin"]
    assert "Rule 4210(c)" in said["Margin"]
    assert "Federal Register document 2025-06214" in said["Fees on sales"]
    assert "SR-FINRA-2024-019" in said["Fees on sales"]
    assert all(source.reference.endswith(".") for source in FACT_REFERENCES)


def test_a_label_or_its_first_letter_is_enough():
    assert applies_to(("A",), "A4b")
    assert applies_to(("A4b", "G1"), "A4b")
    assert not applies_to(("A4a", "B"), "A4b")
    assert not applies_to((), "A4b")


def test_costs_of_trading_and_of_shorts_are_sources_of_those_who_have_them_alone():
    def topics(**terms):
        return {source.topic for source in references_for("G8", **terms)}

    idle, long, short = (topics(trades=trades, shorts=shorts) for trades, shorts in ((False, False), (True, False), (True, True)))
    assert long - idle == {"Fees on sales"}
    assert short - long == {"Borrow fee", "Margin"}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_facts_come_before_papers_and_hindsight_in_the_order_of_the_register(claim):
    found = references_for(claim.id, trades=True, shorts=True)
    places = [(*FACT_REFERENCES, *PAPERS).index(source) for source in found]
    assert places == sorted(places)
    items = [HINDSIGHT_ITEMS.index(item) for item in hindsight_for(claim.id)]
    assert items == sorted(items)
    assert {"The event", "The data"} <= {item.what for item in hindsight_for(claim.id)}


def test_every_label_of_a_source_or_an_item_is_a_claim_or_a_group():
    known = {claim.id for claim in CLAIMS} | {claim.id[0] for claim in CLAIMS}
    for entry in (*FACT_REFERENCES, *PAPERS, *HINDSIGHT_ITEMS):
        assert set(entry.claims) <= known, entry
