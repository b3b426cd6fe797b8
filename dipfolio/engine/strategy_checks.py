"""Strategy checks: look-ahead, reproducibility, documentation and validation of parameters.

Look-ahead is detected by removing the future and by changing it: no decision up to a session may change.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dipfolio.data.bars import Bars
from dipfolio.data.schema import PRICES
from dipfolio.engine.account import Account
from dipfolio.engine.parameters import Parameter, list_parameters
from dipfolio.engine.run_log import RunLog
from dipfolio.engine.simulation import checked_targets, run_simulation
from dipfolio.engine.strategy import Strategy, StrategyBase
from dipfolio.errors import DipfolioError, ParameterError, StrategyError

FUTURE_PRICE_FACTORS = (0.6, 1.5)
"""What all later prices are multiplied by: a fall and a rise, so that a strategy that peeks is wrong in one of them."""


@dataclass(frozen=True, kw_only=True)
class StrategyCheck:
    """The answer to one question about a strategy.

    Attributes
    ----------
    question : str
    passed : bool
    detail : str
        What was found, or how far the search went.
    advice : bool
        Whether it is a matter of care and not of truth: one that has not passed makes no result wrong.
    """

    question: str
    passed: bool
    detail: str
    advice: bool = False

    @property
    def failed(self) -> bool:
        """True if it makes results wrong."""
        return not (self.passed or self.advice)


def check_strategy(kind: type[StrategyBase], bars: Bars, *, sessions: int = 20) -> tuple[StrategyCheck, ...]:
    """All findings on a strategy with its default parameters.

    Parameters
    ----------
    kind : type
        The class of the strategy.
    bars : Bars
        At least its symbols.
    sessions : int
        At how many sessions the future is taken away and exchanged; those with orders come first.
    """
    strategy = kind()
    traded = bars.select(strategy.symbols)
    account = Account()
    try:
        run_log = run_simulation(strategy, traded, account)
    except StrategyError as error:
        if isinstance(strategy, Strategy):
            raise
        return (_ask("can be run", str(error), ""),)
    cuts = _cuts(run_log, len(traded), sessions)
    findings = []
    if isinstance(strategy, Strategy):
        findings.append(_ask("decisions do not look ahead", _decisions_ahead(strategy, traded, cuts), f"{len(cuts)} sessions"))
    few = cuts[: max(sessions // 3, 1)]
    findings += [
        _ask(
            "orders and fills do not look ahead", _orders_ahead(strategy, traded, account, run_log, few), f"{len(few)} sessions"
        ),
        _ask("runs repeat exactly", _differs(run_log, run_simulation(kind(), traded, account), len(traded)), "two runs"),
        _ask("class and parameters are explained", _unexplained(kind, strategy), "docstring and help", advice=True),
    ]
    if isinstance(strategy, Strategy):
        nonsense = _accepted_invalid_values(kind, traded)
        findings.append(_ask("parameters refuse nonsense", nonsense, "negative counts, nan and inf", advice=True))
    return tuple(findings)


def _ask(question: str, faults: Iterator[str] | str, looked_at: str, *, advice: bool = False) -> StrategyCheck:
    fault = faults if isinstance(faults, str) else next(faults, "")
    return StrategyCheck(question=question, passed=not fault, detail=fault or looked_at, advice=advice)


def _cuts(run_log: RunLog, length: int, count: int) -> list[int]:
    """Numbers of sessions to look at: around the first orders, then evenly, without the last session."""
    near_orders = [session for sent in run_log.submitted for session in (sent.session, sent.session - 1)]
    even = np.linspace(0, length - 2, count).astype(int).tolist()
    chosen = dict.fromkeys([*near_orders[: count // 2], *even])
    return [cut for cut in chosen if 0 <= cut < length - 1][:count]


def _other_future(bars: Bars, cut: int, factor: float) -> Bars:
    """The bars with every value after session number ``cut`` exchanged for another."""
    later = np.where(np.arange(len(bars)) > cut, factor, 1.0)[:, None]
    return replace(bars, **{field: getattr(bars, field) * later for field in (*PRICES, "volume", "dividends")})


def _decisions_ahead(strategy: Strategy, bars: Bars, cuts: list[int]) -> Iterator[str]:
    known = checked_targets(strategy, bars)
    for cut in cuts:
        day = bars.sessions[cut]
        others: list[Callable[[], Bars]] = [lambda day=day: bars.until(day)]  # type: ignore[misc]
        others += [lambda cut=cut, factor=factor: _other_future(bars, cut, factor) for factor in FUTURE_PRICE_FACTORS]  # type: ignore[misc]
        for other in others:
            fault = _changed_targets(known.loc[:day], strategy, other())
            if fault:
                yield f"{fault} when what follows {day.date()} is not there or is something else"


def _changed_targets(known: pd.DataFrame, strategy: Strategy, other: Bars) -> str:
    try:
        again = checked_targets(strategy, other).iloc[: len(known)]
    except DipfolioError as error:
        return str(error)
    same = (known.to_numpy() == again.to_numpy()) | (known.isna().to_numpy() & again.isna().to_numpy())
    if same.all():
        return ""
    row, column = np.argwhere(~same)[0]
    return (
        f"the target of {known.columns[column]} on {known.index[row].date()} moves from {known.iloc[row, column]:g} "
        f"to {again.iloc[row, column]:g}"
    )


def _orders_ahead(strategy: StrategyBase, bars: Bars, account: Account, run_log: RunLog, cuts: list[int]) -> Iterator[str]:
    for cut in cuts:
        day = bars.sessions[cut]
        for other in (bars.until(day), *(_other_future(bars, cut, factor) for factor in FUTURE_PRICE_FACTORS)):
            try:
                fault = _differs(run_log, run_simulation(strategy, other, account), cut + 1)
            except (DipfolioError, ArithmeticError, LookupError, ValueError, TypeError) as error:
                fault = f"the run fails with {type(error).__name__}: {error}"
            if fault:
                yield f"{fault} when what follows {day.date()} is not there or is something else"


def _differs(one: RunLog, other: RunLog, sessions: int) -> str:
    """The first difference between two run logs in the first sessions, empty for none."""
    for what in ("submitted", "fills"):
        first = [entry for entry in getattr(one, what) if entry.session < sessions]
        second = [entry for entry in getattr(other, what) if entry.session < sessions]
        if first != second:
            word = {"submitted": "orders", "fills": "fills"}[what]
            place = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
            return f"the {word} up to it differ from number {place + 1} on"
    same = np.array_equal(one.equity[:sessions], other.equity[:sessions], equal_nan=True)
    return "" if same else "the equity up to it differs"


def _unexplained(kind: type[StrategyBase], strategy: StrategyBase) -> Iterator[str]:
    if not strategy.title:
        yield f"{kind.__name__} has no docstring"
    for item in list_parameters(kind):
        if not item.help:
            yield f"the parameter {item.name} has no help"


def _accepted_invalid_values(kind: type[StrategyBase], bars: Bars) -> Iterator[str]:
    for item in list_parameters(kind):
        for value in _invalid_values(item):
            try:
                strategy = kind(**{item.name: value})  # type: ignore[arg-type]
                if isinstance(strategy, Strategy):
                    _ = strategy.exits
                    strategy.targets(bars)
            except ParameterError:
                continue
            except Exception as error:  # whatever the author's code comes to
                yield f"{item.name} = {value} ends in {type(error).__name__}: {error} (refuse it with a ParameterError)"
                continue
            yield f"{item.name} = {value} is accepted"


def _invalid_values(item: Parameter) -> tuple[float, ...]:
    if item.kind is int:
        return (-1,)
    return (math.nan, math.inf) if item.kind is float else ()
