"""The margin account: starting cash, cost models, margin rule, volume limit and lot size.

:class:`Account` is made of small frozen records, one for each rule: those of :mod:`dipfolio.engine.costs` and those of
this module. Each has its formula and states itself in sentences. Margin follows Regulation T (12 CFR 220.12) and FINRA
Rule 4210(c).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from dipfolio.data.calendar import XNYS, ExchangeCalendar
from dipfolio.engine.costs import (
    FIXED_RATES,
    SPREADS,
    AccountRule,
    Assumption,
    BorrowFee,
    CashInterest,
    Commission,
    DatedRates,
    SaleFees,
    Slippage,
    format_dollars,
    format_rate,
)
from dipfolio.engine.parameters import parameter
from dipfolio.errors import UnknownNameError

MARGIN_CALL_TOLERANCE = 1e-8
"""Of the equity, by which it may be under the maintenance requirement: an order that was cut to exactly that is no call."""

WHOLE_SHARE_TOLERANCE = 5e-10
"""Of a share, by which a number of shares may be short of a whole one that rounding has cost it."""


@dataclass(frozen=True, kw_only=True)
class StartingCash(AccountRule):
    """The cash with which an account is opened.

    Attributes
    ----------
    cash : float
        Dollars at the start.
    """

    cash: float = parameter(1_000_000.0, help="dollars at the start")

    POSITIVE = ("cash",)

    def assumptions(self) -> tuple[Assumption, ...]:
        """The dollars, and what counts as cash later."""
        sentence = f"{format_dollars(self.cash)} at the start. The proceeds of short sales count as cash."
        return (Assumption("Cash", sentence),)


@dataclass(frozen=True, kw_only=True)
class MarginRule(AccountRule):
    """Initial and maintenance margin.

    Attributes
    ----------
    max_leverage : float
        Largest gross exposure as a multiple of equity when an order is sent; 2 is Regulation T (12 CFR 220.12).
    maintenance_long, maintenance_short, maintenance_short_per_share : float
        FINRA Rule 4210(c): 25 % of longs; of shorts the larger of 30 % and 5 dollars a share. A short of a share under 5
        dollars needs the larger of 2.50 dollars a share and its whole value. The limit of 5 dollars and the 2.50 dollars are
        ``maintenance_short_per_share`` and half of it; 0 switches the rules in dollars a share off.
    """

    max_leverage: float = parameter(2.0, help="largest gross exposure over equity when an order is sent")
    maintenance_long: float = parameter(0.25, help="equity needed for longs, of their value")
    maintenance_short: float = parameter(0.30, help="equity needed for shorts, of their value")
    maintenance_short_per_share: float = parameter(5.0, help="and at least so many dollars a share sold short")

    POSITIVE = ("max_leverage",)

    def buying_power(self, equity: Any) -> Any:
        """Dollars of gross exposure that an equity allows: ``max_leverage x equity``."""
        return self.max_leverage * np.asarray(equity)

    def requirement(self, side: Any, close: Any, factor: Any = 1.0) -> Any:
        """Buying power that one more share takes up, in dollars of gross exposure.

        The greater of the initial requirement, ``close / max_leverage`` of equity, and the maintenance requirement. It is
        given in dollars of exposure, ``max_leverage`` times the equity, so that a share whose initial requirement is the
        greater takes up its price.

        Parameters
        ----------
        side : float or array
            Of the position: negative for a short.
        close : float or array
            Dollars.
        factor : float or array
            Shares of these prices for one share as it was traded (:mod:`dipfolio.data.corporate_actions`).
        """
        maintenance = self.maintenance(np.where(np.asarray(side) < 0, -1.0, 1.0), close * factor) / factor
        return np.maximum(close, self.max_leverage * maintenance)

    def maintenance(self, shares: Any, close: Any) -> Any:
        """Equity that each position needs at that close, in dollars; 0 where there is none (even if the close is NaN).

        Shares and closes are as traded, before later splits.
        """
        shares, close = np.broadcast_arrays(np.asarray(shares, dtype=float), np.asarray(close, dtype=float))
        close = np.where(shares == 0, 0.0, close)
        return np.where(shares < 0, -shares * self._short_maintenance(close), self.maintenance_long * shares * close)

    def maintenance_bound(self, lowest_close: float, *, any_short: bool) -> float:
        """A fraction of its value that no position needs more of than this, where no close is lower."""
        if not any_short:
            return self.maintenance_long
        return max(self.maintenance_long, self.maintenance_short, self.maintenance_short_per_share / lowest_close)

    def cannot_be_called(self, cash: float, *, any_short: bool) -> bool:
        """True if no close brings a margin call: longs that are paid for need no more than they are worth."""
        return cash >= 0 and not any_short and self.maintenance_long <= 1

    def called(self, equity: Any, needed: Any) -> Any:
        """True if an equity is under the maintenance requirement, and by more than rounding."""
        return needed - equity > MARGIN_CALL_TOLERANCE * np.abs(equity)

    def _short_maintenance(self, close: Any) -> Any:
        """Equity that one share sold short needs: from 5 dollars on the larger of 5 dollars and 30 %, else of 2.50 and 100 %."""
        limit = self.maintenance_short_per_share
        dollars = np.where(close < limit, np.maximum(limit / 2, close), limit)
        return np.maximum(self.maintenance_short * close, dollars)

    def assumptions(self) -> tuple[Assumption, ...]:
        """The largest exposure, and the equity below which positions are closed."""
        power = (
            f"When an order is sent, gross exposure is at most {self.max_leverage:.10g} x equity, and no more than the "
            "maintenance margin allows. What goes beyond is cut and listed. Orders that reduce risk always pass."
        )
        call = (
            f"Equity on the close under {format_rate(self.maintenance_long, 0)} of longs plus {self._short_sentence()} closes "
            "everything at the next open. A target that stands then opens nothing until it has changed. At zero the run ends."
        )
        return Assumption("Buying power", power), Assumption("Margin", call)

    def _short_sentence(self) -> str:
        part, limit = format_rate(self.maintenance_short, 0), self.maintenance_short_per_share
        if not limit:
            return f"{part} of shorts"
        low = f"of shares under {format_dollars(limit)} the larger of {format_dollars(limit / 2)} a share and their value"
        return f"the larger of {part} and {format_dollars(limit)} a share of shorts ({low})"


@dataclass(frozen=True, kw_only=True)
class VolumeLimit(AccountRule):
    """The part of a session's volume that an order may ask for.

    Attributes
    ----------
    max_volume_share : float
        An order that adds to a position is at most this part of the volume of the session in which it was decided.
    """

    max_volume_share: float = parameter(0.10, help="of a session's volume that an order may ask for")

    def largest_addition(self, volume: Any) -> Any:
        """Shares that may be added to a position: ``max_volume_share x volume``, infinite where the volume is NaN (unknown)."""
        return np.where(np.isnan(volume), np.inf, self.max_volume_share * volume)

    def assumptions(self) -> tuple[Assumption, ...]:
        """The part of the volume."""
        sentence = (
            f"An order that adds to a position is at most {format_rate(self.max_volume_share, 0)} of the volume of the session "
            "in which it was decided. What goes beyond is cut and listed."
        )
        return (Assumption("Volume", sentence),)


@dataclass(frozen=True, kw_only=True)
class LotSize(AccountRule):
    """The lot size: whole shares or fractions of a share.

    Attributes
    ----------
    fractional : bool
        Trade fractions of a share.
    """

    fractional: bool = parameter(False, help="trade fractions of a share")

    def round_to_lots(self, shares: Any) -> Any:
        """Toward zero to whole shares, unless fractions are traded."""
        return shares if self.fractional else np.trunc(shares + np.copysign(WHOLE_SHARE_TOLERANCE, shares))

    def assumptions(self) -> tuple[Assumption, ...]:
        """How a weight becomes shares."""
        shares = "exact fractions of a share" if self.fractional else "whole shares, rounded toward zero"
        sentence = f"A weight becomes weight x equity / close of the decision, in {shares}. The opening gap is not known then."
        return (Assumption("Sizes", sentence),)


class Broker(NamedTuple):
    """What a kind of account at a broker charges for an order, as values of the options of an account.

    Attributes
    ----------
    description : str
        Whose schedule it is, and when it was so.
    values : mapping
    """

    description: str
    values: Mapping[str, Any]


BROKERS: Mapping[str, Broker] = MappingProxyType({
    "ibkr-fixed": Broker(
        "Interactive Brokers Pro, fixed schedule, as known in 2025-01",
        {
            "commission_per_share": 0.005, "commission_minimum": 1.0, "commission_maximum": 0.01, "commission_tiers": False,
            "exchange_fee_per_share": 0.0, "sec_taf": True,
        },
    ),
    "ibkr-tiered": Broker(
        "Interactive Brokers Pro, tiered schedule, as known in 2025-01; the exchange's fee is simplified to $0.003 a share "
        "and the clearing fee is $0.0002 a share for every order, without rebates and pass-through fees",
        {
            "commission_per_share": 0.0035, "commission_minimum": 0.35, "commission_maximum": 0.01, "commission_tiers": True,
            "exchange_fee_per_share": 0.0032, "sec_taf": True,
        },
    ),
    "zero-commission": Broker(
        "a retail broker without commissions on American shares, as known in 2025-01, which passes the SEC's and FINRA's "
        "fees on",
        {
            "commission_per_share": 0.0, "commission_minimum": 0.0, "commission_maximum": 0.01, "commission_tiers": False,
            "exchange_fee_per_share": 0.0, "sec_taf": True,
        },
    ),
    "none": Broker(
        "nothing is charged for an order; slippage, borrow fees and interest stay",
        {
            "commission_per_share": 0.0, "commission_minimum": 0.0, "commission_maximum": 0.01, "commission_tiers": False,
            "exchange_fee_per_share": 0.0, "sec_taf": False,
        },
    ),
})  # fmt: skip
"""The kinds of accounts by name. The first is the default account. Source of the two of Interactive Brokers: the page
"Commissions Stocks" of interactivebrokers.com."""

DEFAULT_BROKER = "ibkr-fixed"
"""Whose charges an account has if nothing is said."""


# The fields of an account stand in the reverse order of its bases.
@dataclass(frozen=True, kw_only=True)
class Account(
    LotSize, VolumeLimit, MarginRule, CashInterest, BorrowFee, Slippage, SaleFees, Commission, StartingCash
):  # fmt: skip
    """A margin account at a United States broker; the defaults are those of a large retail broker's fixed schedule.

    An account is each of its rules: it has their parameters as keywords, and their formulas as methods.

    Examples
    --------
    >>> account = Account(cash=50_000, commission_per_share=0.0)
    >>> account.changed
    {'cash': 50000, 'commission_per_share': 0.0}
    >>> float(account.debit_interest(-36_000, 3))
    18.0
    """

    @classmethod
    def of_broker(cls, broker: str, **settings: Any) -> "Account":
        """An account with the charges of a kind of broker (:data:`BROKERS`) and further settings, which win over them.

        Raises
        ------
        UnknownNameError
            No such broker.
        """
        if broker not in BROKERS:
            raise UnknownNameError("broker", broker, tuple(BROKERS), "Brokers: " + ", ".join(BROKERS) + ".")
        return cls(**{**BROKERS[broker].values, **settings})

    @property
    def broker(self) -> str:
        """The kind of broker that charges exactly as this account does; empty for none of them."""
        charges = asdict(self)
        same = [name for name, kind in BROKERS.items() if all(charges[key] == value for key, value in kind.values.items())]
        return same[0] if same else ""

    def as_record(self) -> dict[str, Any]:
        """Every setting; those that earlier versions did not have are left out while they are at their defaults."""
        usual = asdict(Account())
        return {name: value for name, value in asdict(self).items() if name not in LATER_SETTINGS or value != usual.get(name)}

    @property
    def changed(self) -> dict[str, Any]:
        """The settings that differ from the default account."""
        usual = asdict(Account())
        return {name: value for name, value in asdict(self).items() if name not in usual or value != usual[name]}

    def without_costs(self) -> "Account":
        """The same account where trading, borrowing and debt cost nothing."""
        return replace(self, **{name: value for rule in RULES for name, value in rule.FREE.items()})

    def with_usual_spreads(self) -> "Account":
        """The same account for a run without a dated rate, in which the spreads on it mean nothing and are the usual ones."""
        usual = {name: getattr(Account, name) for name in SPREADS}
        return replace(self, **usual) if any(getattr(self, name) != value for name, value in usual.items()) else self

    def in_market(self, exchange: ExchangeCalendar) -> "Account":
        """The same account, without the fees of the SEC and FINRA where the shares are not traded in the United States."""
        return self if exchange.code == XNYS.code or not self.sec_taf else replace(self, sec_taf=False)

    def assumptions(self) -> tuple[Assumption, ...]:
        """Topic and sentence of every rule, in the order in which an order meets them, and a broker that is not the default."""
        return self.dated_assumptions(FIXED_RATES)

    def dated_assumptions(self, dated: DatedRates) -> tuple[Assumption, ...]:
        """The same for a run with dated rates of interest or of borrowing."""
        free = self.with_usual_spreads() == self.without_costs().with_usual_spreads()
        broker = "" if free else self.broker
        chosen = (
            (Assumption("Broker", f"{broker}: {BROKERS[broker].description}."),) if broker not in ("", DEFAULT_BROKER) else ()
        )
        stated = (
            BorrowFee.dated_assumptions(self, dated) if rule is BorrowFee
            else CashInterest.dated_assumptions(self, dated) if rule is CashInterest
            else rule.assumptions(self)
            for rule in RULES
        )  # fmt: skip
        return (*(assumption for assumptions in stated for assumption in assumptions), *chosen)


LATER_SETTINGS = frozenset({"commission_tiers", "exchange_fee_per_share"})
"""Settings that records of earlier versions do not have."""


RULES: tuple[type[AccountRule], ...] = (
    LotSize, VolumeLimit, Slippage, Commission, SaleFees, MarginRule, BorrowFee, StartingCash, CashInterest
)  # fmt: skip
"""The rules of an account in the order in which an order meets them."""
