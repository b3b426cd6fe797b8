"""Survey: a sweep asked for from Python, of a class wherever it was written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dipfolio.engine.account import Account
from dipfolio.engine.idea import Idea
from dipfolio.engine.parameter import parameters
from dipfolio.engine.simulation import first_session
from dipfolio.market.bars import Bars
from dipfolio.market.rates import RiskFree, constant
from dipfolio.sweep.farm import tasks_of
from dipfolio.sweep.findings import Findings, gather
from dipfolio.sweep.grid import grid_of
from dipfolio.sweep.work import Terms, work

DEFAULT = -1
"""Number of the default among the cells."""

Values = str | Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class OwnTerms(Terms):
    """Terms of a class that is at hand; no file is looked for."""

    own: type[Idea]

    @property
    def kind(self) -> type[Idea]:
        """The class itself."""
        return self.own


def survey(
    strategy: type[Idea], bars: Bars, account: Account | None = None, *, start: date | None = None, end: date | None = None,
    risk_free: float | RiskFree = 0.0, **values: Values,
) -> Findings:  # fmt: skip
    """Run every combination of some values of the parameters, all together, in this process.

    Parameters
    ----------
    strategy : type
        A strategy's class.
    bars : Bars
        At least the symbols of every variant.
    account : Account, optional
        The defaults of :class:`Account`.
    start, end : date, optional
        The window, as in :func:`dipfolio.simulate`.
    risk_free : float or RiskFree
        A year, taken off in the Sharpe ratios.
    **values
        For each parameter that is varied: a text such as ``"0.02:0.06:0.01"`` or ``"1,2,5"``, or a sequence of values.

    Raises
    ------
    UnknownNameError
        No such parameter.
    ParameterError
        Values that the parameter cannot have, or no variant that the strategy accepts.
    WindowError
        As in :func:`dipfolio.simulate`.
    """
    grid = grid_of(strategy, {name: _text(strategy, name, given) for name, given in values.items()})
    first = first_session(bars, start, end)
    known = bars if end is None else bars.until(end)
    rate = risk_free if isinstance(risk_free, RiskFree) else constant(risk_free)
    terms = _terms(strategy, account or Account(), first, rate)
    parts = [work(task, known) for task in tasks_of(grid, terms, known, DEFAULT)]
    return gather(parts, grid, terms, known, DEFAULT)


def _terms(strategy: type[Idea], account: Account, first: int, rate: RiskFree) -> OwnTerms:
    name, eve = strategy().name, max(first - 1, 0)
    return OwnTerms(strategies=Path(), name=name, account=account, first=first, eve=eve, risk_free=rate, own=strategy)


def _text(strategy: type[Idea], name: str, given: Values) -> str:
    """A sequence as the command line would have it; texts without fixed choices stand between semicolons."""
    if isinstance(given, str):
        return given
    free = any(item.name == name and item.kind is str and not item.choices for item in parameters(strategy))
    return (";" if free else ",").join("none" if value is None else str(value) for value in given)
