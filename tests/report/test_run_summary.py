"""The summary of a run: the remarks that a reader must know before the numbers."""

from dataclasses import replace

import pytest

from dipfolio.engine.account import Account
from dipfolio.engine.metrics import measure
from dipfolio.report.run_summary import (
    few_observations_remark,
    run_heading,
    run_remarks,
    strategy_heading,
    summary_rows,
    universe_text,
    without_trades_rows,
)
from tests.support.runs import run

FREE = Account(max_volume_share=1.0).without_costs()


def test_few_entry_dates_and_idle_cash_are_remarked_upon():
    from dataclasses import replace

    from dipfolio.engine.metrics import measure
    from dipfolio.engine.simulation import simulate
    from dipfolio.report.run_summary import idle_remark, run_remarks
    from tests.support.markets import make_bars
    from tests.support.strategies import script

    bars = make_bars({"A": [100.0] * 40, "M": [100.0] * 40})
    result = simulate(script({0: {"A": 1}, 2: {"A": 0}, 9: {"A": 1}, 10: {"A": 0}}), bars, benchmark="M")
    metrics = measure(result)
    said = " ".join(run_remarks(result, metrics))
    assert "All trades were entered in 2 sessions: 2 observations at the most" in said
    # in the market in sessions 1-3 and 10-11
    assert dict(summary_rows(result, metrics))["Excess over benchmark"].endswith("in cash for 87.5 % of the sessions")
    assert idle_remark(result, metrics).startswith("In cash for 87.5 % of the sessions, the benchmark never")
    assert idle_remark(replace(result, benchmark=""), metrics) == ""
    assert idle_remark(result, metrics.replace(time_in_market=0.5)) == ""
    assert "observation" not in " ".join(run_remarks(result, metrics.replace(observations=10)))
    assert "in cash" not in " ".join(map(str, summary_rows(replace(result, benchmark=""), metrics)))


def held(sessions, until=None):
    """A share bought in the second session and held, to the end or for some rows."""
    from dipfolio.engine.simulation import simulate
    from tests.support.markets import make_bars
    from tests.support.strategies import script

    plan = {0: {"A": 1}} if until is None else {0: {"A": 1}, until: {"A": 0}}
    return simulate(script(plan), make_bars({"A": [100.0 + row % 3 for row in range(sessions)]}))


def test_a_portfolio_that_is_held_is_not_told_to_be_one_observation():
    result = held(80)
    assert run_remarks(result, measure(result)) == ()
    assert dict(summary_rows(result, measure(result)))["Fills"] == "1 in 1 session"
    assert dict(summary_rows(result, measure(result)))["Turnover"].endswith(" of equity a year")


def test_a_position_held_for_most_sessions_describes_what_was_held_and_not_when():
    result = held(100, 59)
    assert run_remarks(result, measure(result)) == (
        "Invested in 60.0 % of the sessions with entries in 1 session: the ratios describe the positions that were held, and "
        "say little about when to hold them.",
    )
    assert "Fills" not in dict(summary_rows(result, measure(result)))


def test_a_position_held_for_less_than_half_of_the_sessions_is_one_observation():
    result = held(100, 48)
    assert run_remarks(result, measure(result)) == (
        "All trades were entered in 1 session: 1 observation at the most, and no ratio here is evidence.",
    )


def test_a_short_window_is_told_to_be_extrapolated():
    result = run()
    assert "A window of 12 sessions: annual values are an extrapolation." in run_remarks(result, measure(result))


def remarks_of(rows, closes, account=None, **options):
    from dipfolio.engine.account import Account
    from dipfolio.engine.simulation import simulate
    from tests.support.markets import make_bars
    from tests.support.strategies import script

    bars = make_bars(closes)
    result = simulate(script(rows, universe=",".join(closes), **options), bars, account or Account().without_costs())
    return run_remarks(result, measure(result))


def test_repeated_events_are_counted_and_the_first_is_named():
    # 1.9 times the equity is bought, falls by half, is called, and is bought again
    closes = {"A": [100, 100, 55, 55, 100, 100, 55, 55]}
    said = remarks_of({0: {"A": 1.9}, 4: {"A": 1.9}}, closes, unit="weight")
    assert said[0].startswith(
        "2 margin calls closed every position, the first on 2025-01-06: equity 145,000.00 under the 261,250.00"
    )


def test_an_event_that_occurs_once_is_not_called_the_first():
    said = remarks_of({0: {"A": 3.0}}, {"A": [100] * 4}, unit="weight")
    assert said[0] == "1 order cut to buying power or volume, for A on 2025-01-02: +30,000 to +20,000 shares."


def test_every_kind_of_event_has_a_sentence():
    from typing import get_args

    from dipfolio.engine.run_log import AccountEventKind
    from dipfolio.report.run_summary import EVENTS

    assert set(EVENTS) == set(get_args(AccountEventKind))


