"""The settings of a data folder, ``dataset.toml``: the calendar, what a bar covers, and the currency of the prices.

A folder without the file has daily bars of the New York Stock Exchange in US dollars. A table ``[symbols.NAME]`` has the
settings of one symbol; what it does not say is that of the folder.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, cast

from dipfolio.data.calendar import XNYS, ExchangeCalendar, Frequency
from dipfolio.data.currency import DOLLARS
from dipfolio.data.universe import match_symbols
from dipfolio.errors import DataError, DipfolioError, UnknownNameError

DATASET_FILE = "dataset.toml"
HUNDREDTHS = {"GBp": "GBP", "GBX": "GBP", "ZAc": "ZAR", "ZAX": "ZAR", "ILA": "ILS"}
"""Units that are a hundredth of a currency: London pence, South African cents and Israeli agorot."""
_KEYS = ("calendar", "currency", "frequency")


class ForeignExchange(NamedTuple):
    """An exchange that trades in another currency than US dollars: its place, its calendar and the unit of its prices."""

    place: str
    calendar: str
    unit: str


FOREIGN_EXCHANGES = {
    "L": ForeignExchange("London", "XLON", "GBp"),
    "IL": ForeignExchange("London", "XLON", "USD"),
    "UK": ForeignExchange("London", "XLON", "GBp"),
    "DE": ForeignExchange("Germany", "XETR", "EUR"),
    "F": ForeignExchange("Frankfurt", "XFRA", "EUR"),
    "BE": ForeignExchange("Berlin", "XETR", "EUR"),
    "DU": ForeignExchange("Duesseldorf", "XDUS", "EUR"),
    "HM": ForeignExchange("Hamburg", "XHAM", "EUR"),
    "MU": ForeignExchange("Munich", "XETR", "EUR"),
    "SG": ForeignExchange("Stuttgart", "XSTU", "EUR"),
    "PA": ForeignExchange("Paris", "XPAR", "EUR"),
    "AS": ForeignExchange("Amsterdam", "XAMS", "EUR"),
    "BR": ForeignExchange("Brussels", "XBRU", "EUR"),
    "LS": ForeignExchange("Lisbon", "XLIS", "EUR"),
    "IR": ForeignExchange("Dublin", "XDUB", "EUR"),
    "MI": ForeignExchange("Milan", "XMIL", "EUR"),
    "MC": ForeignExchange("Madrid", "XMAD", "EUR"),
    "SW": ForeignExchange("Zurich", "XSWX", "CHF"),
    "VI": ForeignExchange("Vienna", "XWBO", "EUR"),
    "ST": ForeignExchange("Stockholm", "XSTO", "SEK"),
    "CO": ForeignExchange("Copenhagen", "XCSE", "DKK"),
    "HE": ForeignExchange("Helsinki", "XHEL", "EUR"),
    "OL": ForeignExchange("Oslo", "XOSL", "NOK"),
    "IC": ForeignExchange("Reykjavik", "XICE", "ISK"),
    "WA": ForeignExchange("Warsaw", "XWAR", "PLN"),
    "PL": ForeignExchange("Warsaw", "XWAR", "PLN"),
    "PR": ForeignExchange("Prague", "XPRA", "CZK"),
    "BD": ForeignExchange("Budapest", "XBUD", "HUF"),
    "HU": ForeignExchange("Budapest", "XBUD", "HUF"),
    "AT": ForeignExchange("Athens", "ASEX", "EUR"),
    "IS": ForeignExchange("Istanbul", "XIST", "TRY"),
    "TA": ForeignExchange("Tel Aviv", "XTAE", "ILA"),
    "TO": ForeignExchange("Toronto", "XTSE", "CAD"),
    "V": ForeignExchange("the TSX Venture Exchange", "XTSE", "CAD"),
    "NE": ForeignExchange("Toronto", "XTSE", "CAD"),
    "CN": ForeignExchange("Canada", "XTSE", "CAD"),
    "T": ForeignExchange("Tokyo", "XTKS", "JPY"),
    "JP": ForeignExchange("Tokyo", "XTKS", "JPY"),
    "HK": ForeignExchange("Hong Kong", "XHKG", "HKD"),
    "SS": ForeignExchange("Shanghai", "XSHG", "CNY"),
    "SZ": ForeignExchange("Shenzhen", "XSHG", "CNY"),
    "KS": ForeignExchange("Korea", "XKRX", "KRW"),
    "KQ": ForeignExchange("Korea", "XKRX", "KRW"),
    "TW": ForeignExchange("Taiwan", "XTAI", "TWD"),
    "TWO": ForeignExchange("Taiwan", "XTAI", "TWD"),
    "SI": ForeignExchange("Singapore", "XSES", "SGD"),
    "NS": ForeignExchange("India", "XBOM", "INR"),
    "BO": ForeignExchange("Bombay", "XBOM", "INR"),
    "AX": ForeignExchange("Sydney", "XASX", "AUD"),
    "NZ": ForeignExchange("New Zealand", "XNZE", "NZD"),
    "JK": ForeignExchange("Jakarta", "XIDX", "IDR"),
    "KL": ForeignExchange("Kuala Lumpur", "XKLS", "MYR"),
    "BK": ForeignExchange("Bangkok", "XBKK", "THB"),
    "SA": ForeignExchange("Sao Paulo", "BVMF", "BRL"),
    "MX": ForeignExchange("Mexico", "XMEX", "MXN"),
    "BA": ForeignExchange("Buenos Aires", "XBUE", "ARS"),
    "SN": ForeignExchange("Santiago", "XSGO", "CLP"),
    "JO": ForeignExchange("Johannesburg", "XJSE", "ZAc"),
    "SR": ForeignExchange("Saudi Arabia", "XSAU", "SAR"),
    "QA": ForeignExchange("Qatar", "", "QAR"),
}
"""By Yahoo's and Stooq's suffixes of symbols; no calendar where exchange_calendars has none."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Where a symbol is traded and in which unit its prices are.

    Attributes
    ----------
    calendar : ExchangeCalendar
    unit : str
        The currency of prices and dividends, such as "EUR", or a hundredth of one, such as "GBp"; empty where the file does not
        say, which is US dollars.
    """

    calendar: ExchangeCalendar = XNYS
    unit: str = ""

    @property
    def currency(self) -> str:
        """The currency, such as "GBP" for prices in pence."""
        return HUNDREDTHS.get(self.unit, self.unit) or DOLLARS

    @property
    def is_american(self) -> bool:
        """True for a share that is traded in the United States, whose sales pay the fees of the SEC and FINRA."""
        return self.calendar.code == XNYS.code


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The settings of a data folder.

    Attributes
    ----------
    usual : Listing
        Of every symbol that has no settings of its own.
    symbols : mapping of str to Listing
        The others.
    unmatched : tuple of str
        Tables for symbols that have no prices.
    account : str
        The currency of the account; empty for that of the prices.
    """

    usual: Listing = Listing()
    symbols: Mapping[str, Listing] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()
    account: str = ""

    def listing(self, symbol: str) -> Listing:
        """The settings of a symbol."""
        return self.symbols.get(symbol, self.usual)

    def calendar_of(self, symbols: Iterable[str]) -> ExchangeCalendar:
        """The one calendar of some symbols.

        Raises
        ------
        DataError
            They have several.
        """
        by_calendar = {self.listing(symbol).calendar: symbol for symbol in symbols}
        if len(by_calendar) > 1:
            (one, first), (other, second), *_ = by_calendar.items()
            raise DataError(
                f"{first} trades on {one} and {second} on {other}; symbols of several calendars in one run are not supported. "
                "Run them apart; --benchmark none runs without a benchmark of another calendar."
            )
        return next(iter(by_calendar), self.usual.calendar)


