"""An assessment as an answer, tables and JSON, for the terminal and for its page.

The answer names what the strategy made, how often chance alone makes as much, and what the data could have found.
"""

import json
import math
from dataclasses import asdict, dataclass
from typing import IO, Any

from dipfolio.engine.result import Result
from dipfolio.evidence.assessment import AGAINST_NOTHING, AT_EQUAL_VOLATILITY, HELD_ALL_THE_TIME, Assessment
from dipfolio.evidence.calendar_time import REQUIREMENT
from dipfolio.evidence.estimates import SESSIONS_WITHOUT, SIGNIFICANCE_LEVEL, Estimate
from dipfolio.evidence.trial_log import DeflatedSharpe
from dipfolio.report.format import MISSING_TEXT, count, ratio, unsigned_percent, wrap_text
from dipfolio.report.run_summary import run_heading
from dipfolio.report.study.tables import format_effect, format_interval, format_observations, format_p_value
from dipfolio.report.terminal import estimate_as_record, json_value

METHOD_TEXTS = {
    "event": "All trades are entered in one session, which is one observation: it is ranked among other dates.",
    "rule": "The sessions with a position are compared with those without. Observed is the mean trade, usual the same trade on "
    "all dates; the effect is that of a trade and gives less weight to sessions that were expected to be nervous.",
    "trades": "The sessions with a position are compared with those without, and the trades with nothing.",
    "nothing": "No trade of it has ended in these data.",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class AssessedRun:
    """The data that ``evidence`` shows: a run and its assessment.

    Attributes
    ----------
    result : Result
    examination : Assessment
    deflation : DeflatedSharpe or None
        Of its Sharpe ratio; None without one.
    split_sentence : str
        Why the dates are divided as they are; empty if that was asked for, or they are not.
    """

    result: Result
    examination: Assessment
    deflation: DeflatedSharpe | None = None
    split_sentence: str = ""


def main_estimate(assessment: Assessment) -> Estimate | None:
    """The estimate that answers; None where no trade has ended and nothing is held.

    It is the first, but for trades of which only the outcome is known: those are compared with the other sessions if they can be.
    """
    compared = [estimate for estimate in assessment.estimates if estimate.against == SESSIONS_WITHOUT]
    if assessment.way == "trades" and compared:
        return compared[0]
    return next(iter(assessment.estimates), None)


def assessment_answer(examined: AssessedRun) -> str:
    """What the strategy made, whether it is more than chance, and what the data could have found, in one sentence."""
    assessment, main = examined.examination, main_estimate(examined.examination)
    if main is None:
        lacks = "no trade of it has ended" if not assessment.trades else "no trade of it counts"
        return f"{examined.result.strategy}: {lacks} in these data, so there is nothing to test."
    answer = f"{_effect_text(examined, main)}; {_chance_and_finding(main)}."
    tried = examined.deflation.trials if examined.deflation else 1
    if tried > 1 and min(main.p_value, main.opposite) <= SIGNIFICANCE_LEVEL:
        answer += f" It is one of {tried:,} variants in the register, and the p-value counts one."
    return answer


def _effect_text(examined: AssessedRun, main: Estimate) -> str:
    """The outcome, and how far it is from that of other dates or sessions."""
    assessment, name, over = examined.examination, examined.result.strategy, _over(examined.result.benchmark)
    difference = f"{unsigned_effect(main)} {'less' if main.effect < 0 else 'more'}"
    if assessment.way == "event":
        effect = format_effect(main, assessment.estimates[-1].observed)
        adjusted = ", adjusted for the market and for volatility" if main.against.endswith(AT_EQUAL_VOLATILITY) else ""
        return f"{name} made {effect}{over} in the trade of one session, {difference} than on other dates{adjusted}"
    effect = format_effect(main, main.observed)
    if main.label == HELD_ALL_THE_TIME:
        return f"{name} made {effect} a year after costs, {difference} than {main.against}"
    trades = count(main.observations, "trade")
    if main.against == SESSIONS_WITHOUT:
        over = over if assessment.way == "rule" else ""
        return f"{name} made {effect} a trade{over} in {trades}, {difference} than its sessions would have made otherwise"
    return f"{name} made {effect} a trade after costs in {trades}"


def _over(benchmark: str) -> str:
    return f" over {benchmark}" if benchmark else ""


def unsigned_effect(estimate: Estimate) -> str:
    """The size of an effect, without a sign."""
    return format_effect(estimate, abs(estimate.effect)).lstrip("+")


def _chance_and_finding(estimate: Estimate) -> str:
    conclusion = finding(estimate)
    if math.isnan(estimate.p_value):
        return conclusion
    lower = estimate.effect < 0
    chance = _in_percent(estimate.opposite if lower else estimate.p_value)
    return f"chance alone makes as {'little' if lower else 'much'} in {chance} of such tests: {conclusion}"


def finding(estimate: Estimate) -> str:
    """The outcome of one test: an effect, none though one could have been found, or that none could be found."""
    alone = estimate.against == AGAINST_NOTHING
    if math.isnan(estimate.p_value):
        return _without_test(estimate)
    if estimate.p_value <= SIGNIFICANCE_LEVEL:
        return "evidence that the mean is above 0" if alone else "evidence of an effect"
    if estimate.opposite <= SIGNIFICANCE_LEVEL:
        return f"evidence that {'the mean is below 0' if alone else 'it made less than chance'}"
    if math.isnan(estimate.detectable) or math.isinf(estimate.detectable):
        least = format_p_value(estimate.smallest)
        return f"the data cannot find any plausible effect, as the smallest p-value that they allow is {least}"
    return f"no effect found, and the data could have found one of {format_effect(estimate, estimate.detectable).lstrip('+')}"


def _without_test(estimate: Estimate) -> str:
    """Why there is no p-value; where there is an interval, what it says."""
    if estimate.against == SESSIONS_WITHOUT:
        needed = f"a test needs {REQUIREMENT}, and {estimate.clusters} of those were found"
        return f"the data cannot find any plausible effect, as {needed}"
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return "the data cannot find any plausible effect, as there are too few observations for a test"
    interval_text = f"the 95 % interval of the difference is {format_interval(estimate)}"
    return (
        f"{interval_text}: no effect found"
        if estimate.low <= 0 <= estimate.high
        else f"{interval_text}: evidence of a difference"
    )


def _in_percent(p_value: float) -> str:
    """A p-value as a percentage of tests."""
    if p_value < 0.0005:
        return "less than 0.1 %"
    return f"{p_value * 100:.1f} %" if p_value < 0.1 else f"{p_value * 100:.0f} %"


def spread_sentence(assessment: Assessment) -> str:
    """How many trades there are, and over how many sessions and groups of sessions they are spread."""
    still = f" and {count(assessment.open_positions, 'position')} open at the end" if assessment.open_positions else ""
    return (
        f"{count(assessment.trades, 'trade')} ended{still}, entered in {count(assessment.entries, 'session')}, in "
        f"{count(assessment.clusters, 'group')} more than 20 sessions apart; in the market in "
        f"{unsigned_percent(assessment.time_in_market)} of the sessions."
    )


def print_assessment(examined: AssessedRun, stream: IO[str], columns: int | None = None) -> None:
    """The answer, the estimates as blocks, the ratio if there is one, then what cannot be said.

    Parameters
    ----------
    examined : AssessedRun
    stream : text file
    columns : int, optional
        Of the screen; no line is folded if not given.
    """
    result, assessment = examined.result, examined.examination

    def say(text: str, indent: int = 0) -> None:
        """One sentence in the lines that it needs."""
        print(wrap_text(text, indent, columns), file=stream)

    say(assessment_answer(examined))
    print(file=stream)
    heading = f"{run_heading(result)}, {result.window[0]} to {result.window[1]}"
    for line in (heading, METHOD_TEXTS[assessment.way], spread_sentence(assessment)):
        say(line)
    if examined.split_sentence:
        say(examined.split_sentence)
    for sentence in result.provenance.remarks:
        say(f"Note: {sentence}")
    for estimate in assessment.estimates:
        print(file=stream)
        say(f"{estimate.label} against {estimate.against}")
        for label, value in estimate_rows(estimate):
            print(_row(label, value, columns), file=stream)
    if assessment.sharpe:
        print("\nDaily returns", file=stream)
        for label, value in ratio_rows(examined):
            print(_row(label, value, columns), file=stream)
    print("\nWhat this cannot say", file=stream)
    for sentence in assessment.limitations:
        say(sentence, 2)


LABEL_WIDTH = 24
"""Columns of a label and its margin."""


def _row(label: str, value: str, columns: int | None) -> str:
    """A label and its value, whose further lines stand below the first."""
    return f"  {label}".ljust(LABEL_WIDTH) + wrap_text(value, LABEL_WIDTH, columns).lstrip()


def estimate_rows(estimate: Estimate) -> tuple[tuple[str, str], ...]:
    """Label and value of each number that there is."""
    rows = (
        ("Observed", format_effect(estimate, estimate.observed)), ("Usual", format_effect(estimate, estimate.usual)),
        ("Effect", format_effect(estimate, estimate.effect)), ("95 % interval", format_interval(estimate)),
        ("p, higher", format_p_value(estimate.p_value)), ("p, lower", format_p_value(estimate.opposite)),
        ("Smallest possible p", format_p_value(estimate.smallest)),
        ("Could be found", format_effect(estimate, estimate.detectable)), ("Observations", format_observations(estimate)),
    )  # fmt: skip
    return tuple((label, value) for label, value in rows if value != MISSING_TEXT)


def ratio_rows(examined: AssessedRun) -> tuple[tuple[str, str], ...]:
    """Label and value of the Sharpe ratio, its interval, and what is left of it for the number of trials."""
    assessment, left = examined.examination, examined.deflation
    if assessment.sharpe is None:
        return ()
    scale, sharpe = math.sqrt(examined.result.sessions_per_year), assessment.sharpe
    low, high = map(ratio, assessment.sharpe_interval)
    trials = left.trials if left else 1
    deflated = (
        "needs a second trial in the register"
        if left is None or math.isnan(left.probability)
        else unsigned_percent(left.probability)
    )
    return (
        (
            "Sharpe ratio, annual",
            f"{ratio(sharpe.ratio * scale)} (error {ratio(assessment.sharpe_error * scale)}, 95 % {low} to {high})",
        ),
        ("Above 0", unsigned_percent(sharpe.probability())),
        ("Deflated", f"{deflated}; {count(trials, 'trial')} of it in the register"),
    )


def assessment_as_json(examined: AssessedRun, page: str = "") -> str:
    """The same for machines: NaN becomes null.

    Parameters
    ----------
    examined : AssessedRun
    page : str
        Path of the page; empty if none was written, which becomes null.
    """
    result, assessment, left = examined.result, examined.examination, examined.deflation
    record: dict[str, Any] = {
        "answer": assessment_answer(examined),
        "strategy": result.strategy, "parameters": result.parameters, "window": [str(day) for day in result.window],
        "way": assessment.way, "trades": assessment.trades, "open_positions": assessment.open_positions,
        "entries": assessment.entries, "clusters": assessment.clusters,
        "time_in_market": assessment.time_in_market, "observations": assessment.observations,
        "findings": [estimate_as_record(estimate) for estimate in assessment.estimates],
        "sharpe": asdict(assessment.sharpe) if assessment.sharpe else None, "sharpe_error": json_value(assessment.sharpe_error),
        "annual_sharpe_interval": [json_value(end) for end in assessment.sharpe_interval],
        "deflated": json_value(left.probability) if left else None, "trials": left.trials if left else None,
        "split": examined.split_sentence or None, "unsaid": list(assessment.limitations),
        "remarks": list(result.provenance.remarks), "report": page or None,
    }  # fmt: skip
    return json.dumps(record, indent=1, allow_nan=False)
