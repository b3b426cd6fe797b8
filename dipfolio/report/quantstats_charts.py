"""The matplotlib backend of the tear sheets, which draws a chart only when the chart is saved.

matplotlib loads it by module name, ``module://dipfolio.report.quantstats_charts``. Before a chart of quantstats is
written, the canvas corrects what is wrong with it, or leaves the chart out. quantstats itself is not changed.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import dates, ticker
from matplotlib.backends.backend_agg import FigureCanvasAgg

from dipfolio.data.calendar import SESSIONS_PER_YEAR
from dipfolio.engine.metrics import compound_returns, excess_returns

MIN_DISTRIBUTION_MONTHS = 6
"""Months from which on the chart of their distribution is drawn."""
MAX_LABELLED_DAYS = 16
"""Calendar days up to which each session has its label."""
MARGIN = 0.1
"""Part of the width to the left of the axes, in which the longest labels have room."""
MAX_YEAR_LABELS = 12
"""Labels of years that fit below the bars."""
BOX_PERIODS = (
    ("Daily", None, "#fedd78"), ("Weekly", "W-FRI", "#348dc1"), ("Monthly", "ME", "#ba516b"), ("Quarterly", "QE", "#4fa487"),
    ("Yearly", "YE", "#9b59b6"),
)  # fmt: skip
"""The boxes of the chart of quantiles: name, period that pandas groups by, color."""


@dataclass(frozen=True)
class SheetData:
    """The data of the charts of one tear sheet.

    Attributes
    ----------
    returns : Series
        Of the strategy, shape (sessions,).
    market : Series or None
        Of the benchmark, on the same sessions.
    risk_free : float
        A year.
    worst : sequence of (Timestamp, Timestamp)
        First and last session of the worst drawdowns.
    sessions_per_year : int
        Of the calendar.
    """

    returns: pd.Series
    market: pd.Series | None
    risk_free: float
    worst: Sequence[tuple[pd.Timestamp, pd.Timestamp]]
    sessions_per_year: int = SESSIONS_PER_YEAR

    @property
    def half_year(self) -> int:
        """Sessions of the shorter rolling window, which quantstats calls six months."""
        return math.ceil(self.sessions_per_year / 2)


_PLOTTED: ContextVar[SheetData | None] = ContextVar("plotted", default=None)


@contextlib.contextmanager
def correct_saved_charts(plotted: SheetData) -> Iterator[None]:
    """Correct the charts that are saved in this block."""
    token = _PLOTTED.set(plotted)
    try:
        yield
    finally:
        _PLOTTED.reset(token)


class FigureCanvas(FigureCanvasAgg):  # type: ignore[misc]
    """A canvas that no one looks at.

    pyplot draws a figure once more after saving it, to show on the screen what it looks like then. Without a screen
    that is lost time: the whole command takes 0.93 of it without (median of seven pairs).
    """

    def draw_idle(self) -> None:
        """Nothing: it is drawn when it is saved."""

    def print_figure(self, filename: Any, **options: Any) -> Any:
        """Correct the chart and write it; a chart that is left out writes nothing."""
        plotted = _PLOTTED.get()
        if plotted is None or correct_chart(self.figure, plotted):
            return super().print_figure(filename, **options)
        return None


def chart_title(figure: Any) -> str:
    """The title of a chart, which quantstats writes above the figure or above its axes."""
    return str(figure.get_suptitle() or figure.axes[0].get_title().strip())


def correct_chart(figure: Any, plotted: SheetData) -> bool:
    """Correct a chart of quantstats; False if it is to be left out."""
    title, axes = chart_title(figure), figure.axes[0]
    for ending, correct in _CHARTS.items():
        if title.endswith(ending):
            if not correct(axes, plotted):
                return False
            figure.subplots_adjust(left=max(figure.subplotpars.left, MARGIN))
            return True
    return True


def _cumulative(axes: Any, plotted: SheetData) -> bool:
    return _over_time(axes, plotted) and _percent(axes.yaxis)


def _log_scaled(axes: Any, plotted: SheetData) -> bool:
    """Equal distances for equal factors; quantstats' own scale is linear up to +200 %."""
    if not _over_time(axes, plotted):
        return False
    axes.set_yscale("function", functions=(np.log1p, np.expm1))
    axes.autoscale(axis="y")
    return _percent(axes.yaxis)


