"""Tear sheet: what stands on the page, what must not, and that it is the same page every time."""

# ruff: noqa: ARG005 - the formulas of the rows share one signature
import dataclasses
import gzip
import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import warnings
from base64 import b64decode, b64encode
from datetime import date
from html import unescape
from itertools import accumulate, pairwise
from pathlib import Path

import matplotlib as mpl
import matplotlib.font_manager
import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.data.risk_free import parse_risk_free
from dipfolio.engine.account import Account
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.report.run_record import state_assumptions
from dipfolio.report.tearsheet import (
    OMITTED_METRICS,
    THINNING_STEP,
    drawdown_periods,
    shorten_drawing,
    tear_sheet,
    tear_sheets,
)
from tests.support.formulas import ANNUAL, ROOT_YEAR, below, by, compound, downside, falls, session
from tests.support.markets import make_bars
from tests.support.strategies import script
from tests.support.tear_sheets import BENCHMARKED, KINDS, RATES, Page, strategy, wiped_out

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def jobs():
    bars = make_bars({"A": [100.0 + day % 5 for day in range(40)]})
    made = [simulate(script({start: {"A": 100}}), bars) for start in (0, 5, 10)]
    return [(result, measure(result), parse_risk_free("0")) for result in made]


@pytest.mark.slow
def test_sheets_drawn_in_processes_are_those_drawn_here(jobs):
    assert list(tear_sheets(jobs, processes=2)) == [tear_sheet(*job) for job in jobs]


@pytest.mark.slow
def test_a_few_sheets_are_drawn_here(jobs, monkeypatch):
    monkeypatch.setattr("multiprocessing.get_context", lambda _: pytest.fail("started a process"))
    assert len(list(tear_sheets(jobs[:2]))) == 2
    assert len(list(tear_sheets(jobs, processes=1))) == 3


def test_no_sheet_is_no_work():
    assert list(tear_sheets([])) == []


ROOT = Path(__file__).parents[2]
FONTS = [font.name for font in mpl.font_manager.fontManager.ttflist]  # before any page was drawn
HOSTILE = "<script>alert(1)</script>{{metrics}}</body></head><hr>&\"'<img src=x onerror=alert(2)>"
BY_DAY = [
    "Payoff Ratio",
    "Profit Factor",
    "Kelly Criterion",
    "Max Consecutive Wins",
    "Max Consecutive Losses",
    "Avg. Win",
    "Avg. Loss",
]


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def html(drawn):
    """The page of a run."""
    return lambda kind: drawn(kind)[0]


@pytest.fixture(scope="module")
def page(html):
    """The page of a run, read once."""
    read = {}

    def parse(kind):
        if kind not in read:
            read[kind] = Page(html(kind))
        return read[kind]

    return parse


@pytest.mark.parametrize("kind", KINDS)
def test_every_run_has_a_whole_page_with_its_record(html, kind):
    page = html(kind)
    assert page.index("<!DOCTYPE html>") < 100
    assert page.rstrip().endswith("</html>")
    for once in ("<head>", "</head>", "<body>", "</body>", '<section class="record" id="record">', "<h1", "<title>"):
        assert page.count(once) == 1, once
    assert "{{" not in page
    assert "token" not in page


@pytest.mark.parametrize("kind", KINDS)
def test_the_heading_and_the_title_of_the_window_are_the_name_of_the_run(page, runs, kind):
    headings, name = dict(page(kind).headings), runs[kind].strategy
    assert headings["title"] == (f"{name} (universe A)" if kind == "wiped out" else name)
    assert headings["h1"].startswith(headings["title"])


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_asks_for_anything_outside(html, page, kind):
    sheet = page(kind)
    links = [value for _, name, value in sheet.attributes if name in ("src", "href", "xlink:href", "srcset", "action", "poster")]
    assert [link for link in links if ":" in link.split("data:", 1)[0] or link.startswith("//")] == []
    assert "@import" not in html(kind)
    assert html(kind).count("url(") == html(kind).count("url(#")
    assert not {"iframe", "object", "embed", "base", "form"} & set(sheet.tags)


def test_the_lines_of_a_chart_are_those_of_matplotlib_to_a_tenth_of_a_point(html):
    """The longest line of the sheet has a point for most sessions, within the bounds of its drawing."""
    paths = re.findall(r' d="(M[^"]+)"', html("even QQQ"))
    line = max((path for path in paths if "C" not in path and "z" not in path), key=len)
    points = points_of(line)
    assert len(points) > 300
    assert all(0 <= x <= 600 and -20 <= y <= 400 for x, y in points)
    assert all(one[0] <= other[0] for one, other in pairwise(points))


