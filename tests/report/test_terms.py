"""Terms: what differs is told from what all runs share."""

from dataclasses import replace

from dipfolio.report.contender import contenders
from dipfolio.report.fairness import judge
from dipfolio.report.terms import UNKNOWN, assumption_terms, parameter_terms, provenance_terms
from tests.report.test_fairness import series
from tests.runs import FREE, run, track


def terms(make, *tracks):
    return {term.topic: term for term in make(contenders(judge(tracks)))}


def test_an_assumption_that_differs_is_marked_and_one_that_does_not_is_said_once():
    found = terms(assumption_terms, track(label="a"), track(label="b", account=replace(FREE, slippage_bps=5.0)))
    assert found["Slippage"].differs
    assert [said[:14] for said in found["Slippage"].said] == ["0 basis points", "5 basis points"]
    assert not found["Taxes"].differs
    assert found["Taxes"].shared == "None."


def test_a_parameter_that_only_one_run_has_is_a_dash_for_the_others():
    other = track(label="b")
    other = replace(other, result=replace(other.result, parameters={"hold": 5}))
    found = terms(parameter_terms, track(label="a"), other)
    assert found["hold"].said == ("-", "5")
    assert found["universe"].said == ("A", "-")


def test_a_series_from_elsewhere_is_unknown_and_makes_no_difference():
    found = terms(assumption_terms, track(label="a"), series(run().returns.index))
    assert found["Slippage"].said[1] == UNKNOWN
    assert not found["Slippage"].differs
    assert terms(provenance_terms, track(label="a"), series(run().returns.index))["Source"].said[1] == "a file"


def test_the_terms_are_those_of_the_runs_before_they_were_aligned():
    days = run().returns.index
    found = terms(assumption_terms, track(label="a"), track(label="b", start=days[4].date()))
    assert found["Window"].said == ("2025-01-02 to 2025-01-21", "2025-01-08 to 2025-01-21")


def test_the_fingerprint_of_each_run_is_shown_whole():
    made = track(label="a")
    assert terms(provenance_terms, made)["SHA-256"].shared == made.result.provenance.sha256
