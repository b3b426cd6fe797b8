"""Publication: what a notebook writes is what the command line writes."""

from dataclasses import replace
from pathlib import Path

import pytest

from dipfolio import load, load_bars, load_strategy, simulate
from dipfolio.engine.metrics import measure
from dipfolio.errors import ComparisonError, ParameterError
from dipfolio.report.publish import compare, publish
from dipfolio.storage import verified_run_id
from tests.support.markets import make_bars
from tests.support.runs import FREE, run
from tests.support.strategies import rebalanced

ROOT = Path(__file__).parents[2]


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr("dipfolio.report.tearsheet.tear_sheet", lambda *_: "a page")


def test_a_run_becomes_a_folder_with_its_record_and_the_gallery_beside_it(tmp_path, page):
    made = run()
    sheet = publish(made, str(tmp_path / "reports"))
    assert sheet.read_text(encoding="utf-8") == "a page"
    assert load(str(sheet.parent)) == made
    assert f'href="{sheet.parent.name}/tearsheet.html"' in (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")


def test_what_was_changed_of_the_account_is_in_the_name(tmp_path, page):
    made = replace(run(), account=replace(FREE, cash=500.0), changed={"hold": 5})
    name = publish(made, tmp_path).parent.name
    assert name.startswith("script--hold-5--cash-500.0--")
    assert publish(made, tmp_path, name="mine").parent.name == "mine"


def test_it_has_no_seal_so_the_command_line_simulates_anew(tmp_path, page):
    assert verified_run_id(publish(run(), tmp_path).parent) == ""


@pytest.mark.slow
def test_a_real_tear_sheet_is_drawn(tmp_path):
    bars = load_bars(ROOT / "data", ("NVDA", "SPY"))
    sheet = publish(simulate(load_strategy(str(ROOT / "strategies"), "short-nvda-friday")(), bars, benchmark="SPY"), tmp_path)
    assert "short-nvda-friday" in sheet.read_text(encoding="utf-8")


def test_runs_are_compared_with_the_metrics_of_each_over_the_common_sessions():
    one, other = run(), run({0: {"A": 5}}, since="2025-01-02")
    found = compare(one, other)
    table = found.table
    assert len(set(table.index)) == len(table.index) == 2
    for row, result in zip(table.itertuples(), (one, other), strict=True):
        metrics = measure(result)
        assert (row.total_return, row.trades) == (metrics.total_return, metrics.trades)
        assert row.sharpe == pytest.approx(metrics.sharpe)
    assert found.window == one.window
    assert "benchmark B" in repr(found)


def test_a_riskless_rate_counts_for_all():
    pair = run(), run({0: {"A": 5}})
    assert (compare(*pair, risk_free=0.05).table["sharpe"] < compare(*pair).table["sharpe"]).all()


def test_runs_on_other_terms_are_refused_unless_asked_for():
    other = run(account=replace(FREE, cash=5_000.0))
    with pytest.raises(ComparisonError, match="compare with as_is=True"):
        compare(run(), other)
    assert len(compare(run(), other, as_is=True).table) == 2


def test_the_page_of_a_comparison_is_written(tmp_path):
    page = compare(run(), run({0: {"A": 5}})).publish(str(tmp_path / "reports"))
    assert page == tmp_path / "reports" / "comparison.html"
    assert "<title>" in page.read_text(encoding="utf-8")


def test_a_comparison_that_has_a_name_is_kept_and_listed(tmp_path):
    found = compare(run(), run({0: {"A": 5}}))
    page = found.publish(tmp_path, "half-size")
    assert page == tmp_path / "comparisons" / "half-size.html"
    assert 'href="comparisons/half-size.html"' in (tmp_path / "index.html").read_text(encoding="utf-8")
    with pytest.raises(ParameterError, match="There is a comparison 'half-size' already"):
        found.publish(tmp_path, "half-size")
    assert found.publish(tmp_path, "half-size", replace=True) == page


def test_the_record_of_a_portfolio_has_its_weights_contributions_and_rebalancings(tmp_path, page):
    market = make_bars({"A": [100.0, 100.0, 200.0, 200.0, 200.0], "B": [100.0] * 5})
    folder = publish(simulate(rebalanced({"A": 0.5, "B": 0.5}, 2), market, FREE), tmp_path).parent
    assert (folder / "rebalances.csv").read_text().splitlines()[0] == "session,symbols,bought,sold,turnover"
    assert (folder / "weights.csv").read_text().splitlines()[0] == "session,A,B,cash"
    assert (folder / "risk_contributions.csv").is_file()
    plain = publish(run({0: {"A": 10}, 2: {"A": 0}}), tmp_path, "plain").parent
    assert not {path.name for path in plain.iterdir()} & {"weights.csv", "rebalances.csv", "risk_contributions.csv"}
