"""Exchange rates: the conversion of prices and dividends to one currency by the daily rates of a folder ``fx``.

``fx/GBPUSD.csv`` has dates and closes, the dollars for one pound; ``fx/USDGBP.csv`` would do as well. One rate a session,
that of its date or the last one before, converts its open, high, low, close and dividend.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data.currency import DOLLARS
from dipfolio.data.dataset import HUNDREDTHS, Listing
from dipfolio.data.schema import DataIssue
from dipfolio.data.tables import read_table
from dipfolio.data.vendor_formats import parse_dates, parse_numbers
from dipfolio.errors import DataError, MissingFileError

RATE_FOLDER = "fx"
MAX_RATE_AGE = 7
"""Days since the last rate from which on a warning says that prices are converted by an old one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExchangeRate:
    """The price of one unit of a currency in another.

    Attributes
    ----------
    source, target : str
        Codes of three letters.
    rates : Series
        Units of the target for one of the source; index = the days on whose close they are known, in order.
    file : str
        Where they are from.
    """

    source: str
    target: str
    rates: pd.Series
    file: str

    def on(self, sessions: pd.DatetimeIndex) -> np.ndarray:
        """The rate of each session, that of its date or the last one before. Shape (sessions,).

        Raises
        ------
        DataError
            A session before the first rate.
        """
        if len(sessions) and sessions[0] < self.rates.index[0]:
            raise DataError(
                f"{self.file} begins on {self.rates.index[0].date()}, after the first session of the prices, "
                f"{sessions[0].date()}; add earlier rates."
            )
        return np.asarray(self.rates.to_numpy()[self._places(sessions)])

    def oldest(self, sessions: pd.DatetimeIndex) -> tuple[pd.Timestamp, int]:
        """The session that is furthest from its rate, and by how many days."""
        ages = (sessions - self.rates.index[self._places(sessions)]).days.to_numpy()
        return pd.Timestamp(sessions[int(ages.argmax())]), int(ages.max())

    def _places(self, sessions: pd.DatetimeIndex) -> np.ndarray:
        return np.asarray(self.rates.index.searchsorted(sessions, side="right") - 1)


def read_exchange_rate(folder: Path, source: str, target: str) -> ExchangeRate:
    """The rate of a currency in another, from the folder ``fx`` of a data folder.

    Parameters
    ----------
    folder : Path
    source, target : str
        Codes of three letters; the file of the inverse rate is read where there is no other.

    Raises
    ------
    MissingFileError
        Neither file is there.
    DataError
        A file that cannot be read as dates and rates, a day that stands twice, or a rate that is not positive.
    """
    path, inverse = (folder / RATE_FOLDER / f"{pair}.csv" for pair in (source + target, target + source))
    if path.exists():
        return ExchangeRate(source=source, target=target, rates=_read_rates(path), file=f"{RATE_FOLDER}/{path.name}")
    if inverse.exists():
        rates = 1 / _read_rates(inverse)
        return ExchangeRate(source=source, target=target, rates=rates, file=f"{RATE_FOLDER}/{inverse.name}, inverted")
    raise MissingFileError(
        f"Prices in {source} are converted to {target} by {path}, which is not there: a CSV of dates and closes, the {target} "
        f"for one {source}."
    )


def _read_rates(path: Path) -> pd.Series:
    table = read_table(path, expected="date,close")
    names = [head[0].strip().lower() for head in table.heads]
    if len(names) < 2:
        raise DataError(f"{path} has one column, expected two: the date and the rate on its close.")
    column = names.index("close") if "close" in names else 1
    prefix = f"{path} cannot be read as date,close"
    days, _ = parse_dates(prefix, table.columns[0], slashed=False)
    rates = parse_numbers(prefix, table.columns[column], "close", days, money=False)
    known = ~np.isnan(rates)
    series = pd.Series(rates[known], index=pd.DatetimeIndex(days[known])).sort_index()
    if series.empty:
        raise DataError(f"{path} has no rate.")
    if not series.index.is_unique:
        raise DataError(f"{path} has two rates for {series.index[series.index.duplicated()][0].date()}.")
    wrong = series[~((series > 0) & np.isfinite(series))]
    if len(wrong):
        raise DataError(f"{path} has the rate {wrong.iloc[0]:g} on {wrong.index[0].date()}; a rate is positive.")
    return series


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """How the prices of a symbol were brought to the currency of the account.

    Attributes
    ----------
    symbol : str
    unit, currency : str
        Of the file, and of the account.
    how : str
        By which rates, in words.
    """

    symbol: str
    unit: str
    currency: str
    how: str


