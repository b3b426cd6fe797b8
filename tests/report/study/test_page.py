"""Thesis: the page as text - the facts, the verdicts as recorded, and that nothing in it is more than text."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.report.run_record import tearsheet_link
from dipfolio.report.study.opening import opening_panels
from dipfolio.report.study.page import CLAIM_GROUPS, json_numbers, thesis_chart_data, thesis_page
from dipfolio.report.study.sections import describe_event_day
from dipfolio.report.study.tables import verdict_texts
from dipfolio.report.terminal import open_questions, outcome_counts, print_thesis, undecidable_questions, verdict_counts
from dipfolio.study.claims import CLAIMS
from dipfolio.study.details import analyse_event_day, claim_details
from dipfolio.study.event_day import Move
from dipfolio.study.required_data import required_data
from dipfolio.study.verdicts import judge_claims
from tests.support.tear_sheets import Page, without_plotly

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
STRATEGIES = ROOT / "strategies"
HOSTILE = "</script><img src=x onerror=alert(1)>{{ names }}&<b>'\""
SOME = ("A0", "A1", "A2", "A7", "A9", "B1", "K1", "G1", "G2")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def thesis(bars):
    return judge_claims(bars, STRATEGIES, contests=False).only(SOME)


@pytest.fixture(scope="module")
def gathered(thesis, bars):
    return claim_details(thesis, bars, STRATEGIES)


@pytest.fixture(scope="module")
def html(thesis, gathered, bars):
    return without_plotly(thesis_page(thesis, gathered, analyse_event_day(bars), bars.provenance, Path("nowhere")))


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def rows(page, label):
    return [row for row in page.rows if row and row[0] == label]


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("NVDA", "-16.97 %"), ("AVGO", "-17.40 %"), ("TSM", "-13.33 %"), ("ORCL", "-13.79 %"), ("SMH", "-9.83 %"),
        ("ARM", "-10.19 %"), ("AAPL", "+3.18 %"), ("META", "+1.91 %"), ("AMZN", "+0.24 %"),
    ],
)  # fmt: skip
def test_the_closes_of_the_day_are_on_the_page(page, name, close):
    assert rows(page, name)[0][1] == close


def test_nvda_beyond_the_market_and_its_recovery_are_on_the_page(page):
    assert rows(page, "NVDA")[0][4:7] == ["2.67", "-13.37 %", "-5.15"]
    assert ["NVDA", "2025-06-09", "92", "-20.4 %"] in page.rows
    assert ["META", "never below at a close", "0", "-"] in page.rows


def test_each_claim_stands_in_the_table_with_the_numbers_of_its_record(page, thesis):
    for verdict in thesis.verdicts:
        shown = verdict_texts(verdict, thesis.happened.of(verdict.claim.id))
        (row,) = rows(page, f"{shown.id}{shown.sentence}")
        assert row[1].startswith(shown.came if shown.came != "a rule" else "a rule, about many dates")
        assert row[2].startswith(shown.luck)
        assert row[3:] == [shown.effect, shown.interval, shown.p_value, shown.corrected, shown.detectable]


def test_the_same_number_is_said_and_not_counted(page, thesis):
    assert not verdict_texts(thesis["A7"]).told
    assert "The same number as A1, counted once." in page.text
    assert verdict_counts(thesis) == (
        "More than luck? 8 claims of 42, corrected for all: 1 more than luck, 2 no effect found, 3 data cannot tell, "
        "1 prices do not answer, 1 illustration; 1 more repeats the number of another claim."
    )
    assert outcome_counts(thesis) == ("Did it come true? 7 claims about 2025: 2 came true, 4 partly, 1 prices cannot say.")


def page_of(html, claim):
    """The page of one claim as HTML."""
    part = html[html.index(f'<article class="view claim" id="{claim}"') :]
    return part[: part.index("</article>")]


def test_no_ratio_of_a_single_event_is_told(html):
    for claim in ("A1", "A2", "B1", "K1"):
        assert "Sharpe" not in page_of(html, claim)
    assert "Sharpe" in page_of(html, "G1")


def test_each_claim_is_a_page_of_its_own_with_its_neighbours(html):
    assert html.count('<article class="view claim"') == len(SOME)
    b1 = page_of(html, "B1")
    assert b1.count('<a href="#A9" rel="prev">Previous: A9</a><a href="#K1" rel="next">Next: K1</a>') == 2
    assert 'rel="prev"' not in page_of(html, "A0")
    assert 'rel="next"' not in page_of(html, "G2")
    for part in ("costs-B1", "borrow-B1", "names-B1", "recoveries-B1", "path-B1", "course-B1", "equity-B1", "estimates-B1"):
        assert f'id="{part}"' in b1
    assert "<h3>Hindsight</h3>" in b1
    assert "Release No. 34-61595" in b1
    assert "Sub-baskets</dt><dd>It is about NVDA and no group of names." in b1


def test_what_cannot_be_decided_or_asked_is_told_with_the_reason(page, thesis):
    (line,) = [line for line in undecidable_questions(thesis) if line.startswith("A2")]
    assert line in page.text
    assert "Prices say what buyers thought, not what the model cost." in page.text
    assert "Reported after the fact by one who won" in page.text


def test_the_three_kinds_of_undecided_stand_apart_with_what_could_have_been_found(page, thesis):
    titles = [title for title, _ in open_questions(thesis)]
    assert [title.split(";")[0] for title in titles] == [
        "No effect found", "The data cannot find any plausible effect", "Prices do not answer",
    ]  # fmt: skip
    found, not_possible, unanswered = (lines for _, lines in open_questions(thesis))
    detectable = {name: f"{name} {100 * thesis[name].primary.detectable:+.2f} %" for name in ("A1", "B1")}
    sentence = required_data(thesis["A1"])
    assert sentence.startswith("One morning is one observation")
    assert found == (f"{detectable['A1']}, {detectable['B1']}: {sentence[0].lower()}{sentence[1:]}",)
    assert not_possible[0].startswith("A2: the smallest p-value")
    assert not_possible[1].startswith("G1, G2: the data are too few for a test")
    assert unanswered == ("A9: Prices say what buyers thought, not what the model cost.",)
    for title in titles:
        assert title in page.text


def test_the_page_opens_with_five_sentences_and_the_table_comes_after_them(html, thesis):
    places = [html.index(f"<h3>{panel.title}</h3>") for panel in opening_panels(thesis)]
    assert len(places) == 5
    assert places == sorted(places)
    assert html.count('<svg class="pic"') >= 5
    assert places[-1] < html.index("<h2>The claims</h2>") < html.index('id="verdict-table"') < html.index('id="day"')
    for number in ("$53,460 at Monday", "$72,600 at Monday", "lost 14.5\xa0% on average", "after 5 sessions"):
        assert number in html


def test_a_claim_is_never_called_not_testable_beside_dollars(html):
    k1 = page_of(html, "K1")
    assert "+$53,460" in k1
    assert "illustration" in k1
    assert 'id="money-K1"' in k1
    assert "testable" not in html.replace("Not testable", "").split('id="hindsight"')[0]


def test_a_claim_page_has_its_two_answers_first(html):
    a1 = page_of(html, "A1")
    assert a1.index("Did it come true?") < a1.index("partly") < a1.index("More than luck?") < a1.index("no effect found")
    assert "Rule: The twelve, bought in equal dollars at Monday&#39;s open, have a gain after 5, 20 and 60 sessions." in a1
    assert "<td>+1.35 %, +$1,352</td>" in a1
    assert "Did it come true?" not in page_of(html, "G1")


@pytest.mark.parametrize("word", ["told", "made good", "Mind:", "Not on this page", "thrown", "figures"])
def test_the_page_has_no_private_words(page, word):
    assert not re.search(rf"\b{word}", page.text)


def test_sensitivities_are_those_of_the_dossier(page, gathered):
    b1 = next(d for d in gathered if d.verdict.claim.id == "B1")
    g1 = next(d for d in gathered if d.verdict.claim.id == "G1")
    mean = {(c.entry, c.slippage_bps): f"{100 * c.mean_trade:+.2f} %" for c in g1.sensitivities if c.varied == "cost"}
    for entry in ("next open", "next close", "second open"):
        assert [entry.capitalize(), *(mean[entry, slippage] for slippage in (0.0, 5.0, 20.0))] in page.rows
    cells = {(c.entry, c.slippage_bps): f"{100 * c.profit:+.2f} %" for c in b1.sensitivities if c.borrow_rate == 0.003}
    for entry in ("Monday's open", "Monday's close", "Tuesday's open"):
        wanted = [entry, *(cells[entry, slippage] for slippage in (0.0, 5.0, 20.0))]
        assert wanted in page.rows
    assert ["A year", "0.3 %", "1.0 %", "3.0 %", "5.0 %"] in page.rows


def test_the_charts_have_the_numbers_of_the_dossier(gathered, bars):
    data = json.loads(thesis_chart_data(gathered, analyse_event_day(bars)))
    a1 = gathered[[d.verdict.claim.id for d in gathered].index("A1")]
    assert data["course"]["A1"]["value"] == json_numbers(a1.course.cumulative_returns)
    assert len(data["course"]["A1"]["parts"]) == 4
    assert data["course"]["A1"]["h"] == list(range(251))
    assert [value is not None for value in data["course"]["A1"]["value"]] == [h <= 234 for h in range(251)]
    assert (data["course"]["A1"]["reach"], data["path"]["A1"]["reach"]) == (57, 37)
    assert data["path"]["B1"]["value"][0] == pytest.approx(-0.1337, abs=5e-5)
    assert len(data["path"]["A1"]["parts"]) == 4
    assert len(data["day"]) == 5
    assert data["waiting"]["A2"]["event"] == 93
    around = data["equity"]["A1"]["days"]
    assert around[0] == "2025-01-17"
    assert data["equity"]["A1"]["market"][0] == 0
    assert data["equity"]["A1"]["value"][-1] == pytest.approx(a1.result.equity["equity"].iloc[-1] / 1e6 - 1, rel=1e-4)
    assert json_numbers([float("nan"), float("inf"), 1 / 3]) == [None, None, 0.33333]


def test_every_chart_has_words_and_every_scrolling_table_a_name(page):
    labels = [value for tag, name, value in page.attributes if name == "aria-label"]
    assert any(label.startswith("By holding time. after 0 sessions") and "after 5 sessions -0.04 %" in label for label in labels)
    assert any(label.startswith("Cumulative abnormal return. after 0 sessions -4.43 %") for label in labels)
    assert any("Chipmakers: after 0 sessions -10.96 %" in label for label in labels)
    assert all(labels)


def test_only_our_scripts_may_run_and_nothing_is_fetched(html):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
    assert "default-src 'none'" in policy.replace("&#39;", "'")
    links = re.findall(r'(?:src|href)="([^"#][^"]*)"', html)
    assert set(links) == {"index.html"}


def test_a_hostile_claim_is_text(thesis, gathered, bars):
    claim = replace(thesis["A1"].claim, sentence=HOSTILE, hypothesis=HOSTILE, remark=HOSTILE)
    verdict = replace(thesis["A1"], claim=claim, reason=HOSTILE)
    owned = replace(thesis, verdicts=(verdict,))
    html = without_plotly(thesis_page(owned, [replace(gathered[1], verdict=verdict)], None, bars.provenance, Path("nowhere")))
    assert "<img" not in html
    assert HOSTILE in Page(html).text


def test_figures_without_the_day_say_so(thesis, gathered, bars):
    assert "do not have that Monday" in thesis_page(thesis, gathered, None, bars.provenance, Path("nowhere"))


def test_the_same_record_gives_the_same_page(thesis, gathered, bars, html):
    again = thesis_page(thesis, gathered, analyse_event_day(bars), bars.provenance, Path("nowhere"))
    assert without_plotly(again) == html


def test_a_tear_sheet_is_linked_if_there_is_one_and_else_its_command_is_told(gathered, tmp_path):
    strategy, window = gathered[1].strategy, ("2024-01-02", "2025-12-31")
    bare = tearsheet_link(strategy, "QQQ", tmp_path, window)
    assert (bare.command, bare.link) == ("python backtest.py buy-the-dip --benchmark QQQ", "")
    assert (
        tearsheet_link(strategy, "SPY", tmp_path, window, "my data").command == "python backtest.py buy-the-dip --data 'my data'"
    )
    folder = tmp_path / "buy-the-dip--benchmark-QQQ"
    folder.mkdir()
    (folder / "tearsheet.html").write_text("x")
    (folder / "run.json").write_text('{"window": ["2024-01-02", "2025-12-31"]}')
    there = tearsheet_link(strategy, "QQQ", tmp_path, window)
    assert (there.link, there.remark) == ("buy-the-dip--benchmark-QQQ/tearsheet.html", "")
    (folder / "run.json").write_text('{"window": ["2020-01-02", "2025-12-31"]}')
    assert tearsheet_link(strategy, "QQQ", tmp_path, window).remark == "made over 2020-01-02 to 2025-12-31"
    rule = next(d.strategy for d in gathered if d.verdict.claim.id == "G1")
    assert tearsheet_link(rule, "SPY", tmp_path, window).command == "python backtest.py dip-rule --hold 5 --skip-event"


def told(thesis, columns):
    stream = io.StringIO()
    print_thesis(thesis, stream, columns)
    return stream.getvalue()


def test_eighty_columns_are_enough_and_tell_the_same_as_a_pipe(thesis):
    narrow, whole = told(thesis, 80), told(thesis, None)
    assert max(map(len, narrow.splitlines())) <= 80 < max(map(len, whole.splitlines()))
    a1 = verdict_texts(thesis["A1"], thesis.happened.of("A1"))
    assert f"      Came true? {a1.says}" in whole.splitlines()
    assert next(line for line in whole.splitlines() if line.startswith("A1 ")).split() == [
        "A1", "partly", "no", "effect", "found", *a1.effect.split(), *a1.corrected.split(),
    ]  # fmt: skip
    text = " ".join(narrow.split())
    assert f"p {a1.p_value} (smallest possible {a1.smallest}), corrected {a1.corrected}" in text
    assert text == " ".join(whole.split())
    assert "\n%" not in "\n".join(line.strip() for line in narrow.splitlines())
    assert not re.search(r"\b(told|made good|Mind:|figures|thrown)\b", text)


def test_every_claim_has_a_place_on_the_page():
    assert {claim.id[0] for claim in CLAIMS} == set("".join(letters for _, letters in CLAIM_GROUPS))


def basket(label, abnormal, rank):
    return Move(label=label, members=("A", "B"), day=-0.5, gap=0.0, session=0.0, abnormal=abnormal, rank=rank)


def test_what_is_said_of_the_day_follows_from_the_figures(page):
    said = describe_event_day([basket("Chips", -0.123, 0.004), basket("Others", -0.01, 0.05), basket("Rest", 0.02, 0.4)])
    assert said == (
        "Return beyond what SPY explains, with a rank p of 5.0 % or less: Chips -12.30 %, Others -1.00 %. "
        "Within the ordinary: Rest +2.00 %."
    )
    assert " or less: no basket. Within the ordinary: Rest" in describe_event_day([basket("Rest", 0.02, 0.4)])
    told = next(line for line in page.text.splitlines() if "Return beyond what SPY explains" in line)
    # the market model of each basket by least squares is in test_moves; these are its numbers
    assert "All twelve -4.43 %, Chipmakers -10.96 %" in told.split("Within the ordinary: ")[0]
    assert "Hyperscalers" in told.split("Within the ordinary: ")[1]
