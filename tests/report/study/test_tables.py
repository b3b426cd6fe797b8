"""The tables of a claim: the texts of a verdict and of its estimates."""

import math
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.evidence.estimates import Estimate
from dipfolio.evidence.recovery import Recovery
from dipfolio.evidence.sensitivity import SensitivityCase
from dipfolio.report.study.tables import (
    LUCK_STYLES,
    OUTCOME_STYLES,
    borrow_rates_table,
    estimates_table,
    format_effect,
    format_interval,
    format_observations,
    format_p_value,
    holdings_table,
    mean_trades_table,
    money_table,
    moves_table,
    profits_table,
    recoveries_table,
    returns_table,
    verdict_texts,
)
from dipfolio.study.claims import CLAIMS
from dipfolio.study.event_day import Move
from dipfolio.study.outcomes import Holding, MoneyPath, Outcome, OutcomeWord
from dipfolio.study.verdicts import LuckWord, Verdict, judge_claims

ROOT = Path(__file__).parents[3]
STRATEGIES = ROOT / "strategies"
SOME = ("A0", "A1", "A2", "A7", "A9", "B1", "K1", "G1", "G2")


@pytest.fixture(scope="module")
def bars():
    return load_bars(ROOT / "data")


@pytest.fixture(scope="module")
def thesis(bars):
    return judge_claims(bars, STRATEGIES, contests=False).only(SOME)


@pytest.mark.slow
def test_measured_says_what_the_record_says(thesis):
    a1, found = verdict_texts(thesis["A1"]), thesis["A1"].primary
    assert a1.effect == f"{100 * found.effect:+.2f} %"
    assert a1.interval == f"{100 * found.low:+.2f} to {100 * found.high:+.2f} %"
    assert (a1.p_value, a1.smallest) == (f"{found.p_value:.3f}", f"{found.smallest:.3f}")
    assert a1.corrected.endswith(" of 7")
    assert a1.observations == "1 date"
    assert (a1.luck, a1.luck_style) == ("no effect found", "open")
    assert verdict_texts(thesis["A2"]).effect == "+73 sessions"
    assert (verdict_texts(thesis["K1"]).luck, verdict_texts(thesis["K1"]).told) == ("illustration", False)
    assert verdict_texts(thesis["G1"]).observations == "5 in 4 groups"


@pytest.mark.slow
def test_small_probabilities_are_not_rounded_to_nothing():
    assert [format_p_value(p) for p in (0.0001, 0.0, 0.0496, 1.0, float("nan"))] == ["<0.001", "<0.001", "0.050", "1.000", "-"]


def estimate(**terms):
    return Estimate(**({"label": "SMH", "observed": 0.02, "against": "other dates"} | terms))


def case(entry="open", slippage=2.0, borrow=0.003, profit=0.01, varied="cost", trades=1):
    return SensitivityCase(
        varied=varied, entry=entry, slippage_bps=slippage, borrow_rate=borrow, profit=profit, trades=trades,
        mean_trade=profit / 2, ended=True,
    )  # fmt: skip


def test_every_answer_has_a_style():
    assert set(OUTCOME_STYLES) == set(get_args(OutcomeWord))
    assert set(LUCK_STYLES) == set(get_args(LuckWord))
    assert len({OUTCOME_STYLES[word] for word in ("came true", "partly", "did not come true", "not yet")}) == 4
    assert len({LUCK_STYLES[word] for word in ("more than luck", "the opposite", "no effect found", "data cannot tell")}) == 4


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("return", 0.0123, "+1.23 %"), ("return", -0.5, "-50.00 %"), ("dollars", 53_460.0, "$53,460.00"),
        ("sessions", 73.0, "+73 sessions"), ("sessions", -1234.4, "-1,234 sessions"), ("return", math.nan, "-"),
        ("sessions", math.inf, "not seen"),
    ],
)  # fmt: skip
def test_an_effect_is_in_the_unit_of_its_estimate(unit, value, text):
    assert format_effect(estimate(unit=unit), value) == text


@pytest.mark.parametrize(
    ("low", "high", "text"), [(-0.01, 0.0234, "-1.00 to +2.34 %"), (math.nan, 0.02, "-"), (0.01, math.nan, "-")]
)
def test_an_interval_needs_both_ends(low, high, text):
    assert format_interval(estimate(low=low, high=high)) == text


