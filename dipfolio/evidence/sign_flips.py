"""Sign flips: the p-value of a mean over few independent clusters, by all the signs that their values might have had."""

import numpy as np

from dipfolio.errors import DataError
from dipfolio.evidence.placebo import SEED, TIE, Direction, Floats

EXACT = 14
"""Clusters up to which all signs are tried ..."""
FLIPS = 20_000
"""... and how many patterns of signs are drawn for more."""


def sign_flip_p_value(values: Floats, direction: Direction | None = None, seed: int = SEED) -> float:
    """Wild-bootstrap p-value of a mean: the signs of the clusters' values flipped (Rademacher weights), t compared.

    Exact for up to 14 clusters, where all ``2 ^ G`` patterns are tried and the smallest p-value is ``2 / 2 ^ G`` on two sides;
    drawn for more. One value for each independent cluster, never for each name.

    Parameters
    ----------
    values : array of shape (clusters,)
    direction : {"higher", "lower"}, optional
        Of the mean, from 0; both sides if not given.
    seed : int
        For more than 14 clusters.

    Raises
    ------
    DataError
        Fewer than 2 clusters.
    """
    if len(values) < 2:
        raise DataError(f"Signs can be flipped for 2 or more clusters, found {len(values)}.")
    if len(values) <= EXACT:
        patterns = 1 - 2 * ((np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1)
    else:
        drawn = np.random.default_rng(seed).integers(0, 2, (FLIPS, len(values)))
        patterns = 1 - 2 * np.vstack([np.zeros(len(values), dtype=int), drawn])
    flipped = patterns * values
    mean, deviation = flipped.mean(axis=1), flipped.std(axis=1, ddof=1)
    t = np.divide(mean, deviation, out=np.where(mean == 0, 0.0, np.copysign(np.inf, mean)), where=deviation > 0)
    t = np.abs(t) if direction is None else t if direction == "higher" else -t
    return float(np.mean(t >= t[0] - TIE))


def smallest_sign_flip(clusters: int) -> float:
    """The smallest p-value that :func:`sign_flip_p_value` can give in one direction for so many clusters."""
    return 1 / (2**clusters if clusters <= EXACT else 1 + FLIPS)
