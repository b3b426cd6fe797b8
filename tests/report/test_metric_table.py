"""The table of metrics: one entry, and the metric is on every page, in every table and in the JSON."""

import io
import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import (
    DEFAULT_VIEWS,
    METRICS,
    Metric,
    MetricFormat,
    View,
    cost_metrics,
    measure,
    metric_of,
    metrics_in,
)
from dipfolio.engine.simulation import simulate
from dipfolio.errors import UnknownNameError
from dipfolio.evidence.walk_forward import WalkForwardScheme, run_walk_forward
from dipfolio.report.comparison.alignment import align_tracks, benchmark_metrics, build_contenders
from dipfolio.report.comparison.page import comparison_page
from dipfolio.report.comparison.series import read_external_series, track_of
from dipfolio.report.comparison.tables import cost_rows, metric_rows
from dipfolio.report.format import METRIC_FORMATS
from dipfolio.report.publish import compare
from dipfolio.report.run_record import record_section
from dipfolio.report.runs_index import index_page, read_card
from dipfolio.report.sweep_page import print_sweep, sweep_chart_data, sweep_result_page
from dipfolio.report.terminal import comparison_as_json, print_comparison, print_summary, run_as_json
from dipfolio.report.walk_forward import account_heads, walk_forward_texts
from dipfolio.sweep.runner import run_sweep
from tests.support.runs import MARKET, run, save
from tests.support.tear_sheets import Page, without_plotly
from tools.metrics_page import metric_table, with_table

ROOT = Path(__file__).parents[2]
TABLE = "dipfolio.engine.metrics.METRICS"
EXACT = {"rel": 1e-12, "abs": 1e-12}


def ratio_of(returns):
    """Gain to pain by plain numpy: the sum of all returns over the sum of the losses."""
    returns = np.asarray(returns)
    return returns.sum() / -returns[returns < 0].sum()


GAIN_TO_PAIN = Metric(
    name="gain_to_pain", label="Gain to pain", noun="gain-to-pain ratio", format="ratio", unit="of sessions", better="higher",
    from_returns=lambda series: float(series.returns.sum() / -np.minimum(series.returns, 0).sum()),
    formula="the sum of `r` over the sum of its losses", views=(*DEFAULT_VIEWS, "overview", "walk_forward"),
)  # fmt: skip


@pytest.fixture
def added(monkeypatch):
    """One more metric, in one place."""
    monkeypatch.setattr(TABLE, (*METRICS, GAIN_TO_PAIN))


@pytest.fixture
def csv(tmp_path):
    """A return series from elsewhere over the sessions of the runs."""
    days, values = run().returns.index, [0.01, -0.02, 0.03, 0.01, -0.01, 0.02, 0.01, -0.03, 0.02, 0.01, -0.01, 0.02]
    lines = [f"{day.date()},{value}" for day, value in zip(days, values, strict=True)]
    (tmp_path / "other.csv").write_text("\n".join(["date,return", *lines]), encoding="utf-8")
    return read_external_series(tmp_path / "other.csv", "returns"), values


@pytest.fixture(scope="module")
def dip_rule():
    """The strategy's class and its bars."""
    kind = load_strategy(ROOT / "strategies", "dip-rule")
    return kind, load_bars(ROOT / "data", kind().symbols)


def column(row):
    return [cell.value for cell in row.cells]


def test_an_added_metric_is_in_the_summary_and_in_the_record(added):
    result, stream = run(), io.StringIO()
    metrics, expected = measure(result), ratio_of(result.returns)
    assert metrics.gain_to_pain == pytest.approx(expected, **EXACT)
    print_summary(result, metrics, stream, everything=True)
    assert re.search(rf"Gain to pain +{expected:.2f} *\n", stream.getvalue())
    assert f"<dt>Gain to pain</dt><dd>{expected:.2f}</dd>" in record_section(result, metrics)


def test_an_added_metric_is_in_the_json_of_a_run_and_of_a_comparison(added, csv):
    result, (other, values) = run(), csv
    expected = [ratio_of(result.returns), ratio_of(values)]
    assert json.loads(run_as_json(result, measure(result), ""))["gain_to_pain"] == pytest.approx(expected[0], **EXACT)
    record = json.loads(comparison_as_json(align_tracks([track_of(result), other]), ""))
    assert [one["gain_to_pain"] for one in record["runs"]] == pytest.approx(expected, **EXACT)


