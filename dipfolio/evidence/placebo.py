"""Placebo tests: a trade against the same trade on other dates or names, with a p-value.

Every p-value of a placebo comparison is one-sided, in the direction that the claim fixes, and counts the observation
among the draws: ``(1 + #{draw at least as extreme}) / (1 + draws)``. There are four kinds of draws: circular shifts
of the signals, matched dates such as days of the same market stress, all other dates brought to the volatility of the
event, and random baskets.
"""

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.engine.display import Displayable
from dipfolio.errors import DataError, ParameterError

MARKET_SYMBOL = "SPY"

STRESS_GAP = 0.01
"""A stressful morning: SPY opens so far from its last close. Chosen before any outcome was seen, as the largest round gap
under which 2015-2026 has more than the 199 mornings that ten corrected claims need; Monday's was 2.2 %.

With each of those mornings in the place of the event, the ranks over 5 sessions are at most 5 % for 4.7 to 5.0 % of them in
either direction (of those since 2022 for 3 to 8 %). Over 60 sessions they are for 5 to 9 % (2 to 17 %), over 250 for 4 to 18 %
(0 to 16 %), as the trades overlap and the chips' excess returns have spread: a small rank at such a horizon is worth less than
it says."""

MIN_PLACEBO_DISTANCE = 10
"""Sessions more than the holding time that must lie between the event and a placebo."""


def is_stress_session(bars: Bars, gap: float) -> np.ndarray:
    """Decisions whose first session opens with SPY at least so far from its close, shape (sessions,)."""
    prices = bars.select((MARKET_SYMBOL,))
    moves = (prices.open + prices.dividends).shift(-1)[MARKET_SYMBOL] / prices.close[MARKET_SYMBOL] - 1
    return np.asarray(moves.abs() >= gap)


