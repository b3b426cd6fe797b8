"""Taxes on a finished run: realised gains by lot, short- and long-term, and what is left after tax, year by year.

The tax is computed from the fills and dividends of a run after it. It is not charged in the simulation, so the dollars
of the tax stay at work until the end. Losses from wash sales are counted like any other.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from dipfolio.engine.sizing import is_negligible
from dipfolio.errors import ParameterError

if TYPE_CHECKING:
    from dipfolio.engine.result import Result

Lots = Literal["fifo", "highest-cost"]
"""Which shares are sold first: those bought first, or those that cost the most."""

YEAR_COLUMNS = ("short", "long", "dividends", "carried_in", "taxed_short", "taxed_long", "taxed_dividends", "tax", "carried_out")
"""Of the table of years, in dollars. ``short`` and ``long`` are the net gains realised in the year, ``dividends`` those received
less those owed by shorts; ``carried_in`` and ``carried_out`` are losses of earlier and for later years, as negative numbers."""


@dataclass(frozen=True, kw_only=True)
class TaxRule:
    """The rates of a tax payer, and which lots are sold first.

    Attributes
    ----------
    short, long : float
        Of a net gain on lots held for at most one year, and for longer; as fractions. Shorts are short-term.
    dividends : float or None
        Of the dividends received less those owed; the short-term rate if None.
    lots : {"fifo", "highest-cost"}
        A short is covered in the same order: the first one sold, or the one sold at the lowest price.
    """

    short: float
    long: float
    dividends: float | None = None
    lots: Lots = "fifo"

    def __post_init__(self) -> None:
        for name in ("short", "long", "dividends"):
            rate = getattr(self, name)
            if rate is not None and not 0 <= rate < 1:
                raise ParameterError(f"A tax rate is a fraction from 0 to under 1, such as 0.37; {name} is {rate}.")
        if self.lots not in ("fifo", "highest-cost"):
            raise ParameterError(f"The lots are 'fifo' or 'highest-cost', found {self.lots!r}.")

    @property
    def dividend_rate(self) -> float:
        """The rate on dividends that is used."""
        return self.short if self.dividends is None else self.dividends

    def sentence(self) -> str:
        """What is assumed."""
        which = "first in, first out" if self.lots == "fifo" else "the highest cost first"
        return (
            f"Computed after the run and not charged in it: {_rate(self.short)} of short-term gains and of gains on shorts, "
            f"{_rate(self.long)} of gains on lots held for more than a year, {_rate(self.dividend_rate)} of dividends; lots by "
            f"{which}. Losses offset gains of the year and are carried forward without limit; none is set against other income. "
            "Wash sales are not modelled. Borrow fees and interest paid are not deducted, interest earned is not taxed. Open "
            "positions are not taxed."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class AfterTax:
    """The tax on a run, and what is left of it.

    Attributes
    ----------
    years : DataFrame of shape (years, columns)
        See :data:`YEAR_COLUMNS`.
    tax : float
        Dollars over all years.
    final_equity, total_return : float
        After tax; the return is a fraction of the cash at the start.
    """

    years: pd.DataFrame
    tax: float
    final_equity: float
    total_return: float

    def as_record(self) -> dict[str, Any]:
        """The same for machines."""
        years = [{"year": int(year), **row} for year, row in zip(self.years.index, self.years.to_dict("records"), strict=True)]
        return {"tax": self.tax, "final_equity": self.final_equity, "total_return": self.total_return, "years": years}


@dataclass(kw_only=True)
class _Lot:
    """Signed shares of one purchase or short sale, and the dollars a share after its charges."""

    acquired: pd.Timestamp
    shares: float
    price: float


def realised_gains(fills: pd.DataFrame, lots: Lots = "fifo") -> pd.DataFrame:
    """The gain of each lot, or part of one, that was closed.

    Parameters
    ----------
    fills : DataFrame
        Of a result, in their order. Commission and fees count as cost of a purchase and reduce the proceeds of a sale.
    lots : {"fifo", "highest-cost"}

    Returns
    -------
    DataFrame
        Columns symbol, acquired, closed, shares (signed as they were held), gain in dollars, and is_long_term: a long held for
        more than a year, counted from the day after the purchase.
    """
    held: defaultdict[str, list[_Lot]] = defaultdict(list)
    rows: list[dict[str, Any]] = []
    for fill in fills.itertuples(index=False):
        charge = (fill.commission + fill.fees) / fill.shares
        rows += _close(held[fill.symbol], fill.session, float(fill.shares), float(fill.price + charge), lots, fill.symbol)
    return pd.DataFrame(rows, columns=["symbol", "acquired", "closed", "shares", "gain", "is_long_term"])


def _close(held: list[_Lot], day: pd.Timestamp, shares: float, price: float, lots: Lots, symbol: str) -> list[dict[str, Any]]:
    """Close lots of the other side, and open one with what is left."""
    rows, left = [], shares
    while held and held[0].shares * left < 0:
        lot = held[0] if lots == "fifo" else max(held, key=lambda lot: lot.price if lot.shares > 0 else -lot.price)
        taken = float(np.sign(lot.shares) * min(abs(lot.shares), abs(left)))
        long_term = taken > 0 and is_long_term(lot.acquired, day)
        rows.append(
            {
                "symbol": symbol, "acquired": lot.acquired, "closed": day, "shares": taken, "gain": taken * (price - lot.price),
                "is_long_term": long_term,
            }
        )  # fmt: skip
        lot.shares, left = lot.shares - taken, left + taken
        if is_negligible(lot.shares, taken):
            held.remove(lot)
        left = 0.0 if is_negligible(left, shares) else left
    if left:
        held.append(_Lot(acquired=day, shares=left, price=price))
    return rows


def tax_result(result: "Result", rule: TaxRule) -> AfterTax:
    """The tax on a run by a rule.

    In each year short- and long-term losses offset gains of their own kind, those carried forward included, then gains of the
    other kind. What is left of them is carried forward and keeps its kind. Dividends owed by shorts beyond those received
    count as a short-term loss.

    Parameters
    ----------
    result : Result
    rule : TaxRule
    """
    gains, dividends = realised_gains(result.fills, rule.lots), result.equity["dividends"]
    first, last = result.window
    rows, carried = {}, (0.0, 0.0)
    for year in range(first.year, last.year + 1):
        of_year = gains[gains["closed"].dt.year == year] if len(gains) else gains
        short, long = (float(of_year.loc[of_year["is_long_term"].astype(bool) == kind, "gain"].sum()) for kind in (False, True))
        paid = float(dividends[pd.DatetimeIndex(dividends.index).year == year].sum())
        rows[year], carried = _tax_of_year(short, long, paid, carried, rule)
    years = pd.DataFrame.from_dict(rows, orient="index", columns=list(YEAR_COLUMNS))
    tax, final = float(years["tax"].sum()), float(result.equity["equity"].iloc[-1])
    left = final - tax
    return AfterTax(years=years, tax=tax, final_equity=left, total_return=left / result.account.cash - 1)


def _tax_of_year(
    short: float, long: float, dividends: float, carried: tuple[float, float], rule: TaxRule
) -> tuple[tuple[float, ...], tuple[float, float]]:
    """The row of a year, and the short- and long-term losses that it leaves to the next."""
    net_short, net_long = short + carried[0] + min(dividends, 0.0), long + carried[1]
    if net_short * net_long < 0:
        offset = min(abs(net_short), abs(net_long))
        net_short, net_long = net_short - np.sign(net_short) * offset, net_long - np.sign(net_long) * offset
    taxed = float(max(net_short, 0.0)), float(max(net_long, 0.0)), max(dividends, 0.0)
    tax = sum(amount * rate for amount, rate in zip(taxed, (rule.short, rule.long, rule.dividend_rate), strict=True))
    left = float(min(net_short, 0.0)), float(min(net_long, 0.0))
    return (short, long, dividends, sum(carried), *taxed, tax, sum(left)), left


def is_long_term(acquired: date, closed: date) -> bool:
    """True if a lot was held for more than one year."""
    return bool(pd.Timestamp(closed) > pd.Timestamp(acquired) + pd.DateOffset(years=1))


def _rate(fraction: float) -> str:
    return f"{fraction * 100:.10g}%"
