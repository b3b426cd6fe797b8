"""The event day: the move of each stock and basket, its significance and its recovery."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.errors import WindowError
from dipfolio.evidence.event_study import EventStudy, rank_p_value, run_event_study
from dipfolio.evidence.event_tests import brown_warner
from dipfolio.evidence.placebo import MARKET_SYMBOL
from dipfolio.evidence.recovery import Recovery, find_recovery


@dataclass(frozen=True, kw_only=True)
class Move:
    """The day of one name, or of an equal-weight basket; returns are fractions.

    Attributes
    ----------
    label : str
    members : tuple of str
    day, gap, session : float
        Close to close, close to open, open to close.
    beta, abnormal : float
        Of the market model on SPY; NaN for the market itself.
    t, rank : float
        Of the abnormal return: Student's t with the forecast error (of a basket, Brown and Warner's), and the two-sided rank
        among the residuals of the estimation window.
    recovery : Recovery or None
        Of a name.
    """

    label: str
    members: tuple[str, ...]
    day: float
    gap: float
    session: float
    beta: float = float("nan")
    abnormal: float = float("nan")
    t: float = float("nan")
    rank: float = float("nan")
    recovery: Recovery | None = None


def name_moves(bars: Bars, names: tuple[str, ...], day: pd.Timestamp) -> tuple[Move, ...]:
    """One for each name, in that order.

    Raises
    ------
    WindowError
        A day that is no session, or too few sessions before it for the market model.
    """
    raw = _raw(bars, names, day)
    studied = _studied(bars, tuple(name for name in names if name != MARKET_SYMBOL), day).by_name()
    found = []
    for name in names:
        move = Move(
            label=name, members=(name,), day=float(raw.day[name]), gap=float(raw.gap[name]), session=float(raw.session[name]),
            recovery=find_recovery(bars.close[name], day),
        )  # fmt: skip
        if name in studied.index:
            beta, car, t, _, rank = studied.loc[name]
            move = replace(move, beta=float(beta), abnormal=float(car), t=float(t), rank=float(rank))
        found.append(move)
    return tuple(found)


def basket_moves(bars: Bars, baskets: Mapping[str, tuple[str, ...]], day: pd.Timestamp) -> tuple[Move, ...]:
    """One for each basket of names, equal dollars in each.

    Raises
    ------
    WindowError
        As in :func:`name_moves`.
    """
    found = []
    for label, names in baskets.items():
        raw, studied = _raw(bars, names, day), _studied(bars, names, day)
        mean, own = float(studied.abnormal.to_numpy().mean()), studied.portfolio_residuals
        found.append(
            Move(
                label=label, members=names, day=float(raw.day.mean()), gap=float(raw.gap.mean()),
                session=float(raw.session.mean()), beta=float(studied.normal.beta.mean()), abnormal=mean,
                t=brown_warner(own, mean), rank=rank_p_value(own, mean),
            )
        )  # fmt: skip
    return tuple(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Raw:
    """Moves of the day by name."""

    day: pd.Series
    gap: pd.Series
    session: pd.Series


def _raw(bars: Bars, names: tuple[str, ...], day: pd.Timestamp) -> _Raw:
    if day not in bars.sessions or day == bars.sessions[0]:
        raise WindowError(f"{day.date()} and the session before it must be in the data.")
    row = int(bars.sessions.get_loc(day))
    prices = bars.select(names)
    before, first, last = prices.close.iloc[row - 1], prices.open.iloc[row] + prices.dividends.iloc[row], prices.close.iloc[row]
    last = last + prices.dividends.iloc[row]
    return _Raw(day=last / before - 1, gap=first / before - 1, session=last / first - 1)


def _studied(bars: Bars, names: tuple[str, ...], day: pd.Timestamp) -> EventStudy:
    returns = bars.select(tuple(dict.fromkeys((*names, MARKET_SYMBOL)))).returns
    return run_event_study(returns[list(names)], returns[MARKET_SYMBOL], day)
