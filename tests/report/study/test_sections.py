"""The page of each claim: every part is there, or the page says in a line why not."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.report.study.sections import (
    SECTION_PARTS,
    claim_sections,
    describe_equity,
    describe_path_end,
    describe_waiting_curve,
)
from dipfolio.study.claims import CLAIMS
from dipfolio.study.details import analyse_event_day, claim_details
from dipfolio.study.references import FACT_REFERENCES, HINDSIGHT_ITEMS, PAPERS, hindsight_for, references_for
from dipfolio.study.verdicts import judge_claims

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
STRATEGIES = ROOT / "strategies"
WINDOW = ("2024-01-02", "2025-12-31")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def gathered(bars):
    return claim_details(judge_claims(bars, STRATEGIES, contests=False), bars, STRATEGIES)


@pytest.fixture(scope="module")
def pages(gathered, bars):
    made = claim_sections(gathered, analyse_event_day(bars), bars.provenance, Path("nowhere"), WINDOW)
    return {page.measured.id: page for page in made}


def lacks(page):
    return dict(page.absent)


def test_the_command_of_a_tear_sheet_names_the_data_of_its_claim(pages):
    assert pages["D1"].sheet.command.endswith("dip-rule --universe '^IXIC' --drop 0.03 --hold 5 --skip-event --data arch")
    assert "--data" not in pages["A1"].sheet.command


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_part_is_on_the_page_or_said_to_be_absent(pages, claim):
    page = pages[claim.id]
    there = {
        "Cumulative abnormal return": page.paths, "Sub-baskets": page.baskets, "Recovery dates": page.recoveries,
        "By holding time": page.course, "Equity": page.equity, "Tear sheet": page.sheet, "Delay and costs": page.profits,
        "Borrow fee": page.borrowing,
    }  # fmt: skip
    assert set(there) == set(SECTION_PARTS)
    for part in SECTION_PARTS:
        assert bool(there[part]) != (part in lacks(page)), part
        assert "\n" not in lacks(page).get(part, "")
    assert page.hindsight
    assert page.sources or claim.kind == "untestable"


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.kind in (
    "event", "described", "duration", "rule", "paired", "mean", "arithmetic",
)], ids=lambda claim: claim.id)  # fmt: skip
def test_whoever_trades_has_delays_and_costs_and_whoever_sells_short_a_borrow_fee(pages, gathered, claim):
    page, details = pages[claim.id], next(d for d in gathered if d.verdict.claim.id == claim.id)
    assert page.equity
    assert page.profits.heads == ("Entry", "0 bp", "5 bp", "20 bp")
    assert len(page.profits.rows) >= (2 if claim.kind == "duration" else 3)
    tables = (details.result.trades, details.result.open_positions)
    sold = any((table["side"] == "short").any() for table in tables)
    assert bool(page.borrowing) == sold
    if sold:
        assert page.borrowing.heads == ("A year", "0.3 %", "1.0 %", "3.0 %", "5.0 %")
        assert len({cell for row in page.borrowing.rows for cell in row[1:]}) > 1
    assert (page.sheet is None) == (claim.signal is not None)
    if len(details.result.trades) > 1:
        assert [row[0] for row in page.mean_trades.rows] == [row[0] for row in page.profits.rows]


@pytest.mark.parametrize(("claim", "part", "why"), [
    ("A1", "Borrow fee", "It only buys; nothing is borrowed."),
    ("A0", "Equity", "A fact is not traded."),
    ("A4b", "Recovery dates", "Its trades are around the prints of several days, not on Monday."),
    ("A7", "Delay and costs", "It is the number of A1, on whose page this is."),
    ("A9", "Equity", "Prices do not answer it, so nothing is measured or traded."),
    ("B1", "Sub-baskets", "It is about NVDA and no group of names."),
    ("B3", "Equity", "It is the number of A4b, on whose page this is."),
    ("G1", "Cumulative abnormal return", "Its trades are on many dates; there is no one day to count from."),
    ("G2", "Tear sheet", "Its signal is no strategy file of its own."),
    ("G4", "By holding time", "Its trades end by rules of their own, not after a set time."),
])  # fmt: skip
def test_the_reason_is_that_of_the_claim(pages, claim, part, why):
    assert lacks(pages[claim])[part] == why


def test_figures_without_the_day_are_the_reason_then(bars):
    late = bars.between("2024-06-03", "2025-12-31")
    few = [claim for claim in CLAIMS if claim.id in ("A1", "B1", "A0")]
    made = claim_sections(
        claim_details(judge_claims(late, STRATEGIES, few, contests=False), late, STRATEGIES),
        analyse_event_day(late),
        late.provenance,
        Path("x"),
        WINDOW,
    )
    for page in made:
        assert lacks(page)["Cumulative abnormal return"].startswith("The data lack that Monday, the 261 sessions before it")


def test_figures_that_end_before_the_trade_are_the_reason_then(bars):
    early = bars.until("2024-12-31")
    b1 = [claim for claim in CLAIMS if claim.id == "B1"]
    gathered = claim_details(judge_claims(early, STRATEGIES, b1, contests=False), early, STRATEGIES)
    (page,) = claim_sections(gathered, analyse_event_day(early), early.provenance, Path("x"), WINDOW)
    assert set(lacks(page)) == set(SECTION_PARTS) - {"Tear sheet"}
    for part in ("Equity", "Delay and costs", "Borrow fee"):
        assert lacks(page)[part] == "Its strategy never trades in these data."
    assert lacks(page)["By holding time"] == "No trade of it ends within the data."


def test_pages_lead_to_their_neighbours_in_the_order_of_the_claims(pages):
    order = [claim.id for claim in CLAIMS]
    assert list(pages) == order
    assert [page.after for page in pages.values()] == [*order[1:], ""]
    assert [page.before for page in pages.values()] == ["", *order[:-1]]


def test_the_sub_baskets_show_that_chips_dipped_and_hyperscalers_did_not(pages):
    closes = {row[0]: row[1] for row in pages["A1"].baskets.rows}
    assert closes == {
        "All twelve": "-7.05 %", "Chipmakers": "-14.47 %", "Stargate": "-11.28 %", "Magnificent Seven": "-2.87 %",
        "Hyperscalers": "-1.00 %",
    }  # fmt: skip
    assert [row[0] for row in pages["A6"].baskets.rows] == ["Stargate"]
    abnormal = {row[0]: (row[5], row[7]) for row in pages["A1"].baskets.rows}
    assert abnormal["Hyperscalers"][0] == "+0.92 %"
    assert float(abnormal["Hyperscalers"][1]) > 0.05 > float(abnormal["Chipmakers"][1])


def test_recovery_dates_stand_on_the_page_of_each_claim_about_the_day(pages):
    assert ("NVDA", "2025-06-09", "92", "-20.4 %") in pages["B1"].recoveries.rows
    assert pages["K3"].recoveries.rows == (("NVDA", "2025-06-09", "92", "-20.4 %"),)
    assert ("ORCL", "2025-06-12") in {row[:2] for row in pages["A6"].recoveries.rows}
    assert ("MSFT", "2025-01-28") in {row[:2] for row in pages["A3"].recoveries.rows}


def test_the_end_of_a_band_and_of_a_curve_is_said_with_the_reason(pages, gathered):
    a1 = pages["A1"]
    assert a1.course_ending.startswith("The band ends after 57 sessions: 18 placebos are left then, fewer than 19.")
    assert a1.course_ending.endswith("The curve ends after 234 sessions, with the data.")
    assert a1.path_ending.startswith("The band ends after 37 sessions: 18 placebos are left then")
    assert pages["G1"].course_ending == "No band: there are too few data for a test."
    course = gathered[1].course
    assert describe_path_end(replace(course, cumulative_returns=np.zeros(251), low=np.zeros(251))) == ""
    bare = replace(course, low=course.low * math.nan)
    assert describe_path_end(bare).startswith("No band: there are fewer than 19 placebos.")


def test_the_equity_of_an_account_is_told_in_its_own_numbers(gathered):
    k1 = next(d for d in gathered if d.verdict.claim.id == "K1")
    assert describe_equity(k1) == f"{100 * (k1.result.equity['equity'].iloc[-1] / 1e6 - 1):+.2f} % after costs, 1 trade ended."


def test_each_claim_has_the_items_of_hindsight_that_touch_it(pages):
    assert [item.what for item in pages["A6"].hindsight] == [
        "The event",
        "ARM",
        "The horizon",
        "Buying dips",
        "The Stargate list",
        "The data",
    ]
    assert "The 3,000 shares" in [item.what for item in hindsight_for("K1")]
    assert "The 3,000 shares" not in [item.what for item in hindsight_for("A1")]
    labels = {claim.id for claim in CLAIMS} | {"A", "B", "K", "G", "D"}
    for item in (*HINDSIGHT_ITEMS, *FACT_REFERENCES, *PAPERS):
        assert set(item.claims) <= labels
    assert {item.what for claim in CLAIMS for item in hindsight_for(claim.id)} == {item.what for item in HINDSIGHT_ITEMS}


def test_a_claim_has_the_sources_that_it_rests_on_and_no_others(pages):
    topics = {name: [source.topic for source in page.sources] for name, page in pages.items()}
    assert topics["A1"][0] == "Prices and dividends"
    assert "nasdaq.com" in pages["A1"].sources[0].reference
    assert "Borrow fee" in topics["B1"]
    assert "Borrow fee" not in topics["A1"]
    assert "Fees on sales" not in topics["A9"]
    assert topics["A9"] == ["DeepSeek's models"]
    assert "Deflated Sharpe ratio" in topics["G1"]
    assert "Deflated Sharpe ratio" not in topics["A1"]
    assert {s.topic for c in CLAIMS for s in references_for(c.id, trades=True, shorts=True)} >= {s.topic for s in FACT_REFERENCES}


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("2025-12-31", "DeepSeek Monday's took 93 sessions."),  # to 10 June
        ("2025-03-31", "DeepSeek Monday's was not recovered by 2025-03-31, 44 sessions later."),
        ("2025-06-09", "DeepSeek Monday's was not recovered by 2025-06-09, 92 sessions later."),
        ("2025-06-10", "DeepSeek Monday's took 93 sessions."),
    ],
)
def test_a_recovery_that_the_figures_do_not_reach_has_not_taken_their_sessions(bars, end, said):
    some = bars.until(pd.Timestamp(end).date())
    (a2,) = claim_details(
        judge_claims(some, STRATEGIES, [claim for claim in CLAIMS if claim.id == "A2"], contests=False), some, STRATEGIES
    )
    assert describe_waiting_curve(a2).endswith(said)
