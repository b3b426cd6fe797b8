"""What is said of an assessment: one answer, and three kinds of undecided that are told apart."""

import io
import json
import math
from dataclasses import replace

import pytest

from dipfolio.evidence.assessment import AT_EQUAL_VOLATILITY, Assessment
from dipfolio.evidence.estimates import SESSIONS_WITHOUT, Estimate
from dipfolio.evidence.sharpe_ratio import SharpeRatio
from dipfolio.evidence.trial_log import DeflatedSharpe
from dipfolio.report.assessment_summary import (
    AssessedRun,
    assessment_answer,
    assessment_as_json,
    estimate_rows,
    finding,
    main_estimate,
    print_assessment,
    ratio_rows,
)
from tests.support.runs import run

RULE = Estimate(
    label="every date", sample="all", against=SESSIONS_WITHOUT, observed=0.0183, usual=0.005, effect=0.0089, low=-0.006,
    high=0.024, p_value=0.12, opposite=0.88, smallest=0.0, observations=60, clusters=14, detectable=0.019,
)  # fmt: skip
FEW = replace(RULE, label="before 2021-01-01", clusters=4, low=math.nan, high=math.nan, p_value=math.nan, opposite=math.nan,
              smallest=math.nan, detectable=math.nan)  # fmt: skip


def assessed(*estimates, way="rule", benchmark="", **changes):
    """The run of a small market with these estimates."""
    found = Assessment(
        way=way, estimates=estimates, trades=60, open_positions=0, entries=60, clusters=14, time_in_market=0.25, observations=60,
        sharpe=None, sharpe_error=math.nan, sharpe_interval=(math.nan, math.nan), limitations=("What it cannot say.",),
    )  # fmt: skip
    result = replace(run(), strategy="dip-rule", benchmark=benchmark)
    return AssessedRun(result=result, examination=replace(found, **changes))


def test_the_answer_has_what_it_made_what_chance_makes_and_what_could_have_been_found():
    assert assessment_answer(assessed(RULE)) == (
        "dip-rule made +1.83 % a trade in 60 trades, 0.89 % more than its sessions would have made otherwise; chance alone makes "
        "as much in 12 % of such tests: no effect found, and the data could have found one of 1.90 %."
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"p_value": 0.012}, "makes as much in 1.2 % of such tests: evidence of an effect."),
        ({"p_value": 0.0001}, "makes as much in less than 0.1 % of such tests: evidence of an effect."),
        (
            {"effect": -0.0089, "p_value": 0.97, "opposite": 0.03},
            "0.89 % less than its sessions would have made otherwise; chance alone makes as little in 3.0 % of such tests: "
            "evidence that it made less than chance.",
        ),
        (
            {"detectable": math.nan, "smallest": 0.2, "p_value": 0.2},
            "the data cannot find any plausible effect, as the smallest p-value that they allow is 0.200.",
        ),
    ],
)
def test_the_ends_of_the_answer(changes, said):
    assert assessment_answer(assessed(replace(RULE, **changes))).endswith(said)


def test_no_effect_found_and_none_that_could_be_found_are_two_findings():
    assert finding(RULE) == "no effect found, and the data could have found one of 1.90 %"
    assert finding(FEW).startswith(
        "the data cannot find any plausible effect, as a test needs 1,000 sessions of data and 8 signals more than 20 sessions "
        "apart, and 4"
    )
    alone = replace(RULE, against="nothing", p_value=0.02)
    assert finding(alone) == "evidence that the mean is above 0"
    assert finding(replace(alone, p_value=0.98, opposite=0.02)) == "evidence that the mean is below 0"
    unknown = replace(RULE, against="SPY held all the time", p_value=math.nan)
    assert finding(unknown) == "the 95 % interval of the difference is -0.60 to +2.40 %: no effect found"
    assert finding(replace(unknown, low=0.001)).endswith("evidence of a difference")
    assert finding(replace(unknown, low=math.nan)).endswith("too few observations for a test")


def test_the_answer_of_each_way():
    adjusted = replace(RULE, sample="event", against=f"all other dates {AT_EQUAL_VOLATILITY}", observations=1, clusters=1)
    plain = replace(adjusted, against="all other dates", observed=0.01)
    assert assessment_answer(assessed(adjusted, plain, way="event", benchmark="QQQ")).startswith(
        "dip-rule made +1.00 % over QQQ in the trade of one session, 0.89 % more than on other dates, adjusted for the market "
        "and for volatility; chance"
    )
    groups = replace(RULE, label="mean of its groups, after costs", against="nothing")
    assert main_estimate(assessed(groups, RULE, way="trades").examination) is RULE
    assert assessment_answer(assessed(groups, way="trades")).startswith(
        "dip-rule made +1.83 % a trade after costs in 60 trades; "
    )
    held = replace(RULE, label="mean return a year, after costs", against="SPY held all the time", p_value=math.nan)
    assert assessment_answer(assessed(held, way="nothing", trades=0)).startswith(
        "dip-rule made +1.83 % a year after costs, 0.89 % more than SPY held all the time; the 95 % interval"
    )
    assert assessment_answer(assessed(way="nothing", trades=0)) == (
        "dip-rule: no trade of it has ended in these data, so there is nothing to test."
    )


def test_an_effect_among_many_variants_is_said_to_be_one_of_them():
    left = DeflatedSharpe(trials=12, variance=0.01, probability=0.4)
    found = replace(assessed(replace(RULE, p_value=0.01)), deflation=left)
    assert assessment_answer(found).endswith(
        "evidence of an effect. It is one of 12 variants in the register, and the p-value counts one."
    )
    assert "variants" not in assessment_answer(replace(assessed(RULE), deflation=left))


def test_the_terminal_has_the_answer_first_and_eighty_columns():
    sharpe = SharpeRatio(ratio=0.05, observations=500, skew=0.0, kurtosis=3.0)
    found = assessed(RULE, FEW, sharpe=sharpe, sharpe_error=0.045, sharpe_interval=(-0.6, 2.2))
    text = io.StringIO()
    print_assessment(replace(found, split_sentence="Split."), text, 80)
    lines = text.getvalue().splitlines()
    assert " ".join(lines[:4]).startswith("dip-rule made +1.83 % a trade in 60 trades, 0.89 % more")
    assert max(map(len, lines)) <= 80
    assert "  Observations          60 in 14 groups" in lines
    assert lines.index("Split.") < lines.index("Daily returns") < lines.index("What this cannot say")
    piped = io.StringIO()
    print_assessment(found, piped)
    assert piped.getvalue().splitlines()[0] == assessment_answer(found)


def test_numbers_that_do_not_exist_are_left_out_of_the_blocks_and_null_in_json():
    assert [label for label, _ in estimate_rows(FEW)] == ["Observed", "Usual", "Effect", "Observations"]
    record = json.loads(assessment_as_json(assessed(RULE, FEW), "reports/dip-rule/evidence.html"))
    assert record["report"] == "reports/dip-rule/evidence.html"
    assert record["answer"] == assessment_answer(assessed(RULE))
    assert [f["p_value"] for f in record["findings"]] == [0.12, None]
    assert json.loads(assessment_as_json(assessed(RULE)))["report"] is None
    assert ratio_rows(assessed(RULE)) == ()
