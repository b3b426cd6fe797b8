"""Fairness: who is compared over which sessions, who is refused and why, and what is said of it."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dipfolio.data import calendar
from dipfolio.data.bars import Origin
from dipfolio.data.calendar import session_before
from dipfolio.engine.account import Account
from dipfolio.engine.metrics import measure
from dipfolio.errors import ComparisonError
from dipfolio.report.comparison.alignment import (
    align_tracks,
    benchmark_metrics,
    build_contenders,
    compound_to_sessions,
    market_returns,
    slice_result,
)
from dipfolio.report.comparison.series import Track
from tests.support.runs import FREE, MARKET, WAVES, run, track

DAYS = run().returns.index
RUIN = [100, 100, 150, 260, 300, 310, 320, 330, 340, 350, 360, 370]
"""A price that wipes a short of 10 shares on $1,000 out."""


def series(days, label="other", value=0.01):
    index = pd.DatetimeIndex(days)
    return Track(label=label, returns=pd.Series(value, index=index), base=session_before(index[0]), origin="a file")


def texts(fairness, kind):
    """Of one kind, but for the shortness of these hand-made windows."""
    return [note.text for note in fairness.notes if note.kind == kind and "annual values are an extrapolation" not in note.text]


def test_runs_on_the_same_terms_need_no_note():
    fairness = align_tracks([track(label="a"), track({0: {"A": -3}}, label="b")])
    assert [note.text for note in fairness.notes] == ["The common window has 12 sessions: annual values are an extrapolation."]
    assert fairness.left_out == ()
    assert fairness.sessions.equals(DAYS)
    assert (fairness.benchmark, fairness.base) == ("B", pd.Timestamp("2024-12-31"))


@pytest.mark.parametrize(("count", "told"), [(59, True), (60, False)])
def test_a_short_common_window_is_told(count, told):
    days = calendar.between("2025-01-02", "2025-06-30")[:count]
    notes = [note for note in align_tracks([series(days)]).notes if "annual values are an extrapolation" in note.text]
    assert [note.kind for note in notes] == ["flag"] * told


def test_a_run_that_began_before_is_cut_to_the_common_window_and_the_page_says_what_that_means():
    fairness = align_tracks([track(label="long"), track(label="late", start=DAYS[4].date())])
    assert fairness.sessions.equals(DAYS[4:])
    assert fairness.base == DAYS[3]
    (said,) = texts(fairness, "aligned")
    assert "2025-01-08 to 2025-01-21: long (2025-01-02 to 2025-01-21)" in said
    assert "chained" in said
    assert "positions already held come along" in said


def test_a_run_that_goes_on_longer_is_cut_at_the_end():
    fairness = align_tracks([track(label="long"), track(label="short", end=DAYS[5].date())])
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
    fairness = align_tracks([track(label="a"), track(label="b", **other)])
    assert [one.label for one in fairness.tracks] == ["a"]
    assert fairness.left_out == (("b", reason),)
    assert texts(fairness, "left out") == [f"b is left out: it {reason}."]


def test_the_benchmark_of_the_first_run_that_has_one_counts():
    fairness = align_tracks([track(label="bare", benchmark=""), track(label="b"), track(label="a", benchmark="A")])
    assert fairness.left_out == (("a", "is measured against A where b has B"),)
    assert fairness.benchmark == "B"
    assert texts(fairness, "aligned") == ["bare ran without a benchmark; it is measured against the B of the other records."]


def test_as_is_compares_what_differs_and_says_how():
    fairness = align_tracks([track(label="a"), track(label="b", benchmark="A"), track(label="c", since="2025-03-03")], as_is=True)
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
    fairness = align_tracks([ruined, track(label="a")])
    assert fairness.sessions.equals(DAYS)
    assert texts(fairness, "aligned") == [f"ruined was wiped out on {ruined.last.date()} and stays at what was left."]


def test_an_account_wiped_out_before_the_common_window_is_refused():
    ruined = track({0: {"A": -10}}, label="ruined", closes=RUIN)
    fairness = align_tracks([track(label="late", since="2025-01-15"), ruined])
    assert fairness.left_out == (("ruined", "leaves a common window in which an account was wiped out before it began"),)


def test_days_that_are_no_common_session_are_counted_and_merged():
    every_day = pd.date_range("2025-01-02", "2025-01-21")
    fairness = align_tracks([track(label="a"), series(every_day)])
    assert fairness.sessions.equals(DAYS)
    closed = len(every_day) - len(DAYS)
    assert texts(fairness, "aligned")[0] == (
        f"{closed} days of other without a common session: multiplied into the return of the next one."
    )
    assert texts(fairness, "flag") == [
        "From elsewhere: other. Costs, cash, assumptions and data are not known; nothing was audited."
    ]


def test_a_series_that_is_not_daily_is_refused():
    fairness = align_tracks([track(label="a"), series(DAYS[::4])])
    assert fairness.left_out == (("other", "has a value for 3 of the 9 common sessions and is no daily series"),)


def test_a_series_that_is_not_daily_in_the_part_that_is_left_is_refused_by_what_left_it():
    thin = series(DAYS.delete(10), label="thin")
    fairness = align_tracks([thin, series(DAYS[9:], label="late")])
    reason = "leaves a common window in which thin has a value for 2 of the 3 common sessions and is no daily series"
    assert fairness.left_out == (("late", reason),)


def test_a_series_without_two_sessions_cannot_be_compared_at_all():
    weekend = series(pd.to_datetime(["2025-01-04", "2025-01-05", "2025-01-06"]))
    with pytest.raises(
        ComparisonError, match=r"other has its own window, 2025-01-04 to 2025-01-06, and no two sessions .* of XNYS"
    ):
        align_tracks([weekend])
    assert align_tracks([weekend], as_is=True).tracks == (weekend,)


def test_a_missing_day_of_a_daily_series_is_a_session_less_for_all():
    days = DAYS.delete(5)
    fairness = align_tracks([track(label="a"), series(days)])
    assert fairness.sessions.equals(days)
    assert texts(fairness, "aligned") == ["1 day of a without a common session: multiplied into the return of the next one."]


def test_other_figures_of_the_same_symbols_are_flagged_with_their_fingerprints():
    changed = [*WAVES[:-1], WAVES[-1] + 1]
    a, b = track(label="a"), track(label="b", closes=changed)
    (said,) = texts(align_tracks([a, b]), "flag")
    one, other = (x.result.provenance.sha256[:12] for x in (b, a))
    assert said == f"b was made from other data than a, of the same symbols (SHA-256 {one} against {other})."


def test_another_source_is_flagged():
    b = track(label="b")
    source = replace(b.result.provenance, origin=Origin(source="somebody", retrieved="2026-01-01"))
    b = replace(b, result=replace(b.result, provenance=source))
    (said,) = texts(align_tracks([track(label="a"), b]), "flag")
    assert said.startswith("b has its data from somebody, retrieved 2026-01-01,")


def test_another_fingerprint_of_other_symbols_is_flagged_but_not_called_different_figures():
    b = track(label="b")
    source = replace(b.result.provenance, sha256="0" * 64, sessions={"C": ("2025-01-02", "2025-01-21")})
    b = replace(b, result=replace(b.result, provenance=source))
    (said,) = texts(align_tracks([track(label="a"), b]), "flag")
    assert said.startswith("The data fingerprint of b differs from that of a because it covers other symbols or sessions")


def test_a_benchmark_that_moved_differently_is_flagged():
    b = track(label="b")
    source = replace(b.result.provenance, sha256="0" * 64, sessions={"C": ("2025-01-02", "2025-01-21")})
    table = b.result.equity.assign(benchmark=b.result.equity["benchmark"] + 1e-6)
    b = replace(b, result=replace(b.result, provenance=source, equity=table))
    assert texts(align_tracks([track(label="a"), b]), "flag") == ["b has other returns of B than a: its data differ."]


def test_other_rules_of_the_account_are_flagged_by_name():
    dear = Account(**{**FREE.__dict__, "slippage_bps": 5.0, "borrow_rate": 0.01})
    (said,) = texts(align_tracks([track(label="a"), track(label="b", account=dear)]), "flag")
    assert said == "The accounts have other rules: slippage bps, borrow rate. See the assumptions."


def test_calendar_days_are_counted_from_where_a_whole_run_counts_them():
    late = track(label="late", start=DAYS[4].date())
    assert align_tracks([track(label="whole"), track(label="other")]).since == DAYS[0]
    assert align_tracks([track(label="whole"), late]).since == DAYS[3]


def test_a_run_that_began_with_its_figures_gets_the_benchmark_of_the_others_in_its_first_session():
    begun = track(label="begun", closes=WAVES[4:], market=MARKET[4:], since=str(DAYS[4].date()))
    fairness = align_tracks([track(label="long"), begun])
    assert texts(fairness, "aligned")[1] == (
        "begun began with the data; the benchmark's return in that session is from the other records."
    )
    of_long, of_begun = (contender.metrics.benchmark_return for contender in build_contenders(fairness))
    assert of_long == of_begun == pytest.approx(MARKET[-1] / MARKET[3] - 1)


HALF = DAYS[6:]


def cut(rows=None, **options):
    """The contender of a run that is cut to the second half, by a track that knows no more."""
    whole = track(rows, label="whole", **options)
    return build_contenders(align_tracks([whole, series(HALF)]))[0]


def test_a_whole_run_keeps_the_metrics_of_its_tear_sheet():
    made = track(label="a")
    (contender,) = build_contenders(align_tracks([made]))
    assert contender.result is made.result
    assert contender.metrics.by_name == measure(made.result).by_name | {"win_rate": pytest.approx(math.nan, nan_ok=True)}


def test_a_cut_run_is_the_chained_returns_of_the_common_sessions():
    contender = cut()
    equity = np.array([1000 + 10 * (close - 110) for close in WAVES])
    equity[0] = 1000
    assert contender.metrics.total_return == pytest.approx(equity[-1] / equity[5] - 1, abs=1e-12)
    assert contender.metrics.benchmark_return == pytest.approx(MARKET[-1] / MARKET[5] - 1, abs=1e-12)
    assert contender.metrics.excess_return == pytest.approx(equity[-1] / equity[5] - MARKET[-1] / MARKET[5], abs=1e-12)
    wealth = equity[5:] / equity[5]
    assert contender.metrics.worst_drawdown == pytest.approx((wealth / np.maximum.accumulate(wealth)).min() - 1, abs=1e-12)
    days = (HALF[-1] - DAYS[5]).days
    assert contender.metrics.annual_return == pytest.approx(wealth[-1] ** (365.25 / days) - 1, abs=1e-12)
    assert contender.metrics.sessions == 6


def test_a_position_held_into_the_window_counts_as_held_and_as_one_look():
    contender = cut()
    assert contender.metrics.time_in_market == 1
    assert (contender.metrics.trades, contender.metrics.open_positions, contender.metrics.entry_dates) == (0, 1, 1)


def test_a_trade_entered_before_the_window_is_not_counted_and_one_inside_is():
    contender = cut({0: {"A": 10}, 7: {"A": 0}, 8: {"A": 5}, 9: {"A": 0}})
    assert contender.metrics.trades == 1
    assert contender.result.trades["entry_session"].tolist() == [DAYS[9]]
    assert contender.metrics.entry_dates == 2


def test_a_trade_that_ends_after_the_window_is_open_on_its_last_close():
    whole = track({1: {"A": 10}, 8: {"A": 0}}, label="whole")
    contender = build_contenders(align_tracks([whole, series(DAYS[:6])]))[0]
    assert (contender.metrics.trades, contender.metrics.open_positions) == (0, 1)
    assert contender.metrics.open_value == pytest.approx(10 * WAVES[5])


def test_costs_of_a_cut_run_are_those_of_the_window():
    from dipfolio.engine.account import Account

    dear = Account(cash=1000.0, fractional=True, max_volume_share=1.0, slippage_bps=0.0)
    contender = cut({0: {"A": 5}, 7: {"A": 0}}, account=dear)
    whole = contender.track.result.equity
    assert contender.metrics.commission == pytest.approx(whole["commission"][HALF].sum())
    assert 0 < contender.metrics.commission < whole["commission"].sum()


def test_an_excerpt_of_everything_is_everything():
    result = run({0: {"A": 10}, 4: {"A": 0}})
    part = slice_result(result, DAYS, pd.Timestamp("2024-12-31"))
    assert part.equity.equals(result.equity) or np.allclose(part.equity, result.equity, rtol=0, atol=1e-12)
    assert part.trades.equals(result.trades)
    assert part.positions.equals(result.positions)


def test_sessions_left_out_are_multiplied_into_the_next():
    result = run()
    some = DAYS[[0, 3, 11]]
    part = slice_result(result, some, pd.Timestamp("2024-12-31"))
    equity = result.equity["equity"][some].to_numpy()
    assert part.returns.to_numpy() == pytest.approx([0, equity[1] / equity[0] - 1, equity[2] / equity[1] - 1], abs=1e-12)
    assert part.equity["equity"].tolist() == equity.tolist()


def test_days_between_are_compounded_and_days_outside_are_not():
    index = pd.to_datetime(["2025-01-02", "2025-01-03", "2025-01-04", "2025-01-06", "2025-01-07"])
    returns = pd.Series([0.5, 0.1, 0.2, 0.1, 0.9], index=index)
    found = compound_to_sessions(returns, index[[1, 3]], index[0])
    assert found.tolist() == pytest.approx([0.1, 1.2 * 1.1 - 1])


def test_a_wiped_out_account_stays_where_it_ended():
    ruined = track({0: {"A": -10}}, label="ruined", closes=RUIN)
    contender = build_contenders(align_tracks([ruined, track(label="a")]))[0]
    assert len(contender.returns) == len(DAYS)
    assert (contender.returns[ruined.last < DAYS] == 0).all()
    assert contender.metrics.final_equity == pytest.approx(ruined.result.equity["equity"].iloc[-1])
    assert contender.metrics.total_return == pytest.approx(measure(ruined.result).total_return)
    assert contender.metrics.benchmark_return == pytest.approx(MARKET[-1] / MARKET[0] - 1)


def test_a_bare_series_has_the_metrics_of_its_returns_and_none_of_the_books():
    returns = pd.Series(np.linspace(-0.02, 0.03, 12), index=DAYS)
    other = Track(label="o", returns=returns, base=pd.Timestamp("2024-12-31"), origin="a file")
    contender = build_contenders(align_tracks([track(label="a"), other]))[1]
    assert contender.metrics.total_return == pytest.approx(np.prod(1 + returns) - 1)
    assert contender.metrics.volatility == pytest.approx(returns.std() * math.sqrt(252))
    assert contender.metrics.excess_return == pytest.approx(contender.metrics.total_return - (MARKET[-1] / MARKET[0] - 1))
    assert math.isnan(contender.metrics.commission)
    assert contender.result is None


def test_the_benchmark_is_measured_like_a_run():
    fairness = align_tracks([track(label="a")])
    assert benchmark_metrics(fairness).total_return == pytest.approx(MARKET[-1] / MARKET[0] - 1)
    assert market_returns(fairness).tolist()[1] == pytest.approx(51 / 50 - 1)
    assert benchmark_metrics(align_tracks([track(label="a", benchmark="")])) is None


def test_a_run_without_a_benchmark_gets_that_of_the_others():
    fairness = align_tracks([track(label="bare", benchmark=""), track(label="b")])
    bare, other = build_contenders(fairness)
    assert bare.metrics.excess_return == pytest.approx(other.metrics.excess_return)


def test_as_is_keeps_every_run_as_it_was():
    late = track(label="late", since="2025-03-03")
    for contender in build_contenders(align_tracks([track(label="a"), late], as_is=True)):
        assert contender.result is contender.track.result
        assert contender.metrics.total_return == measure(contender.result).total_return


def test_the_risk_free_rate_is_the_same_for_all():
    fairness = align_tracks([track(label="a"), replace(track(label="b"), result=None, origin="x")])
    a, b = build_contenders(fairness, 0.04)
    assert a.metrics.sharpe == pytest.approx(b.metrics.sharpe)
    assert a.metrics.sharpe != pytest.approx(build_contenders(fairness)[0].metrics.sharpe)


def test_a_monthly_series_has_no_metric_that_counts_sessions():
    """Two returns of 10 % and -5 % in two months: 1.1 x 0.95 = 1.045."""
    days = pd.DatetimeIndex(["2025-01-31", "2025-02-28", "2025-03-31"], name="session").as_unit("s")
    monthly = Track(
        label="monthly", returns=pd.Series([0.1, -0.05, 0.0], index=days), base=pd.Timestamp("2024-12-31"), origin="a file"
    )
    daily = track(label="daily", closes=[100.0 + day for day in range(60)], market=[50.0] * 60)
    with pytest.raises(ComparisonError, match="is no daily series"):
        align_tracks([monthly])
    fairness = align_tracks([daily, monthly], as_is=True)
    metrics = build_contenders(fairness)[1].metrics
    assert (metrics.total_return, metrics.worst_drawdown) == pytest.approx((0.045, -0.05))
    assert math.isnan(metrics.sharpe)
    assert math.isnan(metrics.volatility)
    assert [note.text for note in fairness.notes if note.text.startswith("Not daily: monthly. Metrics that count sessions")]
    assert not math.isnan(build_contenders(fairness)[0].metrics.volatility)
