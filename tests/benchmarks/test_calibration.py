"""The calibration: a cell has as many counted draws as it should, and one that misses a goal is drawn anew with another seed."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks import calibration
from benchmarks.__main__ import main
from benchmarks.calibration import (
    MIN_SHARE,
    RULES,
    Cell,
    measure_families,
    measure_others,
    measure_rules,
    rotation_p_value,
    rule_table,
    settled,
    summary,
)
from benchmarks.nulls import NULLS, independent
from benchmarks.rules import outcomes_of_rule
from dipfolio.evidence.calendar_time import MIN_CLUSTERS, calendar_time_test, session_returns
from dipfolio.evidence.placebo import rotation_placebo
from tests.support.documents import page

FOUR_YEARS = NULLS["independent sessions, four years"]


def cell(draws=1_000, **rates):
    """A cell with these rates, in per cent."""
    found = Cell(drawn=draws, draws=draws)
    found.sums.update({name: round(rate * draws / 100) for name, rate in rates.items()})
    return found


@pytest.mark.parametrize(
    ("rates", "outside"),
    [
        ({"higher": 6.5, "lower": 0, "covered": 93, "found": 83}, False),
        ({"higher": 6.6}, True),
        ({"lower": 6.6}, True),
        ({"covered": 92.9}, True),
        ({"covered": 97.1}, True),
        ({"found": 76.9}, True),
        ({"found": 83.1}, True),
        ({"any": 6.6}, True),
        ({"rotation": 30, "holm": 9}, False),
    ],
)
def test_a_cell_is_outside_where_a_rate_misses_its_goal(rates, outside):
    assert bool(cell(**rates).missed) == outside


def test_cells_that_miss_a_goal_are_drawn_anew_with_another_seed_and_four_times_the_draws():
    asked = []

    def measure(draws, seed, only=()):
        asked.append((draws, seed, tuple(only)))
        names = only or ("good", "bad", "short")
        return {name: cell(draws if name != "short" else 10, higher=9 if name != "good" and seed == calibration.SEED else 5)
                for name in names}  # fmt: skip

    found = settled(measure, 1_000)
    assert asked == [(1_000, calibration.SEED, ()), (4_000, calibration.SECOND_SEED, ("bad",))]
    assert [(name, one.again, one.draws) for name, one in found.items()] == [
        ("good", False, 1_000),
        ("bad", True, 4_000),
        ("short", False, 10),
    ]
    assert found["bad"].rate("higher") == 5
    assert found["bad"].mark == "4,000 *"


def test_what_misses_its_goal_twice_is_said():
    bad = cell(4_000, higher=8)
    bad.again = True
    fine = cell(higher=5, lower=5, covered=95, found=80, rotation=9)
    (*_, said) = summary({("GARCH", "a fall"): fine, ("jumps", "a rise"): bad}, {})
    assert said.startswith("1 of the 2 cells missed a goal in their first 1,000 draws")
    assert said.replace("\n", " ").endswith("A goal is missed in those too by: a rise in the market 'jumps' (higher 8.0 %).")
    (*_, said) = summary({("GARCH", "a fall"): fine}, {"One event": {("jumps", "any"): replace(fine, again=True)}})
    assert said.replace("\n", " ").endswith("marked with a star. None of them misses a goal in those.")


def test_every_cell_has_exactly_as_many_counted_draws_however_many_are_drawn():
    rules = tuple(rule for rule in RULES if rule.name in ("fall of 2.5 sd, 5 sessions", "fall of 3 sd, 5 sessions"))
    found = measure_rules(FOUR_YEARS, 60, rules)
    often, seldom = found.values()
    assert often.draws == 60 < often.drawn
    assert seldom.draws < 60  # fewer than a quarter of the draws have eight signals apart
    assert seldom.draws < MIN_SHARE * seldom.drawn
    *table, said = rule_table(found, 60)
    assert [line.split(" | ")[0] for line in table[2:] if line] == ["| fall of 2.5 sd, 5 sessions"]
    assert said.startswith("Left out, with the draws that are enough: fall of 3 sd, 5 sessions (")


def test_the_figures_of_a_cell_are_those_of_its_draws():
    (rule,) = (rule for rule in RULES if rule.name == "fall of 2 sd, 5 sessions")
    (found,) = measure_rules(FOUR_YEARS, 25, (rule,)).values()
    nights, days = FOUR_YEARS(np.random.default_rng(calibration.SEED), 25)
    t, freedom, trades = [], [], 0
    for night, day in zip(nights[..., None], days[..., None], strict=True):
        path = session_returns(night, day)
        test = calendar_time_test(outcomes_of_rule(rule, night, day, path).held, path)
        if test.clusters >= MIN_CLUSTERS:
            t, freedom, trades = [*t, test.effect / test.error], [*freedom, test.degrees_of_freedom], trades + test.trades
    count = len(t)
    assert 20 <= count <= found.draws == 25
    first = measure_rules(FOUR_YEARS, count, (rule,))[rule.name]
    critical = stats.t.ppf(0.95, freedom)
    assert first.sums["higher"] == np.sum(t >= critical)
    assert first.sums["lower"] == np.sum(t <= -critical)
    assert first.sums["covered"] == np.sum(np.abs(t) <= stats.t.ppf(0.975, freedom))
    assert first.sums["trades"] == trades
    assert first.sums["found"] == pytest.approx(np.sum(t >= -stats.norm.ppf(0.8)), abs=1)


def test_another_seed_draws_other_markets_and_the_same_seed_the_same():
    (rule,) = (rule for rule in RULES if rule.name == "below the average of 50")
    one, same, other = (measure_rules(independent, 20, (rule,), seed)[rule.name].sums for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("null", ["GARCH(1,1)", "five series with a common factor"])
def test_ranks_among_rotations_are_those_of_the_placebo(null):
    nights, days = NULLS[null](np.random.default_rng(8), 3)
    for night, day in zip(nights, days, strict=True):
        night, day = night.reshape(len(night), -1), day.reshape(len(day), -1)
        for rule in RULES[1:10:4]:
            outcomes = outcomes_of_rule(rule, night, day, session_returns(night, day))
            expected = rotation_placebo(outcomes.flags, outcomes.returns).p_value
            assert rotation_p_value(outcomes.flags, outcomes.returns) == pytest.approx(expected, rel=1e-12)


def test_a_family_is_wrong_at_least_as_often_by_its_maximum_as_by_holm():
    (found,) = measure_families(independent, 40).values()
    assert found.draws == 40
    assert found.sums["any"] >= found.sums["holm"]


def test_only_the_cells_that_are_wanted_are_measured():
    assert list(measure_others(independent, 4, only=("mean",))) == ["mean"]


CELLS = {
    "measure_rules": ("fall of 2 sd, 5 sessions",), "measure_events": ("any, 1 session",), "measure_families": ("family",),
    "measure_others": ("paired", "mean"),
}  # fmt: skip
RATES = {"higher": 5, "lower": 4, "covered": 95, "found": 80, "rotation": 20, "any": 3, "holm": 2}


def test_writing_changes_the_figures_of_the_page_and_none_of_its_words(monkeypatch, tmp_path):
    def made(measure, draws):
        """A cell without drawing."""
        return {name: cell(draws, **RATES) for name in CELLS[measure.func.__name__]}

    before, copied = page("docs/calibration.md"), tmp_path / "calibration.md"
    copied.write_text(before, encoding="utf-8")
    monkeypatch.setattr(calibration, "PAGE", copied)
    monkeypatch.setattr(calibration, "settled", made)
    main(["calibration", "--write"])
    after = copied.read_text(encoding="utf-8")
    written = {line for line in after.splitlines() if line not in before.splitlines()}
    assert "| fall of 2 sd, 5 sessions | 1,000 | 100 | 0 | 0 | 5.0 | 4.0 | 95.0 | 80.0 | 20.0 |" in written
    assert all(line.startswith(("|", "None of the ", "80 %")) for line in written), written
    headings = [[line for line in text.splitlines() if line.startswith("#")] for text in (before, after)]
    assert headings[0] == headings[1]


@pytest.mark.parametrize("words", [["--write"], ["peers", "--write"], ["calibration", "--guard", "--write"]])
def test_only_what_has_a_page_is_written(words):
    with pytest.raises(SystemExit, match="calibration and rule_tests"):
        main(words)
