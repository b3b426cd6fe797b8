"""The page of a sweep: what it says of the best, of the default, and of luck."""

import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from dipfolio.engine.metrics import metric_of
from dipfolio.evidence.data_snooping import probability_of_overfitting
from dipfolio.evidence.sharpe_ratio import SharpeRatio, expected_max_sharpe
from dipfolio.evidence.walk_forward import WalkForwardScheme, run_walk_forward
from dipfolio.report.sweep_page import (
    SweepRow,
    default_percentile,
    describe_sweep_charts,
    estimate_selection_bias,
    few_observations_remarks,
    fitting_columns,
    print_sweep,
    sweep_as_json,
    sweep_chart_data,
    sweep_result_page,
)
from dipfolio.sweep.grid import Axis
from dipfolio.sweep.sweep_result import SweepResult
from tests.support.sweeps import BARS, DROP, HOLD, Falls, made


@pytest.fixture
def eight(monkeypatch):
    """A table of metrics with eight columns of a sweep."""
    names = ("total_return", "sharpe", "volatility", "worst_drawdown", "trades", "win_rate", "costs", "final_equity")
    monkeypatch.setattr("dipfolio.engine.metrics.METRICS", tuple(metric_of(name) for name in names))


def test_the_default_is_better_than_the_cells_below_it():
    found = made()
    assert found.default_percentile("total_return") == pytest.approx(4 / 12)  # the three of hold 1, and hold 2 with drop 0.02
    assert (
        default_percentile(found, "total_return") == "The default has a total return of +23.00 %, better than 33.3 % of the grid."
    )
    assert "no figure" in default_percentile(made(default=False), "sharpe")


def test_luck_is_measured_by_the_evidence_rooms_own_formulas():
    found, chance = made(), estimate_selection_bias(made())
    ratios = found.table["sharpe"] / math.sqrt(252)
    best = SharpeRatio(ratio=ratios.max(), observations=200)
    assert chance.trials == 12
    assert chance.deflated == pytest.approx(best.deflated(12, ratios.var()))
    assert chance.expected_best == pytest.approx(expected_max_sharpe(12, ratios.var()) * math.sqrt(252))
    assert chance.overfitting == probability_of_overfitting(found.returns.to_numpy()).probability


def test_a_grid_that_hardly_trades_says_why_there_is_no_figure():
    found = made(axes=(HOLD,))
    still = found.returns * 0
    chance = estimate_selection_bias(SweepResult(**{**vars(found), "returns": still, "table": found.table.assign(sharpe=np.nan)}))
    assert math.isnan(chance.overfitting)
    assert math.isnan(chance.deflated)
    assert chance.how == "needs two or more cells that trade and differ"
    some = found.returns.copy()
    some.iloc[:150, 0] = 0.0
    assert "chosen by mean return" in estimate_selection_bias(SweepResult(**{**vars(found), "returns": some})).how


@pytest.mark.parametrize("axes", [(), (HOLD,), (HOLD, DROP), (HOLD, DROP, Axis(name="late", points=(False, True)))])
def test_every_number_of_axes_has_a_page_that_runs_nothing_foreign(axes):
    page = sweep_result_page(made(axes), "total_return", "python backtest.py dip", "5 random cells")
    data = json.loads(re.search(r'id="chart-data">(.*?)</script>', page, re.DOTALL).group(1))
    assert [axis["name"] for axis in data["axes"]] == [axis.name for axis in axes]
    assert data["command"] == "python backtest.py dip --universe '<b>&x'"
    assert "<b>&x" not in page
    assert len(data["figures"]["sharpe"]) == math.prod(len(axis.points) for axis in axes)
    assert page.count("<script") == page.count("</script>")
    assert "http://" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_a_command_says_words_numbers_and_switches_as_the_command_line_takes_them():
    axes = (Axis(name="late", points=(False, True)), Axis(name="stop", points=(None, 0.1)))
    page = sweep_result_page(made(axes, names="SMH"), "sharpe", "python backtest.py dip --cash 5000", "no cell")
    assert "<code>python backtest.py dip --cash 5000 --universe SMH --late --stop 0.1</code>" in page
    assert "<code>python backtest.py dip --cash 5000 --universe SMH --no-late --stop none</code>" in page