def points_of(path):
    """The points of a path of one line whose points are steps from the one before, each number with one decimal at the most."""
    assert re.fullmatch(r"M[-.\d ]+l[-.\d ]+", path)
    numbers = [float(number) for number in re.findall(r"-?(?:\d*\.\d|\d+)", path)]
    return list(zip(accumulate(numbers[::2]), accumulate(numbers[1::2]), strict=True))


def test_a_line_is_written_as_steps_between_its_rounded_points():
    ends = [(81.94, 280.66), (82.03, 283.5), (82.03, 283.5), (92.06, 283.44), (92.0, -0.04), (90.96, 3.96)]
    drawn = "M " + " \nL ".join(f"{x} {y}" for x, y in ends)
    found = re.search('d="([^"]*)"', shorten_drawing(f'<svg><path d="{drawn} \n"/></svg>'))[1]
    assert found == "M81.9 280.7l.1 2.8 0 0 10.1-.1-.1-283.4-1 4"
    assert points_of(found) == [pytest.approx((round(x, 1), round(y, 1)), abs=1e-9) for x, y in ends]


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 1.5 2.5 \nL 3.5 4.5 \nz \nM 1.0 1.0 \nL 2.0 2.0 \nz", "M1.5 2.5l2 2zM1 1l1 1z"),
        ("M 1.0 1.0 \nL 2.0 2.0 \nM 5.0 5.0 \nL 5.5 5.5", "M1 1l1 1M5 5l.5.5"),
        ("M 1.234 2.345 \nC 1.999 2 3 4.001 5 6", "M1.23 2.35C2.00 2 3 4.00 5 6"),
        ("M 1.26 2.34 \nH 9.87", "M1.3 2.3H9.9"),
    ],
)
def test_other_paths_keep_their_points(path, short):
    assert shorten_drawing(f'<svg><path d="{path} \n"/></svg>') == f'<svg><path d="{short}"/></svg>'


def test_a_long_line_keeps_the_first_the_extremes_and_the_last_of_what_falls_together():
    rng = np.random.default_rng(4)
    ends = [(80 + 0.02 * k, round(float(y), 1)) for k, y in enumerate(rng.normal(100, 20, 5_000))]
    drawn = "M 79.0 100.0 \nL " + " \nL ".join(f"{x} {y}" for x, y in ends)
    points = points_of(re.search('d="([^"]*)"', shorten_drawing(f'<svg><path d="{drawn} \n"/></svg>'))[1])[1:]
    assert len(points) <= 4 * (100 / THINNING_STEP + 1)
    # The outline is that of all points: within each step the lowest and the highest are still there.
    for step in range(200, 450):
        inside = [y for x, y in ends if step <= round(x, 1) / THINNING_STEP < step + 1]
        kept = [y for x, y in points if step <= round(x, 1) / THINNING_STEP < step + 1]
        assert (min(kept), max(kept)) == pytest.approx((min(inside), max(inside)), abs=1e-6)


def test_the_words_of_a_chart_are_words(html):
    words = re.findall("<text[^>]*>([^<]*)</text>", html("week"))
    assert "Underwater Plot" in words
    assert "Cumulative Returns vs Benchmark" in " ".join(words)


def test_what_nobody_sees_of_a_drawing_goes_and_what_is_referred_to_stays():
    unseen, seen = "<metadata>\n<a/>\n</metadata>\n", '<g clip-path="url(#p1)"/></g><clipPath id="p1"/></svg>'
    drawing = f'<svg>\n{unseen}<g id="text_1">\n<!-- 2010 -->\n{seen}'
    assert re.sub(r"\s", "", shorten_drawing(drawing)) == '<svg><g><gclip-path="url(#p1)"/></g><clipPathid="p1"/></svg>'


@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_of_the_drawings_is_defined_once_and_before_it_is_used(html, kind):
    parts = re.findall(r'<path id="([^"]+)"|xlink:href="#([^"]+)"', html(kind))
    known = set()
    for defined, used in parts:
        if used:
            assert used in known
        else:
            assert defined not in known
            known.add(defined)


