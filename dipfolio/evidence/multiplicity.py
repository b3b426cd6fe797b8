"""Multiplicity: what several looks at the same question cost."""

from collections.abc import Sequence

import numpy as np
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
