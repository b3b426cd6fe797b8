"""Assumptions: what a run takes for granted, in sentences that name its own figures."""

from collections.abc import Iterator

from dipfolio.engine.account import Account
from dipfolio.engine.result import Result
from dipfolio.market.sessions import EXCHANGE
from dipfolio.report.wording import money

Assumption = tuple[str, str]
"""Topic and sentence."""


def assumptions(result: Result) -> tuple[Assumption, ...]:
    """Topic and sentence, in the order in which an order meets them."""
    market = f"{result.benchmark}, total return close to close, bought and never sold" if result.benchmark else "none"
    return (
        *_orders(result.account),
        *_holdings(result.account),
        ("Calendar", f"Sessions of {EXCHANGE}; money that waits for a signal stays in the account and in every figure."),
        ("Benchmark", f"{market[0].upper()}{market[1:]}."),
        ("Taxes", "None."),
    )


def _orders(account: Account) -> Iterator[Assumption]:
    """From the decision to the fill and its price."""
    shares = "exact fractions of a share" if account.fractional else "whole shares, rounded toward zero"
    regulatory = "SEC and FINRA fees of the date on every sale" if account.sec_taf else "no SEC or FINRA fees"
    yield "Decisions", "On the close of a session, with nothing that became known later."
    yield "Sizes", f"A weight becomes weight x equity / close of the decision, in {shares}; an opening gap is not known then."
    yield "Fills", "In the next session, at its opening or its closing price, whole, whatever the size of the auction."
    slipped = "basis points against every order at the market, at the open and the close alike"
    yield "Slippage", f"{account.slippage_bps:g} {slipped}."
    yield (
        "Commission",
        f"{_dollars(account.commission_per_share)} a share, at least {money(account.commission_minimum)} and at most "
        f"{account.commission_maximum:.2%} of an order; {regulatory}. Shares count as they were traded, before later splits.",
    )
    yield (
        "Buying power",
        f"Gross exposure of at most {account.max_leverage:g} x equity and {account.max_volume_share:.0%} of the volume of "
        "the deciding session when an order is sent; more is cut and listed. Orders that reduce risk always pass.",
    )


def _holdings(account: Account) -> Iterator[Assumption]:
    """What positions and cash earn, cost and need."""
    yield (
        "Short sales",
        f"Shares can be borrowed at {account.borrow_rate:.2%} a year on 102 % of the last close, rounded up to the dollar, "
        "for each calendar day as a 360th of a year; no rebate on the proceeds, no recall, no locate. The short-sale price test "
        "(SEC Rule 201) is not enforced; it was in force on NVDA and AVGO on 27 and 28 January 2025.",
    )
    yield "Dividends", "Received by longs and paid by shorts on the ex-date, before tax; not reinvested."
    interest = f"a negative balance pays {account.debit_rate:.2%} a year, each calendar day a 360th"
    yield "Cash", f"Earns nothing; {interest}. Proceeds of shorts count as cash."
    yield (
        "Margin",
        f"Equity on the close under {account.maintenance_long:.0%} of longs plus the larger of "
        f"{account.maintenance_short:.0%} and {money(account.maintenance_short_per_share)} a share of shorts closes "
        "everything at the next open; at zero the run ends.",
    )


def _dollars(value: float) -> str:
    return f"${value:g}"
