"""Recovery: how many sessions prices take to regain their level before a drop.

The survival curve of many drops is the Kaplan-Meier estimate of the share that is not yet recovered.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError, WindowError
from dipfolio.evidence.placebo import SEED, cluster_labels


@dataclass(frozen=True, kw_only=True, repr=False)
class Recovery(Displayable):
    """One drop and its end.

    Attributes
    ----------
    session : Timestamp
        Of the drop.
    level : float
        The close before it, to be regained.
    sessions : int
        From the drop to the first close at or above the level; 0 if the drop was over at the close; up to the last session
        seen where that has not come.
    regained : Timestamp or None
        The session of that close; None where it has not come.
    worst : float
        The lowest close on the way over the close of the drop, minus 1; 0 if there was no lower one.
    """

    session: pd.Timestamp
    level: float
    sessions: int
    regained: pd.Timestamp | None
    worst: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SurvivalCurve(Displayable):
    """Share of drops that are not over after so many sessions, by Kaplan and Meier (1958, J. Am. Stat. Assoc. 53).

    Attributes
    ----------
    waiting : Series of shape (sessions + 1,)
        Indexed by 0, 1, 2, ... sessions after the drop.
    low, high : Series
        Band of the bootstrap over clusters of drops, point by point.
    drops, over : int
        All of them, and those whose end was seen.
    """

    SHOWN = ("drops", "over", "median")

    waiting: pd.Series
    low: pd.Series
    high: pd.Series
    drops: int
    over: int

    @property
    def median(self) -> float:
        """Sessions after which half of the drops are over; infinite if that was not seen."""
        done = self.waiting.index[self.waiting <= 0.5]
        return float(done[0]) if len(done) else float("inf")


def find_recovery(close: pd.Series, session: pd.Timestamp, longest: int | None = None) -> Recovery:
    """When a price regained its close of before a session.

    Parameters
    ----------
    close : Series of shape (sessions,)
        Without NaN around the drop.
    session : Timestamp
        The session of the drop.
    longest : int, optional
        Look no more sessions ahead than this.

    Raises
    ------
    WindowError
        A session that the closes do not have, or the first one.
    """
    if session not in close.index or session == close.index[0]:
        raise WindowError(f"A recovery needs a close on {pd.Timestamp(session).date()} and one before it.")
    row = int(close.index.get_loc(session))
    values = close.to_numpy()[: None if longest is None else row + longest + 1]
    level = float(values[row - 1])
    back = np.flatnonzero(values[row:] >= level)
    sessions = int(back[0]) if len(back) else len(values) - 1 - row
    lowest = np.nanmin(values[row : row + sessions + 1])
    return Recovery(
        session=pd.Timestamp(session),
        level=level,
        sessions=sessions,
        regained=close.index[row + sessions] if len(back) else None,
        worst=float(min(lowest / values[row] - 1, 0.0)),
    )


def survival_curve(
    drops: tuple[Recovery, ...], longest: int = 250, resamples: int = 500, seed: int = SEED, gap: int = 20
) -> SurvivalCurve:
    """The curve of the share that is still waiting, with a 95 % band.

    Parameters
    ----------
    drops : tuple of Recovery
        In order of their sessions, all from one series.
    longest : int
        Sessions on the curve; what was not over by then or when the data ended is censored.
    resamples, seed : int
        Of the bootstrap, which draws whole clusters as their recoveries overlap.
    gap : int
        Calendar days are not counted but business days: drops more than this many apart are different clusters.

    Raises
    ------
    DataError
        No drop.
    """
    if not drops:
        raise DataError("A curve of recoveries needs at least one drop.")
    seen = np.array([min(drop.sessions, longest) for drop in drops])
    over = np.array([drop.regained is not None and drop.sessions <= longest for drop in drops])
    days = np.array([np.datetime64(drop.session.date()) for drop in drops])
    number = cluster_labels(np.busday_count(days[0], days), gap)
    members = [np.flatnonzero(number == n) for n in range(number[-1] + 1)]
    random = np.random.default_rng(seed)
    curves = np.empty((resamples, longest + 1))
    for row in range(resamples):
        drawn = np.concatenate([members[n] for n in random.integers(0, len(members), len(members))])
        curves[row] = _kaplan_meier(seen[drawn], over[drawn], longest)
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    index = pd.RangeIndex(longest + 1, name="sessions")
    return SurvivalCurve(
        waiting=pd.Series(_kaplan_meier(seen, over, longest), index=index),
        low=pd.Series(low, index=index),
        high=pd.Series(high, index=index),
        drops=len(drops),
        over=int(over.sum()),
    )


def recovery_p_values(event: Recovery, others: tuple[Recovery, ...]) -> tuple[float, float]:
    """p-values of a recovery as quick, and as slow, as this one among others: ``(1 + #{as extreme}) / (1 + n)``.

    A drop whose end was not seen counts as extreme wherever it might be: the p-values are too large rather than too small.
    """
    if not others:
        raise DataError("The rank of a recovery needs others like it.")
    quick = sum(_may_be_quick(other, event) for other in others)
    slow = sum(_may_be_slow(other, event) for other in others)
    return (1 + quick) / (1 + len(others)), (1 + slow) / (1 + len(others))


def _may_be_quick(other: Recovery, event: Recovery) -> bool:
    return other.sessions <= event.sessions or event.regained is None


def _may_be_slow(other: Recovery, event: Recovery) -> bool:
    return other.sessions >= event.sessions or other.regained is None


def _kaplan_meier(seen: NDArray[np.int_], over: NDArray[np.bool_], longest: int) -> NDArray[np.float64]:
    """Share still waiting after 0, 1, ... sessions. A drop over on its own day leaves at 0."""
    from statsmodels.duration.survfunc import SurvfuncRight

    curve = np.ones(longest + 1)
    if not over.any():
        return curve
    fitted = SurvfuncRight(seen + 1, over.astype(int))  # it takes no duration of 0
    place = np.searchsorted(fitted.surv_times, np.arange(longest + 1) + 1, side="right")
    return np.asarray(np.concatenate([[1.0], fitted.surv_prob])[place])
