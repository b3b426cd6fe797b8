"""The unit of an external series, such as equity or per cent, and its conversion to returns."""

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from dipfolio.data.calendar import session_before
from dipfolio.data.risk_free import SESSIONS_PER_YEAR
from dipfolio.errors import AmbiguousFileError, DataError

ValueKind = Literal["equity", "returns", "percent", "log", "cumulative", "cumulative-percent"]
VALUE_KINDS: tuple[ValueKind, ...] = get_args(ValueKind)

MAX_EQUITY_DAILY_MOVE = 0.1
"""An equity curve moves by less than this from day to day, in the median; positive returns jump by far more."""

MAX_ANNUAL_VOLATILITY = 1.0
"""Annual volatility above which returns are not believed to be read in the right unit."""

MIN_ANNUAL_VOLATILITY = 0.005
"""Annual volatility below which a heading that says per cent is not believed."""

MAX_EQUITY_DAILY_DEVIATION = 0.2
"""Standard deviation of the daily returns above which a column is not believed to be an equity."""

MAX_DAILY_GAP = 5
"""Calendar days between two values, in the median, up to which a series is daily."""

DAYS_PER_YEAR = 365.25

MIN_VALUES_TO_CLASSIFY = 20
"""Values from which on the shape of a series says what it is."""

_PERCENT = {"percent", "pct", "perc", "prozent"}
_POINTS = {"bps", "bp"}
_RETURNS = {"return", "returns", "ret", "rets", "rtn", "rendite"}
_EQUITY = {"equity", "nav", "wealth", "balance", "liquidation", "netliq", "nlv"}
_LOG = {"log", "logs", "ln", "logarithmic", "logret", "logreturn", "logreturns"}
_CUMULATIVE = {"cum", "cumret", "cumrets", "cumreturn", "cumreturns", "cumprod", "kumuliert"}
_WEAK: dict[str, tuple[str, ...]] = {
    "returns": ("return", "ret", "pnl", "change"),
    "equity": ("equity", "value", "nav", "wealth", "balance", "close", "price", "total"),
}
"""What a column's name says about its kind, asked only where the values do not tell."""

_ASK = "say which with --kind"
_PER_CENT = "--kind percent"
_BY_VALUES = "judged by its values"


@dataclass(frozen=True, kw_only=True)
class ValueMeaning:
    """The possible meanings of the values of a column.

    Attributes
    ----------
    form : {"equity", "returns", "cumulative", "growth"}
        Growth is an equity that begins from 1 under a heading that says cumulative.
    scale : float
        What a value is multiplied by to be a fraction: 0.01 for per cent, 0.0001 for basis points.
    log : bool
        Whether the values are natural logarithms of growth.
    why : str
        How it was found out.
    """

    form: Literal["equity", "returns", "cumulative", "growth"]
    scale: float = 1.0
    log: bool = False
    why: str = ""

    def __str__(self) -> str:
        unit = {1.0: "", 0.01: " in per cent", 0.0001: " in basis points"}[self.scale]
        nouns = {"equity": "an equity series", "growth": "the growth of 1, an equity series"}
        if self.form in nouns:
            return nouns[self.form]
        if self.form == "cumulative":
            return f"a series of cumulative {'log ' if self.log else ''}returns{unit}"
        return f"a series of log returns{unit}" if self.log else f"a return series{unit}"


_TOLD: dict[ValueKind, ValueMeaning] = {
    "equity": ValueMeaning(form="equity", why="as told"),
    "returns": ValueMeaning(form="returns", why="as told"),
    "percent": ValueMeaning(form="returns", scale=0.01, why="as told"),
    "log": ValueMeaning(form="returns", log=True, why="as told"),
    "cumulative": ValueMeaning(form="cumulative", why="as told"),
    "cumulative-percent": ValueMeaning(form="cumulative", scale=0.01, why="as told"),
}


