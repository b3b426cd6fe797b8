"""The evidence page: answer, chart, numbers, then the rest; text stays text, and nothing is loaded."""

import math
import re
from dataclasses import replace

import pytest

from dipfolio.evidence.assessment import HINDSIGHT_LIMITATION
from dipfolio.report.assessment_summary import assessment_answer
from dipfolio.report.evidence_page import METHOD_PARAGRAPHS, axis_ticks, evidence_page, forest, numbers_table
from tests.report.comparison.test_page import HOSTILE
from tests.report.test_assessment_summary import FEW, RULE, assessed
from tests.support.tear_sheets import Page


def test_marks_of_an_axis_are_round_and_have_zero():
    values, texts = zip(*axis_ticks(-0.021, 0.029), strict=True)
    assert values == pytest.approx((-0.02, -0.01, 0.0, 0.01, 0.02))
    assert texts == ("-2 %", "-1 %", "0 %", "+1 %", "+2 %")
    assert [text for _, text in axis_ticks(-0.0006, 0.0004)] == ["-0.06 %", "-0.04 %", "-0.02 %", "0 %", "+0.02 %", "+0.04 %"]
    assert [text for _, text in axis_ticks(-0.9, 4.1)] == ["0 %", "+100 %", "+200 %", "+300 %", "+400 %"]


def test_positions_of_the_chart_by_hand():
    one = replace(RULE, effect=0.01, low=-0.01, high=0.03, detectable=0.09)
    found = forest("Effect", (one, FEW), one)
    # from -0.01 to 0.09 with 5 % of that at both ends: -0.015 to 0.095, so 0 lies at 15 / 110
    first, second = found.rows
    assert found.zero == "13.64"
    assert (first.low, first.effect, first.high, first.detectable) == ("4.55", "22.73", "40.91", "95.45")
    assert (first.value, first.main) == ("+1.00 % (-1.00 to +3.00 %)", True)
    assert (second.low, second.high, second.detectable, second.value, second.main) == ("", "", "", "+0.89 %, no interval", False)
    assert forest("Effect", (), None) is None
    assert forest("Effect", (replace(RULE, effect=math.nan),), None) is None
    still = forest("Effect", (replace(FEW, effect=0.0),), None)
    assert (still.zero, still.rows[0].effect) == ("50.00", "50.00")


def test_the_page_has_the_answer_then_the_chart_then_the_numbers_then_the_rest():
    examined = assessed(RULE, FEW, limitations=("A limit.", HINDSIGHT_LIMITATION))
    page = evidence_page(replace(examined, split_sentence="Split at a date."))
    order = ['<p class="answer">', "<figure", "<svg", "Split at a date.", "<h2>Numbers", "<table",
             "<h2>What these tests cannot say", "A limit.", "<h2>Method", "docs/calibration.md", "<h2>Data"]  # fmt: skip
    places = [page.index(mark) for mark in order]
    assert places == sorted(places)
    read = Page(page)
    assert assessment_answer(examined) in read.text.replace("\xa0", " ")
    assert all(paragraph in read.text for paragraph in METHOD_PARAGRAPHS["rule"])
    caption = page[page.index("<caption>") : page.index("</caption>")]
    assert HINDSIGHT_LIMITATION in caption


def test_every_number_is_in_the_table_and_undecided_is_said_apart():
    read = Page(evidence_page(assessed(RULE, FEW)))
    assert read.row("every date") == [
        "every date", "the sessions without a position", "No effect found, and the data could have found one of 1.90 %.",
        "+1.83 %", "+0.50 %", "+0.89 %", "-0.60 to +2.40 %", "0.120", "0.880", "+1.90 %", "60", "14",
    ]  # fmt: skip
    found = read.row("before 2021-01-01")
    assert found[2].startswith("The data cannot find any plausible effect, as a test needs 1,000 sessions of data and 8 signals")
    assert found[6:10] == ["-"] * 4
    assert numbers_table((), "rule") is None


def test_the_column_of_the_usual_says_what_it_is():
    assert "Same trade on all dates" in evidence_page(assessed(RULE))
    trades = Page(evidence_page(assessed(RULE, way="trades")))
    assert trades.row("Test")[4] == "Usual"


def test_without_a_test_the_table_says_nothing_of_p_values():
    page = evidence_page(assessed(FEW))
    assert HINDSIGHT_LIMITATION not in page[page.index("<caption>") : page.index("</caption>")]


def test_a_run_without_trades_has_a_page_without_chart_and_table():
    page = evidence_page(assessed(way="nothing", trades=0))
    assert "nothing to test" in page
    assert "<figure" not in page
    assert "<table" not in page


def test_a_difference_a_year_has_a_chart_and_a_method_of_its_own():
    held = replace(RULE, label="mean return a year, after costs", against="SPY held all the time", p_value=math.nan)
    page = evidence_page(assessed(RULE, held))
    assert page.count("<figure") == 2
    assert "benchmark held all the time. The interval" in Page(page).text.replace("\n", " ")


def test_links_stand_only_where_they_lead_somewhere():
    assert 'href="tearsheet.html"' in evidence_page(assessed(RULE), tear_sheet=True)
    assert '<a href="../../docs/calibration.md">' in evidence_page(assessed(RULE), calibration="../../docs/calibration.md")
    bare = Page(evidence_page(assessed(RULE)))
    assert [value for tag, name, value in bare.attributes if tag == "a" and name == "href"] == ["#main", "../index.html"]


def test_the_page_loads_nothing_and_equal_data_give_equal_bytes():
    page = evidence_page(assessed(RULE, FEW))
    assert page == evidence_page(assessed(RULE, FEW))
    assert not {"link", "img", "iframe", "object"} & set(Page(page).tags)
    assert [name for _, name, _ in Page(page).attributes if name == "src"] == []
    assert "default-src &#39;none&#39;" in page
    assert "http" not in re.sub(r"<script>.*?</script>|http-equiv", "", page, flags=re.DOTALL)


def test_hostile_text_stays_text():
    examined = assessed(replace(RULE, label=HOSTILE, against=HOSTILE), limitations=(HOSTILE,))
    origin = replace(examined.result.provenance.origin, source=HOSTILE, path=HOSTILE)
    result = replace(
        examined.result, strategy=HOSTILE, title=HOSTILE, changed={HOSTILE: HOSTILE}, parameters={HOSTILE: HOSTILE},
        provenance=replace(examined.result.provenance, origin=origin),
    )  # fmt: skip
    page = evidence_page(replace(examined, result=result, split_sentence=HOSTILE), calibration='"><img src=x>')
    assert "<img" not in page
    assert "<b>'" not in page
    assert page.count("</script>") == 1
    assert HOSTILE in Page(page).text
