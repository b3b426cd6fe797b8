"""Summary: the table for people and the JSON for machines, of runs that are easy and of runs that are not."""

import dataclasses
import io
import json
import math
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.attribution import attribute
from dipfolio.engine.display import signed_dollars
from dipfolio.engine.factor_regression import factor_models
from dipfolio.engine.loader import load_strategy
from dipfolio.engine.metrics import applicable_metrics, measure
from dipfolio.engine.simulation import simulate
from dipfolio.engine.subperiods import rolling_metrics, start_dates
from dipfolio.report.terminal import print_summary, run_as_json
from tests.support.markets import make_bars
from tests.support.strategies import rebalanced, script

ROOT = Path(__file__).parents[2]
LABELS = [
    "Money put in", "Profit", "Holding time", "SPY at the same times", "Difference to SPY", "Best and worst name",
    "Whole account", "Total return", "Annual return", "Volatility", "Sharpe", "Sortino", "Calmar", "Worst drawdown",
    "Time in market", "Mean exposure", "Trades",
    "Win rate by trade", "Commissions and fees", "Slippage (in the prices)", "Borrow fees", "Interest on negative cash",
    "Dividends received less paid",
    "Final equity", "Benchmark return (SPY)", "Excess over benchmark", "Open positions", "Ledger residual",
]  # fmt: skip


@pytest.fixture(scope="module")
def dip():
    bars = load_bars(ROOT / "data")
    result = simulate(load_strategy(ROOT / "strategies", "buy-the-dip")(), bars, benchmark="SPY")
    return result, measure(result)


@pytest.fixture(scope="module")
def idle():
    result = simulate(script({}), make_bars({"A": [100.0, 101, 102]}), Account(cash=1_000.0))
    return result, measure(result)


@pytest.fixture(scope="module")
def wiped_out():
    bars = make_bars({"A": [100.0, 100, 190, 190]})
    result = simulate(script({0: {"A": -2.0}}, unit="weight"), bars, Account().without_costs())
    return result, measure(result)


def printed(run, *, everything=True):
    stream = io.StringIO()
    print_summary(*run, stream, everything=everything)
    return stream.getvalue()


def cells(run):
    """Label to value as printed."""
    lines = printed(run).splitlines()[2:]
    rows = [line.strip() for line in lines if line.startswith(" ") and line.strip()]
    return {label: row[len(label) :].strip() for row in rows for label in LABELS if row.startswith(label)}


def strict(text):
    """JSON as the standard has it, without NaN and Infinity."""

    def refuse(word):
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


def test_the_summary_has_every_row_of_the_issue_in_order(dip):
    assert list(cells(dip)) == LABELS


def test_the_values_stand_under_each_other(dip):
    rows = [line for line in printed(dip).splitlines() if any(line.startswith(f" {label}") for label in LABELS)]
    assert len({line.index(cells(dip)[label]) for line, label in zip(rows, LABELS, strict=True)}) == 1


def test_no_line_is_longer_than_a_page_and_none_has_an_escape_sequence(dip):
    table = [line for line in printed(dip).splitlines() if line.startswith(" ")]
    assert max(len(line) for line in table) <= 100
    assert "\x1b" not in printed(dip)
    assert printed(dip).isascii()


def test_the_numbers_of_the_summary_are_those_of_the_metrics(dip):
    found, metrics = cells(dip), dip[1]
    assert found["Whole account"] == "2024-01-02 to 2025-12-31, 502 sessions"
    assert found["Total return"] == f"{metrics.total_return * 100:+.2f} %"
    assert found["Worst drawdown"] == f"{metrics.worst_drawdown * 100:+.2f} %"
    assert found["Volatility"] == f"{metrics.volatility * 100:.1f} %"
    assert found["Sharpe"] == f"{metrics.sharpe:.2f}"
    assert found["Final equity"] == f"${metrics.final_equity:,.2f}"
    assert found["Commissions and fees"] == f"${metrics.commission + metrics.fees:,.2f}"
    assert found["Trades"] == "12"
    assert found["Open positions"] == "0"


def test_the_percentages_have_signs_and_the_money_thousands_separators(dip):
    found = cells(dip)
    assert found["Final equity"] == "$1,012,745.29"
    assert found["Total return"] == "+1.27 %"
    assert found["Excess over benchmark"].startswith("-46.")