def heading_words(heading: str) -> tuple[str, ...]:
    """The words of a heading in lower case: ``dailyReturn [%]`` is daily, return, percent."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading).replace("%", " percent ").lower()
    return tuple(re.findall(r"[^\W_]+", apart.replace("per cent", "percent")))


def interpret_values(
    file: str, heading: str, series: pd.Series, kind: ValueKind | None = None, *, signed: bool = False
) -> ValueMeaning:
    """Find out what the values of a column are: from what the user says, else from the heading, else from the values.

    Parameters
    ----------
    file : str
        The name that errors say.
    heading : str
        Of the column; empty for none.
    series : Series of shape (days,)
        In order of their days.
    kind : str, optional
        What the user says that they are.
    signed : bool
        Whether the cells had per cent signs, and ``series`` are fractions already.

    Raises
    ------
    AmbiguousFileError
        The heading and the values contradict each other, the values imply a volatility that nobody would believe, or nothing
        tells what they are.
    """
    words = set(heading_words(heading))
    if kind is not None:
        meaning = _TOLD[kind]
        given = ValueMeaning(form=meaning.form, scale=1.0 if signed else meaning.scale, log=meaning.log, why=meaning.why)
        if kind == "returns" and words & _PERCENT and not signed and _volatility(series) > MAX_ANNUAL_VOLATILITY:
            raise AmbiguousFileError(
                f"{file}: the heading {heading!r} says per cent, --kind returns fractions, whose volatility would be "
                f"{_volatility(series):.0%} a year. Say {_PER_CENT}, or rename the column."
            )
        return given
    scale = 1.0 if signed else 0.01 if words & _PERCENT else 0.0001 if words & _POINTS else 1.0
    named = f"by its heading {heading!r}"
    log = bool(words & _LOG)
    if words & _CUMULATIVE or any(word.startswith("cumul") for word in words):
        meaning = _cumulative(series, ValueMeaning(form="cumulative", scale=scale, log=log, why=named))
    elif words & _EQUITY and not words & _RETURNS:
        if log or scale != 1.0:
            raise AmbiguousFileError(f"{file}: the heading {heading!r} says equity and another unit than money; {_ASK}.")
        sure = (series > 0).all() and _steady(series.to_numpy())
        meaning = ValueMeaning(form="equity", why=_BY_VALUES if sure else named)
    elif log or scale != 1.0 or words & _RETURNS:
        meaning = ValueMeaning(form="returns", scale=scale, log=log, why=named)
    else:
        meaning = ValueMeaning(form=_judged(file, series, heading), why=_BY_VALUES)
    _doubt(file, heading, series, meaning)
    return meaning


def simple_returns(file: str, series: pd.Series, meaning: ValueMeaning, *, stated: bool) -> tuple[pd.Series, pd.Timestamp]:
    """Simple returns by day, and the day on whose close the first of them starts.

    Cumulative returns that begin with 0 start on their first day, others from the session before.

    Parameters
    ----------
    file : str
        The name that errors say.
    series : Series of shape (days,)
    meaning : ValueMeaning
    stated : bool
        Whether the user said what they are.

    Raises
    ------
    DataError
        A loss of all money.
    """
    if meaning.form in ("equity", "growth"):
        _refuse_ruin(file, series, series, "an equity of", "has no returns after it.")
        return (series / series.shift() - 1).iloc[1:], series.index[0]
    scaled = series * meaning.scale
    growth = np.exp(scaled) if meaning.log else 1 + scaled
    cumulative = meaning.form == "cumulative"
    what = "a cumulative return of" if cumulative else "a return of"
    fraction, percent = meaning.scale == 1, "cumulative-percent" if cumulative else "percent"
    asked = f" If the values are in per cent, say --kind {percent}." if fraction and not stated else ""
    _refuse_ruin(file, series, growth, what, f"loses all money{'; 1 % is 0.01' if fraction else ''}.", asked)
    if not cumulative:
        return np.expm1(scaled) if meaning.log else scaled, session_before(series.index[0])
    if series.iloc[0] == 0:
        return (growth / growth.shift() - 1).iloc[1:], series.index[0]
    return growth / growth.shift(fill_value=1.0) - 1, session_before(series.index[0])


def _refuse_ruin(file: str, series: pd.Series, growth: pd.Series, what: str, why: str, asked: str = "") -> None:
    """See that something is left on every day; ``asked`` is what the user can say if it only looks otherwise."""
    lost = series[growth <= 0]
    if len(lost):
        raise (AmbiguousFileError if asked else DataError)(
            f"{file}: {what} {lost.iloc[0]:g} on {lost.index[0].date()} {why}{asked}"
        )
    endless = series[~np.isfinite(growth)]
    if len(endless):
        raise DataError(f"{file}: {what} {endless.iloc[0]:g} on {endless.index[0].date()} is too large.")


def _volatility(returns: pd.Series) -> float:
    """Annual, of daily returns, or of returns as far apart as the median of their days."""
    if len(returns) < 2:
        return 0.0
    apart = float(np.median(np.diff(returns.index.to_numpy()) / np.timedelta64(1, "D")))
    a_year = DAYS_PER_YEAR / apart if apart > MAX_DAILY_GAP else SESSIONS_PER_YEAR
    return float(returns.std() * math.sqrt(a_year))


def _steady(values: np.ndarray) -> bool:
    """True if positive values move as an equity does."""
    return bool(
        np.median(np.abs(values[1:] / values[:-1] - 1)) < MAX_EQUITY_DAILY_MOVE and np.median(values) > MAX_EQUITY_DAILY_MOVE
    )


def _roughness(values: np.ndarray) -> float:
    """Deviation of the steps over that of the values: 1.4 for returns, little for a path; NaN for a constant."""
    spread = values.std()
    return float(np.diff(values).std() / spread) if spread > 0 else math.nan


def _judged(file: str, series: pd.Series, name: str) -> Literal["equity", "returns"]:
    """The meaning of the values: their signs and steps decide, then the name of the column, or nothing does."""
    values = series.to_numpy()
    if (values <= 0).any():
        return "returns"
    if _steady(values):
        return "equity"
    kinds = [kind for kind, parts in _WEAK.items() if any(part in name.lower() for part in parts)]
    if len(kinds) != 1:
        raise AmbiguousFileError(f"{file} could hold equity or returns; {_ASK} equity or --kind returns.")
    return "equity" if kinds == ["equity"] else "returns"


def _cumulative(series: pd.Series, meaning: ValueMeaning) -> ValueMeaning:
    """The same, or the growth of 1 or of 100, which is headed so as well: no cumulative return begins with 50 % or more."""
    begin = series.iloc[0] * meaning.scale
    if meaning.log or (series <= 0).any() or begin < 0.5:
        return meaning
    return ValueMeaning(form="growth", why=meaning.why)


def _doubt(file: str, heading: str, series: pd.Series, meaning: ValueMeaning) -> None:
    """See that the values are such as the heading, or the absence of one, makes them.

    Raises
    ------
    AmbiguousFileError
    """
    values = series.to_numpy()
    if meaning.form in ("equity", "growth"):
        _doubt_equity(file, heading, values)
        return
    if meaning.form == "returns" and len(values) >= MIN_VALUES_TO_CLASSIFY:
        if (values > 0).all() and _steady(values):
            raise AmbiguousFileError(
                f"{file}: the heading {heading!r} says returns, but the values move as an equity does; {_ASK}."
            )
        if _roughness(values) < 0.5:
            raise AmbiguousFileError(
                f"{file}: {_column(heading)} was taken for {meaning}, but its values look cumulative: they change little "
                "from one day to the next. Say --kind cumulative or cumulative-percent, or --kind returns if they are not."
            )
    returns = _plain_returns(series, meaning)
    volatility = _volatility(returns)
    if volatility > MAX_ANNUAL_VOLATILITY and (returns > -1).all():
        raise AmbiguousFileError(
            f"{file}: {_column(heading)} was taken for {meaning}, whose volatility would be {volatility:,.0%} a year. "
            f"{_remedies(meaning, volatility)}"
        )
    unscaled = volatility / meaning.scale
    if (
        meaning.scale == 0.01
        and meaning.form == "returns"
        and 0 < volatility < MIN_ANNUAL_VOLATILITY <= unscaled <= MAX_ANNUAL_VOLATILITY
    ):
        raise AmbiguousFileError(
            f"{file}: the heading {heading!r} says per cent, which would be a volatility of {volatility:.2%} a year; as "
            f"fractions it would be {unscaled:.0%}. Say --kind returns if 1 % is written as 0.01, else {_PER_CENT}."
        )


def _doubt_equity(file: str, heading: str, values: np.ndarray) -> None:
    if (values <= 0).any() or len(values) < MIN_VALUES_TO_CLASSIFY:
        return
    if len(values) >= 3 * MIN_VALUES_TO_CLASSIFY and _roughness(values) > 1:
        raise AmbiguousFileError(
            f"{file}: {_column(heading)} was taken for an equity series, but its values jump to and fro around their mean. "
            "If they are 1 + return, subtract 1; if not, say what they are with --kind or choose another column with --column."
        )
    daily = (values[1:] / values[:-1] - 1).std()
    if daily > MAX_EQUITY_DAILY_DEVIATION:
        raise AmbiguousFileError(
            f"{file}: {_column(heading)} was taken for an equity series, whose returns would vary by {daily:.0%} a day. Choose "
            "another column with --column, or say --kind equity if it is one."
        )


def _plain_returns(series: pd.Series, meaning: ValueMeaning) -> pd.Series:
    """Simple returns, also where they make no sense."""
    scaled = series * meaning.scale
    with np.errstate(all="ignore"):
        growth = np.exp(scaled) if meaning.log else 1 + scaled
        return growth / growth.shift(fill_value=1.0) - 1 if meaning.form == "cumulative" else growth - 1


def _remedies(meaning: ValueMeaning, volatility: float) -> str:
    """The advice for values in another unit, and for values in this one."""
    cumulative = meaning.form == "cumulative"
    percent, same = ("cumulative-percent", "cumulative") if cumulative else ("percent", "log" if meaning.log else "returns")
    if meaning.scale != 1:
        return (
            f"Say --kind {percent} if that is right." if meaning.scale == 0.01 and not meaning.log else "Write them as fractions."
        )
    if volatility / 100 > MAX_ANNUAL_VOLATILITY:
        return f"Choose another column with --column, or say --kind equity or --kind {same}."
    if meaning.log:
        return "If they are in per cent, say so in the heading; say --kind log if they are not."
    return f"The values look like percent; 1 % is 0.01. Say --kind {percent} if they are, --kind {same} if they are fractions."


def _column(heading: str) -> str:
    return f"the column {heading!r}" if heading else "the column of values"
