"""The thesis in a real browser, opened from disk."""

import pytest

from dipfolio.study.claims import CLAIMS
from tests.support.pages import CONTRAST, write_thesis

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page_path(tmp_path_factory):
    return write_thesis(tmp_path_factory.mktemp("reports"))


@pytest.fixture
def visit(chromium, page_path):
    """Open the page; afterwards nothing may have been said on the console or asked for outside the file."""
    said, asked, contexts = [], [], []

    def open_page(claim="", *, width=1440, height=900, theme="light", scripts=True, before=""):
        size = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, color_scheme=theme, java_script_enabled=scripts)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(before)
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


def shows(page, name):
    """Whether that page is shown, and no other; an address takes a moment to be followed."""
    page.wait_for_function(f"() => !document.getElementById('{name}').hidden")
    return page.locator(".view:visible").evaluate_all("views => views.map(view => view.id)") == [name]


VIEWS = ("verdicts", "day", "hindsight", "sources")
CLAIM_IDS = [claim.id for claim in CLAIMS]


def test_the_five_sentences_stand_on_the_first_screen_with_a_picture_each(visit):
    page = visit(width=1280)
    panels = page.locator("#opening .panel")
    assert panels.locator("h3").all_text_contents() == ["The day", "The article", "The commenter", "The bear", "The rule"]
    assert panels.locator("svg").count() == 5
    boxes = [panels.nth(n).bounding_box() for n in range(5)]
    assert boxes[0]["y"] > 0
    assert boxes[-1]["y"] + boxes[-1]["height"] <= 900
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_the_table_of_claims_comes_after_the_sentences_and_fits(visit):
    page = visit(width=1280)
    assert page.locator("#verdict-table tbody tr").count() == len(CLAIM_IDS)
    opening, table = page.locator("#opening").bounding_box(), page.locator("#verdict-table").bounding_box()
    assert table["y"] > opening["y"] + opening["height"]
    assert page.locator("#verdict-table").evaluate("table => table.scrollWidth <= table.parentElement.clientWidth")


def test_the_text_of_a_picture_stays_within_it_and_apart(visit):
    for width in (1280, 390):
        page = visit(width=width)
        page.wait_for_selector("#opening svg")
        beyond = page.evaluate("""[...document.querySelectorAll('#opening svg')].flatMap(svg => {
            const box = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const own = text.getBoundingClientRect();
                return own.left < box.left - 2 || own.right > box.right + 24 || own.right > innerWidth;
            }).map(text => text.textContent);
        })""")
        assert beyond == []


def test_a_deep_link_shows_that_page_alone_from_its_top(visit):
    for name in (*VIEWS, "A1", "G14"):
        page = visit(name)
        assert shows(page, name)
        assert page.evaluate("window.scrollY") == 0
        assert page.locator(f"#{name}").bounding_box()["y"] < 320
    assert shows(visit("costs-B1"), "B1")
    for odd in ("nonsense", "%E0%A4%A", "main"):
        assert shows(visit(odd), "verdicts")


def test_the_navigation_leads_to_each_page_and_says_which_is_open(visit):
    page = visit()
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    assert links.all_text_contents() == ["Answers", "The day", "Hindsight", "Method and sources"]
    for number, view in enumerate(VIEWS):
        links.nth(number).click()
        assert shows(page, view)
        assert page.locator(".views [aria-current=page]").get_attribute("href") == f"#{view}"
        assert not page.locator("#claims").is_visible()
    assert page.title() == "Method and sources - DeepSeek Monday: what happened, and what was luck"


def test_a_claim_in_the_table_leads_to_its_page_and_back_to_the_same_place(visit):
    page = visit(height=500)
    page.get_by_role("link", name="G8", exact=True).first.click()
    assert shows(page, "G8")
    assert (
        page.title()
        == "G8: Shocks to NVDA go on: short it after a drop of 6 %. - DeepSeek Monday: what happened, and what was luck"
    )
    assert page.locator(":focus").get_attribute("id") == "G8"
    assert page.evaluate("window.scrollY") == 0
    page.go_back()
    assert shows(page, "verdicts")
    assert page.evaluate("window.scrollY") > 100
    page.go_forward()
    assert shows(page, "G8")
    page.get_by_role("link", name="All claims").first.click()
    assert shows(page, "verdicts")
    assert page.evaluate("window.scrollY") == 0


