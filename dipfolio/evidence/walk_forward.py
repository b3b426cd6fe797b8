"""Walk-forward test: a variant is chosen on past sessions alone, trades the sessions after them, and is chosen anew.

The sessions are divided into one part for the first choice and some parts out of sample, all of one length but the
first, which also has the rest (as ``TimeSeriesSplit`` of scikit-learn divides them). Each part out of sample is traded
by the variant with the best metric before it. What that account earned is set beside the variant that looks best in
hindsight over the same sessions. Pardo (2008), The Evaluation and Optimization of Trading Strategies, chapter 11.

No result crosses the border between two parts. A trade that is open at the end of the training sessions counts by its
last close there. A part begins without positions, and its variant enters from the first session of the part on; its
indicators see the sessions before. What is still open on the last close of a part is closed at that close with its
costs, and the equity is the cash of the next part.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.data.corporate_actions import split_factors
from dipfolio.data.risk_free import SESSIONS_PER_YEAR, RiskFree
from dipfolio.engine.account import Account
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import Metrics, ReturnSeries, count_observations, measure, measure_returns, sessions_in_market
from dipfolio.engine.result import Result
from dipfolio.engine.simulation import first_session, simulate
from dipfolio.engine.strategy import StrategyBase
from dipfolio.errors import ParameterError, UnknownNameError, WindowError
from dipfolio.sweep.metrics import metric_columns
from dipfolio.sweep.runner import ParameterValues, run_sweep
from dipfolio.sweep.sweep_result import SweepResult

MIN_PART_SESSIONS = 5
"""Sessions that each part needs at the least."""

WalkWindow = Literal["anchored", "rolling"]
"""The sessions of a choice: all before the part, or those of the part before it."""


@dataclass(frozen=True, kw_only=True)
class WalkForwardScheme:
    """How the sessions are divided, what chooses, and what the account is measured against.

    Attributes
    ----------
    parts : int
        Parts out of sample, at least 2; the sessions are divided into one more.
    rank_by : str
        Metric that chooses, a column of the table of a sweep; of equals the first in the order of the grid is chosen.
    walk_window : {"anchored", "rolling"}
        Choose on all sessions before a part, or on those of the part before it.
    benchmark : str
        A symbol, or empty for none.
    risk_free : float or RiskFree
        A year, taken off in the Sharpe ratios.

    Raises
    ------
    ParameterError
        Fewer than two parts, or an unknown window.
    UnknownNameError
        No such metric.
    """

    parts: int = 5
    rank_by: str = "total_return"
    walk_window: WalkWindow = "anchored"
    benchmark: str = ""
    risk_free: float | RiskFree = 0.0

    def __post_init__(self) -> None:
        if self.rank_by not in metric_columns():
            raise UnknownNameError("metric", self.rank_by, metric_columns())
        if self.walk_window not in get_args(WalkWindow):
            raise ParameterError(f"walk_window must be {' or '.join(get_args(WalkWindow))}, found {self.walk_window!r}.")
        _check_parts(self.parts)


def _check_parts(parts: int) -> None:
    if parts < 2:
        raise ParameterError(f"A walk-forward test needs at least 2 parts out of sample, found {parts}; 5 is usual.")


@dataclass(frozen=True, kw_only=True, repr=False)
class VariantChoice(Displayable):
    """The best variant over some sessions.

    Attributes
    ----------
    strategy : StrategyBase or None
        None if no variant that entered a trade has the metric.
    parameters : dict
        Of the axes of the grid; empty without a strategy.
    value : float
        The metric of the variant over these sessions; NaN without a strategy.
    traded : int
        Variants that entered a trade in these sessions; only these can be chosen.
    entries : int
        Sessions in which trades were entered, summed over all variants.
    """

    strategy: StrategyBase | None
    parameters: dict[str, Any]
    value: float
    traded: int
    entries: int


Chooser = Callable[[date, date], VariantChoice]
"""Chooses the best variant over the sessions from the first date to the second, and reads no later session."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WalkForwardPart(Displayable):
    """One part out of sample.

    Attributes
    ----------
    training : (date, date)
        First and last session of the choice.
    window : (date, date)
        First and last session of the part.
    choice : VariantChoice
        Without a strategy the part is spent in cash.
    cash : float
        Dollars at the start.
    equity : Series of shape (sessions,)
        Dollars on each close, on the last one after the costs of closing everything; an account that is wiped out keeps what it
        owes and trades no more.
    closing_costs : float
        Dollars of commission, fees and slippage for closing what was open on the last close.
    trades, closed : int
        Trades of the part, and those of them that were closed because the part ended.
    entry_dates, invested : int
        Sessions in which a trade was entered, and sessions in the market.
    """

    SHOWN = ("training", "window", "choice.parameters", "choice.value", "total_return", "worst_drawdown", "trades")

    training: tuple[date, date]
    window: tuple[date, date]
    choice: VariantChoice
    cash: float
    equity: pd.Series
    closing_costs: float
    trades: int
    closed: int
    entry_dates: int
    invested: int

    @property
    def returns(self) -> pd.Series:
        """Return of each session, 0 once the account is wiped out. Shape (sessions,)."""
        before = self.equity.shift(fill_value=self.cash)
        return (self.equity / before.where(before > 0) - 1).fillna(0.0)

    @property
    def total_return(self) -> float:
        """A fraction, after the costs of closing."""
        return float(self.equity.iloc[-1] / self.cash - 1) if self.cash > 0 else 0.0

    @property
    def worst_drawdown(self) -> float:
        """The lowest equity over the highest before it, within the part, minus 1."""
        return ReturnSeries(returns=self.returns.to_numpy(), days=0).worst_drawdown


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WalkForward(Displayable):
    """A walk-forward test: the account out of sample, beside the best variant in hindsight over the same sessions.

    Attributes
    ----------
    scheme : WalkForwardScheme
    parts : tuple of WalkForwardPart
        The parts out of sample, in order; the equity at the end of one is the cash of the next.
    hindsight : WalkForwardPart
        All these sessions as one part, traded by the variant with the best metric over just them.
    since : date
        The close before the first part.
    market : Series of shape (sessions,) or None
        Returns of the benchmark.
    sessions_per_year : int
        Of the calendar.
    """

    scheme: WalkForwardScheme
    parts: tuple[WalkForwardPart, ...]
    hindsight: WalkForwardPart
    since: date
    market: pd.Series | None
    sessions_per_year: int = SESSIONS_PER_YEAR

    def facts(self) -> tuple[tuple[str, Any], ...]:
        """The two accounts, and the parts."""
        return (
            ("parts", len(self.parts)),
            ("window", f"{self.window[0]} to {self.window[1]}"),
            ("ranked by", self.scheme.rank_by),
            ("total return out of sample", f"{self.metrics.total_return:+.2%}"),
            ("of the best in hindsight", f"{self.hindsight_metrics.total_return:+.2%}"),
            ("of the benchmark", f"{self.benchmark_metrics.total_return:+.2%}" if self.benchmark_metrics else ""),
            ("chosen", tuple(part.choice.parameters for part in self.parts)),
        )

    @property
    def window(self) -> tuple[date, date]:
        """First and last session out of sample."""
        return self.parts[0].window[0], self.parts[-1].window[1]

    @property
    def equity(self) -> pd.Series:
        """Dollars of the chained account on each close out of sample. Shape (sessions,)."""
        return pd.concat([part.equity for part in self.parts])

    @property
    def returns(self) -> pd.Series:
        """Return of each session out of sample. Shape (sessions,)."""
        return pd.concat([part.returns for part in self.parts])

    @property
    def trades(self) -> int:
        """Of the chained account."""
        return sum(part.trades for part in self.parts)

    @property
    def metrics(self) -> Metrics:
        """The metrics of the chained account that its returns and its trades give; the others are NaN."""
        return self._measured_account(self.parts)

    @property
    def hindsight_metrics(self) -> Metrics:
        """Those of the best variant in hindsight."""
        return self._measured_account((self.hindsight,))

    def _measured_account(self, parts: tuple[WalkForwardPart, ...]) -> Metrics:
        returns = pd.concat([part.returns for part in parts])
        entered, invested = (sum(getattr(part, name) for part in parts) for name in ("entry_dates", "invested"))
        time_in_market = invested / len(returns)
        return self._measured(returns).replace(
            final_equity=float(parts[-1].equity.iloc[-1]), trades=sum(part.trades for part in parts), entry_dates=entered,
            time_in_market=time_in_market, observations=count_observations(time_in_market, len(returns), entered),
        )  # fmt: skip

    @property
    def benchmark_metrics(self) -> Metrics | None:
        """Those of the benchmark, held all the time at no cost; None without one."""
        return None if self.market is None else self._measured(self.market)

    def _measured(self, returns: pd.Series) -> Metrics:
        return measure_returns(ReturnSeries.of(returns, self.since, self.scheme.risk_free, self.market, self.sessions_per_year))


