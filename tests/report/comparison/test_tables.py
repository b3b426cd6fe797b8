"""Board: the cells that are printed, which of them is best, and the months."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.matched_benchmark import matched_returns
from dipfolio.report.comparison.alignment import align_tracks, benchmark_metrics, build_contenders, market_returns
from dipfolio.report.comparison.series import Track
from dipfolio.report.comparison.tables import (
    UNKNOWN_TERM,
    assumption_terms,
    correlation_rows,
    cost_rows,
    matched_difference_rows,
    mean_difference_rows,
    metric_rows,
    month_rows,
    parameter_terms,
    provenance_terms,
    sharpe_difference_rows,
)
from dipfolio.report.run_summary import summary_rows
from tests.report.comparison.test_alignment import RUIN, series
from tests.support.runs import FREE, MARKET, WAVES, run, track

DAYS = run().returns.index


def field(*tracks):
    fairness = align_tracks(tracks)
    return build_contenders(fairness), benchmark_metrics(fairness), market_returns(fairness)


def row(rows, label):
    return next(row for row in rows if row.label == label)


def test_the_figures_are_those_of_the_summary_to_the_letter():
    made = track({0: {"A": 10}, 5: {"A": 0}}, label="a")
    contender = build_contenders(align_tracks([made]))[0]
    said = dict(summary_rows(made.result, contender.metrics))
    found = {row.label: row.cells[0].text for row in metric_rows([contender], None)}
    for label in ("Total return", "Annual return", "Volatility", "Sharpe", "Sortino", "Worst drawdown", "Excess over benchmark"):
        assert found[label] == said[label]
    assert (said["Time in market"], said["Mean exposure"]) == (
        f"{found['Time in market']} of sessions", f"{found['Mean exposure']} of equity",
    )  # fmt: skip
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
    contender = build_contenders(align_tracks([track({0: {"A": 20}, 5: {"A": 0}}, label="a", account=dear)]))[0]
    rows = cost_rows([contender])
    parts = [
        row(rows, label).cells[0].value
        for label in ("Commission", "SEC and FINRA fees", "Slippage (in the prices)", "Borrow fees")
    ]
    both = [one for one in rows if one.label == "All costs"]
    assert both[0].cells[0].value == pytest.approx(sum(parts))
    assert parts[2] == pytest.approx(20 * (WAVES[1] + WAVES[6]) * 10 / 1e4)
    assert both[1].cells[0].text == f"{sum(parts) / 10_000 * 100:.3f} %"
    assert rows[-1].label == "Dividends received less paid"


def test_months_and_years_compound_the_sessions_in_them():
    closes = np.linspace(100, 160, 45).tolist()
    made = track({0: {"A": 10}}, label="a", closes=closes, market=[50.0] * 45)
    contender = build_contenders(align_tracks([made]))[0]
    equity = contender.result.equity["equity"]
    rows = month_rows([contender], market_returns(align_tracks([made])))
    assert [row.label for row in rows] == ["2025-01", "2025-02", "2025-03", "2025"]
    january, february = (equity[equity.index.month <= month].iloc[-1] for month in (1, 2))
    assert rows[0].cells[0].value == pytest.approx(january / 1000 - 1)
    assert rows[1].cells[0].value == pytest.approx(february / january - 1)
    assert rows[-1].strong
    assert rows[-1].cells[0].value == pytest.approx(equity.iloc[-1] / 1000 - 1)
    assert rows[1].cells[0].tint == 4
    assert (rows[1].cells[1].text, rows[1].cells[1].quiet) == ("+0.00 %", True)


LONG = np.cumprod(1 + np.random.default_rng(3).standard_normal(60) * 0.01) * 100


def related(*tracks):
    fairness = align_tracks(tracks)
    return build_contenders(fairness), market_returns(fairness), fairness.benchmark


def noise(label, seed, days=60):
    index = run(closes=LONG, market=LONG).returns.index[:days]
    returns = pd.Series(np.random.default_rng(seed).standard_normal(days) * 0.01, index=index)
    return Track(label=label, returns=returns, base=pd.Timestamp("2024-12-31"), origin="a file")


def test_correlations_are_pearsons_over_all_sessions():
    a, b = noise("a", 1), noise("b", 2)
    rows = correlation_rows(*related(a, b))
    assert [row.label for row in rows] == ["a", "b"]
    assert rows[0].cells[1].value == pytest.approx(np.corrcoef(a.returns, b.returns)[0, 1])
    assert rows[0].cells[0].text == "+1.00"


def test_a_run_that_never_traded_has_no_correlation():
    rows = correlation_rows(*related(track({}, label="idle"), track(label="a")))
    assert [cell.text for cell in rows[0].cells] == ["-", "-", "-"]
    assert rows[2].label == "B"


def test_a_run_with_the_name_of_the_benchmark_is_told_from_it():
    rows = correlation_rows(*related(track(label="B")))
    assert [row.label for row in rows] == ["B", "B (benchmark)"]
    assert mean_difference_rows(*related(track(label="B")))[0][0].label == "B"


def test_the_difference_is_that_of_the_means_a_year_and_its_interval_surrounds_it():
    a, b = noise("a", 1), noise("b", 2)
    (gap,), how = mean_difference_rows(*related(a, b))
    assert gap.mean.value == pytest.approx(252 * (b.returns - a.returns).mean())
    assert gap.low.value < gap.mean.value < gap.high.value
    assert (how.sessions, how.draws) == (60, 5000)
    assert gap.reading == "chance alone could explain it"
    assert gap.remark == ""


def test_an_interval_without_zero_is_called_more_than_chance_and_no_proof():
    a = noise("a", 1)
    b = Track(label="b", returns=a.returns + 0.01 + noise("n", 2).returns / 100, base=a.base, origin="a file")
    assert mean_difference_rows(*related(a, b))[0][0].reading == "more than chance, by this measure"


def test_trades_entered_in_one_session_are_called_one_observation():
    tracks = track({0: {"A": 10}, 8: {"A": 0}}, label="once", closes=LONG, market=LONG), noise("n", 2)
    (gap, _market), _ = mean_difference_rows(*related(*tracks))
    assert gap.remark == "once entered in 1 session: 1 observation. The interval is no evidence about the rule."
    assert gap.reading == "too few observations to tell"


def test_what_a_run_earns_beyond_its_benchmark_with_the_same_dollars():
    often = {row: {"A": 10 * (row % 8 == 0)} for row in range(0, 100, 4)}
    closes = (100 * np.cumprod(1 + np.random.default_rng(6).normal(0, 0.01, 120))).tolist()
    contenders, _, _ = field(track(often, label="often", closes=closes, market=closes[::-1]))
    result = contenders[0].track.result
    (gap,) = matched_difference_rows(contenders)
    # What is earned in dollars and what is not are in the answer of the run: the same numbers, over all sessions.
    excess = result.returns - matched_returns(result, "B")
    assert gap.mean.value == pytest.approx(252 * excess.mean())
    assert gap.low.value < gap.mean.value < gap.high.value
    assert (gap.label, gap.remark) == ("often", "")


def test_trades_in_the_benchmark_itself_earn_nothing_beyond_it():
    often = {row: {"A": 10 * (row % 8 == 0)} for row in range(0, 100, 4)}
    closes = (100 * np.cumprod(1 + np.random.default_rng(6).normal(0, 0.01, 120))).tolist()
    contenders, _, _ = field(track(often, label="same", closes=closes, market=closes, account=FREE))
    (gap,) = matched_difference_rows(contenders)
    assert gap.mean.value == pytest.approx(0, abs=1e-12)


def test_one_entry_has_an_excess_and_no_interval_and_a_file_has_neither():
    once = track({0: {"A": 10}, 8: {"A": 0}}, label="once", closes=LONG, market=LONG[::-1])
    contenders, _, _ = field(once, noise("n", 2))
    (gap,) = matched_difference_rows(contenders)
    assert (gap.label, gap.low.text, gap.reading) == ("once", "-", "too few observations to tell")
    assert gap.remark == "1 observation, too few for an interval."
    assert matched_difference_rows(field(track(label="none", benchmark=""))[0]) == ()


def test_too_few_sessions_have_a_difference_and_no_interval():
    (gap,), how = mean_difference_rows(*related(noise("a", 1, 12), noise("b", 2, 12)))
    assert gap.mean.text != "-"
    assert (gap.low.text, gap.high.text, gap.reading, how.draws) == ("-", "-", "no interval", 0)


def test_a_lost_account_has_no_mean_return():
    tracks = track({0: {"A": -10}}, label="ruined", closes=RUIN), track(label="a")
    gap = mean_difference_rows(*related(*tracks))[0][0]
    assert (gap.mean.text, gap.low.text) == ("-", "-")
    assert gap.remark == "ruined was wiped out: a lost account has no mean return."


def test_the_same_run_twice_differs_by_nothing():
    a = noise("a", 1)
    (gap,), _ = mean_difference_rows(*related(a, Track(label="b", returns=a.returns, base=a.base, origin="x")))
    assert (gap.mean.value, gap.reading) == (0, "the same returns")


def test_a_single_run_without_a_benchmark_is_compared_with_nothing():
    assert mean_difference_rows(*related(track(label="a", benchmark=""))) == ((), None)


def test_the_difference_of_sharpe_ratios_is_that_of_the_metrics_and_its_interval_surrounds_it():
    a, b = noise("a", 1), noise("b", 2)
    field, market, benchmark = related(a, b)
    (gap,) = sharpe_difference_rows(field, market, benchmark, 0.04)
    sharpes = [contender.metrics.sharpe for contender in build_contenders(align_tracks((a, b)), 0.04)]
    assert gap.difference.value == pytest.approx(sharpes[1] - sharpes[0], abs=1e-12)
    assert gap.low.value < gap.difference.value < gap.high.value
    assert (gap.found.draws, gap.found.sessions, gap.remark) == (4999, 60, "")
    assert (gap.p_value.value > 0.05) == (gap.reading == "chance alone could explain it")
    assert sharpe_difference_rows(field, market, benchmark)[0].difference.value != gap.difference.value


def test_a_run_of_few_observations_has_a_difference_of_ratios_and_no_p_value():
    tracks = track({0: {"A": 10}, 8: {"A": 0}}, label="once", closes=LONG, market=LONG), noise("n", 2)
    gap, _market = sharpe_difference_rows(*related(*tracks))
    assert gap.difference.value is not None
    assert (gap.p_value.text, gap.reading) == ("-", "too few observations to tell")
    assert gap.remark == "once entered in 1 session: 1 observation. The interval is no evidence about the rule."


def test_a_lost_account_and_a_short_window_have_no_test_of_ratios():
    gap = sharpe_difference_rows(*related(track({0: {"A": -10}}, label="ruined", closes=RUIN), track(label="a")))[0]
    assert (gap.difference.text, gap.p_value.text, gap.reading) == ("-", "-", "no interval")
    assert "ruined was wiped out" in gap.remark
    (short,) = sharpe_difference_rows(*related(noise("a", 1, 12), noise("b", 2, 12)))
    assert (short.low.text, short.p_value.text, short.reading, short.found.draws) == ("-", "-", "no interval", 0)
    assert sharpe_difference_rows(*related(noise("a", 1))) == ()


def terms(make, *tracks):
    return {term.topic: term for term in make(build_contenders(align_tracks(tracks)))}


def test_an_assumption_that_differs_is_marked_and_one_that_does_not_is_said_once():
    found = terms(assumption_terms, track(label="a"), track(label="b", account=replace(FREE, slippage_bps=5.0)))
    assert found["Slippage"].differs
    assert [said[:14] for said in found["Slippage"].sentences] == ["0 basis points", "5 basis points"]
    assert not found["Taxes"].differs
    assert found["Taxes"].shared == "None."


def test_a_parameter_that_only_one_run_has_is_a_dash_for_the_others():
    other = track(label="b")
    other = replace(other, result=replace(other.result, parameters={"hold": 5}))
    found = terms(parameter_terms, track(label="a"), other)
    assert found["hold"].sentences == ("-", "5")
    assert found["universe"].sentences == ("A", "-")


def test_a_series_from_elsewhere_is_unknown_and_makes_no_difference():
    found = terms(assumption_terms, track(label="a"), series(run().returns.index))
    assert found["Slippage"].sentences[1] == UNKNOWN_TERM
    assert not found["Slippage"].differs
    assert terms(provenance_terms, track(label="a"), series(run().returns.index))["Source"].sentences[1] == "a file"


def test_the_terms_are_those_of_the_runs_before_they_were_aligned():
    days = run().returns.index
    found = terms(assumption_terms, track(label="a"), track(label="b", start=days[4].date()))
    assert found["Window"].sentences == ("2025-01-02 to 2025-01-21", "2025-01-08 to 2025-01-21")


def test_the_fingerprint_of_each_run_is_shown_whole():
    made = track(label="a")
    assert terms(provenance_terms, made)["SHA-256"].shared == made.result.provenance.sha256
