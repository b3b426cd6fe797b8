"""Batches: strategies with different parameters, grouped so that they can be simulated together.

Variants that differ only in parameters that ``targets`` never reads share one call of it. The reads are recorded
while ``targets`` runs.
"""

import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dipfolio.data.bars import Bars
from dipfolio.engine.account import Account
from dipfolio.engine.exits import Exit, FillAt
from dipfolio.engine.panel import Panel, build_panel
from dipfolio.engine.simulation import checked_exit_rules, checked_targets
from dipfolio.engine.strategy import Strategy, TargetUnit
from dipfolio.sweep.exits import ExitKind

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class CachedTargets:
    """Targets, and the values of the parameters that were looked at on the way to them.

    Attributes
    ----------
    read : dict
    targets : array of shape (sessions, symbols)
    """

    read: dict[str, Any]
    targets: Floats

    def is_valid_for(self, strategy: Strategy) -> bool:
        """True if another variant would have got the same answer: it has the same values where they were looked at."""
        return all(getattr(strategy, name) == value for name, value in self.read.items())


class TargetsCache:
    """The answers of one class of strategies over the same bars; only the latest are kept.

    ``targets`` is a function of the bars and of the parameters that it reads, so two variants that agree in those agree in
    the targets. Which those are is watched while it runs, on an instance that writes down what is asked of it; a look into
    the instance as a whole counts as a look at every parameter.
    """

    def __init__(self, compute: Callable[[Strategy], Floats], max_entries: int = 64) -> None:
        self._ask, self._keep = compute, max_entries
        self._answers: list[CachedTargets] = []

    def answer(self, strategy: Strategy) -> CachedTargets:
        """The targets of a strategy, new or from a variant that cannot differ."""
        for number, known in enumerate(self._answers):
            if known.is_valid_for(strategy):
                self._answers.insert(0, self._answers.pop(number))
                return known
        spy, read = record_reads(strategy)
        targets = self._ask(spy)
        fresh = CachedTargets(read={name: getattr(strategy, name) for name in sorted(read)}, targets=targets)
        self._answers = [fresh, *self._answers[: self._keep - 1]]
        return fresh


