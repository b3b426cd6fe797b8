"""Allocation: the weights of a rebalanced portfolio on each close, the contributions of its names to risk, and its turnover."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dipfolio.engine.display import Displayable
from dipfolio.engine.result import Result
from dipfolio.engine.sizing import position_after
from dipfolio.errors import ReportError
from dipfolio.storage import write_csv

RISK_SESSIONS = 60
"""Returns up to a close that the covariance on it is of."""

MIN_RISK_SESSIONS = 20
"""Returns that every held name needs for a covariance."""

ALLOCATION_FILES = ("weights.csv", "risk_contributions.csv", "rebalances.csv")
"""What :meth:`Allocation.save` writes."""

CASH = "cash"
"""The column of the weights beside the symbols."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Allocation(Displayable):
    """How a portfolio was divided, what each name added to its risk, and how much was traded to restore it.

    Attributes
    ----------
    weights : DataFrame of shape (sessions, symbols + 1)
        Value of each position on each close over equity, negative for a short; the last column is cash.
    contributions : DataFrame of shape (dates, symbols)
        On the closes of the rebalancings and on the last one: ``w_i (C w)_i / (w' C w)`` with the weights w on the close and the
        covariance C of the last :data:`RISK_SESSIONS` returns, dividends included; 0 for what is not held. A row sums to 1. It is
        NaN where a held name has fewer than :data:`MIN_RISK_SESSIONS` returns in the record.
    rebalances : DataFrame of shape (rebalancings, 4)
        By session, without the first purchase: the number of ``symbols`` traded, the dollars ``bought`` and ``sold``, and the
        ``turnover``, half of the two over the equity on the close before.
    """

    SHOWN = ("turnover", "rebalances", "latest")

    weights: pd.DataFrame
    contributions: pd.DataFrame
    rebalances: pd.DataFrame

    @property
    def turnover(self) -> float:
        """Of a rebalancing, on average; NaN without one."""
        return float(self.rebalances["turnover"].mean())

    @property
    def latest(self) -> pd.DataFrame:
        """By symbol, shape (symbols, 3): mean weight while invested, weight on the last close, and contribution to risk there."""
        held = self.weights.drop(columns=CASH)
        invested = held.ne(0).any(axis=1)
        table = pd.DataFrame(
            {"mean_weight": held[invested].mean(), "weight": held.iloc[-1], "risk": self.contributions.iloc[-1]}
        ).loc[held.columns]
        return table.sort_values(["weight", "mean_weight"], ascending=False, kind="stable")

    def as_record(self) -> dict[str, Any]:
        """For JSON: the number of rebalancings, their turnover, and the names at the end."""
        last = self.latest.astype(object).where(self.latest.notna(), None)
        return {
            "rebalances": len(self.rebalances),
            "mean_turnover": None if self.rebalances.empty else self.turnover,
            "risk_sessions": RISK_SESSIONS,
            "names": last.to_dict("index"),
        }

    def save(self, folder: Path) -> None:
        """Write ``weights.csv``, ``risk_contributions.csv`` and ``rebalances.csv`` into an existing folder.

        Raises
        ------
        ReportError
            The folder cannot be written to.
        """
        try:
            for name, table in zip(ALLOCATION_FILES, (self.weights, self.contributions, self.rebalances), strict=True):
                write_csv(table, folder / name, index=True)
        except OSError as error:
            raise ReportError(f"{folder} cannot be written: {error.strerror or error}.") from error


def allocation_of(result: Result) -> Allocation | None:
    """The allocation of a portfolio; None for a run that never made a position smaller and kept it, or lost everything.

    None too if the record lacks prices of a held name, as it does where thousands are traded.
    """
    if result.bankrupt or not is_rebalanced(result):
        return None
    held = result.positions.loc[:, result.positions.ne(0).any()]
    closes = _by_symbol(result, "close").reindex(columns=held.columns)
    value = held * closes.reindex(held.index)
    if value.where(held != 0, 0.0).isna().any(axis=None):
        return None
    equity = result.equity["equity"]
    weights = value.where(held != 0, 0.0).div(equity, axis=0)
    traded = _rebalances(result)
    dates = traded.index.union(held.index[-1:])
    return Allocation(
        weights=weights.assign(**{CASH: result.equity["cash"] / equity}),
        contributions=_contributions(weights.loc[dates], _returns(result, closes)),
        rebalances=traded,
    )


def is_rebalanced(result: Result) -> bool:
    """True if a target made some position smaller that stayed open."""
    held: dict[str, float] = {}
    for symbol, shares, reason in result.fills[["symbol", "shares", "reason"]].itertuples(index=False):
        before = held.get(symbol, 0.0)
        held[symbol] = float(position_after(before, shares))
        if reason == "target" and 0 < held[symbol] / (before or np.inf) < 1:
            return True
    return False


def _by_symbol(result: Result, column: str) -> pd.DataFrame:
    """A column of the price record, shape (sessions, symbols)."""
    return pd.DataFrame({name: own.set_index("session")[column] for name, own in result.prices.groupby("symbol")})


def _returns(result: Result, closes: pd.DataFrame) -> pd.DataFrame:
    paid = _by_symbol(result, "dividend").reindex(index=closes.index, columns=closes.columns)
    return (closes + paid) / closes.shift() - 1


def _rebalances(result: Result) -> pd.DataFrame:
    """One row for each session with fills but the first."""
    fills = result.fills
    dollars = fills["shares"] * fills["price"]
    table = pd.DataFrame(
        {
            "symbols": fills.groupby("session")["symbol"].nunique(),
            "bought": dollars.clip(lower=0).groupby(fills["session"]).sum(),
            "sold": -dollars.clip(upper=0).groupby(fills["session"]).sum(),
        }
    )
    before = result.equity["equity"].shift(fill_value=result.account.cash).reindex(table.index)
    return table.assign(turnover=(table["bought"] + table["sold"]) / 2 / before).iloc[1:]


def _contributions(weights: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """The part of the variance that each name contributes on each date, shape (dates, symbols)."""
    table = pd.DataFrame(np.nan, index=weights.index, columns=weights.columns)
    for day, row in weights.iterrows():
        names = row.index[row != 0]
        known = returns.loc[:day, names].iloc[-RISK_SESSIONS:].dropna()
        if len(names) and len(known) >= MIN_RISK_SESSIONS:
            table.loc[day] = 0.0
            table.loc[day, names] = risk_contributions(row[names].to_numpy(), np.cov(known.to_numpy().T))
    return table


def risk_contributions(weights: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """``w_i (C w)_i / (w' C w)``, which sums to 1; NaN where nothing moves (Maillard, Roncalli and Teiletche, 2010).

    Parameters
    ----------
    weights : array of shape (symbols,)
    covariance : array of shape (symbols, symbols)
    """
    parts = weights * (np.atleast_2d(covariance) @ weights)
    total = float(parts.sum())
    return np.asarray(parts / total if total > 0 else np.full(len(weights), np.nan))
