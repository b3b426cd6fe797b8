"""Indicators on returns, as tables of shape (sessions, symbols).

Row t of every table depends on rows up to t alone.
"""

import pandas as pd

RETURN_TOLERANCE = 1e-12
"""Parts of a return below which a difference is rounding: 96 after 100 is a drop of 4 %, whatever the last bit says."""


def at_least(values: pd.DataFrame, size: float) -> pd.DataFrame:
    """Where the values reach a size, shape (sessions, symbols); never where they are NaN."""
    return values >= size - RETURN_TOLERANCE


def basket(returns: pd.DataFrame) -> pd.DataFrame:
    """The equal-weight mean of the returns that there are, in the column of every symbol that has one.

    Parameters
    ----------
    returns : DataFrame of shape (sessions, symbols)

    Returns
    -------
    DataFrame of shape (sessions, symbols)
        NaN where the symbol has no return itself.
    """
    mean = returns.mean(axis=1)
    return pd.DataFrame(dict.fromkeys(returns, mean), index=returns.index).where(returns.notna())


def deviations(returns: pd.DataFrame, window: int = 60) -> pd.DataFrame:
    """Returns in units of their own trailing standard deviation.

    ``r(t) / sd(r(t - window) ... r(t - 1))``: the deviation, about the mean and with one degree of freedom less, leaves the
    session itself out, so that a shock does not hide itself.

    Parameters
    ----------
    returns : DataFrame of shape (sessions, symbols)
    window : int
        Sessions, at least 2.

    Returns
    -------
    DataFrame of shape (sessions, symbols)
        NaN until a symbol has ``window`` returns before the session, and where they were all the same.
    """
    spread = returns.rolling(window).std().shift()
    return returns / spread.where(spread > 0)


def growth(returns: pd.DataFrame, sessions: int) -> pd.DataFrame:
    """The compound return of the last sessions: ``(1 + r(t - sessions + 1)) ... (1 + r(t)) - 1``.

    Parameters
    ----------
    returns : DataFrame of shape (sessions, symbols)
    sessions : int

    Returns
    -------
    DataFrame of shape (sessions, symbols)
        NaN until a symbol has that many returns.
    """
    return (1 + returns).rolling(sessions).apply(lambda factors: factors.prod(), raw=True) - 1