@pytest.mark.parametrize(
    ("sample", "observations", "clusters", "text"),
    [
        ("event", 1, 1, "1 date"), ("event", 5, 1, "5 on 1 day"), ("event", 5, 2, "5 on 2 days"), ("all", 1234, 1234, "1,234"),
        ("design", 1234, 1, "1,234 in 1 group"), ("confirmation", 8, 4, "8 in 4 groups"),
    ],
)  # fmt: skip
def test_observations_are_shown_with_how_many_are_independent(sample, observations, clusters, text):
    assert format_observations(estimate(sample=sample, observations=observations, clusters=clusters)) == text


def test_a_verdict_has_the_numbers_of_its_primary_estimate_and_one_without_has_none():
    found = estimate(effect=0.01, low=-0.02, high=0.04, p_value=0.2, smallest=0.0001, detectable=0.05)
    verdict = Verdict(claim=CLAIMS[0], word="undecided", reason="Why.", primary=found, corrected=0.6, family=3)
    shown = verdict_texts(verdict)
    assert (shown.effect, shown.interval, shown.p_value, shown.smallest) == ("+1.00 %", "-2.00 to +4.00 %", "0.200", "<0.001")
    assert (shown.corrected, shown.observations, shown.detectable) == ("0.600 of 3", "1 date", "+5.00 %")
    assert shown.told
    bare = verdict_texts(replace(verdict, primary=None))
    assert (bare.told, bare.effect, bare.p_value, bare.reason) == (False, "-", "-", "Why.")
    assert verdict_texts(replace(verdict, primary=replace(found, effect=math.nan))).effect == "+2.00 %"  # what was observed
    assert verdict_texts(replace(verdict, corrected=math.nan)).corrected == "-"


def test_undecided_is_two_things_said_apart():
    (claim,) = (claim for claim in CLAIMS if claim.id == "A1")
    verdict = Verdict(claim=claim, word="undecided", reason="", primary=estimate(smallest=0.02), corrected=1.0, family=3)
    assert verdict_texts(verdict).luck == "data cannot tell"  # 3 x 0.02 is above 0.05
    assert verdict_texts(replace(verdict, primary=estimate(smallest=0.01))).luck == "no effect found"
    assert verdict_texts(replace(verdict, word="supported")).luck == "more than luck"
    assert verdict_texts(replace(verdict, word="contradicted")).luck == "the opposite"
    assert verdict_texts(replace(verdict, word="not testable")).luck == "prices do not answer"


def test_a_fact_is_more_than_luck_by_its_test_and_not_by_being_true():
    fact = Verdict(claim=CLAIMS[0], word="supported", reason="True of all.", primary=estimate(p_value=0.2))
    assert verdict_texts(fact).luck == "no effect found"
    assert verdict_texts(replace(fact, primary=estimate(p_value=0.05))).luck == "more than luck"
    assert verdict_texts(fact).reason == "Their mean open against other dates."


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.kind == "arithmetic"], ids=lambda claim: claim.id)
def test_a_trade_of_one_person_is_an_illustration_without_numbers_of_a_test(claim):
    found = Verdict(claim=claim, word="illustration", reason="Why.", primary=estimate(unit="dollars", observed=53_460.0))
    shown = verdict_texts(found, Outcome(claim=claim.id, word="came true", says="+$53,460: sold and covered."))
    assert (shown.came, shown.says, shown.luck) == ("came true", "+$53,460: sold and covered.", "illustration")
    assert (shown.told, shown.effect, shown.p_value) == (False, "-", "-")


def test_returns_stand_with_their_dollars_and_later_ones_are_not_yet_there():
    held = Holding(label="SMH", bought=("SMH",), sold=(), returns=np.linspace(0.0, 0.2, 21))
    table = returns_table((held,), "What it earned.")
    assert table.heads == ("Held", "5 sessions", "20 sessions", "60 sessions", "250 sessions")
    assert table.rows == (("SMH", "+5.00 %, +$5,000", "+20.00 %, +$20,000", "not yet", "not yet"),)
    assert holdings_table(Outcome(claim="A9", word="prices cannot say", says="No.")) is None
    assert holdings_table(Outcome(claim="A1", word="partly", says="", holdings=(held,))).rows == table.rows


