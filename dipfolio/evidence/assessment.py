"""Assessment: the tests that suit one strategy of the user, with the limitations of each."""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.engine.display import Displayable
from dipfolio.engine.metrics import (
    MIN_OBSERVATIONS,
    MIN_PORTFOLIO_SESSIONS,
    PORTFOLIO_SHARE,
    count_observations,
    sessions_in_market,
)
from dipfolio.engine.result import Result
from dipfolio.engine.strategy import Strategy, StrategyBase
from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.bootstrap import mean_differences, sharpe_interval
from dipfolio.evidence.calendar_time import (
    REQUIREMENT,
    calendar_time_test,
    holding_times_of_trades,
    mean_session_test,
    trade_returns,
)
from dipfolio.evidence.estimates import (
    SESSIONS_WITHOUT,
    Estimate,
    Sample,
    calendar_time_estimate,
    estimate_from_placebo,
    estimate_from_sessions,
)
from dipfolio.evidence.placebo import (
    MARKET_SYMBOL,
    MIN_PLACEBO_DISTANCE,
    SEED,
    STRESS_GAP,
    count_apart,
    eligible_placebo_dates,
    is_stress_session,
    matched_dates_placebo,
    scaled_dates_placebo,
)
from dipfolio.evidence.sharpe_ratio import SharpeRatio, hac_error, sharpe_of
from dipfolio.evidence.trade_outcomes import TradeDecisions, TradeOutcomes, adjusted_outcomes, decisions_of, outcomes_of

AssessmentMethod = Literal["event", "rule", "trades", "nothing"]
"""How a strategy can be examined.

event : all trades are entered in one session: a rank among placebo dates.
rule : the same trade on other dates is known: the sessions with a position against those without.
trades : only what it did is known: its mean trade, and the sessions with a position against those without.
nothing : no trade has ended.
"""


@dataclass(frozen=True, kw_only=True)
class SampleSplit:
    """Two samples, before and after a date, on which a strategy is tested apart.

    Attributes
    ----------
    end, start : Timestamp
        The last day of the first sample, and the first day of the second. Signals of the days between are left out of all tests.
    """

    end: pd.Timestamp
    start: pd.Timestamp

    @classmethod
    def at(cls, day: date) -> "SampleSplit":
        """The samples before a date, and from it on, with nothing between them."""
        start = pd.Timestamp(day)
        return cls(end=start - pd.Timedelta(days=1), start=start)

    @property
    def has_gap(self) -> bool:
        """Whether days lie between the samples."""
        return bool(self.start - self.end > pd.Timedelta(days=1))

    @property
    def labels(self) -> tuple[str, str, str]:
        """The names of all dates, of those before, and of those after."""
        after = f"from {self.start.date()} on"
        if not self.has_gap:
            return EVERY_DATE, f"before {self.start.date()}", after
        last = (self.start - pd.Timedelta(days=1)).date()
        return f"{EVERY_DATE} but {self.end.date()} to {last}", f"up to {self.end.date()}", after

    @property
    def samples(self) -> tuple[Sample, Sample]:
        """Of the two estimates: those of a strategy that was designed on the first sample have names of their own."""
        return ("design", "confirmation") if self.has_gap else ("before", "after")

    def keeps(self, sessions: pd.DatetimeIndex) -> NDArray[np.bool_]:
        """The sessions whose signals are tested, shape (sessions,)."""
        if not self.has_gap:
            return np.ones(len(sessions), dtype=bool)
        return np.asarray((sessions < self.end) | (sessions >= self.start))

    def has_both_sides(self, sessions: pd.DatetimeIndex) -> bool:
        """Whether there are sessions in both samples."""
        return len(sessions) > 0 and bool(sessions[0] <= self.end and self.start <= sessions[-1])


HINDSIGHT_LIMITATION = "A p-value means nothing for dates that were chosen after the outcome was known."
"""What no test of decisions can find out: from where the strategy has its dates."""

AT_EQUAL_VOLATILITY = "at the volatility of this one"
"""The end of what an adjusted trade of one decision is compared with."""

AGAINST_NOTHING = "nothing"
"""What a mean trade is compared with where it is tested for being above or below 0."""

HELD_ALL_THE_TIME = "mean return a year, after costs"
"""Label of the estimate of an account that is mostly invested."""

EVERY_DATE = "every date"
"""Label of the estimate of all signals."""

