"""The page of a sweep: what it says of the best, of the default, and of luck."""

import io
import json
import math
import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from dipfolio.engine.account import Account
from dipfolio.evidence.selection import overfitting
from dipfolio.evidence.sharpe import Sharpe, expected_best
from dipfolio.market.bars import Origin, Provenance
from dipfolio.report.chance import chance_of
from dipfolio.report.surface import Row, chart_data, fitting, in_words, print_findings, standing, surface_page
from dipfolio.sweep.findings import Findings
from dipfolio.sweep.grid import Axis, Grid
from dipfolio.sweep.outcome import FIGURES

HOLD, DROP = Axis(name="hold", points=(1, 2, 3, 4)), Axis(name="drop", points=(0.02, 0.03, 0.05))


def made(axes=(HOLD, DROP), default=True, seed=3, sessions=200, names="<b>&x"):
    """Findings whose total return is ten times the hold plus the drop, in per cent."""
    grid = Grid(axes=axes, fixed={"universe": names})
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.0005, 0.01, (sessions, len(grid)))
    table = pd.DataFrame({name: np.ones(len(grid)) for name in FIGURES})
    for axis in axes:
        table.insert(0, axis.name, [grid.cell(k)[axis.name] for k in range(len(grid))])
    table["sharpe"] = returns.mean(axis=0) / returns.std(axis=0, ddof=1) * math.sqrt(252)
    table["skew"], table["kurtosis"], table["sessions"] = 0.0, 3.0, sessions
    table["total_return"] = [grid.cell(k).get("hold", 0) / 10 + grid.cell(k).get("drop", 0) for k in range(len(grid))]
    own = table.iloc[min(4, len(table) - 1)].copy()
    return Findings(
        strategy="dip", grid=grid, defaults={"hold": 2, "drop": 0.03, "late": False, "stop": None, "universe": "SMH"},
        account=Account(), window=(date(2024, 1, 2), date(2024, 12, 31)), table=table.rename_axis("cell"),
        default=own if default else None, returns=pd.DataFrame(returns), refused={},
        provenance=Provenance(origin=Origin(), sessions={}, sha256="ab" * 32),
    )  # fmt: skip


def test_the_default_is_better_than_the_cells_below_it():
    found = made()
    assert found.standing("total_return") == pytest.approx(4 / 12)  # the three of hold 1, and hold 2 with drop 0.02
    assert standing(found, "total_return") == "The default has a total return of +23.00 %, better than 33.3 % of the grid."
    assert "no figure" in standing(made(default=False), "sharpe")


def test_neighbours_are_one_step_away_along_one_axis():
    found = made()
    corner, inner = found.neighbours(0), found.neighbours(4)
    assert [(row.hold, row.drop) for row in corner.itertuples()] == [(1, 0.03), (2, 0.02)]
    assert [(row.hold, row.drop) for row in inner.itertuples()] == [(1, 0.03), (2, 0.02), (2, 0.05), (3, 0.03)]


def test_luck_is_measured_by_the_evidence_rooms_own_formulas():
    found, chance = made(), chance_of(made())
    ratios = found.table["sharpe"] / math.sqrt(252)
    best = Sharpe(ratio=ratios.max(), observations=200)
    assert chance.trials == 12
    assert chance.deflated == pytest.approx(best.deflated(12, ratios.var()))
    assert chance.expected_best == pytest.approx(expected_best(12, ratios.var()) * math.sqrt(252))
    assert chance.overfitting == overfitting(found.returns.to_numpy()).probability


def test_a_grid_that_hardly_trades_says_why_there_is_no_figure():
    found = made(axes=(HOLD,))
    still = found.returns * 0
    chance = chance_of(Findings(**{**vars(found), "returns": still, "table": found.table.assign(sharpe=np.nan)}))
    assert math.isnan(chance.overfitting)
    assert math.isnan(chance.deflated)
    assert chance.how == "needs two or more cells that trade and differ"
    some = found.returns.copy()
    some.iloc[:150, 0] = 0.0
    assert "chosen by mean return" in chance_of(Findings(**{**vars(found), "returns": some})).how


