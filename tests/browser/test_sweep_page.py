"""The page of a sweep in a real browser, opened from disk: a curve, a heat map, and a line for each cell of more axes."""

import math

import pytest

from dipfolio.sweep.grid import Axis
from tests.support.pages import write_sweep

pytestmark = pytest.mark.slow

HOLD, DROP = Axis(name="hold", points=(2, 3, 4)), Axis(name="drop", points=(0.02, 0.03, 0.04, 0.05))
LATE = Axis(name="late", points=(False, True))
HOSTILE = Axis(name="universe", points=("<img src=x>", "<b>x</b>%{x}"))


@pytest.fixture
def visit(chromium, tmp_path):
    """Draw a sweep over these axes; afterwards nothing may have been said on the console or asked for outside the file."""
    said, asked, contexts = [], [], []

    def open_page(*axes, width=1280, before=""):
        path = write_sweep(tmp_path, *axes)
        context = chromium.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.add_init_script(before)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        asked[:] = [url for url in asked if url != path.as_uri() and not url.startswith(("data:", "blob:"))]
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert asked == []


def drawn(page, chart="surface"):
    page.wait_for_selector(f"#{chart} .main-svg")
    return page.evaluate(f"document.getElementById('{chart}').data.map(t => t.type)")


def test_one_axis_is_a_curve_and_two_are_a_heat_map(visit):
    assert drawn(visit(HOLD)) == ["scatter"]
    page = visit(HOLD, DROP)
    assert drawn(page)[0] == "heatmap"
    assert drawn(page, "outcomes") == ["bar"]


def cells(page):
    """The cells that have a line."""
    return page.evaluate("[...new Set(document.getElementById('surface').data.flatMap(t => t.customdata))].sort((a, b) => a - b)")


def test_more_axes_have_a_line_for_each_cell_and_a_choice_keeps_some(visit):
    page = visit(HOLD, DROP, LATE)
    assert set(drawn(page)) == {"scatter"}
    everything = list(range(math.prod(len(axis.points) for axis in (HOLD, DROP, LATE))))
    assert cells(page) == everything
    page.get_by_label("hold", exact=True).select_option("4")
    assert cells(page) == everything[16:24]
    page.get_by_label("late", exact=True).select_option("yes")
    assert cells(page) == everything[17:24:2]
    page.get_by_label("late", exact=True).select_option("all")
    assert cells(page) == everything[16:24]


def test_the_height_of_a_line_is_the_place_of_its_value(visit):
    """Hold 3 is the middle of three values, drop 0.05 the last of four, late the second of two."""
    page = visit(HOLD, DROP, LATE)
    drawn(page)
    cell = 1 * 8 + 3 * 2 + 1
    heights = page.evaluate(
        "cell => document.getElementById('surface').data.flatMap(t => t.y.filter((_, k) => t.customdata[k] === cell))", cell
    )
    assert heights[:3] == [0.5, 1, 1]
    assert 0 <= heights[3] <= 1


def test_a_click_on_a_line_shows_the_command_of_its_cell(visit):
    page = visit(HOLD, DROP, LATE)
    drawn(page)
    page.evaluate("document.getElementById('surface').emit('plotly_click', { points: [{ customdata: 15 }] })")
    assert page.locator("#command code").text_content().endswith("--hold 3 --drop 0.05 --late")


def test_hostile_names_and_values_are_text(visit):
    page = visit(HOLD, HOSTILE, LATE)
    drawn(page)
    page.wait_for_timeout(300)
    assert all(value in page.locator("#surface").text_content() for value in HOSTILE.points)
    assert page.locator("img").count() == 0


def test_a_browser_that_is_too_old_says_so_and_keeps_the_tables(visit):
    page = visit(HOLD, DROP, before="delete window.DecompressionStream")
    assert "This browser is too old to draw the chart" in page.locator("#surface").text_content()
    assert page.locator("#best").is_visible()


def test_no_button_sends_a_chart_away(visit):
    page = visit(HOLD, DROP)
    drawn(page)
    page.locator("#surface").hover()
    names = page.locator("#surface .modebar-btn").evaluate_all("buttons => buttons.map(b => b.getAttribute('data-title'))")
    assert "Download plot as a PNG" in names
    assert not [name for name in names if "hare" in name or "loud" in name]


def test_a_narrow_screen_never_scrolls_sideways(visit):
    page = visit(HOLD, DROP, LATE, width=360)
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
