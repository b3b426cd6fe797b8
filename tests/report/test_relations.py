"""Relations: correlations and differences, with what limits them."""

import numpy as np
import pandas as pd
import pytest

from dipfolio.report.contender import contenders, market_returns
from dipfolio.report.fairness import judge
from dipfolio.report.relations import correlations, gaps
from dipfolio.report.track import Track
from tests.report.test_fairness import RUIN
from tests.runs import run, track

LONG = np.cumprod(1 + np.random.default_rng(3).standard_normal(60) * 0.01) * 100


def related(*tracks):
    fairness = judge(tracks)
    return contenders(fairness), market_returns(fairness), fairness.benchmark


def noise(label, seed, days=60):
    index = run(closes=LONG, market=LONG).returns.index[:days]
    returns = pd.Series(np.random.default_rng(seed).standard_normal(days) * 0.01, index=index)
    return Track(label=label, returns=returns, base=pd.Timestamp("2024-12-31"), origin="a file")


def test_correlations_are_pearsons_over_all_sessions():
    a, b = noise("a", 1), noise("b", 2)
    rows = correlations(*related(a, b))
    assert [row.label for row in rows] == ["a", "b"]
    assert rows[0].cells[1].value == pytest.approx(np.corrcoef(a.returns, b.returns)[0, 1])
    assert rows[0].cells[0].text == "+1.00"


def test_a_run_that_never_traded_has_no_correlation():
    rows = correlations(*related(track({}, label="idle"), track(label="a")))
    assert [cell.text for cell in rows[0].cells] == ["-", "-", "-"]
    assert rows[2].label == "B"


def test_a_run_with_the_name_of_the_benchmark_is_told_from_it():
    rows = correlations(*related(track(label="B")))
    assert [row.label for row in rows] == ["B", "B (benchmark)"]
    assert gaps(*related(track(label="B")))[0][0].label == "B"


def test_the_difference_is_that_of_the_means_a_year_and_its_interval_surrounds_it():
    a, b = noise("a", 1), noise("b", 2)
    (gap,), how = gaps(*related(a, b))
    assert gap.mean.value == pytest.approx(252 * (b.returns - a.returns).mean())
    assert gap.low.value < gap.mean.value < gap.high.value
    assert (how.sessions, how.draws) == (60, 5000)
    assert gap.reading == "chance alone could explain it"
    assert gap.remark == ""


def test_an_interval_without_zero_is_called_more_than_chance_and_no_proof():
    a = noise("a", 1)
    b = Track(label="b", returns=a.returns + 0.01 + noise("n", 2).returns / 100, base=a.base, origin="a file")
    assert gaps(*related(a, b))[0][0].reading == "more than chance, by this measure"


def test_trades_entered_in_one_session_are_called_one_observation():
    tracks = track(label="once", closes=LONG, market=LONG), noise("n", 2)
    (gap, _market), _ = gaps(*related(*tracks))
    assert gap.remark == "once entered in 1 session: 1 observation. The interval is no evidence about the rule."
    assert gap.reading == "too few entries to tell"


def test_too_few_sessions_have_a_difference_and_no_interval():
    (gap,), how = gaps(*related(noise("a", 1, 12), noise("b", 2, 12)))
    assert gap.mean.text != "-"
    assert (gap.low.text, gap.high.text, gap.reading, how.draws) == ("-", "-", "no interval", 0)


def test_a_lost_account_has_no_mean_return():
    tracks = track({0: {"A": -10}}, label="ruined", closes=RUIN), track(label="a")
    gap = gaps(*related(*tracks))[0][0]
    assert (gap.mean.text, gap.low.text) == ("-", "-")
    assert gap.remark == "ruined was wiped out: a lost account has no mean return."


def test_the_same_run_twice_differs_by_nothing():
    a = noise("a", 1)
    (gap,), _ = gaps(*related(a, Track(label="b", returns=a.returns, base=a.base, origin="x")))
    assert (gap.mean.value, gap.reading) == (0, "the same returns")


def test_a_single_run_without_a_benchmark_is_compared_with_nothing():
    assert gaps(*related(track(label="a", benchmark=""))) == ((), None)