def run_walk_forward(
    strategy: type[StrategyBase],
    bars: Bars,
    account: Account | None = None,
    scheme: WalkForwardScheme | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
    **values: ParameterValues,
) -> WalkForward:
    """Choose among all combinations of some parameters on past sessions, trade the next ones, and so on.

    Each choice is a sweep of bars that end with its last session, so it cannot depend on a later one. Each part out of
    sample is a run of backtrader (:func:`dipfolio.simulate`) with the equity of the part before as its cash. The sweeps
    take ``parts / 2 + 1`` times the work of one over the whole window, and a rolling window 2 times.

    Parameters
    ----------
    strategy : type
        A strategy's class.
    bars : Bars
        At least the symbols of every variant and the benchmark.
    account : Account, optional
        The defaults of :class:`Account`.
    scheme : WalkForwardScheme, optional
        The defaults of :class:`WalkForwardScheme`.
    start, end : date, optional
        The window, as in :func:`dipfolio.simulate`.
    **values
        As in :func:`dipfolio.run_sweep`.

    Raises
    ------
    ParameterError
        Fewer than two variants, an event that happened once, or as in :func:`dipfolio.run_sweep`.
    UnknownNameError
        No such parameter or benchmark.
    WindowError
        Too few sessions for the parts, or no data of the benchmark for some of them.

    Examples
    --------
    >>> from dipfolio import load_bars, load_strategy
    >>> bars = load_bars("data", ("SMH", "SPY"))
    >>> rule = load_strategy("strategies", "dip-rule")
    >>> scheme = WalkForwardScheme(parts=3, benchmark="SPY")
    >>> found = run_walk_forward(rule, bars, scheme=scheme, drop=[0.03, 0.04], hold=[5, 20])
    >>> [part.choice.parameters["hold"] for part in found.parts]
    [20, 20, 20]
    """
    account, scheme = account or Account(), scheme or WalkForwardScheme()
    first = first_session(bars, start, end)
    known = bars if end is None else bars.until(end)

    def choose(begin: date, last: date) -> VariantChoice:
        """Sweep bars that end with the last session."""
        result = run_sweep(strategy, known.until(last), account, start=begin, end=last, risk_free=scheme.risk_free, **values)
        check_variants(len(result.grid))
        return best_variant(result, scheme.rank_by, strategy)

    sessions = known.sessions[first:]
    market = benchmark_returns(bars, scheme.benchmark, sessions) if scheme.benchmark else None
    return chain_parts(choose, known, account, sessions, scheme, market)


