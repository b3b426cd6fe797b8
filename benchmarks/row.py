"""Row: one measured contestant beside the one it is measured against."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.clock import Race


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of results.

    Attributes
    ----------
    what : str
    seconds : float
        Median.
    ratio : float
        Median over the rounds of its seconds over those of ``against``.
    against : str
    target : float
        The ratio aimed at; infinite where none is.
    """

    what: str
    seconds: float
    ratio: float
    against: str
    target: float = float("inf")

    def __str__(self) -> str:
        aim = "" if self.target == float("inf") else f"   target {self.target:.2f}"
        return f"  {self.what:<38} {self.seconds:7.3f} s {self.ratio:7.2f} of {self.against}{aim}"


def rows(found: Race, against: str, targets: dict[str, float]) -> Iterator[Row]:
    """One row for each contestant but the one they are measured against, which comes first."""
    yield Row(what=against, seconds=found.median(against), ratio=1.0, against="itself")
    for name in found.seconds:
        if name != against:
            ratio = found.ratio(name, against)
            yield Row(what=name, seconds=found.median(name), ratio=ratio, against=against, target=targets.get(name, float("inf")))