def test_an_added_metric_is_in_the_comparison_for_the_run_the_series_and_the_benchmark(added, csv):
    result, (other, values) = run(), csv
    alignment = align_tracks([track_of(result), other])
    market = np.array([0, *np.diff(MARKET) / MARKET[:-1]])
    expected = [ratio_of(result.returns), ratio_of(values), ratio_of(market)]
    rows = metric_rows(build_contenders(alignment), benchmark_metrics(alignment))
    assert column(next(row for row in rows if row.label == "Gain to pain")) == pytest.approx(expected, **EXACT)
    html = without_plotly(comparison_page(alignment, ROOT / "none"))
    shown = next(row for row in Page(html).rows if row and row[0].startswith("Gain to pain"))
    assert [cell.removesuffix(" best") for cell in shown[1:]] == [f"{value:.2f}" for value in expected]


def test_an_added_metric_is_in_the_comparison_on_the_terminal(added, csv):
    result, (other, _), stream = run(), csv, io.StringIO()
    print_comparison(align_tracks([track_of(result), other]), stream)
    above, _, below = stream.getvalue().partition("script")
    assert below.splitlines()[0].split()[-1] == f"{ratio_of(result.returns):.2f}"
    assert above.split().count("Gain") == above.split().count("pain") == 1  # the head has two lines


def test_an_added_metric_is_in_the_table_that_compare_gives(added):
    pair = run(), run({0: {"A": 5}})
    expected = [ratio_of(result.returns) for result in pair]
    assert compare(*pair).table["gain_to_pain"].tolist() == pytest.approx(expected, **EXACT)


def test_an_added_metric_is_in_the_table_and_on_the_surface_of_a_sweep(added, dip_rule):
    kind, bars = dip_rule
    found, stream = run_sweep(kind, bars, hold="3,5", drop="0.03,0.04"), io.StringIO()
    runs = [simulate(kind(**found.grid.cell(cell)), bars) for cell in found.table.index]
    expected = [ratio_of(result.returns) for result in runs]
    assert found.table["gain_to_pain"].tolist() == pytest.approx(expected, **EXACT)
    assert found.default["gain_to_pain"] == pytest.approx(ratio_of(simulate(kind(), bars).returns), **EXACT)
    data = json.loads(sweep_chart_data(found, "gain_to_pain", ""))
    assert data["figures"]["gain_to_pain"] == pytest.approx(expected, rel=1e-6)  # the page has seven digits
    assert data["formats"]["gain_to_pain"] == "ratio"
    page = sweep_result_page(found, "gain_to_pain", "python backtest.py dip-rule", "nothing")
    assert '<option value="gain_to_pain">Gain to pain</option>' in page
    assert '<th scope="col">Gain to pain</th>' in page
    assert f"<td>{max(expected):.2f}</td>" in page
    print_sweep(found, "gain_to_pain", stream)
    assert "The 4 best by gain-to-pain ratio" in stream.getvalue()
    assert f"{max(expected):.2f}" in stream.getvalue()


def test_an_added_metric_is_a_column_of_the_index_of_runs(added, tmp_path):
    result = run({0: {"A": 10}, 5: {"A": 0}})
    folder, expected = save(tmp_path, "one", result), ratio_of(result.returns)
    assert read_card(folder).numbers[-1].value == pytest.approx(expected, **EXACT)
    html = index_page(tmp_path)
    assert '<th scope="col">Gain to pain</th>' in html
    assert f">{expected:.2f}</td>" in html


def test_an_added_metric_of_the_record_is_a_column_of_the_index_of_runs(monkeypatch, tmp_path):
    dearest = Metric(
        name="dearest", label="Dearest fill", format="money", from_run=lambda result: float(result.fills["price"].max()),
        views=("index",),
    )  # fmt: skip
    monkeypatch.setattr(TABLE, (*METRICS, dearest))
    result = run({0: {"A": 10}, 5: {"A": 0}})
    (save(tmp_path, "broken", result) / "fills.csv").write_text("x\n", encoding="utf-8")
    shown = read_card(save(tmp_path, "one", result)).numbers[-1]
    assert (shown.value, shown.text) == (max(fill.price for fill in result.fills.itertuples()), f"${shown.value:,.2f}")
    assert read_card(tmp_path / "broken").problem.startswith("cannot be read")
    missing = '<td data-value="">-</td>'
    assert f"<td></td>{missing * len(metrics_in('index'))}<td>-</td>" in index_page(tmp_path)


def test_an_added_metric_is_a_column_of_the_accounts_of_a_walk_forward_test(added, dip_rule):
    test = run_walk_forward(*dip_rule, scheme=WalkForwardScheme(parts=2), hold="3,5", drop="0.03,0.04")
    texts = walk_forward_texts(test, "dip-rule", 0.5, "how")
    place = account_heads().index("Gain\nto pain")
    expected = [ratio_of(account.returns) for account in (test, test.hindsight)]
    assert [row[place] for row in texts.accounts[:2]] == [f"{value:.2f}" for value in expected]