def check_variants(count: int) -> None:
    """Refuse a grid without a choice.

    Raises
    ------
    ParameterError
        Fewer than two variants.
    """
    if count < 2:
        raise ParameterError(
            "A walk-forward test chooses among variants, and here is one; give a parameter several values, such as 5,10,20."
        )


def split_sessions(sessions: pd.DatetimeIndex, parts: int) -> list[pd.DatetimeIndex]:
    """The sessions in ``parts + 1`` runs: ``sessions // (parts + 1)`` in each, and the rest in the first.

    Raises
    ------
    ParameterError
        Fewer than two parts.
    WindowError
        A part would have fewer than :data:`MIN_PART_SESSIONS`.
    """
    _check_parts(parts)
    length = len(sessions) // (parts + 1)
    if length < MIN_PART_SESSIONS:
        most = len(sessions) // MIN_PART_SESSIONS - 1
        remedy = f"take at most {most} parts, or a longer window" if most >= 2 else "take a longer window"
        raise WindowError(
            f"{len(sessions):,} sessions are too few for {parts} parts out of sample and one before them of at least "
            f"{MIN_PART_SESSIONS} sessions each; {remedy}."
        )
    edges = [0, *(len(sessions) - length * left for left in range(parts, -1, -1))]
    return [sessions[begin:stop] for begin, stop in itertools.pairwise(edges)]


