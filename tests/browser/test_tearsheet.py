"""The charts of a tear sheet in a real browser, opened from disk."""

from pathlib import Path

import pytest

from tests.support.pages import CONTRAST, write_busy, write_dip, write_short

pytestmark = pytest.mark.slow

DRAWN = """[...document.querySelectorAll('.charts .chart')].filter(box => box.dataset.place !== '')
    .every(box => box.querySelector('.main-svg'))"""
CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async text => { window.copied = text; }}})"
CHARTS = ("prices-0", "path", "held", "sources", "drawdowns", "exposure", "rolling", "starts")
WEEK_CHARTS = ("prices-0", "path", "held", "sources", "drawdowns", "exposure")
"""Of a run of a few sessions without a benchmark."""


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    """The dip of twelve names, a short of one, and 130 trades with costs of very different size."""
    shelf = tmp_path_factory.mktemp("sheets")
    write_dip(shelf)
    write_short(shelf)
    write_busy(shelf)
    return shelf


@pytest.fixture
def visit(chromium, sheets):
    """Open a sheet; afterwards nothing may have been said on the console or asked for outside the file."""
    said, asked, contexts = [], [], []

    def open_page(name="dip", *, width=1280, theme="light", before="", scripts=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=scripts, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        if before:
            page.add_init_script(before)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((sheets / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    own = tuple(path.as_uri() for path in sheets.iterdir())
    assert [url for url in asked if url not in own and not url.startswith(("data:", "blob:"))] == []


def draw_all(page, charts=CHARTS):
    for chart in charts:
        page.locator(f"#{chart}").scroll_into_view_if_needed()
        page.wait_for_selector(f"#{chart} .main-svg")


def test_the_prices_stand_below_the_answer_and_above_quantstats(visit):
    page = visit()
    page.wait_for_selector("#prices-0 .main-svg")
    tops = [page.locator(where).bounding_box()["y"] for where in ("#answer", "#charts", ".container", "#subperiods", "#record")]
    assert tops == sorted(tops)
    assert page.locator("#figure-prices h2").bounding_box()["y"] < 500


def test_six_symbols_stand_beside_each_other_and_the_others_can_be_chosen(visit):
    page = visit()
    draw_all(page)
    assert page.locator(".multiples:not(.one) .multiple").count() == 6
    assert page.locator("#prices-0").evaluate("box => box.previousElementSibling.textContent") == "META: +$9,030 in 1 trade"
    page.get_by_label("More symbols").select_option("ORCL")
    page.wait_for_selector("#prices-more .main-svg")
    assert page.locator("#chosen h3").text_content().startswith("ORCL: ")


def test_a_mark_says_shares_price_cost_and_profit(visit):
    page = visit("short")
    page.wait_for_selector("#prices-0 .main-svg")
    words = page.evaluate(
        "document.getElementById('prices-0').data.filter(t => t.mode === 'markers').map(t => [t.name, t.text[0]])"
    )
    assert [name for name, _ in words][:2] == ["sold short", "exit"]
    for said in ("sold short 3,000 NVDA", "at the close at $142.591", "commission and fees $", "profit of the trade "):
        assert said in words[0][1]


def test_the_tables_behind_the_charts_can_be_opened_and_copied(visit):
    page = visit()
    draw_all(page)
    for name in ("prices", "path", "held", "sources", "drawdowns", "exposure", "rolling", "starts"):
        fold = page.locator(f"[data-table={name}]")
        fold.locator("summary").click()
        fold.locator("table").wait_for()
        assert fold.locator("table thead th[scope=col]").count() >= 2
        assert fold.locator("table tbody th[scope=row]").count() >= 2
    total = page.locator("[data-table=path] tbody tr").last.locator("td").nth(12).text_content()
    assert f"+${float(total):,.0f} (" in page.locator("#answer").text_content()
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async text => { window.copied = text; } } })"
    )
    page.locator("[data-copy=sources]").click()
    page.wait_for_function("() => window.copied")
    lines = page.evaluate("window.copied").splitlines()
    assert lines[0] == "name,Dollars"
    assert len(lines) == 13
    assert lines[1].startswith("META,90")


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_chart_is_saved_as_a_picture(visit, kind):
    page = visit()
    draw_all(page, ["path"])
    with page.expect_download() as saved:
        page.locator(f"#figure-path [data-save={kind}]").click()
    content = Path(saved.value.path()).read_bytes()
    assert saved.value.suggested_filename == f"path.{kind}"
    assert content.startswith(b"\x89PNG" if kind == "png" else b"<svg")


def test_the_cuts_of_the_profit_and_the_sessions_can_be_chosen(visit):
    page = visit()
    draw_all(page)
    page.get_by_role("button", name="By side").click()
    assert page.evaluate("document.getElementById('sources').data[0].customdata") == ["long"]
    page.get_by_role("button", name="First 20", exact=True).click()
    assert page.evaluate("Math.max(...document.getElementById('held').data[0].x)") == 20
    page.get_by_role("button", name="All", exact=True).click()
    assert page.evaluate("Math.max(...document.getElementById('held').data[0].x)") == 234