def test_a_large_grid_of_three_axes_shows_a_sample_with_both_ends():
    axes = tuple(Axis(name=name, points=tuple(range(20))) for name in ("hold", "drop", "lag"))
    found = made(axes, sessions=20)
    data = json.loads(sweep_chart_data(found, "total_return", ""))
    shown = found.table.loc[data["cells"], "total_return"]
    assert 2_900 <= len(shown) <= 3_000
    assert (shown.min(), shown.max()) == (found.table["total_return"].min(), found.table["total_return"].max())


def test_the_table_on_the_terminal_has_the_best_first():
    stream = io.StringIO()
    print_sweep(made(), "total_return", stream)
    lines = [line.split() for line in stream.getvalue().splitlines() if "%" in line]
    assert lines[0][:4] == ["4", "0.05", "+45.00", "%"] or lines[0][:4] == ["0.05", "4", "+45.00", "%"]
    assert "The 10 best by total return" in stream.getvalue()
    assert describe_sweep_charts(made(), "total_return").startswith("Total return over 12 cells: lowest +12.00 %")


@pytest.mark.parametrize(("width", "shown"), [(200, 8), (140, 8), (80, 5), (60, 3), (20, 1)])
def test_no_figure_is_cut_on_a_narrow_terminal(width, shown, eight):
    figures = ("+98.03 %", "1.18", "33.9 %", "-28.94 %", "7", "57.1 %", "$1,200", "$1,980,342")
    rows = [SweepRow(parameters=("0.02", "60"), figures=figures, command="")]
    places = fitting_columns(["drop", "hold"], rows, "sharpe", width)
    assert len(places) == shown
    assert 1 in places
    assert list(places) == sorted(places)


def test_what_a_narrow_terminal_leaves_out_is_named(monkeypatch, eight):
    stream = io.StringIO()
    narrow = Console(file=stream, color_system=None, width=60)
    monkeypatch.setattr("dipfolio.report.terminal.plain_console", lambda *_: narrow)
    print_sweep(made(), "final_equity", stream)
    assert "…" not in stream.getvalue()
    assert "Final equity" in stream.getvalue()
    said = "Not shown in so few columns: volatility, worst drawdown, trades, win rate by trade, all costs; the page has them."
    assert said in stream.getvalue()


def test_cells_with_the_same_outcome_are_one_trial_and_not_overfitted():
    found = made(axes=(HOLD,))
    alike = found.returns.copy()
    alike[:] = alike.iloc[:, [0]].to_numpy()
    table = found.table.assign(**{name: found.table[name].iloc[0] for name in ("sharpe", "ratio", "skew", "kurtosis")})
    chance = estimate_selection_bias(SweepResult(**{**vars(found), "returns": alike, "table": table}))
    assert (chance.trials, chance.how) == (1, "needs two or more cells that trade and differ")
    assert math.isnan(chance.overfitting)
    assert math.isnan(chance.deflated)


def of_few(looks):
    """Findings of which the cell with the highest Sharpe ratio, no longer the one of the highest return, has so many looks."""
    found = made()
    best = found.table["sharpe"].idxmax()
    assert best != found.table["total_return"].idxmax()
    return replace(
        found, table=found.table.assign(observations=found.table["observations"].where(found.table.index != best, looks))
    )


def words_of(found, by):
    stream = io.StringIO()
    print_sweep(found, by, stream)
    page = re.sub(r"<script.*?</script>", "", sweep_result_page(found, by, "python backtest.py dip", "no cell"), flags=re.DOTALL)
    return stream.getvalue(), page


def test_a_best_sharpe_ratio_of_few_entries_is_told_as_for_one_run_and_not_deflated():
    found = of_few(1)
    chance = estimate_selection_bias(found)
    assert (chance.observations, chance.trials) == (1, 12)
    assert math.isnan(chance.deflated)
    assert chance.expected_best == estimate_selection_bias(made()).expected_best
    said = (
        "The best cell by Sharpe ratio: All trades were entered in 1 session: 1 observation at the most, and no ratio here is "
        "evidence. Cells with fewer than 10 observations: 1 of 12."
    )
    for by in ("sharpe", "total_return"):
        for text in words_of(found, by):
            assert said in text
    page = words_of(found, "sharpe")[1]
    assert (
        "<b>-</b> the cell with the highest Sharpe ratio has 1 observation at the most; below 10 its ratio is not deflated"
        in page
    )


