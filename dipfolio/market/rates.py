"""Rates: what riskless money earned, as one figure a year or as a series of dated ones."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dipfolio.errors import DataError, ParameterError
from dipfolio.market.layouts import day_cells, number_cells
from dipfolio.market.tables import read_table

YEAR = 252
"""Sessions in a year."""
HIGHEST = 0.5
"""A rate above is taken for a mistake: 4.3 for 0.043."""
_IN_PERCENT = re.compile(r"percent|%|\b(DGS|DTB|DFF|TB)\w*|FEDFUNDS|SOFR|EFFR", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskFree:
    """The riskless rate, a year, from each date on.

    Attributes
    ----------
    rates : Series
        Fractions a year such as 0.043; index = the days from which they hold, in order, a single day of 1900 for a constant.
    said : str
        Where it comes from, for the report.
    """

    rates: pd.Series
    said: str

    def yearly(self, sessions: pd.DatetimeIndex) -> pd.Series:
        """The rate of each session: the last that was known before it or on its day. Shape (sessions,).

        Raises
        ------
        DataError
            A session before the first rate.
        """
        if len(sessions) and sessions[0] < self.rates.index[0]:
            raise DataError(
                f"The riskless rate of {self.said} begins on {self.rates.index[0].date()}, after the first session, "
                f"{sessions[0].date()}; give earlier rates or a later --start."
            )
        places = self.rates.index.searchsorted(sessions, side="right") - 1
        return pd.Series(self.rates.to_numpy()[places], index=sessions, dtype="float64")

    def daily(self, sessions: pd.DatetimeIndex) -> pd.Series:
        """What each session earns: ``(1 + rate) ^ (1 / 252) - 1``. Shape (sessions,).

        Raises
        ------
        DataError
            A session before the first rate.
        """
        return (1 + self.yearly(sessions)) ** (1 / YEAR) - 1

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the days and rates, for whoever asks whether a run is still the same."""
        days = self.rates.index.to_numpy().astype("datetime64[D]").astype("<i8")
        return hashlib.sha256(days.tobytes() + self.rates.to_numpy(dtype="<f8").tobytes()).hexdigest()

    def __str__(self) -> str:
        return self.said

    def scalar(self, sessions: pd.DatetimeIndex) -> float:
        """The one rate a year that earns the same over these sessions, for whoever takes no series (quantstats).

        Raises
        ------
        DataError
            A session before the first rate.
        """
        if not len(sessions):
            return 0.0
        return float(np.expm1(np.log1p(self.yearly(sessions)).mean()))


def constant(rate: float) -> RiskFree:
    """The same rate a year at all times."""
    return RiskFree(rates=pd.Series([rate], index=pd.DatetimeIndex(["1900-01-01"])), said=f"{rate:.2%} a year")


def risk_free(text: str) -> RiskFree:
    """A rate from what a user writes: a fraction a year, or the path of a CSV of dates and such fractions.

    Raises
    ------
    ParameterError
        A figure that is no rate a year.
    DataError
        A file that cannot be read as dates and rates.
    """
    try:
        rate = float(text)
    except ValueError:
        return read_rates(Path(text))
    if not -HIGHEST < rate < HIGHEST:
        hint = f"; {text} percent is {rate / 100:g}" if HIGHEST <= rate < 100 else ""
        raise ParameterError(f"A riskless rate is a fraction a year such as 0.043, found {text}{hint}.")
    return constant(rate)


def read_rates(path: Path) -> RiskFree:
    """The rates of a CSV whose first column holds dates and whose second holds rates a year.

    They are fractions, but percent where the heading says so (``percent``, ``%``) or is the name of a series of the Federal
    Reserve (DTB3, DGS1MO, FEDFUNDS, SOFR ...), whose days without a rate, a dot, are left out.

    Raises
    ------
    DataError
        A file that cannot be read so, a day that stands twice, or a rate that cannot be one.
    """
    if not path.exists():
        raise DataError(
            f"The riskless rate {str(path)!r} is neither a fraction a year such as 0.043 nor a CSV of dates and rates."
        )
    table = read_table(path, expected="date,rate")
    if len(table.heads) != 2:
        raise DataError(f"{path} has {len(table.heads)} columns, expected two: the date and the rate a year.")
    file, heading = f"{path} cannot be read as date,rate", table.heads[1][0].strip()
    cells = np.array(["" if str(cell).strip() == "." else cell for cell in table.columns[1]], dtype=object)
    days, _ = day_cells(file, table.columns[0], slashed=False)
    rates = number_cells(file, cells, "rate", days, money=False)
    kept = ~np.isnan(rates)
    percent = bool(_IN_PERCENT.search(heading))
    series = pd.Series(rates[kept] / (100 if percent else 1), index=pd.DatetimeIndex(days[kept])).sort_index()
    _check(path, series, heading, percent)
    return RiskFree(rates=series, said=f"{path.name} ({heading}{', percent' if percent else ''})")


def _check(path: Path, series: pd.Series, heading: str, percent: bool) -> None:
    if series.empty:
        raise DataError(f"{path} has no rate.")
    if not series.index.is_unique:
        raise DataError(f"{path} has two rates for {series.index[series.index.duplicated()][0].date()}.")
    wrong = series[~(series.abs() < HIGHEST)]
    if len(wrong):
        remedy = "" if percent else f" If they are percent, head the column {heading}_percent."
        found = f"the rate {wrong.iloc[0]:g} on {wrong.index[0].date()}"
        raise DataError(f"{path} has {found}, expected a fraction a year such as 0.043.{remedy}")
