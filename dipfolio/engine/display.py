"""Display of results: one line on a terminal, a small HTML table in a notebook, and records as a DataFrame."""

import math
from collections.abc import Iterable, Mapping
from datetime import date
from html import escape
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from dipfolio.data.currency import currency_sign

MISSING_TEXT = "-"
MAX_LISTED_VALUES = 6
"""Plain values of one record that are written out."""

MAX_ROWS, MAX_COLUMNS = 40, 12
"""The largest table that is shown whole."""

CELL_STYLE = "text-align:left;vertical-align:top;padding:.1em .6em"
"""No colours of its own: those of the notebook, light or dark."""


class Displayable:
    """A record that shows what matters of it. A dataclass that is one has ``repr=False``.

    Attributes
    ----------
    SHOWN : tuple of str
        Attributes, properties and methods without arguments, with dots into other records; all fields if empty.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ()

    def facts(self) -> tuple[tuple[str, Any], ...]:
        """Label and value of everything that is shown."""
        names = self.SHOWN or tuple(getattr(self, "__dataclass_fields__", ()))
        return tuple((name.rpartition(".")[2].replace("_", " "), _value(self, name)) for name in names)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{label} {format_value(value)}" for label, value in self.facts() if format_value(value) != MISSING_TEXT
        )
        return f"{type(self).__name__}({shown})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr>{_cell('th', label)}<td style='{CELL_STYLE}'>{_inside(value)}</td></tr>" for label, value in self.facts()
        )
        head = _cell("th", type(self).__name__)
        return f"<table><thead><tr>{head}<th></th></tr></thead><tbody>{rows}</tbody></table>"


def to_table(records: Iterable[Displayable]) -> pd.DataFrame:
    """One row for each of some records of a kind, one column for each fact."""
    return pd.DataFrame([dict(record.facts()) for record in records])


def format_value(value: Any) -> str:
    """A value in a few words; numbers to four digits, large ones to cents."""
    if isinstance(value, str):
        return value or MISSING_TEXT
    if isinstance(value, np.generic):
        return format_value(value.item())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, date):
        return value.isoformat()[:10]
    return MISSING_TEXT if value is None else _of_many(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return MISSING_TEXT if math.isnan(value) else f"{'-' if value < 0 else ''}infinite"
    return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.4g}"


def _of_many(value: Any) -> str:
    if isinstance(value, pd.DataFrame | pd.Series | np.ndarray):
        return f"{' x '.join(str(size) for size in value.shape)} {type(value).__name__}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {format_value(one)}" for key, one in value.items()) or MISSING_TEXT
    if isinstance(value, tuple | list):
        if len(value) == 2 and all(isinstance(one, date) for one in value):
            return " to ".join(map(format_value, value))
        plain = len(value) <= MAX_LISTED_VALUES and not any(isinstance(one, Displayable) for one in value)
        between = " " if all(isinstance(one, str) and one.endswith(".") for one in value) else ", "
        return between.join(map(format_value, value)) or MISSING_TEXT if plain else f"{len(value)} {type(value[0]).__name__}"
    return str(value)


def _value(record: Any, name: str) -> Any:
    for part in name.split("."):
        record = getattr(record, part, None)
        record = record() if callable(record) else record
    return record


def _inside(value: Any) -> str:
    """A value within a table: what is a table itself as one, if it is small."""
    if isinstance(value, pd.Series):
        value = value.to_frame("")
    if isinstance(value, tuple | list) and value and isinstance(value[0], Displayable):
        value = to_table(value)
    if isinstance(value, pd.DataFrame) and len(value) <= MAX_ROWS and value.shape[1] <= MAX_COLUMNS:
        return _table(value)
    return escape(format_value(value))


def _table(frame: pd.DataFrame) -> str:
    named = not isinstance(frame.index, pd.RangeIndex)
    heads = [*([""] if named else []), *map(str, frame.columns)]
    rows = ([*([key] if named else []), *row] for key, row in zip(frame.index, frame.itertuples(index=False), strict=True))
    body = "".join(f"<tr>{''.join(_cell('td', format_value(value)) for value in row)}</tr>" for row in rows)
    head = "".join(_cell("th", text) for text in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(tag: str, text: str) -> str:
    return f"<{tag} style='{CELL_STYLE}'>{escape(text)}</{tag}>"


def signed_dollars(value: float) -> str:
    """Whole dollars with a sign, and zero without one.

    >>> signed_dollars(-1234.6), signed_dollars(1370.2), signed_dollars(-0.2)
    ('-$1,235', '+$1,370', '$0')
    """
    rounded = round(value)
    return f"{'-' if rounded < 0 else '+' if rounded > 0 else ''}{currency_sign()}{abs(rounded):,}"