def test_the_money_path_has_its_best_its_worst_and_its_last_session():
    days = pd.bdate_range("2025-01-24", periods=9)
    profit = [-10.0, 500.0, 100.0, 900.0, 0.0, -50.0, -700.0, 20.0, 30.0]
    flat = {"close": 100.0, "costs": 0.0, "borrow": -1.0, "dividends": 0.0}
    table = pd.DataFrame({**flat, "price_profit": profit, "profit": profit}, index=days)
    path = MoneyPath(symbol="X", shares=30.0, entry_price=100.0, open_profit=9.0, table=table, margin_cash=1.0)
    rows = money_table(path).rows
    assert [row[0].split(":")[0] for row in rows] == ["0", "1", "2", "3", "5", "6", "8"]
    assert rows[3] == ("3: 2025-01-29", "$100.00", "+$900", "-$1", "$0", "+$900")
    assert money_table(None) is None


def test_one_comparison_needs_no_table_and_two_have_a_row_each():
    assert estimates_table((estimate(),)) is None
    table = estimates_table(
        (estimate(horizon=5, p_value=0.04, opposite=0.96), estimate(label="QQQ", against="", sample="design"))
    )
    assert table.caption == "All 2 comparisons, uncorrected; the first decides."
    first, second = (dict(zip(table.heads, row, strict=True)) for row in table.rows)
    assert (first["What"], first["Sessions"], first["Compared with"], first["Observed"]) == ("SMH", "5", "other dates", "+2.00 %")
    assert (first["p"], first["Other way"]) == ("0.040", "0.960")
    assert (second["Sessions"], second["Sample"], second["Compared with"], second["p"]) == ("-", "to 24 Jan 2025", "-", "-")
    assert estimates_table((estimate(), estimate()), "fact").caption.startswith("Each name that the claim is about decides")


def test_profits_stand_by_entry_and_slippage():
    places = product(("open", "close"), (0.0, 2.5))
    cells = tuple(case(entry, slippage, profit=number / 100) for number, (entry, slippage) in enumerate(places))
    table = profits_table(cells)
    assert table.heads == ("Entry", "0 bp", "2.5 bp")
    assert table.rows == (("Open", "+0.00 %", "+1.00 %"), ("Close", "+2.00 %", "+3.00 %"))
    assert "marked at their last close" not in table.caption
    assert "marked at their last close" in profits_table((*cells[:3], replace(cells[3], ended=False))).caption
    assert profits_table((case(varied="borrow"),)) is None


def test_the_mean_trade_has_a_table_where_there_are_several_trades():
    assert mean_trades_table((case(), case(slippage=5.0))) is None
    table = mean_trades_table((case(profit=0.04, trades=3), case(slippage=5.0, profit=0.02, trades=2)))
    assert table.rows == (("Open", "+2.00 %", "+1.00 %"),)
    assert "of 3 at the most" in table.caption


def test_borrow_rates_have_a_table_of_their_own():
    assert borrow_rates_table((case(),)) is None
    cells = (case(varied="borrow", profit=0.01), case(varied="borrow", borrow=0.05, profit=-0.02))
    table = borrow_rates_table((case(), *cells))
    assert table.heads == ("A year", "0.3 %", "5.0 %")
    assert table.rows == (("Profit", "+1.00 %", "-2.00 %"),)
    assert [row[0] for row in borrow_rates_table((replace(cells[0], trades=2), cells[1])).rows] == ["Profit", "Mean trade"]


def test_a_move_without_a_model_has_dashes():
    table = moves_table((Move(label="SPY", members=("SPY",), day=-0.0143, gap=-0.0195, session=0.0053),), "The day.", "Name")
    assert table.heads[0] == "Name"
    assert table.rows == (("SPY", "-1.43 %", "-1.95 %", "+0.53 %", "-", "-", "-", "-"),)


def test_recoveries_are_dates_or_words():
    def move(label, **terms):
        found = {"session": pd.Timestamp("2025-01-27"), "level": 100.0, "sessions": 3, "regained": None, "worst": -0.1} | terms
        return Move(label=label, members=(label,), day=0.0, gap=0.0, session=0.0, recovery=Recovery(**found))

    none = Move(label="BASKET", members=("A", "B"), day=0.0, gap=0.0, session=0.0)
    moves = (move("A", sessions=0), move("B", regained=pd.Timestamp("2025-01-30"), worst=0.0), move("C"), none)
    assert recoveries_table(moves).rows == (
        ("A", "never below at a close", "0", "-"), ("B", "2025-01-30", "3", "-"), ("C", "not within the data", "3", "-10.0 %"),
    )  # fmt: skip
