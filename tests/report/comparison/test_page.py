"""Comparison: the page as text - its numbers, its sources, and that nothing in it is more than text."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from dipfolio.engine.metrics import measure
from dipfolio.report.comparison.alignment import align_tracks
from dipfolio.report.comparison.page import comparison_page
from dipfolio.report.comparison.series import saved_track, with_unique_labels
from dipfolio.report.format import money, percent, ratio
from tests.report.comparison.test_alignment import series
from tests.support.runs import run, save, track
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
