"""Links: every one leads somewhere, and every test that a document names exists and is run."""

import ast
import re

import pytest

from tests.support.documents import PAGES, ROOT, anchors, links, page, part

OURS = [path for path in PAGES if path.parent.name == "docs"]


def named(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_leads_somewhere(path):
    for link in links(path.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        target, _, anchor = link.partition("#")
        goal = (path.parent / target).resolve() if target else path
        assert goal.exists(), link
        assert goal.is_relative_to(ROOT), link
        if anchor and goal.suffix == ".py":
            tree = ast.parse(goal.read_text(encoding="utf-8"))
            assert anchor in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, link
            assert anchor.startswith("test_"), link
        elif anchor:
            assert anchor in anchors(goal.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("path", OURS, ids=named)
def test_the_documents_lead_to_one_another(path):
    """From each document one gets to each other."""
    seen, left = set(), [path]
    while left:
        one = left.pop()
        if one not in seen:
            seen.add(one)
            targets = ((one.parent / link.partition("#")[0]).resolve() for link in links(one.read_text(encoding="utf-8")))
            left += [target for target in targets if target in OURS]
    assert seen == set(OURS)


@pytest.mark.parametrize("path", OURS, ids=named)
def test_a_document_has_plain_letters(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search("[—–−“”‘’…]", text)  # noqa: RUF001 - the letters that are looked for


@pytest.mark.parametrize("heading", ["One session, in order", "Orders", "Money", "Time"])
def test_each_assumption_names_its_test(heading):
    points = re.split(r"^(?:\*|\d\.) ", part(page("docs/assumptions.md"), heading), flags=re.M)[1:]
    assert points
    for point in points:
        assert "[test][" in point, point


def test_the_readme_leads_to_every_document():
    assert {f"docs/{path.name}" for path in OURS} <= set(links(page("README.md")))
