"""What tests of the tear sheets share: special runs, their pages and their charts, each drawn once."""

import warnings
from datetime import date

import pytest

from dipfolio.data.folder import load_bars
from dipfolio.engine.account import Account
from dipfolio.engine.metrics import measure
from dipfolio.engine.simulation import simulate
from dipfolio.report import quantstats_charts
from dipfolio.report.tearsheet import tear_sheet
from tests.support.tear_sheets import RATES, ROOT, WEEK, losing_week, strategy, wiped_out


@pytest.fixture(scope="session")
def runs():
    """Runs by what is special about them."""
    bars = load_bars(ROOT / "data")
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
        "half year": simulate(even, bars, benchmark="SPY", start=date(2025, 3, 17), end=date(2025, 10, 31)),
        "falling": losing_week(bars),
    }


@pytest.fixture(scope="session")
def drawn(runs):
    """The page of a run, drawn once, and its charts by their titles; None is a chart that was left out."""
    done, charts = {}, {}
    correct = quantstats_charts.correct_chart

    def corrected(figure, plotted):
        title, kept = quantstats_charts.chart_title(figure), correct(figure, plotted)
        charts[title] = figure if kept else None
        return kept

    def draw(kind):
        if kind not in done:
            charts.clear()
            rate = RATES.get(kind, 0.0)
            with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
                warnings.simplefilter("error")
                patch.setattr(quantstats_charts, "correct_chart", corrected)
                done[kind] = tear_sheet(runs[kind], measure(runs[kind], rate), rate), dict(charts)
        return done[kind]

    return draw


@pytest.fixture(scope="session")
def chart(drawn):
    """The axes of the one chart of a run whose title ends so; None if it is left out."""

    def find(kind, ending):
        (found,) = [figure for title, figure in drawn(kind)[1].items() if title.endswith(ending)]
        return None if found is None else found.axes[0]

    return find
