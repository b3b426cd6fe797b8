"""Every kind of page in Firefox, opened from disk: Debian's firefox-esr, driven over WebDriver BiDi.

Without Firefox these tests are skipped, and say so.
"""

import json
import re
from contextlib import closing

import numpy as np
import pytest

from dipfolio.report.evidence_page import evidence_page
from dipfolio.report.html import read_asset, write_page
from dipfolio.report.runs_index import refresh_index
from dipfolio.study.claims import CLAIMS
from dipfolio.sweep.grid import Axis
from tests.report.test_assessment_summary import FEW, RULE, assessed
from tests.support.pages import CONTRAST, HOSTILE, write_comparison, write_dip, write_sweep, write_thesis

pytestmark = pytest.mark.slow

HOLD, LATE = Axis(name="hold", points=(2, 3, 4)), Axis(name="late", points=(False, True))
NAMES = Axis(name="universe", points=("<img src=x>", "<b>x</b>%{x}"))
PAGES = {"dip.html": 13, "comparison.html": 2, "sweep.html": 2, "thesis.html#A1": 3, "steady/evidence.html": 0, "index.html": 0}
"""The pages, with the number of charts that each draws where it opens."""
SHOWN = "[...document.querySelectorAll('.chart')].filter(box => box.checkVisibility())"
MARKS = """(box => [...box.querySelectorAll('.cartesianlayer .trace path, .cartesianlayer .hm image')]
    .filter(mark => mark.getBoundingClientRect().width + mark.getBoundingClientRect().height > 0).length)"""
"""The lines, bars and cells of a chart that take room."""
SPAN = "(id => document.getElementById(id).layout.xaxis.range)"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """One page of each kind; of the thesis two claims."""
    shelf = tmp_path_factory.mktemp("reports")
    write_comparison(shelf)
    write_page(shelf / "steady", "evidence.html", evidence_page(assessed(RULE, FEW), tear_sheet=True))
    write_dip(shelf)
    write_sweep(shelf, HOLD, NAMES, LATE)
    write_thesis(shelf, [claim for claim in CLAIMS if claim.id in ("A1", "B2")])
    refresh_index(shelf)
    return shelf


@pytest.fixture
def visit(firefox, shelf):
    """Open a page; afterwards nothing may have been said on the console or asked of the network."""
    tabs = []

    def open_page(name, **window):
        file, _, place = name.partition("#")
        tabs.append(firefox.open((shelf / file).as_uri() + (f"#{place}" if place else ""), **window))
        return tabs[-1]

    yield open_page
    for tab in tabs:
        tab.close()
    said, firefox.said[:] = list(firefox.said), []
    asked, firefox.asked[:] = list(firefox.asked), []
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == []


def drawn(tab, *charts):
    """Scroll to each of these charts and wait until it has lines in it; it is shown only after its data are unpacked."""
    for chart in charts:
        box = f"document.getElementById({json.dumps(chart)})"
        tab.wait_for(f"({box}.scrollIntoView({{ block: 'center' }}), {MARKS}({box}))")


def draw_all(tab, name):
    """Wait for the charts that the page shows, and until each is drawn."""
    tab.wait_for(f"{SHOWN}.length === {PAGES[name]}")
    drawn(tab, *tab.run(f"{SHOWN}.map(box => box.id)"))


def data(tab, chart, what):
    """Of the traces that a chart shows."""
    return tab.run(f"document.getElementById({json.dumps(chart)}).data.map({what})")


def test_what_a_page_does_wrong_is_seen(firefox, tmp_path):
    """A message, an exception, an image from elsewhere and an element that is hidden."""
    page = tmp_path / "page.html"
    page.write_text(
        "<!DOCTYPE html><title>x</title><button hidden>no</button><button onclick='this.textContent = 1'>yes</button>"
        "<img src='https://elsewhere.invalid/image.png'>"
        "<script>console.log('words'); setTimeout(() => { throw Error('late'); })</script>",
        encoding="utf-8",
    )
    with closing(firefox.open(page.as_uri(), width=412, height=300, theme="dark")) as tab:
        tab.click("button")
        assert tab.run("[innerWidth, innerHeight, matchMedia('(prefers-color-scheme: dark)').matches]") == [412, 300, True]
        assert tab.run("document.querySelectorAll('button')[1].textContent") == "1"
        with pytest.raises(LookupError, match=r"^0 visible elements are button no$"):
            tab.click("button", "no")
        with pytest.raises(RuntimeError, match="nothing is not defined"):
            tab.run("nothing")
    assert firefox.said == ["info: words", "error: Error: late"]
    assert firefox.asked == ["https://elsewhere.invalid/image.png"]
    firefox.said.clear()
    firefox.asked.clear()


