"""Comparison: the page as text - its numbers, its sources, and that nothing in it is more than text."""

import gzip
import json
import re
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest

from dipfolio.engine.metrics import measure
from dipfolio.report.comparison.alignment import align_tracks, build_contenders, market_returns
from dipfolio.report.comparison.page import comparison_chart_data, comparison_page, pack_tear_sheets
from dipfolio.report.comparison.series import saved_track, with_unique_labels
from dipfolio.report.format import money, percent, ratio
from tests.report.comparison.test_alignment import RUIN, series
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
    table = Page(html[html.index('id="answers"') : html.index('id="equity"')])
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
    assert page.count('id="library"') == 1
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
    assert len(scripts) == 1 + 2 + 6


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
    assert len(page.encode()) < 8_000_000


def test_tables_have_heads_captions_and_charts_have_words():
    page = without_plotly(page_of(track(ROUND, label="a"), track(label="b")))
    assert page.count("<table") == page.count("<caption>") + page.count('id="gaps"') + page.count('id="ratio-gaps"')
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
