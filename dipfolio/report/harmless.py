"""Harmless: text from files and options as it may be shown, on a terminal and in a page."""

import re

_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What does something instead of being seen: control characters but for tab and line feed, overrides of the direction of
writing, and halves of characters, which stand for bytes of a file name that are no text."""


def harmless(text: str) -> str:
    r"""The text with every character that does something written out.

    >>> print(harmless("\x1b[2Jred\u202e"))
    \x1b[2Jred\u202e
    """
    return _ACTIVE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
