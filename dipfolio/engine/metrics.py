"""Performance metrics of a run: their formulas, and the one table of their names, labels and formats.

Returns are simple returns of each session, shape (sessions,); a year has 252 sessions, or as many as the calendar of the
data has (365 where a market never closes, 52 weekly or 12 monthly bars). Volatility, Sharpe ratio,
Sortino ratio (Sortino and Price, 1994) and drawdown agree with quantstats 0.0.86 and empyrical-reloaded on the same
series. The annual return does not: here it counts calendar days, there 252 sessions to the year and the idle first
session with them.

A metric is one entry of :data:`METRICS`. Every report loops over the table, so a new entry appears in all of them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.risk_free import SESSIONS_PER_YEAR, RiskFree
from dipfolio.engine.display import Displayable
from dipfolio.engine.result import Result
from dipfolio.errors import UnknownNameError

Floats = NDArray[np.float64]
Returns: TypeAlias = "pd.Series | Floats"


def total_return(returns: Returns) -> float:
    """``prod(1 + r) - 1``."""
    return float(np.prod(1 + np.asarray(returns)) - 1)


def annual_return(total: float, days: int) -> float:
    """``(1 + total) ^ (365.25 / calendar days) - 1``; NaN for no day or an account that is wiped out, infinite if too large."""
    try:
        return (1 + total) ** (365.25 / days) - 1 if days > 0 and total > -1 else math.nan
    except OverflowError:
        return math.inf


def volatility(returns: Returns, sessions_per_year: int = SESSIONS_PER_YEAR) -> float:
    """A year: ``std(r) x sqrt(252)`` with n - 1; NaN for fewer than two sessions."""
    return float(pd.Series(returns).std(ddof=1) * math.sqrt(sessions_per_year))


def sharpe(returns: pd.Series, risk_free: float | RiskFree = 0.0, sessions_per_year: int = SESSIONS_PER_YEAR) -> float:
    """A year: ``mean(r - f) / std(r - f) x sqrt(252)``; NaN where nothing varies.

    Parameters
    ----------
    returns : Series
    risk_free : float or RiskFree
        A year; a session earns ``f = (1 + risk_free) ^ (1 / 252) - 1``.
    sessions_per_year : int
        In the place of 252.
    """
    return _sharpe(excess_returns(returns, risk_free, sessions_per_year=sessions_per_year), sessions_per_year)


def sortino(returns: pd.Series, risk_free: float | RiskFree = 0.0, sessions_per_year: int = SESSIONS_PER_YEAR) -> float:
    """A year: ``mean(r - f) / sqrt(mean(min(r - f, 0)^2)) x sqrt(252)`` (Sortino and Price, 1994); NaN without a loss."""
    return _sortino(excess_returns(returns, risk_free, sessions_per_year=sessions_per_year), sessions_per_year)


def calmar(annual: float, worst_drawdown: float) -> float:
    """``annual return / |worst drawdown|`` over the whole window (Young, 1991, Futures 20(1), 40); NaN without a drawdown."""
    return annual / -worst_drawdown if worst_drawdown < -DRAWDOWN_ROUNDING else math.nan


DRAWDOWN_ROUNDING = 1e-12
"""A drawdown that is no larger is the rounding of an equity that never fell."""


def drawdowns(returns: pd.Series) -> pd.Series:
    """Wealth over its highest so far, minus 1; the starting cash is the first high. Shape (sessions,)."""
    return pd.Series(_drawdowns(returns.to_numpy()), index=returns.index, name=returns.name)


def compound_returns(returns: pd.Series, period: str) -> pd.Series:
    """``prod(1 + r) - 1`` of each calendar period with a session in it, such as "ME"; the window may cut the first and last."""
    groups = (1 + returns).resample(period)
    return (groups.prod() - 1)[groups.count() > 0]


def excess_returns(
    returns: pd.Series,
    risk_free: float | RiskFree = 0.0,
    since: date | None = None,
    sessions_per_year: int = SESSIONS_PER_YEAR,
) -> np.ndarray:
    """``r - f`` of each session, shape (sessions,); ``f`` as in :func:`sharpe`, ``since`` the close before the first session."""
    return np.asarray(returns.to_numpy() - _riskless(returns.index, risk_free, since, sessions_per_year))


def _riskless(sessions: pd.Index, risk_free: float | RiskFree, since: date | None, sessions_per_year: int) -> Floats:
    """The risk-free return of each session, ``f`` of :func:`sharpe`. Shape (sessions,), or () for one rate."""
    if isinstance(risk_free, RiskFree):
        return np.asarray(risk_free.daily(pd.DatetimeIndex(sessions), since, sessions_per_year).to_numpy())
    return np.asarray((1 + risk_free) ** (1 / sessions_per_year) - 1)


RETURN_ROUNDING = 1e-14
"""Returns above the riskless rate that differ by no more are the rounding of an account that earned just that rate."""


def _sharpe(excess: Floats, sessions_per_year: int) -> float:
    varies = len(excess) > 1 and np.ptp(excess) > RETURN_ROUNDING
    return _ratio(float(excess.mean()), float(np.std(excess, ddof=1)) if varies else math.nan, sessions_per_year)


def _sortino(excess: Floats, sessions_per_year: int) -> float:
    below = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return _ratio(float(excess.mean()), below if below > RETURN_ROUNDING else 0.0, sessions_per_year)


def _drawdowns(returns: Floats) -> Floats:
    wealth = np.cumprod(1 + returns)
    return np.asarray(wealth / np.maximum(np.maximum.accumulate(wealth), 1.0) - 1)


def _ratio(mean: float, deviation: float, sessions_per_year: int) -> float:
    return mean / deviation * math.sqrt(sessions_per_year) if deviation > 0 else math.nan


@dataclass(frozen=True, kw_only=True, eq=False)
class ReturnSeries:
    """The returns of a run, of a benchmark, of a foreign series or of a variant, as the formulas of the table take them.

    Attributes
    ----------
    returns : array of shape (sessions,)
    days : int
        Calendar days from the close before the first return to the last session; 0 where it is not known.
    riskless : array of shape (sessions,) or ()
        What each session earns without risk.
    market : array of shape (sessions,) or None
        Returns of the benchmark; None without one.
    sessions_per_year : int
        Of the calendar.
    """

    returns: Floats
    days: int
    riskless: Floats = field(default_factory=lambda: np.zeros(()))
    market: Floats | None = None
    sessions_per_year: int = SESSIONS_PER_YEAR

    @classmethod
    def of(
        cls,
        returns: pd.Series,
        since: date,
        risk_free: float | RiskFree = 0.0,
        market: pd.Series | None = None,
        sessions_per_year: int = SESSIONS_PER_YEAR,
    ) -> "ReturnSeries":
        """The series of some sessions.

        Parameters
        ----------
        returns : Series of shape (sessions,)
        since : date
            The close from which the first return starts.
        risk_free : float or RiskFree
            A year.
        market : Series of shape (sessions,), optional
        sessions_per_year : int
        """
        return cls(
            returns=returns.to_numpy(), days=(returns.index[-1] - pd.Timestamp(since)).days,
            riskless=_riskless(returns.index, risk_free, since, sessions_per_year),
            market=None if market is None else market.to_numpy(), sessions_per_year=sessions_per_year,
        )  # fmt: skip

    @property
    def excess(self) -> Floats:
        """Returns above the riskless rate, shape (sessions,)."""
        return np.asarray(self.returns - self.riskless)

    @property
    def total(self) -> float:
        """Total return."""
        return total_return(self.returns)

    @property
    def benchmark(self) -> float:
        """Total return of the benchmark; NaN without one."""
        return math.nan if self.market is None else total_return(self.market)

    @property
    def worst_drawdown(self) -> float:
        """The lowest of :func:`drawdowns`."""
        return float(np.min(_drawdowns(self.returns)))


@dataclass(frozen=True, kw_only=True, repr=False)
class Metrics(Displayable):
    """The metrics of a run or of a series of returns: ``metrics.sharpe`` is ``metrics.by_name["sharpe"]``.

    Returns, volatility and exposure are fractions, money is in dollars. A metric that does not exist is NaN: the win rate of
    no trade, or what only the record of a run can tell of a series of returns.

    Attributes
    ----------
    by_name : dict of str to float
        By the names of :data:`METRICS`, in its order.
    """

    by_name: Mapping[str, float]

    def __getattr__(self, name: str) -> float:
        if name.startswith("_") or name == "by_name":
            raise AttributeError(name)
        try:
            return self.by_name[name]
        except KeyError:
            raise AttributeError(f"There is no metric {name!r}; there are {', '.join(self.by_name)}.") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.by_name]

    def facts(self) -> tuple[tuple[str, Any], ...]:
        """Name and value of each metric."""
        return tuple((name.replace("_", " "), value) for name, value in self.by_name.items())

    def replace(self, **changes: float) -> "Metrics":
        """The same metrics with other values of some."""
        return Metrics(by_name={**self.by_name, **changes})


def measure(result: Result, risk_free: float | RiskFree | None = None) -> Metrics:
    """All metrics of a run.

    Parameters
    ----------
    result : Result
    risk_free : float or RiskFree, optional
        A year, for Sharpe and Sortino; if not given, what idle cash earned in a run with a dated rate, and 0 in any other.
    """
    risk_free = (result.riskless or 0.0) if risk_free is None else risk_free
    since, a_year = result.base or result.window[0], result.sessions_per_year
    series = ReturnSeries.of(result.returns, since, risk_free, result.benchmark_returns, a_year)
    return Metrics(by_name={metric.name: metric.of_run(result, series) for metric in METRICS})


def measure_returns(series: ReturnSeries) -> Metrics:
    """All metrics that returns alone give; the others are NaN."""
    return Metrics(by_name={metric.name: metric.of_returns(series) for metric in METRICS})


MIN_OBSERVATIONS = 10
"""Observations below which no ratio of a run is evidence."""

ALWAYS_INVESTED = 0.95
"""Share of the sessions in the market from which a run says nothing about when to be invested."""

PORTFOLIO_SHARE = 0.5
"""Share of the sessions in the market from which the sessions, and not the entries, are the observations of a run."""

MIN_PORTFOLIO_SESSIONS = 30
"""Sessions in the market below which they are not taken for observations."""


def count_observations(time_in_market: float, sessions: int, entry_dates: int) -> int:
    """The number of observations that a run consists of, at the most.

    A run that is in the market in at least :data:`PORTFOLIO_SHARE` of the sessions, and in at least
    :data:`MIN_PORTFOLIO_SESSIONS` of them, is a portfolio: the sessions in which it was invested are its observations. Any
    other run is a number of trades: the sessions in which it entered are its observations, as the sessions of one trade
    are not independent of each other.

    Parameters
    ----------
    time_in_market : float
        Fraction of the sessions.
    sessions, entry_dates : int
    """
    invested = round(time_in_market * sessions)
    return max(invested, entry_dates) if time_in_market >= PORTFOLIO_SHARE and invested >= MIN_PORTFOLIO_SESSIONS else entry_dates


def _entry_dates(result: Result) -> int:
    """Sessions in which trades, open ones included, were entered."""
    return int(pd.concat([result.trades["entry_session"], result.open_positions["entry_session"]]).nunique())


def _time_in_market(result: Result) -> float:
    """Of all sessions, those with a position held into them or an order filled in them."""
    return float(sessions_in_market(result).mean())


def _mean_exposure(result: Result) -> float:
    """Gross exposure over equity on the close, averaged over all sessions."""
    table = result.equity
    return float((table["gross"] / table["equity"].where(table["equity"] > 0)).mean())


def _win_rate(result: Result) -> float:
    """Of the round trips that have ended, the part with a profit after all costs; NaN without a trade."""
    return float((result.trades["profit"] > 0).mean()) if len(result.trades) else math.nan


def _observations(result: Result) -> int:
    return count_observations(_time_in_market(result), len(result.equity), _entry_dates(result))


def _turnover(result: Result) -> float:
    """A year: half of the dollars bought and sold over the mean equity.

    ``sum(|shares x price|) / 2 / mean(equity) x 252 / sessions``; NaN for an account that is wiped out.
    """
    traded = float((result.fills["shares"] * result.fills["price"]).abs().sum())
    equity = float(result.equity["equity"].mean())
    return traded / 2 / equity * result.sessions_per_year / len(result.equity) if equity > 0 else math.nan


def sessions_in_market(result: Result) -> pd.Series:
    """True if a position was held into each session or an order filled in it. Shape (sessions,)."""
    held_into = result.positions.shift(fill_value=0.0).ne(0).any(axis=1)
    return held_into | result.positions.index.isin(result.fills["session"])


def _sum_of(name: str) -> Callable[[Result], float]:
    """The sum of a column of the equity table over the run, in dollars."""
    return lambda result: float(result.equity[name].sum())


def _last_of(name: str) -> Callable[[Result], float]:
    """A column of the equity table on the last close, in dollars."""
    return lambda result: float(result.equity[name].iloc[-1])


View = Literal["summary", "comparison", "overview", "published", "sweep", "surface", "index", "walk_forward", "brief"]
"""Where a metric is shown.

