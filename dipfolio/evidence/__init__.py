"""Is it more than luck? Event studies, placebos, Sharpe ratios, selection, and a register of everything that was tried.

Every module works on any strategy and any event::

    from dipfolio import load_bars
    from dipfolio.evidence import event_study, event_tests

    returns = load_bars("data").returns
    monday = event_study.study(returns[["NVDA", "AVGO"]], returns["SPY"], "2025-01-27")
    for score in event_tests.scores(monday):
        print(score.name, score.p_value, score.warning)

What is often needed has its name here as well; each is imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dipfolio.evidence.abnormal import abnormal_course
    from dipfolio.evidence.bootstrap import Difference, mean_differences, sharpe_interval
    from dipfolio.evidence.claims import CLAIMS, Claim
    from dipfolio.evidence.course import Course
    from dipfolio.evidence.deflation import deflate
    from dipfolio.evidence.delay import later
    from dipfolio.evidence.estimate import Estimate
    from dipfolio.evidence.event_study import EventStudy, EventWindow, study
    from dipfolio.evidence.event_tests import Score, scores
    from dipfolio.evidence.examination import Examination, examine
    from dipfolio.evidence.holding import moved
    from dipfolio.evidence.multiplicity import effective_trials, holm
    from dipfolio.evidence.placebo import Placebo, matched_dates, other_names, random_entry, rotation
    from dipfolio.evidence.power import detectable
    from dipfolio.evidence.recovery import Recovery, Survival, recover, survival
    from dipfolio.evidence.register import Register
    from dipfolio.evidence.selection import Overfitting, SuperiorAbility, Survivors, overfitting, superior_ability, survivors
    from dipfolio.evidence.sensitivity import Sensitivity, sensitivities
    from dipfolio.evidence.sharpe import Sharpe, difference_z, hac_error, sharpe_of
    from dipfolio.evidence.swept import Swept, entries_of
    from dipfolio.evidence.thesis import Thesis, judge
    from dipfolio.evidence.trials import Trial, trial_of
    from dipfolio.evidence.verdict import Verdict
    from dipfolio.evidence.walkforward import WalkForward, walk_forward

_HOMES = {
    "CLAIMS": "claims", "Claim": "claims", "Course": "course", "Difference": "bootstrap", "Estimate": "estimate",
    "EventStudy": "event_study", "EventWindow": "event_study", "Examination": "examination", "Overfitting": "selection",
    "Placebo": "placebo", "Recovery": "recovery", "Register": "register", "Score": "event_tests",
    "Sensitivity": "sensitivity", "Sharpe": "sharpe", "SuperiorAbility": "selection", "Survival": "recovery",
    "Survivors": "selection", "Swept": "swept", "Thesis": "thesis", "Trial": "trials", "Verdict": "verdict",
    "WalkForward": "walkforward", "abnormal_course": "abnormal", "deflate": "deflation", "detectable": "power",
    "difference_z": "sharpe", "effective_trials": "multiplicity", "entries_of": "swept", "examine": "examination",
    "hac_error": "sharpe", "holm": "multiplicity", "judge": "thesis", "later": "delay", "matched_dates": "placebo",
    "mean_differences": "bootstrap", "moved": "holding", "other_names": "placebo", "overfitting": "selection",
    "random_entry": "placebo", "recover": "recovery", "rotation": "placebo", "scores": "event_tests",
    "sensitivities": "sensitivity", "sharpe_interval": "bootstrap", "sharpe_of": "sharpe", "study": "event_study",
    "superior_ability": "selection", "survival": "recovery", "survivors": "selection", "trial_of": "trials",
    "walk_forward": "walkforward",
}  # fmt: skip

__all__ = [
    "CLAIMS", "Claim", "Course", "Difference", "Estimate", "EventStudy", "EventWindow", "Examination", "Overfitting",
    "Placebo", "Recovery", "Register", "Score", "Sensitivity", "Sharpe", "SuperiorAbility", "Survival", "Survivors",
    "Swept", "Thesis", "Trial", "Verdict", "WalkForward", "abnormal_course", "deflate", "detectable", "difference_z",
    "effective_trials", "entries_of", "examine", "hac_error", "holm", "judge", "later", "matched_dates",
    "mean_differences", "moved", "other_names", "overfitting", "random_entry", "recover", "rotation", "scores",
    "sensitivities", "sharpe_interval", "sharpe_of", "study", "superior_ability", "survival", "survivors", "trial_of",
    "walk_forward",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"dipfolio.evidence.{_HOMES[name]}"), name)
    raise AttributeError(f"dipfolio.evidence has no {name!r}; it has {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return sorted(__all__)
