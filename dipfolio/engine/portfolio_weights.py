"""Portfolio weights: fits an estimator of skfolio to the returns that were known on each date of a schedule.

skfolio (https://skfolio.org, BSD-3) is an extra, ``pip install 'dipfolio[weights]'``, and is imported only when it is used.
"""

import warnings
from typing import Any, Protocol

import numpy as np
import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.engine.rebalancing import Schedule, decision_sessions
from dipfolio.engine.strategy import no_instruction
from dipfolio.errors import ParameterError, UnknownNameError

NOT_INSTALLED = "Weights of a model need skfolio: pip install 'dipfolio[weights]'."


MIN_WEIGHT = 1e-5
"""Part of equity below which a weight is the rounding of a solver, and 0; others that are all positive keep their sum."""


class Estimator(Protocol):
    """What skfolio and scikit-learn call an estimator: parameters, and ``fit``, which leaves ``weights_``."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""

    def fit(self, X: pd.DataFrame) -> Any:  # noqa: N803 - the name that every estimator has
        """Fit to returns of shape (sessions, symbols)."""


def weights(
    bars: Bars,
    model: str | Estimator,
    lookback: int = 126,
    every: Schedule | int | pd.offsets.BaseOffset = "month-end",
    *,
    at_start: bool = True,
) -> pd.DataFrame:
    """The weights that an estimator gives on the dates of a schedule, for :func:`dipfolio.rebalance` with the same schedule.

    Parameters
    ----------
    bars : Bars
    model : str or estimator
        A class of ``skfolio.optimization`` by its name, with its defaults: ``"MeanRisk"`` is the minimum variance,
        ``"RiskBudgeting"`` the risk parity of variance, both long-only and fully invested. Or an estimator of your own, such as
        ``HierarchicalRiskParity(risk_measure=RiskMeasure.CVAR)``; each date fits a copy of it.
    lookback : int
        Sessions of returns, dividends included, up to the date itself; at least 2.
    every, at_start
        As in :func:`dipfolio.rebalance`.

    Returns
    -------
    DataFrame of shape (sessions, symbols)
        Parts of equity on the dates; 0 for a symbol that is no member or has fewer than ``lookback`` returns. NaN on other
        sessions, and on dates on which no symbol has enough returns.

    Raises
    ------
    ParameterError
        skfolio is not installed, or has no such class; a lookback of less than 2; a schedule that is none.
    """
    if isinstance(lookback, bool) or not isinstance(lookback, int | np.integer) or lookback < 2:
        raise ParameterError(f"lookback must be a whole number of sessions from 2 on, found {lookback!r}.")
    table, returns, members = no_instruction(bars), bars.returns, bars.members.to_numpy()
    due = np.flatnonzero(decision_sessions(bars, every, at_start=at_start))
    for row in due[due >= lookback]:
        window = returns.iloc[row - lookback + 1 : row + 1]
        known = window.notna().to_numpy().all(axis=0) & members[row]
        if known.any():
            wanted = np.zeros(len(bars.symbols))
            wanted[known] = _fitted(model, window.loc[:, known])
            table.iloc[row] = wanted
    return table


def _fitted(model: str | Estimator, returns: pd.DataFrame) -> np.ndarray:
    """The weights of a fresh copy of the model, shape (symbols,)."""
    estimator = _default_estimator(model) if isinstance(model, str) else _copy_of(model)
    with warnings.catch_warnings():
        # on 2 of 376 windows of twelve names the solver of risk budgeting stops short of its tolerance, 0.00001 from the weights
        warnings.filterwarnings("ignore", "Solution may be inaccurate", UserWarning)
        found = np.asarray(estimator.fit(returns).weights_, dtype="float64")
    if found.shape != (returns.shape[1],):
        raise ParameterError(f"{type(estimator).__name__} has weights of the shape {found.shape}; one for each symbol is needed.")
    kept = np.where(np.abs(found) < MIN_WEIGHT, 0.0, found)
    return kept * (found.sum() / kept.sum()) if (found >= 0).all() and kept.any() else kept


def _copy_of(model: Estimator) -> Any:
    try:
        from sklearn.base import clone
    except ImportError:
        raise ParameterError(NOT_INSTALLED) from None
    return clone(model)


def _default_estimator(name: str) -> Any:
    try:
        from skfolio import optimization
    except ImportError:
        raise ParameterError(NOT_INSTALLED) from None
    if name not in optimization.__all__:
        raise UnknownNameError("model", name, optimization.__all__, "Models are the classes of skfolio.optimization.")
    return getattr(optimization, name)()
