"""The dates of the study: DeepSeek Monday and the ends of the samples before and after it.

Rules may be designed on data up to the end of the design sample. The confirmation sample begins after the event,
which suggested the rules and is left out.
"""

from datetime import date

import pandas as pd

DEEPSEEK_MONDAY = date(2025, 1, 27)
"""The session of the sell-off; the article appeared before its open."""

DESIGN_END = pd.Timestamp("2025-01-24")
"""Rules may be made with what was known up to here."""

CONFIRMATION_START = pd.Timestamp("2025-01-28")
"""From here on they are confirmed; the event between suggested them and is left out."""

EVENT_SESSION = pd.Timestamp(DEEPSEEK_MONDAY)


def without_event(signal: pd.DataFrame) -> pd.DataFrame:
    """The same signals but for those of DeepSeek Monday, which suggested the rules that are tested on them."""
    kept = signal.copy()
    kept.loc[kept.index == pd.Timestamp(DEEPSEEK_MONDAY)] = False
    return kept
