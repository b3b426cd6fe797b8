"""Multiple testing: Holm's p-values, step-down p-values of correlated tests, and the effective number of trials."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.errors import DataError, ParameterError


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values adjusted so that any wrong rejection in the family has at most the chosen probability.

    Holm (1979, Scandinavian J. of Statistics 6): the i-th smallest of m is multiplied by ``m - i + 1``, kept in order and at
    most 1; whatever the dependence between the tests.

    Parameters
    ----------
    p_values : sequence of float, length m
        NaN for a question that could not be asked; it stays NaN and is not counted.
    """
    from statsmodels.stats.multitest import multipletests

    values = np.asarray(p_values, dtype=float)
    asked = ~np.isnan(values)
    if ((values[asked] < 0) | (values[asked] > 1)).any():
        raise ParameterError("A p-value lies between 0 and 1.")
    adjusted = np.full(len(values), np.nan)
    if asked.any():
        adjusted[asked] = multipletests(values[asked], method="holm")[1]
    return tuple(float(value) for value in adjusted)


STEPDOWN_DRAWS = 200_000
"""Draws of the joint normal distribution; the standard error of a p-value of 5 % is 0.05 %."""


def stepdown(p_values: Sequence[float], correlation: NDArray[np.float64], seed: int) -> tuple[float, ...]:
    """p-values adjusted as Holm's, but for tests whose statistics are correlated: claims that are nearly the same trade.

    The largest of the remaining statistics is compared with the largest of as many normal ones with this correlation, and so
    on downwards (the step-down maximum of Westfall and Young, 1993, and of Romano and Wolf, 2005, Econometrica 73).

    Parameters
    ----------
    p_values : sequence of float, length m
        One-sided. NaN for a question that could not be asked; it stays NaN and is not counted.
    correlation : array of shape (m, m)
        Of the statistics; 0 where it is not known.
    seed : int

    Raises
    ------
    ParameterError
        A p-value outside 0 to 1, or a correlation of another shape.
    """
    from scipy import stats

    values, adjusted = np.asarray(p_values, dtype=float), np.full(len(p_values), np.nan)
    if correlation.shape != (len(values), len(values)):
        raise ParameterError(f"{len(values)} p-values need a correlation of that size, found {correlation.shape}.")
    asked = np.flatnonzero(~np.isnan(values))
    if ((values[asked] < 0) | (values[asked] > 1)).any():
        raise ParameterError("A p-value lies between 0 and 1.")
    if not len(asked):
        return tuple(adjusted)
    sizes, vectors = np.linalg.eigh(correlation[np.ix_(asked, asked)])
    # Pairs over different windows need not make a whole correlation. The symmetric root is the same whichever eigenvectors a
    # processor finds: their signs differ, and with them the draws.
    root = (vectors * np.sqrt(np.maximum(sizes, 0.0))) @ vectors.T
    root /= np.sqrt((root**2).sum(axis=1, keepdims=True))
    drawn = np.random.default_rng(seed).standard_normal((STEPDOWN_DRAWS, len(asked))) @ root.T
    order, reached = np.argsort(values[asked], kind="stable"), 0.0
    for place, member in enumerate(order):
        p_value = float(values[asked[member]])
        share = p_value  # of the last one alone, and where nothing can exceed it
        if 0 < p_value < 1 and place < len(order) - 1:
            share = float((drawn[:, order[place:]].max(axis=1) >= stats.norm.isf(p_value)).mean())
        reached = min(max(reached, share, p_value), 1.0)
        adjusted[asked[member]] = reached
    return tuple(float(value) for value in adjusted)


MIN_COMMON_SESSIONS = 60
"""Sessions that two series need in common for a correlation."""


def correlation_of(series: Sequence["pd.Series[float] | None"], *, centred: bool) -> NDArray[np.float64]:
    """Correlation of tests from what each is made of by session, shape (m, m); 0 where one has none or they overlap too little.

    Parameters
    ----------
    series : sequence of Series by session, or None
    centred : bool
        Subtract the means: for outcomes of dates, of which the event is one. Otherwise the sums of products are compared, for
        scores whose sums are the statistics.
    """
    correlations = np.eye(len(series))
    for row, one in enumerate(series):
        for column, other in enumerate(series[:row]):
            if one is None or other is None:
                continue
            both = pd.concat([one, other], axis=1, join="inner").dropna().to_numpy() if centred else None
            if both is None:
                sizes = math.sqrt(float((one**2).sum() * (other**2).sum()))
                product = float((one * other).dropna().sum()) / sizes if sizes > 0 else 0.0
            elif len(both) >= MIN_COMMON_SESSIONS and np.ptp(both, axis=0).all():
                product = float(np.corrcoef(both.T)[0, 1])
            else:
                product = 0.0
            correlations[row, column] = correlations[column, row] = float(np.clip(product, -1, 1))
    return correlations


def effective_trials(returns: NDArray[np.float64]) -> float:
    """How many independent strategies so many correlated ones amount to, from 1 to their number.

    ``exp(-sum(l ln l))`` with l the eigenvalues of the correlation matrix over their sum: the effective rank (Roy and Vetterli,
    2007, EUSIPCO).

    Parameters
    ----------
    returns : array of shape (sessions, strategies)
        Without NaN; a strategy that never trades is left out.

    Raises
    ------
    DataError
        No strategy that trades, or a NaN.
    """
    if np.isnan(returns).any():
        raise DataError("The returns of every trial must be there on every session.")
    moving = returns[:, np.ptp(returns, axis=0) > 0]
    if not moving.shape[1]:
        raise DataError("None of the strategies trades.")
    if moving.shape[1] == 1:
        return 1.0
    values = np.linalg.eigvalsh(np.corrcoef(moving.T))
    shares = np.maximum(values, 0.0) / np.maximum(values, 0.0).sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))