BRIEF = [
    *LABELS[:7], "Total return", "Annual return", "Volatility", "Sharpe", "Worst drawdown", "Win rate by trade", "All costs",
]  # fmt: skip


def test_the_short_table_has_the_six_numbers_six_ratios_and_the_costs(dip):
    lines = [line for line in printed(dip, everything=False).splitlines() if line.startswith(" ") and line.strip()]
    assert [re.split(" {2,}", line.strip())[0] for line in lines] == BRIEF
    assert lines[-1].split()[-1] == f"${dip[1].costs:,.2f}"


@pytest.mark.parametrize("everything", [False, True])
def test_the_answer_stands_before_the_table_and_the_remarks_after_it(dip, everything):
    text = printed(dip, everything=everything)
    places = [text.index(part) for part in ("buy-the-dip", "$933,276 put into", "Measured on", "Money put in", "Sharpe", "Note:")]
    assert places == sorted(places)


def test_one_entry_date_is_remarked_upon(dip):
    assert "Note: All trades were entered in 1 session: 1 observation at the most" in printed(dip)


def test_numbers_that_do_not_exist_are_dashes_and_no_nan(idle):
    text = printed(idle)
    assert "nan" not in text.lower()
    assert "Benchmark return (none)" in text
    assert cells(idle)["Win rate by trade"] == cells(idle)["Sharpe"] == "-"
    assert "Note: The strategy never traded in this window: no decision falls into it" in text


def test_a_lost_account_is_said_first(wiped_out):
    notes = [line for line in printed(wiped_out).splitlines() if line.startswith("Note:")]
    assert notes[0].startswith("Note: The account was wiped out and the run ended")


def test_the_title_names_what_was_changed():
    bars = load_bars(ROOT / "data", ("NVDA", "SMH"))
    strategy = load_strategy(ROOT / "strategies", "buy-the-dip")(universe="NVDA,SMH", hold=2)
    result = simulate(strategy, bars)
    assert printed((result, measure(result))).splitlines()[0].strip() == "buy-the-dip (universe NVDA,SMH, hold 2)"


def test_words_in_brackets_are_words_and_no_markup(dip):
    result = dataclasses.replace(dip[0], changed={"universe": "[red]NVDA[/red] :smile:"})
    assert "buy-the-dip (universe [red]NVDA[/red] :smile:)" in printed((result, dip[1]))


def test_the_json_has_the_metrics_unrounded(dip):
    record = strict(run_as_json(*dip, "reports/x/tearsheet.html"))
    for name, value in applicable_metrics(dip[1], dip[0]).items():
        assert record[name] == (None if math.isnan(value) else value), name
    assert record["strategy"] == "buy-the-dip"
    assert record["window"] == ["2024-01-02", "2025-12-31"]
    assert record["parameters"] == {"universe": "article", "fill": "open", "day": "2025-01-27", "hold": 5}
    assert record["benchmark"] == "SPY"
    assert record["report"] == "reports/x/tearsheet.html"
    assert record["remarks"][0].startswith("All trades were entered in 1 session: 1 observation at the most")


def test_in_the_json_what_does_not_exist_is_null(idle):
    record = strict(run_as_json(*idle, ""))
    nothing = {name for name, value in idle[1].by_name.items() if isinstance(value, float) and math.isnan(value)}
    assert {name for name, value in record.items() if value is None} == nothing | {"benchmark", "rolling", "robustness"}
    assert "win_rate" in nothing


def test_the_json_of_a_lost_account_is_json(wiped_out):
    assert strict(run_as_json(*wiped_out, ""))["total_return"] <= -0.8


def test_the_json_of_an_account_worth_exactly_nothing_is_json():
    # 2,000,000 dollars short at 100; at 150 the million is gone to the cent
    bars = make_bars({"A": [100.0, 100, 150, 150]})
    result = simulate(script({0: {"A": -20_000}}), bars, Account().without_costs(), end=date(2025, 1, 7))
    assert result.bankrupt
    record = strict(run_as_json(result, measure(result), ""))
    assert record["total_return"] == -1


