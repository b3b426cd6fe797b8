"""Currencies: the sign that stands before an amount."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DOLLARS = "USD"
SIGNS = {DOLLARS: "$", "GBP": "£", "EUR": "€", "JPY": "¥"}
_SHOWN: ContextVar[str] = ContextVar("currency", default=SIGNS[DOLLARS])


def currency_sign() -> str:
    """What stands before an amount, such as "$" or "CHF "; see :func:`shown_in`."""
    return _SHOWN.get()


@contextmanager
def shown_in(currency: str) -> Iterator[None]:
    """Within it amounts are written in that currency.

    >>> with shown_in("GBP"):
    ...     currency_sign()
    '£'
    """
    token = _SHOWN.set(SIGNS.get(currency, f"{currency} "))
    try:
        yield
    finally:
        _SHOWN.reset(token)
