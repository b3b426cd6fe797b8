"""Instruments: what a symbol is, such as a share, a fund, a price index or a rate, and whether it can be traded.

The known symbols stand in ``instruments.csv`` with their kind and name. Every other symbol is taken for one that can be
traded and that pays its dividends. A volatility index and a rate are read and never traded; they have quotes on other
days than the exchange and are brought onto its sessions.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from dipfolio.data.calendar import XNYS, ExchangeCalendar
from dipfolio.data.schema import DataIssue, PriceTable


@dataclass(frozen=True, kw_only=True)
class InstrumentKind:
    """One kind of instrument.

    Attributes
    ----------
    name : str
        As ``instruments.csv`` has it.
    description : str
        What its prices are.
    is_index : bool
        True for an index of prices, which pays no dividends and cannot be bought. A simulation trades it as an idea.
    is_tradable : bool
        False where a position has no meaning: the unit of the numbers is no dollar.
    is_positive : bool
        False where the numbers may be zero or negative, as interest rates may be.
    """

    name: str
    description: str
    is_index: bool = False
    is_tradable: bool = True
    is_positive: bool = True


KINDS = {
    kind.name: kind
    for kind in (
        InstrumentKind(name="share", description="share"),
        InstrumentKind(name="fund", description="fund"),
        InstrumentKind(name="price index", description="price index without dividends", is_index=True),
        InstrumentKind(name="volatility index", description="volatility index in points", is_tradable=False),
        InstrumentKind(name="rate", description="interest rate in per cent a year", is_tradable=False, is_positive=False),
    )
}
"""Name to kind."""

UNLISTED = InstrumentKind(name="", description="")
"""The kind of a symbol that ``instruments.csv`` does not have."""


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A symbol with its name and kind.

    Attributes
    ----------
    symbol : str
    name : str
        Empty for one that is not listed.
    kind : InstrumentKind
    """

    symbol: str
    name: str = ""
    kind: InstrumentKind = UNLISTED

    @property
    def can_be_bought(self) -> bool:
        """False for an index and a rate, and for a symbol that begins with ``^`` as those of indices do.

        Examples
        --------
        >>> [instrument(symbol).can_be_bought for symbol in ("NVDA", "XYZ", "^GSPC", "^VIX", "^XYZ")]
        [True, True, False, False, False]
        """
        return self.kind.is_tradable and not self.kind.is_index and not self.symbol.startswith("^")

    @property
    def description(self) -> str:
        """Name and kind, empty for one that is not listed.

        Examples
        --------
        >>> instrument("^VIX").description, instrument("XYZ").description
        ('Cboe Volatility Index, volatility index in points', '')
        """
        return f"{self.name}, {self.kind.description}" if self.name else ""


@cache
def _listed() -> dict[str, Instrument]:
    with files("dipfolio.data").joinpath("instruments.csv").open(encoding="utf-8") as file:
        return {
            row["symbol"]: Instrument(symbol=row["symbol"], name=row["name"], kind=KINDS[row["kind"]])
            for row in csv.DictReader(file)
        }


def instrument(symbol: str) -> Instrument:
    """What a symbol is, in any case of letters."""
    return _listed().get(symbol.upper(), Instrument(symbol=symbol))


def index_warnings(symbols: Iterable[str]) -> Iterator[DataIssue]:
    """A warning for each price index among some symbols: it lacks the dividends and cannot be bought."""
    for symbol in symbols:
        if instrument(symbol).kind.is_index:
            text = (
                f"{symbol} is a price index: dividends are missing, so its returns are too low; it cannot be bought, and a share "
                "of it is one unit of the index."
            )
            yield DataIssue(severity="warning", kind="price index", symbol=symbol, text=text)


def carry_forward(prices: PriceTable, exchange: ExchangeCalendar = XNYS) -> PriceTable:
    """One bar for each session of a series that is not traded.

    A bar of another day is left out, as of a holiday on which futures are traded. A session without a whole bar, as on a holiday
    of the bond market, has the last close that was known, and no volume.

    Parameters
    ----------
    prices : PriceTable
        Days that repeat are left as they are.
    exchange : ExchangeCalendar
        Whose sessions.
    """
    complete = prices.take(np.flatnonzero(~np.isnan(prices.cells[:4]).any(axis=0)))
    if not len(complete.days) or (np.diff(complete.days) <= np.timedelta64(0, "D")).any():
        return prices
    known = exchange.session_days(complete.days[0])
    sessions = known[(known >= complete.days[0]) & (known <= complete.days[-1])]
    last = np.searchsorted(complete.days, sessions, side="right") - 1
    cells, quoted = complete.cells[:, last], complete.days[last] == sessions
    cells[:4, ~quoted] = cells[3, ~quoted]
    cells[4, ~quoted] = 0.0
    return PriceTable(days=sessions, cells=np.ascontiguousarray(cells))
