"""The charts of a comparison: curves and trades by hand, and the tear sheets that are packed into the page."""

import gzip
import json
from base64 import b64decode

import numpy as np
import pytest

from dipfolio.report.comparison.alignment import align_tracks, build_contenders, market_returns
from dipfolio.report.comparison.charts import comparison_chart_data, pack_tear_sheets
from dipfolio.report.comparison.series import saved_track
from dipfolio.report.format import money, percent
from tests.report.comparison.test_alignment import RUIN
from tests.support.runs import MARKET, WAVES, run, save, track

ROUND = {0: {"A": 10}, 5: {"A": 0}, 7: {"A": -5}}


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