def _volatility_matched(axes: Any, plotted: SheetData) -> bool:
    """Left out where the scaling makes a loss of more than everything, or there is nothing to scale."""
    spread = (float(plotted.returns.std()), 0.0 if plotted.market is None else float(plotted.market.std()))
    if not min(spread) > 0 or plotted.returns.min() * spread[1] / spread[0] <= -1:
        return False
    return _cumulative(axes, plotted)


def _yearly(axes: Any, plotted: SheetData) -> bool:
    """Each group of bars has its year; quantstats writes one label below two groups, and shifts it."""
    years = sorted(set(pd.DatetimeIndex(plotted.returns.index).year))
    places = np.mean([[bar.get_x() + bar.get_width() / 2 for bar in bars] for bars in axes.containers], axis=0)
    step = math.ceil(len(years) / MAX_YEAR_LABELS)
    axes.set_xticks(places[::step], labels=[str(year) for year in years[::step]], rotation=0, ha="center")
    axes.set_xlim(places[0] - 0.75, places[-1] + 0.75)
    return _percent(axes.yaxis)


def _monthly_distribution(axes: Any, plotted: SheetData) -> bool:
    """With the number of months upwards; quantstats has the density of both series together."""
    series = [one for one in (plotted.returns, plotted.market) if one is not None]
    months = [compound_returns(one, "ME") for one in series]
    if len(months[0]) < MIN_DISTRIBUTION_MONTHS or any((month == month.iloc[0]).all() for month in months):
        return False
    unit = 1 / (sum(map(len, months)) * axes.patches[0].get_width())
    most = max(round(bar.get_height() / unit) for bar in axes.patches)
    counts = range(0, most + 1, math.ceil(most / 8))
    axes.set_yticks([number * unit for number in counts], labels=[str(number) for number in counts])
    axes.set_ylabel("Months")
    axes.yaxis.set_label_coords(-0.07, 0.5)
    return _percent(axes.xaxis)


def _daily(axes: Any, plotted: SheetData) -> bool:
    """The return of each session; quantstats sums them up and falls to zero on each day without a session."""
    axes.figure.texts[0].set_text("Daily Returns")
    axes.lines[0].set_data(plotted.returns.index, plotted.returns)
    return _rescaled(axes) and _cumulative(axes, plotted)


def _rolling_beta(axes: Any, plotted: SheetData) -> bool:
    """From the first whole half year on; quantstats draws a beta of zero before, and averages it in."""
    returns, market = plotted.returns, plotted.market
    if len(returns) <= plotted.half_year or market is None:
        return False
    half, whole, average, _ = axes.lines
    for line, sessions in ((half, plotted.half_year), (whole, plotted.sessions_per_year)):
        beta = (returns.rolling(sessions).cov(market) / market.rolling(sessions).var()).iloc[sessions - 1 :]
        line.set_data(beta.index, beta)
        if line is half:
            average.set_ydata([beta.mean()] * 2)
    if len(returns) <= plotted.sessions_per_year:
        whole.remove()
        axes.legend(fontsize=11)
    axes.yaxis.set_major_locator(ticker.AutoLocator())
    axes.yaxis.set_major_formatter(ticker.ScalarFormatter())
    return _rescaled(axes)


def _rolling_volatility(axes: Any, plotted: SheetData) -> bool:
    return len(plotted.returns) > plotted.half_year and _percent(axes.yaxis)


def _rolling_sharpe(axes: Any, plotted: SheetData) -> bool:
    """With the riskless rate of the sheet, which quantstats leaves out here."""
    excess = _excess(plotted)
    return _rolling_ratio(axes, plotted, excess.rolling(plotted.half_year).std())


def _rolling_sortino(axes: Any, plotted: SheetData) -> bool:
    """With the riskless rate of the sheet; no ratio where no session lost, which quantstats averages in as infinite."""
    losses = _excess(plotted).clip(upper=0.0)
    return _rolling_ratio(axes, plotted, np.sqrt((losses**2).rolling(plotted.half_year).mean()))


def _rolling_ratio(axes: Any, plotted: SheetData, deviation: pd.Series) -> bool:
    rolling, first = _excess(plotted).rolling(plotted.half_year), plotted.half_year - 1
    moved = (rolling.max() > rolling.min()) & (deviation > 0)
    ratio = (rolling.mean() / deviation * math.sqrt(plotted.sessions_per_year)).where(moved)
    if not ratio.notna().any():
        return False
    line, average = axes.lines[:2]
    line.set_data(ratio.index[first:], ratio.iloc[first:])
    average.set_ydata([ratio.mean()] * 2)
    axes.yaxis.set_major_formatter(ticker.ScalarFormatter())
    return _rescaled(axes)


