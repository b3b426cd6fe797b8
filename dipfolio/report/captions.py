"""Captions: the charts of a claim in words, for those who do not see them, and where a band ends and why."""

import math
from collections.abc import Sequence

from dipfolio.evidence.course import FEWEST, HORIZONS, Course
from dipfolio.evidence.dossier import Dossier
from dipfolio.evidence.estimate import SIZE
from dipfolio.evidence.moves import Move
from dipfolio.evidence.single import APART
from dipfolio.report.wording import count, part, percent

TOLD = (0, 5, 20, 60, 120, 250)
"""Sessions that are told in words, and the last."""


def day_in_words(baskets: Sequence[Move]) -> str:
    """Which baskets moved out of the ordinary that day, and which did not, close to close."""
    told = [(move.rank <= SIZE, f"{move.label} {percent(move.day)}") for move in baskets]
    out, usual = ([words for is_out, words in told if is_out == wanted] for wanted in (True, False))
    said = [f"Beyond what the market explains, by a rank p of {part(SIZE)} or less: {', '.join(out) or 'no basket'}."]
    return " ".join([*said, *([f"Not: {', '.join(usual)}."] if usual else [])])


def course_in_words(course: Course | None) -> str:
    """The value at some sessions, with the band where there is one; empty without a course."""
    if course is None or course.last < 0:
        return ""
    said = []
    for place, horizon in enumerate(course.horizons):
        if (horizon in TOLD or horizon == course.last) and not math.isnan(course.values[place]):
            low, high = course.low[place], course.high[place]
            band = "" if math.isnan(low) else f", placebos {percent(low)} to {percent(high)}"
            said.append(f"after {horizon} sessions {percent(course.values[place])}{band}")
    return f"{'; '.join(said)}."


def paths_in_words(paths: Sequence[Course]) -> str:
    """The first with its band, then the end of each other."""
    if not paths:
        return ""
    others = [f"{path.label} {percent(path.at(path.last))}" for path in paths[1:]]
    return course_in_words(paths[0]) + (f" At the end {', '.join(others)}." if others else "")


def ending(course: Course | None, *, event: bool = True) -> str:
    """Where the band and the curve end, and why; empty if both go on to the last session asked for."""
    if course is None or course.last < 0:
        return ""
    said = []
    if course.reach < 0:
        said.append(f"No band: there are fewer than {FEWEST} placebos.")
    elif course.reach < course.last:
        left = int(course.placebos[course.horizons.tolist().index(course.reach) + 1])
        said.append(f"The band ends after {course.reach} sessions: {count(left, 'placebo')} are left then, fewer than {FEWEST}.")
        said.append(
            f"A placebo is no nearer to the event than its holding time and {APART} sessions, and ends within the figures."
            if event else "A placebo ends within the figures."
        )  # fmt: skip
    if event and course.last < HORIZONS[-1]:
        said.append(f"The curve ends after {course.last} sessions, with the figures.")
    return " ".join(said)


def equity_in_words(dossier: Dossier) -> str:
    """What the account came to; empty if it never traded."""
    result = dossier.result
    if result is None or (result.trades.empty and result.open_positions.empty):
        return ""
    total = result.equity["equity"].iloc[-1] / result.account.cash - 1
    trades, still = count(len(result.trades), "trade"), len(result.open_positions)
    return f"{percent(total)} after costs, {trades} ended{f', {still} still open' if still else ''}."


def waiting_in_words(dossier: Dossier) -> str:
    """The share of drops that were not over; empty without."""
    curve, primary = dossier.waiting, dossier.verdict.primary
    if curve is None or primary is None:
        return ""
    shares = ", ".join(f"{part(curve.waiting[n])} after {n} sessions" for n in (5, 20, 60) if n in curve.waiting.index)
    took = f"DeepSeek Monday's took {primary.observed:.0f} sessions"
    return f"Share of {curve.drops} other drops that were not over: {shares}. {took}."