def best_variant(findings: SweepResult, rank_by: str, strategy: type[StrategyBase]) -> VariantChoice:
    """The best of a sweep among the variants that entered a trade: of one that never did nothing is known.

    Parameters
    ----------
    findings : SweepResult
    rank_by : str
        A column of its table.
    strategy : type
        The class that was swept.
    """
    ranked = findings.ranked(rank_by)
    entered = ranked["entry_dates"] > 0
    able = ranked[entered & ranked[rank_by].notna()]
    counts = {"traded": int(entered.sum()), "entries": int(ranked["entry_dates"].sum())}
    if able.empty:
        return VariantChoice(strategy=None, parameters={}, value=math.nan, **counts)
    cell = findings.grid.cell(int(able.index[0]))
    chosen = {axis.name: cell[axis.name] for axis in findings.grid.axes}
    return VariantChoice(strategy=strategy(**cell), parameters=chosen, value=float(able[rank_by].iloc[0]), **counts)


def benchmark_returns(bars: Bars, benchmark: str, sessions: pd.DatetimeIndex) -> pd.Series:
    """Total returns of the benchmark in some sessions, 0 in the first of all data. Shape (sessions,).

    Raises
    ------
    UnknownNameError
        No such symbol.
    WindowError
        No data of it in one of them.
    """
    market = bars.select((benchmark,))
    returns = market.returns.iloc[:, 0]
    returns.iloc[:1] = returns.iloc[:1].where(market.close.iloc[:1, 0].isna(), 0.0)
    selected = returns.reindex(sessions)
    missing = selected.index[selected.isna()]
    if len(missing):
        raise WindowError(
            f"The benchmark {benchmark} has no return on {missing[0].date()}. Move --start or --end, or choose another "
            "--benchmark."
        )
    return selected


def chain_parts(
    choose: Chooser,
    bars: Bars,
    account: Account,
    sessions: pd.DatetimeIndex,
    scheme: WalkForwardScheme,
    market: pd.Series | None = None,
) -> WalkForward:
    """Trade each part out of sample with what is chosen on the sessions before it.

    Parameters
    ----------
    choose : callable
        A :data:`Chooser`.
    bars : Bars
        At least the symbols of every variant.
    account : Account
    sessions : DatetimeIndex
        Those of the window.
    scheme : WalkForwardScheme
    market : Series, optional
        Returns of the benchmark in at least the sessions out of sample.

    Raises
    ------
    ParameterError
        No trade, or all trades of all variants in one part.
    WindowError
        Too few sessions.
    """
    runs = split_sessions(sessions, scheme.parts)
    cash, chained = float(account.cash), []
    for number in range(1, len(runs)):
        learnt = runs[number - 1] if scheme.walk_window == "rolling" else sessions[: sessions.get_loc(runs[number][0])]
        training = (learnt[0].date(), learnt[-1].date())
        chained.append(_trade(choose(*training), training, bars, account, cash, runs[number]))
        cash = float(chained[-1].equity.iloc[-1])
    outside = sessions[len(runs[0]) :]
    span = (outside[0].date(), outside[-1].date())
    best = choose(*span)
    _refuse_single_event(chained, best, scheme.walk_window)
    return WalkForward(
        scheme=scheme, parts=tuple(chained), hindsight=_trade(best, span, bars, account, float(account.cash), outside),
        since=runs[0][-1].date(), market=None if market is None else market.reindex(outside),
        sessions_per_year=bars.sessions_per_year,
    )  # fmt: skip


