"""Pages in a real browser, opened from disk: Debian's Chromium driven by Playwright.

Without either of them these tests are skipped, and say so.
"""

import json

import numpy as np
import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.report.comparison.alignment import align_tracks
from dipfolio.report.comparison.page import MANY_RUNS, comparison_page
from dipfolio.report.comparison.series import saved_track, with_unique_labels
from dipfolio.report.evidence_page import evidence_page
from dipfolio.report.html import write_page
from dipfolio.report.runs_index import refresh_index
from tests.report.test_assessment_summary import FEW, RULE, assessed
from tests.support.pages import CONTRAST, HOSTILE, write_comparison, write_many

pytestmark = pytest.mark.slow

MANY = MANY_RUNS + 30


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Three runs, one of them hostile, two with real tear sheets; their comparison, one of many runs, and the gallery."""
    shelf = tmp_path_factory.mktemp("reports")
    write_comparison(shelf)
    write_page(shelf / "steady", "evidence.html", evidence_page(assessed(RULE, FEW), tear_sheet=True))
    write_many(shelf, MANY)
    refresh_index(shelf)
    return shelf


@pytest.fixture
def visit(chromium, reports):
    """Open a page; afterwards nothing may have been said on the console or asked for outside the file."""
    said, asked, contexts = [], [], []

    def open_page(name="comparison.html", *, width=1280, height=900, theme="light"):
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        address = (reports / name).as_uri()
        page.goto(address)
        asked[:] = [url for url in asked if url != address and not url.startswith(("data:", "blob:"))]
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert asked == []


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def shown(page, chart):
    """Names of the lines that are drawn."""
    return page.evaluate("id => document.getElementById(id).data.filter(t => t.visible !== false).map(t => t.name)", chart)


def columns(page):
    return [text.strip() for text in page.locator("#metrics thead th").all_text_contents()]


def test_the_page_is_usable_as_soon_as_its_first_charts_are_drawn(visit):
    """Tear sheets and charts of other tabs are not unpacked or drawn before somebody opens them."""
    page = visit()
    page.wait_for_selector("#drawdown .main-svg")
    page.get_by_role("button", name="steady", exact=True).click()
    assert page.get_by_role("heading", level=1).text_content().startswith("steady / in-and-out / ")
    assert page.locator("iframe").count() == 0
    hidden = page.locator("[role=tabpanel][hidden] .main-svg").count()
    assert hidden == 0


def test_tabs_switch_by_click_and_by_arrow_keys(visit):
    page = visit()
    names = page.get_by_role("tab").all_text_contents()
    assert len(names) == 5
    for name in names:
        tab(page, name)
        panel = page.get_by_role("tabpanel")
        assert panel.count() == 1
        assert panel.get_attribute("aria-labelledby") == page.locator("[aria-selected=true]").get_attribute("id")
    page.keyboard.press("ArrowRight")
    assert page.locator(":focus").text_content() == names[0]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", selected=True).text_content() == names[1]
    assert page.locator("[role=tab][tabindex='0']").count() == 1
    page.keyboard.press("End")
    assert page.locator("#terms").is_visible()


def test_a_metric_puts_the_best_run_first_and_again_the_worst(visit):
    page = visit()
    before = columns(page)
    page.get_by_role("button", name="Total return").click()
    values = [float(v) for v in page.locator("#metrics tbody tr:first-child td").evaluate_all("c => c.map(x => x.dataset.value)")]
    assert values[:3] == sorted(values[:3], reverse=True)
    assert columns(page)[-1] == before[-1] == "B"
    assert sorted(columns(page)) == sorted(before)
    assert page.locator("#metrics [aria-sort]").get_attribute("aria-sort") == "descending"
    assert "sorted by Total return, best first" in page.get_by_role("status").text_content()
    page.get_by_role("button", name="Total return").press("Enter")
    again = [float(v) for v in page.locator("#metrics tbody tr:first-child td").evaluate_all("c => c.map(x => x.dataset.value)")]
    assert again[:3] == values[:3][::-1]
    page.get_by_role("button", name="Volatility").click()
    lows = [float(v) for v in page.locator("#metrics tbody tr:nth-child(3) td").evaluate_all("c => c.map(x => x.dataset.value)")]
    assert lows[:3] == sorted(lows[:3])


def test_months_sort_by_a_run(visit):
    page = visit()
    tab(page, "Returns")
    page.locator("#months thead button").nth(1).click()
    values = page.locator("#months tbody td:nth-child(2)").evaluate_all("c => c.map(x => Number(x.dataset.value))")
    assert values == sorted(values, reverse=True)


def test_the_legend_hides_a_run_everywhere_and_shows_it_alone(visit):
    page = visit()
    page.wait_for_selector("#drawdown .main-svg")
    chip = page.locator("[data-line='0']")
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert "steady" not in shown(page, "equity")
    assert "steady" not in shown(page, "drawdown")
    page.wait_for_timeout(600)
    chip.dblclick()
    assert shown(page, "equity") == ["steady"]
    chip.dblclick()
    assert len(shown(page, "equity")) == 4
    tab(page, "Trades and costs")
    page.wait_for_selector("#trades-chart .main-svg")
    drawn = page.evaluate("document.getElementById('trades-chart').data.length")
    chip.click()
    assert page.evaluate("document.getElementById('trades-chart').data.length") == drawn - 3


def test_scale_and_range_change_the_charts_together(visit):
    page = visit()
    page.wait_for_selector("#drawdown .main-svg")
    page.get_by_role("button", name="Log").click()
    assert page.evaluate("document.getElementById('equity').layout.yaxis.type") == "log"
    page.get_by_role("button", name="last three months").click()
    ranges = page.evaluate(
        "['equity', 'drawdown'].map(id => document.getElementById(id).layout.xaxis.range.map(d => d.slice(0, 10)))"
    )
    assert ranges[0] == ranges[1] == ["2024-10-14", "2025-01-14"]
    box = page.locator("#equity .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 60, steps=5)
    page.mouse.up()
    page.wait_for_function("() => document.getElementById('drawdown').layout.xaxis.range[0] > '2024-10-20'")
    assert page.locator("[data-months][aria-pressed=true]").count() == 0
    page.get_by_role("button", name="all", exact=True).click()
    assert page.evaluate("document.getElementById('equity').layout.xaxis.range[0]") == "2023-12-29"


def test_the_pointer_shows_all_values_of_a_session(visit):
    page = visit()
    page.wait_for_selector("#drawdown .main-svg")
    page.locator("#equity .nsewdrag").hover(position={"x": 400, "y": 100})
    page.wait_for_selector("#equity .hoverlayer .legend")
    text = page.locator("#equity .hoverlayer").text_content()
    assert all(name in text for name in ("steady", "in-and-out", "B :", " %"))


def test_hostile_names_are_text_in_the_page_and_in_the_charts(visit):
    page = visit()
    page.wait_for_selector("#drawdown .main-svg")
    page.locator("#equity .nsewdrag").hover(position={"x": 400, "y": 100})
    page.wait_for_selector("#equity .hoverlayer .legend")
    assert HOSTILE in page.locator("#equity .hoverlayer").text_content()
    for name in page.get_by_role("tab").all_text_contents():
        tab(page, name)
    page.wait_for_timeout(500)
    assert HOSTILE in page.locator("#trades-chart").text_content()
    assert page.locator("img, b:text-is('%{y}')").count() == 0
    assert page.title() != "owned"
    assert visit("index.html").locator("img").count() == 0


def test_two_tear_sheets_scroll_together_and_apart(visit):
    page = visit()
    tab(page, "Tear sheets")
    for pane in (0, 1):
        sheet = page.frame_locator(f"[data-pane='{pane}'] iframe")
        sheet.locator("#record").wait_for()
    tops = "[...document.querySelectorAll('.sheet')].map(s => s.scrollTop)"
    page.evaluate("document.querySelector('.sheet').scrollTop = 2500")
    page.wait_for_function("() => document.querySelectorAll('.sheet')[1].scrollTop > 1500")
    page.wait_for_timeout(300)
    page.evaluate("document.querySelector('.sheet').scrollTop = 0")
    page.wait_for_function("() => document.querySelectorAll('.sheet')[1].scrollTop === 0")
    page.wait_for_timeout(300)
    page.frame_locator("[data-pane='0'] iframe").locator("a[href='#record']").click()
    page.wait_for_function("() => [...document.querySelectorAll('.sheet')].every(s => s.scrollTop > 500)")
    page.wait_for_timeout(300)
    heads = [
        page.frame_locator(f"[data-pane='{pane}'] iframe").locator("#record").evaluate("e => e.getBoundingClientRect().top")
        for pane in (0, 1)
    ]
    assert page.evaluate(tops) == pytest.approx(heads, abs=3)
    page.get_by_label("Scroll both together").uncheck()
    page.evaluate("document.querySelector('.sheet').scrollTop = 100")
    page.wait_for_timeout(300)
    assert page.evaluate(tops) == pytest.approx([100, heads[1]], abs=3)


def test_the_charts_of_two_runs_stand_side_by_side(visit):
    page = visit()
    tab(page, "Tear sheets")
    for pane in (0, 1):
        frame = page.frame_locator(f"[data-pane='{pane}'] iframe")
        for name in ("prices-0", "path", "sources", "exposure"):
            frame.locator(f"#{name}").scroll_into_view_if_needed()
            frame.locator(f"#{name} .main-svg").first.wait_for()
            assert frame.locator(f"#{name}").evaluate("chart => chart.data.length") > 0
    page.get_by_label("Scroll both together").uncheck()
    page.get_by_label("Scroll both together").check()
    page.wait_for_timeout(300)
    heights = "document.querySelector('.sheet').querySelector('iframe').clientHeight"
    before = page.evaluate(heights)
    page.frame_locator("[data-pane='0'] iframe").locator("[data-table='exposure'] summary").click()
    page.wait_for_function(f"() => {heights} > {before} + 200")
    page.evaluate("document.querySelector('.sheet').scrollTop = 0")
    page.wait_for_function("() => document.querySelectorAll('.sheet')[1].scrollTop === 0")
    page.wait_for_timeout(300)
    page.wait_for_function(
        """() => {
            const [left, right] = document.querySelectorAll('.sheet');
            const head = pane => pane.querySelector('iframe').contentDocument.getElementById('exposure').closest('figure')
                .querySelector('h2').getBoundingClientRect().top;
            left.scrollTop = head(left);
            return Math.abs(right.scrollTop - head(right)) < 4;
        }"""
    )


def test_the_tear_sheets_follow_the_theme_of_the_page(visit):
    page = visit()
    tab(page, "Tear sheets")
    frame = page.frame_locator("[data-pane='0'] iframe")
    frame.locator("#prices-0 .main-svg").first.wait_for()
    paper = "chart => chart.layout.paper_bgcolor"
    light = frame.locator("#prices-0").evaluate(paper)
    page.locator("#theme").click()
    frame.locator("#prices-0 .main-svg").first.wait_for()
    assert frame.locator("html").evaluate("e => getComputedStyle(e).colorScheme") == "dark"
    assert frame.locator("#prices-0").evaluate(paper) != light


def test_no_script_of_a_tear_sheet_runs_but_ours(chromium, tmp_path):
    write_comparison(tmp_path)
    sheet = tmp_path / "steady" / "tearsheet.html"
    evil = "<script>top.document.title = 'owned'</script><img src=x onerror=\"top.document.title = 'owned'\">"
    sheet.write_text(sheet.read_text(encoding="utf-8").replace("</body>", f"{evil}</body>"), encoding="utf-8")
    names = ("steady", "in-and-out")
    alignment = align_tracks(with_unique_labels(saved_track(tmp_path / name) for name in names))
    address = write_page(tmp_path, "comparison.html", comparison_page(alignment, tmp_path)).as_uri()
    page = chromium.new_page()
    page.goto(address)
    tab(page, "Tear sheets")
    frame = page.frame_locator("[data-pane='0'] iframe")
    frame.locator("#prices-0 .main-svg").first.wait_for()
    assert frame.locator("img[src=x]").count() == 1
    page.wait_for_timeout(300)
    assert page.title() != "owned"
    page.close()


def test_the_links_of_a_tear_sheet_lead_to_its_folder(visit, reports):
    page = visit()
    tab(page, "Tear sheets")
    page.frame_locator("[data-pane='0'] iframe").locator("#record").wait_for()
    link = page.frame_locator("[data-pane='0'] iframe").get_by_role("link", name="trades.csv")
    assert link.evaluate("a => a.href") == (reports / "steady" / "trades.csv").as_uri()
    page.get_by_label("Right tear sheet").first.select_option("2")
    page.frame_locator("[data-pane='1'] iframe").get_by_text("hostile").wait_for()
    assert page.locator("[data-pane='1'] a").get_attribute("href") == "hostile/tearsheet.html"


@pytest.mark.parametrize("name", ["comparison.html", "many.html", "index.html", "steady/evidence.html"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out_in_both_themes(visit, name, theme):
    page = visit(name, theme=theme)
    for number in range(page.get_by_role("tab").count() or 1):
        if page.get_by_role("tab").count():
            page.get_by_role("tab").nth(number).click()
        assert page.evaluate(CONTRAST) == []


def test_the_theme_follows_the_system_until_the_button_says_otherwise(visit):
    page = visit(theme="dark")
    page.wait_for_selector("#drawdown .main-svg")
    background = "getComputedStyle(document.body).backgroundColor"
    line = "document.getElementById('equity').data[0].line.color"
    dark = page.evaluate(background), page.evaluate(line)
    page.get_by_role("button", name="Change to the light theme").click()
    light = page.evaluate(background), page.evaluate(line)
    assert light[0] == "rgb(255, 255, 255)"
    assert dark[0] != light[0]
    assert dark[1] != light[1]
    assert page.get_by_role("button", name="Change to the dark theme").count() == 1


@pytest.mark.parametrize("name", ["comparison.html", "many.html", "index.html", "steady/evidence.html"])
def test_a_narrow_screen_never_scrolls_sideways(visit, name):
    page = visit(name, width=360, height=740)
    for number in range(page.get_by_role("tab").count() or 1):
        if page.get_by_role("tab").count():
            page.get_by_role("tab").nth(number).click()
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_everything_can_be_reached_by_the_tab_key(visit):
    page = visit()
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate("document.activeElement.id || document.activeElement.className || document.activeElement.textContent")
        )
    assert {"theme", "tab-overview", "overview", "skip", "Log"} <= seen
    assert any("chip" in name for name in seen)


def test_charts_and_tables_have_names_for_those_who_do_not_see(visit):
    page = visit()
    charts = page.get_by_role("img")
    assert charts.first.get_attribute("aria-label").startswith("Equity. Growth over the window: steady ")
    assert page.get_by_role("table").first.locator("caption").count() == 1
    assert page.get_by_role("rowheader", name="Sharpe").count() == 1
    assert page.get_by_role("columnheader", name="steady").count() == 1


def test_the_gallery_sorts_and_makes_the_command_to_compare(visit):
    page = visit("index.html")
    page.get_by_role("button", name="Total return").click()
    values = page.locator("#runs tbody td:nth-child(3)").evaluate_all("c => c.map(x => Number(x.dataset.value))")
    assert values == sorted(values, reverse=True)
    page.get_by_label("Compare steady").check()
    page.get_by_label("Compare in-and-out").check()
    words = page.locator("#command code").text_content().split()
    assert words[:3] == ["python", "backtest.py", "compare"]
    assert sorted(words[3:]) == ["in-and-out", "steady"]
    assert page.get_by_role("link", name="latest comparison").get_attribute("href") == "comparison.html"


def test_without_scripts_every_number_can_be_read(chromium, reports):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((reports / "comparison.html").as_uri())
    for table in ("metrics", "costs", "months", "correlations", "parameters"):
        assert page.locator(f"#{table}").is_visible()
    context.close()


def chart_data(page):
    """What the page draws, as it is written in it."""
    return json.loads(page.locator("#chart-data").text_content())


def axis(page, chart, name):
    return page.evaluate("([id, name]) => document.getElementById(id).layout[name].range", [chart, name])


def shown_range(page):
    return [page.locator(f"#{edge}").input_value() for edge in ("from", "to")]


def test_around_the_trades_is_the_time_of_the_trades_of_the_lines_drawn(visit):
    """The hostile run decides on the closes of the sessions 30 and 90, counted from 0, and trades on the next opens."""
    page = visit()
    page.wait_for_selector("#drawdown .main-svg")
    sessions = [str(day.date()) for day in calendar.between(pd.Timestamp("2024-01-02"), pd.Timestamp("2025-02-01"))]
    button = page.get_by_role("button", name="Around the trades")
    button.click()
    assert shown_range(page) == ["2023-12-29", chart_data(page)["days"][-1]]  # the first run trades from session 1 to the end
    for line in ("0", "1"):
        page.locator(f"[data-line='{line}']").click()
        page.wait_for_timeout(600)
    assert shown_range(page) == [sessions[31 - 15], sessions[91 + 15]]
    assert axis(page, "equity", "xaxis") == axis(page, "drawdown", "xaxis") == [sessions[31 - 15], sessions[91 + 15]]
    assert button.get_attribute("aria-pressed") == "true"
    page.locator("[data-line='2']").click()
    assert button.is_disabled()


def test_the_vertical_axis_fits_what_is_shown(visit):
    page = visit()
    page.wait_for_selector("#drawdown .main-svg")
    data = chart_data(page)
    page.locator("#from").fill("2024-05-01")
    page.locator("#to").fill("2024-08-01")
    inside = [i for i, day in enumerate(data["days"]) if "2024-05-01" <= day <= "2024-08-01"]
    lines = [*data["lines"], data["benchmark"]]
    values = [(line["wealth"][i] - 1) * 100 for line in lines for i in inside]
    room = 0.06 * (max(values) - min(values))
    assert axis(page, "equity", "yaxis") == pytest.approx([min(values) - room, max(values) + room])
    page.get_by_role("button", name="Log").click()
    logs = [np.log10(line["wealth"][i]) for line in lines for i in inside]
    room = 0.06 * (max(logs) - min(logs))
    assert axis(page, "equity", "yaxis") == pytest.approx([min(logs) - room, max(logs) + room])
    falls = [line["drawdown"][i] * 100 for line in lines for i in inside]
    assert axis(page, "drawdown", "yaxis")[0] == pytest.approx(min(falls) - 0.06 * (max(falls) - min(falls)))
    page.get_by_role("button", name="all", exact=True).click()
    assert shown_range(page) == [data["days"][0], data["days"][-1]]


def test_all_lines_can_start_at_nothing_at_the_left_edge_after_each_zoom(visit):
    page = visit()
    page.wait_for_selector("#drawdown .main-svg")
    data = chart_data(page)
    page.get_by_label("Start all lines at 0 %").check()
    for edge in ("2024-05-01", "2024-09-03"):
        page.locator("#from").fill(edge)
        first = data["days"].index(edge)
        drawn = page.evaluate("document.getElementById('equity').data.map(t => t.y)")
        for line, values in zip([*data["lines"], data["benchmark"]], drawn, strict=True):
            assert values[first] == 0
            assert values[-1] == pytest.approx((line["wealth"][-1] / line["wealth"][first] - 1) * 100, abs=1e-6)
        assert (
            f"Growth since the close of {edge}, where every line starts at 0 %." in page.locator("#equity-caption").text_content()
        )
    page.get_by_label("Start all lines at 0 %").uncheck()
    assert page.evaluate("document.getElementById('equity').data[0].y[0]") == 0
    assert "every line from the same close" in page.locator("#equity-caption").text_content()


def test_a_double_click_shows_all_sessions_again_and_an_empty_range_is_refused(visit):
    page = visit()
    page.wait_for_selector("#drawdown .main-svg")
    whole = shown_range(page)
    page.get_by_role("button", name="last three months").click()
    before = shown_range(page)
    assert before != whole
    page.locator("#to").fill("2024-01-05")
    assert shown_range(page) == before
    box = page.locator("#equity .nsewdrag").bounding_box()
    page.mouse.dblclick(box["x"] + 300, box["y"] + 60)
    page.wait_for_function("whole => document.getElementById('from').value === whole", arg=whole[0])
    assert shown_range(page) == whole


def test_what_the_mouse_does_stands_beside_the_chart(visit):
    said = visit().locator("#equity-caption .hint.wide")
    assert said.is_visible()
    assert said.text_content().startswith("Drag across a chart to zoom in")
    narrow = visit(width=390)
    assert not narrow.locator(".hint.wide").is_visible()
    assert narrow.locator(".hint.narrow").is_visible()


def rows(page, table):
    """The names in the rows that are shown."""
    names = page.locator(f"#{table} tbody th").all()
    return [name.text_content().strip() for name in names if name.is_visible()]


def test_of_many_runs_eight_are_drawn_at_first_and_a_box_finds_the_others(visit):
    page = visit("many.html")
    page.wait_for_selector("#drawdown .main-svg")
    assert shown(page, "equity") == [f"{'odd' if n % 2 else 'even'}-{n}" for n in range(8)] + ["B"]
    assert page.locator("#drawn").text_content() == f"8 of {MANY} lines drawn"
    assert len(rows(page, "metrics")) == MANY + 1
    page.get_by_label("Find runs").fill("odd 3")
    matches = [f"odd-{n}" for n in range(1, MANY, 2) if "3" in str(n)]
    assert rows(page, "metrics") == [*matches, "B"]
    assert rows(page, "answers") == matches
    assert page.get_by_text(f"{len(matches)} of {MANY} runs in the tables").is_visible()
    page.get_by_role("button", name="Draw only these").click()
    assert shown(page, "equity") == [*matches, "B"]
    colours = page.evaluate(
        "document.getElementById('equity').data.slice(0, -1).map(t => [t.line.color, t.line.dash, t.mode].join())"
    )
    assert len(set(colours)) == len(matches)
    assert all(",solid,lines" in colour for colour in colours)
    tab(page, "Returns")
    assert rows(page, "correlations") == [*matches, "B"]
    heads = page.locator("#correlations thead th").evaluate_all(
        "h => h.filter(x => x.offsetParent).map(x => x.textContent.trim())"
    )
    assert heads == ["Run", *matches, "B"]
    tab(page, "Overview")
    page.get_by_label("Find runs").fill("")
    page.get_by_role("button", name="Draw none").click()
    assert shown(page, "equity") == ["B"]
    page.get_by_role("button", name="Draw all").click()
    assert len(shown(page, "equity")) == MANY + 1


def test_the_tables_of_many_runs_have_them_as_rows_and_sort_them(visit):
    page = visit("many.html")
    heads = page.locator("#metrics thead th")
    assert heads.first.text_content() == "Run"
    for name, down in (("Total return", True), ("Volatility", False)):
        place = next(i for i, text in enumerate(heads.all_text_contents()) if text.startswith(name))
        heads.nth(place).get_by_role("button").click()
        values = page.locator(f"#metrics tbody td:nth-child({place + 1})").evaluate_all(
            "c => c.map(x => Number(x.dataset.value))"
        )
        assert values == sorted(values, reverse=down)
    page.locator("#answers thead").get_by_role("button", name="Profit").click()
    texts = page.locator("#answers tbody td:nth-child(3)").all_text_contents()
    profits = [float(text.split()[0].replace("$", "").replace(",", "")) for text in texts]
    assert profits == sorted(profits, reverse=True)
