"""Examination: the tests that suit one strategy of the user's own, and what none of them can say."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from dipfolio.engine.idea import Idea
from dipfolio.engine.result import Result
from dipfolio.engine.showing import Shown
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.bootstrap import mean_differences, sharpe_interval
from dipfolio.evidence.estimate import CONFIRMATION_START, DESIGN_END, Estimate, clustered, from_placebo, rotated
from dipfolio.evidence.holding import moved
from dipfolio.evidence.outcomes import Decisions, Outcomes, decisions_of, outcomes_of
from dipfolio.evidence.placebo import SEED, clusters, matched, matched_dates
from dipfolio.evidence.sharpe import Sharpe, hac_error, sharpe_of
from dipfolio.evidence.single import APART, MARKET, STRESS, stressful
from dipfolio.market.bars import Bars
from dipfolio.market.rates import YEAR

Way = Literal["event", "rule", "trades", "nothing"]
"""How a strategy can be examined.

event : all trades are entered in one session: a rank among placebo dates.
rule : the same trade on other dates is known: a mean among that of all dates, by rotation.
trades : only what it did is known: its mean trade, and its holding times on other dates.
nothing : no trade has ended.
"""

FEWEST = 10
"""Sessions with an entry below which no ratio of the daily returns is given."""

ALWAYS = 0.95
"""Part of the sessions with a decision above which no other dates are left to compare with."""

MOSTLY = 0.5
"""Part of the sessions invested from which the daily returns are compared with a benchmark held all the time."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Examination(Shown):
    """What can be said of a strategy.

    Attributes
    ----------
    way : str
        See :data:`Way`.
    estimates : tuple of Estimate
        The one to look at first.
    trades, entries, clusters : int
        Trades that ended, the sessions they were entered in, and how many of those are more than 20 sessions apart.
    sharpe : Sharpe or None
        Per session; None where too few entries make it meaningless.
    sharpe_error : float
        Allowing for autocorrelation.
    sharpe_interval : (float, float)
        Of the ratio a year, at 95 %, by resampling blocks of sessions; NaN without a ratio.
    unsaid : tuple of str
        What the tests cannot say.
    """

    way: Way
    estimates: tuple[Estimate, ...]
    trades: int
    entries: int
    clusters: int
    sharpe: Sharpe | None
    sharpe_error: float
    sharpe_interval: tuple[float, float]
    unsaid: tuple[str, ...]


def examine(strategy: Idea, bars: Bars, result: Result, benchmark: str = "", seed: int = SEED) -> Examination:
    """Run the tests that suit a strategy.

    Parameters
    ----------
    strategy : Idea
    bars : Bars
        Its symbols and the benchmark; with SPY, stressful mornings are told apart.
    result : Result
        Its run over these bars.
    benchmark : str
        What each trade is measured against, empty for nothing.
    seed : int
        Of sign flips and resampling.
    """
    entered = np.unique(bars.sessions.get_indexer(result.trades["entry_session"].unique()))
    way, estimates, problem = _tests(strategy, bars, result, benchmark, seed)
    returns = result.returns.to_numpy()
    told = way != "event" and len(entered) >= FEWEST and np.ptp(returns) > 0
    return Examination(
        way=way, estimates=estimates, trades=len(result.trades), entries=len(entered),
        clusters=int(clusters(entered)[-1]) + 1 if len(entered) else 0, sharpe=sharpe_of(returns) if told else None,
        sharpe_error=hac_error(returns) if told else float("nan"),
        sharpe_interval=sharpe_interval(returns, seed=seed) if told else (float("nan"), float("nan")),
        unsaid=tuple(_unsaid(way, len(entered), problem, MARKET in bars.symbols)),
    )  # fmt: skip


def _tests(strategy: Idea, bars: Bars, result: Result, benchmark: str, seed: int) -> tuple[Way, tuple[Estimate, ...], str]:
    """The way, its estimates, and why it is not a better one."""
    problem = "It decides for itself within backtrader; what it would have done on other dates is not known."
    if isinstance(strategy, Strategy):
        try:
            decisions = decisions_of(strategy, bars)
            outcomes = outcomes_of(decisions, bars, benchmark)
            if outcomes.decided == 1:
                return "event", tuple(_event(outcomes, bars, decisions.hold)), ""
            return "rule", tuple(_rule(strategy, decisions, outcomes, bars, benchmark)), _left_out(outcomes)
        except (ParameterError, DataError) as error:
            problem = str(error)
    held = tuple(_held(result, seed))
    if result.trades.empty:
        return "nothing", held, problem
    return "trades", (*_trades(result, bars, seed), *held), problem