summary : the full summary of a run, on the terminal with ``--all`` and in the record under its tear sheet.
brief : the short summary on the terminal.
comparison : the rows of the comparison page.
overview : the columns of the comparison on the terminal, which has room for few.
published : the table of :func:`dipfolio.compare`.
sweep : the columns of a sweep on its page, on the terminal and in its file.
surface : the charts of a sweep, and what ranks its cells.
index : the columns of the index of saved runs.
walk_forward : the accounts of a walk-forward test.
"""

MetricFormat = Literal["percent", "unsigned_percent", "ratio", "money", "exact_money", "count"]
"""How a value is written; :data:`dipfolio.report.format.METRIC_FORMATS` has the functions."""

DEFAULT_VIEWS: tuple[View, ...] = ("summary", "comparison", "published", "sweep", "surface", "index")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: its names, how it is computed, and where it is shown. The JSON of a run has every metric.

    Attributes
    ----------
    name : str
        The key in :class:`Metrics`, in JSON and in the table of a sweep.
    label : str
        What every page, table and document calls it.
    format : str
        A :data:`MetricFormat`.
    formula : str
        How it is computed, for docs/metrics.md, which ``python -m tools.metrics_page`` writes; Markdown.
    unit : str
        Shown beside the label where there is room; empty for none.
    better : str
        "higher", "lower", or empty where neither is.
    noun : str
        The name inside a sentence; the label in lower case if not given.
    from_returns : callable, optional
        Computes it from a :class:`ReturnSeries`. Benchmarks, foreign series and the variants of a sweep have the metric as well.
    from_run : callable, optional
        Computes it from a :class:`dipfolio.engine.result.Result`; it comes first for a run.
    needs_observations : bool
        Whether it is a ratio that is no evidence below :data:`MIN_OBSERVATIONS` observations, and so is never marked as best.
    needs_cash_rate : bool
        Whether only a run in which cash earns by a dated rate has it.
    undefined_after_ruin : bool
        Whether a comparison does not state it for an account that was wiped out.
    is_cost : bool
        Whether it is a part of all costs, in dollars.
    views : tuple of str
        Each a :data:`View`.
    after : dict of View to str
        The name after which it stands in a view that differs from the order of the table.
    """

    name: str
    label: str
    format: MetricFormat
    formula: str = ""
    unit: str = ""
    better: Literal["higher", "lower", ""] = ""
    noun: str = ""
    from_returns: Callable[[ReturnSeries], float] | None = None
    from_run: Callable[[Result], float] | None = None
    needs_observations: bool = False
    needs_cash_rate: bool = False
    undefined_after_ruin: bool = False
    is_cost: bool = False
    views: tuple[View, ...] = DEFAULT_VIEWS
    after: Mapping[View, str] = field(default_factory=dict, hash=False)

    def of_run(self, result: Result, series: ReturnSeries) -> float:
        """The value of a run whose returns are ``series``."""
        return self.from_run(result) if self.from_run else self.of_returns(series)

    def of_returns(self, series: ReturnSeries) -> float:
        """The value of a series; NaN where returns alone do not give it."""
        return self.from_returns(series) if self.from_returns else math.nan

    @property
    def in_sentence(self) -> str:
        """The name inside a sentence."""
        return self.noun or self.label.lower()


