"""Volatility targets: weights of a portfolio scaled to an expected volatility, from the returns that were known then."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.data.risk_free import SESSIONS_PER_YEAR
from dipfolio.errors import ParameterError


def target_volatility(
    bars: Bars,
    weights: "float | Mapping[str, float] | pd.Series | pd.DataFrame",
    annual: float = 0.10,
    lookback: int = 60,
    max_leverage: float = 1.0,
) -> pd.DataFrame:
    """Scale weights so that the portfolio's expected volatility is a target.

    On the close of session t, with w the weights of row t, and r(s) = w . R(s) what they would have returned in session s::

        scale(t) = annual / (sd(r(t - lookback + 1), ..., r(t)) x sqrt(252))

    The deviation is about the mean, with one degree of freedom less. The covariances of the symbols are in it. The scaled
    weights are ``scale(t) x w``, cut alike where their absolute sum is more than ``max_leverage``. The expected volatility is
    that of the past; the one that follows is another. The method is that of Moreira and Muir, Volatility-Managed Portfolios,
    Journal of Finance 72 (2017), with the deviation in place of the variance.

    Parameters
    ----------
    bars : Bars
    weights : float, mapping, Series or DataFrame of shape (sessions, symbols)
        One for every symbol, one for each by its name (0 for those not named), or the weights of each session; negative for
        a short. NaN in a session is no instruction for the symbol, which counts as 0 in the portfolio.
    annual : float
        The volatility wanted, a year, as a fraction.
    lookback : int
        Sessions, at least 2.
    max_leverage : float
        Largest sum of the absolute weights.

    Returns
    -------
    DataFrame of shape (sessions, symbols)
        Weights of equity, NaN for no instruction: where ``weights`` have none, and where a symbol with a weight has no return
        in each of the sessions. Row t depends on rows up to t alone. A portfolio that has not moved at all gets
        ``max_leverage``; weights of 0 stay 0. With ``resize = False`` a strategy follows only what opens and closes.

    Raises
    ------
    ParameterError
        A number that makes no sense, or weights for symbols that are not in the bars.
    """
    _check(annual, lookback, max_leverage)
    wanted = _as_table(bars, weights)
    returns, rows = bars.returns.to_numpy(), wanted.to_numpy(dtype="float64", copy=True)
    for row in np.flatnonzero(~np.isnan(rows).all(axis=1)):
        rows[row] *= _scale(
            returns[max(row - lookback + 1, 0) : row + 1], np.nan_to_num(rows[row]), annual, lookback, max_leverage
        )
    return pd.DataFrame(rows, index=wanted.index, columns=wanted.columns)


def _scale(
    returns: NDArray[np.float64], weights: NDArray[np.float64], annual: float, lookback: int, max_leverage: float
) -> float:
    """What the weights are multiplied by; NaN where it is unknown, 1 where nothing is held."""
    used, gross = weights != 0, float(np.abs(weights).sum())
    if not gross:
        return 1.0
    most = max_leverage / gross
    if len(returns) < lookback or np.isnan(returns[:, used]).any():
        return float("nan")
    expected = float(np.std(returns[:, used] @ weights[used], ddof=1)) * SESSIONS_PER_YEAR**0.5
    return min(annual / expected, most) if expected > 0 else most


def _as_table(bars: Bars, weights: "float | Mapping[str, float] | pd.Series | pd.DataFrame") -> pd.DataFrame:
    """The weights of each session, in the order of the bars."""
    symbols = list(bars.symbols)
    if isinstance(weights, pd.DataFrame):
        if set(weights.columns) != set(symbols) or not bars.sessions.isin(weights.index).all():
            raise ParameterError("target_volatility: weights must have the sessions and the symbols of the bars.")
        return weights.reindex(index=bars.sessions, columns=symbols)
    named = dict.fromkeys(symbols, float(weights)) if isinstance(weights, int | float) else dict(weights)
    unknown = [symbol for symbol in named if symbol not in symbols]
    if unknown:
        raise ParameterError(
            f"target_volatility: the bars have no {', '.join(map(str, unknown))}; they have {','.join(symbols)}."
        )
    return pd.DataFrame({symbol: float(named.get(symbol, 0.0)) for symbol in symbols}, index=bars.sessions)


def _check(annual: float, lookback: int, max_leverage: float) -> None:
    for name, value in (("annual", annual), ("max_leverage", max_leverage)):
        if not 0 < value < np.inf:
            raise ParameterError(f"target_volatility: {name} must be above 0, such as 0.1, found {value}.")
    if lookback < 2:
        raise ParameterError(f"target_volatility: lookback must be at least 2 sessions, found {lookback}.")
