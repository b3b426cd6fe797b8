"""Comparison: the page as text - its numbers, its sources, and that nothing in it is more than text."""

import gzip
import itertools
import json
import re
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest

from dipfolio.engine.metrics import measure
from dipfolio.report.comparison.alignment import align_tracks, build_contenders, market_returns
from dipfolio.report.comparison.page import (
    LINE_COLOURS,
    MANY_RUNS,
    comparison_chart_data,
    comparison_page,
    line_style,
    pack_tear_sheets,
)
from dipfolio.report.comparison.series import saved_track, with_unique_labels
from dipfolio.report.format import money, percent, ratio
from dipfolio.report.html import read_asset
from tests.report.comparison.test_alignment import RUIN, series
from tests.support.colour_vision import SEEN_BY, ciede2000, contrast, lab
from tests.support.runs import MARKET, WAVES, run, save, track
from tests.support.tear_sheets import Page, without_plotly

HOSTILE = "</script><img src=x onerror=alert(1)>{{ names }}&<b>'\""
ROUND = {0: {"A": 10}, 5: {"A": 0}, 7: {"A": -5}}


def page_of(*tracks, reports=None, **options):
    from pathlib import Path

    return comparison_page(align_tracks(tracks, **options), reports or Path("reports"))


def test_the_numbers_are_those_of_the_metrics_as_printed():
    made = track(ROUND, label="a")
    metrics, page = measure(made.result), Page(without_plotly(page_of(made, track(label="b"))))
    assert page.row("Total return \xa0↑, higher is better")[1].removesuffix(" best") == percent(metrics.total_return)
    assert page.row("Sharpe a year\xa0↑, higher is better")[1] == ratio(metrics.sharpe)
    assert page.row("Final equity dollars")[1] == money(metrics.final_equity)


def test_the_answer_of_each_run_comes_first_over_its_own_window():
    whole, late = track(ROUND, label="round"), track(label="late", start=run().returns.index[4].date())
    bare = series(whole.returns.index, label="elsewhere")
    html = without_plotly(page_of(whole, late, bare))
    assert html.index('id="answers"') < html.index('id="equity"')
    table = Page(html[html.index('id="answers"') : html.index('id="equity"')].replace("\xa0%", " %"))
    assert [row[0] for row in table.rows] == ["Run", "round", "late"]
    assert len(whole.result.equity) == 12  # the page is cut to the other's 8 sessions, the answer is not
    assert table.row("round")[1:] == [
        "$1,000 in the account", "-$59 (-5.90 %)",  # 10 x (102.6 - 110) + 5 x (113 - 110)
        "66.9 % of equity on average", "+$100 (+10.00 %), over the same sessions", "-$159", "A -$59 (-5.4 %)",
    ]  # fmt: skip


def test_the_terms_and_notes_are_on_the_page():
    text = Page(without_plotly(page_of(track(label="a"), track(label="late", start=run().returns.index[4].date())))).text
    for said in ("2025-01-08 to 2025-01-21", "8, the same for all", "$1,000.00", "0.0 % a year", "Cut to the common window"):
        assert said in text


def test_the_excess_of_a_run_that_was_mostly_in_cash_is_qualified():
    idle, held = track({0: {"A": 10}, 1: {"A": 0}}, label="idle"), track(label="held")
    said = "In cash for 83.3 % of the sessions, the benchmark never"  # a position in 2 of 12
    assert said in Page(without_plotly(page_of(idle, held))).text
    assert "In cash for" not in Page(without_plotly(page_of(held, replace(held, label="again")))).text


def test_nothing_is_fetched_and_only_our_scripts_may_run():
    page = page_of(track(label="a"))
    assert page.count('<script type="text/plain" id="library">') == 1
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src &#39;none&#39;")
    assert "unsafe-eval" not in policy
    assert "script-src &#39;unsafe" not in policy
    rest = Page(without_plotly(page))
    addresses = [value for tag, name, value in rest.attributes if name in ("src", "href", "action", "data")]
    assert set(addresses) <= {"#main", "index.html"}


def test_hostile_names_titles_and_cells_stay_text(tmp_path):
    result = run(ROUND)
    hostile = replace(
        result, strategy=HOSTILE, title=HOSTILE, changed={"universe": HOSTILE}, parameters={"universe": HOSTILE},
        trades=result.trades.assign(symbol=HOSTILE, reason=HOSTILE), benchmark=HOSTILE,
        open_positions=result.open_positions.assign(symbol=HOSTILE), fills=result.fills.assign(symbol=HOSTILE),
        positions=result.positions[["A"]].rename(columns={"A": HOSTILE}),
        provenance=replace(result.provenance, origin=replace(result.provenance.origin, source=HOSTILE, path=HOSTILE)),
    )  # fmt: skip
    made = saved_track(save(tmp_path, "a'b <c>", hostile))
    page = without_plotly(page_of(made, series(result.returns.index, label=HOSTILE), reports=tmp_path))
    assert "<img" not in page
    assert "<b>'" not in page
    assert HOSTILE in Page(page).text
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, flags=re.DOTALL)
    data = json.loads(scripts[0])
    assert data["lines"][1]["label"] == HOSTILE
    assert data["lines"][0]["trades"][0]["symbol"] == HOSTILE
    assert len(scripts) == 1 + 2 + 7


