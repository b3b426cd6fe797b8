"""The study of the DeepSeek article: its dates, its claims, their tests and their verdicts.

The names below are public. Each is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

from dipfolio import lazy_attribute

if TYPE_CHECKING:
    from dipfolio.study.claims import CLAIMS, Claim, Criterion
    from dipfolio.study.dates import CONFIRMATION_START, DEEPSEEK_MONDAY, DESIGN_END, without_event
    from dipfolio.study.outcomes import Outcome, WhatHappened, find_outcomes
    from dipfolio.study.return_paths import ReturnPath, abnormal_return_path
    from dipfolio.study.verdicts import Thesis, Verdict, judge_claims

_HOMES = {
    "claims": ("CLAIMS", "Claim", "Criterion"),
    "dates": ("CONFIRMATION_START", "DEEPSEEK_MONDAY", "DESIGN_END", "without_event"),
    "outcomes": ("Outcome", "WhatHappened", "find_outcomes"),
    "return_paths": ("ReturnPath", "abnormal_return_path"),
    "verdicts": ("Thesis", "Verdict", "judge_claims"),
}

__all__ = [
    "CLAIMS",
    "CONFIRMATION_START",
    "DEEPSEEK_MONDAY",
    "DESIGN_END",
    "Claim",
    "Criterion",
    "Outcome",
    "ReturnPath",
    "Thesis",
    "Verdict",
    "WhatHappened",
    "abnormal_return_path",
    "find_outcomes",
    "judge_claims",
    "without_event",
]


if not TYPE_CHECKING:  # a type checker knows the names from above, and would take every other for Any

    def __getattr__(name: str) -> Any:
        return lazy_attribute(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return sorted(__all__)
