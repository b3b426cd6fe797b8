"""Rebalancing: the targets of a portfolio whose weights are restored on a schedule, within bands and turnover limits.

The decision falls on the close of a schedule date and is executed in the next session; between the dates the weights drift. The
exchange's calendar says which session is the last of a month, so data that end within a month do not rebalance on their last row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.data.calendar import ExchangeCalendar
from dipfolio.engine.strategy import no_instruction
from dipfolio.errors import ParameterError

Floats = NDArray[np.float64]

Schedule = Literal["day", "week-end", "month-end", "quarter-end", "year-end"]
"""When a portfolio is rebalanced: on every session, or on the last one of a week, a month, a quarter or a year."""

Weights: TypeAlias = "Mapping[str, float] | pd.Series | pd.DataFrame | Callable[[Bars], Mapping[str, float] | pd.Series]"
"""The weights of equity that are wanted; see :func:`rebalance`."""

_PERIODS = {"week-end": "W", "month-end": "M", "quarter-end": "Q", "year-end": "Y"}

WEIGHT_TOLERANCE = 1e-12
"""Parts of equity below which two weights are the same."""


def rebalance(
    bars: Bars,
    weights: Weights,
    every: Schedule | int | pd.offsets.BaseOffset = "month-end",
    *,
    band: float | None = None,
    max_turnover: float | None = None,
    at_start: bool = True,
) -> pd.DataFrame:
    """Targets that restore the wanted weights on the dates of a schedule, for a strategy with ``resize = True``.

    Parameters
    ----------
    bars : Bars
    weights : mapping, Series, DataFrame or callable
        Weights of equity by symbol; or a table of shape (sessions, symbols), whose row t may depend on rows up to t of the
        bars alone; or a function of the bars up to a schedule date, called on each, that returns the weights by symbol.
        A symbol without a weight has the weight 0. A row without any weight decides nothing. A symbol that is not listed,
        or no member, has the weight 0 too; the weights of the others are not scaled up, its part stays in cash.
    every : {"day", "week-end", "month-end", "quarter-end", "year-end"}, int or pandas offset
        The last session of each week, month, quarter or year by the exchange's calendar; a number of sessions, counted from
        the first session of the run; or an offset such as ``pd.offsets.MonthEnd(2)``, of whose dates the last session on or
        before each counts.
    band : float, optional
        Parts of equity, such as 0.05. Only symbols whose weight has drifted further than that from the wanted one are traded
        back. Where the cash does not pay for that, symbols above their weight are sold for it, in proportion to their excess.
        None trades all of them. The first purchase knows no band. A band that is wider than a weight leaves that symbol alone
        for ever.
    max_turnover : float, optional
        Turnover of one date: half of what is bought and sold, as a part of equity, as the metric ``turnover`` counts it. Beyond
        it all trades of the date are scaled alike, those of the first purchase too. None is no limit.
    at_start : bool
        Decide on the first session of the run too, whatever the schedule says of it.

    Returns
    -------
    DataFrame of shape (sessions, symbols)
        Weights of equity; NaN where nothing is decided.

    Raises
    ------
    ParameterError
        A schedule, a band or a limit that makes no sense; weights of unknown symbols, or that are not finite.

    Notes
    -----
    The drifted weights follow from the closes and the dividends since the last date, as if each decision had been executed at its
    close without costs; dividends go to cash. ``every="day"`` with a band is a tolerance-band strategy.
    """
    _check_limits(band, max_turnover)
    targets = no_instruction(bars)
    table = targets.to_numpy().copy()
    wanted_on = _reader(weights, bars)
    drifting = band is not None or max_turnover is not None
    portfolio = _Portfolio(bars) if drifting else None
    listed = bars.close.notna().to_numpy() & bars.members.to_numpy()
    for row in np.flatnonzero(decision_sessions(bars, every, at_start=at_start)):
        wanted = wanted_on(int(row))
        if np.isnan(wanted).all():
            continue
        wanted = np.where(listed[row], np.nan_to_num(wanted), 0.0)
        table[row] = wanted if portfolio is None else portfolio.trade(int(row), wanted, band, max_turnover)
    return pd.DataFrame(table, index=targets.index, columns=targets.columns)


def _check_limits(band: float | None, max_turnover: float | None) -> None:
    """Refuse a negative band and a turnover that is not above 0."""
    if band is not None and not band >= 0:
        raise ParameterError(f"band must be 0 or more, a part of equity such as 0.05, found {band}.")
    if max_turnover is not None and not max_turnover > 0:
        raise ParameterError(f"max_turnover must be above 0, a part of equity such as 0.2, found {max_turnover}.")


def decision_sessions(bars: Bars, every: Schedule | int | pd.offsets.BaseOffset, *, at_start: bool = True) -> NDArray[np.bool_]:
    """On which sessions a schedule decides, shape (sessions,).

    Parameters
    ----------
    bars, every, at_start
        As in :func:`rebalance`. Nothing is decided before the first session of a run (``bars.first_decision``).

    Raises
    ------
    ParameterError
        No such schedule.
    """
    sessions = bars.sessions
    first = 0 if bars.first_decision is None else int(sessions.searchsorted(bars.first_decision))
    due = np.zeros(len(bars), dtype=bool)
    if first < len(bars):
        due[first:] = _due(bars.calendar, sessions[first:], every)
        due[first] |= at_start
    return due


def _due(
    calendar: ExchangeCalendar, sessions: pd.DatetimeIndex, every: Schedule | int | pd.offsets.BaseOffset
) -> NDArray[np.bool_]:
    """Which of some successive sessions are schedule dates."""
    if isinstance(every, int | np.integer) and not isinstance(every, bool) and every > 0:
        return np.asarray(np.arange(len(sessions)) % every == 0)
    if isinstance(every, pd.offsets.BaseOffset):
        return _on_offset(calendar, sessions, every)
    if every == "day":
        return np.ones(len(sessions), dtype=bool)
    if isinstance(every, str) and every in _PERIODS:
        following = calendar.between(sessions[0], calendar.offset(sessions[-1], 1))[1:]
        return np.asarray(sessions.to_period(_PERIODS[every]) != following.to_period(_PERIODS[every]))
    near = get_close_matches(str(every), get_args(Schedule), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ParameterError(
        f"A portfolio is rebalanced every {', '.join(get_args(Schedule))}, a number of sessions from 1 on, or a pandas offset "
        f"such as pd.offsets.MonthEnd(2), found {every!r}.{hint}"
    )


def _on_offset(calendar: ExchangeCalendar, sessions: pd.DatetimeIndex, every: pd.offsets.BaseOffset) -> NDArray[np.bool_]:
    """The last session on or before each date of an offset; a date that comes before the next session is known already."""
    known = calendar.between(sessions[0], calendar.offset(sessions[-1], 1))
    try:
        dates = pd.date_range(known[0], known[-1] - pd.Timedelta(days=1), freq=every)
    except ValueError as error:
        raise ParameterError(f"{every!r} is no schedule: {error}.") from None
    due = np.zeros(len(sessions), dtype=bool)
    due[known.searchsorted(dates, side="right") - 1] = True
    return due


def _reader(weights: Weights, bars: Bars) -> Callable[[int], Floats]:
    """The weights wanted on the close of a session by its number, shape (symbols,); NaN where there is none."""
    if isinstance(weights, pd.DataFrame):
        _check_symbols(weights.columns, bars)
        table = weights.reindex(index=bars.sessions, columns=list(bars.symbols)).to_numpy(dtype="float64", na_value=np.nan)
        return lambda row: _finite(table[row], bars, row)
    if callable(weights):
        ask = weights
        return lambda row: _finite(_by_symbol(ask(bars.until(bars.sessions[row])), bars), bars, row)
    constant = _by_symbol(weights, bars)
    return lambda row: _finite(constant, bars, row)


def _by_symbol(weights: object, bars: Bars) -> Floats:
    """Weights by symbol in the order of the bars; NaN for a symbol that has none."""
    if not isinstance(weights, Mapping | pd.Series):
        raise ParameterError(
            "Weights are a mapping or a Series by symbol, or a table with a row for each session, "
            f"found {type(weights).__name__}."
        )
    given = pd.Series(weights, dtype="float64")
    _check_symbols(given.index, bars)
    return np.asarray(given.reindex(list(bars.symbols)), dtype="float64")


def _check_symbols(named: "pd.Index[Any]", bars: Bars) -> None:
    strange = [symbol for symbol in named if symbol not in bars.symbols]
    if strange:
        raise ParameterError(f"There is a weight for {strange[0]!r}, which is none of the strategy's symbols.")
    if not named.is_unique:
        raise ParameterError(f"There are two weights for {named[named.duplicated()][0]!r}.")


def _finite(wanted: Floats, bars: Bars, row: int) -> Floats:
    if np.isinf(wanted).any():
        symbol = bars.symbols[int(np.argmax(np.isinf(wanted)))]
        raise ParameterError(f"The weight of {symbol} on {bars.sessions[row].date()} is infinite. Look for a division by zero.")
    return wanted


@dataclass
class _Portfolio:
    """What the decisions so far have come to on a later close: units of each symbol and cash, for a start with one dollar."""

    bars: Bars

    def __post_init__(self) -> None:
        """Begin with cash alone."""
        self.close = self.bars.close.ffill().to_numpy()
        self.dividends = self.bars.dividends.to_numpy()
        self.held = self.bars.close.notna().to_numpy() & self.bars.members.to_numpy()
        self.units, self.cash, self.row = np.zeros(len(self.bars.symbols)), 1.0, 0

    def trade(self, row: int, wanted: Floats, band: float | None, max_turnover: float | None) -> Floats:
        """The targets of a date, NaN for a symbol that is not traded; the portfolio holds them from then on."""
        self._carry(row)
        price = self.close[row]
        value = np.where(self.units != 0, self.units * np.nan_to_num(price), 0.0)
        equity = self.cash + float(value.sum())
        if equity <= 0:
            return np.full(len(wanted), np.nan)
        drifted = value / equity
        change = banded_trades(drifted, wanted, band) if self.units.any() and band is not None else wanted - drifted
        turnover = float(np.abs(change).sum()) / 2
        if max_turnover is not None and turnover > max_turnover:
            change = change * (max_turnover / turnover)
        traded = np.abs(change) > WEIGHT_TOLERANCE
        target = np.where(traded, drifted + change, np.nan)
        self.units = np.where(traded, target * equity / np.where(traded, price, 1.0), self.units)
        self.cash = equity - float(np.where(self.units != 0, self.units * np.nan_to_num(price), 0.0).sum())
        return target

    def _carry(self, row: int) -> None:
        """Go on to the close of a session: dividends are paid to cash, and what is delisted or no member becomes cash."""
        for column in np.flatnonzero(self.units):
            still = self.held[self.row + 1 : row + 1, column]
            left = self.row + 1 + int(np.argmin(still)) if len(still) and not still.all() else row
            self.cash += float(self.units[column] * self.dividends[self.row + 1 : left + 1, column].sum())
            if left != row or not self.held[row, column]:
                self.cash += float(self.units[column] * self.close[left, column])
                self.units[column] = 0.0
        self.row = row


def banded_trades(drifted: Floats, wanted: Floats, band: float) -> Floats:
    """Changes of weight on a date: only what has drifted further than the band is traded back to its weight.

    Parameters
    ----------
    drifted, wanted : array of shape (symbols,)
        Parts of equity.
    band : float

    Returns
    -------
    array of shape (symbols,)
        If the purchases are more than the sales and the cash pay for, symbols within the band that are above their weight are
        sold for the rest, in proportion to their excess.
    """
    gap = wanted - drifted
    outside = np.abs(gap) > band + WEIGHT_TOLERANCE
    change = np.where(outside, gap, 0.0)
    excess = np.where(outside, 0.0, np.maximum(-gap, 0.0))
    unpaid = float((drifted + change).sum()) - max(1.0, float(wanted.sum()), float(drifted.sum()))
    if unpaid > WEIGHT_TOLERANCE and excess.any():
        change -= excess * min(unpaid / float(excess.sum()), 1.0)
    return np.asarray(change)