def test_the_same_runs_give_the_same_bytes(tmp_path):
    tracks = [saved_track(save(tmp_path, name, run())) for name in ("a", "b")]
    assert page_of(*with_unique_labels(tracks), reports=tmp_path) == page_of(*with_unique_labels(tracks), reports=tmp_path)


@pytest.mark.slow
def test_ten_runs_are_one_page_that_can_be_sent_by_mail(tmp_path):
    """Sessions of two years and packed tear sheets of the usual size."""
    closes = (100 * np.cumprod(1 + np.random.default_rng(1).standard_normal(500) * 0.01)).tolist()
    sheet = np.random.default_rng(2).bytes(110_000).hex()[:110_000] * 2
    for number in range(10):
        save(tmp_path, f"run-{number}", run({number: {"A": 5}}, closes=closes, market=closes), sheet=sheet)
    page = page_of(*with_unique_labels(map(saved_track, sorted(tmp_path.iterdir()))), reports=tmp_path)
    assert len(page.encode()) < 2_500_000


def test_tables_have_heads_captions_and_charts_have_words():
    page = without_plotly(page_of(track(ROUND, label="a"), track(label="b")))
    headed = sum(page.count(f'id="{name}"') for name in ("matched", "gaps", "ratio-gaps"))
    assert page.count("<table") == page.count("<caption>") + headed
    assert page.count('role="img" aria-label="') == 3
    assert "Equity. Growth over the window: a " in page
    assert "a: 1 trade ended, 0 with a profit, 1 open at the end; b: 0 trades ended" in page
    assert page.count('role="tab"') == page.count('role="tabpanel"') == 5


def data_of(*tracks, **options):
    fairness = align_tracks(tracks, **options)
    return json.loads(comparison_chart_data(fairness, build_contenders(fairness), market_returns(fairness)))


def test_the_curves_start_from_one_at_the_close_before():
    data = data_of(track(label="a"))
    equity = [1.0, 1.0, *(np.array([1000 + 10 * (close - 110) for close in WAVES[1:]]) / 1000)]
    assert data["days"][:2] == ["2024-12-31", "2025-01-02"]
    assert data["lines"][0]["wealth"] == pytest.approx(equity, abs=1e-6)
    assert data["benchmark"]["wealth"][-1] == pytest.approx(MARKET[-1] / MARKET[0], abs=1e-6)
    low = np.array(equity) / np.maximum.accumulate(equity) - 1
    assert data["lines"][0]["drawdown"] == pytest.approx(low, abs=1e-6)


def test_the_curves_of_runs_as_they_are_have_gaps_where_nothing_is_known():
    data = data_of(track(label="a"), track(label="late", since="2025-03-03"), as_is=True)
    assert data["lines"][1]["wealth"][:13] == [None] * 13
    assert data["lines"][0]["wealth"][13:] == [None] * 12


def test_the_trades_are_told_with_their_prices_and_profit():
    data = data_of(track(ROUND, label="a"))
    closed, still = data["lines"][0]["trades"]
    profit = 10 * (WAVES[6] - WAVES[1])
    assert closed["words"] == [
        "long 10 A", "in 2025-01-03 open at 110.0000", "out 2025-01-13 open at 102.6000, target 0",
        f"profit {money(profit)}, {percent(profit / 1100, 1)}",
    ]  # fmt: skip
    assert (closed["long"], closed["gain"], closed["open"]) == (True, False, False)
    assert (still["long"], still["open"], still["exit"]) == (False, True, "2025-01-21")


def test_a_trade_that_ends_after_the_window_keeps_its_profit_to_itself():
    data = data_of(track({0: {"A": 10}, 8: {"A": 0}}, label="a"), track(label="b", end=run().returns.index[5].date()))
    (trade,) = data["lines"][0]["trades"]
    assert trade["open"]
    assert trade["exit"] == "2025-01-10"
    assert not any("profit" in words for words in trade["words"])


def test_a_lost_account_is_drawn_to_its_end():
    data = data_of(track({0: {"A": -10}}, label="ruined", closes=RUIN), track(label="a"))
    wealth = data["lines"][0]["wealth"]
    assert len(wealth) == 13
    assert wealth[-1] == wealth[-2] < 0


