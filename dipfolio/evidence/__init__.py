"""Is it more than luck? Event studies, placebo tests, Sharpe ratios, data-snooping tests, and a log of all trials.

Every module works on any strategy and any event::

    from dipfolio import load_bars
    from dipfolio.evidence import run_event_study, run_event_tests

    returns = load_bars("data").returns
    study = run_event_study(returns[["NVDA", "AVGO"]], returns["SPY"], "2025-04-03")
    for test in run_event_tests(study):
        print(test.name, test.p_value, test.warning)

The names below are public. Each is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

from dipfolio import lazy_attribute

if TYPE_CHECKING:
    from dipfolio.evidence.assessment import Assessment, SampleSplit, assess
    from dipfolio.evidence.bootstrap import (
        MeanDifference,
        SharpeDifference,
        mean_differences,
        sharpe_differences,
        sharpe_interval,
    )
    from dipfolio.evidence.calendar_time import (
        CalendarTimeTest,
        HoldingTimes,
        SessionReturns,
        calendar_time_test,
        holding_times_of_trades,
        session_returns,
    )
    from dipfolio.evidence.data_snooping import (
        OverfittingResult,
        SPAResult,
        StepMResult,
        probability_of_overfitting,
        spa_test,
        stepm_test,
    )
    from dipfolio.evidence.estimates import Estimate
    from dipfolio.evidence.event_study import EventStudy, EventWindow, run_event_study
    from dipfolio.evidence.event_tests import EventTestResult, run_event_tests
    from dipfolio.evidence.multiple_testing import effective_trials, holm
    from dipfolio.evidence.placebo import (
        Placebo,
        matched_dates_placebo,
        random_baskets_placebo,
        rotation_placebo,
        scaled_dates_placebo,
    )
    from dipfolio.evidence.recovery import Recovery, SurvivalCurve, find_recovery, survival_curve
    from dipfolio.evidence.robustness import Robustness, measure_robustness
    from dipfolio.evidence.sensitivity import SensitivityCase, run_sensitivity, with_delay
    from dipfolio.evidence.sharpe_ratio import (
        SharpeRatio,
        hac_error,
        min_backtest_length,
        minimum_detectable_effect,
        sharpe_difference_error,
        sharpe_of,
        statistical_power,
    )
    from dipfolio.evidence.trial_log import SweepTrials, Trial, TrialLog, deflate_sharpe, trial_of, trials_of_sweep
    from dipfolio.evidence.volatility import expected_size
    from dipfolio.evidence.walk_forward import WalkForward, WalkForwardScheme, run_walk_forward

_HOMES = {
    "assessment": ("Assessment", "SampleSplit", "assess"),
    "bootstrap": ("MeanDifference", "SharpeDifference", "mean_differences", "sharpe_differences", "sharpe_interval"),
    "calendar_time": (
        "CalendarTimeTest",
        "HoldingTimes",
        "SessionReturns",
        "calendar_time_test",
        "holding_times_of_trades",
        "session_returns",
    ),
    "data_snooping": ("OverfittingResult", "SPAResult", "StepMResult", "probability_of_overfitting", "spa_test", "stepm_test"),
    "estimates": ("Estimate",),
    "event_study": ("EventStudy", "EventWindow", "run_event_study"),
    "event_tests": ("EventTestResult", "run_event_tests"),
    "multiple_testing": ("effective_trials", "holm"),
    "placebo": (
        "Placebo",
        "matched_dates_placebo",
        "random_baskets_placebo",
        "rotation_placebo",
        "scaled_dates_placebo",
    ),
    "recovery": ("Recovery", "SurvivalCurve", "find_recovery", "survival_curve"),
    "robustness": ("Robustness", "measure_robustness"),
    "sensitivity": ("SensitivityCase", "run_sensitivity", "with_delay"),
    "sharpe_ratio": (
        "SharpeRatio",
        "hac_error",
        "min_backtest_length",
        "minimum_detectable_effect",
        "sharpe_difference_error",
        "sharpe_of",
        "statistical_power",
    ),
    "trial_log": ("SweepTrials", "Trial", "TrialLog", "deflate_sharpe", "trial_of", "trials_of_sweep"),
    "volatility": ("expected_size",),
    "walk_forward": ("WalkForward", "WalkForwardScheme", "run_walk_forward"),
}

__all__ = [
    "Assessment",
    "CalendarTimeTest",
    "Estimate",
    "EventStudy",
    "EventTestResult",
    "EventWindow",
    "HoldingTimes",
    "MeanDifference",
    "OverfittingResult",
    "Placebo",
    "Recovery",
    "Robustness",
    "SPAResult",
    "SampleSplit",
    "SensitivityCase",
    "SessionReturns",
    "SharpeDifference",
    "SharpeRatio",
    "StepMResult",
    "SurvivalCurve",
    "SweepTrials",
    "Trial",
    "TrialLog",
    "WalkForward",
    "WalkForwardScheme",
    "assess",
    "calendar_time_test",
    "deflate_sharpe",
    "effective_trials",
    "expected_size",
    "find_recovery",
    "hac_error",
    "holding_times_of_trades",
    "holm",
    "matched_dates_placebo",
    "mean_differences",
    "measure_robustness",
    "min_backtest_length",
    "minimum_detectable_effect",
    "probability_of_overfitting",
    "random_baskets_placebo",
    "rotation_placebo",
    "run_event_study",
    "run_event_tests",
    "run_sensitivity",
    "run_walk_forward",
    "scaled_dates_placebo",
    "session_returns",
    "sharpe_difference_error",
    "sharpe_differences",
    "sharpe_interval",
    "sharpe_of",
    "spa_test",
    "statistical_power",
    "stepm_test",
    "survival_curve",
    "trial_of",
    "trials_of_sweep",
    "with_delay",
]


if not TYPE_CHECKING:  # a type checker knows the names from above, and would take every other for Any

    def __getattr__(name: str) -> Any:
        return lazy_attribute(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return sorted(__all__)
