"""Examination: the tests that suit one strategy of the user's own, and what none of them can say."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dipfolio.engine.idea import Idea
from dipfolio.engine.result import Result
from dipfolio.engine.strategy import Strategy
from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.finding import CONFIRMATION_START, DESIGN_END, Finding, from_placebo
from dipfolio.evidence.holding import moved
from dipfolio.evidence.outcomes import Outcomes, outcomes_of, trades_of
from dipfolio.evidence.placebo import SEED, clusters, matched, matched_dates, rotation, sign_flip_p_value
from dipfolio.evidence.power import detectable
from dipfolio.evidence.sharpe import Sharpe, hac_error, sharpe_of
from dipfolio.evidence.single import APART, MARKET, STRESS, stressful
from dipfolio.market.bars import Bars

Way = Literal["event", "rule", "trades", "nothing"]
"""How a strategy can be examined.

event : all trades are entered in one session: a rank among placebo dates.
rule : the same trade on other dates is known: a mean among that of all dates, by rotation.
trades : only what it did is known: its mean trade, and its holding times on other dates.
nothing : it never traded.
"""

FEWEST = 10
"""Independent clusters of trades below which no ratio of the daily returns is given."""

Z = 1.959963984540054
"""Of a 95 % interval."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Examination:
    """What can be said of a strategy.

    Attributes
    ----------
    way : str
        See :data:`Way`.
    findings : tuple of Finding
        The one to look at first.
    trades, entries, clusters : int
        Trades that ended, the sessions they were entered in, and how many of those are more than 20 sessions apart.
    sharpe : Sharpe or None
        Per session; None where too few clusters make it meaningless.
    sharpe_error : float
        Allowing for autocorrelation.
    unsaid : tuple of str
        What the tests cannot say.
    """

    way: Way
    findings: tuple[Finding, ...]
    trades: int
    entries: int
    clusters: int
    sharpe: Sharpe | None
    sharpe_error: float
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
        Of sign flips with many clusters.
    """
    entered = np.unique(bars.sessions.get_indexer(result.trades["entry_session"].unique()))
    groups = int(clusters(entered)[-1]) + 1 if len(entered) else 0
    way, findings, problem = _tests(strategy, bars, result, benchmark, seed)
    told = groups >= FEWEST and np.ptp(result.returns.to_numpy()) > 0
    return Examination(
        way=way, findings=findings, trades=len(result.trades), entries=len(entered), clusters=groups,
        sharpe=sharpe_of(result.returns.to_numpy()) if told else None,
        sharpe_error=hac_error(result.returns.to_numpy()) if told else float("nan"),
        unsaid=tuple(_unsaid(way, groups, problem, MARKET in bars.symbols)),
    )  # fmt: skip


def _tests(
    strategy: Idea, bars: Bars, result: Result, benchmark: str, seed: int
) -> tuple[Way, tuple[Finding, ...], str]:
    """The way, its findings, and why it is not a better one."""
    problem = "It decides for itself within backtrader; what it would have done on other dates is not known."
    if isinstance(strategy, Strategy):
        try:
            outcomes = outcomes_of(trades_of(strategy, bars), bars, benchmark)
            way: Way = "event" if outcomes.decided == 1 else "rule"
            found = _event(outcomes, bars) if way == "event" else _rule(outcomes)
            return way, tuple(found), ""
        except (ParameterError, DataError) as error:
            problem = str(error)
    if result.trades.empty:
        return "nothing", (), problem
    return "trades", tuple(_trades(result, bars, seed)), problem


def _event(outcomes: Outcomes, bars: Bars) -> Iterator[Finding]:
    pools = {"all other dates": np.ones(len(bars), dtype=bool)}
    if MARKET in bars.symbols:
        pools = {f"mornings with {MARKET} {STRESS:.0%} from its close": stressful(bars, STRESS), **pools}
    returns = outcomes.returns if outcomes.returns.ndim == 1 else outcomes.returns.mean(axis=1)
    flags = outcomes.flags if outcomes.flags.ndim == 1 else outcomes.flags.any(axis=1)
    day, distance = int(flags.argmax()), _length(outcomes) + APART
    if np.isnan(returns[day]):
        raise DataError("Its trade does not end within the figures.")
    for against, alike in pools.items():
        if matched(returns, day, alike, distance).any():
            yield from_placebo(matched_dates(returns, day, alike, distance), "the trade", _length(outcomes), against=against)


def _length(outcomes: Outcomes) -> int:
    """Sessions from a decision to the end of its trade, from the rows at the end that have no outcome."""
    returns = outcomes.returns if outcomes.returns.ndim == 1 else outcomes.returns.max(axis=1)
    known = np.flatnonzero(~np.isnan(returns))
    return len(returns) - 1 - int(known[-1]) - 1 if len(known) else 0


def _rule(outcomes: Outcomes) -> Iterator[Finding]:
    yield _rotated(outcomes, "all dates")
    parts = {
        "up to the day before the event": outcomes.between(outcomes.sessions[0], DESIGN_END),
        "after the event": outcomes.between(CONFIRMATION_START, outcomes.sessions[-1]),
    }
    for label, part in parts.items():
        if len(part.ended):
            yield _rotated(part, label)


def _rotated(outcomes: Outcomes, label: str) -> Finding:
    groups = int(clusters(outcomes.ended)[-1]) + 1 if len(outcomes.ended) else 1
    against = "the same trade on all dates, by rotation"
    return from_placebo(rotation(outcomes.flags, outcomes.returns), label, _length(outcomes), against=against, clusters=groups)


def _trades(result: Result, bars: Bars, seed: int) -> Iterator[Finding]:
    """The mean trade after costs against nothing by clusters, and its holding times on other dates before costs."""
    trades = result.trades.sort_values("entry_session", kind="stable")
    groups = clusters(bars.sessions.get_indexer(trades["entry_session"]))
    returns = trades["return"].to_numpy()
    means = np.bincount(groups, returns) / np.bincount(groups)
    error = float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else float("nan")
    told, mean = error > 0, float(means.mean())
    yield Finding(
        label="mean of its clusters, after costs", against="nothing", observed=mean, usual=0.0, effect=mean,
        low=mean - Z * error, high=mean + Z * error,
        p_value=sign_flip_p_value(means, "higher", seed=seed) if told else float("nan"),
        opposite=sign_flip_p_value(means, "lower", seed=seed) if told else float("nan"),
        smallest=2.0 ** -min(len(means), 14) if told else float("nan"), observations=len(trades), clusters=len(means),
        detectable=detectable(error, 1, sides=1) if told else float("nan"),
    )  # fmt: skip
    against = "the same holding times on other dates"
    yield from_placebo(moved(trades, bars), "mean trade, before costs", 0, against=against, clusters=len(means))


def _unsaid(way: Way, groups: int, problem: str, stress: bool) -> Iterator[str]:
    if problem:
        yield problem
    if way == "event":
        yield "One date is one observation: its rank among other dates is all that can be told, and no ratio of it is evidence."
    if way == "event" and not stress:
        yield f"The figures lack {MARKET}, so stressful mornings cannot be told apart and the rank may flatter."
    if way == "trades":
        yield "Exits that wait for a good price are long or short by what came; moved to other dates they are not decided anew."
    if way in ("rule", "trades") and groups < FEWEST:
        yield f"Its trades form {groups} cluster{'' if groups == 1 else 's'}; below {FEWEST} no Sharpe ratio is told."
    yield "Nothing here knows how many other ideas were tried before this one, unless they stand in the register."