def test_next_and_previous_walk_through_all_claims(visit):
    page = visit("A0")
    for after in CLAIM_IDS[1:]:
        page.locator(".view:visible [rel=next]").last.click()
        assert shows(page, after)
    assert page.locator(".view:visible [rel=next]").count() == 0
    for before in CLAIM_IDS[-2:-5:-1]:
        page.locator(".view:visible [rel=prev]").first.click()
        assert shows(page, before)
    assert visit("A0").locator(".view:visible [rel=prev]").count() == 0


def test_pages_are_turned_by_keyboard(visit):
    page = visit("B1")
    assert page.locator(":focus").get_attribute("id") == "B1"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.locator(":focus").text_content() == "Next: B2"
    page.keyboard.press("Enter")
    assert shows(page, "B2")
    assert page.locator(":focus").get_attribute("id") == "B2"
    page.keyboard.press("Tab")
    assert page.locator(":focus").text_content() == "All claims"
    page.keyboard.press("Enter")
    assert shows(page, "verdicts")


def test_the_other_claims_are_a_click_away_with_their_verdicts(visit):
    page = visit("A1")
    claims = page.get_by_role("navigation", name="Claims")
    assert claims.get_by_role("link").count() == len(CLAIM_IDS)
    assert page.locator("#claims [aria-current=page]").text_content() == "A1"
    claims.get_by_role("link", name="A0, came true").click()
    assert shows(page, "A0")


def test_every_page_of_a_claim_has_its_parts(visit):
    page = visit("B2")
    heads = page.locator("#B2 h3").all_text_contents()
    assert heads == [
        "Did it come true? partly", "More than luck? no effect found", "Delay, costs and borrowing", "The day and the way back",
        "Hindsight", "Sources",
    ]  # fmt: skip
    for part in ("path", "course", "equity"):
        page.wait_for_selector(f"#{part}-B2 .main-svg")
    for table in ("costs-B2", "mean-B2", "borrow-B2", "baskets-B2", "names-B2", "recoveries-B2"):
        assert page.locator(f"#{table}").is_visible()
    page = visit("G1")
    assert "Not shown for this claim" in page.locator("#G1 h3").all_text_contents()
    assert page.locator("#G1 .absent dt").all_text_contents() == [
        "Cumulative abnormal return",
        "Sub-baskets",
        "Recovery dates",
        "Borrow fee",
    ]


LAST = "Math.max(...document.getElementById('course-A1').data.at(-1).x)"


def test_the_whole_curve_is_drawn_at_first_and_the_sessions_shown_can_be_cut(visit):
    page = visit("A1")
    page.wait_for_selector("#course-A1 .main-svg")
    page.wait_for_selector("#equity-A1 .main-svg")
    names = page.evaluate("document.getElementById('course-A1').data.map(t => t.name).filter(Boolean)")
    assert names[-5:] == ["Chipmakers", "Stargate", "Magnificent Seven", "Hyperscalers", "All twelve"]
    assert page.evaluate("document.getElementById('course-A1').data.filter(t => t.fill === 'toself').length") == 1
    assert page.evaluate(LAST) == 234
    for name, sessions in (("20", 20), ("60", 60), ("All", 234)):
        page.get_by_role("button", name=name, exact=True).click()
        page.wait_for_function(f"() => {LAST} === {sessions}")


def test_the_page_is_small_and_a_browser_that_is_too_old_is_told_so(visit, page_path):
    assert page_path.stat().st_size < 2_500_000
    page = visit("A1", before="delete window.DecompressionStream")
    page.wait_for_function("() => document.getElementById('course-A1').textContent.startsWith('This browser is too old')")
    assert page.locator("#verdict-table").count() == 1


