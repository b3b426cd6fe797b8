"""Calendar-time test: whether the sessions in which positions are held earn more than the others.

The return of each night and day is regressed on whether a position was held in it (Jaffe, 1974, J. Business 47;
Mandelker, 1974, J. Fin. Econ. 1). Each session is weighted by the inverse of the variance that was expected on the close before,
and the error allows for variances that differ and for symbols that move together. Where nothing can be predicted,
returns of sessions are uncorrelated however much their variances cluster, so overlapping and clustered signals need no
further care. ``docs/calibration.md`` has the measured size and power.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError, ParameterError
from dipfolio.evidence.placebo import Direction, count_apart
from dipfolio.evidence.volatility import expected_size

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MIN_CLUSTERS = 8
"""Signals that are more than 20 sessions apart from one another, below which there is no test: one crash is one observation,
however many sessions and symbols it has."""

MIN_SESSIONS = 1_000
"""Sessions of data below which there is no test. In two years, samples with eight groups of falls are a selection in which each
was followed by calm: an effect that could be found in 80 % was found in up to 85 % of the tests of two years."""

REQUIREMENT = f"{MIN_SESSIONS:,} sessions of data and {MIN_CLUSTERS} signals more than 20 sessions apart"
"""What a test needs, as it is said."""

FEEDBACK_SESSIONS = 40
"""Sessions for which positions are supposed to follow a return."""

MIN_REMAINDER = 1e-9
"""Smallest part of a leverage that is left to the others, where one session decides everything."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SessionReturns:
    """The returns of each session in two parts, night and day, for one or more series.

    Attributes
    ----------
    night, day : array of shape (sessions, series)
        From the last close to the open, with the dividends of the session, and from the open to the close; NaN without data.
    deviation : array of shape (sessions, series)
        Expected size of the return of the session on the close before, up to a factor; NaN without data.
    """

    night: Floats
    day: Floats
    deviation: Floats


def session_returns(night: Floats, day: Floats) -> SessionReturns:
    """The same with the deviations that were expected on the close before.

    Parameters
    ----------
    night, day : array of shape (sessions, series)
    """
    whole = night + day
    deviation = np.full(whole.shape, np.nan)
    for column, series in enumerate(whole.T):
        if (~np.isnan(series)).sum() > 1:
            centred = series - np.nanmean(series)
            following = np.append(centred[1:], np.nan)
            deviation[1:, column] = expected_size(following, centred)[:-1]
    return SessionReturns(night=night, day=day, deviation=np.where(np.isnan(whole), np.nan, deviation))


def symbol_sessions(bars: Bars) -> tuple[Floats, Floats]:
    """Night and day returns of every symbol, each of shape (sessions, symbols); the dividend belongs to the night."""
    opened, close = bars.open.to_numpy(), bars.close.to_numpy()
    before = np.vstack([np.full((1, close.shape[1]), np.nan), close[:-1]])
    return (opened + bars.dividends.to_numpy()) / before - 1, close / opened - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class HoldingTimes:
    """In which parts of which sessions positions are held.

    Attributes
    ----------
    night, day : array of shape (sessions, series)
        1 long, -1 short, 0 without a position.
    trades : int
        Trades that these positions make.
    signals : array of int, shape (signals,)
        Rows of the sessions on which one was decided or entered, in order; also of signals while a position was open.
    """

    night: Floats
    day: Floats
    trades: int
    signals: NDArray[np.int_]


