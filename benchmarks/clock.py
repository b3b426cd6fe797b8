"""Clock: contestants take turns, so that a machine that slows down slows all of them down."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Race:
    """Seconds of each contestant in each round, in the order of the rounds."""

    seconds: dict[str, tuple[float, ...]]

    def median(self, name: str) -> float:
        """Median seconds of a contestant."""
        return median(self.seconds[name])

    def ratio(self, name: str, other: str) -> float:
        """Median over the rounds of one contestant's seconds over another's."""
        return median(a / b for a, b in zip(self.seconds[name], self.seconds[other], strict=True))


def race(contestants: dict[str, Callable[[], object]], rounds: int = 5, *, warm: bool = True) -> Race:
    """Let each contestant run once unmeasured, unless one takes too long for that, then all of them in turn."""
    for run in contestants.values() if warm else ():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return Race(seconds={name: tuple(values) for name, values in seconds.items()})
