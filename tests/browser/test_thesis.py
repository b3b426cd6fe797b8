"""The thesis in a real browser, opened from disk."""

import os
import shutil
from pathlib import Path

import pytest

from dipfolio.evidence.dossier import day_of, dossiers
from dipfolio.evidence.verdict import judge
from dipfolio.market.folder import load_bars
from dipfolio.report.page import place_page
from dipfolio.report.thesis import PAGE, thesis_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium found; apt-get install chromium, or say where in CHROMIUM")

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page_path(tmp_path_factory):
    shelf, bars = tmp_path_factory.mktemp("reports"), load_bars(ROOT / "data")
    thesis = judge(bars, ROOT / "strategies", contests=False)
    html = thesis_page(thesis, dossiers(thesis, bars, ROOT / "strategies"), day_of(bars), bars.provenance, shelf)
    return place_page(shelf, PAGE, html)


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, page_path):
    """Open the page; afterwards nothing may have been said on the console or asked for outside the file."""
    said, asked, contexts = [], [], []

    def open_page(claim="", *, width=1440, height=900, theme="light", scripts=True):
        size = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, color_scheme=theme, java_script_enabled=scripts)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_path.as_uri() + (f"#{claim}" if claim else ""))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if url.split("#")[0] != page_path.as_uri() and not url.startswith(("data:", "blob:"))] == []


def tabs(page):
    return page.get_by_role("tab")


def test_every_verdict_stands_on_the_first_screen(visit):
    page = visit()
    cells = page.locator("#verdict-table tbody tr")
    assert cells.count() == 35
    boxes = [cells.nth(n).bounding_box() for n in (0, 34)]
    assert boxes[0]["y"] > 0
    assert boxes[1]["y"] + boxes[1]["height"] <= 900
    assert page.evaluate("document.documentElement.scrollWidth") == 1440
    assert page.locator("#verdict-table").evaluate("table => table.scrollWidth <= table.parentElement.clientWidth")


def test_tabs_switch_by_click_and_by_arrow_keys(visit):
    page = visit()
    names = tabs(page).all_text_contents()
    assert names[:2] == ["Verdicts", "The day"]
    for name in names:
        page.get_by_role("tab", name=name, exact=True).click()
        assert page.get_by_role("tabpanel").count() == 1
    page.keyboard.press("ArrowRight")
    assert page.locator(":focus").text_content() == "Verdicts"
    assert page.locator("[role=tab][tabindex='0']").count() == 1


def test_a_claim_in_the_table_leads_to_its_section_and_back(visit):
    page = visit()
    page.get_by_role("link", name="B1", exact=True).first.click()
    assert page.get_by_role("tab", selected=True).text_content() == "Its critics"
    assert page.locator(":focus").get_attribute("id") == "B1"
    assert page.locator("#B1").bounding_box()["y"] < 200
    page.go_back()
    assert page.get_by_role("tab", selected=True).text_content() == "Verdicts"
    assert visit("G1").get_by_role("tab", selected=True).text_content() == "Rules made from it"


def test_charts_are_drawn_with_bands_and_follow_the_sessions_shown(visit):
    page = visit("A1")
    page.wait_for_selector("#course-A1 .main-svg")
    page.wait_for_selector("#equity-A1 .main-svg")
    names = page.evaluate("document.getElementById('course-A1').data.map(t => t.name).filter(Boolean)")
    assert names[-5:] == ["Chipmakers", "Stargate", "Magnificent Seven", "Hyperscalers", "All twelve"]
    assert page.evaluate("document.getElementById('course-A1').data.filter(t => t.fill === 'toself').length") == 1
    last = "Math.max(...document.getElementById('course-A1').data.at(-1).x)"
    assert page.evaluate(last) == 60
    page.get_by_role("button", name="All", exact=True).click()
    page.wait_for_function(f"() => {last} > 200")
    page.get_by_role("button", name="20", exact=True).click()
    page.wait_for_function(f"() => {last} === 20")


def test_the_day_has_a_chart_for_each_basket_on_one_scale(visit):
    page = visit()
    page.get_by_role("tab", name="The day").click()
    page.wait_for_selector("#day-4 .main-svg")
    ranges = page.evaluate("[0, 1, 2, 3, 4].map(n => document.getElementById(`day-${n}`).layout.yaxis.range.join())")
    assert len(set(ranges)) == 1
    assert page.get_by_role("img").first.get_attribute("aria-label").startswith("All twelve. All twelve: after 0 sessions")


def test_the_pointer_shows_the_value_and_its_placebos(visit):
    page = visit("B1")
    page.wait_for_selector("#course-B1 .main-svg")
    page.locator("#course-B1 .nsewdrag").hover(position={"x": 60, "y": 60})
    page.wait_for_selector("#course-B1 .hoverlayer text")
    assert "placebos" in page.locator("#course-B1 .hoverlayer").text_content()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out_in_both_themes(visit, theme):
    page = visit(theme=theme)
    for number in range(tabs(page).count()):
        tabs(page).nth(number).click()
        for fold in page.locator("details:visible summary").all()[:2]:
            fold.click()
        assert page.evaluate(CONTRAST) == []


def test_the_theme_button_draws_the_charts_anew(visit):
    page = visit("B1", theme="dark")
    page.wait_for_selector("#course-B1 .main-svg")
    line = "document.getElementById('course-B1').data.at(-1).line.color"
    dark = page.evaluate(line)
    page.evaluate("window.scrollTo(0, 0)")
    page.get_by_role("button", name="Change to the light theme").click()
    page.locator("#B1").scroll_into_view_if_needed()
    page.wait_for_function(f"() => {line} !== '{dark}'")


def test_a_narrow_screen_never_scrolls_sideways(visit):
    page = visit(width=360, height=740)
    for number in range(tabs(page).count()):
        tabs(page).nth(number).click()
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    tabs(page).first.click()
    word = page.locator("#verdict-table .word").first.bounding_box()
    assert word["x"] + word["width"] <= 360


def test_tables_are_tables_and_words_are_not_told_by_colour_alone(visit):
    page = visit()
    assert page.get_by_role("columnheader", name="Smallest p").count() == 1
    assert page.get_by_role("row", name="A0").get_by_role("cell").first.text_content() == "contradicted"
    assert "whatever had happened" in page.get_by_role("row", name="A1 The sell-off").get_by_role("cell").first.text_content()


def test_without_scripts_every_number_can_be_read(visit):
    page = visit(scripts=False)
    for table in ("verdict-table", "names", "baskets", "recoveries", "costs-B1", "borrow-B1", "register"):
        assert page.locator(f"#{table}").is_visible()