def describe_conversions(conversions: Iterable[Conversion]) -> tuple[str, ...]:
    """A sentence for each way in which some symbols were converted."""
    groups: dict[str, list[str]] = {}
    for one in conversions:
        groups.setdefault(f"from {one.unit} to {one.currency} {one.how}.", []).append(one.symbol)
    return tuple(f"{', '.join(symbols)} {words}" for words, symbols in groups.items())


@dataclass(frozen=True, kw_only=True, eq=False)
class Converter:
    """Factors that bring the prices of a folder to one currency.

    Parameters
    ----------
    folder : Path
    currency : str
        Of the account.
    """

    folder: Path
    currency: str
    _known: dict[str, ExchangeRate] = field(default_factory=dict, init=False, repr=False)

    def _rate(self, source: str) -> ExchangeRate:
        if source not in self._known:
            self._known[source] = read_exchange_rate(self.folder, source, self.currency)
        return self._known[source]

    def factors(self, listings: dict[str, Listing], sessions: pd.DatetimeIndex) -> dict[str, np.ndarray]:
        """What the prices of each symbol are multiplied by, shape (sessions,); symbols that need nothing are left out.

        Raises
        ------
        DataError
            No file of rates, or one that cannot be used.
        """
        found = {}
        for symbol, listing in listings.items():
            if listing.currency != self.currency or listing.unit in HUNDREDTHS:
                same = listing.currency == self.currency
                rates = np.ones(len(sessions)) if same else self._rate(listing.currency).on(sessions)
                found[symbol] = rates / 100 if listing.unit in HUNDREDTHS else rates
        return found

    def conversions(self, listings: dict[str, Listing], sessions: pd.DatetimeIndex) -> Iterator[Conversion]:
        """How each symbol that needs it is converted."""
        for symbol, listing in listings.items():
            source = listing.currency
            if source == self.currency and listing.unit in HUNDREDTHS:
                yield Conversion(symbol=symbol, unit=listing.unit, currency=source, how="by a hundred of them for one")
            elif source != self.currency:
                rate = self._rate(source)
                first, last = rate.on(sessions)[[0, -1]]
                hundred = f", a hundred {listing.unit} for one {source}" if listing.unit in HUNDREDTHS else ""
                how = (
                    f"by {rate.file}, {first:.6g} on {sessions[0].date()} and {last:.6g} on {sessions[-1].date()}{hundred}; a "
                    "session has the rate of its date or the last one before"
                )
                unit = listing.unit or DOLLARS
                yield Conversion(symbol=symbol, unit=unit, currency=self.currency, how=how)

    def warnings(self, listings: dict[str, Listing], sessions: pd.DatetimeIndex) -> Iterator[DataIssue]:
        """A warning for each file of rates that leaves a session with an old one."""
        for source in dict.fromkeys(listing.currency for listing in listings.values()):
            if source != self.currency:
                rate = self._rate(source)
                session, age = rate.oldest(sessions)
                if age > MAX_RATE_AGE:
                    text = f"{rate.file} is {age} days old on {session.date()}: prices are converted by its last rate before."
                    yield DataIssue(severity="warning", kind="old rate", symbol="", value=float(age), text=text)


def account_currency(listings: Iterable[Listing], asked: str = "") -> str:
    """The currency of an account: the one that was asked for, else the one of all prices.

    Raises
    ------
    DataError
        The prices are in several and none was asked for.
    """
    if asked:
        return asked
    found = sorted({listing.currency for listing in listings})
    if len(found) > 1:
        raise DataError(
            f"The prices are in {' and '.join(found)}; say with --currency in which the account is, such as --currency "
            f"{DOLLARS if DOLLARS in found else found[0]}."
        )
    return found[0] if found else DOLLARS
