"""Required data: what would decide a claim that these data leave open, or why no data could.

The error of a mean falls with the square root of the length of a history, so an effect of the size ``m`` needs
``(d / m)^2`` times the years in which one of the size ``d`` is found. The margin of the claim is taken for ``m``.
"""

import math
from typing import TYPE_CHECKING

from dipfolio.data.risk_free import SESSIONS_PER_YEAR
from dipfolio.evidence.estimates import SIGNIFICANCE_LEVEL

if TYPE_CHECKING:
    from dipfolio.study.verdicts import Verdict

OLDEST_DAILY_PRICES = 1928
"""First year of the daily levels of the S&P composite index, the longest such series of American shares in common use."""

OLDEST_YEARS = 2025 - OLDEST_DAILY_PRICES
"""Years from then to the event."""

LONGER_HISTORY = "It needs a longer history: `python backtest.py data fetch history --since 1999`."


def required_data(verdict: "Verdict") -> str:
    """One sentence or two on what would decide the claim; empty for a claim that is decided or that prices do not answer."""
    if verdict.luck not in ("no effect found", "data cannot tell") or verdict.claim.kind == "fact" or not verdict.counted:
        return ""
    primary = verdict.primary
    if primary is None:
        return "The trade has to end within the data." if verdict.claim.kind == "event" else LONGER_HISTORY
    if verdict.claim.kind == "list":
        return LONGER_HISTORY
    if verdict.claim.kind == "described":
        return "The evenings of one quarter count as one observation. A table with the dates of many quarters would be needed."
    if primary.sample == "event":
        return _one_event(verdict)
    if math.isnan(primary.detectable):
        return LONGER_HISTORY
    return _longer_history(verdict, primary.detectable)


def _one_event(verdict: "Verdict") -> str:
    primary = verdict.primary
    if primary is not None and primary.smallest * verdict.family > SIGNIFICANCE_LEVEL:
        there, needed = round(1 / primary.smallest) - 1, math.ceil(verdict.family / SIGNIFICANCE_LEVEL) - 1
        return f"{there} other drops are compared; {needed} would be needed, so {needed / max(there, 1):.0f} times the history."
    return (
        "One morning is one observation, and a longer history only adds mornings to compare it with. No data can tell a "
        "smaller effect from chance."
    )


def _longer_history(verdict: "Verdict", detectable: float) -> str:
    margin, history = verdict.claim.margin, verdict.history
    if history is None or detectable <= margin:
        return ""
    years = history.sessions / SESSIONS_PER_YEAR * (detectable / margin) ** 2
    known = f", and daily prices exist for {OLDEST_YEARS}: no data could" if years > OLDEST_YEARS else ""
    return f"An effect of {100 * margin:g} % would need about {_rounded(years):,} years of such data{known}."


def _rounded(years: float) -> int:
    """Two digits, as the number is no more exact than that."""
    return max(int(round(years, 1 - math.floor(math.log10(years)))), 1)
