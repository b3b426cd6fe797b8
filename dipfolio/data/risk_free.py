"""The risk-free rate: one rate a year, or a series of dated rates from a CSV file.

Rates are fractions a year, such as 0.043. Series of the Federal Reserve (DTB3, DGS1MO, FEDFUNDS, SOFR) and columns
with "percent" or "%" in the heading are per cent. A session earns ``(1 + rate) ^ (1 / 252) - 1``, of another calendar
with its number of sessions in a year, or what a cash balance is paid for its calendar days.
"""

import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.data import calendar
from dipfolio.data.calendar import SESSIONS_PER_YEAR as SESSIONS_PER_YEAR
from dipfolio.data.instruments import instrument
from dipfolio.data.tables import RawTable, read_table
from dipfolio.data.vendor_formats import parse_dates, parse_numbers
from dipfolio.errors import DataError, MissingFileError, ParameterError
from dipfolio.storage import sha256_of

MAX_RATE = 0.5
"""A rate above is taken for a mistake: 4.3 for 0.043."""
MAX_UNAMBIGUOUS_RATE = 0.15
"""A rate above, written as a fraction, may be meant as per cent; whoever means it writes 35%."""
CASH_RATE = "cash rate"
"""What messages call the rate of cash balances."""
_IN_PERCENT = re.compile(r"percent|%|\b(DGS|DTB|DFF|TB)\w*|FEDFUNDS|SOFR|EFFR", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskFree:
    """The riskless rate, a year, from each date on.

    Attributes
    ----------
    rates : Series
        Fractions a year such as 0.043; index = the days from which they hold, in order, a single day of 1900 for a constant.
    description : str
        Where it comes from, for the report.
    interpretation : str
        A sentence that says whether data were taken for fractions or for per cent; empty for 0 and where that was written.
    day_count : int
        0 where a session earns ``(1 + rate) ^ (1 / 252) - 1``. 360 where it earns ``rate x days / 360`` for the calendar days
        since the session before, at the rate that was known on the close of that session, as a cash balance does.
    noun : str
        What messages call it.
    """

    rates: pd.Series
    description: str
    interpretation: str = ""
    day_count: int = 0

    noun: str = "riskless rate"

    def until(self, day: date | pd.Timestamp) -> "RiskFree":
        """The rates that were known on that day, and at least the first one."""
        return replace(self, rates=self.rates.iloc[: max(int(self.rates.index.searchsorted(pd.Timestamp(day), side="right")), 1)])

    def yearly(self, sessions: pd.DatetimeIndex) -> pd.Series:
        """The rate of each session: the last that was known before it or on its day. Shape (sessions,).

        Raises
        ------
        DataError
            A session before the first rate.
        """
        if len(sessions) and sessions[0] < self.rates.index[0]:
            raise DataError(
                f"The {self.noun} of {self.description} begins on {self.rates.index[0].date()}, after the first session, "
                f"{sessions[0].date()}; give earlier rates or a later --start."
            )
        places = self.rates.index.searchsorted(sessions, side="right") - 1
        return pd.Series(self.rates.to_numpy()[places], index=sessions, dtype="float64")

    def daily(
        self,
        sessions: pd.DatetimeIndex,
        since: date | pd.Timestamp | None = None,
        sessions_per_year: int = SESSIONS_PER_YEAR,
    ) -> pd.Series:
        """The return of each session: ``(1 + rate) ^ (1 / 252) - 1``, or by calendar days; see ``day_count``. Shape (sessions,).

        Parameters
        ----------
        sessions : DatetimeIndex
        since : date, optional
            The close from which the first session starts; that of the session before it, if not given, or nothing where that is
            before the first rate. Counts only where days are counted.
        sessions_per_year : int
            365 for a market that never closes.

        Parameters
        ----------
        sessions : DatetimeIndex
        sessions_per_year : int
            365 for a market that never closes.

        Raises
        ------
        DataError
            A session before the first rate.
        """
        if not self.day_count or not len(sessions):
            return (1 + self.yearly(sessions)) ** (1 / sessions_per_year) - 1
        eve = calendar.offset(sessions[0], -1) if since is None else pd.Timestamp(since)
        if since is None and eve < self.rates.index[0]:
            eve = sessions[0]
        before = pd.DatetimeIndex([eve, *sessions[:-1]])
        days = (sessions - before).days.to_numpy()
        waited = days > 0  # of a first session without a close before it nothing is known, and nothing is earned
        earned = np.zeros(len(sessions))
        earned[waited] = self.yearly(before[waited]).to_numpy() * days[waited] / self.day_count
        return pd.Series(earned, index=sessions)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the days and rates, for whoever asks whether a run is still the same."""
        counted = (str(self.day_count),) if self.day_count else ()
        return sha256_of(self.rates.index.to_numpy(), self.rates.to_numpy(dtype="float64"), *counted)

    def __str__(self) -> str:
        return self.description

    def scalar(self, sessions: pd.DatetimeIndex) -> float:
        """The one rate a year that earns the same over these sessions, for whoever takes no series (quantstats).

        Raises
        ------
        DataError
            A session before the first rate.
        """
        if not len(sessions):
            return 0.0
        if self.day_count:
            return float(np.expm1(np.log1p(self.daily(sessions)).mean() * SESSIONS_PER_YEAR))
        return float(np.expm1(np.log1p(self.yearly(sessions)).mean()))


def constant_rate(rate: float) -> RiskFree:
    """The same rate a year at all times."""
    return RiskFree(rates=pd.Series([rate], index=pd.DatetimeIndex(["1900-01-01"])), description=f"{rate:.2%} a year")


def constant_cash_rate(rate: float) -> RiskFree:
    """A constant rate of cash balances, described with all of its places."""
    places = len(rate_as_percent(rate).rstrip("%").partition(".")[2])
    exact = rate_as_percent(rate) if places > 2 else f"{rate:.2%}"
    return replace(constant_rate(rate), description=f"{exact} a year", noun=CASH_RATE)


def is_percent(text: str) -> bool:
    """True if a rate is written with a sign of per cent."""
    return text.rstrip().endswith("%")


def is_number_or_percent(text: str) -> bool:
    """True if a text is a rate itself, and not the name of a file or a series."""
    try:
        float(text.rstrip().removesuffix("%"))
    except ValueError:
        return False
    return True


def parse_rate(text: str, what: str = "a rate") -> float:
    """A rate a year as a user writes it, 0.043 or 4.3%, as a fraction.

    Raises
    ------
    ValueError
        No number.
    ParameterError
        A fraction above 0.15, which may be meant as per cent.
    """
    if is_percent(text):
        try:
            return float(Decimal(text.rstrip().removesuffix("%").strip()) / 100)
        except InvalidOperation:
            raise ValueError(text) from None
    rate = float(text)
    if MAX_UNAMBIGUOUS_RATE < abs(rate) < np.inf:
        raise ParameterError(
            f"{text} as {what} is a fraction, {rate_as_percent(rate)} a year; write {text}% for {text} per cent, or "
            f"{rate_as_percent(rate)} if that is meant."
        )
    return rate


def rate_as_percent(rate: float) -> str:
    """A fraction as per cent without loss: 35% for 0.35."""
    return f"{(Decimal(repr(float(rate))) * 100).normalize():f}%"


def describe_interpretation(text: str, rate: float, what: str) -> str:
    """The sentence that says how a rate was understood; empty for 0 and where a sign of per cent says it."""
    return (
        "" if is_percent(text) or not abs(rate) > 0 else f"{what} {text} is taken as a fraction: {rate_as_percent(rate)} a year."
    )


def parse_risk_free(text: str, noun: str = "riskless rate") -> RiskFree:
    """A rate from what a user writes: a fraction a year, per cent with the sign, or the path of a CSV of dates and rates.

    Parameters
    ----------
    text : str
    noun : str
        What messages call it.

    Raises
    ------
    ParameterError
        A value that is no rate a year, or a fraction above 0.15.
    DataError
        A file that cannot be read as dates and rates.
    """
    try:
        rate = float(text) if not is_percent(text) else parse_rate(text)
    except ValueError:
        return read_rates(Path(text), noun)
    if not -MAX_RATE < rate < MAX_RATE:
        hint = f"; {text} percent is {rate / 100:g}" if MAX_RATE <= rate < 100 and not is_percent(text) else ""
        raise ParameterError(f"A {noun} is a fraction a year such as 0.043, found {text}{hint}.")
    rate = parse_rate(text, f"the {noun}")
    constant = constant_cash_rate(rate) if noun == CASH_RATE else constant_rate(rate)
    return replace(constant, interpretation=describe_interpretation(text, rate, f"The {noun}"))


def read_rates(path: Path, noun: str = "riskless rate") -> RiskFree:
    """The rates of a CSV whose first column holds dates and whose second holds rates a year.

    They are fractions, but percent where the heading says so (``percent``, ``%``) or is the name of a series of the Federal
    Reserve (DTB3, DGS1MO, FEDFUNDS, SOFR ...), whose days without a rate, a dot, are left out, or where every cell has the
    sign of per cent. A table of prices that is named after a rate, such as ``^IRX.csv``, has its rates in the column of closes,
    in per cent.

    Raises
    ------
    DataError
        A file that cannot be read so, a day that stands twice, or a rate that cannot be one.
    """
    if not path.exists():
        raise MissingFileError(
            f"The {noun} {str(path)!r} is neither a fraction a year such as 0.043 nor a CSV of dates and rates."
        )
    table, quoted = _closes_of_a_rate(path, read_table(path, expected="date,rate"))
    if len(table.heads) != 2:
        raise DataError(f"{path} has {len(table.heads)} columns, expected two: the date and the rate a year.")
    file, heading = f"{path} cannot be read as date,rate", table.heads[1][0].strip()
    cells = np.array(["" if str(cell).strip() == "." else cell for cell in table.columns[1]], dtype=object)
    days, _ = parse_dates(file, table.columns[0], slashed=False)
    signs = [is_percent(str(cell)) for cell in cells if str(cell).strip()]
    if any(signs) and not all(signs):
        raise DataError(f"{path} has rates with and without the sign of per cent; write all in one way.")
    if any(signs):
        cells = np.array([str(cell).strip().removesuffix("%").strip() for cell in cells], dtype=object)
    rates = parse_numbers(file, cells, "rate", days, money=False)
    known = ~np.isnan(rates)
    percent = quoted or bool(_IN_PERCENT.search(heading)) or any(signs)
    series = pd.Series(rates[known] / (100 if percent else 1), index=pd.DatetimeIndex(days[known])).sort_index()
    _check_rates(path, series, heading, percent)
    span = " to ".join(dict.fromkeys(f"{100 * rate:.4g}%" for rate in (series.min(), series.max())))
    understood = f"The rates of {path.name} are taken as {'per cent' if percent else 'fractions'}: {span} a year."
    return RiskFree(
        rates=series, description=f"{path.name} ({heading}{', percent' if percent else ''})", interpretation=understood, noun=noun
    )


def _closes_of_a_rate(path: Path, table: RawTable) -> tuple[RawTable, bool]:
    """Date and close of a table of prices that is named after a rate, and True; any other table as it is, and False."""
    heads = [" ".join(head).strip().lower() for head in table.heads]
    named = any(instrument(symbol).kind.name == "rate" for symbol in (path.stem, f"^{path.stem}"))
    if len(heads) <= 2 or not named or "close" not in heads:
        return table, False
    return table.take([0, heads.index("close")]), True


def rates_of_series(closes: pd.Series, noun: str = CASH_RATE) -> RiskFree:
    """The rates of a series of a data folder that is quoted in per cent a year, such as ``^IRX``.

    Parameters
    ----------
    closes : Series of shape (sessions,)
        Per cent; its name is the symbol.
    noun : str
        What messages call it.

    Raises
    ------
    ParameterError
        A symbol that is no interest rate.
    """
    rate, symbol = instrument(str(closes.name)), str(closes.name)
    if rate.kind.name != "rate":
        known = f" ({rate.description})" if rate.description else ""
        raise ParameterError(f"{symbol}{known} is no interest rate; a {noun} is a fraction a year, a CSV of rates, or ^IRX.")
    known_rates = closes.dropna() / 100
    span = " to ".join(dict.fromkeys(f"{100 * value:.4g}%" for value in (known_rates.min(), known_rates.max())))
    understood = f"The rates of {symbol} are taken as per cent: {span} a year."
    return RiskFree(rates=known_rates, description=f"{symbol} ({rate.name}, percent)", interpretation=understood, noun=noun)


def _check_rates(path: Path, series: pd.Series, heading: str, percent: bool) -> None:
    if series.empty:
        raise DataError(f"{path} has no rate.")
    if not series.index.is_unique:
        raise DataError(f"{path} has two rates for {series.index[series.index.duplicated()][0].date()}.")
    wrong = series[~(series.abs() < MAX_RATE)]
    if not len(wrong) and not percent:
        high = series[series.abs() > MAX_UNAMBIGUOUS_RATE]
        if len(high):
            rate, day = float(high.iloc[0]), high.index[0].date()
            raise DataError(
                f"{path} has the rate {rate:g} on {day}, as a fraction {rate_as_percent(rate)} a year. If it is {rate:g} "
                "per cent, "
                f"head the column {heading}_percent; if it is {rate_as_percent(rate)}, write all rates with the sign of per cent."
            )
    if len(wrong):
        remedy = "" if percent else f" If they are percent, head the column {heading}_percent."
        wrong_rate = f"the rate {wrong.iloc[0]:g} on {wrong.index[0].date()}"
        raise DataError(f"{path} has {wrong_rate}, expected a fraction a year such as 0.043.{remedy}")
