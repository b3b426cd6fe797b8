"""Cells: text in exported tables, which no spreadsheet takes for a formula.

A text cell that a spreadsheet would calculate gets an apostrophe in front, by which spreadsheets know text; reading takes it
away again. Numbers stay numbers.
"""

import csv
import re
from pathlib import Path

import pandas as pd

_STARTS_A_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""Also behind apostrophes, so that reading undoes writing; the last four are the same signs in full width."""


def protected(text: str) -> str:
    """A cell as it is written."""
    return f"'{text}" if _STARTS_A_FORMULA.match(text) else text


def original(text: str) -> str:
    """A cell as it was before :func:`protected`."""
    return text[1:] if text.startswith("'") and _STARTS_A_FORMULA.match(text) else text


def write_csv(table: pd.DataFrame, path: Path, *, index: bool) -> None:
    """Write a table with its texts and headings protected, one line of the file for each row.

    Raises
    ------
    OSError, UnicodeEncodeError
        A file that cannot be written, or text that is none.
    """
    text = table.select_dtypes(exclude=["number", "datetime", "bool"]).columns
    shown = table.assign(**{name: table[name].map(protected) for name in text}).rename(columns=protected)
    quoting = csv.QUOTE_NONNUMERIC if any("\r" in cell for name in text for cell in table[name]) else csv.QUOTE_MINIMAL
    shown.to_csv(path, index=index, lineterminator="\n", quoting=quoting)
