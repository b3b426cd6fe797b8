"""Thesis: the page as text - the facts, the verdicts as recorded, and that nothing in it is more than text."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from dipfolio.evidence.claims import CLAIMS
from dipfolio.evidence.dossier import day_of, dossiers
from dipfolio.evidence.moves import Move
from dipfolio.evidence.thesis import judge
from dipfolio.market.folder import load_bars
from dipfolio.report.captions import day_in_words
from dipfolio.report.command import sheet_of
from dipfolio.report.measured import chance, measured
from dipfolio.report.thesis import thesis_page
from dipfolio.report.traces import plain, thesis_data
from dipfolio.report.verdicts import beyond_reach, print_thesis, standing
from tests.report.test_comparison import without_plotly
from tests.report.test_tearsheet import Page

ROOT = Path(__file__).parents[2]
STRATEGIES = ROOT / "strategies"
HOSTILE = "</script><img src=x onerror=alert(1)>{{ names }}&<b>'\""
SOME = ("A0", "A1", "A2", "A7", "A9", "B1", "K1", "G1", "G2")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def thesis(bars):
    return judge(bars, STRATEGIES, contests=False).only(SOME)


@pytest.fixture(scope="module")
def gathered(thesis, bars):
    return dossiers(thesis, bars, STRATEGIES)


@pytest.fixture(scope="module")
def html(thesis, gathered, bars):
    return without_plotly(thesis_page(thesis, gathered, day_of(bars), bars.provenance, Path("nowhere")))


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
        told = measured(verdict)
        (row,) = rows(page, f"{told.id}{told.sentence}")
        assert row[1].startswith(told.word)
        if told.told and told.word != "not testable":
            assert row[2:] == [told.effect, told.interval, told.p_value, told.smallest, told.corrected, told.observations]


def test_measured_says_what_the_record_says(thesis):
    a1, found = measured(thesis["A1"]), thesis["A1"].primary
    assert a1.effect == f"{100 * found.effect:+.2f} %"
    assert a1.interval == f"{100 * found.low:+.2f} to {100 * found.high:+.2f} %"
    assert (a1.p_value, a1.smallest) == (f"{found.p_value:.3f}", f"{found.smallest:.3f}")
    assert a1.corrected.endswith(" of 7")
    assert a1.observations == "1 date"
    assert a1.shut
    assert measured(thesis["A2"]).effect == "+73 sessions"
    assert measured(thesis["K1"]).effect == "$53,460.00"
    assert measured(thesis["G1"]).observations == "8 in 4 clusters"


def test_the_same_number_is_said_and_not_counted(page, thesis):
    assert not measured(thesis["A7"]).told
    assert "The same number as A1, counted once." in page.text
    assert standing(thesis).startswith("8 claims of 35, corrected for all: 1 contradicted, 5 undecided, 2 not testable; 1 more")


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
    (line,) = [line for line in beyond_reach(thesis) if line.startswith("A1")]
    assert line in page.text
    assert "Prices say what buyers thought, not what the model cost." in page.text
    assert "Told after the fact by one who won" in page.text


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
    data = json.loads(thesis_data(gathered, day_of(bars)))
    a1 = gathered[[d.verdict.claim.id for d in gathered].index("A1")]
    assert data["course"]["A1"]["value"] == plain(a1.course.values)
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
    assert plain([float("nan"), float("inf"), 1 / 3]) == [None, None, 0.33333]


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
    again = thesis_page(thesis, gathered, day_of(bars), bars.provenance, Path("nowhere"))
    assert without_plotly(again) == html


def test_a_tear_sheet_is_linked_if_there_is_one_and_else_its_command_is_told(gathered, tmp_path):
    strategy, window = gathered[1].strategy, ("2024-01-02", "2025-12-31")
    bare = sheet_of(strategy, "QQQ", tmp_path, window)
    assert (bare.command, bare.link) == ("python backtest.py buy-the-dip --benchmark QQQ", "")
    assert sheet_of(strategy, "SPY", tmp_path, window, "my data").command == "python backtest.py buy-the-dip --data 'my data'"
    folder = tmp_path / "buy-the-dip--benchmark-QQQ"
    folder.mkdir()
    (folder / "tearsheet.html").write_text("x")
    (folder / "run.json").write_text('{"window": ["2024-01-02", "2025-12-31"]}')
    there = sheet_of(strategy, "QQQ", tmp_path, window)
    assert (there.link, there.remark) == ("buy-the-dip--benchmark-QQQ/tearsheet.html", "")
    (folder / "run.json").write_text('{"window": ["2020-01-02", "2025-12-31"]}')
    assert sheet_of(strategy, "QQQ", tmp_path, window).remark == "made over 2020-01-02 to 2025-12-31"
    rule = next(d.strategy for d in gathered if d.verdict.claim.id == "G1")
    assert sheet_of(rule, "SPY", tmp_path, window).command == "python backtest.py dip-rule --hold 5 --skip-event"


def told(thesis, columns):
    stream = io.StringIO()
    print_thesis(thesis, stream, columns)
    return stream.getvalue()


def test_eighty_columns_are_enough_and_tell_the_same_as_a_pipe(thesis):
    narrow, whole = told(thesis, 80), told(thesis, None)
    assert max(map(len, narrow.splitlines())) <= 80 < max(map(len, whole.splitlines()))
    a1 = measured(thesis["A1"])
    assert f"      p {a1.p_value} (smallest {a1.smallest}), corrected {a1.corrected}; 1 date" in narrow.splitlines()
    assert f"      {a1.sentence} {a1.reason}" in whole.splitlines()
    for verdict in thesis.verdicts:
        row = measured(verdict)
        for words in (row.sentence, row.reason, *((row.effect, row.interval, row.observations) if row.told else ())):
            for word in words.split():
                assert word in narrow
    assert told(thesis, 200).splitlines()[2] == whole.splitlines()[2]


def test_small_probabilities_are_not_rounded_to_nothing():
    assert [chance(p) for p in (0.0001, 0.0, 0.0496, 1.0, float("nan"))] == ["<0.001", "<0.001", "0.050", "1.000", "-"]


def test_every_claim_has_a_place_on_the_page():
    assert {claim.id[0] for claim in CLAIMS} == set("ABKG")


def basket(label, day, rank):
    return Move(label=label, members=("A", "B"), day=day, gap=0.0, session=0.0, rank=rank)


def test_what_is_said_of_the_day_follows_from_the_figures(page):
    said = day_in_words([basket("Chips", -0.123, 0.004), basket("Others", -0.01, 0.05), basket("Rest", 0.02, 0.4)])
    assert said == (
        "Beyond what the market explains, by a rank p of 5.0 % or less: Chips -12.30 %, Others -1.00 %. Not: Rest +2.00 %."
    )
    assert " or less: no basket. Not: Rest" in day_in_words([basket("Rest", 0.02, 0.4)])
    told = next(line for line in page.text.splitlines() if "Beyond what the market explains" in line)
    assert "Chipmakers" in told.split("Not: ")[0]
    assert "Hyperscalers" in told.split("Not: ")[1]