def test_firefox_is_as_new_as_the_pages_ask_for(firefox):
    """The colours of all pages are made with ``light-dark()``, which came with Firefox 120."""
    asked = {
        text for name in ("drawing.js", "tearsheet_charts.html.j2") for text in re.findall(r"Firefox (\d+)", read_asset(name))
    }
    assert asked == {"120"}
    assert int(firefox.version.split(".")[0]) >= 120


@pytest.mark.parametrize("name", PAGES)
def test_every_chart_of_a_page_has_lines_in_it(visit, name):
    """The library, which the page carries compressed, was unpacked; pictures without it are there too."""
    tab = visit(name)
    draw_all(tab, name)
    assert tab.run("document.querySelectorAll('table tbody tr, .forest svg').length") > 0


@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_screen_never_scrolls_sideways(visit, name):
    tab = visit(name, width=390, height=844)
    draw_all(tab, name)
    width, room, taken = tab.run("[innerWidth, document.documentElement.clientWidth, document.documentElement.scrollWidth]")
    assert width == 390
    assert taken == room  # the scroll bar has some of the 390


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_that_of_the_system_and_every_text_stands_out(visit, name, theme):
    tab = visit(name, theme=theme)
    assert tab.run("getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'") == (theme == "light")
    assert tab.run(f"({CONTRAST.split('*/')[1]})()") == []


def test_the_table_behind_a_chart_opens_with_its_rows(visit):
    """Twelve shares were bought; a holding time is drawn for each session from 0 on."""
    tab = visit("dip.html")
    drawn(tab, "sources", "held")
    for chart in ("sources", "held"):
        tab.click(f"[data-table={chart}] summary")
        tab.wait_for(f"document.querySelector('[data-table={chart}] table')?.checkVisibility()")
    assert tab.run("document.querySelectorAll('[data-table=sources] tbody tr').length") == 12
    assert tab.run("document.querySelectorAll('[data-table=held] tbody tr').length") == 235
    assert data(tab, "held", "line => line.x.length")[0] == 235


def test_a_cut_and_a_choice_draw_the_charts_of_the_tear_sheet_anew(visit):
    tab = visit("dip.html")
    drawn(tab, "sources", "held")
    before = tab.run(f"{MARKS}(document.getElementById('sources'))")
    tab.click("button", "By side")
    assert tab.run("document.getElementById('sources').layout.yaxis.ticktext") == ["long"]
    tab.wait_for(f"{MARKS}(document.getElementById('sources')) < {before}")
    tab.click("button", "First 20")
    assert max(data(tab, "held", "line => line.x.at(-1)")) == 20
    tab.fill("#more", "6")
    drawn(tab, "prices-more")


def cells(tab):
    return sorted({cell for line in data(tab, "surface", "line => line.customdata") for cell in line})


def test_a_choice_keeps_some_cells_of_a_sweep_and_hostile_values_are_text(visit):
    tab = visit("sweep.html")
    drawn(tab, "surface", "outcomes")
    assert cells(tab) == list(range(12))
    tab.fill("select[aria-label=hold]", "2")
    assert cells(tab) == [8, 9, 10, 11]
    said = tab.run("document.getElementById('surface').textContent")
    assert all(value in said for value in NAMES.points)
    assert tab.run("document.images.length") == 0