def test_the_tear_sheets_are_packed_until_the_page_would_grow_too_big(tmp_path):
    field = build_contenders(align_tracks([saved_track(save(tmp_path, name, run())) for name in ("a", "b")]))
    both = pack_tear_sheets(field, tmp_path)
    assert [gzip.decompress(b64decode(sheet.packed)).decode()[:15] for sheet in both] == ["<!DOCTYPE html>"] * 2
    one = pack_tear_sheets(field, tmp_path, budget=len(both[0].packed))
    assert [bool(sheet.packed) for sheet in one] == [True, False]
    assert [sheet.link for sheet in one] == ["a/tearsheet.html", "b/tearsheet.html"]


def test_links_lead_from_the_page_to_runs_elsewhere(tmp_path):
    folder = save(tmp_path / "else where", "a#1", run())
    (sheet,) = pack_tear_sheets(build_contenders(align_tracks([saved_track(folder)])), tmp_path / "reports")
    assert sheet.link == "../else%20where/a%231/tearsheet.html"


def test_a_run_without_a_page_has_no_link(tmp_path):
    (sheet,) = pack_tear_sheets(build_contenders(align_tracks([saved_track(save(tmp_path, "a", run(), sheet=""))])), tmp_path)
    assert (sheet.link, sheet.packed) == ("", "")


COLOURS = re.findall(r"--(run-\d):light-dark\((#[0-9a-f]+),(#[0-9a-f]+)\)", read_asset("colours.css"))
BACKGROUNDS = re.search(r"--bg:light-dark\((#[0-9a-f]+),(#[0-9a-f]+)\)", read_asset("colours.css")).groups()
DISTANCE = 15.0
"""CIEDE2000 between the lines of two runs; a difference of 1 is the smallest that is seen side by side."""


def in_theme(theme):
    """The colours of runs and the background."""
    background = BACKGROUNDS[theme]
    return [pair[theme] for _, *pair in COLOURS], background if len(background) == 7 else "#" + "".join(
        2 * c for c in background[1:]
    )


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("vision", SEEN_BY)
def test_eight_runs_are_told_apart_whoever_looks(theme, vision):
    colours, background = in_theme(theme)
    assert [name for name, *_ in COLOURS] == [f"run-{number}" for number in range(LINE_COLOURS)]
    for (i, one), (j, other) in itertools.combinations(enumerate(colours), 2):
        apart = ciede2000(lab(one, vision), lab(other, vision))
        styles = line_style(i), line_style(j)
        assert apart >= DISTANCE or styles[0].dash != styles[1].dash, f"{one} {other}: {apart:.1f}"
    assert min(contrast(colour, background) for colour in colours) >= 3  # WCAG 2.1, 1.4.11


def test_sixty_four_runs_have_styles_of_their_own():
    styles = [line_style(number) for number in range(64)]
    assert len(set(styles)) == 64
    assert {style.dash for style in styles[:8]} == {0}
    assert line_style(64) == line_style(0)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ],
)
def test_the_difference_of_two_colours_is_that_of_the_published_table(one, other, difference):
    """Pairs of table 1 of Sharma, Wu and Dalal (2005)."""
    assert ciede2000(one, other) == pytest.approx(difference, abs=5e-5)
    assert ciede2000(other, one) == pytest.approx(difference, abs=5e-5)


def test_red_and_green_come_close_for_those_who_confuse_them():
    red, green = "#c00000", "#5a7000"
    apart = {vision: ciede2000(lab(red, vision), lab(green, vision)) for vision in SEEN_BY}
    assert min(apart["usual vision"], apart["tritanopia"]) > 2 * apart["deuteranopia"]
    assert lab("#ffffff") == pytest.approx([100, 0, 0], abs=0.02)


def test_many_runs_are_rows_that_can_be_found_and_few_are_columns():
    few = without_plotly(page_of(*(track(ROUND, label=f"run {n}") for n in range(3))))
    many = without_plotly(page_of(*(track(ROUND, label=f"run {n}") for n in range(MANY_RUNS + 1))))
    assert 'id="finder"' not in few
    assert 'id="finder"' in many
    assert Page(few).row("Total return \xa0\u2191, higher is better")[1:4] == ["-5.90 %"] * 3
    answers = Page(many[many.index('id="answers"') : many.index('id="equity"')])
    assert answers.row("run 12")[1] == "$1,000 in the account"
    metrics = Page(many[many.index('id="metrics"') : many.index("Where a run is shown whole")])
    assert metrics.row("run 12")[1] == "-5.90 %"
    assert [row[0] for row in metrics.rows] == ["Run", *(f"run {n}" for n in range(MANY_RUNS + 1)), "B"]
    pressed = re.findall(r'data-line="\d+" data-run="\d+" aria-pressed="(\w+)"', many)
    assert pressed == ["true"] * LINE_COLOURS + ["false"] * (MANY_RUNS + 1 - LINE_COLOURS)
