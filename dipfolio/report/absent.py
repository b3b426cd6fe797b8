"""Absent: which parts the page of a claim lacks, each with the reason in one line."""

from collections.abc import Iterator, Mapping

from dipfolio.evidence.claims import Kind
from dipfolio.evidence.dossier import AT_EVENT, Dossier

PARTS = (
    "Cumulative abnormal return", "Sub-baskets", "Recovery dates", "By holding time", "Equity", "Tear sheet", "Delay and costs",
    "Borrow fee",
)  # fmt: skip
"""What a page has, beside its register of hindsight and its sources, which every page has."""

MANY = "Its trades are on many dates; there is no one day to count from."
PRINTS = "Its trades are around the prints of several days, not on Monday."

UNDATED: Mapping[Kind, str] = {"described": PRINTS}

ONE_LENGTH: Mapping[Kind, str] = {
    "fact": "A fact is not held.",
    "duration": "It is the time that is asked for; see the waiting curve.",
    "described": "Each trade is over a session after its print.",
    "mean": "Each trade is over in the next session.",
    "paired": "Its trades end by rules of their own, not after a set time.",
    "list": "Too few cases for a curve.",
    "arithmetic": "What was told has one cover; a later one is another claim.",
}


def absent(dossier: Dossier, there: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    """Part and reason.

    Parameters
    ----------
    dossier : Dossier
    there : mapping
        Each of :data:`PARTS` with whether the page has it.
    """
    for name in PARTS:
        if not there[name]:
            yield name, _why(name, dossier)


def _why(part: str, dossier: Dossier) -> str:
    claim = dossier.verdict.claim
    if claim.kind == "untestable":
        return "Prices do not answer it, so nothing is measured or traded."
    if claim.kind == "same" and (part not in ("Equity", "Tear sheet") or dossier.strategy is None):
        return f"It is the number of {claim.same_as}, on whose page this is."
    if part in PARTS[:3]:
        return _undated(part, dossier)
    if part == "By holding time":
        return ONE_LENGTH.get(claim.kind, "No trade of it ends within the figures.")
    return _untraded(part, dossier)


def _undated(part: str, dossier: Dossier) -> str:
    claim = dossier.verdict.claim
    if claim.kind not in AT_EVENT:
        return UNDATED.get(claim.kind, MANY)
    if part == "Sub-baskets" and dossier.symbols:
        return f"It is about {', '.join(dossier.symbols)} and no group of names."
    return "The figures lack that Monday, the 261 sessions before it, or one of its names."


def _untraded(part: str, dossier: Dossier) -> str:
    claim, result = dossier.verdict.claim, dossier.result
    if claim.kind == "fact":
        return "A fact is not traded."
    if part == "Tear sheet" and claim.signal:
        return "Its signal is no strategy file of its own."
    if dossier.strategy is None or result is None:
        return "Its strategy cannot be run on these figures."
    if result.trades.empty and result.open_positions.empty:
        return "Its strategy never trades in these figures."
    return "It only buys; nothing is borrowed." if part == "Borrow fee" else "It does not trade in these figures."
