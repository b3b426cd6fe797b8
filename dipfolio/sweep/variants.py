"""Variants: strategies of different parameters, put together into batches that can advance in lockstep."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from dipfolio.engine.account import Account
from dipfolio.engine.panel import panel_of
from dipfolio.engine.simulation import checked_targets
from dipfolio.engine.strategy import Strategy
from dipfolio.market.bars import Bars
from dipfolio.sweep.batch import Batch
from dipfolio.sweep.rules import Kind
from dipfolio.sweep.sharing import Answer, Shared

BUDGET = 48 * 2**20
"""Bytes of targets that are held at a time."""

Numbered = list[tuple[int, Strategy]]


def batches(
    strategies: Sequence[Strategy], bars: Bars, account: Account, first: int = 0, *, budget: int = BUDGET
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
    herds: dict[Hashable, Numbered] = {}
    for number, strategy in enumerate(strategies):
        herds.setdefault(_shape(strategy), []).append((number, strategy))
    for herd in herds.values():
        own = bars.select(herd[0][1].symbols)
        panel = panel_of(own, first)
        shared = Shared(lambda strategy, own=own: checked_targets(strategy, own).to_numpy()[first:])  # type: ignore[misc]
        for part in _parts(herd, shared, budget):
            members = [member for _, group in part for member in group]
            lead = members[0][1]
            yield (
                [number for number, _ in members],
                Batch(
                    panel=panel, account=account, targets=tuple(answer.targets for answer, _ in part),
                    sizes=tuple(len(group) for _, group in part), unit=lead.unit, fill=lead.fill, resize=lead.resize,
                    exits=tuple(strategy.exits for _, strategy in members),
                ),
            )  # fmt: skip


def _shape(strategy: Strategy) -> Hashable:
    """What variants must have in common to advance together."""
    kinds = tuple(Kind.of(rule) for rule in strategy.exits)
    return type(strategy), strategy.symbols, strategy.unit, strategy.fill, strategy.resize, kinds


def _parts(herd: Numbered, shared: Shared, budget: int) -> Iterator[list[tuple[Answer, Numbered]]]:
    """The variants in groups that share their targets, as many groups at a time as the budget allows."""
    part: list[tuple[Answer, Numbered]] = []
    for number, strategy in _neighbours(herd, shared):
        answer = shared.answer(strategy)
        if part and part[-1][0] is answer:
            part[-1][1].append((number, strategy))
            continue
        if part and (len(part) + 1) * answer.targets.nbytes > budget:
            yield part
            part = []
        part.append((answer, [(number, strategy)]))
    yield part


def _neighbours(herd: Numbered, shared: Shared) -> Numbered:
    """The variants in an order in which those that share their targets stand together."""
    read = sorted(shared.answer(herd[0][1]).read)

    def place(member: tuple[int, Strategy]) -> tuple[Any, ...]:
        """What its targets depend on."""
        return tuple(repr(getattr(member[1], name)) for name in read)

    return sorted(herd, key=place)
