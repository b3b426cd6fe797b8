"""Fairness: who is compared over which sessions, who is refused and why, and what is said of it."""

from dataclasses import replace

import pandas as pd
import pytest

from dipfolio.engine.account import Account
from dipfolio.errors import ComparisonError
from dipfolio.market import sessions
from dipfolio.market.bars import Origin
from dipfolio.report.contender import contenders
from dipfolio.report.fairness import judge
from dipfolio.report.track import Track, eve
from tests.runs import FREE, MARKET, WAVES, run, track

DAYS = run().returns.index
RUIN = [100, 100, 150, 260, 300, 310, 320, 330, 340, 350, 360, 370]
"""A price that wipes a short of 10 shares on $1,000 out."""


def series(days, label="other", value=0.01):
    index = pd.DatetimeIndex(days)
    return Track(label=label, returns=pd.Series(value, index=index), base=eve(index[0]), origin="a file")


def texts(fairness, kind):
    """Of one kind, but for the shortness of these hand-made windows."""
    return [note.text for note in fairness.notes if note.kind == kind and "what is told a year" not in note.text]


def test_runs_on_the_same_terms_need_no_note():
    fairness = judge([track(label="a"), track({0: {"A": -3}}, label="b")])
    assert [note.text for note in fairness.notes] == [
        "The common window has 12 sessions: what is told a year is an extrapolation."
    ]
    assert fairness.left_out == ()
    assert fairness.sessions.equals(DAYS)
    assert (fairness.benchmark, fairness.base) == ("B", pd.Timestamp("2024-12-31"))


@pytest.mark.parametrize(("count", "told"), [(59, True), (60, False)])
def test_a_short_common_window_is_told(count, told):
    days = sessions.between("2025-01-02", "2025-06-30")[:count]
    notes = [note for note in judge([series(days)]).notes if "what is told a year is an extrapolation" in note.text]
    assert [note.kind for note in notes] == ["flag"] * told


def test_a_run_that_began_before_is_cut_to_the_common_window_and_the_page_says_what_that_means():
    fairness = judge([track(label="long"), track(label="late", start=DAYS[4].date())])
    assert fairness.sessions.equals(DAYS[4:])
    assert fairness.base == DAYS[3]
    (said,) = texts(fairness, "aligned")
    assert "2025-01-08 to 2025-01-21: long (2025-01-02 to 2025-01-21)" in said
    assert "chained" in said
    assert "positions already held come along" in said


def test_a_run_that_goes_on_longer_is_cut_at_the_end():
    fairness = judge([track(label="long"), track(label="short", end=DAYS[5].date())])
    assert fairness.sessions.equals(DAYS[:6])
    assert texts(fairness, "aligned") == [
        "Cut to the common window, 2025-01-02 to 2025-01-10: long (2025-01-02 to 2025-01-21). "
        "What came later counts only in their own tear sheets."
    ]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"account": replace(FREE, cash=500.0)}, "starts with $500.00 of cash where a has $1,000.00"),
        ({"benchmark": "A"}, "is measured against A where a has B"),
        ({"since": "2025-03-03"}, "has its own window, 2025-03-03 to 2025-03-18, and no two sessions in common with a"),
    ],
)
def test_other_terms_are_refused_with_the_reason(other, reason):
    fairness = judge([track(label="a"), track(label="b", **other)])
    assert [one.label for one in fairness.tracks] == ["a"]
    assert fairness.left_out == (("b", reason),)
    assert texts(fairness, "left out") == [f"b is left out: it {reason}."]


def test_the_benchmark_of_the_first_run_that_has_one_counts():
    fairness = judge([track(label="bare", benchmark=""), track(label="b"), track(label="a", benchmark="A")])
    assert fairness.left_out == (("a", "is measured against A where b has B"),)
    assert fairness.benchmark == "B"
    assert texts(fairness, "aligned") == ["bare ran without a benchmark; it is measured against the B of the other records."]


def test_as_is_compares_what_differs_and_says_how():
    fairness = judge([track(label="a"), track(label="b", benchmark="A"), track(label="c", since="2025-03-03")], as_is=True)
    assert [one.label for one in fairness.tracks] == ["a", "b", "c"]
    assert len(fairness.sessions) == 24
    assert fairness.benchmark == ""
    said = texts(fairness, "as is")
    assert said[0] == "b is measured against A where a has B."
    assert any("not comparable" in text and "c: 2025-03-03 to 2025-03-18" in text for text in said)


def test_an_account_that_was_wiped_out_does_not_shorten_the_others():
    ruined = track({0: {"A": -10}}, label="ruined", closes=RUIN)
    assert ruined.bankrupt
    assert ruined.last < DAYS[-1]
    fairness = judge([ruined, track(label="a")])
    assert fairness.sessions.equals(DAYS)
    assert texts(fairness, "aligned") == [f"ruined was wiped out on {ruined.last.date()} and stays at what was left."]


def test_an_account_wiped_out_before_the_common_window_is_refused():
    ruined = track({0: {"A": -10}}, label="ruined", closes=RUIN)
    fairness = judge([track(label="late", since="2025-01-15"), ruined])
    assert fairness.left_out == (("ruined", "leaves a common window in which an account was wiped out before it began"),)


