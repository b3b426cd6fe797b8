"""Verdicts: a thesis on the terminal, as aligned blocks for people and as JSON for machines."""

import json
import math
from collections import Counter
from dataclasses import asdict
from typing import IO, Any

from dipfolio.evidence.contest import Contest
from dipfolio.evidence.estimate import Estimate
from dipfolio.evidence.thesis import Thesis
from dipfolio.evidence.verdict import Verdict
from dipfolio.report.folding import folded
from dipfolio.report.measured import Measured, measured
from dipfolio.report.wording import NOTHING, count

HEADS = ("Claim", "Verdict", "Effect", "95 % interval", "p (smallest)", "Corrected", "Observations")
WIDTHS = (6, 14, 15, 22, 17, 13, 16)


def standing(thesis: Thesis) -> str:
    """How many claims have which verdict, in one sentence."""
    own = [verdict for verdict in thesis.verdicts if verdict.counted]
    words = Counter(verdict.word for verdict in own)
    said = [f"{words[word]} {word}" for word in ("supported", "contradicted", "undecided", "not testable") if words[word]]
    repeated = len(thesis.verdicts) - len(own)
    are = "is the number of another claim and is" if repeated == 1 else "are the numbers of other claims and are"
    more = f"; {repeated} more {are} not counted again" if repeated else ""
    among = f" of {thesis.asked}, corrected for all" if thesis.asked > len(thesis.verdicts) else ""
    return f"{count(len(own), 'claim')}{among}: {', '.join(said)}{more}."


def beyond_reach(thesis: Thesis) -> tuple[str, ...]:
    """Which questions these figures could not have decided, grouped by the reason."""
    reasons: dict[str, list[str]] = {}
    for verdict in thesis.beyond:
        reasons.setdefault(_why(verdict), []).append(verdict.claim.id)
    return tuple(f"{', '.join(ids)}: {why}" for why, ids in reasons.items())


def _why(verdict: Verdict) -> str:
    primary = verdict.primary
    if primary is None or math.isnan(verdict.corrected):
        return verdict.reason[0].lower() + verdict.reason[1:]
    return f"the smallest p-value that so few other dates allow is too large for {verdict.family} claims."


def print_thesis(thesis: Thesis, stream: IO[str], columns: int | None = None) -> None:
    """Each claim with its numbers, its sentence and the reason; the undecidable below.

    Parameters
    ----------
    thesis : Thesis
    stream : text file
    columns : int, optional
        Of the screen. If it is narrower than the table, the numbers take two lines, and no line is longer; nothing is folded
        if not given.
    """
    print(f"Claims over {thesis.window[0]} to {thesis.window[1]}", file=stream)
    narrow = columns is not None and columns < sum(WIDTHS)
    print(f"\n{_line(HEADS[:4] if narrow else HEADS)}", file=stream)
    for verdict in thesis.verdicts:
        row = measured(verdict)
        for line in _narrow(row) if narrow else _wide(row):
            print(line, file=stream)
        print(folded(f"{row.sentence} {row.reason}", 6, columns), file=stream)
    print(f"\n{folded(standing(thesis), 0, columns)}", file=stream)
    beyond = beyond_reach(thesis)
    if beyond:
        print("\nNot to be decided by these figures, whatever had happened:", file=stream)
        for line in beyond:
            print(folded(line, 2, columns), file=stream)


def _wide(row: Measured) -> tuple[str, ...]:
    p_value = row.p_value if row.p_value == NOTHING else f"{row.p_value} ({row.smallest})"
    cells = (row.id, row.word, row.effect, row.interval, p_value, row.corrected, row.observations)
    return (_line(cells if row.told else cells[:2]),)


def _narrow(row: Measured) -> tuple[str, ...]:
    first = (row.id, row.word, row.effect, row.interval)
    if not row.told:
        return (_line(first[:2]),)
    tested = f"p {row.p_value} (smallest {row.smallest}), corrected {row.corrected}; " if row.p_value != NOTHING else ""
    return (_line(first), f"{'':6}{tested}{row.observations}")


def _line(cells: tuple[str, ...]) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=False)).rstrip()


def thesis_as_json(thesis: Thesis, report: str) -> str:
    """All verdicts with all estimates and contests: NaN becomes null."""
    record = {
        "window": list(thesis.window),
        "figures": thesis.figures,
        "verdicts": [_verdict(verdict) for verdict in thesis.verdicts],
        "beyond": [verdict.claim.id for verdict in thesis.beyond],
        "contests": [_contest(contest) for contest in thesis.contests],
        "report": report,
    }
    return json.dumps(record, indent=1, allow_nan=False)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "claim": claim.id, "sentence": claim.sentence, "hypothesis": claim.hypothesis, "kind": claim.kind,
        "family": claim.family or None, "same_as": claim.same_as or None, "verdict": verdict.word, "reason": verdict.reason,
        "counted": verdict.counted, "decidable": verdict.decidable, "remark": claim.remark,
        "primary": estimate_as_record(verdict.primary) if verdict.primary else None,
        "corrected": plain(verdict.corrected), "corrected_opposite": plain(verdict.corrected_opposite),
        "corrected_for": verdict.family, "findings": [estimate_as_record(found) for found in verdict.estimates],
    }  # fmt: skip


def estimate_as_record(estimate: Estimate) -> dict[str, Any]:
    """An estimate as JSON takes it."""
    return {name: plain(value) for name, value in asdict(estimate).items()}


def plain(value: Any) -> Any:
    """None for a number that JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _contest(contest: Contest) -> dict[str, Any]:
    return {
        "claim": contest.claim, "variants": len(contest.trials), "best": contest.best.parameters,
        "ratio": plain(contest.sharpe.ratio), "error": plain(contest.error),
        "annual_interval": [plain(end) for end in contest.interval], "probability": plain(contest.probability),
        "deflated": plain(contest.deflated.probability), "trials": contest.deflated.trials,
        "effective_trials": plain(contest.effective), "effectively_deflated": plain(contest.effectively_deflated),
        "superior_ability": plain(contest.ability.consistent), "smallest": contest.ability.smallest,
        "survivors": int(contest.survivors.better.sum()), "overfitting": plain(contest.overfitting.probability),
        "walk_in_sample": plain(contest.walk.in_sample) if contest.walk else None,
        "walk_out_of_sample": plain(contest.walk.out_of_sample) if contest.walk else None,
    }  # fmt: skip