def test_a_line_says_where_the_band_ends(visit):
    page = visit("A1")
    for chart, reach in (("course-A1", 57), ("path-A1", 37)):
        page.wait_for_selector(f"#{chart} .main-svg")
        drawn = page.evaluate(
            f"(({{shapes, annotations}}) => [shapes[0].x0, annotations[0].text])(document.getElementById('{chart}').layout)"
        )
        assert drawn == [reach, "band ends: 18 placebos left"]
        band = f"Math.max(...document.getElementById('{chart}').data.find(t => t.fill === 'toself').x)"
        assert page.evaluate(band) == reach
        assert f"The band ends after {reach} sessions" in page.locator(f"figure:has(#{chart}) figcaption").text_content()
    page.get_by_role("button", name="20", exact=True).click()
    page.wait_for_function("() => !document.getElementById('path-A1').layout.shapes")


def test_the_day_has_a_chart_for_each_basket_on_one_scale(visit):
    page = visit("day")
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
    for view in (*VIEWS, "A0", "A1", "A7", "K1", "G1", "G12"):
        page.evaluate(f"location.hash = '{view}'")
        page.wait_for_function(f"() => !document.getElementById('{view}').hidden")
        for fold in page.locator("details:visible summary").all()[:2]:
            fold.click()
        assert page.evaluate(CONTRAST) == []


def test_the_theme_button_draws_the_charts_anew(visit):
    page = visit("B1", theme="dark")
    page.wait_for_selector("#course-B1 .main-svg")
    line = "document.getElementById('course-B1').data.at(-1).line.color"
    dark = page.evaluate(line)
    page.get_by_role("button", name="Change to the light theme").click()
    page.wait_for_function(f"() => {line} !== '{dark}'")


def test_a_narrow_screen_never_scrolls_sideways(visit):
    page = visit(width=360, height=740)
    for view in (*VIEWS, "A1", "A2", "B2", "K3", "G1", "G10"):
        page.evaluate(f"location.hash = '{view}'")
        page.wait_for_function(f"() => !document.getElementById('{view}').hidden")
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.evaluate("location.hash = 'verdicts'")
    word = page.locator("#verdict-table .word").first.bounding_box()
    assert word["x"] + word["width"] <= 360


def test_tables_are_tables_and_words_are_not_told_by_colour_alone(visit):
    page = visit()
    assert page.get_by_role("columnheader", name="Did it come true?").count() == 1
    assert page.get_by_role("row", name="A0").get_by_role("cell").first.text_content().startswith("came true")
    assert page.get_by_role("row", name="A1 The sell-off").get_by_role("cell").nth(1).text_content() == "no effect found"


def test_without_scripts_every_page_stands_below_the_other(visit):
    page = visit(scripts=False)
    for table in ("verdict-table", "names", "baskets", "recoveries", "costs-B1", "borrow-B1", "mean-G1", "register"):
        assert page.locator(f"#{table}").is_visible()
    tops = [page.locator(f"#{name}").bounding_box()["y"] for name in ("verdicts", "day", *CLAIM_IDS, "hindsight", "sources")]
    assert tops == sorted(tops)
    assert page.get_by_role("navigation", name="Claims").get_by_role("link").count() == len(CLAIM_IDS)


def test_one_claim_is_printed_light_and_whole(visit):
    page = visit("A1", theme="dark")
    page.wait_for_selector("#course-A1 .main-svg")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.wait_for_function("() => [...document.querySelectorAll('#A1 .chart')].every(box => box.querySelector('.main-svg'))")
    assert page.locator("#estimates-A1").is_visible()
    assert [page.locator(f"#{name}").is_visible() for name in ("A1", "A2", "verdicts", "claims", "toolbar")] == [True] + [
        False
    ] * 4
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("[...document.querySelectorAll('#A1 .chart')].every(box => box._fullLayout.width === 660)")
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert not page.locator("#estimates-A1").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
