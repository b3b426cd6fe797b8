"""Robustness: one run with other parameters, a later entry and higher costs, in calm and nervous times, and resampled.

Nothing here is a test. The parameters of a run were chosen by somebody who may have seen the data, and so were those around
them.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.engine.attribution import all_positions
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import count_observations, excess_returns, sessions_in_market
from dipfolio.engine.parameters import list_parameters
from dipfolio.engine.result import Result
from dipfolio.engine.simulation import checked_exit_rules, checked_targets, first_session, simulate_trades
from dipfolio.engine.strategy import Strategy, StrategyBase
from dipfolio.errors import DipfolioError
from dipfolio.evidence.bootstrap import block_length
from dipfolio.evidence.placebo import SEED
from dipfolio.evidence.sensitivity import with_delay
from dipfolio.evidence.volatility import moving_deviation
from dipfolio.sweep.batches import make_batches
from dipfolio.sweep.simulator import simulate_batch

CaseKind = Literal["delay", "costs", "parameter"]
"""What of the run is other."""

BandUnit = Literal["sessions", "groups of trades"]
"""What a band is drawn from."""

PARAMETER_CHANGE = 0.2
"""By which part each number among the parameters is changed, up and down; whole numbers by at least 1."""

MIN_GROUPS = 8
"""Groups of trades below which their profits are not resampled."""

DRAWS = 2_000
"""Resamples of a band."""

BAND_LEVELS = (0.05, 0.5, 0.95)
"""Quantiles of a band."""

MAX_BARS = 60_000
"""Sessions times symbols of a run above which it is not simulated with other parameters: that would take longer than a tenth of
the whole command."""

VOLATILITY_HALF_LIFE = 10
"""Sessions, of the volatility that divides calm from nervous times."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RobustnessCase(Displayable):
    """The same run in one other way.

    Attributes
    ----------
    kind : {"delay", "costs", "parameter"}
    label : str
    profit : float
        Dollars of the account, after all costs.
    trades : int
        That ended; -1 where the trades are those of the run.
    """

    kind: CaseKind
    label: str
    profit: float
    trades: int


@dataclass(frozen=True, kw_only=True, repr=False)
class MarketTimes(Displayable):
    """The part of a run in calm or in nervous times.

    Attributes
    ----------
    label : str
    sessions, invested : int
        Sessions of that kind, and those of them in the market.
    profit : float
        Dollars made in them.
    """

    label: str
    sessions: int
    invested: int
    profit: float


