"""Account: the money, and the rules by which a broker charges for trading, borrowing and lending it.

Every rule takes numbers or numpy arrays, so that the simulation, the ledger and a sweep share one arithmetic.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from dipfolio.engine import parameter as _parameter
from dipfolio.engine.fees import sale_fees
from dipfolio.engine.parameter import parameter
from dipfolio.errors import ParameterError

COLLATERAL = 1.02
"""A lender of stock is secured with 102 % of its value, rounded up to the next dollar a share (brokers' schedules)."""

YEAR = 360.0
"""Days in the year by which United States brokers compute borrow fees and debit interest."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A margin account at a United States broker; the defaults are those of a large retail broker's fixed schedule.

    Attributes
    ----------
    cash : float
        Dollars at the start.
    commission_per_share, commission_minimum, commission_maximum : float
        Dollars a share, dollars an order, and the most as a fraction of the order's value.
    sec_taf : bool
        Whether sales pay the SEC and FINRA fees of their date (:mod:`dipfolio.engine.fees`).
    slippage_bps : float
        Basis points by which market orders, at the open and at the close, and stops fill worse than the price.
    borrow_rate, debit_rate : float
        A year, on shares sold short and on negative cash.
    max_leverage : float
        Largest gross exposure as a multiple of equity when an order is sent; 2 is Regulation T (12 CFR 220.12).
    maintenance_long, maintenance_short, maintenance_short_per_share : float
        FINRA Rule 4210(c): 25 % of longs; of shorts the larger of 30 % and 5 dollars a share.
    max_volume_share : float
        An order that adds to a position is at most this part of the volume of the session in which it was decided.
    fractional : bool
        Trade fractions of a share.
    """

    cash: float = parameter(1_000_000.0, help="dollars at the start")
    commission_per_share: float = parameter(0.005, help="dollars a share")
    commission_minimum: float = parameter(1.0, help="dollars an order, at least")
    commission_maximum: float = parameter(0.01, help="of an order's value, at most")
    sec_taf: bool = parameter(True, help="charge the SEC and FINRA fees on sales")
    slippage_bps: float = parameter(2.0, help="basis points lost on each market order")
    borrow_rate: float = parameter(0.003, help="a year, on shares sold short")
    debit_rate: float = parameter(0.06, help="a year, on negative cash")
    max_leverage: float = parameter(2.0, help="largest gross exposure over equity when an order is sent")
    maintenance_long: float = parameter(0.25, help="equity needed for longs, of their value")
    maintenance_short: float = parameter(0.30, help="equity needed for shorts, of their value")
    maintenance_short_per_share: float = parameter(5.0, help="and at least so many dollars a share sold short")
    max_volume_share: float = parameter(0.10, help="of a session's volume that an order may ask for")
    fractional: bool = parameter(False, help="trade fractions of a share")

    def __post_init__(self) -> None:
        _parameter.check(self)
        for item in _parameter.parameters(Account):
            value = getattr(self, item.name)
            above_zero = item.name in ("cash", "max_leverage")
            if item.kind is float and (value < 0 or (value == 0 and above_zero)):
                raise ParameterError(f"{item.name} must be {'positive' if above_zero else 'at least 0'}, found {value}.")
        if self.slippage_bps >= 10_000:
            raise ParameterError(f"slippage_bps must be under 10,000 (all of the price), found {self.slippage_bps}.")

    @property
    def changed(self) -> dict[str, Any]:
        """What differs from the default account."""
        usual = asdict(Account())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    def without_costs(self) -> "Account":
        """The same account where trading, borrowing and debt cost nothing."""
        return replace(
            self, commission_per_share=0.0, commission_minimum=0.0, sec_taf=False, slippage_bps=0.0, borrow_rate=0.0,
            debit_rate=0.0,
        )  # fmt: skip

    def slipped(self, price: Any, shares: Any) -> Any:
        """The price that a market order for these signed shares gets: ``price x (1 +- slippage)``."""
        return price * (1.0 + np.sign(shares) * self.slippage_bps / 1e4)

    def commission(self, shares: Any, price: Any) -> Any:
        """``min(max(per share x shares, minimum), maximum x value)`` dollars for one order."""
        count = np.abs(shares)
        fee = np.maximum(self.commission_per_share * count, self.commission_minimum * (count > 0))
        return np.minimum(fee, self.commission_maximum * count * price)

    def sale_fees(self, shares: Any, price: Any, day: Any) -> Any:
        """SEC and FINRA fees in dollars on a sale, 0 on a purchase."""
        return sale_fees(shares, price, day) if self.sec_taf else 0.0 * np.asarray(shares, dtype=float)

    def borrow_fee(self, shares: Any, close: Any, days: Any) -> Any:
        """Dollars for ``days`` calendar days of shorts held at ``close``.

        ``shares x ceil(1.02 x close) x rate x days / 360``: on the mark, not on the entry price.
        """
        collateral = np.ceil(np.round(COLLATERAL * np.asarray(close, dtype=float), 9))
        return np.maximum(-np.asarray(shares, dtype=float), 0.0) * collateral * self.borrow_rate * days / YEAR

    def debit_interest(self, cash: Any, days: Any) -> Any:
        """Dollars for ``days`` calendar days of negative cash: ``-cash x rate x days / 360``."""
        return np.maximum(-np.asarray(cash, dtype=float), 0.0) * self.debit_rate * days / YEAR

    def maintenance(self, shares: Any, close: Any) -> Any:
        """Equity that each position needs at that close, in dollars; 0 where there is none (even if the close is NaN)."""
        shares, close = np.broadcast_arrays(np.asarray(shares, dtype=float), np.asarray(close, dtype=float))
        value = np.where(shares == 0, 0.0, shares * np.where(shares == 0, 1.0, close))
        short = np.maximum(self.maintenance_short * -value, self.maintenance_short_per_share * -shares)
        return np.where(shares < 0, short, self.maintenance_long * value)