@pytest.mark.parametrize("kind", KINDS)
def test_only_our_scripts_may_run_and_a_run_without_trades_has_none(html, runs, kind):
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', html(kind))[1])
    library = re.findall(r'<script type="text/plain" id="library">([^<]+)</script>', html(kind))
    run = [gzip.decompress(b64decode(packed)) for packed in library]
    run += [body.encode() for body in re.findall(r"<script>(.*?)</script>", html(kind), flags=re.DOTALL)]
    hashes = [f"'sha256-{b64encode(hashlib.sha256(body).digest()).decode()}'" for body in run]
    assert policy.split("script-src ")[1].split() == hashes
    assert policy.startswith("default-src 'none';")
    assert len(run) == (0 if runs[kind].fills.empty else 4)
    assert len(html(kind).encode()) < 1_500_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_trade_every_assumption_and_the_fingerprint_are_on_the_page(page, runs, kind):
    result, sheet = runs[kind], page(kind)
    assert result.provenance.sha256 in sheet.text
    for topic, sentence in state_assumptions(result):
        assert topic in sheet.text
        assert sentence in sheet.text
    for name, version in result.versions.items():
        assert f"{name} {version}" in sheet.text
    for trade in result.trades.itertuples():
        (row,) = [
            row for row in sheet.rows if row[:1] == [trade.symbol] and f"{trade.exit_session.date()} {trade.exit_at}" in row
        ]
        assert row[2] == f"{trade.entry_session.date()} {trade.entry_at}"
        assert row[5].replace(",", "") == f"{trade.shares:.10g}"
        assert row[6:8] == [f"{trade.entry_price:,.4f}", f"{trade.exit_price:,.4f}"]
        assert f"{abs(trade.profit):,.2f}" in row[12]
    for position in result.open_positions.itertuples():
        (row,) = [row for row in sheet.rows if row[:1] == [position.symbol] and f"{position.shares:,.10g}" in row]
        assert f"{abs(position.profit):,.2f}" in row[7]


@pytest.mark.parametrize("kind", ["dip SPY", "dip none", "even QQQ", "even none", "week"])
def test_our_numbers_are_those_that_quantstats_prints(page, runs, kind):
    sheet, found = page(kind), measure(runs[kind])
    ours = {
        "Cumulative Return": found.total_return * 100,
        "Sharpe": found.sharpe,
        "Sortino": found.sortino,
        "Max Drawdown": found.worst_drawdown * 100,
        "Volatility (ann.)": found.volatility * 100,
    }
    theirs = {label: sheet.number(label) for label in ours}
    assert theirs == pytest.approx({label: round(value, 2) for label, value in ours.items()}, abs=1e-9)
    assert sheet.row("Cumulative Return")[-1].endswith("%")


@pytest.mark.parametrize("kind", ["dip SPY", "even QQQ", "week"])
def test_the_benchmark_of_the_page_is_ours(page, runs, kind):
    sheet = page(kind)
    assert sheet.row("Metric") == ["Metric", runs[kind].benchmark, runs[kind].strategy]
    assert sheet.number("Cumulative Return", 1) == pytest.approx(round(measure(runs[kind]).benchmark_return * 100, 2), abs=1e-9)


def test_the_idle_year_before_the_dip_is_on_the_page(html, page):
    assert "2 Jan, 2024" in html("dip SPY")
    assert page("dip SPY").row("2024")[2] == "0.00%"


@pytest.mark.parametrize("label", BY_DAY)
def test_what_quantstats_counts_by_day_is_labelled_so(page, label):
    labels = [row[0] for row in page("dip SPY").rows if row]
    assert f"{label} (by day)" in labels
    assert label not in labels


def test_a_risk_free_rate_is_on_the_page_and_in_the_ratios(runs):
    result = runs["dip none"]
    found = measure(result, 0.04)
    page = Page(tear_sheet(result, found, risk_free=0.04))
    assert page.number("Risk-Free Rate") == 4.0
    assert page.number("Sharpe") == pytest.approx(round(found.sharpe, 2), abs=1e-9)


def test_a_strategy_that_is_called_like_its_benchmark_has_a_page_too(runs):
    result = dataclasses.replace(runs["dip SPY"], strategy="SPY", benchmark="SPY")
    html = tear_sheet(result, measure(result))
    assert "SPY as benchmark" in html
    assert "<svg" in html


