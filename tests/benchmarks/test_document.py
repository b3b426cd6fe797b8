"""Sections of a page: each takes the place of the one with its heading, and nothing else of the page changes."""

import pytest

from benchmarks.document import sections, with_section, write_sections

PAGE = "# Page\n\nBy hand.\n\n## Table\n\n| old |\n\nold words\n\n### Next\n\nBy hand too.\n"


def test_only_the_sections_of_these_headings_change(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    write_sections(page, ["a line before", "", "## Table", "", "| new |", "|---|", ""])
    assert page.read_text() == PAGE.replace("| old |\n\nold words", "| new |\n|---|")
    write_sections(page, ["### Next", "last"])
    assert page.read_text().endswith("| new |\n|---|\n\n### Next\n\nlast\n")


def test_sections_are_the_lines_under_their_headings():
    assert sections(["x", "## A", "", "one", "two", "", "### B", "three"]) == {"## A": "one\ntwo", "### B": "three"}


@pytest.mark.parametrize("heading", ["## No such", "# Page\n"])
def test_a_heading_that_the_page_lacks_is_refused(heading):
    with pytest.raises(LookupError, match="0 times"):
        with_section(PAGE, heading, "")


def test_a_heading_that_is_there_twice_is_refused():
    with pytest.raises(LookupError, match="2 times"):
        with_section(PAGE + "\n## Table\n", "## Table", "")