def test_the_comparison_zooms_to_the_trades_and_to_dates(visit):
    tab = visit("comparison.html")
    drawn(tab, "equity", "drawdown")
    whole = tab.run(f"{SPAN}('equity')")
    tab.click("[data-line='0']")
    tab.click("[data-line='1']")
    tab.click("button", "Around the trades")
    around = tab.run(f"{SPAN}('equity')")
    assert whole[0] < around[0] < around[1] < whole[1]
    assert tab.run(f"{SPAN}('drawdown')") == around
    assert tab.run("[document.getElementById('from').value, document.getElementById('to').value]") == around
    tab.fill("#from", "2024-05-01")
    tab.fill("#to", "2024-08-01")
    assert tab.run(f"{SPAN}('equity')") == ["2024-05-01", "2024-08-01"]
    tab.click("button", "All")
    assert tab.run(f"{SPAN}('equity')") == whole


def test_all_lines_of_the_comparison_start_at_nothing_at_the_left_edge(visit):
    tab = visit("comparison.html")
    drawn(tab, "equity")
    page = tab.run("JSON.parse(document.getElementById('chart-data').textContent)")
    tab.click("#rebase")
    tab.fill("#from", "2024-05-01")
    first = page["days"].index("2024-05-01")
    lines = [*page["lines"], page["benchmark"]]
    for line, values in zip(lines, data(tab, "equity", "line => line.y"), strict=True):
        assert values[first] == 0
        assert values[-1] == pytest.approx((line["wealth"][-1] / line["wealth"][first] - 1) * 100, abs=1e-6)
    assert np.ptp(tab.run("document.getElementById('equity').layout.yaxis.range")) > 0
    assert "Growth since the close of 2024-05-01" in tab.run("document.getElementById('equity-caption').textContent")


def test_hostile_names_of_the_comparison_are_text(visit):
    tab = visit("comparison.html")
    drawn(tab, "equity")
    tab.hover("#equity .nsewdrag")
    tab.wait_for("document.querySelector('#equity .hoverlayer .legend')")
    assert HOSTILE in tab.run("document.querySelector('#equity .hoverlayer').textContent")
    assert tab.run("[document.images.length, document.title === 'owned']") == [0, False]


def test_tabs_open_and_two_tear_sheets_scroll_together(visit):
    tab = visit("comparison.html")
    for place in range(tab.run("document.querySelectorAll('[role=tab]').length")):
        tab.run(f"document.querySelectorAll('[role=tab]')[{place}].click()")
        assert tab.run("[...document.querySelectorAll('[role=tabpanel]')].filter(panel => panel.checkVisibility()).length") == 1
    tab.click("[role=tab]", "Trades and costs")
    drawn(tab, "trades-chart")
    tab.click("[role=tab]", "Tear sheets")
    tab.wait_for("[...document.querySelectorAll('.sheet')].every(pane => pane.scrollHeight > 3000)")
    charts = "[...document.querySelectorAll('.sheet iframe')].map(frame => frame.contentDocument.getElementById('prices-0'))"
    tab.wait_for(f"{charts}.every(chart => chart && chart.data)")
    tab.run("document.querySelector('.sheet').scrollTop = 2500")
    tab.wait_for("document.querySelectorAll('.sheet')[1].scrollTop > 1500")


def test_the_sessions_of_a_claim_can_be_cut_and_the_next_claim_opens(visit):
    tab = visit("thesis.html#A1")
    drawn(tab, "course-A1")
    last = "Math.max(...document.getElementById('course-A1').data.at(-1).x)"
    assert tab.run(last) == 234
    tab.click("#toolbar button", "20")
    tab.wait_for(f"{last} === 20")
    tab.run("document.querySelector('#A1 [rel=next]').click()")
    tab.wait_for("!document.getElementById('B2').hidden")
    drawn(tab, "course-B2")
    assert tab.run("[...document.querySelectorAll('.view')].filter(view => view.checkVisibility()).map(view => view.id)") == [
        "B2"
    ]


def test_the_index_sorts_and_makes_the_command_to_compare(visit):
    tab = visit("index.html")
    tab.click("#runs thead button", "Total return")
    values = tab.run("[...document.querySelectorAll('#runs tbody td:nth-child(3)')].map(cell => Number(cell.dataset.value))")
    assert values == sorted(values, reverse=True)
    assert len(values) == 3
    tab.click("[aria-label='Compare steady']")
    tab.click("[aria-label='Compare in-and-out']")
    words = tab.run("document.querySelector('#command code').textContent").split()
    assert words[:3] == ["python", "backtest.py", "compare"]
    assert sorted(words[3:]) == ["in-and-out", "steady"]
