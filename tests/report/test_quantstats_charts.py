"""The charts of a tear sheet: every line, bar and label is worked out again, or the chart is left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.dates import num2date

from dipfolio.report import quantstats_charts
from tests.support.formulas import ROOT_YEAR, below, by, downside, falls, session
from tests.support.tear_sheets import RATES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def line(axes, number=0):
    return np.asarray(axes.lines[number].get_ydata(), dtype=float)


def labels(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def wealth(returns):
    return np.cumprod(1 + returns.to_numpy()) - 1


@pytest.mark.parametrize("kind", ["even QQQ", "half year", "week"])
def test_the_charts_of_cumulative_returns(chart, runs, kind):
    for title in ("Cumulative Returns vs Benchmark", "(Log Scaled)"):
        axes = chart(kind, title)
        assert line(axes, 0) == pytest.approx(wealth(runs[kind].benchmark_returns))
        assert line(axes, 1) == pytest.approx(wealth(runs[kind].returns))


def test_equal_factors_are_equally_far_on_the_log_scale(chart):
    axes = chart("even QQQ", "(Log Scaled)")
    heights = axes.transData.transform([(0, value) for value in (0.0, 0.25, 0.5625)])[:, 1]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1])


def test_the_chart_of_matched_volatility(chart, runs):
    own, market = runs["even QQQ"].returns, runs["even QQQ"].benchmark_returns
    scaled = own * (market.std() / own.std())
    assert scaled.std() == pytest.approx(market.std())
    assert line(chart("even QQQ", "(Volatility Matched)"), 1) == pytest.approx(wealth(scaled))


def test_volatility_is_not_matched_where_that_would_lose_more_than_everything():
    own, market = pd.Series([0.0] * 99 + [-0.05]), pd.Series([0.2, -0.2] * 50)
    assert not quantstats_charts._volatility_matched(None, quantstats_charts.SheetData(own, market, 0.0, ()))


@pytest.mark.parametrize("kind", ["even QQQ", "even none", "week"])
def test_each_bar_of_a_year_stands_above_its_label(chart, runs, kind):
    axes = chart(kind, "EOY Returns" if kind == "even none" else "EOY Returns  vs Benchmark")
    series = [one for one in (runs[kind].benchmark_returns, runs[kind].returns) if one is not None]
    assert labels(axes.xaxis) == [str(year) for year in by(series[0], "Y").index]
    for bars, returns in zip(axes.containers, series, strict=True):
        assert [bar.get_height() for bar in bars] == pytest.approx(list(by(returns, "Y")))
        for bar, place in zip(bars, axes.get_xticks(), strict=True):
            assert abs(bar.get_x() + bar.get_width() / 2 - place) < 0.3


def test_the_chart_of_months_counts_them(chart, runs):
    axes = chart("even QQQ", "Distribution of Monthly Returns")
    unit = np.diff(axes.get_yticks())[0] / int(labels(axes.yaxis)[1])
    counts = sorted((round(bar.get_x(), 9), bar.get_height() / unit) for bar in axes.patches)
    months = np.concatenate([by(one, "M") for one in (runs["even QQQ"].returns, runs["even QQQ"].benchmark_returns)])
    edges = np.linspace(months.min(), months.max(), 21)
    expected, _ = np.histogram(months, edges)
    assert [sum(n for x, n in counts if abs(x - edge) < 1e-6) for edge in edges[:-1]] == pytest.approx(list(expected))
    assert axes.get_ylabel() == "Months"


@pytest.mark.parametrize("kind", ["even QQQ", "week"])
def test_the_chart_of_daily_returns_has_sessions_and_no_weekends(chart, runs, kind):
    axes = chart(kind, "Daily Returns (Cumulative Sum)")
    assert axes.figure.get_suptitle() == "Daily Returns"
    assert line(axes) == pytest.approx(runs[kind].returns.to_numpy())
    assert list(pd.DatetimeIndex(axes.lines[0].get_xdata())) == list(runs[kind].returns.index)
    low, high = axes.get_ylim()
    assert low < runs[kind].returns.min() < runs[kind].returns.max() < high


def windows(returns, sessions, formula):
    """A formula of each window of so many sessions."""
    values = returns.to_numpy()
    return [formula(values[end - sessions : end]) for end in range(sessions, len(values) + 1)]


@pytest.mark.parametrize("kind", ["even QQQ", "half year"])
def test_the_chart_of_the_rolling_beta(chart, runs, kind):
    axes, own, market = chart(kind, "Rolling Beta to Benchmark"), runs[kind].returns, runs[kind].benchmark_returns
    pairs = np.column_stack([market, own])
    for number, sessions in enumerate([126, 252] if kind == "even QQQ" else [126]):
        expected = [np.polyfit(*pairs[end - sessions : end].T, 1)[0] for end in range(sessions, len(own) + 1)]
        assert line(axes, number) == pytest.approx(expected)
        if number == 0:
            average = [one for one in axes.lines if one.get_color() == "red"]
            assert average[0].get_ydata()[0] == pytest.approx(np.mean(expected))
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == (["6-Months", "12-Months"] if kind == "even QQQ" else ["6-Months"])


@pytest.mark.parametrize("kind", ["even QQQ", "half year"])
def test_the_charts_of_rolling_volatility_sharpe_and_sortino(chart, runs, kind):
    run, rate = runs[kind], RATES.get(kind, 0.0)
    axes = chart(kind, "Rolling Volatility (6-Months)")
    for number, series in enumerate((run.returns, run.benchmark_returns)):
        assert line(axes, number) == pytest.approx(windows(series, 126, lambda x: np.std(x, ddof=1) * ROOT_YEAR))
    for name, spread in (("Sharpe", lambda x: np.std(x, ddof=1)), ("Sortino", downside)):
        expected = windows(run.returns - session(rate), 126, lambda x, s=spread: x.mean() / s(x) * ROOT_YEAR)
        axes = chart(kind, f"Rolling {name} (6-Months)")
        assert line(axes, 0) == pytest.approx(expected)
        assert line(axes, 1)[0] == pytest.approx(np.mean(expected))


def test_a_rolling_ratio_does_not_exist_while_nothing_moves(chart, runs):
    idle = [not np.any(runs["dip SPY"].returns.to_numpy()[end - 126 : end]) for end in range(126, 503)]
    assert list(np.isnan(line(chart("dip SPY", "Rolling Sharpe (6-Months)")))) == idle
    assert np.isfinite(line(chart("dip SPY", "Rolling Sortino (6-Months)"), 1)).all()


@pytest.mark.parametrize("kind", ["even QQQ", "falling"])
def test_the_chart_of_drawdowns_shades_the_deepest(chart, runs, kind):
    axes, expected = chart(kind, "Worst 5 Drawdown Periods"), falls(runs[kind].returns)[:5]
    spans = [(num2date(span.get_x()), num2date(span.get_x() + span.get_width())) for span in axes.patches]
    assert [(a.date(), b.date()) for a, b in spans] == [(fall[1].date(), fall[3].date()) for fall in expected]
    assert axes.figure.get_suptitle().endswith("Worst 5 Drawdown Periods" if kind == "even QQQ" else "Worst Drawdown Period")
    assert line(axes) == pytest.approx(wealth(runs[kind].returns))


@pytest.mark.parametrize("kind", ["even QQQ", "falling"])
def test_the_underwater_chart(chart, runs, kind):
    axes = chart(kind, "Underwater Plot")
    assert line(axes) == pytest.approx(below(runs[kind].returns))
    assert line(axes, 1)[0] == pytest.approx(np.mean(below(runs[kind].returns)))


@pytest.mark.parametrize("kind", ["even QQQ", "half year"])
def test_the_chart_of_months_is_blank_where_there_was_no_session(chart, runs, kind):
    axes, months = chart(kind, "Monthly Returns (%)"), by(runs[kind].returns, "M")
    years = sorted({month.year for month in months.index})
    cells = [pd.Period(year=year, month=month, freq="M") for year in years for month in range(1, 13)]
    expected = [f"{months[cell] * 100:.2f}" if cell in months.index else "" for cell in cells]
    assert [text.get_text() for text in axes.texts] == expected
    assert list(np.ma.getmaskarray(axes.collections[0].get_array()).ravel()) == [text == "" for text in expected]


def test_the_chart_of_quantiles_has_each_period_once(chart, runs):
    axes, returns = chart("even QQQ", "Return Quantiles"), runs["even QQQ"].returns
    assert labels(axes.xaxis) == ["Daily", "Weekly", "Monthly", "Quarterly", "Yearly"]
    medians = [x.get_ydata()[0] for x in axes.lines if len(x.get_xdata()) == 2 and x.get_color() == "#444444"]
    expected = [returns.median(), *(by(returns, letter).median() for letter in ("W-FRI", "M", "Q", "Y"))]
    assert medians == pytest.approx(expected)


ROLLING = ["Rolling Volatility (6-Months)", "Rolling Sharpe (6-Months)", "Rolling Sortino (6-Months)"]


@pytest.mark.parametrize(
    ("kind", "left_out"),
    [
        ("even QQQ", []),
        ("half year", []),
        ("week", ["Distribution of Monthly Returns", "Rolling Beta to Benchmark", *ROLLING]),
        ("no trade", ["Distribution of Monthly Returns", *ROLLING, "Worst 5 Drawdown Periods"]),
    ],
)
def test_charts_without_enough_sessions_are_left_out(drawn, kind, left_out):
    html, charts = drawn(kind)
    assert sorted(title.split(" - ")[-1] for title, figure in charts.items() if figure is None) == sorted(left_out)
    assert html.count("<svg") == len(charts) - len(left_out)


@pytest.mark.parametrize("kind", ["even QQQ", "even none", "week", "falling", "half year"])
def test_every_chart_is_one_that_is_known_and_its_labels_differ(drawn, kind):
    charts = drawn(kind)[1]
    for title, figure in charts.items():
        assert any(title.endswith(ending) for ending in quantstats_charts._CHARTS), title
        if figure is not None and not title.endswith("Monthly Returns (%)"):
            for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
                texts = [text for text in labels(axis) if text]
                assert len(texts) == len(set(texts)), (title, texts)
