"""Inspection: whether a strategy looks ahead, repeats itself, explains itself and refuses nonsense.

Looking ahead is found by taking the future away and by exchanging it: whatever was decided up to a session must not move.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dipfolio.engine.account import Account
from dipfolio.engine.idea import Idea
from dipfolio.engine.parameter import Parameter, parameters
from dipfolio.engine.simulation import checked_targets, play
from dipfolio.engine.strategy import Strategy
from dipfolio.engine.tape import Tape
from dipfolio.errors import DipfolioError, ParameterError
from dipfolio.market.bars import PRICES, Bars

FUTURES = (0.6, 1.5)
"""What all later prices are multiplied by: a fall and a rise, so that a strategy that peeks is wrong in one of them."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """The answer to one question about a strategy.

    Attributes
    ----------
    question : str
    passed : bool
    detail : str
        What was found, or how far the search went.
    """

    question: str
    passed: bool
    detail: str


def inspect_strategy(kind: type[Idea], bars: Bars, *, sessions: int = 20) -> tuple[Check, ...]:
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
    own = bars.select(strategy.symbols)
    account = Account()
    tape = play(strategy, own, account)
    cuts = _cuts(tape, len(own), sessions)
    findings = []
    if isinstance(strategy, Strategy):
        findings.append(_ask("decisions do not look ahead", _decisions_ahead(strategy, own, cuts), f"{len(cuts)} sessions"))
    few = cuts[: max(sessions // 3, 1)]
    findings += [
        _ask("orders and fills do not look ahead", _orders_ahead(strategy, own, account, tape, few), f"{len(few)} sessions"),
        _ask("runs repeat exactly", _differs(tape, play(kind(), own, account), len(own)), "two runs"),
        _ask("class and parameters are explained", _unexplained(kind, strategy), "docstring and help"),
    ]
    if isinstance(strategy, Strategy):
        findings.append(_ask("parameters refuse nonsense", _accepted_nonsense(kind, own), "negative counts, nan and inf"))
    return tuple(findings)


def _ask(question: str, faults: Iterator[str] | str, looked_at: str) -> Check:
    fault = faults if isinstance(faults, str) else next(faults, "")
    return Check(question=question, passed=not fault, detail=fault or looked_at)


def _cuts(tape: Tape, length: int, count: int) -> list[int]:
    """Numbers of sessions to look at: around the first orders, then evenly, without the last session."""
    near_orders = [session for sent in tape.sent for session in (sent.session, sent.session - 1)]
    even = np.linspace(0, length - 2, count).astype(int).tolist()
    chosen = dict.fromkeys([*near_orders[: count // 2], *even])
    return [cut for cut in chosen if 0 <= cut < length - 1][:count]


def _other_future(bars: Bars, cut: int, factor: float) -> Bars:
    """The bars with every figure after session number ``cut`` exchanged for another."""
    later = np.where(np.arange(len(bars)) > cut, factor, 1.0)[:, None]
    return replace(bars, **{field: getattr(bars, field) * later for field in (*PRICES, "volume", "dividends")})


def _decisions_ahead(strategy: Strategy, bars: Bars, cuts: list[int]) -> Iterator[str]:
    known = checked_targets(strategy, bars)
    for cut in cuts:
        day = bars.sessions[cut]
        others: list[Callable[[], Bars]] = [lambda day=day: bars.until(day)]  # type: ignore[misc]
        others += [lambda cut=cut, factor=factor: _other_future(bars, cut, factor) for factor in FUTURES]  # type: ignore[misc]
        for other in others:
            fault = _moved(known.loc[:day], strategy, other())
            if fault:
                yield f"{fault} when what follows {day.date()} is not there or is something else"


def _moved(known: pd.DataFrame, strategy: Strategy, other: Bars) -> str:
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


def _orders_ahead(strategy: Idea, bars: Bars, account: Account, tape: Tape, cuts: list[int]) -> Iterator[str]:
    for cut in cuts:
        day = bars.sessions[cut]
        for other in (bars.until(day), *(_other_future(bars, cut, factor) for factor in FUTURES)):
            try:
                fault = _differs(tape, play(strategy, other, account), cut + 1)
            except (DipfolioError, ArithmeticError, LookupError, ValueError, TypeError) as error:
                fault = f"the run fails with {type(error).__name__}: {error}"
            if fault:
                yield f"{fault} when what follows {day.date()} is not there or is something else"


def _differs(one: Tape, other: Tape, sessions: int) -> str:
    """The first difference between two tapes in the first sessions, empty for none."""
    for what in ("sent", "fills"):
        first = [entry for entry in getattr(one, what) if entry.session < sessions]
        second = [entry for entry in getattr(other, what) if entry.session < sessions]
        if first != second:
            word = {"sent": "orders", "fills": "fills"}[what]
            place = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
            return f"the {word} up to it differ from number {place + 1} on"
    same = np.array_equal(one.equity[:sessions], other.equity[:sessions], equal_nan=True)
    return "" if same else "the equity up to it differs"


def _unexplained(kind: type[Idea], strategy: Idea) -> Iterator[str]:
    if not strategy.title:
        yield f"{kind.__name__} has no docstring"
    for item in parameters(kind):
        if not item.help:
            yield f"the parameter {item.name} has no help"


def _accepted_nonsense(kind: type[Idea], bars: Bars) -> Iterator[str]:
    for item in parameters(kind):
        for value in _nonsense(item):
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


def _nonsense(item: Parameter) -> tuple[float, ...]:
    if item.kind is int:
        return (-1,)
    return (math.nan, math.inf) if item.kind is float else ()
