"""docs/metrics.md and docs/tear-sheet.md have every number that the product shows; those that they show are computed anew."""

import math
import re
import warnings
from dataclasses import replace

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine import metrics as formulas
from dipfolio.engine.account import Account
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import METRICS, measure, metrics_in
from dipfolio.engine.simulation import simulate
from dipfolio.report.answer import answer_of
from dipfolio.report.comparison.alignment import align_tracks, build_contenders
from dipfolio.report.comparison.page import comparison_page
from dipfolio.report.comparison.tables import metric_rows
from dipfolio.report.format import percent, ratio
from dipfolio.report.format import unsigned_percent as portion
from dipfolio.report.run_record import record_section
from dipfolio.report.run_summary import summary_rows
from dipfolio.report.runs_index import index_page, read_card
from dipfolio.report.sweep_page import sweep_result_page
from dipfolio.report.tearsheet import OMITTED_METRICS, PER_DAY_METRICS
from dipfolio.sweep.metrics import metric_columns
from tests.report.test_tearsheet import PERCENT, PLAIN, RELATIVE, WORDS
from tests.support.documents import ROOT, page, part, table, words
from tests.support.runs import run, save, track
from tests.support.sweeps import made
from tests.support.tear_sheets import Page, without_plotly
from tools.metrics_page import metric_table

ANSWER, SUMMARY, ELSEWHERE, COMPARED, SWEPT, GALLERY = (
    part(page("docs/metrics.md"), heading)
    for heading in (
        "The answer of a run",
        "The summary of a run",
        "Where quantstats and empyrical differ",
        "The comparison",
        "The sweep",
        "The gallery",
    )
)
SHEET, RECORD = (
    part(page("docs/tear-sheet.md"), heading) for heading in ("The sheet above the record", "The record under a tear sheet")
)
ACCOUNT = replace(Account(), cash=1000.0, fractional=True)
ROUND = run({0: {"A": 10}, 4: {"A": 0}, 6: {"A": -5}}, account=ACCOUNT)
RECORDED = record_section(ROUND, measure(ROUND))


def first_column(text):
    """What stands in the first column of a part's table, each name by itself."""
    return {name.strip() for row in table(text) for name in row[0].split(",")}


def heads(html):
    """The heads of all columns of a page."""
    return {text.strip() for text in re.findall(r'<th[^>]*scope="col"[^>]*>([^<]+)<', html)}


def compared():
    """The page of two runs without the long script."""
    return without_plotly(comparison_page(align_tracks((track(label="one"), track(label="other"))), ROOT / "none"))


def swept():
    """The page of a sweep without the long script."""
    return without_plotly(sweep_result_page(made(), "total_return", "python backtest.py dip", "nothing"))


@pytest.fixture(scope="module")
def dip_rule():
    """The run with its defaults that the document quotes."""
    strategy = load_strategy(ROOT / "strategies", "dip-rule")()
    return simulate(strategy, load_bars(ROOT / "data", (*strategy.symbols, "SPY")), benchmark="SPY")


def test_the_table_is_that_of_the_metrics():
    assert metric_table() in page("docs/metrics.md"), "run `python -m tools.metrics_page`"


def test_the_summary_is_explained_row_by_row_in_its_order():
    shown = [label.removesuffix(" (B)") for label, _ in summary_rows(ROUND, measure(ROUND))]
    explained = [row[0] for row in table(SUMMARY)]
    assert [label for label in shown if label not in explained] == ["Whole account", "Commissions and fees"]
    assert [label for label in explained if label in shown] == [label for label in shown if label in explained]
    for sentence in ("row Whole account", "row Commissions and fees is the sum of Commission and of SEC and FINRA fees"):
        assert sentence in words(SUMMARY)


def test_every_metric_has_a_formula_and_a_row_of_its_own():
    rows = {row[1]: row[2] for row in table(SUMMARY)}
    assert sorted(rows) == sorted(f"`{metric.name}`" for metric in METRICS)
    assert all(rows.values())


@pytest.mark.parametrize("name", [metric.name for metric in METRICS])
def test_each_number_of_the_json_is_explained(name):
    assert f"`{name}`" in SUMMARY


def test_every_metric_has_its_one_label_in_the_document():
    assert [metric.label for metric in METRICS if metric.label not in words(SUMMARY)] == []