def test_the_rolling_metric_and_the_sessions_after_a_start_date_can_be_chosen(visit):
    page = visit()
    draw_all(page, ["rolling", "starts"])
    assert page.locator("#rolling").evaluate("box => box.data.map(line => line.name)") == ["account", "SPY"]
    page.get_by_role("button", name="Volatility", exact=True).click()
    assert 0 < page.locator("#rolling").evaluate("box => Math.max(...box.data[0].y)") < 10
    assert len(page.locator("#rolling").evaluate("box => box.data[0].x")) == 377
    page.get_by_role("button", name="After 250 sessions").click()
    assert len(page.locator("#starts").evaluate("box => box.data[0].x")) == 253
    fold = page.locator("[data-table=starts]")
    fold.locator("summary").click()
    assert fold.locator("thead th").last.text_content() == "Account less benchmark after 250 sessions"


def test_the_sections_above_the_record_do_not_overlap_the_sheet(visit):
    page = visit()
    draw_all(page, ["rolling"])
    sheet, below = (page.locator(where).bounding_box() for where in (".container", "#subperiods"))
    tables = page.locator(".container #right").bounding_box()
    assert below["y"] >= max(sheet["y"] + sheet["height"], tables["y"] + tables["height"]) - 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_outside_the_charts_stands_out_in_both_themes(visit, theme):
    page = visit(theme=theme)
    draw_all(page)
    assert page.evaluate(CONTRAST) == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (theme == "light")
    assert page.evaluate("getComputedStyle(document.querySelector('.container')).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("name", ["dip", "short", "busy"])
def test_a_narrow_screen_never_scrolls_sideways(visit, name):
    page = visit(name, width=390)
    draw_all(page, WEEK_CHARTS if name == "busy" else CHARTS)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_on_paper_every_chart_is_drawn_light_and_within_the_sheet(visit):
    page = visit(theme="dark")
    page.wait_for_selector("#prices-0 .main-svg")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate(DRAWN)
    assert page.evaluate("document.getElementById('path')._fullLayout.width") == 660
    assert page.evaluate("document.getElementById('path')._fullLayout.paper_bgcolor") == "rgb(255, 255, 255)"
    assert page.locator(".charts button:visible").count() == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")


def test_without_scripts_or_in_an_old_browser_the_record_stands_without_charts(visit):
    for page in (visit(scripts=False), visit(before="delete window.DecompressionStream")):
        assert not page.locator("#charts").is_visible()
        assert page.locator("#trades").is_visible()
        assert page.locator("#unable").is_visible()
        assert page.locator("#figure-starts table.static").is_visible()
        assert page.locator("#figure-factors").is_visible()
        assert not page.locator("#starts").is_visible()
        assert not page.locator("#subperiods button").first.is_visible()


OUTSIDE = """name => {
    const box = document.getElementById(name), edges = box.getBoundingClientRect();
    const plot = box.querySelector('.nsewdrag').getBoundingClientRect();
    const parts = [...box.querySelectorAll('.bars text')].map(text => [text, plot.left]);
    parts.push(...[...box.querySelectorAll('.ytick text')].map(text => [text, edges.left]));
    return parts.filter(([text, left]) => text.textContent && text.getBoundingClientRect().width)
        .map(([text, left]) => [text.textContent, text.getBoundingClientRect(), left])
        .filter(([, at, left]) => at.left < left - 1 || at.right > edges.right + 1).map(([words]) => words);
}"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["dip", "short", "busy"])
def test_no_label_of_the_cuts_is_cut_off(visit, name, width):
    page = visit(name, width=width)
    draw_all(page, ["sources"])
    for cut in ("By name", "By month", "By side", "By reason of exit", "By source"):
        page.get_by_role("button", name=cut, exact=True).click()
        page.wait_for_timeout(100)
        assert page.locator("#sources .bars text").count() > 0
        assert page.evaluate(OUTSIDE, "sources") == [], cut


def shown_rows(page):
    return page.locator("#trades tbody tr:not(.total):visible").count()


def test_a_long_table_shows_its_first_rows_and_is_filtered(visit):
    page = visit("busy")
    tools = page.locator(".record .tools")
    assert tools.count() == 1
    assert (shown_rows(page), tools.locator("[role=status]").text_content()) == (50, "50 of 130 rows")
    page.get_by_role("button", name="Show 50 more").click()
    assert shown_rows(page) == 100
    page.get_by_role("button", name="Show 50 more").click()
    assert (shown_rows(page), page.get_by_role("button", name="Show 50 more").is_visible()) == (130, False)
    page.get_by_label("Filter").fill("s12")
    assert tools.locator("[role=status]").text_content() == "11 of 11 rows"  # S12 and S120 to S129
    assert page.locator("#trades .total").is_visible()
    page.get_by_label("Filter").fill("nobody")
    assert (shown_rows(page), tools.locator("[role=status]").text_content()) == (0, "0 of 0 rows")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_filter_of_a_long_table_and_the_best_trades_stand_out_in_both_themes(visit, theme):
    page = visit("busy", theme=theme)
    draw_all(page, WEEK_CHARTS)
    assert page.evaluate(CONTRAST) == []


def test_without_scripts_every_row_of_a_long_table_is_there(visit):
    assert shown_rows(visit("busy", scripts=False)) == 130


def test_the_best_and_the_worst_trades_stand_below_the_cuts(visit):
    page = visit("busy")
    page.locator(".without").scroll_into_view_if_needed()
    heads = page.locator(".without tbody th").all_text_contents()
    assert heads == [
        *("Best trade", "Best 3 trades", "Best 5 trades", "Best 10 trades"),
        *("Worst trade", "Worst 3 trades", "Worst 5 trades", "Worst 10 trades"),
    ]
    assert "is a subtraction and no test" in page.locator(".without .small").text_content()