NEW_YORK = Dataset()
"""The settings of a folder without the file."""


def read_dataset(folder: Path, symbols: Iterable[str] = ()) -> Dataset:
    """The settings of a data folder.

    Parameters
    ----------
    folder : Path
    symbols : iterable of str
        Those that have prices; names in the file are matched with them as in the tables beside the prices.

    Raises
    ------
    DataError
        A file that is no TOML, or that has another word, an unknown calendar, or a currency that is no code.
    """
    path = folder / DATASET_FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return NEW_YORK
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read: {str(error)[:100]}; it has lines such as calendar = "XLON".') from error
    tables, account = content.pop("symbols", {}), content.pop("account", "")
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise DataError(f"{path}: write the settings of one symbol under its own heading, such as [symbols.SPY].")
    if not isinstance(account, str) or account in HUNDREDTHS:
        raise DataError(f'{path}: account is the currency of the account, such as "USD" or "GBP", found {str(account)[:40]}.')
    usual = _listing(path, content, Listing())
    symbol_of = match_symbols(tables, symbols)
    return Dataset(
        usual=usual,
        symbols={symbol_of[name]: _listing(path, table, usual) for name, table in tables.items() if name in symbol_of},
        unmatched=tuple(name for name in tables if name not in symbol_of),
        account=currency_code(account, f"{path}: "),
    )


def _listing(path: Path, table: Mapping[str, Any], usual: Listing) -> Listing:
    """The settings of one table of the file.

    Raises
    ------
    DataError
    """
    for key, value in table.items():
        if key not in _KEYS:
            unknown = UnknownNameError("setting", key, _KEYS, f"There are account, {', '.join(_KEYS)}.")
            raise DataError(f"{path}: {unknown}")
        if not isinstance(value, str):
            raise DataError(f"{path}: {key} is a text in quotation marks, found {str(value)[:40]}.")
    code, frequency = table.get("calendar", usual.calendar.code), table.get("frequency", usual.calendar.frequency)
    try:
        calendar = ExchangeCalendar(code, cast("Frequency", frequency))
        calendar.is_session(_SOME_DAY)  # so that one that the package cannot make is refused here
    except DipfolioError as error:
        raise DataError(f"{path}: {error}") from error
    return Listing(calendar=calendar, unit=currency_code(table.get("currency", usual.unit), f"{path}: "))


_SOME_DAY = date(2025, 1, 2)


def currency_code(text: str, where: str = "") -> str:
    """A currency or a hundredth of one as it is written, with the letters of its code in capitals; empty for nothing.

    Parameters
    ----------
    text : str
    where : str
        What stands before the message of an error.

    Raises
    ------
    DataError
    """
    if text in HUNDREDTHS or not text:
        return text
    if len(text) == 3 and text.isascii() and text.isalpha():
        return text.upper()
    raise DataError(f'{where}a currency is a code of three letters such as "USD", or "GBp" for pence, found {text[:20]!r}.')