def test_a_return_above_100_percent_is_not_taken_for_a_price():
    bars = make_bars({"A": [100.0, 100, 250, 250, 250]})
    result = simulate(script({0: {"A": 1.0}}, unit="weight"), bars, Account().without_costs())
    found = measure(result)
    assert found.total_return == pytest.approx(1.5)
    page = Page(tear_sheet(result, found))
    assert "+150.00 %" in page.text
    claimed = [row[1].strip("%") for row in page.rows if row and row[0] in ("Cumulative Return", "Best Day")]
    assert set(claimed) <= {"150.0", "150.00"}
    assert "-100.0%" not in page.text


def test_a_lost_account_gets_a_plain_page_that_says_so(page, runs):
    sheet = page("wiped out")
    assert f"Wiped out on {runs['wiped out'].window[1]}" in sheet.text
    assert "svg" not in sheet.tags
    assert "Sharpe" not in [row[0] for row in sheet.rows if row]


def test_a_run_without_a_trade_says_so(page):
    sheet = page("no trade")
    assert "The strategy never traded in this window: no decision falls into it" in sheet.text
    assert "No trade has ended in this window." in sheet.text
    assert sheet.number("Cumulative Return") == 0


def test_the_remarks_stand_above_the_charts_too(html):
    assert html("dip SPY").index("1 observation at the most") < html("dip SPY").index("<svg")


def test_the_sum_under_the_trades_is_their_sum(page, runs):
    sheet, trades = page("dip SPY"), runs["dip SPY"].trades
    total = sheet.row("Sum")
    assert total[8] == f"${trades['gross'].sum():,.2f}"
    assert total[12] == f"${trades['profit'].sum():,.2f}"


def test_the_costs_add_up(page, runs):
    sheet, found = page("short"), measure(runs["short"])
    cost = found.commission + found.fees + found.slippage + found.borrow + found.interest - found.dividends
    assert sheet.row("Together")[1] == f"-${cost:,.2f}"
    assert sheet.row("Borrow fees")[1] == f"-${found.borrow:,.2f}"


def hostile(result, *fields):
    """The run with words that would do harm on a page."""
    events = wiped_out().events.assign(kind="bankrupt" if result.bankrupt else "refused", detail=HOSTILE)
    values = {"changed": {"universe": HOSTILE}, "parameters": {"universe": HOSTILE}, "events": events}
    return dataclasses.replace(result, **{field: values.get(field, HOSTILE) for field in fields})


@pytest.mark.parametrize("kind", ["week", "wiped out"])
@pytest.mark.parametrize("fields", [("changed", "parameters", "title", "strategy", "events"), ("benchmark",)], ids=len)
def test_hostile_words_stay_words(page, runs, kind, fields):
    result = hostile(runs[kind], *fields)
    sheet, plain = Page(tear_sheet(result, measure(result))), page(kind)
    assert sheet.tags.count("script") == plain.tags.count("script")
    assert [value for _, name, value in sheet.attributes if name.startswith("on")] == []
    for tag in ("img", "section", "body", "head", "hr"):
        assert sheet.tags.count(tag) == plain.tags.count(tag), tag
    assert [row[0] for row in sheet.rows if row].count("Cumulative Return") == (kind == "week")
    assert HOSTILE in sheet.text
    if "changed" in fields:
        assert dict(sheet.headings)["title"] == f"{HOSTILE} (universe {HOSTILE})"


def test_the_same_run_gives_the_same_bytes(html, runs):
    assert tear_sheet(runs["week"], measure(runs["week"])) == html("week")


def test_the_settings_of_the_caller_do_not_change_the_page(html, runs):
    change = {"font.size": 30.0, "axes.facecolor": "red", "svg.fonttype": "none", "svg.hashsalt": "mine"}
    with mpl.rc_context(change):
        assert tear_sheet(runs["week"], measure(runs["week"])) == html("week")
        assert {name: mpl.rcParams[name] for name in change} == change


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(html):
    code = (
        "import hashlib; from pathlib import Path; from datetime import date; from dipfolio import load_bars, measure, simulate;"
        "from dipfolio.engine.loader import load_strategy; from dipfolio.report.tearsheet import tear_sheet;"
        "dip = load_strategy(Path('strategies'), 'buy-the-dip')();"
        "run = simulate(dip, load_bars('data'), benchmark='SPY', start=date(2025, 1, 27), end=date(2025, 1, 31));"
        "print(hashlib.sha256(tear_sheet(run, measure(run)).encode()).hexdigest())"
    )
    locale = "C" if str(ROOT).isascii() else "C.UTF-8"  # with C, Python 3.11 cannot read the path of an editable install
    surroundings = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": locale, "SOURCE_DATE_EPOCH": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(html("week").encode()).hexdigest()
    assert done.stderr == ""