@dataclass(frozen=True, kw_only=True, repr=False)
class ProfitBand(Displayable):
    """The profit of resampled runs.

    Attributes
    ----------
    unit : {"sessions", "groups of trades"}
        What was drawn.
    count : int
        How many of them the run has.
    block : int
        Mean length of the blocks in sessions; 0 for groups of trades.
    low, median, high : float
        Dollars, the quantiles :data:`BAND_LEVELS`.
    loss_share : float
        Part of the resampled runs that lost.
    """

    unit: BandUnit
    count: int
    block: int
    low: float
    median: float
    high: float
    loss_share: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Robustness(Displayable):
    """How far the profit of a run depends on its details.

    Attributes
    ----------
    profit : float
        Dollars, of the run itself.
    cases : tuple of RobustnessCase
        One session later, twice the costs, each parameter down and up.
    costs : float
        Dollars of commission, fees, slippage, borrow fees and interest that the run has paid.
    breakeven_costs : float
        So many times these costs would have made the profit zero; NaN without a profit or without costs.
    times : tuple of MarketTimes
        Calm and nervous times, whose profits sum to that of the run; empty without a benchmark.
    band : ProfitBand or None
    without_band : str
        Why there is none; empty otherwise, and where ``left_out`` says it.
    left_out : str
        Why there is no case with other parameters; empty where there are.
    interest_earned : float
        Dollars that cash earned by a dated rate, which are in none of the profits.
    """

    profit: float
    cases: tuple[RobustnessCase, ...]
    costs: float
    breakeven_costs: float
    times: tuple[MarketTimes, ...]
    band: ProfitBand | None
    without_band: str
    left_out: str
    interest_earned: float = 0.0

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON; NaN is None."""
        record = dataclasses.asdict(self)
        if not self.interest_earned:
            del record["interest_earned"]
        return record | {"breakeven_costs": None if math.isnan(self.breakeven_costs) else self.breakeven_costs}


def measure_robustness(strategy: StrategyBase, bars: Bars, result: Result, *, seed: int = SEED) -> Robustness:
    """The robustness of a run.

    Parameters
    ----------
    strategy : StrategyBase
        Of the run.
    bars : Bars
        The data of the run.
    result : Result
        The run.
    seed : int
        Of the resampling; the same seed gives the same band.
    """
    earned = float(result.interest_earned.sum())
    profit = float(result.equity["equity"].iloc[-1] - result.account.cash) - earned
    costs = float(result.equity[["commission", "fees", "slippage", "borrow", "interest"]].to_numpy().sum())
    left_out = _reason_to_leave_out(strategy, result)
    twice = RobustnessCase(kind="costs", label="twice the costs on the same fills", profit=profit - costs, trades=-1)
    simulated = tuple(_simulated(strategy, bars, result)) if isinstance(strategy, Strategy) and not left_out else ()
    band, without_band = _band(result, profit, seed)
    return Robustness(
        profit=profit,
        cases=(*simulated[:1], twice, *simulated[1:]) if simulated else (twice,),
        costs=costs,
        breakeven_costs=1 + profit / costs if profit > 0 and costs > 0 else math.nan,
        times=tuple(_market_times(result)),
        band=band,
        without_band=without_band,
        left_out=left_out,
        interest_earned=earned,
    )


def _reason_to_leave_out(strategy: StrategyBase, result: Result) -> str:
    if not isinstance(strategy, Strategy):
        return "A backtrader strategy sends its own orders, so that they are not delayed or simulated with other parameters here."
    if result.bankrupt:
        return "The account was wiped out, so that it is not simulated with other parameters and not resampled."
    size = result.positions.size
    if size > MAX_BARS:
        return (
            f"The run has {size:,} bars; above {MAX_BARS:,} it is not simulated again with other parameters, which would take "
            "longer than a tenth of its time. sweep does that."
        )
    return ""


def _simulated(strategy: Strategy, bars: Bars, result: Result) -> Iterator[RobustnessCase]:
    """The run one session later, then with each parameter changed."""
    start, end = result.window
    bars = bars.until(end)
    run_log, trades, _ = simulate_trades(with_delay(strategy, 1), bars, result.account, start=start if result.base else None)
    yield RobustnessCase(
        kind="delay",
        label="one session later",
        profit=float(run_log.equity[run_log.last] - result.account.cash - run_log.earned.sum()),
        trades=len(trades),
    )
    labelled = list(_variants(strategy, bars))
    first = max(first_session(bars, start if result.base else None, None) - 1, 0)
    cases: dict[int, RobustnessCase] = {}
    for places, batch in make_batches([variant for _, variant in labelled], bars, result.account, first):
        batch_log = simulate_batch(batch)
        ends = batch_log.equity[batch_log.last, np.arange(len(places))]
        for place, equity, ended in zip(places, ends - batch_log.earned, batch_log.trades, strict=True):
            profit = float(equity - result.account.cash)
            cases[place] = RobustnessCase(kind="parameter", label=labelled[place][0], profit=profit, trades=int(ended))
    yield from (cases[place] for place in sorted(cases))


def _variants(strategy: Strategy, bars: Bars) -> Iterator[tuple[str, Strategy]]:
    """The strategy with each number among its parameters lower and higher; what it refuses is left out."""
    for item in list_parameters(type(strategy)):
        value = getattr(strategy, item.name)
        for changed in changed_values(value):
            try:
                variant = dataclasses.replace(strategy, **{item.name: changed})
                checked_exit_rules(variant)
                checked_targets(variant, bars.select(variant.symbols))
            except DipfolioError:
                continue
            yield f"{item.name} {changed:.6g} instead of {value:.6g}", variant


def changed_values(value: Any) -> tuple[Any, ...]:
    """A number a fifth lower and higher, a whole one rounded away from it; nothing for 0 and for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value:
        return ()
    lower, higher = (value * (1 + sign * PARAMETER_CHANGE) for sign in (-1, 1))
    if isinstance(value, float):
        return (lower, higher)
    return tuple(int(math.copysign(round_up(abs(x)), x)) for x, round_up in ((lower, math.floor), (higher, math.ceil)))


