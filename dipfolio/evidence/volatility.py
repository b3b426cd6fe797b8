"""Volatility: the size of the next return that could be expected on the close before.

It weighs observations in tests: a fall is followed by nervous weeks, and what follows it varies more than on other dates.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HALF_LIVES = (2, 10, 40)
"""Sessions over which a squared return loses half of its weight: days, weeks and months, as in the heterogeneous
autoregression of Corsi (2009, J. Fin. Econometrics 7)."""

STARTING_SESSIONS = 20
"""Sessions for which the mean square of all returns stands before the first of them."""

MIN_DEVIATION = 0.05
"""Smallest expected size, as a part of the mean one; keeps a market that stood still from an endless weight."""


def moving_deviation(returns: Floats, half_life: float) -> Floats:
    """Root of the exponentially weighted mean of squared returns up to each session, shape (sessions,).

    Parameters
    ----------
    returns : array of shape (sessions,)
        A NaN leaves the deviation as it was.
    half_life : float
        Sessions.
    """
    squares = np.asarray(returns, dtype=float) ** 2
    mean = float(np.nanmean(squares)) if (~np.isnan(squares)).any() else 0.0
    seeded = pd.Series(np.concatenate([np.full(STARTING_SESSIONS, mean), squares]))
    return np.asarray(np.sqrt(seeded.ewm(halflife=half_life, ignore_na=True).mean().to_numpy()[STARTING_SESSIONS:]))


def expected_size(outcomes: Floats, returns: Floats, *known: Floats) -> Floats:
    """What ``|outcome|`` can be expected to be from what is known on the close of each session, shape (sessions,).

    A sum of a constant, the moving deviations of ``returns`` over :data:`HALF_LIVES` and ``known``, with the weights 0 or
    more that fit ``|outcome|`` best (least squares). The weights come from all sessions and the values of a session from
    before its outcome.

    Parameters
    ----------
    outcomes : array of shape (sessions,)
        What follows each session, less its mean; NaN where it is not known.
    returns : array of shape (sessions,)
        The returns up to each session.
    known : array of shape (sessions,)
        More that is known then, such as the size of the gap at the next open for a trade at that open; NaN counts as 0.
    """
    from scipy.optimize import nnls

    columns = [np.ones(len(returns)), *(moving_deviation(returns, life) for life in HALF_LIVES), *map(np.nan_to_num, known)]
    table, finite = np.column_stack(columns), ~np.isnan(outcomes)
    sizes = np.abs(outcomes[finite])
    if not finite.any() or not sizes.any():
        return np.zeros(len(returns))
    weights, _ = nnls(table[finite], sizes)
    return np.asarray(np.maximum(table @ weights, MIN_DEVIATION * sizes.mean()))