def test_a_page_leaves_everything_as_it_was(runs, monkeypatch, caplog):
    from matplotlib import pyplot as plt

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12345")
    monkeypatch.delenv("DIPFOLIO_NOTHING", raising=False)
    figure = plt.figure()
    caplog.set_level(logging.DEBUG, logger="matplotlib.font_manager")

    def state():
        fonts = [font.name for font in mpl.font_manager.fontManager.ttflist]
        return (
            dict(os.environ), dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums(), list(warnings.filters), np.geterr(),
            fonts, Path.cwd(),
        )  # fmt: skip

    before = state()
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        tear_sheet(runs["short"], measure(runs["short"]))
    assert [str(warning.message) for warning in leaked] == []
    for was, now in zip(before, state(), strict=True):
        assert now == was
    assert before[6] == FONTS
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    plt.close(figure)


def test_a_page_that_fails_leaves_everything_as_it_was_too(runs, monkeypatch):
    from matplotlib import pyplot as plt
    from quantstats import reports

    def fail(*_, **__):
        plt.figure()
        mpl.rcParams["font.size"] = 99
        raise RuntimeError("a fault")

    monkeypatch.setattr(reports, "html", fail)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = dict(mpl.rcParams), plt.get_fignums(), dict(os.environ)
    with pytest.raises(RuntimeError, match="a fault"):
        tear_sheet(runs["week"], measure(runs["week"]))
    assert (dict(mpl.rcParams), plt.get_fignums(), dict(os.environ)) == before