@dataclass(frozen=True, kw_only=True, repr=False)
class CalendarTimeTest(Displayable):
    """The effect of a trade that the sessions with a position show.

    Attributes
    ----------
    effect, error : float
        Of a trade with the mean number of sessions, and its standard error.
    degrees_of_freedom : float
        Of Student's t: the effective number of sessions with a position less 1.
    trades, clusters : int
        Trades, and the most signals that are more than 20 sessions apart from one another.
    enough : bool
        Whether the data are enough for a test, see :data:`REQUIREMENT`.
    scores : array of shape (sessions,)
        What each session adds to the effect, whose sum of squares is the squared error up to a factor.
    """

    SHOWN = ("effect", "error", "degrees_of_freedom", "trades", "clusters")

    effect: float
    error: float
    degrees_of_freedom: float
    trades: int
    clusters: int
    enough: bool = True
    scores: Floats = field(default_factory=lambda: np.zeros(0), compare=False)

    @property
    def has_test(self) -> bool:
        """Whether there are data enough for a test, and the returns vary."""
        return self.enough and self.error > 0 and self.degrees_of_freedom > 0

    def p_value(self, direction: Direction = "higher") -> float:
        """One-sided; NaN without a test."""
        from scipy.special import stdtr

        if not self.has_test:
            return math.nan
        t = self.effect / self.error
        return float(stdtr(self.degrees_of_freedom, -t if direction == "higher" else t))

    def interval(self, size: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the effect; NaN without a test."""
        from scipy.special import stdtrit

        if not self.has_test:
            return math.nan, math.nan
        reach = float(stdtrit(self.degrees_of_freedom, (1 + size) / 2)) * self.error
        return self.effect - reach, self.effect + reach

    def detectable(self, size: float = 0.05, power: float = 0.8) -> float:
        """Smallest effect that a one-sided test of this size finds with this power; NaN without a test."""
        from scipy.special import ndtri, stdtrit

        if not self.has_test:
            return math.nan
        return float((stdtrit(self.degrees_of_freedom, 1 - size) + ndtri(power)) * self.error)


def calendar_time_test(held: HoldingTimes, returns: SessionReturns) -> CalendarTimeTest:
    """Weighted least squares of the returns of nights and days on whether a position is held in them.

    With weights ``w = 1 / deviation^2``, x the position and r the return of a part of a session, both less their weighted means,
    and v the part's share of the variance, ``r = b v x + e``: ``b = sum(w x r) / sum(w v x^2)`` is the effect of a whole session.
    That of a trade is b times its mean number of sessions, in which a night or a day alone counts v. The variance of b is
    ``sum(s^2) / sum(w v x^2)^2`` with s the sum of ``w x e / (1 - h)`` over a session and h its leverage: the error HC3 of
    MacKinnon and White (1985, J. Econometrics 29), by session where there are several series.

    Positions that follow returns, as after a fall, correlate with the mean return of the sample, which favours buying after
    falls in short samples (Stambaugh, 1999, J. Fin. Econ. 54). The expected size of that, ``-sum(w r w' x') / sum(w)`` over
    all x' up to :data:`FEEDBACK_SESSIONS` after r, is taken off.

    Parameters
    ----------
    held : HoldingTimes
    returns : SessionReturns
        Of the same shape.

    Raises
    ------
    ParameterError
        Shapes that differ.
    DataError
        No trade, or no session without a position.
    """
    if held.night.shape != returns.night.shape:
        raise ParameterError(f"Positions and returns must have one shape, found {held.night.shape} and {returns.night.shape}.")
    if not held.trades:
        raise DataError("No signal has an outcome: the data end before its trade does, or lack a symbol.")
    known = ~np.isnan(returns.deviation) & (np.nan_to_num(returns.deviation) > 0)
    weights = np.where(known, 1 / np.where(known, returns.deviation, 1.0) ** 2, 0.0)
    total = np.maximum(weights.sum(axis=0), np.finfo(float).tiny)
    x = [_centred(part, weights, total) for part in (held.night, held.day)]
    r = [_centred(np.where(known, part, 0.0), weights, total) for part in (returns.night, returns.day)]
    variances = np.array([(weights * part**2).sum() for part in r])
    shares = variances / variances.sum() if variances.sum() > 0 else np.array([0.5, 0.5])
    sizes = weights * sum(share * part**2 for share, part in zip(shares, x, strict=True))
    scale = float(sizes.sum())
    if not scale > 0:
        raise DataError("No session is without a position, or no position has a return, so there is nothing to compare.")
    moment = sum((weights * position * part).sum() for position, part in zip(x, r, strict=True))
    feedback = sum(_feedback(weights * part, weights * position) / total for position, part in zip(x, r, strict=True))
    slope = float((moment + np.sum(feedback)) / scale)
    leverage = sizes / scale + weights / total
    errors = sum(position * (part - slope * share * position) for position, part, share in zip(x, r, shares, strict=True))
    scores = (weights * errors / np.maximum(1 - leverage, MIN_REMAINDER)).sum(axis=1)
    invested = (held.night != 0) | (held.day != 0)
    own = np.where(invested, sizes, 0.0).sum(axis=1)
    parts = [float(np.abs(part[known]).sum()) for part in (held.night, held.day)]
    sessions, clusters = float(shares @ parts) / held.trades, count_apart(held.signals)
    closes = int(known.any(axis=1).sum()) + 1  # the first has no return
    return CalendarTimeTest(
        effect=slope * sessions,
        error=float(np.sqrt((scores**2).sum())) / scale * sessions,
        degrees_of_freedom=_effective(own) - 1,
        trades=held.trades,
        clusters=clusters,
        enough=is_enough(clusters, closes),
        scores=scores,
    )


def mean_session_test(returns: Floats, trades: int, signals: NDArray[np.int_]) -> CalendarTimeTest:
    """The sum of the returns of all sessions, for each trade, against nothing.

    ``sum(r) / n`` with the error ``sqrt(sum((r - m)^2)) / n`` over the sessions with a return, m their mean. Where nothing can
    be predicted these returns are uncorrelated, whatever positions follow from what came before.

    Parameters
    ----------
    returns : array of shape (sessions,)
        Of an account, or of one less another; 0 where nothing is held, NaN where there are no data.
    trades : int
        n.
    signals : array of int, shape (signals,)
        Rows of the sessions on which one was decided or entered, in order.

    Raises
    ------
    DataError
        No trade.
    """
    if not trades:
        raise DataError("No trade has ended, so there is no mean.")
    there = returns[~np.isnan(returns)]
    made, clusters = there[there != 0], count_apart(signals)
    squares = (made - made.mean()) ** 2 if len(made) > 1 else np.zeros(0)
    return CalendarTimeTest(
        effect=float(made.sum()) / trades,
        error=float(np.sqrt(squares.sum())) / trades,
        degrees_of_freedom=len(made) - 1,
        trades=trades,
        clusters=clusters,
        enough=is_enough(clusters, len(there)),
        scores=np.nan_to_num(returns),
    )


def difference_of_tests(one: CalendarTimeTest, other: CalendarTimeTest) -> CalendarTimeTest:
    """The effect of one set of trades less that of another that is held in other sessions, with Welch's degrees of freedom.

    It has as many clusters as the set that has fewer.
    """
    variances = [test.error**2 for test in (one, other)]
    whole = sum(variances)
    parts = sum(v**2 / test.degrees_of_freedom for v, test in zip(variances, (one, other), strict=True) if v > 0)
    return CalendarTimeTest(
        effect=one.effect - other.effect,
        error=math.sqrt(whole),
        degrees_of_freedom=whole**2 / parts if parts > 0 else 0.0,
        trades=one.trades + other.trades,
        clusters=min(one.clusters, other.clusters),
        enough=one.enough and other.enough,
    )


def is_enough(clusters: int, sessions: int) -> bool:
    """Whether so many signals that are apart, in so many sessions of data, are enough for a test."""
    return clusters >= MIN_CLUSTERS and sessions >= MIN_SESSIONS


def _effective(weights: Floats) -> float:
    """How many equal weights are worth as much, ``sum(w)^2 / sum(w^2)``; 0 without one."""
    return float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0


def _centred(values: Floats, weights: Floats, total: Floats) -> Floats:
    """Values less the weighted mean of each series, shape (sessions, series)."""
    return np.asarray(values - (weights * values).sum(axis=0) / total)


def _feedback(earlier: Floats, later: Floats) -> Floats:
    """Sum over each series of products of a value with the later values of the next sessions, shape (series,)."""
    sums = np.vstack([np.zeros((1, earlier.shape[1])), np.cumsum(earlier, axis=0)])
    rows = np.arange(len(earlier))
    recent = sums[rows] - sums[np.maximum(rows - FEEDBACK_SESSIONS, 0)]
    return np.asarray((recent * later).sum(axis=0))


def holding_times_of_trades(trades: pd.DataFrame, bars: Bars) -> tuple[HoldingTimes, SessionReturns]:
    """The positions of finished trades, and the returns of their symbols.

    A fill between the open and the close changes the return of that day to that from the open to the fill, or from the fill to
    the close.

    Parameters
    ----------
    trades : DataFrame
        As in :class:`dipfolio.engine.result.Result`.
    bars : Bars

    Raises
    ------
    DataError
        No trade.
    """
    if trades.empty:
        raise DataError("There is no trade that has ended.")
    night, day = symbol_sessions(bars)
    returns = session_returns(night, day)
    held_night, held_day = np.zeros(night.shape), np.zeros(day.shape)
    day, opened, close = day.copy(), bars.open.to_numpy(), bars.close.to_numpy()
    for trade in trades.itertuples():
        column, side = bars.symbols.index(trade.symbol), 1.0 if trade.side == "long" else -1.0
        first, last = (int(bars.sessions.get_loc(when)) for when in (trade.entry_session, trade.exit_session))
        held_night[first + 1 : last + 1, column] = side
        held_day[first : last + 1, column] = side
        if trade.entry_at == "close":
            held_day[first, column] = 0
        if trade.exit_at == "open":
            held_day[last, column] = 0
        if trade.entry_at == "day":
            day[first, column] = close[first, column] / trade.entry_price - 1
        if trade.exit_at == "day":
            start = trade.entry_price if first == last and trade.entry_at == "day" else opened[last, column]
            day[last, column] = trade.exit_price / start - 1
    entered = np.unique(bars.sessions.get_indexer(pd.DatetimeIndex(trades["entry_session"])))
    held = HoldingTimes(night=held_night, day=held_day, trades=len(trades), signals=entered)
    return held, SessionReturns(night=returns.night, day=day, deviation=returns.deviation)


def trade_returns(trades: pd.DataFrame, bars: Bars) -> Floats:
    """Price return of each trade at the market's opens and closes, without slippage, shape (trades,).

    A fill within a session counts at its price.

    Parameters
    ----------
    trades : DataFrame
    bars : Bars
    """

    def price(trade: Any, end: str) -> float:
        """The market's price at the entry or the exit."""
        at = getattr(trade, f"{end}_at")
        if at == "day":
            return float(getattr(trade, f"{end}_price"))
        return float(getattr(bars, at).loc[getattr(trade, f"{end}_session"), trade.symbol])

    sides = np.where(trades["side"] == "long", 1.0, -1.0)
    return np.asarray(sides * [price(trade, "exit") / price(trade, "entry") - 1 for trade in trades.itertuples()])