def test_days_that_are_no_common_session_are_counted_and_merged():
    every_day = pd.date_range("2025-01-02", "2025-01-21")
    fairness = judge([track(label="a"), series(every_day)])
    assert fairness.sessions.equals(DAYS)
    closed = len(every_day) - len(DAYS)
    assert texts(fairness, "aligned")[0] == (
        f"{closed} days of other without a common session: multiplied into the return of the next one."
    )
    assert texts(fairness, "flag") == [
        "From elsewhere: other. Costs, cash, assumptions and figures are not known; nothing was audited."
    ]


def test_a_series_that_is_not_daily_is_refused():
    fairness = judge([track(label="a"), series(DAYS[::4])])
    assert fairness.left_out == (("other", "has a value for 3 of the 9 common sessions and is no daily series"),)


def test_a_series_that_is_not_daily_in_the_part_that_is_left_is_refused_by_what_left_it():
    thin = series(DAYS.delete(10), label="thin")
    fairness = judge([thin, series(DAYS[9:], label="late")])
    reason = "leaves a common window in which thin has a value for 2 of the 3 common sessions and is no daily series"
    assert fairness.left_out == (("late", reason),)


def test_a_series_without_two_sessions_cannot_be_compared_at_all():
    weekend = series(pd.to_datetime(["2025-01-04", "2025-01-05", "2025-01-06"]))
    with pytest.raises(
        ComparisonError, match=r"other has its own window, 2025-01-04 to 2025-01-06, and no two sessions .* of XNYS"
    ):
        judge([weekend])
    assert judge([weekend], as_is=True).tracks == (weekend,)


def test_a_missing_day_of_a_daily_series_is_a_session_less_for_all():
    days = DAYS.delete(5)
    fairness = judge([track(label="a"), series(days)])
    assert fairness.sessions.equals(days)
    assert texts(fairness, "aligned") == ["1 day of a without a common session: multiplied into the return of the next one."]


def test_other_figures_of_the_same_symbols_are_flagged_with_their_fingerprints():
    changed = [*WAVES[:-1], WAVES[-1] + 1]
    a, b = track(label="a"), track(label="b", closes=changed)
    (said,) = texts(judge([a, b]), "flag")
    one, other = (x.result.provenance.sha256[:12] for x in (b, a))
    assert said == f"b was made from other figures than a, of the same symbols (SHA-256 {one} against {other})."


def test_another_source_is_flagged():
    b = track(label="b")
    source = replace(b.result.provenance, origin=Origin(source="somebody", retrieved="2026-01-01"))
    b = replace(b, result=replace(b.result, provenance=source))
    (said,) = texts(judge([track(label="a"), b]), "flag")
    assert said.startswith("b has its figures from somebody, retrieved 2026-01-01,")


def test_another_fingerprint_of_other_symbols_is_flagged_but_not_called_different_figures():
    b = track(label="b")
    source = replace(b.result.provenance, sha256="0" * 64, sessions={"C": ("2025-01-02", "2025-01-21")})
    b = replace(b, result=replace(b.result, provenance=source))
    (said,) = texts(judge([track(label="a"), b]), "flag")
    assert said.startswith("The data fingerprint of b differs from that of a because it covers other symbols or sessions")


def test_a_benchmark_that_moved_differently_is_flagged():
    b = track(label="b")
    source = replace(b.result.provenance, sha256="0" * 64, sessions={"C": ("2025-01-02", "2025-01-21")})
    table = b.result.equity.assign(benchmark=b.result.equity["benchmark"] + 1e-6)
    b = replace(b, result=replace(b.result, provenance=source, equity=table))
    assert texts(judge([track(label="a"), b]), "flag") == ["b has other returns of B than a: its figures differ."]


def test_other_rules_of_the_account_are_flagged_by_name():
    dear = Account(**{**FREE.__dict__, "slippage_bps": 5.0, "borrow_rate": 0.01})
    (said,) = texts(judge([track(label="a"), track(label="b", account=dear)]), "flag")
    assert said == "The accounts have other rules: slippage bps, borrow rate. See the assumptions."


def test_calendar_days_are_counted_from_where_a_whole_run_counts_them():
    late = track(label="late", start=DAYS[4].date())
    assert judge([track(label="whole"), track(label="other")]).since == DAYS[0]
    assert judge([track(label="whole"), late]).since == DAYS[3]


def test_a_run_that_began_with_its_figures_gets_the_benchmark_of_the_others_in_its_first_session():
    begun = track(label="begun", closes=WAVES[4:], market=MARKET[4:], since=str(DAYS[4].date()))
    fairness = judge([track(label="long"), begun])
    assert texts(fairness, "aligned")[1] == (
        "begun began with the figures; the benchmark's return in that session is from the other records."
    )
    of_long, of_begun = (contender.metrics.benchmark_return for contender in contenders(fairness))
    assert of_long == of_begun == pytest.approx(MARKET[-1] / MARKET[3] - 1)
