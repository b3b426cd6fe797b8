"""Examined: the examination of one strategy on the terminal, for people and as JSON for machines."""

import json
import math
from dataclasses import asdict, dataclass
from typing import IO, Any

from dipfolio.engine.metrics import YEAR
from dipfolio.engine.result import Result
from dipfolio.evidence.examination import Examination
from dipfolio.evidence.finding import Finding
from dipfolio.evidence.trials import Deflation
from dipfolio.report.measured import between, chance, observations, sized
from dipfolio.report.verdicts import finding_as_record, plain
from dipfolio.report.wording import NOTHING, count, heading, part, ratio

WAYS = {
    "event": "All is decided in one session: its rank among other dates.",
    "rule": "A rule with a fixed holding time: its mean trade among the same trade on all dates.",
    "trades": "What it did, as nobody knows what it would have done on other dates.",
    "nothing": "No trade of it has ended in these figures.",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Examined:
    """What is printed: the run, its examination, and what the register leaves of its Sharpe ratio (None without one)."""

    result: Result
    examination: Examination
    deflation: Deflation | None = None


def print_examined(examined: Examined, stream: IO[str]) -> None:
    """The findings as blocks, then the ratio if there is one, then what cannot be said."""
    result, found = examined.result, examined.examination
    print(f"{heading(result)}, {result.window[0]} to {result.window[1]}", file=stream)
    print(WAYS[found.way], file=stream)
    print(
        f"{count(found.trades, 'trade')} ended, entered in {count(found.entries, 'session')}, "
        f"{count(found.clusters, 'cluster')} more than 20 sessions apart.",
        file=stream,
    )
    for finding in found.findings:
        print(f"\n{finding.label} against {finding.against}", file=stream)
        for label, value in finding_rows(finding):
            print(f"  {label:<22}{value}", file=stream)
    if found.sharpe:
        print("\nDaily returns", file=stream)
        for label, value in _ratio_rows(examined):
            print(f"  {label:<22}{value}", file=stream)
    print("\nWhat this cannot say", file=stream)
    for sentence in found.unsaid:
        print(f"  {sentence}", file=stream)


def finding_rows(finding: Finding) -> tuple[tuple[str, str], ...]:
    """Label and value of each number that there is."""
    rows = (
        ("Observed", sized(finding, finding.observed)), ("Usual", sized(finding, finding.usual)),
        ("Effect", sized(finding, finding.effect)), ("95 % interval", between(finding)), ("p, higher", chance(finding.p_value)),
        ("p, lower", chance(finding.opposite)), ("Smallest possible p", chance(finding.smallest)),
        ("Could be found", sized(finding, finding.detectable)), ("Observations", observations(finding)),
    )  # fmt: skip
    return tuple((label, value) for label, value in rows if value != NOTHING)


def _ratio_rows(examined: Examined) -> tuple[tuple[str, str], ...]:
    found, left = examined.examination, examined.deflation
    if found.sharpe is None:
        return ()
    scale, own = math.sqrt(YEAR), found.sharpe
    trials = left.trials if left else 1
    deflated = "needs a second trial in the register" if left is None or math.isnan(left.probability) else part(left.probability)
    return (
        ("Sharpe ratio, annual", f"{ratio(own.ratio * scale)} (error {ratio(found.sharpe_error * scale)})"),
        ("Above 0", part(own.probability())),
        ("Deflated", f"{deflated}; {count(trials, 'trial')} of it in the register"),
    )


def examined_as_json(examined: Examined) -> str:
    """The same for machines: NaN becomes null."""
    result, found, left = examined.result, examined.examination, examined.deflation
    record: dict[str, Any] = {
        "strategy": result.strategy, "parameters": result.parameters, "window": [str(day) for day in result.window],
        "way": found.way, "trades": found.trades, "entries": found.entries, "clusters": found.clusters,
        "findings": [finding_as_record(finding) for finding in found.findings],
        "sharpe": asdict(found.sharpe) if found.sharpe else None, "sharpe_error": plain(found.sharpe_error),
        "deflated": plain(left.probability) if left else None, "trials": left.trials if left else None,
        "unsaid": list(found.unsaid),
    }  # fmt: skip
    return json.dumps(record, indent=1, allow_nan=False)
