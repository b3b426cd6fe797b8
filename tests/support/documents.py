"""Documents: what stands in them - blocks of code, commands, tables, links and headings."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "data" / "README.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.S | re.M)


def page(name):
    """The text of a document, by its path from the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def code(language, text):
    """Fenced blocks of a language, each with the last file name in backticks before it."""
    for found in FENCE.finditer(text):
        names = re.findall(r"`(strategies/\w+\.py)`", text[: found.start()])
        if found.group(1) == language:
            yield (names[-1] if names else ""), found.group(2)


def commands(text):
    """Commands of a document that start with the program."""
    return [line for _, block in code("", text) for line in block.splitlines() if line.startswith("python backtest.py")]


def prose(text):
    """The text without blocks of code."""
    return FENCE.sub("", text)


def words(text):
    """The text with every break of a line as one space."""
    return " ".join(text.split())


def part(text, heading):
    """What stands under a heading, up to the next one of its rank."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,2}} |\Z)", text, flags=re.S | re.M)
    assert found, f"no heading {heading!r}"
    return found.group(2)


def table(text):
    """The rows of the first table of a text, without its head; cells as text."""
    lines = re.search(r"(?:^\|.*\|\n)+", text, flags=re.M).group(0).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def links(text):
    """Every target of a link, written inline or by reference; a reference that is nowhere defined is an error."""
    text = re.sub(r"`[^`\n]*`", "", prose(text))
    defined = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", text, flags=re.M))
    used = set(re.findall(r"\]\[([^\]]+)\]", text))
    assert used == set(defined), f"used and not defined, or the other way: {used ^ set(defined)}"
    return [*re.findall(r"\]\(([^)\s]+)\)", text), *defined.values()]


def anchors(text):
    """The anchors that a Markdown page gives its headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", prose(text), flags=re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