def test_an_added_metric_is_a_row_of_the_document(added):
    row = "| Gain to pain | `gain_to_pain` | the sum of `r` over the sum of its losses | number |\n"
    assert row in metric_table()
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert with_table(page).replace(row, "") == page


def test_an_added_metric_can_rank_a_sweep_on_the_command_line(added, dip_rule):
    from dipfolio.cli.sweep import sweep_command

    options = {option.name: option for option in sweep_command("dip-rule", dip_rule[0]).params}
    assert "gain-to-pain" in options["rank_by"].type.choices


def test_a_metric_that_needs_a_record_is_missing_where_there_is_none(monkeypatch, csv, dip_rule):
    busiest = Metric(
        name="busiest", label="Most fills a session", format="count",
        from_run=lambda result: int(result.fills["session"].value_counts().max()),
    )  # fmt: skip
    monkeypatch.setattr(TABLE, (*METRICS, busiest))
    result, (other, _), stream = run({0: {"A": 5}, 3: {"A": 0}}), csv, io.StringIO()
    alignment = align_tracks([track_of(result), other])
    rows = metric_rows(build_contenders(alignment), benchmark_metrics(alignment))
    assert [cell.text for cell in next(row for row in rows if row.label == busiest.label).cells] == ["1", "-", "-"]
    found = run_sweep(*dip_rule, hold="3,5")
    assert "busiest" not in found.table
    print_sweep(found, "sharpe", stream)
    said = "A sweep does not compute Most fills a session: that needs the record of a run, which the command of a cell writes."
    assert said in stream.getvalue()
    assert said in sweep_result_page(found, "sharpe", "", "nothing")


def test_a_metric_of_which_less_is_better_ranks_from_the_lowest(dip_rule):
    found = run_sweep(*dip_rule, hold="1,3,5,20")
    assert found.ranked("volatility")["volatility"].tolist() == sorted(found.table["volatility"])
    better = (found.table["volatility"] > found.default["volatility"]).mean()
    assert found.default_percentile("volatility") == better


def test_an_added_cost_is_part_of_all_costs(monkeypatch):
    tax = Metric(name="tax", label="Stamp duty", format="money", is_cost=True, from_run=lambda _: 7.5, views=())
    result = run()
    before = measure(result).costs
    monkeypatch.setattr(TABLE, (*METRICS, tax))
    assert measure(result).costs == before + 7.5
    assert ["Stamp duty", "-$7.50"] in Page(record_section(result, measure(result))).rows
    rows = cost_rows(build_contenders(align_tracks([track_of(result)])))
    assert [row.label for row in rows].index("Stamp duty") < [row.label for row in rows].index("All costs")


def test_names_and_labels_are_unique_and_every_entry_is_computed_and_formatted():
    assert len({metric.name for metric in METRICS}) == len({metric.label for metric in METRICS}) == len(METRICS)
    assert all(metric.from_returns or metric.from_run for metric in METRICS)
    assert set(METRIC_FORMATS) == set(get_args(MetricFormat)) >= {metric.format for metric in METRICS}
    assert {view for metric in METRICS for view in metric.views} == set(get_args(View))
    followed = [(metric, view, name) for metric in METRICS for view, name in metric.after.items()]
    for metric, view, name in followed:
        names = [other.name for other in metrics_in(view)]
        assert names.index(metric.name) == names.index(name) + 1
    assert {metric.name for metric in cost_metrics()} == {"commission", "fees", "slippage", "borrow", "interest"}


def test_a_name_that_is_none_is_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'sharpe'"):
        metric_of("sharp")
    with pytest.raises(AttributeError, match="There is no metric 'sharp'"):
        _ = measure(run()).sharp


def test_metrics_are_compared_copied_and_listed_by_name():
    import copy
    import pickle

    found = measure(run({0: {"A": 10}, 4: {"A": 0}}))
    assert copy.deepcopy(found) == pickle.loads(pickle.dumps(found)) == found  # noqa: S301 (our own bytes)
    assert found.replace(trades=9).trades == 9
    assert found.replace(trades=9) != found
    assert {"sharpe", "replace"} <= set(dir(found))
    assert dict(found.facts())["worst drawdown"] == found.worst_drawdown
    assert pd.Series(found.by_name).index.tolist() == [metric.name for metric in METRICS]
