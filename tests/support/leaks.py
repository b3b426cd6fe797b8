"""Strategies that know the future: by their data, by statistics of the whole sample, by dates, and by a file."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from dipfolio.engine.exits import HoldFor
from dipfolio.engine.strategy import Strategy, no_instruction

APART = 25
"""Sessions between two dates that are chosen, so that each is a group of its own."""


@dataclass(frozen=True, kw_only=True)
class _Held(Strategy):
    """What it buys is held for five sessions after the first."""

    universe: str = "A"

    @property
    def exits(self):
        return (HoldFor(5),)

    def bought(self, bars):
        """Where it buys, shape (sessions, symbols)."""
        raise NotImplementedError

    def targets(self, bars):
        return no_instruction(bars).mask(self.bought(bars), 1.0)


@dataclass(frozen=True, kw_only=True)
class FiltersWithTomorrow(_Held):
    """Buys after a fall if the next close is 1 % higher."""

    def bought(self, bars):
        return (bars.returns < -0.025) & (bars.close.shift(-1) > bars.close * 1.01)


@dataclass(frozen=True, kw_only=True)
class ScoresOverTheWholeSample(_Held):
    """Buys where the close is far below its mean of all sessions, in their standard deviations."""

    def bought(self, bars):
        return (bars.close - bars.close.mean()) / bars.close.std() < -1.0


@dataclass(frozen=True, kw_only=True)
class ScoresReturnsOverTheWholeSample(_Held):
    """Buys after a fall of two standard deviations of all sessions."""

    def bought(self, bars):
        return (bars.returns - bars.returns.mean()) / bars.returns.std() < -2.0


@dataclass(frozen=True, kw_only=True)
class KnowsTheDates(_Held):
    """Buys on dates that stand in its code; :func:`with_dates` writes them."""

    dates: ClassVar[tuple] = ()

    def bought(self, bars):
        found = pd.DataFrame(False, index=bars.sessions, columns=bars.close.columns)
        found[found.index.isin(pd.DatetimeIndex(self.dates))] = True
        return found


@dataclass(frozen=True, kw_only=True)
class ReadsOutcomes(_Held):
    """Buys where a file says that the next sessions were good; :func:`with_file` names it."""

    file: ClassVar[str] = ""

    def bought(self, bars):
        known = pd.read_csv(self.file, index_col=0, parse_dates=True)["outcome"].reindex(bars.sessions)
        return pd.DataFrame(dict.fromkeys(bars.close.columns, known > 0.055))


def outcomes(bars):
    """The return of the five sessions after the next open, by the session on whose close it could have been bought."""
    return (bars.close.shift(-6) / bars.open.shift(-1) - 1)["A"]


def with_dates(bars, most=12):
    """A strategy with the best dates of these bars, each a group of its own."""
    chosen, ranked = [], outcomes(bars).dropna().sort_values(ascending=False)
    for day in ranked.index:
        place = bars.sessions.get_loc(day)
        if all(abs(place - bars.sessions.get_loc(other)) > APART for other in chosen) and len(chosen) < most:
            chosen.append(day)
    return type("KnowsTheDates", (KnowsTheDates,), {"dates": tuple(chosen), "__doc__": KnowsTheDates.__doc__})


def with_file(bars, path):
    """A strategy with a file of the outcomes of these bars."""
    outcomes(bars).rename("outcome").to_csv(path)
    return type("ReadsOutcomes", (ReadsOutcomes,), {"file": str(path), "__doc__": ReadsOutcomes.__doc__})