METRICS: tuple[Metric, ...] = (
    Metric(
        name="sessions", label="Sessions", format="count", formula="sessions of the window; a part of the row Whole account",
        from_returns=lambda s: len(s.returns), views=(),
    ),
    Metric(
        name="total_return", label="Total return", format="percent", formula="`prod(1 + r) - 1`", better="higher",
        from_returns=lambda s: s.total, views=(*DEFAULT_VIEWS, "overview", "walk_forward", "brief"),
    ),
    Metric(
        name="annual_return", label="Annual return", format="percent",
        formula="`(1 + total) ^ (365.25 / days) - 1`; calendar days from the close before the window (from its first session "
                "where the data begin with it) to its last session",
        unit="a year", better="higher", from_returns=lambda s: annual_return(s.total, s.days), undefined_after_ruin=True,
        views=("summary", "comparison", "overview", "published", "walk_forward", "brief"),
    ),
    Metric(
        name="volatility", label="Volatility", format="unsigned_percent", formula="`std(r) x sqrt(252)`, with n - 1",
        unit="a year", better="lower", undefined_after_ruin=True,
        from_returns=lambda s: volatility(s.returns, s.sessions_per_year),
        views=("summary", "comparison", "published", "sweep", "brief"),
    ),
    Metric(
        name="sharpe", label="Sharpe", noun="Sharpe ratio", format="ratio",
        formula="`mean(r - f) / std(r - f) x sqrt(252)`; `f = (1 + R) ^ (1 / 252) - 1` with R from `--risk-free`, 0 if not "
                "given; with `--cash-rate` and no `--risk-free`, f is what idle cash earns in the account",
        unit="a year", better="higher", from_returns=lambda s: _sharpe(s.excess, s.sessions_per_year), needs_observations=True,
        undefined_after_ruin=True, views=(*DEFAULT_VIEWS, "overview", "walk_forward", "brief"),
        after={"sweep": "total_return", "index": "worst_drawdown"},
    ),
    Metric(
        name="sortino", label="Sortino", noun="Sortino ratio", format="ratio",
        formula="`mean(r - f) / sqrt(mean(min(r - f, 0) ^ 2)) x sqrt(252)`; all sessions count below the line", unit="a year",
        better="higher", from_returns=lambda s: _sortino(s.excess, s.sessions_per_year), needs_observations=True,
        undefined_after_ruin=True,
        views=("summary", "comparison"),
    ),
    Metric(
        name="calmar", label="Calmar", noun="Calmar ratio", format="ratio",
        formula="annual return over the absolute worst drawdown (Young, 1991, *Futures* 20(1), 40), over the whole window; "
                "`-` without a drawdown",
        unit="a year", better="higher", from_returns=lambda s: calmar(annual_return(s.total, s.days), s.worst_drawdown),
        needs_observations=True, undefined_after_ruin=True, views=("summary", "comparison", "published", "sweep", "surface"),
    ),
    Metric(
        name="worst_drawdown", label="Worst drawdown", format="percent",
        formula="the lowest `wealth / highest wealth so far - 1` on a close; the starting cash is the first high",
        unit="from the highest close", better="higher", from_returns=lambda s: s.worst_drawdown,
        views=(*DEFAULT_VIEWS, "overview", "walk_forward", "brief"), after={"overview": "annual_return"},
    ),
    Metric(
        name="time_in_market", label="Time in market", format="unsigned_percent",
        formula="sessions with a position held into them or a fill in them, of all", unit="of sessions",
        from_run=_time_in_market, views=("summary", "comparison", "walk_forward"),
    ),
    Metric(
        name="mean_exposure", label="Mean exposure", format="unsigned_percent",
        formula="gross value over equity on the close, mean of all sessions", unit="of equity", from_run=_mean_exposure,
        views=("summary", "comparison"),
    ),
    Metric(
        name="trades", label="Trades", format="count", formula="round trips from flat to flat in one symbol that have ended",
        unit="ended", from_run=lambda result: len(result.trades),
        views=("summary", "comparison", "overview", "published", "sweep", "index", "walk_forward"),
    ),
    Metric(
        name="win_rate", label="Win rate by trade", format="unsigned_percent",
        formula="of the trades that have ended, the part with a profit after all costs", unit="of trades", better="higher",
        from_run=_win_rate, needs_observations=True, views=("summary", "comparison", "published", "sweep", "brief"),
    ),
    Metric(
        name="fills", label="Fills", format="count", formula="executed orders", from_run=lambda result: len(result.fills),
        views=("summary", "comparison", "overview"), after={"summary": "trades"},
    ),
    Metric(
        name="turnover", label="Turnover", format="unsigned_percent",
        formula="`sum(abs(shares x price)) / 2 / mean(equity) x 252 / sessions`", unit="of equity a year", from_run=_turnover,
        views=("summary", "comparison"), after={"summary": "fills"},
    ),
    Metric(
        name="entry_dates", label="Entry sessions", format="count",
        formula="sessions in which trades were entered, those that are still open included", from_run=_entry_dates,
        views=("comparison",),
    ),
    Metric(
        name="observations", label="Observations", format="count",
        formula="the sessions in the market, if these are at least half of all and at least 30; else the entry sessions",
        unit="independent, at most", from_run=_observations, views=("comparison",),
    ),
    Metric(
        name="commission", label="Commission", format="money", formula="sum of the commissions of the run",
        from_run=_sum_of("commission"), is_cost=True, views=("summary",),
    ),
    Metric(
        name="fees", label="SEC and FINRA fees", format="money", formula="sum of the SEC and FINRA fees of the run",
        from_run=_sum_of("fees"), is_cost=True, views=(),
    ),
    Metric(
        name="slippage", label="Slippage (in the prices)", format="money",
        formula="sum of `shares x (price paid - price before slippage)`; it is in the prices and so in every return already",
        from_run=_sum_of("slippage"), is_cost=True, views=("summary",),
    ),
    Metric(
        name="borrow", label="Borrow fees", format="money",
        formula="sum over calendar days and shorts of `shares x ceil(1.02 x close) x rate / 360`", from_run=_sum_of("borrow"),
        is_cost=True, views=("summary",),
    ),
    Metric(
        name="interest", label="Interest on negative cash", format="money",
        formula="sum over calendar days of `-cash x rate / 360` while cash is negative; with `--cash-rate` of the cash less the "
                "value of the shorts", from_run=_sum_of("interest"), is_cost=True, views=("summary",),
    ),
    Metric(
        name="interest_earned", label="Interest earned", format="money",
        formula="sum over calendar days: `rest x (rate - credit spread) / 360` and `collateral x (rate - rebate spread) / 360`, "
                "with the value of the shorts as collateral and the other cash as rest; only with `--cash-rate`",
        from_run=lambda result: float(result.interest_earned.sum()), needs_cash_rate=True,
        views=("summary",),
    ),
    Metric(
        name="costs", label="All costs", format="money",
        formula="the sum of `commission`, `fees`, `slippage`, `borrow` and `interest`", views=("sweep", "brief"),
        from_run=lambda result: sum(metric.from_run(result) for metric in cost_metrics() if metric.from_run),
    ),
    Metric(
        name="dividends", label="Dividends received less paid", format="money",
        formula="received by longs less paid by shorts", from_run=_sum_of("dividends"), views=("summary",),
    ),
    Metric(
        name="benchmark_return", label="Benchmark return", format="percent",
        formula="total return of the benchmark over the same sessions, dividends included, without costs",
        from_returns=lambda s: s.benchmark, views=("summary",),
    ),
    Metric(
        name="excess_return", label="Excess over benchmark", format="percent",
        formula="total return less that of the benchmark: a difference of two accounts, no alpha", unit="of total return",
        better="higher", from_returns=lambda s: s.total - s.benchmark,
        views=("summary", "comparison", "overview", "published"),
        after={"comparison": "worst_drawdown", "published": "worst_drawdown", "overview": "sharpe"},
    ),
    Metric(
        name="open_positions", label="Open positions", format="count", formula="positions at the last close",
        unit="at the end", from_run=lambda result: len(result.open_positions), views=("summary", "comparison"),
    ),
    Metric(
        name="open_value", label="Value of the open positions", format="money",
        formula="value of these positions, longs less shorts, at the last close", from_run=_last_of("net"), views=(),
    ),
    Metric(
        name="final_equity", label="Final equity", format="money", formula="cash plus positions at the last close",
        unit="dollars", from_run=_last_of("equity"), views=("summary", "comparison", "sweep", "surface"),
        after={"summary": "dividends"},
    ),
    Metric(
        name="residual", label="Ledger residual", format="exact_money",
        formula="the largest difference between the two sets of books on any session; above a cent the run stops",
        from_run=lambda result: result.residual, views=("summary",),
    ),
)  # fmt: skip
"""All metrics, in the order of the JSON of a run."""


def metrics_in(view: View) -> tuple[Metric, ...]:
    """The metrics of a view, in its order."""
    shown = [metric for metric in METRICS if view in metric.views]
    for metric in list(shown):
        names = [other.name for other in shown]
        if metric.after.get(view) in names:
            shown.remove(metric)
            names.remove(metric.name)
            shown.insert(names.index(metric.after[view]) + 1, metric)
    return tuple(shown)


def applicable_metrics(metrics: Metrics, result: Result | None) -> dict[str, float]:
    """The metrics by name, without those of interest by a dated rate where the run has none, or where there is no run."""
    has_rate = result is not None and bool(result.rates.cash)
    absent = () if has_rate else [metric.name for metric in METRICS if metric.needs_cash_rate]
    return {name: value for name, value in metrics.by_name.items() if name not in absent}


def metric_of(name: str) -> Metric:
    """The metric of a name.

    Raises
    ------
    UnknownNameError
    """
    for metric in METRICS:
        if metric.name == name:
            return metric
    raise UnknownNameError("metric", name, [metric.name for metric in METRICS])


def cost_metrics() -> tuple[Metric, ...]:
    """The metrics whose sum is all costs."""
    return tuple(metric for metric in METRICS if metric.is_cost)
