"""Placebo: the same trade on other dates and other names, and how often chance did as well.

Every p-value is one-sided, in the direction that the claim fixes, and counts the observation among the draws:
``(1 + #{draw at least as extreme}) / (1 + draws)``.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dipfolio.engine.showing import Shown
from dipfolio.errors import DataError, ParameterError

Direction = Literal["higher", "lower"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SEED = 20250127
"""Of every random number, if nobody asks for another."""

TIE = 1e-12
"""Outcomes nearer than this are the same outcome, added up in another order."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Placebo(Shown):
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
    def freed(self) -> Floats:
        """The draws as they would be without the effect: a share of each lies on signals, and has it too. Shape (draws,).

        ``observed - (observed - draw) / (1 - overlap)``. A rule with many signals is otherwise compared with itself, and its
        effect looks smaller than it is. The order of draws around the observation stays, and so does the p-value.
        """
        if self.overlap is None:
            return self.draws
        others = np.where(self.overlap < 1 - TIE, 1 - self.overlap, 1.0)
        return np.asarray(self.observed - (self.observed - self.draws) / others)

    @property
    def usual(self) -> float:
        """Mean of the draws, freed of what the signals themselves put into them."""
        return float(self.freed.mean())

    @property
    def p_value(self) -> float:
        """Share of outcomes at least as far in the direction of the claim, the observed one included."""
        ahead = self.draws - self.observed if self.direction == "higher" else self.observed - self.draws
        return float((1 + (ahead >= -TIE).sum()) / (1 + len(self.draws)))

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
        """What the excess may be: all constant effects without which no one-sided p-value is ``(1 - size) / 2`` or less.

        The effect is supposed to shift the outcome and not to change its spread. With n :attr:`freed` draws in order that is
        from ``observed`` less the k-th largest to ``observed`` less the k-th smallest, k the whole part of
        ``(n + 1) (1 - size) / 2``. NaN where that is 0: below 39 draws for 95 %.
        """
        rank = math.floor((1 + len(self.draws)) * (1 - size) / 2 + TIE)
        if rank < 1:
            return math.nan, math.nan
        ordered = np.sort(self.freed)
        return float(self.observed - ordered[-rank]), float(self.observed - ordered[rank - 1])


def rotation(flags: Flags, outcomes: Floats, direction: Direction = "higher", landing: Flags | None = None) -> Placebo:
    """ROT: all circular shifts of the signals over the outcomes, which keep the clusters of both.

    Exact if the outcomes are stationary, and without a random number.

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
        raise DataError("No signal has an outcome: the figures end before its trade does, or lack a symbol.")
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


def matched_dates(outcomes: Floats, day: int, alike: Flags, distance: int) -> Placebo:
    """One event among the dates that were like it, such as days of the same stress in the market.

    Parameters
    ----------
    outcomes : array of shape (sessions,)
        NaN where a trade has no end.
    day : int
        Row of the event.
    alike : array of bool, shape (sessions,)
    distance : int
        Sessions nearer to the event than this are no placebo: the holding time and 10 more, say.

    Raises
    ------
    DataError
        An event without an outcome, or no date like it.
    """
    if np.isnan(outcomes[day]):
        raise DataError("The event has no outcome; its trade does not end within the figures.")
    draws = outcomes[matched(outcomes, day, alike, distance)]
    if not len(draws):
        raise DataError("No other session is like that of the event, so there is no placebo.")
    return Placebo(observed=float(outcomes[day]), draws=draws, signals=1, direction="higher")


def matched(outcomes: Floats, day: int, alike: Flags, distance: int) -> Flags:
    """Sessions that can be a placebo of an event, shape (sessions,); see :func:`matched_dates`."""
    return np.asarray((np.abs(np.arange(len(outcomes)) - day) >= distance) & alike & ~np.isnan(outcomes))


def other_names(
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
    from itertools import combinations
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


def random_entry(
    flags: Flags, outcomes: Floats, direction: Direction = "higher", gap: int = 20, draws: int = 5_000, seed: int = SEED
) -> Placebo:
    """Random entry with the same exits: the clusters of signals, each as it is, thrown onto random sessions.

    Single dates thrown about would make a rule look better than it is, as real signals cluster: the same 75 dips had
    p = 0.005 as single dates and 0.038 under :func:`rotation`.

    Parameters
    ----------
    flags : array of bool, shape (sessions,)
    outcomes : array of shape (sessions,)
        With the exits of the rule in them; NaN where a trade has no end.
    direction : {"higher", "lower"}
    gap : int
        Signals more than this many sessions apart belong to different clusters.
    draws, seed : int

    Raises
    ------
    DataError
        No signal with an outcome.
    """
    _check_direction(direction)
    whole = ~np.isnan(outcomes)
    values, rows = outcomes[whole], np.flatnonzero(flags[whole])
    if not len(rows):
        raise DataError("No signal has an outcome: the figures end before its trade does, or lack a symbol.")
    number = clusters(rows, gap)
    starts = rows[np.searchsorted(number, np.arange(number[-1] + 1))]
    thrown = np.random.default_rng(seed).integers(0, len(values), (draws, len(starts)))
    means = values[(thrown[:, number] + rows - starts[number]) % len(values)].mean(axis=1)
    observed = float(values[rows].mean())
    return Placebo(observed=observed, draws=means, signals=len(rows), direction=direction)


def clusters(rows: NDArray[np.int_], gap: int = 20) -> NDArray[np.int_]:
    """Number of the cluster of each signal, from 0: a new one begins more than ``gap`` sessions after the signal before."""
    return np.concatenate([[0], np.cumsum(np.diff(rows) > gap)]) if len(rows) else np.zeros(0, dtype=int)


def _check_direction(direction: str) -> None:
    if direction not in ("higher", "lower"):
        raise ParameterError(f"A direction is higher or lower, found {direction!r}.")
