"""docs/calibration.md: its summary is that of its tables, and its tables keep what the page says about them."""

import re

from tests.support.documents import page

TEXT = page("docs/calibration.md")
FLAT = TEXT.replace("\n", " ")
GOAL_SIZE, CHANCE = 6.5, 1.0
"""Per cent that a rate may be, and how far above it a cell of 1,000 draws may lie by chance."""


def rows(columns):
    """The numbers of all rows of the tables with so many columns."""
    found = []
    for line in TEXT[TEXT.index("## The tables") :].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == columns and re.fullmatch(r"[\d.]+", cells[-1]):
            found.append([float(cell) for cell in cells if re.fullmatch(r"[\d.]+", cell)])
    return found


RULES = rows(9)
DRAWS, _, _, HIGHER, LOWER, COVERED, POWER, ROTATION = zip(*RULES, strict=True)


def span(values):
    return f"{min(values):.1f} to {max(values):.1f} %"


def mean(values):
    return f"mean {sum(values) / len(values):.1f} %"


def test_the_summary_is_that_of_the_tables():
    assert f"{len(RULES)} cells of {min(DRAWS):,.0f} to {max(DRAWS):,.0f} draws" in TEXT
    for values in (HIGHER, LOWER, COVERED, POWER, ROTATION):
        assert f"{span(values)}, {mean(values)}" in TEXT
    above = sum(rate > GOAL_SIZE for rate in (*HIGHER, *LOWER))
    assert f"{above} of the {2 * len(RULES)} rates lie above 6.5 %" in FLAT


def test_no_cell_is_further_from_its_goal_than_chance_allows():
    assert max(*HIGHER, *LOWER) < GOAL_SIZE + CHANCE
    assert 93 <= min(COVERED) <= max(COVERED) <= 97
    assert 77 - CHANCE <= min(POWER) <= max(POWER) <= 83 + CHANCE


def test_families_and_events_are_summed_up_as_they_are():
    families = [row[1:] for row in rows(4) if len(row) == 3]
    steps, holms = zip(*families, strict=True)
    assert f"{span(steps)} of 500 draws" in FLAT
    assert f"in {span(holms)}." in FLAT
    events = [value for row in rows(4) if len(row) == 2 for value in row]
    assert f"called an effect in {span(events)} of the cases" in FLAT
