"""Tear sheet: what stands on the page, what must not, and that it is the same page every time."""

import dataclasses
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import warnings
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import matplotlib.font_manager
import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.catalogue import load_strategy
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.market.folder import load_bars
from dipfolio.report.assumptions import assumptions
from dipfolio.report.tearsheet import tear_sheet
from tests.ideas import script
from tests.markets import make_bars

ROOT = Path(__file__).parents[2]
FONTS = [font.name for font in mpl.font_manager.fontManager.ttflist]  # before any page was drawn
WEEK = {"start": date(2025, 1, 27), "end": date(2025, 1, 31)}
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


class Page(HTMLParser):
    """Tables, texts and attributes of a page."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags, self.attributes, self.texts, self.headings = [], [], [], [], []
        self._cell, self._open = None, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th", "h1", "title"):
            self._open.append((tag, []))

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        if self._open and self._open[-1][0] == tag:
            text = "".join(self._open.pop()[1]).strip()
            if tag in ("td", "th"):
                self.rows[-1].append(text)
            else:
                self.headings.append((tag, text))

    def handle_data(self, data):
        self.texts.append(data)
        if self._open:
            self._open[-1][1].append(data)

    @property
    def text(self):
        return "".join(self.texts)

    def row(self, label):
        """The cells of the one row with this label."""
        (found,) = [row for row in self.rows if row and row[0] == label]
        return found

    def number(self, label, column=-1):
        return float(self.row(label)[column].strip("%").replace(",", ""))


def strategy(name, **parameters):
    return load_strategy(ROOT / "strategies", name)(**parameters)


def wiped_out():
    """Twice the money short into a rise of 90 %."""
    bars = make_bars({"A": [100.0, 100, 190, 190]})
    return simulate(script({0: {"A": -2.0}}, unit="weight"), bars, Account().without_costs())


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def runs(bars):
    """Runs by what is special about them."""
    dip, even, short = strategy("buy-the-dip"), strategy("equal-weight"), strategy("short-nvda-friday")
    return {
        "dip SPY": simulate(dip, bars, benchmark="SPY"),
        "dip none": simulate(dip, bars),
        "even QQQ": simulate(even, bars, benchmark="QQQ"),
        "even none": simulate(even, bars),
        "short": simulate(short, bars, Account(cash=500_000.0), start=date(2025, 1, 24), end=date(2025, 1, 31)),
        "one session": simulate(dip, bars, benchmark="SPY", start=date(2025, 1, 27), end=date(2025, 1, 27)),
        "two sessions": simulate(dip, bars, benchmark="SPY", start=date(2025, 1, 27), end=date(2025, 1, 28)),
        "week": simulate(dip, bars, benchmark="SPY", **WEEK),
        "no trade": simulate(dip, bars, benchmark="SPY", start=date(2025, 6, 2), end=date(2025, 6, 30)),
        "wiped out": wiped_out(),
    }


@pytest.fixture(scope="module")
def html(runs):
    """The page of a run, drawn once."""
    drawn = {}

    def draw(kind):
        if kind not in drawn:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                drawn[kind] = tear_sheet(runs[kind], measure(runs[kind]))
        return drawn[kind]

    return draw


@pytest.fixture(scope="module")
def page(html):
    """The page of a run, read once."""
    read = {}

    def parse(kind):
        if kind not in read:
            read[kind] = Page(html(kind))
        return read[kind]

    return parse


KINDS = ["dip SPY", "dip none", "even QQQ", "even none", "short", "one session", "two sessions", "week", "no trade", "wiped out"]


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
    assert not {"script", "iframe", "object", "embed", "base", "form"} & set(sheet.tags)


@pytest.mark.parametrize("kind", KINDS)
def test_every_trade_every_assumption_and_the_fingerprint_are_on_the_page(page, runs, kind):
    result, sheet = runs[kind], page(kind)
    assert result.provenance.sha256 in sheet.text
    for topic, sentence in assumptions(result):
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
    assert page("dip SPY").row("2024")[2] == "0.00"


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
    assert sheet.tags.count("script") == 0
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


def test_another_process_writes_the_same_bytes(html):
    code = (
        "import hashlib; from pathlib import Path; from datetime import date; from dipfolio import load_bars, measure, simulate;"
        "from dipfolio.engine.catalogue import load_strategy; from dipfolio.report.tearsheet import tear_sheet;"
        "dip = load_strategy(Path('strategies'), 'buy-the-dip')();"
        "run = simulate(dip, load_bars('data'), benchmark='SPY', start=date(2025, 1, 27), end=date(2025, 1, 31));"
        "print(hashlib.sha256(tear_sheet(run, measure(run)).encode()).hexdigest())"
    )
    surroundings = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "1"}
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
        Path(words["output"]).write_text("<html><head></head><body><hr></body></html>", encoding="utf-8")

    monkeypatch.setattr(quantstats.reports, "html", draw)
    result = dataclasses.replace(runs["dip SPY"], benchmark=benchmark)
    tear_sheet(result, measure(result))
    assert (given["benchmark_title"], given["benchmark"].name, given["strategy_title"]) == (drawn, drawn, "buy-the-dip")


def test_a_page_without_charts_does_not_speak_of_them(html):
    assert "quantstats counts by day" in html("dip SPY")
    assert "quantstats counts by day" not in html("wiped out")