def test_the_run_itself_is_not_changed_by_its_page(bars, runs, html):
    html("dip SPY")
    assert simulate(strategy("buy-the-dip"), bars, benchmark="SPY") == runs["dip SPY"]


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")
def test_a_browser_shows_the_page_with_its_record(html, page, tmp_path):
    (tmp_path / "page.html").write_text(html("dip SPY"), encoding="utf-8")
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --dump-dom"
    )
    done = subprocess.run(
        [CHROMIUM, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    sheet, written = Page(done.stdout), page("dip SPY")
    assert ("section", "id", "record") in sheet.attributes
    assert sheet.row("Cumulative Return") == written.row("Cumulative Return")
    assert sheet.rows == written.rows
    assert sheet.tags.count("svg") == written.tags.count("svg") > 5


@pytest.mark.parametrize(
    ("benchmark", "drawn"), [("SPY", "SPY"), ("^GSPC", "^GSPC"), ("<script>x</script>$a$", "scriptxscripta")]
)
def test_the_charts_are_labelled_with_the_benchmark_itself(runs, monkeypatch, benchmark, drawn):
    """Letters in a chart are outlines, which nothing can put right afterwards; so it is what quantstats is given that counts."""
    import quantstats.reports

    given = {}

    def draw(returns, **words):
        given.update(words)
        reports(returns, **words)

    reports = quantstats.reports.html
    monkeypatch.setattr(quantstats.reports, "html", draw)
    result = dataclasses.replace(runs["two sessions"], benchmark=benchmark)
    tear_sheet(result, measure(result))
    assert (given["benchmark_title"], given["benchmark"].name, given["strategy_title"]) == (drawn, drawn, "buy-the-dip")


def test_a_page_without_charts_does_not_speak_of_them(html):
    assert "quantstats counts by day" in html("dip SPY")
    assert "quantstats counts by day" not in html("wiped out")


# Each row of the sheet, from its definition in docs/tear-sheet.md


def streak(moves):
    """The longest run of True."""
    return max(map(len, "".join("x" if move else " " for move in moves).split()), default=0)


def wins(returns):
    return (returns > 0).sum() / (returns != 0).sum()


def worst_twentieth(returns):
    return np.mean(sorted(returns)[: int(np.ceil(len(returns) / 20))])


def a_year(run, returns):
    return (1 + compound(returns)) ** (365.25 / (run.window[1] - (run.base or run.window[0])).days) - 1


def since(run, returns, day):
    return compound(returns[returns.index > day]) if pd.Timestamp(run.base or run.window[0]) <= pd.Timestamp(day) else np.nan


def deviation(returns):
    return returns.std(ddof=1)


def normal(x):
    from statistics import NormalDist

    return NormalDist().cdf(x)


def likely(e, r):
    """Bailey and Lopez de Prado (2012), against a true ratio of zero."""
    ratio = e.mean() / deviation(e)
    return normal(ratio / np.sqrt((1 - r.skew() * ratio + (r.kurtosis() + 2) / 4 * ratio**2) / (len(r) - 1)))


# r: returns of the sessions, e: the same less the riskless rate of a session, f: that rate a year, run: the run
PERCENT = {
    "Risk-Free Rate": lambda r, e, f, run: f,
    "Cumulative Return": lambda r, e, f, run: compound(r),
    "CAGR": lambda r, e, f, run: a_year(run, r),
    "Prob. Sharpe Ratio": lambda r, e, f, run: likely(e, r),
    "Max Drawdown": lambda r, e, f, run: min(below(r)),
    "Volatility (ann.)": lambda r, e, f, run: deviation(r) * ROOT_YEAR,
    "Avg. Return (by day)": lambda r, e, f, run: r[r != 0].mean(),
    "Avg. Win (by day)": lambda r, e, f, run: r[r > 0].mean(),
    "Avg. Loss (by day)": lambda r, e, f, run: r[r < 0].mean(),
    "Expected Daily": lambda r, e, f, run: (1 + compound(r)) ** (1 / len(r)) - 1,
    "Kelly Criterion (by day)": lambda r, e, f, run: wins(r) - (1 - wins(r)) / (r[r > 0].mean() / -r[r < 0].mean()),
    "Daily Value-at-Risk": lambda r, e, f, run: np.percentile(r, 5),
    "Expected Shortfall (cVaR)": lambda r, e, f, run: worst_twentieth(r),
    "MTD": lambda r, e, f, run: since(run, r, r.index[-1].replace(day=1) - pd.Timedelta(days=1)),
    "3M": lambda r, e, f, run: since(run, r, r.index[-1] - pd.DateOffset(months=3)),
    "6M": lambda r, e, f, run: since(run, r, r.index[-1] - pd.DateOffset(months=6)),
    "YTD": lambda r, e, f, run: since(run, r, f"{r.index[-1].year - 1}-12-31"),
    "1Y": lambda r, e, f, run: since(run, r, r.index[-1] - pd.DateOffset(years=1)),
    "3Y (ann.)": lambda r, e, f, run: np.nan,
    "5Y (ann.)": lambda r, e, f, run: np.nan,
    "10Y (ann.)": lambda r, e, f, run: np.nan,
    "Best Day": lambda r, e, f, run: max(r),
    "Worst Day": lambda r, e, f, run: min(r),
    "Best Month": lambda r, e, f, run: max(by(r, "M")),
    "Worst Month": lambda r, e, f, run: min(by(r, "M")),
    "Best Year": lambda r, e, f, run: max(by(r, "Y")),
    "Worst Year": lambda r, e, f, run: min(by(r, "Y")),
    "Avg. Drawdown": lambda r, e, f, run: np.mean([fall[0] for fall in falls(r)]),
    "Ulcer Index": lambda r, e, f, run: np.sqrt(np.mean(np.square(below(r)))),
    "Avg. Up Month": lambda r, e, f, run: by(r, "M")[lambda m: m > 0].mean(),
    "Avg. Down Month": lambda r, e, f, run: by(r, "M")[lambda m: m < 0].mean(),
    "Win Days": lambda r, e, f, run: wins(r),
    "Win Month": lambda r, e, f, run: wins(by(r, "M")),
    "Win Quarter": lambda r, e, f, run: wins(by(r, "Q")),
    "Win Year": lambda r, e, f, run: wins(by(r, "Y")),
}
PLAIN = {
    "Sharpe": lambda r, e, f, run: e.mean() / deviation(e) * ROOT_YEAR,
    "Sortino": lambda r, e, f, run: e.mean() / downside(e) * ROOT_YEAR,
    "Sortino/√2": lambda r, e, f, run: e.mean() / downside(e) * np.sqrt(126),
    "Omega": lambda r, e, f, run: e[e > 0].sum() / -e[e < 0].sum(),
    "Calmar": lambda r, e, f, run: a_year(run, r) / -min(below(r)),
    "Skew": lambda r, e, f, run: r.skew(),
    "Kurtosis": lambda r, e, f, run: r.kurtosis(),
    "Ulcer Performance Index": lambda r, e, f, run: (a_year(run, r) - f) / np.sqrt(np.mean(np.square(below(r)))),
    "Risk-Return Ratio": lambda r, e, f, run: r.mean() / deviation(r),
    "Gain/Pain Ratio (by day)": lambda r, e, f, run: sum(r) / -sum(r[r < 0]),
    "Gain/Pain (1M)": lambda r, e, f, run: sum(m := by(r, "M")) / -sum(m[m < 0]) if (by(r, "M") < 0).any() else np.nan,
    "Payoff Ratio (by day)": lambda r, e, f, run: r[r > 0].mean() / -r[r < 0].mean(),
    "Profit Factor (by day)": lambda r, e, f, run: sum(r[r > 0]) / -sum(r[r < 0]),
    "Tail Ratio": lambda r, e, f, run: abs(np.percentile(r, 95) / np.percentile(r, 5)),
    "Recovery Factor": lambda r, e, f, run: compound(r) / -min(below(r)),
}
WORDS = {
    "Max DD Date": lambda r: str(falls(r)[0][2].date()),
    "Max DD Period Start": lambda r: str(falls(r)[0][1].date()),
    "Max DD Period End": lambda r: str(falls(r)[0][4].date()) if falls(r)[0][4] else "not yet",
    "Longest DD Days": lambda r: str(max((fall[3] - fall[1]).days + 1 for fall in falls(r))),
    "Avg. Drawdown Days": lambda r: f"{np.mean([(fall[3] - fall[1]).days + 1 for fall in falls(r)]):.0f}",
    "Max Consecutive Wins (by day)": lambda r: str(streak(r > 0)),
    "Max Consecutive Losses (by day)": lambda r: str(streak(r < 0)),
}
RELATIVE = {
    "R^2": lambda r, b, f, run: np.corrcoef(r, b)[0, 1] ** 2,
    "Information Ratio": lambda r, b, f, run: (r - b).mean() / (r - b).std() * ROOT_YEAR,
    "Beta": lambda r, b, f, run: np.polyfit(b, r, 1)[0],
    "Alpha": lambda r, b, f, run: 100 * ANNUAL * np.polyfit(b - session(f), r - session(f), 1)[1],
    "Correlation": lambda r, b, f, run: 100 * np.corrcoef(r, b)[0, 1],
    "Treynor Ratio": lambda r, b, f, run: 100 * (a_year(run, r) - f) / np.polyfit(b, r, 1)[0],
}


def shown(value, sign=""):
    return "-" if np.isnan(value) else f"{value + 0.0:.2f}{sign}"


@pytest.mark.parametrize("kind", BENCHMARKED)
@pytest.mark.parametrize("label", [*PERCENT, *PLAIN])
def test_each_row_is_its_definition(page, runs, kind, label):
    run, rate = runs[kind], RATES.get(kind, 0.0)
    for series, cell in zip((run.benchmark_returns, run.returns), page(kind).row(label)[1:], strict=True):
        formula = (PERCENT | PLAIN)[label]
        with np.errstate(all="ignore"):
            value = formula(series, series - session(rate), rate, run) if len(falls(series)) else np.nan
        expected = shown(value * 100, "%") if label in PERCENT else shown(value)
        if cell != expected:  # a half may be rounded either way
            assert float(cell.strip("%")) == pytest.approx(value * (100 if label in PERCENT else 1), abs=0.005001)
            assert cell.endswith("%") == (label in PERCENT)


@pytest.mark.parametrize("kind", BENCHMARKED)
@pytest.mark.parametrize("label", WORDS)
def test_each_row_of_dates_and_counts_is_its_definition(page, runs, kind, label):
    expected = [WORDS[label](series) for series in (runs[kind].benchmark_returns, runs[kind].returns)]
    assert page(kind).row(label)[1:] == expected


@pytest.mark.parametrize("kind", BENCHMARKED)
@pytest.mark.parametrize("label", RELATIVE)
def test_each_row_about_the_benchmark_is_its_definition(page, runs, kind, label):
    run = runs[kind]
    none, cell = page(kind).row(label)[1:]
    assert none == "-"
    expected = RELATIVE[label](run.returns, run.benchmark_returns, RATES.get(kind, 0.0), run)
    assert float(cell.strip("%")) == pytest.approx(expected, abs=0.005001)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "wiped out"])