@pytest.mark.parametrize("module", ["report.terminal", "report.comparison.page", "report.runs_index", "report.tearsheet"])
def test_what_shows_a_saved_run_does_not_import_backtrader(module):
    heavy = ("backtrader", "statsmodels", "arch", "quantstats")
    code = f"import sys, dipfolio.{module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_json_has_the_answer_and_where_the_profit_came_from(dip):
    record = strict(run_as_json(*dip, ""))
    made = dip[0].equity["equity"].iloc[-1] - 1_000_000
    answer = record["answer"]
    assert (answer["measures"], answer["profit"]) == ("trades", pytest.approx(made))
    assert answer["sentence"].startswith("$933,276 put into twelve names")
    assert [benchmark["symbol"] for benchmark in answer["benchmarks"]] == ["SPY"]
    assert answer["difference"] == pytest.approx(made - answer["benchmarks"][0]["profit"])
    assert set(record["attribution"]) == {"name", "month", "side", "reason", "source"}
    for cut in record["attribution"].values():
        assert sum(cut.values()) == pytest.approx(made, abs=0.005)


def test_the_json_has_windows_start_dates_and_factors(dip):
    record = strict(run_as_json(*dip, "", risk_free=0.04))
    rolling, starts, factors = rolling_metrics(dip[0], 0.04), start_dates(dip[0]), factor_models(dip[0], 0.04)
    assert record["rolling"] == strict(json.dumps(rolling.as_record()))
    assert record["start_dates"] == strict(json.dumps([found.as_record() for found in starts]))
    assert record["factors"] == strict(json.dumps(factors.as_record()))
    assert record["factors"]["missing"] == ["A regression on SPY needs 30 invested sessions with returns; there are 6."]
    assert record["rolling"]["sharpe"] == dict.fromkeys(("lowest", "median", "highest", "last"))


def test_all_metrics_come_with_where_the_profit_came_from(dip):
    lines = [" ".join(line.split()) for line in printed(dip).splitlines()]
    at = lines.index("Where the profit of +$12,745 came from")
    assert lines.index("Ledger residual $0.000000") < at
    found = attribute(dip[0])
    sources = {label: signed_dollars(value) for label, value in found.by_source.items()}
    assert [line for line in lines[at:] if line.startswith("By source")] == [f"By source: {k} {v}" for k, v in sources.items()]
    best = max(dip[0].trades["profit"])
    assert f"Best trade +${best:,.0f} without +${12_745 - round(best):,}" in lines[at:]
    assert "The profit without these trades is a subtraction and no test" in printed(dip)
    assert "came from" not in printed(dip, everything=False)


def test_a_run_without_a_trade_has_no_profit_to_cut(idle):
    assert "came from" not in printed(idle)


def test_the_json_has_the_best_and_the_worst_trades(dip):
    record, profits = strict(run_as_json(*dip, "")), sorted(dip[0].trades["profit"], reverse=True)
    made = dip[0].equity["equity"].iloc[-1] - 1_000_000
    for which, values in (("best", profits), ("worst", profits[::-1])):
        rows = [row for row in record["best_and_worst_trades"] if row["which"] == which]
        assert [row["trades"] for row in rows] == [1, 3, 5]  # of twelve
        assert [row["profit"] for row in rows] == pytest.approx([sum(values[:number]) for number in (1, 3, 5)])
        assert [row["profit"] + row["without"] for row in rows] == pytest.approx([made] * 3)


def test_a_portfolio_has_its_turnover_in_place_of_the_win_rate_and_its_allocation_in_the_json(dip):
    market = make_bars({"A": [100.0, 100.0, 200.0, 200.0, 200.0], "B": [100.0] * 5})
    result = simulate(rebalanced({"A": 0.5, "B": 0.5}, 2), market, Account(cash=1000, fractional=True).without_costs())
    run = result, measure(result)
    short = printed(run, everything=False)
    assert "Turnover" in short
    assert "Win rate" not in short
    record = strict(run_as_json(*run, ""))["allocation"]
    assert record["rebalances"] == 1
    assert record["mean_turnover"] == pytest.approx(1 / 6)
    assert record["names"]["A"] == {"mean_weight": pytest.approx((0.5 + 2 / 3 + 0.5 + 0.5) / 4), "weight": 0.5, "risk": None}
    assert "allocation" not in strict(run_as_json(*dip, ""))
