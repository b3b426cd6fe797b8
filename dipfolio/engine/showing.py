"""Showing: how a record looks where one works with it - a line on a terminal, a small table in a notebook."""

import math
from collections.abc import Iterable, Mapping
from datetime import date
from html import escape
from typing import Any, ClassVar

import numpy as np
import pandas as pd

NOTHING = "-"
FEW = 6
"""Plain values of one record that are written out."""

ROWS, COLUMNS = 40, 12
"""The largest table that is shown whole."""

CELL = "text-align:left;vertical-align:top;padding:.1em .6em"
"""No colours of its own: those of the notebook, light or dark."""


class Shown:
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
        said = ", ".join(f"{label} {brief(value)}" for label, value in self.facts() if brief(value) != NOTHING)
        return f"{type(self).__name__}({said})"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr>{_cell('th', label)}<td style='{CELL}'>{_inside(value)}</td></tr>" for label, value in self.facts())
        head = _cell("th", type(self).__name__)
        return f"<table><thead><tr>{head}<th></th></tr></thead><tbody>{rows}</tbody></table>"


def tabulated(records: Iterable[Shown]) -> pd.DataFrame:
    """One row for each of some records of a kind, one column for each fact."""
    return pd.DataFrame([dict(record.facts()) for record in records])


def brief(value: Any) -> str:
    """A value in a few words; numbers to four digits, large ones to cents."""
    if isinstance(value, str):
        return value or NOTHING
    if isinstance(value, np.generic):
        return brief(value.item())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, date):
        return value.isoformat()[:10]
    return NOTHING if value is None else _of_many(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return NOTHING if math.isnan(value) else f"{'-' if value < 0 else ''}infinite"
    return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.4g}"


def _of_many(value: Any) -> str:
    if isinstance(value, pd.DataFrame | pd.Series | np.ndarray):
        return f"{' x '.join(str(size) for size in value.shape)} {type(value).__name__}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {brief(one)}" for key, one in value.items()) or NOTHING
    if isinstance(value, tuple | list):
        if len(value) == 2 and all(isinstance(one, date) for one in value):
            return " to ".join(map(brief, value))
        plain = len(value) <= FEW and not any(isinstance(one, Shown) for one in value)
        between = " " if all(isinstance(one, str) and one.endswith(".") for one in value) else ", "
        return between.join(map(brief, value)) or NOTHING if plain else f"{len(value)} {type(value[0]).__name__}"
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
    if isinstance(value, tuple | list) and value and isinstance(value[0], Shown):
        value = tabulated(value)
    if isinstance(value, pd.DataFrame) and len(value) <= ROWS and value.shape[1] <= COLUMNS:
        return _table(value)
    return escape(brief(value))


def _table(frame: pd.DataFrame) -> str:
    named = not isinstance(frame.index, pd.RangeIndex)
    heads = [*([""] if named else []), *map(str, frame.columns)]
    rows = ([*([key] if named else []), *row] for key, row in zip(frame.index, frame.itertuples(index=False), strict=True))
    body = "".join(f"<tr>{''.join(_cell('td', brief(value)) for value in row)}</tr>" for row in rows)
    head = "".join(_cell("th", text) for text in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(tag: str, text: str) -> str:
    return f"<{tag} style='{CELL}'>{escape(text)}</{tag}>"
