"""The evidence page of one strategy: the answer, its estimates with their intervals, the numbers, and the method.

The chart is drawn as SVG whose positions are percentages, so that it fits a phone and a sheet of paper without a script.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from dipfolio.evidence.assessment import HELD_ALL_THE_TIME, HINDSIGHT_LIMITATION, AssessmentMethod, explain_too_few
from dipfolio.evidence.calendar_time import REQUIREMENT
from dipfolio.evidence.estimates import Estimate
from dipfolio.report.assessment_summary import (
    AssessedRun,
    assessment_answer,
    finding,
    main_estimate,
    ratio_rows,
    spread_sentence,
)
from dipfolio.report.format import MISSING_TEXT, parameter_text, percent
from dipfolio.report.html import read_asset, render_page
from dipfolio.report.run_record import provenance_rows
from dipfolio.report.run_summary import run_heading
from dipfolio.report.study.tables import TextTable, format_effect, format_interval, format_p_value

TICKS = 5
"""About how many marks the axis of the chart has."""

MARGIN = 0.05
"""Part of the range that is left free at both ends of the axis."""

CALIBRATION_DOCUMENT = "docs/calibration.md"
"""The document that has the size and power of each test."""

METHOD_PARAGRAPHS = {
    "rule": (
        "The nights and days in which a position is held are compared with those in which none is (a calendar-time test). A "
        "session that was expected to be nervous on the close before weighs less. The error allows for sessions of different "
        "variance, and for symbols that move together. The effect of a session is multiplied by the mean number of sessions of a "
        "trade.",
        f"A test needs {REQUIREMENT}: the signals of one crash are one observation, however many there are.",
        "The same trade on all dates is the mean of the trade entered on every session of the data. It is shown for comparison. "
        "The effect is not its difference to the observed mean, as nervous sessions count fully in both means.",
    ),
    "event": (
        "All trades are entered in one session. Their return is one observation, and it is ranked among the returns of the same "
        "trade on other dates, none nearer than its holding time and ten sessions.",
        "In a test at the volatility of this date, the return is taken less beta times the return of the market at the same "
        "times, and that of every other date is brought to the volatility that could be expected on this one. Without that, a "
        "trade of a nervous week is compared with quiet weeks, in which large returns are rare.",
        "The interval has every constant effect that, taken off, leaves the trade among the middle 95 % of the other dates.",
    ),
    "trades": (
        "What the strategy would have done on other dates is not known, so its own trades are tested in two ways. Their mean "
        "after costs is compared with 0; its error is that of the returns of the sessions in which they were held.",
        "The nights and days in which a position is held are compared with those in which none is, before costs. A session that "
        "was expected to be nervous on the close before weighs less.",
        f"Both need {REQUIREMENT}: the trades of one crash are one observation, however many there are.",
    ),
    "nothing": ("No trade of the strategy has ended in these data, so no test of its trades can be made.",),
}
"""The tests of each way of :data:`dipfolio.evidence.assessment.AssessmentMethod`, in plain words."""

HELD_METHOD = (
    "The account is invested for most of the time, so its mean return a year is compared with that of the benchmark held all the "
    "time. The interval resamples blocks of sessions.",
)

SHARED_METHOD = (
    "Each p-value is one-sided: how often chance alone makes at least as much (higher), or at least as little (lower). The "
    "smallest effect that could be found is the one that a one-sided test at 5 % finds four times out of five.",
    "The deflated Sharpe ratio is the probability that the true ratio is above what the best of as many worthless variants would "
    "show. The register has the variants that were run here.",
)


@dataclass(frozen=True, kw_only=True)
class ForestRow:
    """One estimate in the chart; positions are per cent of its width.

    Attributes
    ----------
    label, against : str
    effect, low, high, detectable : str
        Positions; empty where there is no such number.
    value : str
        Effect and interval in words.
    main : bool
        Whether it is the estimate that answers.
    """

    label: str
    against: str
    effect: str
    low: str
    high: str
    detectable: str
    value: str
    main: bool


@dataclass(frozen=True, kw_only=True)
class Forest:
    """A chart of estimates on one axis.

    Attributes
    ----------
    caption : str
    rows : tuple of ForestRow
    ticks : tuple of (str, str)
        Position and text of each mark.
    zero : str
        Position of no effect.
    has_detectable : bool
        Whether any row shows the effect that could be found.
    """

    caption: str
    rows: tuple[ForestRow, ...]
    ticks: tuple[tuple[str, str], ...]
    zero: str
    has_detectable: bool


def forest(caption: str, estimates: tuple[Estimate, ...], main: Estimate | None) -> Forest | None:
    """The chart of some estimates in one unit; None without one that has an effect."""
    shown = [estimate for estimate in estimates if math.isfinite(estimate.effect)]
    if not shown:
        return None
    values = [0.0, *(v for e in shown for v in (e.effect, e.low, e.high, e.detectable) if math.isfinite(v))]
    first, last = min(values), max(values)
    spare = (last - first or 0.01) * MARGIN
    first, last = first - spare, last + spare

    def place(value: float) -> str:
        """Position on the axis, empty for no number."""
        return f"{(value - first) / (last - first) * 100:.2f}" if math.isfinite(value) else ""

    rows = tuple(
        ForestRow(
            label=e.label, against=e.against, effect=place(e.effect), low=place(e.low), high=place(e.high),
            detectable=place(e.detectable), value=_effect_words(e), main=e is main,
        )
        for e in shown
    )  # fmt: skip
    return Forest(
        caption=caption, rows=rows, ticks=tuple((place(v), text) for v, text in axis_ticks(first, last)), zero=place(0.0),
        has_detectable=any(row.detectable for row in rows),
    )  # fmt: skip


def axis_ticks(first: float, last: float) -> Iterator[tuple[float, str]]:
    """Round values between two returns, about :data:`TICKS` of them, 0 among them, with their texts in per cent.

    Parameters
    ----------
    first, last : float
        Fractions, the first the smaller one.
    """
    rough = (last - first) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    places = max(0, -math.floor(math.log10(step) + 1e-9) - 2)
    for number in range(math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9) + 1):
        yield number * step, percent(number * step, places) if number else "0 %"


def _effect_words(estimate: Estimate) -> str:
    interval = format_interval(estimate)
    return format_effect(estimate, estimate.effect) + (f" ({interval})" if interval != MISSING_TEXT else ", no interval")


USUAL_HEADS = {
    "rule": "Same trade on all dates", "event": "Same trade on other dates", "trades": "Usual", "nothing": "Usual",
}  # fmt: skip
"""What an estimate is measured from, for each way."""


def numbers_table(estimates: tuple[Estimate, ...], way: AssessmentMethod) -> TextTable | None:
    """Every number of every estimate, and what was found; None without an estimate."""
    if not estimates:
        return None
    heads = (
        "Test", "Compared with", "Finding", "Observed", USUAL_HEADS[way], "Effect", "95 % interval", "p higher",
        "p lower", "Smallest effect that could be found", "Trades", "Groups",
    )  # fmt: skip
    rows = tuple(
        (
            e.label, e.against, _capital(finding(e)), format_effect(e, e.observed), format_effect(e, e.usual),
            format_effect(e, e.effect), format_interval(e), format_p_value(e.p_value), format_p_value(e.opposite),
            format_effect(e, e.detectable), MISSING_TEXT if e.label == HELD_ALL_THE_TIME else f"{e.observations:,}",
            MISSING_TEXT if e.label == HELD_ALL_THE_TIME else f"{e.clusters:,}",
        )
        for e in estimates
    )  # fmt: skip
    return TextTable(caption="Each test with its numbers.", heads=heads, rows=rows)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def evidence_page(examined: AssessedRun, *, tear_sheet: bool = False, calibration: str = "") -> str:
    """The page as HTML, self-contained; the same data and seed give the same bytes.

    Parameters
    ----------
    examined : AssessedRun
    tear_sheet : bool
        Whether the tear sheet of the run stands beside it.
    calibration : str
        Relative address of the document on the size and power of the tests; empty if it is not there.
    """
    result, assessment = examined.result, examined.examination
    main, too_few = main_estimate(assessment), tuple(explain_too_few(assessment.estimates))  # which the table says of each
    yearly = tuple(e for e in assessment.estimates if e.label == HELD_ALL_THE_TIME)
    trades = tuple(e for e in assessment.estimates if e.label != HELD_ALL_THE_TIME)
    charts = (
        forest("Effect of a trade, with its 95 % interval", trades, main),
        forest("Difference a year, with its 95 % interval", yearly, main),
    )
    return render_page(
        "evidence.html.j2",
        scripts=[read_asset("theme.js")],
        styles=("evidence.css",),
        title=f"Evidence for {run_heading(result)}",
        answer=assessment_answer(examined),
        tear_sheet=tear_sheet,
        window=result.window,
        charts=[chart for chart in charts if chart],
        table=numbers_table(assessment.estimates, assessment.way),
        tested=any(not math.isnan(e.p_value) for e in assessment.estimates),
        hindsight=HINDSIGHT_LIMITATION,
        spread=spread_sentence(assessment),
        split=examined.split_sentence,
        remarks=result.provenance.remarks,
        ratios=ratio_rows(examined),
        limitations=[sentence for sentence in assessment.limitations if sentence not in (HINDSIGHT_LIMITATION, *too_few)],
        method=(*METHOD_PARAGRAPHS[assessment.way], *(HELD_METHOD if yearly else ()), *SHARED_METHOD),
        calibration=calibration,
        document=CALIBRATION_DOCUMENT,
        parameters=[(name.replace("_", " "), parameter_text(value)) for name, value in result.parameters.items()],
        provenance=provenance_rows(result),
    )
