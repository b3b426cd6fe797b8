"""Holding paths: the profit of the trades of a run by session since entry, as they were and had they been held on."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dipfolio.engine.attribution import INTEREST, INTEREST_EARNED, all_positions
from dipfolio.engine.display import Displayable
from dipfolio.engine.price_record import BORROW_RATE
from dipfolio.engine.result import Result
from dipfolio.engine.sizing import position_after

Floats = NDArray[np.float64]

MAX_HORIZON = 250
"""Sessions after the entry up to which a trade is held on."""

MIN_SESSIONS_AHEAD = 20
"""Trades with fewer sessions of data after their entry are not held on, unless all trades have fewer."""


@dataclass(frozen=True, kw_only=True, repr=False)
class HoldingPaths(Displayable):
    """The profit in dollars on the close of each session since entry; session 0 is that of the entry.

    Trades of one name are added session by session since their own entries. Commission, fees, borrow fees and dividends count
    when they are paid; debit interest belongs to the account and does not count.

    Attributes
    ----------
    path : DataFrame of shape (sessions, names)
        As traded. A trade that has ended stays at its profit, so that the last row has the profit of each name.
    path_benchmark : Series of shape (sessions,) or None
        The benchmark in and out at the same times with the same dollars, before any cost.
    held : DataFrame of shape (at most 251, names)
        Nothing is ever sold and selling costs nothing: all that was bought is marked at the close, and what was sold short is
        not bought back. NaN from the first session on for which the data of one of the trades lack a price.
    held_benchmark : Series or None
        The same for the benchmark, of all names together.
    exits : DataFrame of shape (names, 4)
        ``trades``, ``sessions`` (the median held), ``profit`` as traded, and ``left_out``: trades that ``held`` does not
        have, as they were entered fewer than :data:`MIN_SESSIONS_AHEAD` sessions before the data end. Names are in the order
        of absolute profit, as are the columns above.
    unknown : tuple of str
        Traded names of which the run has no prices.
    """

    SHOWN = ("exits", "unknown")

    path: pd.DataFrame
    path_benchmark: pd.Series | None
    held: pd.DataFrame
    held_benchmark: pd.Series | None
    exits: pd.DataFrame
    unknown: tuple[str, ...]


class Step(NamedTuple):
    """A fill as part of a trade: its row in the calendar, its moment, its shares, the fraction closed, charges and reason."""

    row: int
    at: str
    shares: float
    price: float
    closed: float
    charge: float
    reason: str


class Trip(NamedTuple):
    """A trade with its fills; ``last`` is the row of the exit, or of the end of the run if it is open."""

    symbol: str
    steps: tuple[Step, ...]
    last: int
    profit: float

    @property
    def first(self) -> int:
        """Row of the entry."""
        return self.steps[0].row


class _Quotes(NamedTuple):
    """Prices of one symbol on the calendar; NaN before its first price and after its last."""

    open: Floats
    close: Floats
    dividend: Floats
    borrow_rate: Floats
    """Dated, a year; NaN where that of the account is charged."""


def holding_paths(result: Result) -> HoldingPaths:
    """The paths of all trades of which the run has prices.

    The borrow fee of a short is that of the account on the split-adjusted close, whose rounding to whole dollars differs from the
    fee that was paid before a later split; what a closed trade ends at is its recorded profit.
    """
    days = result.equity.index.union(pd.DatetimeIndex(result.prices["session"])).unique().sort_values()
    quotes = {symbol: _quotes_of(rows, days) for symbol, rows in result.prices.groupby("symbol", sort=False)}
    trips = list(round_trips_of(result, days))
    known = [trip for trip in trips if trip.symbol in quotes]
    market = quotes.get(result.benchmark)
    ahead = [trip for trip in known if _sessions_ahead(trip, quotes[trip.symbol]) >= MIN_SESSIONS_AHEAD] or known
    names = _by_importance(known)
    walk = _Walk(result, _waiting(days), quotes)
    longest = max((trip.last - trip.first for trip in known), default=0)
    reach = max((_sessions_ahead(trip, quotes[trip.symbol]) for trip in ahead), default=0)
    horizon = min(max(reach, 0), MAX_HORIZON)
    return HoldingPaths(
        path=_table(names, [(trip.symbol, walk.as_traded(trip, longest)) for trip in known], longest),
        path_benchmark=_total([walk.benchmark(trip, market, longest, closing=True) for trip in known], longest)
        if market
        else None,
        held=_table(names, [(trip.symbol, walk.held_on(trip, horizon)) for trip in ahead], horizon),
        held_benchmark=_total([walk.benchmark(trip, market, horizon) for trip in ahead], horizon) if market else None,
        exits=_exits(names, known, ahead),
        unknown=tuple(dict.fromkeys(trip.symbol for trip in trips if trip.symbol not in quotes)),
    )


def profit_by_session(result: Result) -> pd.DataFrame:
    """The dollars that each traded name made in each session, costs, borrow fees and dividends included.

    Returns
    -------
    DataFrame of shape (sessions, names + 1)
        The last column is the interest on negative cash; a run with a dated rate has one more, the interest earned. A row sums
        to the change of the equity where the run has the prices of all names that were held; borrow fees before a later split
        are as in :func:`holding_paths`, and differ from those paid.
    """
    days = result.equity.index
    quotes = {symbol: _quotes_of(rows, days) for symbol, rows in result.prices.groupby("symbol", sort=False)}
    walk = _Walk(result, _waiting(days), quotes)
    made: dict[str, Floats] = {}
    for trip in round_trips_of(result, days):
        if trip.symbol in quotes:
            row = made.setdefault(trip.symbol, np.zeros(len(days)))
            row[trip.first : trip.last + 1] += np.diff(walk.as_traded(trip, trip.last - trip.first), prepend=0.0)
    earned = {INTEREST_EARNED: result.interest_earned.to_numpy()} if result.rates.cash else {}
    return pd.DataFrame({**made, INTEREST: 0.0 - result.equity["interest"].to_numpy(), **earned}, index=days)


class _Walk(NamedTuple):
    """What every trade of a run is walked along."""

    result: Result
    wait: Floats
    """Calendar days since the session before."""
    quotes: dict[str, _Quotes]

    def as_traded(self, trip: Trip, horizon: int) -> Floats:
        """Dollars on each close since entry, at the profit from the exit on. Shape (horizon + 1,)."""
        made = self._profit(trip, trip.steps, horizon)
        made[trip.last - trip.first :] = trip.profit
        return made

    def held_on(self, trip: Trip, horizon: int) -> Floats:
        """Dollars on each close since entry if no share is ever given back."""
        return self._profit(trip, [step for step in trip.steps if not step.closed], horizon)

    def _profit(self, trip: Trip, steps: Iterable[Step], horizon: int) -> Floats:
        quotes, size = self.quotes[trip.symbol], horizon + 1
        rows = slice(trip.first, trip.first + size)
        close, dividend, wait, dated = (
            _padded(values[rows], size) for values in (quotes.close, quotes.dividend, self.wait, quotes.borrow_rate)
        )
        bought, paid = np.zeros(size), np.zeros(size)
        for step in steps:
            if step.row - trip.first < size:
                bought[step.row - trip.first] += step.shares
                paid[step.row - trip.first] += step.shares * step.price + step.charge
        shares = bought.cumsum()
        before, marked = np.concatenate([[0.0], shares[:-1]]), np.concatenate([[0.0], close[:-1]])
        known = np.concatenate([[np.nan], dated[:-1]])
        fee = np.where(before < 0, self.result.account.borrow_fee(before, marked, wait, trip.symbol, known), 0.0)
        return np.asarray((before * dividend - fee - paid).cumsum() + shares * close)

    def benchmark(self, trip: Trip, market: _Quotes, horizon: int, *, closing: bool = False) -> Floats:
        """Dollars that the benchmark makes in the place of a trade on each close since its entry."""
        size = horizon + 1
        rows = slice(trip.first, trip.first + size)
        close, dividend = _padded(market.close[rows], size), _padded(market.dividend[rows], size)
        bought, paid, held = np.zeros(size), np.zeros(size), 0.0
        for step in trip.steps:
            row = step.row - trip.first
            if row >= size or (step.closed and not closing):
                continue
            price = _price_at(market, step)
            change = -step.closed * held if step.closed else step.shares * step.price / price
            held += change
            bought[row] += change
            paid[row] += change * price
        units = bought.cumsum()
        if closing:
            units[trip.last - trip.first :] = units[min(trip.last - trip.first, horizon)]
        before = np.concatenate([[0.0], units[:-1]])
        made = (before * dividend - paid).cumsum() + units * close
        if closing:
            made[trip.last - trip.first :] = made[min(trip.last - trip.first, horizon)]
        return np.asarray(made)


def round_trips_of(result: Result, days: pd.DatetimeIndex) -> Iterator[Trip]:
    """Each trade with its fills, symbol by symbol; a reversing fill is shared between two trades, with its charges in proportion.

    Parameters
    ----------
    result : Result
    days : DatetimeIndex
        The calendar in which rows are counted, at least the sessions of the run.
    """
    end = int(days.get_indexer([result.equity.index[-1]])[0])
    recorded = all_positions(result).groupby("symbol", sort=False)["profit"]
    profits_of = {str(symbol): iter(made.tolist()) for symbol, made in recorded}
    fills, moves = result.fills, dict[str, list[tuple[Any, ...]]]()
    columns = (fills[name].tolist() for name in ("at", "shares", "price", "reason"))
    charges = (fills["commission"] + fills["fees"]).tolist()
    for symbol, *move in zip(fills["symbol"], days.get_indexer(fills["session"]).tolist(), *columns, charges, strict=True):
        moves.setdefault(str(symbol), []).append(tuple(move))
    for symbol, own in moves.items():
        profits = profits_of[symbol]
        held, steps = 0.0, list[Step]()
        for row, at, shares, price, reason, charge in own:
            after = float(position_after(held, shares))
            if held * after < 0:
                steps.append(Step(row, at, -held, price, 1.0, charge * -held / shares, reason))
                yield Trip(symbol, tuple(steps), row, next(profits))
                steps, shares, charge, held = [], after, charge * after / shares, 0.0
            closed = -shares / held if held * shares < 0 else 0.0
            steps.append(Step(row, at, shares, price, closed, charge, reason))
            held = after
            if after == 0:
                yield Trip(symbol, tuple(steps), row, next(profits))
                steps = []
        if steps:
            yield Trip(symbol, tuple(steps), end, next(profits))


def _waiting(days: pd.DatetimeIndex) -> Floats:
    """Calendar days since the session before, 0 for the first."""
    return np.asarray(np.diff(days.to_numpy(), prepend=days.to_numpy()[:1]).astype("timedelta64[D]"), dtype=np.float64)


def _quotes_of(rows: pd.DataFrame, days: pd.DatetimeIndex) -> _Quotes:
    """A session without trading has the close before, and no dividend."""
    table = rows.set_index("session").reindex(days)
    close = table["close"].ffill()
    close[days > rows["session"].iloc[-1]] = np.nan
    dated = table.get(BORROW_RATE, pd.Series(np.nan, index=days)).ffill()
    return _Quotes(
        table["open"].fillna(close).to_numpy(), close.to_numpy(), table["dividend"].fillna(0.0).to_numpy(), dated.to_numpy()
    )


def _price_at(quotes: _Quotes, step: Step) -> float:
    """Of the benchmark at a fill: a fill within the session counts at its close, a settlement at the close before."""
    if step.at == "settlement":
        return float(quotes.close[step.row - 1])
    return float((quotes.open if step.at == "open" else quotes.close)[step.row])


def _sessions_ahead(trip: Trip, quotes: _Quotes) -> int:
    """Sessions after the entry that have a price."""
    return int(np.flatnonzero(~np.isnan(quotes.close))[-1]) - trip.first


def _padded(values: Floats, size: int) -> Floats:
    return np.concatenate([values, np.full(size - len(values), np.nan)])


def _by_importance(trips: list[Trip]) -> list[str]:
    profits: dict[str, float] = {}
    for trip in trips:
        profits[trip.symbol] = profits.get(trip.symbol, 0.0) + trip.profit
    return sorted(profits, key=lambda symbol: -abs(profits[symbol]))


def _table(names: list[str], curves: list[tuple[str, Floats]], horizon: int) -> pd.DataFrame:
    sums: dict[str, Floats] = {}
    for symbol, curve in curves:
        sums[symbol] = sums[symbol] + curve if symbol in sums else curve
    table = pd.DataFrame({name: sums[name] for name in names if name in sums}, index=range(horizon + 1), dtype="float64")
    return table.rename_axis("sessions")


def _total(curves: list[Floats], horizon: int) -> pd.Series:
    total = np.sum(curves, axis=0) if curves else np.zeros(horizon + 1)
    return pd.Series(total, index=pd.RangeIndex(horizon + 1, name="sessions"), name="dollars")


def _exits(names: list[str], known: list[Trip], ahead: list[Trip]) -> pd.DataFrame:
    rows, in_paths = [], Counter(trip.symbol for trip in ahead)
    trips: dict[str, list[Trip]] = {}
    for trip in known:
        trips.setdefault(trip.symbol, []).append(trip)
    for name in names:
        own = trips[name]
        sessions, profit = float(np.median([trip.last - trip.first for trip in own])), sum(trip.profit for trip in own)
        rows.append((len(own), sessions, profit, len(own) - in_paths[name]))
    return pd.DataFrame(
        rows, columns=["trades", "sessions", "profit", "left_out"], index=pd.Index(names, name="name", dtype="str")
    )
