"""docs/calibration.md: its summary is that of its tables, and its cells keep the goals or are named."""

import re

import pytest

from benchmarks.calibration import GOALS, SECTIONS
from benchmarks.document import sections
from benchmarks.nulls import NULLS
from benchmarks.rule_tests import TESTS
from tests.support.documents import page

PARTS = sections(page("docs/calibration.md").splitlines())
SUMMARY = PARTS["## In short"]
RULE_COLUMNS = ("draws", "enough", "trades", "apart", "higher", "lower", "covered", "found", "rotation")


def cells(heading, columns, names):
    """The cells of a table by their names: their numbers by column, and whether they were drawn anew."""
    found = {}
    for line in PARTS[heading].splitlines()[2:]:
        if line.startswith("| "):
            values = [value.strip() for value in line.strip("|").split("|")]
            numbers = [float(value.replace(",", "").rstrip(" *")) for value in values[names:]]
            found[heading, *values[:names]] = {**dict(zip(columns, numbers, strict=True)), "again": "*" in values[names]}
    return found


RULES = {key: cell for null in NULLS for key, cell in cells(f"### {null[0].upper()}{null[1:]}", RULE_COLUMNS, 1).items()}
OTHERS = {heading: cells(f"### {heading}", ("draws", *rates), 2) for heading, (_, rates) in SECTIONS.items()}
ALL = RULES | {key: cell for table in OTHERS.values() for key, cell in table.items()}


def test_there_are_all_cells():
    assert len(RULES) > 120
    assert [len(table) for table in OTHERS.values()] == [66, 11, 21]


def test_the_summary_is_that_of_the_tables():
    lines = re.findall(r"\| (\d+) \| [^|]* \| ([\d.]+) to ([\d.]+) %, mean ([\d.]+) % \|", SUMMARY)
    rates = [(RULES, rate) for rate in ("higher", "lower", "covered", "found", "rotation")]
    rates += [(OTHERS[heading], rate) for heading, (_, shown) in SECTIONS.items() for rate in shown]
    assert len(lines) == len(rates)
    for line, (table, rate) in zip(lines, rates, strict=True):
        values = [cell[rate] for cell in table.values()]
        count, low, high, mean = map(float, line)
        assert (count, low, high) == (len(values), min(values), max(values)), rate
        assert mean == pytest.approx(sum(values) / len(values), abs=0.11), rate  # of unrounded rates


def test_every_cell_has_at_least_1000_draws_and_one_that_was_drawn_anew_4000():
    for key, cell in ALL.items():
        each = 5 if key[0] == "### One event" else 1
        assert cell["draws"] == each * (4_000 if cell["again"] else 1_000), key


def test_every_cell_keeps_its_goals_or_is_named_in_the_summary():
    flat = SUMMARY.replace("\n", " ")
    again = sum(cell["again"] for cell in ALL.values())
    assert f"{again} of the {len(ALL)} cells missed a goal in their first 1,000 draws" in flat
    missed = [
        key for key, cell in ALL.items() for rate, (low, high) in GOALS.items() if rate in cell and not low <= cell[rate] <= high
    ]
    for key in missed:
        assert key[-1] in flat, key
    assert ("None of them misses a goal in those." in flat) == (not missed)


def test_what_is_left_out_has_enough_data_in_fewer_than_a_quarter_of_the_draws():
    said = " ".join(text.split("Left out, ")[1] for text in PARTS.values() if "Left out, " in text)
    shares = [int(share) for share in re.findall(r"\((\d+) %\)", said)]
    assert shares
    assert max(shares) <= 25


def test_of_the_tests_that_keep_their_size_the_chosen_one_finds_most():
    rows = {}
    for line in PARTS["### The tests side by side"].splitlines()[2:]:
        name, *values = (value.strip() for value in line.strip("|").split("|"))
        rows[name] = [float(number) for value in values for number in value.split(" / ")]
    assert list(rows) == list(TESTS)
    right = {name: values for name, values in rows.items() if max(values[:6]) <= 6.5}
    chosen = next(name for name in rows if name.startswith("**"))
    assert chosen in right
    assert all(rows[chosen][place] >= max(values[place] for values in right.values()) for place in (6, 7, 8))
    assert max(rows["rank among rotations of the signals"][:6]) > 10
