"""Examined: the examination of one strategy on the terminal, for people and as JSON for machines."""

import json
import math
from dataclasses import asdict, dataclass
from typing import IO, Any

from dipfolio.engine.result import Result
from dipfolio.evidence.deflation import Deflation
from dipfolio.evidence.estimate import Estimate
from dipfolio.evidence.examination import Examination
from dipfolio.market.rates import YEAR
from dipfolio.report.folding import folded
from dipfolio.report.measured import between, chance, observations, sized
from dipfolio.report.verdicts import estimate_as_record, plain
from dipfolio.report.wording import NOTHING, count, heading, part, ratio

WAYS = {
    "event": "All is decided in one session: its rank among other dates.",
    "rule": "A rule with a fixed holding time: the mean of its signals, each as a whole trade, among the same pattern on all "
    "dates. Signals that come while a position is open count too.",
    "trades": "What it did, as nobody knows what it would have done on other dates.",
    "nothing": "No trade of it has ended in these figures.",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Examined:
    """What is printed: the run, its examination, and what the register leaves of its Sharpe ratio (None without one)."""

    result: Result
    examination: Examination
    deflation: Deflation | None = None


def print_examined(examined: Examined, stream: IO[str], columns: int | None = None) -> None:
    """The estimates as blocks, then the ratio if there is one, then what cannot be said.

    Parameters
    ----------
    examined : Examined
    stream : text file
    columns : int, optional
        Of the screen; no line is folded if not given.
    """
    result, found = examined.result, examined.examination
    spread = (
        f"{count(found.trades, 'trade')} ended, entered in {count(found.entries, 'session')}, "
        f"{count(found.clusters, 'cluster')} more than 20 sessions apart."
    )
    for line in (f"{heading(result)}, {result.window[0]} to {result.window[1]}", WAYS[found.way], spread):
        print(folded(line, 0, columns), file=stream)
    for estimate in found.estimates:
        print(f"\n{folded(f'{estimate.label} against {estimate.against}', 0, columns)}", file=stream)
        for label, value in estimate_rows(estimate):
            print(f"  {label:<22}{value}", file=stream)
    if found.sharpe:
        print("\nDaily returns", file=stream)
        for label, value in _ratio_rows(examined):
            print(f"  {label:<22}{value}", file=stream)
    print("\nWhat this cannot say", file=stream)
    for sentence in found.unsaid:
        print(folded(sentence, 2, columns), file=stream)


def estimate_rows(estimate: Estimate) -> tuple[tuple[str, str], ...]:
    """Label and value of each number that there is."""
    rows = (
        ("Observed", sized(estimate, estimate.observed)), ("Usual", sized(estimate, estimate.usual)),
        ("Effect", sized(estimate, estimate.effect)), ("95 % interval", between(estimate)),
        ("p, higher", chance(estimate.p_value)), ("p, lower", chance(estimate.opposite)),
        ("Smallest possible p", chance(estimate.smallest)),
        ("Could be found", sized(estimate, estimate.detectable)), ("Observations", observations(estimate)),
    )  # fmt: skip
    return tuple((label, value) for label, value in rows if value != NOTHING)


def _ratio_rows(examined: Examined) -> tuple[tuple[str, str], ...]:
    found, left = examined.examination, examined.deflation
    if found.sharpe is None:
        return ()
    scale, own = math.sqrt(YEAR), found.sharpe
    low, high = map(ratio, found.sharpe_interval)
    trials = left.trials if left else 1
    deflated = "needs a second trial in the register" if left is None or math.isnan(left.probability) else part(left.probability)
    return (
        ("Sharpe ratio, annual", f"{ratio(own.ratio * scale)} (error {ratio(found.sharpe_error * scale)}, 95 % {low} to {high})"),
        ("Above 0", part(own.probability())),
        ("Deflated", f"{deflated}; {count(trials, 'trial')} of it in the register"),
    )


def examined_as_json(examined: Examined) -> str:
    """The same for machines: NaN becomes null."""
    result, found, left = examined.result, examined.examination, examined.deflation
    record: dict[str, Any] = {
        "strategy": result.strategy, "parameters": result.parameters, "window": [str(day) for day in result.window],
        "way": found.way, "trades": found.trades, "entries": found.entries, "clusters": found.clusters,
        "findings": [estimate_as_record(estimate) for estimate in found.estimates],
        "sharpe": asdict(found.sharpe) if found.sharpe else None, "sharpe_error": plain(found.sharpe_error),
        "annual_sharpe_interval": [plain(end) for end in found.sharpe_interval],
        "deflated": plain(left.probability) if left else None, "trials": left.trials if left else None,
        "unsaid": list(found.unsaid),
    }  # fmt: skip
    return json.dumps(record, indent=1, allow_nan=False)