@pytest.mark.parametrize("label", ["Debit interest", "Commissions, fees", "Slippage, in the prices", "| Exposure", "| Costs"])
def test_no_document_has_another_label(label):
    for name in ("README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))):
        assert label not in page(name), name


def test_the_record_is_explained_column_by_column():
    assert first_column(RECORD) == heads(RECORDED) - {"Item", "Dollars"}


@pytest.mark.parametrize("label", [row[0] for row in Page(RECORDED).rows[-7:]])
def test_each_cost_of_the_record_is_explained(label):
    assert label in words(RECORD)


def test_each_metric_of_the_comparison_is_explained():
    field = build_contenders(align_tracks((track(label="one"), track(label="other"))))
    for row in metric_rows(field, None):
        known = [name for name, *_ in table(SUMMARY)]
        assert row.label in known, row.label
        assert row.label in words(SUMMARY + COMPARED), row.label


def test_each_table_of_the_comparison_is_explained():
    html = compared()
    titles = {text for text in re.findall(r"<h2[^>]*>([^<]+)<", html) if "title" not in text}
    tables = {"Correlation", "Monthly returns", "Yearly returns"}
    assert tables <= titles
    named = first_column(COMPARED)
    assert tables <= named
    gaps = {"Excess a year", "Difference a year", "Difference in Sharpe ratio"}
    assert gaps | {"95 % from", "to", "p", "Reading"} <= heads(html) & named
    assert "All costs" in {row[0].split(" of ")[0] for row in Page(html).rows if row} & named
    assert "Dividends received less paid" in {row[0] for row in Page(html).rows if row} & first_column(SUMMARY)
    assert set(re.findall(r"<figcaption[^>]*><b>([^<]+)</b>", html)) - {"Trades"} == {"Equity", "Drawdown"} <= named


@pytest.mark.parametrize("column", metric_columns())
def test_each_column_of_a_sweep_is_explained(column):
    assert f"`{column}`" in SWEPT or f"`{column}`" in SUMMARY  # metrics have one name in both


def test_each_figure_on_the_page_of_a_sweep_is_explained():
    html = swept()
    shown = heads(html) - {"hold", "drop", "Run it in full"}
    luck = re.search(r"What luck explains</h2>(.*?)</dl>", html, flags=re.S)[1]
    shown |= set(re.findall(r"<dt>([^<]+)</dt>", luck))
    assert shown <= first_column(SWEPT) | {row[0] for row in table(SUMMARY)}
    facts = set(re.findall(r"<div><dt>([^<]+)</dt>", html))
    assert {"Cells with an ended trade", "Median total return"} <= facts


def test_each_column_of_the_gallery_is_explained(tmp_path):
    save(tmp_path, "one", ROUND)
    numbers = heads(index_page(tmp_path)) - {"Run", "Equity", "Window", "Saved"}
    assert numbers
    assert "the metrics of the table above that have the view `index`" in words(GALLERY)
    assert numbers <= {row[0] for row in table(SUMMARY)}


def test_the_sharpe_ratio_of_the_gallery_knows_no_riskless_rate(tmp_path):
    names = [metric.name for metric in metrics_in("index")]
    shown = read_card(save(tmp_path, "one", ROUND)).numbers[names.index("sharpe")]
    assert shown.value == measure(ROUND).sharpe != measure(ROUND, 0.05).sharpe


def test_each_row_of_the_sheet_is_defined():
    table_of_rows = SHEET.split("| Chart |")[0]
    shown = {label.removesuffix(" (by day)") for label in (*PERCENT, *PLAIN, *WORDS, *RELATIVE, "Time in Market")}
    assert first_column(table_of_rows) == shown
    assert shown >= set(PER_DAY_METRICS)


@pytest.mark.parametrize("row", OMITTED_METRICS)
def test_each_row_that_is_left_out_is_named(row):
    assert re.search(rf"[ :]{re.escape(row)}[, (]", words(SHEET).split("left out:")[1])


def test_where_the_others_differ_is_as_measured(dip_rule):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import empyrical
        from quantstats import stats

        found, returns = measure(dip_rule), dip_rule.returns
        falls = stats.drawdown_details(stats.to_drawdown_series(returns))

        def sharpes(rate):
            """Ours, quantstats' and empyrical's."""
            theirs = stats.sharpe(returns, rf=rate), empyrical.sharpe_ratio(returns, risk_free=rate)
            return formulas.sharpe(returns, rate), *theirs

        yearly = found.annual_return, stats.cagr(returns), empyrical.annual_return(returns)
        expected = [
            ["Annual return", *map(percent, yearly)],
            ["Time in market", portion(found.time_in_market), portion(stats.exposure(returns)), "-"],
            ["Win rate by trade", portion(found.win_rate), portion(stats.win_rate(returns)), "-"],
            ["Sharpe, 4 % riskless", *map(ratio, sharpes(0.04))],
            ["Sharpe, -1 % riskless", *map(ratio, sharpes(-0.01))],
            ["Last drawdown over?", percent(formulas.drawdowns(returns).iloc[-1]), str(falls["end"].iloc[-1]), "-"],
        ]  # fmt: skip
    assert [row[:-1] for row in table(ELSEWHERE)] == expected


def test_a_ratio_of_one_trade_is_no_number():
    strategy = load_strategy(ROOT / "strategies", "short-nvda-friday")()
    found = measure(simulate(strategy, load_bars(ROOT / "data", strategy.symbols)))
    assert found.trades == 1
    assert f"a Sortino ratio of {ratio(found.sortino)}" in words(SUMMARY)
    assert not math.isnan(found.sortino)


def test_each_number_of_the_answer_is_explained():
    labels = {label for rows in (answer_of(ROUND, measure(ROUND)).rows, answer_of(*_dip()).rows) for label, _ in rows}
    explained = {
        word.strip() for row in table(ANSWER) for word in re.split(", or |, ", row[0])
    } | {"SPY at the same times", "Difference to SPY", "B over the same sessions", "Difference to B"}  # fmt: skip
    assert {"Benchmark", "Difference"} < explained
    assert labels <= explained


def _dip():
    """The main job and its metrics."""
    bars = load_bars(ROOT / "data")
    result = simulate(
        load_strategy(ROOT / "strategies", "buy-the-dip")(), bars, benchmark="SPY", others=bars.select(("QQQ", "SMH"))
    )
    return result, measure(result)


def test_the_worked_example_is_computed_from_the_prices():
    bars, text = load_bars(ROOT / "data"), words(ANSWER)
    first, last = bars.sessions.get_loc("2025-01-27"), bars.sessions.get_loc("2025-02-03")
    result, _ = _dip()
    bought = result.fills[result.fills["shares"] > 0]
    cost, profit = (bought["shares"] * bought["price"]).sum(), result.equity["equity"].iloc[-1] - 1_000_000
    assert f"for ${cost:,.0f} and sold them" in text
    assert f"a profit of ${profit:,.0f}, or {percent(profit / cost)}" in text
    opened, closed = bars.open["SPY"].iloc[first], bars.close["SPY"].iloc[last]
    made = closed / opened - 1
    assert f"SPY opened at {opened:.2f} on the first day and closed at {closed:.2f} on the last" in text
    assert f"${cost:,.0f} in SPY made {percent(made)}, or ${cost * made:,.0f}" in text
    qqq, smh = (bars.close[name].iloc[last] / bars.open[name].iloc[first] - 1 for name in ("QQQ", "SMH"))
    assert f"QQQ made {percent(qqq)}, SMH {percent(smh)}" in text
    assert f"The difference to SPY is ${profit - cost * made:,.0f}" in text


def test_the_other_definition_is_as_it_says():
    bars, (result, _) = load_bars(ROOT / "data"), _dip()
    rows = slice(bars.sessions.get_loc("2025-01-27"), bars.sessions.get_loc("2025-02-03") + 1)
    bought = result.fills[result.fills["shares"] > 0].set_index("symbol")
    shares, names = bought["shares"], list(bought.index)
    at_open = (bars.open[names].iloc[rows] * shares).sum(axis=1).to_numpy()
    at_close = (bars.close[names].iloc[rows] * shares).sum(axis=1).to_numpy()
    found = []
    for symbol in ("SPY", "QQQ", "SMH"):
        opens, closes = bars.open[symbol].iloc[rows].to_numpy(), bars.close[symbol].iloc[rows].to_numpy()
        days, nights = at_open * (closes / opens - 1), at_close[:-1] * (opens[1:] / closes[:-1] - 1)
        found.append(percent((days.sum() + nights.sum()) / (shares * bought["price"]).sum()))
    assert f"would have made {found[0]}, {found[1]} and {found[2]}" in words(ANSWER)
