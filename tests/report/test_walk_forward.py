"""What the page, the terminal and the JSON say of a walk-forward test whose numbers are known by hand."""

import io
import json
import math
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from rich.console import Console

from dipfolio.engine.account import Account
from dipfolio.engine.parameters import parameter
from dipfolio.engine.strategy import Strategy, no_instruction
from dipfolio.evidence.walk_forward import WalkForwardScheme, run_walk_forward
from dipfolio.report.walk_forward import (
    account_heads,
    part_heads,
    print_walk_forward,
    walk_forward_chart,
    walk_forward_record,
    walk_forward_texts,
)
from tests.support.markets import make_bars
from tests.support.sweeps import Falls

FREE = replace(Account(cash=1_000, fractional=True).without_costs(), max_volume_share=1.0)


@dataclass(frozen=True, kw_only=True)
class Keep(Strategy):
    """Buy on the first session and keep it."""

    universe: str = parameter("A", help="what")

    def targets(self, bars):
        return no_instruction(bars).fillna(1.0)


# Parts of six sessions: A leads in the first and loses 10 % in each of the others, B gains 20 % and then nothing.
A = [100, 102, 104, 106, 108, 110, *np.linspace(110, 99, 6), *np.linspace(99, 89.1, 6)]
B = [100, 100, 100, 100, 100, 100, *np.linspace(100, 120, 6), *[120] * 6]
MARKET = make_bars({"A": A, "B": B, "M": np.linspace(100, 117, 18)})


@pytest.fixture(scope="module")
def walk():
    return run_walk_forward(
        Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=2, walk_window="rolling", benchmark="M"), universe=["A", "B"]
    )


@pytest.fixture(scope="module")
def texts(walk):
    return walk_forward_texts(walk, "keep", 0.25, "unused")


def test_the_answer_says_what_was_earned_what_hindsight_earned_and_the_market(texts):
    assert texts.answer == (
        "Chosen anew 2 times on the past alone, keep lost 10.00 % from 2025-01-13 to 2025-01-29. The variant that looks best in "
        "hindsight (universe B) earned 20.00 % in the same sessions: 30.0 percentage points of that were hindsight. "
        "M, held all the time, earned 11.43 %."
    )


def test_where_the_past_chose_as_well_as_hindsight_it_is_said():
    same = run_walk_forward(Keep, MARKET, FREE, scheme=WalkForwardScheme(parts=2), universe=["B", "M"])
    answer = walk_forward_texts(same, "keep", math.nan, "too short").answer
    assert (
        answer.endswith("earned 11.43 % in the same sessions: choosing on the past cost nothing here.") or "hindsight." in answer
    )
    alike = run_walk_forward(Keep, make_bars({"A": B, "B": B}), FREE, scheme=WalkForwardScheme(parts=2), universe=["A", "B"])
    assert "choosing on the past cost nothing here" in walk_forward_texts(alike, "keep", 0.5, "").answer


def test_each_part_and_each_account_has_its_row(texts):
    assert texts.parts == (
        ("1", "2025-01-13 to 2025-01-21", "universe A", "+8.00 %", "-10.00 %", "-10.00 %", "1"),
        ("2", "2025-01-22 to 2025-01-29", "universe B", "+20.00 %", "+0.00 %", "+0.00 %", "1"),
    )
    assert [row[0] for row in texts.accounts] == ["Chosen on the past", "Best in hindsight", "M throughout"]
    assert [row[1] for row in texts.accounts] == ["-10.00 %", "+20.00 %", "+11.43 %"]
    assert texts.accounts[0][4:] == ("-10.00 %", "100.0 %", "2")
    assert texts.accounts[2][5:] == ("-", "-")
    assert all(len(row) == len(account_heads()) for row in texts.accounts)
    assert all(len(row) == len(part_heads("sharpe")) for row in texts.parts)


def test_the_probability_of_overfitting_is_said_in_words(walk, texts):
    assert texts.overfitting.startswith("Probability of backtest overfitting (PBO): 25.0 %. In so many of the ways to divide ")
    assert walk_forward_texts(walk, "keep", math.nan, "it is too short").overfitting == (
        "The probability of backtest overfitting (PBO) cannot be estimated: it is too short."
    )


