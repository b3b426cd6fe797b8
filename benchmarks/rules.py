"""Rules: the trading rules that tests of rules are tried on, and the trades that they make in a market of one draw.

No rule uses a later session. A deviation is that of the sessions before: a threshold of the whole sample would know the future.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.nulls import Floats
from dipfolio.data import calendar
from dipfolio.evidence.calendar_time import HoldingTimes, SessionReturns
from dipfolio.evidence.trade_outcomes import TradeDecisions, TradeOutcomes

MIN_SESSIONS_OF_DEVIATION = 60

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Prices of one draw, each of shape (sessions,): returns, the night's return before each session, and closes."""

    returns: Floats
    gap: Floats
    close: Floats


Signals = Callable[[Series], Flags]
"""The sessions on whose close a rule decides."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule that buys one series at the next open and holds it so many sessions, or renews its decision in each."""

    name: str
    signals: Signals
    hold: int
    renewed: bool = False


def past_deviation(returns: Floats) -> Floats:
    """Standard deviation of all sessions before each, shape (sessions,); NaN in the first 60."""
    return np.asarray(pd.Series(returns).expanding(MIN_SESSIONS_OF_DEVIATION).std().shift(1))


def fall(deviations: float) -> Signals:
    """A fall of so many deviations of the sessions before."""
    return lambda series: np.asarray(series.returns <= -deviations * past_deviation(series.returns))


def recent_fall(deviations: float) -> Signals:
    """A fall of so many deviations of the 60 sessions before."""
    return lambda series: np.asarray(
        series.returns <= -deviations * pd.Series(series.returns).rolling(60).std().shift(1).to_numpy()
    )


def rise(series: Series) -> Flags:
    """A rise over 20 sessions of more than six deviations of one."""
    risen = np.append(np.zeros(20), series.close[20:] / series.close[:-20] - 1)
    return np.asarray(risen >= 6 * past_deviation(series.returns))


def below_average(series: Series) -> Flags:
    """A close below its average of 50 sessions."""
    return np.asarray(series.close < pd.Series(series.close).rolling(50).mean().to_numpy())


def gap_down(series: Series) -> Flags:
    """An open one deviation of a session below the close, traded at that open."""
    return np.append(series.gap[1:] <= -past_deviation(series.returns)[1:], False)


RULES = (
    Rule(name="fall of 2 sd, 1 session", signals=fall(2.0), hold=1),
    Rule(name="fall of 2 sd, 5 sessions", signals=fall(2.0), hold=5),
    Rule(name="fall of 2 sd, 20 sessions", signals=fall(2.0), hold=20),
    Rule(name="fall of 1.5 sd, 60 sessions", signals=fall(1.5), hold=60),
    Rule(name="fall of 2.5 sd, 5 sessions", signals=fall(2.5), hold=5),
    Rule(name="fall of 3 sd, 5 sessions", signals=fall(3.0), hold=5),
    Rule(name="fall of 3 sd, 20 sessions", signals=fall(3.0), hold=20),
    Rule(name="fall of 2.5 recent sd, 5 sessions", signals=recent_fall(2.5), hold=5),
    Rule(name="rise over 20 sessions, 5 sessions", signals=rise, hold=5),
    Rule(name="below the average of 50", signals=below_average, hold=1, renewed=True),
    Rule(name="gap down of 1 sd, 5 sessions", signals=gap_down, hold=5),
)


def outcomes_of_rule(rule: Rule, night: Floats, day: Floats, path: SessionReturns) -> TradeOutcomes:
    """What a rule makes of nights and days of shape (sessions, series), each series bought at its next open."""
    returns = (1 + night) * (1 + day) - 1
    close = np.cumprod(1 + returns, axis=0)
    columns = (Series(returns=returns[:, k], gap=night[:, k], close=close[:, k]) for k in range(close.shape[1]))
    flags = np.column_stack([rule.signals(series) for series in columns])
    flags[:1] = False
    sessions = calendar.between("2000-01-03", "2024-12-31")[: len(close)]
    weights = pd.DataFrame(np.where(flags, 1.0, np.nan), index=sessions)
    leave = "open" if rule.renewed else "close"
    decisions = TradeDecisions(weights=weights, hold=rule.hold, leave=leave, renewed=rule.renewed)
    return TradeOutcomes(
        flags=flags, returns=trade_returns(decisions, night, day), sessions=sessions, path=path, decisions=decisions
    )


def trade_returns(decisions: TradeDecisions, night: Floats, day: Floats) -> Floats:
    """The return of a trade decided in each session, shape (sessions, series); NaN where it does not end."""
    close, hold = np.cumprod((1 + night) * (1 + day), axis=0), decisions.hold
    opened, earned = close / (1 + day), np.full(close.shape, np.nan)
    leave = opened if decisions.leave == "open" else close
    earned[: len(close) - 1 - hold] = leave[1 + hold :] / opened[1 : len(close) - hold] - 1
    return earned


def with_effect(held: HoldingTimes, path: SessionReturns, size: float) -> SessionReturns:
    """The same market with an effect of ``size`` a trade, spread over the nights and days held by their parts of the variance."""
    variances = [float(np.nanmean((values / path.deviation) ** 2)) for values in (path.night, path.day)]
    part = variances[0] / sum(variances)
    each = size * held.trades / (part * held.night.sum() + (1 - part) * held.day.sum())
    return replace(path, night=path.night + part * each * held.night, day=path.day + (1 - part) * each * held.day)