def test_the_sheet_has_these_rows_and_no_others(html, runs, kind):
    table = Page(html(kind).split("Key Performance Metrics")[1].split("</table>")[0])
    labels = [row[0] for row in table.rows[1:] if row[0]]
    alone = [*PERCENT, *PLAIN, *WORDS, "Time in Market"]
    with_benchmark = runs[kind].benchmark and kind not in ("no trade", "one session")
    assert sorted(labels) == sorted([*alone, *RELATIVE] if with_benchmark else alone)
    assert not set(labels) & set(OMITTED_METRICS)
    assert [cell for row in table.rows for cell in row if "nan" in cell or "inf" in cell or cell in ("-0.00", "-0.00%")] == []


def test_time_in_market_is_that_of_the_summary(page, runs):
    found = measure(runs["dip SPY"]).time_in_market
    assert page("dip SPY").row("Time in Market")[1:] == ["100.00%", f"{found * 100:.2f}%"]


def test_an_account_that_never_moved_has_no_ratios(page):
    sheet = page("no trade")
    for label in ("Sharpe", "Profit Factor (by day)", "Win Days", "Calmar", "Recovery Factor", "Max DD Date", "Avg. Drawdown"):
        assert sheet.row(label)[1:] == ["-"], label
    assert sheet.row("Max Drawdown")[1:] == ["0.00%"]
    assert len(sheet.rows[sheet.rows.index(["Started", "Recovered", "Drawdown", "Days"]) + 1]) != 4