def test_ten_observations_are_enough_for_a_sweep_as_for_a_run():
    found = of_few(10)
    assert estimate_selection_bias(found).deflated == estimate_selection_bias(made()).deflated
    for text in words_of(found, "sharpe"):
        assert "observation" not in text
    assert math.isnan(estimate_selection_bias(of_few(9)).deflated)


def test_the_best_by_what_ranks_may_have_few_observations_as_well():
    found = made()
    few = replace(found, table=found.table.assign(observations=3))
    assert few_observations_remarks(few, "sharpe")[0].startswith(
        "The best cell by Sharpe ratio: All trades were entered in 3 sessions"
    )
    by_return, by_ratio = few_observations_remarks(few, "total_return")
    assert by_return.startswith(
        "The best cell by total return: All trades were entered in 3 sessions: 3 observations at the most"
    )
    assert by_return.endswith("Cells with fewer than 10 observations: 12 of 12.")
    assert by_ratio.startswith("The best cell by Sharpe ratio:")
    assert few_observations_remarks(replace(found, table=found.table.assign(observations=0)), "sharpe") == ()


@pytest.fixture(scope="module")
def walk():
    return run_walk_forward(
        Falls, BARS, scheme=WalkForwardScheme(parts=2, benchmark="B"), hold=[1, 2, 3, 4], drop=[0.02, 0.03, 0.05]
    )


def test_the_page_of_a_walk_forward_test_begins_with_its_answer(walk):
    page = sweep_result_page(made(), "total_return", "python backtest.py dip", "no cell", walk)
    main = page[page.index('<main id="main"') :]
    assert (
        main.index('<p class="answer">Chosen anew 2 times on the past alone, dip ') < main.index("<figure>") < main.index("<dl")
    )
    pbo = estimate_selection_bias(made()).overfitting
    assert f"Probability of backtest overfitting (PBO): {pbo * 100:.1f} %" in main
    data = json.loads(re.search(r'id="chart-data">(.*?)</script>', page, re.DOTALL).group(1))
    assert [line["name"] for line in data["walk"]["lines"]][::2] == ["Chosen on the past", "B throughout"]
    assert len(re.findall(r'<th scope="row">[12]</th>', main)) == 2
    plain = sweep_result_page(made(), "total_return", "python backtest.py dip", "no cell")
    assert 'class="answer"' not in plain
    assert 'id="walk"' not in plain


def test_a_hostile_parameter_of_a_choice_is_text_on_the_page(walk):
    part = replace(walk.parts[0], choice=replace(walk.parts[0].choice, parameters={"universe": "<b>&x</script>"}))
    hostile = replace(walk, parts=(part, walk.parts[1]), hindsight=part)
    page = sweep_result_page(made(), "total_return", "python backtest.py dip", "no cell", hostile)
    assert "<b>&x" not in page
    assert "universe &lt;b&gt;&amp;x&lt;/script&gt;" in page
    assert page.count("<script") == page.count("</script>")


def test_the_json_has_both_ends_the_default_what_luck_explains_and_the_walk_forward_test(walk):
    found, chance = made(), estimate_selection_bias(made())
    record = json.loads(sweep_as_json(found, "total_return", (0.001, 5), "somewhere", walk))
    assert record["best"][0]["parameters"] == {"universe": "<b>&x", "hold": 4, "drop": 0.05}
    assert record["best"][0]["total_return"] == pytest.approx(0.45)
    assert record["worst"][0]["parameters"]["hold"] == 1
    assert record["default_is_better_than"] == pytest.approx(4 / 12)
    assert record["overfitting"] == chance.overfitting
    assert record["verified"] == {"cells": 5, "largest_difference": 0.001}
    assert len(record["walk_forward"]["parts"]) == 2
    assert record["report"] == "somewhere"
    assert json.loads(sweep_as_json(made(default=False), "sharpe", (0.0, 0), ""))["walk_forward"] is None