def _excess(plotted: SheetData) -> pd.Series:
    excess = excess_returns(plotted.returns, plotted.risk_free, sessions_per_year=plotted.sessions_per_year)
    return pd.Series(excess, index=plotted.returns.index)


def _drawdown_periods(axes: Any, plotted: SheetData) -> bool:
    """The deepest; quantstats shows the longest, and none that began with the first session."""
    if not plotted.worst:
        return False
    for span in list(axes.patches):
        span.remove()
    for first, last in plotted.worst:
        axes.axvspan(first, last, color="red", alpha=0.1)
    title = axes.figure.texts[0]
    many = f"{len(plotted.worst)} Drawdown Periods" if len(plotted.worst) > 1 else "Drawdown Period"
    title.set_text(f"{title.get_text().removesuffix(_WORST)} - Worst {many}")
    return _cumulative(axes, plotted)


def _heatmap(axes: Any, plotted: SheetData) -> bool:
    """Months without a session are blank; quantstats says 0.00."""
    index = pd.DatetimeIndex(plotted.returns.index)
    traded = {(year, month) for year, month in zip(index.year, index.month, strict=True)}
    cells = [(year, month) for year in sorted(set(index.year)) for month in range(1, 13)]
    mesh = axes.collections[0]
    mesh.set_array(np.ma.masked_array(mesh.get_array(), [cell not in traded for cell in cells]))
    for cell, text in zip(cells, axes.texts, strict=True):
        if cell not in traded:
            text.set_text("")
    axes.grid(visible=False)
    return True


def _quantiles(axes: Any, plotted: SheetData) -> bool:
    """Boxes of the returns of each whole period; quantstats repeats a period's return on each of its days, or loses it."""
    returns, (names, periods, colors) = plotted.returns, zip(*BOX_PERIODS, strict=True)
    axes.clear()
    boxes = axes.boxplot(
        [returns if period is None else compound_returns(returns, period) for period in periods],
        tick_labels=names,
        patch_artist=True,
        widths=0.8,
        flierprops={"marker": "d", "markersize": 4, "markerfacecolor": "#444444", "markeredgecolor": "#444444"},
        medianprops={"color": "#444444"},
    )
    for box, color in zip(boxes["boxes"], colors, strict=True):
        box.set_facecolor(color)
    return _percent(axes.yaxis)


def _over_time(axes: Any, plotted: SheetData) -> bool:
    """Left out of a single session, which makes no line; in short windows each session is labelled."""
    index = plotted.returns.index
    if len(index) < 2:
        return False
    if (index[-1] - index[0]).days <= MAX_LABELLED_DAYS:
        axes.xaxis.set_major_locator(ticker.FixedLocator(dates.date2num(index)))
        axes.xaxis.set_major_formatter(dates.DateFormatter("%Y-%m-%d"))
        axes.figure.autofmt_xdate()
    return True


def _percent(axis: Any) -> bool:
    """Per cent with as many decimals as tell the labels apart."""
    axis.set_major_formatter(ticker.PercentFormatter(xmax=1.0))
    return True


def _rescaled(axes: Any) -> bool:
    axes.relim()
    axes.autoscale()
    return True


_WORST = " - Worst 5 Drawdown Periods"
_CHARTS: dict[str, Callable[[Any, SheetData], bool]] = {
    "Cumulative Returns": _cumulative,
    "Cumulative Returns vs Benchmark": _cumulative,
    "(Log Scaled)": _log_scaled,
    "(Volatility Matched)": _volatility_matched,
    "EOY Returns": _yearly,
    "EOY Returns  vs Benchmark": _yearly,
    "Distribution of Monthly Returns": _monthly_distribution,
    "Daily Returns (Cumulative Sum)": _daily,
    "Rolling Beta to Benchmark": _rolling_beta,
    "Rolling Volatility (6-Months)": _rolling_volatility,
    "Rolling Sharpe (6-Months)": _rolling_sharpe,
    "Rolling Sortino (6-Months)": _rolling_sortino,
    _WORST: _drawdown_periods,
    "Underwater Plot": _cumulative,
    " - Monthly Returns (%)": _heatmap,
    " - Return Quantiles": _quantiles,
}
"""How a chart of quantstats is corrected, by the end of its title."""