def _trade(
    choice: VariantChoice, training: tuple[date, date], bars: Bars, account: Account, cash: float, sessions: pd.DatetimeIndex
) -> WalkForwardPart:
    """One part, from cash to cash."""
    window = (sessions[0].date(), sessions[-1].date())
    equity, costs = pd.Series(cash, index=sessions), 0.0
    counts = dict.fromkeys(("trades", "closed", "entry_dates", "invested"), 0)
    if choice.strategy is not None and cash > 0:
        result = simulate(choice.strategy, bars, replace(account, cash=cash), start=window[0], end=window[1])
        equity = result.equity["equity"].reindex(sessions, method="ffill")  # an account that is wiped out keeps its debt
        costs, closed, metrics = closing_costs(result, bars), len(result.open_positions), measure(result)
        equity.iloc[-1] -= costs
        counts = {
            "trades": len(result.trades) + closed, "closed": closed, "entry_dates": int(metrics.entry_dates),
            "invested": int(sessions_in_market(result).sum()),
        }  # fmt: skip
    return WalkForwardPart(
        training=training, window=window, choice=choice, cash=cash, equity=equity.rename("equity"), closing_costs=costs, **counts
    )


def closing_costs(result: Result, bars: Bars) -> float:
    """Dollars that it costs to close what a run holds at its end, at the last close: commission, fees and slippage.

    Parameters
    ----------
    result : Result
    bars : Bars
        Of the run.
    """
    held = result.positions.iloc[-1]
    held = held[held != 0]
    if result.bankrupt or held.empty:
        return 0.0
    session, symbols, account = result.positions.index[-1], tuple(held.index), result.account
    order, close = -held.to_numpy(), bars.close.loc[session, list(symbols)].to_numpy()
    factor = split_factors(bars.splits, pd.DatetimeIndex([session]), symbols)[0]
    price = account.slipped(close, order)
    commission = account.commission(order / factor, price * factor, np.array(symbols))
    fees = account.sale_fees(order / factor, price * factor, np.datetime64(session, "D"))
    return float(np.sum(commission + fees + account.slippage_cost(order, price, close)))


def _refuse_single_event(chained: Sequence[WalkForwardPart], hindsight: VariantChoice, walk_window: WalkWindow) -> None:
    """Refuse a test in which no choice could ever trade, because everything happened in one part or nothing did."""
    if any(part.trades for part in chained):
        return
    entries = np.array([part.choice.entries for part in chained])
    known = entries if walk_window == "rolling" else np.diff(entries, prepend=0)
    last = hindsight.entries - known[1:].sum()
    active = np.count_nonzero(known) + (last > 0)
    if not active:
        raise ParameterError(
            f"No variant enters a trade from {chained[0].training[0]} to {chained[-1].window[1]}, so there is nothing to choose "
            "on; give the parameters other values, or take a longer window."
        )
    if active == 1:
        raise ParameterError(
            "All variants enter their trades in one part of the sessions, so what is chosen on them has nothing left to trade: a "
            "single event cannot be walked forward; the command evidence compares it with other dates."
        )