def test_a_target_of_less_than_one_share_is_no_order_that_was_cut():
    from dipfolio.engine.account import Account

    small = Account(cash=1000.0).without_costs()
    standing = {row: {"A": 0.3, "B": 0.3, "C": 0.3} for row in range(4)}
    said = remarks_of(standing, {"A": [400] * 5, "B": [50] * 5, "C": [301] * 5}, small, unit="weight")
    assert said[0] == (
        "2 targets came to less than one share, so that nothing was bought or sold short (A, C), the first for A on 2025-01-02: "
        "its part of the account, $300.00, is less than the price of one share, $400.00."
    )
    assert not any("cut" in remark for remark in said)
    exact = Account(cash=1000.0, fractional=True).without_costs()
    assert not any(
        "share" in remark
        for remark in remarks_of(standing, {"A": [400] * 5, "B": [50] * 5, "C": [301] * 5}, exact, unit="weight")
    )


def test_a_heading_has_the_parameters_that_were_changed():
    assert strategy_heading("dip-rule", {}) == "dip-rule"
    assert strategy_heading("dip-rule", {"drop": 0.05, "hold": 3}) == "dip-rule (drop 0.05, hold 3)"
    assert run_heading(replace(run(), strategy="dip-rule", changed={"hold": 3})) == "dip-rule (hold 3)"


def test_the_rows_are_those_of_the_run_by_hand():
    # ten shares at 110 from the second open on, of an account of 1,000 dollars; the last close is 110 again
    result = run()
    rows = dict(summary_rows(result, measure(result)))
    assert next(iter(rows.items())) == ("Whole account", "2025-01-02 to 2025-01-21, 12 sessions")
    assert rows["Final equity"] == "$1,000.00"
    assert rows["Total return"] == "+0.00 %"
    assert rows["Benchmark return (B)"] == "+10.00 %"  # from 50 to 55
    assert rows["Open positions"] == "1, worth $1,100.00"
    assert rows["Fills"] == "1 in 1 session"
    assert rows["Commissions and fees"] == "$0.00"


def test_a_run_without_a_benchmark_says_none():
    result = run(benchmark="")
    assert "Benchmark return (none)" in dict(summary_rows(result, measure(result)))


def test_a_run_that_never_traded_says_so():
    result = run({})
    said = run_remarks(result, measure(result))
    assert "The strategy never traded in this window: no decision falls into it." in said
    assert not any("observation" in remark for remark in said)


@pytest.mark.parametrize(("number", "said"), [(1, "1 session: 1 observation at"), (3, "3 sessions: 3 observations at")])
def test_few_observations_are_counted(number, said):
    assert said in few_observations_remark(number)


@pytest.mark.parametrize(
    ("universe", "names", "text"),
    [
        ("@lists/chips.txt", 40, "chips.txt, 40 names"),
        ("all", 3_000, "all, 3,000 names"),
        ("@one.txt", 1, "one.txt, 1 name"),
        ("article", 0, "article"),
        ("NVDA,SMH", 0, "NVDA,SMH"),
        (",".join(f"S{number}" for number in range(3_000)), 0, "S0,S1,S2,S3,S4,S5,S6,S7,S8,S9,S10,S11 and 2,988 more"),
    ],
)
def test_a_universe_is_named_and_counted_and_never_listed_whole(universe, names, text):
    assert universe_text(universe, names) == text


def test_the_heading_of_a_run_of_many_symbols_is_short():
    from dipfolio.engine.simulation import simulate
    from tests.support.markets import make_bars
    from tests.support.strategies import script

    symbols = [f"S{number}" for number in range(30)]
    result = simulate(script({}, universe=",".join(symbols)), make_bars(dict.fromkeys(symbols, [100.0] * 3)))
    assert run_heading(replace(result, changed={"universe": result.parameters["universe"]})) == (
        "script (universe S0,S1,S2,S3,S4,S5,S6,S7,S8,S9,S10,S11 and 18 more)"
    )


def test_the_best_and_the_worst_trades_are_rows_that_add_up_to_the_shown_profit():
    from dipfolio.engine.attribution import attribute
    from dipfolio.engine.simulation import simulate
    from tests.support.markets import make_bars
    from tests.support.strategies import script

    bars = make_bars({"A": [100.0, 100, 107, 107], "B": [50.0, 50, 47.4, 47.4]})
    found = attribute(simulate(script({0: {"A": 10, "B": 10}, 2: {"A": 0, "B": 0}}, universe="A,B"), bars, FREE))
    assert found.profit == 44
    assert without_trades_rows(found) == (("Best trade", "+$70", "-$26"), ("Worst trade", "-$26", "+$70"))
    assert without_trades_rows(attribute(simulate(script({0: {"A": 10}}, universe="A"), bars, FREE))) == ()
