"""Gallery: all saved runs, newest first, whatever state they are in."""

import os
import re
from dataclasses import replace
from datetime import datetime
from html import escape

import pytest

from dipfolio.engine.metrics import MIN_OBSERVATIONS, measure, metrics_in
from dipfolio.errors import ReportError
from dipfolio.report.format import percent, ratio
from dipfolio.report.runs_index import index_page, read_card, refresh_index
from dipfolio.storage import saved_runs
from tests.report.comparison.test_page import HOSTILE
from tests.support.runs import run, save
from tests.support.tear_sheets import Page


def aged(folder, seconds):
    os.utime(folder / "run.json", (seconds, seconds))
    return folder


def cells(card):
    """The cells of a card by the name of the metric."""
    return dict(zip((metric.name for metric in metrics_in("index")), card.numbers, strict=True))


def test_the_newest_run_comes_first(tmp_path):
    old, new = aged(save(tmp_path, "a-old", run()), 1_000_000_000), aged(save(tmp_path, "z-new", run()), 1_700_000_000)
    assert saved_runs(tmp_path) == (new, old)
    page = index_page(tmp_path)
    assert page.index("z-new/tearsheet.html") < page.index("a-old/tearsheet.html")
    assert "2 saved, newest first" in page


def test_half_written_and_foreign_folders_are_no_runs(tmp_path):
    save(tmp_path, ".room-new", run())
    (tmp_path / "notes").mkdir()
    assert saved_runs(tmp_path) == ()
    assert saved_runs(tmp_path / "none") == ()
    assert "No run is saved here yet" in index_page(tmp_path)


def test_a_card_has_the_numbers_of_the_record(tmp_path):
    result = run({0: {"A": 10}, 5: {"A": 0}})
    metrics = measure(result)
    found = read_card(save(tmp_path, "one", replace(result, strategy="buy", changed={"hold": 3})))
    shown = {name: cell.text for name, cell in cells(found).items()}
    assert {name: shown[name] for name in ("total_return", "worst_drawdown", "sharpe", "trades")} == {
        "total_return": percent(metrics.total_return), "worst_drawdown": percent(metrics.worst_drawdown),
        "sharpe": ratio(metrics.sharpe), "trades": f"{metrics.trades}",
    }  # fmt: skip
    assert {name: cell.value for name, cell in cells(found).items()} == {name: metrics.by_name[name] for name in shown}
    assert (found.heading, found.title, found.window) == ("buy (hold 3)", "By the script.", "2025-01-02 to 2025-01-21")
    heights = [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", found.curve)]
    assert (min(heights), max(heights)) == (2, 30)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("run.json", "{"),
        ("run.json", "{}"),
        ("run.json", "[]"),
        ("equity.csv", ""),
        ("equity.csv", "session,equity\n"),
        ("trades.csv", "x\n"),
    ],
)
def test_a_damaged_run_is_listed_as_one_that_cannot_be_read(tmp_path, file, text):
    save(tmp_path, "good", run())
    (save(tmp_path, "bad", run()) / file).write_text(text, encoding="utf-8")
    page = index_page(tmp_path)
    assert "cannot be read" in page
    assert "good/tearsheet.html" in page
    assert "bad/tearsheet.html" not in page


def test_a_run_of_another_version_says_so(tmp_path):
    path = save(tmp_path, "old", run()) / "run.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"format": ', '"format": 99'), encoding="utf-8")
    assert read_card(path.parent).problem.endswith("another version of dipfolio; run the strategy again")


def test_hostile_names_and_titles_stay_text(tmp_path):
    hostile = replace(run(), strategy=HOSTILE, title=HOSTILE, changed={"universe": HOSTILE})
    save(tmp_path, "a b#c%d'e", hostile)
    page = index_page(tmp_path)
    assert "<img" not in page
    assert page.count("</script>") == 3
    assert HOSTILE in Page(page).text
    assert 'href="a%20b%23c%25d%27e/tearsheet.html"' in page


def test_the_page_is_written_anew_and_whole(tmp_path):
    assert refresh_index(tmp_path / "new").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    save(tmp_path / "new", "one", run())
    refresh_index(tmp_path / "new")
    assert "one/tearsheet.html" in (tmp_path / "new" / "index.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["index.html", "one"]


def test_a_folder_that_cannot_be_written_is_a_clear_line(tmp_path):
    (tmp_path / "index.html").mkdir()
    (tmp_path / "index.html" / "x").write_text("x", encoding="utf-8")
    with pytest.raises(ReportError, match=r"index.html cannot be written: .*--reports"):
        refresh_index(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_a_run_that_never_moved_is_a_flat_line(tmp_path):
    found = read_card(save(tmp_path, "idle", run({})))
    assert {y for _, y in re.findall(r"([\d.]+) ([\d.]+)", found.curve)} == {"16.0"}
    assert cells(found)["sharpe"].text == "-"


SAW = [100.0, 104.0] * 40
"""Eighty sessions."""
TRADES = {3 * k + step: {"A": 10 * (1 - step)} for k in range(10) for step in (0, 1)}
"""Ten trades of a session each: in the market in less than half of the eighty sessions."""


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({0: {"A": 10}}, ""),  # held for 79 sessions
        ({0: {"A": 10}, 5: {"A": 0}}, "1 observation at the most: no evidence"),
        ({0: {"A": 10}, 5: {"A": 0}, 70: {"A": -5}}, "2 observations at the most: no evidence"),  # the second is open
        ({row: wanted for row, wanted in TRADES.items() if row < 27}, "9 observations at the most: no evidence"),
        (TRADES, ""),
        ({}, ""),
    ],
)
def test_a_sharpe_ratio_of_few_observations_says_so(tmp_path, rows, said):
    result = run(rows, closes=SAW, market=SAW)
    assert (0 < measure(result).observations < MIN_OBSERVATIONS) == bool(said)
    assert read_card(save(tmp_path, "one", result)).few == said
    page = index_page(tmp_path)
    assert (f'<br><span class="unit">{said}</span></td>' in page) == bool(said)
    assert ("no evidence" in page) == bool(said)


def test_a_run_with_an_evidence_page_has_a_link_to_it(tmp_path):
    save(tmp_path, "plain", run())
    (save(tmp_path, "asked #1", run()) / "evidence.html").write_text("page", encoding="utf-8")
    page = index_page(tmp_path)
    assert page.count("evidence.html") == 1
    assert 'href="asked%20%231/evidence.html"' in page


def test_named_pages_stand_below_the_runs_with_what_they_hold(tmp_path):
    folder = tmp_path / "comparisons"
    folder.mkdir()
    (folder / "old.html").write_text(f'<title>x</title><meta name="description" content="{escape(HOSTILE)}">')
    (folder / "new.html").write_text("<title>of an older version</title>")
    for name, seconds in (("old", 1_000_000_000), ("new", 1_700_000_000)):
        os.utime(folder / f"{name}.html", (seconds, seconds))
    page = index_page(tmp_path)
    assert page.index('href="comparisons/new.html"') < page.index('href="comparisons/old.html"')
    assert Page(page).row("old")[1:] == ["comparison", HOSTILE, f"{datetime.fromtimestamp(1_000_000_000):%Y-%m-%d %H:%M}"]
    assert Page(page).row("new")[2] == "-"
    assert "Named comparisons" not in index_page(tmp_path / "none")