@pytest.mark.parametrize("axes", [(), (HOLD,), (HOLD, DROP), (HOLD, DROP, Axis(name="late", points=(False, True)))])
def test_every_number_of_axes_has_a_page_that_runs_nothing_foreign(axes):
    page = surface_page(made(axes), "total_return", "python backtest.py dip", "5 random cells")
    data = json.loads(re.search(r'id="chart-data">(.*?)</script>', page, re.DOTALL).group(1))
    assert [axis["name"] for axis in data["axes"]] == [axis.name for axis in axes]
    assert data["command"] == "python backtest.py dip --universe '<b>&x'"
    assert "<b>&x" not in page
    assert len(data["figures"]["sharpe"]) == math.prod(len(axis.points) for axis in axes)
    assert page.count("<script") == page.count("</script>")
    assert "http://" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_a_command_says_words_numbers_and_switches_as_the_command_line_takes_them():
    axes = (Axis(name="late", points=(False, True)), Axis(name="stop", points=(None, 0.1)))
    page = surface_page(made(axes, names="SMH"), "sharpe", "python backtest.py dip --cash 5000", "no cell")
    assert "<code>python backtest.py dip --cash 5000 --universe SMH --late --stop 0.1</code>" in page
    assert "<code>python backtest.py dip --cash 5000 --universe SMH --no-late --stop none</code>" in page


def test_a_large_grid_of_three_axes_shows_a_sample_with_both_ends():
    axes = tuple(Axis(name=name, points=tuple(range(20))) for name in ("hold", "drop", "lag"))
    found = made(axes, sessions=20)
    data = json.loads(chart_data(found, "total_return", ""))
    shown = found.table.loc[data["cells"], "total_return"]
    assert 2_900 <= len(shown) <= 3_000
    assert (shown.min(), shown.max()) == (found.table["total_return"].min(), found.table["total_return"].max())


def test_the_table_on_the_terminal_has_the_best_first():
    stream = io.StringIO()
    print_findings(made(), "total_return", stream)
    lines = [line.split() for line in stream.getvalue().splitlines() if "%" in line]
    assert lines[0][:4] == ["4", "0.05", "+45.00", "%"] or lines[0][:4] == ["0.05", "4", "+45.00", "%"]
    assert "The 10 best by total return" in stream.getvalue()
    assert in_words(made(), "total_return").startswith("Total return over 12 cells: lowest +12.00 %")


@pytest.mark.parametrize(("width", "shown"), [(200, 8), (140, 8), (80, 5), (60, 3), (20, 1)])
def test_no_figure_is_cut_on_a_narrow_terminal(width, shown):
    figures = ("+98.03 %", "1.18", "33.9 %", "-28.94 %", "7", "57.1 %", "$1,200", "$1,980,342")
    rows = [Row(parameters=("0.02", "60"), figures=figures, command="")]
    places = fitting(["drop", "hold"], rows, "sharpe", width)
    assert len(places) == shown
    assert 1 in places
    assert list(places) == sorted(places)


def test_what_a_narrow_terminal_leaves_out_is_named(monkeypatch):
    stream = io.StringIO()
    narrow = Console(file=stream, color_system=None, width=60)
    monkeypatch.setattr("dipfolio.report.summary.console_on", lambda *_: narrow)
    print_findings(made(), "final_equity", stream)
    assert "…" not in stream.getvalue()
    assert "Final equity" in stream.getvalue()
    said = "Not shown in so few columns: volatility, worst drawdown, trades, win rate, costs; the page has them."
    assert said in stream.getvalue()


def test_cells_with_the_same_outcome_are_one_trial_and_not_overfitted():
    found = made(axes=(HOLD,))
    alike = found.returns.copy()
    alike[:] = alike.iloc[:, [0]].to_numpy()
    table = found.table.assign(**{name: found.table[name].iloc[0] for name in ("sharpe", "ratio", "skew", "kurtosis")})
    chance = chance_of(Findings(**{**vars(found), "returns": alike, "table": table}))
    assert (chance.trials, chance.how) == (1, "needs two or more cells that trade and differ")
    assert math.isnan(chance.overfitting)
    assert math.isnan(chance.deflated)
