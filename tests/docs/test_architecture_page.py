"""The page on the architecture: every path on it exists, every module is on it, and its first lines are the modules' own."""

import re

from tests.support.documents import ROOT
from tests.test_structure import FILES, PACKAGE, PACKAGES

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TREE = TEXT.split("## Modules")[1].split("```")[1].strip("\n").splitlines()


def first_line(path):
    return path.read_text(encoding="utf-8").splitlines()[0].strip('"').rstrip(".")


def listed():
    """Each module of the tree with what the page says of it."""
    folder, found = PACKAGE, {}
    for line in TREE:
        if line.startswith("  "):
            name, _, words = line.strip().partition(" ")
            found[folder / name] = words.strip()
        else:
            folder = PACKAGE if line == "dipfolio/" else PACKAGE / line.rstrip("/")
    return found


def test_the_tree_has_every_module_with_its_first_line():
    assert listed() == {path: first_line(path) for path in FILES if not path.name.startswith("__")}


def test_every_path_in_the_text_exists():
    paths = set(re.findall(r"`((?:[\w-]+/)+(?:[\w-]+\.\w+)?)`", TEXT.split("## Modules")[0]))
    assert len(paths) > 30
    places = (ROOT, PACKAGE)
    assert [
        path for path in sorted(paths) if not any((place / path).exists() for place in places) and path != "reports/trials.jsonl"
    ] == []


def test_the_arrows_are_those_that_are_tested():
    assert " <- ".join(PACKAGES) in TEXT


def test_the_words_of_the_page_are_those_of_the_code():
    assert {"METRICS", "simulate"} <= set(re.findall(r"`(\w+)`", TEXT))