def _market_times(result: Result) -> Iterator[MarketTimes]:
    """The sessions after closes with a low and with a high volatility of the benchmark, divided at the median of the window.

    Nothing is known before the first session, which counts as calm.
    """
    market = result.benchmark_returns
    if market is None or len(market) < 2 or not market.any():
        return
    known = pd.Series(moving_deviation(market.to_numpy(), VOLATILITY_HALF_LIFE), index=market.index).shift()
    nervous = (known > known.median()).to_numpy()
    made = result.equity["equity"].diff().fillna(result.equity["equity"].iloc[0] - result.account.cash).to_numpy()
    made = made - result.interest_earned.to_numpy()
    invested = sessions_in_market(result).to_numpy()
    for label, chosen in (("calm", ~nervous), ("nervous", nervous)):
        yield MarketTimes(
            label=label, sessions=int(chosen.sum()), invested=int((invested & chosen).sum()), profit=float(made[chosen].sum())
        )


def _band(result: Result, profit: float, seed: int) -> tuple[ProfitBand | None, str]:
    """Resampled sessions of an account that is invested most of the time, or resampled groups of trades; or why neither."""
    if result.bankrupt:
        return None, ""
    share, sessions = float(sessions_in_market(result).mean()), len(result.equity)
    positions = all_positions(result)
    entries = int(positions["entry_session"].nunique())
    if count_observations(share, sessions, entries) > entries:
        return _session_band(result, seed), ""
    groups = trade_groups(positions)
    if len(groups) < MIN_GROUPS:
        found = f"{len(groups)} group{'s' * (len(groups) != 1)} of trades whose times do not overlap"
        return None, f"The run has {found}; fewer than {MIN_GROUPS} are not resampled, as they say little about others."
    interest = profit - float(groups.sum())
    sums = np.random.default_rng(seed).choice(groups.to_numpy(), (DRAWS, len(groups))).sum(axis=1) + interest
    return _quantiles("groups of trades", len(groups), 0, sums), ""


def trade_groups(positions: pd.DataFrame) -> pd.Series:
    """The profit of each group of trades whose holding times overlap or touch, in dollars, by first entry.

    Parameters
    ----------
    positions : DataFrame
        Trades and open positions, as :func:`dipfolio.engine.attribution.all_positions` has them.
    """
    ordered = positions.sort_values("entry_session", kind="stable")
    ends = ordered["exit_session"].fillna(pd.Timestamp.max.as_unit("s")).cummax().shift()
    number = (ordered["entry_session"] > ends).cumsum()
    return ordered.groupby(number)["profit"].sum().set_axis(ordered.groupby(number)["entry_session"].min())


def _session_band(result: Result, seed: int) -> ProfitBand:
    from arch.bootstrap import StationaryBootstrap

    idle = result.riskless
    returns = result.returns.to_numpy() if idle is None else excess_returns(result.returns, idle, result.base or result.window[0])
    block = block_length(returns[:, None])
    resampler = StationaryBootstrap(block, np.log1p(returns), seed=seed)
    growth = resampler.apply(lambda logs: np.expm1(logs.sum()), DRAWS)
    return _quantiles("sessions", len(returns), block, result.account.cash * np.asarray(growth).ravel())


def _quantiles(unit: BandUnit, count: int, block: int, profits: np.ndarray) -> ProfitBand:
    low, median, high = (float(value) for value in np.quantile(profits, BAND_LEVELS))
    return ProfitBand(
        unit=unit, count=count, block=block, low=low, median=median, high=high, loss_share=float((profits < 0).mean())
    )
