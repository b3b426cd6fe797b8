"""Board: the cells that are printed, which of them is best, and the months."""

import numpy as np
import pytest

from dipfolio.engine.account import Account
from dipfolio.report.board import cost_rows, metric_rows, month_rows
from dipfolio.report.contender import benchmark_metrics, contenders, market_returns
from dipfolio.report.fairness import judge
from dipfolio.report.wording import rows as summary_rows
from tests.report.test_fairness import RUIN, series
from tests.runs import MARKET, WAVES, run, track

DAYS = run().returns.index


def field(*tracks):
    fairness = judge(tracks)
    return contenders(fairness), benchmark_metrics(fairness), market_returns(fairness)


def row(rows, label):
    return next(row for row in rows if row.label == label)


def test_the_figures_are_those_of_the_summary_to_the_letter():
    made = track({0: {"A": 10}, 5: {"A": 0}}, label="a")
    contender = contenders(judge([made]))[0]
    said = dict(summary_rows(made.result, contender.metrics))
    found = {row.label: row.cells[0].text for row in metric_rows([contender], None)}
    for label in ("Total return", "Annual return", "Volatility", "Sharpe", "Sortino", "Worst drawdown", "Excess over benchmark"):
        assert found[label] == said[label]
    assert f"{found['Time in market']} of sessions, {found['Exposure']} of equity on average" == said["Exposure"]
    assert (found["Trades"], found["Win rate by trade"], found["Final equity"]) == (
        said["Trades"],
        said["Win rate by trade"],
        said["Final equity"],
    )


def test_the_best_is_the_highest_or_the_lowest_as_the_row_says():
    long, short = track({1: {"A": 10}}, label="long"), track({1: {"A": -1}}, label="short")
    rows = metric_rows(*field(long, short)[:2])
    assert [cell.best for cell in row(rows, "Total return").cells] == [True, False, False]
    assert row(rows, "Volatility").better == "lower"
    assert [cell.best for cell in row(rows, "Volatility").cells] == [False, True, False]
    assert not any(cell.best for cell in row(rows, "Trades").cells)


def test_equal_runs_have_no_best_and_equally_good_ones_are_all_best():
    rows = metric_rows(*field(track(label="a"), track(label="b"))[:2])
    assert not any(cell.best for row in rows for cell in row.cells)
    rows = metric_rows(*field(track(label="a"), track(label="b"), track({0: {"A": 20}}, label="c"))[:2])
    assert [cell.best for cell in row(rows, "Worst drawdown").cells][:3] == [True, True, False]


def test_a_ratio_of_few_observations_is_never_the_best():
    rows = metric_rows(*field(track(label="a"), track({0: {"A": -1}}, label="b"))[:2])
    assert not any(cell.best for label in ("Sharpe", "Sortino", "Win rate by trade") for cell in row(rows, label).cells)


def test_the_benchmark_has_what_returns_can_say():
    rows = metric_rows(*field(track(label="a"))[:2])
    assert row(rows, "Total return").cells[-1].value == pytest.approx(MARKET[-1] / MARKET[0] - 1)
    assert row(rows, "Trades").cells[-1].text == row(rows, "Excess over benchmark").cells[-1].text == "-"


def test_a_series_from_elsewhere_has_no_books():
    rows = metric_rows(*field(track(label="a"), series(DAYS))[:2])
    assert [row(rows, label).cells[1].text for label in ("Trades", "Final equity", "Time in market")] == ["-"] * 3
    costs = cost_rows(field(track(label="a"), series(DAYS))[0])
    assert {row.cells[1].text for row in costs} == {"-"}


def test_a_lost_account_has_no_ratios():
    rows = metric_rows(*field(track({0: {"A": -10}}, label="ruined", closes=RUIN), track(label="a"))[:2])
    assert [row(rows, label).cells[0].text for label in ("Sharpe", "Volatility", "Annual return")] == ["-"] * 3
    assert row(rows, "Total return").cells[0].value < -1


def test_costs_add_up_and_dividends_stand_apart():
    dear = Account(cash=10_000.0, slippage_bps=10.0, max_volume_share=1.0)
    contender = contenders(judge([track({0: {"A": 20}, 5: {"A": 0}}, label="a", account=dear)]))[0]
    rows = cost_rows([contender])
    parts = [row(rows, label).cells[0].value for label in ("Commission", "SEC and FINRA fees", "Slippage", "Borrow fees")]
    both = [one for one in rows if one.label == "All costs"]
    assert both[0].cells[0].value == pytest.approx(sum(parts))
    assert parts[2] == pytest.approx(20 * (WAVES[1] + WAVES[6]) * 10 / 1e4)
    assert both[1].cells[0].text == f"{sum(parts) / 10_000 * 100:.3f} %"
    assert rows[-1].label == "Dividends received less paid"


def test_months_and_years_compound_the_sessions_in_them():
    closes = np.linspace(100, 160, 45).tolist()
    made = track({0: {"A": 10}}, label="a", closes=closes, market=[50.0] * 45)
    contender = contenders(judge([made]))[0]
    equity = contender.result.equity["equity"]
    rows = month_rows([contender], market_returns(judge([made])))
    assert [row.label for row in rows] == ["2025-01", "2025-02", "2025-03", "2025"]
    january, february = (equity[equity.index.month <= month].iloc[-1] for month in (1, 2))
    assert rows[0].cells[0].value == pytest.approx(january / 1000 - 1)
    assert rows[1].cells[0].value == pytest.approx(february / january - 1)
    assert rows[-1].strong
    assert rows[-1].cells[0].value == pytest.approx(equity.iloc[-1] / 1000 - 1)
    assert rows[1].cells[0].tint == 4
    assert (rows[1].cells[1].text, rows[1].cells[1].quiet) == ("+0.00 %", True)
