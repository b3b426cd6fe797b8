"""Document: a page of ``docs/`` some of whose sections a benchmark writes."""

from collections.abc import Iterable
from pathlib import Path


def write_sections(page: Path, lines: Iterable[str]) -> None:
    """Put each section of these lines in the place of the section of the page that has its heading.

    Parameters
    ----------
    page : Path
    lines : iterable of str
        Lines before the first heading are left out.

    Raises
    ------
    LookupError
        A heading that the page does not have exactly once.
    """
    text = page.read_text(encoding="utf-8")
    for heading, body in sections(lines).items():
        text = with_section(text, heading, body)
    page.write_text(text, encoding="utf-8")


def sections(lines: Iterable[str]) -> dict[str, str]:
    """The text under each heading."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("#"):
            heading = line.strip()
            found[heading] = []
        elif found:
            found[heading].append(line)
    return {heading: "\n".join(body).strip() for heading, body in found.items()}


def with_section(text: str, heading: str, body: str) -> str:
    """The text with another body under a heading, up to the next heading of any level."""
    rows = text.split("\n")
    if rows.count(heading) != 1:
        raise LookupError(f"The page has the heading {heading!r} {rows.count(heading)} times; it should have it once.")
    start = rows.index(heading)
    stop = next((number for number in range(start + 1, len(rows)) if rows[number].startswith("#")), len(rows))
    after = ["", *rows[stop:]] if stop < len(rows) else []
    return "\n".join([*rows[: start + 1], "", body, *(after or [""])])