def record_reads(strategy: Strategy) -> tuple[Strategy, set[str]]:
    """The same strategy, and the growing set of its parameters that have been read."""
    kind, names = type(strategy), set(strategy.parameters)
    read: set[str] = set()

    def look(self: Any, name: str) -> Any:
        """The attribute, after a note that it was read."""
        if name in names:
            read.add(name)
        elif name in ("__dict__", "__getstate__", "__reduce__", "__reduce_ex__"):
            read.update(names)
        return super(recorder, self).__getattribute__(name)

    facts = {"__getattribute__": look, "__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    recorder: Any = type(kind.__name__, (kind,), facts)
    spy = object.__new__(recorder)
    for name in names:
        object.__setattr__(spy, name, getattr(strategy, name))
    read.clear()
    return spy, read


@dataclass(frozen=True, kw_only=True)
class SessionTargets:
    """The targets of one session: for every instruction the variants from ``start`` to ``stop``, a symbol and a target.

    All arrays have the shape (instructions,).
    """

    start: NDArray[np.intp]
    stop: NDArray[np.intp]
    symbol: NDArray[np.intp]
    target: Floats

    def cells(self, variants: int) -> tuple[NDArray[np.intp], Floats]:
        """Every cell concerned, ``symbol x variants + variant``, and its target."""
        count = self.stop - self.start
        ends = np.cumsum(count)
        first = self.symbol * variants + self.start - (ends - count)
        return np.repeat(first, count) + np.arange(ends[-1]), np.repeat(self.target, count)


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Variants that trade the same panel in the same account, by exits of the same kinds.

    Attributes
    ----------
    panel : Panel
    account : Account
    targets : tuple of array of shape (sessions, symbols)
        One for each group of variants, as in :class:`dipfolio.engine.strategy.Strategy`.
    sizes : tuple of int
        How many variants each group has; they stand in the order of the groups.
    unit, fill, resize
        As in :class:`dipfolio.engine.strategy.Strategy`.
    exits : tuple of tuple of Exit
        Of each variant; every place holds one kind (:class:`dipfolio.sweep.exits.ExitKind`).
    """

    panel: Panel
    account: Account
    targets: tuple[Floats, ...]
    sizes: tuple[int, ...]
    unit: TargetUnit
    fill: FillAt
    resize: bool
    exits: tuple[tuple[Exit, ...], ...]

    def __len__(self) -> int:
        return sum(self.sizes)

    def instructions(self) -> Sequence[SessionTargets | None]:
        """The targets, session by session; None where no variant has one. Symbols that do not trade are left out."""
        ends = np.cumsum(np.array(self.sizes, dtype=np.intp))
        trading = ~np.isnan(self.panel.close)
        cells = [np.nonzero(~np.isnan(targets) & trading) for targets in self.targets]
        session = np.concatenate([rows for rows, _ in cells])
        order = np.argsort(session, kind="stable")
        group = np.repeat(np.arange(len(cells)), [len(rows) for rows, _ in cells])[order]
        symbol = np.concatenate([columns for _, columns in cells])[order]
        target = np.concatenate([t[place] for t, place in zip(self.targets, cells, strict=True)])[order]
        edges = np.searchsorted(session[order], np.arange(len(self.panel) + 1))
        start, stop = (ends - self.sizes)[group], ends[group]
        return [
            None if a == b else SessionTargets(start=start[a:b], stop=stop[a:b], symbol=symbol[a:b], target=target[a:b])
            for a, b in itertools.pairwise(edges)
        ]


MAX_TARGET_BYTES = 48 * 2**20
"""Bytes of targets that are held at a time."""

NumberedStrategies = list[tuple[int, Strategy]]


def make_batches(
    strategies: Sequence[Strategy], bars: Bars, account: Account, first: int = 0, *, budget: int = MAX_TARGET_BYTES
) -> Iterator[tuple[list[int], Batch]]:
    """Batches of the strategies, each with the places of its variants in the sequence.

    Parameters
    ----------
    strategies : sequence of Strategy
    bars : Bars
        At least their symbols.
    account : Account
    first : int
        Number of the session with the first decision.
    budget : int
        Bytes of targets in one batch; a single variant may exceed it.
    """
    herds: dict[Hashable, NumberedStrategies] = {}
    for number, strategy in enumerate(strategies):
        herds.setdefault(_batch_key(strategy), []).append((number, strategy))
    for herd in herds.values():
        selected = bars.select(herd[0][1].symbols)
        panel = build_panel(selected, first)
        shared = TargetsCache(lambda strategy, selected=selected: checked_targets(strategy, selected, first).to_numpy()[first:])  # type: ignore[misc]
        for part in _target_groups(herd, shared, budget):
            members = [member for _, group in part for member in group]
            lead = members[0][1]
            yield (
                [number for number, _ in members],
                Batch(
                    panel=panel, account=account, targets=tuple(answer.targets for answer, _ in part),
                    sizes=tuple(len(group) for _, group in part), unit=lead.unit, fill=lead.fill, resize=lead.resize,
                    exits=tuple(checked_exit_rules(strategy) for _, strategy in members),
                ),
            )  # fmt: skip


def _batch_key(strategy: Strategy) -> Hashable:
    """The properties that variants must share to be simulated together."""
    kinds = tuple(ExitKind.of(rule) for rule in checked_exit_rules(strategy))
    return type(strategy), strategy.symbols, strategy.unit, strategy.fill, strategy.resize, kinds


def _target_groups(
    herd: NumberedStrategies, shared: TargetsCache, budget: int
) -> Iterator[list[tuple[CachedTargets, NumberedStrategies]]]:
    """The variants in groups that share their targets, as many groups at a time as the budget allows."""
    part: list[tuple[CachedTargets, NumberedStrategies]] = []
    for number, strategy in _order_by_targets(herd, shared):
        answer = shared.answer(strategy)
        if part and part[-1][0] is answer:
            part[-1][1].append((number, strategy))
            continue
        if part and (len(part) + 1) * answer.targets.nbytes > budget:
            yield part
            part = []
        part.append((answer, [(number, strategy)]))
    yield part


def _order_by_targets(herd: NumberedStrategies, shared: TargetsCache) -> NumberedStrategies:
    """The variants in an order in which those that share their targets stand together."""
    read = sorted(shared.answer(herd[0][1]).read)

    def place(member: tuple[int, Strategy]) -> tuple[Any, ...]:
        """The parameters that its targets depend on."""
        return tuple(repr(getattr(member[1], name)) for name in read)

    return sorted(herd, key=place)