def test_parts_without_a_choice_or_a_trade_and_few_observations_are_noted():
    close = [100.0] * 12 + [90, 91, 92, 93, 94, 95] + [95] * 6 + [80, 81, 82, 83, 84, 85]
    found = run_walk_forward(
        Falls, make_bars({"A": close}), FREE, scheme=WalkForwardScheme(parts=4), drop=[0.05, 0.08], hold=[2, 3]
    )
    told = walk_forward_texts(found, "falls", math.nan, "no")
    assert told.notes == (
        "Before parts 1 and 2 of 4 no variant had traded, so the account stayed in cash.",
        "In part 3 of 4 the chosen variant did not trade, so the account stood still.",
        "1 observation out of sample at the most: no ratio of this account is evidence.",
    )
    assert told.parts[0][2:] == ("none, in cash", "-", "+0.00 %", "+0.00 %", "0")
    assert "the best total return in all sessions before it" in told.rule


def test_a_metric_that_no_variant_has_is_noted():
    rising = make_bars({"A": np.linspace(100, 150, 18), "B": np.linspace(100, 160, 18)})
    found = run_walk_forward(Keep, rising, FREE, scheme=WalkForwardScheme(parts=2, rank_by="calmar"), universe=["A", "B"])
    assert walk_forward_texts(found, "keep", math.nan, "no").notes == (
        "Before parts 1 and 2 of 2 no variant that had traded has a Calmar ratio: the account stayed in cash.",
    )
    assert "No variant can be ranked over these sessions alone." in walk_forward_texts(found, "keep", math.nan, "no").answer


def test_the_rule_names_the_window_of_the_choice(texts):
    assert "the best total return in the part before it, among those that had traded" in texts.rule


@pytest.mark.parametrize("width", [200, 80])
def test_no_figure_is_cut_on_a_narrow_terminal(texts, width, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("dipfolio.report.terminal.plain_console", lambda *_: Console(file=stream, color_system=None, width=width))
    print_walk_forward(texts, "worst_drawdown", stream)
    said = stream.getvalue()
    assert "…" not in said
    assert max(map(len, said.splitlines())) <= max(width, *map(len, (texts.answer, texts.rule, texts.overfitting)))
    for row in texts.parts:
        for cell in row[3:]:
            assert cell in said
    for cell in (cell for row in texts.accounts for cell in row):
        assert cell in said
    assert said.startswith("Chosen anew 2 times")


def test_the_chart_starts_at_the_close_before_the_parts(walk):
    chart = walk_forward_chart(walk)
    assert chart["days"][:2] == ["2025-01-10", "2025-01-13"]
    assert chart["borders"] == ["2025-01-13", "2025-01-22"]
    assert [line["name"] for line in chart["lines"]] == ["Chosen on the past", "Best in hindsight: universe B", "M throughout"]
    for line, last in zip(chart["lines"], (-10.0, 20.0, 11.4286), strict=True):
        assert (line["values"][0], line["values"][-1]) == (0.0, pytest.approx(last))
        assert len(line["values"]) == len(chart["days"]) == 13


def test_the_record_has_all_of_it_and_no_number_that_json_lacks(walk):
    record = json.loads(json.dumps(walk_forward_record(walk), allow_nan=False))
    assert [part["parameters"] for part in record["parts"]] == [{"universe": "A"}, {"universe": "B"}]
    assert record["parts"][1]["training"] == ["2025-01-13", "2025-01-21"]
    assert record["parts"][1]["cash"] == record["parts"][0]["final_equity"] == pytest.approx(900)
    assert record["out_of_sample"]["total_return"] == pytest.approx(-0.1)
    assert record["hindsight"]["parameters"] == {"universe": "B"}
    assert record["benchmark"]["symbol"] == "M"
    assert len(record["sessions"]) == len(record["equity"]) == len(record["hindsight_equity"]) == 12
    assert not re.search("NaN", json.dumps(record))