def _event(outcomes: Outcomes, bars: Bars, hold: int) -> Iterator[Estimate]:
    returns, day, distance = outcomes.returns, int(outcomes.flags.argmax()), hold + APART
    if np.isnan(returns[day]):
        raise DataError("Its trade does not end within the figures.")
    pools = {"all other dates": np.ones(len(bars), dtype=bool)}
    if MARKET in bars.symbols and (stress := stressful(bars, STRESS))[day]:
        pools = {f"other mornings with {MARKET} {STRESS:.0%} from its close": stress, **pools}
    for against, alike in pools.items():
        if matched(returns, day, alike, distance).any():
            yield from_placebo(matched_dates(returns, day, alike, distance), "the trade", hold, against=against)


def _rule(strategy: Strategy, decisions: Decisions, outcomes: Outcomes, bars: Bars, benchmark: str) -> Iterator[Estimate]:
    """All dates but the event's, then those before it and those after it; a trade before it has ended before it."""
    if decisions.flags.mean() > ALWAYS:
        raise ParameterError(f"{strategy.name} decides on every session, so there are no other dates to compare with.")
    apart = (bars.sessions < DESIGN_END) | (bars.sessions >= CONFIRMATION_START)
    kept = replace(decisions, weights=decisions.weights.where(pd.Series(apart, index=bars.sessions), axis=0))
    yield rotated(outcomes_of(kept, bars, benchmark), "every date but the event's", decisions.hold, "all")
    known = bars.until(DESIGN_END)
    if len(known):
        before = outcomes_of(decisions_of(strategy, known), known, benchmark)
        if len(before.ended):
            yield rotated(before, "before the event", decisions.hold, "design")
    later = outcomes.between(CONFIRMATION_START, bars.sessions[-1])
    if len(later.ended):
        yield rotated(later, "after the event", decisions.hold, "confirmation")


def _left_out(outcomes: Outcomes) -> str:
    """That a symbol without figures costs the others their sessions."""
    if not outcomes.partial:
        return ""
    return f"Sessions left out for all symbols, as some have no figures there: {outcomes.partial}. A smaller universe keeps them."


def _held(result: Result, seed: int) -> Iterator[Estimate]:
    """The mean return a year over that of the benchmark held all the time, where the account is mostly invested."""
    market, invested = result.benchmark_returns, (result.equity["gross"] > 0).mean()
    if market is None or invested < MOSTLY:
        return
    (found,) = mean_differences(market.to_numpy(), result.returns.to_numpy()[:, None], seed=seed)
    yield Estimate(
        label="mean return a year, after costs", sample="all", against=f"{result.benchmark} held all the time",
        observed=float(result.returns.mean() * YEAR), usual=float(market.mean() * YEAR), effect=found.mean, low=found.low,
        high=found.high, observations=found.sessions, clusters=found.sessions,
    )  # fmt: skip


def _trades(result: Result, bars: Bars, seed: int) -> Iterator[Estimate]:
    """The mean trade after costs against nothing by clusters, and its holding times on other dates before costs."""
    trades = result.trades.sort_values("entry_session", kind="stable")
    groups = clusters(bars.sessions.get_indexer(trades["entry_session"]))
    returns = trades["return"].to_numpy()
    means = np.bincount(groups, returns) / np.bincount(groups)
    found = Estimate(
        label="mean of its clusters, after costs", sample="all", against="nothing", observed=float(means.mean()), usual=0.0,
        observations=len(trades),
    )  # fmt: skip
    yield clustered(found, means, seed)
    against = "the same holding times on other dates"
    within = (trades[["entry_at", "exit_at"]] == "day").any(axis=None)
    label = f"mean trade, before costs{', fills within a session at its close' if within else ''}"
    yield from_placebo(moved(trades, bars), label, 0, "all", against, len(means))


def _unsaid(way: Way, entries: int, problem: str, stress: bool) -> Iterator[str]:
    if problem:
        yield problem
    if way == "event":
        yield "One date is one observation: its rank among other dates is all that can be told, and no ratio of it is evidence."
    if way == "event" and not stress:
        yield f"The figures lack {MARKET}, so stressful mornings cannot be told apart and the rank may flatter."
    if way == "trades":
        yield "Exits that wait for a good price are long or short by what came; moved to other dates they are not decided anew."
    if way != "event" and entries < FEWEST:
        yield f"Sessions with an entry: {entries}. Below {FEWEST} no Sharpe ratio is told."
    yield "Nothing here knows how many other ideas were tried before this one, unless they stand in the register."