Direction = Literal["higher", "lower"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SEED = 20250127
"""Of every random number, if nobody asks for another."""

TIE_TOLERANCE = 1e-12
"""Outcomes nearer than this are the same outcome, added up in another order."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Placebo(Displayable):
    """An observed outcome among those of its placebos.

    Attributes
    ----------
    observed : float
        Mean outcome of the signals.
    draws : array of shape (draws,)
        The same for each placebo.
    signals : int
        Outcomes behind the observed mean.
    direction : {"higher", "lower"}
        What the claim says of the observed outcome.
    overlap : array of shape (draws,), optional
        Share of the signals that each draw puts where there is a signal; none if not given.
    """

    SHOWN = ("observed", "usual", "excess", "interval", "p_value", "smallest", "signals", "direction", "draws")

    observed: float
    draws: Floats
    signals: int
    direction: Direction
    overlap: Floats | None = None

    @property
    def adjusted_draws(self) -> Floats:
        """The draws as they would be without the effect: a share of each lies on signals, and has it too. Shape (draws,).

        ``observed - (observed - draw) / (1 - overlap)``. A rule with many signals is otherwise compared with itself, and its
        effect looks smaller than it is. The order of draws around the observation stays, and so does the p-value.
        """
        if self.overlap is None:
            return self.draws
        others = np.where(self.overlap < 1 - TIE_TOLERANCE, 1 - self.overlap, 1.0)
        return np.asarray(self.observed - (self.observed - self.draws) / others)

    @property
    def usual(self) -> float:
        """Mean of the draws, freed of what the signals themselves put into them."""
        return float(self.adjusted_draws.mean())

    @property
    def p_value(self) -> float:
        """Share of outcomes at least as far in the direction of the claim, the observed one included."""
        ahead = self.draws - self.observed if self.direction == "higher" else self.observed - self.draws
        return float((1 + (ahead >= -TIE_TOLERANCE).sum()) / (1 + len(self.draws)))

    @property
    def opposite(self) -> "Placebo":
        """The same with the direction turned round."""
        return replace(self, direction="lower" if self.direction == "higher" else "higher")

    @property
    def smallest(self) -> float:
        """The smallest p-value that so many draws can give."""
        return 1 / (1 + len(self.draws))

    @property
    def excess(self) -> float:
        """Observed less usual."""
        return self.observed - self.usual

    def interval(self, size: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the excess: all constant effects without which no one-sided p is ``(1 - size) / 2`` or less.

        The effect is supposed to shift the outcome and not to change its spread. With n :attr:`adjusted_draws` in order that
        is from ``observed`` less the k-th largest to ``observed`` less the k-th smallest, k the whole part of
        ``(n + 1) (1 - size) / 2``. NaN where that is 0: below 39 draws for 95 %.
        """
        rank = math.floor((1 + len(self.draws)) * (1 - size) / 2 + TIE_TOLERANCE)
        if rank < 1:
            return math.nan, math.nan
        ordered = np.sort(self.adjusted_draws)
        return float(self.observed - ordered[-rank]), float(self.observed - ordered[rank - 1])


def rotation_placebo(flags: Flags, outcomes: Floats, direction: Direction = "higher", landing: Flags | None = None) -> Placebo:
    """All circular shifts of the signals over the outcomes, which keep the clusters of both.

    It describes and gives no verdict: where signals come in nervous times, such as falls, three times as many p-values as
    there should be are small (``docs/calibration.md``); :func:`dipfolio.evidence.calendar_time.calendar_time_test` is right
    there.

    Parameters
    ----------
    flags : array of bool, shape (sessions,) or (sessions, names)
        Where the rule had a signal.
    outcomes : array of the same shape
        What a whole trade would have earned, decided on that session. Sessions with a NaN are left out, with their signals.
    direction : {"higher", "lower"}
    landing : array of bool, shape (sessions,), optional
        Keep only the shifts that carry the first signal to one of these sessions: a stress-matched placebo.

    Raises
    ------
    ParameterError
        Shapes that differ, or a direction that there is not.
    DataError
        No signal with an outcome, or no placebo left.
    """
    _check_direction(direction)
    if flags.shape != outcomes.shape:
        raise ParameterError(f"Flags and outcomes must have one shape, found {flags.shape} and {outcomes.shape}.")
    flags, outcomes = flags.reshape(len(flags), -1), outcomes.reshape(len(outcomes), -1)
    whole = ~np.isnan(outcomes).any(axis=1)
    kept, values = flags[whole], outcomes[whole]
    rows, columns = np.nonzero(kept)
    if not len(rows):
        raise DataError("No signal has an outcome: the data end before its trade does, or lack a symbol.")
    observed = values[rows, columns].mean()
    shifts = np.arange(1, len(values))
    if landing is not None:
        shifts = shifts[landing[whole][(rows[0] + shifts) % len(values)]]
    if not len(shifts):
        raise DataError("No other session is like that of the signal, so there is no placebo.")
    landed = (rows[:, None] + shifts) % len(values), columns[:, None]
    return Placebo(
        observed=float(observed), draws=values[landed].mean(axis=0), signals=len(rows), direction=direction,
        overlap=kept[landed].mean(axis=0),
    )  # fmt: skip


def matched_dates_placebo(outcomes: Floats, day: int, candidates: Flags, distance: int) -> Placebo:
    """One event among the dates that were like it, such as days of the same stress in the market.

    Parameters
    ----------
    outcomes : array of shape (sessions,)
        NaN where a trade has no end.
    day : int
        Row of the event.
    candidates : array of bool, shape (sessions,)
    distance : int
        Sessions nearer to the event than this are no placebo: the holding time and 10 more, say.

    Raises
    ------
    DataError
        An event without an outcome, or no date like it.
    """
    if np.isnan(outcomes[day]):
        raise DataError("The event has no outcome; its trade does not end within the data.")
    draws = outcomes[eligible_placebo_dates(outcomes, day, candidates, distance)]
    if not len(draws):
        raise DataError("No other session is like that of the event, so there is no placebo.")
    return Placebo(observed=float(outcomes[day]), draws=draws, signals=1, direction="higher")


def scaled_dates_placebo(outcomes: Floats, sizes: Floats, day: int, distance: int) -> Placebo:
    """One event among all other dates, the outcome of each brought to the volatility of the event.

    A draw is ``m + (y - m) s_day / s`` with m the mean of all outcomes, y that of its date and s the size that could be expected
    there beforehand: what the date would have been worth in a market as nervous as on the day of the event.

    Parameters
    ----------
    outcomes : array of shape (sessions,)
        NaN where a trade has no end.
    sizes : array of shape (sessions,)
        From :func:`dipfolio.evidence.volatility.expected_size`.
    day : int
        Row of the event.
    distance : int
        Sessions nearer to the event than this are no placebo.

    Raises
    ------
    DataError
        An event without an outcome or a size, or no other date.
    """
    known = np.where(sizes > 0, outcomes, np.nan)
    if np.isnan(known[day]):
        raise DataError("The event has no outcome; its trade does not end within the data, or they begin too late.")
    pool = eligible_placebo_dates(known, day, np.ones(len(known), dtype=bool), distance)
    if not pool.any():
        raise DataError("No other session is far enough from the event, so there is no placebo.")
    mean = float(np.nanmean(known))
    draws = mean + (known[pool] - mean) * (sizes[day] / sizes[pool])
    return Placebo(observed=float(outcomes[day]), draws=draws, signals=1, direction="higher")


def eligible_placebo_dates(outcomes: Floats, day: int, candidates: Flags, distance: int) -> Flags:
    """Sessions that can be a placebo of an event, shape (sessions,); see :func:`matched_dates_placebo`."""
    return np.asarray((np.abs(np.arange(len(outcomes)) - day) >= distance) & candidates & ~np.isnan(outcomes))


def random_baskets_placebo(
    outcomes: Floats, chosen: Flags, direction: Direction = "higher", draws: int = 10_000, seed: int = SEED
) -> Placebo:
    """The basket among all baskets of as many names out of the same list, on the same dates.

    Parameters
    ----------
    outcomes : array of shape (names,)
        Of the chosen and of the other names; no NaN.
    chosen : array of bool, shape (names,)
    direction : {"higher", "lower"}
    draws : int
        Baskets drawn where there are more of them; otherwise each counts once.
    seed : int

    Raises
    ------
    DataError
        No name chosen, or none that is not.
    """
    from math import comb

    _check_direction(direction)
    size, names = int(chosen.sum()), len(outcomes)
    if not 0 < size < names:
        raise DataError(f"Placebo names need some that were chosen and some that were not, found {size} of {names}.")
    if comb(names, size) <= draws:
        own = tuple(np.flatnonzero(chosen))
        baskets = np.array([basket for basket in combinations(range(names), size) if basket != own])
    else:
        baskets = np.argsort(np.random.default_rng(seed).random((draws, names)), axis=1)[:, :size]
    means = outcomes[baskets].mean(axis=1)
    observed = float(outcomes[chosen].mean())
    return Placebo(observed=observed, draws=means, signals=size, direction=direction)


def cluster_labels(rows: NDArray[np.int_], gap: int = 20) -> NDArray[np.int_]:
    """Number of the cluster of each signal, from 0: a new one begins more than ``gap`` sessions after the signal before."""
    return np.concatenate([[0], np.cumsum(np.diff(rows) > gap)]) if len(rows) else np.zeros(0, dtype=int)


def count_apart(rows: NDArray[np.int_], gap: int = 20) -> int:
    """Most of the signals that are more than ``gap`` sessions apart from one another: how many are independent at the most."""
    count, last = 0, -gap - 1
    for row in rows:
        if row - last > gap:
            count, last = count + 1, int(row)
    return count


def _check_direction(direction: str) -> None:
    if direction not in ("higher", "lower"):
        raise ParameterError(f"A direction is higher or lower, found {direction!r}.")
