"""Cost models of an account: commission, sale fees, slippage, borrow fee and interest.

Each model is a small frozen record with its rates, its formula and the sentences that state it on a page. Every formula
takes numbers or numpy arrays, so that the simulation, the ledger and a sweep share it. The field names are those of
:class:`dipfolio.engine.account.Account`, which is made of these records.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dipfolio.data.currency import currency_sign
from dipfolio.data.risk_free import RiskFree
from dipfolio.engine import parameters as _parameter
from dipfolio.engine.parameters import ParameterSet, parameter
from dipfolio.errors import ParameterError

COLLATERAL_RATIO = 1.02
"""A lender of stock is secured with 102 % of its value, rounded up to the next dollar a share (brokers' schedules)."""

DAY_COUNT_360 = 360.0
"""Days in the year by which United States brokers compute borrow fees and debit interest."""


@dataclass(frozen=True, kw_only=True)
class DatedRates:
    """The dated rates of a run, in words, with their fingerprints.

    Attributes
    ----------
    cash : str
        The rate by which cash earns and pays interest; empty for the fixed rate of the account.
    cash_sha256 : str
        Of its days and rates.
    borrow : str
        Which symbols have borrow fees of their own; empty for none.
    borrow_sha256 : str
        Of their days and rates.
    """

    cash: str = ""
    cash_sha256: str = ""
    borrow: str = ""
    borrow_sha256: str = ""


FIXED_RATES = DatedRates()
"""No dated rates."""


class Assumption(NamedTuple):
    """One assumption of an account: its topic and its sentence."""

    topic: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class AccountRule(ParameterSet):
    """One rule of an account: its parameters, its formula and the sentences that state it.

    Attributes
    ----------
    POSITIVE : tuple of str
        Parameters that must be above 0; every other number must be at least 0.
    FREE : mapping
        Values of the parameters with which the rule costs nothing; empty if it is no cost.
    """

    POSITIVE: ClassVar[tuple[str, ...]] = ()
    FREE: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __post_init__(self) -> None:
        _parameter.validate_parameters(self)
        positive = {name for kind in type(self).__mro__ for name in vars(kind).get("POSITIVE", ())}
        for item in _parameter.list_parameters(type(self)):
            value, above_zero = getattr(self, item.name), item.name in positive
            if item.kind is float and (value < 0 or (value == 0 and above_zero)):
                raise ParameterError(f"{item.name} must be {'positive' if above_zero else 'at least 0'}, found {value}.")

    def assumptions(self) -> tuple[Assumption, ...]:
        """The topics and sentences that state the rule, with its values."""
        raise NotImplementedError(f"{type(self).__name__} has no assumptions.")


COMMISSION_TIERS = ((300_000, 4 / 7), (3_000_000, 3 / 7), (20_000_000, 2 / 7), (100_000_000, 1 / 7))
"""Shares of a month above which a share costs only that part of the commission of the first: 0.0035, 0.0020, 0.0015, 0.0010 and
0.0005 dollars in the tiered schedule of Interactive Brokers (its page "Commissions Stocks", as known in 2025-01)."""

_TIER_STARTS = np.array([start for start, _ in COMMISSION_TIERS], dtype=float)
_TIER_DROPS = -np.diff([1.0, *(part for _, part in COMMISSION_TIERS)])


def shares_at_first_rate(shares: Any) -> Any:
    """How many shares at the rate of the first tier cost as much as so many shares of one month.

    >>> float(shares_at_first_rate(300_000.0)), float(shares_at_first_rate(1_000_000.0))
    (300000.0, 700000.0)
    """
    above = np.maximum(np.asarray(shares, dtype=float)[..., None] - _TIER_STARTS, 0.0)
    return shares - above @ _TIER_DROPS


@dataclass(frozen=True, kw_only=True)
class Commission(AccountRule):
    """Commission by the share, with a minimum and a maximum for each order.

    Attributes
    ----------
    commission_per_share, commission_minimum : float
        Dollars a share, and dollars an order.
    commission_maximum : float
        Of the order's value, as a fraction; it wins over the minimum.
    commission_tiers : bool
        Shares above the limits of :data:`COMMISSION_TIERS` in a calendar month cost less. What was traded up to the close
        before counts, and the order itself; other orders of the same session do not.
    exchange_fee_per_share : float
        Dollars a share for the exchange and for clearing, on top of the commission and its maximum.
    """

    commission_per_share: float = parameter(0.005, help="dollars a share")
    commission_minimum: float = parameter(1.0, help="dollars an order, at least")
    commission_maximum: float = parameter(0.01, help="of an order's value, at most")
    commission_tiers: bool = parameter(False, help="charge less for the shares of a month above 300,000, 3, 20 and 100 million")
    exchange_fee_per_share: float = parameter(0.0, help="dollars a share for exchange and clearing, on top")

    FREE = MappingProxyType({"commission_per_share": 0.0, "commission_minimum": 0.0, "exchange_fee_per_share": 0.0})

    def commission(self, shares: Any, price: Any, symbols: Any, traded: Any = 0.0) -> Any:
        """``min(max(per share x shares, minimum), maximum x value) + exchange fee x shares`` dollars for one order.

        Parameters
        ----------
        shares, price : float or array
            Signed shares and dollars a share; as traded, before later splits.
        symbols : str, sequence or array of str
            Of the shares; broadcast with them.
        traded : float or array
            Shares traded earlier in the month, as traded, which count for the tiers.
        """
        count = np.abs(shares)
        charged = shares_at_first_rate(traded + count) - shares_at_first_rate(traded) if self.commission_tiers else count
        fee = np.maximum(self.rate_per_share(symbols) * charged, self.commission_minimum * (count > 0))
        fee = np.minimum(fee, self.commission_maximum * count * price)
        return fee + self.exchange_fee_per_share * count if self.exchange_fee_per_share else fee

    def rate_per_share(self, symbols: Any) -> Any:  # noqa: ARG002 - a subclass may have a rate for each symbol
        """Dollars a share of these symbols."""
        return self.commission_per_share

    def assumptions(self) -> tuple[Assumption, ...]:
        """The rates; a maximum of 0 leaves no commission at all."""
        exchange = f"Exchange and clearing: {format_dollars(self.exchange_fee_per_share, 0)} a share."
        if not self.commission_maximum or not (self.commission_per_share or self.commission_minimum):
            return (Assumption("Commission", f"None. {exchange}" if self.exchange_fee_per_share else "None."),)
        sentence = (
            f"{format_dollars(self.commission_per_share, 0)} a share, at least {format_dollars(self.commission_minimum)} and at "
            f"most {format_rate(self.commission_maximum, 2)} of an order's value. Shares are counted as they were traded, before "
            "later splits."
        )
        more = [self._tiers_sentence()] if self.commission_tiers else []
        more += [exchange] if self.exchange_fee_per_share else []
        return (Assumption("Commission", " ".join([sentence, *more])),)

    def _tiers_sentence(self) -> str:
        rates = [f"{format_dollars(self.commission_per_share * part, 0)} above {start:,}" for start, part in COMMISSION_TIERS]
        return f"Of the shares of a calendar month, up to the close before and the order itself: {', '.join(rates)}."


SECTION_31_RATES = (
    ("2015-02-14", 18.40),
    ("2016-02-16", 21.80),
    ("2017-07-04", 23.10),
    ("2018-05-22", 13.00),
    ("2019-04-16", 20.70),
    ("2020-02-18", 22.10),
    ("2021-02-25", 5.10),
    ("2022-05-14", 22.90),
    ("2023-02-27", 8.00),
    ("2024-05-22", 27.80),
    ("2025-05-14", 0.00),
    ("2026-04-04", 20.60),
)
TRADING_ACTIVITY_FEES = (
    ("2012-07-01", 0.000119, 5.95),
    ("2022-01-01", 0.000130, 6.49),
    ("2023-01-01", 0.000145, 7.27),
    ("2024-01-01", 0.000166, 8.30),
    ("2026-01-01", 0.000195, 9.79),
    ("2027-01-01", 0.000232, 11.61),
)

_SEC_DAYS = np.array([day for day, _ in SECTION_31_RATES], dtype="datetime64[D]")
_SEC_RATES = np.array([rate / 1e6 for _, rate in SECTION_31_RATES])
_TAF_DAYS = np.array([day for day, _, _ in TRADING_ACTIVITY_FEES], dtype="datetime64[D]")
_TAF_RATES = np.array([rate for _, rate, _ in TRADING_ACTIVITY_FEES])
_TAF_CAPS = np.array([cap for _, _, cap in TRADING_ACTIVITY_FEES])


@dataclass(frozen=True, kw_only=True)
class SaleFees(AccountRule):
    """The fees that the SEC and FINRA charge on sales, at the rates of the date of the sale.

    Section 31 of the Exchange Act: dollars per million of the amount sold; the sources are the SEC's fee rate advisories
    (2025-05-14 from Federal Register 2025-06214). FINRA Trading Activity Fee: dollars a share with a cap per trade; Schedule A
    to the FINRA By-Laws, section 1, and SR-FINRA-2024-019 for 2026 and later. Both are charged on short sales as on any other;
    buyers pay neither. Before the first row of a table, the first row is used.

    Attributes
    ----------
    sec_taf : bool
        Whether the fees are charged.
    """

    sec_taf: bool = parameter(True, help="charge the SEC and FINRA fees on sales")

    FREE = MappingProxyType({"sec_taf": False})

    def sale_fees(self, shares: Any, price: Any, day: Any) -> Any:
        """``sold x price x Section 31 rate + min(sold x TAF rate, TAF cap)`` dollars; 0 on a purchase.

        Parameters
        ----------
        shares : float or array
            Signed; only sales (negative) are charged.
        price : float or array
            Dollars per share.
        day : datetime64[D] or array
            Date of the sale.
        """
        sold = np.maximum(-np.asarray(shares, dtype=float), 0.0)
        if not self.sec_taf:
            return 0.0 * sold
        sec = sold * price * _SEC_RATES[_fee_row(_SEC_DAYS, day)]
        taf = _fee_row(_TAF_DAYS, day)
        return sec + np.minimum(sold * _TAF_RATES[taf], _TAF_CAPS[taf])

    def assumptions(self) -> tuple[Assumption, ...]:
        """True if sales pay them."""
        charged = (
            "Every sale, short sales included, pays the SEC's Section 31 fee and FINRA's Trading Activity Fee at the rates of "
            "its date. Purchases pay neither."
        )
        return (Assumption("Sale fees", charged if self.sec_taf else "None: no SEC or FINRA fees are charged."),)


def _fee_row(days: np.ndarray, day: Any) -> Any:
    return np.maximum(np.searchsorted(days, day, side="right") - 1, 0)


@dataclass(frozen=True, kw_only=True)
class Slippage(AccountRule):
    """Slippage in proportion to the price.

    Attributes
    ----------
    slippage_bps : float
        Basis points by which market orders, at the open and at the close, and stops fill worse than the price.
    """

    slippage_bps: float = parameter(2.0, help="basis points lost on each market order")

    FREE = MappingProxyType({"slippage_bps": 0.0})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.slippage_bps >= 10_000:
            raise ParameterError(f"slippage_bps must be under 10,000 (all of the price), found {self.slippage_bps}.")

    def slipped(self, price: Any, shares: Any) -> Any:
        """The price that a market order for these signed shares gets: ``price x (1 +- slippage)``."""
        return price * (1.0 + np.sign(shares) * self.slippage_bps / 1e4)

    def slippage_cost(self, shares: Any, price: Any, reference: Any) -> Any:
        """``shares x (price - reference)`` dollars that signed shares lost by a fill at another price than the reference."""
        return shares * (price - reference)

    def assumptions(self) -> tuple[Assumption, ...]:
        """The basis points, and which orders lose them."""
        orders = "against every market order and every stop, at the open and at the close; limit orders have none"
        return (Assumption("Slippage", f"{self.slippage_bps:.10g} basis points {orders}."),)


@dataclass(frozen=True, kw_only=True)
class BorrowFee(AccountRule):
    """The fee for borrowing the shares that are sold short.

    Attributes
    ----------
    borrow_rate : float
        A year, as a fraction of the collateral; of symbols that have no dated rate. 0 lends every share free.
    """

    borrow_rate: float = parameter(0.003, help="a year, on shares sold short that have no rate in borrow.csv; 0 ignores that too")

    FREE = MappingProxyType({"borrow_rate": 0.0})

    def borrow_fee(self, shares: Any, close: Any, days: Any, symbols: Any, dated: Any = None) -> Any:
        """``shares x ceil(1.02 x close) x rate x days / 360`` dollars: on the mark, not on the entry price.

        Parameters
        ----------
        shares, close : float or array
            Signed shares, of which only shorts (negative) are charged, and dollars; as traded, before later splits.
        days : int or array
            Calendar days for which they are held at that close.
        symbols : str, sequence or array of str
            Of the shares; broadcast with them, so that one symbol for each of the last axis is enough.
        dated : float or array, optional
            Rates a year that come before that of the account; NaN where there is none.
        """
        collateral = np.ceil(np.round(COLLATERAL_RATIO * np.asarray(close, dtype=float), 9))
        borrowed = np.maximum(-np.asarray(shares, dtype=float), 0.0)
        rate = self.borrow_rate_of(symbols)
        if dated is not None and self.borrow_rate:
            rate = np.where(np.isnan(dated), rate, dated)
        return borrowed * collateral * rate * days / DAY_COUNT_360

    def borrow_rate_of(self, symbols: Any) -> np.ndarray:
        """The rate a year of each symbol, shape of the symbols; one rate for all of them."""
        return np.full(np.shape(symbols), self.borrow_rate)

    def assumptions(self) -> tuple[Assumption, ...]:
        """The rate, and on what it is charged."""
        return BorrowFee.dated_assumptions(self, FIXED_RATES)

    def dated_assumptions(self, dated: DatedRates) -> tuple[Assumption, ...]:
        """The same where cash earns by a dated rate, or where some symbols have borrow fees of their own."""
        rebate = "no recall and no locate" if dated.cash else "no rebate on the proceeds, no recall and no locate"
        own = f", and {dated.borrow} at the rates of borrow.csv from their dates on," if dated.borrow else ""
        sentence = (
            f"Any share can be borrowed at {format_rate(self.borrow_rate, 2)} a year{own} on {COLLATERAL_RATIO:.0%} of the last "
            f"close, rounded up to the dollar; each calendar day is charged as a {DAY_COUNT_360:g}th of a year. There is "
            f"{rebate}."
        )
        return (Assumption("Short sales", sentence),)


SPREADS = ("credit_spread", "rebate_spread", "debit_spread")
"""Parameters of an account that mean something only with a dated rate."""


@dataclass(frozen=True, kw_only=True)
class CashInterest(AccountRule):
    """The interest on cash: a fixed rate on a negative balance, or what a dated rate gives and takes.

    Without a dated rate only a negative balance pays, and a positive one earns nothing. With one, the cash has two parts: the
    collateral, which is the value of the open shorts at the last close, and the rest. The collateral earns the rebate, a
    positive rest the credit rate, and a negative rest pays the debit rate. So the interest that is received less paid is never
    more than the dated rate on the cash that is there.

    Attributes
    ----------
    debit_rate : float
        A year, on negative cash; where there is no dated rate.
    credit_spread, rebate_spread : float
        A year, by which a positive balance and the proceeds of shorts earn less than the dated rate; never less than 0.
    debit_spread : float
        A year, by which a negative balance pays more than the dated rate.
    """

    debit_rate: float = parameter(0.06, help="a year, on negative cash, where there is no --cash-rate")
    credit_spread: float = parameter(0.005, help="a year; a positive balance earns --cash-rate less this")
    rebate_spread: float = parameter(0.0125, help="a year; the proceeds of shorts earn --cash-rate less this")
    debit_spread: float = parameter(0.015, help="a year; negative cash pays --cash-rate and this")

    FREE = MappingProxyType({"debit_rate": 0.0, "credit_spread": 0.0, "rebate_spread": 0.0, "debit_spread": 0.0})

    def debit_interest(self, cash: Any, days: Any) -> Any:
        """Dollars for ``days`` calendar days of negative cash: ``-cash x rate x days / 360``."""
        return np.maximum(-np.asarray(cash, dtype=float), 0.0) * self.debit_rate * days / DAY_COUNT_360

    def dated_interest(self, cash: Any, collateral: Any, rate: Any, days: Any) -> tuple[Any, Any]:
        """Dollars that are paid and that are earned for ``days`` calendar days by a dated rate.

        ``rest = cash - collateral``; paid is ``-rest x (rate + debit spread) x days / 360`` of a negative rest; earned is
        ``rest x (rate - credit spread) x days / 360`` of a positive one and ``collateral x (rate - rebate spread) x days / 360``.
        None of the three rates is below 0.

        Parameters
        ----------
        cash, collateral : float or array
            Dollars; the collateral is the value of the shorts at the last close, at least 0.
        rate : float or array
            A year, the one that was known on that close.
        days : int or array
            Calendar days since that close.
        """
        rest, years = np.asarray(cash, dtype=float) - collateral, days / DAY_COUNT_360
        paid = np.maximum(-rest, 0.0) * (np.maximum(rate + self.debit_spread, 0.0) * years)
        earned = np.maximum(rest, 0.0) * self.idle_return(rate, days)
        return paid, earned + collateral * (np.maximum(rate - self.rebate_spread, 0.0) * years)

    def idle_return(self, rate: Any, days: Any) -> Any:
        """What a dollar of idle cash earns in ``days`` calendar days: ``max(rate - credit spread, 0) x days / 360``."""
        return np.maximum(rate - self.credit_spread, 0.0) * (days / DAY_COUNT_360)

    def riskless_rate(self, cash_rate: RiskFree) -> RiskFree:
        """What idle cash earns by a dated rate, as the riskless rate of ratios: with it an idle account has no excess return."""
        less = f" less {format_rate(self.credit_spread, 2)}" if self.credit_spread else ""
        return RiskFree(
            rates=(cash_rate.rates - self.credit_spread).clip(lower=0.0),
            description=f"what idle cash earns: {cash_rate.description}{less}, by calendar days",
            day_count=int(DAY_COUNT_360),
        )

    def assumptions(self) -> tuple[Assumption, ...]:
        """The rate of a debit balance, and that credit earns none."""
        return CashInterest.dated_assumptions(self, FIXED_RATES)

    def dated_assumptions(self, dated: DatedRates) -> tuple[Assumption, ...]:
        """The rates of a negative and of a positive balance, by a dated rate where there is one."""
        days = f"each calendar day is charged as a {DAY_COUNT_360:g}th of a year"
        if not dated.cash:
            pays = f"A negative cash balance pays {format_rate(self.debit_rate, 2)} a year"
            return (Assumption("Interest", f"{pays}; {days}. A positive balance earns nothing."),)
        sentence = (
            f"By {dated.cash}, at the last rate that was known on the close before: a positive balance earns it less "
            f"{format_rate(self.credit_spread, 2)}, cash that secures shorts (their value at that close) earns it less "
            f"{format_rate(self.rebate_spread, 2)}, a negative balance pays it and {format_rate(self.debit_spread, 2)}, none of "
            f"them below 0; {days.replace('charged', 'counted')}. Proceeds of shorts that pay for longs are a loan."
        )
        return (Assumption("Interest", sentence),)


def format_rate(value: float, places: int) -> str:
    """A fraction as per cent, with at least so many places and all that it has.

    >>> format_rate(0.003, 2), format_rate(0.05125, 2), format_rate(0.3, 0)
    ('0.30%', '5.125%', '30%')
    """
    exact = f"{value * 100:.10g}"
    return f"{exact}%" if len(exact.partition(".")[2]) > places else f"{value:.{places}%}"


def format_dollars(value: float, places: int = 2) -> str:
    """Dollars, with at least so many places and all that they have.

    >>> format_dollars(1e6), format_dollars(0.005, 0), format_dollars(7000.5)
    ('$1,000,000.00', '$0.005', '$7,000.50')
    """
    exact = round(value, places) == round(value, 10)
    return f"{currency_sign()}{value:,.{places}f}" if exact else f"{currency_sign()}{value:.10g}"