MAX_DECISION_SHARE = 0.95
"""Part of the sessions with a decision above which no other dates are left to compare with."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Assessment(Displayable):
    """The results of all tests that suit a strategy.

    Attributes
    ----------
    way : str
        See :data:`AssessmentMethod`.
    estimates : tuple of Estimate
        The one to look at first.
    trades, open_positions : int
        Trades that ended, and positions that are open at the end.
    entries, clusters : int
        The sessions in which these were entered, and how many of those are more than 20 sessions apart.
    time_in_market : float
        Part of the sessions.
    observations : int
        Sessions invested of a run that is mostly invested, else sessions with an entry.
    sharpe : SharpeRatio or None
        Per session; None where too few observations make it meaningless.
    sharpe_error : float
        Allowing for autocorrelation.
    sharpe_interval : (float, float)
        Of the ratio a year, at 95 %, by resampling blocks of sessions; NaN without a ratio.
    limitations : tuple of str
        What the tests cannot say.
    """

    way: AssessmentMethod
    estimates: tuple[Estimate, ...]
    trades: int
    open_positions: int
    entries: int
    clusters: int
    time_in_market: float
    observations: int
    sharpe: SharpeRatio | None
    sharpe_error: float
    sharpe_interval: tuple[float, float]
    limitations: tuple[str, ...]


def assess(
    strategy: StrategyBase,
    bars: Bars,
    result: Result,
    benchmark: str = "",
    seed: int = SEED,
    *,
    split: SampleSplit | None = None,
) -> Assessment:
    """Run the tests that suit a strategy.

    Parameters
    ----------
    strategy : StrategyBase
    bars : Bars
        Its symbols and the benchmark; with SPY, stressful mornings are tested apart.
    result : Result
        Its run over these bars.
    benchmark : str
        What each trade is measured against, empty for nothing.
    seed : int
        Of sign flips and resampling.
    split : SampleSplit, optional
        The strategy is then tested on both samples as well. A trade that is open at the end of the first is in neither.

    Raises
    ------
    ParameterError
        A split that leaves no session on one side.
    """
    if split and not split.has_both_sides(bars.sessions):
        span = f"from {bars.sessions[0].date()} to {bars.sessions[-1].date()}"
        raise ParameterError(f"A split at {split.start.date()} leaves no session on one side: the data reach {span}.")
    entries = pd.concat([result.trades["entry_session"], result.open_positions["entry_session"]])
    entered = np.unique(bars.sessions.get_indexer(entries.unique()))
    invested = float(sessions_in_market(result).mean())
    observed = count_observations(invested, len(result.equity), len(entered))
    way, estimates, problem = _tests(strategy, bars, result, benchmark, seed, split)
    returns = result.returns.to_numpy()
    interval, has_ratio = (float("nan"), float("nan")), way != "event" and observed >= MIN_OBSERVATIONS and np.ptp(returns) > 0
    if has_ratio:
        interval = sharpe_interval(returns, seed=seed, sessions_per_year=result.sessions_per_year)
    return Assessment(
        way=way, estimates=estimates, trades=len(result.trades), open_positions=len(result.open_positions),
        entries=len(entered), time_in_market=invested, observations=observed,
        clusters=count_apart(entered), sharpe=sharpe_of(returns) if has_ratio else None,
        sharpe_error=hac_error(returns) if has_ratio else float("nan"),
        sharpe_interval=interval,
        limitations=(
            *_unsaid(way, len(entered), observed, problem, MARKET_SYMBOL in bars.symbols), *explain_too_few(estimates),
            *_unsplit(way, estimates, split),
        ),
    )  # fmt: skip


def _tests(
    strategy: StrategyBase, bars: Bars, result: Result, benchmark: str, seed: int, split: SampleSplit | None
) -> tuple[AssessmentMethod, tuple[Estimate, ...], str]:
    """The way, its estimates, and why it is not a better one."""
    problem = "It decides for itself within backtrader; what it would have done on other dates is not known."
    if isinstance(strategy, Strategy):
        try:
            decisions = decisions_of(strategy, bars)
            outcomes = outcomes_of(decisions, bars, benchmark)
            if outcomes.decided == 1:
                return "event", tuple(_event(decisions, outcomes, bars, benchmark)), ""
            return "rule", tuple(_rule(strategy, decisions, outcomes, bars, benchmark, split)), ""
        except (ParameterError, DataError) as error:
            problem = str(error)
    held = tuple(_held(result, seed))
    if result.trades.empty:
        return "nothing", held, problem
    return "trades", (*_trades(result, bars, split), *held), problem


def _event(decisions: TradeDecisions, outcomes: TradeOutcomes, bars: Bars, benchmark: str) -> Iterator[Estimate]:
    returns, day, hold = outcomes.returns, int(outcomes.flags.argmax()), decisions.hold
    if np.isnan(returns[day]):
        raise DataError("Its trade does not end within the data.")
    yield from event_estimate(decisions, bars, benchmark, "the trade")
    distance = hold + MIN_PLACEBO_DISTANCE
    pools = {"all other dates": np.ones(len(bars), dtype=bool)}
    if MARKET_SYMBOL in bars.symbols and (stress := is_stress_session(bars, STRESS_GAP))[day]:
        pools = {f"other mornings with {MARKET_SYMBOL} {STRESS_GAP:.0%} or more from its close": stress, **pools}
    for against, alike in pools.items():
        if eligible_placebo_dates(returns, day, alike, distance).any():
            yield estimate_from_placebo(matched_dates_placebo(returns, day, alike, distance), "the trade", hold, against=against)


def event_estimate(decisions: TradeDecisions, bars: Bars, benchmark: str, label: str) -> Iterator[Estimate]:
    """The trade of one decision among all other dates: market-adjusted, and brought to the volatility of its date.

    Nothing where the data begin too late for a beta, or the trade does not end within them.

    Parameters
    ----------
    decisions : TradeDecisions
    bars : Bars
    benchmark : str
        The market of the market model; SPY if empty and there, else none.
    label : str
    """
    market = benchmark or (MARKET_SYMBOL if MARKET_SYMBOL in bars.symbols else "")
    (outcomes,) = adjusted_outcomes(decisions, bars, (decisions.hold,), market)
    with suppress(DataError):
        placebo = scaled_dates_placebo(
            outcomes.returns, outcomes.sizes, int(outcomes.flags.argmax()), decisions.hold + MIN_PLACEBO_DISTANCE
        )
        less = f", less beta times {market}," if market else ""
        estimate = estimate_from_placebo(placebo, label, decisions.hold, against=f"all other dates{less} {AT_EQUAL_VOLATILITY}")
        scaled = outcomes.returns / np.where(outcomes.sizes > 0, outcomes.sizes, np.nan)
        yield replace(estimate, scores=pd.Series(scaled, index=bars.sessions))


def _rule(
    strategy: Strategy, decisions: TradeDecisions, outcomes: TradeOutcomes, bars: Bars, benchmark: str, split: SampleSplit | None
) -> Iterator[Estimate]:
    """The rule on all dates; with a split, without those between its samples, and on each of the two.

    The first sample knows nothing of the second: a trade that is open at its end is not in it.
    """
    if decisions.flags.mean() > MAX_DECISION_SHARE:
        raise ParameterError(f"{strategy.name} decides on every session, so there are no other dates to compare with.")
    if split is None:
        yield calendar_time_estimate(outcomes, EVERY_DATE, decisions.hold, "all")
        return
    (everything, earlier, later), samples = split.labels, split.samples
    weights = decisions.weights.where(pd.Series(split.keeps(bars.sessions), index=bars.sessions), axis=0)
    tested = outcomes_of(replace(decisions, weights=weights), bars, benchmark)
    yield calendar_time_estimate(tested, everything, decisions.hold, "all")
    known = bars.until(split.end)
    if len(known):
        before = outcomes_of(decisions_of(strategy, known), known, benchmark)
        if before.executed.any():
            yield calendar_time_estimate(before, earlier, decisions.hold, samples[0])
    after = outcomes.between(split.start, bars.sessions[-1])
    if after.executed.any():
        yield calendar_time_estimate(after, later, decisions.hold, samples[1])


def _held(result: Result, seed: int) -> Iterator[Estimate]:
    """The mean return a year over that of the benchmark held all the time, where the account is mostly invested."""
    market, invested = result.benchmark_returns, sessions_in_market(result).mean()
    if market is None or invested < PORTFOLIO_SHARE:
        return
    a_year = result.sessions_per_year
    (difference,) = mean_differences(market.to_numpy(), result.returns.to_numpy()[:, None], seed=seed, sessions_per_year=a_year)
    yield Estimate(
        label=HELD_ALL_THE_TIME,
        sample="all",
        against=f"{result.benchmark} held all the time",
        observed=float(result.returns.mean() * a_year),
        usual=float(market.mean() * a_year),
        effect=difference.mean,
        low=difference.low,
        high=difference.high,
        observations=difference.sessions,
        clusters=difference.sessions,
    )


def _trades(result: Result, bars: Bars, split: SampleSplit | None) -> Iterator[Estimate]:
    """The mean trade after costs against nothing, and its sessions against the others before costs.

    With a split, the second is estimated for each sample too. A trade is decided in the session before its entry.
    """
    trades = result.trades.sort_values("entry_session", kind="stable")
    decided = np.maximum(bars.sessions.get_indexer(trades["entry_session"]) - 1, 0)
    everything = ""
    if split and split.has_gap:
        in_samples, everything = split.keeps(bars.sessions)[decided], split.labels[0]
        trades, decided = trades[in_samples], decided[in_samples]
    if len(trades):
        yield _after_costs(trades, bars, everything)
        yield from _sessions_of(trades, bars, everything, "all")
    if split:
        known, after = bars.until(split.end), bars.between(split.start, bars.sessions[-1])
        first = len(bars) - len(after)
        (_, earlier, later), samples = split.labels, split.samples
        ended, begun = trades[trades["exit_session"] <= split.end], trades[decided >= first]
        yield from _sessions_of(ended, known, earlier, samples[0])
        yield from _sessions_of(begun, after, later, samples[1])


def _after_costs(trades: pd.DataFrame, bars: Bars, label: str) -> Estimate:
    held, returns = holding_times_of_trades(trades, bars)
    profits = (held.night * np.nan_to_num(returns.night) + held.day * np.nan_to_num(returns.day)).sum(axis=1)
    profits[np.isnan(returns.deviation).all(axis=1)] = np.nan
    spread = mean_session_test(profits, held.trades, held.signals)
    after = replace(spread, effect=float(trades["return"].mean()))
    return estimate_from_sessions(after, _labelled("mean trade, after costs", label), 0, "all", AGAINST_NOTHING)


def _sessions_of(trades: pd.DataFrame, bars: Bars, label: str, sample: Sample) -> Iterator[Estimate]:
    """The sessions in which these trades were open against the others."""
    with suppress(DataError):
        test = calendar_time_test(*holding_times_of_trades(trades, bars))
        tested = estimate_from_sessions(test, _labelled("mean trade, before costs", label), 0, sample)
        observed = float(trade_returns(trades, bars).mean())
        yield replace(tested, observed=observed, usual=observed - tested.effect)


def _labelled(what: str, dates: str) -> str:
    return f"{what}, {dates}" if dates else what


def explain_too_few(estimates: tuple[Estimate, ...]) -> Iterator[str]:
    """Why an estimate of sessions has no test."""
    for estimate in estimates:
        if estimate.against in (SESSIONS_WITHOUT, AGAINST_NOTHING) and math.isnan(estimate.p_value):
            needed = f"a test needs {REQUIREMENT}, as one crash is one observation"
            yield f"{estimate.label}: {needed}; found {estimate.clusters} of those."


def _unsplit(way: AssessmentMethod, estimates: tuple[Estimate, ...], split: SampleSplit | None) -> Iterator[str]:
    """Which sample of a split has no estimate, and why."""
    if split is None or (way not in ("rule", "trades") and split.has_gap):
        return
    if way not in ("rule", "trades"):
        only = "All trades are entered in one session" if way == "event" else "No trade has ended"
        yield f"{only}, so nothing is tested before and from {split.start.date()} on."
        return
    samples = {estimate.sample for estimate in estimates}
    for sample, label in zip(split.samples, split.labels[1:], strict=True):
        if sample not in samples:
            yield f"No trade counts {label}; one that is open at the end of the first sample counts in neither."


def _unsaid(way: AssessmentMethod, entries: int, observed: int, problem: str, stress: bool) -> Iterator[str]:
    if problem:
        yield problem
    if way == "event":
        yield "One date is one observation: its rank among other dates is all that can be told, and no ratio of it is evidence."
    if way == "event" and not stress:
        yield f"The data lack {MARKET_SYMBOL}, so stressful mornings cannot be told apart and the rank may flatter."
    if way != "event" and observed < MIN_OBSERVATIONS:
        yield (
            f"Observations: {observed}. Below {MIN_OBSERVATIONS} no Sharpe ratio is given. The sessions with an entry are "
            f"counted, or the sessions in the market where these are at least {PORTFOLIO_SHARE:.0%} of all and at least "
            f"{MIN_PORTFOLIO_SESSIONS}."
        )
    elif way != "event" and entries < MIN_OBSERVATIONS:
        yield f"Sessions with an entry: {entries}. The ratio describes what was held, and says little about when to hold it."
    if way != "event" and observed >= MIN_OBSERVATIONS:
        yield (
            "The Sharpe ratio and its probability above 0 include what the same positions would have earned without the rule; "
            "the estimates of sessions do not."
        )
    yield HINDSIGHT_LIMITATION
    yield "Nothing here knows how many other ideas were tried before this one, unless they stand in the register."