def test_recent_returns_begin_on_the_close_of_the_day_before_and_need_the_whole_time():
    bars = make_bars({"A": [100.0, 100, 110, 121, 133.1]}, start="2025-12-26")
    run = simulate(script({0: {"A": 1.0}}, unit="weight"), bars, Account().without_costs())
    page = Page(tear_sheet(run, measure(run)))
    assert run.window == (date(2025, 12, 26), date(2026, 1, 2))
    assert page.row("MTD")[1] == page.row("YTD")[1] == "10.00%"
    assert page.row("3M")[1] == "-"


@pytest.mark.parametrize("kind", BENCHMARKED)
def test_the_table_of_years(page, runs, kind):
    run, sheet = runs[kind], page(kind)
    for year, own in by(run.returns, "Y").items():
        market = by(run.benchmark_returns, "Y")[year]
        assert sheet.row(str(year)) == [str(year), *(shown(value * 100, "%") for value in (market, own, own - market))]


def test_the_table_of_years_without_a_benchmark_is_compounded(page, runs):
    for year, own in by(runs["even none"].returns, "Y").items():
        assert page("even none").row(str(year)) == [str(year), shown(own * 100, "%")]


@pytest.mark.parametrize("kind", BENCHMARKED)
def test_the_table_of_drawdowns(page, runs, kind):
    rows = page(kind).rows
    begin = rows.index(["Started", "Recovered", "Drawdown", "Days"]) + 1
    expected = [
        [str(first.date()), str(back.date()) if back else "not yet", f"{depth * 100:.2f}", str((last - first).days + 1)]
        for depth, first, _, last, back in falls(runs[kind].returns)[:10]
    ]
    assert rows[begin : begin + len(expected)] == expected


def test_drawdowns_by_hand():
    days = pd.to_datetime(["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08"])
    first, second = drawdown_periods(pd.Series([-0.5, 0.0, 1.0, -0.1, 0.05], index=days))
    assert (first.first, first.lowest, first.last, first.recovered) == (days[0], days[0], days[1], days[2])
    assert (first.depth, first.days) == (-0.5, 2)
    assert (second.first, second.lowest, second.last, second.recovered) == (days[3], days[3], days[4], None)
    assert (second.depth, second.days) == (pytest.approx(-0.1), 2)
    assert drawdown_periods(pd.Series([0.0, 0.1], index=days[:2])) == []


# Each chart of the sheet, as it was given to the printer


def labels(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def wealth(returns):
    return np.cumprod(1 + returns.to_numpy()) - 1


def test_the_answer_stands_above_everything_else(html):
    text = html("dip SPY")
    places = [
        text.index(part)
        for part in ("<body>", 'class="answer"', "$933,276 put into", "Money put in", '<ul class="remarks">', "<svg")
    ]
    assert places == sorted(places)
    assert text.index('class="answer"') < text.index("Generated by QuantStats")
